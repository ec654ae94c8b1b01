"""Several tables as one."""

from __future__ import annotations

from collections.abc import Sequence

from smsops.table.rows import Rows, same
from smsops.table.table import Fields, Table


def union(tables: Sequence[Table]) -> tuple[Table, list[str]]:
    """All contacts, the first of several with one phone, and the phones whose contacts have different fields."""
    if len(tables) == 1:
        return tables[0], []
    if not all(isinstance(table, Rows) for table in tables):
        return _union_in_engine(tables)
    rows: dict[str, Fields] = {}
    conflicts: dict[str, None] = {}
    for table in tables:
        for phone, fields in table:
            if phone in rows and not same(rows[phone], fields):
                conflicts[phone] = None
            rows.setdefault(phone, fields)
    return Rows(rows), list(conflicts)


def _union_in_engine(tables: Sequence[Table]) -> tuple[Table, list[str]]:
    from smsops.table.engine import column
    from smsops.table.stage import Stage

    columns = [table.columns() for table in tables]
    stage: Stage[None] = Stage(tuple(dict.fromkeys(name for table in columns for name in table.fields)))
    for number, table in enumerate(columns):
        values = (column(name) if name in table.fields else "NULL" for name in stage.fields)
        stage.add(f"SELECT {', '.join(('phone', *values))}, {number} FROM {table.source}")
    stage.results()
    return stage.settled()
