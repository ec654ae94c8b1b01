"""`apply`, `destroy` and `import`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from smsops.cli.options import (
    Command,
    Globals,
    annotate,
    check_refresh_only,
    current,
    format_option,
    override_options,
    plan_options,
    read_duration,
    read_overrides,
)
from smsops.cli.plan import failed_plan, failure_diagnostics, print_failure_markdown, show_plan, stack_name
from smsops.cli.views import progress, text
from smsops.config.load import Configuration
from smsops.edge import plan_file
from smsops.edge.state.store import StateStore
from smsops.errors import ExitCode, SmsopsError, StalePlanError
from smsops.model.outcome import Report
from smsops.model.override import Override
from smsops.model.plan import Plan
from smsops.model.state import Put
from smsops.model.values import JSON
from smsops.pipeline import PlanOptions, Prepared, check_saved, perform, prepare, record_settled
from smsops.surroundings import Connection, open_store, session


class _Wish(NamedTuple):
    """What the command line asks for."""

    options: PlanOptions
    saved: Mapping[str, JSON] | None
    approved: bool
    parallelism: int | None
    output: str

    @property
    def command(self) -> str:
        """What the history calls it."""
        return "import" if self.options.imports else "destroy" if self.options.destroy else "apply"


def _apply_options(command: click.decorators.FC) -> click.decorators.FC:
    for option in (
        click.option("--auto-approve", is_flag=True, help="Do not ask."),
        click.option("--parallelism", type=click.IntRange(1, 64), help="Operations side by side."),
        format_option("text", "json", "markdown", "html"),
    ):
        command = option(command)
    return command


@click.command(cls=Command)
@click.argument("plan_path", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@plan_options
@_apply_options
def apply(
    plan_path: Path | None,
    targets: tuple[str, ...],
    destroy: bool,
    adopt: bool,
    simulate: bool,
    refresh_only: bool,
    overridden: tuple[str, ...],
    reason: str | None,
    lock_timeout: str,
    auto_approve: bool,
    parallelism: int | None,
    output: str,
) -> int:
    """Make the live account match the configuration, or do exactly what a saved PLAN says."""
    check_refresh_only(refresh_only, destroy, adopt, simulate)
    overrides, approval = read_overrides(overridden, reason), _approval(auto_approve)
    options = PlanOptions(
        targets, destroy, adopt, simulate, refresh_only, ask_prices=True, overrides=overrides, approval=approval
    )
    saved = None
    if plan_path is not None:
        if targets or destroy or adopt or refresh_only or overrides:
            raise click.UsageError(
                "A saved plan has its options with it: "
                "leave out --target, --destroy, --adopt, --refresh-only and --override"
            )
        saved = plan_file.read(current().path(plan_path))
        options = options_of(saved)
    wish = _Wish(options, saved, auto_approve or saved is not None, parallelism, output)
    return _run(current(), wish, read_duration(lock_timeout))


@click.command(cls=Command)
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="Only this resource, and what needs it.")
@click.option("--lock-timeout", default="0s", metavar="DURATION", help="Wait for a locked state, 30s or 5m.")
@override_options
@_apply_options
def destroy(
    targets: tuple[str, ...],
    lock_timeout: str,
    overridden: tuple[str, ...],
    reason: str | None,
    auto_approve: bool,
    parallelism: int | None,
    output: str,
) -> int:
    """Remove everything that the stack owns: apply --destroy."""
    overrides, approval = read_overrides(overridden, reason), _approval(auto_approve)
    options = PlanOptions(targets, destroy=True, ask_prices=True, overrides=overrides, approval=approval)
    return _run(current(), _Wish(options, None, auto_approve, parallelism, output), read_duration(lock_timeout))


@click.command("import", cls=Command)
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--lock-timeout", default="0s", metavar="DURATION", help="Wait for a locked state, 30s or 5m.")
@_apply_options
def import_(
    addresses: tuple[str, ...], lock_timeout: str, auto_approve: bool, parallelism: int | None, output: str
) -> int:
    """Own what the configuration declares (addresses or globs) and the account has, as it is. Changes nothing live."""
    options = PlanOptions(imports=addresses, approval=_approval(auto_approve))
    return _run(current(), _Wish(options, None, auto_approve, parallelism, output), read_duration(lock_timeout))


def _approval(auto_approve: bool) -> str:
    """Who is asked approves by the answer; --auto-approve is nobody's approval."""
    return "" if auto_approve else "Your answer"


