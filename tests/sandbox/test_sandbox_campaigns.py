"""Campaigns in the sandbox: manual §5, §6, §7, §15, annexes 5 and 7."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, data, new_api

NOW = datetime(2026, 11, 20, 12, 0, 0)
LATER = "2026-11-27 10:00:00"
PHONE = "33612345678"


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    sandbox.set_clock(NOW)
    yield new_api(sandbox)
    sandbox.close()


def status(api: Api, **content: object) -> Any:
    full = {"MESSAGE": "Bonjour", "SMS": [{"MOBILEPHONE": PHONE}]} | content
    return api("sendSms", smsData=data(**full))["status"]


def test_send_at_once(api: Api) -> None:
    """Without a DATE the campaign is sent and paid for, and the answer has the manual's keys and types."""
    answer = api.send("0612345678", "0712345678", TPOA="ACME", message="Bonjour STOP au 36180")
    assert (answer["status"], answer["statusText"]) == (100, "Your messages have been sent")
    assert (answer["credits"], answer["creditsUsed"]) == ("99970", "30")
    assert (answer["nbContacts"], answer["nbSms"], answer["invalidNumbers"]) == ("2", "2", "")
    assert [sms["phoneNumber"] for sms in answer["smsIds"]] == [PHONE, "33712345678"]
    assert len({sms["smsId"] for sms in answer["smsIds"]}) == 2
    (campaign,) = api.sandbox.campaigns(LOGIN)
    assert campaign["id"] == answer["campaignId"]
    assert (campaign["status"], campaign["sender"], campaign["date"]) == ("sent", "ACME", "2026-11-20 12:00:00")
    assert api("getInfo")["credits"] == "99970"


def test_schedule_and_let_time_pass(api: Api) -> None:
    """A DATE to come schedules in the time of Paris; it is sent once the clock has reached it."""
    answer = api.send(PHONE, DATE=LATER, CAMPAIGN_NAME="Black Friday", MAIL_NOTIF="1")
    assert (answer["status"], answer["statusText"]) == (101, f"The message was scheduled to be sent at {LATER}")
    api.sandbox.set_clock(datetime(2026, 11, 27, 9, 59, 59))
    assert api.sandbox.campaigns()[0]["status"] == "scheduled"
    api.sandbox.set_clock(datetime(2026, 11, 27, 10, 0, 0))
    (campaign,) = api.sandbox.campaigns()
    assert (campaign["status"], campaign["name"], campaign["date"]) == ("sent", "Black Friday", LATER)


def test_a_date_gone_by_is_sent_at_once(api: Api) -> None:
    """A DATE in the past does not schedule."""
    answer = api.send(PHONE, DATE="2026-11-20 11:59:59")
    assert answer["status"] == 100
    assert api("deleteCampaign", campId=answer["campaignId"])["status"] == "BADCAMPAIGSENDINGTYPE"


