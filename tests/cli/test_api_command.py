"""`smsops api`: one raw call, masked, and never one that changes something by accident."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness import API_KEY, Stack
from tests.kinds.contract import assert_discreet, inline, people, phone


@pytest.fixture
def stack(tmp_path: Any) -> Any:
    made = Stack(tmp_path)
    contacts = inline(*people(range(3), NAME="Marie"))
    made.write({"lists": {"vip": {"fields": {"NAME": {}}, "contacts": contacts}}})
    made.apply()
    made.calls()
    yield made
    made.close()


def test_a_read_prints_the_answer_without_numbers_and_keys(stack: Stack) -> None:
    """The answer is shown as it came, but for the API key and the digits of phones."""
    contacts = stack.run("api", "getContacts", "listName=vip")
    info = stack.run("api", "getinfo")
    lists = stack.run("api", "getLists")

    assert [one["Name"] for one in contacts.document["Contacts"]] == ["Marie"] * 3
    assert API_KEY not in info.stdout
    assert lists.document["Lists"][0]["CreationDate"].startswith("2026-11-22")
    assert_discreet(contacts.stdout, phones=map(phone, range(3)), secrets=[API_KEY])

    in_full = stack.run("--show-contacts", "api", "getContacts", "listName=vip")
    assert [one["MobilePhone"] for one in in_full.document["Contacts"]] == [phone(number) for number in range(3)]
    assert API_KEY not in stack.run("--show-contacts", "api", "getinfo").stdout


def test_a_call_that_changes_something_asks_first(stack: Stack) -> None:
    """Where nobody can be asked it takes --auto-approve, and makes no call without it."""
    refused = stack.run("api", "deleteList", "listName=vip")
    assert refused.exit_code == 1
    assert stack.calls() == []

    assert stack.run("api", "deleteList", "listName=vip", "--auto-approve").exit_code == 0
    assert stack.writes() == ["deleteList"]


def test_a_value_comes_from_a_file(stack: Stack) -> None:
    """NAME=@FILE takes what a payload is made of from a file."""
    data = {"DATA": {"LISTNAME": "vip", "CONTACT": [{"MOBILEPHONE": phone(9), "NAME": "Luc"}]}}
    (stack.root / "data.json").write_text(json.dumps(data), "utf-8")

    result = stack.run("api", "populateList", "populateData=@data.json", "--auto-approve")

    assert result.document["Success"] == 1
    assert stack.run("api", "populateList", "populateData=@nothing", "--auto-approve").exit_code == 1


def test_what_is_wrong_is_said(stack: Stack) -> None:
    """A method that there is not, a parameter that is none; what the API refuses is its answer."""
    assert 'Did you mean "getInfo"?' in stack.run("api", "getnfo").stderr
    assert "NAME=VALUE" in stack.run("api", "getContacts", "vip").stderr


@pytest.mark.parametrize("output", ["json", "xml"])
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (("deleteList", "listName=nobody", "--auto-approve"), "SMS302"),
        (("deleteCampaign", "campId=nobody", "--auto-approve"), "SMS302"),
        (("getContacts", "listName=nobody"), "SMS30"),
        (("getInfo", "subaccount=nobody"), "SMS30"),
    ],
)
def test_a_no_is_shown_and_ends_with_1(stack: Stack, call: tuple[str, ...], says: str, output: str) -> None:
    """What the API refuses is its answer, on standard output; the error and the exit code say that it is a no."""
    result = stack.run("api", *call, "--format", output)

    assert result.exit_code == 1
    assert result.stdout.strip()
    assert says in result.stderr


@pytest.mark.parametrize("output", ["json", "xml"])
def test_a_yes_ends_with_0(stack: Stack, output: str) -> None:
    """No answer that is no clear no is taken for one: nothing to list, an account in words, counts of contacts."""
    for call in (
        ("getInfo",),
        ("getSubAccounts",),
        ("getBlacklist",),
        ("populateList", 'populateData={"DATA": {"LISTNAME": "vip", "CONTACT": [{"MOBILEPHONE": "0612345678"}]}}'),
    ):
        result = stack.run("api", *call, "--auto-approve", "--format", output)
        assert result.exit_code == 0, result.stderr
