"""Words for an apply: while it runs, and what came of it."""

from __future__ import annotations

import math

from smsops.cli.views.text.paint import Paint
from smsops.model.address import Address
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
from smsops.model.shown import one_line
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
    return f"{outcome.operation.change.address}: {ending(outcome, paint)}"


def ending(outcome: Outcome, paint: Paint) -> str:
    """How an operation ended, and why."""
    match outcome.status:
        case "done":
            calls = f", {plural(outcome.calls, 'call')}" if outcome.calls else ""
            verb = _VERBS[outcome.operation.change.actions][1]
            line = f"{verb} complete after {outcome.seconds:.0f}s{calls}"
            rejected = outcome.returned.get("rejected")
            return f"{line}. The API rejected {one_line(', '.join(rejected))}" if rejected else line
        case "skipped":
            return f"{paint('Skipped', 'yellow')}. {one_line(outcome.detail)}"
        case "unfinished":
            return f"{paint('Unfinished', 'yellow')}. {one_line(outcome.detail)}"
        case "not_started":
            return f"{paint('Not started', 'yellow')}. {one_line(outcome.detail)}"
        case "in_doubt":
            return f"{paint('In doubt', 'red', bold=True)}. {one_line(outcome.detail)}"
        case _:
            return f"{paint(f'Failed ({outcome.code})', 'red', bold=True)}: {one_line(outcome.detail)}"


def report_text(report: Report, color: bool) -> str:
    """The end of an apply: what was done, and what was not."""
    paint = Paint(color)
    undone = (f"  {ended_text(outcome, paint)}" for outcome in report.outcomes if outcome.status != "done")
    return "\n".join([report_line(report, paint), *undone, *doubtful_lines(report)])


def report_line(report: Report, paint: Paint) -> str:
    """Whether all is done, and how much."""
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
    return f"{head} {', '.join(counts)}."


def doubtful_lines(report: Report) -> list[str]:
    """What to do about what is in doubt."""
    doubtful = (outcome.operation.change.address for outcome in report.outcomes if outcome.status == "in_doubt")
    return [doubt_line(address) for address in doubtful]


def doubt_line(address: Address) -> str:
    """What to do about a resource that is in doubt."""
    return (
        f"{address} may have happened and is not repeated. Find out, then: "
        f"smsops resolve {address} --happened | --did-not-happen"
    )
