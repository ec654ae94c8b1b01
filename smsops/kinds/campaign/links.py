"""Short links of a campaign (manual §28): each is made once, before anything is sent, and kept in the campaign's entry.

An address may hold a phone number (https://wa.me/…), so the entry knows it by a digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from smsops.api.contract import Writer
from smsops.api.errors import Refused
from smsops.kinds.campaign.text import Template, stand_in
from smsops.kinds.session import Session
from smsops.kinds.view import View
from smsops.model.address import Address
from smsops.model.state import Entry, Put


class WantedLink(NamedTuple):
    """A short link to be made: what stands for it in the message, where it leads, and what the entry knows it by."""

    place: str
    url: str
    key: str


def known_links(template: Template, entry: Entry | None, view: View) -> dict[str, str]:
    """The short links that were made for a campaign, by the addresses that they lead to."""
    made = _made(entry) if entry else {}
    return {url: made[key] for url in template.links if (key := view.digest(url)) in made}


def kept_links(template: Template, entry: Entry | None, view: View) -> dict[str, str]:
    """The same as a new entry keeps them."""
    return {view.digest(url): short for url, short in known_links(template, entry, view).items()}


def unmade_links(template: Template, known: Mapping[str, str], view: View) -> tuple[WantedLink, ...]:
    """The short links that are to be made."""
    numbered = enumerate(template.links, start=1)
    return tuple(WantedLink(stand_in(number), url, view.digest(url)) for number, url in numbered if url not in known)


async def make_links(
    entry: Entry, address: Address, wanted: tuple[WantedLink, ...], api: Writer, session: Session
) -> tuple[Entry, Mapping[str, str]]:
    """Make short links, each durable before the next: the entry with them, and each by what stood for it.

    Refused where one is longer than was reckoned: the next plan counts with it as it is.
    """
    made: dict[str, str] = {}
    for place, url, key in wanted:
        session.proceed()
        made[place] = short = await api.shorten_url(url)
        nothing_sent = entry._replace(attributes={**entry.attributes, "parts": [], "complete": False})
        await session.record(Put(_with_link(session.entry(address) or nothing_sent, key, short)))
        entry = _with_link(entry, key, short)
    if any(len(short) > len(place) for place, short in made.items()):
        raise Refused("shortenUrl", "a short link is longer than was reckoned with: plan again, now that it is known")
    return entry, made


def _made(entry: Entry) -> Mapping[str, str]:
    found: Mapping[str, str] = entry.attributes.get("links", {})
    return found


def _with_link(entry: Entry, key: str, short: str) -> Entry:
    return entry._replace(attributes={**entry.attributes, "links": {**_made(entry), key: short}})
