"""The contacts of one list from all its sources: who stands in several of them must be the same everywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from smsops.model.diagnostics import Mark
from smsops.model.shown import shown_phone
from smsops.model.values import repr_without
from smsops.table import Fields, Table
from smsops.table.mistakes import Mistake, Mistakes
from smsops.table.read import Source
from smsops.table.rows import same
from smsops.table.union import union

CONTRADICTION = "SMS161"


class Part(Protocol):
    """One source of a list's contacts, read."""

    @property
    def table(self) -> Table | None: ...

    @property
    def conflicts(self) -> Collection[str]:
        """The phones that stand in it twice, with different fields."""

    def places(self, phones: Collection[str]) -> Iterator[tuple[str, Fields, Mark]]:
        """Where some phones stand, in order, with the fields that they have there."""


class FilePart(NamedTuple):
    """The contacts of a file, or of whatever else is read as one."""

    source: Source

    @property
    def table(self) -> Table | None:
        return self.source.table

    @property
    def conflicts(self) -> Collection[str]:
        return self.source.conflicts

    def places(self, phones: Collection[str]) -> Iterator[tuple[str, Fields, Mark]]:
        for phone, fields, line in self.source.occurrences(phones):
            yield phone, fields, Mark(self.source.label, line)


class InlinePart(NamedTuple):
    """Contacts that are written in the configuration."""

    table: Table
    rows: Mapping[str, Sequence[tuple[Fields, Mark]]]

    def __repr__(self) -> str:
        return repr_without(self, "rows")

    @property
    def conflicts(self) -> Collection[str]:
        return [
            phone for phone, found in self.rows.items() if any(not same(fields, found[0][0]) for fields, _ in found)
        ]

    def places(self, phones: Collection[str]) -> Iterator[tuple[str, Fields, Mark]]:
        for phone in phones:
            for fields, mark in self.rows.get(phone, ()):
                yield phone, fields, mark


class Contradiction(NamedTuple):
    """A contact that says something else than an earlier one with the same phone."""

    summary: str
    detail: str
    mark: Mark


def gathered(parts: Sequence[Part]) -> tuple[Table, list[Contradiction]]:
    """The contacts of all parts, and the contradictions among them: few of each file in full, the rest counted."""
    tables = [part.table for part in parts if part.table is not None]
    table, conflicts = union(tables)
    phones = {*conflicts, *(phone for part in parts for phone in part.conflicts)}
    return table, list(_contradictions(parts, phones)) if phones else []


def _contradictions(parts: Sequence[Part], phones: Collection[str]) -> Iterator[Contradiction]:
    first: dict[str, tuple[Fields, Mark]] = {}
    found: dict[str, Mistakes] = {}
    for part in parts:
        for phone, fields, mark in part.places(phones):
            earlier = first.setdefault(phone, (fields, mark))
            if same(fields, earlier[0]):
                continue
            summary = f"{shown_phone(phone)} stands twice with different values"
            detail = f"It stands first at {earlier[1]}. Keep one of them."
            if mark.column is not None:
                yield Contradiction(summary, detail, mark)
            else:
                mistakes = found.setdefault(mark.file, Mistakes(mark.file))
                mistakes.add(Mistake(CONTRADICTION, summary, detail, mark.line))
    for file, mistakes in found.items():
        for mistake in mistakes:
            yield Contradiction(mistake.summary, mistake.detail, Mark(file, mistake.line or 1))
