"""What each method's answer amounts to: every documented status, every form that was seen, and nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from smsops.api.errors import ApiError, AuthenticationRefused, OutcomeUnknown, Refused, Unreadable
from smsops.api.records import Contacts, ListRecord, Simulation, SubAccountRecord
from tests.api.scripted_server import CALLS, READS, REPORTS, WRITES, Server, Step, ask, failure


def read(method: str, answer: Step, **options: Any) -> Any:
    return ask(Server(answer), CALLS[method][0], **options)


def error(method: str, answer: Step) -> ApiError:
    raised = failure(Server(answer), CALLS[method][0])
    assert isinstance(raised, ApiError)
    return raised


@pytest.mark.parametrize("method", CALLS)
def test_success_is_a_success(method: str) -> None:
    """The plain good answer of each method returns."""
    read(method, CALLS[method][1])


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b" \r\n",
        b"null",
        b'"OK"',
        b"1",
        b"[1, 2]",
        b'{"foo": 1}',
        b'{"status": true}',
        b'{"status": [1]}',
        b'{"status": {"status": 1}}',
        b'{"status": "1 00"}',
        b'{"status": "0.1"}',
        b'{"status": 1, "status": 0}',
        b'{"status": 1, "Status": 0}',
        b"\xff\xfe\x00",
        b"<br/>",
        b"<b>Warning</b>: mysql_connect() in /var/www",
        b"<!DOCTYPE html><html><body>Maintenance</body></html>",
        b"<html><status>1</status><status>100</status></html>",
        b'<br />\n<b>Notice</b> {"foo": 1}',
        b'{"a":' * 5000,
        b"<a>" * 5000,
        b'{"status": NaN}',
    ],
)
def test_nonsense_is_never_a_success(method: str, answer: bytes) -> None:
    """What is not an answer leaves a read unreadable and a write in doubt, and never reads as done or empty."""
    raised = error(method, answer)

    assert type(raised) is (Unreadable if method in READS else OutcomeUnknown)


@pytest.mark.parametrize(
    ("method", "status"),
    [
        (method, status)
        for method in WRITES
        for status in (2, 7, 99, 116, 200, -1, "KO", "NOT OK", "DONE")
        if (method, status) != ("manageSubAccountCredits", 2)  # documented
    ],
)
def test_undocumented_status_of_a_write_is_in_doubt(method: str, status: int | str) -> None:
    """A status that is not in the method's own table is never a success, nor a refusal."""
    assert type(error(method, {"status": status, "campaignId": ""})) is OutcomeUnknown


@pytest.mark.parametrize("method", sorted(set(READS) - {"simulateCampaign", *REPORTS}))
@pytest.mark.parametrize(
    "answer", [{"error": "No account matches"}, {"status": 102}, {"status": "102", "statusText": "Connection Problem"}]
)
def test_authentication_failure_of_a_read(method: str, answer: dict[str, Any]) -> None:
    """A wrong key never reads as "there is none", in whichever way the server says it."""
    assert isinstance(error(method, answer), AuthenticationRefused)


@pytest.mark.parametrize("method", ["getInfo", "getSubAccounts", "getLists", "getBlacklist"])
def test_status_0_of_a_read_is_an_authentication_failure(method: str) -> None:
    """Status 0 is the third way to say that a key is wrong."""
    assert isinstance(error(method, {"status": 0, "statusText": "Identification problem"}), AuthenticationRefused)


@pytest.mark.parametrize("key", ["lists", "contacts", "blacklist"])
def test_error_beside_an_empty_collection_wins(key: str) -> None:
    """An empty collection counts only if no error and no status says otherwise."""
    method = f"get{key.capitalize()}"

    assert isinstance(error(method, {key: [], "error": "no"}), AuthenticationRefused)
    assert isinstance(error(method, {key: [], "status": "0"}), Refused)


# getInfo


def test_info_keeps_what_comes_with_it() -> None:
    """The free status, the balance, the key and the other fields arrive, keys lower-cased."""
    info = read(
        "getInfo",
        {"Status": "Active Account", "CREDITS": "1847", " ApiKey ": "k", "LastName": " Dupont ", "Society": None},
    )

    assert (info.status, info.credits, info.api_key) == ("Active Account", 1847, "k")
    assert info.fields == {"lastname": "Dupont", "society": ""}


@pytest.mark.parametrize("answer", [{"status": "Inactive Account"}, {"email": "a@b.fr"}, {"credits": 0}])
def test_info_may_be_brief(answer: dict[str, Any]) -> None:
    """A status in words, or any field of an account, describes one."""
    read("getInfo", answer)


@pytest.mark.parametrize("answer", [{"status": "Unknown account"}, {"status": "KO"}])
def test_info_that_only_complains_is_a_refusal(answer: dict[str, Any]) -> None:
    """A status in words that names a failure and nothing else does not describe an account."""
    assert isinstance(error("getInfo", answer), AuthenticationRefused)


