"""Contacts as a document that is kept while they are not in their list. It has the form of the API's own answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

from smsops.table.answer import ContactsBody
from smsops.table.rows import Rows
from smsops.table.table import Row, Table

_PHONE = "MobilePhone"


def document(table: Table) -> bytes:
    """The document that keeps some contacts."""
    members = (
        json.dumps({_PHONE: phone, **fields}, ensure_ascii=False, separators=(",", ":")) for phone, fields in table
    )
    return f'{{"Contacts":[{",".join(members)}]}}'.encode(errors="replace")


def contacts(content: bytes) -> Table:
    """The contacts of a document. ValueError where it is damaged."""
    body = ContactsBody(_rows)
    step = 1 << 20
    for start in range(0, len(content), step):
        body.feed(content[start : start + step])
    members = json.loads(body.body())["Contacts"]
    read = body.table()
    return read[0] if read else Rows(dict(_row(member) for member in members))


def _rows(content: bytes) -> Iterator[Row]:
    return map(_row, json.loads(content))


def _row(member: dict[str, str]) -> Row:
    return member[_PHONE], {name: value for name, value in member.items() if name != _PHONE}
