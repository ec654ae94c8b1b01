"""polars, streamed: the answer is cut into lines as it arrives; the live side is kept as key and hash."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from benchmarks.pipelines.body import lines
from benchmarks.pipelines.columns import COLUMNS, LIVE_KEYS
from benchmarks.pipelines.outcome import Batches, batches, run


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    with tempfile.TemporaryDirectory() as directory:
        cut = Path(directory) / "live.ndjson"
        with cut.open("wb", buffering=0) as file:
            for block in lines(live):
                file.write(block)
        known = (
            pl.scan_ndjson(cut, schema=dict.fromkeys(LIVE_KEYS, pl.String))
            .rename(dict(zip(LIVE_KEYS, COLUMNS, strict=True)))
            .select(pl.col("phone").cast(pl.UInt64).alias("live"), _fingerprint().alias("known"))
        )
        wanted = pl.scan_csv(source, schema=dict.fromkeys(COLUMNS, pl.String)).with_columns(
            _phone(), _fingerprint().alias("fingerprint")
        )
        differing = (
            wanted.join(known, left_on="phone", right_on="live", how="full")
            .filter(pl.col("phone").is_null() | pl.col("live").is_null() | (pl.col("fingerprint") != pl.col("known")))
            .select(pl.col("phone", "live").cast(pl.String), *COLUMNS[1:])
            .collect(engine="streaming")
        )
    rows = differing.rows()
    removed = [there for phone, there, *_ in rows if phone is None]
    added = [(phone, *values) for phone, there, *values in rows if there is None]
    changed = [(phone, *values) for phone, there, *values in rows if phone == there]
    return batches(added, changed, removed)


def _fingerprint() -> pl.Expr:
    return pl.struct(COLUMNS[1:]).hash()


def _phone() -> pl.Expr:
    phone = pl.col("phone")
    compact = phone.str.replace_all(" ", "", literal=True).str.replace_all(".", "", literal=True)
    number = compact.str.strip_prefix("+").cast(pl.UInt64)
    national = number.is_between(600_000_000, 799_999_999) & ~phone.str.starts_with("+") & ~phone.str.starts_with("00")
    return pl.when(national).then(number + 33_000_000_000).otherwise(number).alias("phone")


if __name__ == "__main__":
    run(pipeline)
