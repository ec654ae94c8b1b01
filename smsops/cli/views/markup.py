"""HTML made of elements: what is no HTML yet is escaped, so that nothing a user wrote can be more than text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from smsops.model.shown import UNSEEN

_UNSEEN = re.compile(f"[{UNSEEN}]")
_VOID = frozenset(("br", "input", "link", "meta"))


class Html(str):
    """HTML that may stand in a page as it is."""

    __slots__ = ()


Child = str | int | None
"""What an element may hold: HTML as it is, text and numbers escaped, None for nothing."""
Attribute = str | int | float | bool | None


def text(value: object) -> Html:
    """Text as HTML. It is the only way from what a user wrote into a page: controls and marks that turn the direction of
    a line are written out (``⟨U+202E⟩``)."""
    return Html(_UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", escape(str(value))))


def join(children: Iterable[Child], between: Child = None) -> Html:
    """One piece of HTML out of several."""
    return Html(_html(between).join(map(_html, children)))


def element(tag: str, /, *children: Child, **attributes: Attribute) -> Html:
    """An element. `class_` and `data_x` stand for class and data-x; False and None leave an attribute out, True has no value."""
    written = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{''.join(map(_html, children))}</{tag}>")


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(value)}"'


def _html(child: Child) -> str:
    return child if isinstance(child, Html) else "" if child is None else text(child)
