"""What the platform knows about numbers, texts and prices: manual §5.1, §6.2 and §6.3.

Everything here is a pure function of its arguments.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_SENDER = "36180"

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "^{}\\[~]|€\f"
_NOT_GSM = re.compile("[^" + re.escape(_BASIC + _EXTENSION) + "]")
_COUNTS_TWICE = re.compile("[" + re.escape(_EXTENSION) + "\n]")
_PAIRS = re.compile("[\n\U00010000-\U0010ffff]")
_PLACEHOLDER = re.compile(r"#param_([0-9]{1,4})#", re.IGNORECASE)
_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9 ]{2,10}")
_STOP = re.compile(r"\sSTOP au 36180\Z", re.IGNORECASE)
_FRENCH_NATIONAL = re.compile(r"0([67][0-9]{8})")
_INTERNATIONAL = re.compile(r"(?:\+|00)?([1-9][0-9]{5,14})")
_FRENCH_MOBILE = re.compile(r"33[67][0-9]{8}")

OTHER_COUNTRY_PRICE = 30
# Calling code, ISO codes under which it is known (the manual writes UK), credits for one SMS.
_TARIFF: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("33", ("FR",), 15),
    ("32", ("BE",), 24),
    ("352", ("LU",), 22),
    ("41", ("CH",), 25),
    ("49", ("DE",), 26),
    ("34", ("ES",), 24),
    ("39", ("IT",), 26),
    ("44", ("GB", "UK"), 20),
    ("31", ("NL",), 27),
    ("351", ("PT",), 18),
    ("377", ("MC",), 28),
    ("262", ("RE", "YT"), 21),
    ("590", ("GP",), 21),
    ("594", ("GF",), 21),
    ("596", ("MQ",), 21),
    ("212", ("MA",), 32),
    ("213", ("DZ",), 34),
    ("216", ("TN",), 36),
    ("61", ("AU",), 29),
    ("1", ("US", "CA"), 12),
)
_BY_PREFIX = {prefix: price for prefix, _, price in _TARIFF}
_BY_ISO = {iso: price for _, codes, price in _TARIFF for iso in codes}


@dataclass(frozen=True)
class Tariff:
    """What an SMS costs: to a country by its ISO code, and to a number by its calling code."""

    by_iso: Mapping[str, float]
    by_prefix: Mapping[str, float]

    def with_prices(self, prices: Mapping[str, tuple[str, float]]) -> "Tariff":
        """This tariff with other prices; by ISO code, the calling code and the credits."""
        by_iso = {iso: credits for iso, (_, credits) in prices.items()}
        return Tariff({**self.by_iso, **by_iso}, {**self.by_prefix, **dict(prices.values())})

    def price(self, phone: str) -> float:
        """The credits for one SMS to this normalised number."""
        for length in (3, 2, 1):
            found = self.by_prefix.get(phone[:length])
            if found is not None:
                return found
        return OTHER_COUNTRY_PRICE

    def price_of_country(self, iso: str) -> float | None:
        """The credits for one SMS to a country named by its ISO code in capitals (§27), None when it is unknown."""
        return self.by_iso.get(iso)


TARIFF = Tariff(_BY_ISO, _BY_PREFIX)


def mobile(raw: object) -> str | None:
    """The number in digits with its country code, or None when the platform rejects it (§6.3).

    French numbers must be mobiles of the right length; foreign ones are taken as they come, so that a French number
    that has lost its leading 0 passes for a number of another country.
    """
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        return None
    text = str(raw).strip()
    national = _FRENCH_NATIONAL.fullmatch(text)
    if national:
        return "33" + national[1]
    international = _INTERNATIONAL.fullmatch(text)
    if international is None:
        return None
    digits = international[1]
    if digits.startswith("33") and not _FRENCH_MOBILE.fullmatch(digits):
        return None
    return digits


def account_phone(raw: str) -> str:
    """A phone number of an account as it is given back: digits with the country code, landlines included (§18)."""
    digits = re.sub(r"[^0-9+]", "", raw)
    if digits.startswith("+"):
        return digits[1:]
    if digits.startswith("00"):
        return digits[2:]
    return "33" + digits[1:] if re.fullmatch(r"0[1-9][0-9]{8}", digits) else digits


def placeholders(message: str) -> set[int]:
    """The numbers of the `#param_n#` that stand in a message."""
    return {int(number) for number in _PLACEHOLDER.findall(message)}


def fill(message: str, values: Sequence[str]) -> str:
    """The message with `#param_1#` replaced by the first value, and so on."""
    return _PLACEHOLDER.sub(lambda found: values[int(found[1]) - 1], message) if values else message


def measure(text: str) -> tuple[int, int]:
    """The length that the platform counts and the number of SMS it makes.

    A new line is two characters (§6.3), and so is each of the GSM extension table: an escape and another one. A character
    outside GSM-7 puts the whole text into UCS-2, where characters beyond the basic plane are a pair of surrogates.
    """
    if _NOT_GSM.search(text):
        return _measured(text, _PAIRS, 70, 67)
    return _measured(text, _COUNTS_TWICE, 160, 153)


def _measured(text: str, twice: re.Pattern[str], alone: int, joined: int) -> tuple[int, int]:
    """Fill one SMS after the other: the two halves of what counts twice go into the same one (3GPP 23.040)."""
    length = len(text) + len(twice.findall(text))
    if length <= alone:
        return length, 1
    parts, room = 1, joined
    for character in text:
        size = 2 if twice.match(character) else 1
        if size > room:
            parts, room = parts + 1, joined
        room -= size
    return length, parts


def sender_shown(tpoa: str, message: str) -> str:
    """The sender that a French handset shows: the wanted one if it is valid and the STOP mention ends the text."""
    return tpoa if _SENDER.fullmatch(tpoa) and _STOP.search(message) else DEFAULT_SENDER
