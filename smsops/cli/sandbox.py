"""`sandbox serve|fail|reset`."""

from __future__ import annotations

import click

from smsops.cli.options import Group, current
from smsops.errors import SmsopsError


@click.group(cls=Group)
def sandbox() -> None:
    """The embedded emulator of the API."""


@sandbox.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8025, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 is any free one."
)
@click.option("--login", default="sandbox", show_default=True, help="The master account's login.")
@click.option("--api-key", default="sandbox-key", show_default=True, help="The master account's API key.")
@click.option("--credits", default=1_000_000, show_default=True, help="What a new master account has.")
@click.option("--expose", is_flag=True, help="Allow a host that others can reach; the sandbox protects nothing.")
@click.option("--seed", type=int, help="What decides which delivery reports and replies come.")
@click.option("--reply-rate", type=click.FloatRange(0, 1), help="The share of those reached who answer.")
@click.option("--stop-rate", type=click.FloatRange(0, 1), help="The share of those reached who answer STOP.")
@click.option("--delivery-webhook", metavar="URL", help="Where delivery reports are pushed to, by GET.")
@click.option("--reply-webhook", metavar="URL", help="Where replies are pushed to, by GET.")
def serve(
    host: str,
    port: int,
    login: str,
    api_key: str,
    credits: int,
    expose: bool,
    seed: int | None,
    reply_rate: float | None,
    stop_rate: float | None,
    delivery_webhook: str | None,
    reply_webhook: str | None,
) -> None:
    """Serve the stack's sandbox over HTTP until Ctrl-C. It keeps how its recipients behave, and its webhooks."""
    from smsops.cli.connect import sandbox_path
    from smsops.sandbox.serve import serve as serve_sandbox

    def announce(url: str) -> None:
        click.echo(f"The sandbox listens. In smsops.yaml: account: {{url: {url}}}", err=True)
        click.echo(url)

    recipients = {"seed": seed, "reply_rate": reply_rate, "stop_rate": stop_rate}
    webhooks = {"deliveries": delivery_webhook, "replies": reply_webhook}
    try:
        serve_sandbox(
            sandbox_path(current().directory),
            host,
            port,
            login=login,
            api_key=api_key,
            credits=credits,
            announce=announce,
            expose=expose,
            recipients={name: value for name, value in recipients.items() if value is not None},
            webhooks={kind: url for kind, url in webhooks.items() if url is not None},
        )
    except (OSError, ValueError) as error:
        raise SmsopsError(f"The sandbox cannot be served on {host}:{port}: {error}", code="SMS450") from None


@sandbox.command()
@click.argument("method")
@click.argument("kind")
@click.option("--after", default=0, show_default=True, type=click.IntRange(0), help="How many calls pass before.")
@click.option("--times", default=1, show_default=True, type=click.IntRange(1), help="How many calls it hits.")
def fail(method: str, kind: str, after: int, times: int) -> None:
    """Have the next call of METHOD meet trouble, such as drop_after: it is processed, and its answer is lost.

    METHOD is one of the manual, or "*". The kinds are in docs/sandbox.md.
    """
    from smsops.cli.connect import sandbox_path
    from smsops.sandbox.app import Sandbox

    emulator = Sandbox(sandbox_path(current().directory))
    try:
        emulator.fail(method, kind, after=after, times=times)
    except ValueError as error:
        raise click.UsageError(f"The sandbox has {error}") from None
    finally:
        emulator.close()
    click.echo(f"{method} will meet {kind}.", err=True)


@sandbox.command()
def reset() -> None:
    """Empty the stack's sandbox. The state is left alone: remove it too for a fresh start."""
    from smsops.cli.connect import open_sandbox

    emulator = open_sandbox(current().directory)
    emulator.reset()
    emulator.close()
    click.echo("The sandbox is empty.", err=True)
