"""What a rehearsal came to, as text; its document where none could be made."""

from __future__ import annotations

from collections.abc import Sequence

from smsops.cli.views.text import Paint, ended_text, plan_text
from smsops.errors import ExitCode
from smsops.model.diagnostics import Diagnostic
from smsops.model.shown import one_line
from smsops.model.values import JSON, plural
from smsops.rehearsal.run import FORMAT_VERSION, Rehearsal


def rehearsal_text(found: Rehearsal, color: bool) -> str:
    """What was done to the copy, what it took, and whether anything remains."""
    paint = Paint(color)
    if found.refused is not None:
        return f"\n{paint('Rehearsal refused', 'red', bold=True)}: apply would do nothing, and exit {found.refused:d}."
    if not found.report.outcomes:
        return "\nThere is nothing to rehearse."
    lines = ["", _head(found, paint), *_costs(found)]
    lines += [f"  {ended_text(outcome, paint)}" for outcome in found.report.outcomes if outcome.status != "done"]
    return "\n".join([*lines, *_next(found, paint, color)])


def _head(found: Rehearsal, paint: Paint) -> str:
    done, all_of_them = found.report.count("done"), len(found.report.outcomes)
    what = f"{done:,} of {plural(all_of_them, 'operation')} done" if done < all_of_them else ""
    what = what or f"{plural(done, 'operation')} done"
    well = found.exit_code is ExitCode.OK
    head = paint("Rehearsed.", "green", bold=True) if well else paint("The rehearsal failed.", "red", bold=True)
    return (
        f"{head} In a copy of the account: {what}, {plural(sum(found.calls.values()), 'call')}, {found.seconds:.1f} s."
    )


def _costs(found: Rehearsal) -> list[str]:
    lines = (
        [f"  Calls: {', '.join(f'{method} {count:,}' for method, count in found.calls.items())}."]
        if found.calls
        else []
    )
    if found.live_seconds >= 1:
        lines.append(f"  On the account they take {found.live_seconds:,.0f} s at the least (requests_per_second).")
    master = found.balances[0] if found.balances else None
    if master and master.before is not None and master.after is not None:
        used = "" if found.used is None else f"{found.used:,} used. "
        lines.append(f"  Credits: {used}Master balance: {master.before:,} -> {master.after:,}.")
        planned = found.plan.master_after
        if planned is not None and planned != master.after and found.exit_code is ExitCode.OK:
            lines.append(f"  The plan expects {planned:,}: see which is right before you apply.")
    return lines


def _next(found: Rehearsal, paint: Paint, color: bool) -> list[str]:
    if found.next is None:
        return []
    if found.proven:
        return ["The next plan is empty."]
    if not found.next.changes:
        return [
            paint("The next plan cannot be made:", "red"),
            *(one_line(item.summary) for item in found.next.diagnostics),
        ]
    return [paint("The next plan is not empty:", "red"), "", plan_text(found.next, color)]


def failed(exit_code: ExitCode, diagnostics: Sequence[Diagnostic]) -> dict[str, JSON]:
    """The document of a rehearsal that could not begin."""
    return {
        "format_version": FORMAT_VERSION,
        "stack": None,
        "account": None,
        "exit_code": int(exit_code),
        "summary": None,
        "operations": [],
        "calls": {"total": 0, "by_method": {}},
        "seconds": {"copy": 0.0, "account_at_least": 0.0},
        "credits": None,
        "next_plan": {"made": False, "empty": False, "resource_changes": []},
        "diagnostics": [item.document() for item in diagnostics],
    }
