"""Where a number is: its country and every zone that its owner may be in, told by its first digits."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType, timezone

from smsops.model.phone import Place, country_of, place_of


def example(region: str) -> phonenumbers.PhoneNumber | None:
    return phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)


def digits_of(number: phonenumbers.PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


EXAMPLES = {region: number for region in sorted(phonenumbers.SUPPORTED_REGIONS) if (number := example(region))}
SHARED = {"CA", "US", "KZ", "RU", "RE", "YT"}
"""Regions for which our own table has the zones."""
PLAIN = [region for region, number in EXAMPLES.items() if region not in SHARED and number.country_code != 1]


@pytest.mark.parametrize(
    ("digits", "place"),
    [
        ("33612345678", Place("FR", ("Europe/Paris",))),
        ("262692123456", Place("RE", ("Indian/Reunion",))),
        ("262639123456", Place("YT", ("Indian/Mayotte",))),
        ("590690123456", Place("GP", ("America/Guadeloupe",))),
        ("594694123456", Place("GF", ("America/Cayenne",))),
        ("596696123456", Place("MQ", ("America/Martinique",))),
        ("508551234", Place("PM", ("America/Miquelon",))),
        ("12125550123", Place("US", ("America/New_York",))),
        ("18505550123", Place("US", ("America/Chicago", "America/New_York"))),  # the west of Florida
        ("16045550123", Place("CA", ("America/Vancouver",))),
        ("18765550123", Place("JM", ("America/Jamaica",))),
        ("77012345678", Place("KZ", ("Asia/Almaty", "Asia/Aqtobe"))),
        ("34612345678", Place("ES", ("Atlantic/Canary", "Europe/Madrid"))),
        ("881612345678", Place("ZZ", ("UTC",))),  # a satellite
    ],
)
def test_a_number_has_a_place(digits: str, place: Place) -> None:
    """France and its territories have their own clocks, +1 goes by area, other mobiles may be anywhere in their country."""
    assert place_of(digits) == place


@pytest.mark.parametrize("digits", ["18005550123", "15225550123"])
def test_an_area_that_is_none_may_be_anywhere_in_the_country(digits: str) -> None:
    """A number of +1 whose area code has no place is judged on all clocks from Hawaii to the Atlantic."""
    place = place_of(digits)

    assert place.country == "US"
    assert {"Pacific/Honolulu", "America/Los_Angeles", "America/New_York"} <= {*place.zones}


@pytest.mark.parametrize("region", EXAMPLES)
def test_every_country_has_clocks(region: str) -> None:
    """The place of a country's mobile is in that country, and its zones exist."""
    place = place_of(digits_of(EXAMPLES[region]))

    assert place.country == ("YT" if region == "YT" else country_of(digits_of(EXAMPLES[region])))
    assert place.zones
    assert [ZoneInfo(zone).key for zone in place.zones] == [*place.zones]


@pytest.mark.parametrize("region", PLAIN)
def test_zones_are_at_least_those_that_the_library_gives(region: str) -> None:
    """No zone is left out in which phonenumbers has a country's mobile."""
    number = EXAMPLES[region]

    assert {*timezone.time_zones_for_number(number)} <= {*place_of(digits_of(number)).zones}


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_seven_digits_and_the_length_decide(region: str, data: st.DataObject) -> None:
    """Numbers with the first seven digits and the length in common are in one place: an audience is counted by them."""
    digits = digits_of(EXAMPLES[region])
    rest = len(digits) - 7
    if rest > 0:
        other = digits[:7] + data.draw(st.text("0123456789", min_size=rest, max_size=rest))
        assert place_of(other) == place_of(digits)
