"""Emails in the sandbox: manual §29 and annex 21."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime

import pytest

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, data, new_api

LATER = "2026-11-27 10:00:00"
EMAIL = {
    "FROM": "shop@acme.example",
    "TO": "marie@example.org; paul@example.org",
    "SUBJECT": "Soldes",
    "HTML": b64encode("<p>Été</p>".encode()).decode(),
}


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    sandbox.set_clock(datetime(2026, 11, 20, 12, 0, 0))
    yield new_api(sandbox)
    sandbox.close()


def test_send_emails(api: Api) -> None:
    """Emails are sent at once and cost credits; bad addresses are named, and the answer has the manual's keys."""
    to = EMAIL["TO"] + ";nobody"
    answer = api("sendEmail", emailData=data(**EMAIL | {"TO": to, "ALIAS": "ACME", "MAILTEXT": "Été"}))
    assert answer == {
        "status": 100,
        "statusText": "Your emails have been sent",
        "campaignId": "ap_28400001",
        "invalidEmails": "nobody",
        "credits": "99998",
    }
    (sent,) = api.sandbox.emails(LOGIN)
    assert (sent["id"], sent["status"], sent["html"], sent["alias"]) == ("ap_28400001", "sent", "<p>Été</p>", "ACME")
    assert sent["recipients"] == ["marie@example.org", "paul@example.org"]
    assert api.sandbox.campaigns() == []


def test_schedule_emails(api: Api) -> None:
    """With a DATE to come emails wait like SMS do: they can be cancelled until then."""
    first, second = (api("sendEmail", emailData=data(**EMAIL, DATE=LATER)) for _ in range(2))
    assert (first["status"], first["statusText"]) == (101, f"The message was scheduled to be sent at {LATER}")
    assert api("deleteCampaign", campId=first["campaignId"]) == {"status": "OK"}
    assert api("getInfo")["credits"] == "99998"
    api.sandbox.set_clock(datetime(2026, 11, 27, 10, 0, 0))
    assert [email["status"] for email in api.sandbox.emails()] == ["deleted", "sent"]
    assert api("deleteCampaign", campId=second["campaignId"])["status"] == "CAMPALREADYSENT"
    assert list(api("getAcks", campId=second["campaignId"])) == ["error"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"FROM": ""}, 106),
        ({"FROM": "shop"}, 106),
        ({"SUBJECT": " "}, 107),
        ({"HTML": ""}, 109),
        ({"HTML": "<p>not in base64</p>"}, 109),
        ({"HTML": b64encode(b"\xff").decode()}, 109),
        ({"TO": ""}, 110),
        ({"TO": " ; "}, 110),
        ({"TO": "marie;paul"}, 114),
        ({"TO": []}, 109),
        ({"DATE": "27/11/2026"}, 115),
        ({"HTML": EMAIL["HTML"][:4] + "\n" + EMAIL["HTML"][4:]}, 100),
    ],
)
def test_statuses_of_annex_21(api: Api, content: dict[str, object], code: int) -> None:
    """Each way in which a feed is wrong has its status, and only 100 costs anything."""
    assert api("sendEmail", emailData=data(**EMAIL | content))["status"] == code
    assert (api("getInfo")["credits"] == "100000") == (code != 100)


@pytest.mark.parametrize(("payload", "code"), [("", 105), ('{"DATA": {}}', 105), ("{", 109)])
def test_feeds_that_cannot_be_read(api: Api, payload: str, code: int) -> None:
    """No feed is 105; one that is broken is 109."""
    assert api("sendEmail", emailData=payload)["status"] == code


def test_too_few_credits(api: Api) -> None:
    """104 names both numbers and takes nothing; in post payment nothing is limited."""
    api.sandbox.use_credits(LOGIN, 99_999)
    answer = api("sendEmail", emailData=data(**EMAIL))
    assert answer["status"] == 104
    assert "Use: 2 Credits, Available: 1 Credits" in answer["statusText"]
    assert api("getInfo")["credits"] == "1"
    api.sandbox.ensure_master("big", "k", credits=0, postpaid=True)
    assert Api(api.sandbox, "big", "k")("sendEmail", emailData=data(**EMAIL))["status"] == 100


def test_a_stranger_sends_no_email(api: Api) -> None:
    """A login that does not exist is refused with 102."""
    assert Api(api.sandbox, "nobody", "k")("sendEmail", emailData=data(**EMAIL))["status"] == 102
    assert api.sandbox.emails() == []
