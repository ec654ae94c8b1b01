"""What the rest of smsops may know of the API: values, errors, and two ports.

Nothing here does I/O and importing it is cheap. A kind or the planner takes a `Reader`, which has no
method that changes anything; only apply takes a `Writer`.

The errors say what is known about the world after a call, because that decides what may be done next::

    ApiError
    ├── NotSent                     the request never left: nothing happened
    ├── Refused                     the server said no, in a documented way: nothing happened
    │   └── AuthenticationRefused   it does not know this login and key (or said so in one of its ways)
    ├── Unreadable                  a read brought no answer that can be trusted: nothing is known
    └── OutcomeUnknown              a write that may or may not have happened: never repeat it on a guess
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import ClassVar, Protocol

from smsops.model.values import mask_text
from smsops.table import Table

Number = int | Decimal
"""A count or an amount. Whole amounts are always `int`, however the server wrote them."""

HIDDEN = "•••"


# Values: what reads and writes bring back


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login and its API key. The key is never shown."""

    login: str
    api_key: str

    def __repr__(self) -> str:
        return f"Credentials(login={self.login!r}, api_key={HIDDEN!r})"


@dataclass(frozen=True, slots=True)
class AccountInfo:
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


@dataclass(frozen=True, slots=True)
class SubAccountRecord:
    """One sub-account of getSubAccounts (manual §18).

    `fields` holds its other keys, lower-cased (`company`, `billcity`, `creationdate`…). A key that the answer
    lacks is absent, which means "not known"; null is "". No key and no password is ever among them.
    """

    login: str
    credits: Number | None
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListRecord:
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


@dataclass(frozen=True, slots=True)
class Counts:
    """What populateList or deleteContacts counted. `ignored` never says which contacts."""

    success: int
    ignored: int
    duplicated: int

    @property
    def total(self) -> int:
        return self.success + self.ignored + self.duplicated


@dataclass(frozen=True, slots=True)
class CreatedSubAccount:
    """createSubAccount succeeded. The key comes in production, though the manual (§16) does not mention it."""

    api_key: str | None

    def __repr__(self) -> str:
        return f"CreatedSubAccount(api_key={HIDDEN if self.api_key else None!r})"


