"""The state in an object store: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

The address, its parameters and the credentials are those of every object store (smsops/edge/object_store.py).

========================  ====================================================
the blob `state`          `KEY`
another blob              `KEY.NAME`, such as `KEY.backups/list-vip`
record 3 of a log         `KEY.LOG/_00000003`
the lock                  `KEY.lock`
========================  ====================================================

No part of a name begins with an underscore, so a record is never taken for a blob. Everything rests on conditional
writes: an object is created only where there is none, and replaced only over the version that was read. A store that
ignores these conditions is refused before the first lock is taken.

Every object ends with a mark, a line of 64 random spaces and tabs: no two writes are equal, each is known by its mark
when it is read back, and JSON stays JSON for everybody who looks at it.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from smsops.edge.object_store import NO_BUCKET, NO_OBJECT, REQUEST, ObjectAddress, ObjectClient, StoreError, answer
from smsops.edge.state.backend import HEARTBEAT, Blob, Conflict, Held, Holder, Lock, lock_lost, locked
from smsops.errors import LockedError, StateError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_ATTEMPTS = 3
"""How often a write is made whose answers are lost, each time after reading that it has not landed."""
_SIDE_BY_SIDE = 32
_POLL = (0.1, 2.0)
"""Seconds between two looks at somebody else's lock: at first, and at most."""

_FINAL = {"InvalidPathError", "NotSupportedError", "PermissionDeniedError", "UnauthenticatedError", "ValueError"}
"""Failures that show that nothing was written, and that the next attempt would fare no better."""

_MARK = re.compile(rb"\n[ \t]{64}\Z")

_Result = TypeVar("_Result")


class _Object(NamedTuple):
    """An object as it was read; `mark` is of the write that made it, empty where that was none of smsops."""

    content: bytes
    mark: bytes
    version: str
    modified: datetime


class _LockObject(NamedTuple):
    """The lock as it was read: who holds it (None: nobody), and when the store took that."""

    holder: Holder | None
    version: str
    modified: datetime

    def held(self) -> Held | None:
        # The store dates every sign of life by its own clock: the clock of the holder does not matter.
        if self.holder is None:
            return None
        moment = datetime.now(UTC)
        dead = self.holder._replace(heartbeat=self.modified.isoformat()).looks_dead(moment)
        return Held(self.holder, dead, f"its last sign of life was {_ago(moment - self.modified)}")


