"""Asking the API what a campaign would come to (simulateCampaign, manual §7), and where that differs from our own count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsops.api.contract import Reader
from smsops.api.errors import ApiError
from smsops.kinds.base import Readers
from smsops.kinds.campaign.calls import Payload, TextPost
from smsops.kinds.campaign.cost import cost_of, judge_cost
from smsops.kinds.campaign.parts import Part
from smsops.kinds.view import View
from smsops.model.plan import Change
from smsops.model.sending import Simulated
from smsops.model.values import plural

if TYPE_CHECKING:
    from smsops.api.records import Simulation


async def simulate(change: Change, view: View, readers: Readers) -> Change:
    """The change of a campaign with what the API says of its sending."""
    import asyncio  # planning needs it, validating does not

    payload: Payload | None = change.payload
    if change.send is None or payload is None or not change.send.recipients:
        return change
    try:
        reader = await readers(change.address.account)
        if reader is None:
            view.warn(
                change.address,
                "SMS271",
                f"{change.address} cannot be simulated before its account exists",
                "The cost is our own count.",
            )
            return change
        answers = await asyncio.gather(*(_simulation(part, payload, reader) for part in payload.send))
    except ApiError as error:
        view.warn(change.address, "SMS271", f"{change.address} could not be simulated: {error}", error.hint)
        return change
    told = [answer for answer in answers if answer is not None]
    found = Simulated(
        sum(answer.contacts for answer in told),
        sum(answer.messages for answer in told),
        sum((answer.credits for answer in told), start=0),
    )
    counted = (change.send.recipients, change.send.messages, change.send.credits)
    if found != counted:
        view.warn(
            change.address,
            "SMS270",
            f"The API reckons {plural(found.credits, 'credit')} for {change.address}, our own count is "
            f"{change.send.credits:,}",
            f"It counts {found.messages:,} SMS to {plural(found.recipients, 'recipient')}, we count "
            f"{change.send.messages:,} to {change.send.recipients:,}. Go by the API's.",
        )
    if found.credits > change.send.credits:
        judge_cost(view.resource(change.address), found.credits + cost_of(payload.keep), (), view)
    return change._replace(send=change.send._replace(simulated=found))


async def _simulation(part: Part, payload: Payload, reader: Reader) -> Simulation | None:
    post: TextPost = payload.post
    people = post.people(part)
    return await reader.simulate_campaign(post.message._replace(recipients=people)) if people else None
