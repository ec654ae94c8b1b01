"""What may be asked of contacts, however many there are."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from smsops.table.columns import Columns

BATCH = 2_000
"""The most contacts that one call should carry (manual §6.1)."""

_FRENCH_MOBILE = re.compile("33[67][0-9]{8}")

Fields = Mapping[str, str]
Row = tuple[str, Fields]
"""A contact: the digits of its phone, and its fields by their names in capitals."""


class BadCondition(ValueError):
    """A condition that makes no sense over the fields there are."""


class Table(ABC):
    """Contacts, each phone once. A table does not change.

    A field that a contact lacks is an empty one, and where tables are laid over each other one that is not managed.
    """

    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """The names of all fields that some contact has."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def columns(self) -> Columns:
        """The same contacts in the engine."""

    @abstractmethod
    def batches(self, size: int = BATCH) -> Iterator[list[Row]]:
        """All contacts, so many at a time, in the same order each time."""

    @abstractmethod
    def find(self, phones: Collection[str]) -> dict[str, Fields]:
        """Those of some phones."""

    @abstractmethod
    def over(self, below: Table) -> Table:
        """The contacts of both. Who is in both has the fields of both, and these before those of `below`."""

    @abstractmethod
    def completed(self, other: Table) -> Table:
        """These contacts, with the fields that they lack from `other`."""

    @abstractmethod
    def also(self, other: Table) -> Table:
        """These contacts as they are, and those of `other` that are not among them."""

    @abstractmethod
    def without(self, other: Table) -> Table:
        """The contacts whose phone is not in `other`."""

    @abstractmethod
    def only(self, names: Collection[str]) -> Table:
        """The same contacts with these fields, and of them those that are not empty."""

    @abstractmethod
    def every(self, names: Collection[str]) -> Table:
        """The same contacts with all these fields too, empty where they lacked them."""

    @abstractmethod
    def filled(self) -> set[str]:
        """The fields in which somebody has a value."""

    @abstractmethod
    def compared(self, live: Table, *, exact: bool = True) -> Difference:
        """What makes `live` have these contacts, and with `exact` no others."""

    @abstractmethod
    def matching(self, condition: str, names: Sequence[str]) -> Table:
        """The contacts that meet a SQL condition over the fields `names`; BadCondition where it cannot be evaluated."""

    @abstractmethod
    def digest(self, key: str) -> str:
        """A keyed digest of all contacts with all their fields, in whatever order; an empty field counts as none."""

    def doubtful(self) -> Iterator[str]:
        """The phones that are not those of French mobiles: the few that need a closer look."""
        for phones in self.phones():
            yield from (phone for phone in phones if not _FRENCH_MOBILE.fullmatch(phone))

    def phones(self, size: int = BATCH) -> Iterator[list[str]]:
        """The phones of all contacts, so many at a time."""
        for batch in self.batches(size):
            yield [phone for phone, _ in batch]

    def __iter__(self) -> Iterator[Row]:
        for batch in self.batches():
            yield from batch


class Difference(NamedTuple):
    """What has to change. Who changes is in `change` as they are to be, and in `old` as they are."""

    add: Table
    change: Table
    remove: Table
    old: Table

    def __bool__(self) -> bool:
        return bool(len(self.add) or len(self.change) or len(self.remove))
