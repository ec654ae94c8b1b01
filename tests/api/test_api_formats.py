"""JSON and XML say the same: requests carry the same data in either, and answers in either are read the same."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.api.client import WriterClient
from smsops.api.errors import NotSent, OutcomeUnknown, Unreadable
from smsops.api.methods import METHODS, Method
from smsops.api.payloads import Format
from smsops.api.records import Email, ListField, Message, Recipient
from smsops.api.verdicts import judge
from tests.api.scripted_server import CALLS, Server, ask, body, failure
from tests.api.test_api_properties import PARSERS, trees, typed

DATA = {
    "createSubAccount": "accountData",
    "updateSubAccount": "accountData",
    "createList": "listData",
    "populateList": "populateData",
    "deleteContacts": "deleteData",
    "sendSms": "smsData",
    "simulateCampaign": "smsData",
    "sendEmail": "emailData",
}
AROUND = {"STRUCTURE": ("STRUCTURE", "FIELD"), "CONTACT": ("CONTACTS", "CONTACT"), "SMS": (None, "SMS")}

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\n\r&<>\"']]>"), max_size=20
).filter(lambda text: not re.search("[\ufffe\uffff]", text))
names = st.from_regex(r"[A-Zé_][A-Z0-9_.-]{0,8}", fullmatch=True).filter(lambda name: name != "MOBILEPHONE")
phones = st.integers(10**9, 10**14).map(str)
records = st.dictionaries(names, texts, max_size=4)
maybe = st.none() | texts
messages = st.builds(
    Message,
    texts,
    st.lists(st.builds(Recipient, phones, st.lists(texts, max_size=3).map(tuple)), max_size=4),
    sender=maybe,
    date=maybe,
    campaign_name=maybe,
    dynamic=st.integers(0, 9),
    notify=st.none() | st.booleans(),
    client_id=maybe,
)
emails = st.builds(
    Email,
    texts,
    st.lists(texts, max_size=3),
    texts,
    texts,
    text=maybe,
    sender_name=maybe,
    reply_to=maybe,
    date=maybe,
    campaign_name=maybe,
)
fields = st.lists(st.builds(ListField, names, st.booleans(), st.booleans()), max_size=4)
contacts = st.lists(st.tuples(phones, records), max_size=4)


def call(method: str, draw: Callable[..., Any]) -> Callable[[WriterClient], Awaitable[object]]:
    """A call with data of any kind."""
    sub_account = draw(maybe)
    match method:
        case "createSubAccount":
            data = draw(records)
            return lambda api: api.create_sub_account(data)
        case "updateSubAccount":
            data = draw(records)
            return lambda api: api.update_sub_account("paris", data)
        case "createList":
            name, locked, structure = draw(texts), draw(st.booleans()), draw(fields)
            return lambda api: api.create_list(name, locked=locked, fields=structure, sub_account=sub_account)
        case "populateList":
            members = draw(contacts)
            return lambda api: api.populate_list("vip", members, sub_account=sub_account)
        case "deleteContacts":
            numbers = draw(st.lists(phones, max_size=4))
            return lambda api: api.delete_contacts("vip", numbers, sub_account=sub_account)
        case "sendEmail":
            email = draw(emails)
            return lambda api: api.send_email(email)
    message = draw(messages)
    return lambda api: api.send_sms(message) if method == "sendSms" else api.simulate_campaign(message)


def parsed(element: ElementTree.Element) -> dict[str, Any]:
    """Data in XML as it is in JSON, by what the manual's appendices show of both."""
    data: dict[str, Any] = {}
    for child in element:
        for key, (around, member) in AROUND.items():
            if around is not None and child.tag == around:
                assert all(each.tag == member for each in child)
                data[key] = [parsed(each) for each in child]
                break
            if around is None and child.tag == member:
                data.setdefault(key, []).append(parsed(child))
                break
        else:
            assert child.tag not in data
            assert not len(child)
            data[child.tag] = child.text or ""
    return data


@pytest.mark.parametrize("method", DATA)
@settings(max_examples=60)
@given(data=st.data())
def test_a_request_says_the_same_in_either_format(method: str, data: st.DataObject) -> None:
    """Whatever is to be said, XML and JSON carry the same data, and ask for their own format back."""
    made = call(method, data.draw)
    in_json, in_xml = Server(CALLS[method][1]), Server(CALLS[method][1])
    ask(in_json, made)
    ask(in_xml, made, format=Format.XML)
    as_json, as_xml = in_json.blank_parameters, in_xml.blank_parameters

    root = ElementTree.fromstring(as_xml.pop(DATA[method]))
    said = json.loads(as_json.pop(DATA[method]))["DATA"]
    if said.get("SMS") == []:
        del said["SMS"]  # nothing repeated no time
    assert (root.tag, parsed(root)) == ("DATA", said)
    assert (as_json.pop("returnformat"), as_xml.pop("returnformat")) == ("json", "xml")
    assert as_json == as_xml


