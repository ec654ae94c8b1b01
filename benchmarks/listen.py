"""How many webhook calls a second `smsops listen` takes on one core, and whether a kill loses one that it answered.

The receiver has one core to itself where there are two, and whoever pushes has the other. Run with `make bench`, or:
python -m benchmarks.listen [--calls N] [--directory DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.measure import ROOT, python
from benchmarks.pusher import Pusher

AIM = 1_000
SECRET = "a-secret-of-the-benchmark"
STACK = "smsops: 1\nstack: bench\n"
PLAN = ((8, False), (32, False), (128, False), (32, True))
"""Connections, and whether each call has one of its own: a proxy keeps its connections."""


@contextmanager
def receiving(directory: Path, core: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A receiver on one core, and its address."""
    environment = {**os.environ, "SMSOPS_LISTEN_SECRET": SECRET}
    argv = python("-m", "smsops", "-C", directory, "listen", "--port", "0")
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            os.sched_setaffinity(process.pid, {core})  # before it has threads
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                sys.exit("smsops listen did not start")
            yield process, f"{address}/{SECRET}"
        finally:
            if process.poll() is None:
                process.terminate()


def there(directory: Path) -> list[int]:
    """The numbers of the events that are kept, in order; one that is kept twice is there twice."""
    with closing(sqlite3.connect(directory / ".smsops" / "events.db")) as connection:
        return sorted(int(name.rpartition("-")[2]) for (name,) in connection.execute("select sms_id from event"))


def rates(directory: Path, core: int, calls: int) -> Iterator[float]:
    """Calls a second for each way of pushing."""
    print(f"{calls:,} calls, one core, a new event each")
    with receiving(directory, core) as (_, url):
        asyncio.run(Pusher(url).push(range(200)))  # what is made at the first call is made
        first = 1_000
        for connections, reconnect in PLAN:
            pusher = Pusher(url, connections, reconnect)
            began = time.perf_counter()
            asyncio.run(pusher.push(range(first, first + calls)))
            rate = len(pusher.kept) / (time.perf_counter() - began)
            ranked = sorted(pusher.seconds)
            median, slow = ranked[len(ranked) // 2] * 1000, ranked[len(ranked) * 99 // 100] * 1000
            how = "a new one each call" if reconnect else f"{connections} connections"
            print(f"  {how:<20} {rate:>6,.0f} a second  median {median:>5.1f} ms  99 % within {slow:>5.1f} ms")
            if len(pusher.kept) != calls:
                sys.exit(f"{calls - len(pusher.kept)} calls were not answered 200")
            first += calls
            if not reconnect:
                yield rate


def killed(directory: Path, core: int, calls: int) -> None:
    """Kill the receiver under load, start it again, push everything once more."""
    with receiving(directory, core) as (process, url):
        pusher = Pusher(url)

        async def push() -> None:
            pushing = asyncio.create_task(pusher.push(range(calls)))
            await pusher.reached(calls // 2)
            process.send_signal(signal.SIGKILL)
            await pushing

        asyncio.run(push())
    lost = len(pusher.kept - set(there(directory)))
    with receiving(directory, core) as (_, url):
        again = Pusher(url)
        asyncio.run(again.push(range(calls)))
    kept = there(directory)
    twice = len(kept) - len(set(kept))
    print(f"killed with SIGKILL after {len(pusher.kept):,} answers of 200: {lost} of them lost")
    print(f"all {calls:,} pushed again: {len(set(kept)):,} kept, {twice} twice")
    if lost or twice or len(kept) != calls:
        sys.exit("events were lost, or kept twice")


def main() -> None:
    """Measure, and fail where an event is lost."""
    parser = argparse.ArgumentParser(description="What smsops listen takes.")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--directory", type=Path, default=Path(), help="Where events are kept; the disk matters.")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:]) or set(cores))
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.directory) as directory:
        stacks = [Path(directory).absolute() / name for name in ("rates", "killed")]
        for stack in stacks:
            stack.mkdir()
            (stack / "smsops.yaml").write_text(STACK, "utf-8")
        best = max(rates(stacks[0], cores[0], options.calls))
        killed(stacks[1], cores[0], options.calls)
    print(f"listen: {best:,.0f} calls a second at best (aim: {AIM:,})")


if __name__ == "__main__":
    main()
