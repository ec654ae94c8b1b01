"""When the campaigns of a plan go out."""

from __future__ import annotations

from collections.abc import Iterable

from smsops.cli.views.markup import Html
from smsops.cli.views.month import Entry, months
from smsops.cli.views.plan_page.diagnostics import marks
from smsops.model.outcome import Outcome
from smsops.model.plan import Plan
from smsops.model.values import plural


def section(plan: Plan, outcomes: Iterable[Outcome] = ()) -> Html | None:
    """Nothing where the plan sends nothing. What is refused is marked, and what was not done."""
    marked = marks(plan, outcomes)
    sends = ((change.address, change.send) for change in plan.changes if change.send and change.send.recipients)
    return months(
        [
            Entry(
                send.date,
                str(address),
                f"{plural(send.recipients, 'recipient')}, "
                f"{'e-mail' if send.channel == 'email' else plural(send.credits, 'credit')}",
                marked.get(address, ""),
            )
            for address, send in sends
        ]
    )
