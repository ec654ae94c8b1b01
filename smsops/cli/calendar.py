"""`calendar` and `preview`: what goes out when, and how it looks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from smsops.cli.options import Command, current, format_option
from smsops.errors import ExitCode, SmsopsError
from smsops.model.diagnostics import did_you_mean
from smsops.model.values import printed

if TYPE_CHECKING:
    from smsops.pipeline import PlanOptions, Prepared

CALENDAR_VERSION = PREVIEW_VERSION = "1.0"


@click.command(cls=Command)
@click.option("--ics", "as_ics", is_flag=True, help="The same as --format ics.")
@click.option("--all", "everything", is_flag=True, help="List what was sent too.")
@format_option("text", "json", "ics", "html")
def calendar(as_ics: bool, everything: bool, output: str) -> int:
    """What will be sent when, from which account, for how much: what is scheduled, and what this plan would schedule."""
    from smsops.cli.views import calendar as views
    from smsops.pipeline import PlanOptions
    from smsops.pipeline import calendar as appointments

    if as_ics and output not in ("text", "ics"):
        raise click.UsageError("--ics and --format say different things: leave out one of them")
    prepared = _prepared(PlanOptions())
    found = [one for one in appointments(prepared) if everything or one.status != "sent"]
    stack, zone = prepared.plan.stack, prepared.view.settings.timezone
    if as_ics or output == "ics":
        click.echo(views.ics(found, stack, prepared.plan.timestamp), nl=False)
    elif output == "html":
        click.echo(views.html(found, stack, zone))
    elif output == "json":
        document = {
            "format_version": CALENDAR_VERSION,
            "stack": stack,
            "timezone": zone,
            "campaigns": [one.document() for one in found],
        }
        click.echo(printed(document))
    else:
        click.echo(views.text(found, zone))
    return ExitCode.ERROR if prepared.plan.errored else ExitCode.OK


@click.command(cls=Command)
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@format_option("text", "json")
def preview(addresses: tuple[str, ...], output: str) -> int:
    """Show the messages of campaigns as phones show them, with counts: the shortest, a median and the longest one.

    ADDRESS may be a glob; without one all campaigns are shown.
    """
    from smsops.cli.views import calendar as views
    from smsops.pipeline import PlanOptions

    prepared = _prepared(PlanOptions(previews=addresses or ("*",)))
    if addresses and not prepared.previews:
        known = [str(one.address) for one in prepared.view.desired.values()]
        raise SmsopsError(
            f"{', '.join(addresses)} names no campaign of the configuration",
            code="SMS412",
            detail=did_you_mean(addresses[0], (address for address in known if "campaign." in address)),
        )
    if output == "json":
        document = {
            "format_version": PREVIEW_VERSION,
            "stack": prepared.plan.stack,
            "timezone": prepared.view.settings.timezone,
            "previews": prepared.previews,
        }
        click.echo(printed(document))
        return ExitCode.OK
    click.echo("\n\n".join(map(views.preview, prepared.previews)) or "There are no campaigns.")
    return ExitCode.OK


def _prepared(options: PlanOptions) -> Prepared:
    """A plan, with its diagnostics on stderr."""
    import asyncio

    from smsops.cli.views import progress, text
    from smsops.pipeline import prepare
    from smsops.surroundings import open_store, session

    settings = current()
    configuration, around = settings.load(), settings.around()
    store = open_store(configuration, around)

    async def work() -> Prepared:
        async with session(configuration, around) as (connection, credentials):
            with progress.reading(settings.use_color(sys.stderr)) as told:
                return await prepare(configuration, store, options, around, connection.reader, credentials, told)

    prepared = asyncio.run(work())
    text.print_diagnostics(prepared.plan.diagnostics, settings.use_color(sys.stderr))
    return prepared
