"""The contacts that a live list has, as a data file can hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from smsops.kinds.base import Slot
from smsops.kinds.view import View
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.resources import CannotRead, Read
from smsops.model.values import JSON, plural
from smsops.table import Fields, Rows, Table

if TYPE_CHECKING:
    from smsops.api.records import ListRecord

_NO_TEXT = re.compile(r"[\0\ud800-\udfff]")


class DescribedContacts(NamedTuple):
    """The fields that the contacts of a list show, and what its block says of the contacts."""

    fields: tuple[str, ...]
    block: dict[str, JSON]
    contacts: Table | None
    losses: tuple[str, ...]


def describe_contacts(record: ListRecord, slot: Slot, view: View) -> DescribedContacts:
    """What the block of a list says of those who are in it.

    Whom no file can hold stays in the list: it is declared as one that loses nobody.
    """
    (read,) = view.read(Read("get_contacts", (record.name,), slot.login))
    if record.contacts is not None and read.received < record.contacts:
        raise CannotRead(f"getContacts gave {read.received} of {record.contacts} contacts")
    table: Table = read.table
    if not slot.people:
        return DescribedContacts(table.fields, {}, None, ())
    country = view.settings.default_country
    others: dict[str, Fields] = {
        phone: {} for phone, fields in table if not (_is_mobile(phone, country) and _is_text(fields.values()))
    }
    people = table.without(Rows(others)) if others else table
    block: dict[str, JSON] = {}
    losses: tuple[str, ...] = ()
    if others:
        losses = (f"{plural(len(others), 'contact')}, whose number is none of a mobile or whose values are no text",)
        if len(people):
            block["membership"] = "additive"
    if not len(people):
        return DescribedContacts(table.fields, block, None, losses)
    block["contacts"] = [{"file": slot.data_file}]
    return DescribedContacts(table.fields, block, people, losses)


def _is_text(values: Iterable[str]) -> bool:
    return not any(_NO_TEXT.search(value) for value in values)


def _is_mobile(phone: str, country: str) -> bool:
    """Whether the configuration takes a number, and as this one."""
    try:
        return normalise_mobile(f"+{phone}", country) == phone
    except InvalidPhone:
        return False
