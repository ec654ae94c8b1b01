"""The contacts of a list: what it has, what a change that did not finish has saved of it, and what it should end up with."""

from __future__ import annotations

from typing import NamedTuple

from smsops.kinds.contacts.gather import CONTRADICTION, FilePart, Part, gathered
from smsops.kinds.view import SourceRead, View
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic, Mark
from smsops.model.resources import CannotRead, Desired, Present, Read, Unknown
from smsops.model.values import repr_without
from smsops.table import BATCH, Rows, Table

NOBODY = Rows({})

KIND = "contacts"
"""What the kind is called in addresses."""


class Wanted(NamedTuple):
    """The contacts that the configuration wants in a list."""

    table: Table
    exact: bool
    membership_given: bool
    fields: tuple[str, ...] = ()
    """The list's fields as they are declared: the API changes their case, and compares who knows how."""

    def __repr__(self) -> str:
        return repr_without(self, "table")


class Declared(NamedTuple):
    """What the block of a list says of its contacts: where they come from, in order, and what becomes of others."""

    parts: tuple[Part | SourceRead, ...]
    wanted: Wanted | None
    """The contacts, where all that they come from was there to be read when the block was."""
    exact: bool
    membership_given: bool
    fields: tuple[str, ...]


def wanted_contacts(desired: Desired, view: View) -> Wanted:
    """The contacts that are wanted in a list. CannotRead where a source of theirs cannot be read, or makes no sense."""
    declared: Declared = desired.data
    if declared.wanted is not None:
        return declared.wanted
    view.read(*(part for part in declared.parts if isinstance(part, SourceRead)))
    table, findings = view.once(("wanted", desired.address), (declared,), lambda: _read_all(desired, view))
    for finding in findings:
        view.note(finding)
    if findings:
        raise CannotRead(f"the sources of {desired.address} have mistakes")
    return Wanted(table, declared.exact, declared.membership_given, declared.fields)


def _read_all(desired: Desired, view: View) -> tuple[Table, list[Diagnostic]]:
    declared: Declared = desired.data
    parts: list[Part] = []
    findings: list[Diagnostic] = []
    for part in declared.parts:
        if not isinstance(part, SourceRead):
            parts.append(part)
            continue
        (source,) = view.read(part)
        parts.append(FilePart(source))
        for mistake in source.mistakes:
            mark = Mark(source.label, mistake.line) if mistake.line else desired.mark
            findings.append(Diagnostic("error", mistake.code, mistake.summary, mistake.detail, mark, desired.address))
    table, contradictions = gathered(parts)
    findings += [
        Diagnostic("error", CONTRADICTION, found.summary, found.detail, found.mark, desired.address)
        for found in contradictions
    ]
    return table, findings


def live_contacts(list_address: Address, view: View) -> Table:
    """The contacts that a list has, those included that a change which did not finish has saved."""
    present, saved = present_contacts(list_address, view), saved_contacts(list_address, view)
    if not len(saved):
        return present
    return view.once(("live", list_address), (present, saved), lambda: present.also(saved))


def saved_contacts(list_address: Address, view: View) -> Table:
    """The contacts in the backups of a list: a change which did not finish may have taken them out of it."""
    owners = (list_address, Address(list_address.account, KIND, list_address.name))
    entries = [view.state.entries[owner] for owner in owners if owner in view.state.entries]
    saved = [view.backup(name) for entry in entries if (name := entry.backup)]
    if len(saved) < 2:
        return saved[0] if saved else NOBODY
    older, newer = saved
    return view.once(("saved", list_address), saved, lambda: newer.also(older))


def present_contacts(list_address: Address, view: View) -> Table:
    """The contacts that are in a list now."""
    observation = view.observe(list_address)
    if isinstance(observation, Unknown):
        raise CannotRead(f"{list_address} could not be read")
    if not isinstance(observation, Present) or view.creates(list_address):
        return NOBODY
    (contacts,) = view.read(contacts_read(list_address, observation, view))
    expected = observation.facts.get("contacts")
    if expected is not None and contacts.received < expected:
        raise CannotRead(f"getContacts gave {contacts.received} of {expected} contacts of {list_address}")
    table: Table = contacts.table
    return table


def contacts_read(list_address: Address, observation: Present, view: View) -> Read:
    """The read that brings the contacts of a live list."""
    owner = view.owner(list_address)
    login = owner.identity if isinstance(owner, Present) and owner.identity else None
    return Read("get_contacts", (observation.identity,), login)


def merged_contacts(list_address: Address, wanted: Wanted | None, live: Table, view: View) -> Table:
    """The contacts that a list should end up with: fields that are not managed keep their live values."""
    if wanted is None:
        return live
    table = wanted.table
    merge = table.completed if wanted.exact else table.over
    return view.once(("merged", list_address), (table, live), lambda: merge(live))


def batches(count: int) -> int:
    return -(-count // BATCH)
