"""What the client's tests share: a server that says what it is told to, a clock that jumps, and every call once."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, parse_qsl

from smsops.api.client import Transport, WriterClient
from smsops.api.methods import SIMPLIFIED_SENDING
from smsops.api.records import Credentials, Email, Message, Recipient
from smsops.api.wire import Wire

T = TypeVar("T")


@dataclass
class Reply:
    """An answer: its pieces come with a pause before each; where there is an `error` the connection then breaks."""

    status: int = 200
    pieces: Sequence[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None
    pause: float = 0

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await asyncio.sleep(self.pause)
            yield piece
        if self.error is not None:
            raise self.error


Step = Reply | Exception | bytes | str | dict[str, Any] | list[Any] | int

LOGIN, KEY = "acme", "key-of-acme"
MESSAGE = Message("Bonjour", [Recipient("33612345678")], date="2026-11-27 10:00:00")
EMAIL = Email("news@acme.example", ["marie@acme.example", "luc@acme.example"], "Soldes", "<p>Été</p>")

REPORT = {"phoneNumber": "33612345678", "status": "1", "comment": "Delivered", "receptionDate": "2026-11-27 10:00:05"}
REPLY = {"phoneNumber": "33612345678", "campaignId": "ap_1", "message": "Oui", "receptionDate": "2026-11-27 10:07:00"}

# Every method once: what calls it, and an answer that is a success.
READS: dict[str, tuple[Callable[[WriterClient], Awaitable[object]], Step]] = {
    "getInfo": (lambda api: api.get_info(), {"status": "Active Account", "credits": "1847"}),
    "getSubAccounts": (lambda api: api.get_sub_accounts(), {"Total": 0, "Subaccounts": []}),
    "getLists": (lambda api: api.get_lists(), {"Lists": []}),
    "getContacts": (lambda api: api.get_contacts("vip"), {"Contacts": []}),
    "getBlacklist": (lambda api: api.get_blacklist(), {"Blacklist": []}),
    "getCreditsByCountryIsoCode": (lambda api: api.get_credits_by_country("fr"), {"nbCredits": "15"}),
    "simulateCampaign": (
        lambda api: api.simulate_campaign(MESSAGE),
        {"status": 100, "nbCredits": 15, "nbContacts": 1, "nbSms": 1},
    ),
    "getAcks": (lambda api: api.get_acks("ap_1"), {"acks": [REPORT], "cliMsgId": "c-1"}),
    "getAckBySmsId": (lambda api: api.get_ack_by_sms_id("f8c9-64e0"), REPORT),
    "getPull": (lambda api: api.get_pull("ap_1"), {"mos": [REPLY], "cliMsgId": "c-1"}),
    "getPullBySmsId": (lambda api: api.get_pull_by_sms_id("f8c9-64e0"), REPLY),
}
REPORTS = ("getAcks", "getAckBySmsId", "getPull", "getPullBySmsId")
"""Reads whose `error` may be about anything, not only the login."""
COUNTED = {"status": "1", "Success": 1, "Ignored": 0, "Duplicated": 0}
WRITES: dict[str, tuple[Callable[[WriterClient], Awaitable[object]], Step]] = {
    "createSubAccount": (
        lambda api: api.create_sub_account({"LOGIN": "paris", "PASSWORD": "hush-hush"}),
        {"status": 1},
    ),
    "updateSubAccount": (lambda api: api.update_sub_account("paris", {"CITY": "Nice"}), {"status": 1}),
    "deleteSubAccount": (lambda api: api.delete_sub_account("paris"), {"status": 1}),
    "manageSubAccountCredits": (
        lambda api: api.manage_sub_account_credits("paris", -5),
        {"Subaccount": [{"Login": "paris", "credits": "10"}]},
    ),
    "createList": (lambda api: api.create_list("vip", locked=False, fields=()), {"status": 1}),
    "deleteList": (lambda api: api.delete_list("vip"), {"status": 1}),
    "populateList": (lambda api: api.populate_list("vip", [("33612345678", {})]), COUNTED),
    "deleteContacts": (lambda api: api.delete_contacts("vip", ["33612345678"]), COUNTED),
    "sendSms": (lambda api: api.send_sms(MESSAGE), {"status": 101, "campaignId": "ap_1"}),
    "simplified sending": (
        lambda api: api.send_simplified("Bonjour", ["33612345678"]),
        {"status": 100, "campaignId": "ap_1"},
    ),
    "sendEmail": (lambda api: api.send_email(EMAIL), {"status": 100, "campaignId": "em_1"}),
    "getPulls": (lambda api: api.get_pulls(), {"mos": [REPLY | {"id": "32154"}]}),
    "deleteCampaign": (lambda api: api.delete_campaign("ap_1"), {"status": "OK"}),
    "shortenUrl": (
        lambda api: api.shorten_url("https://acme.example/sale"),
        {"url": "https://acme.example/sale", "SHORTURL": "http://bs.ms/1a2b"},
    ),
}
CALLS = READS | WRITES
REPEATABLE = ("updateSubAccount", "deleteCampaign", "shortenUrl")
UNREPEATABLE = tuple(sorted(set(WRITES) - set(REPEATABLE)))


class VirtualClock:
    """Time that passes only by sleeping, and at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def random(self) -> float:
        return 0.5


