"""The network: libcurl, driven by the event loop, and which of its failures mean that a request never left.

Of the clients measured it costs least for each request, hardly more than bare sockets, and is the quickest to import.
Redirects, cookies and ~/.netrc are off unless asked for; proxies come from the environment.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Self

import pycurl

from smsops.api.wire import HEADERS, NoAddress, NotConnected

# A server that closes an idle connection just as a request goes out leaves its outcome unknown. Servers
# keep them 5 seconds and more; we let go first.
_KEEP_ALIVE = 2
_BUFFER = 1 << 20  # bytes that may wait for whoever reads them; then the server has to
_PIECE = 1 << 17  # bytes read at once: long answers come in fewer pieces
_NO_ADDRESS = (pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL)
_EPOLL: Any = getattr(select, "epoll", None)
"""Linux has it; a selector does the same for other systems, and takes longer."""
_NO_EXPECT = "Expect:"  # else libcurl waits for a 100 before a body of more than a megabyte


class Broken(Exception):
    """An exchange that did not come to its end."""


class Network:
    """The wire to a server; at most `connections` are kept, each used again while it is warm."""

    def __init__(self, connections: int, connect_timeout: float) -> None:
        self._connections = connections
        self._connect_timeout = connect_timeout
        self._idle: list[pycurl.Curl] = []
        self._running: dict[pycurl.Curl, _Transfer] = {}
        self._busy = _Sockets()
        """The sockets of exchanges."""
        self._kept = _Sockets()
        """Those of connections that libcurl keeps for later; some it may have closed, which it does not tell."""
        self._due: float | None = None
        """When libcurl wants to be called."""
        self._trusted = ssl.get_default_verify_paths()
        """The certificates of the system, or those of SSL_CERT_FILE and SSL_CERT_DIR."""
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._multi.setopt(pycurl.M_MAXCONNECTS, self._connections)
        self._loop.add_reader(self._busy.descriptor, self._go_through)
        return self

    async def __aexit__(self, *error: object) -> None:
        for handle in list(self._running):
            self._multi.remove_handle(handle)
        self._running.clear()
        self._multi.close()
        self._loop.remove_reader(self._busy.descriptor)
        self._busy.close()
        self._kept.close()
        self._due = None
        if self._timer is not None:
            self._timer.cancel()

    def post(self, url: str, body: bytes) -> _Transfer:
        return _Transfer(self, url, body)

    def prepare(self, transfer: _Transfer, url: str, size: int) -> pycurl.Curl:
        """A handle that sends what the transfer gives, and tells it what comes back."""
        handle = self._idle.pop() if self._idle else self._new_handle()
        handle.setopt(pycurl.URL, url)
        handle.setopt(pycurl.FRESH_CONNECT, self._server_has_closed_one())
        handle.setopt(pycurl.POSTFIELDSIZE_LARGE, size)
        handle.setopt(pycurl.READFUNCTION, transfer.give)
        handle.setopt(pycurl.HEADERFUNCTION, transfer.take_header)
        handle.setopt(pycurl.WRITEFUNCTION, transfer.take)
        return handle

    def start(self, transfer: _Transfer, handle: pycurl.Curl) -> None:
        self._running[handle] = transfer
        self._multi.add_handle(handle)
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def end(self, handle: pycurl.Curl) -> None:
        """Let go of a handle, and of its connection where the exchange has not come to its end."""
        if self._running.pop(handle, None) is not None:
            self._multi.remove_handle(handle)
            self._arm()
        self._idle.append(handle)

    def go_on(self, handle: pycurl.Curl) -> None:
        """Let a handle that has paused bring more."""
        handle.pause(pycurl.PAUSE_CONT)
        self._arm()

    def _new_handle(self) -> pycurl.Curl:
        handle = pycurl.Curl()
        handle.setopt(pycurl.POST, 1)
        handle.setopt(pycurl.HTTPHEADER, [*(f"{name}: {value}" for name, value in HEADERS.items()), _NO_EXPECT])
        handle.setopt(pycurl.ACCEPT_ENCODING, "gzip, deflate")
        handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        handle.setopt(pycurl.CONNECTTIMEOUT_MS, int(self._connect_timeout * 1000))
        handle.setopt(pycurl.MAXAGE_CONN, _KEEP_ALIVE)
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.BUFFERSIZE, _PIECE)
        # libcurl sends a request again by itself when a connection that it uses again closes without a word: the
        # server may have done it all the same. It needs the body a second time for that, which it does not get.
        handle.setopt(pycurl.SEEKFUNCTION, _never_again)
        if self._trusted.cafile:
            handle.setopt(pycurl.CAINFO, self._trusted.cafile)
        if self._trusted.capath:
            handle.setopt(pycurl.CAPATH, self._trusted.capath)
        return handle

    def _server_has_closed_one(self) -> bool:
        """Whether a connection kept for later is no longer good: libcurl itself looks only once a second."""
        return bool(self._kept.ready())

    # libcurl says which sockets to watch and when it wants to be called; the event loop does that.

    def _watch(self, what: int, descriptor: int, multi: object, data: object) -> None:
        self._kept.forget(descriptor)
        if what == pycurl.POLL_REMOVE:
            self._busy.forget(descriptor)
            self._kept.watch(descriptor, pycurl.POLL_IN)
        else:
            self._busy.watch(descriptor, what)

    def _go_through(self) -> None:
        for descriptor, events in self._busy.ready():
            if descriptor in self._busy:  # it may be over since then
                self._act(descriptor, events)

    def _set_timer(self, milliseconds: int) -> None:
        self._due = self._loop.time() + milliseconds / 1000 if milliseconds >= 0 else None

    def _arm(self) -> None:
        """See to it that libcurl is called when it wants to be. It changes its mind with each step: a timer that ends
        before that is left as it is, and set anew when it ends."""
        if self._due is None or (self._timer is not None and self._timer.when() <= self._due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._due is not None and self._loop.time() >= self._due:
            self._due = None
            self._act(pycurl.SOCKET_TIMEOUT, 0)
        else:
            self._arm()

    def _act(self, descriptor: int, events: int) -> None:
        self._multi.socket_action(descriptor, events)
        more = 1
        while more:
            more, good, bad = self._multi.info_read()
            for handle in good:
                self._finish(handle, pycurl.E_OK, "")
            for handle, code, message in bad:
                self._finish(handle, code, message)
        self._arm()

    def _finish(self, handle: pycurl.Curl, code: int, message: str) -> None:
        self._multi.remove_handle(handle)
        self._running.pop(handle).finish(code, message)


class _Sockets:
    """Sockets to watch, with less ado than by the event loop, which watches this one thing for all of them.

    What to wait for, and what there is, is said as libcurl does: POLL_IN is CSELECT_IN is 1, for OUT it is 2.
    """

    def __init__(self) -> None:
        self._events: dict[int, int] = {}
        if _EPOLL:
            self._selector: Any = _EPOLL()
            self._found: Callable[[int], list[tuple[int, int]]] = self._selector.poll
            self._read, self._write = select.EPOLLIN, select.EPOLLOUT
        else:
            self._selector = selectors.DefaultSelector()
            self._found = lambda timeout: [(key.fd, events) for key, events in self._selector.select(timeout)]
            self._read, self._write = selectors.EVENT_READ, selectors.EVENT_WRITE
        self.descriptor: int = self._selector.fileno()

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._events

    def watch(self, descriptor: int, events: int) -> None:
        mask = (self._read if events & pycurl.POLL_IN else 0) | (self._write if events & pycurl.POLL_OUT else 0)
        self.forget(descriptor)
        with suppress(OSError):  # closed already
            self._selector.register(descriptor, mask)
            self._events[descriptor] = events

    def forget(self, descriptor: int) -> None:
        if self._events.pop(descriptor, None) is not None:
            with suppress(OSError):  # closed already
                self._selector.unregister(descriptor)

    def ready(self) -> list[tuple[int, int]]:
        """The sockets on which something can be done now, each with what. A failed one can be read and written."""
        if not self._events:
            return []
        read, write = self._read, self._write
        return [(descriptor, bool(found & ~write) | bool(found & ~read) << 1) for descriptor, found in self._found(0)]

    def close(self) -> None:
        self._selector.close()


def _never_again(offset: int, origin: int) -> int:
    return pycurl.SEEKFUNC_FAIL


class _Transfer:
    """One exchange, from `async with` on: what libcurl has brought, and who waits for it."""

    def __init__(self, network: Network, url: str, body: bytes) -> None:
        self._network = network
        self._url = url
        self._body = memoryview(body)
        self._given = 0
        self._headers: dict[str, str] = {}
        self._arrived: list[bytes] = []
        self._waiting = 0
        self._paused = False
        self._done = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None

    # What libcurl calls

    def give(self, size: int) -> bytes:
        piece = bytes(self._body[self._given : self._given + size])
        self._given += len(piece)
        return piece

    def take_header(self, line: bytes) -> None:
        name, colon, value = line.decode("latin-1").partition(":")
        if name.startswith("HTTP/"):  # another answer: before it came that of a proxy, or a 100
            self._headers.clear()
        elif colon:
            self._headers[name.strip().lower()] = value.strip()

    def take(self, chunk: bytes) -> int | None:
        if self._waiting > _BUFFER:
            self._paused = True
            return pycurl.WRITEFUNC_PAUSE
        self._arrived.append(chunk)
        self._waiting += len(chunk)
        self._tell()
        return None

    def finish(self, code: int, message: str) -> None:
        self._done = True
        if code != pycurl.E_OK:
            # The parameters are in the body, the credentials too: while nothing of it was asked for, nothing has left.
            left = self._given > 0
            kind = Broken if left else NoAddress if code in _NO_ADDRESS else NotConnected
            self._error = kind(message)
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    # What the client sees

    async def __aenter__(self) -> Self:
        """Return when the body begins, or all is over; raise where no answer has begun."""
        self._handle = self._network.prepare(self, self._url, len(self._body))
        try:
            self._network.start(self, self._handle)
            if not self._arrived and not self._done:
                await self._wait()
            if self._error is not None and not self._arrived:
                raise self._error
        except BaseException:
            self._network.end(self._handle)
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        self._network.end(self._handle)

    @property
    def status(self) -> int:
        return int(self._handle.getinfo(pycurl.RESPONSE_CODE))

    def header(self, name: str) -> str | None:
        return self._headers.get(name.lower())

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            if self._arrived:
                chunk = b"".join(self._arrived)
                self._arrived.clear()
                self._waiting = 0
                yield chunk
            elif self._done:
                break
            elif self._paused:
                self._paused = False
                self._network.go_on(self._handle)
            else:
                await self._wait()
        if self._error is not None:
            raise self._error

    async def _wait(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        await self._news
