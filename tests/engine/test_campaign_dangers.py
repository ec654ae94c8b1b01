"""What could text people twice, too late, or against somebody's will, and what could cost what is not there."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from smsops.api.client import Transport, WriterClient
from smsops.api.records import Credentials
from smsops.cli.connect import SandboxWire
from tests.engine.world import incomplete, refuse
from tests.harness import API_KEY, LOGIN, Stack
from tests.kinds.contract import LATER, as_the_master, assert_discreet, inline, people, person, phone

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


# -- what was found by trying to send twice ---------------------------------------------------

STOP = " STOP au 36180"


def people_file(stack: Stack, count: int) -> dict[str, Any]:
    """A list of so many people in a file; of more than 2,000 a campaign has several parts."""
    rows = "".join(f"+{phone(number)}\n" for number in range(count))
    (stack.root / "people.csv").write_text(f"phone\n{rows}", "utf-8")
    return {"vip": {"fields": {"NAME": {}}, "contacts": [{"file": "people.csv"}]}}


def to_vip(message: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"message": message + STOP, "schedule": "2026-12-01 10:00", "audience": {"lists": ["vip"]}, **more}


def once_each(stack: Stack) -> Counter[int]:
    """How many people have how many messages waiting for them."""
    return Counter(Counter(one["phone"] for campaign in live(stack) for one in campaign["recipients"]).values())


def test_what_is_left_of_a_campaign_that_is_gone_is_cancelled_with_its_block(stack: Stack) -> None:
    """One part was cancelled elsewhere: the rest stays known, is cancelled when the block goes, and nobody gets two."""
    lists = people_file(stack, 3000)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip()}})
    stack.apply()
    first = stack.state["resources"]["campaign.hello"]["attributes"]["parts"][0]["campaign_id"]
    as_the_master(stack, "deleteCampaign", campId=first)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip("Salut")}})
    assert stack.run("apply", "--auto-approve").exit_code == 3
    told = stack.run("plan").stderr
    expected = stack.run("calendar", "--format", "json").document["campaigns"]
    stack.write({"lists": lists, "campaigns": {"again": to_vip("Salut")}})
    stack.apply()

    assert "still scheduled for 1,500 recipients" in told
    assert [row["recipients"] for row in expected] == [1500]
    assert once_each(stack) == {1: 3000}
    assert stack.changes() == {}


def test_what_was_sent_while_it_was_to_be_cancelled_is_not_sent_under_another_name(stack: Stack) -> None:
    """The account's clock is ahead: a cancellation that comes too late fails, and what should follow it waits."""
    lists = people_file(stack, 3)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip(schedule="2026-11-23 10:00")}})
    stack.apply()
    stack.clock = datetime(2026, 11, 23, 8, 59, 58, tzinfo=UTC)
    stack.sandbox.set_clock(datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC))
    stack.write({"lists": lists, "campaigns": {"bye": to_vip(schedule="2026-11-24 10:00")}})

    result = stack.run("apply", "--auto-approve")

    assert result.exit_code == 3
    assert live(stack) == []


def test_what_was_sent_while_it_was_to_be_cancelled_is_forgotten(stack: Stack) -> None:
    """Where nothing waits for the cancellation, one that comes too late is no failure: the campaign is sent, and forgotten."""
    lists = people_file(stack, 3)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip(schedule="2026-11-23 10:00")}})
    stack.apply()
    stack.clock = datetime(2026, 11, 23, 8, 59, 58, tzinfo=UTC)
    stack.sandbox.set_clock(datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC))
    stack.write({"lists": lists})
    stack.apply()

    assert "campaign.hello" not in stack.state["resources"]


def test_a_campaign_that_moves_to_another_account_waits_for_its_cancellation(stack: Stack) -> None:
    """Where the cancellation fails nothing is sent from the other account."""
    account = person(credits={"grants": {"x": 5000}})
    lists = people_file(stack, 3)
    stack.write({"sub_accounts": {"a": account}, "lists": lists, "campaigns": {"hello": to_vip()}})
    stack.apply()
    stack.sandbox.fail("deleteCampaign", "error_before", times=50)
    moved = {**account, "lists": lists, "campaigns": {"hello": to_vip()}}
    stack.write({"sub_accounts": {"a": moved}, "lists": lists})

    assert stack.run("apply", "--auto-approve").exit_code == 3
    assert once_each(stack) == {1: 3}


def test_what_was_sent_under_an_unknown_id_keeps_others_back_until_it_is_settled(stack: Stack) -> None:
    """It cannot be cancelled: a campaign under another key waits, until the id is told or it is let go."""
    lists = people_file(stack, 3)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip()}})
    stack.sandbox.fail("sendSms", "drop_after")
    stack.run("apply", "--auto-approve")
    stack.run("resolve", "campaign.hello", "--happened")
    stack.write({"lists": lists, "campaigns": {"bye": to_vip()}})
    waiting = stack.run("apply", "--auto-approve")
    assert "SMS265" in waiting.stderr
    assert once_each(stack) == {1: 3}

    (known,) = live(stack)
    assert stack.run("resolve", "campaign.hello", "--happened", "--campaign-id", known["id"]).exit_code == 0
    stack.apply()
    assert once_each(stack) == {1: 3}
    assert stack.changes() == {}


def test_another_zone_of_the_account_schedules_anew(stack: Stack) -> None:
    """DATE has no zone: read in another one it means another time, so that what is scheduled is scheduled again."""
    lists = people_file(stack, 3)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip()}, "settings": {"account_timezone": "UTC"}})
    stack.apply()
    (before,) = live(stack)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip()}})
    stack.apply()
    (after,) = live(stack)

    assert (before["date"], after["date"]) == ("2026-12-01 09:00:00", "2026-12-01 10:00:00")


