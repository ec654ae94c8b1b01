"""Where contacts come from: data files, addresses, queries, and rows in the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError

from smsops.kinds.base import Declaration, Step
from smsops.kinds.contacts.gather import CONTRADICTION, FilePart, InlinePart, Part, gathered
from smsops.kinds.contacts.rows import KIND, Declared, Wanted
from smsops.kinds.view import SourceRead
from smsops.model.address import Address
from smsops.model.block import BeforeValidator, Block, Field, WithJsonSchema
from smsops.model.blocks import SECRET_SCHEMA, NonBlank, read_secret, refuse_password
from smsops.model.diagnostics import Mark, did_you_mean
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.resources import Desired, Guard, SecretReference
from smsops.model.sources import RemoteSource, format_of
from smsops.table import Fields, Rows
from smsops.table.read import PHONE_COLUMNS, Reading, bad_phone

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCHEMES = ("https", "http", "s3", "gs", "az")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")


def _read_file(value: Any) -> Any:
    if isinstance(value, dict):
        return read_secret(value)
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise PydanticCustomError("file", "Write a path, a pattern of paths, an address, or a list of these")
    for name in names:
        refuse_password(name)
        scheme = _SCHEME.match(name)
        if scheme and scheme[1].lower() not in _SCHEMES:
            raise PydanticCustomError("file", "Write an address that begins with https://, s3://, gs:// or az://")
    return tuple(name.strip() for name in names)


def _read_database(value: Any) -> Any:
    if isinstance(value, dict):
        return read_secret(value)
    if not isinstance(value, str) or not value.strip():
        raise PydanticCustomError("url", "Write the address of a database, or a reference such as {env: CRM_URL}")
    refuse_password(value)
    return value.strip()


def _read_sha256(value: Any) -> Any:
    if not isinstance(value, str) or not _SHA256.match(value):
        raise PydanticCustomError("sha256", "Write the 64 hexadecimal digits of a SHA-256")
    return value.lower()


_NAME_SCHEMA = {"type": "string", "minLength": 1}
FileField = Annotated[
    Any,
    BeforeValidator(_read_file),
    WithJsonSchema({"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA, "minItems": 1}, SECRET_SCHEMA]}),
]
"""Paths and addresses, or the SecretReference of one address."""

DatabaseField = Annotated[
    Any, BeforeValidator(_read_database), WithJsonSchema({"anyOf": [_NAME_SCHEMA, SECRET_SCHEMA]})
]
Sha256 = Annotated[
    str, BeforeValidator(_read_sha256), WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"})
]


class ContactSource(Block):
    """Where contacts come from: files, a query, or rows in the configuration."""

    file: FileField | None = Field(
        None,
        description="CSV, NDJSON or Parquet, gzip too: a path below the stack (or --data-root), a pattern of paths, "
        "https://…, s3://…, gs://…, az://…, or a list of these.",
    )
    format: Literal["csv", "ndjson", "parquet"] | None = Field(
        None, description="What is in the file. Default: by its name, otherwise csv."
    )
    sha256: Sha256 | None = Field(None, description="The digest that the file at an address must have.")
    etag: NonBlank | None = Field(None, description="The version that the server of an address must give.")
    sql: NonBlank | None = Field(None, description="A query; its columns are those of a file.")
    url: DatabaseField | None = Field(None, description="The query's database: postgresql://…, mysql://…, sqlite:PATH.")
    phone: NonBlank | None = Field(
        None, description="The column with the phone. Default: phone, mobilephone or mobile."
    )
    columns: dict[str, NonBlank] | None = Field(
        None, description="Field: column. Default: the columns that have the names of fields."
    )
    inline: list[dict[str, str | None]] | None = Field(None, description="Rows: phone and fields.")

    def check(self) -> None:
        if [self.file, self.sql, self.inline].count(None) != 2:
            raise PydanticCustomError("source", "A source of contacts has exactly one of file, sql and inline")
        if self.inline is not None and (self.phone or self.columns):
            raise PydanticCustomError("source", "phone and columns belong to a file or a query")
        if (self.sql is None) != (self.url is None):
            raise PydanticCustomError("source", "sql and url belong together: a query, and the address of its database")
        if self.format and self.file is None:
            raise PydanticCustomError("source", "format belongs to a file")
        if (self.sha256 or self.etag) and len(self.addresses) != 1:
            raise PydanticCustomError("source", "sha256 and etag belong to one file at an address")

    @property
    def addresses(self) -> list[str | SecretReference]:
        """The files that do not lie on this machine."""
        if self.file is None or isinstance(self.file, SecretReference):
            return [] if self.file is None else [self.file]
        return [name for name in self.file if _SCHEME.match(name)]

    def remote(self, address: str | SecretReference) -> RemoteSource:
        """The file at an address."""
        form = self.format or (format_of(address) if isinstance(address, str) else "csv")
        return RemoteSource(address, form, sha256=self.sha256, etag=self.etag)


def declare_contacts(
    sources: Sequence[ContactSource],
    membership: Literal["exact", "additive"],
    membership_given: bool,
    fields: Mapping[str, Any],
    declaration: Declaration,
    owner: Address,
) -> Desired:
    """The contacts of a list's block: what is here is read, numbers normalised, contradictions reported."""
    reader = _Reader(declaration, {name.upper(): name for name in fields})
    parts = [part for position, source in enumerate(sources) for part in reader.read(position, source)]
    exact, names = membership == "exact", tuple(fields)
    wanted = None
    here = [part for part in parts if not isinstance(part, SourceRead)]
    table, contradictions = gathered(here)
    for found in contradictions:
        declaration.error_at(CONTRADICTION, found.summary, found.mark, detail=found.detail)
    if len(here) == len(parts):
        wanted = Wanted(table, exact, membership_given, names)
    return Desired(
        Address(owner.account, KIND, owner.name),
        "",
        None,
        data=Declared(tuple(parts), wanted, exact, membership_given, names),
        depends_on=(owner,),
        guard=Guard(),
        mark=declaration.mark("contacts"),
    )


