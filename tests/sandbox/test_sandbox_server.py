"""The sandbox over real sockets, its file, and what it may import."""

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import smsops.sandbox
from smsops.sandbox.app import Sandbox
from smsops.sandbox.serve import serve
from tests.sandbox.sandbox_client import KEY, LOGIN, new_api

SERVER = f"""
import sys
from smsops.sandbox.serve import serve
who = {{"login": "{LOGIN}", "api_key": "{KEY}", "credits": 500}}
serve(sys.argv[1], "127.0.0.1", 0, **who, announce=lambda url: print(url, flush=True))
"""
WHO = {"login": LOGIN, "apiKey": KEY}


class Server:
    """A sandbox in a process of its own."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", SERVER, str(path)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.process.communicate()[1]

    def post(self, method: str, timeout: float = 5, **params: str) -> httpx.Response:
        return httpx.post(f"{self.url}/{method}/", data=WHO | params, timeout=timeout)

    def control(self, name: str, **body: object) -> None:
        root = self.url.removesuffix("/http/9.0")
        assert httpx.post(f"{root}/_sandbox/{name}", json=body).status_code == 200

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    servers: list[Server] = []

    def begin() -> Server:
        servers.append(Server(tmp_path / "sandbox.db"))
        return servers[-1]

    yield begin
    for server in servers:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


def test_a_drop_breaks_the_connection(start: Callable[[], Server]) -> None:
    """Over a socket a drop is a broken connection, not an answer, and the server goes on without a word."""
    server = start()
    server.control("fail", method="getInfo", kind="drop_before")
    server.control("fail", method="createList", kind="drop_after")
    for method in ("getInfo", "createList"):
        with pytest.raises(httpx.RemoteProtocolError):
            server.post(method, listData='{"DATA": {"LISTNAME": "vip"}}')
    assert server.post("getLists").json()["Lists"][0]["ListName"] == "vip"
    assert server.end() == (0, "")


def test_a_hanging_call_does_not_hold_up_the_end(start: Callable[[], Server]) -> None:
    """A client that gives up a hanging call is served again, and one that still waits is cut off at the end."""
    server = start()
    server.control("fail", method="*", kind="hang", times=2)
    with pytest.raises(httpx.ReadTimeout):
        server.post("getInfo", timeout=0.1)
    waiting = subprocess.Popen(
        [sys.executable, "-c", f"import httpx; httpx.get('{server.url}/getInfo/', timeout=9)"], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 9
    root = server.url.removesuffix("/http/9.0")
    while len(httpx.get(f"{root}/_sandbox/calls").json()) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.end() == (0, "")
    assert b"RemoteProtocolError" in waiting.communicate(timeout=9)[1]


def test_interrupt_ends_cleanly(start: Callable[[], Server]) -> None:
    """Ctrl-C is the usual way to end a server, and no error."""
    assert start().end(signal.SIGINT) == (0, "")


def test_data_survive_a_kill(start: Callable[[], Server]) -> None:
    """What was answered is there after a SIGKILL; a second server goes on, and keeps the balance."""
    first = start()
    first.control("clock", now="2026-11-20T12:00:00")
    first.post("createList", listData='{"DATA": {"LISTNAME": "vip"}}')
    first.post("sendSms", smsData='{"DATA": {"MESSAGE": "x", "SMS": [{"MOBILEPHONE": "0612345678"}]}}')
    first.end(signal.SIGKILL)
    second = start()
    assert second.post("getLists").json()["Lists"][0]["CreationDate"] == "2026-11-20"
    assert second.post("getInfo").json()["credits"] == "485"


def test_the_file_is_shared_and_private(tmp_path: Path) -> None:
    """Two sandboxes on one file see the same data, clock and style; the file is its owner's alone."""
    path = tmp_path / "deep" / "sandbox.db"
    one, two = Sandbox(path), Sandbox(path)
    api = new_api(one)
    two.set_clock(datetime(2026, 11, 20, 12, tzinfo=UTC))
    two.style(keys="upper")
    assert one.now().isoformat() == "2026-11-20T13:00:00+01:00"
    assert "CREDITS" in api("getInfo")
    assert two.snapshot() == one.snapshot()
    assert os.stat(path).st_mode & 0o777 == 0o600
    one.close()
    two.close()


def test_a_clock_of_ones_own() -> None:
    """A given clock is the time, in Paris, until another one is set."""
    sandbox = Sandbox(clock=lambda: datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert sandbox.now().isoformat() == "2026-07-01T14:00:00+02:00"
    sandbox.set_clock(datetime(2026, 1, 1))
    assert sandbox.now().isoformat() == "2026-01-01T00:00:00+01:00"
    sandbox.set_clock(None)
    assert sandbox.now().hour == 14
    sandbox.close()


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    """A file that a later version has written is not touched."""
    sandbox = Sandbox(tmp_path / "s.db")
    sandbox._store.connection.execute("PRAGMA user_version = 99")
    sandbox.close()
    with pytest.raises(ValueError, match="another version"):
        Sandbox(tmp_path / "s.db")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_only_the_loopback_interface(tmp_path: Path, host: str) -> None:
    """Control needs no credentials, so the server stays on this machine."""
    with pytest.raises(ValueError, match="does not listen"):
        serve(tmp_path / "s.db", host, 0, login="x", api_key="y", credits=1, announce=print)


def test_seeding_refuses_what_the_platform_would_not_hold() -> None:
    """A test that is seeded wrongly fails where it is seeded."""
    sandbox = Sandbox()
    new_api(sandbox)
    sandbox.add_sub_account(LOGIN, "sub")
    sandbox.add_list(LOGIN, "vip")
    seeds: list[Callable[[], object]] = [
        lambda: sandbox.add_sub_account("nobody", "new"),
        lambda: sandbox.add_sub_account(LOGIN, "sub"),
        lambda: sandbox.ensure_master("sub", "k"),
        lambda: sandbox.add_list(LOGIN, "vip"),
        lambda: sandbox.add_list(LOGIN, "new", ["MOBILEPHONE"]),
        lambda: sandbox.add_list(LOGIN, "new", contacts=[{"phone": "1"}]),
        lambda: sandbox.blacklist(LOGIN, "1"),
    ]
    before = sandbox.snapshot()
    for seed in seeds:
        with pytest.raises(ValueError, match=r"no account|exists|is a sub|would|not a mobile"):
            seed()
    assert sandbox.snapshot() == before
    sandbox.close()


def test_nothing_is_shared_with_the_client() -> None:
    """The sandbox imports the standard library, Starlette, uvicorn and itself, so that no mistake is made twice."""
    allowed = {"starlette", "uvicorn"} | set(sys.stdlib_module_names)
    for path in Path(*smsops.sandbox.__path__).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}"]
            for name in names:
                assert name.startswith("smsops.sandbox") or name.partition(".")[0] in allowed, f"{path.name}: {name}"


def test_the_package_is_free() -> None:
    """Naming the package imports neither Starlette nor SQLite."""
    code = "import sys, smsops.sandbox; print({'starlette', 'sqlite3', 'uvicorn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
