"""DuckDB, streamed: the quickest that was found.

The answer is cut into lines as it arrives and lies in a temporary file. Then one statement does everything: of the live
side only the phone, as a number, and a hash of the other columns are kept, in the hash table of a join, and the CSV streams
through it. What comes out are the contacts that differ.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.pipelines import duckdb_sql
from benchmarks.pipelines.body import cut
from benchmarks.pipelines.columns import COLUMNS
from benchmarks.pipelines.outcome import Batches, joined, run

_VALUES = ", ".join(COLUMNS[1:])


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    with cut(live) as lines, duckdb.connect(config={"preserve_insertion_order": False}) as connection:
        return joined(connection.execute(_statement(source, lines)).fetchall())


def _statement(source: Path, live: Path) -> str:
    return f"""
        SELECT s.phone::VARCHAR, l.phone::VARCHAR, {_VALUES}
        FROM (SELECT *, hash({_VALUES}) AS fingerprint FROM ({duckdb_sql.source(source)})) s
        FULL OUTER JOIN
            (SELECT phone, hash({_VALUES}) AS fingerprint FROM ({duckdb_sql.live(live, "newline_delimited")})) l
        ON s.phone = l.phone
        WHERE s.phone IS NULL OR l.phone IS NULL OR s.fingerprint <> l.fingerprint
    """


if __name__ == "__main__":
    run(pipeline)