class _Reader:
    """Reads the sources of one list."""

    def __init__(self, declaration: Declaration, fields: Mapping[str, str]) -> None:
        self.declaration = declaration
        self.fields = fields  # capitals: as declared

    def read(self, position: int, source: ContactSource) -> Iterator[Part | SourceRead]:
        path: tuple[Step, ...] = ("contacts", position)
        if source.inline is not None:
            yield self.read_inline(path, source.inline)
            return
        reading = self.reading(path, source)
        if source.sql is not None:
            assert source.url is not None
            yield SourceRead(RemoteSource(source.url, sql=source.sql), reading)
        elif isinstance(source.file, SecretReference):
            yield SourceRead(source.remote(source.file), reading)
        else:
            for number, name in enumerate(source.file or ()):
                if _SCHEME.match(name):
                    yield SourceRead(source.remote(name), reading)
                else:
                    place = (*path, "file", number) if len(source.file or ()) > 1 else (*path, "file")
                    yield from map(FilePart, self.declaration.read(name, source.format, reading, place))

    def reading(self, path: tuple[Step, ...], source: ContactSource) -> Reading:
        """How the source's rows are read; a field that does not exist is reported and left out."""
        columns = None
        if source.columns is not None:
            for name in source.columns:
                if name.upper() not in self.fields:
                    self._unknown_field(name, *path, "columns", name)
            columns = tuple((name, column) for name, column in source.columns.items() if name.upper() in self.fields)
        return Reading(tuple(self.fields), self.declaration.settings.default_country, source.phone, columns)

    def read_inline(self, path: tuple[Step, ...], rows: Sequence[Mapping[str, str | None]]) -> InlinePart:
        found: dict[str, list[tuple[Fields, Mark]]] = {}
        for number, row in enumerate(rows):
            contact = self._contact((*path, "inline", number), row)
            if contact is not None:
                phone, fields, mark = contact
                found.setdefault(phone, []).append((fields, mark))
        return InlinePart(Rows({phone: places[0][0] for phone, places in found.items()}), found)

    def _contact(self, path: tuple[Step, ...], row: Mapping[str, str | None]) -> tuple[str, Fields, Mark] | None:
        phone_keys = [key for key in row if key.lower() in PHONE_COLUMNS and key.upper() not in self.fields]
        if len(phone_keys) != 1:
            self.declaration.error("SMS111", 'The key "phone" is missing', *path, detail="Add phone: to this contact.")
            return None
        values: dict[str, str] = {}
        for key, value in row.items():
            if key == phone_keys[0]:
                continue
            if key.upper() not in self.fields:
                self._unknown_field(key, *path, key)
            else:
                values[key.upper()] = (value or "").strip()
        mark = self.declaration.mark(*path, phone_keys[0])
        text = row[phone_keys[0]] or ""
        try:
            return normalise_mobile(text, self.declaration.settings.default_country), values, mark
        except InvalidPhone as error:
            mistake = bad_phone(text, error)
            self.declaration.error_at(mistake.code, mistake.summary, mark, detail=mistake.detail)
            return None

    def _unknown_field(self, name: str, *path: Step) -> None:
        known = self.fields.values()
        self.declaration.error(
            "SMS151",
            f'The list has no field "{name}"',
            *path,
            detail=did_you_mean(name, known)
            or "Declare it under fields:; the API ignores contacts with unknown fields.",
            key=True,
        )
