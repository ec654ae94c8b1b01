"""Calls in doubt that the account settles: a balance that moved by exactly what was expected, or not at all in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smsops.sandbox.faults import KINDS
from smsops.sandbox.web import Reply
from tests.engine.test_doubt import MOVE, SEND, UNCLEAR
from tests.engine.world import Killed, assert_world, incomplete, killed_at_event, messages, world
from tests.harness import LOGIN, Stack
from tests.kinds.contract import LATER, balance, mutating, person, phone

SETTLE_TIME = timedelta(minutes=15)
HAPPENED = [kind for kind in UNCLEAR if KINDS[kind]]
NOT_HAPPENED = [kind for kind in UNCLEAR if not KINDS[kind]]


def in_doubt(stack: Stack, method: str, kind: str) -> None:
    stack.timeout = 0.05 if kind.startswith("hang") else stack.timeout
    stack.sandbox.fail(method, kind)
    incomplete(stack, code=7)
    stack.timeout = 5.0
    stack.calls()


def settled(stack: Stack, *options: str) -> list[str]:
    """What a plan says of calls that were in doubt."""
    document = stack.run("plan", "--format", "json", *options).document
    return [item["summary"] for item in document["diagnostics"] if item["code"] == "SMS266"]


@pytest.mark.parametrize("kind", HAPPENED)
def test_a_grant_that_happened(stack: Stack, kind: str) -> None:
    """A balance that moved by exactly the grant shows that it happened: it is recorded, and never moved again."""
    stack.write(MOVE)
    in_doubt(stack, "manageSubAccountCredits", kind)
    assert stack.plan()["in_doubt"] == []
    assert [text.rpartition(" ")[2] for text in settled(stack)] == ["happened"]
    stack.apply()
    assert stack.state["intents"] == []
    assert stack.state["resources"]["paris/credits"]["attributes"]["moved"] == {"first": 1000}
    assert mutating(stack.calls()) == []
    assert (balance(stack, "paris"), balance(stack)) == (1000, stack.credits - 1000)


@pytest.mark.parametrize("kind", NOT_HAPPENED)
def test_a_grant_that_did_not_happen(stack: Stack, kind: str) -> None:
    """Both balances unmoved show, once the settle time is over and no earlier, that a grant may be moved again."""
    stack.write(MOVE)
    in_doubt(stack, "manageSubAccountCredits", kind)
    stack.clock += SETTLE_TIME - timedelta(minutes=1)
    incomplete(stack, code=7)
    assert mutating(stack.calls()) == []
    stack.clock += timedelta(minutes=1)
    stack.apply()
    assert (balance(stack, "paris"), balance(stack)) == (1000, stack.credits - 1000)
    assert stack.changes() == {}


@pytest.mark.parametrize("kind", HAPPENED)
def test_a_sending_that_happened(stack: Stack, kind: str) -> None:
    """A balance that fell by exactly the cost shows that a campaign was taken; nobody is texted again."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", kind)
    stack.apply()
    assert messages(stack) == {(LOGIN, phone(number)): 1 for number in range(3)}
    assert stack.changes() == {}
    assert len(stack.sandbox.campaigns()) == 1


