"""How campaigns stand, and what became of one: as text, and as a table for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smsops.model.shown import one_line
from smsops.model.standing import Delivery, Standing, StandingPart
from smsops.model.values import plural

_BAR = 30
"""Characters of the longest bar."""


def status(standings: Sequence[Standing], zone: str) -> str:
    """Each campaign with its parts."""
    lines: list[str] = []
    for one in standings:
        lines += [*_status_lines(one), ""]
    return "\n".join([*lines, status_line(standings, zone)])


def status_line(standings: Sequence[Standing], zone: str) -> str:
    """How many campaigns there are."""
    return f"{plural(len(standings), 'campaign')}. Times are in {zone}." if standings else "No campaign was scheduled."


def _status_lines(one: Standing) -> Iterator[str]:
    yield f"{one.address}: {one.state}, {one.date:%a %Y-%m-%d %H:%M}, from {one_line(one.sender)}"
    yield f"  {one_line(one.message)}"
    yield f"  {plural(one.recipients, 'recipient')}, {cost_of(one)}"
    if one.cancellable_until:
        yield f"  can be taken back until {one.cancellable_until:%Y-%m-%d %H:%M}"
    for part in one.parts:
        yield f"    {part.campaign_id or '-':<16} {part.recipients:>7,}  {'?' if part.credits is None else f'{part.credits:,}':>9}  {part.status}"


def cost_of(one: Standing | StandingPart) -> str:
    """What it cost, in words."""
    return "at a cost that nobody tells" if one.credits is None else plural(one.credits, "credit")


def report(delivery: Delivery) -> str:
    """With bars that a terminal can draw."""
    one = delivery.standing
    lines = [report_head(delivery), "", *_bars([*statuses(delivery)], one.recipients)]
    if delivery.within:
        within = [(f"within {hours} h", count) for hours, count in delivery.within.items()]
        lines += ["", "Delivered:", *_bars(within, delivery.delivered)]
    return "\n".join([*lines, "", *report_lines(delivery)])


def report_head(delivery: Delivery) -> str:
    """Which campaign it is, when it was sent, to how many, for how much."""
    one = delivery.standing
    return (
        f"{one.address}, {one.state} {one.date:%a %Y-%m-%d %H:%M}: {plural(one.recipients, 'recipient')}, "
        f"{cost_of(one)}"
    )


def report_lines(delivery: Delivery) -> Iterator[str]:
    """Replies, what only webhooks told, and what a message cost."""
    yield f"Replies: {delivery.replies:,}, {delivery.stops:,} of them STOP."
    if delivery.reports_by_webhook or delivery.replies_by_webhook:
        known = f"{plural(delivery.reports_by_webhook, 'report')} and {plural(delivery.replies_by_webhook, 'reply', 'replies')}"
        yield f"{known} of these are known by webhooks alone."
    if delivery.cost_per_delivered is not None:
        yield f"Cost: {delivery.cost_per_delivered:,} credits for each message that was delivered."


def statuses(delivery: Delivery) -> Iterator[tuple[str, int]]:
    """What reports say, in words, and of how many recipients."""
    for code, count in delivery.by_status.items():
        yield one_line(delivery.meanings.get(code) or f"status {code}"), count
    if delivery.unreported:
        yield "not reported yet", delivery.unreported


def _bars(rows: Sequence[tuple[str, int]], total: int) -> Iterator[str]:
    width = max((len(name) for name, _ in rows), default=0)
    for name, count in rows:
        share = count / total if total else 0
        yield f"  {name:<{width}}  {'█' * round(share * _BAR):<{_BAR}}  {count:>7,}  {share:6.1%}"


def report_csv(delivery: Delivery) -> str:
    """A row a status."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("campaign", "code", "meaning", "recipients"))
    for code, count in delivery.by_status.items():
        writer.writerow((delivery.standing.address, code, delivery.meanings.get(code, ""), count))
    writer.writerow((delivery.standing.address, "", "not reported yet", delivery.unreported))
    return out.getvalue()
