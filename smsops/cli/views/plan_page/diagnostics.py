"""What a plan has to say: errors and refusals first, then doubts and warnings."""

from __future__ import annotations

from collections.abc import Iterable

from smsops.cli.views.findings import doubt, ending_word, finding, word
from smsops.cli.views.markup import Html, element, join
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.outcome import Outcome
from smsops.model.plan import Plan

MOST = 500


def section(plan: Plan) -> Html | None:
    """Nothing where there is nothing to say."""
    if not plan.diagnostics and not plan.doubts:
        return None
    ordered = sorted(plan.diagnostics, key=lambda item: (item.severity != "error", bool(item.overrides)))
    left_out = len(ordered) - MOST
    return join(
        (
            *(doubt(one) for one in plan.doubts[:MOST]),
            *(finding(item) for item in ordered[:MOST]),
            element("p", f"{left_out:,} more are not shown here; smsops plan prints them.") if left_out > 0 else None,
        ),
        "\n",
    )


def judgements(plan: Plan) -> dict[Address | None, list[Diagnostic]]:
    """What is wrong, refused or let through, by address; None is the whole plan."""
    found: dict[Address | None, list[Diagnostic]] = {}
    for item in plan.diagnostics:
        if item.severity == "error" or item.overrides:
            found.setdefault(item.address, []).append(item)
    return found


def marks(plan: Plan, outcomes: Iterable[Outcome] = ()) -> dict[Address | None, str]:
    """What is refused and what was not done, by address, with a word for why."""
    ended: dict[Address | None, str] = {
        outcome.operation.change.address: ending_word(outcome) for outcome in outcomes if outcome.status != "done"
    }
    found = {item.address: word(item) for item in plan.blocked}
    return found | ended
