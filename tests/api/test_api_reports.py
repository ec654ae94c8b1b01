"""Delivery reports and replies: what is read of them, and what is never taken for "there are none"."""

from datetime import datetime
from typing import Any

import pytest

from smsops.api.errors import ApiError, AuthenticationRefused, OutcomeUnknown, Refused, Unreadable
from smsops.api.records import DeliveryReport, DeliveryReports, DeliveryStatus, Replies, Reply, SentEmail
from smsops.api.tree import moment
from tests.api.scripted_server import CALLS, REPLY, REPORT, REPORTS, Server, Step, ask, failure


def read(method: str, answer: Step) -> Any:
    return ask(Server(answer), CALLS[method][0])


def error(method: str, answer: Step) -> ApiError:
    raised = failure(Server(answer), CALLS[method][0])
    assert isinstance(raised, ApiError)
    return raised


DELIVERED = DeliveryReport("33612345678", DeliveryStatus.DELIVERED, "1", "Delivered", datetime(2026, 11, 27, 10, 0, 5))
YES = Reply("33612345678", "Oui", "ap_1", None, datetime(2026, 11, 27, 10, 7))


def test_acks() -> None:
    """A campaign's reports come with the id that it was sent with."""
    assert read("getAcks", CALLS["getAcks"][1]) == DeliveryReports((DELIVERED,), "c-1")
    assert read("getAcks", {"Acks": {"Ack": REPORT}}) == DeliveryReports((DELIVERED,))


def test_no_reports_are_left_out() -> None:
    """An empty collection may be missing: then the id that stands beside it is all that there is."""
    assert read("getAcks", {"CliMsgId": "c-1"}) == DeliveryReports((), "c-1")
    assert read("getPull", {"CliMsgId": "c-1"}) == Replies((), "c-1")
    assert isinstance(error("getAcks", {"CliMsgId": "c-1", "Mos": []}), Unreadable)


@pytest.mark.parametrize("answer", [REPORT, [REPORT], {"ack": REPORT}, {"acks": {"ack": [REPORT]}}, {"acks": [REPORT]}])
def test_ack_of_one_message(answer: Step) -> None:
    """One report, with something around it or not."""
    assert read("getAckBySmsId", answer) == (DELIVERED,)


@pytest.mark.parametrize("answer", [[REPLY, REPLY], {"mos": [REPLY, REPLY]}, {"mo": [REPLY, REPLY]}])
def test_several_replies_to_one_message(answer: Step) -> None:
    """Whoever answers twice is read twice."""
    assert read("getPullBySmsId", answer) == (YES, YES)


@pytest.mark.parametrize("key", ["status", "Statut ", "STATUS"])
@pytest.mark.parametrize(("code", "status"), [(s.code, s) for s in DeliveryStatus] + [(0, None), (7, None), ("", None)])
def test_delivery_statuses(key: str, code: int | str, status: DeliveryStatus | None) -> None:
    """Each status of the table by either name; one that is not in it is not known, never delivered, and can be seen."""
    for written in (code, f" {code} "):
        (report,) = read("getAckBySmsId", {"phoneNumber": "33612345678", key: written})
        assert (report.status, report.code) == (status, str(code))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2014-02-14 3:09:05 p.m.", datetime(2014, 2, 14, 15, 9, 5)),
        ("2014-02-14 12:09:05 PM", datetime(2014, 2, 14, 12, 9, 5)),
        ("2014-02-14 12:09:05 a.m.", datetime(2014, 2, 14, 0, 9, 5)),
        (" 2014-02-14  15:09:05 ", datetime(2014, 2, 14, 15, 9, 5)),
        ("2014-02-14 15:09:05 p.m.", datetime(2014, 2, 14, 15, 9, 5)),
        ("2014-02-14T15:09", datetime(2014, 2, 14, 15, 9)),
        ("2014-02-14", datetime(2014, 2, 14)),
        ("2014-02-30 10:00:00", None),
        ("2014-02-14 25:00:00", None),
        ("0000-00-00 00:00:00", None),
        ("yesterday", None),
        (20140214, None),
        (None, None),
    ],
)
def test_dates(written: Any, meant: datetime | None) -> None:
    """A date in either form of the manual; what is none is not known."""
    assert moment(written) == meant


