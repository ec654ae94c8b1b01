"""The client: httpx underneath, one `Transport` a run, a reader or a writer for each account.

A request is a POST to {url}/{method}/ with its parameters urlencoded in the body, always with
`returnformat=json`, and no redirect is followed: a POST that becomes a GET loses its parameters.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import count
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlencode

import httpx

from smsops.api import answers, methods, payloads
from smsops.api.contract import (
    AccountInfo,
    ApiError,
    Cancelled,
    Contacts,
    Counts,
    CreatedSubAccount,
    Credentials,
    ListField,
    ListRecord,
    Message,
    NotSent,
    Number,
    OutcomeUnknown,
    Reader,
    Refused,
    Sent,
    Simulation,
    SubAccountRecord,
    Writer,
)
from smsops.api.methods import Method, Retry
from smsops.api.pacing import Clock, RateLimit, SystemClock, backoff, retry_after
from smsops.api.verdicts import CHECK_URL, LOOK_FIRST, Answer, http_failure

T = TypeVar("T")

_log = logging.getLogger("smsops.api")

_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_NO_ADDRESS = (httpx.InvalidURL, httpx.UnsupportedProtocol)
# A server that closes an idle connection just as a request goes out leaves its outcome unknown. Servers
# keep them 5 seconds and more; we let go first.
_KEEP_ALIVE = 2.0
_POOL = 8
_LONGEST_CONNECT = 10.0
_LONGEST_ANSWER = 1 << 30  # a list of a million contacts is 85 MB
_SLOWEST_ANSWER = 10  # times the timeout, while bytes keep coming
_TURNED_AWAY_LIMIT = 8
_LONGEST_WAIT = 300.0


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a method, as often as it may have to be sent."""

    method: Method
    login: str
    body: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes = field(repr=False)
    wait: float | None


class Transport:
    """The way to the server, shared by all accounts of a run.

    `calls` counts the requests that were sent, `retries` those among them that repeat an earlier one.
    `timeout` is the longest silence in an exchange: a long answer may take longer while it keeps coming.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        requests_per_second: float = 20,
        parallelism: int = 8,
        timeout: float = 60,
        attempts: int = 4,
        clock: Clock | None = None,
    ) -> None:
        if parallelism < 1 or attempts < 1 or not requests_per_second > 0:
            raise ValueError("parallelism, attempts and requests_per_second must be greater than 0")
        self.calls = 0
        self.retries = 0
        self._url = url.rstrip("/")
        self._inner = transport
        self._rate = requests_per_second
        self._parallelism = parallelism
        self._timeout = timeout
        self._attempts = attempts
        self._clock = clock or SystemClock()
        self._limits: dict[str, RateLimit] = {}
        self._clients: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        # httpx's pool costs more for each request the more connections it has, five times as much at 50 as at
        # 8, and yet more when requests wait in it. So pools are small, and a slot is a free place in one.
        # The slot used last is used first: its connection is warm.
        self._slots: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        verify = httpx.create_ssl_context() if self._inner is None else True
        for _ in range(0, self._parallelism, _POOL if self._inner is None else self._parallelism):
            self._clients.append(self._client(verify))
        for slot in range(self._parallelism):
            self._slots.put_nowait(self._clients[slot % len(self._clients)])
        return self

    def _client(self, verify: ssl.SSLContext | bool) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._inner,
            verify=verify,
            timeout=httpx.Timeout(self._timeout, connect=min(_LONGEST_CONNECT, self._timeout / 2)),
            limits=httpx.Limits(max_connections=_POOL, max_keepalive_connections=_POOL, keepalive_expiry=_KEEP_ALIVE),
            follow_redirects=False,
            headers={"User-Agent": "smsops", "Accept": "application/json"},
            # A session cookie of one account must not go along with the requests of another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        clients, self._clients = self._clients, []
        for client in clients:
            await client.aclose()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[httpx.AsyncClient]:
        client = await self._slots.get()
        try:
            yield client
        finally:
            self._slots.put_nowait(client)

    async def call(
        self,
        method: Method,
        parameters: Mapping[str, str],
        parse: Callable[[Answer], T],
        *,
        credentials: Credentials,
        secrets: Sequence[str] = (),
        doubts: list[OutcomeUnknown] | None = None,
    ) -> T:
        """Call a method, as often as it may be repeated, and return what `parse` makes of the answer.

        `doubts` collects the requests among them that were left without an answer.
        """
        call = _Call(
            method,
            credentials.login,
            _encoded(method, {"login": credentials.login, "apiKey": credentials.api_key} | dict(parameters)),
            (credentials.api_key, *secrets),
        )
        doubt: OutcomeUnknown | None = None
        turned_away = 0
        for attempt in count(1):
            reply = await self._exchange(call)
            try:
                return _judged(call, reply, parse)
            except ApiError as raised:
                error = raised
            if isinstance(reply, _Reply) and reply.status == 429:
                turned_away += 1
                wait = self._wait_as_told(call, reply, turned_away)
            else:
                wait = self._wait(call, error, attempt - turned_away)
            if wait is None:
                break
            if isinstance(error, OutcomeUnknown):
                doubt = error
                if doubts is not None:
                    doubts.append(error)
            _log.info("%s: %s, trying again in %.1f s", method.name, error.detail, wait)
            await self._clock.sleep(wait)
            self.retries += 1
        raise error if doubt is None else _still_in_doubt(method, doubt, error)

    def _wait(self, call: _Call, error: ApiError, attempt: int) -> float | None:
        """The pause before the call is tried again, or None when it must not be."""
        harmless = not isinstance(error, OutcomeUnknown) or call.method.retry is Retry.REPEATABLE
        if error.transient and harmless and attempt < self._attempts:
            return backoff(attempt, self._clock)
        return None

    def _wait_as_told(self, call: _Call, reply: _Reply, times: int) -> float | None:
        wait = backoff(times, self._clock) if reply.wait is None else reply.wait
        if times > _TURNED_AWAY_LIMIT or wait > _LONGEST_WAIT:
            return None
        self._limit(call.login).block(wait)
        return wait

    def _limit(self, login: str) -> RateLimit:
        if login not in self._limits:
            self._limits[login] = RateLimit(self._rate, self._clock)
        return self._limits[login]

    async def _exchange(self, call: _Call) -> _Reply | ApiError:
        """Send the request once. What comes back is a reply, or an error that says whether it may have arrived."""
        if not self._clients:
            raise RuntimeError("the transport is not open: use it with `async with`")
        await self._limit(call.login).turn()
        async with self._slot() as client:
            self.calls += 1
            part = bytearray()
            try:
                reply = await self._stream(client, call, part)
            except _NO_ADDRESS as error:
                return NotSent(call.method.name, f"{type(error).__name__}: {error}", hint=CHECK_URL)
            except _NOT_CONNECTED as error:
                what = f"no connection ({type(error).__name__}: {error})"
                return NotSent(call.method.name, what, hint=CHECK_URL, transient=True)
            except (TimeoutError, httpx.TimeoutException):
                what = f"no answer within {self._timeout:g} seconds"
            except Exception as error:  # whatever it was, the request may have arrived
                what = f"the exchange broke off ({type(error).__name__})"
            else:
                _log.debug("%s as %s: HTTP %d, %d bytes", call.method.name, call.login, reply.status, len(reply.body))
                return reply
        return Answer(call.method, bytes(part), call.secrets).broken(what)

    async def _stream(self, http: httpx.AsyncClient, call: _Call, part: bytearray) -> _Reply:
        """One exchange. `part` fills up with what arrives, also when the connection then breaks."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout * _SLOWEST_ANSWER
        # httpx has timeouts of its own, but a transport within the process knows none.
        async with asyncio.timeout(self._timeout) as deadline:
            async with http.stream(
                "POST",
                f"{self._url}/{call.method.name}/",
                content=call.body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            ) as response:
                async for chunk in response.aiter_bytes():
                    part += chunk
                    if len(part) > _LONGEST_ANSWER:
                        raise httpx.TransportError("an answer without end")
                    deadline.reschedule(min(end, loop.time() + self._timeout))
                wait = retry_after(response.headers.get("Retry-After"), response.headers.get("Date"))
                return _Reply(response.status_code, bytes(part), wait)


