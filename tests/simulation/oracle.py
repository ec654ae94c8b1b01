"""What must hold after every run, and what once a run has ended well: the invariants of the design, checked from outside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

from tests.harness import API_KEY, LOGIN, READS, Result
from tests.kinds.contract import PERSON, phone
from tests.properties.stacks import FOREIGN, assert_foreign_untouched, credits_of
from tests.simulation.author import PEOPLE, Account, Author, Campaign, ContactList, Row
from tests.simulation.stage import DIED, Stage

LOST = "?"
EXIT_CODES = frozenset((0, 1, 2, 3, 4, 5, 6, 7))
PARIS = ZoneInfo("Europe/Paris")
_DEAREST = 2 * 15 * PEOPLE
"""What a campaign to a small list costs at most."""


class Violation(AssertionError):
    """An invariant does not hold."""


def demand(holds: object, invariant: str, what: str) -> None:
    if not holds:
        raise Violation(f"{invariant}: {what}")


@dataclass
class _Known:
    """A list as it was when the last edit had been applied, and who must not get lost in it."""

    names: set[tuple[Account, str]]
    rows: dict[str, Row]


@dataclass
class _Ledger:
    """What an account has got: in all when the last edit had been applied, and the grants that are moved."""

    total: int = 0
    moved: set[str] = field(default_factory=set)
    used: int = 0
    balance: int = 0


class Oracle:
    """Knows what the configuration says, what was live before, and what others did."""

    def __init__(self, stage: Stage, author: Author) -> None:
        self.stage = stage
        self.author = author
        self.before = stage.sandbox.snapshot()
        self.constant = credits_of(self.before)
        self.lost: set[str] = set()
        """Tags of campaigns of which a part has an id that nobody knows."""
        self._lists: dict[ContactList, _Known] = {}
        self._ledgers: dict[Account, _Ledger] = {}
        self._logins: dict[Account, set[str]] = {}
        count = 4300 if author.large else PEOPLE
        self._phones = {phone(n)[-9:] for n in range(count)} | {PERSON["mobile"][-9:]}
        self.was_empty = True

    # -- what changes -----------------------------------------------------------------------

    def others_did(self, *, used: tuple[Account, int] | None = None) -> None:
        """Others have changed something; `used` are credits that they spent."""
        self.before = self.stage.sandbox.snapshot()
        if used is not None:
            account, amount = used
            self.constant -= amount
            self._ledger(account).used += amount

    def edited(self) -> None:
        """The configuration says something else from now on."""
        self.before = self.stage.sandbox.snapshot()
        for known in self._lists.values():
            known.rows = self._live_rows(known, self.before)
        for account in self.author.accounts:
            self._logins.setdefault(account, set()).add(account.login)
            ledger = self._ledger(account)
            login = self._login(account, self.before)
            ledger.balance = self.before["accounts"][login]["credits"] if login else 0
            for one in account.lists:
                known = self._lists.setdefault(one, _Known(set(), {}))
                known.names.add((account, one.remote_name))

    def applied(self) -> None:
        """What the configuration says is live; from here the next edit starts."""
        live = self.stage.sandbox.snapshot()
        accounts = self.author.accounts
        self._logins = {account: {account.login} for account in accounts}
        self._lists = {one: _Known({(account, one.remote_name)}, {}) for account in accounts for one in account.lists}
        for account in self.author.subs:
            ledger = self._ledger(account)
            ledger.total = self._total(account, live)
            ledger.moved |= self._due(account).keys()
        self._ledgers = {account: self._ledger(account) for account in accounts}

    def _ledger(self, account: Account) -> _Ledger:
        return self._ledgers.setdefault(account, _Ledger())

    def _due(self, account: Account) -> dict[str, int]:
        """The grants that the configuration gives an account by now, without those that were moved."""
        return dict(self._grants(account))

    def _grants(self, account: Account) -> Iterator[tuple[str, int]]:
        credits, moved = account.credits or {}, self._ledger(account).moved
        for name, amount in credits.get("grants", {}).items():
            if name not in moved:
                yield name, amount
        if "allowance" in credits:
            today = self.stage.now().astimezone(PARIS)
            for month in range(2026 * 12 + 9, today.year * 12 + today.month):
                name = f"{month // 12}-{month % 12 + 1:02}"
                if name not in moved:
                    yield name, credits["allowance"]["amount"]

    def _login(self, account: Account, live: Any) -> str | None:
        if account.key is None:
            return LOGIN
        return next((login for login in sorted(self._logins.get(account, ())) if login in live["accounts"]), None)

    def _total(self, account: Account, live: Any) -> int:
        """All that an account has ever got: what it has, what it has spent, and what others spent of it."""
        login = self._login(account, live)
        if login is None:
            return 0
        spent = sum(one["credits"] for one in live["campaigns"] if one["login"] == login and one["status"] != "deleted")
        return int(live["accounts"][login]["credits"] + spent + self._ledger(account).used)

    def _live_rows(self, known: _Known, live: Any) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for account, name in known.names:
            for login in self._logins.get(account, ()):
                found = live["lists"].get(login, {}).get(name)
                rows |= found["contacts"] if found else {}
        return rows

    # -- after every run --------------------------------------------------------------------

    def after_run(self, result: Result) -> None:
        """What holds however a run ended, and wherever its process died."""
        live = self.stage.sandbox.snapshot()
        self._watch_output(result, live)
        self._find_lost()
        self._nothing_twice(live)
        self._credits_conserved(live)
        self._credits_once(live)
        self._nobody_lost(live)
        _checked("I5", assert_foreign_untouched, self.before, live)
        for code in self.stage.intruders:
            demand(code == 6, "I6", f"an apply beside another one ended with {code}")
        self.stage.intruders.clear()

    def _watch_output(self, result: Result, live: Any) -> None:
        demand(result.exit_code in EXIT_CODES or result.exit_code == DIED, "I9", f"exit code {result.exit_code}")
        printed = result.stdout + result.stderr
        demand("Traceback" not in printed and "SMS499" not in printed, "I9", f"a traceback: {said(result)}")
        plans = [path.read_text("utf-8") for path in sorted(self.stage.root.glob("*.smsplan"))]
        text = "\n".join((printed, self.stage.kept(), *plans))
        secrets = [API_KEY, *(self.stage.environment[name] for name in ("PASSWORD", "OTHER"))]
        secrets += [account["api_key"] for account in live["accounts"].values()]
        demand(not any(secret in text for secret in secrets), "I7", "a secret was printed or stored")
        for digits in set(re.findall(r"\d{9,}", text)):
            windows = {digits[start : start + 9] for start in range(len(digits) - 8)}
            demand(not windows & self._phones, "I7", f"a phone number that ends with {digits[-2:]}")

    def _find_lost(self) -> None:
        if f'"{LOST}"' not in self.stage.kept():
            return
        for entry in self.stage.look().entries.values():
            if any(part["campaign_id"] == LOST for part in entry.attributes.get("parts", ())):
                self.lost.add(str(entry.attributes["message"]).split(" ")[0])

    def _nothing_twice(self, live: Any) -> None:
        for tag, messages in _messages(live).items():
            twice = [number for number, texts in messages.items() if len(texts) > 1]
            demand(not twice, "I1", f"{len(twice)} recipients of {tag} have two messages")

    def _credits_conserved(self, live: Any) -> None:
        forfeited = sum(
            one["credits"]
            for one in live["campaigns"]
            if one["status"] == "deleted" and _tag(one) in self.lost and one["id"] not in self.stage.witness.cancelled
        )
        there = credits_of(live) + forfeited
        demand(there == self.constant, "I1", f"{there} credits, there should be {self.constant}")

    def _credits_once(self, live: Any) -> None:
        for account in self.author.subs:
            if self._login(account, live) is None:
                continue
            delta = self._total(account, live) - self._ledger(account).total
            if account.credits and "keep" in account.credits:
                demand(delta >= 0, "I1", f"{account.login} lost {-delta} credits")
                continue
            amounts = list(self._due(account).values())
            sums = {sum(chosen) for size in range(len(amounts) + 1) for chosen in combinations(amounts, size)}
            demand(delta in sums, "I1", f"{account.login} got {delta} credits, due were {amounts}")

    def _nobody_lost(self, live: Any) -> None:
        backups: str | None = None
        for account in self.author.accounts:
            for one in account.lists:
                known = self._lists[one]
                kept = known.rows.keys() if one.rows is None or not one.exact else known.rows.keys() & one.rows.keys()
                missing = kept - self._live_rows(known, live).keys()
                if missing and backups is None:
                    backups = self.stage.backed_up()
                gone = [number for number in missing if number not in (backups or "")]
                demand(not gone, "I2", f"{len(gone)} contacts of {one.key} of {account.login} are lost")

    def is_lost(self, message: object) -> bool:
        """Whether this is of a campaign that cannot be cancelled, because nobody knows its id."""
        return str(message).split(" ")[0] in self.lost

    # -- once a run has ended well ----------------------------------------------------------

    def after_success(self) -> None:
        """The account is what the configuration says, and nothing is left over."""
        live = self.stage.sandbox.snapshot()
        accounts = self.author.accounts
        logins = {account.login for account in accounts}
        demand(live["accounts"].keys() == logins | {FOREIGN}, "I4", f"accounts {sorted(live['accounts'])}")
        for account in accounts:
            self._account_is_right(account, live)
        tags = {campaign.tag for _, campaign in self.author.campaigns()}
        for one in live["campaigns"]:
            stays = one["status"] != "scheduled" or _tag(one) in tags | self.lost or one["login"] == FOREIGN
            demand(stays, "I4", f"the campaign {_tag(one)} is not in the configuration and still scheduled")
        left = [
            name
            for name in (*self.stage.disk.logs, *self.stage.disk.blobs)
            if name.startswith(("journal/", "backups/"))
        ]
        demand(not left, "I4", f"left over: {left}")
        intents = self.stage.look().intents if self.stage.disk.blobs else {}
        demand(not intents, "I4", f"ended with 0, and in doubt: {list(intents.values())}")

    def _account_is_right(self, account: Account, live: Any) -> None:
        found = live["accounts"][account.login]
        if account.city is not None:
            demand(found["fields"]["CITY"] == account.city, "I4", f"the city of {account.login}")
        if account.key is not None:
            password = self.stage.environment[account.password]
            demand(found["fields"].get("PASSWORD", password) == password, "I4", f"the password of {account.login}")
            self._credits_are_right(account, live)
        lists = live["lists"][account.login]
        names = {one.remote_name for one in account.lists}
        demand(lists.keys() - {FOREIGN} == names, "I4", f"lists of {account.login}: {sorted(lists)}")
        for one in account.lists:
            self._list_is_right(one, lists[one.remote_name])
        for campaign in account.campaigns:
            self._campaign_is_right(account, campaign, live)

    def _credits_are_right(self, account: Account, live: Any) -> None:
        ledger, balance = self._ledger(account), live["accounts"][account.login]["credits"]
        delta = self._total(account, live) - ledger.total
        keep = (account.credits or {}).get("keep")
        if keep is None:
            due = sum(self._due(account).values())
            demand(delta == due, "I1", f"{account.login} got {delta} credits, due were {due}")
            return
        demand(balance >= keep["at_least"], "I4", f"{account.login} has {balance}, at least {keep['at_least']}")
        back = sum(
            one["credits"] for one in live["campaigns"] if one["login"] == account.login and one["status"] == "deleted"
        )
        missed = sum(1 for one in account.campaigns if one.schedule <= self.stage.now())
        # What is topped up for a campaign that is then missed stays; it is far less than another top-up.
        most = max(ledger.balance, keep["top_up_to"]) + back + missed * _DEAREST
        demand(balance <= most, "I1", f"{account.login} has {balance}, {most} at most")

    def _list_is_right(self, wanted: ContactList, found: Any) -> None:
        demand(found["locked"] == bool(wanted.locked), "I4", f"the lock of {wanted.key}")
        fields = {one["name"]: (one["filter"], one["mailing"]) for one in found["fields"]}
        flags = {name: (options.get("filter", False), False) for name, options in wanted.fields.items()}
        demand(fields == flags, "I4", f"the fields of {wanted.key}: {fields}")
        rows = wanted.rows or {}
        contacts = found["contacts"]
        if wanted.rows is not None and wanted.exact:
            demand(contacts.keys() == rows.keys(), "I4", f"the contacts of {wanted.key}")
        expected = {**self._lists[wanted].rows, **rows}
        if wanted.rows is not None and wanted.exact:
            expected = rows
        for number, row in expected.items():
            demand(number in contacts, "I2", f"a contact of {wanted.key} is missing")
            same = all(contacts[number][name] == row[name] for name in ("NAME", "SHOP"))
            demand(same, "I2", f"the values of a contact of {wanted.key}: {contacts[number]} instead of {row}")

    def _campaign_is_right(self, account: Account, campaign: Campaign, live: Any) -> None:
        mine = [one for one in live["campaigns"] if _tag(one) == campaign.tag and one["status"] != "deleted"]
        open_ = all(one["status"] == "scheduled" for one in mine)
        if campaign.tag in self.lost or not open_ or campaign.schedule <= self.stage.now() or not campaign.declared:
            return
        sent = {r["phone"]: _as_written(r["text"], live["links"]) for one in mine for r in one["recipients"]}
        blacklist = set(live["blacklists"][account.login])
        expected = reached(campaign, live["lists"][account.login])
        sent = {number: text for number, text in sent.items() if number not in blacklist}
        expected = {number: text for number, text in expected.items() if number not in blacklist}
        demand(
            sent.keys() == expected.keys(),
            "I4",
            f"{campaign.key} goes to {len(sent)} people, {len(expected)} should get it",
        )
        demand(sent == expected, "I4", f"{campaign.key} says something else")
        date = f"{campaign.schedule.astimezone(PARIS):%Y-%m-%d %H:%M:%S}"
        demand(all(one["date"] == date for one in mine), "I4", f"the date of {campaign.key}")

    def only_lost(self, plan: Result) -> bool:
        """Whether nothing is left to do but what cannot be done: a campaign that nobody can cancel is to change or to go."""
        if plan.exit_code != 1 or plan.document["resource_changes"] or plan.document["in_doubt"]:
            return False
        errors = [item for item in plan.document["diagnostics"] if item["severity"] == "error"]
        messages = {str(entry.address): entry.attributes.get("message") for entry in self.stage.look().entries.values()}
        return all(item["code"] == "SMS247" and self.is_lost(messages.get(item["address"])) for item in errors)

    def after_plan(self, plan: Result) -> None:
        """The plan after a success is empty, and makes no read that it does not need."""
        done = plan.exit_code == 0 or self.only_lost(plan)
        demand(done, "I4", f"the next plan ends with {plan.exit_code}: {said(plan)}")
        changes = {one["address"]: one["change"]["actions"] for one in plan.document["resource_changes"]}
        demand(not changes, "I4", f"the next plan has changes: {changes}")
        calls = Counter(call.method for call in self.stage.calls())
        demand(not calls.keys() - READS, "I8", f"a plan that writes: {sorted(calls.keys() - READS)}")
        owners = [account for account in self.author.accounts if account.lists]
        there = {_tag(live) for live in self.stage.sandbox.campaigns() if live["status"] != "deleted"}
        pending = [
            (account, one)
            for account, one in self.author.campaigns()
            if one.tag in self.lost or one.tag not in there  # what cannot be cancelled waits to be scheduled again
        ]
        declared = sum(1 for account in owners for one in account.lists if one.rows is not None)
        wanted = {one for _, campaign in pending for one in (*campaign.lists, *campaign.excluded) if one.rows is None}
        most = {
            "getInfo": 1,
            "getSubAccounts": 1 if self.author.subs else 0,
            "getLists": len(owners),
            "getContacts": declared + len(wanted),
            "getBlacklist": len({account for account, _ in pending}),
            "getCreditsByCountryIsoCode": 1 if pending else 0,
        }
        for method, count in calls.items():
            demand(count <= most.get(method, 0), "I8", f"{count} {method}, {most.get(method, 0)} at most")


def reached(campaign: Campaign, lists: Any) -> dict[str, str]:
    """Who should get a campaign, and with which text: written down once more, without parts and without haste."""
    people: dict[str, Row] = {}
    for one in campaign.lists:
        people = {**lists[one.remote_name]["contacts"], **people}
    if campaign.where and campaign.lists:
        people = {number: row for number, row in people.items() if _meets(campaign.where, row)}
    people = {**{number: {} for number in campaign.phones}, **people}
    gone = {number for one in campaign.excluded for number in lists[one.remote_name]["contacts"]}
    return {number: _text(campaign.message, row) for number, row in people.items() if number not in gone}


def _meets(where: str, row: Row) -> bool:
    name, shop = row.get("NAME", ""), row.get("SHOP", "")
    return shop == "Lyon" if where.startswith("SHOP") else bool(name) or not shop


def _text(message: str, row: Row) -> str:
    filled = re.sub(r"(?<!\{)\{(\w+)\}(?!\})", lambda match: row.get(match[1], ""), message)
    return filled.replace("{{", "{").replace("}}", "}")


def _as_written(text: str, links: Any) -> str:
    """A text with the addresses that its short links lead to."""
    for short, address in links.items():
        text = text.replace(short, f"{{short:{address}}}")
    return text


def _tag(campaign: Any) -> str:
    return str(campaign["message"]).split(" ")[0]


def _messages(live: Any) -> dict[str, dict[str, list[str]]]:
    """Who has which messages from each campaign, cancelled ones left out."""
    found: dict[str, dict[str, list[str]]] = {}
    for one in live["campaigns"]:
        if one["status"] != "deleted":
            texts = found.setdefault(_tag(one), {})
            for recipient in one["recipients"]:
                texts.setdefault(recipient["phone"], []).append(recipient["text"])
    return found


def _checked(invariant: str, check: Any, *arguments: Any) -> None:
    try:
        check(*arguments)
    except AssertionError as error:
        raise Violation(f"{invariant}: {error}") from error


def mutating(methods: Iterable[str]) -> list[str]:
    return [method for method in methods if method not in READS]


def said(result: Result) -> str:
    """The end of what a command printed, without what differs from one time to the next."""

    def plain(text: str) -> str:
        return re.sub(r'"timestamp": "[^"]*"|"seconds": [\d.]+|\d+\.\d s\b', "...", text)

    return f"{plain(result.stderr)[-600:]} {plain(result.stdout)[-1500:]}"
