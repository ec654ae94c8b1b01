"""`status` and `report`: how campaigns stand by the state, and what became of one by the account's reports."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from smsops.schemas import SCHEMAS
from tests.harness import Stack
from tests.kinds.contract import assert_discreet, person, phone

STOP = " STOP au 36180"
COUNT = 2_500


def sections(stack: Stack, **campaigns: Any) -> dict[str, Any]:
    rows = "".join(f"+{phone(number)}\n" for number in range(COUNT))
    (stack.root / "people.csv").write_text(f"phone\n{rows}", "utf-8")
    lists = {"vip": {"fields": {"NAME": {}}, "contacts": [{"file": "people.csv"}]}}
    return {"lists": lists, "campaigns": campaigns}


def campaign(schedule: str = "2026-12-01 10:00") -> dict[str, Any]:
    return {"message": f"Bonjour{STOP}", "schedule": schedule, "audience": {"lists": ["vip"]}}


@pytest.fixture
def stack(tmp_path: Any) -> Any:
    made = Stack(tmp_path)
    made.sandbox.recipients(seed=7, reply_rate=0.1, stop_rate=0.05)
    yield made
    made.close()


def test_status_shows_parts_and_dates_and_asks_nobody(stack: Stack) -> None:
    """Every part with its campaign id, and until when it can be taken back; no call is made."""
    stack.write(
        {**sections(stack, hello=campaign(), later=campaign("2026-12-03 10:00")), "policy": {"min_lead_time": "1h"}}
    )
    stack.apply()
    stack.clock += timedelta(days=10)
    stack.calls()

    document = stack.run("status", "--format", "json").document
    text = stack.run("status", "campaign.later").stdout

    hello, later = document["campaigns"]
    assert (hello["state"], later["state"]) == ("sent", "scheduled")
    assert [part["recipients"] for part in later["parts"]] == [1_250, 1_250]
    assert all(part["campaign_id"] for part in later["parts"])
    assert (hello["cancellable_until"], later["cancellable_until"]) == (None, "2026-12-03T08:00:00Z")
    assert "campaign.hello" not in text
    assert later["parts"][0]["campaign_id"] in text
    assert stack.calls() == []


def test_status_tells_what_is_in_doubt(stack: Stack) -> None:
    """A sending whose answer was lost is in doubt, not scheduled."""
    stack.write(sections(stack, hello=campaign()))
    stack.apply()
    stack.write(sections(stack, hello={**campaign(), "message": f"Salut{STOP}"}))
    stack.sandbox.fail("sendSms", "drop_after")
    stack.run("apply", "--auto-approve")

    assert stack.run("status", "--format", "json").document["campaigns"][0]["state"] == "in doubt"


def test_a_report_adds_up_the_parts(stack: Stack) -> None:
    """Everybody is counted once, by the latest report; what was delivered by the hours that it took; replies and STOPs."""
    stack.write(sections(stack, hello=campaign()))
    stack.apply()
    stack.clock += timedelta(days=15)

    document = stack.run("report", "campaign.hello", "--format", "json").document
    text = stack.run("report", "campaign.hello").stdout
    rows = list(csv.DictReader(io.StringIO(stack.run("report", "campaign.hello", "--format", "csv").stdout)))
    page = stack.run("report", "campaign.hello", "--format", "html").stdout

    counted = sum(one["recipients"] for one in document["by_status"])
    assert counted + document["unreported"] == document["recipients"] == COUNT
    assert document["delivered"] == next(one["recipients"] for one in document["by_status"] if one["code"] == "1")
    assert sum(one["recipients"] for one in document["delivered_within"]) == document["delivered"] > COUNT * 0.8
    assert document["replies"] >= document["stops"] > 0
    assert document["cost_per_delivered"] == round(COUNT * 15 / document["delivered"], 2)
    assert sum(int(row["recipients"]) for row in rows) == COUNT
    assert "█" in text
    assert "<meter" in page
    assert_discreet(json.dumps(document) + text + page, phones=[phone(number) for number in range(20)])


def test_a_report_of_a_sub_account_asks_for_that_account(stack: Stack) -> None:
    """The campaigns of a sub-account are its own: its reports are asked for by its login."""
    shop = person(credits={"grants": {"start": 100_000}}, **sections(stack, hello=campaign()))
    stack.write({"sub_accounts": {"paris": {**shop, "login": "paris-login"}}})
    stack.apply()
    stack.clock += timedelta(days=15)

    document = stack.run("report", "paris/campaign.hello", "--format", "json").document

    assert (document["account"], document["recipients"]) == ("paris", COUNT)
    assert document["delivered"] > 0


def test_an_unknown_campaign(stack: Stack) -> None:
    """A typing error is guessed."""
    stack.write(sections(stack, hello=campaign()))
    stack.apply()
    result = stack.run("report", "campaign.helo")
    assert (result.exit_code, 'Did you mean "campaign.hello"?' in result.stderr) == (1, True)


def test_replies_are_shown_and_stay_where_they_are(stack: Stack) -> None:
    """Every reply with its campaign and a masked number; looking again shows the same, for nothing is taken away. Each line of
    JSON keeps to its schema."""
    stack.write(sections(stack, hello=campaign()))
    stack.apply()
    stack.clock += timedelta(days=15)
    count = stack.run("report", "campaign.hello", "--format", "json").document["replies"]

    rows = stack.run("replies", "campaign.*", "--format", "json").events
    text = stack.run("replies").stdout

    assert len(rows) == len(text.splitlines()) == count
    jsonschema.validate(rows, {"type": "array", "items": SCHEMAS["reply"]()})
    assert {row["address"] for row in rows} == {"campaign.hello"}
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    assert_discreet(json.dumps(rows) + text, phones=[phone(number) for number in range(20)])
    assert stack.run("replies", "campaign.other").stdout == ""


def test_a_campaign_that_is_none_is_a_typing_error(stack: Stack) -> None:
    """A name that nothing has is said, and does not read as "nothing was scheduled"."""
    stack.write(sections(stack, hello=campaign()))
    assert stack.run("status", "campaign.hello").exit_code == 0  # not scheduled yet
    result = stack.run("status", "campaign.helo")
    assert (result.exit_code, "SMS412" in result.stderr) == (1, True)
    assert 'Did you mean "campaign.hello"?' in result.stderr
