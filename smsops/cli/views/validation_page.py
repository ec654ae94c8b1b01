"""What validate found, as a page."""

from __future__ import annotations

from collections.abc import Sequence

from smsops.cli.views.markup import element, join
from smsops.cli.views.page import page
from smsops.cli.views.plan_page import diagnostics
from smsops.cli.views.text import validation_line
from smsops.model.diagnostics import Diagnostic


def validation_page(stack: str, resources: int | None, found: Sequence[Diagnostic]) -> str:
    """The page; `resources` is None where the configuration is wrong."""
    said = element("p", validation_line(resources, found), class_="error" if resources is None else None)
    return page(f"Validation of {stack}" if stack else "Validation", join((said, diagnostics.section(found)), "\n"))
