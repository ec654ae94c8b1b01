"""What diagnostics show of a file: the right character, and nothing that is secret or somebody's."""

from __future__ import annotations

import time

import pytest

from smsops.config.present import masked, presentable
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic, Mark


def shown(line: str, column: int, code: str = "SMS112", before: str = "") -> tuple[str, int]:
    """The line of a snippet and the column of its caret, from 0."""
    mark = Mark("smsops.yaml", before.count("\n") + 1, column)
    (item,) = presentable([Diagnostic("error", code, "Wrong", mark=mark)], {"smsops.yaml": (before + line).encode()})
    assert item.snippet is not None
    source, caret = item.snippet.split("\n")
    return source, caret.index("^")


@pytest.mark.parametrize("column", [1, 40, 400, 800])
def test_the_caret_is_below_the_character(column: int) -> None:
    """However long a line is, the caret stands below the character that the mark names."""
    line = "x" * (column - 1) + "!" + "x" * 500

    source, caret = shown(line, column)

    assert source[caret] == "!"
    assert len(source) <= 160


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("phone: 06 12 34 56 78", "phone: •• •• •• •• 78"),
        ("phone: +33 (0)6.12.34.56.78", "phone: +•• (•)•.••.••.••.78"),
        ("phone: 0612345678", "phone: ••••••••78"),
        ("schedule: 2026-11-27 10:00", "schedule: 2026-11-27 10:00"),
        ("grants: {2026-11-onboarding: 100000}", "grants: {2026-11-onboarding: 100000}"),
        ("phone: '06_12,34:56~78'", "phone: '••_••,••:••~78'"),
        ("send_window: 08:30-19:30", "send_window: 08:30-19:30"),
        ("hours: [08:00-12:00, 14:00-20:00]", "hours: [08:00-12:00, 14:00-20:00]"),
        ("url: http://127.0.0.1:8080", "url: http://127.0.0.1:8080"),
        ("name: a\x1b[31mb", "name: a [31mb"),
    ],
)
def test_numbers_of_people_are_masked_and_dates_are_not(line: str, expected: str) -> None:
    """Seven digits and more are masked but for the last two, dates and hours stay, control characters go."""
    assert masked(line) == expected
    assert shown(line, 1)[0] == expected


@pytest.mark.parametrize(
    ("before", "line", "column", "code", "expected"),
    [
        ("", "    password: hunter2", 15, "SMS140", "    password: …"),
        ("", "{first: x, api_key: hunter2, city: x}", 36, "SMS112", "{first: …"),
        ("", "{login: &x hunter2, api_key: *x, city: x}", 36, "SMS112", "{login: …"),
        (
            "",
            "generate: [{for_each: [{code: a, pw: hunter2}], x: {password: '${row.pw}'}}]",
            9,
            "SMS112",
            "generate: …",
        ),
        ("", "vip: {pasword: hunter2, xx: 1}", 25, "SMS110", "vip: …"),
        ("{? api_key\n", " : hunter2, nope: x}", 13, "SMS110", "            …"),
        ("{login: &x\n", "hunter2, api_key: *x}", 1, "SMS112", "…"),
        ("", "- {token: hunter2}", 1, "SMS112", "- {token: …"),
        ("", "file: 'https:/u:hunter2@h/x.csv'", 1, "SMS112", "file: 'https:/u:…@h/x.csv'"),
        ("", "url: https://acme:hunter2@h@api.example", 1, "SMS112", "url: https://acme:…@api.example"),
        ("", "message: Passez au 12 rue de la Clé", 1, "SMS112", "message: Passez au 12 rue de la Clé"),
        ("", "{password: {env: NAME}, city: [x]}", 31, "SMS112", "{password: {env: NAME}, city: [x]}"),
        ("", "    pasword: hunter2", 5, "SMS110", "    pasword: …"),
        ("", "url: https://acme:hunter2@api.example", 1, "SMS112", "url: https://acme:…@api.example"),
        ("password: >-\n", "  hunter2", 3, "SMS101", "  …"),
        ("password:\n  deep:\n\n", "    - hunter2", 7, "SMS101", "      …"),
        ("password: {env: NAME}\ncity:\n", "  - Lyon", 5, "SMS112", "  - Lyon"),
    ],
)
def test_a_secret_is_not_shown(before: str, line: str, column: int, code: str, expected: str) -> None:
    """What stands on the line of a key for secrets, or below it, and behind a misspelt key, is left out of the snippet."""
    assert shown(line, column, code, before)[0] == expected


@pytest.mark.parametrize(
    "line", ["a" * 50_000, "a:" * 25_000, "a@" * 25_000, "://" * 20_000, "1_" * 25_000, "pw " * 20_000]
)
def test_a_long_line_is_shown_at_once(line: str) -> None:
    """What is masked of a line takes time in proportion to its length."""
    started = time.perf_counter()
    shown(line, 1)

    assert time.perf_counter() - started < 2


def test_a_mistake_is_said_once_in_the_order_of_the_files() -> None:
    """The same mistake of several resources is one, and mistakes come by file and line."""
    one = Diagnostic("error", "SMS112", "One", mark=Mark("b.yaml", 3, 1), address=Address(None, "list", "a"))
    same = Diagnostic("error", "SMS112", "One", mark=Mark("b.yaml", 3, 1), address=Address(None, "list", "b"))
    earlier = Diagnostic("error", "SMS112", "Two", mark=Mark("b.yaml", 2, 1))
    first = Diagnostic("error", "SMS112", "Three", mark=Mark("z.yaml", 9, 1))
    nowhere = Diagnostic("error", "SMS135", "Four")

    found = presentable([one, same, earlier, first, nowhere], {"z.yaml": b"", "b.yaml": b""})

    assert [item.summary for item in found] == ["Four", "Three", "Two", "One"]


def test_what_only_follows_is_left_out() -> None:
    """A text without a value, and a name that is missing because a file is, are not reported a second time."""
    mark = Mark("smsops.yaml", 1, 1)
    cause = Diagnostic("error", "SMS131", "There is no variable", mark=mark)
    follows = Diagnostic("error", "SMS112", "Write true or false", mark=mark)
    missing = Diagnostic("error", "SMS150", "There is no list", mark=Mark("smsops.yaml", 2, 1))

    assert [item.code for item in presentable([cause, follows, missing], {}, {mark}, incomplete=True)] == ["SMS131"]
    assert [item.code for item in presentable([missing], {})] == ["SMS150"]
