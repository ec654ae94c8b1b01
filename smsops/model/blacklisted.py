"""Numbers that no message reaches: an account's blacklist, and who of some numbers or lists is on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from smsops.model.shown import shown_phone, shown_text
from smsops.model.values import JSON

FORMAT_VERSION = "1.0"


class BlacklistEntry(NamedTuple):
    """A number in digits, why it is there, and since when, in the account's zone."""

    phone: str
    comment: str
    since: datetime | None

    def document(self) -> dict[str, JSON]:
        since = self.since.isoformat(timespec="seconds") if self.since else None
        return {"phone": shown_phone(self.phone), "comment": shown_text(self.comment), "since": since}


class Blacklist(NamedTuple):
    """The blacklist of one account, by its key; None is the master."""

    account: str | None
    login: str
    entries: tuple[BlacklistEntry, ...]

    def document(self) -> dict[str, JSON]:
        return {"account": self.account, "login": self.login, "numbers": [entry.document() for entry in self.entries]}


class Found(NamedTuple):
    """One of the numbers that were asked for, and the account whose blacklist it is on."""

    phone: str
    account: str | None

    def document(self) -> dict[str, JSON]:
        return {"phone": shown_phone(self.phone), "account": self.account}


class ListCount(NamedTuple):
    """How many contacts of a live list are on the blacklist of its account."""

    account: str | None
    name: str
    contacts: int
    blacklisted: int

    def document(self) -> dict[str, JSON]:
        return self._asdict()


class Check(NamedTuple):
    """What a check has found, of numbers or of lists."""

    checked: int
    found: Sequence[Found] = ()
    lists: Sequence[ListCount] = ()

    @property
    def any(self) -> bool:
        return bool(self.found) or any(one.blacklisted for one in self.lists)

    def document(self) -> dict[str, JSON]:
        return {
            "format_version": FORMAT_VERSION,
            "checked": self.checked,
            "found": [one.document() for one in self.found],
            "lists": [one.document() for one in self.lists],
        }
