"""The many shapes of one answer, and how requests may be written."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import KEY, LOGIN, Api, data, new_api

PHONE = "33612345678"


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    made = new_api(sandbox)
    sandbox.add_sub_account(LOGIN, "sub", credits=5, zip="06000")
    sandbox.add_list(LOGIN, "vip", ["NAME"], [{"phone": PHONE, "NAME": "a/é"}])
    yield made
    sandbox.close()


def test_php_escapes(api: Api) -> None:
    """Slashes and characters beyond ASCII are escaped as PHP does, and answers are compact."""
    assert api.raw("getContacts", listName="vip").text == (
        '{"Contacts":[{"MobilePhone":"33612345678","Name":"a\\/\\u00e9"}]}'
    )


@pytest.mark.parametrize(
    ("keys", "collection", "fields"),
    [
        ("lower", "lists", ["listname", "contacts", "locked", "creationdate"]),
        ("upper", "LISTS", ["LISTNAME", "CONTACTS", "LOCKED", "CREATIONDATE"]),
        ("camel", "lists", ["listName", "Contact", "locked", "creationDate"]),
    ],
)
def test_keys(api: Api, keys: str, collection: str, fields: list[str]) -> None:
    """Keys come in other cases, and a list's count under another name."""
    api.sandbox.style(keys=keys)
    answer = api("getLists")
    assert list(answer) == [collection]
    assert list(answer[collection][0]) == fields


def test_camel_names(api: Api) -> None:
    """The old client's reading knows subAccounts, statusText for the text of the account writes, and shortUrl."""
    api.sandbox.style(keys="camel")
    assert "subAccounts" in api("getSubAccounts")
    assert "statusText" in api("createSubAccount", accountData="")
    assert "shortUrl" in api("shortenUrl", url="https://acme.example/")


def test_numbers(api: Api) -> None:
    """Numbers come as texts or as numbers; phones and postcodes stay texts."""
    api.sandbox.style(numbers="int")
    account = api("getSubAccounts")["Subaccounts"][0]
    assert (account["credits"], account["Zip"], account["Mobile"]) == (5, "06000", "33600000000")
    assert api("getLists")["Lists"][0]["Contacts"] == 1
    api.sandbox.style(numbers="text")
    assert api("getSubAccounts")["Total"] == "1"
    assert api.send(PHONE)["status"] == "100"


def test_single_and_nested(api: Api) -> None:
    """A collection of one may come without its array, and inside the tag of the XML half."""
    api.sandbox.style(single=True)
    assert api("getSubAccounts")["Subaccounts"]["Login"] == "sub"
    api.sandbox.style(nested=True)
    assert api("getSubAccounts")["Subaccounts"]["subaccount"]["Login"] == "sub"
    api.sandbox.style(single=False)
    assert api("getContacts", listName="vip")["Contacts"]["contact"][0]["MobilePhone"] == PHONE
    assert api.send(PHONE)["smsIds"]["sms"][0]["phoneNumber"] == PHONE


@pytest.mark.parametrize(
    ("empty", "answer"),
    [
        ("list", {"Lists": []}),
        ("null", {"Lists": None}),
        ("text", {"Lists": ""}),
        ("object", {"Lists": {}}),
        ("absent", {}),
    ],
)
def test_empty_collections(api: Api, empty: str, answer: dict[str, Any]) -> None:
    """An empty collection has five shapes; to have no sub-account keeps its status."""
    api.sandbox.style(empty=empty)
    assert api("getLists", subAccount="sub") == answer
    api("deleteSubAccount", loginToDelete="sub")
    assert api("getSubAccounts")["statusText"] == "No subaccount found"


def test_dirt_around_the_answer(api: Api) -> None:
    """A byte order mark, an outer array, and blanks in keys and values."""
    api.sandbox.style(bom=True, wrap=True, blanks=True)
    body = api.raw("getCreditsByCountryIsoCode", countryIsoCode="FR").content
    assert body == b'\xef\xbb\xbf[{"IsoCode ":" FR ","nbCredits ":" 15 "}]'


@pytest.mark.parametrize("options", [{"colour": "red"}, {"keys": "Lower"}, {"bom": 1}, {"empty": None}])
def test_an_unknown_style_is_an_error(api: Api, options: dict[str, object]) -> None:
    """A misspelt option would pass for a tolerant client."""
    with pytest.raises(ValueError, match="style option"):
        api.sandbox.style(**options)


