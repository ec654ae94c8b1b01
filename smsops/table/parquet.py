"""Parquet: a file is read by the engine as a whole, its values as a CSV file would have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.table.columns import stripped
from smsops.table.engine import EngineError, engine, quoted
from smsops.table.mistakes import Mistakes
from smsops.table.read import Layout, Reading, Source, bad_phone, layout
from smsops.table.source_stage import SourceStage
from smsops.table.text import BadData

_ROW = "file_row_number"


def load_parquet(source: Source, content: bytes) -> None:
    """Fill a source's table, mistakes and conflicts. BadData where it is no Parquet file."""
    made, country = engine(), source.reading.country
    with made.file(content) as path:
        rows, found = _parquet_query(path, source.reading, source.label, source.mistakes)
        if found is None:
            return
        stage = SourceStage(tuple(found.columns), country)
        wrong = stage.add_read(rows, 0)
        if wrong:
            those = f"SELECT text, row FROM ({rows}) WHERE text IN (SELECT unnest(?::VARCHAR[])) ORDER BY row"
            for text, row in made.run(those, [wrong]):
                source.mistakes.add(bad_phone(text, _why_not(text, country), row))
            made.run(f"DELETE FROM {stage.name} WHERE text IN (SELECT unnest(?::VARCHAR[]))", [wrong])
    stage.results()
    source.table, source.conflicts = stage.finished()


def parquet_rows(content: bytes) -> tuple[list[str], Iterator[tuple[int, Mapping[str, str]]]]:
    """The columns of a Parquet file, and its rows as texts by column, each with its number."""
    made = engine()
    with made.file(content) as path:
        types = _types(path)
        cells = ", ".join(_cell(name, form) for name, form in types.items())
        found = made.run(f"SELECT {_ROW} + 1, {cells} FROM read_parquet('{path}', {_ROW}=true) ORDER BY {_ROW}")
    return list(types), ((row, dict(zip(types, values, strict=True))) for row, *values in found)


def _types(path: str) -> dict[str, str]:
    try:
        return {str(name): str(form) for name, form, *_ in engine().run(f"DESCRIBE FROM read_parquet('{path}')")}
    except EngineError:
        raise BadData("not a Parquet file") from None


def _parquet_query(path: str, reading: Reading, label: str, mistakes: Mistakes) -> tuple[str, Layout | None]:
    """A query for the rows of a Parquet file as texts: `text` (the phone), `row`, and the fields f0, f1…"""
    types = _types(path)
    found = layout(list(types), reading, label, mistakes)
    if found is None:
        return "", None
    cells = [f"{_cell(column, types[column])} AS f{place}" for place, column in enumerate(found.columns.values())]
    phone = f"{_cell(found.phone, types[found.phone])} AS text"
    shown = ", ".join((phone, f"{_ROW} + 1 AS row", *cells))
    return f"SELECT {shown} FROM read_parquet('{path}', {_ROW}=true)", found


def _why_not(text: str, country: str) -> InvalidPhone:
    try:
        normalise_mobile(text, country)
    except InvalidPhone as error:
        return error
    raise AssertionError("it is the number of a mobile")


def _cell(column: str, form: str) -> str:
    """A value of a Parquet file as a cell of a CSV file would have it."""
    name = quoted(column)
    if form in ("FLOAT", "DOUBLE"):  # a column of whole numbers with gaps is stored as 612345678.0
        whole = f"isfinite({name}) AND {name} = trunc({name}) AND abs({name}) < 1e18"
        return (
            f"CASE WHEN {name} IS NULL OR isnan({name}) THEN '' "
            f"WHEN {whole} THEN {name}::BIGINT::VARCHAR ELSE {name}::VARCHAR END"
        )
    if form.endswith("]") or form.startswith(("STRUCT", "MAP")):
        return f"coalesce(to_json({name})::VARCHAR, '')"
    return f"coalesce({stripped(f'{name}::VARCHAR', any_blank=True)}, '')"
