"""When the next request may go out: the clock, the pace of a login, the pauses before trying again."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import deque
from datetime import UTC, datetime
from itertools import takewhile
from typing import Protocol

_log = logging.getLogger("smsops.api")

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_MOST = 1e6  # requests a second: as good as no limit
_LEAST = 1.0  # requests a second, however the server struggles
_RECOVERY = 20.0  # seconds from nothing to the full rate
_SLOW = 4.0  # times as long as at best
_QUICK = 1.0  # seconds; what takes less is never slow
_FORGOTTEN = 1.01  # by each answer: who has become slower for good is asked as before in the end


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


class Pace:
    """How fast the requests of one login go out: at most `per_second` in any second, and fewer while the server struggles.

    Fewer than one a second is one in a longer time. The first ones go at once: a small run does not feel the limit.

    The rate is halved when the server turns a request away or takes much longer than it has shown it can, and grows
    again steadily from the next good answer on: additive increase, multiplicative decrease, as TCP does it. So it
    settles around what the server can take, and a server that keeps up never sees less than `per_second`.
    """

    def __init__(self, per_second: float, clock: Clock) -> None:
        if not per_second > 0:
            raise ValueError("requests_per_second must be greater than 0")
        self._clock = clock
        self._full = min(per_second, _MOST)
        self._turns: deque[float] = deque(maxlen=max(1, int(self._full)))
        self._order = asyncio.Lock()
        self._blocked_until = -math.inf
        self._slowed_at = -math.inf
        self._slowed_to = self._full
        self._growing_since = math.inf
        self._best: dict[str, float] = {}

    async def turn(self, slots: asyncio.Semaphore) -> float:
        """Return when a request may go out, with a slot taken for it; gives the moment. Who asks first goes first."""
        async with self._order:
            while True:
                while (wait := self._due() - self._clock.monotonic()) > 0:
                    await self._clock.sleep(wait)
                await slots.acquire()
                now = self._clock.monotonic()
                if self._due() <= now:
                    self._turns.append(now)
                    return now
                slots.release()  # the server has asked for a pause while all slots were taken

    def rate(self) -> float:
        """The requests that may go out a second, as things are."""
        growing = max(0.0, self._clock.monotonic() - self._growing_since)
        return min(self._full, self._slowed_to + growing * self._full / _RECOVERY)

    def _due(self) -> float:
        rate = self.rate()
        count = max(1, int(rate))
        due = self._turns[-count] + count / rate if len(self._turns) >= count else -math.inf
        return max(due, self._blocked_until)

    def block(self, seconds: float) -> None:
        """Let nothing out for some time: the server asked for it."""
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + seconds)

    def answered(self, sent: float, heard: float, like: str) -> None:
        """A request was answered; `like` names those that should take about as long."""
        took = heard - sent
        best = self._best.get(like, took)
        self._best[like] = min(best * _FORGOTTEN, took)
        if took > max(best * _SLOW, _QUICK):
            self.slow_down(sent)
        elif sent > self._slowed_at:
            self._growing_since = min(self._growing_since, heard)

    def slow_down(self, sent: float) -> None:
        """The server did not keep up with a request that went out then: let half as many out as went out around it."""
        if sent <= self._slowed_at:
            return  # what went out before the last slowing down says nothing about the pace since
        around = sum(turn <= sent for turn in takewhile(lambda turn: turn > sent - 1, reversed(self._turns)))
        if around <= _LEAST:
            return
        self._slowed_to = max(min(_LEAST, self._full), min(self.rate(), around) / 2)
        self._slowed_at = self._clock.monotonic()
        self._growing_since = math.inf
        _log.info("the server does not keep up: at most %.1f requests a second for now", self._slowed_to)


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
    now = _date(date) if date else datetime.now(UTC)
    return (_date(header) - now).total_seconds()


def read_date(header: str | None) -> datetime | None:
    """The moment that a Date header tells; None when it says nothing usable."""
    try:
        return _date(header) if header else None
    except (ValueError, TypeError, IndexError):
        return None


def _date(header: str) -> datetime:
    from email.utils import parsedate_to_datetime  # few runs need it

    moment = parsedate_to_datetime(header)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
