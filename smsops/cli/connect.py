"""The way to the API: over the network, or to the sandbox in this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from smsops.api.client import ReaderClient, Transport, WriterClient
from smsops.api.contract import Credentials
from smsops.config.load import Configuration
from smsops.config.stack import SANDBOX_URL

SANDBOX_FILE = Path(".smsops") / "sandbox.db"
_SANDBOX_RATE = 1_000_000.0


@dataclass
class ApiConnection:
    """A reader and a writer on one transport."""

    reader: ReaderClient
    writer: WriterClient


def sandbox_path(root: Path) -> Path:
    """Where a stack's embedded sandbox keeps its data; its directory exists."""
    path = root / SANDBOX_FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


class SandboxTransport(httpx.ASGITransport):
    """The sandbox without a port; a connection that it drops looks like one that broke."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        from smsops.sandbox.app import Dropped

        try:
            return await super().handle_async_request(request)
        except Dropped:
            raise httpx.RemoteProtocolError("the connection was dropped", request=request) from None
        finally:
            for _ in range(3):  # as over a network: others get their turn, and signals are heard
                await asyncio.sleep(0)


@asynccontextmanager
async def connect(configuration: Configuration, credentials: Credentials) -> AsyncIterator[ApiConnection]:
    """A connection for one run."""
    settings = configuration.settings
    url = configuration.stack.account.url
    if url != SANDBOX_URL:
        transport = Transport(url, requests_per_second=settings.requests_per_second, parallelism=settings.parallelism)
        async with transport:
            yield ApiConnection(ReaderClient(transport, credentials), WriterClient(transport, credentials))
        return
    from smsops.sandbox.app import Sandbox

    path = sandbox_path(configuration.root)
    sandbox = Sandbox(path)
    os.chmod(path, 0o600)
    try:
        sandbox.ensure_master(credentials.login, credentials.api_key)
        transport = Transport(
            "http://sandbox/http/9.0",
            transport=SandboxTransport(app=sandbox.app),
            requests_per_second=_SANDBOX_RATE,
            parallelism=settings.parallelism,
        )
        async with transport:
            yield ApiConnection(ReaderClient(transport, credentials), WriterClient(transport, credentials))
    finally:
        sandbox.close()
