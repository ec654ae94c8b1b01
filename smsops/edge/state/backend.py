"""The small interface behind which a state lies: blobs, logs and a lock. It knows nothing of what is in them.

A backend is used by one process for one stack. Every method blocks; a method that returns has made
its effect durable, and one that raises StateError may or may not have had it. Names are paths such
as `state`, `backups/list++vip`; a log has a name of the same form, such as `journal/00000007`.
"""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from smsops.errors import LockedError, StateError
from smsops.model.values import JSON

HEARTBEAT = 15.0
"""Seconds between two signs of life of a holder."""

LOOKS_DEAD = timedelta(seconds=4 * HEARTBEAT)
"""A holder that gave no sign of life for so long looks dead."""


class Conflict(Exception):
    """The backend holds something else than was expected: nothing was written."""


class Blob(NamedTuple):
    """Some bytes, and which version of them; a version is opaque. Equal bytes may have equal versions: what is replaced
    by version (the state, a lock) is never written twice the same, since it holds a serial or a sign of life."""

    content: bytes
    version: str


class Holder(NamedTuple):
    """Who holds a state: enough for another person to find out what that run is doing."""

    id: str
    who: str
    pid: int
    command: str
    since: str
    heartbeat: str
    commit: str | None = None
    ci_run: str | None = None

    @classmethod
    def this_process(cls, command: str, commit: str | None, environment: Mapping[str, str]) -> Holder:
        """A holder of a new id: this process, running `command` at `commit`."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = str(os.getuid())
        since = now()
        return cls(
            str(uuid.uuid4()),
            f"{user}@{socket.gethostname()}",
            os.getpid(),
            command,
            since,
            since,
            commit,
            _ci_run(environment),
        )

    def alive(self) -> Holder:
        """The same holder with a new sign of life."""
        return self._replace(heartbeat=now())

    def looks_dead(self, moment: datetime) -> bool:
        return moment - datetime.fromisoformat(self.heartbeat) > LOOKS_DEAD

    def document(self) -> dict[str, JSON]:
        return self._asdict()

    @classmethod
    def read(cls, document: Any) -> Holder:
        """A holder from its document; KeyError, TypeError or ValueError where it is none."""
        datetime.fromisoformat(document["heartbeat"])
        return cls(**document)

    def __str__(self) -> str:
        details = [f"process {self.pid}"]
        details += [f"commit {self.commit[:10]}"] if self.commit else []
        details += [self.ci_run] if self.ci_run else []
        return f"{self.who} ({', '.join(details)}) runs {self.command!r} since {self.since}"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ci_run(environment: Mapping[str, str]) -> str | None:
    """Where the run that this is can be looked at."""
    if environment.get("GITHUB_RUN_ID"):
        server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
    for name in ("CI_JOB_URL", "CI_PIPELINE_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL"):
        if environment.get(name):
            return environment[name]
    return None


class Held(NamedTuple):
    """Who holds the lock now, and whether it looks as if they were gone; `why` says what that is judged by."""

    holder: Holder
    looks_dead: bool
    why: str


def locked(held: Held | None) -> LockedError:
    """The error of whoever finds the state locked."""
    if held is None:
        return LockedError(
            "The state is locked: somebody reads or writes it",
            code="SMS406",
            detail="Wait until that ends, or pass --lock-timeout 5m to wait for it.",
        )
    if held.looks_dead:
        detail = f"It looks dead: {held.why}. If that run is over, release the lock with: smsops state unlock"
    else:
        detail = f"It is alive: {held.why}. Wait until that ends, or pass --lock-timeout 5m to wait for it."
    return LockedError(f"The state is locked: {held.holder}", code="SMS406", detail=detail)


def lock_lost(held: Held | None) -> StateError:
    """The error of a holder whose lock was released by somebody else, or gone with its connection."""
    by = f" Now {held.holder}." if held else ""
    return StateError(
        "The lock on the state was lost: nothing more is done",
        code="SMS409",
        detail=f"Somebody released it, or the connection broke.{by} What was done is recorded; run plan to see the rest.",
    )


class Lock(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """StateError (`lock_lost`) where it is known not to be held any more. Makes no call."""


class Backend(Protocol):
    """Blobs, logs and a lock. Unreachable, refused or damaged storage is a StateError (SMS401)."""

    @property
    def where(self) -> str:
        """The address for messages, without credentials."""

    @property
    def remote(self) -> bool:
        """Whether others than this machine's users can reach it, and whether a call crosses a network."""

    def read(self, name: str) -> Blob | None:
        """A blob as it is now; None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Make this the content of a blob, whatever was there."""

    def replace(self, name: str, content: bytes, expected: str | None) -> str:
        """Make this the content of a blob of the version `expected` (None: there is none yet); its new version.

        Conflict where it is another one. A lost answer is settled by reading back: content that is there has landed.
        """

    def delete(self, name: str) -> None:
        """See to it that there is no such blob or log."""

    def names(self, folder: str) -> list[str]:
        """The names of blobs and logs below a folder (`backups`), each whole (`backups/x`), sorted."""

    def append(self, log: str, position: int, record: bytes) -> None:
        """Add a record to a log at a position, counted from 0; Conflict where that position is taken.

        This is what keeps a holder whose lock was taken away from writing behind the back of the next one.
        A record holds no newline.
        """

    def records(self, log: str) -> list[bytes]:
        """The records of a log in their order; empty where there is none. What was never acknowledged may be missing."""

    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> AbstractContextManager[Lock]:
        """Hold the state: alone to change it; shared, which only needs that nobody changes it, to read it.

        LockedError, from `locked`, after `wait` seconds. A shared lock need not exclude whoever comes later.
        """

    def held(self) -> Held | None:
        """Who holds the lock alone; None where nobody does."""

    def release(self, holder: Holder) -> None:
        """Take the lock away from a holder (`state unlock`): it finds out by Lock.check or by a Conflict.

        LockedError where it cannot be taken away, or is another's by now.
        """