def options_of(saved: Mapping[str, JSON]) -> PlanOptions:
    """The options that a saved plan was made with."""
    targets = saved.get("targets", [])
    if not isinstance(targets, list) or not all(isinstance(target, str) for target in targets):
        raise SmsopsError("The plan is damaged: targets", code="SMS411", detail="Make a new plan.")
    try:
        overrides = tuple(one for document in saved.get("overrides", []) for one in Override.used(document))
    except (KeyError, TypeError, ValueError):
        raise SmsopsError("The plan is damaged: overrides", code="SMS411", detail="Make a new plan.") from None
    return PlanOptions(
        tuple(targets),
        saved.get("destroy") is True,
        saved.get("adopt") is True,
        refresh_only=saved.get("refresh_only") is True,
        ask_prices=True,
        overrides=overrides,
        approval="The saved plan",
    )


def _run(settings: Globals, wish: _Wish, wait: float) -> int:
    try:
        return _approved_run(settings, wish, wait)
    except SmsopsError as error:
        if wish.output == "text":
            raise
        if wish.output == "json":
            annotate(failure_diagnostics(error), settings)
            progress.write_failure(error.exit_code, failure_diagnostics(error))
        elif wish.output == "html":
            annotate(failure_diagnostics(error), settings)
            nothing = failed_plan(error)._replace(stack=stack_name(settings))
            _print_page(Report(nothing), error.exit_code)
        else:
            print_failure_markdown("apply", error, settings)
        return error.exit_code
    except asyncio.CancelledError:  # the second interrupt
        raise KeyboardInterrupt from None


def _approved_run(settings: Globals, wish: _Wish, wait: float) -> int:
    if not wish.approved and (wish.output != "text" or not _may_ask()):
        raise SmsopsError(
            "Nobody can be asked for approval here",
            code="SMS430",
            detail="Pass --auto-approve, or apply a saved plan.",
        )
    configuration = settings.load()
    store = open_store(configuration, settings.around())
    with store.lock(wish.command, wait=wait):
        return asyncio.run(_work(settings, configuration, store, wish))


async def _work(settings: Globals, configuration: Configuration, store: StateStore, wish: _Wish) -> int:
    around = settings.around()
    async with session(configuration, around) as (connection, credentials):
        with progress.reading(settings.use_color(sys.stderr)) as told:
            prepared = await prepare(configuration, store, wish.options, around, connection.reader, credentials, told)
        record_settled(prepared, store)
        if wish.saved is not None:
            check_saved(wish.saved, prepared, around.now())
            check_still_possible(prepared.plan, settings)
        if wish.output == "text":
            show_plan(prepared.plan, settings, wish.output)
        else:
            annotate(prepared.plan.diagnostics, settings)
        if wish.options.imports:
            await _look_ahead(settings, configuration, store, prepared, connection, wish)
        refused = refusal(prepared.plan)
        if refused is not None or not prepared.plan.operations:
            report = Report(prepared.plan)
        elif not wish.approved and not _confirmed(prepared.plan):
            click.echo(f"{wish.command.capitalize()} cancelled.", err=True)
            return ExitCode.ERROR
        else:
            report = await _perform(settings, configuration, store, prepared, connection, wish)
    if wish.output == "json":
        progress.write_summary(report, refused)
    elif wish.output == "html":
        _print_page(report, refused)
    elif wish.output == "markdown":
        from smsops.cli.views import markdown

        text.print_diagnostics(prepared.plan.diagnostics, settings.use_color(sys.stderr))
        click.echo(markdown.apply(report, refused))
    elif refused is not None:
        click.echo(f"{wish.command.capitalize()} refused: nothing was done.", err=True)
    elif report.outcomes:
        click.echo("\n" + text.report_text(report, settings.use_color(sys.stdout)))
    return refused if refused is not None else report.exit_code


