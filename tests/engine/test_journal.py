"""A process that dies: what it had done is known, what it may have done is in doubt, and the next one finishes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smsops.sandbox.app import Sandbox
from tests.engine.world import CHANGED, Killed, assert_world, killed_at_event, settle, world
from tests.harness import API_KEY, LOGIN, Stack
from tests.kinds.contract import mutating, people, person

LONGEST = 60


def journal(stack: Stack) -> Path:
    """The journal of the run that died."""
    (path,) = stack.journals
    return path


def die_everywhere(stack: Stack, *options: str, written: bool) -> int:
    """Let apply die at its first record, go on and die at the second one of what is left, and so on to its end."""
    for number in range(LONGEST):
        before = stack.sandbox.snapshot()
        try:
            with killed_at_event(number, written=written):
                code = stack.run("apply", "--auto-approve", "--parallelism", "1", *options).exit_code
        except Killed:
            settle(stack, before)
        else:
            assert code == 0
            return number
    raise AssertionError("it never comes to an end")


@pytest.mark.parametrize("written", [True, False], ids=["behind", "before"])
class TestKilledBetweenRecords:
    def test_create(self, stack: Stack, written: bool) -> None:
        """Wherever an apply that creates dies, the next ones finish it, and nothing has happened twice."""
        stack.write(world())
        assert die_everywhere(stack, written=written) > 2
        assert_world(stack)

    def test_change(self, stack: Stack, written: bool) -> None:
        """Wherever an apply that changes things dies, the next ones finish it, and nothing has happened twice."""
        stack.write(world())
        stack.apply()
        stack.write(world(**CHANGED))
        assert die_everywhere(stack, written=written) > 2
        assert_world(stack, people=5, grants=2)

    def test_destroy(self, stack: Stack, written: bool) -> None:
        """Wherever a destroy dies, the next ones finish it, and every credit is back."""
        before = stack.sandbox.snapshot()
        stack.write(world())
        stack.apply()
        assert die_everywhere(stack, "--destroy", written=written) > 2
        assert {**stack.sandbox.snapshot(), "campaigns": []} == before
        assert stack.state["resources"] == {}

    @pytest.mark.parametrize("number", range(12))
    def test_once_anywhere(self, stack: Stack, written: bool, number: int) -> None:
        """A first apply that dies once is finished by one more."""
        stack.write(world())
        before = stack.sandbox.snapshot()
        with contextlib.suppress(Killed), killed_at_event(number, written=written):
            stack.run("apply", "--auto-approve")
        settle(stack, before)
        stack.apply()
        assert_world(stack)


@pytest.mark.parametrize("written", [True, False], ids=["behind", "before"])
@pytest.mark.parametrize("number", range(3))
def test_a_rename_that_was_not_recorded(stack: Stack, number: int, written: bool) -> None:
    """An account that was renamed when the process died is known by its new login, also to what stands inside."""
    stack.write({"sub_accounts": {"paris": person()}})
    stack.apply()
    stack.write({"sub_accounts": {"paris": person(login="lutetia", lists={"vip": {}})}})
    with contextlib.suppress(Killed), killed_at_event(number, written=written):
        stack.run("apply", "--auto-approve")
    stack.apply()
    assert stack.state["resources"]["sub_account.paris"]["identity"] == "lutetia"
    assert list(stack.sandbox.snapshot()["lists"]["lutetia"]) == ["vip"]
    assert stack.changes() == {}


def test_the_state_is_what_the_journal_says(stack: Stack) -> None:
    """A journal that nobody folded counts for every command, and plans do not change it."""
    stack.write(world())
    with contextlib.suppress(Killed), killed_at_event(2, written=True):
        stack.run("apply", "--auto-approve", "--parallelism", "1")
    content = journal(stack).read_bytes()
    assert not (stack.root / ".smsops" / "state.json").exists()
    owned = stack.run("state", "list").stdout.split()
    assert owned == ["list.vip", "sub_account.paris"]  # the list was about to be made
    assert "sub_account.paris" not in stack.changes()
    assert stack.changes()["list.vip"] == ["create"]
    assert json.loads(stack.run("state", "pull").stdout)["account"] == LOGIN
    assert journal(stack).read_bytes() == content
    stack.apply()
    assert stack.journals == []


@pytest.mark.parametrize("torn", [b'[{"event": "put", "addr', b"\xff\xfe", b'[{"event":"drop","address":"list.vip"}]'])
def test_a_torn_line(stack: Stack, torn: bytes) -> None:
    """What follows the last newline of a journal was never acknowledged, and does not count."""
    stack.write(world())
    with contextlib.suppress(Killed), killed_at_event(6, written=True):
        stack.run("apply", "--auto-approve", "--parallelism", "1")
    owned = stack.run("state", "list").stdout
    with journal(stack).open("ab") as file:
        file.write(torn)
    assert stack.run("state", "list").stdout == owned
    stack.apply()
    assert_world(stack)


def test_a_journal_without_its_first_line(stack: Stack) -> None:
    """A journal that was never begun in earnest is no journal."""
    stack.write(world())
    stack.apply()
    path = stack.root / ".smsops" / "state.json.journal.00000001"
    path.write_bytes(b'{"journal": 1, "linea')
    assert stack.changes() == {}
    stack.write(world(**CHANGED))
    stack.apply()
    assert_world(stack, people=5, grants=2)


@pytest.mark.parametrize("line", [b"{}\n", b"[1]\n", b'[{"event": "spin"}]\n', b"nonsense\n"])
def test_a_damaged_journal_stops_everything(stack: Stack, line: bytes) -> None:
    """A journal that makes no sense is not passed over: it may tell of calls that were made."""
    stack.write(world())
    with contextlib.suppress(Killed), killed_at_event(3, written=True):
        stack.run("apply", "--auto-approve", "--parallelism", "1")
    with journal(stack).open("ab") as file:
        file.write(line)
    stack.calls()
    for command in (("plan",), ("apply", "--auto-approve"), ("state", "list")):
        result = stack.run(*command)
        assert result.exit_code == 1
        assert "is damaged" in result.stderr
    assert mutating(stack.calls()) == []


def test_a_journal_that_was_folded_already(stack: Stack) -> None:
    """A process that dies behind its last fold leaves a journal that has no effect any more."""
    stack.write(world())
    stack.apply()
    with contextlib.suppress(Killed), killed_at_event(2, written=True):
        stack.write(world(**CHANGED))
        stack.run("apply", "--auto-approve", "--parallelism", "1")
    path, old = journal(stack), journal(stack).read_bytes()
    stack.apply()
    path.write_bytes(old)
    assert stack.changes() == {}
    assert_world(stack, people=5, grants=2)


def test_a_journal_of_another_state(stack: Stack) -> None:
    """A state file that was replaced under an unfinished apply is not mixed with its journal."""
    stack.write(world())
    stack.apply()
    with contextlib.suppress(Killed), killed_at_event(2, written=True):
        stack.write(world(**CHANGED))
        stack.run("apply", "--auto-approve", "--parallelism", "1")
    path = stack.root / ".smsops" / "state.json"
    document = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**document, "lineage": "another"}), "utf-8")
    result = stack.run("plan")
    assert result.exit_code == 1
    assert "belongs to another state" in result.stderr


def test_files_are_private(stack: Stack) -> None:
    """State, journal, lock, backups and plans have mode 0600, whatever the umask."""
    old = os.umask(0)
    try:
        stack.write(world())
        stack.run("plan", "-o", str(stack.root / "saved.plan"))
        stack.apply()
        sections = world(**CHANGED)
        sections["lists"]["vip"]["locked"] = True
        stack.write(sections)
        with contextlib.suppress(Killed), killed_at_event(4, written=True):
            stack.run("apply", "--auto-approve", "--parallelism", "1")
    finally:
        os.umask(old)
    files = [path for path in (stack.root / ".smsops").rglob("*") if path.is_file()] + [stack.root / "saved.plan"]
    modes = {path.name: path.stat().st_mode & 0o777 for path in files}
    assert {"state.json", "state.json.journal.00000001", "state.json.lock", "saved.plan"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    assert (stack.root / ".smsops").stat().st_mode & 0o777 == 0o700


def test_a_process_that_is_killed(tmp_path: Path) -> None:
    """A real process killed in the middle of a sending leaves it in doubt, holds no lock, and nobody is texted twice."""
    root = tmp_path / "stack"
    stack = Stack(root)
    stack.write({**_quiet_world(), "account": {"url": "sandbox:", "login": LOGIN}})
    (root / ".smsops").mkdir()
    sandbox = Sandbox(root / ".smsops" / "sandbox.db")
    sandbox.ensure_master(LOGIN, API_KEY)
    sandbox.fail("sendSms", "hang_after")
    environment = {**os.environ, **stack.environment}
    command = [sys.executable, "-m", "smsops", "-C", str(root), "apply", "--auto-approve"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not sandbox.campaigns() and time.monotonic() < deadline:
            time.sleep(0.02)
        locked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert locked.returncode == 6
        assert f"(process {process.pid}) runs 'apply'" in locked.stderr
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0  # the balance shows that it happened
    assert len(sandbox.campaigns()) == 1
    sandbox.close()
    stack.sandbox.close()


def _quiet_world() -> dict[str, object]:
    contacts = [{"inline": people(range(3))}]
    return {
        "lists": {"vip": {"contacts": contacts}},
        "campaigns": {
            "hello": {"message": "Hello", "schedule": "2099-12-01 10:00", "audience": {"lists": ["vip"]}},
        },
    }
