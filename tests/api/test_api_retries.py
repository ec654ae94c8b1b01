"""What is sent again and what never is, how long the client waits, and what it says when it gives up."""

from typing import Any

import pytest

from smsops.api.errors import ApiError, AuthenticationRefused, NotSent, OutcomeUnknown, Refused, Unreadable
from smsops.api.methods import METHODS, Retry
from smsops.api.records import Cancelled
from smsops.api.wire import NotConnected
from tests.api.scripted_server import (
    CALLS,
    READS,
    REPEATABLE,
    UNREPEATABLE,
    Reply,
    Server,
    Step,
    VirtualClock,
    ask,
    failure,
)

NEVER_LEFT = [
    NotConnected("Name or service not known"),
]
MAY_HAVE_ARRIVED: list[Step] = [
    TimeoutError("slow"),
    BrokenPipeError("broken"),
    ConnectionResetError("reset"),
    RuntimeError("the application crashed"),
    500,
    502,
    503,
    408,
    b"",
    "<html><body>Maintenance</body></html>",
    '{"status": 1',
]
RESET = ConnectionResetError("reset")
KINDS = [str(step)[:20] for step in MAY_HAVE_ARRIVED]


def outcome(method: str, *steps: Step, **options: Any) -> tuple[Server, object]:
    server = Server(*steps)
    try:
        return server, ask(server, CALLS[method][0], **options)
    except ApiError as error:
        return server, error


def good(method: str) -> Step:
    return CALLS[method][1]


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("step", NEVER_LEFT, ids=repr)
def test_request_that_never_left_is_sent_again(method: str, step: Step) -> None:
    """Every method may be tried again while there is no connection; then nothing has happened."""
    server, result = outcome(method, step, step, good(method))
    assert len(server.requests) == 3
    assert not isinstance(result, ApiError)

    server, result = outcome(method, step, attempts=3)
    assert len(server.requests) == 3
    assert type(result) is NotSent


@pytest.mark.parametrize("method", [*READS, *REPEATABLE])
@pytest.mark.parametrize("step", MAY_HAVE_ARRIVED, ids=KINDS)
def test_harmless_request_is_repeated(method: str, step: Step) -> None:
    """A read, and a write whose repetition changes nothing, goes out again up to the limit."""
    server, result = outcome(method, step, step, step, good(method))
    assert len(server.requests) == 4
    assert not isinstance(result, ApiError)

    server, result = outcome(method, step)
    assert len(server.requests) == 4
    assert type(result) is (Unreadable if method in READS else OutcomeUnknown)


@pytest.mark.parametrize("method", UNREPEATABLE)
@pytest.mark.parametrize(
    "step", [*MAY_HAVE_ARRIVED, 301, 302, 400, 418, 204], ids=[*KINDS, "301", "302", "400", "418", "204"]
)
def test_unrepeatable_request_goes_out_once(method: str, step: Step) -> None:
    """What moves money, messages or contacts is never sent twice once it may have arrived."""
    server, result = outcome(method, step, good(method))

    assert len(server.requests) == 1
    assert type(result) is OutcomeUnknown


def test_rename_goes_out_once() -> None:
    """After a rename that went through, its repetition would not find the old login."""
    server = Server(TimeoutError("slow"), {"status": 0})

    raised = failure(server, lambda api: api.update_sub_account("paris", {"LOGIN": "lyon"}))

    assert type(raised) is OutcomeUnknown
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("status", [401, 403])
def test_http_authentication_failure(method: str, status: int) -> None:
    """401 and 403 are refusals of the credentials, for every method, and nothing happened."""
    server, result = outcome(method, status)

    assert type(result) is AuthenticationRefused
    assert (result.status, len(server.requests)) == (status, 1)


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("status", [404, 405, 413, 415])
def test_wrong_address(method: str, status: int) -> None:
    """What no method has answered did not happen; the hint is where to look."""
    _, result = outcome(method, status)

    assert type(result) is Refused
    assert "account.url" in result.hint


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    """A redirect is not an answer: followed, a POST may lose its parameters, or tell the key to somebody else."""
    server, result = outcome("getInfo", Reply(status, headers={"Location": "https://other.example/"}))

    assert type(result) is Unreadable
    assert len(server.requests) == 1


# HTTP 429


