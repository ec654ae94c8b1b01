"""How answers look: one style of many that the manual, its XML half and the field have shown.

Handlers build plain data with the key case and the types of the JSON that the manual prints; `encode` turns that into
the bytes of an answer. The options stand for what the manual prints in two ways and what clients have met.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any

Body = dict[str, Any]
"""Plain data; an iterator stands for a long list."""
_BATCH = 2000

_CHOICES: Mapping[str, tuple[object, ...]] = {
    "keys": ("manual", "lower", "upper", "camel"),
    "numbers": ("manual", "text", "int"),
    "single": (False, True),
    "nested": (False, True),
    "bom": (False, True),
    "wrap": (False, True),
    "blanks": (False, True),
    "empty": ("list", "null", "text", "absent", "object"),
    "balances": (True, False),
    "strict_params": (False, True),
    "locked_lists": ("readonly", "writable"),
    "statuses": ("manual", "web"),
    "simulation": ("price", "sending"),
    "success": ("manual", "1", "100"),
    "wrong_key": ("manual", "0", "102", "error"),
}


@dataclass(frozen=True)
class Style:
    """The options of `Sandbox.style`; the defaults are the manual's printed JSON."""

    keys: str = "manual"
    numbers: str = "manual"
    single: bool = False
    nested: bool = False
    bom: bool = False
    wrap: bool = False
    blanks: bool = False
    empty: str = "list"
    balances: bool = True
    strict_params: bool = False
    locked_lists: str = "readonly"
    statuses: str = "manual"
    simulation: str = "price"
    success: str = "manual"
    wrong_key: str = "manual"

    def changed(self, options: Mapping[str, object]) -> "Style":
        """This style with some options changed; ValueError names an option or a value that does not exist."""
        for name, value in options.items():
            if name not in _CHOICES:
                raise ValueError(f"no style option {name!r}; there are: {', '.join(_CHOICES)}")
            if not any(value is choice or (isinstance(choice, str) and value == choice) for choice in _CHOICES[name]):
                raise ValueError(f"style option {name} takes {', '.join(map(str, _CHOICES[name]))}, not {value!r}")
        return replace(self, **options)  # type: ignore[arg-type]

    def options(self) -> dict[str, object]:
        """Every option with its value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


DEFAULT_STYLE = Style()

INNER: Mapping[str, str] = {
    "Subaccounts": "subaccount",
    "Lists": "list",
    "Contacts": "contact",
    "Blacklist": "contact",
    "smsIds": "sms",
    "acks": "ack",
    "Mos": "mo",
}
"""The element names that the XML half of the manual gives inside each collection."""
_COUNTS = frozenset(
    {"status", "statut", "total", "success", "ignored", "duplicated", "contacts", "locked"}
    | {"credits", "creditsused", "nbcredits", "nbcontacts", "nbsms"}
)
# Names that differ by more than the case of their first letter in the old PHP client's reading of the French manual.
_CAMEL = {"Subaccounts": "subAccounts", "Subaccount": "subAccount", "Text": "statusText", "SHORTURL": "shortUrl"}
_KEYS: Mapping[str, Callable[[str, object], str]] = {
    "manual": lambda key, value: key,
    "lower": lambda key, value: key.lower(),
    "upper": lambda key, value: key.upper(),
    "camel": lambda key, value: _camel(key, value),
}


def encode(body: Body, style: Style) -> bytes:
    """The bytes of an answer: JSON escaped the way PHP does, in the given style."""
    if style == DEFAULT_STYLE:
        members = (_json(key) + b":" + _member(value) for key, value in body.items())
        return b"{" + b",".join(members) + b"}"
    shaped: object = _object(whole(body), style)
    return (b"\xef\xbb\xbf" if style.bom else b"") + _json([shaped] if style.wrap else shaped)


def whole(body: Body) -> Body:
    """An answer without iterators."""
    return {key: list(value) if isinstance(value, Iterator) else value for key, value in body.items()}


def _member(value: object) -> bytes:
    """A value; records that come one by one are written a batch at a time, so that only their bytes are kept."""
    if not isinstance(value, Iterator):
        return _json(value)
    batches = iter(lambda: list(islice(value, _BATCH)), [])
    return b"[" + b",".join(_json(batch)[1:-1] for batch in batches) + b"]"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def page(title: str) -> bytes:
    """An HTML page as a web server or a proxy sends in place of an answer."""
    return f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n".encode()


def left_out(key: str, value: object, style: Style) -> bool:
    """Whether an answer lacks this."""
    return (value == [] and style.empty == "absent") or (key == "credits" and not style.balances)


def _object(body: Body, style: Style) -> Body:
    shaped: Body = {}
    for key, value in body.items():
        if left_out(key, value, style):
            continue
        name = _KEYS[style.keys](key, value)
        shaped[f"{name} " if style.blanks else name] = _value(key, value, style)
    return shaped


def _value(key: str, value: object, style: Style) -> object:
    if isinstance(value, list):
        return _collection(key, value, style)
    counts = key.lower() in _COUNTS
    if isinstance(value, int) and style.numbers == "text":
        value = str(value)
    elif isinstance(value, str) and style.numbers == "int" and counts and value.lstrip("-").isdigit():
        return int(value)
    return f" {value} " if style.blanks and isinstance(value, str) else value


def _collection(key: str, items: list[Body], style: Style) -> object:
    if not items:
        return {"list": [], "null": None, "text": "", "object": {}}[style.empty]
    if key == "acks" and style.keys == "camel":
        # The old client calls the status of a delivery report by its French name.
        items = [{"statut" if name == "status" else name: value for name, value in item.items()} for item in items]
    shaped = [_object(item, style) for item in items]
    content: object = shaped[0] if style.single and len(shaped) == 1 else shaped
    if style.nested and key in INNER:
        inner = INNER[key].upper() if style.keys == "upper" else INNER[key]
        return {inner: content}
    return content


def _camel(key: str, value: object) -> str:
    if key == "Contacts" and not isinstance(value, list):
        return "Contact"
    return _CAMEL.get(key, key[:1].lower() + key[1:])
