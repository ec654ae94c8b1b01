"""Hours, quiet days and holidays: every edge, on the recipient's clock, whatever the clocks do."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.rules.people import book, breaches, broken

SECOND = timedelta(seconds=1)

WINDOWS = [
    # Paris puts its clocks forward on 29 March 2026 and back on 25 October; the departments overseas never do.
    ("fr-strict", "Paris", "2026-03-28T07:00Z", "2026-03-28T19:00Z"),
    ("fr-strict", "Paris", "2026-03-30T06:00Z", "2026-03-30T18:00Z"),
    ("fr-strict", "Paris", "2026-10-24T06:00Z", "2026-10-24T18:00Z"),
    ("fr-strict", "Paris", "2026-10-26T07:00Z", "2026-10-26T19:00Z"),
    ("fr-strict", "Réunion", "2026-03-28T04:00Z", "2026-03-28T16:00Z"),
    ("fr-strict", "Réunion", "2026-10-26T04:00Z", "2026-10-26T16:00Z"),
    ("fr-strict", "Mayotte", "2026-03-30T05:00Z", "2026-03-30T17:00Z"),
    ("fr-strict", "Martinique", "2026-03-28T12:00Z", "2026-03-29T00:00Z"),
    ("fr-strict", "Martinique", "2026-10-26T12:00Z", "2026-10-27T00:00Z"),
    ("fr-strict", "Guyane", "2026-10-26T11:00Z", "2026-10-26T23:00Z"),
    ("fr-af2m-2024", "Paris", "2025-03-29T07:00Z", "2025-03-29T21:00Z"),
    ("fr-af2m-2024", "Paris", "2025-03-31T06:00Z", "2025-03-31T20:00Z"),
    ("fr-af2m-2024", "Paris", "2025-10-27T07:00Z", "2025-10-27T21:00Z"),
    ("fr-af2m-2024", "Réunion", "2025-03-31T04:00Z", "2025-03-31T18:00Z"),
    ("fr-af2m-2024", "Martinique", "2025-10-27T12:00Z", "2025-10-28T02:00Z"),
    ("fr-af2m-2026", "Paris", "2026-03-28T07:00Z", "2026-03-28T20:30Z"),
    ("fr-af2m-2026", "Paris", "2026-03-29T06:00Z", "2026-03-29T19:30Z"),
    ("fr-af2m-2026", "Paris", "2026-10-25T07:00Z", "2026-10-25T20:30Z"),
    ("fr-af2m-2026", "Réunion", "2026-03-29T04:00Z", "2026-03-29T17:30Z"),
    ("fr-af2m-2026", "Martinique", "2026-10-25T12:00Z", "2026-10-26T01:30Z"),
    # New York: 8 March and 1 November; Phoenix never.
    ("us-tcpa", "New York", "2026-03-07T13:00Z", "2026-03-08T02:00Z"),
    ("us-tcpa", "New York", "2026-03-08T12:00Z", "2026-03-09T01:00Z"),
    ("us-tcpa", "New York", "2026-11-01T13:00Z", "2026-11-02T02:00Z"),
    ("us-tcpa", "Phoenix", "2026-03-08T15:00Z", "2026-03-09T04:00Z"),
    ("default", "Berlin", "2026-03-28T07:00Z", "2026-03-28T19:00Z"),
    ("default", "Berlin", "2026-03-29T06:00Z", "2026-03-29T18:00Z"),
    ("default", "Berlin", "2026-10-25T07:00Z", "2026-10-25T19:00Z"),
    ("default", "Tokyo", "2026-03-28T23:00Z", "2026-03-29T11:00Z"),
    # From 08:00 in the Cocos Islands (+6:30) to 20:00 on Lord Howe (+11 in its summer).
    ("default", "Australia", "2026-11-23T01:30Z", "2026-11-23T09:00Z"),
]


@pytest.mark.parametrize(("pack", "place", "first", "end"), WINDOWS)
def test_a_window_has_its_first_instant_and_not_its_last(pack: str, place: str, first: str, end: str) -> None:
    """Hours hold on the recipient's clock, from their first instant on and not at their end, over every change of the clocks."""
    rules = book(*([pack] if pack.startswith("fr-af2m") else []))
    begins, ends = datetime.fromisoformat(first), datetime.fromisoformat(end)

    for moment, is_broken in ((begins - SECOND, True), (begins, False), (ends - SECOND, False), (ends, True)):
        found = [breach for breach in breaches(rules, moment.isoformat(), place) if breach.rule == "hours"]
        assert [breach.pack for breach in found] == [pack] * is_broken, moment


