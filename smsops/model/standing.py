"""How what was scheduled stands, by what the state knows, and what became of it, by what the API reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from smsops.model.address import Address
from smsops.model.values import JSON, Number, as_json_number, utc

StandingState = Literal["scheduled", "partly scheduled", "sent", "partly sent", "nothing scheduled", "gone", "in doubt"]


class StandingPart(NamedTuple):
    """One part, under a campaign id of its own; None where the id is not known, or nobody was left to send to.

    `credits` is None where nobody knows what it cost.
    """

    campaign_id: str | None
    recipients: int
    credits: Number | None
    status: str

    def document(self) -> dict[str, JSON]:
        return {**self._asdict(), "credits": _number(self.credits)}


class Standing(NamedTuple):
    """A campaign as the state knows it. `cancellable_until` is None where that is over.

    `is_reported` says whether the API tells what became of it (getAcks, getPull).
    """

    address: Address
    date: datetime
    state: StandingState
    parts: tuple[StandingPart, ...]
    message: str
    sender: str
    cancellable_until: datetime | None
    is_reported: bool = True

    @property
    def recipients(self) -> int:
        return sum(part.recipients for part in self.parts)

    @property
    def credits(self) -> Number | None:
        known = [part.credits for part in self.parts if part.credits is not None]
        return sum(known, start=0) if len(known) == len(self.parts) else None

    def document(self) -> dict[str, JSON]:
        return {
            "address": str(self.address),
            "account": self.address.account,
            "date": utc(self.date),
            "state": self.state,
            "recipients": self.recipients,
            "credits": _number(self.credits),
            "sender": self.sender,
            "message": self.message,
            "cancellable_until": utc(self.cancellable_until) if self.cancellable_until else None,
            "parts": [part.document() for part in self.parts],
        }


class Delivery(NamedTuple):
    """What became of a campaign, its parts added up.

    `by_status` counts recipients by the code of their latest report, `meanings` says what the codes mean; `within` counts
    those who were delivered to, by the hours behind the date within which that was reported.
    """

    standing: Standing
    by_status: Mapping[str, int]
    meanings: Mapping[str, str]
    delivered: int
    within: Mapping[int, int]
    replies: int
    stops: int
    reports_by_webhook: int = 0
    """Of how many recipients the latest report is one that only a webhook told, and how many replies only it told."""
    replies_by_webhook: int = 0

    @property
    def unreported(self) -> int:
        return max(self.standing.recipients - sum(self.by_status.values()), 0)

    @property
    def cost_per_delivered(self) -> float | None:
        credits = self.standing.credits
        return None if credits is None or not self.delivered else round(float(credits) / self.delivered, 2)

    def document(self) -> dict[str, JSON]:
        return {
            "address": str(self.standing.address),
            "account": self.standing.address.account,
            "date": utc(self.standing.date),
            "recipients": self.standing.recipients,
            "credits": _number(self.standing.credits),
            "delivered": self.delivered,
            "unreported": self.unreported,
            "by_status": [
                {"code": code, "meaning": self.meanings.get(code, ""), "recipients": count}
                for code, count in self.by_status.items()
            ],
            "delivered_within": [{"hours": hours, "recipients": count} for hours, count in self.within.items()],
            "replies": self.replies,
            "stops": self.stops,
            "reports_by_webhook": self.reports_by_webhook,
            "replies_by_webhook": self.replies_by_webhook,
            "cost_per_delivered": self.cost_per_delivered,
        }


class Received(NamedTuple):
    """A reply to a campaign, with the whole number that it came from. `when` is None where no date can be read."""

    when: datetime | None
    address: Address
    phone: str
    text: str


def _number(value: Number | None) -> int | float | None:
    return None if value is None else as_json_number(value)