@pytest.mark.parametrize(
    "made",
    [
        lambda api: api.send_sms(Message("a\x00b", [])),
        lambda api: api.send_sms(Message("a\ud83d", [])),
        lambda api: api.send_sms(Message("a\uffff", [])),
        lambda api: api.populate_list("vip", [("33612345678", {"CODE POSTAL": "69001"})]),
        lambda api: api.populate_list("vip", [("33612345678", {"<": "69001"})]),
        lambda api: api.populate_list("vip", [("33612345678", {"": "69001"})]),
        lambda api: api.create_sub_account({"A²": "x"}),
    ],
)
def test_what_xml_cannot_say_is_not_sent(made: Callable[[WriterClient], Awaitable[object]]) -> None:
    """Nothing leaves, rather than something else than was meant."""
    server = Server({"status": 100, "campaignId": "ap_1"})

    assert type(failure(server, made, format=Format.XML)) is NotSent
    assert not server.requests


MEMBERS = {
    "subaccounts": "subaccount",
    "lists": "List",
    "contacts": "Contact",
    "blacklist": "contact",
    "acks": "ack",
    "mos": "mo",
    "smsids": "sms",
}


def xml(name: str, tree: Any, draw: Callable[..., Any]) -> str:
    """A tree as the manual's XML shows it, with blanks around values; a member of a list stands inside its name."""
    if isinstance(tree, dict):
        inside = "".join(xml(key.strip(), value, draw) for key, value in tree.items())
    elif isinstance(tree, list):
        member = MEMBERS.get(name.lower(), "member")
        if name.lower() == "subaccount":  # manageSubAccountCredits: one element, without a list around it
            return "".join(xml(name, each, draw) for each in tree)
        inside = "".join(xml(member, each, draw) for each in tree)
    else:
        blank = draw(st.sampled_from(["", " ", "\r\n"]))
        words = str(tree if tree is not None else "")
        cdata = "]]>" not in words and draw(st.booleans())
        inside = f"{blank}<![CDATA[{words}]]>{blank}" if cdata else blank + escape(words) + blank
    return f"<{name}>{inside}</{name}>"


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(max_examples=40)
@given(data=st.data())
def test_an_answer_is_read_the_same_in_either_format(method: Method, data: st.DataObject) -> None:
    """A good answer in XML amounts to the same as in JSON, whatever its root is called."""
    good = CALLS[method.name][1]
    assert isinstance(good, dict)
    root = data.draw(st.sampled_from(["getAcks", "SendSMS", "x", method.name.partition(" ")[0]]))
    prolog = data.draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n', "\ufeff", "<!-- -->"]))

    answer = (prolog + xml(root, good, data.draw)).encode()

    assert judge(method, PARSERS[method.name], answer) == judge(method, PARSERS[method.name], body(good))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(max_examples=60)
@given(data=st.data())
def test_any_xml(method: Method, data: st.DataObject) -> None:
    """XML made of the API's own words, in no order, ends in a value or in an error of the right kind."""
    tree = data.draw(trees)
    names: Mapping[str, Any] = tree if isinstance(tree, dict) else {"status": tree}
    named = {key: value for key, value in names.items() if not key.isdecimal()}

    typed(method, xml("x", named, data.draw).replace("<0>", "<n>").replace("</0>", "</n>").encode())


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(max_examples=10)
@given(data=st.data())
def test_good_xml_cut_short(method: Method, data: st.DataObject) -> None:
    """A good answer in XML that breaks off anywhere is never a success."""
    good = CALLS[method.name][1]
    assert isinstance(good, dict)
    whole = xml(method.name.partition(" ")[0], good, data.draw).encode()

    found = typed(method, whole[: data.draw(st.integers(0, len(whole) - 1))])

    assert isinstance(found, Unreadable if method.reads else OutcomeUnknown)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_nesting_without_end(method: Method) -> None:
    """Neither format can be nested so deep that reading it breaks down."""
    for answer in (
        "<lists>" * 1500 + "</lists>" * 1500,
        "<a>" * 1500,
        "[" * 1500 + "]" * 1500,
        '{"a":' * 1500 + "1" + "}" * 1500,
    ):
        assert isinstance(typed(method, answer.encode()), Unreadable if method.reads else OutcomeUnknown)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "1"><!ENTITY b "&a;&a;">]>'
    "<x><lists/><total>&b;</total><status>100</status></x>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "answer",
    [BOMB, BOMB.replace('"1"', 'SYSTEM "file:///etc/hostname"'), "<!DOCTYPE x SYSTEM 'http://x/'><x><lists/></x>"],
)
def test_no_entity_is_expanded(answer: str, encoding: str) -> None:
    """A document type is never read, in no encoding: it could blow up, or reach outside."""
    server = Server(answer.encode(encoding))

    assert type(failure(server, lambda api: api.get_lists())) is Unreadable
