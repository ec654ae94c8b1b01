"""When the campaigns of a plan go out."""

from __future__ import annotations

from smsops.cli.views.markup import Html
from smsops.cli.views.month import Entry, months
from smsops.model.plan import Plan
from smsops.model.values import plural


def section(plan: Plan) -> Html | None:
    """Nothing where the plan sends nothing."""
    blocked = {item.address for item in plan.blocked}
    sends = ((change.address, change.send) for change in plan.changes if change.send and change.send.recipients)
    return months(
        [
            Entry(
                send.date,
                str(address),
                f"{plural(send.recipients, 'recipient')}, "
                f"{'e-mail' if send.channel == 'email' else plural(send.credits, 'credit')}",
                "BLOCKED" if address in blocked else "",
            )
            for address, send in sends
        ]
    )