def _encoded(method: Method, parameters: Mapping[str, str]) -> bytes:
    try:
        return urlencode({**parameters, "returnformat": "json"}).encode("ascii")
    except UnicodeEncodeError:
        pass  # the exception would keep the parameters
    raise NotSent(method.name, "the parameters hold half a character (a lone surrogate), which UTF-8 cannot express")


def _judged(call: _Call, reply: _Reply | ApiError, parse: Callable[[Answer], T]) -> T:
    if isinstance(reply, ApiError):
        raise reply
    if reply.status != 200:
        raise http_failure(call.method, reply.status, reply.body, call.secrets)
    return answers.judge(call.method, parse, reply.body, call.secrets)


def _still_in_doubt(method: Method, doubt: OutcomeUnknown, error: ApiError) -> ApiError:
    """The error after a repeatable write was sent again: a failure of the last request says nothing of the first."""
    if isinstance(error, Refused) and error.status in {entry.code for entry in method.settled_by}:
        return error
    evidence = dict(doubt.evidence) | (dict(error.evidence) if isinstance(error, OutcomeUnknown) else {})
    what = doubt.detail if error.detail == doubt.detail else f"{doubt.detail}; when sent again: {error.detail}"
    return OutcomeUnknown(method.name, what, status=error.status, hint=LOOK_FIRST, evidence=evidence)


