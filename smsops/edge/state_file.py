"""The state on disk: a file, the journal of the apply that is running, backups, and a lock.

Every event is appended to the journal and synced before the next step relies on it; at the end
the journal is folded into the state file, which is replaced atomically. A run that dies leaves
the journal, and the next one folds it. All files have mode 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from smsops.errors import LockedError, StateError
from smsops.model.state import Event, State, event_document, fold, read_event
from smsops.model.values import JSON

_BACKUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]*\Z")
_POLL = 0.1


class FileStateStore:
    """The state of one stack in a local file (`state: file:PATH`)."""

    def __init__(self, path: Path, stack: str) -> None:
        self._path = path
        self._stack = stack
        self._journal_path = path.with_name(path.name + ".journal")
        self._lock_path = path.with_name(path.name + ".lock")
        self._backups = path.parent / "backups"
        self._journal: int | None = None
        self._state: State | None = None

    # -- reading ----------------------------------------------------------------------------

    def load(self, salt: str) -> State:
        """The state with its journal folded in; a new one, keyed by `salt`, where there is none yet."""
        state = self._read_file() or State.new(self._stack, salt)
        if state.stack != self._stack:
            raise StateError(
                f'{self._path} is the state of the stack "{state.stack}", not of "{self._stack}"',
                code="SMS403",
                detail="Name another file under state:, or give the stack its old name back.",
            )
        state = self._fold_journal(state)
        self._state = state
        return state

    def _read_file(self) -> State | None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{self._path} cannot be read: {error.strerror}", code="SMS401") from None
        try:
            document = json.loads(content)
        except ValueError:
            raise StateError(
                f"{self._path} is damaged: it is not JSON", code="SMS402", detail="Restore it from a backup."
            ) from None
        return State.read(document)

    def _fold_journal(self, state: State) -> State:
        try:
            lines = self._journal_path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return state
        except OSError as error:
            raise StateError(f"{self._journal_path} cannot be read: {error.strerror}", code="SMS401") from None
        complete = lines[:-1]  # what follows the last newline was never acknowledged
        try:
            header = json.loads(complete[0]) if complete else None
            if header is None:
                return state
            if state.serial and header["lineage"] == state.lineage and header["serial"] < state.serial:
                return state  # folded already, and only not removed
            if state.serial and (header["lineage"], header["serial"]) != (state.lineage, state.serial):
                raise StateError(
                    f"{self._journal_path} belongs to another state",
                    code="SMS404",
                    detail="The state file was replaced while an apply had not finished. Restore the file it began with.",
                )
            state = replace(state, lineage=header["lineage"], salt=header["salt"])
            for line in complete[1:]:
                events = json.loads(line)
                if not isinstance(events, list):
                    raise TypeError(line)
                state = fold(state, [read_event(event) for event in events])
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(
                f"{self._journal_path} is damaged ({type(error).__name__})",
                code="SMS402",
                detail="It records calls that were made: keep it, and ask for help.",
            ) from None
        return replace(state, serial=max(state.serial, 1)) if len(complete) > 1 else state

    def unfinished(self) -> bool:
        """Whether an apply died: its journal is there."""
        return self._journal_path.exists()

    # -- writing ----------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> State:
        """Make events durable, as one, and fold them in."""
        assert self._state is not None, "load comes first"
        if self._journal is None:
            self._journal = self._open_journal(self._state)
        line = json.dumps([event_document(event) for event in events], separators=(",", ":"), ensure_ascii=False)
        _write_all(self._journal, line.encode() + b"\n")
        os.fsync(self._journal)
        self._state = fold(self._state, events)
        return self._state

    def _open_journal(self, state: State) -> int:
        self._make_directory()
        existed = self._journal_path.exists()
        if existed:
            self.save()  # an earlier run's journal, folded when it was loaded
            assert self._state is not None
            state = self._state
        descriptor = os.open(self._journal_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        header = {"journal": 1, "lineage": state.lineage, "serial": state.serial, "salt": state.salt}
        _write_all(descriptor, json.dumps(header).encode() + b"\n")
        os.fsync(descriptor)
        _sync_directory(self._path.parent)
        return descriptor

    def save(self) -> None:
        """Fold the journal into the state file, if there is one: a new serial, replaced atomically."""
        if self._state is None or (self._journal is None and not self.unfinished()):
            return
        state = replace(self._state, serial=self._state.serial + 1)
        self._make_directory()
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(descriptor, json.dumps(state.document(), indent=2, ensure_ascii=False).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, self._path)
        _sync_directory(self._path.parent)
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None
        self._journal_path.unlink(missing_ok=True)
        self._state = state

    def save_backup(self, name: str, content: JSON) -> None:
        """Keep contacts while their list is being replaced. Mode 0600; the one place where whole numbers lie."""
        assert _BACKUP_NAME.match(name), name
        self._make_directory()
        self._backups.mkdir(mode=0o700, exist_ok=True)
        temporary = self._backups / f"{name}.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _write_all(descriptor, json.dumps(content, ensure_ascii=False).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, self._backups / f"{name}.json")
        _sync_directory(self._backups)

    def read_backup(self, name: str) -> JSON | None:
        """A backup's content; None where it is gone or damaged."""
        if not _BACKUP_NAME.match(name):
            return None
        try:
            return json.loads((self._backups / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None

    def drop_backup(self, name: str) -> None:
        (self._backups / f"{name}.json").unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._backups.rmdir()

    def _tidy(self) -> None:
        """Clear up what an apply that died has left: its journal, and backups that nothing needs any more."""
        if self._state is not None:
            self.save()
            self._prune_backups({name for entry in self._state.entries.values() if (name := entry.backup)})

    def _prune_backups(self, needed: set[str]) -> None:
        for path in self._backups.glob("*"):
            if path.suffix != ".json" or path.stem not in needed:
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._backups.rmdir()

    def _make_directory(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"{self._path.parent} cannot be made: {error.strerror}", code="SMS401") from None

    # -- the lock ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, command: str, *, wait: float = 0.0, shared: bool = False) -> Iterator[None]:
        """Hold the state: alone to change it, shared to read it. LockedError, naming the holder, where it is held.

        Whoever held it alone leaves it tidy.

        The system releases the lock of a process that died, so a dead holder never blocks anybody.
        """
        if shared and not self._path.parent.exists():
            yield
            return
        self._make_directory()
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._acquire(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, wait)
            if not shared:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(_holder(command)).encode(), 0)
            yield
            if not shared:
                self._tidy()
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def _acquire(self, descriptor: int, mode: int, wait: float) -> None:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    raise self._locked(descriptor) from None
                time.sleep(_POLL)
            else:
                return

    def _locked(self, descriptor: int) -> LockedError:
        try:
            holder = json.loads(os.pread(descriptor, 65536, 0))
            who = f"{holder['who']} (process {holder['pid']}) runs {holder['command']!r} since {holder['since']}"
        except (ValueError, KeyError, TypeError):
            who = "somebody reads or writes it"
        return LockedError(
            f"The state is locked: {who}",
            code="SMS406",
            detail="Wait until that ends, or pass --lock-timeout 5m to wait for it.",
        )


def _holder(command: str) -> dict[str, JSON]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return {
        "who": f"{user}@{socket.gethostname()}",
        "pid": os.getpid(),
        "command": command,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(path: Path) -> None:
    if sys.platform == "win32":  # pragma: no cover
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
