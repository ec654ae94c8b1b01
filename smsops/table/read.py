"""From the bytes of a source to contacts. Few are read as rows, many by the engine, piece by piece.

The engine takes a piece only where it is sure to read it as the careful way does; every other piece, one with a mistake
in it above all, is read carefully, which also knows the line of every row. So a good file costs what its bytes cost, and a
bad one is told about in full.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from smsops.model.diagnostics import did_you_mean
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.shown import shown_phone
from smsops.model.sources import Format, Stream
from smsops.table.mistakes import Mistake, Mistakes
from smsops.table.rows import Rows
from smsops.table.table import Fields, Table
from smsops.table.text import BadData, Complain, csv_text, decode, json_rows
from smsops.table.unpack import unpacked

SMALL = 3 << 20
"""Sources of fewer bytes are read as rows."""

Open = Callable[[], AbstractContextManager[Stream]]
"""Opens a source, from its beginning each time. SourceUnreadable, then or while it is read."""

PHONE_COLUMNS = ("phone", "mobilephone", "mobile")


class Reading(NamedTuple):
    """Which columns are the phone and the fields of a contact, and which country's national numbers are.

    `fields` are those that the list has, in capitals; `columns` names the column of each, or of some.
    """

    fields: tuple[str, ...]
    country: str
    phone: str | None = None
    columns: tuple[tuple[str, str], ...] | None = None

    def may_want(self, name: str) -> bool:
        """Whether a column of this name may be the phone or a field."""
        if name == self.phone or (self.phone is None and name.casefold() in PHONE_COLUMNS):
            return True
        if self.columns is None:
            return name.upper() in self.fields
        return any(name == column for _, column in self.columns)


@dataclass
class Source:
    """A source that has been read: its contacts, None where it has no columns to find them in, and its mistakes.

    `conflicts` are phones that stand in it twice, with different fields.
    """

    label: str
    open: Open
    reading: Reading
    mistakes: Mistakes
    table: Table | None = None
    conflicts: Collection[str] = field(default=(), repr=False)

    def occurrences(self, phones: Collection[str]) -> Iterator[tuple[str, Fields, int]]:
        """Every row of some phones, with its line: the source is read once more."""
        with self.open() as stream:
            content = b"".join(unpacked(stream.chunks))
        rows = content_rows(content, stream.format, self.reading, self.label, Mistakes(self.label))
        for phone, fields, line in rows or ():
            if phone in phones:
                yield phone, fields, line


class Layout(NamedTuple):
    """Where the phone and the fields stand in the rows of one source: the column of each."""

    phone: str
    columns: Mapping[str, str]


def read(open_source: Open, reading: Reading) -> Source:
    """The contacts of a source. SourceUnreadable where it cannot be read to its end."""
    with open_source() as stream:
        source = Source(stream.label, open_source, reading, Mistakes(stream.label))
        try:
            chunks = unpacked(stream.chunks)
            beginning, is_all = _beginning(chunks)
            if stream.format == "parquet":
                from smsops.table.parquet import load_parquet

                load_parquet(source, b"".join(chain([beginning], chunks)))
            elif not is_all:
                from smsops.table.load import load

                load(source, stream.format, chain([beginning], chunks))
            else:
                read_rows(source, beginning, stream.format)
        except BadData as error:
            source.mistakes.add(Mistake("SMS162", f"{source.label}: {error}", line=error.line))
    return source


def _beginning(chunks: Iterator[bytes]) -> tuple[bytes, bool]:
    """The first bytes of a source, and whether there are no more."""
    found: list[bytes] = []
    size = 0
    for chunk in chunks:
        found.append(chunk)
        size += len(chunk)
        if size > SMALL:
            return b"".join(found), False
    return b"".join(found), True


def read_rows(source: Source, content: bytes, form: Format) -> None:
    """Fill a source's table, mistakes and conflicts from all of its bytes."""
    found = content_rows(content, form, source.reading, source.label, source.mistakes)
    if found is None:
        return
    rows: dict[str, Fields] = {}
    conflicts: dict[str, None] = {}
    for phone, fields, _ in found:
        if phone in rows and rows[phone] != fields:
            conflicts[phone] = None
        rows.setdefault(phone, fields)
    source.table, source.conflicts = Rows(rows), conflicts.keys()


