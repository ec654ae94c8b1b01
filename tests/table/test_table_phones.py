"""The engine's fast path for phones takes nothing that phonenumbers would read otherwise."""

from __future__ import annotations

import re

import phonenumbers
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from smsops.model.phone import OVERSEAS, InvalidPhone, normalise_mobile
from smsops.table.engine import engine, literal
from smsops.table.phones import codes_among, fast_path

REGIONS = sorted(
    region
    for region in phonenumbers.SUPPORTED_REGIONS
    if phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
)
DIRT = st.sampled_from(
    ["", " ", ".", "-", "\u00a0", "\u200b", "\u202f", "(0)", "/", "x", "٣", "'", '"', "\t", "e", "_"]
)


@st.composite
def french(draw: st.DrawFn) -> str:
    """Something like a French mobile, as people write it."""
    digits = draw(st.sampled_from("67")) + draw(st.text("0123456789", min_size=7, max_size=9))
    prefix = draw(st.sampled_from(["0", "+33", "33", "0033", "", "+33(0)", "00", "+"]))
    pairs = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    return prefix + draw(DIRT).join(pairs) + draw(DIRT)


@st.composite
def foreign(draw: st.DrawFn) -> str:
    """Something like a mobile of another country, with its code."""
    number = phonenumbers.example_number_for_type(draw(st.sampled_from(REGIONS)), PhoneNumberType.MOBILE)
    assert number is not None
    national = phonenumbers.national_significant_number(number)
    kept = draw(st.integers(1, len(national)))
    tail = draw(st.text("0123456789", min_size=max(0, len(national) - kept - 1), max_size=len(national) - kept + 1))
    inserted = draw(st.sampled_from(["", "", "", "0", "8"]))
    return f"{draw(st.sampled_from(['+', '00', '', '0']))}{number.country_code}{inserted}{national[:kept]}{draw(DIRT)}{tail}"


@st.composite
def machine(draw: st.DrawFn) -> str:
    """Something like the number of a machine: 0700 and about ten more digits."""
    return f"{draw(st.sampled_from(['0', '+33', '33', '0033', '', '+']))}700{draw(DIRT)}{draw(st.from_regex('[0-9]{9,11}', fullmatch=True))}"


def taken(texts: list[str], country: str) -> list[tuple[str, str]]:
    """What the fast path takes, and the digits that it makes of it."""
    values = ", ".join(f"({literal(text)})" for text in texts)
    rows = fast_path("text", country, f"SELECT text FROM (VALUES {values}) t(text)", codes_among(texts))
    return [
        (text, str(digits)) for text, digits in engine().run(f"SELECT text, digits FROM ({rows})") if digits is not None
    ]


def by_the_library(text: str, country: str) -> str:
    """The digits that phonenumbers alone reads."""
    compact = re.sub(r"[^\d+]", "", text.replace("(0)", ""))
    if not compact.startswith(("+", "0")):
        compact = f"+{compact}" if len(compact) > 9 else f"0{compact}"
    compact = f"+{compact[2:]}" if compact.startswith("00") else compact
    number = phonenumbers.parse(compact, country)
    assert phonenumbers.is_possible_number(number)
    assert phonenumbers.number_type(number) != PhoneNumberType.FIXED_LINE
    return phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(french(), foreign(), machine(), st.text(max_size=12)), min_size=1, max_size=40),
    st.sampled_from(["FR", "RE", "BE", "US"]),
)
def test_the_fast_path_is_the_library(texts: list[str], country: str) -> None:
    """What the engine takes has the digits of `normalise_mobile`, and of phonenumbers where our rule for overseas is not at work."""
    texts = [text.replace("\0", "") for text in texts]
    for text, digits in taken(texts, country):
        try:
            expected = normalise_mobile(text, country)
        except InvalidPhone as error:
            expected = f"refused: {error}"
        assert digits == expected
        if digits[:3] not in {*OVERSEAS.values()}:
            assert digits == by_the_library(text, "FR" if digits.startswith("33") else country)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.from_regex(r"(0|\+33|33|0033)700[0-9]{10}", fullmatch=True), min_size=1, max_size=40))
def test_numbers_of_machines_are_left_to_be_refused(texts: list[str]) -> None:
    """The fast path takes no number of a machine, whatever foreign codes stand beside it."""
    found = taken([*texts, "+32 470 12 34 56", "+7 912 345 67 89"], "FR")

    assert not {text for text, _ in found} & set(texts)


def test_the_usual_ways_of_writing_are_taken() -> None:
    """The fast path is one: it takes what people write, and foreign mobiles with their code."""
    usual = [
        "06 12 34 56 78",
        "0612345678",
        "+33612345678",
        "33 6 12 34 56 78",
        "+33 (0)6.12.34.56.78",
        "00 33 6 12 34 56 78",
    ]
    assert [digits for _, digits in taken(usual, "FR")] == ["33612345678"] * len(usual)
    abroad = ["+32 470 12 34 56", "0034612345003", "+49 1512 3456789", "32470123456", "49 1512 345 67 89"]
    read = ["32470123456", "34612345003", "4915123456789", "32470123456", "4915123456789"]
    assert [digits for _, digits in taken(abroad, "FR")] == read
