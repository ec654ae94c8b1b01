"""`explain`: what a code means."""

from __future__ import annotations

import click

from smsops.cli.options import Command
from smsops.model.diagnostics import did_you_mean


@click.command(cls=Command)
@click.argument("codes", metavar="[CODE]...", nargs=-1)
def explain(codes: tuple[str, ...]) -> None:
    """Say what codes of errors and warnings mean, such as SMS201, and what to do; without CODE, all of them."""
    from smsops.cli.codes import explained

    known = explained()
    wanted = [code.upper() for code in codes] or list(known)
    for code in wanted:
        if code not in known:
            raise click.UsageError(f'There is no code "{code}". {did_you_mean(code, known)}'.strip())
    for code in wanted:
        click.echo(f"{code}: {known[code].means}\n      {known[code].to_do}")
