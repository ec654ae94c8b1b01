"""Parts: a campaign's recipients in stable groups of at most 2,000, each with a campaign id of its own.

Recipients are ordered by a keyed digest of their number and cut into even ranges of that order.
The state keeps where each range begins, so a later plan puts everybody into the part they were
sent with, and a change of one person touches one part. No number is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from smsops.kinds.campaign.alphabet import MAX_LENGTH, is_gsm, length, segments
from smsops.kinds.campaign.text import Template
from smsops.model.phone import country_of
from smsops.model.shown import shown_phone
from smsops.model.values import JSON, repr_without
from smsops.table import BATCH, Rows, Table

if TYPE_CHECKING:
    from smsops.api.records import Recipient

T = TypeVar("T")

NOBODY = "-"
"""Stands for the campaign id of a part that the blacklist left nobody in: nothing was sent."""

ID_LOST = "?"
"""Stands for the id of a part that was sent, but whose id nobody knows: it cannot be cancelled."""

SCHEDULED = "scheduled"

CANCELLING = "cancelling"
"""The status of a part whose cancellation was begun: it may be gone, and if it is, that was us."""

NO_CAMPAIGN = frozenset((NOBODY, ID_LOST))


class Part(NamedTuple):
    """A range of recipients as it is to be sent: `start` is the digest that it begins at."""

    start: str
    fingerprint: str
    size: int
    number: int
    cut: Cut

    def __repr__(self) -> str:
        return repr_without(self, "cut")

    def recipients(self) -> list[Recipient]:
        """Everybody in it, in the order of their digests."""
        return self.cut.recipients(self.number)


class SentPart(NamedTuple):
    """A range of recipients that the API has taken, under its campaign id, and what it cost."""

    start: str
    fingerprint: str
    recipients: int
    campaign_id: str
    status: str = SCHEDULED
    credits: float = 0

    def document(self) -> dict[str, JSON]:
        return {
            "start": self.start,
            "fingerprint": self.fingerprint,
            "recipients": self.recipients,
            "campaign_id": self.campaign_id,
            "status": self.status,
            "credits": self.credits,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> SentPart:
        """TypeError where the document is none of a part."""
        part = cls(**document)
        texts = (part.start, part.fingerprint, part.campaign_id, part.status)
        numbers = (part.recipients, part.credits)
        if not (all(isinstance(one, str) for one in texts) and all(isinstance(one, (int, float)) for one in numbers)):
            raise TypeError("parts")
        return part


@dataclass
class Reach:
    """Who of a part can be reached: how many, with how many SMS by country, and who cannot, by their digits."""

    recipients: int = 0
    messages: dict[str, int] = field(default_factory=dict)
    too_long: int = 0
    """How many get a message that is longer than the API takes."""
    blocked: list[str] = field(default_factory=list, repr=False)


class Survey(NamedTuple):
    """How a message looks for some people: the texts of the shortest, the median and the longest rendering, by SMS and
    then by characters: the longest is what costs most.

    `unicode` counts those whose message is not GSM-7. By field: `empty` counts those without a value, `foreign` has the
    characters of values that are not GSM-7 (the first few). `origins` has a phone and a count for each group of phones that
    begin alike, as far as tells their country and zone.
    """

    texts: tuple[str, str, str]
    unicode: int
    empty: Mapping[str, int]
    foreign: Mapping[str, frozenset[str]]
    origins: tuple[tuple[str, int], ...]

    def __repr__(self) -> str:
        return repr_without(self, "texts", "origins")


class Cut(ABC):
    """An audience in parts. `key` keys the digests.

    Campaigns of one audience share their cut: what it was asked once it knows.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Any] = {}

    @abstractmethod
    def parts(self, content: str) -> list[Part]:
        """The parts; `content` is a digest of what they all share (text, date, sender)."""

    @abstractmethod
    def recipients(self, number: int) -> list[Recipient]:
        """Everybody in a part."""

    def reach(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> dict[int, Reach]:
        """What sending some parts comes to."""
        return self._once("reach", self._reach, numbers, template, blacklist)

    def survey(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> Survey | None:
        """How the message looks for everybody in some parts who can be reached; None where nobody can."""
        return self._once("survey", self._survey, numbers, template, blacklist)

    @abstractmethod
    def too_long(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> list[str]:
        """The first few, masked, who would get a message that is too long."""

    @abstractmethod
    def _reach(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> dict[int, Reach]: ...

    @abstractmethod
    def _survey(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> Survey | None: ...

    def _once(
        self,
        what: str,
        work: Callable[[Collection[int], Template, frozenset[str]], T],
        numbers: Collection[int],
        template: Template,
        blacklist: frozenset[str],
    ) -> T:
        asked = (what, tuple(numbers), template, blacklist)
        if asked not in self._known:
            self._known[asked] = work(numbers, template, blacklist)
        found: T = self._known[asked]
        return found


def cut(people: Table, template: Template, key: str, starts: Sequence[str]) -> Cut:
    """An audience cut along `starts` where there are any, ranges grown too large cut again."""
    edges = sorted({"", *starts})  # the first range begins at the beginning, also when its part is gone
    if isinstance(people, Rows):
        return RowsCut(people, template, key, edges)
    from smsops.kinds.campaign.columns import ColumnsCut

    return ColumnsCut(people.columns(), template, key, edges)


def fingerprint(key: str, content: str, members: str) -> str:
    """What a part is known by: `members` has a line for each recipient, their digest and the values they get."""
    return hmac.new(key.encode(), f"{content}{members}".encode(errors="replace"), hashlib.sha256).hexdigest()[:32]


def place(key: bytes, who: str) -> str:
    """Where somebody stands in the order that parts are ranges of."""
    return hmac.new(key, who.encode(), hashlib.sha256).hexdigest()[:16]


def ranges_of(ordered: Sequence[tuple[str, T]], edges: Sequence[str]) -> Iterator[tuple[str, Sequence[tuple[str, T]]]]:
    """People in the order of their places, cut along edges and then evenly: the start of each range, and who is in it."""
    ranges: dict[int, list[tuple[str, T]]] = {}
    for item in ordered:
        ranges.setdefault(bisect_right(edges, item[0]) - 1, []).append(item)
    for index in sorted(ranges):
        members = ranges[index]
        size = even_size(len(members))
        for position in range(0, len(members), size):
            chunk = members[position : position + size]
            yield (edges[index] if position == 0 else chunk[0][0]), chunk


def even_size(members: int) -> int:
    """The size of the parts into which a range is cut.

    As few parts as can be; of ten and more that would be full each gets some room, so that one person more changes
    one part and does not make two of it.
    """
    parts = -(-members // BATCH)
    if parts >= ROOMY_FROM and members > parts * (BATCH - BATCH // 200):
        parts += -(-parts // 100)
    return -(-members // parts)


SHOWN = 5
CHARACTERS = 20
"""So many characters of a field's values are told at most."""

ROOMY_FROM = 10
"""From so many parts on, one call in a hundred more is no matter."""

ORIGIN = 7
"""So many digits of a phone tell its country and its zone."""


def origin(phone: str) -> str:
    """What phones of one country and zone begin with."""
    return "33" if phone.startswith("33") else phone[:ORIGIN]


class RowsCut(Cut):
    """A small audience in parts."""

    def __init__(self, people: Rows, template: Template, key: str, edges: Sequence[str]) -> None:
        super().__init__()
        self._key = key
        secret = key.encode()
        from smsops.api.records import Recipient

        ordered = [(place(secret, phone), Recipient(phone, template.parameters(fields))) for phone, fields in people]
        ordered.sort(key=lambda item: (item[0], item[1].phone))
        self._members: list[list[Recipient]] = []
        self._lines: list[tuple[str, str]] = []
        """The start of each part, and what its fingerprint is of."""
        for start, chunk in ranges_of(ordered, edges):
            lines = "".join("\n" + "\0".join((digest, *recipient.params)) for digest, recipient in chunk)
            self._members.append([recipient for _, recipient in chunk])
            self._lines.append((start, lines))

    def parts(self, content: str) -> list[Part]:
        return [
            Part(start, fingerprint(self._key, content, lines), len(self._members[number]), number, self)
            for number, (start, lines) in enumerate(self._lines)
        ]

    def recipients(self, number: int) -> list[Recipient]:
        return self._members[number]

    def _reach(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> dict[int, Reach]:
        sizes: dict[tuple[str, ...], tuple[int, bool]] = {}
        found: dict[int, Reach] = {}
        for number in numbers:
            reach = found[number] = Reach()
            for recipient in self._members[number]:
                if recipient.phone in blacklist:
                    reach.blocked.append(recipient.phone)
                    continue
                if recipient.params not in sizes:
                    text = template.rendered(recipient.params)
                    sizes[recipient.params] = (segments(text), length(text) > MAX_LENGTH)
                messages, is_long = sizes[recipient.params]
                country = country_of(recipient.phone)
                reach.recipients += 1
                reach.too_long += is_long
                reach.messages[country] = reach.messages.get(country, 0) + messages
        return found

    def _survey(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> Survey | None:
        people = [one for number in numbers for one in self._members[number] if one.phone not in blacklist]
        if not people:
            return None
        texts = {params: template.rendered(params) for params in dict.fromkeys(one.params for one in people)}
        sizes = {params: (segments(text), length(text)) for params, text in texts.items()}
        every = sorted(sizes[one.params] for one in people)
        middle = every[(len(every) - 1) // 2]
        by_size = sorted((sizes[params], text) for params, text in texts.items())
        values = dict(zip(template.fields, zip(*texts, strict=True), strict=False))
        origins: dict[str, tuple[str, int]] = {}
        for one in people:
            first, count = origins.get(origin(one.phone), (one.phone, 0))
            origins[origin(one.phone)] = (first, count + 1)
        gsm = {params: is_gsm(text) for params, text in texts.items()}
        return Survey(
            texts=(
                by_size[0][1],
                next(text for size, text in by_size if size == middle),
                by_size[-1][1],
            ),
            unicode=sum(1 for one in people if not gsm[one.params]),
            empty={
                name: count
                for place, name in enumerate(template.fields)
                if (count := sum(1 for one in people if not one.params[place]))
            },
            foreign={
                name: frozenset(sorted(found)[:CHARACTERS])
                for name, known in values.items()
                if (found := {character for value in known for character in value if not is_gsm(character)})
            },
            origins=tuple(origins.values()),
        )

    def too_long(self, numbers: Collection[int], template: Template, blacklist: frozenset[str]) -> list[str]:
        phones = (
            recipient.phone
            for number in numbers
            for recipient in self._members[number]
            if recipient.phone not in blacklist and length(template.rendered(recipient.params)) > MAX_LENGTH
        )
        return [shown_phone(phone) for _, phone in zip(range(SHOWN), phones, strict=False)]
