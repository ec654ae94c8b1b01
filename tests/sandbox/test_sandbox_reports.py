"""What comes back in the sandbox: delivery reports and replies, manual §8 to §12, §14 and annex 6."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, data, new_api

NOW = datetime(2026, 11, 20, 12, 0, 0)
LATER = "2026-11-27 10:00:00"
SENT_LATER = datetime(2026, 11, 27, 10, 0, 0)
PHONES = [f"336{number:08}" for number in range(400)]
REPORTS = ("getAcks", "getPull")
BY_SMS = ("getAckBySmsId", "getPullBySmsId")


def talking(seed: int = 1, reply_rate: float = 0.3, stop_rate: float = 0.3) -> Api:
    sandbox = Sandbox(seed=seed, reply_rate=reply_rate, stop_rate=stop_rate)
    sandbox.set_clock(NOW)
    return new_api(sandbox)


@pytest.fixture
def api() -> Iterator[Api]:
    made = talking()
    yield made
    made.sandbox.close()


def after(api: Api, **time: float) -> None:
    api.sandbox.set_clock(NOW + timedelta(**time))


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")


def test_reports_come_within_72_hours(api: Api) -> None:
    """Every SMS is with the operator at first; in 72 hours most are delivered, and each status of annex 6 occurs."""
    sent = api.send(*PHONES, CLIMSGID="mine")
    answer = api("getAcks", campId=sent["campaignId"])
    assert answer["cliMsgId"] == "mine"
    assert answer["acks"][0] == {
        "phoneNumber": PHONES[0],
        "status": "3",
        "comment": "Transmitted to the operator",
        "receptionDate": "2026-11-20 12:00:00",
    }
    undecided = [400]
    for hours in (0.1, 1, 12, 72, 1000):
        after(api, hours=hours)
        acks = api("getAcks", campId=sent["campaignId"])["acks"]
        assert [ack["phoneNumber"] for ack in acks] == PHONES
        assert all(NOW <= moment(ack["receptionDate"]) <= NOW + timedelta(hours=min(hours, 72)) for ack in acks)
        counts = Counter(ack["status"] for ack in acks)
        undecided.append(counts["3"])
    assert undecided[:5] == sorted(set(undecided), reverse=True)
    assert undecided[4] == undecided[5]
    assert set(counts) == {"1", "2", "3", "4", "5"}
    assert counts["1"] > 340


def test_nothing_is_reported_before_the_date(api: Api) -> None:
    """A scheduled campaign has no reports until its date, a cancelled one never."""
    first, second = (api.send("0612345678", DATE=LATER) for _ in range(2))
    sms = first["smsIds"][0]["smsId"]
    assert api("getAcks", campId=first["campaignId"])["acks"] == []
    assert list(api("getAckBySmsId", smsIds=sms)) == ["error"]
    api("deleteCampaign", campId=second["campaignId"])
    api.sandbox.set_clock(SENT_LATER)
    assert api("getAcks", campId=first["campaignId"])["acks"][0]["receptionDate"] == LATER
    assert api("getAckBySmsId", smsId=sms) == api("getAcks", campId=first["campaignId"])["acks"][0]
    assert api("getAcks", campId=second["campaignId"])["acks"] == []


def test_silence_is_the_default() -> None:
    """Without a rate nobody answers and nobody stops, and none of it is an error except for a single SMS."""
    sandbox = Sandbox()
    sandbox.set_clock(NOW)
    api = new_api(sandbox)
    sent = api.send(*PHONES)
    after(api, days=30)
    assert api("getPull", campId=sent["campaignId"]) == {"Mos": [], "CliMsgId": ""}
    assert api("getPulls") == {"Mos": []}
    assert api("getBlacklist") == {"Blacklist": []}
    assert list(api("getPullBySmsId", smsIds=sent["smsIds"][0]["smsId"])) == ["error"]
    sandbox.close()


def test_who_is_reached_answers(api: Api) -> None:
    """Answers come from those who got the SMS, after they got it, at the given rates; getPull shows them every time."""
    sent = api(
        "sendSms", smsData=data(MESSAGE="x", SMS=[{"MOBILEPHONE": phone, "CLIMSGID": "mine"} for phone in PHONES])
    )
    assert api("getPull", campId=sent["campaignId"])["Mos"] == []
    after(api, days=30)
    acks = {ack["phoneNumber"]: ack for ack in api("getAcks", campId=sent["campaignId"])["acks"]}
    answer = api("getPull", campId=sent["campaignId"])
    assert answer == api("getPull", campId=sent["campaignId"])
    assert answer["CliMsgId"] == "mine"
    replies = answer["Mos"]
    assert list(replies[0]) == ["phoneNumber", "Id", "campaignId", "Message", "receptionDate"]
    assert len({reply["Id"] for reply in replies}) == len(replies)
    assert all(earlier["receptionDate"] <= later["receptionDate"] for earlier, later in pairwise(replies))
    for reply in replies:
        ack = acks[reply["phoneNumber"]]
        assert ack["status"] == "1"
        assert ack["receptionDate"] < reply["receptionDate"]
        assert reply["campaignId"] == sent["campaignId"]
    words = Counter(reply["Message"] for reply in replies)
    assert 60 < words["STOP"] < 160
    assert 0 < words["START"] < words["STOP"] / 2
    assert 60 < len(replies) - words["STOP"] - words["START"] < 160


def test_one_reply_by_its_sms(api: Api) -> None:
    """The reply to one SMS is the last that its recipient sent, under the keys of §12; silence is an error."""
    sent = api.send(*PHONES)
    after(api, days=30)
    last = {reply["phoneNumber"]: reply for reply in api("getPull", campId=sent["campaignId"])["Mos"]}
    for sms in sent["smsIds"]:
        answer = api("getPullBySmsId", smsIds=sms["smsId"])
        reply = last.get(sms["phoneNumber"])
        if reply is None:
            assert list(answer) == ["error"]
        else:
            assert answer == {
                "phoneNumber": sms["phoneNumber"],
                "campaignId": sent["campaignId"],
                "message": reply["Message"],
                "receptionDate": reply["receptionDate"],
            }


def test_a_number_that_stands_twice_answers_once(api: Api) -> None:
    """A number gets both SMS of a campaign, with one fate, and answers once."""
    sent = api.send(*PHONES, *PHONES)
    after(api, days=30)
    acks = api("getAcks", campId=sent["campaignId"])["acks"]
    assert acks[:400] == acks[400:]
    replies = api("getPull", campId=sent["campaignId"])["Mos"]
    answers = Counter(reply["phoneNumber"] for reply in replies if reply["Message"] != "START")
    assert set(answers.values()) == {1}


def test_stop_and_start_move_the_blacklist(api: Api) -> None:
    """At every moment the blacklist is those whose last word was STOP, and a sending leaves them out."""
    sent = api.send(*PHONES)
    api.sandbox.blacklist(LOGIN, "0799999999", "manual")
    after(api, days=30)
    replies = api("getPull", campId=sent["campaignId"])["Mos"]
    for hours in (0.5, 24, 100, 300):
        after(api, hours=hours)
        now = f"{NOW + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"
        words = {
            reply["phoneNumber"]: reply
            for reply in replies
            if reply["receptionDate"] <= now and reply["Message"] in ("STOP", "START")
        }
        stopped = {phone: word["receptionDate"] for phone, word in words.items() if word["Message"] == "STOP"}
        rows = api("getBlacklist")["Blacklist"]
        assert {row["phoneNumber"]: row["receptionDate"] for row in rows if row["comment"] == "stop"} == stopped
        dates = [row["receptionDate"] for row in rows]
        assert dates == sorted(dates, reverse=True)
        assert set(api.sandbox.snapshot()["blacklists"][LOGIN]) == stopped.keys() | {"33799999999"}
        reached = api.send(*PHONES, "0799999999", method="simulateCampaign")["nbContacts"]
        assert reached == len(PHONES) - len(stopped)


@settings(max_examples=15, deadline=None)
@given(
    limits=st.lists(st.integers(1, 100), min_size=1, max_size=6),
    hours=st.lists(st.integers(0, 200), min_size=6, max_size=6),
)
def test_each_reply_is_pulled_once(limits: list[int], hours: list[int]) -> None:
    """However one pulls, no reply comes twice, the most recent come first, and in the end all have come."""
    api = talking()
    campaigns = [api.send(*PHONES[:150])["campaignId"], api.send(*PHONES[150:300], DATE=LATER)["campaignId"]]
    pulled: list[Any] = []
    for limit, hour in zip(limits, sorted(hours), strict=False):
        after(api, hours=hour)
        part = api("getPulls", limit=str(limit))["Mos"]
        assert len(part) <= limit
        assert part == sorted(part, key=lambda reply: reply["receptionDate"], reverse=True) or len(part) < 2
        pulled += part
    after(api, days=60)
    pulled += api("getPulls")["Mos"]
    assert api("getPulls")["Mos"] == []
    everything = [reply for campaign in campaigns for reply in api("getPull", campId=campaign)["Mos"]]
    assert sorted(reply["Id"] for reply in pulled) == sorted(reply["Id"] for reply in everything)
    api.sandbox.close()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**40), looks=st.lists(st.integers(0, 400), max_size=4))
def test_the_seed_and_the_clock_are_all_that_counts(seed: int, looks: list[int]) -> None:
    """Whoever looks in between, at whatever times, a seed leads to the same reports, replies and blacklist."""
    ends = []
    for stops in (sorted(looks), []):
        api = talking(seed)
        sent = [api.send(*PHONES[:40]), api.send(*PHONES[20:60], DATE=LATER), api.send(*PHONES[:5], DATE=LATER)]
        for hour in stops:
            after(api, hours=hour)
            api("getBlacklist")
            api("getAcks", campId=sent[1]["campaignId"])
        after(api, hours=400)
        ends.append([api(method, campId=one["campaignId"]) for one in sent for method in REPORTS])
        ends[-1].append(api("getBlacklist"))
        api.sandbox.close()
    assert ends[0] == ends[1]


def test_another_seed_is_another_story() -> None:
    """Two seeds tell their fates apart."""
    stories = []
    for seed in (1, 2):
        api = talking(seed)
        sent = api.send(*PHONES)
        after(api, days=30)
        stories.append(api("getPull", campId=sent["campaignId"]))
        api.sandbox.close()
    assert stories[0] != stories[1]


def test_a_sub_accounts_reports(api: Api) -> None:
    """The master reads a sub-account's reports by naming it; without that, or from elsewhere, there is nothing."""
    key = api.sandbox.add_sub_account(LOGIN, "sub", credits=100_000)
    sub = Api(api.sandbox, "sub", key)
    sent = sub.send(*PHONES)
    after(api, days=30)
    replied = sub("getPull", campId=sent["campaignId"])["Mos"][0]["phoneNumber"]
    sms = next(sms["smsId"] for sms in sent["smsIds"] if sms["phoneNumber"] == replied)
    params = {"campId": sent["campaignId"], "smsIds": sms}
    for method in (*REPORTS, *BY_SMS):
        assert api(method, **params, subAccount="sub") == sub(method, **params)
        assert list(api(method, **params)) == ["error"]
        assert list(api(method, **params, subAccount="nobody")) == ["error"]
    assert (api("getPulls")["Mos"], api("getBlacklist")["Blacklist"]) == ([], [])
    assert len(api("getPulls", subAccount="sub")["Mos"]) > 0


