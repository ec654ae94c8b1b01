"""Time, rate and room: how long a silence may last, how many requests go out, and what does not travel along."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from smsops.api.client import Transport, WriterClient
from smsops.api.errors import ApiError, OutcomeUnknown, Unreadable
from smsops.api.records import Credentials
from smsops.api.wire import NotConnected
from tests.api.scripted_server import (
    CALLS,
    KEY,
    LOGIN,
    MESSAGE,
    Asked,
    Reply,
    ScriptedWire,
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


async def hang(asked: Asked) -> Step:
    """Never answer."""
    await asyncio.sleep(3600)
    return 500


@pytest.mark.parametrize(("method", "kind"), [("getInfo", Unreadable), ("sendSms", OutcomeUnknown)])
def test_silence_ends(method: str, kind: type[ApiError]) -> None:
    """A server within the process that never answers is given up as well."""
    with pytest.raises(kind, match="no answer"):
        ask(ScriptedWire(hang), CALLS[method][0], timeout=0.02, attempts=2)


def test_long_answer_may_take_longer_than_the_timeout() -> None:
    """The timeout is for silence; a million contacts take their time."""
    drops = [bytes([byte]) for byte in body({"Lists": []}) + b" " * 10]

    assert outcome("getLists", Reply(pieces=drops, pause=0.01), timeout=0.1)[1] == ()


def many(transport: Transport, logins: Iterable[str]) -> Any:
    return asyncio.gather(*(WriterClient(transport, Credentials(login, KEY)).get_lists() for login in logins))


def test_rate_is_kept_for_each_login() -> None:
    """No second sees more requests of a login than allowed; the first ones go at once, other logins do not wait."""
    clock = VirtualClock()
    times: list[tuple[str, float]] = []

    def answer(asked: Asked) -> Step:
        times.append((asked.parameters["login"], clock.now))
        return {"Lists": []}

    async def run() -> None:
        transport = Transport("https://api.example", wire=ScriptedWire(answer), requests_per_second=5, clock=clock)
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

    async def answer(asked: Asked) -> Step:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.001)
        flying -= 1
        return {"Lists": []}

    async def run() -> Transport:
        transport = Transport(
            "https://api.example", wire=ScriptedWire(answer), requests_per_second=1000, parallelism=parallelism
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
        server = Server(500, NotConnected("no"), {"Lists": []})
        async with Transport("https://api.example", wire=server, clock=VirtualClock()) as transport:
            await WriterClient(transport, Credentials(LOGIN, KEY)).get_lists()
            return transport.calls, transport.retries

    assert asyncio.run(run()) == (3, 2)


def test_cancelled_call_stays_cancelled() -> None:
    """An interrupt passes through as it is."""

    async def run(api: WriterClient) -> None:
        task = asyncio.ensure_future(api.send_sms(MESSAGE))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    ask(ScriptedWire(hang), run)


def test_transport_must_be_open() -> None:
    """Using a transport outside of its `async with` is a mistake of the program, not of the server."""
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(WriterClient(Transport("https://api.example"), Credentials(LOGIN, KEY)).get_lists())


@pytest.mark.parametrize("options", [{"parallelism": 0}, {"attempts": 0}, {"requests_per_second": 0}])
def test_limits_are_positive(options: dict[str, int]) -> None:
    """A limit of nothing would wait for ever."""
    with pytest.raises(ValueError, match="greater than 0"):
        Transport("https://api.example", **options)  # type: ignore[arg-type]
