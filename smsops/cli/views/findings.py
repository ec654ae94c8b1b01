"""A diagnostic and a doubt on a page."""

from __future__ import annotations

from collections.abc import Iterable
from html import unescape

from smsops.cli.views import markup, text
from smsops.cli.views.markup import Html, element, join
from smsops.model.diagnostics import Diagnostic
from smsops.model.plan import Doubt


def word(item: Diagnostic) -> str:
    """What a finding does to the plan."""
    return "BLOCKED" if item.blocks else "OVERRIDDEN" if item.overrides else item.severity


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
    """The line with a caret below, which stands right even where characters before it had to be written out."""
    if not item.snippet or item.mark is None:
        return None
    source, _, caret = item.snippet.partition("\n")
    before = source[: len(caret) - 1]
    indent = len(unescape(markup.text(before))) + len(caret) - 1 - len(before)
    number = f"{item.mark.line:>5}"
    gutter = " " * len(number)
    return element("pre", f"{number} | ", element("bdi", source), f"\n{gutter} | {' ' * indent}", element("b", "^"))


def _lines(lines: Iterable[str]) -> Html:
    return join((element("bdi", line) for line in lines), element("br"))
