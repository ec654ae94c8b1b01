"""How fast a long operation goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from smsops.model.outcome import Progress

_MARKS = 20  # steps over which the pace is taken: it may change


class Meter:
    """Measures the pace of one operation by what it is told of its steps."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)

    def progress(self, done: int, total: int, noun: str) -> Progress:
        """How far the operation is now that so many are done."""
        now = self._monotonic()
        since, before = self._marks[0] if self._marks else (now, done)
        self._marks.append((now, done))
        if now <= since or done <= before:
            return Progress(done, total, noun)
        pace = (done - before) / (now - since)
        return Progress(done, total, noun, pace, (total - done) / pace)
