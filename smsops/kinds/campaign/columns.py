"""A large audience in parts, cut and counted by the engine: the same parts, digests and sizes as `parts` makes of rows."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from smsops.kinds.campaign.alphabet import BASIC, EXTENDED, MAX_LENGTH
from smsops.kinds.campaign.parts import CHARACTERS, ORIGIN, ROOMY_FROM, SHOWN, Cut, Part, Reach, Survey, fingerprint
from smsops.kinds.campaign.text import Template
from smsops.model.phone import codes_of_one_country, country_of
from smsops.model.shown import shown_phone
from smsops.table import BATCH, Rows
from smsops.table.columns import Columns
from smsops.table.engine import literal

if TYPE_CHECKING:
    from smsops.api.records import Recipient

_BLOCK = 64
_BEYOND = r"\x{10000}-\x{10FFFF}"
"""Characters of two UTF-16 units, within the brackets of a regular expression."""


_WEIGHT = "(segments * 1000000 + size)"
"""Orders messages by their SMS, and then by their characters."""


class ColumnsCut(Cut):
    """A table with each recipient's part, digest, phone, and the values p0, p1… that they get."""

    def __init__(self, people: Columns, template: Template, key: str, edges: Sequence[str]) -> None:
        super().__init__()
        self._key = key
        self._engine = people.engine
        self._params = [f"p{place}" for place in range(len(template.fields))]
        self._name = self._engine.name()
        known = [people.value_of(name) if name in people.fields else "''" for name in template.fields]
        values = "".join(f", {value} AS {name}" for value, name in zip(known, self._params, strict=True))
        starts = ", ".join(literal(edge) for edge in edges)
        self._engine.run(
            f"CREATE TABLE {self._name} AS "
            f"WITH keyed AS (SELECT phone, {_hmac('phone::VARCHAR', key)} AS digest{values} FROM {people.source}), "
            f"edges AS (SELECT unnest([{starts}]) AS edge), "
            "placed AS (SELECT *, count(*) OVER (PARTITION BY edge) AS members, "
            "row_number() OVER (PARTITION BY edge ORDER BY digest, phone::VARCHAR) - 1 AS position "
            "FROM keyed ASOF JOIN edges ON keyed.digest >= edges.edge), "
            f"counted AS (SELECT *, (members + {BATCH - 1}) // {BATCH} AS fewest FROM placed), "
            f"roomy AS (SELECT *, fewest + CASE WHEN fewest >= {ROOMY_FROM} AND members > fewest * {BATCH - BATCH // 200} "
            "THEN (fewest + 99) // 100 ELSE 0 END AS parts FROM counted), "
            "sized AS (SELECT *, (members + parts - 1) // parts AS size FROM roomy) "
            "SELECT dense_rank() OVER (ORDER BY edge, position // size) - 1 AS part, edge, position // size AS chunk, "
            f"digest, phone{''.join(f', {name}' for name in self._params)} FROM sized"
        )
        weakref.finalize(self, self._engine.drop, self._name)

    def parts(self, content: str) -> list[Part]:
        line = "chr(10) || digest" + "".join(f" || chr(0) || {name}" for name in self._params)
        query = (
            "SELECT part, any_value(CASE WHEN chunk = 0 THEN edge END), min(digest), count(*), "
            f"string_agg({line}, '' ORDER BY digest, phone::VARCHAR) FROM {self._name} GROUP BY part ORDER BY part"
        )
        parts: list[Part] = []
        for rows in self._engine.batches(query, 1):
            for number, edge, first, size, lines in rows:
                start = first if edge is None else edge
                parts.append(Part(start, fingerprint(self._key, content, lines), size, number, self))
        return parts

    def recipients(self, number: int) -> list[Recipient]:
        values = "".join(f", {name}" for name in self._params)
        rows = self._engine.run(
            f"SELECT phone{values} FROM {self._name} WHERE part = {number} ORDER BY digest, phone::VARCHAR"
        )
        from smsops.api.records import Recipient

        return [Recipient(self._engine.phone(phone), tuple(params)) for phone, *params in rows]

    def _reach(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> dict[int, Reach]:
        found = {number: Reach() for number in numbers}
        blocked = Rows({phone: {} for phone in blacklist}).columns()
        those = f"(FROM {self._name} WHERE part IN (SELECT unnest(?::BIGINT[])))"
        for number, phone in self._engine.run(
            f"SELECT part, phone FROM {those} SEMI JOIN {blocked.source} USING (phone) ORDER BY part, digest",
            [list(numbers)],
        ):
            found[number].blocked.append(self._engine.phone(phone))
        sizes = f"({self._sized(f'FROM {those} ANTI JOIN {blocked.source} USING (phone)', template)})"
        for number, code, people, messages, too_long in self._engine.run(
            f"SELECT part, code, count(*), sum(segments), count(*) FILTER (size > {MAX_LENGTH}) FROM {sizes} GROUP BY part, code",
            [list(numbers)],
        ):
            reach, country = found[number], country_of(code)
            reach.recipients += people
            reach.too_long += too_long
            reach.messages[country] = reach.messages.get(country, 0) + int(messages)
        return found

    def _survey(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> Survey | None:
        blocked = Rows({phone: {} for phone in blacklist}).columns()
        reached = (
            f"FROM {self._name} WHERE part IN (SELECT unnest(?::BIGINT[])) "
            f"AND phone NOT IN (SELECT phone FROM {blocked.source})"
        )
        parameters = [list(numbers)]
        sized = f"({self._sized(reached, template)})"
        empty = "".join(f", count(*) FILTER ({name} = '')" for name in self._params)
        count, unicode, least, middle, most, *empties = self._engine.run(
            f"SELECT count(*), count(*) FILTER (NOT gsm), min({_WEIGHT}), quantile_disc({_WEIGHT}, 0.5), max({_WEIGHT}){empty} "
            f"FROM {sized}",
            parameters,
        )[0]
        if not count:
            return None
        first, median, last = self._engine.run(
            f"SELECT min(text) FILTER ({_WEIGHT} = {least}), min(text) FILTER ({_WEIGHT} = {middle}), "
            f"max(text) FILTER ({_WEIGHT} = {most}) FROM {sized}",
            parameters,
        )[0]
        fields = dict(zip(template.fields, self._params, strict=True))
        foreign = {}
        for name, column in fields.items() if unicode else ():
            found = self._engine.run(
                f"SELECT DISTINCT unnest(string_split(regexp_replace({column}, {_gsm('+')}, '', 'g'), '')) AS character "
                f"{reached} AND NOT regexp_full_match({column}, {_gsm('*')}) ORDER BY character LIMIT {CHARACTERS}",
                parameters,
            )
            if found:
                foreign[name] = frozenset(character for (character,) in found)
        origins = self._engine.run(
            "SELECT any_value(phone), count(*) FROM "
            f"(SELECT phone, phone::VARCHAR AS digits {reached}) "
            f"GROUP BY CASE WHEN starts_with(digits, '33') THEN '33' ELSE left(digits, {ORIGIN}) END ORDER BY 1",
            parameters,
        )
        return Survey(
            texts=(first, median, last),
            unicode=unicode,
            empty={name: number for name, number in zip(fields, empties, strict=True) if number},
            foreign=foreign,
            origins=tuple((self._engine.phone(phone), people) for phone, people in origins),
        )

    def too_long(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> list[str]:
        blocked = Rows({phone: {} for phone in blacklist}).columns()
        people = f"FROM {self._name} WHERE part IN (SELECT unnest(?::BIGINT[])) AND phone NOT IN (SELECT phone FROM {blocked.source})"
        rows = self._engine.run(
            f"SELECT phone FROM ({self._sized(people, template)}) WHERE size > {MAX_LENGTH} ORDER BY part, digest LIMIT {SHOWN}",
            [list(numbers)],
        )
        return [shown_phone(self._engine.phone(phone)) for (phone,) in rows]

    def _sized(self, people: str, template: Template) -> str:
        """A query for people with the `size` of their message, its `segments`, and the `code` that tells their country."""
        text = literal(template.wire)
        for place, name in enumerate(self._params, start=1):
            text = f"replace({text}, '#param_{place}#', {name})"
        values = "".join(f", {name}" for name in self._params)
        double = literal("".join(sorted(EXTENDED)) + "\n")
        marked = "regexp_replace(replace(text, chr(27), ' '), {}, '\\0' || chr(27), 'g')"
        two_septets, two_units = literal(f"[{_escaped(EXTENDED)}\\n]"), literal(f"[{_BEYOND}\\n]")
        counted = (
            f"SELECT *, {text} AS text FROM ({people})",
            f"SELECT *, regexp_full_match(text, {_gsm('*')}) AS gsm FROM (%s)",
            "SELECT *, CASE WHEN gsm "
            f"THEN length(text) + length(text) - length(translate(text, {double}, '')) "
            f"ELSE length(text) + length(text) - length(regexp_replace(text, '[{_BEYOND}]', '', 'g')) "
            "+ length(text) - length(replace(text, chr(10), '')) END AS size, "
            "CASE WHEN gsm THEN 160 ELSE 70 END AS alone, CASE WHEN gsm THEN 153 ELSE 67 END AS room FROM (%s)",
            "SELECT *, CASE WHEN size <= alone THEN 1 ELSE (size + room - 1) // room END AS fewest FROM (%s)",
            # A character that counts two is never split, so that each SMS but the last may leave one place free: most
            # texts have so much to spare. In the others an escape is put behind each such character, for its second place.
            "SELECT *, CASE WHEN fewest > 1 AND size > fewest * room - (fewest - 1) AND size > length(text) THEN "
            f"CASE WHEN gsm THEN {marked.format(two_septets)} ELSE {marked.format(two_units)} END END AS marked FROM (%s)",
            # Where it would come first in an SMS, the one before leaves a place free.
            "SELECT *, list_reduce(range(0, size // (room - 1) + 1), "
            "lambda free, sms: free + (substr(marked, sms * room - free + 1, 1) = chr(27))::BIGINT) AS free FROM (%s)",
            f"SELECT part, digest, phone{values}, text, gsm, size, "
            "CASE WHEN marked IS NULL THEN fewest ELSE (size + free + room - 1) // room END AS segments, "
            f"{_code('phone::VARCHAR')} AS code FROM (%s)",
        )
        query = counted[0]
        for outer in counted[1:]:
            query = outer.replace("%s", query)
        return query


def _hmac(text: str, key: str) -> str:
    """SQL for the first 16 hexadecimal digits of HMAC-SHA256 (RFC 2104) of a text."""
    secret = key.encode()
    if len(secret) > _BLOCK:
        secret = hashlib.sha256(secret).digest()
    secret = secret.ljust(_BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in secret).hex() for pad in (0x36, 0x5C))
    return f"left(sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode({text})))), 16)"


def _code(phone: str) -> str:
    """SQL for as many digits of a phone as tell its country."""
    two, three = (", ".join(f"'{code}'" for code in codes_of_one_country() if len(code) == size) for size in (2, 3))
    return (
        f"CASE WHEN starts_with({phone}, '33') THEN '33' WHEN left({phone}, 2) IN ({two}) THEN left({phone}, 2) "
        f"WHEN left({phone}, 3) IN ({three}) THEN left({phone}, 3) ELSE {phone} END"
    )


def _gsm(times: str) -> str:
    """A regular expression, as a literal, for characters of the GSM alphabet."""
    return literal(f"[{_escaped(BASIC | EXTENDED)}]{times}")


def _escaped(characters: Collection[str]) -> str:
    """Characters within the brackets of a regular expression."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in sorted(characters))
