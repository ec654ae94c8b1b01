"""Accounts and credits in the sandbox: manual §13, §14, §16 to §20 and §27."""

from collections.abc import Iterator

import pytest

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import ACCOUNT, KEY, LOGIN, Api, data, new_api

METHODS = {
    "getInfo": {},
    "getSubAccounts": {},
    "createSubAccount": {"accountData": data(**ACCOUNT)},
    "updateSubAccount": {"subAccount": "sub", "accountData": data(CITY="Nice")},
    "deleteSubAccount": {"loginToDelete": "sub"},
    "manageSubAccountCredits": {"subAccount": "sub", "credits": "1"},
    "getLists": {},
    "createList": {"listData": data(LISTNAME="new")},
    "deleteList": {"listName": "vip"},
    "getContacts": {"listName": "vip"},
    "populateList": {"populateData": data(LISTNAME="vip", CONTACT=[{"MOBILEPHONE": "0612345678"}])},
    "deleteContacts": {"deleteData": data(LISTNAME="vip", CONTACT=[{"MOBILEPHONE": "0612345678"}])},
    "sendSms": {"smsData": data(MESSAGE="x", SMS=[{"MOBILEPHONE": "0612345678"}])},
    "simulateCampaign": {"smsData": data(MESSAGE="x", SMS=[{"MOBILEPHONE": "0612345678"}])},
    "deleteCampaign": {"campId": "ap_28400001"},
    "getBlacklist": {},
    "getCreditsByCountryIsoCode": {"countryIsoCode": "FR"},
    "shortenUrl": {"url": "https://acme.example/"},
}
KNOW_NO_SUB_ACCOUNT = (
    *("getSubAccounts", "createSubAccount", "sendSms", "simulateCampaign", "deleteCampaign"),
    *("getCreditsByCountryIsoCode", "shortenUrl"),
)
READS = ("getInfo", "getSubAccounts", "getLists", "getContacts", "getBlacklist", "getCreditsByCountryIsoCode")


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    yield new_api(sandbox)
    sandbox.close()


def test_get_info_describes_the_account(api: Api) -> None:
    """getInfo has the keys and the text types that the manual prints."""
    info = api("getInfo")
    assert list(info) == ["status", "credits", "ApiKey", "LastName", "FirstName", "Society", "Email"]
    assert (info["status"], info["credits"], info["ApiKey"]) == ("Active Account", "100000", KEY)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("login", ["wrong key", "unknown", "inactive"])
def test_bad_credentials_are_refused_in_each_methods_own_way(api: Api, method: str, login: str) -> None:
    """A wrong key, an unknown login and an inactive account are refused alike, and change nothing."""
    api.sandbox.add_sub_account(LOGIN, "sub")
    key = api.sandbox.add_sub_account(LOGIN, "idle", active=False)
    api.sandbox.add_list(LOGIN, "vip")
    before = api.sandbox.snapshot()
    stranger = {
        "wrong key": Api(api.sandbox, LOGIN, "wrong"),
        "unknown": Api(api.sandbox, "nobody", KEY),
        "inactive": Api(api.sandbox, "idle", key),
    }[login]
    answer = stranger(method, **METHODS[method])
    if method in ("sendSms", "simulateCampaign"):
        assert answer["status"] == 102
    elif method == "deleteCampaign":
        assert answer == {"status": "CAMPIDNOTFOUND", "statusText": "Identification Problem"}
    elif method in READS:
        assert list(answer) == ["error"]
    else:
        assert answer["status"] == "0"
    assert api.sandbox.snapshot() == before


@pytest.mark.parametrize("method", [name for name in METHODS if name not in KNOW_NO_SUB_ACCOUNT])
def test_a_foreign_sub_account_is_never_taken_for_the_caller(api: Api, method: str) -> None:
    """A subAccount that is not the caller's makes the methods that know it fail, and leaves the master alone."""
    api.sandbox.ensure_master("other", "k")
    api.sandbox.add_sub_account("other", "theirs")
    api.sandbox.add_list(LOGIN, "vip", contacts=[{"phone": "0612345678"}])
    before = api.sandbox.snapshot()
    answer = api(method, **(METHODS[method] | {"subAccount": "theirs", "loginToDelete": "theirs"}))
    assert "error" in answer or answer["status"] == "0"
    assert api.sandbox.snapshot() == before


def test_no_sub_account_has_its_own_status(api: Api) -> None:
    """To have no sub-account is status 0 with the manual's text, not an empty collection."""
    assert api("getSubAccounts") == {"status": 0, "statusText": "No subaccount found"}