def slow_down(**headers: str) -> Reply:
    return Reply(429, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("method", CALLS)
def test_too_many_requests_is_waited_for(method: str) -> None:
    """429 is an explicit refusal: every method waits as long as the server says, then goes out again."""
    clock = VirtualClock()
    server, result = outcome(method, slow_down(Retry_After="7"), good(method), clock=clock)

    assert not isinstance(result, ApiError)
    assert len(server.requests) == 2
    assert clock.now == pytest.approx(7)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "Sun, 22 Nov 2026 10:00:30 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
        ({"Retry_After": "Sun, 22 Nov 2026 09:00:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0),
        ({"Retry_After": "Sun, 22 Nov 2020 10:00:00 GMT"}, 0),
        ({"Retry_After": "0"}, 0),
        ({"Retry_After": "soon"}, 0.25),
        ({}, 0.25),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], wait: float) -> None:
    """Retry-After in seconds or as a date, otherwise the usual backoff."""
    clock = VirtualClock()
    outcome("getInfo", slow_down(**headers), good("getInfo"), clock=clock)

    assert clock.now == pytest.approx(wait)


@pytest.mark.parametrize("method", ["getInfo", "sendSms", "updateSubAccount"])
@pytest.mark.parametrize("headers", [{}, {"Retry_After": "86400"}])
def test_waiting_has_an_end(method: str, headers: dict[str, str]) -> None:
    """Turned away too often, or for too long, a read is unreadable and a write has not happened."""
    server, result = outcome(method, slow_down(**headers))

    assert type(result) is (Unreadable if method in READS else Refused)
    assert len(server.requests) == (1 if headers else 9)


# Backoff


def test_backoff_grows() -> None:
    """Pauses are random up to a bound that doubles."""
    clock = VirtualClock()
    outcome("getInfo", 500, attempts=5, clock=clock)

    assert clock.sleeps == [0.25, 0.5, 1, 2]


# Doubt after a repetition


@pytest.mark.parametrize("second", [{"status": 0}, 401, NotConnected("gone"), 404])
def test_refusal_of_a_repetition_does_not_undo_the_first(second: Step) -> None:
    """When the first request may have arrived, a failure of the second does not make it not have happened."""
    _, result = outcome("updateSubAccount", TimeoutError("slow"), second)

    assert type(result) is OutcomeUnknown


def test_repeated_cancellation() -> None:
    """A repeated cancellation finds the campaign deleted, which is success, or sent, which is not."""
    lost = TimeoutError("slow")

    assert outcome("deleteCampaign", lost, {"status": "CAMPAIGNALREADYDELETED"})[1] == Cancelled(
        already=True, repeated=True
    )
    assert type(outcome("deleteCampaign", lost, {"status": "CAMPALREADYSENT"})[1]) is Refused
    assert type(outcome("deleteCampaign", lost, {"status": "CAMPNOTFOUND"})[1]) is OutcomeUnknown


# What is left of an answer


@pytest.mark.parametrize(
    ("step", "evidence"),
    [
        ('{"status":100,"campaignId":"ap_28412345678","credits":"340","smsI', {"campaignid": "ap_28412345678"}),
        ('<b>Notice</b>{"status":100,"campaignId":"ap_1"}', {"campaignid": "ap_1", "status": "100"}),
        ("<sendSMS><status> 100 </status><campaignId> ap_1 </campaignId><cre", {"campaignid": "ap_1"}),
        (Reply(500, [b'{"status":100,"campaignId":"ap_1"}']), {"campaignid": "ap_1"}),
        (Reply(pieces=[b'{"status":100,"campai', b'gnId":"ap_1",'], error=RESET), {"campaignid": "ap_1"}),
        ({"status": 999, "campaignId": "ap_1", "credits": 5}, {"campaignid": "ap_1", "credits": "5"}),
        ('{"status":100,"campaignId":"ap_1', {"status": "100"}),
    ],
)
def test_evidence(step: Step, evidence: dict[str, str]) -> None:
    """What arrived of an answer to a write is kept: a campaign id that is lost is lost for good."""
    _, result = outcome("sendSms", step)

    assert type(result) is OutcomeUnknown
    assert evidence.items() <= result.evidence.items()


def test_half_a_campaign_id_is_no_evidence() -> None:
    """An id that was cut is another id."""
    _, result = outcome("sendSms", '{"status":100,"campaignId":"ap_1')

    assert isinstance(result, OutcomeUnknown)
    assert "campaignid" not in result.evidence


def test_retry_classes() -> None:
    """The table of methods says the same as the tables that these tests go through."""
    found = {method.name: method.retry for method in METHODS}

    assert set(found) == set(CALLS)
    assert {name for name, retry in found.items() if retry is Retry.READ} == set(READS)
    assert {name for name, retry in found.items() if retry is Retry.REPEATABLE} == set(REPEATABLE)
    assert {name for name, retry in found.items() if retry is Retry.NEVER} == {
        "sendSms",
        "simplified sending",
        "sendEmail",
        "manageSubAccountCredits",
    }
