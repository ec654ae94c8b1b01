"""Options that every command takes, wherever they stand, and what they come to."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from smsops.config.load import Configuration, Inputs
    from smsops.model.diagnostics import Diagnostic
    from smsops.model.override import Override
    from smsops.surroundings import Surroundings

F = TypeVar("F", bound=Callable[..., Any])
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass
class Globals:
    """What stands before (or behind) the command."""

    directory: Path = Path()
    variables: dict[str, str] = field(default_factory=dict)
    variable_files: list[str] = field(default_factory=list)
    data_root: Path | None = None
    """Where paths of data files may begin besides the stack."""
    show_contacts: bool = False
    """Whether numbers are printed in full."""
    color: bool | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    surroundings: Surroundings | None = None
    """Given by tests that bring their own clock or API."""

    def inputs(self) -> Inputs:
        from smsops.config.load import Inputs

        data_root = self.data_root or self.environment.get("SMSOPS_DATA_ROOT") or None
        there = self.path(Path(data_root)) if data_root else None
        if there is not None and not there.is_dir():
            from smsops.errors import SmsopsError

            raise SmsopsError(
                f"The data root {data_root} is no directory",
                code="SMS122",
                detail="It is named by --data-root or SMSOPS_DATA_ROOT.",
            )
        now = self.surroundings.now() if self.surroundings else datetime.now(UTC)
        return Inputs(self.variables, self.variable_files, self.directory, self.environment, there, now)

    def path(self, path: Path) -> Path:
        """A path of the command line: `-C DIR` reads it as if smsops were started there."""
        return self.directory / path

    def load(self) -> Configuration:
        """The configuration; ConfigurationError with every mistake."""
        from smsops.config.load import load
        from smsops.kinds import KINDS

        kinds = self.surroundings.kinds if self.surroundings else KINDS
        return load(self.directory, kinds, self.inputs())

    def around(self) -> Surroundings:
        if self.surroundings is None:
            from smsops.cli.connect import connect
            from smsops.kinds import KINDS
            from smsops.surroundings import Surroundings, system_now

            self.surroundings = Surroundings(KINDS, self._allowing_commands(), system_now, connect)
        return self.surroundings

    def _allowing_commands(self) -> Mapping[str, str]:
        """The environment; in CI with the commands that the stack file allows, as it was at the commit SMSOPS_BASE."""
        from smsops.edge.secrets import ALLOWED_COMMANDS, in_ci

        base = self.environment.get("SMSOPS_BASE")
        if not base or not in_ci(self.environment) or self.environment.get(ALLOWED_COMMANDS):
            return self.environment
        import json

        from smsops.config.ci_commands import allowed
        from smsops.config.files import STACK_FILE
        from smsops.edge import git

        content = git.file_at(self.directory, base, STACK_FILE)
        return {**self.environment, ALLOWED_COMMANDS: json.dumps(allowed(content or ""))}

    def use_color(self, stream: Any) -> bool:
        """Colour on a terminal, unless NO_COLOR or --no-color says no."""
        if self.color is not None:
            return self.color
        return "NO_COLOR" not in self.environment and bool(stream.isatty())


def annotate(found: Sequence[Diagnostic], settings: Globals) -> None:
    """In GitHub Actions, have diagnostics shown at their lines, whatever else is printed."""
    if found and settings.environment.get("GITHUB_ACTIONS") == "true":
        from smsops.cli.views import annotations

        annotations.write(found, settings.directory, settings.environment)


def current() -> Globals:
    """The globals of the command that runs."""
    return cast(Globals, click.get_current_context().find_root().obj)


def _globals(context: click.Context) -> Globals:
    root = context.find_root()
    if root.obj is None:
        root.obj = Globals()
    return cast(Globals, root.obj)


def _directory(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        _globals(context).directory = Path(value)


def _variables(context: click.Context, _: click.Parameter, values: tuple[str, ...]) -> None:
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
            raise click.UsageError("--var takes NAME=VALUE")
        _globals(context).variables[name] = text


def _variable_files(context: click.Context, _: click.Parameter, values: tuple[str, ...]) -> None:
    _globals(context).variable_files.extend(values)


def _data_root(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        _globals(context).data_root = Path(value)


def _show_contacts(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from smsops.model.values import SHOW_CONTACTS

        _globals(context).show_contacts = True
        SHOW_CONTACTS.set(True)


def _no_color(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        _globals(context).color = False


def _log_level(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        import logging

        logging.basicConfig(level=value.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def global_options(*, hidden: bool) -> list[click.Option]:
    """Fresh instances, for the group (shown) or for a command (hidden)."""
    return [
        click.Option(
            ["stack_directory", "-C", "--directory"], expose_value=False, callback=_directory, hidden=hidden, metavar="DIR",
            help="Run as if started in DIR.",
        ),
        click.Option(
            ["--var"], multiple=True, expose_value=False, callback=_variables, hidden=hidden, metavar="NAME=VALUE",
            help="Set a variable.",
        ),
        click.Option(
            ["--var-file"], multiple=True, expose_value=False, callback=_variable_files, hidden=hidden, metavar="FILE",
            help="Set variables from a YAML file.",
        ),
        click.Option(
            ["--data-root"], expose_value=False, callback=_data_root, hidden=hidden, metavar="DIR",
            help="Where paths of data files may begin, besides the stack.",
        ),
        click.Option(
            ["--show-contacts"], is_flag=True, expose_value=False, callback=_show_contacts, hidden=hidden,
            help="Print masked numbers in full.",
        ),
        click.Option(
            ["--no-color"], is_flag=True, expose_value=False, callback=_no_color, hidden=hidden, help="Plain text."
        ),
        click.Option(
            ["--log-level"], type=click.Choice(LOG_LEVELS), expose_value=False, callback=_log_level, hidden=hidden,
            help="Log to stderr.",
        ),
    ]  # fmt: skip


class Command(click.Command):
    """A command that also takes the global options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *global_options(hidden=True)]


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def format_option(*names: str) -> Callable[[F], F]:
    return click.option(
        "--format", "output", type=click.Choice(names), default="text", show_default=True, help="What to print."
    )


