"""Mistakes in the rows of a source: the first of each sort in full, the rest counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

SHOWN = 20
"""So many mistakes of one sort in one source are named."""


class Mistake(NamedTuple):
    """What is wrong with a row, or with the columns: then `key` is where the configuration names them."""

    code: str
    summary: str
    detail: str = ""
    line: int | None = None
    key: tuple[str, ...] = ()


class Mistakes:
    """The mistakes of one source. However many there are, few are kept."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._first: dict[str, list[Mistake]] = {}
        self._counts: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __iter__(self) -> Iterator[Mistake]:
        for code, first in self._first.items():
            more = self._counts[code] - SHOWN
            yield from first[:SHOWN]
            if more == 1:
                yield first[SHOWN]
            elif more > 1:
                summary = f"{more:,} more rows of {self._label} have a mistake of this sort ({code})"
                yield first[SHOWN]._replace(summary=summary, detail="")

    def add(self, mistake: Mistake) -> None:
        first = self._first.setdefault(mistake.code, [])
        self._counts[mistake.code] = self._counts.get(mistake.code, 0) + 1
        if len(first) <= SHOWN:
            first.append(mistake)

    def extend(self, others: Mistakes) -> None:
        """Add those of a later piece of the same source."""
        for code, first in others._first.items():
            mine = self._first.setdefault(code, [])
            mine += first[: SHOWN + 1 - len(mine)]
            self._counts[code] = self._counts.get(code, 0) + others._counts[code]
