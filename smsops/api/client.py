"""The client: one `Transport` a run on a wire (the network, unless another is given), a reader or a writer for each account.

A request is a POST to {url}/{method}/ with its parameters urlencoded in the body, always with its `returnformat`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from itertools import count
from math import inf
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from urllib.parse import quote_plus, urlencode

from smsops.api import answers, methods, payloads
from smsops.api.contract import Collector, Reader, Writer
from smsops.api.errors import ApiError, NotSent, OutcomeUnknown, Refused
from smsops.api.methods import Method, Retry
from smsops.api.pacing import Clock, Pace, SystemClock, backoff, read_date, retry_after
from smsops.api.payloads import Data, Format, Unwritable
from smsops.api.records import (
    AccountInfo,
    Blacklisted,
    Cancelled,
    Contacts,
    Counts,
    CreatedSubAccount,
    Credentials,
    DeliveryReport,
    DeliveryReports,
    Email,
    ListField,
    ListRecord,
    Message,
    Number,
    RawAnswer,
    Replies,
    Reply,
    Sent,
    SentEmail,
    Simulation,
    SubAccountRecord,
)
from smsops.api.tree import Malformed
from smsops.api.verdicts import CHECK_URL, LOOK_FIRST, Answer, http_failure
from smsops.api.wire import Incoming, NoAddress, NotConnected, Wire
from smsops.model.values import repr_without
from smsops.table.answer import ContactsBody

T = TypeVar("T")

_log = logging.getLogger("smsops.api")

_LONGEST_CONNECT = 10.0
_LONGEST_KEPT = 1 << 30  # a list of a million contacts is 85 MB
_LONGEST_COLLECTED = 1 << 40  # no memory is at stake
_SLOWEST_ANSWER = 10  # times the timeout, while bytes keep coming
_SLOWEST_PACE = 1 << 16  # bytes a second, of an answer that is collected
_QUICKLY_TAKEN = 1 << 16  # bytes that a collector takes in less time than a thread would cost
_TURNED_AWAY_LIMIT = 8
_LONGEST_WAIT = 300.0
_OVERLOADED = (429, 503)


class _Kept:
    """The default collector: all the bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._bytes += chunk

    def body(self) -> bytes:
        return bytes(self._bytes)


class _Spoilt(Exception):
    """An answer that its collector cannot take."""


class _Call(NamedTuple):
    """One call of a method, as often as it may have to be sent."""

    method: Method
    login: str
    body: bytes
    secrets: tuple[str, ...]
    collect: Callable[[], Collector] | None = None

    def __repr__(self) -> str:
        return repr_without(self, "body", "secrets")


class _Reply(NamedTuple):
    status: int
    body: bytes
    wait: float | None

    def __repr__(self) -> str:
        return repr_without(self, "body")


