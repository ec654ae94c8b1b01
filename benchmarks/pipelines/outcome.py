"""What every pipeline ends with, and how it is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.pipelines.columns import FIELDS

BATCH = 2_000
"""Contacts in one call of populateList or deleteContacts."""

Row = Sequence[str]
"""The digits of the phone, then the values of FIELDS."""

Contact = dict[str, str]
"""A contact as it is sent: MOBILEPHONE and FIELDS by their names."""

_NAMES = ("MOBILEPHONE", *FIELDS)

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """How many contacts are to be added, changed and removed, and in how many calls."""

    add: int
    change: int
    remove: int
    calls: int


@dataclass(frozen=True)
class Batches:
    """What is ready to be sent: a changed contact is removed and inserted, since the API cannot update one."""

    found: Found
    removes: list[list[str]]
    inserts: list[list[Contact]]

    def digest(self) -> str:
        """The same for the same contacts, in whatever order."""
        import hashlib  # here, because importing it takes longer than a small pipeline

        removes = sorted(phone for batch in self.removes for phone in batch)
        inserts = sorted(json.dumps(one, sort_keys=True) for batch in self.inserts for one in batch)
        return hashlib.sha256("\n".join([*removes, "", *inserts]).encode()).hexdigest()


def as_contact(row: Row) -> Contact:
    """A row as it is sent."""
    return dict(zip(_NAMES, row))  # noqa: B905 - to make sure of the length takes as long again, of every row


def batches(added: Sequence[Contact], changed: Sequence[Contact], removed: Iterable[str]) -> Batches:
    """Cut what was found into batches."""
    gone = list(removed)
    removes = _cut([*gone, *(one["MOBILEPHONE"] for one in changed)])
    inserts = _cut([*changed, *added])
    found = Found(len(added), len(changed), len(gone), len(removes) + len(inserts))
    return Batches(found, removes, inserts)


def joined(rows: Iterable[Sequence[str]]) -> Batches:
    """The same of the rows of a full join: the phone here, the phone there, the values here."""
    added: list[Contact] = []
    changed: list[Contact] = []
    removed: list[str] = []
    for phone, there, *values in rows:
        if phone is None:
            removed.append(there)
        else:
            (added if there is None else changed).append(as_contact((phone, *values)))
    return batches(added, changed, removed)


def _cut(items: list[T]) -> list[list[T]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


def run(pipeline: Callable[[Path, Path], Batches]) -> None:
    """The program of a pipeline: SOURCE LIVE [--digest] in, what was found out; --digest says which contacts they are."""
    source, live, *asked = sys.argv[1:]
    outcome = pipeline(Path(source), Path(live))
    told = asdict(outcome.found)
    if asked == ["--digest"]:
        told["digest"] = outcome.digest()
    print(json.dumps(told))
