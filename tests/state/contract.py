"""What every state backend promises (smsops/edge/state/backend.py), as tests. A subclass of a few lines is a backend's test."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from smsops.edge.state.backend import Backend, Blob, Conflict, Holder, Lock
from smsops.edge.state.open import open_backend
from smsops.errors import LockedError, StateError
from tests.servers import Server

REMOTE = ("s3", "gcs", "azure", "postgres")
ALL = ("file", *REMOTE)

CONTENDERS = 4

BINARY = (b"", b"\0", bytes(range(256)), b"\xff\xfe", b"no newline", b"\r\nlines\n\n", "Zoë".encode(), b"0" * 300_000)

OpenOne = Callable[[], Backend]


def address_of(name: str, request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """The URL of a state that is nobody else's, and the environment that it needs. A file's is below the root."""
    if name == "file":
        return "file:.smsops/state.json", {}
    server: Server = request.getfixturevalue(f"{name}_server")
    return f"{server.prefix}/{uuid.uuid4()}/state.json", dict(server.environment)


def opener(name: str, request: pytest.FixtureRequest, root: Path) -> OpenOne:
    """Opens one new state, again and again: each backend sees what the others do, as those of other processes would."""
    url, environment = address_of(name, request)
    return lambda: open_backend(url, root, environment)


def holder(command: str = "apply", **changes: Any) -> Holder:
    """A holder with a new id."""
    return Holder.this_process(command, None, {})._replace(**changes)


def at_once(work: Callable[[int], bool], workers: int = CONTENDERS) -> list[bool]:
    """What several threads that start together come to."""
    barrier = Barrier(workers)

    def start(number: int) -> bool:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(start, range(workers)))


def succeeds(work: Callable[[], object]) -> bool:
    """Whether it went well; the alternative is a Conflict."""
    try:
        work()
    except Conflict:
        return False
    return True


class BackendContract:
    """The tests. A subclass has a fixture `open_one`."""

    many = 1005
    """More records than a store lists at once."""

    @pytest.fixture
    def open_one(self, request: pytest.FixtureRequest, tmp_path: Path) -> OpenOne:
        """Opens one state: two backends of it see the same storage, as those of two processes would."""
        raise NotImplementedError

    @pytest.fixture
    def backend(self, open_one: OpenOne) -> Backend:
        return open_one()

    @pytest.fixture
    def other(self, open_one: OpenOne) -> Backend:
        return open_one()

    def turn(self, backend: Backend) -> AbstractContextManager[object]:
        """What a process needs to change something while others do too."""
        return nullcontext()

    # -- blobs ------------------------------------------------------------------------------

    def test_nothing_is_there_at_first(self, backend: Backend) -> None:
        """A new place holds no blob, no log, no names and no holder, and looking makes none."""
        for _ in range(2):
            assert backend.read("state") is None
            assert backend.read("backups/list-vip") is None
            assert backend.records("journal/00000001") == []
            assert backend.names("backups") == []
            assert backend.held() is None

    def test_what_is_written_is_read(self, backend: Backend, other: Backend) -> None:
        """Any bytes come back as they were written, also to another process, and replace what was there."""
        for content in BINARY:
            backend.write("backups/list-vip", content)
            for each in (backend, other):
                found = each.read("backups/list-vip")
                assert found is not None
                assert found.content == content

    def test_a_blob_that_is_replaced(self, backend: Backend, other: Backend) -> None:
        """Replacing the version that is there succeeds, and names the version that is there then."""
        version = backend.replace("state", b"1", None)
        assert other.read("state") == Blob(b"1", version)
        for number, content in enumerate(BINARY):
            version = (backend, other)[number % 2].replace("state", content, version)
            assert backend.read("state") == Blob(content, version)
            assert other.read("state") == Blob(content, version)

    def test_the_version_of_a_blob_that_was_written(self, backend: Backend) -> None:
        """Writing gives a blob a version too, over which it is replaced."""
        backend.write("state", b"1")
        first = backend.read("state")
        assert first is not None
        backend.write("state", b"2")
        with pytest.raises(Conflict):
            backend.replace("state", b"3", first.version)
        second = backend.read("state")
        assert second is not None
        backend.replace("state", b"3", second.version)
        assert (found := backend.read("state")) is not None
        assert found.content == b"3"

    def test_replacing_something_else_conflicts(self, backend: Backend, other: Backend) -> None:
        """Where something else is there than was expected, or nothing, or something where nothing was, nothing is written."""
        first = backend.replace("state", b"1", None)
        with pytest.raises(Conflict):
            other.replace("state", b"x", None)
        second = other.replace("state", b"2", first)
        for expected in (first, None):
            with pytest.raises(Conflict):
                backend.replace("state", b"x", expected)
        assert backend.read("state") == Blob(b"2", second)
        backend.delete("state")
        with pytest.raises(Conflict):
            other.replace("state", b"x", second)
        assert other.read("state") is None
        other.replace("state", b"3", None)
        with pytest.raises(Conflict):
            backend.replace("state", b"x", second)
        assert (found := backend.read("state")) is not None
        assert found.content == b"3"

    def test_versions_never_come_back(self, backend: Backend) -> None:
        """No version of a blob is ever that of another content it had."""
        versions = [backend.replace("state", b"0", None)]
        for number in range(1, 6):
            versions.append(backend.replace("state", b"%d" % number, versions[-1]))
        backend.delete("state")
        versions.append(backend.replace("state", b"again", None))
        assert len(set(versions)) == len(versions)

    def test_one_of_many_replaces(self, backend: Backend, open_one: OpenOne) -> None:
        """Of several processes that replace one version at once, one wins, and its content is there."""
        version = None
        for round_ in range(3):
            others = [open_one() for _ in range(CONTENDERS)]
            contents = [b"%d of %d" % (round_, number) for number in range(CONTENDERS)]

            def attempt(
                number: int,
                others: list[Backend] = others,
                contents: list[bytes] = contents,
                expected: str | None = version,
            ) -> bool:
                with self.turn(others[number]):
                    return succeeds(lambda: others[number].replace("state", contents[number], expected))

            won = at_once(attempt)
            assert won.count(True) == 1
            found = backend.read("state")
            assert found is not None
            assert found.content == contents[won.index(True)]
            version = found.version

    def test_deleting(self, backend: Backend, other: Backend) -> None:
        """What is deleted is gone for everybody, the rest stays, and deleting it again does no harm."""
        for name in ("backups/a", "backups/b"):
            backend.write(name, b"content")
        backend.append("journal/00000001", 0, b"record")
        for _ in range(2):
            other.delete("backups/a")
            other.delete("journal/00000001")
        assert backend.read("backups/a") is None
        assert backend.records("journal/00000001") == []
        assert backend.names("backups") == other.names("backups") == ["backups/b"]
        assert backend.names("journal") == []

    # -- names ------------------------------------------------------------------------------

    def test_names(self, backend: Backend, other: Backend) -> None:
        """A folder's names are whole and sorted, of blobs and logs, each once, and of no other folder."""
        names = ["backups/list++vip", "backups/list+acme.paris+v_i@p", "backups/list+b:c+d.new", "backups/z.lock"]
        for name in (*names, "backupsx/a", "backup/a", "backups-old/a", "state"):
            backend.write(name, b"content")
        for position in range(12):
            backend.append("backups/a-log", position, b"record")
        assert backend.names("backups") == other.names("backups") == ["backups/a-log", *names]
        assert other.names("backup") == ["backup/a"]
        assert other.names("nothing") == []
        for name in names:
            backend.delete(name)
        assert other.names("backups") == ["backups/a-log"]

    # -- logs -------------------------------------------------------------------------------

    def test_a_log_keeps_its_order(self, backend: Backend, other: Backend) -> None:
        """Records come back in their order, whatever is in them, and whoever appended them."""
        records = [content.replace(b"\n", b"-") for content in BINARY] + [b"%d" % number for number in range(15)]
        for position, record in enumerate(records):
            backend.append("history", position, record)
        assert backend.records("history") == other.records("history") == records
        with self.turn(other):
            other.append("history", len(records), b"by another")
        assert other.records("history") == backend.records("history") == [*records, b"by another"]

    def test_a_position_is_taken_once(self, backend: Backend, other: Backend) -> None:
        """A position that is taken conflicts, with the same record too, and the log is as it was."""
        backend.append("history", 0, b"first")
        backend.append("history", 1, b"second")
        for position, record in ((0, b"first"), (1, b"other"), (1, b"second"), (0, b"")):
            for each in (backend, other):
                with self.turn(each), pytest.raises(Conflict):
                    each.append("history", position, record)
        with self.turn(other):
            other.append("history", 2, b"third")
        with self.turn(backend), pytest.raises(Conflict):
            backend.append("history", 2, b"third")
        assert backend.records("history") == [b"first", b"second", b"third"]

    def test_one_of_many_appends(self, backend: Backend, open_one: OpenOne) -> None:
        """Of several processes that append at one position at once, one wins, also where all append the same."""
        for position in range(3):
            others = [open_one() for _ in range(CONTENDERS)]

            def attempt(number: int, others: list[Backend] = others, position: int = position) -> bool:
                with self.turn(others[number]):
                    return succeeds(lambda: others[number].append("history", position, b"the same"))

            assert at_once(attempt).count(True) == 1
        assert backend.records("history") == [b"the same"] * 3

    def test_logs_are_apart(self, backend: Backend) -> None:
        """A log knows nothing of another one, whatever their names have in common, and a deleted one begins anew."""
        names = ("journal/00000001", "journal/00000010", "journal/1", "history")
        for name in names:
            backend.append(name, 0, name.encode())
        for name in names:
            assert backend.records(name) == [name.encode()]
        backend.delete("journal/1")
        assert backend.names("journal") == ["journal/00000001", "journal/00000010"]
        assert backend.records("journal/00000010") == [b"journal/00000010"]
        backend.append("journal/1", 0, b"anew")
        assert backend.records("journal/1") == [b"anew"]

    def test_a_long_log(self, backend: Backend, other: Backend) -> None:
        """A log has room for more records than a store lists at once; it has one name, and goes away as a whole."""
        with backend.lock(holder()):
            for position in range(self.many):
                backend.append("journal/00000001", position, b"%d" % position)
            assert other.records("journal/00000001") == [b"%d" % position for position in range(self.many)]
            assert other.names("journal") == ["journal/00000001"]
            with pytest.raises(Conflict):
                backend.append("journal/00000001", self.many - 1, b"taken")
            backend.delete("journal/00000001")
            assert other.records("journal/00000001") == []
            assert other.names("journal") == []
            backend.append("journal/00000001", 0, b"anew")
            assert other.records("journal/00000001") == [b"anew"]

    # -- the lock ---------------------------------------------------------------------------

    def test_a_holder_does_everything(self, backend: Backend, other: Backend) -> None:
        """Whoever holds the lock reads and writes as without it, and others see that."""
        with backend.lock(holder()) as lock:
            lock.check()
            version = backend.replace("state", b"1", None)
            backend.write("backups/a", b"2")
            backend.append("history", 0, b"3")
            assert backend.read("state") == Blob(b"1", version)
            assert backend.names("backups") == ["backups/a"]
            lock.check()
        assert other.read("state") == Blob(b"1", version)
        assert other.records("history") == [b"3"]
        assert other.names("backups") == ["backups/a"]
        assert other.names("lock") == []

    def test_a_holder_has_threads(self, backend: Backend) -> None:
        """Several threads of the holder may use its backend at once."""
        with backend.lock(holder()):

            def work(number: int) -> bool:
                backend.write(f"backups/{number}", b"%d" % number)
                backend.append(f"log/{number}", 0, b"record")
                found = backend.read(f"backups/{number}")
                return found is not None and found.content == b"%d" % number

            # A file's log is open for one log at a time, and only the journal is written while others work.
            assert all(at_once(work) if backend.remote else map(work, range(CONTENDERS)))
            assert backend.names("backups") == [f"backups/{number}" for number in range(CONTENDERS)]

    def test_the_lock_is_one_process_s(self, backend: Backend, other: Backend) -> None:
        """Nobody else gets a lock that is held alone, nor a shared one, until it ends; then everybody can."""
        with backend.lock(holder()):
            for shared in (False, True):
                with pytest.raises(LockedError) as refused, other.lock(holder(), shared=shared):
                    pass
                assert refused.value.code == "SMS406"
                assert refused.value.exit_code == 6
        for shared in (True, False, True):
            with other.lock(holder(), shared=shared) as lock:
                lock.check()

    def test_states_are_locked_apart(self, backend: Backend, open_another: OpenOne) -> None:
        """The lock of one state is none on another in the same storage."""
        with backend.lock(holder()):
            elsewhere = open_another()
            assert elsewhere.held() is None
            with elsewhere.lock(holder()):
                elsewhere.write("state", b"elsewhere")
        assert backend.read("state") is None

    @pytest.fixture
    def open_another(self, request: pytest.FixtureRequest, tmp_path: Path) -> OpenOne:
        """Opens another state in the same storage."""
        raise NotImplementedError

    def test_whoever_is_refused_is_told_who_holds_it(self, backend: Backend, other: Backend) -> None:
        """The error names the person, the process, the command, since when, the commit and the run of CI."""
        them = holder(
            "apply --auto-approve",
            who="zoë@machine",
            pid=4711,
            since="2026-11-22T09:00:00+00:00",
            commit="0123456789abcdef",
            ci_run="https://ci.example/acme/sms/runs/42",
        )
        with backend.lock(them):
            for shared in (False, True):
                with pytest.raises(LockedError) as refused, other.lock(holder(), shared=shared):
                    pass
                for part in (them.who, "4711", repr(them.command), them.since, "0123456789", them.ci_run):
                    assert str(part) in str(refused.value)

    def test_who_holds_it(self, backend: Backend, other: Backend) -> None:
        """Everybody sees who holds the state and that they live, while they do, and nobody before and after."""
        them = holder(commit="0123456789abcdef", ci_run="https://ci.example/42")
        assert other.held() is None
        with backend.lock(them):
            for each in (backend, other):
                held = each.held()
                assert held is not None
                assert held.holder._replace(heartbeat=them.heartbeat) == them
                assert not held.looks_dead
                assert held.why
                assert not held.holder.looks_dead(datetime.now(UTC))
        assert backend.held() is None
        assert other.held() is None

    def test_looking_does_not_get_in_the_way(self, backend: Backend, other: Backend) -> None:
        """Whoever looks who holds the state keeps nobody from taking it."""

        def look() -> None:
            for _ in range(20):
                other.held()

        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(look)
            while not looking.done():
                with backend.lock(holder()):
                    pass
            looking.result()

    def test_readers_share(self, backend: Backend, other: Backend, open_one: OpenOne) -> None:
        """Several readers hold the state at once and are nobody who holds it; after them it can be held alone."""
        with backend.lock(holder("plan"), shared=True) as first, other.lock(holder("plan"), shared=True) as second:
            first.check()
            second.check()
            assert backend.read("state") is None
            assert open_one().held() is None
        with backend.lock(holder()):
            pass

    def test_a_reader_may_be_in_the_way(self, backend: Backend, other: Backend) -> None:
        """Whoever is refused because of a reader is not told of a holder that has gone."""
        gone = holder("apply of yesterday")
        with suppress(ZeroDivisionError), backend.lock(gone):
            raise ZeroDivisionError
        told = ""
        with backend.lock(holder("plan"), shared=True), ExitStack() as held:
            try:
                held.enter_context(other.lock(holder()))
            except LockedError as refused:
                told = str(refused)
        assert gone.command not in told

    def test_waiting_for_it(self, backend: Backend, other: Backend) -> None:
        """Whoever waits gets the lock as soon as it is free, and is refused when the time is over."""
        for shared in (False, True):
            with ExitStack() as held, ThreadPoolExecutor(1) as pool:
                held.enter_context(backend.lock(holder()))
                before = time.monotonic()
                with pytest.raises(LockedError), other.lock(holder(), wait=0.2, shared=shared):
                    pass
                assert time.monotonic() - before >= 0.2

                def wait(shared: bool = shared) -> None:
                    with other.lock(holder(), wait=60, shared=shared) as lock:
                        lock.check()

                waiting = pool.submit(wait)
                time.sleep(0.2)
                assert not waiting.done()
                held.close()
                waiting.result()

    def test_one_of_many_holders(self, open_one: OpenOne) -> None:
        """Of several processes that take the lock at once one wins, and the others are told of it by name."""
        for round_ in range(2):
            refusals: list[str] = []
            with ExitStack() as held:
                backends = [open_one() for _ in range(CONTENDERS)]

                def attempt(
                    number: int,
                    held: ExitStack = held,
                    backends: list[Backend] = backends,
                    refusals: list[str] = refusals,
                    round_: int = round_,
                ) -> bool:
                    try:
                        held.enter_context(backends[number].lock(holder(f"apply {round_}{number}")))
                    except LockedError as refused:
                        refusals.append(str(refused))
                        return False
                    return True

                won = at_once(attempt)
                assert won.count(True) == 1
                now = open_one().held()
                assert now is not None
                assert now.holder.command == f"apply {round_}{won.index(True)}"
                assert len(refusals) == CONTENDERS - 1
                named = [text for text in refusals if "runs" in text]  # who comes in the very moment may know no name
                assert all(f"runs {now.holder.command!r}" in text for text in named)

    def test_a_failure_ends_it(self, backend: Backend, other: Backend) -> None:
        """Whatever is raised while the lock is held goes through, and the lock has ended."""

        class Stopped(BaseException):
            pass

        for failure in (StateError("failed"), ZeroDivisionError(), KeyboardInterrupt(), Stopped()):
            for shared in (False, True):
                with pytest.raises(type(failure)), backend.lock(holder(), shared=shared):
                    raise failure
                assert other.held() is None
        with other.lock(holder()):
            pass

    def test_a_journal_that_is_open_when_the_lock_ends(self, backend: Backend, other: Backend) -> None:
        """A holder goes on with a log where another one, who held the state in between, has left it."""
        with backend.lock(holder()):
            backend.append("history", 0, b"1")
        with other.lock(holder()):
            other.append("history", 1, b"2")
        with backend.lock(holder()):
            with pytest.raises(Conflict):
                backend.append("history", 1, b"x")
            backend.append("history", 2, b"3")
        with other.lock(holder()):
            other.delete("history")
        with backend.lock(holder()):
            backend.append("history", 0, b"anew")
        assert other.records("history") == [b"anew"]

    # -- taking it away ---------------------------------------------------------------------

    def test_releasing_what_nobody_holds(self, backend: Backend, other: Backend) -> None:
        """A lock that has ended by itself needs no release, and trying does no harm."""
        gone = holder()
        with backend.lock(gone):
            pass
        other.release(gone)
        with backend.lock(holder()):
            pass

    def test_releasing_what_another_one_holds(self, backend: Backend, other: Backend) -> None:
        """Releasing the lock of a holder that has gone leaves the next one's alone, and says whose it is."""
        gone, next_one = holder("first"), holder("second")
        with backend.lock(gone):
            pass
        with backend.lock(next_one) as lock:
            with pytest.raises(LockedError):
                other.release(gone)
            lock.check()
            held = other.held()
            assert held is not None
            assert held.holder.id == next_one.id
            backend.write("state", b"still here")


