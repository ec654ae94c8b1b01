"""`where`: a SQL condition over contact fields, evaluated by an embedded engine that reaches nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from smsops.model.values import mask_text

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_SETTINGS = (
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET threads = 1",
    "SET lock_configuration = true",
)


class BadCondition(ValueError):
    """A `where` that is not a condition over the fields there are."""


def matching(condition: str, fields: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[int]:
    """The positions of the rows that meet the condition. A missing field is an empty text."""
    _check_shape(condition)
    import duckdb

    columns = [name.upper() for name in fields]
    structure = json.dumps([{"position": "INTEGER", **{f"f{i}": "VARCHAR" for i in range(len(columns))}}])
    data = json.dumps(
        [
            {"position": position, **{f"f{i}": row.get(name, "") for i, name in enumerate(columns)}}
            for position, row in enumerate(rows)
        ]
    )
    named = "".join(f', "f{i}" AS "{name}"' for i, name in enumerate(columns))
    query = (
        "WITH source AS (SELECT unnest(from_json(?::JSON, ?), recursive := true)), "
        f'contacts AS (SELECT "position" AS "#"{named} FROM source) '
        f'SELECT "#" FROM contacts WHERE (\n{condition}\n) ORDER BY "#"'
    )
    try:
        found: list[tuple[Any, ...]] = _engine().execute(query, [data, structure]).fetchall()
    except duckdb.Error as error:
        raise BadCondition(_reason(error, columns)) from None
    return [position for (position,) in found]


@cache
def check(condition: str, fields: tuple[str, ...]) -> None:
    """Whether it is a condition over these fields; BadCondition where it is not."""
    matching(condition, fields, ())
    import duckdb

    named = ", ".join(f"''::VARCHAR AS \"{name}\"" for name in ("#", *(field.upper() for field in fields)))
    try:
        described = _engine().execute(f"DESCRIBE SELECT (\n{condition}\n) AS met FROM (SELECT {named})").fetchall()
    except duckdb.Error as error:
        raise BadCondition(_reason(error, fields)) from None
    if described[0][1] != "BOOLEAN":
        raise BadCondition("it must be true or false for each contact; compare the field with something")


@cache
def _engine() -> Any:
    """One engine for the run. It keeps no table: every query brings its rows along."""
    import duckdb

    connection = duckdb.connect(":memory:")
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def _check_shape(condition: str) -> None:
    """One expression: brackets that match, no comment, no second statement."""
    bare = _QUOTED.sub("''", condition)
    depth = 0
    for character in bare:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
    if depth != 0:
        raise BadCondition("its brackets do not match")
    if ";" in bare or "--" in bare or "/*" in bare or "'" in bare.replace("''", "") or '"' in bare.replace("''", ""):
        raise BadCondition("it must be one condition, without ; and comments, with closed quotes")


def _reason(error: Exception, columns: Sequence[str]) -> str:
    text = str(error).split("\n", 1)[0].strip()
    missing = re.search(r'column "?([^"\s]+)"? not found|column named "?([^"\s]+)"?', text, re.IGNORECASE)
    if missing:
        name = missing[1] or missing[2]
        return f'there is no field "{name}"; the fields are {", ".join(columns) or "none"}'
    return mask_text(re.sub(r"^\w[\w ]*Error:\s*", "", text))
