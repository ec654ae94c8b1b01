"""The manual's own examples: its answers are read in both formats, and its streams are what the client writes."""

import base64
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from smsops.api import answers
from smsops.api.client import WriterClient
from smsops.api.errors import Refused
from smsops.api.methods import METHODS
from smsops.api.payloads import Format
from smsops.api.records import Contacts, Email, ListField, Message, Recipient
from smsops.api.verdicts import judge
from tests.api.manual_examples import ANSWERS, REFUSALS, Example
from tests.api.scripted_server import CALLS, Server, ask
from tests.api.test_api_formats import DATA, parsed, xml
from tests.api.test_api_properties import PARSERS

BY_NAME = {method.name: method for method in METHODS}
WHOSE = {"manageSubAccountCredits": partial(answers.new_balance, login="subaccountx")}
examples = pytest.mark.parametrize("example", ANSWERS, ids=lambda example: f"{example.section} {example.method}")


def read(example: Example) -> Any:
    parse = WHOSE.get(example.method) or PARSERS[example.method]
    return judge(BY_NAME[example.method], parse, example.answer.encode())


@examples
def test_an_answer_of_the_manual(example: Example) -> None:
    """Each example of an answer is a success, and every fact in it is read."""
    found = read(example)

    assert (dict(found.table) if isinstance(found, Contacts) else found) == example.means


def told(element: ElementTree.Element) -> Any:
    """An answer in XML as PHP makes JSON of it: one element is no list, a collection stands inside its members' name."""
    record: dict[str, Any] = {}
    for child in element:
        value = told(child)
        if child.tag in record:
            held = record[child.tag]
            record[child.tag] = [*held, value] if isinstance(held, list) else [held, value]
        else:
            record[child.tag] = value
    return record if len(element) else element.text or ""


@examples
def test_an_answer_of_the_manual_in_the_other_format(example: Example) -> None:
    """Each example means the same when the other format says it."""
    if example.answer.lstrip()[0] == "<":
        other = json.dumps(told(ElementTree.fromstring(example.answer)))
    else:
        said = json.loads(example.answer)
        other = xml("x", said[0] if isinstance(said, list) else said, lambda _: "")
    found = read(replace(example, answer=other))

    assert (dict(found.table) if isinstance(found, Contacts) else found) == example.means


def test_every_method_has_its_examples() -> None:
    """Both formats of each, in the section that the method cites; simplified sending answers in JSON only."""
    shown = {(each.method, each.section.split(".")[0], each.answer[0] == "<") for each in ANSWERS}

    expected = {(method.name, method.section, in_xml) for method in METHODS for in_xml in (False, True)}
    assert shown == expected - {("simplified sending", "§5", True)}


@pytest.mark.parametrize("example", REFUSALS, ids=lambda example: f"{example.section} {example.means}")
def test_a_refusal_of_the_manual(example: Example) -> None:
    """Each example of a no is one, with its status."""
    with pytest.raises(Refused) as raised:
        read(example)
    assert raised.value.status == example.means


RECIPIENTS = [
    Recipient("33612345678", ("parameter 1", "parameter 2")),
    Recipient("33611111111", ("parameter 1", "parameter 2")),
]
MESSAGE_JSON = """{"DATA": {"CAMPAIGN_NAME": "Campaign Name", "MESSAGE": "Your message", "TPOA": "Issuer",
  "DYNAMIC": "2", "DATE": "2013-01-01 12:00:00", "SMS": [
    {"MOBILEPHONE": "33612345678", "PARAM_1": "parameter 1", "PARAM_2": "parameter 2"},
    {"MOBILEPHONE": "33611111111", "PARAM_1": "parameter 1", "PARAM_2": "parameter 2"}]}}"""
