"""The exceptions that cross smsops, one tree, each with the exit code it ends a run with.

::

    SmsopsError                1
    ├── ConfigurationError     1   diagnostics of the configuration, all at once (model/diagnostics.py)
    ├── StateError             1   the state cannot be read or written
    ├── StalePlanError         5   the saved plan is no longer what would be done
    ├── Interrupted          130   an operation ended half-way, at the user's wish
    └── LockedError            6   somebody else holds the state
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a process of smsops ends with."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    INCOMPLETE = 3
    BLOCKED = 4
    STALE = 5
    LOCKED = 6
    IN_DOUBT = 7
    INTERRUPTED = 130


class SmsopsError(Exception):
    """A failure that is explained to the user: a code, what happened, what to do."""

    exit_code: ClassVar[ExitCode] = ExitCode.ERROR

    def __init__(self, summary: str, *, code: str = "SMS400", detail: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.code = code
        self.detail = detail


class StateError(SmsopsError):
    """The state is missing, damaged, of another stack, or cannot be written."""


class StalePlanError(SmsopsError):
    """A saved plan does not match what would be done now."""

    exit_code = ExitCode.STALE


class Interrupted(SmsopsError):
    """An operation ended between two of its steps, because the user asked for it."""

    exit_code = ExitCode.INTERRUPTED


class LockedError(SmsopsError):
    """The state is locked by somebody else."""

    exit_code = ExitCode.LOCKED
