"""From a source to its bytes. Only the reader, and the library, that its address asks for is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from smsops.edge.sources.address import Address
from smsops.edge.sources.pins import digested
from smsops.model.sources import RemoteSource, SourceUnreadable, Stream

_OBJECTS = ("s3", "gs", "az")


@contextmanager
def open_source(source: RemoteSource, root: Path, environment: Mapping[str, str]) -> Iterator[Stream]:
    """The bytes of a source, which arrive while they are read and are gone when the block ends.

    Relative paths are below `root`; secrets, and the variables that the vendors' own tools read, are in `environment`.
    All calls block. The rows of a query are CSV: UTF-8, a comma between cells, the names of the columns first.

    SourceUnreadable where the source cannot be read, or, out of the iterator, not to its end: what came before is then
    no part of anything. The digest of a file is checked at its end.
    """
    address = Address.of(source.address, root, environment)
    if source.sql is not None and (source.sha256 is not None or source.etag is not None):
        raise SourceUnreadable("sha256 and etag belong to a file, not to a query", "Remove them.")
    with _opened(source, address, root, environment) as chunks:
        if source.sha256 is not None:
            chunks = digested(chunks, source.sha256, address)
        yield Stream(address.label, "csv" if source.sql is not None else source.format, chunks)


def _opened(
    source: RemoteSource, address: Address, root: Path, environment: Mapping[str, str]
) -> AbstractContextManager[Iterator[bytes]]:
    """What reads this kind of address."""
    if source.sql is not None:
        return _queried(source.sql, address, root, environment)
    if address.scheme in ("https", "http"):
        from smsops.edge.sources.https import open_https

        return open_https(address, environment, etag=source.etag, digest_known=source.sha256 is not None)
    if address.scheme in _OBJECTS:
        from smsops.edge.sources.objects import open_object

        return open_object(address, environment, etag=source.etag)
    raise address.unreadable(
        "it is no address of a file", "https://, s3://, gs:// and az:// are. A database needs sql: beside it."
    )


def _queried(
    sql: str, address: Address, root: Path, environment: Mapping[str, str]
) -> AbstractContextManager[Iterator[bytes]]:
    if address.scheme in ("postgresql", "postgres"):
        from smsops.edge.sources.postgres import open_postgres

        return open_postgres(address, sql, environment)
    if address.scheme in ("mysql", "mariadb"):
        from smsops.edge.sources.mysql import open_mysql

        return open_mysql(address, sql)
    if address.scheme == "sqlite":
        from smsops.edge.sources.sqlite import open_sqlite

        return open_sqlite(address, sql, root)
    raise address.unreadable("it is no address of a database", "postgresql://, mysql://, mariadb:// and sqlite: are.")
