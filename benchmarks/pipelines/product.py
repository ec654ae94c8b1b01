"""smsops itself, the plan's own work and nothing around it: what is measured against the reference pipelines.

The process is one of smsops: it searches seldom for garbage, and ends without taking its tables apart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pipelines.columns import FIELDS
from benchmarks.pipelines.outcome import Batches, Contact, batches, run
from smsops import garbage
from smsops.api.answers import contact_rows
from smsops.model.sources import Stream
from smsops.table import Table
from smsops.table.answer import ContactsBody
from smsops.table.read import Reading, read

_BLOCK = 1 << 18


def product_pipeline(csv_path: Path, json_path: Path) -> Batches:
    """From the bytes of a CSV and of an answer of getContacts to the batches that apply would send."""
    wanted = read(_opener(csv_path), Reading(tuple(FIELDS), "FR"))
    assert wanted.table is not None
    assert not wanted.mistakes
    found = wanted.table.compared(_live(json_path))
    removed = [phone for phones in found.remove.phones() for phone in phones]
    return batches(_contacts(found.add), _contacts(found.change), removed)


def _opener(path: Path):  # type: ignore[no-untyped-def]
    @contextmanager
    def opened() -> Iterator[Stream]:
        with path.open("rb") as file:
            yield Stream(path.name, "csv", iter(lambda: file.read(1 << 20), b""))

    return opened


def _live(path: Path) -> Table:
    body = ContactsBody(contact_rows)
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            body.feed(block)
    body.body()
    read_ = body.table()
    assert read_ is not None
    return read_[0]


def _contacts(table: Table) -> list[Contact]:
    return [{"MOBILEPHONE": phone, **fields} for phone, fields in table]


if __name__ == "__main__":
    garbage.little_expected()
    run(product_pipeline)
    sys.stdout.flush()
    os._exit(0)
