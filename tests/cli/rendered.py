"""Markdown as a reader sees it."""

from __future__ import annotations

from html.parser import HTMLParser

from markdown_it import MarkdownIt


class Rendered(HTMLParser):
    """A document as a reader sees it: its text, its tags, the texts of each row of its tables."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
            self._in_cell = True
        if tag in ("br", "p", "li", "td", "h2", "h3", "summary"):
            self.text += "\n"
            if tag == "br" and self._in_cell:
                self.rows[-1][-1] += "\n"

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data: str) -> None:
        shown = data.replace("\u200b", "")
        self.text += shown
        if self._in_cell:
            self.rows[-1][-1] += shown
