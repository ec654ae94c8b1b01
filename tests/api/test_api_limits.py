"""Time, rate and room: how long a silence may last, how many requests go out, and what does not travel along."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from smsops.api.client import Transport, WriterClient
from smsops.api.contract import (
    ApiError,
    Credentials,
    NotSent,
    OutcomeUnknown,
    Unreadable,
)
from tests.api.scripted_server import (
    CALLS,
    KEY,
    LOGIN,
    MESSAGE,
    Server,
    Step,
    VirtualClock,
    ask,
    body,
)


def outcome(method: str, *steps: Step, **options: Any) -> tuple[Server, object]:
    server = Server(*steps)
    try:
        return server, ask(server, CALLS[method][0], **options)
    except ApiError as error:
        return server, error


class Hanging:
    """An application that never answers."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(3600)


@pytest.mark.parametrize(("method", "kind"), [("getInfo", Unreadable), ("sendSms", OutcomeUnknown)])
def test_silence_ends(method: str, kind: type[ApiError]) -> None:
    """A server within the process that never answers is given up as well."""
    with pytest.raises(kind, match="no answer"):
        ask(httpx.ASGITransport(Hanging()), CALLS[method][0], timeout=0.02, attempts=2)


class Dripping:
    """A long answer that keeps coming."""

    async def __aiter__(self) -> Any:
        for byte in body({"Lists": []}) + b" " * 10:
            await asyncio.sleep(0.01)
            yield bytes([byte])


def test_long_answer_may_take_longer_than_the_timeout() -> None:
    """The timeout is for silence; a million contacts take their time."""

    class Stream(Dripping, httpx.AsyncByteStream):
        pass

    assert outcome("getLists", httpx.Response(200, stream=Stream()), timeout=0.1)[1] == ()


def many(transport: Transport, logins: Iterable[str]) -> Any:
    return asyncio.gather(*(WriterClient(transport, Credentials(login, KEY)).get_lists() for login in logins))


def test_rate_is_kept_for_each_login() -> None:
    """No second sees more requests of a login than allowed; the first ones go at once, other logins do not wait."""
    clock = VirtualClock()
    times: list[tuple[str, float]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        login = dict(pair.split("=") for pair in request.content.decode().split("&"))["login"]
        times.append((login, clock.now))
        return httpx.Response(200, json={"Lists": []})

    async def run() -> None:
        transport = Transport(
            "https://api.example", transport=httpx.MockTransport(answer), requests_per_second=5, clock=clock
        )
        async with transport:
            await many(transport, ["a"] * 12)
            await many(transport, ["b"] * 5)

    asyncio.run(run())
    of_a = [time for login, time in times if login == "a"]
    assert of_a[4] == 0
    assert all(later - earlier >= 1 - 1e-9 for earlier, later in zip(of_a, of_a[5:], strict=False))
    assert {time for login, time in times if login == "b"} == {clock.now}


@pytest.mark.parametrize("parallelism", [1, 3])
def test_requests_in_flight_are_limited(parallelism: int) -> None:
    """At most `parallelism` requests are under way, whatever is asked of the transport."""
    flying = most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.001)
        flying -= 1
        return httpx.Response(200, json={"Lists": []})

    async def run() -> Transport:
        transport = Transport(
            "https://api.example",
            transport=httpx.MockTransport(answer),
            requests_per_second=1000,
            parallelism=parallelism,
        )
        async with transport:
            await many(transport, ["a", "b"] * 10)
        return transport

    transport = asyncio.run(run())
    assert most == parallelism
    assert (transport.calls, transport.retries) == (20, 0)


def test_calls_and_retries_are_counted() -> None:
    """Every request counts, and those that repeat an earlier one apart."""

    async def run() -> tuple[int, int]:
        server = Server(500, httpx.ConnectError("no"), {"Lists": []})
        async with Transport(
            "https://api.example", transport=httpx.MockTransport(server), clock=VirtualClock()
        ) as transport:
            await WriterClient(transport, Credentials(LOGIN, KEY)).get_lists()
            return transport.calls, transport.retries

    assert asyncio.run(run()) == (3, 2)


def test_cookies_do_not_travel() -> None:
    """A session of one account must not go along with the next account's requests."""
    server = Server(httpx.Response(200, json={"Lists": []}, headers={"Set-Cookie": "PHPSESSID=x; Path=/"}))

    async def twice(api: WriterClient) -> None:
        await api.get_lists()
        await api.account(Credentials("other", "other-key")).get_lists()

    ask(server, twice)

    assert server.parameters["login"] == "other"
    assert "cookie" not in server.requests[1].headers


def test_cancelled_call_stays_cancelled() -> None:
    """An interrupt passes through as it is."""

    async def run(api: WriterClient) -> None:
        task = asyncio.ensure_future(api.send_sms(MESSAGE))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    ask(httpx.ASGITransport(Hanging()), run)


@pytest.mark.parametrize("url", ["no-scheme", "ftp://host", "https://[", "https://host:port"])
def test_address_that_is_none(url: str) -> None:
    """A wrong account.url is found out before anything leaves."""

    async def run() -> None:
        async with Transport(url, clock=VirtualClock()) as transport:
            await WriterClient(transport, Credentials(LOGIN, KEY)).send_sms(MESSAGE)

    with pytest.raises(NotSent) as raised:
        asyncio.run(run())
    assert "account.url" in raised.value.hint


def test_closed_port() -> None:
    """A refused connection over the real network stack is a request that never left."""

    async def run() -> None:
        async with Transport("http://127.0.0.1:1", clock=VirtualClock(), attempts=2) as transport:
            await WriterClient(transport, Credentials(LOGIN, KEY)).send_sms(MESSAGE)

    with pytest.raises(NotSent):
        asyncio.run(run())


def test_transport_must_be_open() -> None:
    """Using a transport outside of its `async with` is a mistake of the program, not of the server."""
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(WriterClient(Transport("https://api.example"), Credentials(LOGIN, KEY)).get_lists())


@pytest.mark.parametrize("options", [{"parallelism": 0}, {"attempts": 0}, {"requests_per_second": 0}])
def test_limits_are_positive(options: dict[str, int]) -> None:
    """A limit of nothing would wait for ever."""
    with pytest.raises(ValueError, match="greater than 0"):
        Transport("https://api.example", **options)  # type: ignore[arg-type]
