"""`export`: an account that exists, as a stack that owns it."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smsops.cli.init import STACK_NAME, ignored, stack_name
from smsops.cli.options import Command, Globals, current

if TYPE_CHECKING:
    from smsops.config.load import Configuration


@click.command(cls=Command)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--target", "targets", multiple=True, metavar="ADDRESS", help="Only this (a glob), and the account it is in."
)
@click.option("--no-contacts", is_flag=True, help="Leave the contacts of lists alone: no file of them is written.")
@click.option("--stack", "name", metavar="NAME", help="The name of the new stack. Default: the account's login.")
@click.option("--url", metavar="URL", help="Another server than that of the stack in -C, or the real one.")
def export(
    directory: Path | None, targets: tuple[str, ...], no_contacts: bool, name: str | None, url: str | None
) -> None:
    """Write the live account as a stack into DIR (new or empty; default: here), with a state that owns it.

    Login and key come from the stack in -C, or else from ALLMYSMS_LOGIN and ALLMYSMS_API_KEY. Only reads are made.
    """
    from smsops.adoption import Wish, export
    from smsops.cli.connect import SANDBOX_FILE
    from smsops.cli.views import progress, text
    from smsops.config.files import STACK_FILE
    from smsops.config.stack import SANDBOX_URL
    from smsops.edge.new_directory import made_whole
    from smsops.model.values import plural
    from smsops.schemas import schema_file
    from smsops.surroundings import master_credentials

    settings = current()
    source = _source(settings, url)
    if source.stack.account.url == SANDBOX_URL and not (source.root / SANDBOX_FILE).exists():
        raise click.UsageError("The embedded sandbox is a stack's own: name that stack with -C, after its first apply")
    if name is None:
        login = master_credentials(source, settings.environment).login
        name = stack_name(login)
    if not STACK_NAME.match(name):
        raise click.UsageError("--stack takes letters, digits, _, - and ., and begins with a letter or digit")
    target = settings.path(directory) if directory else settings.directory
    color = settings.use_color(sys.stderr)
    with made_whole(target, last=STACK_FILE) as made:
        (made / ".gitignore").write_text(ignored(), "utf-8")
        for schema in ("stack", "included"):
            (made / f"{schema}.schema.json").write_text(schema_file(schema), "utf-8")
        with progress.reading(color) as told:
            wish = Wish(name, targets, not no_contacts)
            done = asyncio.run(export(source, made, wish, settings.around(), told))
        there = source.root / SANDBOX_FILE
        if source.stack.account.url == SANDBOX_URL:  # an account of its own, as it is now
            shutil.copyfile(there, made / SANDBOX_FILE)
            (made / SANDBOX_FILE).chmod(0o600)
    text.print_diagnostics(done.warnings, color)
    counted = [plural(count, section.rstrip("s").replace("_", "-")) for section, count in done.counts.items()]
    found = ", ".join([*counted, plural(done.contacts, "contact")])
    where = os.path.normpath(target)
    click.echo(f"Wrote {found} to {where}. This stack owns them now.\n\nNext:\n  smsops -C {shlex.quote(where)} plan")


def _source(settings: Globals, url: str | None) -> Configuration:
    """How the account is reached."""
    from pydantic_core import ValidationError

    from smsops.adoption import connected
    from smsops.config.files import STACK_FILE
    from smsops.config.load import locate
    from smsops.config.stack import StackBlock
    from smsops.model.blocks import written

    stack = StackBlock.model_validate({"smsops": "1", "stack": "export"})
    if (settings.directory / STACK_FILE).exists():
        stack = locate(settings.directory, settings.inputs(), ("account", "settings"))
    if url is not None:
        account = {"login": written(stack.account.login), "api_key": written(stack.account.api_key), "url": url}
        try:
            stack = StackBlock.model_validate({"smsops": "1", "stack": stack.stack, "account": account})
        except ValidationError as error:
            raise click.UsageError(f"--url: {error.errors()[0]['msg']}") from None
    return connected(settings.directory, stack)
