"""A plan in words: each change, the doubts, and the last lines with its counts and its money."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from smsops.cli.views.text.changes import (
    change_details,
    drifted,
    fate,
    is_only_moved,
    symbol_of,
    tint_of,
    value_text,
)
from smsops.cli.views.text.diagnostics import judged_lines
from smsops.cli.views.text.paint import Paint
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.plan import Change, Doubt, Plan
from smsops.model.shown import one_line
from smsops.model.values import Number, plural

_NO_DRIFT = "No drift. Nothing was changed outside of the configuration since the last apply."
_NO_CHANGES = "No changes. The account matches the configuration."
_NOTHING_LEFT = "No changes. There is nothing to destroy."
_ACCOUNTS = 10
"""So many sub-accounts have a line of their own in the summary."""


def plan_text(plan: Plan, color: bool, *, everything: bool = False) -> str:
    """The plan for a terminal: each change, then the summary."""
    paint = Paint(color)
    lines: list[str] = []
    judged: dict[Address | None, list[Diagnostic]] = {}
    for item in plan.diagnostics:
        if item.blocks or item.overrides:
            judged.setdefault(item.address, []).append(item)
    for change in (*plan.changes, *(plan.unchanged if everything else ())):
        lines += _change_lines(change, paint, judged.get(change.address, ()), destroy=plan.destroy)
        lines.append("")
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
        yield _values(change, paint)
        yield ""


def _change_lines(change: Change, paint: Paint, judged: Sequence[Diagnostic], *, destroy: bool = False) -> list[str]:
    if is_only_moved(change):
        return [f"  # {paint(str(change.previous_address), bold=True)} is now {paint(str(change.address), bold=True)}"]
    lines = [f"  # {paint(str(change.address), bold=True)} {fate(change, destroy=destroy)}"]
    if change.previous_address:
        lines.append(f"  # it was {change.previous_address}")
    lines += [f"  # {line}" for line in judged_lines(judged, paint)]
    lines.append(_values(change, paint))
    return lines


def _values(change: Change, paint: Paint) -> str:
    """What becomes of it, value by value, a line for each."""
    symbol = paint(symbol_of(change) or " ", tint_of(change))
    return "\n      ".join([f"  {symbol} {change.address.kind}", *change_details(change, paint)])


def _doubt_lines(doubt: Doubt, paint: Paint) -> list[str]:
    address = doubt.intent.address
    first, *rest = doubt_details(doubt)
    head = f"  # {paint(str(address), bold=True)} is {paint('in doubt', 'red', bold=True)}: {first}"
    return [head, *(f"      {line}" for line in rest)]


def doubt_details(doubt: Doubt) -> list[str]:
    """Which call may have happened, what is known of it, and what to do."""
    intent = doubt.intent
    known = ", ".join(
        f"{name}: {value_text(value)}"
        for name, value in intent.facts.items()
        if name not in ("entry", "fingerprint", "part") and value is not None
    )
    return [
        f"{intent.method} of {intent.since} may have happened; it is not repeated",
        known,
        *([one_line(f"{doubt.evidence[0].upper()}{doubt.evidence[1:]}.")] if doubt.evidence else []),
        f"Find out, then: smsops resolve {intent.address} --happened | --did-not-happen",
    ]


def summary_lines(plan: Plan, paint: Paint) -> list[str]:
    """The last lines: counts, contacts, money."""
    if plan.refresh_only and not plan.changes:
        return _drift_summary(plan, paint)
    if not plan.changes:
        if plan.errored:
            return ["Planning failed: see the errors. Nothing else would change."]
        return (
            []
            if plan.doubts
            else [paint(_NOTHING_LEFT if plan.destroy else _NO_CHANGES, "green", bold=True), *_forecast(plan)]
        )
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
        return [] if plan.doubts or plan.errored else [paint(_NO_DRIFT, "green", bold=True)]
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
    what = one_line(" and ".join(cause.what for cause in coming.causes))
    if coming.each_month is not None:
        much = f"{coming.each_month:,} a month"
    else:
        much = f"{sum(cause.credits for cause in coming.causes):,} by {coming.until}"
    return [f"The master runs dry on {coming.runs_dry}: {what} take {much}."]


def _number(value: Number) -> str:
    return f"{value:,}"
