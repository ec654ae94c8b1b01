"""A backend over another one: what is written stays in memory, and what lies beneath is only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from smsops.edge.state.backend import Backend, Blob, Conflict, Held, Holder, Lock


class _Unshared:
    """The lock of a state that nobody else can reach."""

    def check(self) -> None:
        return


class Overlay:
    """A copy of what another backend holds, for the time of one process. What was read once does not change any more."""

    def __init__(self, beneath: Backend) -> None:
        self._beneath = beneath
        self._blobs: dict[str, Blob | None] = {}
        self._logs: dict[str, list[bytes]] = {}
        self._versions = count(1)

    @property
    def where(self) -> str:
        return self._beneath.where

    @property
    def remote(self) -> bool:
        return False

    def read(self, name: str) -> Blob | None:
        if name not in self._blobs:
            self._blobs[name] = self._beneath.read(name)
        return self._blobs[name]

    def write(self, name: str, content: bytes) -> None:
        self._blobs[name] = Blob(content, f"overlay {next(self._versions)}")

    def replace(self, name: str, content: bytes, expected: str | None) -> str:
        blob = self.read(name)
        if (blob.version if blob else None) != expected:
            raise Conflict(name)
        new = Blob(content, f"overlay {next(self._versions)}")
        self._blobs[name] = new
        return new.version

    def delete(self, name: str) -> None:
        self._blobs[name], self._logs[name] = None, []

    def names(self, folder: str) -> list[str]:
        known = {*self._blobs, *self._logs}
        mine = {name for name in known if self._blobs.get(name) or self._logs.get(name)}
        names = mine | ({*self._beneath.names(folder)} - known)
        return sorted(name for name in names if name.startswith(f"{folder}/"))

    def append(self, log: str, position: int, record: bytes) -> None:
        records = self.records(log)
        if position < len(records):
            raise Conflict(log)
        records.append(record)

    def records(self, log: str) -> list[bytes]:
        if log not in self._logs:
            self._logs[log] = list(self._beneath.records(log))
        return self._logs[log]

    @contextmanager
    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> Iterator[Lock]:
        yield _Unshared()

    def held(self) -> Held | None:
        return None

    def release(self, holder: Holder) -> None:
        return
