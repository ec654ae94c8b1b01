"""Unreadable is not absent: what could not be read is left alone, and the rest is done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.world import ADDRESSES, CHANGED, assert_world, incomplete, world
from tests.harness import Stack
from tests.kinds.contract import mutating

SPOILT = (
    "drop_before",
    "drop_after",
    "hang",
    "hang_after",
    "error_before",
    "error_after",
    "html",
    "empty",
    "truncated",
    "garbage",
    "throttle",
)
INSIDE = frozenset(address for address in ADDRESSES if address.startswith("paris/"))
UNKNOWN = {
    "getSubAccounts": {"sub_account.paris", *INSIDE},
    "getLists": set(ADDRESSES) - {"sub_account.paris", "paris/credits"},
    "getContacts": {"campaign.hello", "contacts.vip", "paris/campaign.hello", "paris/contacts.vip"},
    "getBlacklist": {"campaign.hello", "paris/campaign.hello"},
    "getCreditsByCountryIsoCode": {"campaign.hello", "paris/campaign.hello"},
}
"""What is unknown where a method cannot be read (a campaign asks for its price and the blacklist when it changes)."""


def spoil(stack: Stack, method: str, kind: str) -> None:
    if kind.startswith("hang"):
        stack.timeout = 0.05
    stack.sandbox.fail(method, kind, times=99, retry_after=9999 if kind == "throttle" else None)


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("method", sorted(UNKNOWN))
def test_the_rest_is_planned_and_done(stack: Stack, method: str, kind: str) -> None:
    """Plan ends with 1 and shows the rest, apply does the rest and ends with 3, and nothing unknown is touched."""
    stack.write(world())
    stack.apply()
    stack.write({**world(**CHANGED), "settings": {"price_ttl": "0s"}})  # else prices are known
    everything = set(stack.changes())
    stack.calls()
    spoil(stack, method, kind)
    result = stack.run("plan", "--format", "json")
    document = result.document
    assert (result.exit_code, document["errored"]) == (1, True)
    unknown = UNKNOWN[method]
    assert set(document["unknown"]) - unknown <= {"list.vip", "paris/list.vip"}
    assert unknown <= set(document["unknown"])
    assert {change["address"] for change in document["resource_changes"]} == everything - set(document["unknown"])
    before = stack.sandbox.snapshot()
    result = incomplete(stack, "--format", "json")
    assert result.events[-1]["failed"] == []
    done = {operation["address"] for operation in document["operations"]}
    assert set(result.events[-1]["done"]) == done
    _assert_untouched(before, stack.sandbox.snapshot(), method)
    stack.sandbox.clear_faults()
    stack.apply()
    assert_world(stack, people=5, grants=2)


@pytest.mark.parametrize("method", sorted(UNKNOWN))
def test_nothing_is_deleted_because_of_it(stack: Stack, method: str) -> None:
    """What has left the configuration is not deleted while it, or what it stands in, cannot be read."""
    stack.write(world())
    stack.apply()
    stack.write({})
    spoil(stack, method, "error_before")
    if method in ("getContacts", "getBlacklist", "getCreditsByCountryIsoCode"):
        stack.calls()
        stack.apply()  # a delete asks for none of these
        assert stack.state["resources"] == {}
        return
    before = stack.sandbox.snapshot()
    incomplete(stack)
    after = stack.sandbox.snapshot()
    assert after["accounts"].keys() == before["accounts"].keys()
    if method == "getLists":
        assert after["lists"] == before["lists"]
    stack.sandbox.clear_faults()
    stack.apply()
    assert stack.state["resources"] == {}


@pytest.mark.parametrize("kind", SPOILT)
def test_without_the_master_account_there_is_no_plan(stack: Stack, kind: str) -> None:
    """Where the master account cannot be read both plan and apply end with 1, and nothing is done."""
    stack.write(world())
    spoil(stack, "getInfo", kind)
    assert stack.run("plan").exit_code == 1
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr
    assert mutating(stack.calls()) == []


@pytest.mark.parametrize("kind", ["drop_before", "error_after", "html", "empty", "truncated"])
def test_a_read_that_fails_once_is_made_again(stack: Stack, kind: str) -> None:
    """A read that fails for a moment is repeated, and nothing is unknown."""
    stack.write(world())
    stack.apply()
    for method in ("getInfo", "getSubAccounts", "getLists", "getContacts"):
        stack.sandbox.fail(method, kind)
    assert stack.changes() == {}


def test_a_mistake_beside_it(stack: Stack) -> None:
    """A plan with a mistake of its own is not applied, whatever else could not be read."""
    stack.sandbox.add_list("acme", "taken")
    sections = world()
    sections["lists"]["taken"] = {}
    stack.write(sections)
    spoil(stack, "getSubAccounts", "error_before")
    stack.calls()
    incomplete(stack, code=1)
    assert mutating(stack.calls()) == []


def _assert_untouched(before: Any, after: Any, method: str) -> None:
    if method == "getSubAccounts":
        assert after["accounts"]["paris"] == before["accounts"]["paris"]
        assert after["lists"]["paris"] == before["lists"]["paris"]
    elif method in ("getLists", "getContacts"):
        assert after["lists"] == before["lists"]
    if method != "getSubAccounts":
        assert after["campaigns"] == before["campaigns"]