class ObjectBackend:
    """A state in a bucket or container.

    The version of a blob is what the store compares in a conditional write: the generation on Google Cloud Storage, the
    ETag elsewhere. On S3 that is a digest of the content and would come back with it, which is what the mark prevents.
    """

    def __init__(self, url: str, environment: Mapping[str, str], *, heartbeat: float = HEARTBEAT) -> None:
        """A backend at an address, with credentials from the environment. Makes no call to the store."""
        try:
            address = ObjectAddress.parse(url, "state", "PATH/state.json")
            self._client = ObjectClient(address, environment)
        except StoreError as error:
            raise StateError(error.summary, code="SMS405", detail=error.detail) from None
        self._scheme, self._key = address.scheme, address.key
        self.where = address.where
        self.remote = True
        self._heartbeat = heartbeat
        self._library, self._errors = self._client.library, self._client.errors
        try:
            self._store: ObjectStore = self._client.store({"timeout": REQUEST})
        except self._errors as error:
            raise self._failure(error) from None

    # -- blobs ------------------------------------------------------------------------------

    def read(self, name: str) -> Blob | None:
        found = self._get(self._path(name))
        return None if found is None else Blob(found.content, found.version)

    def write(self, name: str, content: bytes) -> None:
        path = self._path(name)
        try:
            self._library.put(self._store, path, content + _mark(), mode="overwrite", use_multipart=False)
        except self._errors as error:
            raise self._failure(error) from None

    def replace(self, name: str, content: bytes, expected: str | None) -> str:
        return self._put(self._path(name), content, expected)

    def delete(self, name: str) -> None:
        path = self._path(name)
        records = sorted(found for found in self._listing(path) if _is_record(found))
        # Without its first record a log is empty, so one that is deleted by half is never read as a shorter one.
        self._delete_all([path, *records[:1]])
        self._delete_all(records[1:])

    def names(self, folder: str) -> list[str]:
        below = self._path(folder)
        names = (path.rpartition("/")[0] if _is_record(path) else path for path in self._listing(below))
        return sorted({name.removeprefix(f"{self._key}.") for name in names})

    # -- logs -------------------------------------------------------------------------------

    def append(self, log: str, position: int, record: bytes) -> None:
        # Another holder may append the very same record: the mark tells ours from theirs when it is read back.
        first, path = _record(self._path(log), 0), _record(self._path(log), position)
        self._put(path, record, None)
        # A position is free again once the log is deleted. Its first record goes first, so where that one is still
        # there after ours was written, no later one had been deleted before.
        if position and self._get(first) is None:
            self._delete(path)
            raise Conflict(path)

    def records(self, log: str) -> list[bytes]:
        path = self._path(log)
        there = set(self._listing(path))
        wanted: list[str] = []
        while (record := _record(path, len(wanted))) in there:
            wanted.append(record)
        records: list[bytes] = []
        for found in self._side_by_side(self._get, wanted):
            if found is None:
                break  # the log is being deleted
            records.append(found.content)
        return records

    # -- the lock ---------------------------------------------------------------------------

    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> AbstractContextManager[Lock]:
        return self._shared(wait) if shared else self._alone(holder, wait)

    @contextlib.contextmanager
    def _shared(self, wait: float) -> Iterator[Lock]:
        self._patiently(self._look, wait)
        yield _SharedLock()

    @contextlib.contextmanager
    def _alone(self, holder: Holder, wait: float) -> Iterator[Lock]:
        lock = _HeldLock(self, holder, self._patiently(lambda: self._take(holder), wait), self._heartbeat)
        try:
            yield lock
        except BaseException:
            with contextlib.suppress(StateError, LockedError):  # what went wrong first is what matters
                lock.end()
            raise
        lock.end()

    def _patiently(self, attempt: Callable[[], _Result], wait: float) -> _Result:
        """What an attempt comes to; LockedError once it has met a lock for so long."""
        deadline = time.monotonic() + wait
        pause, longest = _POLL
        while True:
            try:
                return attempt()
            except LockedError:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise
            time.sleep(min(pause, remaining))
            pause = min(2 * pause, longest)

    def _look(self) -> None:
        found = self._lock_object()
        if found is not None and found.holder is not None:
            raise locked(found.held())

    def _take(self, holder: Holder) -> str:
        found = self._lock_object()
        if found is not None and found.holder is not None:
            raise locked(found.held())
        if found is None:
            self._prove()
        try:
            return self._put_lock(holder, holder, None if found is None else found.version)
        except Conflict:
            raise locked(self.held()) from None

    def _put_lock(self, holder: Holder, write: Holder | None, expected: str | None) -> str:
        """Write the lock of a holder, or None to free it; its version. Conflict where it is another's."""
        document = {"lock": 1, "holder": None if write is None else write.document()}
        content = json.dumps(document, ensure_ascii=False, indent=2).encode()

        def ours(there: bytes) -> bool:
            found = self._read_lock(there)
            return found is not None and found.id == holder.id

        return self._put(f"{self._key}.lock", content, expected, None if write is None else ours)

    def _lock_object(self) -> _LockObject | None:
        found = self._get(f"{self._key}.lock")
        return None if found is None else _LockObject(self._read_lock(found.content), found.version, found.modified)

    def _read_lock(self, content: bytes) -> Holder | None:
        try:
            document = json.loads(content)
            return None if document["holder"] is None else Holder.read(document["holder"])
        except (ValueError, KeyError, TypeError):
            raise StateError(
                f"{self.where}.lock is damaged: it is no lock of smsops",
                code="SMS401",
                detail="Find out who wrote it. If no run is going on, delete that object.",
            ) from None

    def held(self) -> Held | None:
        found = self._lock_object()
        return None if found is None else found.held()

    def release(self, holder: Holder) -> None:
        other = self._free(holder, None)
        if other is not None:
            raise locked(other)

    def _free(self, holder: Holder, version: str | None) -> Held | None:
        """Free the lock of a holder, which was of this version when it was last seen; whose it is where it is another's."""
        for _ in range(_ATTEMPTS):
            if version is None:
                found = self._lock_object()
                if found is None or found.holder is None or found.holder.id != holder.id:
                    return None if found is None else found.held()
                version = found.version
            try:
                self._put_lock(holder, None, version)
            except Conflict:
                version = None  # a sign of life came between, or it is another's
            else:
                return None
        raise StateError(f"The lock of {self.where} cannot be released: it keeps changing", code="SMS401")

    def _prove(self) -> None:
        """Find out, before the first lock of this state is taken, whether the store keeps to the conditions of a write."""
        path = f"{self._key}.probe-{uuid.uuid4()}"
        try:
            first = self._put(path, b"first", None)
            self._refuses(path, b"second", None)
            self._put(path, b"second", first)
            self._refuses(path, b"third", first)
        except Conflict:
            raise self._careless() from None  # with whom? nobody else knows this object
        finally:
            with contextlib.suppress(StateError):  # one that is left does no harm
                self._delete(path)

    def _refuses(self, path: str, content: bytes, expected: str | None) -> None:
        try:
            self._put(path, content, expected)
        except Conflict:
            return
        raise self._careless()

    def _careless(self) -> StateError:
        return StateError(
            f"{self.where} is on a store without conditional writes: two applies could run at once",
            code="SMS408",
            detail="Keep the state on a store that honours If-Match and If-None-Match for writes: Amazon S3, Cloudflare R2, "
            "MinIO, Google Cloud Storage, Azure Blob Storage.",
        )

    # -- calls ------------------------------------------------------------------------------

    def _get(self, path: str) -> _Object | None:
        try:
            result = self._library.get(self._store, path)
            content = bytes(result.bytes())
        except self._errors as error:
            if answer(error) in NO_OBJECT:
                return None
            raise self._failure(error) from None
        mark = _MARK.search(content)
        whole = content if mark is None else content[: mark.start()]
        version, modified = self._version(result.meta), result.meta["last_modified"]
        return _Object(whole, b"" if mark is None else mark[0], version, modified)

    def _put(self, path: str, content: bytes, expected: str | None, ours: Callable[[bytes], bool] | None = None) -> str:
        """Write an object over the version that is expected (None: there is none); its new version.

        Conflict where another version is there. A request that is made again after a lost answer meets its own success:
        so a refusal and a failure are both settled by reading: what has our mark has landed, or what `ours` says so of.
        """
        mark = _mark()
        condition: Any = "create" if expected is None else {self._version_field: expected}
        for attempt in range(_ATTEMPTS):
            try:
                return self._version(
                    self._library.put(self._store, path, content + mark, mode=condition, use_multipart=False)
                )
            except self._errors as error:
                if type(error).__name__ in _FINAL or answer(error) in NO_BUCKET:
                    raise self._failure(error) from None
                if answer(error) == "NotImplemented":
                    raise self._careless() from None
                found = self._get(path)
                if found is not None and (found.mark == mark or (ours is not None and ours(found.content))):
                    return found.version
                if expected != (None if found is None else found.version):
                    raise Conflict(path) from None
                if attempt + 1 == _ATTEMPTS:
                    raise self._failure(error) from None
        raise AssertionError("unreachable")

    def _delete(self, path: str) -> None:
        try:
            self._library.delete(self._store, path)
        except self._errors as error:
            if not isinstance(error, FileNotFoundError) or answer(error) in NO_BUCKET:
                raise self._failure(error) from None

    def _delete_all(self, paths: list[str]) -> None:
        for _ in self._side_by_side(self._delete, paths):
            pass

    def _listing(self, folder: str) -> list[str]:
        """The paths of all objects below a folder."""
        try:
            return [found["path"] for chunk in self._library.list(self._store, folder) for found in chunk]
        except self._errors as error:
            raise self._failure(error) from None

    def _side_by_side(self, call: Callable[[str], _Result], paths: list[str]) -> Iterable[_Result]:
        """What a call comes to for each path, in their order. Threads: an event loop may be running in this one."""
        if not paths:
            return []
        with ThreadPoolExecutor(min(len(paths), _SIDE_BY_SIDE), thread_name_prefix="smsops-state") as pool:
            return list(pool.map(call, paths))

    def _path(self, name: str) -> str:
        if any(part in ("", ".", "..") or part.startswith("_") for part in name.split("/")):
            raise ValueError(f"not a name of a blob or log: {name!r}")
        return self._key if name == "state" else f"{self._key}.{name}"

    @property
    def _version_field(self) -> str:
        return "version" if self._scheme == "gs" else "e_tag"

    def _version(self, answer: Mapping[str, Any]) -> str:
        version = answer.get(self._version_field)
        if not version:
            raise StateError(f"{self.where}: the store does not say which version it holds", code="SMS408")
        return str(version)

    def _failure(self, error: Exception) -> StateError:
        cause, detail = self._client.explained(error, "list, read, write and delete objects")
        return StateError(f"{self.where} cannot be used: {cause}", code="SMS401", detail=detail)


