"""Phone numbers: every usual way of writing one becomes the digits that the API answers with (``33612345678``).

France has a fast path; the rest is phonenumbers', imported when the first such number comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

NOISE = r"\s.\-/()\u00a0\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202f\u2060\ufeff"
"""What may stand between the digits of a number and means nothing, as a class of regular expressions without its brackets."""
_NOISE = re.compile(f"[{NOISE}]+")
_FRENCH = re.compile(r"(?:(?:\+|00)?33|0)?([67]\d{8})\Z")
_USUAL = re.compile(r"(?:(?:\+|00)33|(33|0))([67]\d{8})\Z", re.ASCII)
"""A French mobile, and in front of it what only means France where numbers are French."""
_WITH_CODE = re.compile(r"(?:\+|00)([1-9]\d{6,14})\Z", re.ASCII)
OVERSEAS = {
    "639": "262",
    "690": "590",
    "691": "590",
    "692": "262",
    "693": "262",
    "694": "594",
    "696": "596",
    "697": "596",
}
"""Mobile prefixes of the overseas departments, written like French ones and dialled with another code."""
FRENCH_TERRITORY = frozenset(("FR", "GP", "GF", "MQ", "RE", "YT", "BL", "MF"))


def calling_code(country: str) -> str:
    """What numbers of a country (ISO 3166) begin with; empty where there is no such country."""
    if country == "FR":
        return "33"
    import phonenumbers

    return str(phonenumbers.country_code_for_region(country) or "")


class InvalidPhone(ValueError):
    """Not the number of a mobile; the text says why and never repeats the number."""


def normalise_mobile(text: str, country: str) -> str:
    """The digits of a mobile number, country code first; InvalidPhone where no SMS could reach it.

    `country` (ISO 3166) reads national numbers. 06 92 … is Réunion (262), not France.
    """
    compact = _NOISE.sub("", text.replace("(0)", "")) if not text.isascii() or not text.isdigit() else text
    if country in FRENCH_TERRITORY or compact.startswith(("+33", "0033", "33")):
        match = _FRENCH.match(compact)
        if match and match[1].isascii():
            national = match[1]
            return OVERSEAS.get(national[:3], "33") + national
    return _parse(compact, country)


@lru_cache(maxsize=65_536)
def normalise_any(text: str, country: str) -> str:
    """The digits of any phone number, landlines included; what cannot be read keeps its digits as they are."""
    usual = _USUAL.match(text.replace(" ", ""))
    if usual and (country == "FR" or not usual[1]):
        return f"33{usual[2]}"
    compact = _NOISE.sub("", text.replace("(0)", ""))
    if not re.search(r"\d", compact):
        return ""
    import phonenumbers

    for number in _readings(compact, country):
        if phonenumbers.is_possible_number(number):
            return f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    return re.sub(r"\D", "", compact)


def _readings(compact: str, country: str) -> list[PhoneNumber]:
    """What digits may stand for, the likeliest first.

    With neither + nor 0 in front they are a number of the country where it has such a number
    (612 34 56 78 in Spain), otherwise one with its country code.
    """
    if compact.startswith("00"):
        compact = "+" + compact[2:]
    if compact.startswith(("+", "0")):
        return _read(compact, country)
    import phonenumbers

    national, international = _read(compact, country), _read("+" + compact, country)
    if national and phonenumbers.is_valid_number(national[0]):
        return national + international
    return international + national


def _read(text: str, country: str) -> list[PhoneNumber]:
    import phonenumbers

    try:
        return [phonenumbers.parse(text, country)]
    except phonenumbers.NumberParseException:
        return []


@lru_cache(maxsize=65536)
def _parse(compact: str, country: str) -> str:
    return _international(compact) or _parse_slowly(compact, country)


def _international(compact: str) -> str | None:
    """The digits of a mobile that is written with + or 00 and its country code, where that country's plan is simple."""
    match = _WITH_CODE.match(compact)
    if match is None:
        return None
    digits = match[1]
    code = country_code(digits)
    return digits if code and _mobiles_of(code).fullmatch(digits, len(str(code))) else None


class MobilePlan(NamedTuple):
    """Which national numbers behind a country code are mobiles that no rule of the library changes.

    They are whole matches of both patterns, do not begin like `prefix`, and have one of the lengths. Such a rule strips
    what looks like a national prefix: where a mobile can begin like one the library is asked.
    """

    mobile: str
    every: str
    prefix: str | None
    lengths: tuple[int, ...]


@cache
def mobile_plan(code: int) -> MobilePlan | None:
    """The plan of a country code; None where there is none, or none so simple."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE.get(code)
    metadata = PhoneMetadata.metadata_for_region(regions[0], None) if regions and code != 33 else None
    mobile, every = (metadata.mobile, metadata.general_desc) if metadata else (None, None)
    if metadata is None or mobile is None or every is None:
        return None
    if not mobile.national_number_pattern or not every.national_number_pattern:
        return None
    lengths = tuple(every.possible_length)
    return MobilePlan(
        mobile.national_number_pattern, every.national_number_pattern, metadata.national_prefix_for_parsing, lengths
    )


def country_code(digits: str) -> int | None:
    """The country code that international digits begin with."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return next((int(digits[:n]) for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE), None)