def test_parameter_names_in_any_case(api: Api) -> None:
    """By default the case of parameter names does not matter, and the exact spelling wins."""
    assert api("getInfo", SUBACCOUNT="sub")["credits"] == "5"
    assert api("getInfo", subaccount="nobody", subAccount="sub")["credits"] == "5"
    assert api("sendSms", SMSDATA=data(MESSAGE="x", SMS=[{"MOBILEPHONE": PHONE}]))["status"] == 100


def test_strict_parameter_names_act_on_the_caller(api: Api) -> None:
    """As in production, a `subaccount` that is not recognised is ignored, and the call is about the master."""
    api.sandbox.style(strict_params=True)
    assert api("getInfo", subaccount="sub")["credits"] == "100000"
    assert api("getInfo", subAccount="sub")["credits"] == "5"
    assert api("manageSubAccountCredits", subaccount="sub", credits="1")["status"] == "1"
    assert api("sendSms", SMSDATA=data(MESSAGE="x", SMS=[{"MOBILEPHONE": PHONE}]))["status"] == 105


def request(api: Api, method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=api.sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


@pytest.mark.parametrize("path", ["/getInfo", "/getInfo/", "/http/9.0/getInfo/", "/a/b/getInfo"])
def test_any_prefix(api: Api, path: str) -> None:
    """Methods answer under any prefix, with and without the final slash, to GET and to both encodings of POST."""
    who = {"login": LOGIN, "apiKey": KEY}
    expected = api("getInfo")
    assert request(api, "GET", path, params=who).json() == expected
    assert request(api, "POST", path, data=who).json() == expected
    assert request(api, "POST", path, files={name: (None, value) for name, value in who.items()}).json() == expected


def test_multipart_carries_any_text(api: Api) -> None:
    """A payload with accents arrives whole in a multipart form."""
    fields = {
        "login": LOGIN,
        "apiKey": KEY,
        "listData": json.dumps({"DATA": {"LISTNAME": "été €"}}, ensure_ascii=False),
    }
    request(api, "POST", "/createList/", files={name: (None, value) for name, value in fields.items()})
    assert "été €" in api.sandbox.snapshot()["lists"][LOGIN]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/http/9.0/getinfo/", 404), ("GET", "/", 404), ("PUT", "/getInfo/", 405), ("GET", "/_sandbox/no", 404)],
)
def test_what_is_not_a_method(api: Api, method: str, path: str, status: int) -> None:
    """Anything else is an HTML page with the status of a web server, and no call."""
    response = request(api, method, path)
    assert (response.status_code, response.text[:15]) == (status, "<!DOCTYPE html>")
    assert api.sandbox.calls == []


def test_long_queries_are_refused(api: Api) -> None:
    """GET carries no more than 1024 characters."""
    params = {"login": LOGIN, "apiKey": KEY, "returnformat": "x" * 1024}
    assert request(api, "GET", "/getInfo/", params=params).status_code == 414


def test_control_over_http(api: Api) -> None:
    """Everything that a test needs of a running sandbox can be had over HTTP; bad requests say why."""

    def post(name: str, body: object) -> httpx.Response:
        return request(api, "POST", f"/_sandbox/{name}", json=body)

    assert post("clock", {"now": "2026-11-20T12:00:00"}).status_code == 200
    assert api.sandbox.now().isoformat() == "2026-11-20T12:00:00+01:00"
    assert post("clock", {"now": None}).status_code == 200
    assert post("fail", {"method": "getInfo", "kind": "error_before"}).status_code == 200
    assert api.raw("getInfo").status_code == 500
    assert post("style", {"keys": "upper"}).status_code == 200
    assert "CREDITS" in api("getInfo")
    assert [call["outcome"] for call in request(api, "GET", "/_sandbox/calls").json()] == ["error_before", "done"]
    assert request(api, "GET", "/_sandbox/snapshot").json() == api.sandbox.snapshot()
    for name, body in (("fail", {"method": "getInfo"}), ("style", {"x": 1}), ("clock", {}), ("clock", {"now": "x"})):
        assert "error" in post(name, body).json()
    assert post("reset", {}).status_code == 200
    assert (api.sandbox.snapshot()["accounts"], api.sandbox.calls) == ({}, [])
    assert post("master", {"login": "m", "api_key": "k", "credits": 3}).status_code == 200
    assert api.sandbox.snapshot()["accounts"]["m"]["credits"] == 3
