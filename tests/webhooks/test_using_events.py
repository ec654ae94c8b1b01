"""What webhooks told, used: reports count it once, and a sending in doubt is settled by the campaign it turned out to be."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.test_doubt import SEND, in_doubt
from tests.engine.world import messages
from tests.harness import API_KEY, LOGIN, Stack
from tests.kinds.contract import assert_discreet, person, phone
from tests.sandbox.sandbox_client import Api
from tests.webhooks.receiver import SECRET, pushed

COUNT = 300
URL = "http://receiver/" + SECRET


@pytest.fixture
def listened(stack: Stack) -> Stack:
    """A stack whose sandbox pushes what happens, and whose recipients answer."""
    stack.environment["SMSOPS_LISTEN_SECRET"] = SECRET
    stack.sandbox.recipients(seed=7, reply_rate=0.1, stop_rate=0.05)
    stack.sandbox.webhooks(deliveries=URL, replies=URL)
    return stack


def pass_time(stack: Stack, **time: float) -> list[str]:
    """Let time go by, and give what is pushed in it."""
    stack.clock += timedelta(**time)
    urls: list[str] = []
    stack.sandbox.push(urls.append)
    return urls


def hear(stack: Stack, urls: list[str]) -> None:
    assert set(pushed(stack.root, urls, stack.now())) == {200}


def report(stack: Stack) -> Any:
    result = stack.run("report", "campaign.hello", "--format", "json")
    assert result.exit_code == 0, result.stderr
    return result.document


def sent(stack: Stack) -> list[str]:
    """A campaign of COUNT recipients goes out, and all that is pushed of it."""
    rows = "".join(f"{phone(number)}\n" for number in range(COUNT))
    (stack.root / "vip.csv").write_text(f"phone\n{rows}", "utf-8")
    stack.write({**SEND, "lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}})
    stack.apply()
    return pass_time(stack, days=60)


def test_what_the_api_and_webhooks_tell_is_counted_once(listened: Stack) -> None:
    """With every event pushed twice a report says what it says without any, and nothing of it is known by webhooks alone."""
    urls = sent(listened)
    without = report(listened)
    assert without["replies"] > without["stops"] > 0
    hear(listened, urls + urls[::-1])

    assert report(listened) == without
    listened.environment["SMSOPS_LISTEN_SECRET"] = "another-secret-by-now"
    assert report(listened) == without


@pytest.mark.parametrize("secret", [True, False], ids=["secret", "no-secret"])
def test_a_report_has_what_webhooks_told_and_the_api_does_not(listened: Stack, secret: bool) -> None:
    """Where the API tells less, what webhooks told makes up for it: the latest reports, their times, replies, STOPs."""
    urls = sent(listened)
    complete = report(listened)
    hear(listened, urls)
    listened.clock = datetime.fromisoformat(complete["date"]) + timedelta(minutes=10)
    if not secret:
        del listened.environment["SMSOPS_LISTEN_SECRET"]

    early = report(listened)
    text = listened.run("report", "campaign.hello").stdout

    assert early["reports_by_webhook"] > 0
    assert early["replies_by_webhook"] > 0
    assert f"{early['reports_by_webhook']} reports and" in text
    mine = {"reports_by_webhook": 0, "replies_by_webhook": 0}
    assert {**early, **mine} == complete
    assert_discreet(str(early) + text, phones=[phone(number) for number in range(COUNT)])


@pytest.mark.parametrize("account", ["", "paris/"])
@pytest.mark.parametrize("marked", [False, True], ids=["asked", "marked"])
def test_webhooks_settle_a_sending_in_doubt(listened: Stack, account: str, marked: bool) -> None:
    """A campaign that webhooks tell of and that has the sending's marker is that sending: it happened, and its id is known.

    The marker comes with the webhook, or getAcks is asked for it.
    """
    stack = listened
    if account:
        credits = {"grants": {"start": 1000}}
        stack.write({"sub_accounts": {"paris": person(credits=credits, lists=SEND["lists"])}})
        stack.apply()
        stack.write({"sub_accounts": {"paris": person(credits=credits, **SEND)}})
    else:
        stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_after")
    address = f"{account}campaign.hello"
    (live,) = stack.sandbox.campaigns()
    (intent,) = stack.state["intents"]
    assert stack.run("plan").exit_code == 7

    urls = pass_time(stack, days=40)
    assert urls
    hear(stack, [f"{url}&cliMsgId={intent['facts']['marker']}" for url in urls] if marked else urls)
    stack.calls()
    plan = stack.run("plan", "--format", "json").document
    asked = [call.method for call in stack.calls()].count("getAcks")
    stack.apply()

    assert plan["in_doubt"] == []
    assert [item["summary"].rpartition(" ")[2] for item in plan["diagnostics"] if item["code"] == "SMS266"] == [
        "happened"
    ]
    assert asked == (0 if marked else 1)
    assert [part["campaign_id"] for part in stack.state["resources"][address]["attributes"]["parts"]] == [live["id"]]
    assert stack.state["intents"] == []
    login = live["login"] if account else LOGIN
    assert messages(stack) == {(login, phone(number)): 1 for number in range(3)}
    assert stack.run("report", address).exit_code == 0


def test_somebody_elses_campaign_settles_nothing(listened: Stack) -> None:
    """A sending that did not happen stays in doubt whatever campaigns webhooks tell of; one that may be it is named."""
    stack = listened
    stack.write(SEND)
    in_doubt(stack, "sendSms", "drop_before")
    elsewhere = Api(stack.sandbox, LOGIN, API_KEY)
    foreign = [elsewhere.send(*(phone(number) for number in range(3)))["campaignId"] for _ in range(2)]
    hear(stack, pass_time(stack, days=40))

    for _ in range(2):
        result = stack.run("plan", "--format", "json")
        assert result.exit_code == 7
        (doubt,) = result.document["in_doubt"]
        assert doubt["address"] == "campaign.hello"
        assert f"{foreign[0]}, {foreign[1]}, which this stack does not know" in doubt["evidence"]
        assert "smsops resolve campaign.hello --happened --campaign-id ID" in doubt["evidence"]
        assert stack.run("apply", "--auto-approve").exit_code == 7
    assert len(stack.state["intents"]) == 1
    assert len(stack.sandbox.campaigns()) == 2


def test_events_that_cannot_be_read_are_no_evidence(listened: Stack) -> None:
    """A doubt stays a doubt where the events cannot be read, and the plan says so; a report does not leave them out silently."""
    stack = listened
    stack.write({**SEND, "listen": {"events": "sqlite:events.db"}})
    in_doubt(stack, "sendSms", "drop_after")
    (stack.root / "events.db").write_text("this is no database, but long enough to be looked at" * 10, "utf-8")

    result = stack.run("plan", "--format", "json")

    assert result.exit_code == 7
    assert [item["code"] for item in result.document["diagnostics"]].count("SMS480") == 1
    stack.run("resolve", "campaign.hello", "--happened", "--campaign-id", stack.sandbox.campaigns()[0]["id"])
    result = stack.run("report", "campaign.hello")
    assert (result.exit_code, "SMS480" in result.stderr) == (1, True)
