"""What became of a campaign: delivery reports and replies of all its parts, added up (manual §8, §11)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from smsops.api.contract import DeliveryReport, DeliveryReports, DeliveryStatus, Reader, Replies
from smsops.model.standing import Delivery, Received, Standing

HOURS = (1, 2, 4, 8, 24, 48, 72)
"""Reports come within 72 hours (manual §8)."""

_STOP = re.compile(r"\s*(?:36\d{3}\s+)?STOP\b", re.IGNORECASE)


async def delivery_of(standing: Standing, reader: Reader, login: str | None, zone: str) -> Delivery:
    """Asks for each part's reports and replies; `zone` is the account's, in which the API writes dates. ApiError."""
    ids = [part.campaign_id for part in standing.parts if part.campaign_id]
    reports, replies = await asyncio.gather(
        asyncio.gather(*(reader.get_acks(one, sub_account=login) for one in ids)),
        asyncio.gather(*(reader.get_pull(one, sub_account=login) for one in ids)),
    )
    return _summed(standing, reports, replies, ZoneInfo(zone))


def _summed(standing: Standing, reports: list[DeliveryReports], replies: list[Replies], zone: ZoneInfo) -> Delivery:
    latest: dict[str, DeliveryReport] = {}
    for report in (one for found in reports for one in found.reports):
        known = latest.get(report.phone)
        if known is None or (report.received or datetime.min) >= (known.received or datetime.min):
            latest[report.phone] = report
    by_status: Counter[str] = Counter()
    meanings: dict[str, str] = {}
    within: Counter[int] = Counter()
    for report in latest.values():
        by_status[report.code] += 1
        meanings[report.code] = report.status.meaning if report.status else report.comment
        if report.status is DeliveryStatus.DELIVERED and report.received is not None:
            hours = (report.received.replace(tzinfo=zone) - standing.date).total_seconds() / 3600
            within[next((most for most in HOURS if hours <= most), HOURS[-1])] += 1
    texts = [reply.text for found in replies for reply in found.replies]
    return Delivery(
        standing,
        dict(sorted(by_status.items())),
        meanings,
        sum(1 for report in latest.values() if report.status is DeliveryStatus.DELIVERED),
        {hours: within[hours] for hours in HOURS if within[hours]},
        len(texts),
        sum(1 for text in texts if _STOP.match(text)),
    )


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