@pytest.mark.parametrize("method", [*REPORTS, "getPulls"])
def test_error_is_a_refusal(method: str) -> None:
    """The manual's `error` may be about the campaign or the login: it is refused, in the server's words, and never empty."""
    raised = error(method, {"error": "invalid parameters"})

    assert type(raised) is Refused
    assert "invalid parameters" in raised.detail
    assert isinstance(error(method, {"status": 0, "statusText": "no"}), Refused)
    assert type(error(method, {"status": "102"})) is AuthenticationRefused


@pytest.mark.parametrize("method", REPORTS)
@pytest.mark.parametrize(
    "answer",
    [{"status": 1}, {"mos": "none"}, {"acks": "none"}, {"phoneNumber": "336xxxxxxxx", "message": "a", "status": 1}],
)
def test_reports_that_make_no_sense(method: str, answer: dict[str, Any]) -> None:
    """What holds no report does not say that there is none."""
    assert type(error(method, answer)) is Unreadable


@pytest.mark.parametrize("method", ["getAcks", "getPull", "getPulls"])
@pytest.mark.parametrize("empty", [[], "", None, {}])
def test_nothing_reported_yet(method: str, empty: Any) -> None:
    """An empty collection under its key is the answer that there is none so far."""
    found = read(method, {"acks" if method == "getAcks" else "mos": empty})

    assert found in ((), DeliveryReports(()), Replies(()))


def test_taken_replies_that_were_lost() -> None:
    """The server gives each reply once: an answer without end is a loss that shows, and no second call hides it."""
    server = Server('{"mos": [{"phoneNumber": "33612345678", "mess', CALLS["getPulls"][1])

    assert type(failure(server, CALLS["getPulls"][0])) is OutcomeUnknown
    assert len(server.requests) == 1


def test_replies_keep_their_text() -> None:
    """What somebody wrote is kept as it is but for blanks around it, also when it is nothing."""
    for text in ("", "STOP", "Oui, à 10h\n😀", "<b>&amp;"):
        (reply,) = read("getPulls", {"mos": [REPLY | {"message": text, "Id": 7}]})
        assert (reply.text, reply.id) == (text, "7")


def test_ids_of_sent_messages() -> None:
    """sendSms tells an id for each message; nothing that is wrong with them makes the message unsent."""
    good = {"status": 100, "campaignId": "ap_1"}
    member = {"phoneNumber": "33612345678", "smsId": "f8c9"}

    assert read("sendSms", good | {"smsIds": [member]}).sms_ids == (("33612345678", "f8c9"),)
    assert read("sendSms", good | {"smsIds": {"sms": member}}).sms_ids == (("33612345678", "f8c9"),)
    for wrong in (None, "none", 5, [5], [{"smsId": "f8c9"}], [member | {"smsId": {"a": 1}}]):
        assert read("sendSms", good | {"smsIds": wrong}).sms_ids == ()


def test_email_answers() -> None:
    """The answer in any type; a status of appendix 21 is a refusal, and no campaign id is a doubt."""
    answer = {"Status": "101", "campaignId": "em_1", "invalidEmails": "a@x.example; b@x.example", "credits": "340"}

    assert read("sendEmail", answer) == SentEmail(101, "em_1", 340, ("a@x.example", "b@x.example"))
    assert error("sendEmail", {"status": 107}).status == 107
    assert type(error("sendEmail", {"status": 111, "campaignId": "em_1"})) is OutcomeUnknown
    assert type(error("sendEmail", {"status": 100})) is OutcomeUnknown