def _print_page(report: Report, refused: ExitCode | None) -> None:
    from smsops.cli.views.apply_page import apply_page

    click.echo(apply_page(report, refused))


async def _perform(
    settings: Globals,
    configuration: Configuration,
    store: StateStore,
    prepared: Prepared,
    connection: Connection,
    wish: _Wish,
) -> Report:
    stop = asyncio.Event()
    color = settings.use_color(sys.stderr)
    with progress.reporter(wish.output, len(prepared.plan.operations), color) as reporter, signals(stop):
        return await perform(
            prepared, configuration, store, settings.around(), connection, reporter, stop, wish.parallelism
        )


async def _look_ahead(
    settings: Globals,
    configuration: Configuration,
    store: StateStore,
    prepared: Prepared,
    connection: Connection,
    wish: _Wish,
) -> None:
    """Show, before anybody is asked, what the plan after an import would change; SMS472 where it would own nothing."""
    if prepared.plan.errored:
        return
    owned = [Put(entry) for operation in prepared.plan.operations if (entry := operation.change.entry)]
    if not owned:
        named = ", ".join(wish.options.imports)
        raise SmsopsError(
            f"Nothing that {named} names is in the account", code="SMS472", detail="smsops plan shows more."
        )
    if wish.output != "text":
        return  # it would be a second document
    options = PlanOptions(targets=(*wish.options.imports, *(str(put.entry.address) for put in owned)))
    known, credentials = prepared.view.results, prepared.credentials
    after = await prepare(
        configuration, store, options, settings.around(), connection.reader, credentials, known=known, assuming=owned
    )
    if not (after.plan.changes or after.plan.diagnostics or after.plan.doubts):
        click.echo("\nNothing of it would change after that. smsops plan shows the rest.")
        return
    click.echo("\nThe plan after that:\n")
    show_plan(after.plan, settings, wish.output, account=False)


def check_still_possible(plan: Plan, settings: Globals) -> None:
    """What was reviewed cannot be done any more: a date has passed, or something was made by somebody else."""
    if plan.mistaken:
        text.print_diagnostics(plan.diagnostics, settings.use_color(sys.stderr))
        raise StalePlanError(
            "The saved plan is stale: it cannot be done any more", code="SMS422", detail="See the errors."
        )


def refusal(plan: Plan) -> ExitCode | None:
    """Why nothing may be applied: a policy, a budget, a protection, or a mistake that the plan showed."""
    if plan.blocked:
        return ExitCode.BLOCKED
    if plan.mistaken:
        return ExitCode.ERROR
    return None


def _may_ask() -> bool:
    return sys.stdin.isatty()


def _confirmed(plan: Plan) -> bool:
    question = (
        "Do you really want to remove all of this? There is no undo." if plan.destroy else "Do you want to do this?"
    )
    with _interruptible():
        answer: str = click.prompt(f"\n{question} Only 'yes' is accepted", default="", show_default=False, err=True)
    return answer.strip() == "yes"


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a question at once; the event loop would only take note of it, and end what comes after the answer."""
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def signals(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM lets what is in flight finish; the second stops at once. CancelledError where one came before."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def interrupted() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
            return
        stop.set()
        click.echo("Interrupted: finishing what is in flight. Once more stops at once.", err=True)

    handled = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in handled:
            loop.add_signal_handler(number, interrupted)
    except (NotImplementedError, ValueError, RuntimeError):  # not the main thread
        yield
        return
    try:
        if task is not None and task.cancelling():  # while nothing was awaited: nothing is begun that would be cut off
            raise asyncio.CancelledError
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
