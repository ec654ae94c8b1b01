"""A plan, or drift, as a page of its own: what it does and costs first, then everything that a reviewer may want to see.

It shows what the plan's data say and knows no kind. Where a plan is large, what matters least is left out, and the page says
how much that is.
"""

from __future__ import annotations

from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.page import page
from smsops.cli.views.plan_page import changes, diagnostics, messages, month, operations, overview, waterfall
from smsops.model.plan import Plan


def plan_page(plan: Plan, *, everything: bool = False) -> str:
    """The page. `everything` lists unchanged resources too."""
    sections = (
        ("diagnostics", "Diagnostics", diagnostics.section(plan)),
        ("drift", "Drift", changes.drift(plan)),
        ("changes", "Changes", changes.section(plan, everything=everything)),
        ("credits", "Credits", waterfall.section(plan)),
        ("calendar", "Calendar", month.section(plan)),
        ("messages", "Messages", messages.section(plan)),
        ("operations", "Operations", operations.section(plan)),
    )
    shown = [(name, title, body) for name, title, body in sections if body]
    links = (element("li", element("a", title, href=f"#{name}")) for name, title, _ in shown)
    body = join(
        (
            element("header", overview.section(plan)),
            element("nav", element("ul", join(links)), aria_label="On this page") if shown else None,
            *(_section(name, title, body) for name, title, body in shown),
        ),
        "\n",
    )
    name = "Drift" if plan.refresh_only else "Plan"
    return page(f"{name} of {plan.stack}" if plan.stack else name, body, script="plan.js")


def _section(name: str, title: str, body: Html) -> Html:
    return element("section", element("h2", title, id=f"{name}-title"), body, id=name, aria_labelledby=f"{name}-title")
