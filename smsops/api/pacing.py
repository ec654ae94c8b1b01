"""When the next request may go out: the clock, the rate of a login, the pauses before trying again."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


class Clock(Protocol):
    """Time as the client sees it, so that a test need not wait for it."""

    def monotonic(self) -> float:
        """Seconds since some moment."""

    async def sleep(self, seconds: float) -> None:
        """Let the seconds pass."""

    def random(self) -> float:
        """A number from 0 to 1, for pauses that do not fall together."""


class SystemClock:
    """The real time."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def random(self) -> float:
        return random.random()  # noqa: S311 (spreads pauses, guards nothing)


class RateLimit:
    """At most `per_second` requests in any second; fewer than one a second is one in a longer time.

    The first ones go at once: a small run does not feel the limit.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        if not per_second > 0:
            raise ValueError("requests_per_second must be greater than 0")
        self._clock = clock
        self._turns: deque[float] | None = None
        self._blocked_until = -math.inf
        if math.isfinite(per_second):
            tokens = max(1, int(per_second))
            self._period = tokens / per_second
            self._turns = deque(maxlen=tokens)

    async def turn(self) -> None:
        """Return when a request may go out."""
        turn = self._take()
        while (wait := max(turn, self._blocked_until) - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait)

    def _take(self) -> float:
        # Turns are handed out in advance, so that who asks first goes first.
        turn = self._clock.monotonic()
        if self._turns is None:
            return turn
        if len(self._turns) == self._turns.maxlen:
            turn = max(turn, self._turns[0] + self._period)
        self._turns.append(turn)
        return turn

    def block(self, seconds: float) -> None:
        """Let nothing out for some time: the server asked for it."""
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + seconds)


def backoff(attempt: int, clock: Clock) -> float:
    """The pause after a failed attempt (from 1): anything up to a bound that doubles, never quite nothing."""
    bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(attempt - 1, 10))
    return max(0.01, bound * clock.random())


def retry_after(header: str | None, date: str | None) -> float | None:
    """The seconds that a Retry-After header asks for, in seconds or as a date; None when it says nothing usable.

    A date is read against the server's own Date, because the two clocks may differ.
    """
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip().isdecimal() else _seconds_until(header, date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(0.0, seconds)


def _seconds_until(header: str, date: str | None) -> float:
    now: datetime = _with_zone(parsedate_to_datetime(date)) if date else datetime.now(UTC)
    return (_with_zone(parsedate_to_datetime(header)) - now).total_seconds()


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
