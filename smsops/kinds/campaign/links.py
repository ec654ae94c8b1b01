"""Short links of a campaign (manual §28): each is made once, before anything is sent, and kept in the campaign's entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from smsops.api.contract import Refused, Writer
from smsops.kinds.base import Session
from smsops.kinds.campaign.text import Template, stand_in
from smsops.model.address import Address
from smsops.model.state import Entry, Put


def known_links(entry: Entry | None) -> Mapping[str, str]:
    """The short links that were made for a campaign, by the addresses that they lead to."""
    found: Mapping[str, str] = entry.attributes.get("links", {}) if entry else {}
    return found


def unmade_links(template: Template, known: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What stands for the short links that are to be made, each with the address that it leads to."""
    return tuple((stand_in(number), link) for number, link in enumerate(template.links, start=1) if link not in known)


async def make_links(
    entry: Entry, address: Address, wanted: tuple[tuple[str, str], ...], api: Writer, session: Session
) -> tuple[Entry, Mapping[str, str]]:
    """Make short links, each durable before the next: the entry with them, and each by what stood for it.

    Refused where one is longer than was reckoned: the next plan counts with it as it is.
    """
    made: dict[str, str] = {}
    too_long = False
    for place, url in wanted:
        session.proceed()
        short = await api.shorten_url(url)
        made[place] = short
        too_long = too_long or len(short) > len(place)
        current = session.entry(address) or replace(
            entry, attributes={**entry.attributes, "parts": [], "complete": False}
        )
        await session.record(Put(_with_link(current, url, short)))
        entry = _with_link(entry, url, short)
    if too_long:
        raise Refused("shortenUrl", "a short link is longer than was reckoned with: plan again, now that it is known")
    return entry, made


def _with_link(entry: Entry, url: str, short: str) -> Entry:
    return replace(entry, attributes={**entry.attributes, "links": {**known_links(entry), url: short}})
