"""What is said about a message: which pack decides, the message's own rules, and many places in few lines."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.config.rule_packs import built_in
from smsops.model.phone import Place
from smsops.rules.judge import judge
from smsops.rules.pack import Pack
from smsops.rules.rulebook import Rulebook, rulebook
from tests.rules.people import PLACES, book, breaches, broken

WORKDAY = "2026-11-24T14:00Z"
places = st.dictionaries(st.sampled_from(list(PLACES.values())), st.integers(1, 9), min_size=1, max_size=5)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
books = st.sampled_from([book(), book("fr-af2m-2024", "fr-af2m-2026"), book("fr-af2m-2026")])


def test_the_date_of_sending_picks_the_charter() -> None:
    """A charter decides about what is sent while it is valid, on the recipient's calendar; before and behind, the next pack does."""
    both, new = book("fr-af2m-2024", "fr-af2m-2026"), book("fr-af2m-2026")

    def pack(rules: Rulebook, moment: str, place: str) -> list[str]:
        return [breach.pack for breach in breaches(rules, moment, place) if breach.rule == "hours"]

    assert broken(both, "2026-02-28T20:45Z", "Paris") == {}  # 21:45, until 22:00
    assert broken(both, "2026-03-02T20:45Z", "Paris") == {"hours": "error"}  # 21:45, until 21:30
    assert pack(new, "2026-02-28T22:59Z", "Paris") == ["fr-strict"]  # 23:59 on the last day of February
    assert pack(new, "2026-02-28T23:00Z", "Paris") == ["fr-af2m-2026"]
    assert pack(new, "2026-03-01T03:59Z", "Martinique") == ["fr-strict"]
    assert pack(new, "2026-03-01T04:00Z", "Martinique") == ["fr-af2m-2026"]
    assert pack(book("fr-af2m-2024"), "2024-08-31T21:59Z", "Paris") == ["fr-strict"]
    assert pack(book("fr-af2m-2024"), "2024-08-31T22:00Z", "Paris") == ["fr-af2m-2024"]
    assert pack(book("fr-af2m-2024"), "2026-03-02T02:00Z", "Paris") == ["fr-strict"]


@pytest.mark.parametrize(
    ("names", "moment", "level"),
    [
        ((), WORKDAY, "warning"),
        (("fr-af2m-2024",), "2025-11-25T14:00Z", "error"),
        (("fr-af2m-2026",), WORKDAY, "warning"),
    ],
)
def test_french_messages_end_with_stop(names: tuple[str, ...], moment: str, level: str) -> None:
    """A message to France or overseas without the STOP mention breaks every French pack; abroad none."""
    for place in ("Paris", "Réunion", "Martinique"):
        assert broken(book(*names), moment, place, stop=False) == {"stop": level}
    assert broken(book(*names), "2026-11-24T15:00Z", "Berlin", "New York", stop=False) == {}


@pytest.mark.parametrize(
    ("place", "sender", "expected"),
    [
        ("Paris", None, {}),
        ("Paris", "ACME", {}),
        ("Paris", "ACME24", {}),
        ("Paris", "36180", {"sender-letter": "error"}),
        ("Réunion", "ACME SAS", {"sender-blank": "warning"}),
        ("New York", "ACME", {"sender": "warning"}),
        ("New York", "36180", {}),
        ("Canada", "ACME", {"sender": "warning"}),
        ("Canada", None, {}),
        ("Berlin", "ACME SAS", {}),
    ],
)
def test_the_sender_is_one_that_the_country_takes(place: str, sender: str | None, expected: dict[str, str]) -> None:
    """France takes no sender of digits alone and none with blanks, North America none with letters."""
    for pack in ((), ("fr-af2m-2026",)):
        assert broken(book(*pack), "2026-11-24T15:00Z", place, sender=sender) == expected


def test_a_sender_is_not_repeated() -> None:
    """A sender of digits may be somebody's number, so it is not in what is said about it."""
    (found,) = breaches(book(), WORKDAY, "Paris", sender="33612345678")

    assert not any(character.isdigit() for character in found.text)


def test_a_rule_that_many_places_break_is_said_once() -> None:
    """One breach a rule, with the clocks that most people see first, all the places and all the people."""
    people = {
        PLACES["Réunion"]: 2,
        PLACES["Paris"]: 900,
        PLACES["Guyane"]: 1,
        PLACES["Guadeloupe"]: 7,
        PLACES["Martinique"]: 9,
    }

    (found,) = judge(book(), datetime(2026, 11, 24, 4, tzinfo=UTC), people, text_ends_with_stop=True, sender=None)[:1]

    assert found.text == (
        "it is 05:00 in Europe/Paris, 00:00 in America/Martinique and America/Guadeloupe and 01:00 in America/Cayenne, "
        "outside 08:00-20:00"
    )
    assert (found.pack, found.rule, found.level, found.people) == ("fr-strict", "hours", "error", 917)
    assert [place.country for place in found.places] == ["FR", "MQ", "GP", "GF"]
    assert found.source


@settings(max_examples=60)
@given(books, moments, places, st.booleans(), st.sampled_from([None, "ACME", "ACME SAS", "36180"]))
def test_an_audience_breaks_what_its_people_break(
    rules: Rulebook, moment: datetime, people: dict[Place, int], stop: bool, sender: str | None
) -> None:
    """What is found for an audience is what is found for each place of it, with as many people, errors first."""
    expected: dict[tuple[str, str, str], int] = {}
    for place, count in people.items():
        for breach in judge(rules, moment, {place: count}, text_ends_with_stop=stop, sender=sender):
            key = (breach.pack, breach.rule, breach.level)
            expected[key] = expected.get(key, 0) + breach.people

    found = judge(rules, moment, people, text_ends_with_stop=stop, sender=sender)

    assert {(breach.pack, breach.rule, breach.level): breach.people for breach in found} == expected
    assert len(found) == len(expected)
    assert [breach.level for breach in found] == sorted(breach.level for breach in found)


def test_nothing_is_read_before_somebody_asks() -> None:
    """A stack without marketing messages never reads a pack."""
    read: list[str] = []

    def reading(name: str) -> Pack:
        read.append(name)
        return built_in(name)

    rules = rulebook(["fr-af2m-2026"], {}, reading)
    assert read == []

    broken(rules, WORKDAY, "Paris")

    assert read == ["fr-af2m-2026", "fr-strict", "us-tcpa", "default"]
