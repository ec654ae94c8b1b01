"""No acknowledged state is lost, wherever a process dies, whatever is lost on the way, and whoever takes its lock away."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from smsops.edge.state.backend import Backend, Blob, Held, Holder, Lock
from smsops.edge.state.file import FileBackend
from smsops.edge.state.store import StateStore
from smsops.errors import LockedError, StateError
from smsops.model.address import Address
from smsops.model.state import Drop, Entry, Put, State
from tests.state.contract import ALL, OpenOne, holder, opener

STACK, SALT = "test", "salt"
LONGEST = 120
RELEASABLE = ("s3", "gcs", "azure", "postgres")
Result = TypeVar("Result")


def document(content: object) -> bytes:
    """A backup as it is handed to the store."""
    return json.dumps(content, ensure_ascii=False).encode()


class Killed(BaseException):
    """The process is gone at this point."""


class Mortal:
    """A backend in front of another, that does something at one of the primitives: `at` is told what is about to be done.

    `at(number, perform)` is called instead of the primitive with this number, and performs it or does not.
    What a dead process holds stays held: see `bury`.
    """

    def __init__(self, backend: Backend, at: Callable[[int, str, Callable[[], Any]], Any]) -> None:
        self._backend = backend
        self._at = at
        self.count = 0
        self._held = ExitStack()
        self.where = backend.where
        self.remote = backend.remote

    def _do(self, what: str, perform: Callable[[], Result]) -> Result:
        number = self.count
        self.count += 1
        result: Result = self._at(number, what, perform)
        return result

    def read(self, name: str) -> Blob | None:
        return self._do("read", lambda: self._backend.read(name))

    def write(self, name: str, content: bytes) -> None:
        self._do("write", lambda: self._backend.write(name, content))

    def replace(self, name: str, content: bytes, expected: str | None) -> str:
        return self._do("replace", lambda: self._backend.replace(name, content, expected))

    def delete(self, name: str) -> None:
        self._do("delete", lambda: self._backend.delete(name))

    def names(self, folder: str) -> list[str]:
        return self._do("names", lambda: self._backend.names(folder))

    def append(self, log: str, position: int, record: bytes) -> None:
        self._do("append", lambda: self._backend.append(log, position, record))

    def records(self, log: str) -> list[bytes]:
        return self._do("records", lambda: self._backend.records(log))

    @contextmanager
    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> Iterator[Lock]:
        entered = self._backend.lock(holder, wait=wait, shared=shared)
        lock = self._do("lock", lambda: self._held.enter_context(entered))
        try:
            yield lock
        except Killed:
            raise
        except BaseException:
            self._held.close()
            raise
        self._do("unlock", self._held.close)

    def held(self) -> Held | None:
        return self._backend.held()

    def release(self, holder: Holder) -> None:
        self._backend.release(holder)

    def bury(self) -> None:
        """What the system does for a process that has died: let its files and connections go."""
        with suppress(StateError, LockedError):
            self._held.__exit__(Killed, Killed(), None)


def dies(last: int, *, after: bool) -> Callable[[int, str, Callable[[], Any]], Any]:
    """Dies before or after the primitive of this number. A dead process does nothing any more."""
    dead = False

    def at(number: int, what: str, perform: Callable[[], Any]) -> Any:
        nonlocal dead
        dead = dead or (number == last and not after)
        if dead:
            raise Killed
        result = perform()
        dead = number == last
        if dead:
            raise Killed
        return result

    return at


def loses_answer(lost: int) -> Callable[[int, str, Callable[[], Any]], Any]:
    """The primitive of this number is performed, and fails all the same."""

    def at(number: int, what: str, perform: Callable[[], Any]) -> Any:
        result = perform()
        if number == lost and what not in ("lock", "unlock"):
            raise StateError("no answer", code="SMS401")
        return result

    return at


def interrupts(number_of: int, work: Callable[[], object]) -> Callable[[int, str, Callable[[], Any]], Any]:
    """Something else happens just before the primitive of this number."""

    def at(number: int, what: str, perform: Callable[[], Any]) -> Any:
        if number == number_of:
            work()
        return perform()

    return at


def store_of(backend: Backend) -> StateStore:
    """A store as a process opens it."""
    return StateStore(backend, STACK, lambda command, changes: holder(command))


def put(name: str, backup: str | None = None) -> Put:
    return Put(Entry(Address(None, "list", name), name, {"backup": backup} if backup else {}))


def drop(name: str) -> Drop:
    return Drop(Address(None, "list", name))


def names_in(state: State) -> set[str]:
    return {address.name for address in state.entries}


def see(open_one: OpenOne) -> State:
    """The state as a reader sees it."""
    store = store_of(open_one())
    with store.lock("plan", shared=True):
        return store.load(SALT)


@contextmanager
def taken_over(open_one: OpenOne, command: str = "apply") -> Iterator[StateStore]:
    """A store that has the lock, whoever had it before, and has loaded."""
    store = store_of(open_one())
    held = store.held()
    if held is not None:
        store.release(held)
    with store.lock(command):
        store.load(SALT)
        yield store


@dataclass
class World:
    """What a state has to hold, as far as those who write it know."""

    acknowledged: set[str] = field(default_factory=set)
    attempted: set[frozenset[str]] = field(default_factory=set)
    """What was appended together, and never answered: each may be there as a whole."""
    uncertain: set[str] = field(default_factory=set)
    """What may have been dropped."""

    def append(self, store: StateStore, *events: Put | Drop) -> None:
        puts = frozenset(event.entry.address.name for event in events if isinstance(event, Put))
        drops = {event.address.name for event in events if isinstance(event, Drop)}
        self.attempted |= {puts}
        self.uncertain |= drops
        store.append(events)
        self.attempted -= {puts}
        self.acknowledged = (self.acknowledged | puts) - drops
        self.uncertain -= drops

    def check(self, store: StateStore, state: State) -> None:
        """The state holds all that was acknowledged, of what was attempted all or nothing, and nothing else."""
        found = names_in(state)
        assert self.acknowledged - self.uncertain <= found
        rest = found - self.acknowledged
        for group in self.attempted:
            assert not group & rest or group <= rest
        assert rest <= set().union(*self.attempted)
        for entry in state.entries.values():
            if entry.backup:
                assert store.read_backup(entry.backup) == document({"of": entry.identity})
        # What one process found, the next ones find too.
        self.acknowledged, self.attempted, self.uncertain = found, set(), set()

    def run(self, store: StateStore, number: int) -> None:
        """A run as an apply makes it, which begins by looking at what the last one left."""
        with store.lock("apply"):
            state = store.load(SALT)
            self.check(store, state)
            backup = f"list-{number}"
            unfinished = [put(entry.identity) for entry in state.entries.values() if entry.backup]
            try:
                store.append([store.begin(smsops_version="1"), *unfinished])
                self.append(store, put(f"{number}-a"), put(f"{number}-b"))
                store.save_backup(backup, document({"of": f"{number}-c"}))
                self.append(store, put(f"{number}-c", backup))
                self.append(store, drop(f"{number}-a"), put(f"{number}-d"))
                self.append(store, put(f"{number}-c"))
                store.drop_backup(backup)
                store.save_backup(f"{backup}-left", document({"of": f"{number}-e"}))
                self.append(store, put(f"{number}-e", f"{backup}-left"))
            finally:
                store.save({"outcome": "done"})


def assert_sound(open_one: OpenOne, world: World) -> None:
    """The state can be used, its history tells of each run once, and nothing is left lying about."""
    with taken_over(open_one) as store:
        state = store.load(SALT)
        world.check(store, state)
        world.append(store, put("last"))
    backend = open_one()
    state = see(open_one)
    assert names_in(state) == world.acknowledged
    serials = [run["serial"] for run in store.history()]
    assert serials == list(range(1, state.serial + 1))
    assert len(serials) == state.runs
    assert backend.names("journal") == []
    assert backend.names("backups") == sorted(f"backups/{e.backup}" for e in state.entries.values() if e.backup)
    assert backend.held() is None
    assert state.salt == SALT


@pytest.fixture(params=ALL)
def open_one(request: pytest.FixtureRequest, tmp_path: Path) -> OpenOne:
    """Opens one state on a backend of each kind."""
    return opener(request.param, request, tmp_path)


@pytest.fixture(params=RELEASABLE)
def open_releasable(request: pytest.FixtureRequest, tmp_path: Path) -> OpenOne:
    """The same, where a lock can be taken away."""
    return opener(request.param, request, tmp_path)


# -- death ----------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_dying_anywhere(open_one: OpenOne, after: bool) -> None:
    """Process after process dies, each one step later: all that was acknowledged is there for the next one."""
    world = World()
    for number in range(LONGEST):
        mortal = Mortal(open_one(), dies(number, after=after))
        try:
            world.run(store_of(mortal), number)
        except Killed:
            bury(mortal, open_one)
        else:
            break
    else:
        raise AssertionError("it never comes to an end")
    assert number > 20
    assert_sound(open_one, world)


def bury(mortal: Mortal, open_one: OpenOne) -> None:
    """Let the dead go, and release what they held, as a person does who knows that they are dead."""
    if not mortal.remote:
        mortal.bury()
        return
    store = store_of(open_one())
    held = store.held()
    if held is not None:
        store.release(held)
    mortal.bury()


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
def test_dying_once_anywhere(tmp_path: Path, after: bool) -> None:
    """A second run that dies at any one step is all there for a third one, which does all that a run does."""
    number = -1
    died = True
    while died:
        number += 1
        open_one = _file_opener(tmp_path / str(number))
        world = World()
        world.run(store_of(open_one()), 1)
        mortal = Mortal(open_one(), dies(number, after=after))
        died = False
        try:
            world.run(store_of(mortal), 2)
        except Killed:
            died = True
            bury(mortal, open_one)
        world.run(store_of(open_one()), 3)
        assert {"1-b", "1-c", "1-d", "1-e", "3-b", "3-c", "3-d", "3-e"} <= world.acknowledged
        assert_sound(open_one, world)
    assert number > 15


def _file_opener(root: Path) -> OpenOne:
    return lambda: FileBackend(root / "state.json")


# -- lost answers ---------------------------------------------------------------------------


def test_lost_answers(open_one: OpenOne) -> None:
    """Where the answer to any one call is lost the run fails, and nothing that was acknowledged does."""
    world = World()
    for number in range(LONGEST):
        forgetful = Mortal(open_one(), loses_answer(number))
        with suppress(StateError):
            world.run(store_of(forgetful), number)
        if forgetful.count <= number:
            break
    else:
        raise AssertionError("it never comes to an end")
    assert_sound(open_one, world)


# -- a former holder ------------------------------------------------------------------------


def refused(work: Callable[[], object]) -> None:
    """It must fail, and say that the lock was lost."""
    with pytest.raises(StateError) as failure:
        work()
    assert failure.value.code == "SMS409", failure.value


@contextmanager
def former(open_one: OpenOne) -> Iterator[StateStore]:
    """A store whose lock somebody else is going to take, and which is not told: it may fail when it ends."""
    store = store_of(open_one())
    with suppress(StateError), store.lock("former apply"):
        store.load(SALT)
        yield store


@pytest.mark.parametrize("further", ["loaded", "appended", "saved", "ended"])
def test_a_former_holder_appends_no_more(open_releasable: OpenOne, further: str) -> None:
    """Once the next holder has loaded, the former one can append nothing, and what it had appended is kept."""
    with former(open_releasable) as robbed:
        robbed.append([put("acknowledged")])
        with taken_over(open_releasable, "next") as following:
            assert names_in(following.load(SALT)) == {"acknowledged"}
            if further != "loaded":
                following.append([put("next")])
            if further in ("saved", "ended"):
                following.save()
            if further != "ended":
                refused(lambda: robbed.append([put("behind the back")]))
        refused(lambda: robbed.append([put("behind the back")]))
    expected = {"acknowledged"} if further == "loaded" else {"acknowledged", "next"}
    assert names_in(see(open_releasable)) == expected


def test_a_former_holder_saves_no_more(open_releasable: OpenOne) -> None:
    """A former holder cannot save over what the next one saved, nor end its lock."""
    with former(open_releasable) as robbed:
        robbed.append([put("acknowledged")])
        with taken_over(open_releasable) as following:
            refused(robbed.save)
            following.append([put("next")])
            refused(robbed.save)
            following.save()
            following.append([put("more")])
            following.save()
            refused(robbed.save)
            assert following.held() is not None
    state = see(open_releasable)
    assert names_in(state) == {"acknowledged", "next", "more"}
    assert [run["serial"] for run in store_of(open_releasable()).history()] == list(range(1, state.serial + 1))


def test_a_former_holder_that_had_not_begun(open_releasable: OpenOne) -> None:
    """Of a former holder that had appended nothing yet and the next one, only one appends, and loses nothing of it."""
    acknowledged: set[str] = set()
    with former(open_releasable) as robbed, suppress(StateError), taken_over(open_releasable) as following:
        with suppress(StateError):
            robbed.append([put("former")])
            acknowledged.add("former")
            robbed.save()
        following.append([put("next")])
        acknowledged.add("next")
        following.save()
    assert names_in(see(open_releasable)) == acknowledged


def test_a_former_holder_leaves_backups_alone(open_releasable: OpenOne) -> None:
    """A former holder that ends without having done anything clears away no backup that the next one relies on."""
    with former(open_releasable):
        store = store_of(open_releasable())
        held = store.held()
        assert held is not None
        store.release(held)
        following = ExitStack()
        following.enter_context(store.lock("next"))
        store.load(SALT)
        store.save_backup("list-vip", document({"of": "vip"}))
        store.append([put("vip", "list-vip")])
    with following:
        assert store.read_backup("list-vip") == document({"of": "vip"})


# -- readers --------------------------------------------------------------------------------


def test_a_reader_in_the_middle(open_one: OpenOne) -> None:
    """A reader sees a state that there was while it read, whatever is written between two of its steps."""
    for number in range(LONGEST):
        before = f"before-{number}"
        first = store_of(open_one())
        with suppress(Killed), _left_open(first):
            first.append([put(f"{before}-saved")])
            first.save()
            first.append([put(before)])
            raise Killed
        earlier = names_in(see(open_one))
        assert before in earlier
        written = [earlier]
        writing = ExitStack()

        def write(number: int = number, written: list[set[str]] = written, writing: ExitStack = writing) -> None:
            with suppress(LockedError):  # a reader may keep writers away
                store = store_of(open_one())
                writing.enter_context(store.lock("apply"))
                store.load(SALT)
                for name in ("one", "two"):
                    written.append(names_in(store.append([put(f"{number}-{name}")])))
                store.save()
                written.append(names_in(store.append([put(f"{number}-three")])))

        reader = Mortal(open_one(), interrupts(number, write))
        with writing:
            store = store_of(reader)
            try:
                with store.lock("plan", shared=True):
                    found = names_in(store.load(SALT))
            except LockedError:
                assert number == 0  # the writer came first
                continue
        assert found in written
        if reader.count <= number:
            return
    raise AssertionError("it never comes to an end")


@contextmanager
def _left_open(store: StateStore) -> Iterator[None]:
    """Hold the state, and leave it as a process does that dies."""
    with store.lock("apply"):
        store.load(SALT)
        yield


# -- the history ----------------------------------------------------------------------------


def test_the_history(open_one: OpenOne) -> None:
    """Each run that changed something is in the history once, in order: who, what for, and how it ended."""
    store = store_of(open_one())
    for number in range(12):
        with store.lock(f"apply {number}"):
            store.load(SALT)
            store.append([store.begin(destroy=False), put(str(number))])
            store.save({"outcome": "done", "created": number})
        with store.lock("apply without changes"):
            store.load(SALT)
            store.save()
    runs = store_of(open_one()).history()
    assert [run["created"] for run in runs] == list(range(12))
    assert [run["command"] for run in runs] == [f"apply {number}" for number in range(12)]
    assert [run["serial"] for run in runs] == list(range(1, 13))
    assert all(run["who"] and run["since"] <= run["until"] and run["outcome"] == "done" for run in runs)
    assert see(open_one).runs == 12


def test_the_history_of_a_run_that_died(open_one: OpenOne) -> None:
    """The next run notes how a run ended that died: what it was, and what it had recorded."""
    with suppress(Killed), _left_open(store := store_of(open_one())):
        store.append([store.begin(), put("vip"), put("other")])
        store.append([drop("other")])
        raise Killed
    assert store_of(open_one()).history() == []
    with taken_over(open_one, "the next") as following:
        (run,) = following.history()
    assert (run["outcome"], run["command"], run["serial"]) == ("died", "apply", 1)
    assert run["recorded"] == ["list.vip", "list.other"]
    assert len(store.history()) == 1


@pytest.mark.parametrize("runs", [1, 3])
def test_a_history_that_was_left_behind(open_one: OpenOne, runs: int) -> None:
    """Where somebody removed the state to begin anew, the history goes on with the runs of the new one."""
    for number in range(runs):
        with (store := store_of(open_one())).lock("apply"):
            store.load(SALT)
            store.append([store.begin(), put(str(number))])
    backend = open_one()
    with backend.lock(holder("by hand")):
        backend.delete("state")
    with (store := store_of(open_one())).lock("apply anew"):
        store.load(SALT)
        store.append([store.begin(), put("new")])
    history = store_of(open_one()).history()
    assert [run["command"] for run in history] == ["apply"] * runs + ["apply anew"]


def test_a_damaged_history(tmp_path: Path) -> None:
    """A history that makes no sense is an error of the state, not a traceback."""
    open_one = _file_opener(tmp_path)
    open_one().append("history", 0, b"{nonsense")
    with pytest.raises(StateError) as failure:
        store_of(open_one()).history()
    assert failure.value.code == "SMS402"


# -- moving ---------------------------------------------------------------------------------


def fill(open_one: OpenOne) -> World:
    """Some runs, with a backup that is still needed."""
    world = World()
    for number in range(2):
        world.run(store_of(open_one()), number)
    return world


def move(source: Backend, target: Backend, url: str = "file:new.json") -> None:
    old, new = store_of(source), store_of(target)
    with old.lock("state move"), new.lock("state move"):
        old.load(SALT)
        old.move_to(new, url)


def assert_moved(source: OpenOne, target: OpenOne, world: World, history: Sequence[Mapping[str, Any]]) -> None:
    with pytest.raises(StateError, match=r"moved to file:new\.json") as failure:
        see(source)
    assert failure.value.code == "SMS446"
    assert source().names("backups") == []
    assert store_of(source()).history() == []
    store = store_of(target())
    assert store.history() == history
    with store.lock("plan", shared=True):
        world.check(store, store.load(SALT))
    assert_sound(target, world)


def test_moving(open_one: OpenOne, tmp_path: Path) -> None:
    """State, backups and history are at the new place, and the old one says where they went, there and back."""
    source = _file_opener(tmp_path / "old")
    world = fill(source)
    history = store_of(source()).history()
    move(source(), open_one())
    assert_moved(source, open_one, world, history)
    history = store_of(open_one()).history()
    back = _file_opener(tmp_path / "back")
    move(open_one(), back())
    assert_moved(open_one, back, world, history)


@pytest.mark.parametrize("after", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("which", ["old", "new"])
def test_a_move_that_dies(tmp_path: Path, which: str, after: bool) -> None:
    """A move that dies anywhere leaves the old state as it was or has moved it, and can be made again."""
    died, number = True, -1
    while died:
        number += 1
        source, target = _file_opener(tmp_path / f"{number}-old"), _file_opener(tmp_path / f"{number}-new")
        world = fill(source)
        history = store_of(source()).history()
        mortals = {
            "old": Mortal(source(), dies(10_000, after=False)),
            "new": Mortal(target(), dies(10_000, after=False)),
        }
        mortals[which] = Mortal((source if which == "old" else target)(), dies(number, after=after))
        died = False
        try:
            move(mortals["old"], mortals["new"])
        except Killed:
            died = True
            for mortal in mortals.values():
                mortal.bury()
            with suppress(StateError):  # it had moved
                assert names_in(see(source)) == world.acknowledged
            with suppress(StateError):  # it had moved, and cannot be moved twice
                move(source(), target())
        assert_moved(source, target, world, history)
    assert number > 5


def test_a_move_clears_up(open_one: OpenOne, tmp_path: Path) -> None:
    """The journal of a run that died behind its last step does not stay at the old place, where it would be in the way."""
    target = _file_opener(tmp_path / "new")
    world = fill(open_one)
    backend = open_one()
    with backend.lock(holder()):
        backend.append("journal/00000001", 0, b"{}")
    move(open_one(), target())
    assert open_one().names("journal") == []
    move(target(), open_one(), "file:old.json")
    assert_sound(open_one, world)


def test_moving_to_another_state(open_one: OpenOne, tmp_path: Path) -> None:
    """A place that holds another state is refused, and both states are as they were."""
    source = _file_opener(tmp_path / "old")
    world, other = fill(source), fill(open_one)
    with pytest.raises(StateError) as failure:
        move(source(), open_one())
    assert failure.value.code == "SMS445"
    assert_sound(source, world)
    assert_sound(open_one, other)


def test_moving_to_a_run_that_died(open_one: OpenOne, tmp_path: Path) -> None:
    """A place where a first run died holds another state too, though it has no snapshot yet."""
    source = _file_opener(tmp_path / "old")
    world = fill(source)
    with suppress(Killed), _left_open(store := store_of(open_one())):
        store.append([put("there")])
        raise Killed
    with pytest.raises(StateError) as failure:
        move(source(), open_one())
    assert failure.value.code == "SMS445"
    assert names_in(see(open_one)) == {"there"}
    assert_sound(source, world)


def test_moving_to_a_place_that_was_left(tmp_path: Path) -> None:
    """A state can move back to where it came from."""
    source, target = _file_opener(tmp_path / "old"), _file_opener(tmp_path / "new")
    world = fill(source)
    move(source(), target())
    move(target(), source(), "file:old.json")
    assert_sound(source, world)


def test_rewriting_dies_anywhere(tmp_path: Path) -> None:
    """A rewrite that dies anywhere loses neither state nor history, and later runs are noted there."""
    died, number = True, -1
    while died:
        number += 1
        open_one = _file_opener(tmp_path / str(number))
        world = fill(open_one)
        mortal = Mortal(open_one(), dies(number, after=True))
        died = False
        try:
            with (store := store_of(mortal)).lock("state encrypt"):
                store.load(SALT)
                store.rewrite()
        except Killed:
            died = True
            mortal.bury()
        assert_sound(open_one, world)


# -- what is there already ------------------------------------------------------------------


def test_a_state_of_another_stack(open_one: OpenOne) -> None:
    """A stack does not take the state of another one."""
    fill(open_one)
    stranger = StateStore(open_one(), "stranger", lambda command, changes: holder(command))
    with pytest.raises(StateError) as failure, stranger.lock("apply"):
        stranger.load(SALT)
    assert failure.value.code == "SMS403"


@pytest.mark.parametrize("name", ["journal.00000001.bak", "journal.00000001~", "journal.old"])
def test_a_stray_file(tmp_path: Path, name: str) -> None:
    """A copy that somebody left beside the state is no traceback."""
    open_one = _file_opener(tmp_path)
    fill(open_one)
    (tmp_path / f"state.json.{name}").write_bytes(b"copied")
    with suppress(StateError):
        see(open_one)


def test_a_full_disk(tmp_path: Path) -> None:
    """A record of which only a part could be written does not spoil those that come behind it."""
    open_one = _file_opener(tmp_path)
    backend = open_one()
    with backend.lock(holder()):
        backend.append("history", 0, b"first")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(b"first\n") + 3, limits[1]))
        try:
            with pytest.raises(StateError):
                backend.append("history", 1, b"second")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        backend.append("history", 1, b"second")
    assert open_one().records("history") == [b"first", b"second"]
