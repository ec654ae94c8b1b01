"""The usual ways of writing a French mobile, and foreign numbers with their country code, in plain Python."""

from __future__ import annotations

import re

_NOISE = re.compile(r"\(0\)|[ .\-()/]+")


def digits(text: str) -> str:
    """06 12 34 56 78, +33612345678, 0033612345678 and 33612345678 become 33612345678; +32 470 00 00 00 loses its +."""
    compact = text if text.isdigit() else text.replace(" ", "").replace(".", "")
    if compact.startswith("+"):
        compact = compact[1:]
        return compact if compact.isdigit() else _NOISE.sub("", compact)
    if not compact.isdigit():
        compact = _NOISE.sub("", compact)
    if compact.startswith("00"):
        return compact[2:]
    national = compact[1:] if compact.startswith("0") else compact
    return "33" + national if len(national) == 9 and national[0] in "67" else compact
