"""`api`: one raw call of any method."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from smsops.api.methods import METHODS, SIMPLIFIED_SENDING, called
from smsops.cli.options import Command, current
from smsops.errors import SmsopsError
from smsops.model.diagnostics import did_you_mean
from smsops.model.shown import shown_text, visible
from smsops.model.values import printed

_HIDDEN = "•••"
_SECRET = re.compile(r"api_?key|password|passcode", re.IGNORECASE)
_SECRET_ELEMENT = re.compile(r"(<\s*(?:api_?key|password|passcode)\s*>)[^<]*", re.IGNORECASE)


_NAMES = ["send" if method is SIMPLIFIED_SENDING else method.name for method in METHODS]
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T].*)?")


def _completed(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _NAMES if name.lower().startswith(incomplete.lower())]


@click.command(cls=Command)
@click.argument("method", metavar="METHOD", shell_complete=_completed)
@click.argument("parameters", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--sub-account", metavar="LOGIN", help="Call with the login and key of a sub-account.")
@click.option("--auto-approve", is_flag=True, help="Do not ask before a call that changes something.")
@click.option("--format", "output", type=click.Choice(("json", "xml")), default="json", help="What the API answers in.")
def api(method: str, parameters: tuple[str, ...], sub_account: str | None, auto_approve: bool, output: str) -> None:
    """Make one raw call of a method of the manual, and print its answer; keys, passwords and numbers are masked.

    Exit code 1 where the answer is a no. NAME=@FILE takes a value from a file. Login, key and format are added.
    """
    from smsops.api.records import Credentials, RawAnswer
    from smsops.surroundings import Connection, ask

    if method.lower() not in map(str.lower, _NAMES):
        hint = did_you_mean(method, _NAMES)
        raise click.UsageError(f'There is no method "{method}". {hint}'.strip())
    values = dict(_parameters(parameters)) | {"returnformat": output}
    if not called(method).reads and not auto_approve:
        _ask(method)

    async def call(connection: Connection) -> RawAnswer:
        writer = connection.writer
        if sub_account is not None:
            info = await writer.get_info(sub_account=sub_account)
            writer = writer.account(Credentials(sub_account, info.api_key or ""))
        return await writer.raw(method, values)

    body, refused = ask(current().load(), current().around(), call)
    click.echo(visible(_shown(body)))
    if refused is not None:
        raise SmsopsError(str(refused), code=refused.code, detail=refused.hint)


def _parameters(given: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{text.partition(':')[0]} is no parameter: write NAME=VALUE, or NAME=@FILE")
        if value.startswith("@"):
            try:
                value = current().path(Path(value[1:])).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise click.UsageError(f"{name}: {value[1:]} cannot be read ({type(error).__name__})") from None
        yield name, value


def _ask(method: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{method} changes the account: say --auto-approve where nobody can be asked")
    if (
        click.prompt(f"{method} changes the account. Only yes is taken for yes", default="", show_default=False)
        != "yes"
    ):
        raise click.Abort


def _shown(body: bytes) -> str:
    text = body.decode("utf-8", errors="replace")
    try:
        return printed(_masked(json.loads(text)))
    except ValueError:
        return shown_text(_SECRET_ELEMENT.sub(rf"\1{_HIDDEN}", text.strip()))


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            shown_text(name): _HIDDEN if _SECRET.fullmatch(name.strip()) and inner else _masked(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    if isinstance(value, str | int) and not isinstance(value, bool):
        shown = str(value) if _DATE.fullmatch(str(value)) else shown_text(str(value))
        return value if shown == str(value) else shown
    return value
