"""DuckDB, whole tables: both sides are loaded as they are, then joined and compared column by column."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from benchmarks.pipelines import duckdb_sql
from benchmarks.pipelines.body import HEAD, TAIL
from benchmarks.pipelines.columns import COLUMNS
from benchmarks.pipelines.outcome import Batches, as_contact, batches, run

_VALUES = COLUMNS[1:]


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    with tempfile.TemporaryDirectory() as directory, duckdb.connect() as connection:
        array = Path(directory) / "live.json"
        # DuckDB reads an array fourteen times as fast as the same array inside an object.
        array.write_bytes(b"[" + live.read_bytes().removeprefix(HEAD).removesuffix(TAIL) + b"]")
        connection.execute(f"CREATE TABLE source AS {duckdb_sql.source(source)}")
        connection.execute(f"CREATE TABLE live AS {duckdb_sql.live(array, 'array')}")
        values = ", ".join(f"s.{name}" for name in _VALUES)
        added = connection.execute(f"SELECT s.phone::VARCHAR, {values} FROM source s ANTI JOIN live USING (phone)")
        added_rows = added.fetchall()
        differ = " OR ".join(f"s.{name} IS DISTINCT FROM l.{name}" for name in _VALUES)
        changed = connection.execute(
            f"SELECT s.phone::VARCHAR, {values} FROM source s JOIN live l USING (phone) WHERE {differ}"
        )
        changed_rows = changed.fetchall()
        removed = connection.execute("SELECT phone::VARCHAR FROM live ANTI JOIN source USING (phone)").fetchall()
    return batches(
        list(map(as_contact, added_rows)), list(map(as_contact, changed_rows)), (phone for (phone,) in removed)
    )


if __name__ == "__main__":
    run(pipeline)