@pytest.mark.parametrize("method", [*REPORTS, *BY_SMS, "getPulls"])
def test_refusals_are_errors(api: Api, method: str) -> None:
    """Bad credentials, what is not named, not there or makes no sense are told in `error`."""
    asked: list[dict[str, str]] = [{"apiKey": "wrong", "campId": "ap_28400001"}, {"limit": "0"}]
    if method != "getPulls":
        asked += [{}, {"campId": "ap_1", "smsIds": "x"}, {"campId": "ap_28400009", "smsIds": f"{9:08x}-8e0b-11e5"}]
        sent = api.send("0612345678")
        asked.append({"smsIds": sent["smsIds"][0]["smsId"].replace("-000000000000", "-000000000001")})
        asked.append({"smsIds": sent["smsIds"][0]["smsId"].replace("00000001-", "00000002-")})
    for params in asked:
        assert list(api(method, **params)) == ["error"]


def test_styles_of_reports(api: Api) -> None:
    """Reports and replies take every shape that other answers have; the old client reads `statut`."""
    campaign = api.send("0612345678")["campaignId"]
    api.sandbox.style(single=True, nested=True, numbers="int", keys="camel")
    assert api("getAcks", campId=campaign)["acks"]["ack"]["statut"] == 3
    api.sandbox.style(keys="upper", empty="null", numbers="manual")
    assert api("getAcks", campId=campaign)["ACKS"]["ACK"]["STATUS"] == "3"
    assert api("getPulls") == {"MOS": None}
    api.sandbox.style(keys="camel", empty="list")
    assert api("getPull", campId=campaign) == {"mos": [], "cliMsgId": ""}


