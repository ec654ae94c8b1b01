"""Where rows come from when they do not lie in the stack directory: an address that the plan reads, not validate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from smsops.model.resources import SecretReference

Format = Literal["csv", "ndjson", "parquet"]


def format_of(name: str) -> Format:
    """What a file of this name holds, packed or not."""
    path = name.partition("?")[0].partition("#")[0].lower().removesuffix(".gz")
    if path.endswith((".ndjson", ".jsonl")):
        return "ndjson"
    return "parquet" if path.endswith(".parquet") else "csv"


class RemoteSource(NamedTuple):
    """One file at an address, or the rows of one query.

    `address` is https://…, s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/BLOB, or with `sql` a database
    (postgresql://…, mysql://…, sqlite:PATH); a reference where credentials stand in it. `sha256` (hexadecimal) is the
    digest that the file must have, `etag` the version that the server must give it.
    """

    address: str | SecretReference
    format: Format = "csv"
    sql: str | None = None
    sha256: str | None = None
    etag: str | None = None


@dataclass
class Stream:
    """The bytes of a source as they arrive. `label` names it in messages, without credentials."""

    label: str
    format: Format
    chunks: Iterator[bytes] = field(repr=False)


class SourceUnreadable(Exception):
    """A source that could not be read, or not to its end: nothing is known of its rows. No credentials, no numbers."""

    def __init__(self, summary: str, detail: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
