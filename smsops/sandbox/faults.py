"""Planned faults: what a call meets instead of a plain answer.

The plan lives in the database, so that one process can plan what another one meets.
"""

import sqlite3
from dataclasses import dataclass

# kind -> is the call processed all the same?
KINDS: dict[str, bool] = {
    "drop_before": False,
    "drop_after": True,
    "hang": False,
    "hang_after": True,
    "error_before": False,
    "error_after": True,
    "throttle": False,
    "html": False,
    "html_after": True,
    "empty": True,
    "truncated": True,
    "partial": True,
    "garbage": False,
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY, method TEXT NOT NULL, kind TEXT NOT NULL,
    skip INTEGER NOT NULL, times INTEGER NOT NULL, retry_after INTEGER
);
"""


@dataclass(frozen=True)
class Fault:
    """The fault that one call meets."""

    kind: str
    retry_after: int | None = None

    @property
    def processed(self) -> bool:
        """Whether the call takes effect although its answer is lost or spoilt."""
        return KINDS[self.kind]


def plan(
    connection: sqlite3.Connection, method: str, kind: str, *, after: int, times: int, retry_after: int | None
) -> None:
    """Plan a fault; ValueError when the kind does not exist or a count makes no sense."""
    if kind not in KINDS:
        raise ValueError(f"no fault kind {kind!r}; there are: {', '.join(KINDS)}")
    if after < 0 or times < 1:
        raise ValueError("a fault skips 0 calls or more and hits 1 or more")
    connection.execute(
        "INSERT INTO fault (method, kind, skip, times, retry_after) VALUES (?, ?, ?, ?, ?)",
        (method, kind, after, times, retry_after),
    )


def meet(connection: sqlite3.Connection, method: str) -> Fault | None:
    """The fault of this call of `method`, counted down; every plan that matches counts the call."""
    met: Fault | None = None
    rows = connection.execute(
        "SELECT id, kind, skip, times, retry_after FROM fault WHERE method IN (?, '*') ORDER BY id", (method,)
    ).fetchall()
    for number, kind, skip, times, retry_after in rows:
        if skip > 0:
            connection.execute("UPDATE fault SET skip = skip - 1 WHERE id = ?", (number,))
        elif met is None:
            met = Fault(kind, retry_after)
            if times > 1:
                connection.execute("UPDATE fault SET times = times - 1 WHERE id = ?", (number,))
            else:
                connection.execute("DELETE FROM fault WHERE id = ?", (number,))
    return met


def clear(connection: sqlite3.Connection) -> None:
    """Forget every planned fault."""
    connection.execute("DELETE FROM fault")