def test_recipients_are_set_once_for_a_file(tmp_path: Any) -> None:
    """How recipients behave is kept with the data; what makes no sense is refused."""
    path = tmp_path / "s.db"
    Sandbox(path, seed=7, stop_rate=1).close()
    sandbox = Sandbox(path)
    sandbox.set_clock(NOW)
    api = new_api(sandbox)
    api.send(*PHONES)
    after(api, hours=144)
    assert len(api("getBlacklist")["Blacklist"]) > 200
    for options in ({"reply_rate": 0.5}, {"reply_rate": -1}, {"seed": 0.5}, {"stop_rate": "1"}, {"colour": 1}):
        with pytest.raises(ValueError, match=r"share|number|option"):
            sandbox.recipients(**options)
    sandbox.close()


def test_a_sub_account_takes_its_replies_along(api: Api) -> None:
    """With an account its replies go, and those that were still to come."""
    key = api.sandbox.add_sub_account(LOGIN, "sub", credits=100_000)
    Api(api.sandbox, "sub", key).send(*PHONES)
    api("deleteSubAccount", loginToDelete="sub")
    key = api.sandbox.add_sub_account(LOGIN, "sub")
    after(api, days=30)
    assert Api(api.sandbox, "sub", key)("getPulls")["Mos"] == []


def test_emails_get_no_answer(api: Api) -> None:
    """A campaign of emails leaves without anybody answering an SMS."""
    email = {"FROM": "a@b.example", "TO": "c@d.example", "SUBJECT": "x", "HTML": "PHA+", "DATE": LATER}
    sent = api("sendEmail", emailData=data(**email))
    api.sandbox.set_clock(SENT_LATER + timedelta(days=30))
    assert api("getPulls")["Mos"] == []
    assert list(api("getPull", campId=sent["campaignId"])) == ["error"]
