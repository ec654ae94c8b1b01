"""What `validate` found, as a page: file by file, each finding with its line."""

from __future__ import annotations

from collections.abc import Sequence

from smsops.cli.views import text
from smsops.cli.views.findings import finding
from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.page import Section, page_of_sections
from smsops.model.diagnostics import Diagnostic
from smsops.model.values import plural

MOST = 1_000
"""So many findings are shown, errors first."""


def validation_page(stack: str, resources: int | None, diagnostics: Sequence[Diagnostic]) -> str:
    """The page; `resources` is None where the configuration is wrong."""
    ordered = sorted(diagnostics, key=lambda item: item.severity != "error")
    shown = set(map(id, ordered[:MOST]))
    by_file: dict[str, list[Diagnostic]] = {}
    for item in diagnostics:  # they come in the order of files and lines
        if id(item) in shown:
            by_file.setdefault(item.mark.file if item.mark else "", []).append(item)
    sections = (
        Section(f"file-{place}", file or "The stack as a whole", join(map(finding, found), "\n"))
        for place, (file, found) in enumerate(by_file.items(), start=1)
    )
    title = f"Validation of {stack}" if stack else "Validation"
    return page_of_sections(title, _head(resources, diagnostics), sections)


def _head(resources: int | None, diagnostics: Sequence[Diagnostic]) -> Html:
    verdict = element(
        "p", text.validation_line(resources, diagnostics), class_="verdict" if resources is None else "verdict well"
    )
    warnings = sum(1 for item in diagnostics if item.severity == "warning")
    left_out = len(diagnostics) - MOST
    return join(
        (
            verdict,
            element("p", f"{plural(warnings, 'warning')}.") if warnings else None,
            element("p", f"{left_out:,} more are not shown here; smsops validate prints them.") if left_out > 0 else None,
        ),
        "\n",
    )  # fmt: skip