class Transport:
    """The way to the server, shared by all accounts of a run.

    `calls` counts the requests that were sent, `retries` those among them that repeat an earlier one.
    `timeout` is the longest silence in an exchange: a long answer may take longer while it keeps coming. `format` is
    what requests and answers are written in; an answer in the other one is understood all the same.
    """

    def __init__(
        self,
        url: str,
        *,
        wire: Wire | None = None,
        requests_per_second: float = 20,
        parallelism: int = 8,
        timeout: float = 60,
        attempts: int = 4,
        format: Format = Format.JSON,
        clock: Clock | None = None,
    ) -> None:
        if parallelism < 1 or attempts < 1 or not requests_per_second > 0:
            raise ValueError("parallelism, attempts and requests_per_second must be greater than 0")
        self.calls = 0
        self.retries = 0
        self._date: str | None = None
        self.format = format
        self._url = url.rstrip("/")
        self._rate = requests_per_second
        self._timeout = timeout
        self._attempts = attempts
        self._clock = clock or SystemClock()
        self._paces: dict[str, Pace] = {}
        self._parallelism = parallelism
        self._given = wire
        self._wire: Wire | None = None

    async def __aenter__(self) -> Self:
        self._slots = asyncio.Semaphore(self._parallelism)
        wire = self._given or self._network()
        await wire.__aenter__()
        self._wire = wire
        return self

    @property
    def server_time(self) -> datetime | None:
        """When the last answer was sent, by the server's clock, to the second; None where it did not say."""
        return read_date(self._date)

    def _network(self) -> Wire:
        from smsops.api.network import Network  # a wire within the process needs no HTTP

        return Network(self._parallelism, min(_LONGEST_CONNECT, self._timeout / 2))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.__aexit__(kind, error, trace)

    async def call(
        self,
        method: Method,
        parameters: Mapping[str, str],
        parse: Callable[[Answer], T],
        *,
        credentials: Credentials,
        secrets: Sequence[str] = (),
        doubts: list[OutcomeUnknown] | None = None,
        collect: Callable[[], Collector] | None = None,
    ) -> T:
        """Call a method, as often as it may be repeated, and return what `parse` makes of the answer.

        `doubts` collects the requests among them that were left without an answer. `collect` makes what takes the
        bytes of a good answer as they arrive, anew for each request; without it they are kept, and `parse` has all.
        """
        call = _Call(
            method,
            credentials.login,
            _encoded(method, credentials, self.format, parameters),
            (credentials.api_key, *secrets),
            collect,
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
        self._pace(call.login).block(wait)
        return wait

    def _pace(self, login: str) -> Pace:
        if login not in self._paces:
            self._paces[login] = Pace(self._rate, self._clock)
        return self._paces[login]

    async def _exchange(self, call: _Call) -> _Reply | ApiError:
        """Send the request once. What comes back is a reply, or an error that says whether it may have arrived."""
        if self._wire is None:
            raise RuntimeError("the transport is not open: use it with `async with`")
        pace = self._pace(call.login)
        sent = await pace.turn(self._slots)
        try:
            self.calls += 1
            kept = _Kept()
            try:
                reply = await self._stream(self._wire, call, kept, sent)
            except NoAddress as error:
                return NotSent(call.method.name, str(error), hint=CHECK_URL)
            except NotConnected as error:
                return NotSent(call.method.name, f"no connection ({error})", hint=CHECK_URL, transient=True)
            except _Spoilt as error:
                what = str(error)
            except TimeoutError:
                pace.slow_down(sent)
                what = f"no answer within {self._timeout:g} seconds"
            except Exception as error:  # whatever it was, the request may have arrived
                what = f"the exchange broke off ({type(error).__name__})"
            else:
                _log.debug("%s as %s: HTTP %d, %d bytes", call.method.name, call.login, reply.status, len(reply.body))
                return reply
        finally:
            self._slots.release()
        return Answer(call.method, kept.body(), call.secrets).broken(what)

    async def _stream(self, wire: Wire, call: _Call, kept: _Kept, sent: float) -> _Reply:
        """One exchange. `kept` fills up with what arrives, also when the connection then breaks."""
        pace = self._pace(call.login)
        # A wire may have timeouts of its own, but one within the process knows none.
        async with asyncio.timeout(self._timeout) as deadline:
            async with wire.post(f"{self._url}/{call.method.path}", call.body) as answer:
                heard = self._clock.monotonic()
                collector = call.collect() if call.collect and answer.status == 200 else kept
                size = await self._receive(answer, collector, deadline)
                if collector is not kept and size > _QUICKLY_TAKEN:
                    deadline.reschedule(None)
                    body = await asyncio.to_thread(_taken, collector.body)
                else:
                    body = _taken(collector.body)
                if answer.status in _OVERLOADED:
                    pace.slow_down(sent)
                elif answer.status == 200:
                    pace.answered(sent, heard, f"{call.method.name} {(len(call.body) + size).bit_length()}")
                self._date = answer.header("Date")
                wait = retry_after(answer.header("Retry-After"), self._date)
                return _Reply(answer.status, body, wait)

    async def _receive(self, answer: Incoming, collector: Collector, deadline: asyncio.Timeout) -> int:
        """Hand an answer on as it arrives; gives its size. What takes its time does so in a thread, so that others go on."""
        loop = asyncio.get_running_loop()
        end, moved = loop.time() + self._timeout * _SLOWEST_ANSWER, loop.time()
        longest, kept = (_LONGEST_KEPT, True) if isinstance(collector, _Kept) else (_LONGEST_COLLECTED, False)
        size = 0
        async for chunk in answer.chunks():
            size += len(chunk)
            if size > longest:
                raise _Spoilt("an answer without end")
            if kept or size <= _QUICKLY_TAKEN:
                _taken(partial(collector.feed, chunk))
            else:
                deadline.reschedule(None)  # the time that the collector takes is not the server's
                await asyncio.to_thread(_taken, partial(collector.feed, chunk))
                moved = -inf
            now = loop.time()
            if now - moved > self._timeout / 10:  # moving a deadline costs more than a small answer
                deadline.reschedule(min(now + self._timeout, end + (0 if kept else size / _SLOWEST_PACE)))
                moved = now
        return size


def _taken(step: Callable[[], T]) -> T:
    """One step of a collector; its errors are those of the answer."""
    try:
        return step()
    except Malformed as malformed:
        problem = str(malformed)
    except Exception as error:  # its text may quote the answer
        problem = f"the answer could not be taken in ({type(error).__name__})"
    raise _Spoilt(problem)


def _encoded(method: Method, credentials: Credentials, format: Format, parameters: Mapping[str, str]) -> bytes:
    """The body of a request."""
    rest = {name: value for name, value in parameters.items() if name != "returnformat"}
    try:
        fields = "".join(f"&{_encoded_name(name)}={quote_plus(value)}" for name, value in rest.items())
        return (_encoded_head(credentials, parameters.get("returnformat", format.value)) + fields).encode("ascii")
    except UnicodeEncodeError:
        pass  # the exception would keep the parameters
    raise NotSent(method.name, "the parameters hold half a character (a lone surrogate), which UTF-8 cannot express")


_encoded_name = lru_cache(maxsize=128)(quote_plus)
"""A parameter's name; there are few."""


@lru_cache(maxsize=16)
def _encoded_head(credentials: Credentials, returnformat: str) -> str:
    return urlencode({"login": credentials.login, "apiKey": credentials.api_key, "returnformat": returnformat})


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
        collect: Callable[[], Collector] | None = None,
    ) -> T:
        return await self._transport.call(
            method,
            parameters or {},
            parse,
            credentials=self._credentials,
            secrets=secrets,
            doubts=doubts,
            collect=collect,
        )

    def _written(self, method: Method, name: str, data: Data) -> dict[str, str]:
        """The parameter that carries data, in the format of the transport."""
        try:
            return {name: payloads.written(data, self._transport.format)}
        except Unwritable as error:
            problem = str(error)
        raise NotSent(method.name, problem)

    def account(self, credentials: Credentials) -> ReaderClient:
        return ReaderClient(self._transport, credentials)

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
        bodies: list[ContactsBody] = []

        def collect() -> ContactsBody:
            bodies.append(ContactsBody(answers.contact_rows))
            return bodies[-1]

        def parse(answer: Answer) -> Contacts:
            return answers.contacts(answer, bodies[-1])

        return await self._call(methods.GET_CONTACTS, parse, parameters, collect=collect)

    async def get_blacklist(self, *, sub_account: str | None = None) -> frozenset[str]:
        return await self._call(methods.GET_BLACKLIST, answers.blacklist, payloads.scope(sub_account))

    async def get_blacklist_entries(self, *, sub_account: str | None = None) -> tuple[Blacklisted, ...]:
        return await self._call(methods.GET_BLACKLIST, answers.blacklist_entries, payloads.scope(sub_account))

    async def get_credits_by_country(self, iso: str) -> Number:
        parameters = {"countryIsoCode": iso.upper()}
        return await self._call(methods.GET_CREDITS_BY_COUNTRY, answers.credits_by_country, parameters)

    async def simulate_campaign(self, message: Message) -> Simulation:
        parameters = self._written(methods.SIMULATE_CAMPAIGN, "smsData", payloads.message_data(message))
        return await self._call(methods.SIMULATE_CAMPAIGN, answers.simulation, parameters)

    async def get_acks(self, campaign_id: str, *, sub_account: str | None = None) -> DeliveryReports:
        parameters = payloads.campaign(campaign_id) | payloads.scope(sub_account)
        return await self._call(methods.GET_ACKS, answers.acks, parameters)

    async def get_ack_by_sms_id(self, sms_id: str, *, sub_account: str | None = None) -> tuple[DeliveryReport, ...]:
        parameters = payloads.sms(sms_id) | payloads.scope(sub_account)
        return await self._call(methods.GET_ACK_BY_SMS_ID, answers.acks_of_one, parameters)

    async def get_pull(self, campaign_id: str, *, sub_account: str | None = None) -> Replies:
        parameters = payloads.campaign(campaign_id) | payloads.scope(sub_account)
        return await self._call(methods.GET_PULL, answers.replies, parameters)

    async def get_pull_by_sms_id(self, sms_id: str, *, sub_account: str | None = None) -> tuple[Reply, ...]:
        parameters = payloads.sms(sms_id) | payloads.scope(sub_account)
        return await self._call(methods.GET_PULL_BY_SMS_ID, answers.replies_to_one, parameters)


