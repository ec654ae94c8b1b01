"""What the platform pushes by GET to the addresses of a customer: delivery reports (§6.5) and replies (§10.3)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from smsops.sandbox import fates
from smsops.sandbox.calls import written
from smsops.sandbox.store import Campaign, Reply, Store, campaign_name, sms_id

KINDS = ("deliveries", "replies")
"""What can be pushed, each to an address of its own."""

_Event = tuple[float, str]
_Date = Callable[[float], str]


def check(url: str) -> None:
    """ValueError unless this is an address that something can be pushed to."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"a webhook is an http or https address, not {url!r}")


def pushes(
    store: Store, recipients: fates.Recipients, urls: dict[str, str], since: datetime, until: datetime
) -> list[str]:
    """The addresses to get, with their parameters, oldest first: for all from one moment on and before another."""
    after, before = since.timestamp(), until.timestamp()
    events: list[_Event] = []

    def date(moment: float) -> str:
        return written(datetime.fromtimestamp(moment, until.tzinfo))

    if "deliveries" in urls:
        for campaign in store.campaigns_sent_from(after - fates.LATEST):
            for report, place, phone in _reports(campaign, recipients):
                if after <= report.moment < before:
                    params = _report(campaign, report, place, phone, date)
                    events.append((report.moment, _address(urls["deliveries"], params)))
    if "replies" in urls:
        for reply in store.replies_from(after, before):
            events.append((reply.received, _address(urls["replies"], _reply(reply, date))))
    return [address for _, address in sorted(events, key=lambda event: event[0])]


def _reports(campaign: Campaign, recipients: fates.Recipients) -> Iterator[tuple[fates.Report, int, str]]:
    """Every report on a campaign of SMS, with the place and the phone of its recipient."""
    if not campaign.is_email:
        for place, (phone, _) in enumerate(campaign.content["recipients"]):
            for report in fates.reports(recipients, campaign.id, phone, campaign.due):
                yield report, place, phone


def _report(campaign: Campaign, report: fates.Report, place: int, phone: str, date: _Date) -> dict[str, str]:
    # Where §6.5 has smsId, the same webhook of simplified sending has smsid (§5.3).
    return {
        "smsid" if campaign.content.get("simplified") else "smsId": sms_id(campaign.id, place),
        "status": str(report.status),
        "statusText": fates.STATUSES[report.status],
        "receptionDate": date(report.moment),
        "phoneNumber": phone,
        "campaignId": campaign.campaign_id,
    }


def _reply(reply: Reply, date: _Date) -> dict[str, str]:
    return {
        "smsId": sms_id(reply.campaign, reply.place),
        "smsMoId": str(reply.id),
        "receptionDate": date(reply.received),
        "phoneNumber": reply.phone,
        "campaignId": campaign_name(reply.campaign),
        "message": reply.message,
    }


def _address(url: str, params: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
