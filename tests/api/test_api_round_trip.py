"""There and back: whatever is asked of the sandbox has the same effect and the same answer in JSON and in XML."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsops.api.client import WriterClient
from smsops.api.errors import ApiError, Refused
from smsops.api.methods import METHODS, Verdict
from smsops.api.payloads import Format
from smsops.api.records import Contacts, Email, ListField, Message, Recipient
from smsops.cli.connect import SandboxWire
from smsops.sandbox.app import Sandbox
from tests.api.every_status import CASES, World
from tests.api.manual_examples import ANSWERS
from tests.api.scripted_server import KEY, LOGIN, ask
from tests.api.test_api_formats import DATA, emails, fields, maybe, messages, texts
from tests.api.test_api_manual import STREAMS

Call = Callable[[WriterClient], Awaitable[object]]
PHONE, OTHER = "33612345678", "33612345679"


def account() -> Sandbox:
    """An account with something of everything; two of them are the same."""
    sandbox = Sandbox(reply_rate=1.0)
    sandbox.set_clock(datetime(2026, 11, 27, 10))
    sandbox.ensure_master(LOGIN, KEY, credits=10_000, postpaid=True)
    sandbox.add_sub_account(LOGIN, "paris", credits=50)
    contacts = [{"phone": PHONE, "SHOP": " a\r\n<é>&"}, {"phone": "0600000000"}]
    for name in ("vip", "cavavin2", "your basic", "Your Base"):
        sandbox.add_list(LOGIN, name, ["FIRSTNAME", "LASTNAME", "SHOP"], contacts)
    sandbox.blacklist(LOGIN, OTHER)

    async def send(api: WriterClient) -> None:
        for date in (None, "2026-12-24 10:00:00"):
            await api.send_simplified("Hi", [PHONE, "33712345678"], date=date)

    ask(SandboxWire(sandbox.app), send)
    sandbox.set_clock(datetime(2026, 12, 8, 10))
    return sandbox


phones = st.sampled_from([PHONE, OTHER, "0612345670", "+4915112345678", "12"])
values = texts | st.sampled_from(["Lyon", " Lyon ", "a\r\nb", "<b>&amp;", "]]>"])
subs = st.sampled_from([None, None, "paris", "nobody"])
lists = st.sampled_from(["vip", "Your Base", "nowhere", " vip"])
campaigns = st.sampled_from(["ap_28400001", "ap_28400002", "ap_1"])
sms_ids = st.sampled_from(["00000001-8e0b-11e5-bf51-000000000000", "00000001-8e0b-11e5-bf51-000000000001", "1"])
dates = st.none() | st.sampled_from(["2026-12-24 10:00:00", "2020-01-01 00:00:00", "tomorrow"])
records = st.dictionaries(
    st.sampled_from(["CITY", "SOCIETY", "PHONE", "COUNTRY", "PASSWORD", "ACTIVE", "LOGIN"]), values
)
whole = st.fixed_dictionaries(
    {key: st.just("+33612345678") for key in ("MOBILE", "FIRSTNAME", "LASTNAME", "SOCIETY", "EMAIL", "PASSWORD")}
    | {"LOGIN": values}
)
told = st.builds(
    lambda text, numbers, **more: Message(
        f"{text} #param_1#", [Recipient(number, (text,)) for number in numbers], dynamic=1, **more
    ),
    values,
    st.lists(phones, min_size=1, max_size=3),
    sender=maybe,
    date=dates,
    campaign_name=maybe,
    notify=st.none() | st.booleans(),
    client_id=maybe,
)
mails = st.builds(
    Email,
    st.just("a@acme.example"),
    st.just(["b@acme.example", "c"]),
    values,
    values,
    text=maybe,
    sender_name=maybe,
    reply_to=maybe,
    date=dates,
    campaign_name=maybe,
)
structures = fields | st.lists(st.builds(ListField, values, st.booleans(), st.booleans()), max_size=2)
people = st.lists(
    st.tuples(phones, st.dictionaries(st.sampled_from(["SHOP", "Firstname", "LASTNAME", "ZIP"]), values)), max_size=3
)


def drawn(method: str, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Call:
    """A call of a method, with data that the platform takes as well as data that it does not."""
    one = {name: draw(each) for name, each in ARGUMENTS.get(method, {}).items()}
    match method:
        case "sendSms":
            return lambda api: api.send_sms(one["message"])
        case "simulateCampaign":
            return lambda api: api.simulate_campaign(one["message"])
        case "simplified sending":
            return lambda api: api.send_simplified(
                one["text"], one["phones"], sender=one["sender"], date=one["date"], campaign_name=one["name"]
            )
        case "sendEmail":
            return lambda api: api.send_email(one["email"])
        case "createList":
            return lambda api: api.create_list(
                one["name"], locked=one["locked"], fields=one["fields"], sub_account=one["sub"]
            )
        case "populateList":
            return lambda api: api.populate_list(one["name"], one["contacts"], sub_account=one["sub"])
        case "deleteContacts":
            return lambda api: api.delete_contacts(one["name"], one["phones"], sub_account=one["sub"])
        case "createSubAccount":
            return lambda api: api.create_sub_account(one["data"])
        case "updateSubAccount":
            return lambda api: api.update_sub_account(one["login"], one["data"])
        case "manageSubAccountCredits":
            return lambda api: api.manage_sub_account_credits(one["login"], one["amount"])
        case "getPulls":
            return lambda api: api.get_pulls(limit=one["limit"], sub_account=one["sub"])
    name = {"getCreditsByCountryIsoCode": "get_credits_by_country"}.get(method) or "".join(
        f"_{letter.lower()}" if letter.isupper() else letter for letter in method
    )
    sub = {"sub_account": one.pop("sub")} if "sub" in one else {}
    call: Call = lambda api: getattr(api, name)(*one.values(), **sub)  # noqa: E731
    return call


logins = st.sampled_from(["paris", "nobody"])
ARGUMENTS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "sendSms": {"message": told | messages},
    "simulateCampaign": {"message": told | messages},
    "simplified sending": {
        "text": values, "phones": st.lists(phones, max_size=3), "sender": maybe, "date": dates, "name": maybe,
    },
    "sendEmail": {"email": mails | emails},
    "createList": {"name": values, "locked": st.booleans(), "fields": structures, "sub": subs},
    "populateList": {"name": lists, "contacts": people, "sub": subs},
    "deleteContacts": {"name": lists, "phones": st.lists(phones, max_size=3), "sub": subs},
    "createSubAccount": {"data": whole | records},
    "updateSubAccount": {"login": logins, "data": records},
    "manageSubAccountCredits": {"login": logins, "amount": st.integers(-60, 60)},
    "deleteSubAccount": {"login": logins},
    "deleteList": {"name": lists, "sub": subs},
    "deleteCampaign": {"id": campaigns},
    "shortenUrl": {"url": st.just("https://acme.example/?a=1&b=<é>") | texts},
    "getPulls": {"limit": st.none() | st.integers(0, 3), "sub": subs},
    "getPull": {"id": campaigns, "sub": subs},
    "getPullBySmsId": {"id": sms_ids, "sub": subs},
    "getAcks": {"id": campaigns, "sub": subs},
    "getAckBySmsId": {"id": sms_ids, "sub": subs},
    "getInfo": {"sub": subs},
    "getLists": {"sub": subs},
    "getContacts": {"name": lists, "sub": subs},
    "getBlacklist": {"sub": subs},
    "getCreditsByCountryIsoCode": {"iso": st.sampled_from(["fr", "BE", "XX", ""])},
}  # fmt: skip


def effect(sandbox: Sandbox, call: Call, format: Format) -> tuple[object, object]:
    """What a call came to, and all that there is afterwards."""
    try:
        found = ask(SandboxWire(sandbox.app), call, format=format)
    except ApiError as error:
        return (type(error), error.status, str(error)), sandbox.snapshot()
    return (dict(found.table), found.received) if isinstance(found, Contacts) else found, sandbox.snapshot()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_format_makes_no_difference(method: Any, data: st.DataObject) -> None:
    """A call in XML does to an account what it does in JSON, and its answer or its refusal is read the same."""
    calls = [drawn(method.name, data.draw) for _ in range(3)]
    in_json, in_xml = account(), account()

    for call in calls:
        assert effect(in_xml, call, Format.XML) == effect(in_json, call, Format.JSON)
    in_json.close()
    in_xml.close()


@pytest.mark.parametrize(
    ("method", "made", "stream"), [each[1:] for each in STREAMS], ids=[each[0] for each in STREAMS]
)
def test_the_sandbox_takes_the_streams_of_the_manual(method: str, made: Call, stream: str) -> None:
    """A stream as the manual prints it does what the client's own call in the other format does.

    Those of appendix 1 and 2 are refused: they announce two parameters that their message does not have.
    """
    client, bare = account(), account()
    before = client.snapshot()
    came_to, after = effect(client, made, Format.JSON if stream[0] == "<" else Format.XML)
    answer, _ = ask(SandboxWire(bare.app), lambda api: api.raw(method, {DATA[method]: stream}))

    assert bare.snapshot() == after
    if method == "sendSms":
        assert b"109" in answer
        assert isinstance(came_to, tuple)
        assert came_to[:2] == (Refused, 109)
    else:
        assert after != before
    client.close()
    bare.close()


GOOD = [
    case
    for case in CASES
    if not case.error and getattr(case.status, "verdict", Verdict.DONE) is Verdict.DONE and not case.method.at_root
    and case.id not in ("getSubAccounts-0", "deleteCampaign-CAMPAIGNALREADYDELETED")
]  # fmt: skip
NOT_IN_THE_MANUAL = {"apikey", "name"}


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.id)
def test_the_sandbox_names_elements_as_the_manual_does(case: Any) -> None:
    """A good answer in XML has the elements of the manual's example, and of these none that stands elsewhere."""
    world = World(Sandbox(), Format.XML)
    answer = ElementTree.fromstring(world.raw(case.method, case.parameters(world)))
    example = next(each for each in ANSWERS if each.method == case.method.name and each.answer[0] == "<")

    allowed = paths(ElementTree.fromstring(example.answer))
    extra = {path for path in paths(answer) - allowed if path.rpartition("/")[2] not in NOT_IN_THE_MANUAL}
    assert extra <= {"/status"}
    assert len(answer)


def paths(element: ElementTree.Element, within: str = "") -> set[str]:
    """Where elements stand, whatever the case of their names."""
    found: set[str] = set()
    for child in element:
        path = f"{within}/{child.tag.lower()}"
        found |= {path} | paths(child, path)
    return found
