"""Properties of reading answers: nothing escapes the tree of errors, and the form of a fact does not matter."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.api import answers
from smsops.api.errors import ApiError, OutcomeUnknown, Refused, Unreadable
from smsops.api.methods import METHODS, Method, Verdict, comparable
from smsops.api.pacing import retry_after
from smsops.api.tree import decode, number, unwrapped
from smsops.api.verdicts import judge
from tests.api.scripted_server import CALLS, READS, body

PARSERS: dict[str, Any] = {
    "getInfo": answers.account,
    "getSubAccounts": answers.sub_accounts,
    "getLists": answers.lists,
    "getContacts": answers.contacts,
    "getBlacklist": answers.blacklist,
    "getCreditsByCountryIsoCode": answers.credits_by_country,
    "simulateCampaign": answers.simulation,
    "createSubAccount": answers.created,
    "updateSubAccount": answers.done,
    "deleteSubAccount": answers.done,
    "manageSubAccountCredits": lambda answer: answers.new_balance(answer, login="paris"),
    "createList": answers.done,
    "deleteList": answers.done,
    "populateList": answers.counts,
    "deleteContacts": answers.counts,
    "sendSms": answers.sent,
    "deleteCampaign": answers.cancelled,
    "shortenUrl": answers.short_url,
    "getAcks": answers.acks,
    "getAckBySmsId": answers.acks_of_one,
    "getPull": answers.replies,
    "getPullBySmsId": answers.replies_to_one,
    "getPulls": answers.taken_replies,
    "simplified sending": answers.sent,
    "sendEmail": answers.sent_email,
}
methods = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)

KEYS = ("status", "Status ", "statusText", "text", "error", "campaignId", "credits", "nbCredits", "nbContacts", "nbSms")
MORE = ("Total", "Subaccounts", "Subaccount", "Login", "Lists", "ListName", "Contacts", "MobilePhone", "Blacklist")
REST = (
    "phoneNumber",
    "Success",
    "Ignored",
    "Duplicated",
    "apiKey",
    "invalidNumbers",
    "0",
    "contact",
    "list",
    "SHORTURL",
    "acks",
    "ack",
    "mos",
    "mo",
    "message",
    "receptionDate",
    "smsIds",
    "smsId",
    "invalidEmails",
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "0",
            "1",
            "100",
            "101",
            "102",
            "111",
            "OK",
            "No subaccount found",
            "1e999999999",
            "33612345678",
            "http://bs.ms/1",
        ]
    )
    | st.sampled_from([0, 1, 2, 100, 101, 102, 111, 1e300])
)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*KEYS, *MORE, *REST)), inner, max_size=5)
    ),
    max_leaves=12,
)


def typed(method: Method, answer: bytes) -> object:
    """The value or the error; anything else escapes."""
    kinds = (Refused, Unreadable if method.reads else OutcomeUnknown)
    try:
        return judge(method, PARSERS[method.name], answer)
    except kinds as error:
        return error


@methods
@settings(max_examples=60)
@given(answer=st.binary(max_size=200))
def test_any_bytes(method: Method, answer: bytes) -> None:
    """Any bytes end in a value or in an error of the right kind, and random ones never in a success."""
    result = typed(method, answer)

    assert isinstance(result, ApiError) or answer.strip() in (b"[]", b"{}", b"[{}]")


@methods
@settings(max_examples=60)
@given(tree=trees)
def test_any_json(method: Method, tree: object) -> None:
    """JSON made of the API's own words, in no order, ends in a value or in an error of the right kind."""
    typed(method, json.dumps(tree).encode())


@methods
@settings(max_examples=60)
@given(data=st.data())
def test_good_answer_cut_short(method: Method, data: st.DataObject) -> None:
    """A good answer that breaks off anywhere is never a success."""
    good = CALLS[method.name][1]
    assert isinstance(good, dict)
    whole = body(good)
    cut = data.draw(st.integers(0, len(whole) - 1))

    assert isinstance(typed(method, whole[:cut]), Unreadable if method.reads else OutcomeUnknown)


@methods
@settings(max_examples=60)
@given(status=st.integers() | st.text() | st.sampled_from([100, 101, 1, 0, "OK"]), data=st.data())
def test_only_documented_statuses_succeed(method: Method, status: object, data: st.DataObject) -> None:
    """A write succeeds only with a status that its own table calls a success."""
    good = CALLS[method.name][1]
    assert isinstance(good, dict)
    if method.name in READS:
        return
    result = typed(method, json.dumps(good | {"status": status}).encode())
    entry = method.meaning(comparable(status))
    documented = entry is not None and entry.verdict is Verdict.DONE

    without_status = method.name in ("manageSubAccountCredits", "shortenUrl", "getPulls") and comparable(status) == ""
    partly_sent = method.name in ("sendSms", "simplified sending") and comparable(status) == "111"
    assert isinstance(result, ApiError) is not (documented or without_status or partly_sent)


def recased(tree: Any, draw: Any) -> Any:
    """The same facts in another form: key case and blanks, numbers as text."""
    if isinstance(tree, dict):
        return {draw(st.sampled_from([k, k.lower(), k.upper(), f" {k} "])): recased(v, draw) for k, v in tree.items()}
    if isinstance(tree, list):
        return [recased(member, draw) for member in tree]
    if isinstance(tree, int):
        return draw(st.sampled_from([tree, str(tree), f" {tree} ", float(tree)]))
    return draw(st.sampled_from([tree, f" {tree} "])) if isinstance(tree, str) else tree


@methods
@settings(max_examples=60)
@given(data=st.data())
def test_form_does_not_matter(method: Method, data: st.DataObject) -> None:
    """Key case, blanks and the types of numbers change nothing in what is read."""
    good = CALLS[method.name][1]
    assert isinstance(good, dict)
    other = recased(good, data.draw)
    answer = json.dumps(data.draw(st.sampled_from([other, [other], {method.name: other}])))
    front = data.draw(st.sampled_from(["", "\ufeff", "\r\n"]))

    expected = judge(method, PARSERS[method.name], body(good))
    assert judge(method, PARSERS[method.name], (front + answer).encode()) == expected


RECORD = st.dictionaries(
    st.sampled_from(["Firstname", "Shop", "CITY"]), st.text(st.characters(codec="utf-8"), max_size=9)
)


@given(st.lists(st.tuples(st.integers(10**9, 10**14), RECORD), max_size=5))
def test_contacts_survive(rows: list[tuple[int, dict[str, str]]]) -> None:
    """What a list holds is what is read, values trimmed; of two contacts with one phone the last."""
    answer = {"Contacts": [{"MobilePhone": str(phone), **fields} for phone, fields in rows]}

    found = judge(next(m for m in METHODS if m.name == "getContacts"), answers.contacts, json.dumps(answer).encode())

    assert found.received == len(rows)
    assert dict(found.table) == {
        str(phone): {name.upper(): value.strip() for name, value in fields.items()} for phone, fields in rows
    }


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2))
def test_numbers(value: Decimal) -> None:
    """A number reads the same as text and as a number, and a whole one is an int."""
    found = number(f" {value} ")

    assert found == value == number(unwrapped(decode(str(value).encode()), ""))
    assert isinstance(found, int) is (value == value.to_integral_value())


@given(st.text() | st.none(), st.text() | st.none())
def test_retry_after_of_any_kind(header: str | None, date: str | None) -> None:
    """No header makes the client fail or wait for less than nothing."""
    wait = retry_after(header, date)

    assert wait is None or wait >= 0
