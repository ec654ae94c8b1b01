"""Pushes made-up events to a receiver over kept connections, as a proxy before it does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit


def query(number: int) -> str:
    """A delivery report of an SMS of its own."""
    return urlencode(
        {
            "smsId": f"330792bd-8e0b-11e5-bf51-{number:012}",
            "status": "1",
            "statusText": "Delivered",
            "receptionDate": "2026-11-20 12:00:00",
            "phoneNumber": f"336{number % 100_000_000:08}",
            "campaignId": f"ap_{number // 2000}",
        }
    )


@dataclass
class Pusher:
    """Pushes numbers to an address over so many connections. `kept` has those that were answered 200."""

    url: str
    connections: int = 32
    reconnect: bool = False
    """Whether each call has a connection of its own."""
    kept: set[int] = field(default_factory=set)
    refused: int = 0
    seconds: list[float] = field(default_factory=list)
    _awaited: int = -1
    _reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def reached(self, count: int) -> None:
        """Return when so many were answered 200."""
        self._awaited = count
        await self._reached.wait()

    async def push(self, numbers: Iterable[int]) -> None:
        """Push them all, each once; returns early where the receiver is gone."""
        waiting = iter(numbers)
        await asyncio.gather(*(self._work(waiting) for _ in range(self.connections)))

    async def _work(self, waiting: Iterable[int]) -> None:
        parts = urlsplit(self.url)
        writer = None
        loop = asyncio.get_running_loop()
        try:
            for number in waiting:
                began = loop.time()
                if writer is None:
                    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                close = "Connection: close\r\n" if self.reconnect else ""
                writer.write(
                    f"GET {parts.path}?{query(number)} HTTP/1.1\r\nHost: {parts.netloc}\r\n{close}\r\n".encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                await reader.readexactly(length)
                if head.startswith(b"HTTP/1.1 200 "):
                    self.kept.add(number)
                    if len(self.kept) == self._awaited:
                        self._reached.set()
                    self.seconds.append(loop.time() - began)
                else:
                    self.refused += 1
                if self.reconnect:
                    writer.close()
                    writer = None
        except (OSError, asyncio.IncompleteReadError):
            return  # the receiver is gone
        finally:
            if writer is not None:
                writer.close()
