"""From the bytes of an answer to plain dicts, lists and scalars, whatever form the server chose.

The manual promises JSON or XML; what clients saw besides is a byte order mark or blank lines in front,
keys in any case and with blanks inside the quotes, an array around the whole answer, a collection of one
without its array, a collection inside an element named after its members (what XML becomes when it is
turned into JSON), numbers as text, and pages of HTML. Content-Type is not to be trusted: the first byte is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from smsops.api.records import Number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | int | Decimal | bool | None"
Mapped: TypeAlias = dict[str, Tree]

_BLANK = " \t\r\n\ufeff\x00"
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?: *([ap])\.?m\.?)?)?",
    re.IGNORECASE,
)
_MOST_DIGITS = 40


class Malformed(ValueError):
    """The bytes, or a value in them, do not make sense; the text says why and quotes nothing of them."""


def decode(body: bytes) -> Tree:
    """The tree of an answer. Keys are as they came; `keyed` makes them comparable."""
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n\x00")[:1]
    if not start and not body.strip():
        raise Malformed("the answer is empty")
    return _from_xml(body) if start == b"<" else _from_json(body)


def _from_json(body: bytes) -> Tree:
    problem = "the answer is neither JSON nor XML, or breaks off"
    try:
        text = body.decode("utf-8").strip(_BLANK)
        tree: Tree = _JSON.decode(text)
    except Malformed as malformed:
        problem = str(malformed)
    except (ValueError, ArithmeticError, RecursionError):
        pass  # the exception would keep the whole body alive: what is raised below does not
    else:
        return tree
    raise Malformed(problem)


def _not_a_number(_: str) -> NoReturn:
    raise Malformed("the answer holds a number that is none")


def _without_contradiction(pairs: list[tuple[str, Tree]]) -> Mapped:
    mapped = dict(pairs)
    if len(mapped) != len(pairs) and any(mapped[key] != value for key, value in pairs):
        raise Malformed("the answer says two things under one key")
    return mapped


_JSON = json.JSONDecoder(parse_float=Decimal, parse_constant=_not_a_number, object_pairs_hook=_without_contradiction)


def _from_xml(body: bytes) -> Tree:
    from defusedxml.common import DTDForbidden  # answers are in XML only when that was asked for, or by mistake
    from defusedxml.ElementTree import ParseError, fromstring

    problem = "the answer is an HTML page"
    try:
        # A document type is a sign of HTML, and the only way in which XML can blow up or reach outside.
        root = fromstring(body.strip(_BLANK.encode()), forbid_dtd=True)
        if root.tag.lower() != "html":
            return _from_element(root)
    except DTDForbidden:
        pass
    except (ParseError, ValueError, LookupError, RecursionError):
        problem = "the answer is XML that breaks off, or HTML"
    raise Malformed(problem)


def _from_element(element: Element) -> Tree:
    # The name of the root says nothing: sendEmail's is SendSMS, and their case varies.
    if not len(element):
        return (element.text or "").strip()
    mapped: Mapped = {}
    for child in element:
        value = _from_element(child)
        if child.tag not in mapped:
            mapped[child.tag] = value
            continue
        present = mapped[child.tag]
        if isinstance(present, list):
            present.append(value)
        else:
            mapped[child.tag] = [present, value]
    return mapped


def keyed(tree: Tree) -> Mapped:
    """A mapping with its keys trimmed and in lower case."""
    if not isinstance(tree, dict):
        raise Malformed("the answer has no keys")
    mapped = {name.strip().lower(): value for name, value in tree.items()}
    if len(mapped) != len(tree) and any(mapped[name.strip().lower()] != value for name, value in tree.items()):
        raise Malformed("the answer says two things under one key")
    return mapped


def unwrapped(tree: Tree, root: str) -> Tree:
    """The answer itself, without an array of one around it or a root named after the method."""
    if isinstance(tree, list) and len(tree) == 1 and isinstance(tree[0], dict):
        tree = tree[0]
    if isinstance(tree, dict) and len(tree) == 1:
        name, value = next(iter(tree.items()))
        if name.strip().lower() == root.lower() and isinstance(value, dict):
            return value
    return tree


def elements(tree: Tree, member: str) -> list[Tree]:
    """A collection as a list: also when it is a single member, nothing, or wrapped in the members' name."""
    if tree is None or tree == "" or tree == {}:
        return []
    if isinstance(tree, list):
        return tree
    if not isinstance(tree, dict):
        raise Malformed("the answer has a plain value where a collection belongs")
    if len(tree) == 1:
        name, value = next(iter(tree.items()))
        if name.strip().lower() == member and not _is_plain(value):
            return elements(value, member)
    # PHP writes an array whose keys have a gap as an object with numbers for keys.
    if all(name.strip().isdecimal() and isinstance(value, dict) for name, value in tree.items()):
        return list(tree.values())
    return [tree]


def _is_plain(tree: Tree) -> bool:
    return isinstance(tree, (str, int, Decimal)) and tree != ""


def text(tree: Tree) -> str:
    """A plain value as text without blanks around it; null and an empty collection are ""."""
    if isinstance(tree, str):
        return tree.strip()
    if tree is None or tree == [] or tree == {}:
        return ""
    if isinstance(tree, bool):
        return "1" if tree else "0"
    if isinstance(tree, (int, Decimal)):
        return str(_whole(tree))
    raise Malformed("the answer has a collection where a plain value belongs")


def texts(mapped: Mapped, *, without: Set[str]) -> dict[str, str]:
    """The plain values of a keyed mapping as text, but for some keys and for what is nested."""
    return {
        key: text(value)
        for key, value in mapped.items()
        if key not in without and not (isinstance(value, (dict, list)) and value)
    }


def number(tree: Tree) -> Number | None:
    """A number, however it was written; None when there is none or it is not one."""
    if isinstance(tree, bool):
        return None
    if isinstance(tree, int):
        return tree
    if isinstance(tree, Decimal):
        return _whole(tree) if tree.is_finite() and abs(tree.adjusted()) < _MOST_DIGITS else None
    if isinstance(tree, str) and _NUMBER.fullmatch(written := tree.strip()):
        return int(written) if written.isdigit() else _whole(Decimal(written))
    return None


def count(tree: Tree) -> int | None:
    """A number of things: whole and not negative; None otherwise."""
    value = number(tree)
    return value if isinstance(value, int) and value >= 0 else None


def moment(tree: Tree) -> datetime | None:
    """A date with its time, which may count to 12 and say a.m. or p.m.; None when it is neither."""
    match = _MOMENT.fullmatch(tree.strip()) if isinstance(tree, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if match[7] and 1 <= hour <= 12:  # "16:00 p.m." is nothing but a translator's zeal
        hour = hour % 12 + (12 if match[7].lower() == "p" else 0)
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def _whole(value: Number) -> Number:
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _MOST_DIGITS:
        return int(value) if value == value.to_integral_value() else value
    return value
