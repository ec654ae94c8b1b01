"""Phone numbers: every usual way of writing one comes to the same digits, and to those that phonenumbers knows."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from smsops.model.phone import InvalidPhone, country_of, normalise_any, normalise_mobile

quick = settings(max_examples=200, deadline=None)
MOBILE_TYPES = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
EXAMPLES = {
    region: example
    for region in sorted(phonenumbers.SUPPORTED_REGIONS - {"FR", "GP", "GF", "MQ", "RE", "YT", "BL", "MF"})
    if (example := phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE))
}
OVERSEAS = {
    "0639": "262",
    "0690": "590",
    "0691": "590",
    "0692": "262",
    "0693": "262",
    "0694": "594",
    "0696": "596",
    "0697": "596",
}
FRENCH = st.tuples(st.sampled_from("67"), st.text("0123456789", min_size=8, max_size=8)).map("".join)


def e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")


@quick
@given(
    national=FRENCH,
    prefix=st.sampled_from(["0", "+33", "33", "0033", "+33(0)", ""]),
    separator=st.sampled_from(["", " ", ".", "-", "\u00a0", "/", "\u202f"]),
)
def test_every_way_of_writing_a_french_mobile_is_one_number(national: str, prefix: str, separator: str) -> None:
    """A French mobile is the same with any prefix and any separator, and phonenumbers agrees where it is in France."""
    assume("0" + national[:3] not in OVERSEAS)
    pairs = [national[:1], *(national[position : position + 2] for position in range(1, 9, 2))]
    written = prefix + separator.join(pairs)

    digits = normalise_mobile(written, "FR")

    assert digits == "33" + national
    assert digits == e164(phonenumbers.parse("+33" + national))
    assert country_of(digits) == "FR"


@quick
@given(prefix=st.sampled_from(sorted(OVERSEAS)), rest=st.text("0123456789", min_size=6, max_size=6))
def test_an_overseas_mobile_has_its_own_country_code(prefix: str, rest: str) -> None:
    """0692 … is Réunion, however it is written, and not a number of metropolitan France."""
    expected = OVERSEAS[prefix] + prefix[1:] + rest

    assert normalise_mobile(prefix + rest, "FR") == expected
    assert normalise_mobile("+33" + prefix[1:] + rest, "FR") == expected
    assert normalise_mobile("+" + expected, "FR") == expected
    assert normalise_mobile(expected, "FR") == expected


@settings(max_examples=400, deadline=None)
@given(region=st.sampled_from(sorted(EXAMPLES)), tail=st.text("0123456789", min_size=3, max_size=5))
def test_a_foreign_mobile_is_what_phonenumbers_says(region: str, tail: str) -> None:
    """A foreign mobile, international or as its own country writes it, has the digits that phonenumbers gives it."""
    example = EXAMPLES[region]
    national = phonenumbers.national_significant_number(example)
    number = phonenumbers.parse(f"+{example.country_code}{national[: -len(tail)]}{tail}")
    assume(phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in MOBILE_TYPES)
    expected = e164(number)

    assert normalise_mobile("+" + expected, "FR") == expected
    assert normalise_mobile("00" + expected, "FR") == expected
    assert normalise_mobile(phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL), region) == expected
    assert normalise_mobile(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL), region) == expected
    assert normalise_any(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL), region) == expected


@quick
@given(text=st.text(max_size=20), country=st.sampled_from(["FR", "RE", "BE", "US"]))
def test_any_text_is_a_number_or_refused_without_repeating_it(text: str, country: str) -> None:
    """Any text gives digits that stay as they are, or an InvalidPhone that does not quote it."""
    digits = reason = ""
    try:
        digits = normalise_mobile(text, country)
    except InvalidPhone as error:
        reason = str(error)
    if reason:
        assert not re.search(r"\d{3}", reason)  # "06 or 07" tells nothing about the number
        return
    assert digits.isascii()
    assert digits.isdigit()
    assert normalise_mobile("+" + digits, country) == digits


@quick
@given(
    tail=st.text("0123456789", min_size=9, max_size=11),
    prefix=st.sampled_from(["0", "+33", "33", "0033", "+33 (0)"]),
    separator=st.sampled_from(["", " ", ".", "\u00a0"]),
)
def test_the_number_of_a_machine_is_named(tail: str, prefix: str, separator: str) -> None:
    """0700 and ten more digits is a machine's number and refused as such, however written; one digit more or less is not."""
    written = prefix + separator.join(("700", tail[:4], tail[4:]))

    with pytest.raises(InvalidPhone) as refused:
        normalise_mobile(written, "FR")

    assert ("machine (M2M)" in str(refused.value)) == (len(tail) == 10)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0700 12 34 56 78 90", "machine"),
        ("+33 700 1234567890", "machine"),
        ("0700 12 34 56 78 9", "ten digits"),
        ("01 45 67 89 01", "landline"),
        ("+33145678901", "landline"),
        ("+49 30 123456", "landline"),
        ("06 12 34 56", "ten digits"),
        ("06 12 34 56 789", "ten digits"),
        ("+999 123456", "no country"),
        ("call me", "not a phone number"),
        ("", "empty"),
        ("06 12 34 56 78 ext. 5", "not a phone number"),
    ],
)
def test_a_number_that_gets_no_sms_is_refused_with_its_reason(text: str, reason: str) -> None:
    """A landline, a number of the wrong length and a text are refused, and each is told why."""
    with pytest.raises(InvalidPhone, match=reason):
        normalise_mobile(text, "FR")


def test_a_bare_number_belongs_to_the_country_that_has_it() -> None:
    """Without + or 0 a number of the default country comes before one with a country code in front."""
    assert normalise_mobile("612 34 50 03", "ES") == "34612345003"
    assert normalise_mobile("612 34 50 03", "FR") == "33612345003"
    assert normalise_mobile("34 612 34 50 03", "FR") == "34612345003"
