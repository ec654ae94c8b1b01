"""Phone numbers in the engine: the usual French forms by vectorised text functions, everything else by `model.phone`.

What the fast path takes it takes as `normalise_mobile` does; what it does not take it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smsops.model.phone import FRENCH_TERRITORY, OVERSEAS, WITH_CODE, country_code, mobile_plan
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


def codes_among(texts: Iterable[str]) -> tuple[int, ...]:
    """The foreign country codes that some texts begin with, so that the fast path can take such numbers."""
    found: dict[int, None] = {}
    for text in texts:
        match = WITH_CODE.match(text.replace(" ", ""))
        code = country_code(match[1]) if match else None
        if code is not None and code not in found and mobile_plan(code):
            found[code] = None
    return tuple(found)


def fast_path(text: str, country: str, rows: str, codes: Sequence[int] = ()) -> str:
    """SQL for `rows`, a query with a column `text`, with a column `digits` more: null where the text takes more thought.

    `codes` are those of the foreign countries whose mobiles are taken too, where they are written with their code.
    """
    form = _ANY_PREFIX if country in FRENCH_TERRITORY else _ITS_PREFIX
    prefix = form.removesuffix(_NATIONAL)
    bare = f"regexp_replace(replace({text}, '(0)', ''), {literal(_NOISE)}, '', 'g')"
    overseas = " ".join(f"WHEN {literal(start)} THEN {literal(code)}" for start, code in OVERSEAS.items())
    # Each step in a query of its own, so that it is taken once a row.
    spaced = f"SELECT *, replace({text}, ' ', '') AS spaced FROM ({rows})"
    national = (
        f"SELECT * EXCLUDE spaced, CASE WHEN regexp_full_match(spaced, {literal(form)}) THEN right(spaced, 9) "
        f"ELSE nullif(regexp_extract({bare}, {literal(f'^{prefix}({_NATIONAL})$')}, 1), '') END AS national FROM ({spaced})"
    )
    french = f"CASE substr(national, 1, 3) {overseas} ELSE '33' END || national"
    if not codes:
        return f"SELECT * EXCLUDE national, {french} AS digits FROM ({national})"
    foreign = f"CASE WHEN national IS NULL THEN regexp_extract({bare}, '^(?:\\+|00)([1-9][0-9]{{6,14}})$', 1) END"
    taken = " ".join(f"WHEN {_is_mobile('foreign_', code)} THEN foreign_" for code in codes)
    return (
        f"SELECT * EXCLUDE (national, foreign_), CASE WHEN national IS NOT NULL THEN {french} {taken} END AS digits "
        f"FROM (SELECT *, {foreign} AS foreign_ FROM ({national}))"
    )


def _is_mobile(digits: str, code: int) -> str:
    plan = mobile_plan(code)
    assert plan is not None
    lengths = ", ".join(str(len(str(code)) + length) for length in plan.lengths)
    forms = " AND ".join(
        f"regexp_full_match({digits}, {literal(f'{code}(?:{form})')})" for form in (plan.mobile, plan.every)
    )
    changed = f" AND NOT regexp_matches({digits}, {literal(f'^{code}(?:{plan.prefix})')})" if plan.prefix else ""
    return f"starts_with({digits}, '{code}') AND length({digits}) IN ({lengths}) AND {forms}{changed}"
