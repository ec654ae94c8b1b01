"""What goes over the wire: the address, the parameters, both spellings of a name, the payloads."""

import base64
import json
from collections.abc import Awaitable, Callable

import pytest

from smsops.api.client import WriterClient
from smsops.api.errors import NotSent
from smsops.api.records import ListField, Message, Recipient
from tests.api.scripted_server import CALLS, EMAIL, KEY, LOGIN, MESSAGE, Server, ask, failure

Call = Callable[[WriterClient], Awaitable[object]]


def sent_by(call: Call, method: str) -> Server:
    server = Server(CALLS[method][1])
    ask(server, call)
    return server


@pytest.mark.parametrize("method", CALLS)
def test_every_request(method: str) -> None:
    """It goes to the method's address with a slash, credentials and the format in the body and not in the URL."""
    server = sent_by(CALLS[method][0], method)
    (request,) = server.requests

    assert request.url == f"https://api.example/http/9.0/{'' if method == 'simplified sending' else f'{method}/'}"
    assert {"login": LOGIN, "apiKey": KEY, "returnformat": "json"}.items() <= server.parameters.items()


SCOPED: dict[str, Call] = {
    "getLists": lambda api: api.get_lists(sub_account="paris"),
    "getContacts": lambda api: api.get_contacts("vip", sub_account="paris"),
    "getBlacklist": lambda api: api.get_blacklist(sub_account="paris"),
    "getInfo": lambda api: api.get_info(sub_account="paris"),
    "getAcks": lambda api: api.get_acks("ap_1", sub_account="paris"),
    "getAckBySmsId": lambda api: api.get_ack_by_sms_id("f8c9", sub_account="paris"),
    "getPull": lambda api: api.get_pull("ap_1", sub_account="paris"),
    "getPullBySmsId": lambda api: api.get_pull_by_sms_id("f8c9", sub_account="paris"),
    "getPulls": lambda api: api.get_pulls(sub_account="paris"),
    "updateSubAccount": lambda api: api.update_sub_account("paris", {"CITY": "Nice"}),
    "manageSubAccountCredits": lambda api: api.manage_sub_account_credits("paris", 5),
    "createList": lambda api: api.create_list("vip", locked=False, fields=(), sub_account="paris"),
    "deleteList": lambda api: api.delete_list("vip", sub_account="paris"),
    "populateList": lambda api: api.populate_list("vip", [], sub_account="paris"),
    "deleteContacts": lambda api: api.delete_contacts("vip", [], sub_account="paris"),
}
STREAMS = {"createList": "listData", "populateList": "populateData", "deleteContacts": "deleteData"}


@pytest.mark.parametrize("method", SCOPED)
def test_sub_account_is_named_in_every_spelling(method: str) -> None:
    """A spelling that the server ignores would make the call act on the master account."""
    server = sent_by(SCOPED[method], method)

    assert {"subAccount": "paris", "subaccount": "paris"}.items() <= server.parameters.items()
    if method in STREAMS:
        named = {"SUBACCOUNT": "paris", "subAccount": "paris", "subaccount": "paris"}
        assert named.items() <= server.data(STREAMS[method]).items()


@pytest.mark.parametrize("method", sorted(set(CALLS) - {"updateSubAccount", "manageSubAccountCredits"}))
def test_no_sub_account_is_named_unasked(method: str) -> None:
    """A call for the account itself names no sub-account, not even an empty one."""
    assert "subaccount" not in sent_by(CALLS[method][0], method).requests[0].content.decode().lower()


def test_delete_sub_account_has_a_parameter_of_its_own() -> None:
    """deleteSubAccount names the account by loginToDelete only."""
    assert sent_by(CALLS["deleteSubAccount"][0], "deleteSubAccount").parameters["loginToDelete"] == "paris"


@pytest.mark.parametrize("method", ["deleteCampaign", "getAcks", "getPull"])
def test_a_campaign_is_named_in_both_spellings(method: str) -> None:
    """campId and Campid."""
    parameters = sent_by(CALLS[method][0], method).parameters

    assert (parameters["campId"], parameters["Campid"]) == ("ap_1", "ap_1")


