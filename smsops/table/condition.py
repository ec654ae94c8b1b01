"""Conditions over contact fields: one SQL expression, evaluated by the engine, which reaches nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from smsops.model.values import mask_text
from smsops.table.table import BadCondition

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


@cache
def check(condition: str, fields: tuple[str, ...]) -> None:
    """Whether it is a condition over these fields; BadCondition where it is not."""
    from smsops.table.engine import EngineError, engine, quoted

    check_shape(condition)
    named = ", ".join(f"''::VARCHAR AS {quoted(name)}" for name in ("#", *(field.upper() for field in fields)))
    rows = f"(SELECT {named})"
    try:
        engine().run(f"SELECT 1 FROM {rows} WHERE false AND (\n{condition}\n)")
        described = engine().run(f"DESCRIBE SELECT (\n{condition}\n) AS met FROM {rows}")
    except EngineError as error:
        why = reason(error, fields)
        word = _word_of_sql(condition, fields) if "syntax error" in why else None
        hint = f'; {word} is a word of SQL: as a field write "{word}", with the quotes' if word else ""
        raise BadCondition(f"{why}{hint}") from None
    if described[0][1] != "BOOLEAN":
        raise BadCondition("it must be true or false for each contact; compare the field with something")


def _word_of_sql(condition: str, fields: Sequence[str]) -> str | None:
    """A field in a condition whose name cannot stand there without quotes."""
    from smsops.table.engine import engine

    reserved = "SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    words = {word for (word,) in engine().run(reserved)} & {field.upper() for field in fields}
    used = re.findall(r"\w+", _QUOTED.sub("", condition).upper())
    return next((word for word in used if word in words), None)


def check_shape(condition: str) -> None:
    """One expression: brackets that match, no comment, no second statement. BadCondition where it is not."""
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


def reason(error: Exception, columns: Sequence[str]) -> str:
    """Why the engine refuses a condition, without what the contacts hold."""
    text = str(error).split("\n", 1)[0].strip()
    missing = re.search(r'column "?([^"\s]+)"? not found|column named "?([^"\s]+)"?', text, re.IGNORECASE)
    if missing:
        name = missing[1] or missing[2]
        return f'there is no field "{name}"; the fields are {", ".join(columns) or "none"}'
    return mask_text(re.sub(r"^\w[\w ]*Error:\s*", "", text))