@cache
def _mobiles_of(code: int) -> re.Pattern[str]:
    plan = mobile_plan(code)
    if plan is None:
        return re.compile(r"(?!)")
    unchanged = f"(?!{plan.prefix})" if plan.prefix else ""
    lengths = "|".join(f"\\d{{{length}}}" for length in plan.lengths)
    return re.compile(f"{unchanged}(?=(?:{plan.mobile})\\Z)(?=(?:{plan.every})\\Z)(?:{lengths})", re.ASCII)


def _parse_slowly(compact: str, country: str) -> str:
    if not re.fullmatch(r"\+?\d+", compact) or not compact.isascii():
        raise InvalidPhone("it is not a phone number" if compact else "it is empty")
    import phonenumbers
    from phonenumbers import PhoneNumberType as Type

    reason = "no country has such a number"
    for number in _readings(compact, country):
        national = phonenumbers.national_significant_number(number)
        if number.country_code == 33:
            if re.fullmatch(r"[67]\d{8}", national):
                return OVERSEAS.get(national[:3], "33") + national
            if re.fullmatch(r"700\d{10}", national):
                raise InvalidPhone("it is the number of a machine (M2M), which gets no SMS campaigns")
            landline = re.fullmatch(r"[1-589]\d{8}", national)
            reason = "it is a landline" if landline else "a French mobile has ten digits, 06 or 07 first"
            continue
        if not phonenumbers.is_possible_number(number):
            continue
        if phonenumbers.number_type(number) == Type.FIXED_LINE:
            reason = "it is a landline"
            continue
        return f"{number.country_code}{national}"
    raise InvalidPhone(reason)


def country_of(digits: str) -> str:
    """The ISO code of a normalised number's country, ``ZZ`` where it has none."""
    if digits.startswith("33"):
        return "FR"
    return codes_of_one_country().get(digits[:2]) or codes_of_one_country().get(digits[:3]) or _country_of(digits)


@cache
def codes_of_one_country() -> Mapping[str, str]:
    """The countries that share their code with no other, by that code of two or three digits."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return {
        str(code): regions[0]
        for code, regions in COUNTRY_CODE_TO_REGION_CODE.items()
        if len(regions) == 1 and regions[0] != "001" and code > 9
    }


@lru_cache(maxsize=65536)
def _country_of(digits: str) -> str:
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + digits, None)
    except phonenumbers.NumberParseException:
        return "ZZ"
    region = phonenumbers.region_code_for_number(number)
    if region in (None, "ZZ", "001"):
        regions = phonenumbers.region_codes_for_country_code(number.country_code or 0)
        region = regions[0] if regions else "ZZ"
    return region


class Place(NamedTuple):
    """Where a phone is, as far as its number tells: a country, and every time zone that its owner may be in."""

    country: str
    zones: tuple[str, ...]


_PARIS = Place("FR", ("Europe/Paris",))
_OVERSEAS_PLACES = {
    "262269": Place("YT", ("Indian/Mayotte",)),
    "262639": Place("YT", ("Indian/Mayotte",)),
    "262": Place("RE", ("Indian/Reunion",)),
    "508": Place("PM", ("America/Miquelon",)),
    "590": Place("GP", ("America/Guadeloupe",)),  # Saint-Barthélemy and Saint-Martin share code and clocks
    "594": Place("GF", ("America/Cayenne",)),
    "596": Place("MQ", ("America/Martinique",)),
}
_ZONES = {
    "CA": (
        "America/Edmonton",
        "America/Halifax",
        "America/Regina",
        "America/St_Johns",
        "America/Toronto",
        "America/Vancouver",
        "America/Winnipeg",
    ),
    "KZ": ("Asia/Almaty", "Asia/Aqtobe"),
    "RU": (
        "Asia/Irkutsk",
        "Asia/Kamchatka",
        "Asia/Magadan",
        "Asia/Novosibirsk",
        "Asia/Omsk",
        "Asia/Vladivostok",
        "Asia/Yakutsk",
        "Asia/Yekaterinburg",
        "Europe/Kaliningrad",
        "Europe/Moscow",
        "Europe/Samara",
    ),
    "US": (
        "America/Adak",
        "America/Anchorage",
        "America/Chicago",
        "America/Denver",
        "America/Los_Angeles",
        "America/New_York",
        "America/Phoenix",
        "Pacific/Honolulu",
    ),
}
"""The zones of countries for whose code phonenumbers has those of all countries that share it."""


def place_of(digits: str) -> Place:
    """The place of a normalised number; the first seven digits and the length alone decide it."""
    if digits.startswith("33"):
        return _PARIS
    return _place_of(digits[:4] if digits[:1] in ("1", "7") else digits[:7], len(digits))


@lru_cache(maxsize=65_536)
def _place_of(start: str, length: int) -> Place:
    for code, place in _OVERSEAS_PLACES.items():
        if start.startswith(code):
            return place
    # +1 and three digits are an area; behind it no number begins with 0.
    number = f"{start}2" if start.startswith("1") else start
    country = country_of(number.ljust(length, "0"))
    if not country.isalpha():
        country = "ZZ"  # a network of no country
    return Place(country, _zones_of(country, start))


def _zones_of(country: str, start: str) -> tuple[str, ...]:
    """The zones of an area of +1; of the whole country elsewhere, for mobiles go wherever their owners move."""
    from phonenumbers.tzdata import TIMEZONE_DATA

    if start.startswith("1"):
        area = {zone for known, zones in TIMEZONE_DATA.items() if known.startswith(start) for zone in zones}
        if area:
            return tuple(sorted(area))
    return _ZONES.get(country) or tuple(TIMEZONE_DATA.get(str(country_code(start)), ("UTC",)))
