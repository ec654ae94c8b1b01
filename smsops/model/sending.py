"""What a campaign sends, by SMS or by e-mail, to whom, at what cost and when: as a plan shows it, and as the calendar does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from smsops.model.address import Address
from smsops.model.values import EMPTY, JSON, Number, as_json_number, utc


class Funnel(NamedTuple):
    """How an audience shrinks: people in the lists (and single numbers), those meant, those with the number of a mobile,
    those not on the blacklist, and those whom this apply sends to (the others are scheduled already)."""

    in_lists: int
    matching: int
    valid: int
    not_blacklisted: int
    sent: int

    def document(self) -> dict[str, JSON]:
        return dict(self._asdict())


class Simulated(NamedTuple):
    """What the API itself says that a campaign comes to."""

    recipients: int
    messages: int
    credits: Number

    def document(self) -> dict[str, JSON]:
        return {**self._asdict(), "credits": as_json_number(self.credits)}


class Parts(NamedTuple):
    """What becomes of the parts of a campaign: those that stay as they are scheduled, and those that are anew."""

    kept: int
    cancelled: int
    sent: int


class Send(NamedTuple):
    """What a campaign sends when it is scheduled: people, SMS (segments) or e-mails, credits; `account` pays.

    `date` is None where it is sent at once, `cancellable_until` the last instant at which it may still be taken back, both in
    the stack's zone.
    `countries` has the SMS and the credits by country; `message` says how the message looks, as a document;
    `simulated` what the API says it comes to, where it was asked.
    """

    account: str | None
    recipients: int
    messages: int
    credits: Number
    date: datetime | None = None
    cancellable_until: datetime | None = None
    funnel: Funnel | None = None
    countries: Mapping[str, tuple[int, Number]] = EMPTY
    message: Mapping[str, JSON] = EMPTY
    simulated: Simulated | None = None
    parts: Parts | None = None
    unpriced: tuple[str, ...] = ()
    """Countries whose price nobody knows: it costs more than `credits`."""
    channel: Literal["sms", "email"] = "sms"

    @property
    def emails(self) -> int:
        """The e-mails among its messages."""
        return self.messages if self.channel == "email" else 0

    @property
    def texts(self) -> int:
        """The SMS among its messages."""
        return self.messages - self.emails

    @property
    def costs_unknown(self) -> tuple[str, ...]:
        """What of it costs nobody knows how much, in words."""
        if self.channel == "email":
            return ("e-mails",) if self.messages else ()
        return tuple(f"SMS to {country}" for country in self.unpriced)

    def document(self) -> dict[str, JSON]:
        return {
            "recipients": self.recipients,
            "messages": self.messages,
            "channel": self.channel,
            "credits": as_json_number(self.credits),
            "date": None if self.date is None else utc(self.date),
            "cancellable_until": None if self.cancellable_until is None else utc(self.cancellable_until),
            "funnel": None if self.funnel is None else self.funnel.document(),
            "countries": {
                country: {"messages": messages, "credits": as_json_number(credits)}
                for country, (messages, credits) in self.countries.items()
            },
            "message": dict(self.message),
            "simulated": None if self.simulated is None else self.simulated.document(),
            "parts": None if self.parts is None else self.parts._asdict(),
            "unpriced": list(self.unpriced),
        }

    @staticmethod
    def cost_in(document: Mapping[str, Any]) -> tuple[float, int]:
        """The credits and the SMS in the document of a Send; KeyError, TypeError or ValueError where it is none."""
        return float(document["credits"]), int(document["messages"])


AppointmentStatus = Literal["planned", "rescheduled", "scheduled", "refused", "sent"]


class Appointment(NamedTuple):
    """A message that goes out at a date, for the calendar. `account` pays, None is the master.

    `status`: planned (this plan schedules it), rescheduled (the API has it, and this plan changes it), scheduled (the API has
    it), refused (the plan would schedule it, and may not), sent (its date has gone by). Recipients, SMS and credits are None
    where nobody has counted them.
    """

    address: Address
    account: str | None
    date: datetime
    status: AppointmentStatus
    recipients: int | None
    messages: int | None
    credits: Number | None
    sender: str
    message: str
    cancellable_until: datetime | None = None

    def document(self) -> dict[str, JSON]:
        return {
            "address": str(self.address),
            "account": self.account,
            "date": utc(self.date),
            "status": self.status,
            "recipients": self.recipients,
            "messages": self.messages,
            "credits": None if self.credits is None else as_json_number(self.credits),
            "sender": self.sender,
            "message": self.message,
            "cancellable_until": None if self.cancellable_until is None else utc(self.cancellable_until),
        }
