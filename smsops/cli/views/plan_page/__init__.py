"""A plan, or drift, as a page of its own: what it does and costs first, then everything that a reviewer may want to see.

It shows what the plan's data say and knows no kind. Where a plan is large, what matters least is left out, and the page says
how much that is.
"""

from __future__ import annotations

from collections.abc import Sequence

from smsops.cli.views.page import Section, page_of_sections
from smsops.cli.views.plan_page import calendar, changes, diagnostics, messages, operations, overview, waterfall
from smsops.model.outcome import Outcome
from smsops.model.plan import Plan

SCRIPT = "plan.js"
"""What filters the changes."""


def plan_page(plan: Plan, *, everything: bool = False) -> str:
    """The page. `everything` lists unchanged resources too."""
    sections = (
        Section("diagnostics", "Diagnostics", diagnostics.section(plan)),
        Section("drift", "Drift", changes.drift(plan)),
        *planned(plan, everything=everything),
    )
    name = "Drift" if plan.refresh_only else "Plan"
    title = f"{name} of {plan.stack}" if plan.stack else name
    return page_of_sections(title, overview.section(plan), sections, script=SCRIPT)


def planned(plan: Plan, *, everything: bool = False, outcomes: Sequence[Outcome] = ()) -> tuple[Section, ...]:
    """What is to be done; with `outcomes` what came of it."""
    return (
        Section("changes", "Changes", changes.section(plan, everything=everything, outcomes=outcomes)),
        Section("credits", "Credits, as planned" if outcomes else "Credits", waterfall.section(plan)),
        Section("calendar", "Calendar", calendar.section(plan, outcomes)),
        Section("messages", "Messages", messages.section(plan)),
        Section("operations", "Operations", operations.section(plan, outcomes)),
    )