@pytest.mark.parametrize("method", ["getAckBySmsId", "getPullBySmsId"])
def test_a_message_is_named_in_both_spellings(method: str) -> None:
    """smsIds and smsId."""
    parameters = sent_by(CALLS[method][0], method).parameters

    assert (parameters["smsIds"], parameters["smsId"]) == ("f8c9-64e0", "f8c9-64e0")


def test_the_limit_of_replies_goes_along_when_given() -> None:
    """The server has a limit of its own."""
    assert "limit" not in sent_by(CALLS["getPulls"][0], "getPulls").parameters
    assert sent_by(lambda api: api.get_pulls(limit=5), "getPulls").parameters["limit"] == "5"


def test_simplified_sending_needs_no_data_in_json() -> None:
    """Numbers are joined by semicolons, the sender is named as the manual's table and its example do, nothing else is sent."""
    server = sent_by(CALLS["simplified sending"][0], "simplified sending")
    assert server.parameters.keys() == {"login", "apiKey", "returnformat", "message", "mobile"}

    def whole(api: WriterClient) -> Awaitable[object]:
        phones = ["+33 6 12 34 56 78", "33700000000"]
        return api.send_simplified("Été", phones, sender="ACME", date="2026-11-27 10:00:00", campaign_name="n")

    assert sent_by(whole, "simplified sending").parameters.items() >= {
        ("message", "Été"),
        ("mobile", "33612345678;33700000000"),
        ("TPOA", "ACME"),
        ("tpoa", "ACME"),
        ("date", "2026-11-27 10:00:00"),
        ("campaign", "n"),
    }


def test_email() -> None:
    """The HTML travels in base64, addresses are joined by semicolons, what was not given is not there."""
    assert sent_by(CALLS["sendEmail"][0], "sendEmail").data("emailData") == {
        "FROM": "news@acme.example",
        "TO": "marie@acme.example;luc@acme.example",
        "SUBJECT": "Soldes",
        "HTML": base64.b64encode("<p>Été</p>".encode()).decode(),
    }
    optional = {"text": "T", "sender_name": "N", "reply_to": "r@a.example", "date": "2026-11-27 10:00:00"}
    email = EMAIL._replace(**optional, campaign_name="C")

    assert sent_by(lambda api: api.send_email(email), "sendEmail").data("emailData").items() >= {
        ("MAILTEXT", "T"),
        ("ALIAS", "N"),
        ("REPLY_TO", "r@a.example"),
        ("DATE", "2026-11-27 10:00:00"),
        ("CAMPAIGN_NAME", "C"),
    }


def test_address_arrives_whole() -> None:
    """What has a meaning in a query of its own is quoted."""
    address = "https://acme.example/été?a=1&b=2+3#top"
    server = sent_by(lambda api: api.shorten_url(address), "shortenUrl")

    assert server.parameters["url"] == address


def test_credits_are_signed() -> None:
    """A negative amount takes back."""
    server = sent_by(lambda api: api.manage_sub_account_credits("paris", -200), "manageSubAccountCredits")

    assert server.parameters["credits"] == "-200"


def test_country_is_in_capitals() -> None:
    """The manual wants ISO codes in capitals."""
    assert sent_by(CALLS["getCreditsByCountryIsoCode"][0], "getCreditsByCountryIsoCode").parameters[
        "countryIsoCode"
    ] == ("FR")


def test_active_is_left_out_of_a_creation_when_it_is_1() -> None:
    """Production refuses ACTIVE=1, which is the default; ACTIVE=0 means something."""
    create = {"LOGIN": "paris", "PASSWORD": "hush-hush"}

    server = sent_by(lambda api: api.create_sub_account({**create, "ACTIVE": "1"}), "createSubAccount")
    assert server.data("accountData") == create
    server = sent_by(lambda api: api.create_sub_account({**create, "ACTIVE": "0"}), "createSubAccount")
    assert server.data("accountData") == {**create, "ACTIVE": "0"}
    server = sent_by(lambda api: api.update_sub_account("paris", {"ACTIVE": "1"}), "updateSubAccount")
    assert server.data("accountData") == {"ACTIVE": "1"}


