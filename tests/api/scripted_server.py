"""What the client's tests share: a server that says what it is told to, a clock that jumps, and every call once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs

import httpx

from smsops.api.client import Transport, WriterClient
from smsops.api.contract import Credentials, Message, Recipient

T = TypeVar("T")
Step = httpx.Response | Exception | bytes | str | dict[str, Any] | list[Any] | int

LOGIN, KEY = "acme", "key-of-acme"
MESSAGE = Message("Bonjour", [Recipient("33612345678")], date="2026-11-27 10:00:00")

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
}
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
    "deleteCampaign": (lambda api: api.delete_campaign("ap_1"), {"status": "OK"}),
}
CALLS = READS | WRITES
REPEATABLE = ("updateSubAccount", "deleteCampaign")
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


class Server:
    """Answers with one step after the other; the last one stays. Keeps what it was asked."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            return step
        if isinstance(step, int):
            return httpx.Response(step, html="<html><body>an error page</body></html>")
        return httpx.Response(200, content=body(step))

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the last request."""
        return {key: values[0] for key, values in parse_qs(self.requests[-1].content.decode()).items()}

    def data(self, name: str) -> Any:
        """A payload of the last request, out of its wrapper."""
        return json.loads(self.parameters[name])["DATA"]


def body(step: bytes | str | dict[str, Any] | list[Any]) -> bytes:
    """The bytes of an answer."""
    if isinstance(step, bytes):
        return step
    return (step if isinstance(step, str) else json.dumps(step)).encode()


class Cut(httpx.AsyncByteStream):
    """A body whose connection breaks after some bytes."""

    def __init__(self, part: bytes) -> None:
        self.part = part

    async def __aiter__(self) -> Any:
        yield self.part
        raise httpx.ReadError("connection reset")


def ask(
    server: Server | httpx.AsyncBaseTransport,
    call: Callable[[WriterClient], Awaitable[T]],
    *,
    clock: VirtualClock | None = None,
    key: str = KEY,
    **options: Any,
) -> T:
    """Make a call through a client of its own, without waiting for anything."""

    async def run() -> T:
        inner = server if isinstance(server, httpx.AsyncBaseTransport) else httpx.MockTransport(server)
        async with Transport(
            "https://api.example/http/9.0", transport=inner, clock=clock or VirtualClock(), **options
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
