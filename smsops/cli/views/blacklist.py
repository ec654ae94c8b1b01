"""Blacklists as a table for a spreadsheet or a document, and what a check has found as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from smsops.model.blacklisted import FORMAT_VERSION, Blacklist, Check
from smsops.model.shown import shown_phone
from smsops.model.values import plural, printed


def exported_csv(blacklists: Sequence[Blacklist]) -> str:
    """One line a number."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["account", "login", "phone", "comment", "since"])
    for one in blacklists:
        for entry in one.entries:
            shown = entry.document()
            rows.writerow([one.account or "", one.login, shown["phone"], _cell(shown["comment"]), shown["since"] or ""])
    return text.getvalue()


def _cell(text: str) -> str:
    """What a recipient wrote, in no way that a spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def exported_json(blacklists: Sequence[Blacklist], stack: str) -> str:
    document = {
        "format_version": FORMAT_VERSION,
        "stack": stack,
        "accounts": [one.document() for one in blacklists],
    }
    return f"{printed(document)}\n"


def checked(found: Check, *, lists: bool) -> str:
    """One line for each number that is listed, or for each list."""
    if lists:
        rows = [
            f"{_name(one.account, one.name)}: {one.blacklisted:,} of {plural(one.contacts, 'contact')}"
            for one in found.lists
        ]
        return "\n".join(rows) or "There are no lists."
    rows = [f"{shown_phone(one.phone)}{f' ({one.account})' if one.account else ''}" for one in found.found]
    count = len({one.phone for one in found.found})
    return "\n".join([*rows, f"{count:,} of {plural(found.checked, 'number')} on the blacklist."])


def _name(account: str | None, name: str) -> str:
    return f"{account}/{name}" if account else name