def test_info_without_a_balance() -> None:
    """An account under subscription has no balance, or one in words."""
    assert read("getInfo", {"status": "Active Account"}).credits is None
    assert read("getInfo", {"status": "Active Account", "credits": "unlimited"}).credits is None


@pytest.mark.parametrize("answer", [{"login": "acme", "credits": 5}, {"apiKey": "key-of-acme", "credits": 5}])
def test_info_of_another_account(answer: dict[str, Any]) -> None:
    """An answer about the caller is no answer about its sub-account: the parameter was ignored."""
    raised = failure(Server(answer), lambda api: api.get_info(sub_account="paris"))

    assert type(raised) is Unreadable


# getSubAccounts


@pytest.mark.parametrize("words", ["No subaccount found", "NO SUB-ACCOUNT FOUND.", " no sub account found "])
@pytest.mark.parametrize("key", ["statusText", "text", "STATUSTEXT"])
def test_no_sub_accounts(words: str, key: str) -> None:
    """Status 0 with the documented words, in any spelling, is the explicit answer of absence."""
    assert read("getSubAccounts", {"status": "0", key: words}) == ()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"status": 0, "statusText": "No subaccount found", "Subaccounts": [{"Login": "a"}]},
        {"status": 0, "statusText": "No subaccount found", "Total": 3},
        {"Total": 3, "Subaccounts": [{"Login": "a"}, {"Login": "b"}]},
        {"Total": 1},
        {"Total": "many", "Subaccounts": [{"Login": "a"}]},
        {"Subaccounts": [{"LastName": "Doe"}]},
        {"Subaccounts": ["a"]},
        {"Subaccounts": "none"},
        {"status": 1, "Subaccounts": [{"Login": "a"}]},
    ],
)
def test_sub_accounts_that_make_no_sense(answer: Any) -> None:
    """What is cut short or contradicts itself is unreadable, not a shorter list."""
    assert type(error("getSubAccounts", answer)) is Unreadable


def test_sub_account_fields() -> None:
    """Absent keys stay absent, null is empty, numbers are text, and a secret is not among the fields."""
    answer = {
        "Total": "1",
        "Subaccounts": [
            {"Login": " paris ", "Credits": "12.50", "Zip": 6560, "Fax": None, "Company": "A", "apiKey": "k"}
        ],
    }

    assert read("getSubAccounts", answer) == (
        SubAccountRecord("paris", Decimal("12.50"), {"zip": "6560", "fax": "", "company": "A"}),
    )


MEMBER = {"Login": "paris", "credits": "1500"}


@pytest.mark.parametrize(
    "answer",
    [
        {"Subaccounts": [MEMBER]},
        {"Subaccounts": MEMBER},
        {"subaccounts": {"subaccount": [MEMBER]}},
        {"SUBACCOUNTS": {"Subaccount": MEMBER}},
        {"subAccounts": {"0": MEMBER}},
        [{"total": "1", "subAccounts": [MEMBER]}],
        {"getSubAccounts": {"Total": 1.0, "Subaccounts": [MEMBER]}},
        {" Subaccounts ": [{"LOGIN ": " paris", "CREDITS": 1500.0}]},
        b"\xef\xbb\xbf\r\n" + b'{"Subaccounts":[{"Login":"paris","credits":1500}]}\n',
        "<getSubAccounts><total> 1 </total><subaccounts><subaccount><Login> paris </Login>"
        "<credits>1500</credits></subaccount></subaccounts></getSubAccounts>",
        '<?xml version="1.0" encoding="UTF-8"?><X><Subaccounts><Subaccount><login><![CDATA[paris]]></login>'
        "<Credits>1500</Credits></Subaccount></Subaccounts></X>",
    ],
)
def test_one_sub_account_in_any_form(answer: Step) -> None:
    """Wrappers, single elements, key case, number types, marks in front and XML are all the same fact."""
    (record,) = read("getSubAccounts", answer)

    assert (record.login, record.credits, record.fields) == ("paris", 1500, {})
    assert type(record.credits) is int


# Lists, contacts, blacklist


@pytest.mark.parametrize("method", ["getLists", "getContacts", "getBlacklist"])
@pytest.mark.parametrize("empty", [[], "", None, {}])
def test_empty_collection(method: str, empty: Any) -> None:
    """How emptiness looks is not documented, so every form of it under the collection's key is one."""
    found = read(method, {method.removeprefix("get"): empty})

    assert (found.received if isinstance(found, Contacts) else len(found)) == 0


