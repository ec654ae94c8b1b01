"""`state unlock` and `state migrate`: a lock is taken from the dead only, and a state is in one place at a time."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smsops.cli.main import run
from smsops.cli.options import Globals
from smsops.edge.state.backend import HEARTBEAT, Backend, Held, Holder, lock_lost
from smsops.edge.state.open import open_backend
from smsops.surroundings import Surroundings
from tests.engine.world import CHANGED, Killed, assert_world, incomplete, killed_at_event, refuse, world
from tests.harness import API_KEY, READS, Result, Stack
from tests.kinds.contract import PERSON, assert_discreet, inline, mutating, people, person, phone
from tests.simulation.disk import Disk, Mortal, Process

AWAY = "s3://bucket/test/state.json"
PHONES = [PERSON["mobile"], *(phone(number) for number in (*range(5), *range(100, 105)))]


class Away(Mortal):
    """A backend like an object store's: its lock is a note with a sign of life, which anybody can take away."""

    where = AWAY

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk, Process(), lambda step: None, remote=True)

    @contextmanager
    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> Iterator[Any]:
        with super().lock(holder, wait=wait, shared=shared) as lock:
            yield lock if shared else _Note(self._disk, holder)

    def held(self) -> Held | None:
        holder = self._disk.holder
        if holder is None:
            return None
        return Held(holder, holder.looks_dead(datetime.now(UTC)), f"its last sign of life was at {holder.heartbeat}")

    def release(self, holder: Holder) -> None:
        if self._disk.holder is not None and self._disk.holder.id == holder.id:
            self._disk.holder = self._disk.holding = None


@dataclass
class _Note:
    disk: Disk
    holder: Holder

    def check(self) -> None:
        if self.disk.holder is None or self.disk.holder.id != self.holder.id:
            raise lock_lost(None)


@dataclass
class Travelling(Stack):
    """A stack whose `s3:` addresses lead to a disk of the test."""

    disk: Disk = field(default_factory=Disk)

    def open(self, url: str, root: Path, environment: Mapping[str, str]) -> Backend:
        return Away(self.disk) if url.startswith("s3:") else open_backend(url, root, environment)

    def run(self, *arguments: str) -> Result:
        out, err = io.StringIO(), io.StringIO()
        surroundings = Surroundings(self.kinds, self.environment, self.now, self.connect, self.open)
        given = Globals(directory=self.root, environment=self.environment, surroundings=surroundings)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            exit_code = run(arguments, given)
        return Result(int(exit_code), out.getvalue(), err.getvalue())


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Travelling]:
    """A stack with its state on a disk elsewhere, applied."""
    stack = Travelling(tmp_path / "stack")
    stack.write({**world(), "state": AWAY})
    stack.apply()
    yield stack
    stack.close()


def holder(age: timedelta) -> Holder:
    """A run in CI whose last sign of life is so old."""
    found = Holder.this_process("apply", "1234567890abcdef", {"CI_JOB_URL": "https://ci.example/42"})
    return found._replace(heartbeat=(datetime.now(UTC) - age).isoformat(timespec="seconds"))


def hold(stack: Travelling, age: timedelta) -> Holder:
    """Let a run elsewhere hold the state."""
    found = holder(age)
    stack.disk.holder, stack.disk.holding = found, Process()
    return found


LONG, SHORT = timedelta(hours=2), timedelta(seconds=1)


def many(city: str = "Paris", shop: str = "Paris") -> dict[str, Any]:
    """Several sub-accounts, and several lists with a contact each."""
    fields: dict[str, Any] = {"SHOP": {}}
    return {
        "sub_accounts": {f"s{number}": person(city=city) for number in range(3)},
        "lists": {
            f"l{number}": {"fields": fields, "contacts": inline(*people([number], SHOP=shop))} for number in range(3)
        },
    }


