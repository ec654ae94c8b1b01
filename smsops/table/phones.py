"""Phone numbers in the engine: the usual French forms by vectorised text functions, everything else by `model.phone`.

What the fast path takes it takes as `normalise_mobile` does; what it does not take it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from smsops.model.phone import FRENCH_TERRITORY, OVERSEAS, country_code, mobile_plan
from smsops.table.engine import literal

_NATIONAL = "[67][0-9]{8}"
_ANY_PREFIX = r"(?:(?:\+|00)?33|0)?"
_ITS_PREFIX = r"(?:\+|00)?33"
"""Where national numbers are of another country, a French one has its country code."""
_LONGEST = 13
"""Characters of a French number with nothing between its digits: 0033 6…"""
_LEAST_BARE = 10
_WITH_CODE = re.compile(rf"(?:\+|00|(?=\d{{{_LEAST_BARE}}}))([1-9]\d{{6,14}})\Z", re.ASCII)
_FRANCE = 33_000_000_000
_NO_EXPONENT = "CASE WHEN number % 100 <> 0 THEN true ELSE NOT contains(lower(spaced), 'e') END"
"""A cast takes more than digits. But for as many digits as the number has there must be as many characters, and an
exponent, which takes two, makes one that ends with two zeros; what begins like a phone is not hexadecimal."""
# A CASE in a CASE, since the engine looks at both sides of an AND for every row.
_IS_NATIONAL = (
    "CASE WHEN number BETWEEN 600000000 AND 799999999 THEN "
    f"CASE WHEN strlen(spaced) = 9 OR (strlen(spaced) = 10 AND spaced >= '06' AND spaced < '08') THEN {_NO_EXPONENT} END END"
)
_HAS_CODE = (
    f"CASE WHEN number BETWEEN {_FRANCE + 600000000} AND {_FRANCE + 799999999} THEN CASE WHEN CASE strlen(spaced) "
    "WHEN 12 THEN starts_with(spaced, '+33') WHEN 13 THEN starts_with(spaced, '0033') WHEN 11 THEN starts_with(spaced, '33') "
    f"END THEN {_NO_EXPONENT} END END"
)
_ABROAD = "WHEN spaced IN (number::VARCHAR, '+' || number, '00' || number) THEN NULL"
"""Digits that the two before have left are no French number, whatever noise is taken away."""
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
        match = _WITH_CODE.match(text.replace(" ", ""))
        code = country_code(match[1]) if match else None
        if code is not None and code not in found and mobile_plan(code):
            found[code] = None
    return tuple(found)


def fast_path(text: str, country: str, rows: str, codes: Sequence[int] = ()) -> str:
    """SQL for `rows`, a query with a column `text`, with a column `digits` more: null where the text takes more thought.

    `digits` is a number (UBIGINT). `codes` are those of the foreign countries whose mobiles are taken too, where they are
    written with their code.
    """
    is_french = country in FRENCH_TERRITORY
    bare = f"regexp_replace(replace({text}, '(0)', ''), {literal(_NOISE)}, '', 'g')"
    # Nearly all texts are digits, perhaps spaced: these are numbers at once. Each step in a query of its own: it is taken
    # once a row.
    spaced = f"SELECT *, CASE WHEN strlen({text}) > {_LONGEST} THEN replace({text}, ' ', '') ELSE {text} END AS dotted FROM ({rows})"
    spaced = (
        f"SELECT * EXCLUDE (dotted), CASE WHEN strlen(dotted) > {_LONGEST} THEN replace(dotted, '.', '') ELSE dotted END "
        f"AS spaced FROM ({spaced})"
    )
    cast = f"SELECT *, try_cast(spaced AS UBIGINT) AS number FROM ({spaced})"
    usual = " ".join(
        (f"WHEN {_IS_NATIONAL} THEN number + {_FRANCE}" if is_french else "", f"WHEN {_HAS_CODE} THEN number", _ABROAD)
    )
    form = f"^{_ANY_PREFIX if is_french else _ITS_PREFIX}({_NATIONAL})$"
    found = (
        f"SELECT *, CASE {usual} "
        f"ELSE try_cast(regexp_extract({bare}, {literal(form)}, 1) AS UBIGINT) + {_FRANCE} END AS french FROM ({cast})"
    )
    overseas = " ".join(f"WHEN {start} THEN {code}" for start, code in OVERSEAS.items())
    overseas = (
        f"french - {_FRANCE} + (CASE (french - {_FRANCE}) // 1000000 {overseas} ELSE 33 END)::UBIGINT * 1000000000"
    )
    overseas = f"WHEN {_is_overseas('french')} THEN {overseas}"
    spent = "spaced, number, french"
    if not codes:
        return f"SELECT * EXCLUDE ({spent}), CASE {overseas} ELSE french END AS digits FROM ({found})"
    # Ten digits are too many for a French number, so with neither + nor 0 in front they begin with a country code.
    whole = f"spaced = number::VARCHAR AND number >= {10 ** (_LEAST_BARE - 1)} OR " if is_french else ""
    foreign = (
        f"CASE WHEN french IS NOT NULL THEN NULL "
        f"WHEN {whole}spaced IN ('+' || number, '00' || number) THEN number::VARCHAR "
        f"ELSE regexp_extract({bare}, '^(?:[+]|00)([1-9][0-9]{{6,14}})$', 1) END"
    )
    taken = f"WHEN {_is_mobile('abroad', codes)} THEN abroad::UBIGINT"
    return (
        f"SELECT * EXCLUDE ({spent}, abroad), CASE {overseas} WHEN french IS NOT NULL THEN french {taken} END AS digits "
        f"FROM (SELECT *, {foreign} AS abroad FROM ({found}))"
    )


def _is_overseas(number: str) -> str:
    """Whether a number that looks French may be one of those that are dialled with another code."""
    ranges = _ranges(map(int, OVERSEAS))
    return " OR ".join(
        f"{number} BETWEEN {_FRANCE + first * 1_000_000} AND {_FRANCE + (last + 1) * 1_000_000 - 1}"
        for first, last in ranges
    )


def _is_mobile(digits: str, codes: Sequence[int]) -> str:
    """Whether digits are a mobile's of one of these countries. Few rows are: what counts is how many steps it takes."""
    plans = {code: plan for code in codes if (plan := mobile_plan(code))}

    def one_of(forms: Mapping[int, str]) -> str:
        return literal("|".join(f"{code}(?:{form})" for code, form in forms.items()))

    lengths = {code: "|".join(f"[0-9]{{{length}}}" for length in plan.lengths) for code, plan in plans.items()}
    wholes = (
        {code: plan.mobile for code, plan in plans.items()},
        {code: plan.every for code, plan in plans.items()},
        lengths,
    )
    steps = [f"regexp_full_match({digits}, {one_of(forms)})" for forms in wholes]
    changed = {code: plan.prefix for code, plan in plans.items() if plan.prefix}
    if changed:
        steps.append(f"NOT regexp_matches({digits}, '^(?:' || {one_of(changed)} || ')')")
    return " AND ".join(steps)


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as ranges, each from its first to its last."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
