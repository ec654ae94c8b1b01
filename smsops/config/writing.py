"""Configuration as a person would write it: block style, short mappings on one line, quotes only where they are needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from smsops.model.values import JSON

_WIDTH = 100
_INDENT = "  "

_PLAIN = re.compile(r"[^\W_](?:[\w .,;()/@+*%=&'’«»°€…–—!?$-]|:(?=\S))*\Z")
"""Text that may stand without quotes; no blank at its end."""

_FLOW = re.compile(r"[\[\]{},:]")
"""What needs quotes within a mapping or a list on one line."""

_OTHER_TYPE = re.compile(
    r"(?:null|true|false|yes|no|on|off|y|n|\.nan|[-+]?\.inf)\Z"
    r"|[-+]?(?:0[xob])?[\d_]+(?:[.,:/-][\d_:]*)*(?:e[-+]?\d+)?\Z"  # numbers, dates and times
    r"|0x[\da-f_]+\Z"
    r"|[-+]?\d[\dT :.Z+-]*\Z",
    re.IGNORECASE,
)
"""Text that other readers of YAML take for something else than text."""


class Written(Protocol):
    """A block under its key, with the comments behind it, and the sections inside it."""

    @property
    def key(self) -> str: ...

    @property
    def block(self) -> Mapping[str, JSON]: ...

    @property
    def remarks(self) -> Sequence[str]: ...

    @property
    def sections(self) -> Mapping[str, Sequence[Written]]: ...


def sections(found: Mapping[str, Sequence[Written]], depth: int = 0) -> Iterator[str]:
    """The lines of sections; those at the top have an empty line before them."""
    for name, blocks in found.items():
        if depth == 0:
            yield ""
        yield f"{_INDENT * depth}{name}:"
        for written in blocks:
            inner = [
                *mapping(written.block, depth + 2),
                *comments(written.remarks, depth + 2),
                *sections(written.sections, depth + 2),
            ]
            yield f"{_INDENT * (depth + 1)}{scalar(written.key)}:{'' if written.block or written.sections else ' {}'}"
            yield from inner


def mapping(block: Mapping[str, JSON], depth: int = 0) -> Iterator[str]:
    """The lines of a mapping of texts, booleans, mappings and lists."""
    margin = _INDENT * depth
    for key, value in block.items():
        name = scalar(key)
        if not isinstance(value, Mapping | list):
            yield f"{margin}{name}: {scalar(value)}"
        elif not value or (_is_leaf(value) and len(f"{margin}{name}: {_on_one_line(value)}") <= _WIDTH):
            yield f"{margin}{name}: {_on_one_line(value)}"
        elif isinstance(value, Mapping):
            yield f"{margin}{name}:"
            yield from mapping(value, depth + 1)
        else:
            yield f"{margin}{name}:"
            yield from (f"{margin}{_INDENT}- {_on_one_line(item)}" for item in value)


def comments(remarks: Sequence[str], depth: int = 0) -> Iterator[str]:
    """The lines of comments."""
    return (f"{_INDENT * depth}# {remark}" for remark in remarks)


def scalar(value: JSON, *, in_flow: bool = False) -> str:
    """A text or a boolean; `$${` where a text holds what would be a reference."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).replace("${", "$${")
    plain = _PLAIN.match(text) and not _OTHER_TYPE.match(text) and " #" not in text and not text.endswith(" ")
    if plain and not (in_flow and _FLOW.search(text)):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in quoted)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_leaf(value: Mapping[str, JSON] | Sequence[JSON]) -> bool:
    """Whether it is empty, or holds nothing but scalars."""
    inner = value.values() if isinstance(value, Mapping) else value
    return not any(isinstance(item, Mapping | list) for item in inner)


def _on_one_line(value: JSON) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(key, in_flow=True)}: {_on_one_line(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_on_one_line(item) for item in value)}]"
    return scalar(value, in_flow=True)