class ReleasableContract(BackendContract):
    """What a backend promises besides whose lock can be taken away from a holder that lives."""

    def test_taking_it_away(self, backend: Backend, other: Backend) -> None:
        """A lock that was taken from a holder is free for the next one."""
        with backend.lock(holder()):
            held = other.held()
            assert held is not None
            other.release(held.holder)
            assert other.held() is None
            with other.lock(holder("next")) as next_lock:
                next_lock.check()
                other.write("state", b"the next one's")

    def test_a_former_holder_finds_out(self, backend: Backend, other: Backend) -> None:
        """A former holder can neither replace nor append over what the next one did, and does not end its lock."""
        with self.taken_away(backend, other) as (_, version):
            other.append("journal/00000000", 1, b"the next one's")
            other.replace("state", b"the next one's", version)
            with pytest.raises((Conflict, StateError)):
                backend.append("journal/00000000", 1, b"the former one's")
            with pytest.raises((Conflict, StateError)):
                backend.replace("state", b"the former one's", version)
            assert other.records("journal/00000000") == [b"acknowledged", b"the next one's"]

    def test_a_former_holder_goes_on_with_a_log_that_is_gone(self, backend: Backend, other: Backend) -> None:
        """A former holder cannot go on with its log once the next one has ended and removed it: it would be lost."""
        with self.taken_away(backend, other):
            other.append("journal/00000000", 1, b"ended")
            other.delete("journal/00000000")
            with pytest.raises((Conflict, StateError)):
                backend.append("journal/00000000", 1, b"the former one's")
            assert other.records("journal/00000000") == []
            assert other.names("journal") == []

    @contextmanager
    def taken_away(self, backend: Backend, other: Backend) -> Iterator[tuple[Lock, str]]:
        """`backend` believes to hold what `other` holds by now; it had acknowledged a record, and a state."""
        next_one = holder("next")
        with ExitStack() as next_lock:
            with backend.lock(holder("former")) as lock:
                version = backend.replace("state", b"1", None)
                backend.append("journal/00000000", 0, b"acknowledged")
                held = other.held()
                assert held is not None
                other.release(held.holder)
                next_lock.enter_context(other.lock(next_one))
                yield lock, version
            held = other.held()
            assert held is not None
            assert held.holder.id == next_one.id
        assert other.held() is None
