"""Text files of rows: their encoding, their delimiter, their header, and their records with the lines they begin on."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

Complain = Callable[[int, str], None]
"""Called with the line and the mistake of a record that is left out."""

NO_ROW = "not a CSV row"
"""How the mistake of quotes that do not match begins."""

LONGEST = 1 << 20
"""So many characters a line may have, and a cell: what is longer was never meant as one, and would have to be held whole."""

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_ENCODINGS = ("cp1252", "cp850", "mac_roman")
_DOUBT = 2
"""How much likelier than Windows-1252 another encoding must be."""
_USUAL = frozenset("éèàçêëîïôûùâœ")
_POSSIBLE = frozenset("äáãåæíìñóöòõøßúüÿ")
_SIGNS = frozenset("€’‘“”«»°…–—§£©®\u00a0")
_BEGINNING = 65_536

csv.field_size_limit(LONGEST)  # of the whole process: the engine knows no other than that of a line


class BadData(ValueError):
    """A data file that makes no sense from some line on; without a line, as a whole."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def decode(content: bytes) -> str:
    """Text in any usual encoding: UTF-8, UTF-16 with its mark, or the likeliest one of Western Europe."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(likeliest(content), errors="replace")


def likeliest(content: bytes) -> str:
    """The encoding of Western Europe that a text which is not UTF-8 most likely has."""
    scores = {encoding: _likelihood(content.decode(encoding, errors="replace")) for encoding in _ENCODINGS}
    windows = _ENCODINGS[0]
    best = max(_ENCODINGS[1:], key=lambda encoding: scores[encoding])
    return best if scores[best] > scores[windows] + _DOUBT else windows


def _likelihood(text: str) -> int:
    """How much a text looks like names and places of Western Europe: accents, no capital inside a word."""
    score = 0
    before = " "
    for character in text:
        if character > "\x7f":
            fits = character.islower() or not (before.islower() or before.isdigit())
            if character in _SIGNS:
                score += 1
            elif fits and character.lower() in _USUAL:
                score += 4 if character.islower() and before.isalpha() else 2
            else:
                score += 1 if fits and character.lower() in _POSSIBLE else -2
        before = character
    return score


def checked(lines: Iterable[str], line: int = 1) -> Iterator[str]:
    """The lines, of which the first has some number; BadData at one that is too long."""
    for number, text in enumerate(lines, start=line):
        if len(text) > LONGEST:
            raise BadData(f"the line has more than {LONGEST:,} characters", number)
        yield text


# -- CSV ------------------------------------------------------------------------------------


def csv_text(text: str, complain: Complain) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header of a CSV text and its records, as many cells each as the header has; BadData where it makes no sense."""
    if "\0" in text or len(text) > LONGEST:  # then nothing else is said
        deque(_checked_csv(io.StringIO(text, newline=""), 1), maxlen=0)
    return csv_records(io.StringIO(text, newline=""), complain)


def csv_records(lines: Iterable[str], complain: Complain) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header of lines of CSV and their records, which are read one by one. BadData where they make no sense."""
    rest = iter(lines)
    beginning: list[str] = []
    size = 0
    for line in rest:
        beginning.append(line)
        size += len(line)
        if size >= _BEGINNING:
            break
    records = _records(chain(beginning, rest), delimiter("".join(beginning)), 1, complain)
    first = next(records, None)
    if first is None:
        raise BadData("the file is empty; its first line must name the columns")
    names = header(first[1], first[0])
    return names, _as_wide_as(len(names), records, complain)


def _checked_csv(lines: Iterable[str], line: int) -> Iterator[str]:
    for number, text in enumerate(checked(lines, line), start=line):
        if "\0" in text:
            raise BadData("it holds a NUL character, so it is not a CSV file", number)
        yield text


def csv_rows(
    lines: Iterable[str], delimiter: str, width: int, line: int, complain: Complain
) -> Iterator[tuple[int, list[str]]]:
    """The records of a piece of a CSV file that begins on some line, as many cells each as its header has."""
    return _as_wide_as(width, _records(lines, delimiter, line, complain), complain)


def _as_wide_as(
    width: int, records: Iterator[tuple[int, list[str]]], complain: Complain
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in records:
        if any(cells[width:]):
            complain(line, f"the row has {len(cells)} cells, the header {width}")
        else:
            yield line, cells[:width] + [""] * (width - len(cells))


def csv_header(text: str, delimiter: str, complain: Complain) -> tuple[list[str], int]:
    """The header at the beginning of a CSV text, and how many lines end with it; no names where there is none."""
    for line, after, cells in _numbered(io.StringIO(text, newline=""), delimiter, 1, complain):
        return header(cells, line), after - 1
    return [], 0


def _records(lines: Iterable[str], delimiter: str, line: int, complain: Complain) -> Iterator[tuple[int, list[str]]]:
    """The cells of every record that is not blank, with the line where it begins."""
    return ((begins, cells) for begins, _, cells in _numbered(lines, delimiter, line, complain))


def _numbered(
    lines: Iterable[str], delimiter: str, line: int, complain: Complain
) -> Iterator[tuple[int, int, list[str]]]:
    """Records that are not blank, with the line where each begins and the one behind it."""
    reader = csv.reader(_checked_csv(lines, line), delimiter=delimiter, strict=True)
    first = line
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            reason = str(error)
            if "end of data" in reason:
                reason = "a quote is not closed"
            elif "field limit" in reason:
                reason = f"a cell has more than {LONGEST:,} characters; a quote may not be closed"
            complain(line, f"{NO_ROW}: {reason}")
            cells = []
        start, line = line, reader.line_num + first
        if any(cells):
            yield start, line, cells


def delimiter(text: str) -> str:
    """The delimiter that the header has most of, outside quotes."""
    lines = _QUOTED.sub("", text[:_BEGINNING]).splitlines()
    first = next((line for line in lines if line.strip(" ")), "")
    return max(_DELIMITERS, key=first.count)


def header(names: list[str], line: int) -> list[str]:
    """The names of the columns; BadData where one has none, or two have the same."""
    while names and not names[-1]:
        names.pop()
    for position, name in enumerate(names):
        if not name:
            raise BadData(f"column {position + 1} has no name", line)
        if name in names[:position]:
            raise BadData(f'the column "{name}" stands twice', line)
    return names


# -- NDJSON ---------------------------------------------------------------------------------


def json_rows(lines: Iterable[str], line: int, complain: Complain) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The objects of the lines of a file, or of a piece of it that begins on some line, their values as text."""
    for number, text in enumerate(checked(lines, line), start=line):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text
        except (ValueError, RecursionError):
            complain(number, "not a JSON value")
            continue
        if isinstance(value, dict):
            yield number, {str(name): cell_text(cell) for name, cell in value.items()}
        else:
            complain(number, "a line must hold one JSON object")


def cell_text(cell: Any) -> str:
    """A value of NDJSON or Parquet as a cell of a CSV file would have it."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return cell.strip()
        case float() if math.isnan(cell):
            return ""
        case float() if cell.is_integer():  # a column of whole numbers with gaps is stored as 612345678.0
            return str(int(cell))
        case dict() | list():
            return json.dumps(cell, ensure_ascii=False, default=str)
        case _:
            return str(cell)
