"""What people are shown: numbers and addresses masked, and nothing that steers a terminal or hides what stands beside it."""

from __future__ import annotations

import re

from smsops.model.phone import NOISE
from smsops.model.values import SHOW_CONTACTS

_LONG_DIGITS = re.compile(r"[+\d](?:(?<=\+)\d|(?<=\d))(?:(?:[ .\u00a0\u202f-]| ?\(|\) ?)?\d){6,}")
_SPACED_DIGITS = re.compile(rf"[+\d](?:(?<=\+)\d|(?<=\d))(?:[{NOISE}]*+\d){{8,}}")
"""Whatever a reader of numbers skips stands in it. Both begin with a class of characters: that is found fast."""
_DATE = r"(?:0[1-9]|[12]\d|3[01])/(?:0[1-9]|1[0-2])/(?:(?:19|20)\d\d|\d\d)(?!\d)"
_DATES = re.compile(rf"{_DATE}(?:[{NOISE}]{{1,3}}{_DATE})*(?:\s+[0-2]?\d[:hH]|(?![{NOISE}]*\d))")
"""Dates and nothing else, but for the time of the last one."""

UNSEEN = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""What steers a terminal, ends a line or turns it around, and is not seen itself; not tabs and line feeds. A class of characters."""
_UNSEEN = re.compile(f"[{UNSEEN}]")

_EMAIL = re.compile(r"[^\s@<>;,:\"'()\[\]]+@[^\s@<>;,:\"'()\[\]]+")


def mask_phone(phone: str) -> str:
    """A number that can be recognised by its owner and called by nobody: ``+33 6•••••78``."""
    digits = phone.removeprefix("+")
    if not digits.isdecimal():
        digits = re.sub(r"\D", "", phone)
    if len(digits) < 7:
        return "•" * len(digits)
    return f"+{digits[:3]}{'•' * (len(digits) - 5)}{digits[-2:]}"


def mask_email(address: str) -> str:
    """An address that can be recognised by its owner and written to by nobody: ``m•••@example.com``."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1] if len(name) > 1 else ''}•••{at}{domain}" if at else "•••"


def mask_emails(text: str) -> str:
    """Text with every e-mail address masked."""
    return _EMAIL.sub(lambda match: mask_email(match.group()), text)


def mask_text(text: str) -> str:
    """Text with every run of seven or more digits, grouped or not, masked like a phone number.

    With more than one blank, dot or hyphen between them nine digits are a number, so that `du 12/06 - 13/06` stays. Such a
    run may begin before the number, on the line above even: there all digits are masked where they stand.
    """
    return _LONG_DIGITS.sub(lambda match: mask_phone(match[0]), _SPACED_DIGITS.sub(_spaced_masked, text))


def _spaced_masked(match: re.Match[str]) -> str:
    run = match[0]
    if _LONG_DIGITS.fullmatch(run):
        return mask_phone(run)
    if _DATES.match(match.string, match.start()):
        return run
    return re.sub(r"\d", "•", run[:-2]) + re.sub(r"\d(?=\D)", "•", run[-2:])


def shown_phone(phone: str) -> str:
    """A number for the eyes of whoever runs a command: masked, unless they asked for it in full; a national one has no +."""
    is_national = phone.startswith("0")
    if not SHOW_CONTACTS.get():
        return mask_phone(phone).removeprefix("+") if is_national else mask_phone(phone)
    return f"+{phone}" if phone.isdigit() and not is_national else phone


def shown_text(text: str) -> str:
    """The same for what may hold a number."""
    return text if SHOW_CONTACTS.get() else mask_text(text)


def visible_json(text: str) -> str:
    """JSON that says the same and holds no character that steers a terminal."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def visible(text: str) -> str:
    """Text for a terminal: what would steer it, or hide something of the text, shows as an escape (``\\x1b``, ``\\u202e``).

    Whatever comes from data, a file or the API goes through here or `one_line` before it is printed as text: what was
    reviewed is what is applied.
    """
    if text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """The same on one line: what the text is made of cannot begin a line, where a CI may take it for a command."""
    return visible(text).replace("\n", "\\n")
