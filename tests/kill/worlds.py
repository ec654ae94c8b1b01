"""Worlds made up from a seed: what a stack wants, edit after edit, and what its account must be like in the end.

Nothing here knows how smsops works: it is written from the manual and the configuration language alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

MASTER = "acme"
FOREIGN = "somebody-else"
OWN_MOBILE = "33698765432"
_DATES = ("2031-06-17 10:00", "2031-06-18 15:30")
_MESSAGES = ("Hello", "Hello {NAME}", "{SHOP}: {NAME} {SHOP}", "Good morning {NAME} STOP au 36180")
_NAMES = ("", "Zoé", "Ada", "l'été", 'so "to" say')
_SHOPS = ("Lyon", "Nice", "", "a;b,c")
_CHANGES = ("contacts", "contacts", "structure", "name", "campaign", "message", "list", "account")
_WHERE = "SHOP = 'Lyon'"

Row = tuple[str, str]
"""The NAME and the SHOP of a contact."""


def phone(number: int) -> str:
    """The digits of the n-th mobile; no two have many digits in common."""
    return f"337{(31_415_926 + number * 7_654_321) % 100_000_000:08d}"


OUTSIDERS = frozenset(phone(number) for number in range(500, 520))
"""Whom others add to lists."""


@dataclass
class List:
    """A list: what is declared of it, and who stays in it besides: who was added by others or declared before."""

    remote: str
    membership: str
    rows: dict[str, Row] | None
    filter: bool = False
    city: bool = False
    outside: dict[str, Row] = field(default_factory=dict)
    file: str | None = None

    @property
    def contacts(self) -> dict[str, Row]:
        """Everybody who has to be in it, each with what has to be known of them."""
        return {**self.outside, **(self.rows or {})}

    def block(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"NAME": {}, "SHOP": {"filter": self.filter}, **({"CITY": {}} if self.city else {})}
        block: dict[str, Any] = {"name": self.remote, "fields": fields, "membership": self.membership}
        if self.file is not None:
            block["contacts"] = [{"file": self.file}]
        elif self.rows is not None:
            inline = [{"phone": number, "NAME": name, "SHOP": shop} for number, (name, shop) in self.rows.items()]
            block["contacts"] = [{"inline": inline}]
        return block


@dataclass
class Campaign:
    """A campaign to some lists and some numbers."""

    message: str
    schedule: str
    lists: list[str]
    phones: list[str]
    without: str | None = None
    where: bool = False

    @property
    def text(self) -> str:
        """The message; without a list there are no fields."""
        return self.message if self.lists else _MESSAGES[0]

    def block(self) -> dict[str, Any]:
        audience: dict[str, Any] = {}
        if self.lists:
            audience["lists"] = self.lists
        if self.phones:
            audience["phones"] = self.phones
        if self.without:
            audience["exclude_lists"] = [self.without]
        if self.where and self.lists:
            audience["where"] = _WHERE
        return {"message": self.text, "schedule": self.schedule, "if_missed": "skip", "audience": audience}

    def texts(self, lists: dict[str, List]) -> dict[str, str]:
        """Who gets it, and what each of them reads."""
        people: dict[str, Row] = {}
        for key in self.lists:
            people = {**lists[key].contacts, **people}
        if self.where and self.lists:
            people = {number: row for number, row in people.items() if row[1] == "Lyon"}
        people = {**dict.fromkeys(self.phones, ("", "")), **people}
        out = lists[self.without].contacts if self.without else {}
        return {number: _filled(self.text, row) for number, row in people.items() if number not in out}


def _filled(message: str, row: Row) -> str:
    return re.sub(r"\{(NAME|SHOP)\}", lambda found: row[("NAME", "SHOP").index(found[1])], message)


@dataclass
class Account:
    """What the stack owns in one account; `grants` and `city` only in a sub-account."""

    lists: dict[str, List] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    grants: dict[str, int] = field(default_factory=dict)
    city: str = "Paris"

    def block(self) -> dict[str, Any]:
        return {
            "lists": {key: wanted.block() for key, wanted in self.lists.items()},
            "campaigns": {key: wanted.block() for key, wanted in self.campaigns.items()},
        }

    def texts(self, without: Collection[str]) -> Counter[tuple[str, str]]:
        """Number and text of every message that has to be scheduled, but for some campaigns."""
        return Counter(
            (number, text)
            for key, campaign in self.campaigns.items()
            if key not in without
            for number, text in campaign.texts(self.lists).items()
        )


class World:
    """A stack that is edited again and again; the same seed gives the same edits."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"world {seed}")
        self.accounts: dict[str, Account] = {MASTER: Account()}
        self.large = self._random.random() < 0.06
        self.parallelism = self._random.choice((1, 4, 8, 8))
        self.removes_accounts = False
        self._grants = 0
        self._without_more_lists: set[int] = set()

    def edit(self, *, unfinished: bool = False) -> None:
        """Change the configuration in several places.

        Behind an `unfinished` edit nothing is changed of which nobody can tell then how it must end: whom an
        additive list keeps depends on what was done.
        """
        chance = self._random
        self.removes_accounts = False
        self._without_more_lists.clear()
        if not self.accounts[MASTER].lists:
            self._begin()
            return
        if unfinished:
            for login, account in self.accounts.items():
                for _ in range(chance.randint(1, 3)):
                    self._change(login, account, ("structure", "name", "campaign", "message", "account"))
            return
        for key in ("north", "south"):
            if key not in self.accounts and chance.random() < 0.3:
                self._add_account(key)
            elif key in self.accounts and chance.random() < 0.12:
                del self.accounts[key]
                self.removes_accounts = True
        for login, account in self.accounts.items():
            for _ in range(chance.randint(3, 6)):
                self._change(login, account, _CHANGES)

    def finished(self) -> None:
        """The account is what the stack says: whom an additive list has now, it keeps."""
        for account in self.accounts.values():
            for wanted in account.lists.values():
                if wanted.membership == "additive":
                    wanted.outside |= wanted.rows or {}

    def _begin(self) -> None:
        self._fill(self.accounts[MASTER])
        self._add_account("north")
        if self._random.random() < 0.5:
            self._add_account("south")
        if self.large:
            rows = {phone(number): ("", "Lyon") for number in range(1000, 1000 + self._random.randint(4001, 4600))}
            self.accounts[MASTER].lists["crowd"] = List("crowd", "exact", rows, file="crowd.csv")
            self.accounts[MASTER].campaigns["mass"] = Campaign("Hello {SHOP}", _DATES[0], ["crowd"], [])

    def _add_account(self, key: str) -> None:
        self.accounts[key] = account = Account()
        self._fill(account)
        self._grant(account, 9000)

    def _fill(self, account: Account) -> None:
        self._add_list(account, "vip")
        if self._random.random() < 0.5:
            self._add_list(account, "staff")
        self._add_campaign(account, "hello")
        if self._random.random() < 0.4:
            self._add_campaign(account, "sale")

    def _grant(self, account: Account, amount: int) -> None:
        self._grants += 1
        account.grants[f"grant-{self._grants}"] = amount

    def _rows(self) -> dict[str, Row]:
        numbers = self._random.sample(range(12), self._random.randint(1, 7))
        return {phone(number): self._row() for number in numbers}

    def _row(self) -> Row:
        return self._random.choice(_NAMES), self._random.choice(_SHOPS)

    def _add_list(self, account: Account, key: str) -> None:
        membership = self._random.choice(("exact", "additive", "additive"))
        rows = None if membership == "additive" and self._random.random() < 0.2 else self._rows()
        account.lists[key] = List(self._name(key), membership, rows, city=self._random.random() < 0.5)

    def _name(self, key: str) -> str:
        return self._random.choice((key, f"The {key}", f"New {key}"))

    def _add_campaign(self, account: Account, key: str) -> None:
        chance = self._random
        small = [name for name in account.lists if name != "crowd"]
        lists = chance.sample(small, chance.randint(min(1, len(small)), len(small)))
        others = [name for name in small if name not in lists]
        account.campaigns[key] = Campaign(
            chance.choice(_MESSAGES),
            chance.choice(_DATES),
            lists,
            [phone(number) for number in chance.sample(range(20, 26), chance.randint(0 if lists else 1, 2))],
            others[0] if others and chance.random() < 0.5 else None,
            chance.random() < 0.2,
        )

    def _change(self, login: str, account: Account, kinds: Sequence[str]) -> None:
        """One change somewhere in an account."""
        chance = self._random
        kind = chance.choice(kinds)
        small = [key for key in account.lists if key != "crowd"]
        if kind == "contacts" and self.large and login == MASTER and chance.random() < 0.5:
            self._change_crowd(account.lists["crowd"])
        elif kind in ("contacts", "structure", "name") and small:
            self._change_list(account.lists[key := chance.choice(small)], key, kind)
        elif kind == "campaign":
            key = chance.choice(("hello", "sale"))
            if key in account.campaigns and chance.random() < 0.5:
                del account.campaigns[key]
            else:
                self._add_campaign(account, key)
        elif kind == "message" and account.campaigns:
            campaign = account.campaigns[chance.choice(list(account.campaigns))]
            campaign.message = chance.choice(_MESSAGES[:2])
            campaign.schedule = chance.choice(_DATES)
        elif kind == "list":
            self._change_lists(account)
        elif kind == "account" and login != MASTER:
            account.city = chance.choice(("Paris", "Lyon", "Nice"))
            self._grant(account, chance.choice((500, 1000, 1, -200)))

    def _change_crowd(self, crowd: List) -> None:
        assert crowd.rows is not None
        for number in self._random.sample(list(crowd.rows), 3):
            del crowd.rows[number]
        crowd.rows[phone(self._random.randint(6000, 6500))] = ("", "Nice")

    def _change_list(self, wanted: List, key: str, kind: str) -> None:
        if kind == "structure":
            wanted.city = not wanted.city
        elif kind == "name":
            wanted.filter = self._random.random() < 0.5
            wanted.remote = self._name(key)
        elif wanted.rows is not None:
            wanted.rows = self._rows()

    def _change_lists(self, account: Account) -> None:
        used = {key for campaign in account.campaigns.values() for key in (*campaign.lists, campaign.without)}
        for key in ("vip", "staff"):
            if key not in account.lists and id(account) not in self._without_more_lists:
                self._add_list(account, key)
                return
            if key in account.lists and key not in used:
                del account.lists[key]
                self._without_more_lists.add(id(account))  # a list that goes and comes in one edit has never gone
                return

    def outsiders(self) -> list[tuple[str, List, dict[str, Row]]]:
        """Contacts that somebody else adds to lists whose contacts the stack does not own: login, list, contacts."""
        found = []
        for login, account in self.accounts.items():
            for key, wanted in account.lists.items():
                if wanted.membership == "additive" and self._random.random() < 0.4 and key != "crowd":
                    number = self._random.choice(sorted(OUTSIDERS))
                    if number not in wanted.outside:
                        found.append((login, wanted, {number: self._row()}))
        return found

    def sections(self) -> dict[str, Any]:
        """What stands in smsops.yaml, below its first lines."""
        accounts = {key: account for key, account in self.accounts.items() if key != MASTER}
        return {
            **self.accounts[MASTER].block(),
            "sub_accounts": {key: _person(account) for key, account in accounts.items()},
        }

    def files(self) -> dict[str, str]:
        """The data files beside it."""
        lists = [wanted for account in self.accounts.values() for wanted in account.lists.values()]
        return {
            wanted.file: "phone,NAME,SHOP\n" + "".join(f"{number},{n},{s}\n" for number, (n, s) in wanted.rows.items())
            for wanted in lists
            if wanted.file is not None and wanted.rows is not None
        }


def _person(account: Account) -> dict[str, Any]:
    return {
        "first_name": "Thomas",
        "last_name": "Smith",
        "email": "paris@acme.example",
        "company": "ACME",
        "mobile": f"+{OWN_MOBILE}",
        "password": {"env": "PASSWORD"},
        "city": account.city,
        "credits": {"grants": dict(account.grants)},
        **account.block(),
    }
