"""The audience of a campaign: which people, with which values, and what their messages cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smsops.api.contract import Recipient, Refused
from smsops.kinds.base import View
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import MAX_LENGTH, Template, length, segments
from smsops.kinds.campaign.where import BadCondition, matching
from smsops.kinds.contacts import Rows, live_rows, merged
from smsops.model.address import Address
from smsops.model.phone import country_of
from smsops.model.resources import CannotRead, Desired, Read
from smsops.model.values import JSON, Number, mask_phone


@dataclass(frozen=True)
class CampaignData:
    """What declaring a campaign made of its block."""

    template: Template
    phones: tuple[str, ...]


def list_address(campaign: Address, key: str) -> Address:
    return Address(campaign.account, "list", key)


def is_declared(list_key: Address, view: View) -> bool:
    """Whether the configuration says which contacts the list has."""
    return Address(list_key.account, "contacts", list_key.name) in view.desired


def rows_of(list_key: Address, view: View) -> Rows:
    """The contacts that the list will have after the apply."""
    contacts = view.desired.get(Address(list_key.account, "contacts", list_key.name))
    return merged(contacts.data if contacts else None, live_rows(list_key, view))


def declared_part(desired: Desired, view: View) -> JSON:
    """What the configuration says of the contacts where others are known to the account alone: a change of it makes a
    plan look at these too. None where it says everything: then the recipients themselves are compared."""
    addresses = [address for group in _lists(desired) for address in group]
    if all(is_declared(address, view) for address in addresses):
        return None
    contacts = [view.desired.get(Address(address.account, "contacts", address.name)) for address in addresses]
    return [None if found is None else [found.data.exact, found.data.rows] for found in contacts]


def _lists(desired: Desired) -> tuple[list[Address], list[Address]]:
    """The lists of the audience, and those that are excluded."""
    audience = desired.spec.audience
    lists, excluded = (
        [list_address(desired.address, key) for key in keys] for keys in (audience.lists, audience.exclude_lists)
    )
    return lists, excluded


def recipients_of(desired: Desired, view: View, *, pending: bool) -> list[Recipient] | None:
    """Everybody who is to get the campaign, once each, in a stable order.

    None where that needs contacts which only the account knows and the campaign is scheduled
    already (not `pending`): a plan does not ask for those.
    """
    spec: CampaignSpec = desired.spec
    data: CampaignData = desired.data
    lists, excluded = _lists(desired)
    if not pending and not all(is_declared(address, view) for address in (*lists, *excluded)):
        return None
    people: Rows = {}
    for address in lists:
        for phone, fields in rows_of(address, view).items():
            people.setdefault(phone, fields)
    if spec.audience.where:
        people = _matching(spec.audience.where, lists, people, view)
    for phone in data.phones:
        people.setdefault(phone, {})
    for address in excluded:
        for phone in rows_of(address, view):
            people.pop(phone, None)
    return [Recipient(phone, data.template.parameters(fields)) for phone, fields in sorted(people.items())]


def _matching(condition: str, lists: Sequence[Address], people: Rows, view: View) -> Rows:
    fields = sorted({name for address in lists for name in view.desired[address].data})
    phones = list(people)
    try:
        found = matching(condition, fields, list(people.values()))
    except BadCondition as error:  # values that the condition cannot take show only with the contacts
        raise CannotRead(f"audience.where: {error}") from None
    return {phones[position]: people[phones[position]] for position in found}


@dataclass(frozen=True)
class Estimate:
    """What sending comes to, by our own count."""

    recipients: int
    messages: int
    credits: Number
    too_long: tuple[str, ...]
    unpriced: tuple[str, ...]


def estimate(template: Template, recipients: Iterable[Recipient], view: View) -> Estimate:
    """Segments of each rendered message times the price of its country (getCreditsByCountryIsoCode)."""
    counts: dict[str, int] = {}
    too_long: list[str] = []
    people = 0
    sizes: dict[tuple[str, ...], tuple[int, bool]] = {}
    for recipient in recipients:
        people += 1
        if recipient.params not in sizes:
            text = template.render(dict(zip(template.fields, recipient.params, strict=True)))
            sizes[recipient.params] = (segments(text), length(text) > MAX_LENGTH)
        messages, long = sizes[recipient.params]
        if long:
            too_long.append(mask_phone(recipient.phone))
        country = country_of(recipient.phone)
        counts[country] = counts.get(country, 0) + messages
    reads = {country: Read("get_credits_by_country", (country,)) for country in sorted(counts)}
    # A country without a price is said so; a price that could not be read leaves the cost unknown.
    view.read(*(read for read in reads.values() if not isinstance(view.results.get(read), Refused)))
    prices: Mapping[str, Number | None] = {country: view.try_read(read) for country, read in reads.items()}
    credits: Number = sum(((prices[country] or 0) * count for country, count in counts.items()), start=0)
    unpriced = tuple(country for country, price in prices.items() if price is None)
    return Estimate(people, sum(counts.values()), credits, tuple(too_long), unpriced)
