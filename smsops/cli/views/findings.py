"""A diagnostic and a doubt on a page."""

from __future__ import annotations

from collections.abc import Iterable

from smsops.cli.views import text
from smsops.cli.views.markup import Html, element, join
from smsops.model.diagnostics import Diagnostic, Severity
from smsops.model.outcome import Outcome
from smsops.model.plan import Doubt


def word(item: Diagnostic) -> str:
    """What a finding does to the plan."""
    return "BLOCKED" if item.blocks else "OVERRIDDEN" if item.overrides else item.severity


def ending_word(outcome: Outcome) -> str:
    """How an operation ended, as a mark."""
    return outcome.status.replace("_", " ").upper()


def ending_severity(outcome: Outcome) -> Severity:
    """What only waited for something else is no error of its own."""
    return "warning" if outcome.status in ("skipped", "not_started") else "error"


def finding(item: Diagnostic) -> Html:
    """What is wrong, by its code, where, with the line and a caret, and what to do."""
    place = str(item.mark or item.address or "")
    return element(
        "article",
        element(
            "h3",
            element("span", word(item), class_=f"badge {item.severity}"),
            " ",
            element("code", item.code),
            " ",
            element("bdi", item.summary),
        ),
        element("p", element("code", place), class_="quiet") if place else None,
        _snippet(item),
        element("p", _lines(item.detail.splitlines())) if item.detail else None,
        class_=f"finding {item.severity}",
    )


def doubt(one: Doubt) -> Html:
    """A call that may have happened, and what to do."""
    head, *rest = text.doubt_details(one)
    badge = element("span", "IN DOUBT", class_="badge error")
    return element(
        "article",
        element("h3", badge, " ", element("code", str(one.address)), " ", element("bdi", head)),
        element("p", _lines(rest)),
        class_="finding error",
    )


def _snippet(item: Diagnostic) -> Html | None:
    if not item.snippet or item.mark is None:
        return None
    source, _, caret = item.snippet.partition("\n")
    number = f"{item.mark.line:>5}"
    return element("pre", f"{number} | ", element("bdi", source), f"\n{' ' * len(number)} | ", element("b", caret))


def _lines(lines: Iterable[str]) -> Html:
    return join((element("bdi", line) for line in lines), element("br"))
