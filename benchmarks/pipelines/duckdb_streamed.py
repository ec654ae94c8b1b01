"""DuckDB, streamed: the best that is known, and the yardstick for smsops.

The answer is cut into lines as it arrives and lies in a temporary file. Then one statement does everything: of the live
side only the phone, as a number, and a hash of the other columns are kept, in the hash table of a join, and the CSV streams
through it. What comes out are the contacts that differ.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from benchmarks.pipelines import duckdb_sql
from benchmarks.pipelines.body import lines
from benchmarks.pipelines.columns import COLUMNS
from benchmarks.pipelines.outcome import Batches, batches, run

_VALUES = ", ".join(COLUMNS[1:])


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    with tempfile.TemporaryDirectory() as directory:
        cut = Path(directory) / "live.ndjson"
        with cut.open("wb", buffering=0) as file:
            for block in lines(live):
                file.write(block)
        with duckdb.connect(config={"preserve_insertion_order": False}) as connection:
            rows = connection.execute(_statement(source, cut)).fetchall()
    removed = [live_phone for phone, live_phone, *_ in rows if phone is None]
    added = [(phone, *values) for phone, live_phone, *values in rows if live_phone is None]
    changed = [(phone, *values) for phone, live_phone, *values in rows if phone == live_phone]
    return batches(added, changed, removed)


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
