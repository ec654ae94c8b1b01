"""Words for an apply: while it runs, and what came of it."""

from __future__ import annotations

import math

from smsops.cli.views.text.paint import Paint
from smsops.model.outcome import Outcome, Progress, Report
from smsops.model.plan import (
    ADOPT,
    ADOPT_UPDATE,
    CREATE,
    DELETE,
    FORGET,
    NO_OP,
    REPLACE,
    UPDATE,
    Actions,
    Change,
)
from smsops.model.values import plural

_ALWAYS_COUNTED = ((CREATE, "added"), (UPDATE, "changed"), (DELETE, "destroyed"))
_VERBS = {
    CREATE: ("Creating", "Creation"),
    UPDATE: ("Modifying", "Modifications"),
    DELETE: ("Destroying", "Destruction"),
    REPLACE: ("Replacing", "Replacement"),
    ADOPT: ("Adopting", "Adoption"),
    ADOPT_UPDATE: ("Adopting", "Adoption"),
    FORGET: ("Forgetting", "Forgetting"),
    NO_OP: ("Recording", "Recording"),
}


def started_text(outcome: Change) -> str:
    return f"{outcome.address}: {_VERBS[outcome.actions][0]}..."


def progress_text(progress: Progress) -> str:
    """How far an operation is, how fast it goes on, and how long that still takes."""
    text = f"{progress.done:,} of {progress.total:,} {progress.noun}"
    if progress.per_second is None or progress.seconds_left is None:
        return text
    return f"{text}, {progress.per_second:,.0f} a second, {_duration(progress.seconds_left)} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def ended_text(outcome: Outcome, paint: Paint) -> str:
    """One line for how an operation ended."""
    change = outcome.operation.change
    match outcome.status:
        case "done":
            calls = f", {plural(outcome.calls, 'call')}" if outcome.calls else ""
            line = f"{change.address}: {_VERBS[change.actions][1]} complete after {outcome.seconds:.0f}s{calls}"
            rejected = outcome.returned.get("rejected")
            return f"{line}. The API rejected {', '.join(rejected)}" if rejected else line
        case "skipped":
            return f"{change.address}: {paint('Skipped', 'yellow')}. {outcome.detail}"
        case "unfinished":
            return f"{change.address}: {paint('Unfinished', 'yellow')}. {outcome.detail}"
        case "not_started":
            return f"{change.address}: {paint('Not started', 'yellow')}. {outcome.detail}"
        case "in_doubt":
            return f"{change.address}: {paint('In doubt', 'red', bold=True)}. {outcome.detail}"
        case _:
            return f"{change.address}: {paint(f'Failed ({outcome.code})', 'red', bold=True)}: {outcome.detail}"


def report_text(report: Report, color: bool) -> str:
    """The end of an apply: what was done, and what was not."""
    paint = Paint(color)
    done: dict[Actions, int] = {}
    for outcome in report.outcomes:
        if outcome.status == "done":
            done[outcome.operation.change.actions] = done.get(outcome.operation.change.actions, 0) + 1
    if report.plan.refresh_only:
        counts = [f"{done.get(NO_OP, 0)} recorded"]
    else:
        counts = [f"{done.get(actions, 0)} {word}" for actions, word in _ALWAYS_COUNTED]
    extra = ((REPLACE, "replaced"), (ADOPT, "adopted"), (ADOPT_UPDATE, "adopted and updated"), (FORGET, "forgotten"))
    counts += [f"{done[actions]} {word}" for actions, word in extra if done.get(actions)]
    whole = all(outcome.status == "done" for outcome in report.outcomes) and not report.plan.errored
    head = paint("Apply complete!", "green", bold=True) if whole else paint("Apply incomplete.", "red", bold=True)
    lines = [f"{head} {', '.join(counts)}."]
    if not whole:
        lines += [f"  {ended_text(outcome, paint)}" for outcome in report.outcomes if outcome.status != "done"]
    doubtful = [outcome.operation.change.address for outcome in report.outcomes if outcome.status == "in_doubt"]
    for address in doubtful:
        lines.append(
            f"{address} may have happened and is not repeated. Find out, then: "
            f"smsops resolve {address} --happened | --did-not-happen"
        )
    return "\n".join(lines)