def test_dates_are_told_apart_when_summer_time_ends(api: Api) -> None:
    """An hour that exists twice is compared as a moment, not by its digits."""
    api.sandbox.set_clock(datetime.fromisoformat("2026-10-25T02:30:00+01:00"))
    assert api.send(PHONE, DATE="2026-10-25 02:45:00")["status"] == 100


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"MESSAGE": ""}, 110),
        ({"MESSAGE": None}, 110),
        ({"MESSAGE": "x" * 1225}, 111),
        ({"MESSAGE": "x" * 1224}, 100),
        ({"MESSAGE": "x" * 1223 + "\n"}, 111),
        ({"DATE": "2026-11-27"}, 115),
        ({"DATE": "2026-11-27T10:00:00"}, 115),
        ({"DATE": "2026-02-30 10:00:00"}, 115),
        ({"DATE": "2026-11-27 3:10:00 p.m."}, 115),
        ({"DATE": []}, 115),
        ({"DATE": ""}, 100),
        ({"SMS": []}, 114),
        ({"SMS": None}, 114),
        ({"SMS": [{"MOBILEPHONE": "0493000000"}]}, 114),
        ({"SMS": {"MOBILEPHONE": PHONE}}, 100),
        ({"SMS": [PHONE]}, 109),
        ({"DYNAMIC": "1"}, 109),
        ({"DYNAMIC": "one"}, 109),
        ({"DYNAMIC": "0"}, 100),
        ({"MESSAGE": "#param_1#"}, 109),
        ({"MESSAGE": "#param_0#"}, 109),
        ({"MESSAGE": "#param_" + "9" * 5000 + "#"}, 111),
        ({"MESSAGE": "\ud800"}, 109),
        ({"DATE": "0001-01-01 00:00:00"}, 100),
        ({"MESSAGE": "#param_1#", "DYNAMIC": "1"}, 109),
        ({"MESSAGE": "#param_2#", "DYNAMIC": "1", "SMS": [{"MOBILEPHONE": PHONE, "PARAM_1": "a"}]}, 109),
        ({"MESSAGE": "#param_1#", "DYNAMIC": 1, "SMS": [{"MOBILEPHONE": PHONE, "PARAM_1": ""}]}, 100),
        ({"MESSAGE": "#param_1#" * 2, "DYNAMIC": "1", "SMS": [{"MOBILEPHONE": PHONE, "PARAM_1": "a"}]}, 100),
        ({"MESSAGE": "#param_1#", "DYNAMIC": "1", "SMS": [{"MOBILEPHONE": PHONE, "PARAM_1": "x" * 1225}]}, 111),
    ],
    ids=lambda value: str(value)[:60],
)
def test_statuses_of_annex_5(api: Api, content: dict[str, object], code: int) -> None:
    """Each way in which a feed is wrong has its status, and only 100 costs anything."""
    assert status(api, **content) == code
    assert len(api.sandbox.campaigns()) == (code == 100)
    assert (api("getInfo")["credits"] == "100000") == (code != 100)


@pytest.mark.parametrize(
    ("payload", "code"),
    [("", 105), ('{"DATA": {}}', 105), ("{", 109), ('{"MESSAGE": "x"}', 109)],
)
def test_feeds_that_cannot_be_read(api: Api, payload: str, code: int) -> None:
    """No feed is 105; one that is broken or without its wrapper is 109."""
    assert api("sendSms", smsData=payload)["status"] == code


def test_too_few_credits(api: Api) -> None:
    """104 names both numbers and takes nothing; a simulation does not look at the balance."""
    api.sandbox.use_credits(LOGIN, 99_990)
    answer = api.send(PHONE)
    assert answer["status"] == 104
    assert "Use: 15 Credits, Available: 10 Credits" in answer["statusText"]
    assert api("getInfo")["credits"] == "10"
    assert api.send(PHONE, method="simulateCampaign")["status"] == 100


def test_simulation_costs_nothing(api: Api) -> None:
    """simulateCampaign counts as a sending would, with numbers, and leaves no trace."""
    before = api.sandbox.snapshot()
    answer = api.send(PHONE, "1", "0712345678", method="simulateCampaign", message="x" * 161, DATE=LATER)
    assert answer == {
        "status": 100,
        "statusText": "Your messages have been sent",
        "invalidNumbers": "1",
        "NbCredits": 60,
        "nbContacts": 2,
        "nbSms": 4,
    }
    assert api.sandbox.snapshot() == before


def test_who_is_left_out(api: Api) -> None:
    """Invalid numbers are named, blacklisted ones are not; a number that stands twice is paid for twice."""
    api.sandbox.blacklist(LOGIN, "0799999999")
    answer = api.send(PHONE, "0493000000", "0612345678", "0799999999", "12")
    assert (answer["nbContacts"], answer["creditsUsed"]) == ("2", "30")
    assert answer["invalidNumbers"] == "0493000000;12"


def test_everybody_gets_a_text_of_their_own(api: Api) -> None:
    """`#param_n#` is filled for each recipient, and each text is measured on its own."""
    recipients = [
        {"MOBILEPHONE": PHONE, "PARAM_1": "Zoé", "PARAM_2": "Lyon"},
        {"MOBILEPHONE": "0712345678", "PARAM_1": "x" * 160, "PARAM_2": "#param_1#"},
    ]
    answer = api("sendSms", smsData=data(MESSAGE="#param_1#, #PARAM_2#", DYNAMIC="2", SMS=recipients))
    assert answer["nbSms"] == "3"
    assert api.sandbox.campaigns()[0]["recipients"] == [
        {"phone": PHONE, "text": "Zoé, Lyon"},
        {"phone": "33712345678", "text": "x" * 160 + ", #param_1#"},
    ]


