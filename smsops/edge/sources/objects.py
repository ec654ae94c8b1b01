"""Files in object stores, with the addresses, the credentials and the words that the state has for them too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from smsops.edge.object_store import NO_OBJECT, REQUEST, ObjectAddress, ObjectClient, StoreError, answer
from smsops.edge.sources.address import Address
from smsops.edge.sources.pins import check_etag
from smsops.model.sources import SourceUnreadable

if TYPE_CHECKING:
    from obstore import GetResult

_CHUNK = 256 * 1024
_WHOLE = timedelta(days=1)
"""How long a download may take. Its own limit is silence; without a number the library takes 30 seconds for all of it."""


@contextmanager
def open_object(address: Address, environment: Mapping[str, str], *, etag: str | None) -> Iterator[Iterator[bytes]]:
    """The content of an object. SourceUnreadable where there is none, not in that version, or where it is cut short."""
    try:
        place = ObjectAddress.parse(address.url, "source", "PATH/contacts.csv")
        client = ObjectClient(place, environment)
    except StoreError as error:
        raise SourceUnreadable(error.summary, error.detail) from None
    try:
        store = client.store({"timeout": _WHOLE, "read_timeout": REQUEST})
        found = client.library.get(store, place.key)
    except client.errors as error:
        raise _failed(address, client, error) from None
    check_etag(address, etag, found.meta["e_tag"])
    yield _chunks(address, client, found)


def _chunks(address: Address, client: ObjectClient, found: GetResult) -> Iterator[bytes]:
    missing = found.meta["size"]
    stream = iter(found.stream(min_chunk_size=_CHUNK))
    while True:
        try:
            chunk = bytes(next(stream))
        except StopIteration:
            break
        except client.errors as error:
            raise _failed(address, client, error) from None
        missing -= len(chunk)
        yield chunk
    if missing:
        raise address.unreadable("the connection ended before the file did", "Run again.")


def _failed(address: Address, client: ObjectClient, error: Exception) -> SourceUnreadable:
    if answer(error) in NO_OBJECT:
        return address.unreadable("there is no such object", "Check the address.")
    return address.unreadable(*client.explained(error, "read this object"))
