"""The state of one stack in a backend: a snapshot, the journal of the run that is changing it, backups, a history.

Every event is appended to the journal, and durable, before the next step relies on it; at the end the
journal is folded into a new snapshot. A run that dies leaves its journal, and the next one folds it.

    state               the snapshot, with its serial
    journal/SERIAL      what the run that began with that snapshot has done so far
    backups/NAME        contacts of a list that is being changed
    history             who made each snapshot, and what was done
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from smsops.edge.state.backend import Backend, Conflict, Held, Holder, Lock, lock_lost, now
from smsops.edge.state.encryption import Keys
from smsops.errors import StateError
from smsops.model.state import Begin, Drop, Event, Intend, Move, Put, State, event_document, fold, read_event
from smsops.model.values import JSON, printed

_JOURNAL_VERSION = 1
_ENDED = {"ended": True}
_NEW_HISTORY = "rewrite/history"
"""The whole history while it is being written anew."""
_DAMAGED = "It records calls that were made: keep it, and ask for help."


class StateStore:
    """The state of a stack. `keys` encrypt all of it, `backup_keys` (by default the same) the backups.

    `describe` makes the holder of a lock from a command and whether it will change anything.
    """

    def __init__(
        self,
        backend: Backend,
        stack: str,
        describe: Callable[[str, bool], Holder],
        keys: Keys | None = None,
        backup_keys: Keys | None = None,
    ) -> None:
        self.backend = backend
        self._stack = stack
        self._describe = describe
        self._keys = keys or Keys(stack)
        self.backup_keys = backup_keys or self._keys
        self._lock: Lock | None = None
        self._holder: Holder | None = None
        self._state: State | None = None
        self._is_handed_out = True
        """Whether somebody keeps the state as it is now: a loaded one is kept, those between appends are not."""
        self._version: str | None = None
        self._base = 0
        """The serial of the snapshot; 0 where there is none."""
        self._records = 0
        """How many records the journal that follows it has."""
        self._touched: dict[str, None] = {}

    @property
    def remote(self) -> bool:
        """Whether a durable step crosses a network."""
        return self.backend.remote

    # -- the lock ---------------------------------------------------------------------------

    @contextmanager
    def lock(self, command: str, *, wait: float = 0.0, shared: bool = False) -> Iterator[None]:
        """Hold the state: alone to change it, shared to read it. LockedError, naming the holder, where it is held.

        Whoever held it alone leaves it tidy.
        """
        holder = self._describe(command, not shared)
        with self.backend.lock(holder, wait=wait, shared=shared) as lock:
            self._lock, self._holder = (None, None) if shared else (lock, holder)
            try:
                yield
                if not shared:
                    self._tidy()
            finally:
                self._lock = self._holder = None

    def held(self) -> Held | None:
        """Who holds the state alone."""
        return self.backend.held()

    def release(self, held: Held) -> None:
        """Take the lock away from a holder."""
        self.backend.release(held.holder)

    # -- reading ----------------------------------------------------------------------------

    def load(self, salt: str) -> State:
        """The state with its journal folded in; a new one, keyed by `salt`, where there is none yet.

        Whoever holds the lock alone ends the journal of a run that died: it is folded for good.
        """
        while True:
            state = self._read_snapshot() or State.new(self._stack, salt)
            if state.stack != self._stack:
                raise StateError(
                    f'{self.backend.where} holds the state of the stack "{state.stack}", not of "{self._stack}"',
                    code="SMS403",
                    detail="Name another place under state:, or give the stack its old name back.",
                )
            try:
                self._state, self._is_handed_out = self._fold_journal(state), True
            except StateError:
                if self._is_current():
                    raise
                continue
            if self._is_current():
                break
        if self._lock is not None:
            runs = self._get(_NEW_HISTORY, self._keys)
            if runs is not None:  # whoever wrote the history anew died before it was whole
                self._rewrite_history(runs)
            if self._records:
                self._end_journal()
        return self._state

    def _is_current(self) -> bool:
        """Whether the snapshot that was read is still there. A reader of a remote state keeps no writer away."""
        return self._lock is not None or not self.remote or self._current_version() == self._version

    def _current_version(self) -> str | None:
        blob = self.backend.read("state")
        return blob.version if blob else None

    def _read_snapshot(self) -> State | None:
        blob = self.backend.read("state")
        self._version, self._base = (blob.version, 0) if blob else (None, 0)
        if blob is None:
            return None
        try:
            document = json.loads(self._keys.open(blob.content, "state"))
        except ValueError:
            raise StateError(
                f"{self.backend.where} is damaged: it is not JSON", code="SMS402", detail="Restore it from a backup."
            ) from None
        if isinstance(document, dict) and "moved_to" in document:
            if self._lock is not None:
                self._leave()  # a move that died may have left things behind
            raise _Moved(
                f"The state has moved to {document['moved_to']}",
                code="SMS446",
                detail=f"Say state: {document['moved_to']} in smsops.yaml.",
            )
        state = State.read(document)
        self._base = state.serial
        return state

    def _fold_journal(self, state: State) -> State:
        if max(self._journals(), default=0) > self._base:
            raise self._foreign_journal()
        log = _journal(self._base)
        records = self.backend.records(log)
        self._records, self._touched = len(records), {}
        if not records:
            return state
        try:
            header, *lines = [json.loads(self._keys.open(line, f"{log}:{n}")) for n, line in enumerate(records)]
            if self._base and (header["lineage"], header["serial"]) != (state.lineage, state.serial):
                raise self._foreign_journal()
            state = replace(state, lineage=header["lineage"], salt=header["salt"])
            for line in lines:
                if line == _ENDED:
                    continue
                if not isinstance(line, list):
                    raise TypeError(line)
                events = [read_event(event) for event in line]
                state = fold(state, events)
                self._touch(events)
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(
                f"The journal of {self.backend.where} is damaged ({type(error).__name__})",
                code="SMS402",
                detail=_DAMAGED,
            ) from None
        return replace(state, serial=max(state.serial, 1)) if lines else state

    def _journals(self) -> list[int]:
        names = [name.rpartition("/")[2] for name in self.backend.names("journal")]
        return [int(name) for name in names if name.isdecimal()]

    def _foreign_journal(self) -> StateError:
        return StateError(
            f"The journal of {self.backend.where} belongs to another state",
            code="SMS404",
            detail="The state was replaced while an apply had not finished. Restore the one that it began with.",
        )

    # -- writing ----------------------------------------------------------------------------

    def check(self) -> None:
        """StateError where the lock is known to be lost."""
        if self._lock is not None:
            self._lock.check()

    def begin(self, **details: JSON) -> Begin:
        """The first event of a run: who makes it, from where, and what for."""
        holder = self._holder
        known = {} if holder is None else {"command": holder.command, "who": holder.who, "since": holder.since}
        if holder is not None and holder.ci_run:
            known["ci_run"] = holder.ci_run
        return Begin({**known, **details})

    def append(self, events: Sequence[Event]) -> State:
        """Make events durable, as one, and fold them in. StateError where they are not: then nothing more may be done.

        The state that it returns is good until the next append.
        """
        assert self._state is not None, "load comes first"
        if self._records == 0:
            version = self._version
            holder = self._holder.id if self._holder else None  # no two holders write the same first record
            header = {"lineage": self._state.lineage, "serial": self._base, "salt": self._state.salt, "holder": holder}
            self._write({"journal": _JOURNAL_VERSION, **header})
            if self.remote and version != self._current_version():
                # A former holder has used this journal up, unaware that its lock was gone: nobody would read ours.
                raise lock_lost(self.backend.held())
        self._write([event_document(event) for event in events])
        self._touch(events)
        self._state = fold(self._state, events, consume=not self._is_handed_out)
        self._is_handed_out = False
        return self._state

    def _write(self, document: JSON) -> None:
        """Add a record to the journal, if the lock is still ours: nobody else then has written at its position."""
        self.check()
        log = _journal(self._base)
        content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        try:
            self.backend.append(log, self._records, self._keys.seal(content, f"{log}:{self._records}"))
        except Conflict:
            raise lock_lost(self.backend.held()) from None
        self._records += 1

    def _end_journal(self) -> None:
        """Fold the journal of a run that died, for good.

        A last record takes the next position, so that a former holder who is still alive can write nothing more.
        What it wrote in the meantime counts: it was acknowledged.
        """
        log = _journal(self._base)
        while True:
            ended = json.dumps(_ENDED).encode()
            try:
                self.backend.append(log, self._records, self._keys.seal(ended, f"{log}:{self._records}"))
            except Conflict:
                assert self._state is not None
                self._state = self._fold_journal(self._read_snapshot() or State.new(self._stack, self._state.salt))
            else:
                break
        self.save({"outcome": "died"})

    def save(self, outcome: Mapping[str, JSON] | None = None) -> None:
        """Fold the journal into a new snapshot, if there is one, and note in the history how the run ended."""
        if self._state is None or self._records == 0:
            return
        log = _journal(self._base)
        serial = self._base + 1
        run = {
            "lineage": self._state.lineage,
            "serial": serial,
            **(self._state.run or {}),
            "until": now(),
            **(outcome or {"outcome": "done"}),
        }
        if "operations" not in run:
            run["recorded"] = list(self._touched)
        self._note(run)
        self._write_snapshot(replace(self._state, serial=serial, run=None, runs=self._state.runs + 1))
        self.backend.delete(log)
        self._records, self._touched = 0, {}

    def _write_snapshot(self, state: State) -> None:
        content = f"{printed(state.document())}\n".encode()
        try:
            self._version = self.backend.replace("state", self._keys.seal(content, "state"), self._version)
        except Conflict:
            raise lock_lost(self.backend.held()) from None
        self._state, self._base, self._is_handed_out = state, state.serial, True

    def _put(self, name: str, document: JSON, keys: Keys) -> None:
        content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        self.backend.write(name, keys.seal(content, name))

    def _get(self, name: str, keys: Keys) -> JSON | None:
        blob = self.backend.read(name)
        if blob is None:
            return None
        try:
            return json.loads(keys.open(blob.content, name))
        except ValueError:
            raise StateError(f"{name} of {self.backend.where} is damaged: it is not JSON", code="SMS402") from None

    def _touch(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case Put(entry):
                    self._touched[str(entry.address)] = None
                case Drop(address):
                    self._touched[str(address)] = None
                case Intend(intent):
                    self._touched[str(intent.address)] = None
                case Move(old, new):
                    self._touched |= {str(old): None, str(new): None}
                case _:
                    pass

    def _tidy(self) -> None:
        """Clear up what is not needed any more: journals that were folded, and backups."""
        if self._state is None:
            return
        self.save({"outcome": "incomplete"})
        needed = {name for entry in self._state.entries.values() if (name := entry.backup)}
        spent = [_journal(serial) for serial in self._journals() if serial < self._base]
        spent += [name for name in self.backend.names("backups") if name.partition("/")[2] not in needed]
        if spent and self.remote:
            held = self.backend.held()
            if held is None or self._holder is None or held.holder.id != self._holder.id:
                raise lock_lost(held)  # what looks spent may be what the next holder needs
        for name in spent:
            self.backend.delete(name)

    # -- backups ----------------------------------------------------------------------------

    def save_backup(self, name: str, content: bytes) -> None:
        """Keep contacts while their list is being changed: the one place where whole numbers lie. No line feeds in it."""
        self.check()
        self._write_backup(f"backups/{name}", content)

    def read_backup(self, name: str) -> bytes | None:
        """A backup's content; None where it is gone, StateError where it cannot be read or decrypted."""
        return self._read_backup(f"backups/{name}")

    def _write_backup(self, name: str, content: bytes) -> None:
        self.backend.write(name, self.backup_keys.seal(content, name))

    def _read_backup(self, name: str) -> bytes | None:
        blob = self.backend.read(name)
        return None if blob is None else self.backup_keys.open(blob.content, name)

    def drop_backup(self, name: str) -> None:
        self.backend.delete(f"backups/{name}")

    # -- the history ------------------------------------------------------------------------

    def history(self) -> list[Mapping[str, Any]]:
        """The runs that changed the state, the oldest first."""
        return [self._read_run(position, record) for position, record in enumerate(self.backend.records("history"))]

    def _read_run(self, position: int, record: bytes) -> Mapping[str, Any]:
        try:
            run: Mapping[str, Any] = json.loads(self._keys.open(record, f"history:{position}"))
        except ValueError:
            raise StateError(
                f"The history of {self.backend.where} is damaged",
                code="SMS402",
                detail=f"Its record {position} is not JSON.",
            ) from None
        return run

    def _note(self, run: Mapping[str, Any]) -> None:
        """Add a run to the history, unless a run that died right behind this has noted it already."""
        assert self._state is not None
        try:
            self._add_run(self._state.runs, run)
        except Conflict:
            runs = self.history()
            if not any((noted["lineage"], noted["serial"]) == (run["lineage"], run["serial"]) for noted in runs):
                self._add_run(len(runs), run)

    def _add_run(self, position: int, run: Mapping[str, Any]) -> None:
        content = json.dumps(run, separators=(",", ":"), ensure_ascii=False).encode()
        self.backend.append("history", position, self._keys.seal(content, f"history:{position}"))

    # -- moving and encrypting the whole ----------------------------------------------------

    def move_to(self, other: StateStore, url: str) -> None:
        """Move the state, its backups and its history to another store, which must be empty, and leave a signpost.

        Both are locked, this one is loaded, and `url` is what the configuration calls the other. Dying in between
        leaves this one as it was, and moving can be repeated.
        """
        assert self._state is not None, "load comes first"
        try:
            there = other._read_snapshot()
        except _Moved:  # it was there before: what is left of it is only the signpost
            there = None
        mine = (self._state.lineage, self._state.serial)
        if other._journals() or (there is not None and (there.lineage, there.serial) != mine):
            raise StateError(
                f"{other.backend.where} holds a state already", code="SMS445", detail="Name a place that is empty."
            )
        if there is None:
            for name in self.backend.names("backups"):
                other._write_backup(name, self._read_backup(name) or b"")
            other._rewrite_history(self.history())
            other._write_snapshot(self._state)
        signpost = json.dumps({"moved_to": url}).encode()
        self._version = self.backend.replace("state", self._keys.seal(signpost, "state"), self._version)
        self._leave()

    def _leave(self) -> None:
        """Remove what a state that has moved has left behind."""
        journals = [_journal(serial) for serial in self._journals()]
        for name in [*self.backend.names("backups"), "history", _NEW_HISTORY, *journals]:
            self.backend.delete(name)
        self._state = None

    def rewrite(self) -> None:
        """Store everything anew, under the first of the keys. Dying in between loses nothing, and it can be repeated."""
        assert self._state is not None, "load comes first"
        for name in self.backend.names("backups"):
            self._write_backup(name, self._read_backup(name) or b"")
        self._rewrite_history(self.history())
        if self._base:
            self._write_snapshot(self._state)

    def _rewrite_history(self, runs: Sequence[Mapping[str, Any]]) -> None:
        self._put(_NEW_HISTORY, runs, self._keys)
        self.backend.delete("history")
        for position, run in enumerate(runs):
            self._add_run(position, run)
        self.backend.delete(_NEW_HISTORY)


class _Moved(StateError):
    """The state was moved away from here."""


def _journal(serial: int) -> str:
    return f"journal/{serial:08}"
