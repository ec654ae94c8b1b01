"""The rows of a query as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from smsops.edge.sources.address import Address
from smsops.model.shown import mask_text
from smsops.model.sources import SourceUnreadable

BATCH = 500
"""Rows that are asked for at once."""
_CHUNK = 64 * 1024


def as_csv(address: Address, names: Sequence[str], batches: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """CSV in UTF-8 with a header, chunk by chunk as batches of rows arrive. SourceUnreadable where a value is no text.

    The columns are judged at once, before any row is asked for.
    """
    _check(address, names)
    return _written(address, names, batches)


def _check(address: Address, names: Sequence[str]) -> None:
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise address.unreadable(f"column {position} of the query has no name", "Name it: select … as name.")
        if name in names[: position - 1]:
            raise address.unreadable(
                f'the query has two columns "{mask_text(name)}"', "Name one of them otherwise: select … as name."
            )


def _written(address: Address, names: Sequence[str], batches: Iterable[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for rows in batches:
        for row in rows:
            try:
                writer.writerow([_text(value) for value in row])
            except TypeError:
                raise _no_text(address, names, row) from None
            if buffer.tell() >= _CHUNK:
                yield _taken(address, buffer)
    yield _taken(address, buffer)


def _taken(address: Address, buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise address.unreadable("a value of the query is no Unicode text") from None


def _text(value: Any) -> str:
    """A value as a person would write it into a file of contacts. TypeError where there is no such thing."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isnan(value):
            return ""
        case float() if math.isfinite(value):  # a column of numbers with gaps is often stored so: 612345678.0
            return _decimal(Decimal(repr(value)))
        case Decimal() if value.is_nan():
            return ""
        case Decimal() if value.is_finite():
            return _decimal(value)
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=_text)
        case _:
            raise TypeError


def _decimal(value: Decimal) -> str:
    whole = value.to_integral_value()
    return format(whole if value == whole else value, "f")


def _no_text(address: Address, names: Sequence[str], row: Sequence[Any]) -> SourceUnreadable:
    for name, value in zip(names, row, strict=True):
        try:
            _text(value)
        except TypeError:
            kind = "bytes" if isinstance(value, bytes | memoryview | bytearray) else type(value).__name__
            return address.unreadable(
                f'the column "{mask_text(name)}" holds {kind}, which is no text',
                "Turn it into text in the query: cast it.",
            )
    raise AssertionError("unreachable")
