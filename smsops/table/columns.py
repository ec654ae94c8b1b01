"""Contacts as columns of a table in the engine: however many, a row becomes an object only where it is asked for."""

from __future__ import annotations

import json
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from smsops.table.condition import check, failure
from smsops.table.engine import Engine, EngineError, column, engine, literal, quoted
from smsops.table.rows import Rows, digest_of
from smsops.table.table import BATCH, BadCondition, Difference, Fields, Row, Table

_PIECE = 20_000


class Columns(Table):
    """A table of many contacts: `phone`, and one column a field. Where a contact lacks a field that is null.

    `whole` says that nothing is null. In a `spaced` table texts may have spaces at their ends, which do not count. A `raw`
    table is as it was read: texts may have any blanks at their ends, and a phone may stand in it twice, then the last counts
    (by the column `piece`, then by the place). Most such tables are only compared, and of those few contacts differ. In a
    `hashed` table the fingerprint of the fields as they stand there is the column `hash`.
    """

    def __init__(
        self,
        name: str,
        fields: Sequence[str],
        *,
        whole: bool = False,
        spaced: bool = False,
        raw: bool = False,
        hashed: bool = False,
        count: int | None = None,
    ) -> None:
        self.engine = engine()
        self.whole = whole
        self._fields = tuple(fields)
        self._spaced = spaced
        self._raw = raw
        self._hashed = hashed
        self._count = count
        self._name = name
        self._let_go = weakref.finalize(self, self.engine.drop, name)

    @property
    def source(self) -> str:
        """SQL for the table as it counts: its name, or a query in parentheses."""
        self._clean()
        return f"({self._of('')})" if self._spaced else self._name

    def _of(self, join: str) -> str:
        """SQL for the contacts that a join leaves: texts are looked at behind it."""
        self._clean()
        columns = list(map(column, self._fields))
        if self._spaced:
            columns = [f"{stripped(name, any_blank=False)} AS {name}" for name in columns]
        return f"SELECT {', '.join(('phone', *columns))} FROM {self._name} {join}"

    def _clean(self) -> None:
        if self._raw:
            clean = self._cleaned("", len(self))
            clean._let_go.detach()
            self._let_go()
            self._name, self._raw, self._hashed = clean._name, False, False
            self._let_go = weakref.finalize(self, self.engine.drop, self._name)

    def _part(self, join: str, count: int) -> Columns:
        """The contacts that a join leaves, so many of them."""
        if self._raw:
            return self._cleaned(join, count)
        if count == len(self) and not self._spaced:
            return self
        return self._made(self._of(join), self.fields, whole=self.whole)

    def _cleaned(self, join: str, count: int) -> Columns:
        """The same of a raw table, as they count."""
        values = "".join(f", {stripped(column(field))} AS {column(field)}" for field in self._fields)
        rows = f"FROM {self._name} {join}"
        made = self._made(f"SELECT phone{values} {rows}", self.fields, whole=self.whole)
        if len(made) == count:
            return made
        last = "row_number() OVER (PARTITION BY phone ORDER BY piece DESC, rowid DESC) = 1"
        return self._made(f"SELECT phone{values} {rows} QUALIFY {last}", self.fields, whole=self.whole)

    @property
    def fields(self) -> tuple[str, ...]:
        return self._fields

    def __len__(self) -> int:
        if self._count is None:
            counted = "DISTINCT phone" if self._raw else "*"
            self._count = int(self.engine.value(f"SELECT count({counted}) FROM {self._name}"))
        return self._count

    def __repr__(self) -> str:
        return f"Columns({len(self)} contacts)"

    def columns(self) -> Columns:
        return self

    def batches(self, size: int = BATCH) -> Iterator[list[Row]]:
        for rows in self.engine.batches(f"SELECT {self._list('phone')} FROM {self.source}", size):
            yield self._rows(rows)

    def phones(self, size: int = BATCH) -> Iterator[list[str]]:
        for rows in self.engine.batches(f"SELECT phone FROM {self.source}", size):
            yield [self.engine.phone(phone) for (phone,) in rows]

    def doubtful(self) -> Iterator[str]:
        usual = "phone BETWEEN 33600000000 AND 33799999999"
        for rows in self.engine.batches(f"SELECT phone FROM {self.source} WHERE NOT ({usual})"):
            yield from (self.engine.phone(phone) for (phone,) in rows)

    def find(self, phones: Collection[str]) -> dict[str, Fields]:
        found: dict[str, Fields] = {}
        rest = map(self.engine.number, phones)
        those = "(SELECT unnest(?::UBIGINT[]) AS phone)"
        while some := list(islice(rest, _PIECE)):
            rows = self.engine.run(
                f"SELECT {self._list('phone')} FROM ({self._of(f'SEMI JOIN {those} USING (phone)')})", [some]
            )
            found.update(self._rows(rows))
        return found

    def over(self, below: Table) -> Table:
        lower = below.columns()
        if not len(lower):
            return self
        names = self._names(lower)
        columns = ", ".join(f"{self._merged(name, lower)} AS {column(name)}" for name in names)
        return self._made(
            f"SELECT coalesce(a.phone, b.phone) AS phone{_then(columns)} FROM {self.source} a "
            f"FULL JOIN {lower.source} b ON a.phone = b.phone",
            names,
        )

    def completed(self, other: Table) -> Table:
        lower = other.columns()
        if not len(lower) or (self.whole and not set(lower.fields) - set(self.fields)):
            return self
        names = self._names(lower)
        columns = ", ".join(f"{self._merged(name, lower)} AS {column(name)}" for name in names)
        return self._made(
            f"SELECT a.phone AS phone{_then(columns)} FROM {self.source} a "
            f"LEFT JOIN {lower.source} b ON a.phone = b.phone",
            names,
        )

    def also(self, other: Table) -> Table:
        rest = other.without(self).columns()
        if not len(rest):
            return self
        if not len(self):
            return rest
        return self._made(
            f"{self._of('')} UNION ALL BY NAME {rest._of('')}",
            tuple(dict.fromkeys((*self.fields, *rest.fields))),
        )

    def without(self, other: Table) -> Table:
        if not len(other):
            return self
        others = other.columns()
        return self._made(self._of(f"ANTI JOIN {others.source} b USING (phone)"), self.fields, whole=self.whole)

    def only(self, names: Collection[str]) -> Table:
        kept = tuple(name for name in self.fields if name in names)
        columns = ", ".join(f"nullif({column(name)}, '') AS {column(name)}" for name in kept)
        return self._made(f"SELECT phone{_then(columns)} FROM {self.source}", kept)

    def every(self, names: Collection[str]) -> Table:
        more = [name for name in names if name not in self.fields]
        if self.whole and not more:
            return self
        values = [f"{self.value_of(name)} AS {column(name)}" for name in self.fields]
        values += [f"'' AS {column(name)}" for name in more]
        query = f"SELECT {', '.join(('phone', *values))} FROM {self.source}"
        return self._made(query, (*self.fields, *more), whole=True)

    def filled(self) -> set[str]:
        if not self.fields:
            return set()
        columns = ", ".join(f"bool_or({column(name)} <> '')" for name in self.fields)
        (row,) = self.engine.run(f"SELECT {columns} FROM {self.source}")
        return {name for name, has_value in zip(self.fields, row, strict=True) if has_value}

    def compared(self, live: Table, *, exact: bool = True) -> Difference:
        old = live if isinstance(live, Columns) else live.columns()
        if not self.engine.value(f"SELECT count(*) FROM {old._name}"):
            nothing = _empty()
            return Difference(self, nothing, nothing, nothing)
        differing = self.engine.name()
        self.engine.run(f"CREATE TABLE {differing} AS {self._differing(old)}")
        try:
            return self._difference(old, differing, exact=exact)
        finally:
            self.engine.drop(differing)

    def _differing(self, old: Columns) -> str:
        """The phones of those who are on one side only (1: here, 2: there), or differ (3), in what does not count too."""
        if self.whole:  # what is compared is a hash: the values need not be carried through the join
            mine, theirs = self._fingerprints(self._fields), old._fingerprints(self._fields)
            differ = "a.h <> b.h"
        else:
            shared = [name for name in self.fields if name in old.fields]
            alone = [name for name in self.fields if name not in old.fields]
            mine, theirs = f"FROM {self._name}", f"FROM {old._name}"
            pairs = [f"coalesce(a.{column(name)} <> coalesce(b.{column(name)}, ''), false)" for name in shared]
            pairs += [f"coalesce(a.{column(name)} <> '', false)" for name in alone]
            differ = " OR ".join(pairs) or "false"
        return (
            "SELECT coalesce(a.phone, b.phone) AS phone, "
            "CASE WHEN b.phone IS NULL THEN 1 WHEN a.phone IS NULL THEN 2 ELSE 3 END::TINYINT AS side "
            f"FROM ({mine}) a FULL JOIN ({theirs}) b ON a.phone = b.phone "
            f"WHERE a.phone IS NULL OR b.phone IS NULL OR {differ}"
        )

    def _fingerprints(self, names: Collection[str]) -> str:
        """SQL for all phones, each with `h`, the fingerprint of some fields."""
        if self._hashed and self.whole and set(names) == set(self._fields):
            return f"SELECT phone, hash AS h FROM {self._name}"
        values = {name: self.value_of(name) if name in self._fields else "''" for name in names}
        return f"SELECT phone, {fingerprint(values)} AS h FROM {self._name}"

    def _difference(self, old: Columns, differing: str, *, exact: bool) -> Difference:
        def side(number: int) -> str:
            return f"(SELECT phone FROM {differing} WHERE side = {number})"

        counts = dict(self.engine.run(f"SELECT side, count(DISTINCT phone) FROM {differing} GROUP BY side"))
        if not self._raw:  # so the phones of the other table need not be counted any more
            old._count = len(self) - counts.get(1, 0) + counts.get(2, 0)
        nothing = _empty()
        add: Table = nothing
        change: Table = nothing
        remove: Table = nothing
        before: Table = nothing
        if counts.get(1):
            add = self._part(f"SEMI JOIN {side(1)} USING (phone)", counts[1])
        if counts.get(2) and exact:
            remove = self._made(f"SELECT DISTINCT phone FROM {differing} WHERE side = 2", (), whole=True)
        if counts.get(3):
            those = f"SEMI JOIN {side(3)} USING (phone)"
            before = old._part(those, counts[3])
            wanted = self._part(those, counts[3])
            if self._spaced or old._spaced or old._raw:
                # What does not count may have been all that made the difference.
                changes = wanted.compared(before)
                change, before = changes.change, changes.old
            else:
                change = wanted.completed(before)
        return Difference(add, change, remove, before)

    def matching(self, condition: str, names: Sequence[str]) -> Columns:
        check(condition, tuple(names))  # only what has passed may become a part of a statement
        shown = ", ".join(
            f"{self.value_of(name)} AS {quoted(name)}" if name in self.fields else f"'' AS {quoted(name)}"
            for name in names
        )
        # The columns that a contact is made of are out of the condition's sight.
        met = f'SELECT "#" AS phone FROM (SELECT phone AS "#"{_then(shown)} FROM {self.source}) WHERE (\n{condition}\n)'
        try:
            return self._made(self._of(f"SEMI JOIN ({met}) USING (phone)"), self.fields, whole=self.whole)
        except EngineError as error:
            raise BadCondition(failure(error, condition, names)) from None

    def digest(self, key: str) -> str:
        values = "".join(
            f" || CASE WHEN {column(name)} <> '' THEN {literal(f'{len(name)}:{name}')} || length({column(name)}) "
            f"|| ':' || {column(name)} ELSE '' END"
            for name in sorted(self.fields)
        )
        words = ", ".join(f"sum(('0x' || h[{word * 16 + 1}:{word * 16 + 16}])::UBIGINT)" for word in range(4))
        (sums,) = self.engine.run(
            f"SELECT {words} FROM (SELECT sha256({literal(key)} || chr(10) || phone::VARCHAR || chr(10){values}) AS h "
            f"FROM (SELECT phone{self._filled_columns()} FROM {self.source}))"
        )
        return digest_of(len(self), [int(part or 0) for part in sums])

    def _filled_columns(self) -> str:
        return "".join(f", coalesce({column(name)}, '') AS {column(name)}" for name in self.fields)

    def _names(self, lower: Columns) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.fields, *lower.fields)))

    def _merged(self, name: str, lower: Columns) -> str:
        """A field as it is in `a`, and where it is not managed there as it is in `b`."""
        field = column(name)
        if name not in lower.fields:
            return f"a.{field}"
        return f"coalesce(a.{field}, b.{field})" if name in self.fields else f"b.{field}"

    def value_of(self, name: str) -> str:
        """SQL for a field, an empty text where a contact lacks it."""
        return column(name) if self.whole else f"coalesce({column(name)}, '')"

    def _rows(self, found: Iterable[Sequence[Any]]) -> list[Row]:
        phone, names = self.engine.phone, self._fields
        rows: list[Row] = [(phone(values[0]), dict(zip(names, values[1:]))) for values in found]  # noqa: B905 - twice as quick
        if self.whole:
            return rows
        return [(phone, {name: value for name, value in fields.items() if value is not None}) for phone, fields in rows]

    def _list(self, *before: str) -> str:
        return ", ".join((*before, *(column(name) for name in self.fields)))

    def _made(self, query: str, fields: Sequence[str], *, whole: bool = False) -> Columns:
        """A new table with what a query gives: `phone` and the fields."""
        name = self.engine.name()
        count = int(self.engine.value(f"CREATE TABLE {name} AS {query}"))
        made = Columns(name, fields, whole=whole, count=count)
        if self.engine.worth_compressing(len(made)):
            self.engine.compress()
        return made


