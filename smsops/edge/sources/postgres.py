"""Queries of PostgreSQL, in a transaction that only reads, through a cursor on the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from smsops.edge.postgres import connection_info
from smsops.edge.sources.address import Address
from smsops.edge.sources.table import BATCH, as_csv
from smsops.model.shown import mask_text
from smsops.model.sources import SourceUnreadable

if TYPE_CHECKING:
    import psycopg

_SILENCE = "300s"
"""How long the server may take for the next rows."""


@contextmanager
def open_postgres(address: Address, sql: str, environment: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
    """The rows of a query. SourceUnreadable where the server refuses it, or it is not one SELECT."""
    with closing(_connected(address, environment)) as connection, _cursor(connection) as cursor:
        try:
            connection.read_only = True
            connection.execute("select set_config('statement_timeout', %s, true)", [_SILENCE])
            # The statement that declares a cursor goes to the server as one: a second one behind it is a syntax error.
            cursor.execute(sql.encode())
        except Exception as error:
            raise _failed(address, error) from None
        assert cursor.description is not None, "a cursor is declared for a query"
        yield as_csv(address, [column.name for column in cursor.description], _batches(address, cursor))


@contextmanager
def _cursor(connection: psycopg.Connection) -> Iterator[psycopg.ServerCursor[Any]]:
    import psycopg

    cursor = connection.cursor(name="smsops_source")
    try:
        yield cursor
    finally:
        with suppress(psycopg.Error):  # it ends with the connection, which may have broken
            cursor.close()


def _connected(address: Address, environment: Mapping[str, str]) -> psycopg.Connection:
    try:
        import psycopg

        info = connection_info(f"postgresql{address.url.removeprefix(address.scheme)}", environment)
    except ImportError:
        raise SourceUnreadable(f"{address.label} needs psycopg", "pip install 'smsops[postgres]'") from None
    except ValueError:
        raise address.unreadable(
            "it is no address of PostgreSQL", "It looks like postgresql://user@host:5432/database?sslmode=verify-full"
        ) from None
    try:
        return psycopg.connect(info, prepare_threshold=None)
    except psycopg.Error as error:
        raise _unreached(address, info, error) from None


def _batches(address: Address, cursor: psycopg.ServerCursor[Any]) -> Iterator[list[tuple[Any, ...]]]:
    while True:
        try:
            rows = cursor.fetchmany(BATCH)
        except Exception as error:  # a value that the driver cannot take raises what it likes, and may be quoted
            raise _failed(address, error) from None
        if not rows:
            return
        yield rows


def _unreached(address: Address, info: str, error: psycopg.Error) -> SourceUnreadable:
    """What libpq says of a connection, without the names and passwords that were used for it."""
    from psycopg.conninfo import conninfo_to_dict

    cause = str(error).split("\n", 1)[0].rpartition("failed: ")[2].strip()
    used = conninfo_to_dict(info)
    for secret in (used.get("password"), used.get("sslpassword")):
        if secret:
            cause = cause.replace(str(secret), "…")
    if user := used.get("user"):
        cause = cause.replace(f'"{user}"', '"…"')
    return address.unreadable(cause, "Check the address, the credentials in it, and the network.")


def _failed(address: Address, error: Exception) -> SourceUnreadable:
    """Messages about the text of a query (class 42) are shown; others may quote what was read."""
    import psycopg

    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if isinstance(error, psycopg.Error) and state is not None and state.startswith("42"):
        text = mask_text(error.diag.message_primary or type(error).__name__)
        return address.unreadable(
            f"the query makes no sense: {text} ({state})", "It is one SELECT that this user may run."
        )
    match state:
        case "25006":
            return address.unreadable("the query writes (25006)", "It is one SELECT.")
        case "57014":
            return address.unreadable(
                "the query takes too long (57014)", f"The server may take {_SILENCE} for its rows."
            )
        case None if isinstance(error, psycopg.OperationalError):
            return address.unreadable("the connection broke", "Run again.")
        case _:
            return address.unreadable(f"the database fails ({state or type(error).__name__})")
