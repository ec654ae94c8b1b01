"""A plan, or drift, as a page of its own: what it does and costs first, then everything that a reviewer may want to see.

It shows what the plan's data say and knows no kind. Where a plan is large, what matters least is left out, and the page says
how much that is.
"""

from __future__ import annotations

from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.page import page
from smsops.cli.views.plan_page import (
    changes,
    diagnostics,
    messages,
    month,
    operations,
    outcomes,
    overview,
    waterfall,
)
from smsops.errors import ExitCode
from smsops.model.outcome import Report
from smsops.model.plan import Plan


def plan_page(plan: Plan, *, everything: bool = False) -> str:
    """The page. `everything` lists unchanged resources too."""
    return _page("Drift" if plan.refresh_only else "Plan", plan, everything=everything)


def apply_page(report: Report, refused: ExitCode | None) -> str:
    """The page of what an apply did, with the plan that it followed."""
    return _page("Apply", report.plan, outcomes.section(report, refused))


def _page(name: str, plan: Plan, ended: Html | None = None, *, everything: bool = False) -> str:
    sections = (
        ("outcome", "Outcome", ended),
        ("diagnostics", "Diagnostics", diagnostics.section(plan.diagnostics, plan.doubts)),
        ("drift", "Drift", changes.drift(plan)),
        ("changes", "Changes", changes.section(plan, everything=everything)),
        ("credits", "Credits", waterfall.section(plan)),
        ("calendar", "Calendar", month.section(plan)),
        ("messages", "Messages", messages.section(plan)),
        ("operations", "Operations", operations.section(plan)),
    )
    shown = [(key, title, body) for key, title, body in sections if body]
    links = (element("li", element("a", title, href=f"#{key}")) for key, title, _ in shown)
    body = join(
        (
            element("header", overview.section(plan)),
            element("nav", element("ul", join(links)), aria_label="On this page") if shown else None,
            *(_section(key, title, body) for key, title, body in shown),
        ),
        "\n",
    )
    return page(f"{name} of {plan.stack}" if plan.stack else name, body, script="plan.js")


def _section(name: str, title: str, body: Html) -> Html:
    return element("section", element("h2", title, id=f"{name}-title"), body, id=name, aria_labelledby=f"{name}-title")
