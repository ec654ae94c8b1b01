"""The next lawful slot: lawful everywhere, and the first such."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.model.phone import Place, place_of
from smsops.rules.judge import judge, next_slot
from smsops.rules.rulebook import Rulebook
from tests.rules.people import PLACES, book
from tests.rules.test_judging import books, moments

QUARTER, WEEK = timedelta(minutes=15), timedelta(days=7)


def is_lawful(rules: Rulebook, moment: datetime, people: Mapping[Place, int]) -> bool:
    return not judge(rules, moment, people, text_ends_with_stop=True, sender=None)


@settings(max_examples=25)
@given(books, moments, st.sets(st.sampled_from([*PLACES.values()]), min_size=1, max_size=4))
def test_the_next_slot_is_the_first_lawful_quarter(rules: Rulebook, moment: datetime, places: set[Place]) -> None:
    """What is suggested breaches nothing, and no quarter of an hour between the moment and it would have done."""
    people = dict.fromkeys(places, 1)
    slot = next_slot(rules, moment, places)

    assert slot is None or is_lawful(rules, slot, people)
    quarter = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)
    while quarter < (slot or moment + WEEK):  # where none is lawful in a week none is at all
        assert quarter < moment or not is_lawful(rules, quarter, people)
        quarter += QUARTER
    assert slot is None or slot == quarter


@pytest.mark.parametrize(
    ("moment", "places", "slot"),
    [
        ("2026-11-24T09:00Z", ["Paris"], "2026-11-24T09:00Z"),
        ("2026-11-24T09:00:01Z", ["Paris"], "2026-11-24T09:15Z"),
        ("2026-11-24T19:00Z", ["Paris"], "2026-11-25T07:00Z"),
        ("2026-03-28T19:00Z", ["Paris"], "2026-03-30T06:00Z"),  # over a Sunday and a change of the clocks
        ("2026-12-24T19:00Z", ["Paris"], "2026-12-28T07:00Z"),  # over Christmas, Saint Stephen's Day and a Sunday
        ("2026-11-24T07:00Z", ["Réunion", "Paris", "Martinique"], "2026-11-24T12:00Z"),
        ("2026-11-24T16:00Z", ["Réunion", "Paris", "Martinique"], "2026-11-25T12:00Z"),
        ("2026-05-21T16:00Z", ["Réunion", "Martinique"], "2026-05-23T12:00Z"),
        ("2026-11-29T10:00Z", ["New York", "Berlin"], "2026-11-29T13:00Z"),
    ],
)
def test_the_next_slot_in_figures(moment: str, places: list[str], slot: str) -> None:
    """The suggestion leaps over nights, Sundays and the holidays of everybody who is to get the message."""
    found = next_slot(book(), datetime.fromisoformat(moment), [PLACES[name] for name in places])

    assert found == datetime.fromisoformat(slot)


def test_the_charter_of_2026_is_kept_in_full() -> None:
    """A suggestion also avoids what the charter only tolerates."""
    sunday = datetime(2026, 11, 29, 10, tzinfo=UTC)

    assert next_slot(book("fr-af2m-2026"), sunday, [PLACES["Paris"]]) == datetime(2026, 11, 30, 7, tzinfo=UTC)


def test_there_may_be_no_slot() -> None:
    """Where it is never day in all places at once nothing is suggested."""
    tahiti, moscow = place_of("68987123456"), place_of("79161234567")

    assert next_slot(book(), datetime(2026, 11, 24, tzinfo=UTC), [tahiti, moscow]) is None
