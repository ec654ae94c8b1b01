"""The network: aiohttp's connections and parser, and which of its errors mean that a request never left.

Of the clients measured it is the one that costs least for each request beside the work of a plan: httpx and its pool
cost five times as much, and threads lose more than they save as soon as the main one is busy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_exceptions import NonHttpUrlClientError

from smsops.api.wire import HEADERS, NoAddress, NotConnected

# A server that closes an idle connection just as a request goes out leaves its outcome unknown. Servers
# keep them 5 seconds and more; we let go first.
_KEEP_ALIVE = 2.0
_BUFFER = 1 << 20  # a long answer goes on arriving while a piece of it is worked on


class _Unconnected(aiohttp.ClientError):
    """No connection came about, whatever the reason."""


class _Connector(aiohttp.TCPConnector):
    """Tells what goes wrong before there is a connection (a proxy and TLS included) from what may have arrived."""

    async def connect(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().connect(*args, **options)
        except Exception as error:
            raise _Unconnected(_shown(error)) from None


def _shown(error: Exception) -> str:
    """The error without the addresses that it may hold: that of a proxy can have a password in it."""
    reason = getattr(error, "strerror", None) or getattr(error, "message", None) or ""
    return f"{type(error).__name__}: {reason}".removesuffix(": ")


class _Answer:
    """An answer as aiohttp has it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    def chunks(self) -> AsyncIterator[bytes]:
        return self._response.content.iter_any()


class Network:
    """The wire to a server; at most `connections` at once, each used again while it is warm."""

    def __init__(self, connections: int, connect_timeout: float) -> None:
        self._connections = connections
        # The client above has a deadline for silence; an exchange as a whole may take its time.
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout)
        self._proxies: dict[str, str | None] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=self._connections, keepalive_timeout=_KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=HEADERS,
            timeout=self._timeout,
            read_bufsize=_BUFFER,
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def post(self, url: str, body: bytes) -> AsyncIterator[_Answer]:
        try:
            async with self._session.post(url, data=body, allow_redirects=False, proxy=self._proxy(url)) as response:
                yield _Answer(response)
        except _Unconnected as error:
            raise NotConnected(str(error)) from None
        except (aiohttp.InvalidURL, NonHttpUrlClientError) as error:
            raise NoAddress(type(error).__name__) from None

    def _proxy(self, url: str) -> str | None:
        if url not in self._proxies:
            self._proxies[url] = environment_proxy(url)
        return self._proxies[url]


def environment_proxy(url: str) -> str | None:
    """The proxy that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY give to a URL; NotConnected where it is none.

    aiohttp could look itself, but would look in ~/.netrc too, and at every request.
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return None  # the URL will be refused
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or not host or proxy_bypass(host):
        return None
    proxy = found if "://" in found else f"http://{found}"
    if not proxy.startswith(("http://", "https://")):
        raise NotConnected("only HTTP proxies are supported")
    return proxy
