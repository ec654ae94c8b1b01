"""`listen`: receives what the platform pushes to webhooks."""

from __future__ import annotations

import click

from smsops.cli.options import Command, current
from smsops.errors import SmsopsError


@click.command(cls=Command)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; a proxy with TLS stands before it."
)
@click.option(
    "--port", default=8026, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 is any free one."
)
def listen(host: str, port: int) -> None:
    """Receive delivery reports and replies, by GET, until Ctrl-C or SIGTERM, and keep each once.

    The address to enter in the customer area is this server's, as its proxy is known, and the secret behind it. What was
    answered 200 is durable. `report` and calls in doubt use what was kept.
    """
    from smsops.config.load import locate
    from smsops.edge.secrets import resolve
    from smsops.edge.webhooks.server import Receiver, serve
    from smsops.edge.webhooks.store import open_events

    given = current()
    section = locate(given.directory, given.inputs(), ("listen",)).listen
    secret = resolve(section.secret, given.directory, given.environment)
    store = open_events(section.events, given.directory, given.environment)

    def announce(url: str) -> None:
        click.echo(f"Events are kept in {store.where}. Push both kinds to {url}/ with the secret behind it.", err=True)
        click.echo(url)

    try:
        serve(Receiver(store, secret, given.around().now), host, port, announce)
    except (OSError, OverflowError) as error:
        raise SmsopsError(f"Nobody can listen on {host}:{port}: {error}", code="SMS481") from None
    finally:
        store.close()
