"""The API's answer as it arrives: blocks of bytes that end where a contact ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HEAD = b'{"Contacts":['
TAIL = b"]}"
BLOCK = 1 << 16
"""Small enough for the memory allocator to use the same place again, and for the cache."""

# A quote that ends a string is never followed by a letter, so no value can hold these bytes.
_BETWEEN = b'},{"MobilePhone":'
_LINES = b'}\n{"MobilePhone":'


def _arriving(live: Path) -> Iterator[bytes]:
    with live.open("rb", buffering=0) as body:
        if body.read(len(HEAD)) != HEAD:
            raise ValueError("not an answer of getContacts")
        while block := body.read(BLOCK):
            yield block


def lines(live: Path) -> Iterator[bytes]:
    """The contacts as newline-delimited JSON, in blocks that are cut anywhere."""
    rest = b""
    for block in _arriving(live):
        cut = (rest + block).replace(_BETWEEN, _LINES)
        rest = cut[-len(_BETWEEN) :]
        yield cut[: -len(_BETWEEN)]
    yield rest.removesuffix(TAIL) + b"\n"


@contextmanager
def cut(live: Path) -> Iterator[Path]:
    """A file with the contacts as newline-delimited JSON, for as long as it is read."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "live.ndjson"
        with path.open("wb", buffering=0) as file:
            for block in lines(live):
                file.write(block)
        yield path


def arrays(live: Path, size: int) -> Iterator[bytes]:
    """The contacts as JSON arrays of about so many bytes."""
    parts: list[bytes] = []
    held = 0
    for block in _arriving(live):
        parts.append(block)
        held += len(block)
        if held >= size:
            joined = b"".join(parts)
            end = joined.rfind(_BETWEEN) + 1
            if end:
                yield b"[" + joined[:end] + b"]"
                parts = [joined[end + 1 :]]
                held = len(parts[0])
    yield b"[" + b"".join(parts).removesuffix(TAIL) + b"]"
