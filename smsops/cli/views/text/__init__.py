"""Text for people, in the manner of Terraform. Markdown and pages take their words from here."""

from __future__ import annotations

from smsops.cli.views.text.changes import (
    attributes,
    change_details,
    consequences,
    done_text,
    drifted,
    fate,
    is_only_moved,
    symbol,
    symbol_of,
    tint_of,
)
from smsops.cli.views.text.diagnostics import (
    diagnostic_text,
    judged_lines,
    print_diagnostics,
    print_error,
    validation_line,
)
from smsops.cli.views.text.outcomes import (
    doubt_line,
    doubtful_lines,
    ended_text,
    ending,
    progress_text,
    report_line,
    report_text,
    started_text,
)
from smsops.cli.views.text.paint import Paint
from smsops.cli.views.text.plan import (
    doubt_details,
    plan_text,
    summary_lines,
)

__all__ = [
    "Paint",
    "attributes",
    "change_details",
    "consequences",
    "diagnostic_text",
    "done_text",
    "doubt_details",
    "doubt_line",
    "doubtful_lines",
    "drifted",
    "ended_text",
    "ending",
    "fate",
    "is_only_moved",
    "judged_lines",
    "plan_text",
    "print_diagnostics",
    "print_error",
    "progress_text",
    "report_line",
    "report_text",
    "started_text",
    "summary_lines",
    "symbol",
    "symbol_of",
    "tint_of",
    "validation_line",
]
