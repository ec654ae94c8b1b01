"""SQL that the DuckDB pipelines share: how the files are read, how phones are normalised."""

from __future__ import annotations

from pathlib import Path

from benchmarks.pipelines.columns import COLUMNS, LIVE_KEYS

CSV_BUFFER = 4 << 20
LONGEST_CONTACT = 1 << 20

_NUMBER = """
    coalesce(
        try_cast(CASE WHEN strlen(phone) > 13 THEN replace(replace(phone, ' ', ''), '.', '') ELSE phone END AS UBIGINT),
        try_cast(translate(replace(phone, '(0)', ''), ' .-()/', '') AS UBIGINT))
"""
# translate is five times as slow as two replaces, so it is left to what those do not mend.

_PHONE = """
    CASE WHEN number BETWEEN 600000000 AND 799999999 AND NOT starts_with(phone, '+') AND NOT starts_with(phone, '00')
    THEN number + 33000000000 ELSE number END
"""


def source(file: Path) -> str:
    """The CSV: `phone` as a number, the other columns as they are."""
    others = ", ".join(COLUMNS[1:])
    return f"SELECT {_PHONE} AS phone, {others} FROM (SELECT *, {_NUMBER} AS number FROM ({rows(file)}))"


def rows(file: Path) -> str:
    """The CSV as it is."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
    return f"""
        SELECT * FROM read_csv('{file}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
            buffer_size = {CSV_BUFFER}, columns = {{{columns}}})
    """


def live(file: Path, form: str) -> str:
    """The contacts of the API, as newline-delimited JSON or as an array: `phone` as a number, the columns as they are."""
    columns = ", ".join(f"'{name}': '{'VARCHAR' if name != LIVE_KEYS[0] else 'UBIGINT'}'" for name in LIVE_KEYS)
    names = ", ".join(f"{key} AS {name}" for key, name in zip(LIVE_KEYS, COLUMNS, strict=True))
    return f"""
        SELECT {names} FROM read_json('{file}', format = '{form}', auto_detect = false,
            maximum_object_size = {LONGEST_CONTACT}, columns = {{{columns}}})
    """
