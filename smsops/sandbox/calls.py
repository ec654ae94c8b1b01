"""What one API call has at hand, and how it ends early: shared by the methods' modules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from smsops.sandbox.answers import Body, Style
from smsops.sandbox.fates import Recipients
from smsops.sandbox.forms import BadPayload, Params, text_of
from smsops.sandbox.messages import TARIFF, Tariff
from smsops.sandbox.store import Account, ContactList, Store

MAX_CONTACTS = 2000

T = TypeVar("T")
Refusal = Callable[[str], Body]


class Refused(Exception):
    """The API says no, with this answer; nothing has been changed."""

    def __init__(self, body: Body) -> None:
        super().__init__(str(body))
        self.body = body


def refuse_write(text: str) -> Body:
    """How writes to accounts and lists say no (annexes 10, 15 and 18)."""
    return {"status": "0", "statusText": text}


def refuse_read(text: str) -> Body:
    """How reads say no (§8.2, other variables of the return)."""
    return {"error": text}


def written(moment: datetime) -> str:
    """A date and time as the API writes them."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


@dataclass
class Call:
    """One authenticated call of one method."""

    store: Store
    params: Params
    style: Style
    recipients: Recipients
    now: datetime
    caller: Account
    refusal: Refusal
    half: bool = False
    in_xml: bool = False
    overloaded: bool = False
    sub_account: str | None = None

    @property
    def today(self) -> str:
        """The present time as the API writes it."""
        return written(self.now)

    @cached_property
    def tariff(self) -> Tariff:
        """What an SMS costs on this platform."""
        prices = self.store.setting("prices")
        return TARIFF if prices is None else TARIFF.with_prices(prices)

    def succeeded(self) -> Body:
        """The status of a success whose printed form has none, where the style asks for one."""
        return {} if self.style.success == "manual" else {"status": self.style.success}

    def date(self, moment: float) -> str:
        """A moment in seconds since the epoch as the API writes it, in the time of Paris."""
        return written(datetime.fromtimestamp(moment, self.now.tzinfo))

    def blacklist(self, account: Account) -> list[tuple[str, str, str]]:
        """An account's blacklist, latest first: phone, comment and date; whoever has stopped is on it once."""
        rows = {phone: (phone, comment, received) for phone, comment, received in self.store.blacklist(account.id)}
        for phone, moment in self.store.stopped(account.id, self.now.timestamp()):
            rows.setdefault(phone, (phone, "stop", self.date(moment)))
        return sorted(sorted(rows.values()), key=lambda row: row[2], reverse=True)

    def refuse(self, text: str) -> Refused:
        """The method's own way to say no."""
        return Refused(self.refusal(text))

    def payload(self, name: str) -> dict[str, object]:
        """The `DATA` of a payload, or the method's refusal."""
        try:
            return self.params.payload(name)
        except BadPayload as error:
            raise self.refuse(f"{name} is {'empty' if error.empty else 'not valid'}") from None

    def target(self, in_payload: object = None) -> Account:
        """The account to act on: the caller, or the sub-account of its that is named; never the caller by mistake."""
        named = [name for name in (self.params.get("subAccount"), str(in_payload or "")) if name]
        if not named:
            return self.caller
        self.sub_account = named[0]
        found = self.store.account(named[0])
        if found is None or found.master_id != self.caller.id or len(set(named)) > 1:
            raise self.refuse("The sub account is not linked to the master account")
        return found

    def list_of(self, account: Account, name: object) -> ContactList:
        """The list with this name; without one every method says no as writes do, getContacts too."""
        text = text_of(name)
        if not text:
            raise Refused(refuse_write("The name of the list is not defined"))
        found = self.store.find_list(account.id, text)
        if found is None:
            raise Refused(refuse_write(f"The list {text} was not found"))
        return found

    def taken(self, items: Sequence[T]) -> Sequence[T]:
        """The part of a collection that the call gets through: §6.1 warns of more than 2000 contacts a call."""
        if len(items) > MAX_CONTACTS:
            self.overloaded = True
            items = items[:MAX_CONTACTS]
        return items[: len(items) // 2] if self.half else items
