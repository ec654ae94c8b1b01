"""Dates of campaigns: what the configuration writes, the instant it means, and what DATE has to say.

The API's DATE has no zone (manual §6.2): it is read in the account's, which is a setting. A local
time that a change of the clocks skips or repeats names no single instant, so it is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

_WRITTEN = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)\s*(Z|[+-]\d\d:?\d\d|[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)?\Z"
)


class BadSchedule(ValueError):
    """A schedule that names no single instant."""


def zone_called(name: str) -> tzinfo:
    """A time zone by its name. KeyError, ValueError or OSError where there is none."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def read_schedule(text: str, zone: str) -> datetime:
    """The instant (UTC) of ``2026-11-27 10:00``, with seconds, an offset or a zone where they are given."""
    match = _WRITTEN.match(text.strip())
    if match is None:
        raise BadSchedule("Write a date such as 2026-11-27 10:00, with a zone behind it if need be")
    day, clock, suffix = match.groups()
    try:
        local = datetime.fromisoformat(f"{day} {clock}")
        if not 2000 <= local.year < 2200:
            raise ValueError(day)  # a typing error, and beyond what zones can be asked about
        if suffix == "Z" or (suffix and suffix[0] in "+-"):
            return datetime.fromisoformat(f"{day}T{clock}{'+00:00' if suffix == 'Z' else suffix}").astimezone(UTC)
    except ValueError:
        raise BadSchedule("There is no such date or time") from None
    try:
        return instant(local, suffix or zone)
    except (KeyError, ValueError, OSError) as error:
        if isinstance(error, BadSchedule):
            raise
        raise BadSchedule(f"There is no time zone {suffix}") from None


def instant(local: datetime, zone: str) -> datetime:
    """The one instant at which clocks in `zone` show `local`."""
    first = local.replace(tzinfo=zone_called(zone), fold=0)
    second = first.replace(fold=1)
    if first.utcoffset() != second.utcoffset():
        shown = f"{local:%Y-%m-%d %H:%M}"
        if first.astimezone(UTC).astimezone(zone_called(zone)).replace(tzinfo=None) != local:
            raise BadSchedule(f"{shown} does not exist in {zone}: the clocks are put forward over it")
        raise BadSchedule(f"{shown} comes twice in {zone}: the clocks are put back; add an offset such as +02:00")
    return first.astimezone(UTC)


def wire_date(moment: datetime, zone: str) -> str:
    """DATE for an instant, in the account's zone; BadSchedule where that local time comes twice."""
    local = moment.astimezone(zone_called(zone)).replace(tzinfo=None)
    try:
        instant(local, zone)
    except BadSchedule:
        raise BadSchedule(
            f"{local:%Y-%m-%d %H:%M} comes twice in {zone}, in which the API reads dates; choose another time"
        ) from None
    return f"{local:%Y-%m-%d %H:%M:%S}"


def shown(moment: datetime, zone: str) -> str:
    """A date for people, in the stack's zone."""
    return f"{moment.astimezone(zone_called(zone)):%Y-%m-%d %H:%M} {zone}"


def is_near(moment: datetime, now: datetime, lead: timedelta | None) -> bool:
    return lead is not None and moment - now < lead


def last_change(moment: datetime, now: datetime, lead: timedelta | None) -> datetime | None:
    """Until when a campaign of that date can be taken back; None where that is over already."""
    last = moment - lead if lead else moment
    return last if last > now else None
