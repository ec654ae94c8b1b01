"""Public holidays of countries and of parts of them, as the `holidays` library knows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache


def holiday(calendar: str, day: date) -> str | None:
    """The name of the public holiday that a day is in a country (``FR``) or a part of one (``FR-57``).

    None where it is none, and where nobody knows the holidays of the calendar.
    """
    days = _days(calendar)
    return days.get(day) if days is not None else None


def is_known(calendar: str) -> bool:
    """Whether the holidays of a country, or a part of one, are known."""
    return _days(calendar) is not None


@cache
def _days(calendar: str) -> Mapping[date, str] | None:
    import holidays

    country, _, part = calendar.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None, language="en_US")
    except NotImplementedError:
        return None
