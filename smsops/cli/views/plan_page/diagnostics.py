"""What a plan has to say: errors and refusals first, then doubts and warnings."""

from __future__ import annotations

from smsops.cli.views import text
from smsops.cli.views.markup import Html, element, join
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.plan import Doubt, Plan

MOST = 500


def section(plan: Plan) -> Html | None:
    """Nothing where there is nothing to say."""
    if not plan.diagnostics and not plan.doubts:
        return None
    ordered = sorted(plan.diagnostics, key=lambda item: (item.severity != "error", bool(item.overrides)))
    left_out = len(ordered) - MOST
    return join(
        (
            *(_doubt(doubt) for doubt in plan.doubts[:MOST]),
            *(_diagnostic(item) for item in ordered[:MOST]),
            element("p", f"{left_out:,} more are not shown here; smsops plan prints them.") if left_out > 0 else None,
        ),
        "\n",
    )


def word(item: Diagnostic) -> str:
    """What a finding does to the plan."""
    return "BLOCKED" if item.blocks else "OVERRIDDEN" if item.overrides else item.severity


def judgements(plan: Plan) -> dict[Address | None, list[Diagnostic]]:
    """What is wrong, refused or let through, by address; None is the whole plan."""
    found: dict[Address | None, list[Diagnostic]] = {}
    for item in plan.diagnostics:
        if item.severity == "error" or item.overrides:
            found.setdefault(item.address, []).append(item)
    return found


def _diagnostic(item: Diagnostic) -> Html:
    place = str(item.mark or item.address or "")
    return element(
        "article",
        element(
            "h3",
            element("span", word(item), class_=f"badge {item.severity}"),
            " ",
            element("code", item.code),
            " ",
            element("bdi", item.summary),
        ),
        element("p", element("code", place), class_="quiet") if place else None,
        element("pre", item.snippet) if item.snippet else None,
        element("p", join((element("bdi", line) for line in item.detail.splitlines()), element("br")))
        if item.detail
        else None,
        class_=f"finding {item.severity}",
    )


def _doubt(doubt: Doubt) -> Html:
    head, *rest = text.doubt_details(doubt)
    return element(
        "article",
        element(
            "h3", element("span", "IN DOUBT", class_="badge error"), " ", element("code", str(doubt.address)), " ", head
        ),
        element("p", join((element("bdi", line) for line in rest), element("br"))),
        class_="finding error",
    )
