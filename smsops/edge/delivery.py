"""What became of a campaign: delivery reports and replies of all its parts, added up (manual §8, §11).

The API tells of them, and webhooks may have told before. A recipient counts once, by the latest report, whoever told it; so does a
reply.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from smsops.api.contract import Reader
from smsops.api.records import DeliveryStatus, Replies
from smsops.model.shown import mask_text
from smsops.model.standing import Delivery, Received, Standing
from smsops.model.webhooks import NOTHING_HEARD, Heard, PersonKey, WebhookEvent

HOURS = (1, 2, 4, 8, 24, 48, 72)
"""Reports come within 72 hours (manual §8)."""

_STOP = re.compile(r"\s*(?:36\d{3}\s+)?STOP\b", re.IGNORECASE)
_BY_CODE = {str(status.code): status for status in DeliveryStatus}


class _Report(NamedTuple):
    """A delivery report, whoever told it. `received` is in the account's zone."""

    code: str
    status: DeliveryStatus | None
    meaning: str
    received: datetime | None
    by_webhook: bool

    @property
    def is_final(self) -> bool:
        """Whether it says what became of a message, and not only that the operator has it."""
        return self.status is not DeliveryStatus.WITH_OPERATOR

    @property
    def rank(self) -> tuple[bool, datetime]:
        """The higher one is the later one."""
        return self.is_final, self.received or datetime.min


async def delivery_of(
    standing: Standing, reader: Reader, login: str | None, zone: str, heard: Heard = NOTHING_HEARD
) -> Delivery:
    """Asks for each part's reports and replies; `zone` is the account's, in which the API writes dates. ApiError."""
    ids = [part.campaign_id for part in standing.parts if part.campaign_id]
    reports, replies = await asyncio.gather(
        asyncio.gather(*(reader.get_acks(one, sub_account=login) for one in ids)),
        asyncio.gather(*(reader.get_pull(one, sub_account=login) for one in ids)),
    )
    latest: dict[Hashable, _Report] = {}
    told: list[str] = []
    texts: list[str] = []
    for campaign_id, acks, pull in zip(ids, reports, replies, strict=True):
        events = [event for event in heard.events if event.campaign_id == campaign_id]
        by_api = [(one.phone, _Report(one.code, one.status, one.comment, one.received, False)) for one in acks.reports]
        found = _merged(by_api, [event for event in events if event.kind == "delivery"], heard.key)
        latest = _latest([*latest.items(), *found.items()])
        told += [reply.text for reply in pull.replies]
        texts += _all_replies(pull, [event for event in events if event.kind == "reply"])
    by_status = Counter(report.code for report in latest.values())
    delivered = [report for report in latest.values() if report.status is DeliveryStatus.DELIVERED]
    return Delivery(
        standing,
        dict(sorted(by_status.items())),
        {report.code: report.status.meaning if report.status else report.meaning for report in latest.values()},
        len(delivered),
        _within(standing, delivered, ZoneInfo(zone)),
        len(texts),
        sum(1 for text in texts if _STOP.match(text)),
        sum(1 for report in latest.values() if report.by_webhook),
        len(texts) - len(told),
    )


def _within(standing: Standing, delivered: Iterable[_Report], zone: ZoneInfo) -> dict[int, int]:
    within: Counter[int] = Counter()
    for report in delivered:
        if report.received is not None:
            hours = (report.received.replace(tzinfo=zone) - standing.date).total_seconds() / 3600
            within[next((most for most in HOURS if hours <= most), HOURS[-1])] += 1
    return {hours: within[hours] for hours in HOURS if within[hours]}


def _merged(
    by_api: Sequence[tuple[str, _Report]], events: Sequence[WebhookEvent], key: PersonKey | None
) -> dict[Hashable, _Report]:
    """The latest report on each recipient of a part.

    The API tells numbers, and an event has a digest of one. Where its key is not at hand nobody is known again, and whoever
    tells the end of more messages is believed alone.
    """
    recognised = key is not None and all(event.person and event.key == key.id for event in events)
    by_webhook = _latest(
        ((event.person if recognised else event.sms_id or event.person), _read(event)) for event in events
    )
    if recognised and by_webhook:
        assert key is not None
        return _latest([*((key.person(phone), report) for phone, report in by_api), *by_webhook.items()])
    return max(_latest(by_api), by_webhook, key=lambda known: (sum(one.is_final for one in known.values()), len(known)))


def _latest(reports: Iterable[tuple[Hashable, _Report]]) -> dict[Hashable, _Report]:
    latest: dict[Hashable, _Report] = {}
    for who, report in reports:
        known = latest.get(who)
        if known is None or report.rank > known.rank or (report.rank == known.rank and not report.by_webhook):
            latest[who] = report
    return latest


def _read(event: WebhookEvent) -> _Report:
    received = datetime.fromisoformat(event.moment) if event.moment else None
    return _Report(event.status, _BY_CODE.get(event.status), event.text, received, True)


def _all_replies(pull: Replies, events: Sequence[WebhookEvent]) -> list[str]:
    """The texts of the replies to a part, masked. Where an id is missing, replies of one text and one moment are the same."""
    if all(reply.id for reply in pull.replies) and all(event.reply_id for event in events):
        by_id = {event.reply_id: event.text for event in events}
        return list((by_id | {str(reply.id): mask_text(reply.text) for reply in pull.replies}).values())
    by_api = Counter(
        (reply.received.isoformat() if reply.received else "", mask_text(reply.text)) for reply in pull.replies
    )
    by_webhook = Counter((event.moment, event.text) for event in events)
    return [text for _, text in (by_api | by_webhook).elements()]


async def received(wanted: Sequence[tuple[Standing, str | None]], reader: Reader, zone: str) -> list[Received]:
    """The replies to some campaigns, each with the login of its account, the earliest first. ApiError."""
    asked = [(one.address, part.campaign_id, login) for one, login in wanted for part in one.parts if part.campaign_id]
    found = await asyncio.gather(*(reader.get_pull(known, sub_account=login) for _, known, login in asked))
    there = ZoneInfo(zone)
    replies = [
        Received(reply.received.replace(tzinfo=there) if reply.received else None, address, reply.phone, reply.text)
        for (address, _, _), answer in zip(asked, found, strict=True)
        for reply in answer.replies
    ]
    return sorted(
        replies,
        key=lambda reply: (reply.when is not None, reply.when.timestamp() if reply.when else 0, str(reply.address)),
    )