class WriterClient(ReaderClient, Writer):
    """An account as one that may change it."""

    async def raw(self, method: str, parameters: Mapping[str, str]) -> RawAnswer:
        secrets = [value for name, value in parameters.items() if "password" in name.lower()]
        return await self._call(methods.called(method), answers.raw, parameters, secrets=secrets)

    def account(self, credentials: Credentials) -> WriterClient:
        return WriterClient(self._transport, credentials)

    async def create_sub_account(self, data: Mapping[str, str]) -> CreatedSubAccount:
        parameters = self._written(methods.CREATE_SUB_ACCOUNT, "accountData", payloads.account_to_create(data))
        return await self._call(methods.CREATE_SUB_ACCOUNT, answers.created, parameters, secrets=_passwords(data))

    async def update_sub_account(self, login: str, data: Mapping[str, str]) -> None:
        renames = any(key.upper() == "LOGIN" and value != login for key, value in data.items())
        method = methods.RENAME_SUB_ACCOUNT if renames else methods.UPDATE_SUB_ACCOUNT
        parameters = payloads.scope(login) | self._written(method, "accountData", payloads.account_changes(data))
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
        parameters = self._written(methods.CREATE_LIST, "listData", data) | payloads.scope(sub_account)
        await self._call(methods.CREATE_LIST, answers.done, parameters)

    async def delete_list(self, name: str, *, sub_account: str | None = None) -> None:
        parameters = {"listName": name} | payloads.scope(sub_account)
        await self._call(methods.DELETE_LIST, answers.done, parameters)

    async def populate_list(
        self, name: str, contacts: Sequence[tuple[str, Mapping[str, str]]], *, sub_account: str | None = None
    ) -> Counts:
        data = payloads.new_contacts(name, contacts, sub_account=sub_account)
        parameters = self._written(methods.POPULATE_LIST, "populateData", data) | payloads.scope(sub_account)
        return await self._call(methods.POPULATE_LIST, answers.counts, parameters)

    async def delete_contacts(self, name: str, phones: Sequence[str], *, sub_account: str | None = None) -> Counts:
        data = payloads.contacts_to_delete(name, phones, sub_account=sub_account)
        parameters = self._written(methods.DELETE_CONTACTS, "deleteData", data) | payloads.scope(sub_account)
        return await self._call(methods.DELETE_CONTACTS, answers.counts, parameters)

    async def send_sms(self, message: Message) -> Sent:
        parameters = self._written(methods.SEND_SMS, "smsData", payloads.message_data(message))
        return await self._call(methods.SEND_SMS, answers.sent, parameters)

    async def send_simplified(
        self,
        text: str,
        phones: Sequence[str],
        *,
        sender: str | None = None,
        date: str | None = None,
        campaign_name: str | None = None,
    ) -> Sent:
        parameters = payloads.simplified_message(text, phones, sender=sender, date=date, campaign_name=campaign_name)
        return await self._call(methods.SIMPLIFIED_SENDING, answers.sent, parameters)

    async def send_email(self, email: Email) -> SentEmail:
        parameters = self._written(methods.SEND_EMAIL, "emailData", payloads.email_data(email))
        return await self._call(methods.SEND_EMAIL, answers.sent_email, parameters)

    async def get_pulls(self, *, limit: int | None = None, sub_account: str | None = None) -> tuple[Reply, ...]:
        parameters = payloads.scope(sub_account) | ({} if limit is None else {"limit": str(limit)})
        return await self._call(methods.GET_PULLS, answers.taken_replies, parameters)

    async def delete_campaign(self, campaign_id: str) -> Cancelled:
        doubts: list[OutcomeUnknown] = []
        parameters = payloads.campaign(campaign_id)
        cancelled = await self._call(methods.DELETE_CAMPAIGN, answers.cancelled, parameters, doubts=doubts)
        return cancelled._replace(repeated=bool(doubts))

    async def shorten_url(self, url: str) -> str:
        return await self._call(methods.SHORTEN_URL, answers.short_url, {"url": url})


def _passwords(data: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for key, value in data.items() if key.upper() == "PASSWORD")
