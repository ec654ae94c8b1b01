"""What sending comes to, by our own count: segments of each rendered message times the price of its country."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from smsops.api.errors import Refused
from smsops.kinds.campaign.parts import CANCELLING, Part, Reach, SentPart
from smsops.kinds.campaign.text import Template
from smsops.kinds.view import Resource, View, price_read
from smsops.model.values import Number, plural, repr_without


class Estimate(NamedTuple):
    """What sending some parts comes to. `costs` are by the start of the part."""

    reached: Mapping[str, Reach]
    costs: Mapping[str, Number]
    recipients: int
    messages: int
    credits: Number
    countries: Mapping[str, tuple[int, Number]]
    """SMS and credits by country."""
    too_long: int
    shown_too_long: Sequence[str]
    unpriced: tuple[str, ...]

    def __repr__(self) -> str:
        return repr_without(self, "shown_too_long")


def estimate(parts: Sequence[Part], template: Template, blacklist: frozenset[str], view: View) -> Estimate:
    """What sending these parts of one cut comes to (getCreditsByCountryIsoCode). NotReadYet until prices were read."""
    numbers = [part.number for part in parts]
    found = parts[0].cut.reach(numbers, template, blacklist) if parts else {}
    countries = sorted({country for reach in found.values() for country in reach.messages})
    prices = _prices(countries, view)

    def cost(messages: Mapping[str, int]) -> Number:
        return sum(((prices[country] or 0) * count for country, count in messages.items()), start=0)

    costs = {part.start: cost(found[part.number].messages) for part in parts}
    messages = {country: sum(reach.messages.get(country, 0) for reach in found.values()) for country in countries}
    too_long = sum(reach.too_long for reach in found.values())
    return Estimate(
        reached={part.start: found[part.number] for part in parts},
        costs=costs,
        recipients=sum(reach.recipients for reach in found.values()),
        messages=sum(messages.values()),
        credits=sum(costs.values(), start=0),
        countries={country: (count, cost({country: count})) for country, count in messages.items()},
        too_long=too_long,
        shown_too_long=parts[0].cut.too_long(numbers, template, blacklist) if too_long else (),
        unpriced=tuple(country for country, price in prices.items() if price is None),
    )


def _prices(countries: Sequence[str], view: View) -> Mapping[str, Number | None]:
    """What an SMS costs, by country: as the state has it from lately, else as the API says.

    A country without a price is said so (None); a price that could not be read leaves the cost unknown.
    """
    known = {country: view.known_price(country) for country in countries}
    reads = {country: price_read(country) for country in countries if known[country] is None}
    view.read(*(read for read in reads.values() if not isinstance(view.results.get(read), Refused)))
    return {country: view.try_read(reads[country]) if country in reads else known[country] for country in countries}


def cost_of(parts: Sequence[SentPart]) -> Number:
    """What parts that are scheduled cost, and cancelling them gives back: whole credits.

    Where cancelling was begun, it may have been given back already.
    """
    return round(sum(part.credits for part in parts if part.status != CANCELLING))


def judge_cost(resource: Resource, credits: Number, unpriced: Sequence[str], view: View) -> None:
    """Refuse a campaign that costs more than it may, all of its parts together; without a price it may cost anything."""
    limits: list[tuple[str, int | None]] = [("max_credits", resource.want.spec.max_credits)]
    if view.policy:
        limits.append(("max_credits_per_campaign", view.policy.max_credits_per_campaign))
    for name, limit in limits:
        if limit is not None and (credits > limit or unpriced):
            cost = f"{'more than ' if unpriced else ''}{plural(credits, 'credit')}"
            view.block(
                resource.address,
                "SMS251",
                f"{resource.address} would cost {cost}; {name} allows {limit:,}",
                f"Send to fewer, shorten the message, or let it through: --override {name}.",
                policy=name,
            )
