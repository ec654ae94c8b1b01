"""When an operation fails: its dependents wait, everything else goes on, and the next apply finishes."""

from __future__ import annotations

import json

import pytest

from tests.engine.world import CHANGED, assert_world, incomplete, refuse, world
from tests.harness import Stack


@pytest.mark.parametrize("parallelism", ["1", "8"])
def test_dependents_are_skipped_and_the_rest_is_done(stack: Stack, parallelism: str) -> None:
    """Where one operation fails its dependents are skipped, the others are done, and the state holds what was done."""
    stack.write(world())
    refuse(stack, "createSubAccount")
    result = incomplete(stack, "--format", "json", "--parallelism", parallelism)
    summary = result.events[-1]
    assert summary["failed"] == ["sub_account.paris"]
    assert sorted(summary["skipped"]) == [
        "paris/campaign.hello",
        "paris/contacts.vip",
        "paris/credits",
        "paris/list.vip",
    ]
    assert sorted(summary["done"]) == ["campaign.hello", "contacts.vip", "list.vip"]
    assert sorted(stack.state["resources"]) == ["campaign.hello", "contacts.vip", "list.vip"]
    stack.sandbox.clear_faults()
    stack.apply()
    assert_world(stack)


@pytest.mark.parametrize(
    "method",
    ["createSubAccount", "manageSubAccountCredits", "createList", "populateList", "sendSms"],
)
@pytest.mark.parametrize("after", [0, 1])
def test_every_call_of_a_creation_may_fail(stack: Stack, method: str, after: int) -> None:
    """Whichever call is refused, the next apply finishes, and nothing is done twice."""
    stack.write(world())
    refuse(stack, method, after=after)
    code = 0 if after and method in ("createSubAccount", "manageSubAccountCredits") else 3
    incomplete(stack, code=code)
    stack.sandbox.clear_faults()
    stack.apply()
    assert_world(stack)


@pytest.mark.parametrize(
    "method",
    ["updateSubAccount", "manageSubAccountCredits", "populateList", "deleteCampaign", "sendSms"],
)
def test_every_call_of_a_change_may_fail(stack: Stack, method: str) -> None:
    """Whichever call is refused while things change, the next apply finishes, and nobody gets two messages."""
    stack.write(world())
    stack.apply()
    stack.write(world(**CHANGED))
    refuse(stack, method)
    incomplete(stack)
    stack.sandbox.clear_faults()
    stack.apply()
    assert_world(stack, people=5, grants=2)


@pytest.mark.parametrize("method", ["deleteCampaign", "deleteList", "manageSubAccountCredits", "deleteSubAccount"])
def test_every_call_of_a_destroy_may_fail(stack: Stack, method: str) -> None:
    """Whichever call of a destroy is refused, the next one finishes, and every credit is back."""
    before = stack.sandbox.snapshot()
    stack.write(world())
    stack.apply()
    refuse(stack, method)
    incomplete(stack, "--destroy")
    stack.sandbox.clear_faults()
    stack.apply("--destroy")
    after = stack.sandbox.snapshot()
    assert {**after, "campaigns": []} == before
    assert stack.state["resources"] == {}


def test_text_events_and_exit_code_agree(stack: Stack) -> None:
    """What failed is said with its code, on the text, in the events, and by the exit code."""
    stack.write(world())
    refuse(stack, "createList")
    result = incomplete(stack)
    assert "Apply incomplete. 2 added" in result.stdout
    assert "list.vip: Failed (SMS30" in result.stdout
    assert "paris/contacts.vip: Skipped. It depends on paris/list.vip." in result.stdout
    result = incomplete(stack, "--format", "json")
    kinds = [(event["type"], event.get("address")) for event in result.events]
    assert ("operation_failed", "list.vip") in kinds
    assert ("operation_skipped", "contacts.vip") in kinds
    assert result.events[-1]["exit_code"] == 3


def test_order_respects_dependencies(stack: Stack) -> None:
    """An operation begins only after all that it depends on has ended."""
    stack.write(world())
    order = {operation["id"]: operation["depends_on"] for operation in stack.plan()["operations"]}
    result = stack.apply("--format", "json")
    ended: set[str] = set()
    for event in result.events:
        if event["type"] == "operation_started":
            assert set(order[event["id"]]) <= ended
        elif event["type"] == "operation_done":
            ended.add(event["id"])
    assert ended == set(order)


def test_nothing_sensitive_is_said(stack: Stack) -> None:
    """Neither secrets nor API keys are in what a failing apply prints."""
    stack.write(world())
    refuse(stack, "sendSms")
    result = incomplete(stack, "--format", "json")
    keys = [account["api_key"] for account in stack.sandbox.snapshot()["accounts"].values()]
    printed = result.stdout + result.stderr + json.dumps(stack.state)
    assert not [secret for secret in (*keys, stack.environment["PASSWORD"]) if secret in printed]