class ReaderClient(Reader):
    """An account as one that only looks."""

    def __init__(self, transport: Transport, credentials: Credentials) -> None:
        self._transport = transport
        self._credentials = credentials

    async def _call(
        self,
        method: Method,
        parse: Callable[[Answer], T],
        parameters: Mapping[str, str] | None = None,
        *,
        secrets: Sequence[str] = (),
        doubts: list[OutcomeUnknown] | None = None,
    ) -> T:
        return await self._transport.call(
            method, parameters or {}, parse, credentials=self._credentials, secrets=secrets, doubts=doubts
        )

    async def get_info(self, *, sub_account: str | None = None) -> AccountInfo:
        own = sub_account is None or sub_account == self._credentials.login
        parse = partial(answers.account, sub_account=sub_account, caller_key=None if own else self._credentials.api_key)
        return await self._call(methods.GET_INFO, parse, payloads.scope(sub_account))

    async def get_sub_accounts(self) -> tuple[SubAccountRecord, ...]:
        return await self._call(methods.GET_SUB_ACCOUNTS, answers.sub_accounts)

    async def get_lists(self, *, sub_account: str | None = None) -> tuple[ListRecord, ...]:
        return await self._call(methods.GET_LISTS, answers.lists, payloads.scope(sub_account))

    async def get_contacts(self, list_name: str, *, sub_account: str | None = None) -> Contacts:
        parameters = {"listName": list_name} | payloads.scope(sub_account)
        return await self._call(methods.GET_CONTACTS, answers.contacts, parameters)

    async def get_blacklist(self, *, sub_account: str | None = None) -> frozenset[str]:
        return await self._call(methods.GET_BLACKLIST, answers.blacklist, payloads.scope(sub_account))

    async def get_credits_by_country(self, iso: str) -> Number:
        parameters = {"countryIsoCode": iso.upper()}
        return await self._call(methods.GET_CREDITS_BY_COUNTRY, answers.credits_by_country, parameters)

    async def simulate_campaign(self, message: Message) -> Simulation:
        parameters = {"smsData": payloads.message_data(message)}
        return await self._call(methods.SIMULATE_CAMPAIGN, answers.simulation, parameters)


class WriterClient(ReaderClient, Writer):
    """An account as one that may change it."""

    def account(self, credentials: Credentials) -> WriterClient:
        return WriterClient(self._transport, credentials)

    async def create_sub_account(self, data: Mapping[str, str]) -> CreatedSubAccount:
        parameters = {"accountData": payloads.account_to_create(data)}
        return await self._call(methods.CREATE_SUB_ACCOUNT, answers.created, parameters, secrets=_passwords(data))

    async def update_sub_account(self, login: str, data: Mapping[str, str]) -> None:
        renames = any(key.upper() == "LOGIN" and value != login for key, value in data.items())
        method = methods.RENAME_SUB_ACCOUNT if renames else methods.UPDATE_SUB_ACCOUNT
        parameters = payloads.scope(login) | {"accountData": payloads.account_changes(data)}
        await self._call(method, answers.done, parameters, secrets=_passwords(data))

    async def delete_sub_account(self, login: str) -> None:
        # The one method that names the sub-account otherwise; `subaccount` is not its parameter.
        await self._call(methods.DELETE_SUB_ACCOUNT, answers.done, {"loginToDelete": login})

    async def manage_sub_account_credits(self, login: str, amount: int) -> Number | None:
        parameters = payloads.scope(login) | {"credits": str(amount)}
        return await self._call(
            methods.MANAGE_SUB_ACCOUNT_CREDITS, partial(answers.new_balance, login=login), parameters
        )

    async def create_list(
        self, name: str, *, locked: bool, fields: Sequence[ListField], sub_account: str | None = None
    ) -> None:
        data = payloads.new_list(name, locked=locked, fields=fields, sub_account=sub_account)
        await self._call(methods.CREATE_LIST, answers.done, {"listData": data} | payloads.scope(sub_account))

    async def delete_list(self, name: str, *, sub_account: str | None = None) -> None:
        parameters = {"listName": name} | payloads.scope(sub_account)
        await self._call(methods.DELETE_LIST, answers.done, parameters)

    async def populate_list(
        self, name: str, contacts: Sequence[tuple[str, Mapping[str, str]]], *, sub_account: str | None = None
    ) -> Counts:
        data = payloads.new_contacts(name, contacts, sub_account=sub_account)
        parameters = {"populateData": data} | payloads.scope(sub_account)
        return await self._call(methods.POPULATE_LIST, answers.counts, parameters)

    async def delete_contacts(self, name: str, phones: Sequence[str], *, sub_account: str | None = None) -> Counts:
        data = payloads.contacts_to_delete(name, phones, sub_account=sub_account)
        parameters = {"deleteData": data} | payloads.scope(sub_account)
        return await self._call(methods.DELETE_CONTACTS, answers.counts, parameters)

    async def send_sms(self, message: Message) -> Sent:
        return await self._call(methods.SEND_SMS, answers.sent, {"smsData": payloads.message_data(message)})

    async def delete_campaign(self, campaign_id: str) -> Cancelled:
        # `campId` in the French manual and in clients, `Campid` in the translated one.
        parameters = {"campId": campaign_id, "Campid": campaign_id}
        doubts: list[OutcomeUnknown] = []
        cancelled = await self._call(methods.DELETE_CAMPAIGN, answers.cancelled, parameters, doubts=doubts)
        return replace(cancelled, repeated=bool(doubts))


def _passwords(data: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for key, value in data.items() if key.upper() == "PASSWORD")
