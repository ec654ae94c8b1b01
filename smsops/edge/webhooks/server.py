"""The receiver: what is pushed to its address is kept before it is answered.

Events gather while a write is under way and go to the store together, so that one sync of the disk serves all that came
meanwhile. Who is answered 200 has an event that survives whatever happens to this process and its machine.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import unquote

import uvicorn
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from smsops.edge.webhooks.reading import Malformed, read_event
from smsops.edge.webhooks.store import EventsError, EventStore
from smsops.errors import SmsopsError
from smsops.model.values import Secret
from smsops.model.webhooks import PersonKey, WebhookEvent

_PATIENCE = 15
"""Seconds that calls under way get to end when the server ends."""
_MOST_WAITING = 5_000
"""So many calls may wait for the store; more are turned away with 503."""
_SECRET = re.compile(r"[A-Za-z0-9._~-]{16,}")
_log = logging.getLogger(__name__)


class Receiver:
    """An ASGI application with one address: the secret, as the last part of its path. `now` is the clock."""

    def __init__(self, store: EventStore, secret: Secret, now: Callable[[], datetime]) -> None:
        if not _SECRET.fullmatch(secret.reveal()):
            raise SmsopsError(
                "The secret of the webhooks' address does not fit into one",
                code="SMS482",
                detail="It has 16 or more of A-Z a-z 0-9 . _ ~ - and comes from chance, as from: openssl rand -hex 24",
            )
        self._secret = secret.reveal().encode()
        self._key = PersonKey(secret)
        self._now = now
        self._batches = _Batches(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await (await self._answer(scope))(scope, receive, send)

    def close(self) -> None:
        """Return when nothing is being written any more."""
        self._batches.close()

    async def _answer(self, scope: Scope) -> Response:
        path: str = scope["path"].rstrip("/")
        given = unquote(path.rpartition("/")[2]).encode()
        if not hmac.compare_digest(given, self._secret):
            return PlainTextResponse("Not found\n", 404)
        if scope["method"] != "GET":
            return PlainTextResponse("Events are pushed by GET\n", 405, {"Allow": "GET"})
        try:
            event = read_event(scope["query_string"], self._key, self._now())
        except Malformed as error:
            return PlainTextResponse(f"{error}\n", 400)
        try:
            await self._batches.keep(event)
        except EventsError:
            return PlainTextResponse("It cannot be kept now\n", 503, {"Retry-After": "10"})
        return PlainTextResponse("OK\n")


class _Batches:
    """Writes events to the store in a thread, one batch at a time: all that came during the write before."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._waiting: list[tuple[WebhookEvent, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, event: WebhookEvent) -> None:
        """Return when it is durable; EventsError where it cannot be kept."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._add, [event for event, _ in batch]
            )
            for _, kept in batch:
                if kept.done():  # its caller has gone
                    continue
                if error is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(error)
        self._writing = None

    def _add(self, events: Sequence[WebhookEvent]) -> EventsError | None:
        try:
            self._store.add(events)
        except Exception as error:  # whatever it is, nobody may wait for ever
            told = error if isinstance(error, EventsError) else EventsError(self._store.where, type(error).__name__)
            _log.error("%s. %s", told.summary, told.detail)
            return told
        return None

    def close(self) -> None:
        self._thread.shutdown()


def serve(receiver: Receiver, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; what is under way then is answered first.

    `announce` gets the address once the server listens; port 0 is any free one. OSError when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Head and body of an answer are two writes; the second would wait for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        config = uvicorn.Config(
            receiver,
            log_level="warning",
            access_log=False,  # addresses hold the secret and phone numbers
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,
            limit_concurrency=_MOST_WAITING,
            timeout_graceful_shutdown=_PATIENCE,
        )
        shown = f"[{host}]" if ":" in host else host
        with _outliving_signals():
            _Server(config, lambda: announce(f"http://{shown}:{listener.getsockname()[1]}")).run(sockets=[listener])
    finally:
        receiver.close()
        listener.close()


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()


@contextmanager
def _outliving_signals() -> Iterator[None]:
    """Uvicorn raises the signal that ended it once more when it is done; here that is not to end the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
