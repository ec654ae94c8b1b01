"""polars, streamed: the answer is cut into lines as it arrives; the live side is kept as key and hash."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.pipelines.body import cut
from benchmarks.pipelines.columns import COLUMNS, LIVE_KEYS
from benchmarks.pipelines.outcome import Batches, joined, run


def pipeline(source: Path, live: Path) -> Batches:
    """The contacts to send."""
    with cut(live) as lines:
        known = (
            pl.scan_ndjson(lines, schema=dict.fromkeys(LIVE_KEYS, pl.String))
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
    return joined(differing.rows())


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