def file_rows(
    content: bytes, form: Format, complain: Complain
) -> tuple[list[str], Iterator[tuple[int, Mapping[str, str]]]]:
    """The columns of a whole file, and its rows as texts by column, each with its line. BadData where it makes no sense.

    The columns of NDJSON are those of all its objects: many writers leave out what is null. Without an object it has none.
    """
    if form == "parquet":
        from smsops.table.parquet import parquet_rows

        return parquet_rows(content)
    if form == "ndjson":
        wrong: list[tuple[int, str]] = []
        lines = decode(content).split("\n")
        objects = list(json_rows(lines, 1, lambda line, message: wrong.append((line, message))))
        columns = dict.fromkeys(name for _, row in objects for name in row)
        return list(columns), _complaining_first(wrong, objects, complain)
    names, records = csv_text(decode(content), complain)
    return names, ((line, dict(zip(names, cells, strict=True))) for line, cells in records)


def _complaining_first(
    wrong: Iterable[tuple[int, str]], rows: Iterable[tuple[int, Mapping[str, str]]], complain: Complain
) -> Iterator[tuple[int, Mapping[str, str]]]:
    for line, message in wrong:
        complain(line, message)
    yield from rows


def content_rows(
    content: bytes, form: Format, reading: Reading, label: str, mistakes: Mistakes
) -> Iterator[tuple[str, Fields, int]] | None:
    """The good contacts of a whole file; None, with a mistake, where it lacks their columns."""

    def complain(line: int, message: str) -> None:
        mistakes.add(Mistake("SMS162", f"{label}: {message}", line=line))

    names, rows = file_rows(content, form, complain)
    if not names and not any(True for _ in rows):
        return None if mistakes else iter(())
    found = layout(names, reading, label, mistakes)
    return None if found is None else good_rows(rows, found, reading, mistakes)


def good_rows(
    rows: Iterable[tuple[int, Mapping[str, str]]], layout: Layout, reading: Reading, mistakes: Mistakes
) -> Iterator[tuple[str, Fields, int]]:
    """The good contacts among rows by columns; a column that a row lacks is empty."""
    for line, row in rows:
        phone = _digits(row.get(layout.phone, ""), line, reading, mistakes)
        if phone is not None:
            yield phone, {name: row.get(column, "") for name, column in layout.columns.items()}, line


def _digits(text: str, line: int, reading: Reading, mistakes: Mistakes) -> str | None:
    try:
        return normalise_mobile(text, reading.country)
    except InvalidPhone as error:
        mistakes.add(bad_phone(text, error, line))
        return None


def bad_phone(text: str, error: InvalidPhone, line: int | None = None) -> Mistake:
    """The mistake of a text that is not the number of a mobile."""
    shown = (shown_phone(text) or "This") if text else "An empty cell"
    return Mistake(
        "SMS160", f"{shown} is not the number of a mobile: {error}", "Correct it or remove the contact.", line
    )


def _alike(names: Sequence[str], reading: Reading) -> tuple[str, str] | None:
    """Two columns that are found by their names whatever the case, and could both be meant."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        is_phone = reading.phone is None and name.casefold() in PHONE_COLUMNS
        is_field = reading.columns is None and name.upper() in reading.fields
        if (is_phone or is_field) and seen.setdefault(name.upper(), name) != name:
            return seen[name.upper()], name
    return None


def layout(names: Sequence[str], reading: Reading, label: str, mistakes: Mistakes) -> Layout | None:
    """Where the phone and the fields stand among these columns; None, with a mistake, where a column is missing."""
    twice = _alike(names, reading)
    if twice:
        summary = f'{label}: the columns "{twice[0]}" and "{twice[1]}" differ by case only'
        mistakes.add(
            Mistake("SMS163", summary, "Keep one, or name the right one under phone and columns.", key=("file",))
        )
        return None
    by_folded = {name.casefold(): name for name in names}
    phone = reading.phone or next((by_folded[name] for name in PHONE_COLUMNS if name in by_folded), None)
    if phone is None or phone not in names:
        what = f'{label} has no column "{phone}"' if phone else f"{label} has no column named phone"
        key = "phone" if reading.phone else "file"
        mistakes.add(Mistake("SMS163", what, did_you_mean(phone or "phone", names), key=(key,)))
        return None
    if reading.columns is None:
        return Layout(phone, {name.upper(): name for name in names if name.upper() in reading.fields})
    missing = [(name, column) for name, column in reading.columns if column not in names]
    for name, column in missing:
        summary = f'{label} has no column "{column}"'
        mistakes.add(Mistake("SMS163", summary, did_you_mean(column, names), key=("columns", name)))
    return None if missing else Layout(phone, {name.upper(): column for name, column in reading.columns})