@pytest.mark.parametrize("kind", NOT_HAPPENED)
def test_a_sending_is_never_repeated_on_evidence(stack: Stack, kind: str) -> None:
    """However long the balance stays as it was: that does not show that nothing was sent."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", kind)
    stack.clock += timedelta(days=2)
    incomplete(stack, code=7)
    assert mutating(stack.calls()) == []
    (doubt,) = stack.run("plan", "--format", "json").document["in_doubt"]
    assert "does not show that nothing was sent" in doubt["evidence"]
    assert "does not show that nothing was sent" in stack.run("plan").stdout


@pytest.mark.parametrize(
    ("login", "amount"),
    [("paris", 1), ("paris", -1), ("paris", 1000), (LOGIN, 1)],
    ids=["less", "more", "gone", "master"],
)
@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_balances_that_moved_otherwise(stack: Stack, kind: str, login: str, amount: int) -> None:
    """A balance that moved by anything else shows nothing; the other one alone shows at most that it happened."""
    stack.write(MOVE)
    in_doubt(stack, "manageSubAccountCredits", kind)
    stack.sandbox.use_credits(login, amount)
    stack.clock += SETTLE_TIME
    if kind == "drop_after" and (login, amount) != ("paris", 1000):
        stack.apply()  # the other balance moved by exactly the grant
    else:
        incomplete(stack, code=7)
    assert mutating(stack.calls()) == []


def test_balances_that_contradict_each_other(stack: Stack) -> None:
    """A master that lost exactly the grant while the sub-account has nothing of it settles nothing."""
    stack.write(MOVE)
    in_doubt(stack, "manageSubAccountCredits", "drop_before")
    stack.sandbox.use_credits(LOGIN, 1000)
    stack.clock += SETTLE_TIME
    incomplete(stack, code=7)


def test_several_doubts_at_once(stack: Stack) -> None:
    """Each of several grants and sendings in doubt is judged by what moved where."""
    accounts = {name: person(credits={"grants": {"first": 1000}}) for name in ("lyon", "paris", "lille")}
    stack.write({**SEND, "sub_accounts": accounts})
    stack.sandbox.fail("sendSms", "drop_after")
    stack.sandbox.fail("manageSubAccountCredits", "drop_after")
    stack.sandbox.fail("manageSubAccountCredits", "drop_before", after=1)
    stack.sandbox.fail("manageSubAccountCredits", "drop_after", after=2)
    incomplete(stack, code=7)
    assert sorted(text.rpartition(" ")[2] for text in settled(stack)) == ["happened"] * 3
    stack.clock += SETTLE_TIME
    stack.apply()
    assert {balance(stack, name) for name in accounts} == {1000}
    assert balance(stack) == stack.credits - 3000 - 45
    assert stack.changes() == {}


def test_sendings_that_cost_the_same(stack: Stack) -> None:
    """Two sendings of one price, of which one happened, stay in doubt: the balance does not say which."""
    campaigns = dict.fromkeys(("one", "two"), SEND["campaigns"]["hello"])
    stack.write({**SEND, "campaigns": campaigns})
    stack.sandbox.fail("sendSms", "drop_after")
    stack.sandbox.fail("sendSms", "drop_before", after=1)
    incomplete(stack, code=7)
    assert len(stack.run("plan", "--format", "json").document["in_doubt"]) == 2
    assert settled(stack) == []


def test_what_else_the_run_did_counts(stack: Stack) -> None:
    """What the same run moved, spent and got back for certain is no part of the doubt."""
    stack.write(world())
    stack.apply()
    changed = world(grants=2)
    hello = changed["campaigns"]["hello"]
    stack.write({**changed, "campaigns": {"hello": hello, "again": {**hello, "message": "Once more"}}})
    stack.sandbox.fail("manageSubAccountCredits", "drop_before")
    incomplete(stack, code=7)
    stack.clock += SETTLE_TIME
    stack.apply()
    stack.write(changed)
    stack.apply()
    assert_world(stack, grants=2)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_cancellation_blurs_the_balance(stack: Stack, kind: str) -> None:
    """Whether cancelling gives credits back is an assumption, and no evidence is built on it."""
    stack.write(SEND)
    stack.apply()
    stack.write({**SEND, "campaigns": {"hello": {**SEND["campaigns"]["hello"], "message": "Good morning"}}})
    in_doubt(stack, "sendSms", kind)
    incomplete(stack, code=7)
    (doubt,) = stack.run("plan", "--format", "json").document["in_doubt"]
    assert "is not known" in doubt["evidence"]


def test_a_lost_id_is_not_sent_again(stack: Stack) -> None:
    """A campaign whose id nobody knows stays known until its date: removed and declared anew, it is not sent twice."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    stack.apply()
    stack.write({"lists": SEND["lists"]})
    incomplete(stack, code=3)
    stack.write(SEND)
    stack.apply()
    assert messages(stack) == {(LOGIN, phone(number)): 1 for number in range(3)}
    stack.write({"lists": SEND["lists"]})
    stack.clock += timedelta(days=60)
    stack.apply()
    assert "campaign.hello" not in stack.state["resources"]