@pytest.mark.parametrize(
    ("message", "segments"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("x" * 158 + "\n", 1),
        ("x" * 159 + "\n", 2),
        ("x" * 157 + "\r\n", 1),
        ("x" * 158 + "\r\n", 2),
        ("x" * 152 + "€" + "x" * 151, 2),
        ("x" * 152 + "€" + "x" * 152, 3),
        ("x" * 152 + "\n" + "x" * 152, 3),
        ("x" * 153 + "€" + "x" * 151, 2),
        ("é" * 160, 1),
        ("ê" * 70, 1),
        ("ê" + "x" * 70, 2),
        ("ê" * 134, 2),
        ("ê" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
        ("ê" + "😀" * 66, 2),
    ],
)
def test_segments(api: Api, message: str, segments: int) -> None:
    """GSM-7 makes parts of 160 or 153, UCS-2 of 70 or 67; some characters count twice and are never split."""
    assert api.send(PHONE, method="simulateCampaign", message=message)["nbSms"] == segments


@pytest.mark.parametrize(
    ("phone", "price"), [(PHONE, 15), ("32475123456", 24), ("352621123456", 22), ("99812345678", 30)]
)
def test_prices(api: Api, phone: str, price: int) -> None:
    """The price is that of the number's country, found by its calling code."""
    assert api.send(phone, method="simulateCampaign")["NbCredits"] == price


@pytest.mark.parametrize(
    ("tpoa", "message", "sender"),
    [
        ("ACME", "Bonjour STOP au 36180", "ACME"),
        ("ACME", "Bonjour\nStop au 36180", "ACME"),
        ("ACME", "Bonjour", "36180"),
        ("ACME", "BonjourSTOP au 36180", "36180"),
        ("ACME", "STOP au 36180.", "36180"),
        ("", "Bonjour STOP au 36180", "36180"),
        ("ACMÉ", "Bonjour STOP au 36180", "36180"),
        ("AC", "Bonjour STOP au 36180", "36180"),
        ("ACME AGENCY 1", "Bonjour STOP au 36180", "36180"),
    ],
)
def test_sender(api: Api, tpoa: str, message: str, sender: str) -> None:
    """A wanted sender shows in France only when it is valid and the text ends with the STOP mention."""
    api.send(PHONE, TPOA=tpoa, message=message)
    assert api.sandbox.campaigns()[0]["sender"] == sender


def test_cancel_refunds_once(api: Api) -> None:
    """A scheduled campaign can be deleted once; its credits come back."""
    sent = api.send(PHONE, DATE=LATER)
    assert api("getInfo")["credits"] == "99985"
    assert api("deleteCampaign", campId=sent["campaignId"]) == {"status": "OK"}
    assert api("deleteCampaign", campId=sent["campaignId"])["status"] == "CAMPAIGNALREADYDELETED"
    assert api("getInfo")["credits"] == "100000"
    api.sandbox.set_clock(NOW + timedelta(days=30))
    assert api.sandbox.campaigns()[0]["status"] == "deleted"


@pytest.mark.parametrize("wanted", ["ap_1", "ap_99999999", "x", "ap_²", "ap_" + "9" * 40])
def test_cancel_of_an_unknown_campaign(api: Api, wanted: str) -> None:
    """An identifier that names nothing is CAMPNOTFOUND, none at all CAMPIDNOTFOUND."""
    assert api("deleteCampaign", campId=wanted)["status"] == "CAMPNOTFOUND"
    assert api("deleteCampaign")["status"] == "CAMPIDNOTFOUND"


def test_cancel_of_another_accounts_campaign(api: Api) -> None:
    """Neither a sub-account's campaign nor the master's can be deleted by the other."""
    key = api.sandbox.add_sub_account(LOGIN, "sub", credits=100)
    sub = Api(api.sandbox, "sub", key)
    theirs, mine = sub.send(PHONE, DATE=LATER), api.send(PHONE, DATE=LATER)
    assert api("deleteCampaign", campId=theirs["campaignId"])["status"] == "CAMPNOTFOUND"
    assert sub("deleteCampaign", campId=mine["campaignId"])["status"] == "CAMPNOTFOUND"


def test_cancel_of_a_sent_campaign(api: Api) -> None:
    """Once its date has passed a campaign is sent, whoever asks first."""
    sent = api.send(PHONE, DATE=LATER)
    api.sandbox.set_clock(NOW + timedelta(days=30))
    assert api("deleteCampaign", campId=sent["campaignId"])["status"] == "CAMPALREADYSENT"
    assert api("getInfo")["credits"] == "99985"


@pytest.mark.parametrize(("how", "status"), [("stopped", "BCAMPAIGNSTATUS"), ("undated", "BADDATETOSEND")])
def test_cancel_of_a_damaged_campaign(api: Api, how: str, status: str) -> None:
    """A campaign with something wrong about it cannot be cancelled, and gives nothing back."""
    sent = api.send(PHONE, DATE=LATER)
    api.sandbox.damage(sent["campaignId"], how)
    assert api("deleteCampaign", campId=sent["campaignId"])["status"] == status
    assert api("getInfo")["credits"] == "99985"
    with pytest.raises(ValueError, match="stopped or undated"):
        api.sandbox.damage(sent["campaignId"], "blue")


def test_a_sub_account_pays_for_itself(api: Api) -> None:
    """A sending takes the credits of the account whose login sent it; subAccount has no meaning here."""
    api.sandbox.add_sub_account(LOGIN, "sub", credits=100)
    api("sendSms", smsData=data(MESSAGE="x", SMS=[{"MOBILEPHONE": PHONE}]), subAccount="sub")
    accounts = api.sandbox.snapshot()["accounts"]
    assert (accounts[LOGIN]["credits"], accounts["sub"]["credits"]) == (99_985, 100)


def test_a_postpaid_account_is_not_charged(api: Api) -> None:
    """In post payment the balance neither limits a sending nor moves."""
    api.sandbox.ensure_master("big", "k", credits=0, postpaid=True)
    big = Api(api.sandbox, "big", "k")
    sent = big.send(PHONE, DATE=LATER)
    assert (sent["status"], sent["credits"], sent["creditsUsed"]) == (101, "0", "15")
    assert big("deleteCampaign", campId=sent["campaignId"])["status"] == "OK"
    assert big("getInfo")["credits"] == "0"


def test_more_than_2000_recipients_end_in_doubt(api: Api) -> None:
    """A sending that is too big goes to the first 2000, and its answer is an error of the server."""
    recipients = [{"MOBILEPHONE": f"336{number:08}"} for number in range(2001)]
    response = api.raw("sendSms", smsData=data(MESSAGE="x", SMS=recipients, DATE=LATER))
    assert response.status_code == 500
    assert len(api.sandbox.campaigns()[0]["recipients"]) == 2000
    assert api("getInfo")["credits"] == "70000"


def test_simplified_sending(api: Api) -> None:
    """What sendSms takes in a feed can come in parameters, at the address of the version, and is answered with less."""
    one = {"message": "Bonjour STOP au 36180", "tpoa": "ACME", "campaign": "Soldes"}
    answer = api("9.0", mobile="0612345678; 0712345678;0493000000;", **one)
    assert answer == {
        "status": 100,
        "statusText": "Your messages have been sent",
        "invalidNumbers": "0493000000",
        "campaignId": "ap_28400001",
        "credits": "99970",
    }
    assert api("9.0", mobile=PHONE, message="x", TPOA="ACME", date=LATER)["status"] == 101
    first, second = api.sandbox.campaigns()
    assert (first["name"], first["sender"], [one["phone"] for one in first["recipients"]]) == (
        "Soldes",
        "ACME",
        [PHONE, "33712345678"],
    )
    assert (second["status"], second["date"], second["tpoa"]) == ("scheduled", LATER, "ACME")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"message": ""}, 110),
        ({"message": "x" * 1225}, 111),
        ({"message": "#param_1#"}, 109),
        ({"mobile": ""}, 114),
        ({"mobile": "12;13"}, 114),
        ({"date": "tomorrow"}, 115),
        ({"apiKey": "wrong"}, 102),
    ],
)
def test_refusals_of_simplified_sending(api: Api, params: dict[str, str], code: int) -> None:
    """Simplified sending refuses with the statuses of sendSms, and takes nothing."""
    assert api("9.0", **({"message": "x", "mobile": PHONE} | params))["status"] == code
    assert (api.sandbox.campaigns(), api("getInfo")["credits"]) == ([], "100000")
