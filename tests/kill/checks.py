"""What must hold, at every moment and at the end of an edit, as far as it can be seen from outside."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kill.account import API_KEY, PASSWORD
from tests.kill.worlds import FOREIGN, MASTER, OUTSIDERS, World


class Violation(Exception):
    """Something that must never be."""


def demand(holds: object, what: str, *details: object) -> None:
    """Raise a Violation unless it holds."""
    if not holds:
        raise Violation(": ".join((what, *(json.dumps(item, ensure_ascii=False, default=str) for item in details))))


@dataclass
class Lost:
    """Campaigns whose ids smsops does not know, so that it can neither change nor cancel them."""

    keys: set[tuple[str, str]] = field(default_factory=set)
    """The login and the key of each."""

    ids: set[str] = field(default_factory=set)

    def add(self, login: str, key: str, live: Any, known: set[str]) -> None:
        """One more; its ids are those that are live now, without those of its parts that are `known`."""
        self.ids |= {
            one["id"]
            for one in live["campaigns"]
            if _is_live(one) and (one["login"], _key(one)) == (login, key) and one["id"] not in known
        }
        self.keys.add((login, key))


def always(start: Any, live: Any, lost: Lost) -> None:
    """What holds even while processes die: no credit is lost, nobody has a message twice, others are left alone."""
    # The platform cancels what a deleted account had scheduled, and keeps what that cost.
    kept = sum(one["credits"] for one in live["campaigns"] if one["id"] in lost.ids and one["status"] == "deleted")
    there = credits_of(live) + kept
    demand(there == credits_of(start), "credits came or went", credits_of(start), there)
    twice = [
        key
        for key, count in Counter(
            (campaign["login"], _key(campaign), recipient["phone"])
            for campaign in _ours(live, lost)
            for recipient in campaign["recipients"]
        ).items()
        if count > 1
    ]
    demand(not twice, "somebody gets a campaign twice", twice)
    demand(live["accounts"][FOREIGN] == start["accounts"][FOREIGN], "others' account was touched")
    demand(live["lists"][FOREIGN] == start["lists"][FOREIGN], "others' lists were touched")
    demand(live["lists"][MASTER][FOREIGN] == start["lists"][MASTER][FOREIGN], "others' list was touched")
    demand(_theirs(live) == _theirs(start), "others' campaigns were touched")


def at_the_end(world: World, live: Any, lost: Lost) -> None:
    """What holds once an apply ran to its end: the account is what the stack says."""
    demand(live["accounts"].keys() == {*world.accounts, FOREIGN}, "accounts", list(live["accounts"]))
    for login, account in world.accounts.items():
        found = live["lists"][login]
        wanted = {item.remote: item for item in account.lists.values()}
        demand(found.keys() - {FOREIGN} == wanted.keys(), f"the lists of {login}", list(found), list(wanted))
        for name, item in wanted.items():
            columns = {column["name"]: column["filter"] for column in found[name]["fields"]}
            structure = {"NAME": False, "SHOP": item.filter, **({"CITY": False} if item.city else {})}
            demand(columns == structure, f"the fields of {login}'s {name}", columns, structure)
            rows = {number: (row["NAME"], row["SHOP"]) for number, row in found[name]["contacts"].items()}
            _demand_equal(rows, item.contacts, f"the contacts of {login}'s {name}")
        sent = Counter(
            (recipient["phone"], recipient["text"])
            for campaign in _ours(live, lost)
            if campaign["login"] == login
            for recipient in campaign["recipients"]
        )
        _demand_equal(
            _counted(sent),
            _counted(account.texts({key for owner, key in lost.keys if owner == login})),
            f"the messages of {login}",
        )
        if login != MASTER:
            demand(live["accounts"][login]["fields"]["CITY"] == account.city, f"the city of {login}")
            granted = sum(account.grants.values())
            demand(received(live, login) == granted, f"the grants of {login}", received(live, login), granted)
    elsewhere = {campaign["login"] for campaign in _ours(live, lost)} - world.accounts.keys()
    demand(not elsewhere, "campaigns of accounts that are gone", list(elsewhere))


def received(live: Any, login: str) -> int:
    """All the credits that an account was given: what it has, and what its campaigns cost."""
    spent = sum(one["credits"] for one in live["campaigns"] if one["login"] == login and one["status"] != "deleted")
    account = live["accounts"].get(login)
    return int(spent + (account["credits"] if account else 0))


def credits_of(live: Any) -> int:
    """All the credits there are: moving, sending and cancelling conserve them."""
    logins = {*live["accounts"], *(campaign["login"] for campaign in live["campaigns"])}
    return sum(received(live, login) for login in logins)


class Discretion:
    """What no file and no output may tell: whole phone numbers and secrets."""

    def __init__(self) -> None:
        self._numbers: set[str] = set()
        self._secrets = {API_KEY, PASSWORD}

    def learn(self, phones: Collection[str], live: Any) -> None:
        """More that is confidential."""
        self._numbers |= {number[-9:] for number in phones}
        self._secrets |= {account["api_key"] for account in live["accounts"].values()}

    def check(self, text: str, where: str) -> None:
        """A text that anybody may read."""
        demand("Traceback" not in text, f"a traceback in {where}", text[-4000:])
        demand(not any(secret in text for secret in self._secrets), f"a secret in {where}")
        shown = {found[1] for found in re.finditer(r"(?=(\d{9}))", text)} & self._numbers
        demand(not shown, f"a whole phone number in {where}")

    def check_files(self, directory: Path, *, finished: bool) -> None:
        """The files of the state: nobody else may read them, and they tell nothing, backups apart.

        When all is `finished` no backup and no journal is left.
        """
        for path in _files(directory):
            name = path.relative_to(directory).as_posix()
            mode = path.stat().st_mode & 0o777
            demand(mode == 0o600, f"{name} has mode {mode:o}")
            backup = "backup" in name
            if not backup:
                self.check(path.read_bytes().decode("utf-8", "replace"), name)
            if finished:
                left = backup or re.search(r"journal|\.new$|\.tmp$", name) is not None
                demand(not left, f"{name} is left behind")


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file())


def _ours(live: Any, lost: Lost) -> list[Any]:
    return [one for one in live["campaigns"] if _is_live(one) and (one["login"], _key(one)) not in lost.keys]


def _is_live(campaign: Any) -> bool:
    return bool(campaign["climsgid"]) and campaign["status"] != "deleted"


def _key(campaign: Any) -> str:
    """The key of a campaign of ours: its marker begins with it."""
    return str(campaign["climsgid"].rpartition("-")[0])


def _theirs(live: Any) -> list[Any]:
    return [one for one in live["campaigns"] if not one["climsgid"]]


def _counted(messages: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """How often each text goes to each number, but for those whom somebody else added to a list.

    A campaign that is scheduled takes no notice of them before it changes for another reason.
    """
    return {key: times for key, times in messages.items() if key[0] not in OUTSIDERS}


def _demand_equal(found: dict[Any, Any], wanted: dict[Any, Any], what: str) -> None:
    if found != wanted:
        missing = {str(key): value for key, value in wanted.items() if found.get(key) != value}
        extra = {str(key): value for key, value in found.items() if wanted.get(key) != value}
        raise Violation(f"{what}: wanted and not there {_some(missing)}; there and not wanted {_some(extra)}")


def _some(items: dict[str, Any]) -> str:
    return json.dumps(dict(list(items.items())[:6]), ensure_ascii=False) + f" ({len(items)})"
