"""Contacts as values: rows by phone, what a list has, and what it should end up with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from smsops.kinds.base import View
from smsops.model.address import Address
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.resources import CannotRead, Present, Read, Unknown
from smsops.model.values import JSON

Rows = dict[str, dict[str, str]]
"""Contacts by phone (digits), each with its fields by the list's names, in capitals."""

KIND = "contacts"
"""What the kind is called in addresses."""

BATCH = 2_000
"""The most contacts that one call should carry (manual §6.1)."""


@dataclass(frozen=True)
class Wanted:
    """The contacts that the configuration wants in a list."""

    rows: Rows = field(repr=False)
    exact: bool
    membership_given: bool
    fields: tuple[str, ...] = ()
    """The list's fields as they are declared: the API changes their case, and compares who knows how."""


def live_rows(list_address: Address, view: View) -> Rows:
    """The contacts that a list has, those included that a change which did not finish has saved."""
    return saved_rows(list_address, view) | present_rows(list_address, view)


def saved_rows(list_address: Address, view: View) -> Rows:
    """The contacts in the backups of a list: a change which did not finish may have taken them out of it."""
    rows: Rows = {}
    for owner in (list_address, Address(list_address.account, KIND, list_address.name)):
        entry = view.state.entries.get(owner)
        name = entry.backup if entry else None
        if name:
            rows |= {phone: dict(fields) for phone, fields in view.backup(name)["rows"]}
    return rows


def present_rows(list_address: Address, view: View) -> Rows:
    """The contacts that are in a list now."""
    observation = view.observe(list_address)
    if isinstance(observation, Unknown):
        raise CannotRead(f"{list_address} could not be read")
    if not isinstance(observation, Present) or view.creates(list_address):
        return {}
    (contacts,) = view.read(contacts_read(list_address, observation, view))
    expected = observation.facts.get("contacts")
    if expected is not None and len(contacts.rows) < expected:
        raise CannotRead(f"getContacts gave {len(contacts.rows)} of {expected} contacts of {list_address}")
    return as_rows(contacts.rows)


def contacts_read(list_address: Address, observation: Present, view: View) -> Read:
    """The read that brings the contacts of a live list."""
    owner = view.owner(list_address)
    login = owner.identity if isinstance(owner, Present) and owner.identity else None
    return Read("get_contacts", (observation.identity,), login)


def as_rows(contacts: Sequence[tuple[str, Mapping[str, str]]]) -> Rows:
    """What getContacts gave, by phone; field names in capitals, since the API changes their case."""
    return {
        _digits(phone): {name.upper(): value.strip() for name, value in fields.items()} for phone, fields in contacts
    }


def _digits(phone: str) -> str:
    if phone.isdigit() and phone[0] != "0":
        return phone
    try:
        return normalise_mobile(phone, "FR")
    except InvalidPhone:
        return phone


def merged(wanted: Wanted | None, live: Rows) -> Rows:
    """The contacts that a list should end up with: fields that are not managed keep their live values."""
    if wanted is None:
        return live
    result: Rows = {} if wanted.exact else dict(live)
    for phone, fields in wanted.rows.items():
        result[phone] = {**live[phone], **fields} if phone in live else fields
    return result


def same_values(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Equal values; a missing field is an empty one."""
    if one == other:
        return True
    return all((one.get(name) or "") == (other.get(name) or "") for name in one.keys() | other.keys())


def batches(count: int) -> int:
    return -(-count // BATCH)


def rows_document(rows: Rows) -> JSON:
    """The form in which rows are backed up."""
    return [[phone, fields] for phone, fields in rows.items()]
