"""What a phone company counts of a text, which characters make it dearer, and what to write instead.

GSM 03.38 and 3GPP 23.040: 160 septets in one SMS, 153 in each of several; 70 and 67 UTF-16 units where a character is
not in the GSM alphabet. The manual counts a newline as two (§6.3). What counts two is never split over two SMS.
"""

from __future__ import annotations

import re
from typing import NamedTuple

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")

MAX_LENGTH = 1224
"""Eight SMS of 153 septets (manual §6.2)."""

_GSM = BASIC | EXTENDED
_TWO_SEPTETS = re.compile(f"[{re.escape(''.join(EXTENDED))}\n]")
_TWO_UNITS = re.compile("[\n\U00010000-\U0010ffff]")
_FORCING = re.compile(rf".[\u0300-\u036f]+|[^{re.escape(''.join(_GSM))}]", re.DOTALL)
_INSTEAD = {
    **dict.fromkeys("’‘‚‛′`´ʼ‹›", "'"),
    **dict.fromkeys("«»“”„‟″", '"'),
    **dict.fromkeys("—–‒―‐‑−•", "-"),
    **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\ufe0e\ufe0f", ""),
    **dict.fromkeys("\u2028\u2029\u0085", "\n"),
    **dict(zip("\t·×÷⁄°µıłŁđĐ", " .x//ouilLdD", strict=True)),
    "→": "->",
    "←": "<-",
    "©": "(c)",
    "®": "(R)",
    "œ": "oe",
    "Œ": "OE",
    "ẞ": "SS",
}
"""What Unicode does not take apart into characters of the alphabet and accents."""


class Forcing(NamedTuple):
    """A character that is not in the GSM alphabet: because of it an SMS has room for 70 characters instead of 160.

    A letter with its accents behind it is one character here. `places` are where it stands in the text, from 1.
    `replacement` is what to write instead, "" where nothing is to be seen; None where the alphabet has nothing like it.
    """

    character: str
    places: tuple[int, ...]
    replacement: str | None


def is_gsm(text: str) -> bool:
    """Whether the GSM alphabet has every character of a text."""
    return _GSM.issuperset(text)


def length(text: str) -> int:
    """Septets of a GSM text (extension characters and newlines are two), UTF-16 units of another (newlines are two)."""
    return len(text) + len(_counting_two(text).findall(text))


def segments(text: str) -> int:
    """How many SMS one recipient is sent."""
    size = length(text)
    alone, part = (160, 153) if is_gsm(text) else (70, 67)
    if size <= alone:
        return 1
    seconds = {match.start() + before for before, match in enumerate(_counting_two(text).finditer(text), start=1)}
    count, end = 1, part
    while end < size:
        end += part - (end in seconds)  # a pair that this SMS would split begins the next one
        count += 1
    return count


def forcing(text: str) -> list[Forcing]:
    """What keeps a text from being GSM, in the order in which it first stands there."""
    places: dict[str, list[int]] = {}
    for match in _FORCING.finditer(text):
        places.setdefault(match.group(), []).append(match.start() + 1)
    return [Forcing(character, tuple(found), _replacement(character)) for character, found in places.items()]


def safe(text: str) -> str | None:
    """The text with a replacement for each forcing character, all of it GSM; None where one of them has none."""
    replacements = {found.character: found.replacement for found in forcing(text)}
    if None in replacements.values():
        return None
    return _FORCING.sub(lambda match: replacements[match.group()] or "", text)


def _counting_two(text: str) -> re.Pattern[str]:
    return _TWO_SEPTETS if is_gsm(text) else _TWO_UNITS


def _replacement(character: str) -> str | None:
    import unicodedata

    composed = unicodedata.normalize("NFC", character)
    if is_gsm(composed):
        return composed
    if character in _INSTEAD:
        return _INSTEAD[character]
    parts = (part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    plain = "".join(_INSTEAD.get(part, part) for part in parts)
    return plain if is_gsm(plain) and (plain.strip() or character.isspace()) else None
