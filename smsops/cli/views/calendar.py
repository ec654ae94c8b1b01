"""The calendar as a table, as iCalendar and as a page; messages as phones show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from smsops.model.sending import Appointment
from smsops.model.shown import one_line, visible
from smsops.model.values import Number, plural

_PHONE = 36
"""Characters in a line of a phone's bubble."""


# -- the calendar ---------------------------------------------------------------------------


def text(appointments: Sequence[Appointment], zone: str) -> str:
    """A table for a terminal."""
    if not appointments:
        return "Nothing is scheduled."
    head = ("date", "campaign", "account", "recipients", "credits", "from", "status")
    rows = [head, *(tuple(_cells(one)) for one in appointments)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    right = (3, 4)
    lines = [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join((*lines, "", _sum(appointments, zone)))


def _cells(one: Appointment) -> Iterator[str]:
    yield f"{one.date:%a %Y-%m-%d %H:%M}"
    yield str(one.address)
    yield one.account or "(master)"
    yield _count(one.recipients)
    yield _count(one.credits)
    yield one_line(one.sender)
    until = one.cancellable_until
    yield one.status + (f", can be taken back until {until:%Y-%m-%d %H:%M}" if until and until != one.date else "")


def _count(value: Number | None) -> str:
    return "?" if value is None else f"{value:,}"


def _sum(appointments: Sequence[Appointment], zone: str) -> str:
    going = [one for one in appointments if one.status != "refused"]
    credits = sum((one.credits or 0 for one in going), start=0)
    refused = f", {len(appointments) - len(going):,} refused" if len(going) < len(appointments) else ""
    return f"{plural(len(going), 'campaign')}, {plural(credits, 'credit')}{refused}. Times are in {zone}."


def ics(appointments: Sequence[Appointment], stack: str, made: datetime) -> str:
    """An iCalendar (RFC 5545): one event a campaign, known by its address, so that a calendar that subscribes keeps it."""
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//smsops//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"SMS: {stack}")
    for one in (one for one in appointments if one.status != "refused"):
        event = Event()
        event.add("uid", f"{one.address}@{stack}.smsops")
        event.add("dtstamp", made)
        event.add("dtstart", one.date.astimezone(UTC))
        event.add("duration", timedelta(minutes=15))
        event.add("summary", f"{one.address}: {_count(one.recipients)} recipients, {_count(one.credits)} credits")
        event.add("description", f"{one.message}\n\nFrom {one.sender}, paid by {one.account or 'the master account'}.")
        event.add("status", "TENTATIVE" if one.status in ("planned", "rescheduled") else "CONFIRMED")
        calendar.add_component(event)
    found: str = calendar.to_ical().decode()
    return found


def html(appointments: Sequence[Appointment], stack: str, zone: str) -> str:
    """As a page."""
    from smsops.cli.views.markup import element
    from smsops.cli.views.month import Entry, months
    from smsops.cli.views.page import Section, page_of_sections, table

    heads = ("Date", "Campaign", "Account", "Recipients", "Credits", "From", "Status")
    rows = (
        element(
            "tr",
            element("td", element("time", f"{one.date:%a %Y-%m-%d %H:%M}", datetime=one.date.isoformat())),
            element("td", str(one.address), element("br"), element("small", element("bdi", one.message))),
            element("td", one.account or "(master)"),
            element("td", _count(one.recipients), class_="number"),
            element("td", _count(one.credits), class_="number"),
            element("td", element("bdi", one.sender)),
            element("td", one.status),
            class_=one.status,
        )
        for one in appointments
    )
    entries = [
        Entry(
            one.date,
            str(one.address),
            f"{_count(one.recipients)} recipients, {_count(one.credits)} credits, {one.status}",
            "REFUSED" if one.status == "refused" else "",
        )
        for one in appointments
    ]
    sections = (
        Section("calendar", "Calendar", months(entries)),
        Section("campaigns", "Campaigns", table("Campaigns", heads, rows) if appointments else None),
    )
    return page_of_sections(f"SMS calendar of {stack}", element("p", _sum(appointments, zone)), sections)


# -- messages -------------------------------------------------------------------------------


def preview(document: Mapping[str, Any]) -> str:
    """The shortest, the median and the longest message of a campaign."""
    message = document["message"]
    head = one_line(f"{document['address']}, {document['schedule']}")
    if message is None:
        return f"{head}: nobody gets it"
    lines = [f"{head}, from {one_line(message['sender'])}, to {plural(document['recipients'], 'recipient')}"]
    shown: list[str] = []
    for name in ("shortest", "median", "longest"):
        one = message[name]
        if one["text"] in shown:
            continue
        shown.append(one["text"])
        lines += [
            "",
            f"{name}: {plural(one['length'], 'character')}, {one['encoding']}, {one['segments']} SMS",
            *_bubble(one["text"]),
        ]
    for forcing in message["forcing"]:
        where = [f"at {', '.join(map(str, forcing['places']))}"] if forcing["places"] else []
        instead = "" if forcing["replacement"] is None else f'; write "{forcing["replacement"]}"'
        told = f"{forcing['character']} ({', '.join([*where, *forcing['fields']])}) is not GSM-7{instead}"
        lines.append(one_line(told))
    lines += [f"{one_line(name)} is empty for {plural(count, 'recipient')}" for name, count in message["empty"].items()]
    return "\n".join(lines)


def _bubble(content: str) -> Iterator[str]:
    yield f"  ╭{'─' * (_PHONE + 2)}╮"
    for line in _wrapped(content):
        yield f"  │ {line:<{_PHONE}} │"
    yield f"  ╰{'─' * (_PHONE + 2)}╯"


def _wrapped(content: str) -> Iterator[str]:
    import textwrap

    for line in visible(content).split("\n"):
        yield from textwrap.wrap(line, _PHONE, drop_whitespace=True) or [""]
