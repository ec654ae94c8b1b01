"""Where contacts come from: data files and rows in the configuration, numbers normalised, contradictions reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic_core import PydanticCustomError

from smsops.kinds.base import Declaration, Row, Step
from smsops.kinds.contacts.rows import KIND, Rows, Wanted, same_values
from smsops.model.address import Address
from smsops.model.block import Block, Field, after_all
from smsops.model.blocks import NonBlank
from smsops.model.diagnostics import Mark, did_you_mean
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.resources import Desired, Guard
from smsops.model.values import mask_phone

_PHONE_COLUMNS = ("phone", "mobilephone", "mobile")


class ContactSource(Block):
    """Where contacts come from: a data file, or rows in the configuration."""

    file: NonBlank | None = Field(None, description="A CSV, NDJSON or Parquet file below the stack directory.")
    phone: NonBlank | None = Field(
        None, description="The column with the phone. Default: phone, mobilephone or mobile."
    )
    columns: dict[str, NonBlank] | None = Field(
        None, description="Field: column. Default: the columns that have the names of fields."
    )
    inline: list[dict[str, str | None]] | None = Field(None, description="Rows: phone and fields.")

    @after_all
    def _one_source(self) -> ContactSource:
        if (self.file is None) == (self.inline is None):
            raise PydanticCustomError("source", "A source of contacts has exactly one of file and inline")
        if self.inline is not None and (self.phone or self.columns):
            raise PydanticCustomError("source", "phone and columns belong to a file")
        return self


def declare_contacts(
    sources: Sequence[ContactSource],
    membership: Literal["exact", "additive"],
    membership_given: bool,
    fields: Mapping[str, Any],
    declaration: Declaration,
    owner: Address,
) -> Desired:
    """The contacts of a list's block: every source read, numbers normalised, contradictions reported."""
    reader = _SourceReader(declaration, {name.upper(): name for name in fields})
    for position, source in enumerate(sources):
        reader.read(position, source)
    return Desired(
        Address(owner.account, KIND, owner.name),
        "",
        None,
        data=Wanted(reader.rows, membership == "exact", membership_given, tuple(fields)),
        depends_on=(owner,),
        guard=Guard(),
        mark=declaration.mark("contacts"),
    )


class _SourceReader:
    def __init__(self, declaration: Declaration, fields: Mapping[str, str]) -> None:
        self.declaration = declaration
        self.fields = fields  # capitals: as declared
        self.rows: Rows = {}
        self.places: dict[str, Mark] = {}

    def read(self, position: int, source: ContactSource) -> None:
        if source.inline is not None:
            self.read_inline(position, source.inline)
        elif source.file is not None:
            rows = self.declaration.rows(source.file, "contacts", position, "file")
            if rows:
                self.read_file(position, source, rows)

    def read_inline(self, position: int, rows: Sequence[Mapping[str, str | None]]) -> None:
        for number, row in enumerate(rows):
            path: tuple[Step, ...] = ("contacts", position, "inline", number)
            phone_keys = [key for key in row if key.lower() in _PHONE_COLUMNS and key.upper() not in self.fields]
            if len(phone_keys) != 1:
                self.declaration.error(
                    "SMS111", 'The key "phone" is missing', *path, detail="Add phone: to this contact."
                )
                continue
            values: dict[str, str] = {}
            for key, value in row.items():
                if key == phone_keys[0]:
                    continue
                if key.upper() not in self.fields:
                    self._unknown_field(key, *path, key, key=True)
                else:
                    values[key.upper()] = (value or "").strip()
            mark = self.declaration.mark(*path, phone_keys[0])
            self.add(row[phone_keys[0]] or "", values, mark)

    def read_file(self, position: int, source: ContactSource, rows: Sequence[Row]) -> None:
        header = list(rows[0][1])
        by_folded = {name.casefold(): name for name in header}
        path: tuple[Step, ...] = ("contacts", position)
        phone = source.phone or next((by_folded[name] for name in _PHONE_COLUMNS if name in by_folded), None)
        if phone is None or phone not in header:
            what = f'{source.file} has no column "{phone}"' if phone else f"{source.file} has no column named phone"
            place = ("phone",) if source.phone else ("file",)
            self.declaration.error("SMS163", what, *path, *place, detail=did_you_mean(phone or "phone", header))
            return
        columns = self.columns(path, source, header)
        if columns is None:
            return
        for line, row in rows:
            values = {name: row[column] for name, column in columns.items()}
            self.add(row[phone], values, Mark(str(source.file), line))

    def columns(self, path: tuple[Step, ...], source: ContactSource, header: Sequence[str]) -> dict[str, str] | None:
        """Field (in capitals): column; None, reported, where one does not exist."""
        if source.columns is None:
            return {name.upper(): name for name in header if name.upper() in self.fields}
        columns: dict[str, str] = {}
        complete = True
        for name, column in source.columns.items():
            if name.upper() not in self.fields:
                self._unknown_field(name, *path, "columns", name, key=True)
                complete = False
            elif column not in header:
                self.declaration.error(
                    "SMS163",
                    f'{source.file} has no column "{column}"',
                    *path,
                    "columns",
                    name,
                    detail=did_you_mean(column, header),
                )
                complete = False
            columns[name.upper()] = column
        return columns if complete else None

    def add(self, phone: str, values: dict[str, str], mark: Mark) -> None:
        try:
            digits = normalise_mobile(phone, self.declaration.settings.default_country)
        except InvalidPhone as error:
            shown = (mask_phone(phone) or "This") if phone else "An empty cell"
            self.declaration.error_at(
                "SMS160",
                f"{shown} is not the number of a mobile: {error}",
                mark,
                detail="Correct it or remove the contact.",
            )
            return
        if digits in self.rows and not same_values(self.rows[digits], values):
            self.declaration.error_at(
                "SMS161",
                f"{mask_phone(digits)} stands twice with different values",
                mark,
                detail=f"It stands first at {self.places[digits]}. Keep one of them.",
            )
            return
        self.rows.setdefault(digits, values)
        self.places.setdefault(digits, mark)

    def _unknown_field(self, name: str, *path: Step, key: bool) -> None:
        known = self.fields.values()
        self.declaration.error(
            "SMS151",
            f'The list has no field "{name}"',
            *path,
            detail=did_you_mean(name, known)
            or "Declare it under fields:; the API ignores contacts with unknown fields.",
            key=key,
        )