MESSAGE_XML = """<DATA>
<MESSAGE><![CDATA[Your message]]></MESSAGE>
<DYNAMIC>2</DYNAMIC>
<CAMPAIGN_NAME>Campaign Name</CAMPAIGN_NAME>
<DATE>2011-11-05 15:10:00</DATE>
<TPOA>Issuer</TPOA>
<MAIL_NOTIF>0</MAIL_NOTIF>
<SMS>
  <MOBILEPHONE>33612345678</MOBILEPHONE><PARAM_1>parameter 1</PARAM_1><PARAM_2>parameter 2</PARAM_2>
</SMS>
<SMS>
  <MOBILEPHONE>33611111111</MOBILEPHONE><PARAM_1>parameter 1</PARAM_1><PARAM_2>parameter 2</PARAM_2>
</SMS>
</DATA>"""
ACCOUNT = {
    "FIRSTNAME": "Thomas",
    "LASTNAME": "SMITH",
    "SOCIETY": "Society",
    "MOBILE": "+33612345678",
    "EMAIL": "email@domain.com",
    "LOGIN": "newlogin",
    "PASSWORD": "newpass",
    "PHONE": "0493000000",
    "WEBSITE": "domain.com",
    "ADDRESS": "address new account",
    "ZIP": "01000",
    "CITY": "Paris",
    "COUNTRY": "FRANCE",
    "SENDEMAILTOCUSTOMER": "1",
    "SENDEMAILTOMASTERACCOUNT": "1",
    "POSTPAID": "1",
    "PROFILE": "to define MS Innovations",
}
ACCOUNT_XML = """<DATA>
<FIRSTNAME>Thomas</FIRSTNAME><LASTNAME>SMITH</LASTNAME><SOCIETY>Society</SOCIETY><MOBILE>+33612345678</MOBILE>
<EMAIL>email@domain.com</EMAIL><LOGIN>newlogin</LOGIN><PASSWORD>newpass</PASSWORD><PHONE>0493000000</PHONE>
<WEBSITE>domain.com</WEBSITE><ADDRESS>address new account</ADDRESS><ZIP>01000</ZIP><CITY>Paris</CITY>
<COUNTRY>FRANCE</COUNTRY><SENDEMAILTOCUSTOMER>1</SENDEMAILTOCUSTOMER>
<SENDEMAILTOMASTERACCOUNT>1</SENDEMAILTOMASTERACCOUNT><POSTPAID>1</POSTPAID>
<PROFILE>to define MS Innovations</PROFILE>
</DATA>"""
ACCOUNT_JSON = """{"DATA": {"FIRSTNAME": "Thomas", "LASTNAME": "Dupont", "SOCIETY": "Society",
  "MOBILE": "+33612345678", "EMAIL": "email@domain.com", "LOGIN": "newlogin", "PASSWORD": "newpass",
  "PHONE": "0493000000", "WEBSITE": "domain.com", "ADDRESS": "address new account", "ZIP": "01000", "CITY": "Paris",
  "COUNTRY": "FRANCE", "SENDEMAILTOCUSTOMER": "1", "SENDEMAILTOMASTERACCOUNT": "1", "POSTPAID": "1",
  "PROFILE": "to define MS Innovations"}}"""
FIELDS = [ListField("City", filter=True, mailing=False), ListField("Surname", filter=False, mailing=True)]
CONTACTS = [
    ("0612345678", {"FIRSTNAME": "xxxx", "LASTNAME": "xxxx", "SHOP": "allmysms"}),
    ("0612345679", {"FIRSTNAME": "yyyy", "LASTNAME": "yyyy", "SHOP": "allmysms"}),
]
HTML = "<p>source code of the email</p>"
HTML_64 = base64.b64encode(HTML.encode()).decode()
EMAIL = Email(
    "sender@domain.com",
    ["a@domain.com", "b@domain.com"],
    "Email Subject",
    HTML,
    text="text version",
    sender_name="Name",
    reply_to="reply@domain.com",
    date="2016-01-01 12:00:00",
    campaign_name="Campaign Name",
)

