"""The bytes of a source without their packing: gzip, in as many members as it may have."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain

from smsops.model.sources import SourceUnreadable

_GZIP = b"\x1f\x8b"
_AT_MOST = 1 << 20
"""So much is unpacked at a time, however well it was packed."""


def unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks as they are, or unpacked where they are gzip's; SourceUnreadable where that breaks off."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= len(_GZIP):
            break
    if not first.startswith(_GZIP):
        if first:
            yield first
        yield from chunks
        return
    try:
        yield from _gunzipped(first, chunks)
    except zlib.error:
        raise SourceUnreadable("its gzip data is damaged") from None


def _gunzipped(packed: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            content = member.decompress(packed, _AT_MOST)
            packed = member.unconsumed_tail or member.unused_data
            if content:
                yield content
            elif not member.eof and not packed:
                packed = next(chunks, b"")
                if not packed:
                    raise SourceUnreadable("its gzip data breaks off")
        while len(packed) < len(_GZIP) and (more := next(chunks, b"")):
            packed += more
        if not packed.startswith(_GZIP):
            if any(chunk.strip(b"\0") for chunk in chain([packed], chunks)):  # zeros are padding
                raise SourceUnreadable("something else follows its gzip data")
            return
