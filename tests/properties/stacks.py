"""Stacks made up by Hypothesis, and what an account must be like once one of them is applied."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.harness import LOGIN, Stack
from tests.kinds.contract import person, phone

FOREIGN = "somebody-else"
PEOPLE = range(8)
BLACKLISTED = phone(5)
VALUES = ("", "Lyon", "Zoé", "l'été", 'so "to" say', "a;b,c", "<b>&amp;", "5 €", "汉字", "0")
CONDITIONS = (None, None, None, "SHOP = 'Lyon'", "NAME <> '' OR SHOP = ''")
MESSAGES = ("Hello", "Hello {NAME}", "{SHOP}: {NAME} {SHOP}", "€ {NAME} ^ {{ok}} STOP au 36180")

moderate = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def _sometimes(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


_rows = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(VALUES), st.sampled_from(VALUES)),
    max_size=6,
    unique_by=lambda row: row[0],
).map(lambda rows: [{"phone": phone(number), "NAME": name, "SHOP": shop} for number, name, shop in rows])


@st.composite
def _list(draw: st.DrawFn, key: str) -> dict[str, Any]:
    rows = draw(_sometimes(_rows))
    fields: dict[str, Any] = {"NAME": {}, "SHOP": {"filter": draw(st.booleans())}}
    if draw(st.booleans()):
        fields["CITY"] = {}
    return _given(
        name=draw(_sometimes(st.just(f"The {key}"))),
        locked=draw(_sometimes(st.booleans())),
        fields=fields,
        membership=draw(_sometimes(st.sampled_from(["exact", "additive"]))),
        contacts=None if rows is None else [{"inline": rows}],
    )


@st.composite
def _campaign(draw: st.DrawFn, lists: list[str]) -> dict[str, Any]:
    chosen = draw(st.lists(st.sampled_from(lists), unique=True)) if lists else []
    excluded = draw(st.lists(st.sampled_from(lists), unique=True, max_size=1)) if lists else []
    numbers = draw(st.lists(st.sampled_from(PEOPLE), unique=True, min_size=0 if chosen else 1, max_size=2))
    audience = _given(
        lists=chosen or None,
        exclude_lists=excluded or None,
        phones=[phone(number) for number in numbers] or None,
        where=draw(st.sampled_from(CONDITIONS)) if chosen else None,
    )
    return _given(
        message=draw(st.sampled_from(MESSAGES if chosen else MESSAGES[:1])),
        schedule=draw(st.sampled_from(["2026-12-01 10:00", "2026-12-24 18:00"])),
        sender=draw(_sometimes(st.just("ACME"))),
        notify=draw(_sometimes(st.booleans())),
        if_missed="skip",  # a campaign that had nobody to go to is missed when its date comes
        audience=audience,
    )


@st.composite
def _account(draw: st.DrawFn, *, campaigns: bool = True) -> dict[str, Any]:
    """What an account may own: lists and campaigns."""
    lists = {key: draw(_list(key)) for key in draw(st.sets(st.sampled_from(["vip", "staff"])))}
    keys = draw(st.sets(st.sampled_from(["hello", "sale"]))) if campaigns else set()
    made = {key: draw(_campaign(sorted(lists))) for key in sorted(keys)}
    return {**({"lists": lists} if lists else {}), **({"campaigns": made} if made else {})}


_credits = st.one_of(
    st.fixed_dictionaries(
        {
            "grants": st.fixed_dictionaries(
                {"base": st.just(9000)},
                optional={"more": st.sampled_from([1, 500]), "back": st.sampled_from([-1, -200])},
            )
        }
    ),
    st.sampled_from([5000, 7000]),
    st.just({"keep": {"at_least": 4000, "top_up_to": 6000}}),
    st.just({"allowance": {"amount": 5000, "every": "month", "from": "2026-10"}}),
)


@st.composite
def _sub_account(draw: st.DrawFn, key: str) -> dict[str, Any]:
    credits = draw(_sometimes(_credits))
    more = _given(
        login=draw(_sometimes(st.just(f"{key}-renamed"))),
        city=draw(_sometimes(st.sampled_from(["Paris", "Lyon"]))),
        active=draw(_sometimes(st.just(True))),
        credits=credits,
    )
    return person(**more, **draw(_account(campaigns=credits is not None)))


@st.composite
def stacks(draw: st.DrawFn) -> dict[str, Any]:
    """A stack: the master's lists and campaigns, and sub-accounts with theirs and with credits."""
    keys = sorted(draw(st.sets(st.sampled_from(["north", "south"]))))
    accounts = {key: draw(_sub_account(key)) for key in keys}
    return {**draw(_account()), **({"sub_accounts": accounts} if accounts else {})}


