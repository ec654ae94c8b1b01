"""A slow line to a server: calls take their time both ways, and it is known where each of them is.

It speaks just enough HTTP/1.1 for the client and the server at its ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

ASKED, PROCESSED, ANSWERED = "asked", "processed", "answered"
"""Where a call is: on its way to the server, on its way back, and told to the client."""


@dataclass(eq=False)
class Flight:
    """A call that writes, while its client does not know its outcome."""

    method: str
    phase: str = ASKED


class Wire:
    """A server in front of another one, as slow as a network."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.random = Random(0)
        self.cuts = 0.0
        """How likely a call that writes loses its connection before or after it is processed."""

        self.cut = 0
        self.flights: set[Flight] = set()
        self._calm = asyncio.Event()
        self._calm.set()
        self.watch: Callable[[Flight], None] = lambda flight: None
        """Called whenever a call that writes gets on."""

    async def open(self) -> str:
        """Listen; gives the URL of the API."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/http/9.0"

    async def close(self) -> None:
        """Stop listening, and break what is open."""
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def calm(self) -> None:
        """Return when no call that writes is under way any more."""
        await self._calm.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while request := await _message(reader):
                method = request.split(b" ", 2)[1].decode().rstrip("/").rpartition("/")[2]
                answer = await (self._read if method.startswith("get") else self._write)(method, request, reader)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _read(self, method: str, request: bytes, client: asyncio.StreamReader) -> bytes | None:
        await asyncio.sleep(self.random.uniform(0, 0.002))
        return await self._forward(request)

    async def _write(self, method: str, request: bytes, client: asyncio.StreamReader) -> bytes | None:
        flight = Flight(method)
        self.flights.add(flight)
        self._calm.clear()
        cut = self.random.choice((ASKED, PROCESSED)) if self.random.random() < self.cuts else None
        lost = self.random.random() < 0.4  # what a client that died has sent may still be in its own machine
        try:
            self.watch(flight)
            await asyncio.sleep(self.random.uniform(0.001, 0.012))
            if cut == ASKED or (lost and client.at_eof()):
                self.cut += cut is not None
                return None
            answer = await self._forward(request)
            flight.phase = PROCESSED
            self.watch(flight)
            await asyncio.sleep(self.random.uniform(0.001, 0.012))
            if cut == PROCESSED:
                self.cut += 1
                return None
            flight.phase = ANSWERED
            self.watch(flight)
            return answer
        finally:
            self.flights.discard(flight)
            if not self.flights:
                self._calm.set()

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One request or answer; nothing where the other end has gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return b""
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")
