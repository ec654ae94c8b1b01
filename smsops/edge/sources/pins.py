"""What a file must be: its digest and its version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from smsops.edge.sources.address import Address


def digested(chunks: Iterator[bytes], sha256: str, address: Address) -> Iterator[bytes]:
    """The same chunks; SourceUnreadable after the last one where they are not what the digest is of."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256.strip().lower():
        raise address.unreadable(
            "its content is not what sha256 says",
            "It was changed. If that is meant, write the new digest under sha256.",
        )


def check_etag(address: Address, wanted: str | None, found: str | None) -> None:
    """SourceUnreadable where a version is wanted and another one, or none, is there. Quotes and W/ make no difference."""
    if wanted is None:
        return
    if not found:
        raise address.unreadable("the server names no ETag", "Use sha256 instead of etag.")
    if _bare(wanted) != _bare(found):
        shown = f"Its ETag is {_bare(found)}. " if found.isprintable() and len(found) <= 100 else ""
        raise address.unreadable(
            "it is not the version that etag says", f"{shown}If the change is meant, write the new one under etag."
        )


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')
