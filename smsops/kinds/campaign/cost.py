"""What sending comes to, by our own count: segments of each rendered message times the price of its country."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from smsops.api.contract import Refused
from smsops.kinds.base import View
from smsops.kinds.campaign.parts import Part, Reach
from smsops.kinds.campaign.text import Template
from smsops.model.resources import Read
from smsops.model.values import Number


@dataclass(frozen=True)
class Estimate:
    """What sending some parts comes to. `costs` are by the start of the part."""

    reached: Mapping[str, Reach]
    costs: Mapping[str, Number]
    recipients: int
    messages: int
    credits: Number
    too_long: int
    shown_too_long: Sequence[str] = field(repr=False)
    unpriced: tuple[str, ...]


def estimate(parts: Sequence[Part], template: Template, blacklist: frozenset[str], view: View) -> Estimate:
    """What sending these parts of one cut comes to (getCreditsByCountryIsoCode). NotReadYet until prices were read."""
    numbers = [part.number for part in parts]
    found = parts[0].cut.reach(numbers, template, blacklist) if parts else {}
    countries = sorted({country for reach in found.values() for country in reach.messages})
    reads = {country: Read("get_credits_by_country", (country,)) for country in countries}
    # A country without a price is said so; a price that could not be read leaves the cost unknown.
    view.read(*(read for read in reads.values() if not isinstance(view.results.get(read), Refused)))
    prices: Mapping[str, Number | None] = {country: view.try_read(read) for country, read in reads.items()}

    def cost(reach: Reach) -> Number:
        return sum(((prices[country] or 0) * count for country, count in reach.messages.items()), start=0)

    costs = {part.start: cost(found[part.number]) for part in parts}
    too_long = sum(reach.too_long for reach in found.values())
    return Estimate(
        reached={part.start: found[part.number] for part in parts},
        costs=costs,
        recipients=sum(reach.recipients for reach in found.values()),
        messages=sum(count for reach in found.values() for count in reach.messages.values()),
        credits=sum(costs.values(), start=0),
        too_long=too_long,
        shown_too_long=parts[0].cut.too_long(numbers, template, blacklist) if too_long else (),
        unpriced=tuple(country for country, price in prices.items() if price is None),
    )
