"""The audience of a campaign: which people, with which values, and who falls out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from smsops.kinds.campaign.recurrence import RecurrenceSpec
from smsops.kinds.campaign.text import Template
from smsops.kinds.contacts import NOBODY, live_contacts, merged_contacts, wanted_contacts
from smsops.kinds.view import View
from smsops.model.address import Address
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.resources import CannotRead, Desired
from smsops.model.shown import shown_phone
from smsops.model.values import JSON, repr_without
from smsops.table import BadCondition, Rows, Table


class CampaignData(NamedTuple):
    """What declaring a campaign made of its block."""

    template: Template
    phones: tuple[str, ...]
    is_first: bool = True
    """Whether it is the only campaign of its block, or the first of its occurrences."""
    recurrence: RecurrenceSpec | None = None
    """What it is an occurrence of."""


def list_address(campaign: Address, key: str) -> Address:
    return Address(campaign.account, "list", key)


def is_declared(list_key: Address, view: View) -> bool:
    """Whether the configuration says which contacts the list has."""
    return _contacts(list_key) in view.desired


def contacts_of(list_key: Address, view: View) -> Table:
    """The contacts that the list will have after the apply."""
    declared = view.desired.get(_contacts(list_key))
    wanted = wanted_contacts(declared, view) if declared else None
    return merged_contacts(list_key, wanted, live_contacts(list_key, view), view)


def declared_part(desired: Desired, view: View) -> JSON:
    """What the configuration says of the contacts where others are known to the account alone: a change of it makes a
    plan look at these too. None where it says everything: then the recipients themselves are compared."""
    addresses = [address for group in _lists(desired) for address in group]
    if all(is_declared(address, view) for address in addresses):
        return None
    declared = [view.desired.get(_contacts(address)) for address in addresses]
    return [None if found is None else _said(found, view) for found in declared]


def audience_digest(desired: Desired, view: View) -> str:
    """A digest of what the configuration says about the audience."""
    return view.digest([desired.spec.audience.model_dump(), declared_part(desired, view)])


def _said(contacts: Desired, view: View) -> JSON:
    wanted = wanted_contacts(contacts, view)
    key = view.private_key
    return [
        wanted.exact,
        view.once(("said", contacts.address), (wanted.table,), lambda: wanted.table.digest(key)),
    ]


def _contacts(list_key: Address) -> Address:
    return Address(list_key.account, "contacts", list_key.name)


def _lists(desired: Desired) -> tuple[list[Address], list[Address]]:
    """The lists of the audience, and those that are excluded."""
    audience = desired.spec.audience
    lists, excluded = (
        [list_address(desired.address, key) for key in keys] for keys in (audience.lists, audience.exclude_lists)
    )
    return lists, excluded


class Audience(NamedTuple):
    """Everybody who is to get a campaign, once each, and who falls out on the way there."""

    people: Table
    in_lists: int
    """People in the lists, and single numbers."""
    matching: int
    """Those of them who are meant: they meet the condition and are in no excluded list."""
    invalid: tuple[tuple[str, str], ...] = ()
    """Numbers among these that are none of a mobile, masked, each with the reason: nothing is sent to them."""

    def __repr__(self) -> str:
        return repr_without(self, "people")


def lists_for(desired: Desired, view: View, *, pending: bool) -> tuple[list[Table], list[Table]] | None:
    """The contacts of the lists of an audience, and of those that are excluded, as they are after the apply.

    None where that needs contacts which only the account knows and the campaign is scheduled
    already (not `pending`): a plan does not ask for those.
    """
    lists, excluded = _lists(desired)
    if not pending and not all(is_declared(address, view) for address in (*lists, *excluded)):
        return None
    return [contacts_of(address, view) for address in lists], [contacts_of(address, view) for address in excluded]


def all_of(tables: list[Table]) -> Table:
    """The contacts of some lists, each once: those of earlier lists as they are there."""
    everybody: Table = NOBODY
    for table in tables:
        everybody = everybody.also(table) if len(everybody) else table
    return everybody


def meeting(people: Table, desired: Desired, view: View) -> Table:
    """Those who meet the condition of an audience."""
    where = desired.spec.audience.where
    if not where:
        return people
    lists, _ = _lists(desired)
    fields = sorted({name for address in lists for name in view.desired[address].data})
    try:
        return people.matching(where, fields)
    except BadCondition as error:  # values that the condition cannot take show only with the contacts
        raise CannotRead(f"audience.where: {error}") from None


def audience_of(desired: Desired, view: View, *, pending: bool) -> Audience | None:
    """The audience as it is after the apply; None as of `lists_for`."""
    found = lists_for(desired, view, pending=pending)
    if found is None:
        return None
    included, without = found
    return view.once(
        ("audience", desired.address.block), (*included, *without), lambda: _gathered(desired, included, without, view)
    )


def _gathered(desired: Desired, included: list[Table], excluded: list[Table], view: View) -> Audience:
    data: CampaignData = desired.data
    single = Rows({phone: {} for phone in data.phones})
    everybody = all_of(included)
    people = meeting(everybody, desired, view)
    if data.phones:
        everybody = everybody.also(single)
        people = people.also(single)
    for table in excluded:
        people = people.without(table)
    invalid = dict(_invalid(people))
    valid = people.without(Rows({phone: {} for phone in invalid})) if invalid else people
    shown = tuple((shown_phone(phone), reason) for phone, reason in invalid.items())
    return Audience(valid, len(everybody), len(people), shown)


def _invalid(people: Table) -> Iterator[tuple[str, str]]:
    """Contacts that others have put into a list may have any number."""
    for phone in people.doubtful():
        try:
            normalise_mobile(f"+{phone}", "FR")
        except InvalidPhone as error:
            yield phone, str(error)
