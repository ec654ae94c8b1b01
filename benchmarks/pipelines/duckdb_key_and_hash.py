"""DuckDB, streamed, as its parts are usually written, and the yardstick for smsops: regular expressions for phones, tables, a join.

The answer is cut into lines as it arrives; the engine reads these, and of the live side keeps the phone as a number and a
hash of the other columns. `duckdb_streamed` is the same with everything that was found to make it quicker.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.pipelines import duckdb_sql
from benchmarks.pipelines.body import cut
from benchmarks.pipelines.columns import COLUMNS
from benchmarks.pipelines.outcome import Batches, joined, run

_VALUES = ", ".join(COLUMNS[1:])
_BARE = r"regexp_replace(replace(phone, '(0)', ''), '[ .\-()/]', '', 'g')"
_DIGITS = """
    CASE WHEN starts_with(bare, '+') THEN bare[2:] WHEN starts_with(bare, '00') THEN bare[3:]
    WHEN regexp_full_match(bare, '0?[67][0-9]{8}') THEN '33' || right(bare, 9) ELSE bare END::UBIGINT
"""


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    with cut(live) as lines, duckdb.connect(config={"preserve_insertion_order": False}) as connection:
        connection.execute(
            f"CREATE TABLE live AS SELECT phone, hash({_VALUES}) AS fingerprint "
            f"FROM ({duckdb_sql.live(lines, 'newline_delimited')})"
        )
        connection.execute(
            f"CREATE TABLE source AS SELECT {_DIGITS} AS phone, {_VALUES} "
            f"FROM (SELECT {_BARE} AS bare, {_VALUES} FROM ({duckdb_sql.rows(source)}))"
        )
        rows = connection.execute(
            f"SELECT s.phone::VARCHAR, l.phone::VARCHAR, {_VALUES} "
            f"FROM (SELECT *, hash({_VALUES}) AS fingerprint FROM source) s FULL OUTER JOIN live l ON s.phone = l.phone "
            "WHERE s.phone IS NULL OR l.phone IS NULL OR s.fingerprint <> l.fingerprint"
        ).fetchall()
        return joined(rows)


if __name__ == "__main__":
    run(pipeline)
