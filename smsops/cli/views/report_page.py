"""What became of a campaign, as a page."""

from __future__ import annotations

from collections.abc import Iterable

from smsops.cli.views.campaigns import report_head, report_lines, statuses
from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.page import Section, page_of_sections
from smsops.model.standing import Delivery


def report_page(delivery: Delivery) -> str:
    """The page: a row for each status, and for what was delivered within some hours."""
    one = delivery.standing
    head = (
        element("p", element("bdi", report_head(delivery))),
        element("p", element("bdi", one.message), class_="quiet"),
        *(element("p", line) for line in report_lines(delivery)),
    )
    within = ((f"within {hours} h", count) for hours, count in delivery.within.items())
    sections = (
        Section("statuses", "What reports say", _rows(statuses(delivery), one.recipients)),
        Section("delivered", f"Delivered to {delivery.delivered:,}", _rows(within, delivery.delivered)),
    )
    return page_of_sections(f"{one.address}, {one.date:%Y-%m-%d %H:%M}", join(head, "\n"), sections)


def _rows(counts: Iterable[tuple[str, int]], total: int) -> Html | None:
    rows = [
        element(
            "tr",
            element("th", element("bdi", name), scope="row"),
            element("td", f"{count:,}", class_="number"),
            element("td", f"{count / total if total else 0:.1%}", class_="number"),
            element("td", element("meter", min=0, max=max(total, 1), value=count, aria_hidden="true"), class_="bar"),
        )
        for name, count in counts
    ]
    return element("table", element("tbody", join(rows, "\n"))) if rows else None
