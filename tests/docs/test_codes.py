"""docs/codes.md: every code that smsops can say, and no other."""

from __future__ import annotations

import re
from pathlib import Path

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
