"""A page of its own: it loads nothing, and follows the reader's light or dark mode.

Its policy (CSP) names the one style and the one script that it has by their hashes: whatever else should get into it does not
run, and nothing goes out.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from smsops.cli.views.markup import Html, element, join


class Section(NamedTuple):
    """A part of a page, with the name by which links find it."""

    name: str
    title: str
    body: Html | None


def page(title: str, body: Html, *, script: str = "") -> str:
    """The page; `script` is the name of a file beside this one. Without it the page must be complete too."""
    style = _file("page.css")
    code = _file(script) if script else ""
    policy = f"default-src 'none'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    policy += f"; script-src '{_hash(code)}'" if code else ""
    head = (
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", style),
    )
    whole = element(
        "html",
        element("head", join(head, "\n")),
        element("body", element("main", element("h1", title), "\n", body), element("script", code) if code else None),
        lang="en",
    )
    return f"<!doctype html>\n{whole}"


def page_of_sections(title: str, head: Html, sections: Iterable[Section], *, script: str = "") -> str:
    """A page with a head, links to its sections, and these; a section without a body is left out."""
    shown = [section for section in sections if section.body]
    links = (element("li", element("a", one.title, href=f"#{one.name}")) for one in shown)
    parts = (
        element("header", head),
        element("nav", element("ul", join(links)), aria_label="On this page") if shown else None,
        *(
            element(
                "section",
                element("h2", one.title, id=f"{one.name}-title"),
                one.body,
                id=one.name,
                aria_labelledby=f"{one.name}-title",
            )
            for one in shown
        ),
    )
    return page(title, join(parts, "\n"), script=script)


def table(title: str, heads: Iterable[str], rows: Iterable[Html]) -> Html:
    """A table that is wider than a phone: it moves below its place, not the page."""
    whole = element(
        "table",
        element("thead", element("tr", join(element("th", head, scope="col") for head in heads))),
        element("tbody", join(rows, "\n")),
    )
    return element("div", whole, class_="wide", tabindex=0, role="group", aria_label=title)


@cache
def _file(name: str) -> Html:
    return Html(Path(__file__).with_name(name).read_text("utf-8"))


def _hash(content: str) -> str:
    return f"sha256-{b64encode(sha256(content.encode()).digest()).decode()}"
