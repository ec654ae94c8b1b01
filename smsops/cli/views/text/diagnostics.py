"""Words for what is wrong, refused or let through."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO

import click

from smsops.cli.views.text.paint import Paint
from smsops.errors import SmsopsError
from smsops.model.diagnostics import Diagnostic
from smsops.model.shown import one_line, visible
from smsops.model.values import plural


def print_diagnostics(diagnostics: Iterable[Diagnostic], color: bool, stream: IO[str] | None = None) -> None:
    """Every diagnostic on stderr: place, code, what, line and caret, what to do."""
    paint = Paint(color)
    for item in diagnostics:
        click.echo(diagnostic_text(item, paint), file=stream or sys.stderr)


def diagnostic_text(item: Diagnostic, paint: Paint) -> str:
    place = one_line(f"{item.mark}: " if item.mark else f"{item.address}: " if item.address else "")
    tint = "red" if item.severity == "error" else "yellow"
    lines = [
        f"{paint(place, bold=True)}{paint(f'{item.severity} {item.code}', tint, bold=True)}: {one_line(item.summary)}"
    ]
    if item.snippet and item.mark:
        source, _, caret = item.snippet.partition("\n")
        number = f"{item.mark.line:>5}"
        lines += [f"{number} | {visible(source)}", f"{' ' * len(number)} | {paint(caret, tint)}"]
    if item.detail:
        lines += [f"      {line}" for line in visible(item.detail).splitlines()]
    return "\n".join(lines)


def print_error(error: SmsopsError, color: bool) -> None:
    paint = Paint(color)
    click.echo(f"{paint(f'error {error.code}', 'red', bold=True)}: {one_line(error.summary)}", err=True)
    for line in visible(error.detail).splitlines():
        click.echo(f"      {line}", err=True)


def judged_lines(judged: Iterable[Diagnostic], paint: Paint) -> list[str]:
    """What is refused, and what is let through by whom and why."""
    lines: list[str] = []
    for item in judged:
        word, tint = ("OVERRIDDEN", "yellow") if item.overrides else ("BLOCKED", "red")
        lines.append(f"{paint(word, tint, bold=True)}: {one_line(item.summary)}")
        lines += [f"  by {one_line(override.text)}" for override in item.overrides]
    return lines


def validation_line(resources: int | None, diagnostics: Sequence[Diagnostic]) -> str:
    """Whether the configuration is valid; `resources` is None where it is not."""
    if resources is not None:
        return f"The configuration is valid: {plural(resources, 'resource')}."
    errors = sum(1 for item in diagnostics if item.severity == "error")
    return f"The configuration has {plural(errors, 'error')}."