def test_a_new_account_in_doubt(stack: Stack) -> None:
    """Evidence about a grant to an account that is moved to another key goes along."""
    stack.write(MOVE)
    in_doubt(stack, "manageSubAccountCredits", "drop_after")
    accounts = {"lutetia": {**MOVE["sub_accounts"]["paris"], "login": "paris"}}
    moved = [{"from": "sub_account.paris", "to": "sub_account.lutetia"}]
    stack.write({"sub_accounts": accounts, "moved": moved})
    stack.apply()
    assert balance(stack, "paris") == 1000
    assert stack.changes() == {}


def test_the_id_in_half_an_answer(stack: Stack) -> None:
    """An answer that broke off behind the campaign's id shows that it was taken, and the campaign can be cancelled."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "truncated")
    (facts,) = [intent["facts"] for intent in stack.state["intents"]]
    stack.sandbox.use_credits(LOGIN, 5)
    assert facts["evidence"]["campaignid"]
    stack.apply()
    stack.write({})
    stack.apply()
    assert messages(stack) == {}


def test_an_id_that_is_found_later(stack: Stack) -> None:
    """A campaign that the balance settled can be given its id, and be cancelled from then on."""
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    stack.apply()
    (live,) = stack.sandbox.campaigns()
    assert stack.run("resolve", "campaign.hello", "--happened", "--campaign-id", live["id"]).exit_code == 0
    assert stack.run("resolve", "campaign.hello", "--happened", "--campaign-id", live["id"]).exit_code == 1
    stack.write({})
    stack.apply()
    assert messages(stack) == {}


def test_evidence_is_recorded_at_once(stack: Stack) -> None:
    """What an apply learns is kept although it does nothing else: balances move on, and then it is gone."""
    stack.write({**MOVE, "policy": {"max_credits_per_apply": 1000}})
    in_doubt(stack, "manageSubAccountCredits", "drop_after")
    block: dict[str, Any] = {"grants": {"first": 1000, "second": 5000}}
    stack.write({"sub_accounts": {"paris": person(credits=block)}, "policy": {"max_credits_per_apply": 1000}})
    incomplete(stack, code=4)
    stack.sandbox.use_credits("paris", 300)
    stack.write(MOVE)
    stack.apply()
    assert balance(stack, "paris") == 700


def test_a_cancellation_that_nobody_recorded(stack: Stack) -> None:
    """A process that dies behind a cancellation leaves no balance that would tell of the wrong sending."""
    one = {"message": "Hello", "schedule": LATER, "audience": {"phones": [phone(1)]}}
    two = {**one, "audience": {"phones": [phone(2), phone(3)]}}
    stack.write({"campaigns": {"z": one}})
    stack.apply()
    stack.write({"campaigns": {"a": one, "b": two, "z": {**one, "message": "Good morning"}}})
    stack.sandbox.fail("sendSms", "drop_before")
    stack.sandbox.fail("sendSms", "drop_after", after=1)
    answer = stack.sandbox.answer

    def answering(method: str, form: dict[str, str]) -> Any:
        reply = answer(method, form)
        if method == "deleteCampaign":
            raise Killed  # its 15 credits are back: a's 15 and b's 30 seem to be a's alone
        return reply

    stack.sandbox.answer = answering  # type: ignore[method-assign]
    with killed_at_event(99, written=True), pytest.raises(Killed):
        stack.run("apply", "--auto-approve", "--parallelism", "1")
    stack.sandbox.answer = answer  # type: ignore[method-assign]
    doubts = stack.run("plan", "--format", "json").document["in_doubt"]
    assert [doubt["address"] for doubt in doubts] == ["campaign.a", "campaign.b"]


def test_credits_that_did_not_move_although_it_says_so(stack: Stack) -> None:
    """An answer that says yes, with the balance as it was before, is not believed."""
    stack.write(MOVE)
    answer = stack.sandbox.answer

    def answering(method: str, form: dict[str, str]) -> Any:
        if method == "manageSubAccountCredits":
            return Reply(200, b'{"subaccount": {"login": "paris", "credits": "0"}}')
        return answer(method, form)

    stack.sandbox.answer = answering  # type: ignore[method-assign]
    incomplete(stack, code=7)
    stack.sandbox.answer = answer  # type: ignore[method-assign]
    stack.clock += SETTLE_TIME
    stack.apply()
    assert balance(stack, "paris") == 1000
