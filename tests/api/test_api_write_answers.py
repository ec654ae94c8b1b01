"""What the answer to each write amounts to: done, refused, or in doubt."""

from decimal import Decimal
from typing import Any

import pytest

from smsops.api.errors import ApiError, AuthenticationRefused, OutcomeUnknown, Refused
from smsops.api.records import Cancelled, Counts, CreatedSubAccount, Sent
from tests.api.scripted_server import CALLS, WRITES, Server, Step, ask, failure


def read(method: str, answer: Step, **options: Any) -> Any:
    return ask(Server(answer), CALLS[method][0], **options)


def error(method: str, answer: Step) -> ApiError:
    raised = failure(Server(answer), CALLS[method][0])
    assert isinstance(raised, ApiError)
    return raised


@pytest.mark.parametrize(
    "method", ["createSubAccount", "updateSubAccount", "deleteSubAccount", "createList", "deleteList"]
)
@pytest.mark.parametrize("key", ["text", "statusText"])
def test_edit_refused(method: str, key: str) -> None:
    """Status 0 is an error, explained under one name or the other."""
    raised = error(method, {"status": "0", key: "An error has occurred"})

    assert type(raised) is Refused
    assert raised.status == 0
    assert "An error has occurred" in raised.detail


def test_created_sub_account_brings_its_key() -> None:
    """The key is in the answer in production, and may be missing."""
    assert read("createSubAccount", {"status": 1, "ApiKey": " k "}) == CreatedSubAccount("k")
    assert read("createSubAccount", {"status": "1"}) == CreatedSubAccount(None)


@pytest.mark.parametrize("method", WRITES)
def test_success_with_an_error_is_in_doubt(method: str) -> None:
    """An answer that says both is not a success."""
    answer = CALLS[method][1]
    assert isinstance(answer, dict)

    assert type(error(method, answer | {"error": "database down"})) is OutcomeUnknown
    read(method, answer | {"error": ""})


@pytest.mark.parametrize("method", ["populateList", "deleteContacts"])
def test_counts(method: str) -> None:
    """The counts come as numbers or text; without all of them a success says nothing."""
    assert read(method, {"status": 1, "SUCCESS": "1", "ignored": 3, "Duplicated": "2"}) == Counts(1, 3, 2)
    assert type(error(method, {"status": 1, "Success": 1, "Ignored": 0})) is OutcomeUnknown
    assert type(error(method, {"status": 1, "Success": -1, "Ignored": 0, "Duplicated": 0})) is OutcomeUnknown
    assert type(error(method, {"status": 0, "Success": 0, "Ignored": 1, "Duplicated": 0})) is Refused
    assert type(error(method, {"status": 0, "Success": 1, "Ignored": 1, "Duplicated": 0})) is OutcomeUnknown


@pytest.mark.parametrize(
    ("answer", "balance"),
    [
        ({"Subaccount": [{"Login": "paris", "credits": "1500"}]}, 1500),
        ({"subaccount": {"LOGIN": "Paris", "Credits": 1500}}, 1500),
        ({"status": "OK", "subaccount": {"Login": "paris", "credits": "0.5"}}, Decimal("0.5")),
        ({"status": 100, "subaccount": {"Login": "paris", "credits": 3}}, 3),
        ({"Login": "paris", "Credits": "7"}, 7),
        ({"status": "ok"}, None),
        ("<X><status> OK </status><subaccount><Login>paris</Login><credits>8</credits></subaccount></X>", 8),
    ],
)
def test_credits_moved(answer: Step, balance: object) -> None:
    """Success is a status OK, or the sub-account itself without a word of an error."""
    assert read("manageSubAccountCredits", answer) == balance


@pytest.mark.parametrize("code", range(6))
def test_credits_refused(code: int) -> None:
    """0 to 5 are errors here, 1 included, which is success elsewhere."""
    raised = error("manageSubAccountCredits", {"status": str(code), "statusText": "no"})

    assert type(raised) is Refused
    assert raised.status == code


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 100},
        {"status": 6},
        {"credits": 1500},
        {"Subaccount": []},
        {"Subaccount": [{"Login": None, "credits": 3}]},
        {"Subaccount": [{"Login": "lyon", "credits": 3}]},
        {"status": "OK", "Subaccount": [{"Login": "lyon", "credits": 3}]},
        {"Subaccount": [{"Login": "paris"}, {"Login": "lyon"}]},
        {"status": 1, "Subaccount": [{"Login": "paris", "credits": 3}]},
        {"status": "ERROR", "Subaccount": [{"Login": "paris", "credits": 3}]},
    ],
)
def test_credits_in_doubt(answer: dict[str, Any]) -> None:
    """No status and no sub-account, somebody else's balance, an error with a balance: nothing is known."""
    assert type(error("manageSubAccountCredits", answer)) is OutcomeUnknown


def test_sent() -> None:
    """All that an answer tells of a campaign that was taken."""
    answer = {
        "status": "100",
        "campaignId": 28400001,
        "credits": "340",
        "creditsUsed": "15",
        "nbContacts": "1",
        "nbSms": 1,
        "invalidNumbers": ["+33600", 0],
    }

    assert read("sendSms", answer) == Sent(100, "28400001", 340, 15, 1, 1, ("33600", "0"))


