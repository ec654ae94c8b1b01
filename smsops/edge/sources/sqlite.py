"""Queries of SQLite files, which are opened for reading only.

`sqlite:PATH` and `sqlite:///PATH` name a file below the stack directory. `sqlite:////PATH`, a path of the machine, is taken
only from the caller's environment: the YAML alone cannot lead out of the stack.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from smsops.edge.sources.address import Address
from smsops.edge.sources.table import BATCH, as_csv
from smsops.model.shown import mask_text
from smsops.model.sources import SourceUnreadable

_BUSY = 10.0
"""Seconds to wait for whoever is writing."""

_ABOUT_THE_QUERY = re.compile(
    r"no such (?:table|column|function|collation sequence|index|module): .*|ambiguous column name: .*"
    r'|near ".*": syntax error|incomplete input|wrong number of arguments to function .*'
)
"""What SQLite says of the text of a query. Its other messages may quote what was read."""


@contextmanager
def open_sqlite(address: Address, sql: str, root: Path) -> Iterator[Iterator[bytes]]:
    """The rows of a query. SourceUnreadable where the file is outside the stack, or the query is not one that reads."""
    file = _file(address, root)
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(file))}?mode=ro", uri=True, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise _failed(address, error) from None
    with closing(connection):
        try:
            connection.execute("pragma query_only = on")
            # No other file: ATTACH and VACUUM INTO would make one, of a database that is read-only too.
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            cursor = connection.execute(sql)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            raise _failed(address, error) from None
        if cursor.description is None:
            raise address.unreadable("the query returns no rows", "It is one SELECT.")
        yield as_csv(address, [column[0] for column in cursor.description], _batches(address, cursor))


def _file(address: Address, root: Path) -> Path:
    parts = address.parts
    if parts.netloc or parts.query or parts.fragment:
        raise address.unreadable(
            "it is no path of a SQLite file", "It looks like sqlite:crm.db, and has no parameters."
        )
    path = unquote(parts.path)
    if address.url.removeprefix("sqlite:").startswith("//"):
        path = path.removeprefix("/")
    try:
        if Path(path).is_absolute():
            if not address.by_reference:
                raise address.unreadable(
                    "it leads out of the stack directory", "Put it into a variable, and write url: {env: NAME}."
                )
            file = Path(path).resolve()
        else:
            file = (root.resolve() / path).resolve()
            if not file.is_relative_to(root.resolve()):
                raise address.unreadable(
                    "it leads out of the stack directory",
                    "A path of the machine is absolute, in a variable: {env: NAME}.",
                )
        found = file.is_file()
    except (OSError, ValueError, RuntimeError):
        raise address.unreadable("it is not a path") from None
    if not found:
        raise address.unreadable("there is no such file")
    return file


def _batches(address: Address, cursor: sqlite3.Cursor) -> Iterator[list[tuple[object, ...]]]:
    while True:
        try:
            rows = cursor.fetchmany(BATCH)
        except sqlite3.Error as error:
            raise _failed(address, error) from None
        if not rows:
            return
        yield rows


def _failed(address: Address, error: Exception) -> SourceUnreadable:
    name = getattr(error, "sqlite_errorname", None)
    text = str(error)
    if name == "SQLITE_ERROR" and _ABOUT_THE_QUERY.fullmatch(text):
        return address.unreadable(f"the query makes no sense: {mask_text(text)}")
    if isinstance(error, sqlite3.Warning) or "one statement at a time" in text:
        return address.unreadable("the query is more than one statement", "It is one SELECT.")
    match name:
        case "SQLITE_READONLY":
            return address.unreadable("the query writes", "It is one SELECT.")
        case "SQLITE_NOTADB":
            return address.unreadable("it is no SQLite database")
        case "SQLITE_CANTOPEN":
            return address.unreadable("it cannot be opened", "Check the rights on the file and its directory.")
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return address.unreadable("somebody else is writing", "Run again.")
        case _:
            return address.unreadable(f"the database fails ({name or type(error).__name__})")
