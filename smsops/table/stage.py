"""A table that is being filled piece by piece, a few pieces at once."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from smsops.table.columns import Columns, create, fingerprint, insert, stripped
from smsops.table.engine import column, engine
from smsops.table.table import Row

T = TypeVar("T")

SIDE_BY_SIDE = 2


class Stage(Generic[T]):
    """Beside each contact stand the number of its piece and the fingerprint of its fields, which is never as cheap again.

    T is what reading a piece results in.
    """

    def __init__(self, fields: Sequence[str], *more: str) -> None:
        self.engine = engine()
        self.fields = tuple(fields)
        self.name = self.engine.name()
        self._spent = [declared.split()[0] for declared in more]
        self._added = self._compressed = 0
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="smsops-table")
        self._running: deque[Future[T]] = deque()
        self._results: list[T] = []
        self._let_go = weakref.finalize(self, self.engine.drop, self.name)
        create(self.engine, self.name, fields, "piece INTEGER", *more, "hash UBIGINT")

    def read(self, work: Callable[..., T], *arguments: Any) -> None:
        """Let a thread read a piece. Waits where enough of them are being read."""
        self._running.append(self._pool.submit(work, *arguments))
        if len(self._running) > SIDE_BY_SIDE:
            self._results.append(self._running.popleft().result())
        if self.engine.worth_compressing(self._added - self._compressed):
            self._wait()
            self.engine.compress()
            self._compressed = self._added

    def results(self) -> list[T]:
        """What reading the pieces has resulted in, in their order; all have been read then."""
        try:
            self._wait()
        finally:
            self._pool.shutdown(cancel_futures=True)
        return self._results

    def _wait(self) -> None:
        while self._running:
            self._results.append(self._running.popleft().result())

    def add(self, query: str) -> int:
        """Add what a query gives: the phone, the fields, the piece and what is more, in order; how many rows these were."""
        texts = {field: f"f{place}" for place, field in enumerate(self.fields)}
        names = ", ".join(("phone", *texts.values(), "piece", *self._spent))
        count = int(
            self.engine.value(f"INSERT INTO {self.name} SELECT *, {fingerprint(texts)} FROM ({query}) read({names})")
        )
        self._added += count
        return count

    def add_rows(self, rows: Iterable[Row], number: int) -> None:
        """Add contacts of a piece."""
        insert(self.engine, self.name, self.fields, rows, number)

    def add_fields(self, names: Iterable[str]) -> None:
        """Make room for more fields."""
        for name in names:
            if name not in self.fields:
                self.engine.run(f"ALTER TABLE {self.name} ADD COLUMN {column(name)} VARCHAR")
                self.fields = (*self.fields, name)

    def reject(self, number: int) -> None:
        """What was added of a piece does not count."""
        self.engine.run(f"DELETE FROM {self.name} WHERE piece = {number}")

    def raw(self) -> Columns:
        """The table as it was read: of several contacts with one phone the last counts."""
        return self._finished((), raw=True)

    def settled(self, *, spaced: bool = False) -> tuple[Columns, list[str]]:
        """The table with each phone once: the first contact of several with one phone.

        With it the phones that stood there with different fields. `spaced`: spaces at the ends of texts do not count.
        """
        name, conflicts = self.name, []
        if not self.engine.value(f"SELECT count(*) = count(DISTINCT phone) FROM {name}"):
            those = f"{name} WHERE phone IN (SELECT phone FROM {name} GROUP BY phone HAVING count(*) > 1)"
            shown = (stripped(name, any_blank=False) if spaced else name for name in map(column, self.fields))
            values = ", ".join(f"coalesce({value}, '')" for value in shown) or "0"
            found = self.engine.run(
                f"SELECT phone FROM {those} GROUP BY phone HAVING count(DISTINCT row({values})) > 1 ORDER BY phone"
            )
            conflicts = [self.engine.phone(phone) for (phone,) in found]
            self.engine.run(
                f"DELETE FROM {name} WHERE rowid IN (SELECT id FROM (SELECT rowid AS id, row_number() OVER "
                f"(PARTITION BY phone ORDER BY piece, rowid) AS place FROM {those}) WHERE place > 1)"
            )
        return self._finished(("piece",), spaced=spaced), conflicts

    def _finished(self, spent: Sequence[str], *, spaced: bool = False, raw: bool = False) -> Columns:
        name = self.name
        for column_ in (*spent, *self._spent):
            self.engine.run(f"ALTER TABLE {name} DROP COLUMN {column_}")
        gaps = " OR ".join(f"{column(field)} IS NULL" for field in self.fields)
        whole = not gaps or not self.engine.value(f"SELECT bool_or({gaps}) FROM {name}")
        self._let_go.detach()
        if self._compressed:
            self.engine.compress()
        return Columns(name, self.fields, whole=whole, spaced=spaced, raw=raw, hashed=True)
