"""What the state knows is asked for at once: no read of it waits for the account to say that it is still there."""

from __future__ import annotations

import pytest

from smsops.kinds.list import ContactList
from smsops.kinds.view import Resource, View
from smsops.model.plan import UPDATE, Change
from smsops.model.resources import Present
from tests.engine.world import world
from tests.harness import Stack
from tests.kinds.contract import as_the_master

READS = {
    ("getInfo", None),
    ("getSubAccounts", None),
    ("getLists", None),
    ("getLists", "paris"),
    ("getContacts", None),
    ("getContacts", "paris"),
}


@pytest.fixture
def applied(stack: Stack) -> Stack:
    stack.write(world())
    stack.apply()
    stack.calls()
    return stack


def asked(stack: Stack) -> list[tuple[str, str | None]]:
    return [(call.method, call.sub_account) for call in stack.calls()]


@pytest.mark.parametrize("method", ["getSubAccounts", "getLists"])
def test_no_read_waits_for_another(applied: Stack, method: str) -> None:
    """All goes out while an answer that others stand behind is still awaited, and nothing goes out twice."""
    applied.timeout = 0.05
    applied.sandbox.fail(method, "hang")

    assert applied.changes() == {}
    calls = asked(applied)
    assert set(calls[: len(READS)]) == READS
    assert [name for name, _ in calls[len(READS) :]] == [method]  # the one that had no answer, again


def test_a_wrong_key_is_not_tried_on_everything(applied: Stack) -> None:
    """Once the account has refused, what is foreseen is not asked for any more."""
    applied.write({**world(), "settings": {"parallelism": 2}})
    applied.environment["ALLMYSMS_API_KEY"] = "wrong"

    assert applied.run("plan").exit_code == 1
    assert {account for _, account in asked(applied)} == {None}


def test_what_is_gone_is_asked_for_in_vain(applied: Stack) -> None:
    """Where the account is not as the state has it, the plan is as good."""
    as_the_master(applied, "deleteSubAccount", loginToDelete="paris")

    plan = applied.plan()
    assert plan["unknown"] == []
    assert {change["address"]: change["change"]["actions"] for change in plan["resource_changes"]} == {
        "sub_account.paris": ["create"],
        "paris/list.vip": ["create"],
        "paris/contacts.vip": ["update"],
    }
    assert set(asked(applied)) >= READS
    applied.apply()
    assert applied.changes() == {}


def test_a_list_that_is_gone(applied: Stack) -> None:
    """The contacts of a list that somebody deleted are asked for in vain, and the list is made again with them."""
    as_the_master(applied, "deleteList", listName="vip")

    assert applied.plan()["unknown"] == []
    applied.apply()
    assert applied.changes() == {}


class Restless(ContactList):
    """Lists that are never as they are wanted."""

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        return Change(resource.address, UPDATE, "configuration_changed", {"locked": True}, {"locked": False})


def test_a_rehearsal_looks_where_nothing_was(applied: Stack) -> None:
    """What could not be read because it was not there is read in the copy in which it has been made."""
    as_the_master(applied, "deleteSubAccount", loginToDelete="paris")
    applied.kinds = tuple(Restless() if kind.name == "list" else kind for kind in applied.kinds)

    rehearsed = applied.run("rehearse", "--format", "json", "--target", "paris/list.vip").document

    left = [change["address"] for change in rehearsed["next_plan"]["resource_changes"]]
    assert left == ["paris/list.vip"]


def test_only_what_is_wanted_is_foreseen(applied: Stack) -> None:
    """What leaves, and what a target leaves out, is not asked for."""
    applied.changes("--target", "list.vip")
    assert ("getLists", "paris") not in asked(applied)
    applied.changes("--destroy")
    assert {name for name, _ in asked(applied)} <= {"getInfo", "getSubAccounts", "getLists"}
