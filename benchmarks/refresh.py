"""Reading an account over a network: how near a plan's reads come to calls x latency / parallelism.

A server in a process of its own answers every call after 20 ms, from made-up data: sub-accounts with two lists each, all
owned by the stack. Two clients are measured side by side: the product's planning path (from the first request to the
last answer, and the whole of it), and bare sockets that do nothing but send and receive, which is what the machine
allows. Run with `make bench`, or: .venv/bin/python -m benchmarks.refresh [--fast]
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyperf

from benchmarks.distant_server import Account

SUB_ACCOUNTS, LISTS, CONTACTS, SEED = 300, 2, 2, 1
LATENCY = 0.02
PARALLELISM = (8, 50)
CALLS = 2 + SUB_ACCOUNTS * (1 + LISTS)
"""getInfo, getSubAccounts, getLists of each sub-account, getContacts of each list."""
AIM = 85
_STACKS = "SMSOPS_BENCH_STACKS"
_URL = "SMSOPS_BENCH_URL"
_SIZE = ("--sub-accounts", "--lists", "--contacts", "--seed", "--latency")
ENVIRONMENT = {"ALLMYSMS_LOGIN": "bench", "ALLMYSMS_API_KEY": "bench-key"}


class Taken(NamedTuple):
    """Seconds from the first request to the last answer, and those of the whole plan."""

    refresh: float
    plan: float


@contextmanager
def serving() -> Iterator[str]:
    """The server; gives its URL."""
    size = (SUB_ACCOUNTS, LISTS, CONTACTS, SEED, LATENCY)
    options = [text for name, value in zip(_SIZE, size, strict=True) for text in (name, str(value))]
    command = [sys.executable, "-m", "benchmarks.distant_server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def write_stacks(root: Path, url: str) -> None:
    """A stack for each parallelism that owns all of the account."""
    from smsops.cli.main import run
    from smsops.cli.options import Globals

    sections = Account(SUB_ACCOUNTS, LISTS, CONTACTS, SEED).sections
    for parallelism in PARALLELISM:
        stack = root / str(parallelism)
        stack.mkdir()
        settings = {"parallelism": parallelism, "requests_per_second": 1000}
        content = {"smsops": 1, "stack": "bench", "account": {"url": url}, "settings": settings, **sections}
        (stack / "smsops.yaml").write_text(json.dumps(content), "utf-8")
        told = io.StringIO()
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            code = run(["apply", "--auto-approve"], Globals(directory=stack, environment=ENVIRONMENT))
        assert code == 0, told.getvalue()


@cache
def planning(parallelism: int) -> Any:
    """What a plan needs: the configuration and the surroundings. Loading them is not measured here."""
    from smsops import garbage
    from smsops.cli.options import Globals

    garbage.little_expected()
    settings = Globals(directory=Path(os.environ[_STACKS]) / str(parallelism), environment=ENVIRONMENT)
    return settings.load(), settings.around()


class Watched:
    """A reader that counts its calls and knows when the first one was made."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.calls = 0
        self.began = 0.0

    def __getattr__(self, name: str) -> Any:
        self.began = self.began or time.perf_counter()
        self.calls += 1
        return getattr(self._reader, name)


async def plan(parallelism: int) -> Taken:
    """One plan."""
    from smsops.pipeline import PlanOptions, prepare
    from smsops.surroundings import open_store, session

    configuration, surroundings = planning(parallelism)
    ended = 0.0

    def heard(count: int) -> None:
        nonlocal ended
        ended = time.perf_counter()

    async with session(configuration, surroundings) as (connection, credentials):
        watched: Any = Watched(connection.reader)
        store = open_store(configuration, surroundings)
        began = time.perf_counter()
        prepared = await prepare(configuration, store, PlanOptions(), surroundings, watched, credentials, heard)
        whole = time.perf_counter() - began
    assert watched.calls == CALLS, watched.calls
    assert not prepared.plan.operations
    return Taken(ended - watched.began, whole)


class Bare(asyncio.Protocol):
    """One connection that sends the same request again and again."""

    REQUEST = (
        b"POST /http/9.0/getLists/ HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 72\r\n\r\nlogin=bench&apiKey=bench-key&returnformat=json&subAccount=shop-0000&a=12"
    )

    def __init__(self, left: list[int], done: asyncio.Future[None]) -> None:
        self._left = left
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._left[1] -= 1
        if not self._left[1]:
            self._done.set_result(None)
        self._go_on()

    def _go_on(self) -> None:
        if self._left[0]:
            self._left[0] -= 1
            self._transport.write(self.REQUEST)
        else:
            self._transport.close()


async def bare(parallelism: int) -> float:
    """As many calls over bare sockets."""
    loop = asyncio.get_running_loop()
    host, _, port = urlsplit(os.environ[_URL]).netloc.partition(":")
    left, done = [CALLS, CALLS], loop.create_future()
    began = time.perf_counter()
    opening = [
        asyncio.ensure_future(loop.create_connection(lambda: Bare(left, done), host, int(port)))
        for _ in range(parallelism)
    ]
    await done
    taken = time.perf_counter() - began
    await asyncio.gather(*opening)
    return taken


def time_bare(loops: int, parallelism: int) -> float:
    return sum(asyncio.run(bare(parallelism)) for _ in range(loops))


def time_refresh(loops: int, parallelism: int) -> float:
    return sum(asyncio.run(plan(parallelism)).refresh for _ in range(loops))


def time_plan(loops: int, parallelism: int) -> float:
    return sum(asyncio.run(plan(parallelism)).plan for _ in range(loops))


MEASURES = {"bare sockets": time_bare, "refresh": time_refresh, "plan": time_plan}


def main() -> None:
    """Measure and, in the main process, print the medians beside the bound."""
    runner = pyperf.Runner(processes=5, values=3, warmups=1, loops=1, program_args=("-m", "benchmarks.refresh"))
    runner.metadata["description"] = "reading an account over a network"
    runner.parse_args()
    runner.args.inherit_environ = ["PYTHONPATH", _STACKS, _URL]
    with contextlib.ExitStack() as stack:
        if not runner.args.worker:
            os.environ[_URL] = stack.enter_context(serving())
            os.environ[_STACKS] = stack.enter_context(tempfile.TemporaryDirectory())
            write_stacks(Path(os.environ[_STACKS]), os.environ[_URL])
        measured = {
            (parallelism, name): runner.bench_time_func(f"{name}, {parallelism} at once", measure, parallelism)
            for parallelism in PARALLELISM
            for name, measure in MEASURES.items()
        }
    if runner.args.worker:
        return
    print(f"\n{CALLS} calls, {LATENCY * 1000:g} ms latency; medians")
    for (parallelism, name), benchmark in measured.items():
        bound = CALLS * LATENCY / parallelism
        if benchmark is not None:
            seconds = benchmark.median()
            aim = f" (aim: {AIM} %)" if name == "refresh" else ""
            share = bound / seconds
            print(f"{parallelism:>3} at once  {name:<12}  {seconds:.3f} s  bound {bound:.3f} s  {share:.0%}{aim}")


if __name__ == "__main__":
    main()