class TestUnlock:
    @pytest.fixture
    def watched(self, away: Travelling, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """How long unlock has watched, which takes no time here."""
        waited: list[float] = []
        monkeypatch.setattr(time, "sleep", waited.append)
        return waited

    def test_nobody_holds_it(self, away: Travelling, watched: list[float]) -> None:
        """Unlocking what is not locked is no error, and says so."""
        for options in ((), ("--force",)):
            result = away.run("state", "unlock", *options)
            assert (result.exit_code, result.stdout) == (0, "")
            assert "The state is not locked." in result.stderr
        assert watched == []

    def test_what_a_locked_command_says(self, away: Travelling) -> None:
        """Who finds a lock that looks dead is told whose it is, why it looks dead, and which command releases it."""
        found = hold(away, LONG)
        result = away.run("apply", "--auto-approve")
        assert result.exit_code == 6
        for words in (found.who, "commit 1234567890", "https://ci.example/42", found.heartbeat, "looks dead"):
            assert words in result.stderr
        assert "smsops state unlock" in result.stderr
        hold(away, SHORT)
        assert "smsops state unlock" not in away.run("apply", "--auto-approve").stderr

    def test_a_dead_holder(self, away: Travelling, watched: list[float]) -> None:
        """The lock of a run that gave no sign of life, nor gives one while it is watched, is released."""
        found = hold(away, LONG)
        result = away.run("state", "unlock")
        assert result.exit_code == 0, result.stderr
        assert f"Released the lock of {found}" in result.stderr
        (waited,) = watched
        assert waited > HEARTBEAT
        assert_world(away)

    def test_a_sign_of_life(self, away: Travelling, monkeypatch: pytest.MonkeyPatch) -> None:
        """Clocks differ: a holder that gives a sign of life while it is watched keeps its lock."""
        found = hold(away, LONG)
        alive = found._replace(heartbeat=(datetime.now(UTC) - LONG + timedelta(seconds=15)).isoformat())
        monkeypatch.setattr(time, "sleep", lambda seconds: setattr(away.disk, "holder", alive))
        result = away.run("state", "unlock")
        assert result.exit_code == 6
        assert "it has just given a sign of life" in result.stderr
        assert away.disk.holder == alive

    def test_somebody_else_meanwhile(self, away: Travelling, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who took the lock while the dead one was watched is not robbed of it."""
        hold(away, LONG)
        other = holder(SHORT)
        monkeypatch.setattr(time, "sleep", lambda seconds: setattr(away.disk, "holder", other))
        result = away.run("state", "unlock")
        assert result.exit_code == 6
        assert away.disk.holder == other

    def test_a_holder_that_ended_meanwhile(self, away: Travelling, monkeypatch: pytest.MonkeyPatch) -> None:
        """A holder that ends while it is watched leaves nothing to release."""
        hold(away, LONG)
        monkeypatch.setattr(time, "sleep", lambda seconds: Away(away.disk).release(away.disk.holder or holder(LONG)))
        assert away.run("state", "unlock").exit_code == 0
        assert_world(away)

    def test_a_living_holder(self, away: Travelling, watched: list[float]) -> None:
        """The lock of a run that looks alive is left alone, at once, and what to do is said."""
        found = hold(away, SHORT)
        result = away.run("state", "unlock")
        assert result.exit_code == 6
        assert str(found) in result.stderr
        assert "--force" in result.stderr
        assert (away.disk.holder, watched) == (found, [])

    @pytest.mark.parametrize("age", [LONG, SHORT], ids=["dead", "alive"])
    def test_force(self, away: Travelling, watched: list[float], age: timedelta) -> None:
        """--force releases it whatever it looks like, and does not watch."""
        hold(away, age)
        assert away.run("state", "unlock", "--force").exit_code == 0
        assert (away.disk.holder, watched) == (None, [])
        assert_world(away)

    def test_under_a_sending(self, away: Travelling, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run whose lock is taken away during a sending does not know that it happened: it is in doubt."""
        sections = world()
        sections["campaigns"]["again"] = {**sections["campaigns"]["hello"], "message": "Once more"}
        away.write({**sections, "state": AWAY})
        unlocked = self.unlocked_at(away, monkeypatch, "sendSms")
        result = incomplete(away, code=7)
        assert unlocked == [0]
        assert "The lock on the state was lost" in result.stdout
        assert [item["address"] for item in away.run("state", "pull").document["intents"]] == ["campaign.again"]
        away.apply()
        assert len(away.sandbox.campaigns()) == 3
        assert away.changes() == {}

    @pytest.mark.parametrize("kind", ["new", "changed", "deleted", "contacts"])
    def test_nothing_more_is_done(self, away: Travelling, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        """A run whose lock is taken away makes no call any more, but for the one that is in flight."""
        away.write({**many(), "state": AWAY})
        away.apply()
        wanted = {
            "new": {**many(), "lists": {f"l{number}": {} for number in range(8)}},
            "changed": many(city="Lyon"),
            "deleted": {**many(), "lists": {}},
            "contacts": many(shop="Lyon"),
        }
        away.write({**wanted[kind], "state": AWAY})
        unlocked = self.unlocked_at(away, monkeypatch, "")
        away.calls()
        incomplete(away, "--parallelism", "1")
        assert unlocked == [0]
        assert len(mutating(away.calls())) == 1
        away.apply()
        assert away.changes() == {}

    def unlocked_at(self, away: Travelling, monkeypatch: pytest.MonkeyPatch, wanted: str) -> list[int]:
        """Somebody unlocks by force before the next call of a method that changes anything is answered."""
        answer = away.sandbox.answer
        exit_codes: list[int] = []

        def unlock() -> None:
            exit_codes.append(away.run("state", "unlock", "--force").exit_code)

        def answering(method: str, form: dict[str, str]) -> Any:
            if not exit_codes and method not in READS and wanted in ("", method):
                thread = threading.Thread(target=unlock)
                thread.start()
                thread.join()
            return answer(method, form)

        monkeypatch.setattr(away.sandbox, "answer", answering)
        return exit_codes

    def test_a_process_on_this_machine(self, stack: Stack) -> None:
        """The system's lock cannot be taken from a process that lives, not even by force, and ends with it."""
        stack.write(world())
        stack.apply()
        code = (
            "import sys; from pathlib import Path\n"
            "from smsops.edge.state.backend import Holder; from smsops.edge.state.file import FileBackend\n"
            "with FileBackend(Path(sys.argv[1])).lock(Holder.this_process('apply', None, {})):\n"
            "    print('held', flush=True); sys.stdin.read()\n"
        )
        command = [sys.executable, "-c", code, str(stack.root / ".smsops" / "state.json")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "held\n"
            for options in ((), ("--force",)):
                result = stack.run("state", "unlock", *options)
                assert result.exit_code == 6
                assert f"process {process.pid}" in result.stderr
            assert stack.run("plan").exit_code == 6
            process.kill()
        assert "not locked" in stack.run("state", "unlock").stderr
        assert_world(stack)


def here(stack: Stack, name: str = "state.json") -> list[str]:
    """The files of a state on this machine, but for its lock."""
    found = sorted(path.name for path in (stack.root / ".smsops").glob(f"{name}*"))
    return [path for path in found if not path.endswith(".lock")]


class TestMigrate:
    @pytest.fixture
    def local(self, tmp_path: Path) -> Iterator[Travelling]:
        """A stack with its state on this machine, applied."""
        stack = Travelling(tmp_path / "stack")
        stack.write(world())
        stack.apply()
        yield stack
        stack.close()

    @pytest.mark.parametrize("to", [AWAY, "file:.smsops/other.json", "file:deep/down/state.json"])
    def test_there(self, local: Travelling, to: str) -> None:
        """A state that has moved plans empty at its new place and has its whole history there."""
        local.write(world(**CHANGED))
        local.apply()
        before, ran = local.run("state", "pull").document, local.run("history", "--format", "json").document
        local.calls()
        result = local.run("state", "migrate", to)
        assert (result.exit_code, result.stdout) == (0, "")
        assert f"state: {to}" in result.stderr
        assert local.calls() == []
        assert here(local) == ["state.json"]
        local.write({**world(**CHANGED), "state": to})
        assert local.run("state", "pull").document == before
        assert local.run("history", "--format", "json").document == ran
        assert_world(local, people=5, grants=2)
        local.run("destroy", "--auto-approve")
        assert [run["serial"] for run in local.run("history", "--format", "json").document["runs"]] == [3, 2, 1]

    @pytest.mark.parametrize(
        "command",
        [
            ("plan",),
            ("apply", "--auto-approve"),
            ("destroy", "--auto-approve"),
            ("state", "list"),
            ("state", "pull"),
            ("state", "rm", "list.vip"),
            ("state", "migrate", "file:third.json"),
            ("resolve", "campaign.hello", "--happened"),
            ("history",),
            ("history", "--format", "json"),
        ],
        ids=" ".join,
    )
    def test_the_old_place(self, local: Travelling, command: tuple[str, ...]) -> None:
        """At its old place every command says where the state has gone, and does nothing."""
        assert local.run("state", "migrate", AWAY).exit_code == 0
        left = here(local)
        local.calls()
        result = local.run(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"SMS446: The state has moved to {AWAY}" in result.stderr
        assert (mutating(local.calls()), here(local)) == ([], left)

    def test_back_again(self, local: Travelling) -> None:
        """A state can move back to where it was."""
        assert local.run("state", "migrate", AWAY).exit_code == 0
        local.write({**world(), "state": AWAY})
        assert local.run("state", "migrate", "file:.smsops/state.json").exit_code == 0
        local.write(world())
        assert_world(local)
        assert [*local.disk.blobs, *local.disk.logs] == ["state"]

    def test_twice(self, local: Travelling) -> None:
        """A move that is asked for again has no effect, and says where the state is."""
        assert local.run("state", "migrate", AWAY).exit_code == 0
        before = dict(local.disk.blobs)
        result = local.run("state", "migrate", AWAY)
        assert result.exit_code == 1
        assert "SMS446" in result.stderr
        assert local.disk.blobs == before

    @pytest.mark.parametrize("to", ["file:.smsops/state.json", "file:./.smsops/../.smsops/state.json"])
    def test_to_where_it_is(self, local: Travelling, to: str) -> None:
        """A move to where the state is already is told so, not that somebody else holds it."""
        before = local.state
        result = local.run("state", "migrate", to)
        assert result.exit_code == 1
        assert "locked" not in result.stderr
        assert local.state == before

    def test_nothing_to_move(self, stack: Stack) -> None:
        """A stack that was never applied has no state: it just names another place."""
        stack.write(world())
        result = stack.run("state", "migrate", "file:other.json")
        assert result.exit_code == 1
        assert "SMS447" in result.stderr
        stack.write({**world(), "state": "file:other.json"})
        assert stack.run("plan").exit_code == 0

    def test_a_place_that_is_taken(self, local: Travelling) -> None:
        """A place that holds another state is left as it is, and so is the state that was to move there."""
        local.write({"lists": {"other": {}}, "state": AWAY})
        local.apply()
        theirs, ours = dict(local.disk.blobs), local.state
        local.write(world())
        result = local.run("state", "migrate", AWAY)
        assert result.exit_code == 1
        assert "SMS445" in result.stderr
        assert (local.disk.blobs, local.state) == (theirs, ours)
        assert_world(local)

    @pytest.mark.parametrize(
        "to",
        [
            "",
            "state.json",
            "ftp://host/state.json",
            "S3://bucket/key",
            "file:",
            "s3://",
            "s3://user:hunter2@bucket/key",
            "postgresql://user:hunter2@host/database/key",
            "postgresql://host/database/key?password=hunter2",
            "postgresql://host/database/key?sslmode=require&sslpassword=hunter2",
            "s3://bucket/key?endpoint=https://user:hunter2@host",
            "file:/",
        ],
    )
    def test_addresses_that_are_refused(self, local: Travelling, to: str) -> None:
        """What is no address of a state, or has a password in it, is refused without being repeated."""
        before = local.state
        result = local.run("state", "migrate", to)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "SMS449" in result.stderr
        assert "hunter2" not in result.stderr
        assert local.state == before
        assert local.disk == Disk()

    @pytest.mark.parametrize("where", ["here", "there"])
    def test_while_somebody_holds_it(self, local: Travelling, where: str) -> None:
        """Nothing moves while somebody holds the one place or the other."""
        before = local.state
        with contextlib.ExitStack() as held:
            if where == "here":
                held.enter_context(local.store.lock("apply"))
            else:
                hold(local, SHORT)
            result = local.run("state", "migrate", AWAY)
        assert result.exit_code == 6
        assert "runs 'apply'" in result.stderr
        assert local.state == before
        assert local.disk.blobs == {}

    def test_behind_a_run_that_died(self, local: Travelling) -> None:
        """What a run that died has recorded moves along, and the next apply finishes it."""
        local.write(world(**CHANGED))
        with contextlib.suppress(Killed), killed_at_event(3, written=True):
            local.run("apply", "--auto-approve", "--parallelism", "1")
        assert local.run("state", "migrate", AWAY).exit_code == 0
        local.write({**world(**CHANGED), "state": AWAY})
        outcomes = [run["outcome"] for run in local.run("history", "--format", "json").document["runs"]]
        assert outcomes == ["died", "done"]
        if local.run("plan").exit_code == 7:
            local.clock += timedelta(minutes=15)
        local.apply()
        assert_world(local, people=5, grants=2)

    def test_doubts_move_along(self, local: Travelling) -> None:
        """What is in doubt is in doubt at the new place too, and is settled there."""
        sections = world()
        sections["campaigns"]["again"] = {**sections["campaigns"]["hello"], "message": "Once more"}
        local.write(sections)
        local.sandbox.fail("sendSms", "drop_after")
        incomplete(local, code=7)
        assert local.run("state", "migrate", AWAY).exit_code == 0
        local.write({**sections, "state": AWAY})
        assert [item["address"] for item in local.run("state", "pull").document["intents"]] == ["campaign.again"]
        local.apply()
        assert len(local.sandbox.campaigns()) == 3
        assert local.changes() == {}

    def test_in_the_middle_of_a_replacement(self, local: Travelling) -> None:
        """The backup of a list moves along, unreadable for whoever sees the new place, and no contact is lost."""
        sections = world()
        sections["lists"]["vip"]["fields"] = {"SHOP": {}, "CITY": {}}
        local.write(sections)
        refuse(local, "populateList")
        incomplete(local)
        local.sandbox.clear_faults()
        assert len(local.backups) == 1
        assert local.run("state", "migrate", AWAY).exit_code == 0
        assert local.backups == []
        (name,) = [name for name in local.disk.blobs if name.startswith("backups/")]
        assert_discreet(local.disk.blobs[name].decode(), phones=PHONES, secrets=[API_KEY])
        local.write({**sections, "state": AWAY})
        local.apply()
        assert_world(local)
        assert not [name for name in local.disk.blobs if name.startswith("backups/")]
