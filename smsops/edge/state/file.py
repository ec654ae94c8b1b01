"""State in local files (`state: file:PATH`), each of mode 0600.

The state is PATH itself; anything else stands beside it as PATH.NAME, with dots for the slashes of a name. The lock is the system's
(flock): it ends with the process that holds it, so a dead holder never blocks anybody.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from smsops.edge.state.backend import Blob, Conflict, Held, Holder, locked
from smsops.errors import LockedError, StateError

_POLL = 0.1
_LOOK = 0.03


class FileBackend:
    """Blobs are files, replaced atomically; a log is a file of lines, each synced."""

    remote = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock_path = self._file("lock")
        self._log: tuple[str, int, int] | None = None
        """The log that is being appended to: its name, descriptor, and number of records."""

    @property
    def where(self) -> str:
        return str(self._path)

    # -- blobs ------------------------------------------------------------------------------

    def read(self, name: str) -> Blob | None:
        content = self._content(name)
        return None if content is None else Blob(content, _version(content))

    def write(self, name: str, content: bytes) -> None:
        path = self._file(name)
        self._make_directory()
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        with _explained(path, "written"):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                _write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
            _sync_directory(path.parent)

    def replace(self, name: str, content: bytes, expected: str | None) -> str:
        found = self.read(name)  # the lock keeps everybody else away between this and the write
        if (found.version if found else None) != expected:
            raise Conflict(name)
        self.write(name, content)
        return _version(content)

    def delete(self, name: str) -> None:
        path = self._file(name)
        if self._log is not None and self._log[0] == name:
            os.close(self._log[1])
            self._log = None
        with _explained(path, "removed"):
            path.unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        prefix = f"{self._path.name}.{folder}."
        found = [path.name for path in self._path.parent.glob("*") if path.name.startswith(prefix)]
        return sorted(f"{folder}/{name.removeprefix(prefix)}" for name in found)

    # -- logs -------------------------------------------------------------------------------

    def append(self, log: str, position: int, record: bytes) -> None:
        if self._log is None or self._log[0] != log:
            self._open_log(log)
        assert self._log is not None
        _, descriptor, count = self._log
        if position != count:
            raise Conflict(log)
        try:
            with _explained(self._file(log), "written"):
                _write_all(descriptor, record + b"\n")
                os.fsync(descriptor)
        except StateError:
            os.close(descriptor)
            self._log = None  # a part may have been written: opening it anew cuts that off
            raise
        self._log = (log, descriptor, count + 1)

    def _open_log(self, log: str) -> None:
        path = self._file(log)
        self._make_directory()
        count = len(self.records(log))
        with _explained(path, "written"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
            if not content.endswith(b"\n"):
                os.ftruncate(descriptor, content.rfind(b"\n") + 1)
            os.fsync(descriptor)
            _sync_directory(path.parent)
        self._log = (log, descriptor, count)

    def records(self, log: str) -> list[bytes]:
        content = self._content(log) or b""
        return content.split(b"\n")[:-1]  # what follows the last newline was never acknowledged

    # -- the lock ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> Iterator[_Lock]:
        if shared and not self._path.parent.exists():
            yield _Lock()
            return
        self._make_directory()
        with _explained(self._lock_path, "opened"):
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._acquire(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, wait)
            if shared:
                yield _Lock()
                return
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder.document()).encode(), 0)
            self._clear_up()
            try:
                yield _Lock()
            finally:
                os.ftruncate(descriptor, 0)
        finally:
            if self._log is not None:
                os.close(self._log[1])
                self._log = None
            os.close(descriptor)

    def _acquire(self, descriptor: int, mode: int, wait: float) -> None:
        looked = time.monotonic() + _LOOK  # whoever only looks holds it for an instant
        deadline = max(time.monotonic() + wait, looked)
        while True:
            try:
                fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= deadline:
                    raise locked(_holder_of(descriptor)) from None
                time.sleep(_LOOK / 10 if time.monotonic() < looked else _POLL)
            else:
                return

    def held(self) -> Held | None:
        try:
            descriptor = os.open(self._lock_path, os.O_RDWR)
        except OSError:
            return None
        try:
            return _holder_of(descriptor)
        finally:
            os.close(descriptor)

    def release(self, holder: Holder) -> None:
        held = self.held()
        if held is None:
            return
        if held.holder.id != holder.id:
            raise locked(held)
        raise LockedError(
            f"The state is locked: {holder}",
            code="SMS406",
            detail=f"The process {holder.pid} is alive: the system releases the lock when it ends. Stop it if need be.",
        )

    def _clear_up(self) -> None:
        """Remove what a process left that died while it wrote."""
        for path in self._path.parent.glob(f".{self._path.name}*.new"):
            path.unlink(missing_ok=True)

    # -- files ------------------------------------------------------------------------------

    def _file(self, name: str) -> Path:
        return self._path if name == "state" else self._path.with_name(f"{self._path.name}.{name.replace('/', '.')}")

    def _content(self, name: str) -> bytes | None:
        path = self._file(name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{path} cannot be read: {error.strerror}", code="SMS401") from None

    def _make_directory(self) -> None:
        with _explained(self._path.parent, "made"):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


class _Lock:
    """A lock of the system, which nobody can take away."""

    def check(self) -> None:
        return


@contextlib.contextmanager
def _explained(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(f"{path} cannot be {verb}: {error.strerror}", code="SMS401") from None


def _holder_of(descriptor: int) -> Held | None:
    """Who holds the lock alone; None where only readers do, or nobody: their document is no longer true."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass
    else:
        return None
    try:
        holder = Holder.read(json.loads(os.pread(descriptor, 65536, 0)))
    except (ValueError, KeyError, TypeError):
        return None
    return Held(holder, False, f"the process {holder.pid} holds it, on this machine")


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