QUIET = [
    # pack, place, rule, level, the first instant of the day and the first behind it
    ("fr-strict", "Paris", "sunday", "error", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
    ("fr-strict", "Paris", "sunday", "error", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ("fr-strict", "Réunion", "sunday", "error", "2026-03-28T20:00Z", "2026-03-29T20:00Z"),
    ("fr-strict", "Martinique", "sunday", "error", "2026-03-29T04:00Z", "2026-03-30T04:00Z"),
    ("fr-strict", "Paris", "holiday", "error", "2026-07-13T22:00Z", "2026-07-14T22:00Z"),
    ("fr-strict", "Réunion", "holiday", "error", "2026-07-13T20:00Z", "2026-07-14T20:00Z"),
    ("fr-strict", "Martinique", "holiday", "error", "2026-07-14T04:00Z", "2026-07-15T04:00Z"),
    ("fr-strict", "Réunion", "holiday", "error", "2027-12-19T20:00Z", "2027-12-20T20:00Z"),
    ("fr-strict", "Martinique", "holiday", "error", "2026-05-22T04:00Z", "2026-05-23T04:00Z"),
    ("fr-strict", "Mayotte", "holiday", "error", "2026-04-26T21:00Z", "2026-04-27T21:00Z"),
    ("fr-strict", "Guadeloupe", "holiday", "error", "2026-05-27T04:00Z", "2026-05-28T04:00Z"),
    ("fr-strict", "Guyane", "holiday", "error", "2026-06-10T03:00Z", "2026-06-11T03:00Z"),
    ("fr-strict", "Paris", "holiday-alsace-moselle", "warning", "2026-04-02T22:00Z", "2026-04-03T22:00Z"),
    ("fr-strict", "Paris", "holiday-alsace-moselle", "warning", "2026-12-25T23:00Z", "2026-12-26T23:00Z"),
    ("fr-strict", "Guadeloupe", "holiday-northern-islands", "warning", "2026-05-28T04:00Z", "2026-05-29T04:00Z"),
    ("fr-strict", "Guadeloupe", "holiday-northern-islands", "warning", "2026-10-09T04:00Z", "2026-10-10T04:00Z"),
    ("fr-af2m-2024", "Paris", "sunday", "error", "2025-03-29T23:00Z", "2025-03-30T22:00Z"),
    ("fr-af2m-2024", "Martinique", "holiday", "error", "2025-05-22T04:00Z", "2025-05-23T04:00Z"),
    ("fr-af2m-2026", "Paris", "sunday", "warning", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ("fr-af2m-2026", "Réunion", "holiday", "warning", "2027-12-19T20:00Z", "2027-12-20T20:00Z"),
]


@pytest.mark.parametrize(("pack", "place", "rule", "level", "first", "end"), QUIET)
def test_a_quiet_day_lasts_from_midnight_to_midnight_there(
    pack: str, place: str, rule: str, level: str, first: str, end: str
) -> None:
    """Sundays and holidays are those of the recipient's calendar and begin and end on the recipient's clock."""
    rules = book(*([pack] if pack.startswith("fr-af2m") else []))
    begins, ends = datetime.fromisoformat(first), datetime.fromisoformat(end)

    for moment, is_broken in ((begins - SECOND, False), (begins, True), (ends - SECOND, True), (ends, False)):
        found = {breach.rule: breach for breach in breaches(rules, moment.isoformat(), place)}
        assert (rule in found) is is_broken, moment
        if is_broken:
            assert (found[rule].pack, found[rule].level) == (pack, level)


NATIONAL = ["01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01", "11-11", "12-25"]


@pytest.mark.parametrize("place", ["Paris", "Réunion", "Martinique", "Guyane"])
def test_the_eleven_national_holidays_hold_overseas_too(place: str) -> None:
    """Each of the eleven days of the Code du travail is quiet in France and overseas, and none of them abroad."""
    for day in NATIONAL:
        assert broken(book(), f"2026-{day}T12:00Z", place)["holiday"] == "error"
        assert "holiday" not in broken(book(), f"2026-{day}T12:00Z", "Berlin", "New York")


def test_days_of_one_department_are_not_those_of_another() -> None:
    """The day of the abolition of slavery is quiet in its own department only, those of Alsace and Moselle in none of them."""
    assert broken(book(), "2026-05-22T14:00Z", "Paris", "Réunion", "Guadeloupe") == {}
    assert broken(book(), "2026-12-26T14:00Z", "Réunion", "Martinique") == {}


def test_one_holiday_is_said_once() -> None:
    """A national holiday is not reported again as one of Alsace and Moselle."""
    assert set(broken(book(), "2026-05-01T10:00Z", "Paris")) == {"holiday"}