def test_create_and_read_back(api: Api) -> None:
    """What was created is read back normalised, without what is never returned."""
    created = api(
        "createSubAccount",
        accountData=data(**ACCOUNT, PHONE="0493000000", COUNTRY="FRANCE", BILLSOCIETY="ACME SAS", PROFILE="reseller"),
    )
    assert (created["status"], created["Text"]) == ("1", "Sub-account successfully created")
    answer = api("getSubAccounts")
    (account,) = answer["Subaccounts"]
    assert answer["Total"] == 1
    assert (account["Login"], account["Company"], account["BillCompany"]) == ("acme-paris", "ACME", "ACME SAS")
    assert (account["Mobile"], account["Phone"], account["Country"]) == ("33612345678", "33493000000", "France")
    assert account["credits"] == "0"
    assert not {"password", "active", "profile", "postpaid"} & {key.lower() for key in account}
    assert Api(api.sandbox, "acme-paris", created["apiKey"])("getInfo")["Society"] == "ACME"
    assert api("getInfo", subAccount="acme-paris")["ApiKey"] == created["apiKey"]


@pytest.mark.parametrize(
    "change",
    [
        *({field: ""} for field in ACCOUNT),
        {"PASSWORD": "short"},
        {"LOGIN": LOGIN},
        {"LOGIN": "theirs"},
        {"POSTPAID": "1"},
        {"ACTIVE": "yes"},
        {"CITY": ["Paris"]},
    ],
    ids=str,
)
def test_create_refuses_what_production_refuses(api: Api, change: dict[str, object]) -> None:
    """A missing mandatory field, a short password, a login used anywhere or a false flag creates nothing."""
    api.sandbox.ensure_master("other", "k")
    api.sandbox.add_sub_account("other", "theirs")
    before = api.sandbox.snapshot()
    answer = api("createSubAccount", accountData=data(**(ACCOUNT | change)))
    assert answer["status"] == "0"
    assert answer["Text"]
    assert api.sandbox.snapshot() == before


@pytest.mark.parametrize("payload", ["", "{", "[]", '{"LOGIN": "x"}', '{"DATA": []}', "[" * 99_999])
def test_an_unreadable_payload_is_refused(api: Api, payload: str) -> None:
    """Without JSON in its DATA wrapper nothing is created."""
    assert api("createSubAccount", accountData=payload)["status"] == "0"


def test_update_changes_only_what_is_given(api: Api) -> None:
    """A field that is not in the payload keeps its value, and null empties one."""
    api.sandbox.add_sub_account(LOGIN, "sub", city="Paris", zip="75001")
    assert api("updateSubAccount", subAccount="sub", accountData=data(CITY="Nice", ZIP=None))["status"] == "1"
    fields = api.sandbox.snapshot()["accounts"]["sub"]["fields"]
    assert (fields["CITY"], fields["ZIP"], fields["FIRSTNAME"]) == ("Nice", "", "Camille")


def test_update_can_deactivate_an_account(api: Api) -> None:
    """ACTIVE 0 shows in the master's getInfo, and locks the account out."""
    key = api.sandbox.add_sub_account(LOGIN, "sub")
    assert api("updateSubAccount", subAccount="sub", accountData=data(ACTIVE="0"))["status"] == "1"
    assert api("getInfo", subAccount="sub")["status"] == "Inactive Account"
    assert "error" in Api(api.sandbox, "sub", key)("getInfo")


def test_rename_takes_along_what_the_account_owns(api: Api) -> None:
    """A new LOGIN keeps lists, credits, API key and scheduled campaigns."""
    key = api.sandbox.add_sub_account(LOGIN, "sub", credits=100)
    api.sandbox.add_list("sub", "vip")
    sent = Api(api.sandbox, "sub", key).send("0612345678", DATE="2099-01-01 10:00:00")
    assert api("updateSubAccount", subAccount="sub", accountData=data(LOGIN="renamed"))["status"] == "1"
    renamed = Api(api.sandbox, "renamed", key)
    assert renamed("getLists")["Lists"][0]["ListName"] == "vip"
    assert api.sandbox.campaigns("renamed")[0]["id"] == sent["campaignId"]
    assert renamed("deleteCampaign", campId=sent["campaignId"]) == {"status": "OK"}
    assert renamed("getInfo")["credits"] == "100"
    assert "error" in api("getInfo", subAccount="sub")


@pytest.mark.parametrize(
    "change", [{"LOGIN": LOGIN}, {"LOGIN": ""}, {"PASSWORD": "short"}, {"EMAIL": ""}, {"ACTIVE": "2"}], ids=str
)
def test_update_refuses_what_create_refuses(api: Api, change: dict[str, object]) -> None:
    """An update to something that could not be created changes nothing."""
    api.sandbox.add_sub_account(LOGIN, "sub")
    before = api.sandbox.snapshot()
    assert api("updateSubAccount", subAccount="sub", accountData=data(CITY="Nice", **change))["status"] == "0"
    assert api.sandbox.snapshot() == before


