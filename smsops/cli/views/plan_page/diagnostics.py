"""What a plan has to say: errors and refusals first, then doubts and warnings."""

from __future__ import annotations

from smsops.cli.views.findings import doubt, finding
from smsops.cli.views.markup import Html, element, join
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
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
