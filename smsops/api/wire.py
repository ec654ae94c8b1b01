"""What carries requests: the network, or a server in this process. Importing this is cheap.

A wire makes one exchange at a time and knows nothing of methods, retries and deadlines. It follows no redirect and
remembers no cookie: a POST that becomes a GET loses its parameters, and a session of one account must not go along
with the requests of another. It takes gzip off, and the bytes of an answer come as they arrive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

HEADERS = {
    "Accept": "application/json, application/xml",
    "Content-Type": "application/x-www-form-urlencoded",
    "User-Agent": "smsops",
}
"""What every request says besides its body."""


class NoAddress(Exception):
    """The URL is none: nothing left."""


class NotConnected(Exception):
    """There was no connection that a request could have left on."""


class Incoming(Protocol):
    """An answer whose head is there."""

    @property
    def status(self) -> int: ...

    def header(self, name: str) -> str | None:
        """A header, whatever the case of its name."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""


class Wire(Protocol):
    """Carries requests while it is open (`async with`). Only NoAddress and NotConnected mean that nothing left."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *error: object) -> None: ...

    def post(self, url: str, body: bytes) -> AbstractAsyncContextManager[Incoming]:
        """One request; leaving the context before the end of the answer breaks the connection."""
