"""What an apply did: how each operation ended, how far a long one is, and all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from smsops.errors import ExitCode
from smsops.model.plan import Operation, Plan
from smsops.model.values import EMPTY, JSON

_ENDINGS = {
    ExitCode.OK: "done",
    ExitCode.INCOMPLETE: "incomplete",
    ExitCode.IN_DOUBT: "in doubt",
    ExitCode.INTERRUPTED: "interrupted",
}
ApplyStatus = Literal["done", "failed", "skipped", "in_doubt", "unfinished", "not_started"]


class Outcome(NamedTuple):
    """How one operation ended. `detail` says why, with the code of the error.

    unfinished: it was interrupted between two of its steps; not_started: before the first one.
    """

    operation: Operation
    status: ApplyStatus
    calls: int = 0
    seconds: float = 0.0
    code: str = ""
    detail: str = ""
    returned: Mapping[str, JSON] = EMPTY


class Progress(NamedTuple):
    """How far a long operation is. The pace and the time left are known from the second time on that it is told."""

    done: int
    total: int
    noun: str
    per_second: float | None = None
    seconds_left: float | None = None


@dataclass
class Report:
    """What an apply did."""

    plan: Plan
    outcomes: list[Outcome] = field(default_factory=list)
    interrupted: bool = False

    def count(self, *statuses: str) -> int:
        return sum(1 for outcome in self.outcomes if outcome.status in statuses)

    @property
    def exit_code(self) -> ExitCode:
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.count("in_doubt") or self.plan.doubts:
            return ExitCode.IN_DOUBT
        if self.count("failed", "skipped", "unfinished", "not_started") or self.plan.errored:
            return ExitCode.INCOMPLETE
        return ExitCode.OK

    def history(self) -> dict[str, JSON]:
        """How it ended, for the history."""
        return {
            "outcome": _ENDINGS[self.exit_code],
            "exit_code": int(self.exit_code),
            "operations": [
                {
                    "address": str(outcome.operation.change.address),
                    "actions": list(outcome.operation.change.actions),
                    "status": outcome.status,
                    "calls": outcome.calls,
                }
                for outcome in self.outcomes
            ],
        }
