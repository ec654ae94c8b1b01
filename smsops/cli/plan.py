"""`validate` and `plan`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smsops.cli.options import (
    Command,
    Globals,
    annotate,
    check_refresh_only,
    current,
    format_option,
    plan_options,
    read_duration,
    read_overrides,
)
from smsops.errors import ExitCode, SmsopsError
from smsops.model.diagnostics import ConfigurationError
from smsops.model.values import printed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsops.model.diagnostics import Diagnostic

VALIDATION_VERSION = "1.0"


@click.command(cls=Command)
@format_option("text", "json", "markdown", "html", "sarif")
def validate(output: str) -> int:
    """Check everything that can be checked without the network or credentials."""
    settings = current()
    resources: int | None = None
    try:
        configuration = settings.load()
        resources, found = len(configuration.desired), configuration.diagnostics
    except ConfigurationError as error:
        if output == "text":
            raise
        found = error.diagnostics
    annotate(found, settings)
    if output == "json":
        _print_validation(found)
    elif output == "sarif":
        from smsops.cli.views import sarif

        click.echo(printed(sarif.document(found, settings.directory, settings.environment)))
    elif output == "html":
        from smsops.cli.views.validation_page import validation_page

        click.echo(validation_page(stack_name(settings), resources, found))
    else:
        from smsops.cli.views import text

        text.print_diagnostics(found, settings.use_color(sys.stderr))
        if output == "markdown":
            from smsops.cli.views import markdown

            click.echo(markdown.validation(stack_name(settings), resources, found))
        else:
            click.echo(text.validation_line(resources, found))
    return ExitCode.ERROR if resources is None else ExitCode.OK


def stack_name(settings: Globals) -> str:
    """The name of the stack, where its file says so much, whatever else is wrong with it."""
    from smsops.config.load import locate

    try:
        return locate(settings.directory, settings.inputs()).stack
    except SmsopsError:
        return ""


def _print_validation(diagnostics: Sequence[Diagnostic]) -> None:
    errors = sum(1 for item in diagnostics if item.severity == "error")
    document = {
        "format_version": VALIDATION_VERSION,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(diagnostics) - errors,
        "diagnostics": [item.document() for item in diagnostics],
    }
    click.echo(printed(document))


@click.command(cls=Command)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan for apply.")
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there are changes.")
@click.option("--all", "everything", is_flag=True, help="List unchanged resources too.")
@plan_options
@format_option("text", "json", "markdown", "html")
def plan(
    out: Path | None,
    detailed_exitcode: bool,
    everything: bool,
    targets: tuple[str, ...],
    destroy: bool,
    adopt: bool,
    simulate: bool,
    refresh_only: bool,
    overridden: tuple[str, ...],
    reason: str | None,
    lock_timeout: str,
    output: str,
) -> int:
    """Show what apply would do, and what it costs. Changes nothing."""
    from smsops.pipeline import PlanOptions

    settings = current()
    if out is not None and settings.show_contacts:
        raise click.UsageError("A plan file holds no phone number: leave out --show-contacts or -o")
    check_refresh_only(refresh_only, destroy, adopt, simulate)
    overrides = read_overrides(overridden, reason)
    options = PlanOptions(targets, destroy, adopt, simulate, refresh_only, overrides=overrides)
    try:
        made = make_plan(settings, "plan", options, read_duration(lock_timeout))
    except SmsopsError as error:
        if output == "text":
            raise
        return _no_plan("plan", error, settings, output)
    show_plan(made, settings, output, everything=everything)
    if out is not None:
        from smsops.edge import plan_file

        plan_file.write(settings.path(out), made)
        refused = made.blocked or made.mistaken
        what = "It is refused as it is: see the errors" if refused else f"To do exactly this: smsops apply {out}"
        click.echo(f"Saved the plan to {out}. {what}", err=True)
    return made.exit_code(detailed=detailed_exitcode)


@click.command(cls=Command)
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="Only this resource (a glob).")
@click.option("--ignore", "ignored", multiple=True, metavar="ADDRESS", help="Not this resource (a glob).")
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there is drift.")
@click.option("--lock-timeout", default="0s", metavar="DURATION", help="Wait for a locked state, 30s or 5m.")
@format_option("text", "json", "markdown", "html")
def drift(
    targets: tuple[str, ...], ignored: tuple[str, ...], detailed_exitcode: bool, lock_timeout: str, output: str
) -> int:
    """Show what was changed outside of the configuration since the last apply. Changes nothing, neither there nor here.

    What moves by itself (credits used, last visits, numbers of contacts that nobody declared) is not drift. To take drift as it
    is: apply --refresh-only. To undo it: apply.
    """
    from smsops.model.address import matches
    from smsops.pipeline import PlanOptions

    settings = current()
    options = PlanOptions(targets, refresh_only=True)
    try:
        made = make_plan(settings, "drift", options, read_duration(lock_timeout))
    except SmsopsError as error:
        if output == "text":
            raise
        return _no_plan("drift", error, settings, output)
    kept = tuple(change for change in made.drift if not matches(change.address, ignored))
    made = made._replace(drift=kept, operations=())
    show_plan(made, settings, output, command="drift")
    return made.exit_code(detailed=detailed_exitcode)


def make_plan(settings: Globals, command: str, options: PlanOptions, wait: float) -> Plan:
    """A plan, made beside other readers of the state."""
    import asyncio

    from smsops.cli.views import progress
    from smsops.pipeline import prepare
    from smsops.surroundings import open_store, session

    configuration = settings.load()
    store = open_store(configuration, settings.around())

    async def work() -> Plan:
        around = settings.around()
        async with session(configuration, around) as (connection, credentials):
            with progress.reading(settings.use_color(sys.stderr)) as told:
                prepared = await prepare(configuration, store, options, around, connection.reader, credentials, told)
            return prepared.plan

    with store.lock(command, wait=wait, shared=True):
        return asyncio.run(work())


def _no_plan(command: str, error: SmsopsError, settings: Globals, output: str) -> int:
    if output == "markdown":
        print_failure_markdown(command, error, settings)
    else:
        show_plan(failed_plan(error)._replace(refresh_only=command == "drift"), settings, output)
    return error.exit_code


def show_plan(
    made: Plan, settings: Globals, output: str, *, everything: bool = False, command: str = "plan", account: bool = True
) -> None:
    """The plan on stdout, its diagnostics on stderr (in JSON and on a page they are part of it).

    The text begins with the `account` that it is about.
    """
    annotate(made.diagnostics, settings)
    if output == "json":
        click.echo(printed(made.document(everything=everything)))
        return
    if output == "html":
        from smsops.cli.views.plan_page import plan_page

        click.echo(plan_page(made, everything=everything))
        return
    from smsops.cli.views import text

    text.print_diagnostics(made.diagnostics, settings.use_color(sys.stderr))
    if output == "markdown":
        from smsops.cli.views import markdown

        click.echo(markdown.plan(made, command))
        return
    if made.account and account:
        click.echo(f"The account {made.account}, the stack {made.stack}:\n")
    click.echo(text.plan_text(made, settings.use_color(sys.stdout), everything=everything))


def failure_diagnostics(error: SmsopsError) -> tuple[Diagnostic, ...]:
    """What a run that could not begin has to say, as diagnostics."""
    from smsops.model.diagnostics import Diagnostic

    if isinstance(error, ConfigurationError):
        return error.diagnostics
    return (Diagnostic("error", error.code, error.summary, error.detail),)


def print_failure_markdown(command: str, error: SmsopsError, settings: Globals) -> None:
    """A run that could not begin: on stderr as text, on stdout for a comment."""
    from smsops.cli.views import markdown, text

    found = failure_diagnostics(error)
    annotate(found, settings)
    text.print_diagnostics(found, settings.use_color(sys.stderr))
    click.echo(markdown.failure(command, stack_name(settings), found))


def failed_plan(error: SmsopsError) -> Plan:
    """What is shown where no plan could be made."""
    from smsops import __version__
    from smsops.model.plan import Plan
    from smsops.surroundings import system_now

    now = system_now()
    found = failure_diagnostics(error)
    return Plan("", None, now, now, __version__, "", None, None, 0, (), (), diagnostics=found, errored=True)


if TYPE_CHECKING:
    from smsops.model.plan import Plan
    from smsops.pipeline import PlanOptions
