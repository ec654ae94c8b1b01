"""Data files: rows of CSV, NDJSON and Parquet files inside the stack directory, as text, with their lines."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from smsops.config.inside import Unreadable, inside, read_inside
from smsops.model.diagnostics import Diagnostics, Mark

Row = tuple[int, Mapping[str, str]]
Complain = Callable[[int, str], None]
"""Called with the line and the mistake of a row that is left out."""

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_ENCODINGS = ("cp1252", "cp850", "mac_roman")
_DOUBT = 2
"""How much likelier than Windows-1252 another encoding must be."""
_USUAL = frozenset("éèàçêëîïôûùâœ")
_POSSIBLE = frozenset("äáãåæíìñóöòõøßúüÿ")
_SIGNS = frozenset("€’‘“”«»°…–—§£©®\u00a0")


class BadData(ValueError):
    """A data file that makes no sense from some line on; without a line, as a whole."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class DataFiles:
    """Reads each data file of a stack once and keeps its rows for the run."""

    def __init__(self, root: Path, diagnostics: Diagnostics) -> None:
        self._root = root
        self._diagnostics = diagnostics
        self._rows: dict[str, list[Row] | None] = {}
        self.contents: dict[str, bytes] = {}
        self.incomplete: set[str] = set()
        """Files of which at least one row could not be read."""

    def rows(self, path: str, mark: Mark) -> list[Row] | None:
        """The good rows of a file with their lines; None, with a diagnostic at `mark`, where it cannot be read."""
        if path not in self._rows:
            self._rows[path] = self._read(path, mark)
        return self._rows[path]

    def _read(self, path: str, mark: Mark) -> list[Row] | None:
        def complain(line: int, message: str) -> None:
            self.incomplete.add(path)
            self._diagnostics.error("SMS162", f"{path}: {message}", mark=Mark(path, line))

        rows: list[Row] = []
        try:
            file = inside(self._root, path)
            content = read_inside(self._root, path)
            self.contents[path] = content
            rows += _reader(file)(content, complain)
        except Unreadable as error:
            self.incomplete.add(path)
            self._diagnostics.error(error.code, error.summary, detail=error.detail, mark=mark)
            return None
        except BadData as error:
            self.incomplete.add(path)
            place = Mark(path, error.line) if error.line else mark
            self._diagnostics.error("SMS162", f"{path}: {error}", mark=place)
        return rows or (None if path in self.incomplete else rows)


def _reader(file: Path) -> Callable[[bytes, Complain], Iterator[Row]]:
    match file.suffix.lower():
        case ".ndjson" | ".jsonl":
            return _ndjson
        case ".parquet":
            return lambda _, __: _parquet(file)
        case _:
            return _csv


# -- CSV ------------------------------------------------------------------------------------


def decode(content: bytes) -> str:
    """Text in any usual encoding: UTF-8, UTF-16 with its mark, or the likeliest one of Western Europe."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        windows, *others = (content.decode(encoding, errors="replace") for encoding in _ENCODINGS)
        best = max(others, key=_likelihood)
        return best if _likelihood(best) > _likelihood(windows) + _DOUBT else windows


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


def _csv(content: bytes, complain: Complain) -> Iterator[Row]:
    text = decode(content)
    if "\0" in text:
        raise BadData("it holds a NUL character, so it is not a CSV file", text.count("\n", 0, text.index("\0")) + 1)
    records = _records(text, complain)
    first = next(records, None)
    if first is None:
        raise BadData("the file is empty; its first line must name the columns")
    header = _header(first[1], first[0])
    for line, cells in records:
        if any(cells[len(header) :]):
            complain(line, f"the row has {len(cells)} cells, the header {len(header)}")
        else:
            padded = cells + [""] * (len(header) - len(cells))
            yield line, dict(zip(header, padded, strict=False))


def _records(text: str, complain: Complain) -> Iterator[tuple[int, list[str]]]:
    """The cells of every row that is not blank, with the line where it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            reason = "a quote is not closed" if "end of data" in str(error) else str(error)
            complain(line, f"not a CSV row: {reason}")
            cells = []
        start, line = line, reader.line_num + 1
        if any(cells):
            yield start, cells


def _delimiter(text: str) -> str:
    """The delimiter that the header has most of, outside quotes."""
    lines = _QUOTED.sub("", text[:65_536]).splitlines()
    header = next((line for line in lines if line.strip(" ")), "")
    return max(_DELIMITERS, key=header.count)


def _header(names: list[str], line: int) -> list[str]:
    while names and not names[-1]:
        names.pop()
    for position, name in enumerate(names):
        if not name:
            raise BadData(f"column {position + 1} has no name", line)
        if name in names[:position]:
            raise BadData(f'the column "{name}" stands twice', line)
    return names


# -- other formats --------------------------------------------------------------------------


def _ndjson(content: bytes, complain: Complain) -> Iterator[Row]:
    for number, line in enumerate(decode(content).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate is no text
        except (ValueError, RecursionError):
            complain(number, "not a JSON value")
            continue
        if isinstance(value, dict):
            yield number, {str(name): _text(cell) for name, cell in value.items()}
        else:
            complain(number, "a line must hold one JSON object")


def _text(cell: Any) -> str:
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


def _parquet(file: Path) -> Iterator[Row]:
    import duckdb

    try:
        with duckdb.connect() as connection:
            relation = connection.sql("SELECT * FROM read_parquet(?)", params=[str(file)])
            names = relation.columns
            rows = relation.fetchall()
    except duckdb.Error as error:
        raise BadData("not a Parquet file") from error
    for number, cells in enumerate(rows, start=1):
        yield number, {name: _text(cell) for name, cell in zip(names, cells, strict=True)}
