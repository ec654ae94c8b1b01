"""XML in and out: the feeds of annexes 1, 8, 11, 13, 16 and 19, and answers as the XML half of the manual prints them."""

import re
from collections.abc import Callable, Iterator, Mapping
from xml.parsers.expat import ExpatError, ParserCreate

from smsops.sandbox.answers import INNER, Body, Style, left_out

_DEEPEST = 16
_NOT_IN_NAMES = re.compile("[^A-Za-z0-9_À-ÖØ-öø-ÿ.-]")
_NO_START = re.compile("[^A-Za-z_À-ÖØ-öø-ÿ]")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_CASES: Mapping[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper}


class BadXml(ValueError):
    """What is no XML, has a document type (and so entities of its own), or is nested deeper than any feed."""


class _Reader:
    """Builds plain data from the events of a parser, without recursion."""

    def __init__(self) -> None:
        self._open: list[tuple[str, dict[str, object], list[str]]] = []
        self.read: tuple[str, object] = ("", "")

    def start(self, name: str, attributes: object) -> None:
        if len(self._open) == _DEEPEST:
            raise BadXml
        self._open.append((name, {}, []))

    def text(self, words: str) -> None:
        self._open[-1][2].append(words)

    def end(self, _: str) -> None:
        name, children, words = self._open.pop()
        value: object = children or "".join(words)
        if not self._open:
            self.read = (name.upper(), value)
            return
        siblings = self._open[-1][1]
        held = siblings.get(name)
        if isinstance(held, list):
            held.append(value)
        else:
            siblings[name] = value if held is None else [held, value]

    def doctype(self, *_: object) -> None:
        raise BadXml


def read(text: str) -> tuple[str, object]:
    """The name of the root in capitals, and what it holds: its text as it stands, or a record of its elements.

    Names inside stay as they are; elements with one name are a list; text beside elements and attributes are left out.
    BadXml when it cannot be read.
    """
    reader = _Reader()
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(text.strip("\ufeff \t\r\n"), True)
    except (ExpatError, ValueError):
        raise BadXml from None
    return reader.read


def encode(method: str, body: Body, style: Style) -> bytes:
    """The bytes of an answer in XML. Its root is the method, but for sendEmail, whose root is that of sendSms (§29.3)."""
    case = _CASES.get(style.keys, str)
    blank = " " if style.blanks else ""

    def members(record: Body, within: str) -> Iterator[str]:
        for key, value in record.items():
            if value != [] and left_out(key, value, style):
                continue  # an empty collection is an empty element: a root without any would say nothing
            name = case(_name(key, within))
            if not isinstance(value, list):
                text = _NOT_IN_XML.sub("\ufffd", str(value)).translate(_ESCAPES)
                yield f"<{name}>{blank}{text}{blank}</{name}>"
                continue
            member = case(INNER.get(key, name))
            inside = "".join(f"<{member}>{''.join(members(item, key))}</{member}>" for item in value)
            yield f"<{name}>{inside}</{name}>" if key in INNER else inside

    root = case("sendSms" if method == "sendEmail" else method)
    prolog = '<?xml version="1.0" encoding="UTF-8"?>\n'
    text = f"{prolog}<{root}>{''.join(members(body, ''))}</{root}>\n"
    return (b"\xef\xbb\xbf" if style.bom else b"") + text.encode()


def _name(key: str, within: str) -> str:
    """What an element is called: as the manual's closing tags are, which its translation has left alone more often."""
    if within == "Lists" and key == "Contacts":
        return "contact"
    if within == "Contacts":  # fields of a list, which may be called anything
        name = _NOT_IN_NAMES.sub("_", key)
        return f"_{name}" if _NO_START.match(name) else name or "_"
    if within in ("Subaccounts", "Subaccount") or key in ("IsoCode", "SHORTURL"):
        return key
    return key[:1].lower() + key[1:]
