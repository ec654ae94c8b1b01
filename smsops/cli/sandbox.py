"""`sandbox serve|reset`."""

from __future__ import annotations

import click

from smsops.cli.options import Group, current
from smsops.errors import SmsopsError


@click.group(cls=Group)
def sandbox() -> None:
    """The embedded emulator of the API."""


@sandbox.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8025, show_default=True, type=click.IntRange(0, 65535))
@click.option("--login", default="sandbox", show_default=True, help="The master account's login.")
@click.option("--api-key", default="sandbox-key", show_default=True, help="The master account's API key.")
@click.option("--credits", default=1_000_000, show_default=True, help="What a new master account has.")
@click.option("--expose", is_flag=True, help="Allow a host that others can reach; the sandbox protects nothing.")
def serve(host: str, port: int, login: str, api_key: str, credits: int, expose: bool) -> None:
    """Serve the stack's sandbox over HTTP until Ctrl-C."""
    from smsops.cli.connect import sandbox_path
    from smsops.sandbox.serve import serve as serve_sandbox

    def announce(url: str) -> None:
        click.echo(f"The sandbox listens. In smsops.yaml: account: {{url: {url}}}", err=True)
        click.echo(url)

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
        )
    except (OSError, ValueError) as error:
        raise SmsopsError(f"The sandbox cannot listen on {host}:{port}: {error}", code="SMS450") from None


@sandbox.command()
def reset() -> None:
    """Empty the stack's sandbox. The state is left alone: remove it too for a fresh start."""
    from smsops.cli.connect import sandbox_path
    from smsops.sandbox.app import Sandbox

    emulator = Sandbox(sandbox_path(current().directory))
    emulator.reset()
    emulator.close()
    click.echo("The sandbox is empty.", err=True)
