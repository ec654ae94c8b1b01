"""`doctor`: whether all that a run needs is there, and what to do where it is not."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from smsops.cli.options import Command, current, format_option
from smsops.errors import ExitCode, SmsopsError
from smsops.model.diagnostics import ConfigurationError
from smsops.model.shown import one_line, visible
from smsops.model.values import JSON, plural, printed

if TYPE_CHECKING:
    from smsops.config.load import Configuration
    from smsops.edge.state.store import StateStore
    from smsops.surroundings import Surroundings

DOCTOR_VERSION = "1.0"
_SKEW = timedelta(seconds=30)
"""Clocks that differ by more than this are told: schedules and signs of life are compared by them."""
_SYMBOLS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "error": ("error", "red")}


class Finding(NamedTuple):
    """What one look has found: what was looked at, how it is, and what to do about it."""

    check: str
    status: Literal["ok", "warning", "error"]
    summary: str
    detail: str = ""

    def document(self) -> dict[str, JSON]:
        return dict(self._asdict())


@click.command(cls=Command)
@format_option("text", "json")
def doctor(output: str) -> int:
    """Look whether all that a run needs is there: configuration, secrets, account, clock, state and lock.

    Changes nothing. Ends with 1 where something has to be done first.
    """
    settings = current()
    color = settings.use_color(sys.stdout)
    found: list[Finding] = []
    for finding in _examine():
        found.append(finding)
        if output == "text":
            _tell(finding, color)
    broken = any(finding.status == "error" for finding in found)
    if output == "json":
        document = {
            "format_version": DOCTOR_VERSION,
            "healthy": not broken,
            "checks": [one.document() for one in found],
        }
        click.echo(printed(document))
    return ExitCode.ERROR if broken else ExitCode.OK


def _tell(finding: Finding, color: bool) -> None:
    word, tint = _SYMBOLS[finding.status]
    head = f"{word:<8}"
    click.echo(f"{click.style(head, fg=tint) if color else head}{finding.check}: {one_line(finding.summary)}")
    for line in visible(finding.detail).splitlines():
        click.echo(f"{'':<8}  {line}")


def _examine() -> Iterator[Finding]:
    from smsops import __version__

    settings = current()
    yield Finding("versions", "ok", f"smsops {__version__}, Python {platform.python_version()}, {platform.system()}")
    try:
        configuration = settings.load()
    except ConfigurationError as error:
        errors = [item for item in error.diagnostics if item.severity == "error"]
        first = f"{errors[0].mark}: {errors[0].summary}" if errors[0].mark else errors[0].summary
        if len(errors) == 1:
            yield Finding("configuration", "error", first, errors[0].detail or _advice(errors[0].code))
            return
        detail = f"The first: {first}\nSee them all with: smsops validate"
        yield Finding("configuration", "error", plural(len(errors), "error"), detail)
        return
    except SmsopsError as error:
        yield Finding("configuration", "error", error.summary, error.detail or _advice(error.code))
        return
    count = plural(len(configuration.desired), "resource")
    yield Finding("configuration", "ok", f"the stack {configuration.stack.stack}, {count}")
    yield _zone(configuration)
    around = settings.around()
    for check, look in (
        ("extras", _extras),
        ("secrets", _secrets),
        ("account", _account),
        ("state", _state),
    ):
        yield from _surely(check, look, configuration, around)


def _surely(
    check: str,
    look: Callable[[Configuration, Surroundings], Iterator[Finding]],
    configuration: Configuration,
    around: Surroundings,
) -> Iterator[Finding]:
    """What a look finds, and that it failed where it did: the others are made all the same."""
    try:
        yield from look(configuration, around)
    except SmsopsError as error:
        yield Finding(check, "error", error.summary, error.detail or _advice(error.code))
    except OSError as error:
        yield Finding(
            check, "error", f"{error.filename or 'a file'}: {error.strerror}", "Check the path and the rights."
        )
    except Exception as error:
        yield Finding(check, "error", f"the look itself failed ({type(error).__name__})", "Please report this: SMS499.")


def _advice(code: str) -> str:
    """What to do about a code, as docs/codes.md says it."""
    from smsops.cli.codes import explained

    found = explained().get(code)
    return f"{found.to_do[:1].upper()}{found.to_do[1:]} ({code})." if found else f"See {code} in docs/codes.md."


def _extras(configuration: Configuration, around: Surroundings) -> Iterator[Finding]:
    """Whether the libraries are there that the state and the sources need besides."""
    from smsops.edge.extras import extra, installed
    from smsops.edge.sources.address import Address
    from smsops.model.sources import SourceUnreadable

    stack, kinds = configuration.stack, {kind.name: kind for kind in around.kinds}
    users = {
        ("the state", stack.state.partition(":")[0]),
        ("the events of webhooks", stack.listen.events.partition(":")[0]),
    }
    for address, desired in configuration.desired.items():
        for source in kinds[address.kind].sources(desired):
            try:
                scheme = Address.of(source.address, configuration.root, around.environment).scheme
            except SourceUnreadable as error:
                yield Finding("sources", "error", f"{address}: {error.summary}", error.detail)
                continue
            users.add((str(address), scheme))
    needed = sorted((name, user, scheme) for user, scheme in users if (name := extra(scheme)))
    for name in dict.fromkeys(name for name, _, scheme in needed if not installed(scheme)):
        by = [user for other, user, _ in needed if other == name]
        more = f" and {len(by) - 1} more" if len(by) > 1 else ""
        yield Finding("extras", "error", f"{by[0]}{more} needs {name}", f"pip install 'smsops[{name}]'")
    if needed and all(installed(scheme) for _, _, scheme in needed):
        names = ", ".join(dict.fromkeys(name for name, _, _ in needed))
        yield Finding("extras", "ok", f"{names}: installed")


def _zone(configuration: Configuration) -> Finding:
    given = configuration.settings
    if given.timezone == given.account_timezone:
        return Finding("time zone", "ok", f"dates are {given.timezone}, and sent as such")
    text = f"dates without a zone are {given.timezone}, and sent as {given.account_timezone}, the zone of the account"
    return Finding("time zone", "ok", text)


def _secrets(configuration: Configuration, around: Surroundings) -> Iterator[Finding]:
    from smsops.edge.secrets import SecretUnavailable, resolve

    references = {secret for desired in configuration.desired.values() for secret in desired.secrets.values()}
    missing: list[str] = []
    for reference in references:
        try:
            resolve(reference, configuration.root, around.environment)
        except SecretUnavailable as error:
            missing.append(error.summary)
    if missing:
        yield Finding(
            "secrets", "error", f"{len(missing)} of {len(references)} are missing", "\n".join(sorted(missing))
        )
    elif references:
        yield Finding("secrets", "ok", f"all {len(references)} are there")


def _account(configuration: Configuration, around: Surroundings) -> Iterator[Finding]:
    import asyncio

    from smsops.api.errors import ApiError
    from smsops.config.stack import SANDBOX_URL
    from smsops.surroundings import session

    url = configuration.stack.account.url
    began = server_time = around.now()

    async def look() -> str:
        nonlocal began, server_time
        async with session(configuration, around) as (connection, credentials):
            info = await connection.reader.get_info()
            server_time = connection.server_time or around.now()
            balance = "" if info.credits is None else f", {info.credits:,} credits"
            return f"{credentials.login}{balance}"

    try:
        told = asyncio.run(look())
    except ApiError as error:
        yield Finding(
            "account",
            "error",
            f"{url} does not let us in: {error}",
            error.hint or "Check account.url, the network and the proxy.",
        )
        return
    yield Finding("account", "ok", f"{told}, at {'the embedded sandbox' if url == SANDBOX_URL else url}")
    # The server's time lies between the moments before and after the call, as far as it tells.
    skew = max(began - server_time, server_time - around.now(), timedelta())
    if skew > _SKEW:
        detail = "Set this machine's clock (NTP): what is late or too close to its date is judged by it."
        yield Finding("clock", "warning", f"{skew.total_seconds():,.0f} s away from the server's", detail)
    else:
        yield Finding("clock", "ok", f"{around.now():%Y-%m-%d %H:%M} UTC")


def _state(configuration: Configuration, around: Surroundings) -> Iterator[Finding]:
    from smsops.surroundings import master_credentials, open_store, state_salt

    store = open_store(configuration, around)
    credentials = master_credentials(configuration, around.environment)
    found = store.load(state_salt(configuration, credentials))
    where = store.backend.where
    if not found.serial and not found.entries:
        yield Finding("state", "ok", f"{where}, nothing there yet")
    else:
        yield Finding("state", "ok", f"{where}, serial {found.serial}, {plural(len(found.entries), 'resource')}")
    if found.account is not None and found.account != credentials.login:
        summary = f"the state belongs to {found.account}, and the login is {credentials.login}"
        yield Finding("state", "error", summary, "Log in to that account, or give this stack a state of its own.")
    if found.intents:
        addresses = ", ".join(sorted({str(intent.address) for intent in found.intents.values()}))
        detail = "Plan: the account may show how they ended. Else find out, then: smsops resolve ADDRESS"
        yield Finding("doubts", "warning", f"calls about {addresses} may have happened", detail)
    if not store.remote:
        yield from _file(Path(where))
        yield from _git(configuration.root)
    yield from _lock(store)


def _file(path: Path) -> Iterator[Finding]:
    there = next((place for place in (path, *path.absolute().parents) if place.exists()), path)
    if not os.access(there, os.W_OK):
        yield Finding("state", "error", f"{there} cannot be written", "Check the owner and the rights of it.")
    if path.exists() and path.stat().st_mode & 0o077:
        yield Finding("state", "warning", f"others may read {path}", f"chmod 600 {path}")


def _lock(store: StateStore) -> Iterator[Finding]:
    try:
        held = store.held()
    except SmsopsError as error:
        yield Finding("lock", "error", error.summary, error.detail or _advice(error.code))
        return
    if held is None:
        yield Finding("lock", "ok", "free")
    elif held.looks_dead:
        detail = f"{held.why}. If that run is over: smsops state unlock"
        yield Finding("lock", "warning", f"held by {held.holder}, which looks dead", detail)
    else:
        yield Finding(
            "lock", "warning", f"held by {held.holder}", "Wait until that run ends, or use --lock-timeout 5m."
        )


def _git(root: Path) -> Iterator[Finding]:
    """Whether git would take the state, which may hold backups of contacts."""
    from shutil import which

    from smsops.edge.git import ignores

    if which("git") is None:
        detail = "Install it, or know that plans and the history name no commit."
        yield Finding("git", "warning", "there is no git", detail)
        return
    ignored = ignores(root, ".smsops/state.json")
    if ignored:
        yield Finding("git", "ok", "the local state is ignored")
    elif ignored is not None:
        detail = "Add .smsops/ to .gitignore: backups in it hold phone numbers."
        yield Finding("git", "warning", "the local state is not ignored by git", detail)
