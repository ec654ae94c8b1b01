"""What is sent and what comes back: the values of the API, whatever they were written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from smsops.api.errors import Refused
from smsops.model.values import repr_without
from smsops.table import Table

Number = int | Decimal
"""A count or an amount. Whole amounts are always `int`, however the server wrote them."""


HIDDEN = "•••"


class Credentials(NamedTuple):
    """A login and its API key. The key is never shown."""

    login: str
    api_key: str

    def __repr__(self) -> str:
        return f"Credentials(login={self.login!r}, api_key={HIDDEN!r})"


class AccountInfo(NamedTuple):
    """An account as getInfo shows it (manual §13): `status` is free text such as "Active Account".

    `credits` is None when the server gives none (an account under subscription). `fields` holds the other
    keys of the answer, lower-cased; a key that the answer lacks is absent.
    """

    status: str
    credits: Number | None
    api_key: str | None
    fields: Mapping[str, str]

    def __repr__(self) -> str:
        key = HIDDEN if self.api_key else None
        return f"AccountInfo(status={self.status!r}, credits={self.credits!r}, api_key={key!r})"


class SubAccountRecord(NamedTuple):
    """One sub-account of getSubAccounts (manual §18).

    `fields` holds its other keys, lower-cased (`company`, `billcity`, `creationdate`…). A key that the answer
    lacks is absent, which means "not known"; null is "". No key and no password is ever among them.
    """

    login: str
    credits: Number | None
    fields: Mapping[str, str]

    def __repr__(self) -> str:
        return repr_without(self, "fields")


class ListRecord(NamedTuple):
    """One contact list of getLists (manual §25). The API never tells a list's fields."""

    name: str
    contacts: int | None
    locked: bool | None
    created: str


@dataclass(frozen=True, slots=True)
class Contacts:
    """The contacts of a list (manual §26), fields by their names in capitals.

    `received` is how many the server sent; of several with one phone the table has the last.
    """

    table: Table = field(repr=False, compare=False)
    received: int


class Counts(NamedTuple):
    """What populateList or deleteContacts counted. `ignored` never says which contacts."""

    success: int
    ignored: int
    duplicated: int

    @property
    def total(self) -> int:
        return self.success + self.ignored + self.duplicated


class CreatedSubAccount(NamedTuple):
    """createSubAccount succeeded. The key comes in production, though the manual (§16) does not mention it."""

    api_key: str | None

    def __repr__(self) -> str:
        return f"CreatedSubAccount(api_key={HIDDEN if self.api_key else None!r})"


class ListField(NamedTuple):
    """A field of a list to create: `filter` selects recipients, `mailing` may stand in messages."""

    name: str
    filter: bool
    mailing: bool


class Recipient(NamedTuple):
    """One recipient of a message, with the values of #param_1#, #param_2#…"""

    phone: str
    params: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return repr_without(self, "phone", "params")


class Message(NamedTuple):
    """One sendSms or simulateCampaign (manual §6, §7).

    `date` is "YYYY-MM-DD HH:MM:SS" in the account's zone. `dynamic` is the number of parameters in the text
    and is always sent, also 0. `client_id` goes along as CLIMSGID, for the campaign and for every recipient.
    """

    text: str
    recipients: Sequence[Recipient]
    sender: str | None = None
    date: str | None = None
    campaign_name: str | None = None
    dynamic: int = 0
    notify: bool | None = None
    client_id: str | None = None

    def __repr__(self) -> str:
        return repr_without(self, "recipients")


class Sent(NamedTuple):
    """A campaign that was taken: status 100 sent, 101 scheduled, 111 taken without its invalid numbers.

    `sms_ids` are the pairs (phone, id of its message) that the answer told (manual §6.4).
    """

    status: int
    campaign_id: str
    credits: Number | None = None
    credits_used: Number | None = None
    contacts: int | None = None
    messages: int | None = None
    invalid_numbers: tuple[str, ...] = ()
    sms_ids: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return repr_without(self, "invalid_numbers", "sms_ids")


class Simulation(NamedTuple):
    """What a campaign would cost. Whether the balance covers it is not part of the answer."""

    credits: Number
    contacts: int
    messages: int
    invalid_numbers: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return repr_without(self, "invalid_numbers")


class Cancelled(NamedTuple):
    """A scheduled campaign is gone; `already` when it was gone before this answer.

    `repeated` says that an earlier request of the same call was left without an answer: then it may
    have been that one which cancelled it.
    """

    already: bool
    repeated: bool = False


class DeliveryStatus(Enum):
    """What became of one message (manual, appendix 6). A member is (code, meaning)."""

    DELIVERED = (1, "delivered")
    NOT_DELIVERED = (2, "not delivered, though the operator has sent it")
    WITH_OPERATOR = (3, "handed over to the operator")
    REJECTED = (4, "the message was rejected")
    NUMBER_REJECTED = (5, "the message was rejected: probably an unknown number, or no such subscriber")

    def __init__(self, code: int, meaning: str) -> None:
        self.code = code
        self.meaning = meaning


class DeliveryReport(NamedTuple):
    """What an operator reported of one message (manual §8, §9); it may change for 72 hours.

    `status` is None where `code`, which is as the server wrote it, is not in the manual's table. `received` is in
    the account's zone, and None where no date can be read.
    """

    phone: str
    status: DeliveryStatus | None
    code: str
    comment: str
    received: datetime | None

    def __repr__(self) -> str:
        return repr_without(self, "phone")


class DeliveryReports(NamedTuple):
    """The delivery reports of a campaign, and the CLIMSGID that it was sent with (manual §8)."""

    reports: tuple[DeliveryReport, ...]
    client_id: str | None = None


class Reply(NamedTuple):
    """What a recipient wrote back (manual §10 to §12). getPullBySmsId tells no `id`. `received` as in DeliveryReport."""

    phone: str
    text: str
    campaign_id: str | None
    id: str | None
    received: datetime | None

    def __repr__(self) -> str:
        return repr_without(self, "phone", "text")


class Replies(NamedTuple):
    """The replies to a campaign, and the CLIMSGID that it was sent with (manual §11)."""

    replies: tuple[Reply, ...]
    client_id: str | None = None


class Blacklisted(NamedTuple):
    """A number on the blacklist, why, and since when (manual §14). `received` as in DeliveryReport."""

    phone: str
    comment: str
    received: datetime | None

    def __repr__(self) -> str:
        return repr_without(self, "phone", "comment")


class Email(NamedTuple):
    """One sendEmail (manual §29). `html` is the source itself; `date` as in `Message`."""

    sender: str
    recipients: Sequence[str]
    subject: str
    html: str
    text: str | None = None
    sender_name: str | None = None
    reply_to: str | None = None
    date: str | None = None
    campaign_name: str | None = None

    def __repr__(self) -> str:
        return repr_without(self, "recipients", "html", "text")


class SentEmail(NamedTuple):
    """Emails that were taken: status 100 sent, 101 scheduled."""

    status: int
    campaign_id: str
    credits: Number | None = None
    invalid_addresses: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return repr_without(self, "invalid_addresses")


class RawAnswer(NamedTuple):
    """The body of an answer as it came. `refused` is the error that it amounts to where it is a clear no."""

    body: bytes
    refused: Refused | None

    def __repr__(self) -> str:
        return f"RawAnswer({len(self.body)} bytes, refused={self.refused!r})"
