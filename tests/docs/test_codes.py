"""docs/codes.md: every code that smsops can say, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness import Stack

ROOT = Path(__file__).parents[2]


def test_every_code_is_explained_once() -> None:
    """A code in an error can be looked up; a code in the page exists."""
    said = {
        code
        for path in (ROOT / "smsops").rglob("*.py")
        for code in re.findall(r"\bSMS[1-4]\d\d\b", path.read_text("utf-8"))
    }
    explained = re.findall(r"^\| (SMS\d{3}) \|", (ROOT / "docs" / "codes.md").read_text("utf-8"), re.MULTILINE)

    assert explained == sorted(said)


def test_explain_knows_every_code(stack: Stack) -> None:
    """`smsops explain` says of each code what the page says, in any case, and guesses at one that is none."""
    page = (ROOT / "docs" / "codes.md").read_text("utf-8")
    everything = stack.run("explain").stdout

    assert re.findall(r"^(SMS\d{3}): ", everything, re.MULTILINE) == re.findall(
        r"^\| (SMS\d{3}) \|", page, re.MULTILINE
    )
    assert stack.run("explain", "sms201").stdout in everything
    unknown = stack.run("explain", "SMS999")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "Did you mean" in unknown.stderr
