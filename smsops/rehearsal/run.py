"""One rehearsal, from the reads of the live account to the plan that must be empty, and what it came to."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import NamedTuple

from smsops.api.contract import Reader
from smsops.api.records import AccountInfo, Credentials
from smsops.config.load import Configuration
from smsops.edge.apply import Reporter
from smsops.edge.state.overlay import Overlay
from smsops.edge.state.store import StateStore
from smsops.errors import ExitCode
from smsops.model.outcome import Report
from smsops.model.plan import Plan
from smsops.model.values import JSON, as_json_number
from smsops.pipeline import PlanOptions, Prepared, perform, prepare, record_settled
from smsops.rehearsal.account import copied, log_ins, still_true
from smsops.sandbox.app import Sandbox
from smsops.surroundings import Connection, Surroundings, open_store

FORMAT_VERSION = "1.0"

Enter = Callable[[Sandbox, Configuration, Credentials], AbstractAsyncContextManager[Connection]]
"""The way to a sandbox in this process."""


class Fall(NamedTuple):
    """A balance before and after; None where there is no such account, or nobody tells."""

    login: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Rehearsal:
    """What applying a plan to a copy of its account came to. `refused` says why nothing was applied."""

    report: Report
    refused: ExitCode | None = None
    calls: Mapping[str, int] = field(default_factory=dict)
    """How many of each method, reads included."""
    seconds: float = 0.0
    live_seconds: float = 0.0
    """What the same calls take at the least on the live account, by `requests_per_second`."""
    balances: tuple[Fall, ...] = ()
    """Those that moved, the master's first in any case."""
    next: Plan | None = None
    """The plan behind it; None where none was made."""

    @property
    def plan(self) -> Plan:
        return self.report.plan

    @property
    def proven(self) -> bool:
        """Whether the next plan is empty. What could not be read before need not be readable then."""
        if self.next is None:
            return self.refused is None and not self.plan.changes
        return not self.next.changes and not (self.next.mistaken and not self.plan.mistaken)

    @property
    def exit_code(self) -> ExitCode:
        if self.refused is not None:
            return self.refused
        ended = self.report.exit_code
        return ExitCode.ERROR if ended is ExitCode.OK and not self.proven else ended

    @property
    def used(self) -> float | None:
        """By how much all balances together are lower; None where one is not told."""
        if any(fall.before is None and fall.after is None for fall in self.balances):
            return None
        return sum((fall.before or 0) - (fall.after or 0) for fall in self.balances)

    def document(self) -> dict[str, JSON]:
        master = self.balances[0] if self.balances else None
        remaining = [change.document(change.address.account) for change in self.next.changes] if self.next else []
        known = self.plan.master_after
        return {
            "format_version": FORMAT_VERSION,
            "stack": self.plan.stack,
            "account": self.plan.account,
            "exit_code": int(self.exit_code),
            "summary": self.plan.summary,
            "operations": [
                {
                    "address": str(outcome.operation.change.address),
                    "actions": list(outcome.operation.change.actions),
                    "status": outcome.status,
                    "calls": outcome.calls,
                    "seconds": round(outcome.seconds, 3),
                    "code": outcome.code or None,
                    "detail": outcome.detail,
                }
                for outcome in self.report.outcomes
            ],
            "calls": {"total": sum(self.calls.values()), "by_method": dict(self.calls)},
            "seconds": {"copy": round(self.seconds, 3), "account_at_least": round(self.live_seconds, 1)},
            "credits": {
                "used": self.used,
                "master_before": master.before if master else None,
                "master_after": master.after if master else None,
                "planned_master_after": None if known is None else as_json_number(known),
                "balances": [fall._asdict() for fall in self.balances],
            },
            "next_plan": {"made": self.next is not None, "empty": self.proven, "resource_changes": remaining},
            "diagnostics": [item.document() for item in self.plan.diagnostics],
        }


def shadow_of(store: StateStore, configuration: Configuration, surroundings: Surroundings) -> StateStore:
    """A stack's state in memory, as it is now."""
    beneath = store.backend
    return open_store(configuration, surroundings._replace(open_backend=lambda *_: Overlay(beneath)))


class Seen(NamedTuple):
    """What was read of the live account: the plan, and all that a copy of the account needs."""

    prepared: Prepared
    infos: Mapping[str, AccountInfo | None]


async def look(
    configuration: Configuration,
    shadow: StateStore,
    options: PlanOptions,
    surroundings: Surroundings,
    live: Reader,
    credentials: Credentials,
    progress: Callable[[int], None],
) -> Seen:
    """The plan for the live account, and what else applying it needs. After this nothing is asked of the account."""
    prepared = await prepare(configuration, shadow, options, surroundings, live, credentials, progress)
    return Seen(prepared, await log_ins(prepared.plan, prepared.view, live))


async def rehearse(
    seen: Seen,
    options: PlanOptions,
    configuration: Configuration,
    shadow: StateStore,
    surroundings: Surroundings,
    enter: Enter,
    reporter: Reporter,
    stop: asyncio.Event,
    parallelism: int | None,
) -> Rehearsal:
    """Apply the plan to a copy of the account, and plan once more."""
    prepared, credentials = seen.prepared, seen.prepared.credentials
    sandbox = copied(prepared.view, credentials, seen.infos, surroundings.now)
    try:
        before = sandbox.balances()
        async with enter(sandbox, configuration, credentials) as copy:
            record_settled(prepared, shadow)
            began = time.monotonic()
            report = await perform(prepared, configuration, shadow, surroundings, copy, reporter, stop, parallelism)
            seconds = time.monotonic() - began
            made = [(call.method, call.login) for call in sandbox.calls]
            after = sandbox.balances()
            again = None
            if not report.interrupted:
                wanted = options._replace(overrides=(), ask_prices=False, simulate=False)
                known = still_true(prepared.view, sandbox, credentials.login)
                again = await prepare(
                    configuration, shadow, wanted, surroundings, copy.reader, credentials, known=known
                )
    finally:
        sandbox.close()
    busiest = max(Counter(login for _, login in made).values(), default=0)
    logins = [credentials.login, *sorted({*before, *after} - {credentials.login})]
    falls = (Fall(login, before.get(login), after.get(login)) for login in logins)
    return Rehearsal(
        report,
        calls=dict(sorted(Counter(method for method, _ in made).items())),
        seconds=seconds,
        live_seconds=busiest / configuration.settings.requests_per_second,
        balances=tuple(fall for fall in falls if fall.login == credentials.login or fall.before != fall.after),
        next=again.plan if again else None,
    )
