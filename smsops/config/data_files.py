"""Data files: rows of CSV, NDJSON and Parquet files inside the stack directory, as text, with their lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from smsops.model.diagnostics import Diagnostics, Mark

Row = tuple[int, Mapping[str, str]]
_DELIMITERS = ",;\t|"


class OutsideStack(ValueError):
    """A path leaves the stack directory."""


def inside(root: Path, path: str) -> Path:
    """The file that `path` names below `root`; OutsideStack where it leads elsewhere, links followed."""
    resolved_root = root.resolve()
    resolved = (resolved_root / path).resolve()
    if not resolved.is_relative_to(resolved_root):
        raise OutsideStack(path)
    return resolved


class DataFiles:
    """Reads each data file of a stack once and keeps its rows for the run."""

    def __init__(self, root: Path, diagnostics: Diagnostics) -> None:
        self._root = root
        self._diagnostics = diagnostics
        self._rows: dict[str, list[Row] | None] = {}
        self.contents: dict[str, bytes] = {}

    def rows(self, path: str, mark: Mark) -> list[Row] | None:
        """The rows of a file with their lines; None, with a diagnostic at `mark`, where it cannot be read."""
        if path not in self._rows:
            self._rows[path] = self._read(path, mark)
        return self._rows[path]

    def _read(self, path: str, mark: Mark) -> list[Row] | None:
        try:
            file = inside(self._root, path)
            content = file.read_bytes()
        except OutsideStack:
            self._diagnostics.error(
                "SMS121",
                f"{path} leads out of the stack directory",
                detail="Data files lie beside smsops.yaml or below it.",
                mark=mark,
            )
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a path"
            self._diagnostics.error("SMS122", f"{path} cannot be read: {reason or error}", mark=mark)
            return None
        self.contents[path] = content
        try:
            return list(_reader(file)(content))
        except BadData as error:
            place = Mark(path, error.line) if error.line else mark
            self._diagnostics.error("SMS162", f"{path}: {error}", mark=place)
            return None


class BadData(ValueError):
    """A data file that makes no sense, with the line where that shows."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def _reader(file: Path) -> Callable[[bytes], Iterator[Row]]:
    match file.suffix.lower():
        case ".ndjson" | ".jsonl":
            return _ndjson
        case ".parquet":
            return lambda _: _parquet(file)
        case _:
            return _csv


def decode(content: bytes) -> str:
    """Text in any usual encoding: UTF-8, UTF-16 with its mark, otherwise as detected (Windows-1252 in doubt)."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(content, cp_isolation=["cp1252", "latin_1", "cp850", "mac_roman"]).best()
        return (
            str(best)
            if best is not None and best.encoding in ("cp850", "mac_roman")
            else content.decode("cp1252", errors="replace")
        )


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _csv(content: bytes) -> Iterator[Row]:
    text = decode(content)
    if "\0" in text:
        raise BadData("it holds a NUL character, so it is not a CSV file", text.count("\n", 0, text.index("\0")) + 1)
    header_line = next((line for line in text.splitlines() if line.strip()), "")
    if not header_line:
        raise BadData("the file is empty; its first line must name the columns")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(header_line), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header([cell.strip() for cell in cells], start)
                continue
            if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                raise BadData(f"the row has {len(cells)} cells, the header {len(header)}", start)
            padded = cells + [""] * (len(header) - len(cells))
            yield start, {name: cell.strip() for name, cell in zip(header, padded, strict=False)}
    except csv.Error as error:
        raise BadData(f"not a CSV row: {error}", line) from error


def _header(names: list[str], line: int) -> list[str]:
    while names and not names[-1]:
        names.pop()
    for position, name in enumerate(names):
        if not name:
            raise BadData(f"column {position + 1} has no name", line)
        if name in names[:position]:
            raise BadData(f'the column "{name}" stands twice', line)
    return names


def _ndjson(content: bytes) -> Iterator[Row]:
    for number, line in enumerate(decode(content).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadData("not a JSON value", number) from error
        if not isinstance(value, dict):
            raise BadData("a line must hold one JSON object", number)
        yield number, {str(name): _text(cell) for name, cell in value.items()}


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.strip() if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)


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
        values = {name: cell if isinstance(cell, str) else _text(cell) for name, cell in zip(names, cells, strict=True)}
        yield number, {name: value.strip() for name, value in values.items()}