def test_partly_sent() -> None:
    """111 with a campaign id is the older table's "some numbers are invalid"."""
    assert read("sendSms", {"status": 111, "campaignId": "ap_1", "invalidNumbers": "06"}).status == 111


@pytest.mark.parametrize("status", [102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115])
def test_send_refused(status: int) -> None:
    """The failures of both tables: refused without a campaign id, in doubt with one (but for 111)."""
    raised = error("sendSms", {"status": str(status), "campaignId": ""})

    assert isinstance(raised, AuthenticationRefused if status == 102 else Refused)
    assert raised.status == status
    if status != 111:
        assert type(error("sendSms", {"status": status, "campaignId": "ap_1"})) is OutcomeUnknown


@pytest.mark.parametrize("campaign", [None, "", "0", 0, False, [], "null"])
@pytest.mark.parametrize("status", [100, 101])
def test_lost_campaign_id(status: int, campaign: object) -> None:
    """A message that was taken without a campaign id has happened, and the evidence says so."""
    raised = error("sendSms", {"status": status, "campaignId": campaign})

    assert isinstance(raised, OutcomeUnknown)
    assert {"status": str(status), "happened": "yes"}.items() <= raised.evidence.items()


@pytest.mark.parametrize("status", ["OK", "ok", " O.K. "])
def test_cancelled(status: str) -> None:
    """OK is the only way to say that a campaign was cancelled."""
    assert read("deleteCampaign", {"Status": status}) == Cancelled(already=False)


def test_cancelled_before() -> None:
    """A campaign that was deleted already is done, not an error."""
    assert read("deleteCampaign", {"status": "CAMPAIGNALREADYDELETED"}) == Cancelled(already=True)
    assert read("deleteCampaign", {"status": "CampaignAlready_Deleted"}) == Cancelled(already=True)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("CAMPNOTFOUND", "CAMPNOTFOUND"),
        ("BADCAMPAIGSENDINGTYPE", "BADCAMPAIGSENDINGTYPE"),
        ("BAD CAMPAIGN SENDING TYPE", "BADCAMPAIGSENDINGTYPE"),
        ("bcampaignstatus", "BCAMPAIGNSTATUS"),
        ("BADDATETOSEND", "BADDATETOSEND"),
        ("CAMPALREADYSENT", "CAMPALREADYSENT"),
        ("CampaignAlreadySent", "CAMPALREADYSENT"),
    ],
)
def test_cancel_refused(status: str, code: str) -> None:
    """The doubtful spellings of the manual and the regular ones are the same refusal."""
    raised = error("deleteCampaign", {"status": status})

    assert type(raised) is Refused
    assert raised.status == code


def test_campaign_id_not_found_may_be_the_key() -> None:
    """The one code has two meanings in the manual, and the other one cannot be: the id is always sent."""
    assert type(error("deleteCampaign", {"status": "CAMPIDNOTFOUND"})) is AuthenticationRefused


@pytest.mark.parametrize(
    "answer",
    [
        {"url ": " https://acme.example/sale ", "SHORTURL ": " http://bs.ms/1a2b "},
        {"url": "https://acme.example/sale", "shortUrl": "http://bs.ms/1a2b"},
        {"shorturl": r"http:\/\/bs.ms\/1a2b"},
        [{"ShortUrl": "http://bs.ms/1a2b", "status": 100, "error": ""}],
        {"shortenUrl": {"SHORTURL": "http://bs.ms/1a2b", "status": "1"}},
        r'{"SHORTURL": "http:\/\/bs.ms\/1a2b"}',
        "<ShortenUrl><Url> https://acme.example/sale </Url><SHORTURL> http://bs.ms/1a2b </SHORTURL></ShortenUrl>",
    ],
)
def test_shortened(answer: Step) -> None:
    """The short address is read in every form that the manual and clients have shown."""
    assert read("shortenUrl", answer) == "http://bs.ms/1a2b"


@pytest.mark.parametrize(
    "found", ["", None, 0, False, [], "error", "bs.ms/1a2b", "http://bs.ms", "http://bs.ms/", "ftp://bs.ms/1"]
)
def test_not_shortened(found: object) -> None:
    """What is no address is no success; beside an error it is a refusal."""
    assert type(error("shortenUrl", {"url": "https://acme.example/sale", "SHORTURL": found})) is OutcomeUnknown
    assert type(error("shortenUrl", {"status": "0", "statusText": "no", "SHORTURL": found})) is Refused
    assert type(error("shortenUrl", {"error": "no", "SHORTURL": found})) is Refused
    assert type(error("shortenUrl", {"status": 102, "SHORTURL": found})) is AuthenticationRefused


def test_an_address_with_blanks_or_words_is_none() -> None:
    """Words of an error behind an address are not glued to it."""
    assert type(error("shortenUrl", {"SHORTURL": "http://bs.ms/1a2b is not reachable"})) is OutcomeUnknown
    assert type(error("shortenUrl", {"SHORTURL": "http://bs.ms/<b>1</b>"})) is OutcomeUnknown


def test_an_address_beside_a_failure_is_in_doubt() -> None:
    """An answer that says both is believed in neither."""
    assert type(error("shortenUrl", {"status": 0, "SHORTURL": "http://bs.ms/1a2b"})) is OutcomeUnknown
    assert type(error("shortenUrl", {"status": 102, "SHORTURL": "http://bs.ms/1a2b"})) is OutcomeUnknown
