"""`smsops listen` in a process of its own, and the receiver in this one."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from smsops.edge.webhooks.server import Receiver
from smsops.edge.webhooks.store import EventStore, open_events
from smsops.model.values import Secret

SECRET = "a-secret-of-the-address"
EVENTS = Path(".smsops") / "events.db"
STACK = "smsops: 1\nstack: test\n"


class Listener:
    """A process of `smsops listen` in a stack's directory."""

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "smsops", "-C", str(root), "listen", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SMSOPS_LISTEN_SECRET": SECRET, **(environment or {})},
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address, self.process.communicate()[1]
        self.url = f"{address}/{SECRET}"

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@contextmanager
def listening(root: Path, environment: Mapping[str, str] | None = None) -> Iterator[Listener]:
    """A process that does not outlive the block."""
    listener = Listener(root, environment)
    try:
        yield listener
    finally:
        if listener.process.poll() is None:
            listener.end(signal.SIGKILL)


def kept(root: Path) -> list[dict[str, str]]:
    """What lies in the file of a stack."""
    with closing(sqlite3.connect(root / EVENTS)) as connection:
        cursor = connection.execute("select * from event")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def pushed(root: Path, urls: Iterable[str], now: datetime | None = None) -> list[int]:
    """What the receiver of a stack answers to each, in this process. Addresses without a host are below the secret."""
    store = open_events(f"sqlite:{EVENTS}", root, {})
    with closing(store):
        return answered(store, urls, now)


def answered(store: EventStore, urls: Iterable[str], now: datetime | None = None, method: str = "GET") -> list[int]:
    receiver = Receiver(store, Secret(SECRET), lambda: now or datetime.now(UTC))

    async def push() -> list[int]:
        transport: Any = httpx.ASGITransport(receiver)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://receiver/{SECRET}") as client:
            return [(await client.request(method, url)).status_code for url in urls]

    try:
        return asyncio.run(push())
    finally:
        receiver.close()
