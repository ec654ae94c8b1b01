"""Lists and contacts in the sandbox: manual §21 to §26."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, data, new_api

PHONE = "33612345678"


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    yield new_api(sandbox)
    sandbox.close()


def populate(api: Api, *contacts: object, **more: object) -> Any:
    return api("populateList", populateData=data(**({"LISTNAME": "vip", "CONTACT": list(contacts)} | more)))


def counts(answer: dict[str, Any]) -> tuple[int, int, int]:
    return answer["Success"], answer["Ignored"], answer["Duplicated"]


def test_create_and_list(api: Api) -> None:
    """A list is read back with its count, lock and date as texts, and without its fields."""
    api.sandbox.set_clock(None)
    made = api(
        "createList",
        listData=data(LISTNAME="VIP é", LOCKED="1", STRUCTURE=[{"FIELDNAME": "City", "FILTER": "1", "MAILING": 0}]),
    )
    assert made == {"status": "1", "statusText": "database successfully populated"}
    date = api.sandbox.now().date().isoformat()
    assert api("getLists") == {"Lists": [{"ListName": "VIP é", "Contacts": "0", "Locked": "1", "CreationDate": date}]}
    assert api.sandbox.snapshot()["lists"][LOGIN]["VIP é"] == {
        "locked": True,
        "fields": [{"name": "City", "filter": True, "mailing": False}],
        "contacts": {},
    }


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"LISTNAME": ""},
        {"LISTNAME": "vip"},
        {"LISTNAME": "new", "LOCKED": "yes"},
        {"LISTNAME": "new", "STRUCTURE": [{"FIELDNAME": ""}]},
        {"LISTNAME": "new", "STRUCTURE": [{"FIELDNAME": "City"}, {"FIELDNAME": "CITY"}]},
        {"LISTNAME": "new", "STRUCTURE": [{"FIELDNAME": "MobilePhone"}]},
        {"LISTNAME": "new", "STRUCTURE": [{"FIELDNAME": "City", "FILTER": "2"}]},
        {"LISTNAME": "new", "STRUCTURE": ["City"]},
    ],
    ids=str,
)
def test_create_refuses_a_bad_list(api: Api, content: dict[str, object]) -> None:
    """A name that is missing or taken, and a structure with missing, reserved or repeated names, make no list."""
    api.sandbox.add_list(LOGIN, "vip")
    assert api("createList", listData=data(**content))["status"] == "0"
    assert len(api("getLists")["Lists"]) == 1


def test_names_are_exact(api: Api) -> None:
    """Two names that differ by case are two lists."""
    api.sandbox.add_list(LOGIN, "vip")
    assert api("createList", listData=data(LISTNAME="VIP"))["status"] == "1"


@pytest.mark.parametrize("where", ["form", "payload"])
def test_lists_of_a_sub_account(api: Api, where: str) -> None:
    """The sub-account of a list write may stand in the payload or beside it."""
    api.sandbox.add_sub_account(LOGIN, "sub")
    inside = {"SubAccount": "sub"} if where == "payload" else {}
    beside = {"subAccount": "sub"} if where == "form" else {}
    assert api("createList", listData=data(LISTNAME="vip", **inside), **beside)["status"] == "1"
    contact = {"LISTNAME": "vip", "CONTACT": [{"MOBILEPHONE": PHONE}], **inside}
    assert counts(api("populateList", populateData=data(**contact), **beside)) == (1, 0, 0)
    assert counts(api("deleteContacts", deleteData=data(**contact), **beside)) == (1, 0, 0)
    assert api("deleteList", listName="vip", subAccount="sub")["status"] == "1"
    assert {call.sub_account for call in api.sandbox.calls} == {"sub"}


def test_two_sub_accounts_in_one_call_are_refused(api: Api) -> None:
    """A payload and a parameter that name two sub-accounts act on neither."""
    api.sandbox.add_sub_account(LOGIN, "a")
    api.sandbox.add_sub_account(LOGIN, "b")
    assert api("createList", listData=data(LISTNAME="vip", SUBACCOUNT="a"), subAccount="b")["status"] == "0"


def test_contacts_come_back_with_capitalised_fields(api: Api) -> None:
    """Fields are matched whatever their case, come back capitalised, and are empty when they were not given."""
    api.sandbox.add_list(LOGIN, "vip", ["FIRSTNAME", "Shop"])
    assert counts(populate(api, {"mobilephone": "0612345678", "firstname": "Zoé", "SHOP": 12})) == (1, 0, 0)
    assert counts(populate(api, {"MOBILEPHONE": "0712345678"})) == (1, 0, 0)
    assert api("getContacts", listName="vip")["Contacts"] == [
        {"MobilePhone": PHONE, "Firstname": "Zoé", "Shop": "12"},
        {"MobilePhone": "33712345678", "Firstname": "", "Shop": ""},
    ]


def test_a_contact_that_is_there_keeps_its_values(api: Api) -> None:
    """populateList has no update: a phone that is there, or twice in the call, counts as duplicated."""
    api.sandbox.add_list(LOGIN, "vip", ["NAME"], [{"phone": PHONE, "NAME": "old"}])
    contacts = [{"MOBILEPHONE": phone, "NAME": "new"} for phone in ("0612345678", "0712345678", "+33712345678")]
    assert counts(populate(api, *contacts)) == (1, 0, 2)
    assert api("getContacts", listName="vip")["Contacts"][0]["Name"] == "old"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0612345678", PHONE),
        ("33712345678", "33712345678"),
        ("+33612345678", PHONE),
        ("0033612345678", PHONE),
        (" 0612345678 ", PHONE),
        (33612345678, PHONE),
        ("+32475123456", "32475123456"),
        ("612345678", "612345678"),
        ("0493000000", None),
        ("33493000000", None),
        ("3361111111", None),
        ("06123456789", None),
        ("06 12 34 56 78", None),
        ("+330612345678", None),
        ("12345", None),
        ("1234567890123456", None),
        ("", None),
        (None, None),
        (True, None),
        (["0612345678"], None),
    ],
)
def test_numbers_are_normalised_or_ignored(api: Api, written: object, kept: str | None) -> None:
    """French mobiles in every printed form become 336 or 337, foreign numbers stay, the rest is ignored."""
    api.sandbox.add_list(LOGIN, "vip")
    assert counts(populate(api, {"MOBILEPHONE": written})) == ((1, 0, 0) if kept else (0, 1, 0))
    assert list(api.sandbox.snapshot()["lists"][LOGIN]["vip"]["contacts"]) == ([kept] if kept else [])


@pytest.mark.parametrize(
    "contact", [{"MOBILEPHONE": PHONE, "AGE": "4"}, {"NAME": "x"}, "x", {"MOBILEPHONE": PHONE, "NAME": []}]
)
def test_contacts_that_do_not_fit_are_ignored(api: Api, contact: object) -> None:
    """A field that the list does not have, a missing number or no record at all: the contact is ignored."""
    api.sandbox.add_list(LOGIN, "vip", ["NAME"])
    assert counts(populate(api, contact)) == (0, 1, 0)


@pytest.mark.parametrize(
    "shape",
    [
        {"CONTACT": [{"MOBILEPHONE": PHONE}]},
        {"CONTACT": {"MOBILEPHONE": PHONE}},
        {"CONTACTS": [{"MOBILEPHONE": PHONE}]},
        {"Contacts": {"Contact": [{"MOBILEPHONE": PHONE}]}},
    ],
    ids=str,
)
def test_contacts_in_every_printed_shape(api: Api, shape: dict[str, object]) -> None:
    """The collection of contacts is read in the shapes of both halves of the manual."""
    api.sandbox.add_list(LOGIN, "vip")
    assert counts(api("populateList", populateData=data(LISTNAME="vip", **shape))) == (1, 0, 0)


def test_delete_contacts_counts(api: Api) -> None:
    """Deleted is success, absent or invalid is ignored, twice is duplicated."""
    api.sandbox.add_list(LOGIN, "vip", contacts=[{"phone": PHONE}, {"phone": "0712345678"}])
    contacts = [{"MOBILEPHONE": phone} for phone in ("0612345678", PHONE, "0799999999", "1")]
    assert counts(api("deleteContacts", deleteData=data(LISTNAME="vip", CONTACT=contacts))) == (1, 2, 1)
    assert [contact["MobilePhone"] for contact in api("getContacts", listName="vip")["Contacts"]] == ["33712345678"]


def test_a_locked_list_takes_no_contacts_unless_told(api: Api) -> None:
    """A lock refuses both writes by default, and the style option lifts that; deleting is always possible."""
    api.sandbox.add_list(LOGIN, "vip", contacts=[{"phone": PHONE}], locked=True)
    before = api.sandbox.snapshot()
    removal = data(LISTNAME="vip", CONTACT=[{"MOBILEPHONE": PHONE}])
    assert populate(api, {"MOBILEPHONE": "0712345678"})["status"] == "0"
    assert api("deleteContacts", deleteData=removal)["status"] == "0"
    assert api.sandbox.snapshot() == before
    api.sandbox.style(locked_lists="writable")
    assert counts(populate(api, {"MOBILEPHONE": "0712345678"})) == (1, 0, 0)
    assert counts(api("deleteContacts", deleteData=removal)) == (1, 0, 0)
    assert api("deleteList", listName="vip")["status"] == "1"


@pytest.mark.parametrize("method", ["getContacts", "deleteList", "populateList", "deleteContacts"])
@pytest.mark.parametrize("name", ["unknown", ""])
def test_an_unknown_list_is_status_0(api: Api, method: str, name: str) -> None:
    """Every method says status 0 and a text for a list that is not there."""
    payload = data(LISTNAME=name, CONTACT=[{"MOBILEPHONE": PHONE}])
    answer = api(method, listName=name, populateData=payload, deleteData=payload)
    assert answer["status"] == "0"
    assert answer["statusText"]


def test_more_than_2000_contacts_end_in_doubt(api: Api) -> None:
    """A call that is too big takes in the first 2000 and answers with an error of the server."""
    api.sandbox.add_list(LOGIN, "vip")
    contacts = [{"MOBILEPHONE": f"336{number:08}"} for number in range(2001)]
    response = api.raw("populateList", populateData=data(LISTNAME="vip", CONTACT=contacts))
    assert response.status_code == 500
    assert api("getLists")["Lists"][0]["Contacts"] == "2000"
    assert [call.outcome for call in api.sandbox.calls] == ["overloaded", "done"]


def test_2000_contacts_are_fast(api: Api) -> None:
    """A full call stays far below what would slow a suite down."""
    api.sandbox.add_list(LOGIN, "vip", ["NAME"])
    contacts = [{"MOBILEPHONE": f"336{number:08}", "NAME": "Zoé"} for number in range(2000)]
    payload = data(LISTNAME="vip", CONTACT=contacts)
    start = time.perf_counter()
    assert counts(api("populateList", populateData=payload)) == (2000, 0, 0)
    assert time.perf_counter() - start < 1
