"""`init`: a small working stack on the sandbox."""

from __future__ import annotations

import re
from pathlib import Path

import click

from smsops.cli.options import Command
from smsops.errors import SmsopsError

_STACK = """\
# yaml-language-server: $schema=stack.schema.json
smsops: 1
stack: {name}

account:
  url: "sandbox:"          # the embedded emulator; remove this line to use the real API,
                           # with ALLMYSMS_LOGIN and ALLMYSMS_API_KEY in the environment

lists:
  customers:
    name: Customers
    fields:
      FIRSTNAME: {{mailing: true}}
      CITY: {{filter: true}}
    contacts:
      - {{file: contacts.csv, phone: mobile, columns: {{FIRSTNAME: first name, CITY: city}}}}

campaigns:
  summer-sale:
    message: "Hello {{FIRSTNAME}}, 20% off all week in our shop. STOP au 36180"
    sender: SHOP
    schedule: 2030-06-17 10:00
    audience:
      lists: [customers]
      where: CITY = 'Lyon'
    max_credits: 1000
"""
_CONTACTS = """\
mobile;first name;city
06 12 34 56 01;Marie;Lyon
06 12 34 56 02;Thomas;Paris
06 12 34 56 03;Camille;Lyon
"""
IGNORE = """\
# smsops keeps its state here; backups in it hold phone numbers.
.smsops/
*.smsplan
"""


@click.command(cls=Command)
@click.argument("directory", required=False, default=None, type=click.Path(file_okay=False, path_type=Path))
def init(directory: Path | None) -> None:
    """Write a small working stack to DIRECTORY (default: here). Nothing that exists is changed."""
    from smsops.cli.options import current
    from smsops.schemas import schema_file

    root = current().path(directory) if directory else current().directory
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", root.resolve().name).strip("-._") or "stack"
    files = {
        "smsops.yaml": _STACK.format(name=name),
        "contacts.csv": _CONTACTS,
        ".gitignore": IGNORE,
        "stack.schema.json": schema_file("stack"),
    }
    if (root / "smsops.yaml").exists():
        raise SmsopsError(f"{root / 'smsops.yaml'} exists already", code="SMS460", detail="Name another directory.")
    try:
        root.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            if not (root / path).exists():
                (root / path).write_text(content, "utf-8")
    except OSError as error:
        raise SmsopsError(f"{error.filename} cannot be written: {error.strerror}", code="SMS461") from None
    where = "" if root.resolve() == Path.cwd() else f" -C {root}"
    click.echo(f"Wrote {', '.join(files)} to {root}.\n\nNow:\n  smsops{where} plan\n  smsops{where} apply")
