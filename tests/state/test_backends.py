"""Each backend keeps the contract, and keeps two real processes apart."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from smsops.edge.state.backend import Backend
from smsops.errors import LockedError
from tests.harness import API_KEY, LOGIN, Stack
from tests.kinds.contract import inline, people
from tests.state.contract import ALL, BackendContract, OpenOne, ReleasableContract, address_of, holder, opener

PATIENCE = 60.0
HEAL_THEMSELVES = ("file", "postgres")
"""Where the lock of a process that is killed is gone with it."""


class _ByName(BackendContract):
    name: str

    @pytest.fixture
    def open_one(self, request: pytest.FixtureRequest, tmp_path: Path) -> OpenOne:
        return opener(self.name, request, tmp_path)

    @pytest.fixture
    def open_another(self, request: pytest.FixtureRequest, tmp_path: Path) -> OpenOne:
        return opener(self.name, request, tmp_path / "another")


class TestFile(_ByName):
    name = "file"

    def turn(self, backend: Backend) -> AbstractContextManager[object]:
        """Nobody can be robbed of this lock, so everything else relies on it."""
        return backend.lock(holder(), wait=60)

    def test_it_cannot_be_taken_away(self, backend: Backend, other: Backend) -> None:
        """The lock of a process that lives stays held, and whoever wants it released is told whose it is."""
        with backend.lock(holder()) as lock:
            held = other.held()
            assert held is not None
            with pytest.raises(LockedError, match="runs 'apply'"):
                other.release(held.holder)
            lock.check()
            assert other.held() is not None


class TestS3(_ByName, ReleasableContract):
    name = "s3"


class TestGoogle(_ByName, ReleasableContract):
    name = "gcs"


class TestAzure(_ByName, ReleasableContract):
    name = "azure"
    many = 205  # it lists 5000 at once, and the server of the tests takes its time


class TestPostgres(_ByName, ReleasableContract):
    name = "postgres"


# -- processes ------------------------------------------------------------------------------


class Machine:
    """A directory in which real processes of smsops run, against a sandbox that another one serves."""

    def __init__(self, root: Path, sandbox: str, environment: Mapping[str, str]) -> None:
        self._root = root
        self._control = sandbox.removesuffix("/http/9.0") + "/_sandbox"
        self._environment = {**os.environ, **environment}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "smsops", "-C", str(self._root), *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        """The exit code of a command, and all that it printed."""
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out + err

    def hang(self, method: str) -> None:
        """The next call of this method is done, and never answered."""
        httpx.post(f"{self._control}/fail", json={"method": method, "kind": "hang_after"}).raise_for_status()

    def campaigns(self) -> list[Any]:
        found: list[Any] = httpx.get(f"{self._control}/snapshot").raise_for_status().json()["campaigns"]
        return found


@contextmanager
def machine(root: Path, name: str, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A stack with a campaign, the state of which is on a backend; every process has ended behind it."""
    url, environment = address_of(name, request)
    stack = Stack(root)
    stack.close()
    serve = [sys.executable, "-m", "smsops", "-C", str(root), "sandbox", "serve", "--port", "0"]
    stack.write({})
    sandbox = subprocess.Popen([*serve, "--login", LOGIN, "--api-key", API_KEY], stdout=subprocess.PIPE, text=True)
    try:
        assert sandbox.stdout is not None
        address = sandbox.stdout.readline().strip()
        campaign = {"message": "Hello", "schedule": "2099-12-01 10:00", "audience": {"lists": ["vip"]}}
        stack.write(
            {
                "state": url,
                "account": {"url": address, "login": LOGIN},
                "lists": {"vip": {"contacts": inline(*people(range(3)))}},
                "campaigns": {"hello": campaign},
            }
        )
        yield Machine(root, address, {**stack.environment, **environment})
    finally:
        sandbox.kill()
        sandbox.communicate()


def eventually(holds: Callable[[], bool]) -> None:
    """Return as soon as it holds."""
    limit = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < limit, "it never comes to this"
        time.sleep(0.02)


@pytest.mark.parametrize("name", ALL)
def test_two_applies(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Of two applies one wins; when it is killed, its lock is diagnosed and released, and nobody is texted twice."""
    with machine(tmp_path / "stack", name, request) as on:
        on.hang("sendSms")
        applies = [on.start("apply", "--auto-approve") for _ in range(2)]
        try:
            eventually(lambda: any(apply.poll() is not None for apply in applies))
            loser, winner = sorted(applies, key=lambda apply: apply.poll() is None)
            _, told = loser.communicate(timeout=PATIENCE)
            assert loser.returncode == 6, told
            assert "The state is locked" in told
            eventually(lambda: bool(on.campaigns()))

            code, told = on.run("plan")
            assert code == 6
            assert f"(process {winner.pid}" in told
            assert "runs 'apply'" in told
            code, told = on.run("state", "unlock")
            assert code == 6
            assert f"(process {winner.pid}" in told
            assert winner.poll() is None
        finally:
            for apply in applies:
                apply.kill()
                apply.communicate()

        if name not in HEAL_THEMSELVES:
            code, told = on.run("apply", "--auto-approve")
            assert code == 6
            assert f"(process {winner.pid}" in told
            code, told = on.run("state", "unlock")  # it was alive a moment ago
            assert code == 6
            code, told = on.run("state", "unlock", "--force")
            assert code == 0
            assert f"(process {winner.pid}" in told
        code, told = on.run("apply", "--auto-approve")
        assert code in (0, 7), told  # in doubt, unless the balance shows what happened
        if code == 7:
            code, told = on.run("resolve", "campaign.hello", "--happened")
            assert code == 0, told
        code, told = on.run("apply", "--auto-approve")
        assert code == 0, told
        assert len(on.campaigns()) == 1
