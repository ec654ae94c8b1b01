"""What an apply did, as a page: how it ended, what is not done and why, each change with its outcome, and the plan's figures."""

from __future__ import annotations

from collections.abc import Iterator

from smsops.cli.views import text
from smsops.cli.views.findings import ending_severity, ending_word
from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.page import Section, page_of_sections
from smsops.cli.views.plan_page import SCRIPT, diagnostics, overview, planned
from smsops.errors import ExitCode
from smsops.model.outcome import Outcome, Report

MOST = 500
"""So many operations that are not done are listed; the changes have the others."""
_PLAIN = text.Paint(False)


def apply_page(report: Report, refused: ExitCode | None) -> str:
    """The page; `refused` is how a run ended that did nothing because it may not, or cannot, begin."""
    plan = report.plan
    sections = (
        Section("not-done", "Not done", _not_done(report)),
        Section("diagnostics", "Diagnostics", diagnostics.section(plan)),
        Section("plan", "The plan", overview.summary(plan) if plan.changes or plan.drift else None),
        *planned(plan, outcomes=report.outcomes),
    )
    title = f"Apply of {plan.stack}" if plan.stack else "Apply"
    return page_of_sections(title, _head(report, refused), sections, script=SCRIPT)


def _head(report: Report, refused: ExitCode | None) -> Html:
    code = report.exit_code if refused is None else refused
    well = code is ExitCode.OK
    figures = (
        element("div", element("dt", name), element("dd", f"{count:,}"), data_status=status)
        for status, name, count in _counts(report)
        if count
    )
    return join(
        (
            element("p", overview.origin(report.plan), class_="quiet") if report.plan.version else None,
            element("p", _verdict(report, refused), class_="verdict well" if well else "verdict"),
            element("dl", join(figures), class_="figures") if report.outcomes or report.plan.doubts else None,
            None if well else element("p", f"It ended with the exit code {code:d}.", class_="quiet"),
        ),
        "\n",
    )


def _verdict(report: Report, refused: ExitCode | None) -> str:
    if refused is not None:
        return "Apply refused: nothing was done." if report.plan.changes else "Nothing was done."
    if report.outcomes:
        return text.report_line(report, _PLAIN)
    return " ".join(text.summary_lines(report.plan, _PLAIN)) or "Nothing was done."


def _counts(report: Report) -> Iterator[tuple[str, str, int]]:
    for status in ("done", "failed", "skipped", "in_doubt", "unfinished", "not_started"):
        earlier = len(report.plan.doubts) if status == "in_doubt" else 0
        yield status, status.replace("_", " "), report.count(status) + earlier


def _not_done(report: Report) -> Html | None:
    found = [outcome for outcome in report.outcomes if outcome.status != "done"]
    # What went wrong comes before what only waited for it.
    found.sort(key=lambda outcome: ending_severity(outcome) != "error")
    left_out = len(found) - MOST
    more = f"{left_out:,} more are not listed here; the changes below tell how each ended."
    return join((*map(_ending, found[:MOST]), element("p", more) if left_out > 0 else None), "\n") if found else None


def _ending(outcome: Outcome) -> Html:
    address = str(outcome.operation.change.address)
    severity = ending_severity(outcome)
    lines = [text.ending(outcome, _PLAIN)]
    if outcome.status == "in_doubt":
        lines.append(text.doubt_line(outcome.operation.change.address))
    return element(
        "article",
        element(
            "h3",
            element("span", ending_word(outcome), class_=f"badge {severity}"),
            " ",
            *(element("code", outcome.code, class_="code"), " ") * bool(outcome.code),
            element("code", address, class_="address"),
        ),
        element("p", join((element("bdi", line) for line in lines), element("br"))),
        class_=f"finding {severity}",
        data_status=outcome.status,
    )
