"""How a plan's reads are made: side by side, each once, and none later than it has to be."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from smsops.api.client import ReaderClient, Transport
from smsops.api.errors import Unreadable
from smsops.api.records import Credentials
from smsops.edge.refresh import Refresh
from smsops.kinds.view import AnyRead
from smsops.model.resources import Read
from tests.api.scripted_server import KEY, LOGIN, Asked, ScriptedWire, Step, VirtualClock

PARALLELISM = 4


def lists(account: int) -> Read:
    return Read("get_lists", (), f"account-{account}")


def contacts(account: int) -> Read:
    return Read("get_contacts", ("vip",), f"account-{account}")


def fetch(
    answer: Callable[[Asked], Awaitable[Step]],
    reads: Iterable[AnyRead],
    more: Callable[[AnyRead], Iterable[AnyRead]] = lambda read: (),
    results: dict[AnyRead, Any] | None = None,
    besides: Iterable[AnyRead] = (),
) -> dict[AnyRead, Any]:
    """Make reads through the client, and give their results."""
    found: dict[AnyRead, Any] = {} if results is None else results

    async def run() -> None:
        async with Transport("https://api.example", wire=ScriptedWire(answer), clock=VirtualClock()) as transport:
            reader = ReaderClient(transport, Credentials(LOGIN, KEY))
            await Refresh(reader, _no_source, found, PARALLELISM).fetch(reads, more, besides)

    asyncio.run(run())
    return found


def _no_source(read: object) -> Any:
    raise AssertionError("no source is read here")


async def nothing(asked: Asked) -> Step:
    """The answer of an account that has nothing, after some time."""
    await asyncio.sleep(0.001)
    return {"Lists": []} if asked.method == "getLists" else {"Contacts": []}


def test_each_read_is_made_once() -> None:
    """What is named twice, or has a result, is not asked for again."""
    asked: list[str] = []

    async def answer(request: Asked) -> Step:
        asked.append(request.parameters["subAccount"])
        return await nothing(request)

    results = fetch(answer, [lists(1), lists(2), lists(1)], lambda read: [lists(2), lists(3)], {lists(3): "known"})

    assert sorted(asked) == ["account-1", "account-2"]
    assert results[lists(3)] == "known"


def test_as_many_are_under_way_as_allowed() -> None:
    """`parallelism` calls are under way and never more, also where each answer names only two others."""
    flying = 0
    seen: list[int] = []

    async def answer(request: Asked) -> Step:
        nonlocal flying
        flying += 1
        seen.append(flying)
        answer = await nothing(request)
        flying -= 1
        return answer

    def more(read: AnyRead) -> Iterable[AnyRead]:
        account = int(str(read.login).rpartition("-")[2]) if isinstance(read, Read) else 0
        return [lists(2 * account), lists(2 * account + 1)] if account < 32 else []

    results = fetch(answer, [lists(1)], more)

    assert len(results) == 63
    assert max(seen) == PARALLELISM


def test_no_answer_waits_for_another() -> None:
    """What one answer shows to be needed is asked for while others are still awaited."""
    contacts_came = asyncio.Event()

    async def answer(request: Asked) -> Step:
        if request.parameters["subAccount"] == "account-1":
            await contacts_came.wait()
        if request.method == "getContacts":
            contacts_came.set()
        return await nothing(request)

    results = fetch(answer, [lists(1), lists(2)], lambda read: [contacts(2)] if read == lists(2) else [])

    assert set(results) == {lists(1), lists(2), contacts(2)}


def test_what_is_known_goes_out_before_more_is_looked_for() -> None:
    """No call that is known to be needed waits until somebody has thought about the answers that are there."""
    order: list[str] = []

    async def answer(request: Asked) -> Step:
        order.append("asked")
        return await nothing(request)

    def more(read: AnyRead) -> Iterable[AnyRead]:
        order.append("looked")
        return ()

    fetch(answer, [lists(number) for number in range(20)], more)

    assert order == ["asked"] * 20 + ["looked"] * 20


def test_what_is_needed_besides_waits_for_no_answer() -> None:
    """It goes out behind what was named first, and is found one by one: as many as are allowed, before any answer."""
    order: list[str] = []
    full = asyncio.Event()

    async def answer(request: Asked) -> Step:
        order.append(request.parameters["subAccount"])
        if len(order) == PARALLELISM:
            full.set()
        await asyncio.wait_for(full.wait(), 5)
        return await nothing(request)

    def besides() -> Iterable[AnyRead]:
        for number in range(1, 9):
            assert len(order) >= number - 2, "looked for too early"
            yield lists(number)

    results = fetch(answer, [lists(0)], lambda read: [lists(9)], besides=besides())

    assert order == [f"account-{number}" for number in range(10)]
    assert len(results) == 10


def test_a_failed_read_is_a_result() -> None:
    """One that fails takes none of the others along."""

    async def answer(request: Asked) -> Step:
        return 404 if request.parameters["subAccount"] == "account-1" else await nothing(request)

    results = fetch(answer, [lists(1), lists(2)])

    assert isinstance(results[lists(1)], Exception)
    assert results[lists(2)] == ()
    assert not isinstance(results[lists(1)], Unreadable)


def test_a_mistake_of_the_program_ends_all_reads() -> None:
    """What is no failure of a read comes out as it is, and nothing goes on behind it."""
    ended: list[bool] = []

    async def answer(request: Asked) -> Step:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)
        return {}

    def more(read: AnyRead) -> Iterable[AnyRead]:
        raise ZeroDivisionError

    async def quick_or_never(request: Asked) -> Step:
        return await (nothing if request.parameters["subAccount"] == "account-1" else answer)(request)

    with pytest.raises(ZeroDivisionError):
        fetch(quick_or_never, [lists(1), lists(2)], more)
    assert ended == [True]
