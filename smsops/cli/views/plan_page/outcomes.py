"""What an apply did: in one line, then what was not done and why, then what was."""

from __future__ import annotations

from smsops.cli.views import text
from smsops.cli.views.markup import Html, element, join
from smsops.errors import ExitCode
from smsops.model.outcome import Report

MOST = 2000


def section(report: Report, refused: ExitCode | None) -> Html | None:
    """Nothing where there was nothing to do."""
    if refused is not None:
        return element("p", "Apply refused: nothing was done.", class_="error")
    if not report.outcomes:
        return None
    head = text.report_text(report, False).splitlines()[0]
    ordered = sorted(report.outcomes, key=lambda outcome: outcome.status == "done")
    left_out = len(ordered) - MOST
    lines = (
        element("li", element("bdi", text.ended_text(outcome, text.Paint(False))), class_=outcome.status)
        for outcome in ordered[:MOST]
    )
    return join(
        (
            element("p", head, class_="error" if report.exit_code else None),
            element("ul", join(lines, "\n")),
            element("p", f"{left_out:,} more were done.") if left_out > 0 else None,
        ),
        "\n",
    )
