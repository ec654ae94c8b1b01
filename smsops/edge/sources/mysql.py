"""Queries of MySQL and MariaDB, in a session that only reads, row by row as the server sends them.

The address is `mysql://USER:PASSWORD@HOST[:PORT]/DATABASE`. `?ssl-mode=` is as in MySQL's own clients (DISABLED, PREFERRED,
REQUIRED, VERIFY_CA, VERIFY_IDENTITY; the default is PREFERRED), `&ssl-ca=FILE` the certificate of the authority.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from smsops.edge.sources.address import Address
from smsops.edge.sources.table import BATCH, as_csv
from smsops.model.shown import mask_text
from smsops.model.sources import SourceUnreadable

if TYPE_CHECKING:
    import pymysql
    from pymysql.cursors import SSCursor

_CONNECT = 10
_SILENCE = 300
"""Seconds: to connect, and how long the server may take for the next rows."""

_ABOUT_THE_QUERY = {
    1052,  # a column that could be of two tables
    1054,  # no such column
    1064,  # a syntax error, a second statement included
    1146,  # no such table
    1305,  # no such function
}
"""Errors whose messages are about the text of the query. Others may quote what was read, or the user."""
_NO_ACCESS = {1044, 1045, 1142, 1143, 1227, 1370, 1698}
_WRITES = {1290, 1792}
_TOO_LONG = {1969, 3024}
_UNREACHED = {2002, 2003, 2005}
_LOST = {1053, 1927, 2006, 2013}


@contextmanager
def open_mysql(address: Address, sql: str) -> Iterator[Iterator[bytes]]:
    """The rows of a query. SourceUnreadable where the server refuses it, or it is not one that returns rows."""
    with closing(_connected(address)) as connection:
        cursor = connection.cursor()
        try:
            try:
                # Not START TRANSACTION READ ONLY: a statement such as DROP TABLE would end that first.
                cursor.execute("set session transaction read only")
                cursor.execute(sql)
            except Exception as error:
                raise _failed(address, error) from None
            if cursor.description is None:
                raise address.unreadable("the query returns no rows", "It is one SELECT.")
            yield as_csv(address, [column[0] for column in cursor.description], _batches(address, cursor))
        finally:
            _abandon(cursor)


def _abandon(cursor: SSCursor) -> None:
    """Ask for no more rows. A cursor that is closed before its end would read all that is left."""
    result = getattr(cursor, "_result", None)  # the driver has no other way
    if result is not None:
        result.unbuffered_active = False
        result.has_next = False
    cursor.close()


def _connected(address: Address) -> pymysql.Connection[SSCursor]:
    try:
        import pymysql
        from pymysql.constants import FIELD_TYPE
        from pymysql.converters import conversions
        from pymysql.cursors import SSCursor
    except ImportError:
        raise SourceUnreadable(f"{address.label} needs PyMySQL", "pip install 'smsops[mysql]'") from None
    parts = address.parts
    database = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not database or parts.fragment:
        raise address.unreadable("it names no database", "It looks like mysql://user:password@host:3306/database")
    # A time of day comes as text, not as the length of time that the driver makes of it.
    tls = _tls(address)
    converted = {kind: conversion for kind, conversion in conversions.items() if kind != FIELD_TYPE.TIME}
    try:
        return pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=address.user,
            password=(address.password or "").encode(),
            database=database,
            charset="utf8mb4",
            autocommit=True,
            cursorclass=SSCursor,
            conv=converted,
            connect_timeout=_CONNECT,
            read_timeout=_SILENCE,
            write_timeout=_SILENCE,
            program_name="smsops",
            **tls,
        )
    except Exception as error:
        raise _failed(address, error) from None


def _tls(address: Address) -> dict[str, Any]:
    """What the driver is told of TLS."""
    given = dict(parse_qsl(address.parts.query, keep_blank_values=True))
    mode, authority = given.pop("ssl-mode", "").upper(), given.pop("ssl-ca", None)
    if given or mode not in ("", "DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"):
        raise address.unreadable("its parameters make no sense", "ssl-mode=VERIFY_IDENTITY and ssl-ca=FILE are known.")
    if authority is not None and not mode.startswith("VERIFY_"):
        raise address.unreadable("ssl-ca is for ssl-mode=VERIFY_CA and VERIFY_IDENTITY")
    if mode in ("", "PREFERRED"):
        return {}
    if mode == "DISABLED":
        return {"ssl_disabled": True}
    try:
        context = ssl.create_default_context(cafile=authority)
    except OSError:
        raise address.unreadable("the file under ssl-ca holds no certificate") from None
    context.check_hostname = mode == "VERIFY_IDENTITY"
    context.verify_mode = ssl.CERT_NONE if mode == "REQUIRED" else ssl.CERT_REQUIRED
    return {"ssl": context}


def _batches(address: Address, cursor: SSCursor) -> Iterator[tuple[tuple[Any, ...], ...]]:
    while True:
        try:
            rows = cursor.fetchmany(BATCH)
            more = not rows and cursor.nextset() and cursor.description is not None
        except Exception as error:  # a value that the driver cannot take raises what it likes, and may be quoted
            raise _failed(address, error) from None
        if more:
            raise address.unreadable("the query returns more than one set of rows", "It is one SELECT.")
        if not rows:
            return
        yield rows


def _failed(address: Address, error: Exception) -> SourceUnreadable:
    import pymysql

    code = error.args[0] if isinstance(error, pymysql.Error) and error.args else None
    if code in _ABOUT_THE_QUERY:
        return address.unreadable(
            f"the query makes no sense: {mask_text(str(error.args[1]))} ({code})", "It is one SELECT."
        )
    if code in _NO_ACCESS:
        return address.unreadable(f"the credentials are not accepted, or may not do this ({code})")
    if code in _WRITES:
        return address.unreadable(f"the query writes ({code})", "It is one SELECT.")
    if code in _TOO_LONG:
        return address.unreadable(f"the query takes too long ({code})")
    if code == 1049:
        return address.unreadable("there is no such database (1049)", "Check the address.")
    if code in _UNREACHED:
        return address.unreadable(f"the server is out of reach ({code})", "Check the address and the network.")
    if code in _LOST:
        return address.unreadable(f"the connection broke ({code})", "Run again.")
    return address.unreadable(f"the database fails ({code or type(error).__name__})")
