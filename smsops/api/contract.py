"""The two ports of the API: whoever plans gets a `Reader`, which has no method that changes anything; only apply gets a `Writer`.

`errors` is what a call may end with, `records` what it sends and brings back. Nothing here does I/O, and importing it is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smsops.api.records import (
        AccountInfo,
        Blacklisted,
        Cancelled,
        Contacts,
        Counts,
        CreatedSubAccount,
        Credentials,
        DeliveryReport,
        DeliveryReports,
        Email,
        ListField,
        ListRecord,
        Message,
        Number,
        RawAnswer,
        Replies,
        Reply,
        Sent,
        SentEmail,
        Simulation,
        SubAccountRecord,
    )


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

    async def raw(self, method: str, parameters: Mapping[str, str]) -> RawAnswer:
        """A call of any method of the manual by its name, its parameters as they are, and its answer, whatever it says.
        KeyError where there is no such method."""

    def account(self, credentials: Credentials) -> Writer:
        """The same server as another account: for what only a sub-account's own login can do."""
