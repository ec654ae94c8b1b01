"""The root command: which module holds which command, and how every failure ends."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from smsops import __version__
from smsops.cli.options import Globals, annotate, global_options
from smsops.errors import ExitCode, SmsopsError
from smsops.model.diagnostics import ConfigurationError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": ("smsops.cli.init:init", "Write a small stack that plans at once."),
    "explain": ("smsops.cli.explain:explain", "Say what a code, or a status of the API, means and what to do."),
    "doctor": ("smsops.cli.doctor:doctor", "Look whether all that a run needs is there, and say what to do."),
    "validate": ("smsops.cli.plan:validate", "Check everything that can be checked without the network."),
    "fmt": ("smsops.cli.fmt:fmt", "Format YAML files, comments kept."),
    "plan": ("smsops.cli.plan:plan", "Show what apply would do, and what it costs."),
    "apply": ("smsops.cli.apply:apply", "Make the live account match the configuration."),
    "rehearse": ("smsops.cli.rehearse:rehearse", "Apply to a private copy of the account, which is only read."),
    "destroy": ("smsops.cli.apply:destroy", "Remove everything that the stack owns."),
    "export": ("smsops.cli.export:export", "Write an account that exists as a stack that owns it."),
    "import": ("smsops.cli.apply:import_", "Own what the configuration declares and the account has."),
    "drift": ("smsops.cli.plan:drift", "Show what was changed outside of the configuration since the last apply."),
    "preview": ("smsops.cli.calendar:preview", "Show messages as phones show them."),
    "calendar": ("smsops.cli.calendar:calendar", "What is sent when, from which account, for how much."),
    "status": ("smsops.cli.status:status", "Campaigns, their parts and dates, and until when they can be taken back."),
    "report": ("smsops.cli.status:report", "Delivery, replies and cost of a campaign that was sent."),
    "replies": ("smsops.cli.replies:replies", "What recipients wrote back."),
    "blacklist": ("smsops.cli.blacklist:blacklist", "The numbers that no message reaches."),
    "listen": ("smsops.cli.listen:listen", "Receive delivery reports and replies as they are pushed."),
    "api": ("smsops.cli.api:api", "One raw call of any method of the API."),
    "history": ("smsops.cli.history:history", "Who applied what, when, from which commit."),
    "resolve": ("smsops.cli.state:resolve", "Say how a call in doubt ended."),
    "state": ("smsops.cli.state:state", "Look at the state, or mend it."),
    "sandbox": ("smsops.cli.sandbox:sandbox", "The embedded emulator of the API."),
    "graph": ("smsops.cli.graph:graph", "The operations of a plan as Mermaid or DOT."),
    "schema": ("smsops.cli.schema:schema", "Print a JSON Schema."),
    "completion": ("smsops.cli.completion:completion", "Print the completion for a shell."),
}


class Root(click.Group):
    """Imports a command's module when the command is called, so that starting costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = {name: text for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)}
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=text) for name, text in found.items()), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from smsops.model.diagnostics import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f'There is no command "{args[0]}". {did_you_mean(args[0], COMMANDS)}'.strip(), ctx)
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"smsops {__version__}")
        ctx.exit()


root = Root(
    name="smsops",
    help="Config-as-code for AllMySMS: describe an account in YAML, review the plan, apply it.",
    params=[
        *global_options(hidden=False),
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_print_version,
            help="Print the version.",
        ),
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(arguments: Sequence[str], given: Globals | None = None) -> int:
    """Run one command line and return its exit code; every failure is explained on stderr."""
    from smsops.model.values import SHOW_CONTACTS

    settings = given or Globals()
    before = SHOW_CONTACTS.set(False)
    try:
        return _run(arguments, settings)
    finally:
        SHOW_CONTACTS.reset(before)


def _run(arguments: Sequence[str], settings: Globals) -> int:
    try:
        result = root.main(list(arguments), prog_name="smsops", standalone_mode=False, obj=settings)
    except SystemExit as ended:  # click ends so where a shell asks for completions
        return ended.code if isinstance(ended.code, int) else ExitCode.OK
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.ERROR
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return ExitCode.INTERRUPTED
    except ConfigurationError as error:
        from smsops.cli.views.text import print_diagnostics

        annotate(error.diagnostics, settings)
        print_diagnostics(error.diagnostics, settings.use_color(sys.stderr))
        return error.exit_code
    except SmsopsError as error:
        from smsops.cli.views.text import print_error
        from smsops.model.diagnostics import Diagnostic

        annotate((Diagnostic("error", error.code, error.summary, error.detail),), settings)
        print_error(error, settings.use_color(sys.stderr))
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.ERROR
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # it came while a class was made
            click.echo("Interrupted.", err=True)
            return ExitCode.INTERRUPTED
        return _unexpected(error)
    return result if isinstance(result, int) else ExitCode.OK


def _unexpected(error: Exception) -> int:
    """A mistake of smsops itself: said in one line, its place told, its data not."""
    import logging
    import traceback

    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{where.filename.rpartition('smsops/')[2]}:{where.lineno}"
    logging.getLogger("smsops").debug("unexpected", exc_info=error)
    click.echo(f"error SMS499: smsops failed at {place} ({type(error).__name__}). Please report this.", err=True)
    return ExitCode.ERROR
