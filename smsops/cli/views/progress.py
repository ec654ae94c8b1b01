"""While an apply runs: bars on a terminal, plain lines elsewhere, events for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from smsops.cli.views.text import Paint, ended_text, progress_text, started_text
from smsops.edge.apply import Reporter
from smsops.errors import ExitCode
from smsops.model.diagnostics import Diagnostic
from smsops.model.outcome import Outcome, Progress, Report
from smsops.model.plan import Operation
from smsops.model.shown import visible_json

EVENTS_VERSION = "1.0"
_STEP = 10_000


class LineReporter:
    """Plain lines on stderr."""

    def __init__(self, color: bool) -> None:
        self._paint = Paint(color)
        self._said: dict[str, int] = {}

    def started(self, operation: Operation) -> None:
        click.echo(started_text(operation.change), err=True)

    def progressed(self, operation: Operation, progress: Progress) -> None:
        if progress.done - self._said.get(operation.id, 0) >= _STEP and progress.done < progress.total:
            self._said[operation.id] = progress.done
            click.echo(f"{operation.change.address}: {progress_text(progress)}...", err=True)

    def ended(self, outcome: Outcome) -> None:
        click.echo(ended_text(outcome, self._paint), err=True)


class BarReporter:
    """A bar over all operations, the last ones ended above it (rich)."""

    def __init__(self, total: int, color: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._paint = Paint(color)
        self._console = Console(stderr=True, no_color=not color, highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=self._console, transient=True,
        )  # fmt: skip
        self._task = self.progress.add_task("Applying", total=total)
        self._running: dict[str, str] = {}

    def started(self, operation: Operation) -> None:
        self._running[operation.id] = started_text(operation.change)
        self._describe()

    def progressed(self, operation: Operation, progress: Progress) -> None:
        self._running[operation.id] = f"{operation.change.address}: {progress_text(progress)}"
        self._describe()

    def ended(self, outcome: Outcome) -> None:
        self._running.pop(outcome.operation.id, None)
        self.progress.console.out(ended_text(outcome, self._paint), highlight=False)
        self.progress.advance(self._task)
        self._describe()

    def _describe(self) -> None:
        latest = next(reversed(self._running.values()), "Applying")
        self.progress.update(self._task, description=latest)


class SilentReporter:
    """Says nothing."""

    def started(self, operation: Operation) -> None:
        return

    def progressed(self, operation: Operation, progress: Progress) -> None:
        return

    def ended(self, outcome: Outcome) -> None:
        return


class EventReporter:
    """One JSON event a line on stdout."""

    def started(self, operation: Operation) -> None:
        self.emit("operation_started", operation)

    def progressed(self, operation: Operation, progress: Progress) -> None:
        pace, left = progress.per_second, progress.seconds_left
        self.emit(
            "operation_progress",
            operation,
            done=progress.done,
            total=progress.total,
            unit=progress.noun,
            per_second=None if pace is None else round(pace, 1),
            seconds_left=None if left is None else round(left, 1),
        )

    def ended(self, outcome: Outcome) -> None:
        kind = {
            "done": "operation_done",
            "failed": "operation_failed",
            "skipped": "operation_skipped",
            "in_doubt": "operation_in_doubt",
            "unfinished": "operation_failed",
            "not_started": "operation_skipped",
        }[outcome.status]
        more: dict[str, Any] = {"calls": outcome.calls, "seconds": round(outcome.seconds, 3)}
        if outcome.status == "done":
            more["returned"] = dict(outcome.returned)
        else:
            more |= {"code": outcome.code or None, "detail": outcome.detail}
        self.emit(kind, outcome.operation, **more)

    def emit(self, kind: str, operation: Operation, **more: Any) -> None:
        change = operation.change
        document = {"id": operation.id, "address": str(change.address), "actions": list(change.actions)}
        write_event(kind, **document, method=operation.change.method, **more)


_GROUPS = ("done", "failed", "skipped", "in_doubt", "unfinished", "not_started")


def write_event(kind: str, **fields: Any) -> None:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"format_version": EVENTS_VERSION, "type": kind, "timestamp": moment, **fields}
    click.echo(visible_json(json.dumps(line, ensure_ascii=False)))
    sys.stdout.flush()


def write_summary(report: Report, refused: ExitCode | None = None) -> None:
    """The last event: what was and was not done."""
    groups: dict[str, list[str]] = {name: [] for name in _GROUPS}
    for outcome in report.outcomes:
        groups[outcome.status].append(str(outcome.operation.change.address))
    groups["in_doubt"] += [str(intent.address) for intent in report.plan.doubts]
    diagnostics = [item.document() for item in report.plan.diagnostics]
    write_event(
        "summary",
        exit_code=int(report.exit_code if refused is None else refused),
        interrupted=report.interrupted,
        **groups,
        diagnostics=diagnostics,
    )


def write_failure(exit_code: ExitCode, diagnostics: Sequence[Diagnostic]) -> None:
    """The summary of an apply that could not begin."""
    nothing: dict[str, list[str]] = {name: [] for name in _GROUPS}
    found = [item.document() for item in diagnostics]
    write_event("summary", exit_code=int(exit_code), interrupted=False, **nothing, diagnostics=found)


@contextmanager
def reading(color: bool) -> Iterator[Callable[[int], None]]:
    """On a terminal, how many reads of the account are done while a plan is made; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("Reading the account: {task.completed:.0f} answers"))
    with Progress(*columns, console=Console(stderr=True, no_color=not color), transient=True) as shown:
        task = shown.add_task("")
        yield lambda count: shown.advance(task, count)


@contextmanager
def reporter(output: str, total: int, color: bool) -> Iterator[Reporter]:
    """The reporter for an output format and the terminal there is."""
    if output == "json":
        yield EventReporter()
    elif sys.stderr.isatty():
        bars = BarReporter(total, color)
        with bars.progress:
            yield bars
    else:
        yield LineReporter(color)


@contextmanager
def rehearsing(total: int, color: bool) -> Iterator[Reporter]:
    """The reporter of what is only tried: a bar on a terminal, and nothing elsewhere."""
    if sys.stderr.isatty():
        bars = BarReporter(total, color)
        with bars.progress:
            yield bars
    else:
        yield SilentReporter()
