"""Calls whose outcome is unknown: never repeated on a guess, and settled by somebody who looked."""

from __future__ import annotations

from typing import Any

import pytest

from smsops.sandbox.faults import KINDS
from tests.engine.world import CHANGED, assert_world, incomplete, messages, settle, world
from tests.harness import LOGIN, Stack
from tests.kinds.contract import LATER, assert_discreet, balance, inline, mutating, people, person, phone

UNCLEAR = (
    "drop_before",
    "drop_after",
    "hang",
    "hang_after",
    "error_before",
    "error_after",
    "html",
    "html_after",
    "empty",
    "truncated",
    "garbage",
)
SEND: dict[str, Any] = {
    "lists": {"vip": {"contacts": inline(*people(range(3)))}},
    "campaigns": {"hello": {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip"]}}},
}
MOVE = {"sub_accounts": {"paris": person(credits={"grants": {"first": 1000}})}}


ELSEWHERE = 7
"""Credits that somebody else uses meanwhile, so that no balance says what became of a call."""


def in_doubt(stack: Stack, method: str, kind: str) -> None:
    """Apply with a fault that leaves a call in doubt, and let the balances move by something else as well."""
    stack.timeout = 0.05 if kind.startswith("hang") else stack.timeout
    stack.sandbox.fail(method, kind)
    incomplete(stack, code=7)
    stack.timeout = 5.0
    blur(stack)


def blur(stack: Stack) -> None:
    for login in stack.sandbox.snapshot()["accounts"]:
        stack.sandbox.use_credits(login, ELSEWHERE)


@pytest.mark.parametrize("command", [("drift",), ("drift", "--detailed-exitcode"), ("plan", "--refresh-only")])
def test_a_look_at_the_drift_hides_no_doubt(stack: Stack, command: tuple[str, ...]) -> None:
    """What is in doubt is told, and ends a run with 7, where a plan only looks for what has changed."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "error_before")
    result = stack.run(*command, "--format", "json")
    assert result.exit_code == 7
    assert [intent["address"] for intent in result.document["in_doubt"]] == ["campaign.hello"]
    told = stack.run(*command)
    assert (told.exit_code, "campaign.hello" in told.stdout + told.stderr) == (7, True)
    assert stack.run("apply", "--refresh-only", "--auto-approve").exit_code == 7


@pytest.mark.parametrize("kind", [kind for kind in UNCLEAR if kind != "truncated"])  # that one names the campaign
def test_a_sending_in_doubt(stack: Stack, kind: str) -> None:
    """A sendSms of which nobody knows ends with 7, is never made again, and is settled both ways by `resolve`."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", kind)
    happened = KINDS[kind]
    assert len(stack.state["intents"]) == 1
    stack.calls()
    for _ in range(2):
        result = stack.run("plan", "--format", "json")
        assert result.exit_code == 7
        assert [intent["address"] for intent in result.document["in_doubt"]] == ["campaign.hello"]
        incomplete(stack, code=7)
    assert mutating(stack.calls()) == []
    result = stack.run("resolve", "campaign.hello", "--happened" if happened else "--did-not-happen")
    assert result.exit_code == 0, result.stderr
    stack.apply()
    assert messages(stack) == {(LOGIN, phone(number)): 1 for number in range(3)}
    assert balance(stack) == stack.credits - 45 - ELSEWHERE
    assert stack.changes() == {}


@pytest.mark.parametrize("kind", UNCLEAR)
def test_credits_in_doubt(stack: Stack, kind: str) -> None:
    """Credits of which nobody knows whether they moved end with 7, are never moved again, and are settled both ways."""
    stack.write(MOVE)
    in_doubt(stack, "manageSubAccountCredits", kind)
    stack.calls()
    for _ in range(2):
        assert stack.run("plan").exit_code == 7
        incomplete(stack, code=7)
    assert mutating(stack.calls()) == []
    result = stack.run("resolve", "paris/credits", "--happened" if KINDS[kind] else "--did-not-happen")
    assert result.exit_code == 0, result.stderr
    stack.apply()
    assert (balance(stack, "paris"), balance(stack)) == (1000 - ELSEWHERE, stack.credits - 1000 - ELSEWHERE)
    assert stack.changes() == {}


@pytest.mark.parametrize("happened", [True, False])
def test_the_id_of_a_campaign_that_was_found(stack: Stack, happened: bool) -> None:
    """`resolve --campaign-id` makes a sending that was found one that can be changed; without it, it stays as it is."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    (live,) = stack.sandbox.campaigns()
    options = ("--campaign-id", live["id"]) if happened else ()
    assert stack.run("resolve", "campaign.hello", "--happened", *options).exit_code == 0
    assert stack.changes() == {}
    stack.write({**SEND, "campaigns": {"hello": {**SEND["campaigns"]["hello"], "message": "Good morning"}}})
    if happened:
        stack.apply()
        assert [campaign["status"] for campaign in stack.sandbox.campaigns()] == ["deleted", "scheduled"]
        assert stack.changes() == {}
    else:
        planned = stack.run("plan", "--format", "json")
        assert planned.exit_code == 1
        assert (planned.document["errored"], planned.document["resource_changes"]) == (True, [])
        assert [item["code"] for item in planned.document["diagnostics"]] == ["SMS247"]
        assert "No changes" not in stack.run("plan").stdout
        assert stack.run("resolve", "campaign.hello", "--happened", "--campaign-id", live["id"]).exit_code == 0
        assert stack.changes() == {"campaign.hello": ["update"]}


@pytest.mark.parametrize("destroy", [True, False])
def test_a_campaign_that_cannot_be_cancelled_keeps_nothing_else(stack: Stack, destroy: bool) -> None:
    """What cannot be taken back is an error of its own: the rest is done, and the run is incomplete, until somebody lets it go."""
    stack.write({**SEND, "lists": {**SEND["lists"], "other": {}}})
    in_doubt(stack, "sendSms", "drop_after")
    assert stack.run("resolve", "campaign.hello", "--happened").exit_code == 0
    assert "can be taken back" not in stack.run("status").stdout
    stack.write({"lists": SEND["lists"]})
    result = stack.run("destroy" if destroy else "apply", "--auto-approve")
    assert (result.exit_code, "SMS247" in result.stderr) == (3, True), result.stderr
    assert "other" not in stack.sandbox.snapshot()["lists"][LOGIN]
    assert stack.run("state", "rm", "campaign.hello").exit_code == 0
    stack.apply(*(["--destroy"] if destroy else []))
    assert stack.changes(*(["--destroy"] if destroy else [])) == {}


def test_doubt_blocks_what_depends_on_it_and_no_more(stack: Stack) -> None:
    """What is in doubt blocks itself and what needs it; the rest is done, and the run ends with 7."""
    stack.write(world())
    stack.sandbox.fail("manageSubAccountCredits", "drop_after")
    result = incomplete(stack, "--format", "json", code=7)
    summary = result.events[-1]
    assert summary["in_doubt"] == ["paris/credits"]
    assert summary["skipped"] == ["paris/campaign.hello"]
    blur(stack)
    stack.write(world(**CHANGED))
    document = stack.run("plan", "--format", "json").document
    addresses = {change["address"] for change in document["resource_changes"]}
    assert not addresses & {"paris/credits", "paris/campaign.hello"}
    assert {"sub_account.paris", "paris/contacts.vip", "campaign.hello"} <= addresses
    incomplete(stack, code=7)
    assert stack.run("resolve", "paris/credits", "--happened").exit_code == 0
    stack.apply()
    for login in stack.sandbox.snapshot()["accounts"]:
        stack.sandbox.use_credits(login, -ELSEWHERE)
    assert_world(stack, people=5, grants=2)


def test_doubt_about_one_part(stack: Stack) -> None:
    """Of a campaign in parts, those that were taken count, and after `resolve` only the rest is sent."""
    (stack.root / "vip.csv").write_text("\n".join(["phone", *(phone(n) for n in range(4500))]), "utf-8")
    stack.write({**SEND, "lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}})
    before = stack.sandbox.snapshot()
    stack.sandbox.fail("sendSms", "drop_after", after=1)
    incomplete(stack, code=7)
    assert len(stack.sandbox.campaigns()) == 2
    settle(stack, before)
    stack.apply()
    assert len(messages(stack)) == 4500
    assert set(messages(stack).values()) == {1}
    assert stack.changes() == {}


def test_a_leaving_account_in_doubt(stack: Stack) -> None:
    """An account whose credits may have come back is not deleted before that is known."""
    stack.write(MOVE)
    stack.apply()
    before = stack.sandbox.snapshot()
    stack.write({})
    stack.sandbox.fail("manageSubAccountCredits", "drop_after")
    incomplete(stack, code=7)
    stack.sandbox.use_credits(LOGIN, ELSEWHERE)
    stack.sandbox.use_credits("paris", -ELSEWHERE)
    incomplete(stack, code=7)
    stack.sandbox.use_credits("paris", ELSEWHERE)
    stack.sandbox.use_credits(LOGIN, -ELSEWHERE)
    assert "paris" in stack.sandbox.snapshot()["accounts"]
    settle(stack, before)
    stack.apply()
    assert stack.sandbox.snapshot()["accounts"].keys() == {LOGIN}
    assert balance(stack) == stack.credits


def test_what_is_in_doubt_is_not_removed(stack: Stack) -> None:
    """A campaign in doubt that is taken out of the configuration stays in doubt until somebody says what became of it."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    stack.write({})
    incomplete(stack, code=7)
    assert stack.state["intents"]
    (live,) = stack.sandbox.campaigns()
    assert stack.run("resolve", "campaign.hello", "--happened", "--campaign-id", live["id"]).exit_code == 0
    stack.apply()
    assert stack.changes() == {}
    assert stack.state["resources"] == {}


def test_a_move_takes_the_doubt_along(stack: Stack) -> None:
    """A new key for a campaign in doubt leaves it in doubt: it is not sent under the new key."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    moved = [{"from": "campaign.hello", "to": "campaign.welcome"}]
    stack.write({"lists": SEND["lists"], "campaigns": {"welcome": SEND["campaigns"]["hello"]}, "moved": moved})
    incomplete(stack, code=7)
    assert len(stack.sandbox.campaigns()) == 1
    assert stack.run("resolve", "campaign.welcome", "--happened").exit_code == 0
    assert stack.changes() == {}


def test_a_new_key_without_moved(stack: Stack) -> None:
    """A campaign in doubt that has got another key, and no word of it, is not sent under that key."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    stack.write({"lists": SEND["lists"], "campaigns": {"welcome": SEND["campaigns"]["hello"]}})
    result = incomplete(stack, code=7)
    assert "campaign.welcome waits: campaign.hello is in doubt" in result.stderr
    assert len(stack.sandbox.campaigns()) == 1


def test_resolve_asks_for_an_answer(stack: Stack) -> None:
    """`resolve` takes one answer about something that is in doubt, and nothing else."""
    stack.write(SEND)
    assert stack.run("resolve", "campaign.hello", "--happened").exit_code == 1
    in_doubt(stack, "sendSms", "drop_after")
    assert stack.run("resolve", "campaign.hello").exit_code == 1
    assert stack.run("resolve", "campaign.hello", "--happened", "--did-not-happen").exit_code == 1
    assert stack.run("resolve", "campaign.other", "--happened").exit_code == 1
    assert stack.run("resolve", "campaign.hello", "--did-not-happen", "--campaign-id", "x").exit_code == 1
    assert len(stack.state["intents"]) == 1


def test_doubt_tells_no_number(stack: Stack) -> None:
    """What is shown and kept of a call in doubt holds no phone number and no secret."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    result = stack.run("plan")
    text = result.stdout + result.stderr + stack.run("plan", "--format", "json").stdout
    text += (stack.root / ".smsops" / "state.json").read_text("utf-8")
    text += (stack.root / ".smsops" / "state.json.history").read_text("utf-8")
    assert "campaign.hello is in doubt" in result.stdout
    assert_discreet(text, phones=[phone(n) for n in range(3)], secrets=[stack.environment["ALLMYSMS_API_KEY"]])
