"""Answers that get lost: creates, deletes and batches are settled by reading back, with exactly one effect."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.world import CHANGED, assert_world, incomplete, world
from tests.harness import LOGIN, Stack
from tests.kinds.contract import contacts_of, inline, people, person, phone

LOST = ("drop_before", "drop_after", "hang_after", "error_before", "error_after", "html_after", "empty", "truncated")
CREATES = ("createSubAccount", "createList", "populateList")
CHANGES = ("deleteContacts", "deleteCampaign", "updateSubAccount")
DELETES = ("deleteList", "deleteSubAccount", "deleteCampaign")


def lose(stack: Stack, method: str, kind: str, times: int = 1) -> None:
    stack.timeout = 0.1 if kind.startswith("hang") else stack.timeout
    stack.sandbox.fail(method, kind, times=times)


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("method", CREATES)
def test_creates(stack: Stack, method: str, kind: str) -> None:
    """A create whose answer is lost is looked for, and made again only where it is not there."""
    stack.write(world())
    lose(stack, method, kind)
    stack.apply()
    assert_world(stack)


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("method", CHANGES)
def test_changes(stack: Stack, method: str, kind: str) -> None:
    """A change whose answer is lost has its effect exactly once."""
    sections = world()
    stack.write(sections)
    stack.apply()
    changed = world(**CHANGED)
    for owner in (changed, changed["sub_accounts"]["paris"]):
        owner["lists"]["vip"]["contacts"][0]["inline"][0]["SHOP"] = "Nice"
    stack.write(changed)
    lose(stack, method, kind)
    stack.apply()
    assert contacts_of(stack, "vip")[phone(100)] == {"SHOP": "Nice"}
    assert_world(stack, people=5, grants=2)


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("method", DELETES)
def test_deletes(stack: Stack, method: str, kind: str) -> None:
    """A delete whose answer is lost is looked for, and made again only where it is still there."""
    before = stack.sandbox.snapshot()
    stack.write(world())
    stack.apply()
    lose(stack, method, kind)
    stack.apply("--destroy")
    assert {**stack.sandbox.snapshot(), "campaigns": []} == before
    assert stack.state["resources"] == {}


@pytest.mark.parametrize("kind", LOST)
def test_renames(stack: Stack, kind: str) -> None:
    """A rename whose answer is lost is looked for under the new login."""
    inside: dict[str, Any] = {"lists": {"vip": {"contacts": inline(*people(range(2)))}}}
    stack.write({"sub_accounts": {"paris": person(**inside)}})
    stack.apply()
    lose(stack, "updateSubAccount", kind)
    stack.write({"sub_accounts": {"paris": person(login="lutetia", **inside)}})
    stack.apply()
    assert stack.sandbox.snapshot()["accounts"].keys() == {LOGIN, "lutetia"}
    assert len(contacts_of(stack, "vip", "lutetia")) == 2
    assert stack.changes() == {}


@pytest.mark.parametrize("method", ["populateList", "deleteContacts"])
def test_half_a_batch(stack: Stack, method: str) -> None:
    """A batch of which the API took half before the connection broke is completed, without doubling anybody."""
    _write_people(stack, range(3000))
    if method == "deleteContacts":
        stack.apply()
        _write_people(stack, range(2900, 3100))
    stack.sandbox.fail(method, "partial", times=2)
    stack.apply()
    expected = range(3000) if method == "populateList" else range(2900, 3100)
    assert contacts_of(stack, "vip").keys() == {phone(number) for number in expected}
    assert stack.changes() == {}


@pytest.mark.parametrize("method", ["createSubAccount", "createList", "populateList"])
def test_answers_that_stay_away(stack: Stack, method: str) -> None:
    """A create that keeps failing is given up, fails, and is finished by the next apply."""
    stack.write(world())
    lose(stack, method, "error_before", times=99)
    incomplete(stack)
    stack.sandbox.clear_faults()
    stack.apply()
    assert_world(stack)


@pytest.mark.parametrize(("method", "read"), [("createSubAccount", "getSubAccounts"), ("createList", "getLists")])
def test_reading_back_fails_too(stack: Stack, method: str, read: str) -> None:
    """Where what was created cannot be read back, it fails, and is found to be our own by the next apply."""
    stack.write(world())
    stack.sandbox.fail(method, "drop_after")
    document = stack.plan()
    assert document["errored"] is False
    reads = sum(1 for call in stack.calls() if call.method == read)
    stack.sandbox.fail(read, "error_before", after=reads, times=99)
    incomplete(stack)
    stack.sandbox.clear_faults()
    stack.apply()
    assert_world(stack)


def _write_people(stack: Stack, numbers: range) -> None:
    (stack.root / "vip.csv").write_text("\n".join(["phone", *(phone(n) for n in numbers)]), "utf-8")
    stack.write({"lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}})
