"""What reaches a terminal: nothing in it steers the terminal, and nothing hides what will be applied."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.harness import Stack
from tests.kinds.contract import LATER

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
WILD = "a\x1b]0;pwned\x07\x1b[2Jb\x9b2Jc\x7fd\u202ee\u2066f\u2028g\x85h\ri"
SHOWN = r"a\x1b]0;pwned\x07\x1b[2Jb\x9b2Jc\x7fd\u202ee\u2066f\u2028g\x85h\ri"


def wild_campaign(stack: Stack) -> None:
    """A campaign whose message is made from a field that would steer a terminal."""
    (stack.root / "vip.csv").write_text(f'phone,F\n0612345678,"{WILD}"\n', "utf-8", newline="")
    stack.write(
        {
            "lists": {"vip": {"fields": {"F": {}}, "contacts": [{"file": "vip.csv"}]}},
            "campaigns": {
                "hello": {
                    "message": "Bonjour {F} STOP au 36180",
                    "schedule": LATER,
                    "audience": {"lists": ["vip"]},
                }
            },
        }
    )


@pytest.mark.parametrize("options", [(), ("--no-color",)])
def test_a_field_of_a_row_cannot_steer_the_terminal(stack: Stack, options: tuple[str, ...]) -> None:
    """Plans, previews, applies and the status show the control characters of a row as escapes, on whatever stream."""
    wild_campaign(stack)

    results = [
        stack.run(*options, *command)
        for command in (
            ("plan",),
            ("preview",),
            ("plan", "--format", "json"),
            ("plan", "--format", "markdown"),
            ("apply", "--auto-approve"),
            ("status",),
            ("history",),
        )
    ]

    assert [result.exit_code for result in results] == [0] * len(results)
    for result in results:
        assert not STEERING.search(result.stdout + result.stderr)
    plan, preview, document = results[:3]
    assert SHOWN in plan.stdout
    assert r"\x1b]0;pwned" in preview.stdout
    assert WILD in plan_message(document.document)


def plan_message(document: Any) -> str:
    """The longest message of the campaign, as JSON says it."""
    (text,) = (
        change["send"]["message"]["longest"]["text"] for change in document["resource_changes"] if "send" in change
    )
    return str(text)


def test_a_message_hides_nothing_behind_a_carriage_return(stack: Stack) -> None:
    """What was reviewed is what is applied: a text that a terminal would show only in part is refused, visibly."""
    stack.write(
        'campaigns: {one: {message: "Total scam\\r   message: \\"Hello\\"", schedule: 2026-12-01 10:00, audience: {phones: ["0612345678"]}}}'
    )

    result = stack.run("validate")

    assert result.exit_code == 1
    assert "control characters" in result.stderr
    assert not STEERING.search(result.stdout + result.stderr)


def test_a_key_cannot_steer_the_terminal(stack: Stack) -> None:
    """Diagnostics show the control characters of keys, values and names of files as escapes."""
    stack.write('"x\\e[2J\\u202e\\r": 1\ninclude: ["a\\e[2J*"]')

    result = stack.run("validate")

    assert result.exit_code == 1
    assert not STEERING.search(result.stdout + result.stderr)


def test_a_line_feed_in_a_key_begins_no_line(stack: Stack) -> None:
    """Nothing in the configuration can give a CI a command: each diagnostic is lines that smsops begins."""
    stack.environment["GITHUB_ACTIONS"] = "true"
    key = '"x\\n::add-mask::a\\n::warning::b"'
    stack.write(
        f"{key}: 1\ninclude: [{key}]\nvariables: {{{key}: {{}}}}\n"
        f"lists: {{{key}: {{}}, vip: {{contacts: [{{file: {key}}}, {{file: vip.csv}}]}}}}\n"
    )
    (stack.root / "vip.csv").write_text('"x\n::add-mask::a\n::warning::b"\n1\n', "utf-8")

    result = stack.run("validate")

    assert result.exit_code == 1
    lines = (result.stdout + result.stderr).splitlines()
    assert any("add-mask" in line for line in lines)
    assert not [line for line in lines if line.strip().startswith(("::add-mask", "::warning"))]