def _override_options() -> Sequence[Callable[[F], F]]:
    return (
        click.option(
            "--override",
            "overridden",
            multiple=True,
            metavar="NAME",
            help="Let breaches of this policy (a glob) through; with --reason.",
        ),
        click.option("--reason", metavar="TEXT", help="Why; kept in the history."),
    )


def override_options(command: F) -> F:
    """The options that let breaches of policies through."""
    for option in reversed(_override_options()):
        command = option(command)
    return command


def read_overrides(overridden: Sequence[str], reason: str | None) -> tuple[Override, ...]:
    """What --override and --reason ask for; a usage error where one comes without the other."""
    if bool(overridden) != bool(reason and reason.strip()):
        raise click.UsageError("--override NAME and --reason TEXT go together")
    from smsops.model.override import Override
    from smsops.model.shown import mask_text

    said = mask_text(" ".join((reason or "").split()))
    return tuple(Override(name, said) for name in dict.fromkeys(overridden))


def _complete_addresses(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from smsops.cli.completion import complete_addresses

    return complete_addresses(context, parameter, incomplete)


def plan_options(command: F) -> F:
    """The options that shape a plan."""
    for option in reversed(
        (
            click.option(
                "--target",
                "targets",
                multiple=True,
                metavar="ADDRESS",
                shell_complete=_complete_addresses,
                help="Only this resource (a glob), and what it needs.",
            ),
            click.option("--destroy", is_flag=True, help="Remove everything that the stack owns."),
            click.option("--adopt", is_flag=True, help="Take over resources that exist already."),
            click.option("--simulate", is_flag=True, help="Let the API say what campaigns cost (simulateCampaign)."),
            click.option(
                "--refresh-only",
                is_flag=True,
                help="Only take note, in the state, of what was changed elsewhere (drift).",
            ),
            *_override_options(),
            click.option(
                "--lock-timeout", default="0s", metavar="DURATION", help="Wait for a locked state, 30s or 5m."
            ),
        )
    ):
        command = option(command)
    return command


def check_refresh_only(refresh_only: bool, *others: bool) -> None:
    """A usage error where something is to be done beside taking note of drift."""
    if refresh_only and any(others):
        raise click.UsageError("--refresh-only goes with none of --destroy, --adopt and --simulate")


def read_duration(text: str) -> float:
    """Seconds; a usage error where it is no duration."""
    match = re.fullmatch(r"(\d+)\s*(s|m|h)?", text)
    if match is None:
        raise click.UsageError("--lock-timeout takes a duration such as 30s or 5m")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600, None: 1}[match[2]]
