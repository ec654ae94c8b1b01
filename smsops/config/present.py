"""What is shown of the diagnostics: each mistake once, in the order of the files, with nothing secret in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Mapping as AbstractMapping

from smsops.model.diagnostics import Diagnostic, Mark
from smsops.model.phone import NOISE
from smsops.model.shown import one_line
from smsops.model.values import SHOW_CONTACTS

_WIDTH = 160
_ABOUT_REFERENCES = ("SMS130", "SMS131", "SMS132", "SMS133", "SMS134")
_MISSING_RESOURCE = "SMS150"
_UNKNOWN_KEY, _LITERAL_SECRET = "SMS110", "SMS140"
_SENSITIVE = re.compile(
    r"(?i)(?:password|api_?key|fallback_key|encryption|secret|token)[\"']?\s*:"
    r"(?!\s*\{\s*(?:env|file)\s*:[^{}\[\],]*\})"  # not a mere reference
)
_CREDENTIAL = re.compile(
    r"(?i)(?<![a-z])(?:pas+w\w*|pass(?:phrase)?(?![a-z])|pwd?(?![a-z]))|secret|token|credential"
    r"|(?:api|access|private|fallback)[_ -]?key"
)
_REFERENCE = re.compile(r"(?<![\w-])[\w-]+[\"']?\s*:\s*\{\s*(?:env|file)\s*:[^{}\[\],]*\}")
_FIRST_KEY = re.compile(r"[\s\-?\[{]*(?:\"[^\"]*\"|'[^']*'|[\w.-]+)\s*:")
_USERINFO = re.compile(r"(:)(?![/\"'])\S{1,200}@")
_EMAIL = re.compile(r"(?<![^\s@\"'\[{,;<:/])([^\s@\"'\[{,;<:/]?)([^\s@\"'\[{,;<:/]*)(@+)(?=[^\s@]+\.)")
_KEY = re.compile(r"\"[^\"]*\"|'[^']*'|[^:]*")
_DATE = r"(?:19|20)\d\d-[01]\d-[0-3]\d(?:[ T][0-2]\d:[0-5]\d(?::[0-5]\d)?(?:[+-]\d\d:?\d\d)?)?(?!\d)"
_WINDOW = r"[0-2]\d:[0-5]\d ?[-–] ?[0-2]\d:[0-5]\d(?!\d)"
_KNOWN = rf"{_DATE}|{_WINDOW}(?:[\s,\"'\[\]-]+{_WINDOW})*(?![\W_]{{0,4}}\d)|(?<=//)\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+)?(?!\d)"
_DIGITS = re.compile(rf"(?<!\d)(?:({_KNOWN})|\d(?:[{NOISE}]*+\d){{6,}}|\d(?:[\W_]{{0,4}}\d){{7,}})")
"""Whatever signs stand between digits: a number that cannot be read may be a mistake because of them. Dates, hours of a
day and addresses of servers are none."""


def presentable(
    diagnostics: Iterable[Diagnostic],
    contents: AbstractMapping[str, bytes],
    failed: Collection[Mark] = (),
    *,
    incomplete: bool = False,
) -> tuple[Diagnostic, ...]:
    """The diagnostics of a configuration whose files have these `contents`, as they may be printed.

    What only follows from another mistake is left out: anything about a text with a reference that
    has no value (`failed`), and names that are missing where the configuration is `incomplete`.
    """
    once: dict[tuple[object, ...], Diagnostic] = {}
    for item in diagnostics:
        follows = item.mark in failed and item.code not in _ABOUT_REFERENCES
        if not follows and not (incomplete and item.code == _MISSING_RESOURCE):
            once.setdefault((item.code, item.mark, item.summary), item)
    order = {file: position for position, file in enumerate(contents)}
    found = sorted(once.values(), key=lambda item: _place(item, order))
    lines: dict[str, list[str]] = {}
    for file in {item.mark.file for item in found if item.mark and item.mark.file in contents}:
        lines[file] = contents[file].decode("utf-8-sig", errors="replace").splitlines()
    return tuple(_presentable(item, lines) for item in found)


def masked(text: str) -> str:
    """Text without phone numbers and control characters, as wide as before."""
    return _printable(_DIGITS.sub(lambda run: run[1] or re.sub(r"\d", "•", run.group()[:-2]) + run.group()[-2:], text))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _place(item: Diagnostic, order: AbstractMapping[str, int]) -> tuple[object, ...]:
    if item.mark is None:
        return (-1, "", 0, 0)
    return (order.get(item.mark.file, len(order)), item.mark.file, item.mark.line, item.mark.column or 0)


def _presentable(item: Diagnostic, lines: AbstractMapping[str, Sequence[str]]) -> Diagnostic:
    mark = item.mark
    snippet = None
    if mark is not None and mark.column is not None and mark.line <= len(lines.get(mark.file, ())):
        snippet = _snippet(lines[mark.file], mark.line - 1, mark.column - 1, item.code)
    shown = _printable if SHOW_CONTACTS.get() else masked
    summary, detail = (shown(_USERINFO.sub(r"\1…@", one_line(text))) for text in (item.summary, item.detail))
    return item._replace(summary=summary, detail=detail, snippet=snippet)


def _snippet(lines: Sequence[str], number: int, column: int, code: str) -> str:
    """The line with a caret below; what may be a secret is left out."""
    line = lines[number]
    if code == _LITERAL_SECRET:
        line = line[:column] + "…"
    elif code == _UNKNOWN_KEY and (key := _KEY.match(line, column)):
        line = _shortened(line, key.end())  # a misspelt password: is a secret too
    line = _hidden(line, column, lines, number)
    start = max(0, column - _WIDTH // 2)
    return f"{line[start : start + _WIDTH]}\n{' ' * (column - start)}^"


def shown(lines: Sequence[str], number: int) -> str:
    """A line of a file of the configuration, counted from 0, as it may be printed."""
    return _hidden(lines[number], _indent(lines[number]), lines, number)


def _hidden(line: str, column: int, lines: Sequence[str], number: int) -> str:
    """A line without what may be a secret, and without numbers and addresses of people."""
    if _is_below_sensitive(lines, number) or _is_behind_sensitive(lines, number):
        line = " " * column + "…"
    elif _SENSITIVE.search(line) or _CREDENTIAL.search(_REFERENCE.sub("", line)):
        # Nobody knows which of its values is one: an alias, a row and a misspelt key may hold it as well.
        first = _FIRST_KEY.match(line)
        line = _shortened(line, first.end() - 1) if first else " " * column + "…"
    line = masked(_USERINFO.sub(r"\1…@", line))
    return _EMAIL.sub(lambda found: found[1] + "•" * len(found[2]) + found[3], line)


def _shortened(line: str, colon: int) -> str:
    return f"{line[: colon + 1]} …" if line[colon + 1 :].strip() else line


def _is_below_sensitive(lines: Sequence[str], number: int) -> bool:
    """Whether a line belongs, by its indentation, to a key whose value is a secret."""
    indent = _indent(lines[number])
    for line in reversed(lines[:number]):
        if line.strip() and _indent(line) < indent:
            if _SENSITIVE.search(line):
                return True
            indent = _indent(line)
        if indent == 0:
            return False
    return False


def _is_behind_sensitive(lines: Sequence[str], number: int) -> bool:
    """Whether a line goes on with the value of a key for secrets that ends the line before it, or may do so."""
    before = next((line for line in reversed(lines[:number]) if line.strip()), "")
    return bool(_CREDENTIAL.search(before)) and (
        lines[number].lstrip().startswith(":") or before.rstrip().endswith((":", "?"))
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