@dataclass(frozen=True, slots=True)
class ListField:
    """A field of a list to create: `filter` selects recipients, `mailing` may stand in messages."""

    name: str
    filter: bool
    mailing: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a message, with the values of #param_1#, #param_2#…"""

    phone: str = field(repr=False)
    params: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One sendSms or simulateCampaign (manual §6, §7).

    `date` is "YYYY-MM-DD HH:MM:SS" in the account's zone. `dynamic` is the number of parameters in the text
    and is always sent, also 0. `client_id` goes along as CLIMSGID, for the campaign and for every recipient.
    """

    text: str
    recipients: Sequence[Recipient] = field(repr=False)
    sender: str | None = None
    date: str | None = None
    campaign_name: str | None = None
    dynamic: int = 0
    notify: bool | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A campaign that was taken: status 100 sent, 101 scheduled, 111 taken without its invalid numbers.

    `sms_ids` are the pairs (phone, id of its message) that the answer told (manual §6.4).
    """

    status: int
    campaign_id: str
    credits: Number | None = None
    credits_used: Number | None = None
    contacts: int | None = None
    messages: int | None = None
    invalid_numbers: tuple[str, ...] = field(default=(), repr=False)
    sms_ids: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a campaign would cost. Whether the balance covers it is not part of the answer."""

    credits: Number
    contacts: int
    messages: int
    invalid_numbers: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Cancelled:
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


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What an operator reported of one message (manual §8, §9); it may change for 72 hours.

    `status` is None where `code`, which is as the server wrote it, is not in the manual's table. `received` is in
    the account's zone, and None where no date can be read.
    """

    phone: str = field(repr=False)
    status: DeliveryStatus | None
    code: str
    comment: str
    received: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryReports:
    """The delivery reports of a campaign, and the CLIMSGID that it was sent with (manual §8)."""

    reports: tuple[DeliveryReport, ...]
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a recipient wrote back (manual §10 to §12). getPullBySmsId tells no `id`. `received` as in DeliveryReport."""

    phone: str = field(repr=False)
    text: str = field(repr=False)
    campaign_id: str | None
    id: str | None
    received: datetime | None


@dataclass(frozen=True, slots=True)
class Replies:
    """The replies to a campaign, and the CLIMSGID that it was sent with (manual §11)."""

    replies: tuple[Reply, ...]
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Blacklisted:
    """A number on the blacklist, why, and since when (manual §14). `received` as in DeliveryReport."""

    phone: str = field(repr=False)
    comment: str = field(repr=False)
    received: datetime | None


@dataclass(frozen=True, slots=True)
class Email:
    """One sendEmail (manual §29). `html` is the source itself; `date` as in `Message`."""

    sender: str
    recipients: Sequence[str] = field(repr=False)
    subject: str
    html: str = field(repr=False)
    text: str | None = field(default=None, repr=False)
    sender_name: str | None = None
    reply_to: str | None = None
    date: str | None = None
    campaign_name: str | None = None


@dataclass(frozen=True, slots=True)
class SentEmail:
    """Emails that were taken: status 100 sent, 101 scheduled."""

    status: int
    campaign_id: str
    credits: Number | None = None
    invalid_addresses: tuple[str, ...] = field(default=(), repr=False)


# Errors: what is known after a call that did not succeed


class ApiError(Exception):
    """A call that did not succeed.

    `detail` says what was seen, `hint` what to do, `status` is the server's own code or HTTP status. None of
    them ever holds an API key, a password or a whole phone number. `transient` when the cause may well be
    gone a little later; the client has by then tried again as often as it may.
    """

    code: ClassVar[str] = "SMS300"

    def __init__(
        self, method: str, detail: str, *, status: int | str | None = None, hint: str = "", transient: bool = False
    ) -> None:
        super().__init__(method, status)
        self.method = method
        self.detail = mask_text(detail)
        self.status = status
        self.hint = hint
        self.transient = transient

    def __str__(self) -> str:
        told = self.status is None or str(self.status) in self.detail
        return f"{self.method}{'' if told else f' {self.status}'}: {self.detail}"


class NotSent(ApiError):
    """The request never left, after every retry: nothing happened."""

    code = "SMS301"


class Refused(ApiError):
    """The server answered with a documented error: nothing happened. `status` is its code."""

    code = "SMS302"


class AuthenticationRefused(Refused):
    """The server does not accept this login and API key, in one of the ways it has to say so."""

    code = "SMS303"


class Unreadable(ApiError):
    """A read that brought no answer to trust: it failed, was cut short or makes no sense."""

    code = "SMS304"


class OutcomeUnknown(ApiError):
    """A write that may or may not have happened. `evidence` is what part of an answer arrived, masked."""

    code = "SMS305"

    def __init__(
        self,
        method: str,
        detail: str,
        *,
        status: int | str | None = None,
        hint: str = "",
        transient: bool = False,
        evidence: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(method, detail, status=status, hint=hint, transient=transient)
        self.evidence: Mapping[str, str] = dict(evidence or {})


# Ports


class Collector(Protocol):
    """Takes the body of one answer while it arrives.

    Calls never overlap, but may come from different threads; other exchanges go on meanwhile. An error raised
    here is an error of the answer, as if it made no sense.
    """

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; may block."""

    def body(self) -> bytes:
        """What is to be judged as the answer, once it is whole."""


