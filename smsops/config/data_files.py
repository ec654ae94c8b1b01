"""Data files: CSV, NDJSON and Parquet, below the stack directory or where the caller says that data lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from smsops.config.inside import Unreadable, expand, open_inside, read_inside, unreadable
from smsops.model.diagnostics import Diagnostics, Mark
from smsops.model.sources import Format, SourceUnreadable, Stream, format_of
from smsops.table.mistakes import Mistake, Mistakes
from smsops.table.read import Reading, Source, file_rows, read
from smsops.table.text import BadData
from smsops.table.unpack import unpacked

Row = tuple[int, Mapping[str, str]]
Report = Callable[[Mistake, str], None]
"""Told of a mistake, and of the file that it is in."""

_CHUNK = 1 << 20
_BAD = "SMS162"


class DataFiles:
    """Reads the data files of a stack. A path begins in `data_root`, if that has such a file, else in the stack's root."""

    def __init__(self, root: Path, data_root: Path | None, diagnostics: Diagnostics) -> None:
        self._root = root
        self._data_root = data_root
        self._diagnostics = diagnostics
        self._rows: dict[str, list[Row] | None] = {}
        self.digests: dict[str, str] = {}
        """What was read, and its SHA-256."""
        self.incomplete: set[str] = set()
        """Files of which at least one row could not be read."""

    def rows(self, path: str, mark: Mark) -> list[Row] | None:
        """The good rows of a file with their lines; None, with a diagnostic at `mark`, where it cannot be read."""
        if path not in self._rows:
            self._rows[path] = self._read_rows(path, mark)
        return self._rows[path]

    def _read_rows(self, path: str, mark: Mark) -> list[Row] | None:
        mistakes = Mistakes(path)

        def complain(line: int, message: str) -> None:
            mistakes.add(Mistake(_BAD, f"{path}: {message}", line=line))

        rows: list[Row] = []
        try:
            content = read_inside(self._base(path), path)
            self.digests[path] = hashlib.sha256(content).hexdigest()
            _, found = file_rows(b"".join(unpacked(iter([content]))), format_of(path), complain)
            rows += found
        except Unreadable as error:
            self.incomplete.add(path)
            self._diagnostics.error(error.code, error.summary, detail=error.detail, mark=mark)
            return None
        except SourceUnreadable as error:
            mistakes.add(Mistake("SMS122", f"{path} cannot be read: {error.summary}", error.detail))
        except BadData as error:
            mistakes.add(Mistake(_BAD, f"{path}: {error}", line=error.line))
        for mistake in mistakes:
            self.incomplete.add(path)
            place = Mark(path, mistake.line) if mistake.line else mark
            self._diagnostics.error(mistake.code, mistake.summary, detail=mistake.detail, mark=place)
        return rows or (None if path in self.incomplete else rows)

    def text(self, path: str) -> str:
        """A file of text. Unreadable where there is none."""
        content = read_inside(self._base(path), path)
        self.digests[path] = hashlib.sha256(content).hexdigest()
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise Unreadable("SMS122", f"{path}:{line} is not UTF-8", "Save the file as UTF-8.") from None

    def contacts(self, pattern: str, form: Format | None, reading: Reading, report: Report) -> list[Source]:
        """The contacts of the files that a path or a pattern names. Unreadable where it names none that can be read."""
        found: list[Source] = []
        base = self._base(pattern)
        for path in expand(base, pattern):
            try:
                source = read(self._opener(base, path, form or format_of(path)), reading)
            except SourceUnreadable as error:
                raise Unreadable("SMS122", f"{path} cannot be read: {error.summary}", error.detail) from None
            for mistake in source.mistakes:
                self.incomplete.add(path)
                report(mistake, path)
            found.append(source)
        return found

    def _base(self, path: str) -> Path:
        """Where a path begins."""
        if self._data_root is None:
            return self._root
        try:  # one that leads elsewhere is an error of its own, not a reason to read others
            there = any(os.path.lexists(self._data_root / name) for name in expand(self._data_root, path))
        except (Unreadable, OSError, ValueError):
            there = False
        return self._data_root if there else self._root

    def _opener(self, base: Path, path: str, form: Format) -> Callable[[], AbstractContextManager[Stream]]:
        @contextmanager
        def opened() -> Iterator[Stream]:
            with open_inside(base, path) as file:
                yield Stream(path, form, self._chunks(path, file))

        return opened

    def _chunks(self, path: str, file: BinaryIO) -> Iterator[bytes]:
        """What a file holds; its digest is known when all of it was read."""
        digest = hashlib.sha256()
        try:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                yield chunk
        except OSError as error:
            raise unreadable(path, error) from None
        self.digests[path] = digest.hexdigest()