def test_update_without_sub_account_is_refused(api: Api) -> None:
    """updateSubAccount never changes the caller itself."""
    assert api("updateSubAccount", accountData=data(CITY="Nice"))["status"] == "0"


def test_delete_loses_the_credits_that_are_left(api: Api) -> None:
    """A deleted account takes its credits, lists and scheduled campaigns with it."""
    key = api.sandbox.add_sub_account(LOGIN, "sub", credits=500)
    api.sandbox.add_list("sub", "vip", contacts=[{"phone": "0612345678"}])
    Api(api.sandbox, "sub", key).send("0612345678", DATE="2099-01-01 10:00:00")
    assert api("deleteSubAccount", loginToDelete="sub")["status"] == "1"
    assert api("getInfo")["credits"] == "100000"
    assert list(api.sandbox.snapshot()["lists"]) == [LOGIN]
    assert [campaign["status"] for campaign in api.sandbox.campaigns()] == ["deleted"]
    assert api("deleteSubAccount", loginToDelete="sub")["status"] == "0"


def test_credits_move_by_a_signed_delta(api: Api) -> None:
    """Credits move both ways, success has no status, and the sum stays the same."""
    api.sandbox.add_sub_account(LOGIN, "sub")
    moved = api("manageSubAccountCredits", subAccount="sub", credits="1500")
    assert moved == {"Subaccount": [{"Login": "sub", "credits": "1500"}]}
    assert api("manageSubAccountCredits", subAccount="sub", credits="-200")["Subaccount"][0]["credits"] == "1300"
    assert api("getInfo")["credits"] == "98700"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"subAccount": "nobody", "credits": "1"}, "0"),
        ({"subAccount": LOGIN, "credits": "1"}, "0"),
        ({"credits": "1"}, "1"),
        ({"subAccount": "sub"}, "2"),
        ({"subAccount": "sub", "credits": "1.5"}, "2"),
        ({"subAccount": "subscribed", "credits": "1"}, "3"),
        ({"subAccount": "sub", "credits": "-501"}, "4"),
        ({"subAccount": "sub", "credits": "100001"}, "5"),
    ],
)
def test_credit_errors_have_the_codes_of_the_manual(api: Api, params: dict[str, str], code: str) -> None:
    """Each of the six reasons of §19 has its code, and moves nothing."""
    api.sandbox.add_sub_account(LOGIN, "sub", credits=500)
    api.sandbox.add_sub_account(LOGIN, "subscribed", postpaid=True)
    before = api.sandbox.snapshot()
    answer = api("manageSubAccountCredits", **params)
    assert answer["status"] == code
    assert answer["statusText"]
    assert api.sandbox.snapshot() == before


def test_postpaid_needs_a_postpaid_master(api: Api) -> None:
    """POSTPAID 1 works under a master that is itself in post payment."""
    api.sandbox.ensure_master("big", "k", postpaid=True)
    assert Api(api.sandbox, "big", "k")("createSubAccount", accountData=data(**ACCOUNT, POSTPAID=1))["status"] == "1"


def test_a_sub_account_has_no_sub_accounts(api: Api) -> None:
    """A sub-account can neither create accounts nor see its siblings."""
    key = api.sandbox.add_sub_account(LOGIN, "sub")
    sub = Api(api.sandbox, "sub", key)
    assert sub("createSubAccount", accountData=data(**ACCOUNT))["status"] == "0"
    assert sub("getSubAccounts")["statusText"] == "No subaccount found"


def test_blacklist_is_read_per_account(api: Api) -> None:
    """getBlacklist gives the numbers of the account that is asked for."""
    api.sandbox.set_clock(None)
    api.sandbox.add_sub_account(LOGIN, "sub")
    api.sandbox.blacklist("sub", "0612345678")
    (entry,) = api("getBlacklist", subAccount="sub")["Blacklist"]
    assert (entry["phoneNumber"], entry["comment"]) == ("33612345678", "stop")
    assert api("getBlacklist") == {"Blacklist": []}


def test_prices_by_country(api: Api) -> None:
    """A French SMS costs 15 credits; a code that is unknown or not in capitals is an error."""
    assert api("getCreditsByCountryIsoCode", countryIsoCode="FR") == {"IsoCode": "FR", "nbCredits": "15"}
    assert "error" in api("getCreditsByCountryIsoCode", countryIsoCode="fr")
    assert "error" in api("getCreditsByCountryIsoCode", countryIsoCode="XX")


def test_ensure_master_keeps_the_balance(api: Api) -> None:
    """A master that is there gets the new key and keeps its credits."""
    api.sandbox.use_credits(LOGIN, 1)
    api.sandbox.ensure_master(LOGIN, "new-key", credits=5)
    assert Api(api.sandbox, LOGIN, "new-key")("getInfo")["credits"] == "99999"
