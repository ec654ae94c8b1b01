"""Who writes the configuration: a stack made up from the seed, then edited, and what others do meanwhile.

A list, a campaign and an account are objects here, so that they stay themselves when their names change. Every
campaign begins its message with a tag of its own, so that what the account has of it is found whatever happened.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.harness import LOGIN
from tests.kinds.contract import person, phone

PEOPLE = 10
VALUES = ("", "Lyon", "Zoé", "l'été", 'so "to" say', "a;b,c", "5 €", "汉字", "0")
CONDITIONS = (None, None, None, "SHOP = 'Lyon'", "NAME <> '' OR SHOP = ''")
LINK = "https://www.example.com/sale?from=sms"
TEXTS = (
    "Hello",
    "Hello {NAME}",
    "{SHOP}: {NAME} {SHOP}",
    "€ {NAME} ^ {{ok}} STOP au 36180",
    f"{{NAME}}, look: {{short:{LINK}}}",
)
Row = dict[str, str]


@dataclass(eq=False)
class ContactList:
    """A list. `rows` are its declared contacts by phone; None: its contacts are left alone."""

    key: str
    name: str | None = None
    locked: bool | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    membership: str | None = None
    rows: dict[str, Row] | None = None
    file: str | None = None

    @property
    def remote_name(self) -> str:
        return self.name or self.key

    @property
    def exact(self) -> bool:
        return self.membership != "additive"

    def block(self) -> dict[str, Any]:
        block = _given(name=self.name, locked=self.locked, fields=self.fields, membership=self.membership)
        if self.rows is not None and self.file:
            block["contacts"] = [{"file": self.file}]
        elif self.rows is not None:
            block["contacts"] = [{"inline": [{"phone": number, **row} for number, row in self.rows.items()]}]
        return block


@dataclass(eq=False)
class Campaign:
    """A campaign; `tag` begins its message whatever else it says."""

    tag: str
    key: str
    text: str
    schedule: datetime
    lists: list[ContactList] = field(default_factory=list)
    excluded: list[ContactList] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    where: str | None = None
    sender: str | None = None
    notify: bool | None = None
    if_missed: str | None = None

    @property
    def message(self) -> str:
        return f"{self.tag} {self.text if self.lists else 'Hello'}"

    @property
    def declared(self) -> bool:
        """Whether the configuration says who is in all of its lists."""
        return all(one.rows is not None for one in (*self.lists, *self.excluded))

    def block(self) -> dict[str, Any]:
        return _given(
            message=self.message,
            schedule=f"{self.schedule:%Y-%m-%d %H:%M}Z",
            nature="transactional",  # at any hour
            sender=self.sender,
            notify=self.notify,
            if_missed=self.if_missed,
            audience=_given(
                lists=[one.key for one in self.lists] or None,
                exclude_lists=[one.key for one in self.excluded] or None,
                phones=self.phones or None,
                where=self.where if self.lists else None,
            ),
        )


@dataclass(eq=False)
class Account:
    """The master (no key) or a sub-account, with what it owns."""

    key: str | None
    login: str
    lists: list[ContactList] = field(default_factory=list)
    campaigns: list[Campaign] = field(default_factory=list)
    city: str | None = None
    password: str = "PASSWORD"
    credits: dict[str, Any] | None = None

    def block(self) -> dict[str, Any]:
        owned: dict[str, Any] = {}
        if self.lists:
            owned["lists"] = {one.key: one.block() for one in self.lists}
        if self.campaigns:
            owned["campaigns"] = {one.key: one.block() for one in self.campaigns}
        if self.key is None:
            return owned
        login = self.login if self.login != self.key else None
        about = _given(login=login, city=self.city, credits=self.credits)
        return person(**about, **owned) | {"password": {"env": self.password}}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _table(rows: dict[str, Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["phone", "NAME", "SHOP"])
    writer.writerows([number, row["NAME"], row["SHOP"]] for number, row in rows.items())
    return text.getvalue()


class Author:
    """Makes up a stack and its edits. Every word is drawn from `random`, in one order."""

    def __init__(self, random: Random, now: Callable[[], datetime], *, large: bool) -> None:
        self.random = random
        self.now = now
        self.large = large
        self.master = Account(None, LOGIN)
        self.subs: list[Account] = []
        self.moved: list[dict[str, str]] = []
        self.said: list[str] = []
        self._numbers = 0
        for _ in range(random.randrange(3)):
            self._add_sub()
        for account in self.accounts:
            for _ in range(random.choice((0, 1, 1, 2))):
                self._add_list(account)
            for _ in range(random.choice((0, 1, 1))):
                self._add_campaign(account)
        if large:
            self._grow()
        self.said = ["begin: " + ", ".join(self._inventory())]

    @property
    def accounts(self) -> list[Account]:
        return [self.master, *self.subs]

    def campaigns(self) -> Iterator[tuple[Account, Campaign]]:
        for account in self.accounts:
            for campaign in account.campaigns:
                yield account, campaign

    def sections(self) -> dict[str, Any]:
        """What smsops.yaml is to say."""
        sections = self.master.block()
        if self.subs:
            sections["sub_accounts"] = {sub.key: sub.block() for sub in self.subs}
        if self.moved:
            sections["moved"] = self.moved
        return sections

    def files(self) -> dict[str, str]:
        """The data files beside it."""
        return {
            one.file: _table(one.rows)
            for account in self.accounts
            for one in account.lists
            if one.file and one.rows is not None
        }

    def edit(self) -> list[str]:
        """Change the configuration in one to four ways; what was done, in words."""
        self.said, self.moved = [], []
        touched: set[int] = set()
        for _ in range(self.random.choice((1, 2, 2, 3, 4))):
            change = self.random.choice(self._CHANGES)
            account = self.random.choice(self.accounts)
            change(self, account, touched)
        there = set(self._addresses())
        self.moved = [move for move in self.moved if move["to"] in there]
        return self.said

    def _addresses(self) -> Iterator[str]:
        for account in self.accounts:
            scope = f"{account.key}/" if account.key else ""
            yield from (f"{scope}list.{one.key}" for one in account.lists)
            yield from (f"{scope}campaign.{one.key}" for one in account.campaigns)
            if account.key:
                yield f"sub_account.{account.key}"

    # -- changes ----------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self.said.append(text)

    def next_number(self) -> int:
        """A number that no other name has."""
        self._numbers += 1
        return self._numbers

    def _inventory(self) -> list[str]:
        return [
            f"{account.login}: {len(account.lists)} lists, {len(account.campaigns)} campaigns, credits {account.credits}"
            for account in self.accounts
        ]

    def _row(self) -> Row:
        return {"NAME": self.random.choice(VALUES), "SHOP": self.random.choice(VALUES)}

    def _rows(self) -> dict[str, Row]:
        return {phone(n): self._row() for n in sorted(self.random.sample(range(PEOPLE), self.random.randrange(6)))}

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"NAME": {}, "SHOP": {"filter": self.random.random() < 0.5}}
        if self.random.random() < 0.3:
            fields["CITY"] = {}
        return fields

    def _date(self) -> datetime:
        soon = self.random.choice((3, 20, 60 * 30, 60 * 24 * 5, 60 * 24 * 9, 60 * 24 * 9, 60 * 24 * 20))
        moment = self.now().replace(second=0, microsecond=0)
        return moment + timedelta(minutes=soon)

    def _add_list(self, account: Account, touched: Any = None) -> None:
        key = f"list-{self.next_number()}"
        made = ContactList(key, fields=self._fields())
        if self.random.random() < 0.3:
            made.name = f"The {key}"
        made.membership = self.random.choice((None, None, "exact", "additive"))
        if self.random.random() < 0.85:
            made.rows = self._rows()
        account.lists.append(made)
        self._say(f"add {key} to {account.login}")

    def _grow(self) -> None:
        made = ContactList(f"list-{self.next_number()}", fields={"NAME": {}, "SHOP": {}}, rows={})
        made.rows = {phone(100 + n): {"NAME": "Ada", "SHOP": "Lyon"} for n in range(self.random.randrange(2001, 4100))}
        made.file = f"{made.key}.csv"
        self.master.lists.append(made)
        self._add_campaign(self.master)
        self.master.campaigns[-1].lists = [made]
        self.master.campaigns[-1].where = None
        self.master.campaigns[-1].schedule = self.now() + timedelta(days=30)

    def _add_campaign(self, account: Account, touched: Any = None) -> None:
        if account.key is not None and account.credits is None:
            return
        tag = f"c{self.next_number()}"
        made = Campaign(tag, f"campaign-{tag}", self.random.choice(TEXTS), self._date())
        self._aim(account, made)
        made.sender = self.random.choice((None, None, "ACME"))
        made.notify = self.random.choice((None, None, True, False))
        made.if_missed = self.random.choice((None, "skip", "skip", "send"))
        account.campaigns.append(made)
        self._say(f"add {made.key} to {account.login}, for {made.schedule:%d %H:%M}")

    def _aim(self, account: Account, campaign: Campaign) -> None:
        pick = self.random.sample
        campaign.lists = pick(account.lists, self.random.randrange(len(account.lists) + 1))
        campaign.excluded = [one for one in account.lists if self.random.random() < 0.15]
        wanted = self.random.choice((0, 0, 1, 2)) if campaign.lists else self.random.choice((1, 2))
        campaign.phones = [phone(n) for n in pick(range(PEOPLE), wanted)]
        campaign.where = self.random.choice(CONDITIONS)

    def _add_sub(self, account: Any = None, touched: Any = None) -> None:
        if len(self.subs) >= 3:
            return
        key = f"sub-{self.next_number()}"
        made = Account(key, key, city=self.random.choice((None, "Paris")))
        made.credits = self._credits()
        self.subs.append(made)
        self._say(f"add {key} with credits {made.credits}")

    def _credits(self) -> dict[str, Any] | None:
        draw = self.random.random()
        if draw < 0.15:
            return None
        if draw < 0.75:
            return {"grants": {f"base-{self.next_number()}": 9000}}
        if draw < 0.9:
            return {"keep": {"at_least": 4000, "top_up_to": 6000}}
        return {"allowance": {"amount": 5000, "every": "month", "from": "2026-10"}}

    def _list(self, account: Account) -> ContactList | None:
        small = [one for one in account.lists if one.file is None or self.random.random() < 0.3]
        return self.random.choice(small) if small else None

    def _remove_list(self, account: Account, touched: Any) -> None:
        found = self._list(account)
        if found is None:
            return
        account.lists.remove(found)
        self._say(f"remove {found.key} of {account.login}")
        for campaign in list(account.campaigns):
            campaign.lists = [one for one in campaign.lists if one is not found]
            campaign.excluded = [one for one in campaign.excluded if one is not found]
            if not campaign.lists and not campaign.phones:
                account.campaigns.remove(campaign)
                self._say(f"remove {campaign.key} with it")

    def _change_list(self, account: Account, touched: Any) -> None:
        found = self._list(account)
        if found is None:
            return
        how = self.random.randrange(3)
        if how == 0:
            found.fields = self._fields()
        elif how == 1:
            found.name = f"The {found.key} {self.next_number()}"
        else:
            found.locked = not found.locked
        self._say(f"change {('fields', 'name', 'lock')[how]} of {found.key} of {account.login}")

    def _change_contacts(self, account: Account, touched: Any) -> None:
        found = self._list(account)
        if found is None:
            return
        if found.rows is None:
            found.rows = self._rows()
        else:
            for number in self.random.sample(sorted(found.rows), min(len(found.rows), self.random.randrange(3))):
                if self.random.random() < 0.5:
                    del found.rows[number]
                else:
                    found.rows[number] = self._row()
            for n in self.random.sample(range(PEOPLE), self.random.randrange(3)):
                found.rows.setdefault(phone(n), self._row())
        self._say(f"change contacts of {found.key} of {account.login}")

    def _change_membership(self, account: Account, touched: Any) -> None:
        found = self._list(account)
        if found is None:
            return
        if self.random.random() < 0.4:
            found.rows = None if found.rows is not None and found.file is None else found.rows or self._rows()
        else:
            found.membership = "additive" if found.exact else "exact"
        self._say(f"{found.key} of {account.login}: {found.membership}, {'un' if found.rows is None else ''}declared")

    def _change_campaign(self, account: Account, touched: Any) -> None:
        if not account.campaigns:
            return
        found = self.random.choice(account.campaigns)
        how = self.random.randrange(3)
        if how == 0:
            found.text = self.random.choice(TEXTS) + self.random.choice((" now", " soon", ""))
        elif how == 1:
            found.schedule = self._date()
        else:
            self._aim(account, found)
        self._say(f"change {('text', 'date', 'audience')[how]} of {found.key} of {account.login}")

    def _remove_campaign(self, account: Account, touched: Any) -> None:
        if account.campaigns:
            found = self.random.choice(account.campaigns)
            account.campaigns.remove(found)
            self._say(f"remove {found.key} of {account.login}")

    def _remove_sub(self, account: Account, touched: Any) -> None:
        if account.key is not None:
            self.subs.remove(account)
            self._say(f"remove {account.login}")

    def _change_sub(self, account: Account, touched: Any) -> None:
        if account.key is None:
            return
        how = self.random.randrange(3)
        if how == 0:
            account.city = self.random.choice(("Lyon", "Nice", "Lille"))
        elif how == 1:
            account.login = f"{account.key}-{self.next_number()}"
        else:
            account.password = "OTHER" if account.password == "PASSWORD" else "PASSWORD"
        self._say(f"change {('city', 'login', 'password')[how]} of {account.key}")

    def _change_credits(self, account: Account, touched: Any) -> None:
        if account.key is None:
            return
        if account.credits and "grants" in account.credits and self.random.random() < 0.8:
            amount = self.random.choice((1, 500, 500, -1, -200))
            account.credits["grants"][f"more-{self.next_number()}"] = amount
            self._say(f"grant {amount} to {account.key}")
            return
        if account.campaigns:
            account.credits = {"grants": {f"base-{self.next_number()}": 9000}}
        else:
            account.credits = self._credits()
        self._say(f"credits of {account.key}: {account.credits}")

    def _move(self, account: Account, touched: set[int]) -> None:
        """Another key for a list, a campaign or an account; once for each, as a chain of moves would be ambiguous."""
        things: list[ContactList | Campaign | Account] = [*account.lists, *account.campaigns]
        things += [account] if account.key is not None else []
        things = [thing for thing in things if id(thing) not in touched]
        if not things or id(account) in touched:
            return
        thing = self.random.choice(things)
        scope = f"{account.key}/" if account.key else ""
        old, number = thing.key, self.next_number()
        if isinstance(thing, Account):
            touched |= {id(account), *map(id, account.lists), *map(id, account.campaigns)}
            kind, scope = "sub_account", ""
        else:
            touched |= {id(thing), id(account)}
            kind = "list" if isinstance(thing, ContactList) else "campaign"
        new = f"{str(old).split('-at-')[0]}-at-{number}"
        if isinstance(thing, ContactList):
            thing.name = thing.remote_name
        thing.key = new
        self.moved.append({"from": f"{scope}{kind}.{old}", "to": f"{scope}{kind}.{new}"})
        self._say(f"move {scope}{kind}.{old} to {new}")

    _CHANGES = (
        _add_list, _remove_list, _change_list, _change_list, _change_contacts, _change_contacts, _change_contacts,
        _change_membership, _add_campaign, _add_campaign, _change_campaign, _change_campaign, _change_campaign,
        _remove_campaign, _add_sub, _remove_sub, _change_sub, _change_sub, _change_credits, _change_credits, _move,
    )  # fmt: skip
