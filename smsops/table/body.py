"""The contacts in the body of an answer, read while it arrives.

A long body is cut between two contacts, and the pieces go to the engine; what is left, the answer without its contacts, is
judged as any other answer is. The engine takes a piece only where all its values are texts and all its keys are known;
any other piece is read carefully.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.table.engine import EngineError, literal, quoted
from smsops.table.load import BLANK, PIECE, SIDE_BY_SIDE, has_rare_blanks, settled, stripped
from smsops.table.phones import DIGITS
from smsops.table.rows import Rows
from smsops.table.table import Fields, Row, Table

SMALL = 3 << 20
"""Bodies of fewer bytes are read as rows."""

_ARRAY = re.compile(rb'"\s*contacts?\s*"\s*:\s*\[\s*(?=\{)', re.IGNORECASE)
_BOUNDARY = re.compile(rb'\}\s*,\s*\{\s*"(?=[^,}\]:\s])')
"""Between two contacts. Within a text that is no key the quote would end it, and one of , } ] : would follow."""

_NOT_A_KEY = b",}]: \t\r\n"
_FIRST_VALUE = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*"(\s*:\s*)"')


class BadBody(ValueError):
    """Contacts that make no sense; the text says why and quotes nothing of them."""


Parse = Callable[[str], Sequence[tuple[str, Fields]]]
"""Reads the contacts in the text of a JSON array carefully: the phone and the fields of each, as they were sent.
ValueError where they make no sense."""


class Contacts:
    """Collects the body of an answer with contacts."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._waiting: list[bytes] = []
        self._size = 0
        self._envelope = b""
        self._pieces: _Pieces | None = None
        self._rest = b""
        self._separator = b""

    def feed(self, chunk: bytes) -> None:
        """Take what has arrived; it may take as long as the engine needs for a piece."""
        self._waiting.append(chunk)
        self._size += len(chunk)
        if self._pieces is None:
            if self._size >= SMALL:
                self._begin()
        elif self._size >= PIECE:
            self._cut()

    def body(self) -> bytes:
        """The answer, without its contacts where these went to the engine."""
        content = self._rest + b"".join(self._waiting)
        if self._pieces is None:
            return content
        last = self._last_boundary(content) + 1 if self._separator else 0
        start = last + len(self._separator) - 2 if last else 0
        if last:
            self._pieces.add(content[:last])
        try:
            text = content[start:].decode()
            _, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            self._pieces.stop()
            return self._envelope  # it breaks off, and so does this
        self._pieces.add(text[:end].encode())
        return self._envelope + text[end:].encode()

    def table(self) -> tuple[Table, int] | None:
        """The contacts that went to the engine, each phone once, and how many there were; None where none did.

        BadBody where they make no sense.
        """
        return None if self._pieces is None else self._pieces.finished()

    def _begin(self) -> None:
        content = b"".join(self._waiting)
        found = _ARRAY.search(content, 0, SMALL)
        boundary = _BOUNDARY.search(content, found.end()) if found else None
        if not found or not boundary or not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
            self._size = -(1 << 62)  # it is in no form that can be cut: it is kept whole
            return
        self._envelope = content[: found.end()]
        self._separator = boundary.group()
        first = content[found.end() : boundary.start() + 1]
        self._waiting = [content[found.end() :]]
        self._pieces = _Pieces(first, self._parse)
        self._cut()

    def _cut(self) -> None:
        assert self._pieces is not None
        content = self._rest + b"".join(self._waiting)
        end = self._last_boundary(content)
        self._waiting, self._size = [], 0
        if end < 0:
            self._rest = content
            return
        self._pieces.add(content[: end + 1])
        self._rest = content[end + len(self._separator) - self._opening :]

    @property
    def _opening(self) -> int:
        """How much of a separator belongs to the contact behind it."""
        return len(self._separator) - self._separator.index(b"{")

    def _last_boundary(self, content: bytes) -> int:
        end = len(content)
        while (end := content.rfind(self._separator, 0, end)) >= 0:
            behind = content[end + len(self._separator) : end + len(self._separator) + 1]
            if behind and behind not in _NOT_A_KEY:
                return end
        return -1


class _Pieces:
    """Pieces of a body on their way into a table."""

    def __init__(self, first: bytes, parse: Parse) -> None:
        raise NotImplementedError
