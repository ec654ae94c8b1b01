"""Parts: a campaign's recipients in stable groups of at most 2,000, each with a campaign id of its own.

Recipients are ordered by a keyed digest of their number and cut into even ranges of that order.
The state keeps where each range begins, so a later plan puts everybody into the part they were
sent with, and a change of one person touches one part. No number is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smsops.api.contract import Recipient
from smsops.kinds.contacts import BATCH
from smsops.model.values import JSON

NOBODY = "-"
"""Stands for the campaign id of a part that the blacklist left nobody in: nothing was sent."""

ID_LOST = "?"
"""Stands for the id of a part that was sent, but whose id nobody knows: it cannot be cancelled."""

SCHEDULED = "scheduled"

CANCELLING = "cancelling"
"""The status of a part whose cancellation was begun: it may be gone, and if it is, that was us."""

NO_CAMPAIGN = frozenset((NOBODY, ID_LOST))


@dataclass(frozen=True, slots=True)
class Part:
    """A range of recipients as it is to be sent: `start` is the digest that it begins at."""

    start: str
    fingerprint: str
    recipients: tuple[Recipient, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentPart:
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
        return cls(**document)


def split(recipients: Iterable[Recipient], key: str, starts: Sequence[str], content: str) -> list[Part]:
    """The parts of an audience: along `starts` where there are any, ranges grown too large cut again.

    `key` keys the digests, `content` is a digest of all that the parts share (text, date, sender).
    """
    secret = key.encode()
    ordered = [
        (hmac.new(secret, recipient.phone.encode(), hashlib.sha256).hexdigest()[:16], recipient)
        for recipient in recipients
    ]
    ordered.sort(key=lambda item: item[0])
    ranges: dict[int, list[tuple[str, Recipient]]] = {}
    edges = sorted({"", *starts})  # the first range begins at the beginning, also when its part is gone
    for item in ordered:
        ranges.setdefault(bisect_right(edges, item[0]) - 1, []).append(item)
    parts: list[Part] = []
    for index in sorted(ranges):
        members = ranges[index]
        count = -(-len(members) // BATCH)
        size = -(-len(members) // count)
        for position in range(0, len(members), size):
            chunk = members[position : position + size]
            start = edges[index] if position == 0 else chunk[0][0]
            parts.append(Part(start, _fingerprint(secret, content, chunk), tuple(recipient for _, recipient in chunk)))
    return parts


def _fingerprint(secret: bytes, content: str, members: Sequence[tuple[str, Recipient]]) -> str:
    mac = hmac.new(secret, content.encode(), hashlib.sha256)
    for digest, recipient in members:
        mac.update(f"\n{digest}".encode())
        for value in recipient.params:
            mac.update(f"\0{value}".encode())
    return mac.hexdigest()[:32]
