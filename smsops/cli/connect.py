"""The way to the API: over the network, or to the sandbox in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from smsops.api.client import ReaderClient, Transport, WriterClient
from smsops.api.records import Credentials
from smsops.api.wire import HEADERS
from smsops.config.load import Configuration
from smsops.config.stack import SANDBOX_URL
from smsops.errors import SmsopsError

if TYPE_CHECKING:
    from smsops.sandbox.app import Sandbox

SANDBOX_FILE = Path(".smsops") / "sandbox.db"
_SANDBOX_RATE = 1_000_000.0

Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""


@dataclass
class ApiConnection:
    """A reader and a writer on one transport."""

    reader: ReaderClient
    writer: WriterClient
    transport: Transport

    @classmethod
    def on(cls, transport: Transport, credentials: Credentials) -> Self:
        """Both for one account."""
        return cls(ReaderClient(transport, credentials), WriterClient(transport, credentials), transport)

    @property
    def server_time(self) -> datetime | None:
        """When the last answer was sent, by the server's clock."""
        return self.transport.server_time


def sandbox_path(root: Path) -> Path:
    """Where a stack's embedded sandbox keeps its data; its directory exists, or SmsopsError."""
    path = root / SANDBOX_FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(f"{error.filename}: {error.strerror}", path.parent) from None
    return path


def open_sandbox(root: Path) -> Sandbox:
    """A stack's embedded sandbox; SmsopsError where its file is none."""
    from smsops.sandbox.app import Sandbox
    from smsops.sandbox.store import UnusableFile

    path = sandbox_path(root)
    try:
        return Sandbox(path)
    except UnusableFile as error:
        raise _unusable(str(error), path) from None


def _unusable(why: str, path: Path) -> SmsopsError:
    detail = f"Remove {path}: only what was tried out is lost. The state then tells of an account that is empty: remove it too."
    return SmsopsError(f"The embedded sandbox cannot be used: {why}", code="SMS455", detail=detail)


class SandboxWire:
    """The sandbox without a port: its application is called as a server would; a connection that it drops broke."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        return

    @asynccontextmanager
    async def post(self, url: str, body: bytes) -> AsyncIterator[SandboxAnswer]:
        from smsops.sandbox.app import Dropped

        headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
        scope = {"type": "http", "method": "POST", "path": urlsplit(url).path, "query_string": b"", "headers": headers}
        request = [{"type": "http.request", "body": body}]
        answer = SandboxAnswer()

        async def receive() -> dict[str, Any]:
            if not request:
                await asyncio.Event().wait()  # the client goes when its time is up, and not before
            return request.pop()

        try:
            await self._app(scope, receive, answer.send)
        except Dropped:
            raise ConnectionResetError from None
        finally:
            for _ in range(3):  # as over a network: others get their turn, and signals are heard
                await asyncio.sleep(0)
        yield answer


class SandboxAnswer:
    """What an application has sent."""

    status = 0

    def __init__(self) -> None:
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self._chunks.append(message.get("body", b""))

    def header(self, name: str) -> str | None:
        return self._headers.get(name.lower())

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


@asynccontextmanager
async def connect(configuration: Configuration, credentials: Credentials) -> AsyncIterator[ApiConnection]:
    """A connection for one run."""
    settings = configuration.settings
    url = configuration.stack.account.url
    if url != SANDBOX_URL:
        transport = Transport(url, requests_per_second=settings.requests_per_second, parallelism=settings.parallelism)
        async with transport:
            yield ApiConnection.on(transport, credentials)
        return
    sandbox = open_sandbox(configuration.root)
    os.chmod(configuration.root / SANDBOX_FILE, 0o600)
    try:
        sandbox.ensure_master(credentials.login, credentials.api_key)
        async with enter(sandbox, configuration, credentials) as connection:
            yield connection
    finally:
        sandbox.close()


@asynccontextmanager
async def enter(
    sandbox: Sandbox, configuration: Configuration, credentials: Credentials
) -> AsyncIterator[ApiConnection]:
    """A connection to a sandbox in this process."""
    transport = Transport(
        "http://sandbox/http/9.0",
        wire=SandboxWire(sandbox.app),
        requests_per_second=_SANDBOX_RATE,
        parallelism=configuration.settings.parallelism,
    )
    async with transport:
        yield ApiConnection.on(transport, credentials)
