"""What durable bookkeeping costs: the journal beside the bare disk, and beside rewriting the whole state each time.

Everything is measured side by side in one run, in a directory on the disk that is to be judged. Run with `make bench`,
or: .venv/bin/python benchmarks/journal.py [--directory DIR] [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from smsops.edge.apply import Journal
from smsops.edge.state.backend import Holder
from smsops.edge.state.encryption import Keys
from smsops.edge.state.file import FileBackend
from smsops.edge.state.store import StateStore
from smsops.model.address import Address
from smsops.model.state import Entry, Event, Intend, Intent, Moved, Put, Settle
from smsops.model.values import Secret

STACK = "bench"
SIZES = (1, 1_000, 10_000)
AIM = 1.0
"""Milliseconds for one operation, whatever the size of the state."""
LATENCY = 0.02
WRITERS, OPERATIONS = 8, 5


class Recording(FileBackend):
    """A file backend that keeps the records that it was given last, so that the floor can write the same bytes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.last: list[bytes] = []

    def append(self, log: str, position: int, record: bytes) -> None:
        self.last.append(record)
        super().append(log, position, record)


class Distant(Recording):
    """The same with a network in between."""

    remote = True

    def append(self, log: str, position: int, record: bytes) -> None:
        time.sleep(LATENCY)
        super().append(log, position, record)


def sending(number: int) -> list[list[Event]]:
    """What is recorded of one campaign, the operation with the most to record: before its call, and behind it."""
    address = Address(None, "campaign", f"campaign-{number:06}")
    digest = f"{number:032x}"
    facts = {"recipients": 152, "marker": f"campaign-{number:06}-{digest[:10]}", "campaign_name": f"campaign {number}"}
    facts |= {"date": "2026-12-01 10:00:00", "expected_cost": 2280, "balance_before": 997_720}
    intent = Intent(f"{digest[:16]}-1", address, "sendSms", "2026-11-22T09:00:00+00:00", facts, {"": -2280})
    part = {"start": "", "fingerprint": digest, "recipients": 152, "campaign_id": f"ap_{number:08}", "credits": 2280}
    attributes = {
        "date": "2026-12-01T09:00:00+00:00",
        "content": digest,
        "audience": digest,
        "message": "Bonjour {FIRSTNAME}, -20% chez {SHOP} ce week-end. STOP au 36180",
        "sender": "ACME",
        "parts": [{**part, "status": "scheduled"}],
        "complete": True,
    }
    needs = (Address(None, "list", "vip"), Address(None, "contacts", "vip"))
    entry = Entry(address, f"campaign-{number:06}", attributes, depends_on=needs)
    return [[Intend(intent)], [Settle(intent.id, True), Moved({"": -2280.0}), Put(entry)]]


def open_store(backend: FileBackend, size: int, key: Secret | None) -> tuple[StateStore, Keys]:
    """A store whose state has so many entries, loaded."""
    keys = Keys(STACK, [key] if key else [])
    store = StateStore(backend, STACK, lambda command, changes: Holder.this_process(command, None, {}), keys)
    store.load("salt")
    store.append([event for number in range(size) for _, events in [sending(number)] for event in events])
    store.save()
    store.load("salt")
    return store, keys


def milliseconds(action: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    action(*arguments)
    return (time.perf_counter() - began) * 1000


def bare(descriptor: int, records: Sequence[bytes]) -> None:
    """The floor: the same bytes, each record written and synced."""
    for record in records:
        os.write(descriptor, record + b"\n")
        os.fsync(descriptor)


def measure(directory: Path, size: int, key: Secret | None, rounds: int) -> tuple[float, float, float]:
    """Medians for one operation, in milliseconds: the bare disk, the journal, the whole state written each time."""
    backend = Recording(directory / "state.json")
    store, keys = open_store(backend, size, key)
    whole = FileBackend(directory / "whole.json")
    taken: dict[str, list[float]] = {"bare": [], "journal": [], "whole": []}
    descriptor = os.open(directory / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    state = store.append([])

    def record(steps: Sequence[list[Event]]) -> None:
        nonlocal state
        for events in steps:
            state = store.append(events)

    def rewrite(steps: int) -> None:
        for _ in range(steps):
            content = json.dumps(state.document(), indent=2, ensure_ascii=False).encode()
            whole.write("state", keys.seal(content, "state"))

    for number in range(rounds):
        backend.last.clear()
        steps = sending(size + number)
        taken["journal"].append(milliseconds(record, steps))
        taken["bare"].append(milliseconds(bare, descriptor, backend.last))
        if number % 20 == 0:
            taken["whole"].append(milliseconds(rewrite, len(steps)))
    os.close(descriptor)
    return statistics.median(taken["bare"]), statistics.median(taken["journal"]), statistics.median(taken["whole"])


async def write(journal: Journal, numbers: Sequence[int]) -> None:
    """One writer: so many operations, one behind the other."""
    for number in numbers:
        for events in sending(number):
            await journal.append(events)


def gathered(directory: Path, *, together: bool) -> tuple[float, int]:
    """Seconds for the operations of all writers, at once or one after another, and how many writes they took."""
    backend = Distant(directory / "state.json")
    store, _ = open_store(backend, 1, None)
    backend.last.clear()
    shares = [range(100 + writer * OPERATIONS, 100 + (writer + 1) * OPERATIONS) for writer in range(WRITERS)]

    async def work() -> None:
        journal = Journal(store, store.append([]))
        if together:
            await asyncio.gather(*(write(journal, share) for share in shares))
        else:
            for share in shares:
                await write(journal, share)

    taken = milliseconds(lambda: asyncio.run(work())) / 1000
    return taken, len(backend.last)


def main() -> None:
    """Measure, and print medians and ratios beside what they should be at most."""
    parser = argparse.ArgumentParser(description="What durable bookkeeping costs.")
    parser.add_argument("--directory", type=Path, default=Path(), help="Where to write; the disk matters.")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()

    print("One operation (a campaign: two durable records), medians in ms")
    print(
        f"{'entries':>8}  {'state':<9}  {'bare fsync':>10}  {'journal':>8}  {'ratio':>6}  {'whole state':>11}  {'ratio':>7}"
    )
    slowest = 0.0
    for size in SIZES:
        for name, key in (("plain", None), ("encrypted", Secret("correct horse battery staple"))):
            with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.directory) as directory:
                floor, journal, whole = measure(Path(directory), size, key, options.rounds)
            slowest = max(slowest, journal)
            print(
                f"{size:>8,}  {name:<9}  {floor:>10.3f}  {journal:>8.3f}  {journal / floor:>6.2f}"
                f"  {whole:>11.3f}  {whole / journal:>7.1f}"
            )
    print(
        f"journal: {slowest:.3f} ms at most (aim: at most {AIM:g}); ratios to the bare disk, and of rewriting to it\n"
    )

    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.directory) as directory:
        apart, many = gathered(Path(directory), together=False)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.directory) as directory:
        together, few = gathered(Path(directory), together=True)
    count = WRITERS * OPERATIONS
    print(f"{count} operations of {WRITERS} writers, {LATENCY * 1000:g} ms latency a write")
    print(f"one after another: {apart:.2f} s, {many} writes")
    print(f"at once: {together:.2f} s, {few} writes, {apart / together:.1f} times as fast (at best {WRITERS})")


if __name__ == "__main__":
    main()
