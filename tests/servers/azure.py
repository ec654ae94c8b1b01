"""An Azure Blob Storage server: Azurite, Microsoft's own, from npm. It is installed in `.venv/node` by `make test`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import httpx

from tests.servers import Server
from tests.servers.process import ServerError, free_ports, started

ACCOUNT, CONTAINER = "smsopstests", "states"
KEY = base64.b64encode(b"correct horse battery staple").decode()
API_VERSION = "2023-11-03"


@contextmanager
def running() -> Iterator[Server]:
    """A server with one account and one container; requests must be signed."""
    [port] = free_ports(1)
    address = f"http://127.0.0.1:{port}/{ACCOUNT}"
    with tempfile.TemporaryDirectory(prefix="smsops-azure-") as directory:
        command: list[str | Path] = [
            _node(),
            _azurite(),
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            str(port),
            "--location",
            directory,
        ]
        # A client newer than Azurite names versions of the API that it does not know yet.
        command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        accounts = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
        with started(command, lambda: _answers(address), environment=accounts):
            _make_container(address)
            environment = {
                "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": KEY,
                "AZURE_STORAGE_ENDPOINT": address,
                "AZURE_ALLOW_HTTP": "true",
            }
            yield Server(f"az://{CONTAINER}", environment)


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise ServerError("There is no node on the PATH: tests of states on Azure need Node.js with npm, 20 or newer")
    return node


def _azurite() -> Path:
    script = Path(sys.prefix, "node", "node_modules", "azurite", "dist", "src", "blob", "main.js")
    if not script.exists():
        raise ServerError(
            "Azurite is not installed: run `make test`, which installs tests/servers/node into .venv/node"
        )
    return script


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False


def _make_container(address: str) -> None:
    """Create the container by a request that is signed with the account's key."""
    date = format_datetime(datetime.now(UTC), usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:{API_VERSION}\n"
    # The account is in the path too, as the server has one name for all accounts.
    resource = f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    signed = "\n".join(["PUT", *[""] * 11, headers + resource])
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)).decode()
    answer = httpx.put(
        f"{address}/{CONTAINER}",
        params={"restype": "container"},
        headers={
            "x-ms-date": date,
            "x-ms-version": API_VERSION,
            "authorization": f"SharedKey {ACCOUNT}:{signature}",
        },
        trust_env=False,
    )
    if answer.status_code != httpx.codes.CREATED:
        raise ServerError(f"Azurite did not make the container: {answer.status_code} {answer.text}")
