"""Time and order that depend on the seed alone: an event loop whose waiting takes no time, and whose sets have one order."""

from __future__ import annotations

import asyncio
import selectors
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness import InstantClock
from tests.simulation.disk import Death

_STEP = 0.002
"""What a call of a remote store takes, in virtual seconds."""


class VirtualTime(InstantClock):
    """Seconds since the story began. Whoever waits, in whichever event loop, moves it."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Selector(selectors.SelectSelector):
    """Waits for nothing: it puts the clock forward to when the loop wants to be woken."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("the loop waits for something that never comes")
        self._time.elapsed += max(timeout, 0)
        return []


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where it lies in memory."""

    def __init__(self, *args: Any, number: int, **kwargs: Any) -> None:
        self._number = number
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, time: VirtualTime) -> None:
        self._virtual = time
        super().__init__(_Selector(time))
        self._tasks = 0
        self.set_task_factory(self._make)
        self.set_exception_handler(_unless_dead)

    def time(self) -> float:
        return self._virtual.elapsed

    def _make(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        self._tasks += 1
        return _Task(coroutine, loop=loop, number=self._tasks, **more)

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """What a thread would do is done here and now; others go on before its result is there."""
        made = self.create_future()

        def work() -> None:
            if made.cancelled():
                return
            try:
                made.set_result(function(*args))
            except BaseException as error:
                made.set_exception(error)

        self.call_later(_STEP, work)
        return made


def _unless_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of what a dead process could not do any more."""
    if not isinstance(context.get("exception"), Death):
        loop.default_exception_handler(context)


@contextmanager
def virtual_loops(time: VirtualTime) -> Iterator[None]:
    """Let every event loop that is made from now on live in this time."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            return _Loop(time)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # policies are to go, and there is no other way in yet
        asyncio.set_event_loop_policy(Policy())
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            asyncio.set_event_loop_policy(None)
