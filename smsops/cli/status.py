"""`status` and `report`: how campaigns stand, and what became of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from smsops.cli.options import Command, current, format_option
from smsops.errors import SmsopsError
from smsops.model.address import matches
from smsops.model.diagnostics import did_you_mean
from smsops.model.values import printed

if TYPE_CHECKING:
    from smsops.config.load import Configuration
    from smsops.model.standing import Standing
    from smsops.model.webhooks import Heard

STATUS_VERSION = REPORT_VERSION = "1.0"


@click.command(cls=Command)
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@format_option("text", "json", "markdown", "html")
def status(addresses: tuple[str, ...], output: str) -> None:
    """Show the campaigns that the state knows: their parts and dates, and until when they can be taken back.

    It asks nobody. ADDRESS may be a glob.
    """
    from smsops.cli.views import campaigns as views
    from smsops.pipeline import check_targets

    configuration = current().load()
    known = campaigns_known(configuration)
    check_targets({*configuration.desired, *(one.address for one, _ in known)}, addresses, "")
    found = [one for one, _ in known if not addresses or matches(one.address, addresses)]
    if output == "json":
        document = {
            "format_version": STATUS_VERSION,
            "stack": configuration.stack.stack,
            "timezone": configuration.settings.timezone,
            "campaigns": [one.document() for one in found],
        }
        click.echo(printed(document))
        return
    if output == "markdown":
        from smsops.cli.views import markdown

        click.echo(markdown.status(found, configuration.stack.stack, configuration.settings.timezone))
        return
    if output == "html":
        from smsops.cli.views.status_page import status_page

        click.echo(status_page(found, configuration.stack.stack, configuration.settings.timezone))
        return
    click.echo(views.status(found, configuration.settings.timezone))


@click.command(cls=Command)
@click.argument("address", metavar="CAMPAIGN")
@format_option("text", "json", "markdown", "csv", "html")
def report(address: str, output: str) -> None:
    """Show what became of a campaign: delivery by status and over time, replies, unsubscribes, cost per delivered message.

    Its parts are added up. Delivery reports come within 72 hours. What `smsops listen` kept counts too, each event once.
    """
    from smsops.cli.views import campaigns as views
    from smsops.edge.delivery import delivery_of
    from smsops.surroundings import ask

    configuration = current().load()
    known = {str(one.address): (one, login) for one, login in campaigns_known(configuration)}
    if address not in known:
        raise SmsopsError(
            f"{address} is no campaign that the state knows", code="SMS412", detail=did_you_mean(address, known)
        )
    standing, login = known[address]
    if not standing.is_reported:
        raise SmsopsError(
            f"The API does not tell what became of {address}",
            code="SMS416",
            detail="It has delivery reports of SMS only; smsops status shows what was scheduled.",
        )
    zone = configuration.settings.account_timezone
    heard = _heard(configuration, standing)
    delivery = ask(configuration, current().around(), lambda api: delivery_of(standing, api.reader, login, zone, heard))
    stack = configuration.stack.stack
    if output == "json":
        document = {"format_version": REPORT_VERSION, "stack": stack, **delivery.document()}
        click.echo(printed(document))
    elif output == "markdown":
        from smsops.cli.views import markdown

        click.echo(markdown.report(delivery, stack))
    elif output == "csv":
        click.echo(views.report_csv(delivery), nl=False)
    elif output == "html":
        from smsops.cli.views.report_page import report_page

        click.echo(report_page(delivery))
    else:
        click.echo(views.report(delivery))


def _heard(configuration: Configuration, standing: Standing) -> Heard:
    """What webhooks told of a campaign."""
    from smsops.edge.secrets import SecretUnavailable, resolve
    from smsops.edge.webhooks.store import closing_events
    from smsops.model.webhooks import Heard, PersonKey

    listen, root, environment = configuration.stack.listen, configuration.root, current().environment
    with closing_events(listen.events, root, environment) as store:
        events = store.of([part.campaign_id for part in standing.parts if part.campaign_id]) if store else ()
    try:
        key = PersonKey(resolve(listen.secret, root, environment)) if events else None
    except SecretUnavailable:
        key = None
    return Heard(events, key)


def campaigns_known(configuration: Configuration) -> list[tuple[Standing, str | None]]:
    """The campaigns that the state knows, by date, each with the login of its sub-account; None is the master."""
    from smsops.pipeline import standings
    from smsops.surroundings import account_login, master_credentials, open_store, state_salt

    around = current().around()
    credentials = master_credentials(configuration, around.environment)
    state = open_store(configuration, around).load(state_salt(configuration, credentials))
    found = standings(configuration, state, around)
    return [(one, account_login(one.address.account, state, around)) for one in found]
