"""How a login's requests keep to a pace that the server can follow, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from smsops.api.client import Transport, WriterClient
from smsops.api.records import Credentials
from tests.api.scripted_server import KEY, LOGIN, Asked, Reply, ScriptedWire, Step
from tests.simulation.virtual import VirtualTime, virtual_loops

Behaviour = Callable[[float], Awaitable[Step]]
"""What a server does with a request that comes at that time."""

GOOD: Step = {"Lists": []}


def asked(behaviour: Behaviour, seconds: float, *, per_second: float = 20, parallelism: int = 8) -> list[float]:
    """The times of the requests when as many calls as possible are made for so many seconds."""
    time = VirtualTime()
    times: list[float] = []

    async def answer(request: Asked) -> Step:
        times.append(time.elapsed)
        return await behaviour(time.elapsed)

    async def run() -> None:
        transport = Transport(
            "https://api.example",
            wire=ScriptedWire(answer),
            requests_per_second=per_second,
            parallelism=parallelism,
            clock=time,
        )
        async with transport:
            api = WriterClient(transport, Credentials(LOGIN, KEY))

            async def work() -> None:
                while time.elapsed < seconds:
                    await api.get_lists()

            await asyncio.gather(*(work() for _ in range(parallelism)))

    with virtual_loops(time):
        asyncio.run(run())
    return times


def between(times: list[float], start: float, end: float) -> int:
    return sum(start <= time < end for time in times)


def after(seconds: float, step: Step = GOOD) -> Awaitable[Step]:
    async def wait() -> Step:
        await asyncio.sleep(seconds)
        return step

    return wait()


@pytest.mark.parametrize(("latency", "per_second"), [(0.1, 20), (0.01, 20), (0.5, 1000), (3.0, 1000)])
def test_server_that_keeps_up_is_asked_as_fast_as_allowed(latency: float, per_second: float) -> None:
    """requests_per_second and parallelism alone decide while the server is as fast as it has always been."""
    times = asked(lambda now: after(latency), 30, per_second=per_second)

    assert between(times, 5, 29) == pytest.approx(24 * min(per_second, 8 / latency), rel=0.02)


def test_server_that_wavers_is_not_slow() -> None:
    """Answers that take a little longer now and then change nothing."""
    random = Random(1)

    times = asked(lambda now: after(random.uniform(0.02, 0.3)), 30)

    assert between(times, 5, 25) == 400


def test_fewer_requests_after_a_429() -> None:
    """Turned away once, half as many go out when the pause is over; a little later as many as before."""

    def turns_away_once(now: float) -> Awaitable[Step]:
        if now < 5 or turned:
            return after(0.05)
        turned.append(now)
        return after(0.05, Reply(429, headers={"Retry-After": "2"}))

    turned: list[float] = []
    times = asked(turns_away_once, 40)
    (when,) = turned

    assert between(times, when - 2, when) == 40
    assert between(times, when + 0.1, when + 2) == 0
    assert between(times, when + 2.1, when + 4.1) < 32
    assert between(times, 30, 40) == 200


def test_pace_settles_around_what_the_server_takes() -> None:
    """A server that takes five requests a second is soon asked little more than that, and turns few away."""
    taken: list[float] = []
    refused: list[float] = []

    def five_a_second(now: float) -> Awaitable[Step]:
        fits = between(taken, now - 1, now + 1) < 5
        (taken if fits else refused).append(now)
        return after(0.05, GOOD if fits else Reply(429))

    asked(five_a_second, 100)

    assert between(taken, 50, 100) > 50 * 5 * 0.5
    assert between(refused, 50, 100) < between(taken, 50, 100) / 5


def test_slow_server_is_asked_more_slowly_until_it_recovers() -> None:
    """Answers that take many times as long as they could halve the rate again and again; when they are quick it grows."""
    times = asked(lambda now: after(3 if 10 <= now < 60 else 0.1), 100)

    assert between(times, 5, 10) == 100
    assert between(times, 30, 60) < 30 * 8 / 3 * 0.75
    assert between(times, 90, 99) == 180


def test_server_that_has_become_slower_for_good_is_asked_as_before_in_the_end() -> None:
    """What the server could do long ago is forgotten."""
    times = asked(lambda now: after(3 if now >= 10 else 0.1), 400)

    assert between(times, 350, 390) == pytest.approx(40 * 8 / 3, rel=0.1)


def test_long_answers_are_no_sign_of_a_slow_server() -> None:
    """Like is compared with like: a list that takes long because it is long says nothing of the others."""
    long = b'{"Lists": []}' + b" " * 100_000
    steps: list[tuple[float, Step]] = [(0.05, GOOD), (4.0, long)]
    count = iter(range(100_000))

    times = asked(lambda now: after(*steps[next(count) % 20 == 0]), 40, per_second=10)

    assert between(times, 10, 30) == 200


def test_other_logins_keep_their_pace() -> None:
    """A login that is turned away slows nobody else."""
    time = VirtualTime()
    done: dict[str, float] = {}

    async def answer(request: Asked) -> Step:
        await asyncio.sleep(0.05)
        first = request.parameters["login"] == "busy" and time.elapsed < 1
        return Reply(429, headers={"Retry-After": "60"}) if first else GOOD

    async def run() -> None:
        transport = Transport("https://api.example", wire=ScriptedWire(answer), parallelism=2, clock=time)
        async with transport:

            async def work(login: str, count: int) -> None:
                api = WriterClient(transport, Credentials(login, KEY))
                await asyncio.gather(*(api.get_lists() for _ in range(count)))
                done[login] = time.elapsed

            await asyncio.gather(work("busy", 10), work("calm", 10))

    with virtual_loops(time):
        asyncio.run(run())

    assert done["calm"] < 1
    assert done["busy"] > 60
