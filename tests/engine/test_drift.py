"""Drift: what was changed outside of the configuration is told, and taken note of where that is asked; what the configuration
has changed is never taken for it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import READS, Stack
from tests.kinds.contract import as_the_master, assert_discreet, inline, people, person, phone
from tests.properties.stacks import inhabited, stacks

STACK: dict[str, Any] = {
    "sub_accounts": {
        "north": person(
            city="Paris", credits={"grants": {"start": 100}}, lists={"shop": {"contacts": inline(*people(range(2)))}}
        )
    },
    "lists": {
        "vip": {"fields": {"CITY": {}}, "contacts": inline(*people(range(3), CITY="Lyon"))},
        "open": {"membership": "additive", "contacts": inline(*people(range(4, 6)))},
        "bare": {},
    },
    "campaigns": {
        "hello": {"message": "Hello. STOP au 36180", "schedule": "2026-11-27 10:00", "audience": {"lists": ["vip"]}}
    },
}

few = settings(max_examples=8)


def member(number: int, **fields: str) -> dict[str, str]:
    return {"MOBILEPHONE": phone(number), **fields}


def contacts(name: str, *rows: dict[str, str]) -> str:
    return json.dumps({"DATA": {"LISTNAME": name, "CONTACT": list(rows)}})


OUTSIDE: dict[str, tuple[Callable[[Stack], None], set[str]]] = {
    "a detail of a sub-account": (
        lambda stack: as_the_master(
            stack, "updateSubAccount", subAccount="north", accountData=json.dumps({"DATA": {"CITY": "Nice"}})
        ),
        {"sub_account.north"},
    ),
    "a contact too many": (
        lambda stack: as_the_master(stack, "populateList", populateData=contacts("vip", member(9, CITY="Nice"))),
        {"contacts.vip"},
    ),
    "a contact missing": (
        lambda stack: as_the_master(stack, "deleteContacts", deleteData=contacts("open", member(4))),
        {"contacts.open"},
    ),
    "a list gone": (
        lambda stack: as_the_master(stack, "deleteList", subAccount="north", listName="shop"),
        {"north/list.shop", "north/contacts.shop"},
    ),
    "credits": (
        lambda stack: as_the_master(stack, "manageSubAccountCredits", subAccount="north", credits="7"),
        set(),
    ),
    "a contact that nobody declared": (
        lambda stack: as_the_master(stack, "populateList", populateData=contacts("bare", member(9))),
        set(),
    ),
    "one more in an additive list": (
        lambda stack: as_the_master(stack, "populateList", populateData=contacts("open", member(9))),
        set(),
    ),
}


@pytest.fixture
def applied(stack: Stack) -> Stack:
    """A stack that has been applied."""
    stack.write(STACK)
    stack.apply()
    stack.calls()
    return stack


def drift(stack: Stack, *options: str, exit_code: int = 0) -> dict[str, Any]:
    """What has drifted, by address; the account is only read, and the state not written."""
    file = stack.root / ".smsops" / "state.json"
    before = file.exists() and file.read_bytes()
    stack.calls()
    result = stack.run("drift", "--format", "json", *options)
    assert result.exit_code == exit_code, (result.exit_code, result.stdout, result.stderr)
    assert {call.method for call in stack.calls()} <= READS
    assert (file.exists() and file.read_bytes()) == before
    document = result.document
    assert document["resource_changes"] == document["operations"] == []
    return {item["address"]: item for item in document["resource_drift"]}


@few
@given(st.sets(st.sampled_from(sorted(OUTSIDE))))
def test_what_was_changed_outside_is_told(names: set[str]) -> None:
    """Drift is just what was changed outside and was declared; it can be recorded, which changes nothing there, or undone."""
    with inhabited() as stack:
        stack.write(STACK)
        stack.apply()
        for name in names:
            OUTSIDE[name][0](stack)
        expected = set().union(*(OUTSIDE[name][1] for name in names))

        assert drift(stack, "--detailed-exitcode", exit_code=2 if expected else 0).keys() == expected
        planned = {item["address"] for item in stack.plan()["resource_drift"]}
        assert planned == expected

        before = stack.sandbox.snapshot()
        stack.apply("--refresh-only")
        assert stack.sandbox.snapshot() == before
        assert drift(stack) == {}

        stack.apply()
        assert stack.changes() == {}
        assert drift(stack) == {}


@few
@given(stacks(), stacks())
def test_the_configuration_is_no_drift(one: dict[str, Any], other: dict[str, Any]) -> None:
    """After an apply nothing has drifted, whatever the configuration says by now."""
    with inhabited() as stack:
        stack.write(one)
        stack.apply()
        stack.calls()
        assert drift(stack) == {}
        stack.write(other)
        assert drift(stack) == {}


def test_drift_says_what_was_and_what_is(applied: Stack) -> None:
    """Both values, the number of contacts and what became of them; no whole number; the text has the same."""
    for name in ("a detail of a sub-account", "a contact too many", "a list gone"):
        OUTSIDE[name][0](applied)

    found = drift(applied)
    assert found["sub_account.north"]["change"]["before"] == {"city": "Paris"}
    assert found["sub_account.north"]["change"]["after"] == {"city": "Nice"}
    assert found["contacts.vip"]["change"]["before"] == {"count": 3}
    assert found["contacts.vip"]["change"]["after"] == {"count": 4}
    assert found["contacts.vip"]["contacts"] == {"add": 1, "change": 0, "remove": 0}
    assert found["north/list.shop"]["change"]["actions"] == ["delete"]

    text = applied.run("drift").stdout
    assert "# sub_account.north has changed" in text
    assert 'city: "Paris" -> "Nice"' in text
    assert "# north/list.shop is gone" in text
    assert text.rstrip().endswith("Drift: 2 changed, 2 gone.")
    assert_discreet(text, phones=[phone(number) for number in range(10)])


def test_contacts_drift_although_the_configuration_changed_too(applied: Stack) -> None:
    """Where both have changed, that the list was changed is told all the same, by its numbers."""
    OUTSIDE["a contact too many"][0](applied)
    changed = {**STACK["lists"]["vip"], "contacts": inline(*people(range(2), CITY="Lyon"))}
    applied.write({**STACK, "lists": {**STACK["lists"], "vip": changed}})

    found = drift(applied)["contacts.vip"]

    assert found["change"]["after"] == {"count": 4}
    assert "contacts" not in found


def test_what_is_ignored_is_no_drift(applied: Stack) -> None:
    """`--ignore` and `lifecycle.ignore_changes` leave drift out, and the exit code with it."""
    OUTSIDE["a detail of a sub-account"][0](applied)

    assert drift(applied, "--ignore", "sub_account.*", "--detailed-exitcode") == {}
    north = {**STACK["sub_accounts"]["north"], "lifecycle": {"ignore_changes": ["city"]}}
    applied.write({**STACK, "sub_accounts": {"north": north}})
    assert drift(applied, "--detailed-exitcode") == {}


def test_a_saved_refresh_records_what_was_reviewed(applied: Stack) -> None:
    """What has drifted on since is not recorded unseen."""
    OUTSIDE["a detail of a sub-account"][0](applied)
    plan = str(applied.root / "plan.json")
    assert applied.run("plan", "--refresh-only", "-o", plan, "--detailed-exitcode").exit_code == 2
    OUTSIDE["a contact too many"][0](applied)

    assert applied.run("apply", plan).exit_code == 5

    as_the_master(applied, "deleteContacts", deleteData=contacts("vip", member(9)))
    result = applied.run("apply", plan)
    assert result.exit_code == 0, result.stderr
    assert "1 recorded" in result.stdout + result.stderr
    assert drift(applied) == {}


def test_unreadable_is_no_drift(applied: Stack) -> None:
    """What cannot be read has not changed nor gone: the command says so and ends with 1."""
    applied.sandbox.fail("getLists", "error_before", times=100)

    result = applied.run("drift", "--format", "json")

    assert result.exit_code == 1
    assert "contacts.vip" in result.document["unknown"]
    assert result.document["resource_drift"] == []