class _SharedLock:
    """Nothing is held: the state was free when it was looked at."""

    def check(self) -> None:
        return


class _HeldLock:
    """A lock that is held alone; a thread gives signs of life until it ends."""

    def __init__(self, backend: ObjectBackend, holder: Holder, version: str, heartbeat: float) -> None:
        self._backend = backend
        self._holder = holder
        self._version = version
        self._heartbeat = heartbeat
        self._ended = threading.Event()
        self._lost = False
        self._lost_to: Held | None = None
        threading.Thread(target=self._live, name="smsops-heartbeat", daemon=True).start()

    def check(self) -> None:
        if self._lost:
            raise lock_lost(self._lost_to)

    def end(self) -> None:
        """Release it. One that was lost is left alone."""
        self._ended.set()
        if not self._lost:
            # A sign of life may still be under way: whichever of the two comes second is refused, and looks again.
            self._backend._free(self._holder, self._version)

    def _live(self) -> None:
        pause = self._heartbeat
        while not self._ended.wait(pause):
            try:
                self._version = self._backend._put_lock(self._holder, self._holder.alive(), self._version)
            except Conflict:
                if not self._ended.is_set():
                    with contextlib.suppress(StateError):
                        self._lost_to = self._backend.held()
                    self._lost = True
                return
            except StateError:
                pause = self._heartbeat / 3  # the store cannot be reached: the lock may still be ours
            else:
                pause = self._heartbeat


def _record(log: str, position: int) -> str:
    return f"{log}/_{position:08}"


def _mark() -> bytes:
    """What makes a write differ from every other one."""
    return b"\n" + f"{secrets.randbits(64):064b}".translate({ord("0"): " ", ord("1"): "\t"}).encode()


def _is_record(path: str) -> bool:
    return path.rpartition("/")[2].startswith("_")


def _ago(age: timedelta) -> str:
    """`3 minutes ago`."""
    seconds = max(int(age.total_seconds()), 0)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s ago"
    return "1 second ago" if seconds == 1 else f"{seconds} seconds ago"