class Reader(Protocol):
    """Everything that can be asked and nothing that changes the account."""

    async def get_info(self, *, sub_account: str | None = None) -> AccountInfo:
        """An account's status, balance and API key (manual §13)."""

    async def get_sub_accounts(self) -> tuple[SubAccountRecord, ...]:
        """Every sub-account (manual §18). Empty only when the server says that there is none."""

    async def get_lists(self, *, sub_account: str | None = None) -> tuple[ListRecord, ...]:
        """Every contact list of the account or of one of its sub-accounts (manual §25)."""

    async def get_contacts(self, list_name: str, *, sub_account: str | None = None) -> Contacts:
        """Every contact of a list (manual §26)."""

    async def get_blacklist(self, *, sub_account: str | None = None) -> frozenset[str]:
        """The numbers that no message reaches any more, digits only (manual §14)."""

    async def get_blacklist_entries(self, *, sub_account: str | None = None) -> tuple[Blacklisted, ...]:
        """The same with all that is told of each (manual §14)."""

    async def get_credits_by_country(self, iso: str) -> Number:
        """What one SMS to a country costs (ISO 3166, two letters; manual §27)."""

    async def simulate_campaign(self, message: Message) -> Simulation:
        """What `send_sms` of this message would cost (manual §7)."""

    async def get_acks(self, campaign_id: str, *, sub_account: str | None = None) -> DeliveryReports:
        """The delivery reports that a campaign has so far (manual §8)."""

    async def get_ack_by_sms_id(self, sms_id: str, *, sub_account: str | None = None) -> tuple[DeliveryReport, ...]:
        """What was reported of one message, by its id in `Sent.sms_ids` (manual §9); as a rule one report."""

    async def get_pull(self, campaign_id: str, *, sub_account: str | None = None) -> Replies:
        """The replies to a campaign, also those that `get_pulls` has brought before (manual §11)."""

    async def get_pull_by_sms_id(self, sms_id: str, *, sub_account: str | None = None) -> tuple[Reply, ...]:
        """The replies to one message, by its id in `Sent.sms_ids` (manual §12); as a rule one."""

    def account(self, credentials: Credentials) -> Reader:
        """The same server as another account: for what only a sub-account's own login can ask."""


class Writer(Reader, Protocol):
    """A `Reader` that can also change the account.

    Each method returns only when the server positively said that it was done. What is raised otherwise says
    whether it may have happened all the same: only `OutcomeUnknown` may.
    """

    async def create_sub_account(self, data: Mapping[str, str]) -> CreatedSubAccount:
        """Create a sub-account from the fields of accountData (upper case; manual §16)."""

    async def update_sub_account(self, login: str, data: Mapping[str, str]) -> None:
        """Change the fields given in `data`; the others stay (manual §17)."""

    async def delete_sub_account(self, login: str) -> None:
        """Delete a sub-account (manual §20)."""

    async def manage_sub_account_credits(self, login: str, amount: int) -> Number | None:
        """Move credits to a sub-account, or back when negative (manual §19). Returns its new balance, when told."""

    async def create_list(
        self, name: str, *, locked: bool, fields: Sequence[ListField], sub_account: str | None = None
    ) -> None:
        """Create an empty list (manual §21)."""

    async def delete_list(self, name: str, *, sub_account: str | None = None) -> None:
        """Delete a list and its contacts (manual §24)."""

    async def populate_list(
        self, name: str, contacts: Sequence[tuple[str, Mapping[str, str]]], *, sub_account: str | None = None
    ) -> Counts:
        """Insert contacts (manual §22). One that is there already is counted as duplicated and keeps its old values."""

    async def delete_contacts(self, name: str, phones: Sequence[str], *, sub_account: str | None = None) -> Counts:
        """Remove contacts by phone (manual §23)."""

    async def send_sms(self, message: Message) -> Sent:
        """Send or schedule a campaign (manual §6), exactly once or not at all, or `OutcomeUnknown`."""

    async def send_simplified(
        self,
        text: str,
        phones: Sequence[str],
        *,
        sender: str | None = None,
        date: str | None = None,
        campaign_name: str | None = None,
    ) -> Sent:
        """Send or schedule one text without variables (manual §5). As `send_sms`, but the answer tells less."""

    async def send_email(self, email: Email) -> SentEmail:
        """Send or schedule an email (manual §29), exactly once or not at all, or `OutcomeUnknown`."""

    async def get_pulls(self, *, limit: int | None = None, sub_account: str | None = None) -> tuple[Reply, ...]:
        """Take the replies to all campaigns that were not taken yet, the latest first (manual §10).

        The server gives each of them once, at most `limit` (1,000 unless told) a call: it is a write. After
        `OutcomeUnknown` some may be gone; `get_pull` still has them, campaign by campaign.
        """

    async def delete_campaign(self, campaign_id: str) -> Cancelled:
        """Cancel a scheduled campaign (manual §15)."""

    async def shorten_url(self, url: str) -> str:
        """A short address that leads to an http(s) address, a new one for each call (manual §28)."""

    async def raw(self, method: str, parameters: Mapping[str, str]) -> bytes:
        """A call of any method of the manual by its name, its parameters as they are: the body of the answer, whatever it
        says. KeyError where there is no such method."""

    def account(self, credentials: Credentials) -> Writer:
        """The same server as another account: for what only a sub-account's own login can do."""
