"""The sandbox as a server.

Its control routes ask for no credentials, which is why it binds to nothing but the loopback interface unless told.
"""

import asyncio
import ipaddress
import logging
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from smsops.sandbox.app import Sandbox
from smsops.sandbox.web import LINK, Link

# How long a call that never answers may hold up the end of the server.
_PATIENCE = 1
_BETWEEN_PUSHES = 1
_PATIENCE_WITH_WEBHOOKS = 5
_log = logging.getLogger(__name__)


def serve(
    path: str | Path,
    host: str,
    port: int,
    *,
    login: str,
    api_key: str,
    credits: int,
    announce: Callable[[str], None],
    expose: bool = False,
    recipients: Mapping[str, float] | None = None,
    webhooks: Mapping[str, str] | None = None,
) -> None:
    """Serve the sandbox in `path` until SIGINT or SIGTERM, with a master account of this login.

    `announce` gets the URL of the API once the server listens; port 0 is any free one. `recipients` and `webhooks` are
    options of `Sandbox.recipients` and `Sandbox.webhooks`. ValueError for a host that is not a loopback address, unless
    `expose`, and for options that make no sense; OSError when the port is taken.
    """
    if not expose and not _is_loopback(host):
        raise ValueError(f"the sandbox asks for no credentials on its control routes and does not listen on {host}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    sandbox = Sandbox(path)
    try:
        sandbox.ensure_master(login, api_key, credits=credits)
        sandbox.recipients(**recipients or {})
        sandbox.webhooks(**webhooks or {})
        link = _Socket()
        config = uvicorn.Config(
            _linked(sandbox.app, link),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=_PATIENCE,
        )
        logging.getLogger("uvicorn.error").addFilter(_about_breaks)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}/http/9.0"
        with _outliving_signals(), _pushing(sandbox):
            _Server(config, link, lambda: announce(url)).run(sockets=[listener])
    finally:
        sandbox.close()
        listener.close()


class _Socket(Link):
    """A connection over a socket."""

    def __init__(self) -> None:
        self.closing = asyncio.Event()

    async def drop(self, send: Send) -> None:
        """Promise a body and leave: the server then closes the connection, and the client sees it break."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})

    async def hang(self, receive: Receive, send: Send) -> None:
        """Never answer; when the server ends, break the connection."""
        waits = [asyncio.ensure_future(super().hang(receive, send)), asyncio.ensure_future(self.closing.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self.closing.is_set():
            await self.drop(send)


class _Server(uvicorn.Server):
    """A server that says when it listens, and lets go of the calls that it leaves hanging when it ends."""

    def __init__(self, config: uvicorn.Config, link: _Socket, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._link = link
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._link.closing.set()
        await super().shutdown(sockets)


@contextmanager
def _pushing(sandbox: Sandbox) -> Iterator[None]:
    """Push what is due, in a thread beside the server."""
    ended = threading.Event()

    def push() -> None:
        while not ended.wait(_BETWEEN_PUSHES):
            sandbox.push(lambda url: None if ended.is_set() else _get(url))

    thread = threading.Thread(target=push, name="webhooks")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _get(url: str) -> None:
    """Get a webhook's address; one that fails is told about, without the parameters, which have a phone number."""
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_WITH_WEBHOOKS) as answer:  # noqa: S310 - see webhooks.check
            answer.read()
    except urllib.error.HTTPError as error:
        _log.warning("the webhook %s answered %s", url.partition("?")[0], error.code)
    except (OSError, ValueError) as error:
        _log.warning("the webhook %s cannot be reached: %s", url.partition("?")[0], type(error).__name__)


def _linked(app: ASGIApp, link: Link) -> ASGIApp:
    async def serving(scope: Scope, receive: Receive, send: Send) -> None:
        scope[LINK] = link
        await app(scope, receive, send)

    return serving


def _about_breaks(record: logging.LogRecord) -> bool:
    return "without completing response" not in record.getMessage()


@contextmanager
def _outliving_signals() -> Iterator[None]:
    """Uvicorn raises the signal that ended it once more when it is done; here that is not to end the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _ignored) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignored(number: int, frame: object) -> None:
    """Let the signal pass; uvicorn has stopped already."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
