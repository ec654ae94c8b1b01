"""Answers that are taken in while they arrive."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from smsops.api.client import Transport, WriterClient
from smsops.api.errors import Unreadable
from smsops.api.methods import GET_CONTACTS
from smsops.api.records import Credentials
from smsops.api.tree import Malformed
from tests.api.scripted_server import KEY, LOGIN, Asked, Reply, ScriptedWire, Server, Step, VirtualClock

LARGE = b"x" * 100_000


class Pieces:
    """Keeps the pieces that it was given; what it gives to be judged counts them."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.pieces: list[bytes] = []
        self.problem = problem

    def feed(self, chunk: bytes) -> None:
        if self.problem is not None:
            raise self.problem
        self.pieces.append(chunk)

    def body(self) -> bytes:
        return b'{"pieces": %d}' % len(self.pieces)


class Collectors:
    """Makes collectors, and keeps them."""

    def __init__(self, *problems: Exception | None) -> None:
        self.problems = list(problems)
        self.made: list[Pieces] = []

    def __call__(self) -> Pieces:
        self.made.append(Pieces(self.problems.pop(0) if self.problems else None))
        return self.made[-1]


def collect(wire: ScriptedWire, collectors: Callable[[], Any], **options: Any) -> Any:
    """What comes of one call with these collectors."""
    import asyncio

    async def run() -> Any:
        async with Transport("https://api.example", wire=wire, clock=VirtualClock(), **options) as transport:
            return await transport.call(
                GET_CONTACTS, {}, lambda answer: answer.tree, credentials=Credentials(LOGIN, KEY), collect=collectors
            )

    return asyncio.run(run())


def test_pieces_are_handed_on_as_they_come() -> None:
    """The collector gets every piece in order, and its body is what is judged."""
    collectors = Collectors()

    answer = collect(Server(Reply(pieces=[b"one", LARGE, b"three"])), collectors)

    assert answer == {"pieces": 3}
    assert collectors.made[0].pieces == [b"one", LARGE, b"three"]


def test_every_attempt_has_a_collector_of_its_own() -> None:
    """What came of an answer that broke off is not mixed with the next one."""
    broken = Reply(pieces=[b"half"], error=ConnectionResetError("reset"))
    collectors = Collectors()

    assert collect(Server(broken, Reply(pieces=[b"whole"])), collectors) == {"pieces": 1}
    assert [made.pieces for made in collectors.made] == [[b"half"], [b"whole"]]


def test_an_error_page_is_not_collected() -> None:
    """Only an answer with status 200 is one."""
    collectors = Collectors()

    assert collect(Server(500, Reply(pieces=[b"whole"])), collectors) == {"pieces": 1}
    assert [made.pieces for made in collectors.made] == [[b"whole"]]


@pytest.mark.parametrize("piece", [b"small", LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("problem", "said"),
    [(Malformed("a contact without a phone"), "a contact without a phone"), (KeyError("33612345678"), "KeyError")],
)
def test_what_a_collector_cannot_take_is_no_answer(problem: Exception, said: str, piece: bytes) -> None:
    """Its errors are the answer's: asked for again, then unreadable; only the words of Malformed are fit to be shown."""
    collectors = Collectors(problem, problem)

    with pytest.raises(Unreadable) as raised:
        collect(Server(Reply(pieces=[piece])), collectors, attempts=2)
    assert said in raised.value.detail
    assert "612345678" not in f"{raised.value} {raised.value.__context__!r}"
    assert len(collectors.made) == 2


def test_other_calls_go_on_while_a_collector_works() -> None:
    """Taking a large piece may block: meanwhile other exchanges are begun and ended."""
    import asyncio

    other_is_done = threading.Event()

    class Patient(Pieces):
        def feed(self, chunk: bytes) -> None:
            assert other_is_done.wait(10)
            super().feed(chunk)

    async def answer(asked: Asked) -> Step:
        return Reply(pieces=[LARGE]) if asked.method == "getContacts" else {"Lists": []}

    async def run() -> Any:
        async with Transport("https://api.example", wire=ScriptedWire(answer)) as transport:
            call = transport.call(
                GET_CONTACTS, {}, lambda answer: answer.tree, credentials=Credentials(LOGIN, KEY), collect=Patient
            )
            large = asyncio.ensure_future(call)
            await WriterClient(transport, Credentials(LOGIN, KEY)).get_lists()
            other_is_done.set()
            return await large

    assert asyncio.run(run()) == {"pieces": 1}


def test_time_of_the_collector_is_not_the_silence_of_the_server() -> None:
    """However long a piece is worked on, the deadline only counts what is waited for."""

    class Slow(Pieces):
        def feed(self, chunk: bytes) -> None:
            threading.Event().wait(0.1)
            super().feed(chunk)

    assert collect(Server(Reply(pieces=[LARGE, LARGE])), Slow, timeout=0.05, attempts=1) == {"pieces": 2}
