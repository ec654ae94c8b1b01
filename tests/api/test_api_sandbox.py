"""The client against the emulator: whole lives of accounts, lists and campaigns, in every style of answer."""

from collections.abc import Iterator
from typing import Any

import pytest

from smsops.api.client import WriterClient
from smsops.api.errors import AuthenticationRefused, OutcomeUnknown, Refused, Unreadable
from smsops.api.payloads import Format
from smsops.api.records import Cancelled, Counts, Credentials, ListField, Message, Recipient, Sent
from smsops.cli.connect import SandboxWire
from smsops.sandbox.app import Sandbox
from smsops.sandbox.handlers import METHODS
from tests.api.scripted_server import CALLS, KEY, LOGIN, READS, REPORTS, ask

ACCOUNT = {
    "FIRSTNAME": "Thomas",
    "LASTNAME": "Smith",
    "SOCIETY": "ACME",
    "MOBILE": "+33612345678",
    "EMAIL": "paris@acme.example",
    "LOGIN": "acme-paris",
    "PASSWORD": "secret-1",
    "ACTIVE": "1",
}
STYLES: dict[str, dict[str, Any]] = {
    "manual": {},
    "lower": {"keys": "lower", "numbers": "text", "single": True, "wrap": True},
    "upper": {"keys": "upper", "numbers": "int", "nested": True, "bom": True, "empty": "absent"},
    "camel": {"keys": "camel", "nested": True, "single": True, "blanks": True, "empty": "null"},
    "object": {"empty": "object", "wrap": True, "strict_params": True},
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    made.ensure_master(LOGIN, KEY, credits=10_000)
    yield made
    made.close()


def on(sandbox: Sandbox, call: Any, **options: Any) -> Any:
    return ask(SandboxWire(sandbox.app), call, **options)


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("style", STYLES)
def test_life_of_an_account(sandbox: Sandbox, style: str, format: Format) -> None:
    """Create, read, change, fund, fill, send as the sub-account, cancel, empty, delete: in any style and format the same."""
    sandbox.style(**STYLES[style])

    async def life(api: WriterClient) -> None:
        assert await api.get_sub_accounts() == ()
        created = await api.create_sub_account(ACCOUNT)
        (record,) = await api.get_sub_accounts()
        assert (record.login, record.credits) == ("acme-paris", 0)
        assert (record.fields["firstname"], record.fields["mobile"]) == ("Thomas", "33612345678")
        await api.update_sub_account("acme-paris", {"CITY": "Nice"})
        assert (await api.get_sub_accounts())[0].fields["city"] == "Nice"
        assert await api.manage_sub_account_credits("acme-paris", 500) == 500
        info = await api.get_info(sub_account="acme-paris")
        assert (info.credits, info.api_key) == (500, created.api_key)
        assert created.api_key

        fields = [ListField("Shop", filter=True, mailing=True)]
        assert await api.get_lists(sub_account="acme-paris") == ()
        await api.create_list("vip", locked=False, fields=fields, sub_account="acme-paris")
        contacts = [("33612345678", {"SHOP": "Lyon"}), ("33612345679", {"SHOP": ""})]
        assert await api.populate_list("vip", contacts, sub_account="acme-paris") == Counts(2, 0, 0)
        assert await api.get_lists() == ()
        (found,) = await api.get_lists(sub_account="acme-paris")
        assert (found.name, found.contacts, found.locked) == ("vip", 2, False)
        live = (await api.get_contacts("vip", sub_account="acme-paris")).table
        assert {(phone, value) for phone, fields in live for value in fields.values()} == {
            ("33612345678", "Lyon"),
            ("33612345679", ""),
        }
        assert await api.delete_contacts("vip", ["33612345678"], sub_account="acme-paris") == Counts(1, 0, 0)

        own = api.account(Credentials("acme-paris", created.api_key))
        assert len(await own.get_lists()) == 1
        await send_and_cancel(own)
        await api.delete_list("vip", sub_account="acme-paris")
        await api.delete_sub_account("acme-paris")
        assert await api.get_sub_accounts() == ()

    on(sandbox, life, format=format)


async def send_and_cancel(api: WriterClient) -> None:
    message = Message("Bonjour STOP au 36180", [Recipient("33612345678")], sender="ACME", date="2099-01-01 10:00:00")
    price = await api.get_credits_by_country("FR")
    simulation = await api.simulate_campaign(message)
    assert (simulation.credits, simulation.contacts, simulation.messages) == (price, 1, 1)
    sent = await api.send_sms(message)
    assert (sent.status, sent.credits_used, sent.contacts, sent.messages) == (101, price, 1, 1)
    assert await api.delete_campaign(sent.campaign_id) == Cancelled(already=False)
    assert await api.delete_campaign(sent.campaign_id) == Cancelled(already=True)
    assert await api.get_blacklist() == frozenset()
    short = {await api.shorten_url("https://acme.example/sale?a=1&b=2") for _ in range(2)}
    assert len(short) == 2
    assert all(url.startswith("http://bs.ms/") for url in short)


@pytest.mark.parametrize("method", sorted(set(CALLS) & set(METHODS)))
def test_wrong_key(sandbox: Sandbox, method: str) -> None:
    """A wrong key is a refusal for every method, and one of authentication where nothing else can be meant."""
    with pytest.raises(Refused) as raised:
        on(sandbox, CALLS[method][0], key="wrong-key")
    if (method in READS and method not in REPORTS) or method in ("sendSms", "sendEmail", "deleteCampaign"):
        assert type(raised.value) is AuthenticationRefused


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_before", "html", "empty", "truncated", "garbage"])
def test_lost_answer(sandbox: Sandbox, kind: str) -> None:
    """A lost answer to a send leaves it in doubt and is never sent again; the reads get over it."""
    sandbox.fail("*", kind)
    message = Message("Bonjour", [Recipient("33612345678")])

    with pytest.raises(OutcomeUnknown):
        on(sandbox, lambda api: api.send_sms(message))
    assert [call.method for call in sandbox.calls] == ["sendSms"]

    sandbox.fail("getLists", kind)
    if kind == "garbage":  # well-formed and complete: asking again would bring the same
        with pytest.raises(Unreadable):
            on(sandbox, lambda api: api.get_lists())
    else:
        assert on(sandbox, lambda api: api.get_lists()) == ()


def test_throttled_send(sandbox: Sandbox) -> None:
    """A send that was turned away with 429 goes out again, and happens once."""
    sandbox.fail("sendSms", "throttle", times=2, retry_after=3)

    sent = on(sandbox, lambda api: api.send_sms(Message("Bonjour", [Recipient("33612345678")])))

    assert isinstance(sent, Sent)
    assert len(sandbox.campaigns(LOGIN)) == 1


def test_lost_short_link(sandbox: Sandbox) -> None:
    """A short link whose answer is lost is made again: the second costs nothing."""
    sandbox.fail("shortenUrl", "drop_after")

    short = on(sandbox, lambda api: api.shorten_url("https://acme.example/sale"))

    links = sandbox.snapshot()["links"]
    assert list(links.values()) == ["https://acme.example/sale"] * 2
    assert short == list(links)[-1]


def test_what_is_no_address_is_not_shortened(sandbox: Sandbox) -> None:
    """What cannot be shortened is refused by the server, in its words."""
    with pytest.raises(Refused, match="url is not valid"):
        on(sandbox, lambda api: api.shorten_url("acme.example"))


def test_unknown_list(sandbox: Sandbox) -> None:
    """A list that does not exist is refused, never empty."""
    with pytest.raises(Refused):
        on(sandbox, lambda api: api.get_contacts("nowhere"))
