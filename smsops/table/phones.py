"""Phone numbers in the engine: the usual French forms by vectorised text functions, everything else by `model.phone`.

What the fast path takes it takes as `normalise_mobile` does; what it does not take it leaves.
"""

from __future__ import annotations

from smsops.model.phone import FRENCH_TERRITORY, OVERSEAS
from smsops.table.engine import literal

_NATIONAL = "[67][0-9]{8}"
_ANY_PREFIX = rf"(?:(?:\+|00)?33|0)?{_NATIONAL}"
_ITS_PREFIX = rf"(?:\+|00)?33{_NATIONAL}"
"""Where national numbers are of another country, a French one has its country code."""
_NOISE = (
    r"[\s\x0b\x1c-\x1f\x{85}.\-/()\x{a0}\x{ad}\x{1680}\x{2000}-\x{200f}\x{2010}-\x{2015}"
    r"\x{2028}-\x{202f}\x{205f}\x{2060}\x{3000}\x{feff}]+"
)

DIGITS = r"[1-9][0-9]*"
"""A phone as the API answers with it."""


def fast_path(text: str, country: str, rows: str) -> str:
    """SQL for `rows`, a query with a column `text`, with a column `digits` more: null where the text takes more thought."""
    form = _ANY_PREFIX if country in FRENCH_TERRITORY else _ITS_PREFIX
    prefix = form.removesuffix(_NATIONAL)
    bare = f"regexp_replace(replace({text}, '(0)', ''), {literal(_NOISE)}, '', 'g')"
    codes = " ".join(f"WHEN {literal(start)} THEN {literal(code)}" for start, code in OVERSEAS.items())
    # Each step in a query of its own, so that it is taken once a row.
    spaced = f"SELECT *, replace({text}, ' ', '') AS spaced FROM ({rows})"
    national = (
        f"SELECT * EXCLUDE spaced, CASE WHEN regexp_full_match(spaced, {literal(form)}) THEN right(spaced, 9) "
        f"ELSE nullif(regexp_extract({bare}, {literal(f'^{prefix}({_NATIONAL})$')}, 1), '') END AS national FROM ({spaced})"
    )
    return (
        "SELECT * EXCLUDE national, CASE substr(national, 1, 3) "
        f"{codes} ELSE '33' END || national AS digits FROM ({national})"
    )
