"""When the campaigns of a plan go out: a grid for each month. A narrow page turns the grid into a list of its days."""

from __future__ import annotations

from calendar import Calendar, day_abbr, month_name
from collections.abc import Collection, Sequence
from datetime import date, datetime

from smsops.cli.views.markup import Html, element, join
from smsops.model.address import Address
from smsops.model.plan import Change, Plan
from smsops.model.values import plural

MOST_MONTHS = 24
MOST_IN_A_DAY = 20
_WEEK = range(7)


def section(plan: Plan) -> Html | None:
    """Nothing where the plan sends nothing."""
    sending = [change for change in plan.changes if change.send and change.send.recipients]
    dated = sorted((one.send.date, str(one.address), one) for one in sending if one.send and one.send.date)
    at_once = [one for one in sending if one.send and one.send.date is None]
    if not sending:
        return None
    blocked = {item.address for item in plan.blocked}
    months: dict[date, dict[date, list[tuple[datetime, Change]]]] = {}
    for moment, _, change in dated:
        day = moment.date()
        months.setdefault(day.replace(day=1), {}).setdefault(day, []).append((moment, change))
    shown = list(months.items())[:MOST_MONTHS]
    later = sum(len(one) for _, days in list(months.items())[MOST_MONTHS:] for one in days.values())
    zones = ", ".join(dict.fromkeys(str(moment.tzinfo) for moment, _, _ in dated))
    return join(
        (
            element("p", f"Times are in {zones}.", class_="quiet") if zones else None,
            element("p", "At once: ", join((_entry(None, one, one.address in blocked) for one in at_once), ", "))
            if at_once
            else None,
            *(_month(first, days, blocked) for first, days in shown),
            element("p", f"{plural(later, 'campaign')} of later months are not shown here.") if later else None,
        ),
        "\n",
    )


def _month(first: date, days: dict[date, list[tuple[datetime, Change]]], blocked: Collection[Address | None]) -> Html:
    heads = (element("th", day_abbr[day], scope="col") for day in _WEEK)
    weeks = (
        element("tr", join(_day(day, first.month, days.get(day, ()), blocked) for day in week))
        for week in Calendar().monthdatescalendar(first.year, first.month)
    )
    return element(
        "table",
        element("caption", f"{month_name[first.month]} {first.year}"),
        element("thead", element("tr", join(heads))),
        element("tbody", join(weeks, "\n")),
        class_="month",
    )


def _day(day: date, month: int, sends: Sequence[tuple[datetime, Change]], blocked: Collection[Address | None]) -> Html:
    if day.month != month:
        return element("td", class_="empty")
    number = element(
        "time",
        element("span", f"{day_abbr[day.weekday()]} ", class_="narrow"),
        day.day,
        datetime=day.isoformat(),
    )
    if not sends:
        return element("td", number, class_="empty")
    entries = (element("li", _entry(moment, one, one.address in blocked)) for moment, one in sends[:MOST_IN_A_DAY])
    left_out = len(sends) - MOST_IN_A_DAY
    more = element("li", f"and {left_out:,} more") if left_out > 0 else None
    return element("td", number, element("ul", join(entries), more))


def _entry(moment: datetime | None, change: Change, refused: bool) -> Html:
    """A campaign: its time, its address, how many it goes to and what it costs."""
    send = change.send
    assert send is not None
    cost = "e-mail" if send.channel == "email" else plural(send.credits, "credit")
    told = f"{plural(send.recipients, 'recipient')}, {cost}"
    return element(
        "span",
        element("time", f"{moment:%H:%M}", datetime=moment.isoformat()) if moment else None,
        " ",
        element("bdi", str(change.address)),
        " ",
        element("small", told),
        element("span", "BLOCKED", class_="badge error") if refused else None,
        class_="entry refused" if refused else "entry",
        title=f"{change.address}: {told}",
    )
