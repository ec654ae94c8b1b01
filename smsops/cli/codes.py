"""What the codes mean: docs/codes.md, which goes into the package when it is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_PLACES = (Path(__file__).parents[1] / "codes.md", Path(__file__).parents[2] / "docs" / "codes.md")
_ROW = re.compile(r"^\| (SMS\d{3}) \| (.+?) \| (.+?) \|$", re.MULTILINE)


class Explanation(NamedTuple):
    """What a code means, and what to do; Markdown."""

    means: str
    to_do: str


def explained() -> dict[str, Explanation]:
    """Every code with its explanation."""
    page = next((place for place in _PLACES if place.exists()), None)
    text = page.read_text("utf-8") if page else ""
    return {code: Explanation(means, to_do) for code, means, to_do in _ROW.findall(text)}
