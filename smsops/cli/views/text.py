"""Text for people, in the manner of Terraform."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO

import click

from smsops.errors import SmsopsError
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
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
    Doubt,
    Plan,
)
from smsops.model.sending import Send
from smsops.model.values import JSON, Number, plural

_SYMBOLS: Mapping[Actions, tuple[str, str, str]] = {
    CREATE: ("+", "green", "will be created"),
    UPDATE: ("~", "yellow", "will be updated"),
    DELETE: ("-", "red", "will be destroyed"),
    REPLACE: ("-/+", "magenta", "must be replaced"),
    ADOPT: ("=", "cyan", "will be adopted"),
    ADOPT_UPDATE: ("=~", "cyan", "will be adopted and updated"),
    FORGET: (".", "cyan", "will be forgotten, and left as it is"),
    NO_OP: (" ", "white", "does not change"),
}
_REASONS = {
    "configuration_changed": "",
    "absent_from_account": "",
    "delete_because_no_resource_config": "it is not in the configuration",
    "deleted_with_its_list": "with its list",
    "replace_because_cannot_update": "the API cannot change a list; every contact is kept",
    "replace_unfinished": "an earlier replace did not finish; every contact is kept",
    "grant_due": "",
    "below_floor": "the balance is below its floor",
    "audience_changed": "its audience changed",
    "partly_scheduled": "it is only partly scheduled",
    "already_sent": "it was sent, or nothing of it is scheduled",
    "no_longer_managed": "it is no longer managed",
    "removed_block": "removed: says so",
    "adopted": "it exists already",
}
_ALWAYS_COUNTED = ((CREATE, "added"), (UPDATE, "changed"), (DELETE, "destroyed"))
_ACCOUNTS = 10
"""So many sub-accounts have a line of their own in the summary."""
_LONG, _BEGINNING, _ENDING = 320, 100, 40
"""Texts of more characters are shown by their beginning and their end; preview and JSON have them whole."""
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
NO_DRIFT = "No drift. Nothing was changed outside of the configuration since the last apply."
NO_CHANGES = "No changes. The account matches the configuration."


class Paint:
    """Colours, or none."""

    def __init__(self, color: bool) -> None:
        self._color = color

    def __call__(self, text: str, color: str | None = None, *, bold: bool = False) -> str:
        return click.style(text, fg=color, bold=bold) if self._color else text


def print_diagnostics(diagnostics: Iterable[Diagnostic], color: bool, stream: IO[str] | None = None) -> None:
    """Every diagnostic on stderr: place, code, what, line and caret, what to do."""
    paint = Paint(color)
    for item in diagnostics:
        click.echo(diagnostic_text(item, paint), file=stream or sys.stderr)


def diagnostic_text(item: Diagnostic, paint: Paint) -> str:
    place = f"{item.mark}: " if item.mark else f"{item.address}: " if item.address else ""
    tint = "red" if item.severity == "error" else "yellow"
    lines = [f"{paint(place, bold=True)}{paint(f'{item.severity} {item.code}', tint, bold=True)}: {item.summary}"]
    if item.snippet and item.mark:
        source, _, caret = item.snippet.partition("\n")
        number = f"{item.mark.line:>5}"
        lines += [f"{number} | {source}", f"{' ' * len(number)} | {paint(caret, tint)}"]
    if item.detail:
        lines += [f"      {line}" for line in item.detail.splitlines()]
    return "\n".join(lines)


def print_error(error: SmsopsError, color: bool) -> None:
    paint = Paint(color)
    click.echo(f"{paint(f'error {error.code}', 'red', bold=True)}: {error.summary}", err=True)
    for line in error.detail.splitlines():
        click.echo(f"      {line}", err=True)


def plan_text(plan: Plan, color: bool, *, everything: bool = False) -> str:
    """The plan for a terminal: each change, then the summary."""
    paint = Paint(color)
    lines: list[str] = []
    judged: dict[Address | None, list[Diagnostic]] = {}
    for item in plan.diagnostics:
        if item.blocks or item.overrides:
            judged.setdefault(item.address, []).append(item)
    for change in (*plan.changes, *(plan.unchanged if everything else ())):
        lines += [*_change_lines(change, paint, judged.get(change.address, ()), destroy=plan.destroy), ""]
    for doubt in plan.doubts:
        lines += [*_doubt_lines(doubt, paint), ""]
    if plan.drift:
        lines = [*_drift_lines(plan.drift, paint), *lines]
    return "\n".join([*lines, *summary_lines(plan, paint), *judged_lines(judged.get(None, ()), paint)])


def _drift_lines(drift: Iterable[Change], paint: Paint) -> Iterator[str]:
    yield "Changed outside of the configuration since the last apply:"
    yield ""
    for change in drift:
        yield f"  # {paint(str(change.address), bold=True)} {drifted(change)}"
        yield from _values(change, paint)
        yield ""


def drifted(change: Change) -> str:
    """What became of a resource outside of the configuration."""
    return "is gone" if change.deletes else "has changed"


def _change_lines(change: Change, paint: Paint, judged: Sequence[Diagnostic], *, destroy: bool = False) -> list[str]:
    if is_only_moved(change):
        return [f"  # {paint(str(change.previous_address), bold=True)} is now {paint(str(change.address), bold=True)}"]
    lines = [f"  # {paint(str(change.address), bold=True)} {fate(change, destroy=destroy)}"]
    if change.previous_address:
        lines.append(f"  # it was {change.previous_address}")
    lines += [f"  # {line}" for line in judged_lines(judged, paint)]
    return [*lines, *_values(change, paint)]


def _values(change: Change, paint: Paint) -> list[str]:
    """What becomes of it, value by value."""
    symbol, tint, _ = _SYMBOLS[change.actions]
    lines = (f"      {line}" for line in change_details(change, paint))
    return [f"  {paint(symbol, tint)} {change.address.kind}", *lines]


def is_only_moved(change: Change) -> bool:
    """Whether nothing becomes of a resource but another address."""
    return bool(change.previous_address) and change.actions == NO_OP


def fate(change: Change, *, destroy: bool = False) -> str:
    """What becomes of a resource, and why: `will be destroyed (it is not in the configuration)`."""
    reason = _REASONS.get(change.reason, change.reason.replace("_", " "))
    if destroy and change.reason == "delete_because_no_resource_config":
        reason = ""  # it may well be in the configuration
    return _SYMBOLS[change.actions][2] + (f" ({reason})" if reason else "")


def symbol_of(change: Change) -> str:
    """How a change is marked: `+`, `~`, `-/+`."""
    return _SYMBOLS[change.actions][0].strip()


def tint_of(change: Change) -> str:
    """The colour of that mark."""
    return _SYMBOLS[change.actions][1]


def change_details(change: Change, paint: Paint) -> list[str]:
    """What changes of a resource, line by line: attributes, contacts, messages, credits."""
    arrow = paint("->", "yellow")
    lines = [
        f"{name}: {old} {arrow} {new}" if old is not None and new is not None else f"{name}: {new or old}"
        for name, old, new in attributes(change)
    ]
    return [*lines, *consequences(change)]


def consequences(change: Change) -> list[str]:
    """What a change means for contacts, recipients and credits, line by line."""
    lines: list[str] = []
    if change.contacts and change.contacts.total:
        counts = change.contacts
        lines.append(f"contacts: {counts.add:,} to add, {counts.change:,} to change, {counts.remove:,} to remove")
    if change.send:
        lines += _send_lines(change.send)
    if change.refund:
        lines.append(f"gives back: {plural(change.refund, 'credit')}")
    if change.moves:
        lines.append(f"credits moved: {change.moves:+,}")
    return lines


def judged_lines(judged: Iterable[Diagnostic], paint: Paint) -> list[str]:
    """What is refused, and what is let through by whom and why."""
    lines: list[str] = []
    for item in judged:
        word, tint = ("OVERRIDDEN", "yellow") if item.overrides else ("BLOCKED", "red")
        lines.append(f"{paint(word, tint, bold=True)}: {item.summary}")
        lines += [f"  by {override.text}" for override in item.overrides]
    return lines


def _send_lines(send: Send) -> Iterator[str]:
    prices = ", ".join(
        f"{country} {plural(messages, 'SMS', 'SMS')} {credits:,}"
        for country, (messages, credits) in send.countries.items()
    )
    cost = plural(send.credits, "credit") + (f" ({prices})" if len(send.countries) > 1 else "")
    if send.channel == "email":
        yield f"sends: {plural(send.messages, 'e-mail')}; nobody tells what they cost"
    else:
        yield f"sends: {send.messages:,} SMS to {plural(send.recipients, 'recipient')}, {cost}"
    if send.parts and (send.parts.kept or send.parts.cancelled):
        kept, cancelled, sent = send.parts
        yield f"parts: {kept:,} stay as they are, {cancelled:,} cancelled, {sent:,} sent"
    if send.simulated:
        told = send.simulated
        yield (
            f"the API counts {told.messages:,} SMS to {plural(told.recipients, 'recipient')}, "
            f"{plural(told.credits, 'credit')}"
        )
    if send.funnel:
        funnel = send.funnel
        blacklist = f"{funnel.not_blacklisted:,} not blacklisted, " if send.channel == "sms" else ""
        yield (
            f"audience: {funnel.in_lists:,} in the lists, {funnel.matching:,} matching, {funnel.valid:,} valid, "
            f"{blacklist}{funnel.sent:,} sent"
        )
    if send.message:
        message = send.message
        short, median, long = (message[name] for name in ("shortest", "median", "longest"))
        sms = _span(short["segments"], long["segments"])
        size = _span(short["length"], long["length"])
        encoding = long["encoding"]
        if 0 < message["unicode"] < send.recipients:
            encoding = f"UCS-2 for {message['unicode']:,}, GSM-7 for {send.recipients - message['unicode']:,}"
        yield f"messages: {encoding}, {sms} SMS each, {size} characters, median {median['length']:,}"
        yield f"at its longest, from {message['sender']}: {_value(message['longest']['text'])}"
    if send.cancellable_until:
        until = send.cancellable_until
        yield f"can be taken back until {until:%Y-%m-%d %H:%M} {until.tzinfo}"


def _span(one: int, other: int) -> str:
    least, most = sorted((one, other))
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def attributes(change: Change) -> Iterator[tuple[str, str | None, str | None]]:
    """What changes of a resource: each attribute by name, before and after in words, None where it has none."""
    before, after = change.before or {}, change.after or {}
    for name in sorted(before.keys() | after.keys()):
        if not (before and after and name in before and name in after and before[name] == after[name]):
            yield (
                name,
                _value(before[name]) if name in before else None,
                _value(after[name]) if name in after else None,
            )


def _value(value: JSON) -> str:
    if isinstance(value, str):
        if len(value) > _LONG:
            value = f"{value[:_BEGINNING]} […] {value[-_ENDING:]}"
        return value if value.startswith("(") else f'"{value}"'.replace("\n", "\\n")
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, Mapping):
        if all(isinstance(item, Mapping) for item in value.values()):  # names with switches: FIRSTNAME (mailing)
            return ", ".join(_switched(str(name), flags) for name, flags in value.items()) or "(none)"
        return f"{{{', '.join(f'{name}: {_value(item)}' for name, item in value.items())}}}"
    return ", ".join(_value(item) for item in value)


def _switched(name: str, flags: Mapping[str, JSON]) -> str:
    on = [flag for flag, value in flags.items() if value]
    return f"{name} ({', '.join(on)})" if on else name


def _doubt_lines(doubt: Doubt, paint: Paint) -> list[str]:
    address = doubt.intent.address
    first, *rest = doubt_details(doubt)
    head = f"  # {paint(str(address), bold=True)} is {paint('in doubt', 'red', bold=True)}: {first}"
    return [head, *(f"      {line}" for line in rest)]


def doubt_details(doubt: Doubt) -> list[str]:
    """Which call may have happened, what is known of it, and what to do."""
    intent = doubt.intent
    known = ", ".join(
        f"{name}: {_value(value)}"
        for name, value in intent.facts.items()
        if name not in ("entry", "fingerprint", "part") and value is not None
    )
    return [
        f"{intent.method} of {intent.since} may have happened; it is not repeated",
        known,
        *([f"{doubt.evidence[0].upper()}{doubt.evidence[1:]}."] if doubt.evidence else []),
        f"Find out, then: smsops resolve {intent.address} --happened | --did-not-happen",
    ]


def summary_lines(plan: Plan, paint: Paint) -> list[str]:
    """The last lines: counts, contacts, money."""
    if plan.refresh_only and not plan.changes:
        return _drift_summary(plan, paint)
    if not plan.changes:
        if plan.errored:
            return ["Planning failed: see the errors. Nothing else would change."]
        return [] if plan.doubts else [paint(NO_CHANGES, "green", bold=True), *_forecast(plan)]
    counts = plan.summary
    parts = [f"{counts['add']} to add", f"{counts['change']} to change", f"{counts['destroy']} to destroy"]
    parts += [f"{counts[name]} to {name}" for name in ("replace", "adopt", "forget") if counts[name]]
    lines = [f"{paint('Plan:', bold=True)} {', '.join(parts)}."]
    contacts = plan.contacts
    if contacts.total:
        lines.append(
            f"Contacts: {contacts.add:,} to add, {contacts.change:,} to change, {contacts.remove:,} to remove."
        )
    money = _money(plan)
    return [*lines, *([money] if money else []), *_account_lines(plan), *_forecast(plan)]


def _drift_summary(plan: Plan, paint: Paint) -> list[str]:
    if not plan.drift:
        return [] if plan.doubts or plan.errored else [paint(NO_DRIFT, "green", bold=True)]
    gone = sum(change.deletes for change in plan.drift)
    lines = [f"{paint('Drift:', bold=True)} {len(plan.drift) - gone} changed, {gone} gone."]
    if plan.operations:
        lines.append("Applying this takes note of it in the state. The account stays as it is.")
    return lines


def _account_lines(plan: Plan) -> list[str]:
    """The balances of the sub-accounts that pay for campaigns."""
    paying = {send.account for send in plan.sends} - {None}
    found = [balance for balance in plan.balances if balance.account in paying]
    lines = [
        f"{one.account}: {_known(one.before)} + {one.comes_in:,} - {one.goes_out:,} -> {_known(one.after)}."
        for one in found[:_ACCOUNTS]
    ]
    return [*lines, f"And {len(found) - _ACCOUNTS:,} more accounts."] if len(found) > _ACCOUNTS else lines


def _known(value: Number | None) -> str:
    return "?" if value is None else f"{value:,}"


def _money(plan: Plan) -> str:
    sends = plan.sends
    parts: list[str] = []
    texts, mailed = ([send for send in sends if send.channel == channel] for channel in ("sms", "email"))
    if texts:
        parts.append(
            f"Sends: {plural(len(texts), 'campaign')}, {sum(send.messages for send in texts):,} SMS to "
            f"{plural(sum(send.recipients for send in texts), 'recipient')}, {plural(plan.spend_estimate, 'credit')}."
        )
    if mailed:
        emails = plural(sum(send.messages for send in mailed), "e-mail")
        parts.append(f"Sends: {plural(len(mailed), 'campaign')} of {emails}, whose cost nobody tells.")
    if sends or plan.moved or plan.given_back:
        parts.append(f"Credits moved: {plan.moved:,}.")
        if plan.given_back:
            parts.append(f"Given back: {plan.given_back:,}.")
        if plan.master_before is not None and plan.master_after is not None:
            parts.append(f"Master balance: {_number(plan.master_before)} -> {_number(plan.master_after)}.")
    return " ".join(parts)


def _forecast(plan: Plan) -> list[str]:
    """When the master's credits will not suffice, and why."""
    coming = plan.forecast
    if coming is None or coming.runs_dry is None:
        return []
    what = " and ".join(cause.what for cause in coming.causes)
    if coming.each_month is not None:
        much = f"{coming.each_month:,} a month"
    else:
        much = f"{sum(cause.credits for cause in coming.causes):,} by {coming.until}"
    return [f"The master runs dry on {coming.runs_dry}: {what} take {much}."]


def _number(value: Number) -> str:
    return f"{value:,}"


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


def symbol(actions: Actions) -> str:
    """The sign of what happens to a resource."""
    return _SYMBOLS.get(actions, ("", "", ""))[0].strip()


def done_text(actions: Actions, address: str, status: str) -> str:
    """One line for what became of one resource in an earlier run."""
    symbol = _SYMBOLS.get(actions, ("?", "", ""))[0].strip() or ">"
    return f"{symbol} {address}" + ("" if status == "done" else f" ({status.replace('_', ' ')})")


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
