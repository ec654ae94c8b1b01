"""`blacklist`: the numbers that no message reaches."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smsops.cli.options import Group, current, format_option
from smsops.errors import ExitCode, SmsopsError
from smsops.model.values import printed

if TYPE_CHECKING:
    from smsops.api.contract import Reader
    from smsops.config.load import Configuration
    from smsops.edge.blacklist import Accounts

_NUMBER = re.compile(r"\+?[\d\s().\-/\u00a0\u202f]{6,}")


@click.group(cls=Group)
def blacklist() -> None:
    """The numbers that no message reaches any more."""


_account_options = (
    click.option("--account", "keys", multiple=True, metavar="KEY", help="Of this sub-account, not of the master."),
    click.option("--all-accounts", is_flag=True, help="Of the master and of every sub-account that there is."),
)


@blacklist.command()
@_account_options[0]
@_account_options[1]
@click.option(
    "--format", "output", type=click.Choice(["csv", "json"]), default="csv", show_default=True, help="What to print."
)
def export(keys: tuple[str, ...], all_accounts: bool, output: str) -> None:
    """Print the blacklist, the latest entry first; numbers are masked without --show-contacts."""
    from smsops.cli.views import blacklist as views
    from smsops.edge.blacklist import blacklists
    from smsops.surroundings import Connection, ask, master_credentials

    configuration, around = current().load(), current().around()
    master, zone = master_credentials(configuration, around.environment).login, configuration.settings.account_timezone

    async def look(api: Connection) -> str:
        accounts = await _accounts(configuration, keys, all_accounts, api.reader)
        found = await blacklists(accounts, api.reader, master, zone)
        return views.exported_csv(found) if output == "csv" else views.exported_json(found, configuration.stack.stack)

    click.echo(ask(configuration, around, look), nl=False)


@blacklist.command()
@click.argument("wanted", metavar="[PHONE|FILE|-]...", nargs=-1)
@_account_options[0]
@_account_options[1]
@format_option("text", "json")
def check(wanted: tuple[str, ...], keys: tuple[str, ...], all_accounts: bool, output: str) -> int:
    """Say which numbers are on the blacklist; without numbers, how many contacts of each list are.

    FILE has a number a line, or a first column of numbers; - is the standard input. Ends with 2 where a number was found,
    and with 0 where none was.
    """
    from smsops.cli.views import blacklist as views
    from smsops.edge.blacklist import check_lists, check_phones
    from smsops.model.blacklisted import Check
    from smsops.surroundings import Connection, ask

    configuration = current().load()
    phones = list(_phones(wanted, configuration.settings.default_country))

    async def look(api: Connection) -> Check:
        accounts = await _accounts(configuration, keys, all_accounts, api.reader)
        if wanted:
            return await check_phones(phones, accounts, api.reader)
        return await check_lists(accounts, api.reader)

    found = ask(configuration, current().around(), look)
    click.echo(printed(found.document()) if output == "json" else views.checked(found, lists=not wanted))
    return ExitCode.CHANGES if found.any else ExitCode.OK


async def _accounts(configuration: Configuration, keys: tuple[str, ...], everybody: bool, reader: Reader) -> Accounts:
    """The accounts that are asked about. A key is that of the stack, or the login of an account that it does not own."""
    from smsops.surroundings import account_keys

    if keys and everybody:
        raise click.UsageError("--account and --all-accounts say different things: leave out one of them")
    if not keys and not everybody:
        return [(None, None)]
    known = account_keys(configuration, current().around())
    if not everybody:
        return [(key, known.get(key, key)) for key in dict.fromkeys(keys)]
    names = {login: key for key, login in known.items()}
    records = await reader.get_sub_accounts()
    return [(None, None), *((names.get(record.login, record.login), record.login) for record in records)]


def _phones(wanted: tuple[str, ...], country: str) -> Iterator[str]:
    """The numbers in digits; SmsopsError for what is none."""
    for argument in wanted:
        if _NUMBER.fullmatch(argument):
            yield _digits(argument, country, "")
            continue
        lines = sys.stdin.read() if argument == "-" else _content(current().path(Path(argument)))
        for number, line in enumerate(lines.splitlines(), 1):
            cell = re.split(r"[,;\t]", line, maxsplit=1)[0].strip().strip("\"'")
            if cell and not (number == 1 and not re.search(r"\d", cell)):  # the names of columns
                yield _digits(cell, country, f"{argument}:{number}: ")


def _content(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SmsopsError(
            f"{path} cannot be read: {why}",
            code="SMS465",
            detail="Name a file of numbers, or a number like +33612345678.",
        ) from None


def _digits(text: str, country: str, place: str) -> str:
    from smsops.model.phone import InvalidPhone, normalise_mobile
    from smsops.model.shown import shown_phone

    try:
        return normalise_mobile(text, country)
    except InvalidPhone as error:
        what = f"{place}{shown_phone(text) or 'This'} is not the number of a mobile: {error}"
        raise SmsopsError(what, code="SMS466", detail="Nothing was checked.") from None