@pytest.mark.parametrize("method", ["getLists", "getContacts", "getBlacklist"])
@pytest.mark.parametrize("answer", [b"[]", b"{}", b"[{}]"])
def test_empty_body_of_a_collection(method: str, answer: bytes) -> None:
    """PHP writes an empty array as [] or {} and nothing else."""
    read(method, answer)


@pytest.mark.parametrize("method", ["getLists", "getContacts", "getBlacklist"])
@pytest.mark.parametrize("held", ["none", False, 0, [None], [1.5], ["x"]])
def test_collection_that_makes_no_sense(method: str, held: Any) -> None:
    """A collection that holds something else is unreadable."""
    assert type(error(method, {method.removeprefix("get"): held})) is Unreadable


def test_lists() -> None:
    """Both names of the count, both forms of the lock, and what is missing is not known."""
    found = read(
        "getLists",
        {
            "Lists": [
                {"ListName": " base name ", "Contacts": "120", "Locked": "1", "CreationDate": "2015-01-25"},
                {"listname": "2", "CONTACT": 2, "locked": 0},
                {"ListName": "3"},
            ]
        },
    )

    assert found == (
        ListRecord("base name", 120, True, "2015-01-25"),
        ListRecord("2", 2, False, ""),
        ListRecord("3", None, None, ""),
    )


def test_contacts() -> None:
    """Phones lose blanks and the plus sign, fields are known in capitals, null is empty."""
    found = read(
        "getContacts",
        {
            "Contacts": [
                {"MobilePhone": "+33 612345678", " Firstname ": " Michel ", "Shop": None},
                {"MOBILEPHONE ": 33612345679, "Firstname": "", "Age": 42},
            ]
        },
    )

    assert found.received == 2
    assert dict(found.table) == {
        "33612345678": {"FIRSTNAME": "Michel", "SHOP": ""},
        "33612345679": {"FIRSTNAME": "", "AGE": "42"},
    }


@pytest.mark.parametrize(
    "contact",
    [
        {"Firstname": "A"},
        {"MobilePhone": ""},
        {"MobilePhone": "336xxxxxxxx"},
        {"MobilePhone": "33612345678", "mobilephone": "33612345679"},
        {"MobilePhone": "33612345678", "Shop": {"a": 1}},
    ],
)
def test_contact_that_makes_no_sense(contact: dict[str, Any]) -> None:
    """One contact that cannot be read makes the whole list unreadable: leaving it out would look like a removal."""
    assert type(error("getContacts", {"Contacts": [{"MobilePhone": "33612345678"}, contact]})) is Unreadable


def test_unknown_list_is_not_a_matter_of_the_key() -> None:
    """Status 0 of getContacts may be about the list, so it is a plain refusal, and never an empty list."""
    assert type(error("getContacts", {"status": 0, "statusText": "list not found"})) is Refused


def test_blacklist() -> None:
    """The printed form has an array around it and blanks within the keys."""
    assert read("getBlacklist", [{"Blacklist": [{"phoneNumber ": " 33612345678 ", "comment": "stop"}]}]) == {
        "33612345678"
    }


def test_blacklist_in_xml() -> None:
    """The server may answer in XML whatever it was asked for."""
    member = "<contact><phoneNumber> 3361234567{} </phoneNumber><comment>stop</comment></contact>"
    xml = f"<GetBlacklist><blacklist>{member.format(1)}{member.format(2)}</blacklist></GetBlacklist>"

    assert read("getBlacklist", xml) == {"33612345671", "33612345672"}


# Prices


@pytest.mark.parametrize("price", [15, "15", " 15 ", 15.0, "15.0"])
def test_price(price: object) -> None:
    """A price comes as a number or as text, with blanks in its key."""
    assert read("getCreditsByCountryIsoCode", {"IsoCode ": "FR", "nbCredits ": price}) == 15


@pytest.mark.parametrize("answer", [{"nbCredits": 0}, {"nbCredits": "-1"}, {"nbCredits": ""}, {"isoCode": "FR"}])
def test_price_of_nothing(answer: dict[str, Any]) -> None:
    """A country without a price is not a country where messages are free."""
    assert type(error("getCreditsByCountryIsoCode", answer)) is Unreadable


def test_simulation() -> None:
    """The three numbers and the invalid recipients."""
    answer = {"status": 100, "invalidNumbers": "0600;0700, 0800", "NbCredits": "45", "nbContacts": 2, "nbSms": 3}

    assert read("simulateCampaign", answer) == Simulation(45, 2, 3, ("0600", "0700", "0800"))
    assert type(error("simulateCampaign", {"status": 100, "nbCredits": 45})) is Unreadable
    assert isinstance(error("simulateCampaign", {"status": 102}), AuthenticationRefused)
    assert error("simulateCampaign", {"status": "114"}).status == 114
    assert type(error("simulateCampaign", {"status": 999})) is Unreadable
