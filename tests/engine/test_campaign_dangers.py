"""What could text people twice, too late, or against somebody's will, and what could cost what is not there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smsops.api.client import Transport, WriterClient
from smsops.api.contract import Credentials
from smsops.cli.connect import SandboxWire
from tests.engine.world import incomplete, refuse
from tests.harness import API_KEY, LOGIN, Stack
from tests.kinds.contract import LATER, inline, people, phone

SOON = "2026-11-22 10:04"


def sections(*numbers: int, message: str = "Hello", key: str = "hello", **more: Any) -> dict[str, Any]:
    phones = [f"06123456{number:02}" for number in numbers]
    block = {"message": message, "schedule": "2026-12-24 10:00", "audience": {"phones": phones}, **more}
    return {"campaigns": {key: block}}


def live(stack: Stack) -> list[Any]:
    return [campaign for campaign in stack.sandbox.campaigns() if campaign["status"] == "scheduled"]


def cancelled_elsewhere(stack: Stack) -> None:
    """Cancel every scheduled campaign with a client that the stack knows nothing of."""

    async def work() -> None:
        transport = Transport("http://sandbox/http/9.0", wire=SandboxWire(stack.sandbox.app))
        async with transport:
            client = WriterClient(transport, Credentials(LOGIN, API_KEY))
            for campaign in live(stack):
                await client.delete_campaign(campaign["id"])

    asyncio.run(work())


def test_what_a_person_cancelled_is_not_made_again(stack: Stack) -> None:
    """A campaign that is found cancelled by somebody else is not replaced by its new version, now or later."""
    stack.write(sections(1, 2))
    stack.apply()
    cancelled_elsewhere(stack)

    stack.write(sections(1, 2, 3))
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 3
    assert live(stack) == []
    again = stack.run("apply", "--auto-approve")
    assert (again.exit_code, "SMS245" in again.stderr) == (0, True)
    assert live(stack) == []


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "truncated"])
def test_our_own_lost_cancellation_is_finished(stack: Stack, fault: str) -> None:
    """Where the answer to our own cancellation was lost, the new version is scheduled all the same, once."""
    stack.write(sections(1, 2))
    stack.apply()
    stack.write(sections(1, 2, 3))
    stack.sandbox.fail("deleteCampaign", fault, times=1)
    stack.apply()

    assert [len(campaign["recipients"]) for campaign in live(stack)] == [3]
    assert stack.changes() == {}


def test_a_cancellation_that_was_cut_short_is_finished_by_the_next_apply(stack: Stack) -> None:
    """A cancellation whose every answer was lost counts as ours in the next run too."""
    stack.write(sections(1, 2))
    stack.apply()
    stack.write(sections(1, 2, 3))
    stack.sandbox.fail("deleteCampaign", "drop_after", times=4)
    assert stack.run("apply", "--auto-approve").exit_code == 3
    stack.apply()

    assert [len(campaign["recipients"]) for campaign in live(stack)] == [3]
    assert stack.changes() == {}


def test_a_date_that_passes_during_the_apply_is_not_sent(stack: Stack) -> None:
    """An apply that takes longer than there is time sends nothing late."""
    stack.write(
        {
            "lists": {"vip": {"contacts": [{"inline": [{"phone": "0612345601"}]}]}},
            **sections(schedule=SOON, audience={"lists": ["vip"]}, nature="transactional"),
        }
    )
    stack.sandbox.fail("populateList", "throttle", retry_after=290)
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 3
    assert "its date has passed" in result.stderr
    assert stack.sandbox.campaigns() == []


def test_a_campaign_that_cannot_be_cancelled_says_so(stack: Stack) -> None:
    """Removing a campaign whose id is lost warns that it will be sent."""
    stack.write(sections(1, 2))
    stack.sandbox.fail("sendSms", "empty")
    assert stack.run("apply", "--auto-approve").exit_code == 7
    assert stack.run("resolve", "campaign.hello", "--happened").exit_code == 0
    stack.write({})

    assert "SMS247" in stack.run("plan").stderr


def test_a_sub_account_short_of_credits_is_refused_before_anything(stack: Stack) -> None:
    """Credits that do not suffice make plan and apply end with 4, account by account, and nothing is done."""
    account = {
        "first_name": "A", "last_name": "B", "company": "C", "mobile": "0612345678", "email": "a@b.example",
        "password": {"env": "PASSWORD"}, "credits": {"grants": {"start": 20}}, **sections(1, 2),
    }  # fmt: skip
    stack.write({"sub_accounts": {"paris": account}})
    planned = stack.run("plan")
    assert planned.exit_code == 4
    assert "A grant of 10 would do" in planned.stderr
    stack.calls()
    assert stack.run("apply", "--auto-approve").exit_code == 4
    assert stack.writes() == []

    account["credits"]["grants"]["more"] = 10
    stack.write({"sub_accounts": {"paris": account}})
    stack.apply()


def test_what_a_cancelled_campaign_gives_back_counts(stack: Stack) -> None:
    """Correcting a campaign needs no second price: what the cancellation returns is counted, to the credit."""
    poor = Stack(stack.root / "poor", credits=35)
    poor.write(sections(1, 2))
    poor.apply()
    poor.write(sections(1, 2, message="Hello!"))
    credits = poor.plan()["credits"]
    assert credits == {"master_before": 5, "moved": 0, "spend_estimate": 30, "master_after": 5}
    poor.apply()

    assert poor.plan()["credits"]["master_before"] == 5
    poor.close()


def test_a_key_renamed_without_moved_cancels_first(stack: Stack) -> None:
    """A new campaign waits for the cancellations of its account, and is not sent where one fails."""
    stack.write(sections(1, 2))
    stack.apply()
    stack.write(sections(1, 2, key="bonjour"))
    stack.sandbox.fail("deleteCampaign", "garbage", times=99)
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 3
    assert len(live(stack)) == 1
    stack.sandbox.clear_faults()
    stack.apply()

    assert [campaign["name"].split()[0] for campaign in live(stack)] == ["bonjour"]


def test_declared_contacts_beside_undeclared_ones(stack: Stack) -> None:
    """A campaign to a list whose contacts only the account knows follows the declared contacts of its other list."""
    stack.sandbox.add_list("acme", "theirs", ["NAME"], [{"phone": phone(50)}])
    campaign = {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip", "theirs"]}}

    def write(*numbers: int) -> None:
        vip = {"contacts": inline(*people(numbers))}
        theirs = {"fields": {"NAME": {}}, "lifecycle": {"adopt": "always"}}
        stack.write({"lists": {"vip": vip, "theirs": theirs}, "campaigns": {"hello": campaign}})

    write(1)
    stack.apply()
    write(1, 2)
    refuse(stack, "deleteCampaign")
    incomplete(stack)  # the contacts are in, the campaign is not
    stack.sandbox.clear_faults()
    stack.apply()

    assert {row["phone"] for campaign in live(stack) for row in campaign["recipients"]} == {
        phone(n) for n in (1, 2, 50)
    }
    stack.calls()
    assert stack.changes() == {}
    assert [call.params["listName"] for call in stack.calls() if call.method == "getContacts"] == ["vip"]