@contextmanager
def inhabited() -> Iterator[Stack]:
    """A new stack directory, and an account in which others have a sub-account, lists and campaigns too."""
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(Path(directory) / "stack")
        sandbox = stack.sandbox
        sandbox.style(locked_lists="writable")
        key = sandbox.add_sub_account(LOGIN, FOREIGN, credits=777, city="Nantes")
        for login in (LOGIN, FOREIGN):
            sandbox.add_list(login, FOREIGN, ["NAME"], [{"phone": phone(n), "NAME": "Ada"} for n in range(3)])
        sandbox.blacklist(LOGIN, BLACKLISTED)
        data = '{"DATA":{"MESSAGE":"Theirs","DATE":"2026-12-05 10:00:00","DYNAMIC":"0","SMS":[{"MOBILEPHONE":"%s"}]}}'
        sandbox.answer("sendSms", {"login": FOREIGN, "apiKey": key, "smsData": data % phone(0)})
        stack.calls()
        try:
            yield stack
        finally:
            sandbox.close()


def login_of(key: str | None, sections: dict[str, Any]) -> str:
    return LOGIN if key is None else str(sections["sub_accounts"][key].get("login", key))


def accounts(sections: dict[str, Any]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """The accounts of a stack by key, the master's first."""
    yield None, sections
    yield from sections.get("sub_accounts", {}).items()


def assert_foreign_untouched(before: Any, after: Any) -> None:
    """What the stack does not own is what it was."""
    assert after["accounts"][FOREIGN] == before["accounts"][FOREIGN]
    assert after["lists"][FOREIGN] == before["lists"][FOREIGN]
    assert after["lists"][LOGIN][FOREIGN] == before["lists"][LOGIN][FOREIGN]
    assert after["blacklists"][LOGIN] == before["blacklists"][LOGIN]
    theirs = [[one for one in live["campaigns"] if one["login"] == FOREIGN] for live in (before, after)]
    assert theirs[0] == theirs[1]


def credits_of(live: Any) -> int:
    """All the credits there are, those included that campaigns have taken: sending and moving conserve them."""
    held = sum(account["credits"] for account in live["accounts"].values())
    spent = sum(campaign["credits"] for campaign in live["campaigns"] if campaign["status"] != "deleted")
    return int(held + spent)


def assert_like(sections: dict[str, Any], live: Any) -> None:
    """The account is what the stack says: accounts, lists with their contacts, and everybody's messages once."""
    logins = {login_of(key, sections) for key, _ in accounts(sections)}
    assert live["accounts"].keys() == logins | {FOREIGN}
    texts: Counter[tuple[str, str, str]] = Counter()
    for key, block in accounts(sections):
        login = login_of(key, sections)
        found = live["lists"][login]
        named = {block["lists"][name].get("name", name): block["lists"][name] for name in block.get("lists", {})}
        assert found.keys() - {FOREIGN} == named.keys()
        for name, wanted in named.items():
            _assert_list(wanted, found[name])
        for campaign in block.get("campaigns", {}).values():
            blacklist = set(live["blacklists"][login])
            for number, text in _reached(campaign, block, found, blacklist).items():
                texts[login, number, text] += 1
    sent = Counter(
        (campaign["login"], recipient["phone"], recipient["text"])
        for campaign in live["campaigns"]
        if campaign["status"] != "deleted" and campaign["login"] != FOREIGN
        for recipient in campaign["recipients"]
    )
    assert sent == texts


def _assert_list(wanted: dict[str, Any], found: Any) -> None:
    assert found["locked"] == wanted.get("locked", False)
    fields = {field["name"]: (field["filter"], field["mailing"]) for field in found["fields"]}
    assert fields == {name: (flags.get("filter", False), False) for name, flags in wanted["fields"].items()}
    if "contacts" not in wanted:
        return
    rows = {row["phone"]: row for row in wanted["contacts"][0]["inline"]}
    if wanted.get("membership", "exact") == "exact":
        assert found["contacts"].keys() == rows.keys()
    for number, row in rows.items():
        live = found["contacts"][number]
        assert (live["NAME"], live["SHOP"]) == (row["NAME"], row["SHOP"])


def _reached(
    campaign: dict[str, Any], block: dict[str, Any], lists: dict[str, Any], blacklist: set[str]
) -> dict[str, str]:
    """Who should get a campaign, and with which text: written down once more, without parts and without haste."""
    audience = campaign["audience"]

    def contacts(key: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = lists[block["lists"][key].get("name", key)]["contacts"]
        return found

    people: dict[str, dict[str, str]] = {}
    for key in audience.get("lists", ()):
        people = {**contacts(key), **people}
    where = audience.get("where")
    if where:
        people = {number: row for number, row in people.items() if _meets(where, row)}
    people = {**{number: {} for number in audience.get("phones", ())}, **people}
    gone = {number for key in audience.get("exclude_lists", ()) for number in contacts(key)} | blacklist
    return {number: _text(campaign["message"], row) for number, row in people.items() if number not in gone}


def _meets(where: str, row: dict[str, str]) -> bool:
    name, shop = row.get("NAME", ""), row.get("SHOP", "")
    return shop == "Lyon" if where == CONDITIONS[3] else bool(name) or not shop


def _text(message: str, row: dict[str, str]) -> str:
    filled = re.sub(r"(?<!\{)\{(\w+)\}(?!\})", lambda match: row.get(match[1], ""), message)
    return filled.replace("{{", "{").replace("}}", "}")
