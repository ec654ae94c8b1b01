"""Feeds and answers in XML."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, data, new_api
from tests.sandbox.test_sandbox_fuzz import KEYS, PAYLOADS

PHONE = "33612345678"
FEED = f"<DATA><MESSAGE>Bonjour</MESSAGE><SMS><MOBILEPHONE>{PHONE}</MOBILEPHONE></SMS></DATA>"


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    made = new_api(sandbox)
    sandbox.add_sub_account(LOGIN, "sub")
    sandbox.add_list(LOGIN, "vip", ["NAME"], [{"phone": PHONE, "NAME": "a"}])
    yield made
    sandbox.close()


def ask(api: Api, method: str, **params: str) -> ElementTree.Element:
    """The root of an answer in XML."""
    answer = api.raw(method, **params)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    return ElementTree.fromstring(answer.content)


@pytest.mark.parametrize(
    ("method", "params", "in_xml"),
    [
        ("getLists", {}, False),
        ("getLists", {"returnformat": "xml"}, True),
        ("getLists", {"returnFormat": " XML "}, True),
        ("getLists", {"returnformat": "yaml"}, False),
        ("getLists", {"returnformat": "xml", "apiKey": "wrong"}, True),
        ("sendSms", {"smsData": FEED}, True),
        ("sendSms", {"smsData": f"\ufeff\n {FEED}"}, True),
        ("sendSms", {"smsData": FEED, "returnformat": "json"}, False),
        ("sendSms", {"smsData": data(MESSAGE="x"), "returnformat": "xml"}, True),
        ("sendSms", {"smsData": "<DATA"}, True),
        ("sendSms", {"smsData": data(MESSAGE="<DATA>")}, False),
        ("9.0", {"message": "x", "mobile": PHONE, "returnformat": "xml"}, False),
    ],
)
def test_the_format_of_an_answer(api: Api, method: str, params: dict[str, str], in_xml: bool) -> None:
    """What is asked for, else that of the feed, else JSON; simplified sending has JSON alone."""
    answer = api.raw(method, **params)
    assert answer.text.startswith("<?xml" if in_xml else "{")
    assert answer.headers["content-type"].startswith("text/xml" if in_xml else "application/json")


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(10))
UNREADABLE = [
    "<",
    "<DATA>",
    "<DATA><MESSAGE>x</DATA>",
    "<MESSAGE>x</MESSAGE>",
    f"{FEED}{FEED}",
    FEED.replace("Bonjour", "&nbsp;"),
    FEED.replace("Bonjour", "&#0;"),
    f"<!DOCTYPE DATA>{FEED}",
    f"<!DOCTYPE DATA [{BOMB}]>" + FEED.replace("Bonjour", "&e9;"),
    '<!DOCTYPE DATA [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + FEED.replace("Bonjour", "&e;"),
    f'<!DOCTYPE DATA SYSTEM "http://127.0.0.1:9/x">{FEED}',
    "<DATA>" * 5_000,
    "<DATA>" * 5_000 + "</DATA>" * 5_000,
    "<DATA>" + "<SMS>" * 16 + "</SMS>" * 16 + "</DATA>",
]


@pytest.mark.parametrize("feed", UNREADABLE, ids=range(len(UNREADABLE)))
def test_xml_that_cannot_be_read_is_refused(api: Api, feed: str) -> None:
    """What is malformed, brings entities, or is nested without end has the status of a broken feed, and no effect."""
    before = api.sandbox.snapshot()
    for method, payload in PAYLOADS.items():
        answer = ask(api, method, **{payload: feed, "subAccount": "sub" if method == "updateSubAccount" else ""})
        assert answer.findtext("status") == ("109" if method in ("sendSms", "sendEmail") else "0")
    assert api.sandbox.snapshot() == before


@pytest.mark.parametrize("feed", ["", " ", "<DATA/>", "<DATA> \n </DATA>", "<data></data>"])
def test_an_empty_feed(api: Api, feed: str) -> None:
    """Nothing in DATA is no feed."""
    assert ask(api, "sendSms", smsData=feed, returnformat="xml").findtext("status") == "105"


@pytest.mark.parametrize(
    "feed",
    [
        FEED,
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n' + FEED,
        FEED.lower().replace("bonjour", "Bonjour"),
        FEED.replace("Bonjour", "<![CDATA[Bonjour]]>"),
        FEED.replace("Bonjour", "Bon&#106;our").replace("<SMS>", "(optional extra)<!-- --><SMS type='x'>"),
    ],
)
def test_ways_to_write_a_feed(api: Api, feed: str) -> None:
    """Prolog, case, CDATA, references, comments, attributes and stray text change nothing."""
    assert ask(api, "sendSms", smsData=feed).findtext("status") == "100"
    (campaign,) = api.sandbox.campaigns()
    assert (campaign["message"], [one["phone"] for one in campaign["recipients"]]) == ("Bonjour", [PHONE])


def test_what_xml_cannot_name_or_say(api: Api) -> None:
    """Fields and characters that do not fit come changed, and the answer is XML all the same."""
    contact = {"Code postal": "0\x006", "1er<": "a\r]]>&", "MOBILEPHONE": PHONE}
    api.sandbox.add_list(LOGIN, "odd", ["Code postal", "1er<"], [contact])
    (found,) = ask(api, "getContacts", listName="odd", returnformat="xml").iterfind("contacts/contact")
    assert {child.tag: child.text for child in found} == {
        "MobilePhone": PHONE,
        "Code_postal": "0�6",
        "_1er_": "a\r]]>&",
    }


def test_styles_in_xml(api: Api) -> None:
    """Case, blanks, a byte order mark and absent balances, as in JSON; an empty collection stays an empty element."""
    api.sandbox.style(keys="upper", blanks=True, bom=True, empty="absent", balances=False)
    info = api.raw("getInfo", returnformat="xml")
    assert info.content.startswith(b"\xef\xbb\xbf<?xml")
    assert (b"<STATUS> Active Account </STATUS>" in info.content, b"CREDITS" in info.content) == (True, False)
    assert [child.tag for child in ask(api, "getBlacklist", returnformat="xml")] == ["BLACKLIST"]


def test_a_spoilt_answer_in_xml(api: Api) -> None:
    """An answer in XML breaks off as one in JSON does."""
    whole = api.raw("getLists", returnformat="xml").text
    api.sandbox.fail("getLists", "truncated")
    assert api.raw("getLists", returnformat="xml").text == whole[: len(whole) // 2]


PIECES = KEYS.map(lambda key: f"<{key}>") | KEYS.map(lambda key: f"</{key}>") | st.text(max_size=6).map(escape)
PIECES |= st.sampled_from(
    [PHONE, "<DATA>", "</DATA>", "<![CDATA[", "]]>", "<!--", "-->", "&#0;", "&x;", "<?x?>", "vip"]
)
NESTED = st.recursive(
    st.text(max_size=8).map(escape) | st.sampled_from([PHONE, "vip", "#param_1#", "1", "2026-11-27 10:00:00"]),
    lambda inner: st.lists(st.tuples(KEYS, inner).map(lambda pair: "<{0}>{1}</{0}>".format(*pair)), max_size=5).map(
        "".join
    ),
    max_leaves=15,
)


def test_any_xml_gets_an_answer(api: Api) -> None:
    """Whatever stands in a feed, the answer is XML with a status, never a breakdown."""

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(method=st.sampled_from(sorted(PAYLOADS)), feed=st.lists(PIECES, max_size=12).map("".join) | NESTED)
    def check(method: str, feed: str) -> None:
        params = {PAYLOADS[method]: f"<DATA>{feed}</DATA>", "subAccount": "sub" if method == "updateSubAccount" else ""}
        assert (ask(api, method, **params).findtext("status") or "").isdecimal()

    check()
