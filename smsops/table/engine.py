"""The embedded engine (DuckDB): tables in memory, shut off from files, network, extensions and settings.

Bytes reach it through a few files that have no name and lie in memory, so that nobody's number touches a disk.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from itertools import count
from typing import Any

from smsops.table.table import BATCH

_FILES = 4
"""So many pieces may be on their way into the engine at once."""

_MOST_AT_ONCE = 1_000
"""So many pieces one call writes; 1,024 are allowed."""

_MOST_DIGITS = 18
_ODD = 10**19

_COMPRESS_FROM = 2_000_000


class EngineError(Exception):
    """A statement that the engine refuses: its text quotes data and is not for people."""


class Engine:
    """One database in memory. Each statement runs in a cursor of its own, so that threads may share the engine."""

    def __init__(self) -> None:
        import _duckdb as duckdb  # without the Python that is around it, which takes four times as long to import

        # What the engine says quotes data, which may be no text.
        self._errors = (duckdb.Error, UnicodeDecodeError)
        self._connection: Any = duckdb.connect(":memory:")
        self._names = count(1)
        self._odd: dict[int, str] = {}
        self._descriptors = [_nameless_file() for _ in range(_FILES)]
        self._free: queue.Queue[int] = queue.Queue()
        for descriptor in self._descriptors:
            self._free.put(descriptor)
        allowed = ", ".join(f"'{_path(descriptor)}'" for descriptor in self._descriptors)
        for statement in (
            "ATTACH ':memory:' AS data (COMPRESS)",
            "SET temp_directory = ''",  # what does not fit in memory is an error, not a file
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET enable_progress_bar = false",
            "SET checkpoint_threshold = '1TB'",  # tables are compressed where it is worth it, not in between
            f"SET allowed_paths = [{allowed}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._connection.execute(statement)

    def name(self) -> str:
        """The name of a new table."""
        return f"data.t{next(self._names)}"

    def number(self, phone: str) -> int:
        """A phone as the engine has it: the number that its digits are, which takes half the place and time of a text.

        What is no such number, as some live contacts have, gets one that no phone has.
        """
        if phone.isascii() and phone.isdigit() and phone[0] != "0" and len(phone) <= _MOST_DIGITS:
            return int(phone)
        number = _ODD + int.from_bytes(sha256(phone.encode(errors="replace")).digest()[:8], "big") % (_ODD >> 1)
        self._odd[number] = phone
        return number

    def phone(self, number: int) -> str:
        """The phone that a number of the engine's stands for."""
        return str(number) if number < _ODD else self._odd[number]

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement gives; EngineError where it fails."""
        cursor = self._connection.cursor()
        try:
            found: list[tuple[Any, ...]] = cursor.execute(sql, list(parameters)).fetchall()
        except self._errors as error:
            raise EngineError(str(error)) from None
        finally:
            cursor.close()
        return found

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The one value that a query gives."""
        return self.run(sql, parameters)[0][0]

    def batches(self, sql: str, size: int = BATCH) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query, so many at a time; no more of them are in memory."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            while rows := cursor.fetchmany(size):
                yield rows
        except self._errors as error:
            raise EngineError(str(error)) from None
        finally:
            cursor.close()

    def worth_compressing(self, rows: int) -> bool:
        """Whether so many rows that were added should be compressed: that takes time, and saves most of their memory."""
        return rows >= _COMPRESS_FROM

    def compress(self) -> None:
        """Compress all tables, while nobody writes."""
        self.run("CHECKPOINT data")

    def drop(self, name: str) -> None:
        """Let a table go."""
        try:
            self.run(f"DROP TABLE IF EXISTS {name}")
        except EngineError:  # somebody still reads it; it goes with the process
            return

    @contextmanager
    def file(self, *pieces: bytes) -> Iterator[str]:
        """The path under which the engine can read these bytes."""
        descriptor = self._free.get()
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            _write(descriptor, pieces)
            os.ftruncate(descriptor, sum(map(len, pieces)))
            yield _path(descriptor)
        finally:
            self._free.put(descriptor)


def engine() -> Engine:
    """The engine of this process."""
    with _starting:  # sources are read side by side, and their tables have to be in one database
        return _engine()


def start() -> None:
    """Let the engine start, which takes a while, beside what the caller does next."""
    threading.Thread(target=_start, name="smsops-table").start()


def _start() -> None:
    with suppress(Exception):  # whoever asks for the engine meets it too
        engine()


_starting = threading.Lock()


@cache
def _engine() -> Engine:
    return Engine()


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def column(field: str) -> str:
    """The column of a field, whose name no other column of a table can have."""
    return quoted(f".{field}")


def literal(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("smsops")
    import tempfile

    descriptor, path = tempfile.mkstemp()
    os.unlink(path)
    return descriptor


def _write(descriptor: int, pieces: Sequence[bytes]) -> None:
    """Write everything with few calls: behind each one a thread waits for its turn."""
    for first in range(0, len(pieces), _MOST_AT_ONCE):
        some = [memoryview(piece) for piece in pieces[first : first + _MOST_AT_ONCE]]
        while some:
            written = os.writev(descriptor, some)
            while some and written >= len(some[0]):
                written -= len(some.pop(0))
            if some:
                some[0] = some[0][written:]


def _path(descriptor: int) -> str:
    root = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    return f"{root}/{descriptor}"
