"""`rehearse`: apply a plan to a private copy of the account, and prove that the next plan is empty."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

from smsops.cli.apply import check_still_possible, options_of, refusal, signals
from smsops.cli.connect import enter
from smsops.cli.options import (
    Command,
    Globals,
    check_refresh_only,
    current,
    format_option,
    plan_options,
    read_duration,
    read_overrides,
)
from smsops.cli.plan import failure_diagnostics, show_plan
from smsops.cli.views import progress
from smsops.cli.views import rehearsal as views
from smsops.config.load import Configuration
from smsops.edge import plan_file
from smsops.edge.state.store import StateStore
from smsops.errors import SmsopsError
from smsops.model.outcome import Report
from smsops.model.values import JSON, printed
from smsops.pipeline import PlanOptions, check_saved
from smsops.rehearsal.run import Rehearsal, look, shadow_of
from smsops.rehearsal.run import rehearse as rehearse_plan
from smsops.surroundings import looking, open_store


class _Wish(NamedTuple):
    options: PlanOptions
    saved: Mapping[str, JSON] | None
    parallelism: int | None
    output: str


@click.command(cls=Command)
@click.argument("plan_path", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@plan_options
@click.option("--parallelism", type=click.IntRange(1, 64), help="Operations side by side.")
@format_option("text", "json")
def rehearse(
    plan_path: Path | None,
    targets: tuple[str, ...],
    destroy: bool,
    adopt: bool,
    simulate: bool,
    refresh_only: bool,
    overridden: tuple[str, ...],
    reason: str | None,
    lock_timeout: str,
    parallelism: int | None,
    output: str,
) -> int:
    """Apply to a private copy of the account, in memory, and prove that the next plan is empty.

    The account is only read, and nothing is written. PLAN is a saved plan, which has its options with it.
    """
    check_refresh_only(refresh_only, destroy, adopt, simulate)
    overrides = read_overrides(overridden, reason)
    options = PlanOptions(
        targets, destroy, adopt, simulate, refresh_only, ask_prices=True, overrides=overrides, approval="The rehearsal"
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
    wish = _Wish(options, saved, parallelism, output)
    try:
        found = _run(current(), wish, read_duration(lock_timeout))
    except SmsopsError as error:
        if output != "json":
            raise
        click.echo(printed(views.failed(error.exit_code, failure_diagnostics(error))))
        return error.exit_code
    except asyncio.CancelledError:  # the second interrupt
        raise KeyboardInterrupt from None
    if output == "json":
        click.echo(printed(found.document()))
    else:
        click.echo(views.rehearsal_text(found, current().use_color(sys.stdout)))
    return found.exit_code


def _run(settings: Globals, wish: _Wish, wait: float) -> Rehearsal:
    configuration, around = settings.load(), settings.around()
    store = open_store(configuration, around)
    with store.lock("rehearse", wait=wait, shared=True):
        shadow = shadow_of(store, configuration, around)
        with shadow.lock("rehearse"):
            return asyncio.run(_work(settings, configuration, shadow, wish))


async def _work(settings: Globals, configuration: Configuration, shadow: StateStore, wish: _Wish) -> Rehearsal:
    around, color = settings.around(), settings.use_color(sys.stderr)
    async with looking(configuration, around) as (live, credentials):
        with progress.reading(color) as told:
            seen = await look(configuration, shadow, wish.options, around, live, credentials, told)
    plan = seen.prepared.plan
    if wish.saved is not None:
        check_saved(wish.saved, seen.prepared, around.now())
        check_still_possible(plan, settings)
    if wish.output != "json":
        show_plan(plan, settings, wish.output)
    refused = refusal(plan)
    if refused is not None or not plan.operations:
        return Rehearsal(Report(plan), refused)
    stop = asyncio.Event()
    with progress.rehearsing(len(plan.operations), color) as reporter, signals(stop):
        return await rehearse_plan(
            seen, wish.options, configuration, shadow, around, enter, reporter, stop, wish.parallelism
        )