def fingerprint(values: Mapping[str, str]) -> str:
    """SQL for a hash of a contact's fields, given by their names, in whatever order. Nulls are no empty texts to it."""
    return f"hash({', '.join(values[name] for name in sorted(values)) or '0'})"


BLANK = r"[\x09-\x0d\x1c-\x20\x{85}\pZ]"
"""What Python strips from the ends of a text."""


def stripped(column: str, *, any_blank: bool = True) -> str:
    """SQL for a text without the blanks at its ends; without `any_blank` the only blanks are spaces."""
    if not any_blank:
        return f"CASE WHEN {column} < '!' OR ends_with({column}, ' ') THEN trim({column}) ELSE {column} END"
    edge = literal(f"^{BLANK}|{BLANK}$")
    ends = literal(f"^{BLANK}+|{BLANK}+$")
    return (
        f"CASE WHEN regexp_matches({column}, {edge}) THEN regexp_replace({column}, {ends}, '', 'g') ELSE {column} END"
    )


def load_rows(fields: Sequence[str], rows: Iterable[Row]) -> Columns:
    """A table with some rows; no phone may stand twice."""
    made = engine()
    name = made.name()
    create(made, name, fields)
    insert(made, name, fields, rows)
    return Columns(name, fields)


def create(engine: Engine, name: str, fields: Sequence[str], *more: str) -> None:
    """An empty table: `phone`, the fields, and `more` columns with their types."""
    columns = ", ".join(("phone UBIGINT", *(f"{column(field)} VARCHAR" for field in fields), *more))
    engine.run(f"CREATE TABLE {name} ({columns})")


def insert(engine: Engine, name: str, fields: Sequence[str], rows: Iterable[Row], piece: int | None = None) -> None:
    """Add contacts to a table, to that of a stage with the number of their piece. A field that one lacks is null."""
    texts = {field: f"v[{place}]" for place, field in enumerate(fields, start=2)}
    values = {"phone": "v[1]::UBIGINT", **{column(field): text for field, text in texts.items()}}
    if piece is not None:
        values |= {"piece": str(piece), "hash": fingerprint(texts)}
    rest = iter(rows)
    while some := [[engine.number(phone), *map(row.get, fields)] for phone, row in islice(rest, _PIECE)]:
        content = json.dumps(some, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        with engine.file(content) as path:
            engine.run(
                f"INSERT INTO {name} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM read_json('{path}', "
                "format='array', records=false, columns={'v': 'VARCHAR[]'}, maximum_object_size=16777216)"
            )


def _empty() -> Table:
    return Rows({})


def _then(columns: str) -> str:
    return f", {columns}" if columns else ""