Call = Callable[[WriterClient], Awaitable[object]]
STREAMS: list[tuple[str, str, Call, str]] = [
    (
        "appendix 1",
        "sendSms",
        lambda api: api.send_sms(
            Message(
                "Your message",
                RECIPIENTS,
                sender="Issuer",
                date="2011-11-05 15:10:00",
                campaign_name="Campaign Name",
                dynamic=2,
                notify=False,
            )
        ),
        MESSAGE_XML,
    ),
    (
        "appendix 2",
        "sendSms",
        lambda api: api.send_sms(
            Message(
                "Your message",
                RECIPIENTS,
                sender="Issuer",
                date="2013-01-01 12:00:00",
                campaign_name="Campaign Name",
                dynamic=2,
            )
        ),
        MESSAGE_JSON,
    ),
    ("appendix 8", "createSubAccount", lambda api: api.create_sub_account(ACCOUNT), ACCOUNT_XML),
    (
        "appendix 9",
        "createSubAccount",
        lambda api: api.create_sub_account({**ACCOUNT, "LASTNAME": "Dupont"}),
        ACCOUNT_JSON,
    ),
    (
        "appendix 11",
        "createList",
        lambda api: api.create_list("mylist", locked=False, fields=FIELDS),
        """<DATA><LISTNAME>mylist</LISTNAME><LOCKED>0</LOCKED><STRUCTURE>
<FIELD><FIELDNAME>City</FIELDNAME><FILTER>1</FILTER><MAILING>0</MAILING></FIELD>
<FIELD><FIELDNAME>Surname</FIELDNAME><FILTER>0</FILTER><MAILING>1</MAILING></FIELD>
</STRUCTURE></DATA>""",
    ),
    (
        "appendix 12",
        "createList",
        lambda api: api.create_list("mylist", locked=False, fields=FIELDS),
        """{"DATA": {"LISTNAME": "mylist", "LOCKED": "0", "STRUCTURE": [
  {"FIELDNAME": "City", "FILTER": "1", "MAILING": "0"}, {"FIELDNAME": "Surname", "FILTER": "0", "MAILING": "1"}]}}""",
    ),
    (
        "appendix 13",
        "populateList",
        lambda api: api.populate_list("Your Base", CONTACTS),
        """<DATA><LISTNAME>Your Base</LISTNAME><CONTACTS>
<CONTACT><FIRSTNAME>xxxx</FIRSTNAME><LASTNAME>xxxx</LASTNAME><MOBILEPHONE>0612345678</MOBILEPHONE>
<SHOP>allmysms</SHOP></CONTACT>
<CONTACT><FIRSTNAME>yyyy</FIRSTNAME><LASTNAME>yyyy</LASTNAME><MOBILEPHONE>0612345679</MOBILEPHONE>
<SHOP>allmysms</SHOP></CONTACT>
</CONTACTS></DATA>""",
    ),
    (
        "appendix 14",
        "populateList",
        lambda api: api.populate_list("Your Base", CONTACTS),
        """{"DATA": {"LISTNAME": "Your Base", "CONTACT": [
  {"FIRSTNAME": "xxxx", "LASTNAME": "xxxx", "MOBILEPHONE": "0612345678", "SHOP": "allmysms"},
  {"FIRSTNAME": "yyyy", "LASTNAME": "yyyy", "MOBILEPHONE": "0612345679", "SHOP": "allmysms"}]}}""",
    ),
    (
        "appendix 16",
        "deleteContacts",
        lambda api: api.delete_contacts("cavavin2", ["0600000000", "0611111111"]),
        """<DATA><LISTNAME>cavavin2</LISTNAME><CONTACTS>
<CONTACT><MOBILEPHONE>0600000000</MOBILEPHONE></CONTACT><CONTACT><MOBILEPHONE>0611111111</MOBILEPHONE></CONTACT>
</CONTACTS></DATA>""",
    ),
    (
        "appendix 17",
        "deleteContacts",
        lambda api: api.delete_contacts("your basic", ["0600000000", "0611111111"]),
        """{"DATA": {"LISTNAME": "your basic", "CONTACT": [
  {"MOBILEPHONE": "0600000000"}, {"MOBILEPHONE": "0611111111"}]}}""",
    ),
    (
        "annex 19",
        "sendEmail",
        lambda api: api.send_email(EMAIL),
        f"""<DATA><FROM>sender@domain.com</FROM><TO>a@domain.com;b@domain.com</TO><SUBJECT>Email Subject</SUBJECT>
<DATE>2016-01-01 12:00:00</DATE><HTML>{HTML_64}</HTML><ALIAS>Name</ALIAS><MAILTEXT>text version</MAILTEXT>
<CAMPAIGN_NAME>Campaign Name</CAMPAIGN_NAME><REPLY_TO>reply@domain.com</REPLY_TO></DATA>""",
    ),
    (
        "annex 20",
        "sendEmail",
        lambda api: api.send_email(EMAIL),
        f"""{{"DATA": {{"FROM": "sender@domain.com", "TO": "a@domain.com;b@domain.com", "SUBJECT": "Email Subject",
  "DATE": "2016-01-01 12:00:00", "HTML": "{HTML_64}", "ALIAS": "Name", "MAILTEXT": "text version",
  "CAMPAIGN_NAME": "Campaign Name", "REPLY_TO": "reply@domain.com"}}}}""",
    ),
]


@pytest.mark.parametrize(
    ("method", "made", "stream"), [each[1:] for each in STREAMS], ids=[each[0] for each in STREAMS]
)
def test_a_stream_of_the_manual(method: str, made: Call, stream: str) -> None:
    """What the manual shows as a stream is what the client sends of the same facts, in that format."""
    in_xml = stream[0] == "<"
    server = Server(CALLS[method][1])
    ask(server, made, format=Format.XML if in_xml else Format.JSON)
    said = server.parameters[DATA[method]]

    if in_xml:
        assert parsed(ElementTree.fromstring(said)) == parsed(ElementTree.fromstring(stream))
    else:
        assert json.loads(said) == json.loads(stream)
