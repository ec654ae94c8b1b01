"""`graph`: the operations of a plan, and what waits for what."""

from __future__ import annotations

from pathlib import Path

import click

from smsops.cli.options import (
    Command,
    check_refresh_only,
    current,
    plan_options,
    read_duration,
    read_overrides,
)


@click.command(cls=Command)
@click.argument("plan_path", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@plan_options
@click.option(
    "--format",
    "output",
    type=click.Choice(["mermaid", "dot"]),
    default="mermaid",
    show_default=True,
    help="What to print.",
)
def graph(
    plan_path: Path | None,
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
    """Print the operations of a plan as a graph: of the saved PLAN, or of one that is made now.

    An arrow leads from what is done first to what waits for it.
    """
    import sys

    from smsops.cli.plan import make_plan
    from smsops.cli.views import graph as views
    from smsops.edge import plan_file
    from smsops.errors import ExitCode
    from smsops.pipeline import PlanOptions

    settings = current()
    check_refresh_only(refresh_only, destroy, adopt, simulate)
    overrides = read_overrides(overridden, reason)
    draw = views.dot if output == "dot" else views.mermaid
    if plan_path is not None:
        if targets or destroy or adopt or simulate or refresh_only or overrides:
            raise click.UsageError("A saved plan has its options with it: leave out all but --format")
        click.echo(draw(plan_file.read(settings.path(plan_path))))
        return ExitCode.OK
    from smsops.cli.views.text import print_diagnostics

    options = PlanOptions(targets, destroy, adopt, simulate, refresh_only, overrides=overrides)
    made = make_plan(settings, "graph", options, read_duration(lock_timeout))
    print_diagnostics(made.diagnostics, settings.use_color(sys.stderr))
    click.echo(draw(made.document()))
    return made.exit_code()
