"""Where a simulated process keeps its state: what is written outlives it, and every write may be its last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from smsops.edge.state.backend import Blob, Conflict, Held, Holder, locked
from smsops.errors import LockedError, StateError

Mishap = Literal["die_before", "die_after", "fail_before", "fail_after"]


class Death(BaseException):
    """The process is gone. Nothing that it still tries has any effect."""


@dataclass
class Process:
    """One process: once it is dead, whatever it calls raises."""

    dead: bool = False

    def alive(self) -> None:
        if self.dead:
            raise Death

    def die(self) -> None:
        self.dead = True
        raise Death


@dataclass
class Disk:
    """What outlives processes."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    logs: dict[str, list[bytes]] = field(default_factory=dict)
    holder: Holder | None = None
    holding: Process | None = None


class _Lock:
    def __init__(self, process: Process) -> None:
        self._process = process

    def check(self) -> None:
        self._process.alive()


class Mortal:
    """A backend of one process on a disk. `strike` says of each durable step what goes wrong with it, if anything."""

    where = "the simulated disk"

    def __init__(self, disk: Disk, process: Process, strike: Callable[[str], Mishap | None], *, remote: bool) -> None:
        self.remote = remote
        self._disk = disk
        self._process = process
        self._strike = strike

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """A durable step, and what may happen before and behind it."""
        self._process.alive()
        mishap = self._strike(name)
        if mishap == "die_before":
            self._process.die()
        if mishap == "fail_before":
            raise StateError(f"{self.where} cannot be written", code="SMS401")
        yield
        if mishap == "die_after":
            self._process.die()
        if mishap == "fail_after":
            raise StateError(f"{self.where} does not answer", code="SMS401")

    def read(self, name: str) -> Blob | None:
        self._process.alive()
        content = self._disk.blobs.get(name)
        return None if content is None else Blob(content, _version(content))

    def write(self, name: str, content: bytes) -> None:
        with self._step(f"write {name}"):
            self._disk.blobs[name] = content

    def replace(self, name: str, content: bytes, expected: str | None) -> str:
        found = self.read(name)
        if (found.version if found else None) != expected:
            raise Conflict(name)
        with self._step(f"replace {name}"):
            self._disk.blobs[name] = content
        return _version(content)

    def delete(self, name: str) -> None:
        with self._step(f"delete {name}"):
            self._disk.blobs.pop(name, None)
            self._disk.logs.pop(name, None)

    def names(self, folder: str) -> list[str]:
        self._process.alive()
        return sorted(name for name in (*self._disk.blobs, *self._disk.logs) if name.startswith(f"{folder}/"))

    def append(self, log: str, position: int, record: bytes) -> None:
        if position != len(self._disk.logs.get(log, ())):
            raise Conflict(log)
        with self._step(f"append {log}"):
            self._disk.logs.setdefault(log, []).append(record)

    def records(self, log: str) -> list[bytes]:
        self._process.alive()
        return list(self._disk.logs.get(log, ()))

    @contextmanager
    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> Iterator[_Lock]:
        self._process.alive()
        if self._disk.holding is not None and not self._disk.holding.dead:
            raise locked(self.held())
        if not shared:
            self._disk.holder, self._disk.holding = holder, self._process
        try:
            yield _Lock(self._process)
        finally:
            if self._disk.holding is self._process:
                self._disk.holder = self._disk.holding = None

    def held(self) -> Held | None:
        return Held(self._disk.holder, False, "it is simulated") if self._disk.holder else None

    def release(self, holder: Holder) -> None:
        raise LockedError(f"The state is locked: {holder}", code="SMS406")


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