@dataclass(frozen=True)
class Asked:
    """One request as it was sent."""

    url: str
    content: bytes

    @property
    def method(self) -> str:
        last = self.url.rstrip("/").rpartition("/")[2]
        return SIMPLIFIED_SENDING.name if last == "9.0" else last

    @property
    def parameters(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.content.decode()).items()}


class ScriptedWire:
    """A wire to a server that is a function; it may take its time."""

    def __init__(self, answer: Callable[[Asked], Step | Awaitable[Step]]) -> None:
        self._answer = answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        return

    @asynccontextmanager
    async def post(self, url: str, body: bytes) -> AsyncIterator[Reply]:
        step = self._answer(Asked(url, body))
        yield reply(await step if isinstance(step, Awaitable) else step)


class Server(ScriptedWire):
    """Answers with one step after the other; the last one stays. Keeps what it was asked."""

    def __init__(self, *steps: Step) -> None:
        super().__init__(self._next)
        self.steps = list(steps)
        self.requests: list[Asked] = []

    def _next(self, asked: Asked) -> Step:
        self.requests.append(asked)
        return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the last request."""
        return self.requests[-1].parameters

    @property
    def blank_parameters(self) -> dict[str, str]:
        """The parameters of the last request, empty ones included."""
        return dict(parse_qsl(self.requests[-1].content.decode(), keep_blank_values=True, strict_parsing=True))

    def data(self, name: str) -> Any:
        """A payload of the last request, out of its wrapper."""
        return json.loads(self.parameters[name])["DATA"]


def reply(step: Step) -> Reply:
    """What a step is on the wire."""
    if isinstance(step, Exception):
        raise step
    if isinstance(step, Reply):
        return step
    if isinstance(step, int):
        return Reply(step, [b"<html><body>an error page</body></html>"])
    return Reply(pieces=[body(step)])


def body(step: bytes | str | dict[str, Any] | list[Any]) -> bytes:
    """The bytes of an answer."""
    if isinstance(step, bytes):
        return step
    return (step if isinstance(step, str) else json.dumps(step)).encode()


def ask(
    wire: Wire,
    call: Callable[[WriterClient], Awaitable[T]],
    *,
    clock: VirtualClock | None = None,
    key: str = KEY,
    **options: Any,
) -> T:
    """Make a call through a client of its own, without waiting for anything."""

    async def run() -> T:
        async with Transport(
            "https://api.example/http/9.0", wire=wire, clock=clock or VirtualClock(), **options
        ) as transport:
            return await call(WriterClient(transport, Credentials(LOGIN, key)))

    return asyncio.run(run())


def failure(server: Server, call: Callable[[WriterClient], Awaitable[object]], **options: Any) -> Exception:
    """The error that a call ends with."""
    try:
        ask(server, call, **options)
    except Exception as error:
        return error
    raise AssertionError("the call succeeded")