def test_new_list() -> None:
    """Flags are text, and a list without fields has no STRUCTURE."""
    fields = [ListField("City", filter=True, mailing=False)]
    server = sent_by(lambda api: api.create_list("été", locked=True, fields=fields), "createList")

    assert server.data("listData") == {
        "LISTNAME": "été",
        "LOCKED": "1",
        "STRUCTURE": [{"FIELDNAME": "City", "FILTER": "1", "MAILING": "0"}],
    }
    server = sent_by(lambda api: api.create_list("vip", locked=False, fields=()), "createList")
    assert server.data("listData") == {"LISTNAME": "vip", "LOCKED": "0"}


def test_contacts_to_insert() -> None:
    """Each contact is its phone, digits only, and its fields; no field can take the phone's place."""
    contacts = [("+33 6 12 34 56 78", {"SHOP": 'L"y&on=+', "MobilePhone": "x"})]
    server = sent_by(lambda api: api.populate_list("vip", contacts), "populateList")

    assert server.data("populateData") == {
        "LISTNAME": "vip",
        "CONTACT": [{"SHOP": 'L"y&on=+', "MOBILEPHONE": "33612345678"}],
    }


def test_contacts_to_delete() -> None:
    """deleteData holds nothing but phones."""
    server = sent_by(lambda api: api.delete_contacts("vip", ["+33612345678", "33700000000"]), "deleteContacts")

    assert server.data("deleteData") == {
        "LISTNAME": "vip",
        "CONTACT": [{"MOBILEPHONE": "33612345678"}, {"MOBILEPHONE": "33700000000"}],
    }


def test_smallest_message() -> None:
    """DYNAMIC is always there, as text; what was not given is not."""
    message = Message("Bonjour\n!", [Recipient("+33612345678")])
    server = sent_by(lambda api: api.send_sms(message), "sendSms")

    assert server.data("smsData") == {
        "MESSAGE": "Bonjour\n!",
        "DYNAMIC": "0",
        "SMS": [{"MOBILEPHONE": "33612345678"}],
    }


@pytest.mark.parametrize("method", ["sendSms", "simulateCampaign"])
def test_whole_message(method: str) -> None:
    """Parameters count from 1, the client's id stands in the data and beside every number."""
    message = Message(
        "#param_1# #param_2# €😀",
        [Recipient("33612345678", ("Marie", "")), Recipient("33700000000", ("Luc", "x"))],
        sender="ACME",
        date="2026-11-27 10:00:00",
        campaign_name="n",
        dynamic=2,
        notify=False,
        client_id="c-1",
    )
    server = sent_by(
        lambda api: api.send_sms(message) if method == "sendSms" else api.simulate_campaign(message), method
    )

    assert server.data("smsData") == {
        "MESSAGE": "#param_1# #param_2# €😀",
        "DYNAMIC": "2",
        "CAMPAIGN_NAME": "n",
        "DATE": "2026-11-27 10:00:00",
        "TPOA": "ACME",
        "MAIL_NOTIF": "0",
        "CLIMSGID": "c-1",
        "SMS": [
            {"MOBILEPHONE": "33612345678", "PARAM_1": "Marie", "PARAM_2": "", "CLIMSGID": "c-1"},
            {"MOBILEPHONE": "33700000000", "PARAM_1": "Luc", "PARAM_2": "x", "CLIMSGID": "c-1"},
        ],
    }


def test_payload_is_json_in_utf_8() -> None:
    """Text travels as itself, not as escapes: the stream has to be UTF-8."""
    server = sent_by(lambda api: api.create_list("été", locked=False, fields=()), "createList")

    assert "été" in server.parameters["listData"]
    assert list(json.loads(server.parameters["listData"])) == ["DATA"]


def test_text_that_cannot_be_sent() -> None:
    """Half a character fails before anything leaves, whatever the method."""
    server = Server({"status": 100})

    raised = failure(server, lambda api: api.send_sms(Message("\ud83d", MESSAGE.recipients)))

    assert type(raised) is NotSent
    assert not server.requests
