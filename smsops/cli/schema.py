"""`schema`: the JSON Schemas of what smsops reads and prints."""

from __future__ import annotations

import json

import click

from smsops.cli.options import Command
from smsops.model.diagnostics import did_you_mean


@click.command(cls=Command)
@click.argument("name", default="stack")
def schema(name: str) -> None:
    """Print the JSON Schema NAME: of what smsops reads, stack (the default), included or rule-pack; of what it prints, plan,
    apply-event, rehearsal, doctor, validation, calendar, preview, status, report,
    blacklist, blacklist-check, state or history.
    """
    from smsops.schemas import SCHEMAS

    if name not in SCHEMAS:
        raise click.UsageError(f'There is no schema "{name}". {did_you_mean(name, SCHEMAS)}')
    click.echo(json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False))
