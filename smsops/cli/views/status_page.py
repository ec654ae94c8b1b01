"""How campaigns stand, as a page: on a calendar, and as a table with their parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from smsops.cli.views.campaigns import cost_of, status_line
from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.month import Entry, months
from smsops.cli.views.page import Section, page_of_sections, table
from smsops.model.standing import Standing, StandingPart
from smsops.model.values import Number, plural

MOST = 2_000
"""So many campaigns are listed, the latest."""
MOST_PARTS = 200
_HEADS = ("Date", "Campaign", "State", "Taken back until", "From", "Recipients", "Credits", "Parts")


def status_page(standings: Sequence[Standing], stack: str, zone: str) -> str:
    """The page; campaigns come by their date."""
    entries = [
        Entry(one.date, str(one.address), f"{plural(one.recipients, 'recipient')}, {cost_of(one)}, {one.state}")
        for one in standings
    ]
    sections = (
        Section("calendar", "Calendar", months(entries, latest=True)),
        Section("campaigns", "Campaigns", _campaigns(standings)),
    )
    return page_of_sections(f"Campaigns of {stack}", element("p", status_line(standings, zone)), sections)


def _campaigns(standings: Sequence[Standing]) -> Html | None:
    if not standings:
        return None
    left_out = len(standings) - MOST
    more = f"{left_out:,} earlier ones are not listed here; smsops status prints them."
    return join(
        (
            element("p", more) if left_out > 0 else None,
            table("Campaigns", _HEADS, map(_row, standings[-MOST:])),
        )
    )


def _row(one: Standing) -> Html:
    until = one.cancellable_until
    return element(
        "tr",
        element("td", _moment(one.date, f"{one.date:%a %Y-%m-%d %H:%M}")),
        element("td", element("code", str(one.address)), element("br"), element("small", element("bdi", one.message))),
        element("td", one.state),
        element("td", _moment(until, f"{until:%Y-%m-%d %H:%M}") if until else "–"),
        element("td", element("bdi", one.sender)),
        element("td", f"{one.recipients:,}", class_="number"),
        element("td", _count(one.credits), class_="number"),
        element("td", _parts(one)),
    )


def _parts(one: Standing) -> Html:
    left_out = len(one.parts) - MOST_PARTS
    return element(
        "details",
        element("summary", plural(len(one.parts), "part")),
        element(
            "ul",
            join(map(_part, one.parts[:MOST_PARTS])),
            element("li", f"and {left_out:,} more; --format json has all") if left_out > 0 else None,
            class_="parts",
        ),
    )


def _part(part: StandingPart) -> Html:
    told = f": {plural(part.recipients, 'recipient')}, {cost_of(part)}, {part.status}"
    return element("li", element("code", part.campaign_id or "-"), element("bdi", told))


def _moment(moment: datetime, words: str) -> Html:
    return element("time", words, datetime=moment.isoformat())


def _count(value: Number | None) -> str:
    return "?" if value is None else f"{value:,}"
