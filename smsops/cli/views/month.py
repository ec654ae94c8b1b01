"""When campaigns go out: a grid for each month. A narrow page turns the grid into a list of its days."""

from __future__ import annotations

from calendar import Calendar, day_abbr, month_name
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from smsops.cli.views.markup import Html, element, join
from smsops.model.values import plural

MOST_MONTHS = 24
MOST_IN_A_DAY = 20
_WEEK = range(7)


class Entry(NamedTuple):
    """A campaign: when (None is at once), what it is, how many it goes to and what it costs, why it does not go out."""

    date: datetime | None
    address: str
    told: str
    refused: str = ""


def months(entries: Sequence[Entry], *, latest: bool = False) -> Html | None:
    """The months that have an entry; nothing where there is none. Of too many, `latest` shows the last ones."""
    if not entries:
        return None
    dated = sorted((one.date, one.address, one) for one in entries if one.date)
    at_once = [one for one in entries if one.date is None]
    grids: dict[date, dict[date, list[Entry]]] = {}
    for moment, _, entry in dated:
        day = moment.date()
        grids.setdefault(day.replace(day=1), {}).setdefault(day, []).append(entry)
    firsts = list(grids)
    shown = firsts[-MOST_MONTHS:] if latest else firsts[:MOST_MONTHS]
    left_out = sum(len(one) for first in firsts if first not in shown for one in grids[first].values())
    others = "earlier" if latest else "later"
    zones = ", ".join(dict.fromkeys(str(moment.tzinfo) for moment, _, _ in dated))
    return join(
        (
            element("p", f"Times are in {zones}.", class_="quiet") if zones else None,
            element("p", "At once: ", join(map(_entry, at_once), ", ")) if at_once else None,
            *(_month(first, grids[first]) for first in shown),
            element("p", f"{plural(left_out, 'campaign')} of {others} months are not shown here.")
            if left_out
            else None,
        ),
        "\n",
    )


def _month(first: date, days: dict[date, list[Entry]]) -> Html:
    heads = (element("th", day_abbr[day], scope="col") for day in _WEEK)
    weeks = (
        element("tr", join(_day(day, first.month, days.get(day, ())) for day in week))
        for week in Calendar().monthdatescalendar(first.year, first.month)
    )
    return element(
        "table",
        element("caption", f"{month_name[first.month]} {first.year}"),
        element("thead", element("tr", join(heads))),
        element("tbody", join(weeks, "\n")),
        class_="month",
    )


def _day(day: date, month: int, entries: Sequence[Entry]) -> Html:
    if day.month != month:
        return element("td", class_="empty")
    number = element(
        "time",
        element("span", f"{day_abbr[day.weekday()]} ", class_="narrow"),
        day.day,
        datetime=day.isoformat(),
    )
    if not entries:
        return element("td", number, class_="empty")
    shown = (element("li", _entry(one)) for one in entries[:MOST_IN_A_DAY])
    left_out = len(entries) - MOST_IN_A_DAY
    more = element("li", f"and {left_out:,} more") if left_out > 0 else None
    return element("td", number, element("ul", join(shown), more))


def _entry(one: Entry) -> Html:
    return element(
        "span",
        element("time", f"{one.date:%H:%M}", datetime=one.date.isoformat()) if one.date else None,
        " ",
        element("bdi", one.address),
        " ",
        element("small", one.told),
        element("span", one.refused, class_="badge error") if one.refused else None,
        class_="entry refused" if one.refused else "entry",
        title=f"{one.address}: {one.told}",
    )