def test_what_is_sent_at_once_is_not_sent_hours_later(stack: Stack) -> None:
    """An hour is judged when it is planned: where the apply takes longer than that hour lasts, nothing more is sent."""
    stack.clock = datetime(2026, 11, 23, 18, 50, tzinfo=UTC)  # 19:50 in Paris
    lists = people_file(stack, 3)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip(schedule="2026-11-23 10:00", if_missed="send")}})
    stack.sandbox.fail("populateList", "throttle", times=4, retry_after=290)

    result = stack.run("apply", "--auto-approve")

    assert result.exit_code == 3
    assert "plan again" in result.stderr
    assert all(campaign["status"] != "sent" for campaign in stack.sandbox.campaigns())


def test_an_audience_that_becomes_empty_is_told(stack: Stack) -> None:
    """A condition that nobody meets cancels a campaign: the plan says so in words."""
    lists = people_file(stack, 3)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip()}})
    stack.apply()
    stack.write(
        {"lists": lists, "campaigns": {"hello": to_vip(audience={"lists": ["vip"], "where": "NAME = 'nobody'"})}}
    )

    assert "Nobody is left in the audience of campaign.hello" in stack.run("plan").stderr


def test_all_parts_count_against_a_limit(stack: Stack) -> None:
    """A campaign that grows part by part does not grow past max_credits."""
    lists = people_file(stack, 3000)
    stack.write({"lists": lists, "campaigns": {"hello": to_vip(max_credits=45_000)}})
    stack.apply()
    stack.write({"lists": people_file(stack, 3001), "campaigns": {"hello": to_vip(max_credits=45_000)}})

    assert stack.run("plan").exit_code == 4


def test_what_becomes_marketing_has_to_keep_the_rules(stack: Stack) -> None:
    """A campaign that was exempt is scheduled for a Sunday night: as marketing it may not be."""
    lists = people_file(stack, 3)
    late = {"schedule": "2026-12-06 22:30"}
    stack.write({"lists": lists, "campaigns": {"hello": to_vip(**late, nature="transactional")}})
    stack.apply()
    stack.write({"lists": lists, "campaigns": {"hello": to_vip(**late)}})

    assert stack.run("plan").exit_code == 4


class TestSavedPlans:
    def test_a_cancellation_alone_is_not_what_was_reviewed(self, stack: Stack) -> None:
        """Reviewed was a campaign that is sent anew: where nobody is left to send it to, the plan is stale."""
        lists: dict[str, Any] = {"vip": {"fields": {"NAME": {}}}}
        rows = {"CONTACT": [{"MOBILEPHONE": phone(number)} for number in range(5)]}
        data = json.dumps({"DATA": {"LISTNAME": "vip"} | rows})
        stack.write({"lists": lists})
        stack.apply()
        as_the_master(stack, "populateList", populateData=data)
        stack.write({"lists": lists, "campaigns": {"hello": to_vip()}})
        stack.apply()
        stack.write({"lists": lists, "campaigns": {"hello": to_vip("Salut")}})
        assert stack.run("plan", "-o", "p").exit_code == 0
        as_the_master(stack, "deleteContacts", deleteData=data)

        assert stack.run("apply", "p").exit_code == 5
        assert once_each(stack) == {1: 5}

    def test_a_higher_price_is_not_what_was_reviewed(self, stack: Stack) -> None:
        """The plan reckoned with a price that the state knew, and the apply asks: what costs more is stale."""
        lists = people_file(stack, 3)
        stack.write({"lists": lists, "campaigns": {"hello": to_vip()}})
        stack.apply()
        file = stack.root / ".smsops" / "state.json"
        state = json.loads(file.read_text("utf-8"))
        state["prices"]["FR"]["credits"] = 10
        file.write_text(json.dumps(state), "utf-8")
        stack.write({"lists": lists, "campaigns": {"hello": to_vip("Salut")}})
        assert stack.run("plan", "-o", "p").exit_code == 0

        result = stack.run("apply", "p")

        assert result.exit_code == 5
        assert "45 credits" in result.stderr

    def test_an_override_lets_through_what_was_broken_when_it_was_reviewed(self, stack: Stack) -> None:
        """What is broken only when the plan is applied refuses it, whatever the override would cover."""
        lists = people_file(stack, 3)
        soon = {"schedule": "2026-11-23 10:00"}
        stack.write({"lists": lists, "campaigns": {"hello": to_vip(**soon)}})
        stack.apply()
        policy = {"min_lead_time": "2h", "send_window": "12:00-20:00"}
        stack.write({"lists": lists, "campaigns": {"hello": to_vip("Salut", **soon)}, "policy": policy})
        assert stack.run("plan", "-o", "p", "--override", "*", "--reason", "ok").exit_code == 0
        stack.clock = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)

        assert stack.run("apply", "p").exit_code == 4


def test_no_number_in_a_link_is_kept_or_shown(stack: Stack) -> None:
    """Links may hold phone numbers: they are masked in documents, and the state knows links by a digest."""
    text = "Ecrivez {short:https://wa.me/33612345678?text=promo} ou https://wa.me/33687654321"
    stack.write({"lists": people_file(stack, 3), "campaigns": {"hello": to_vip(text)}})
    document = stack.run("plan", "--format", "json").stdout
    stack.run("plan", "-o", "p")
    saved = (stack.root / "p").read_text("utf-8")
    stack.apply()
    kept = (stack.root / ".smsops" / "state.json").read_text("utf-8")

    assert_discreet(document + saved + kept, phones=["33612345678", "33687654321"])
