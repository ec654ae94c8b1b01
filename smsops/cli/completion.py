"""`completion`: what a shell needs to complete commands, options and addresses."""

from __future__ import annotations

import click

from smsops.cli.options import Command, Globals
from smsops.errors import SmsopsError

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion for SHELL. In bash: eval "$(smsops completion bash)" """
    from click.shell_completion import get_completion_class

    from smsops.cli.main import root

    kind = get_completion_class(shell)
    if kind is None:
        raise SmsopsError(f"There is no completion for {shell}", code="SMS400")
    # click's source() of bash asks for the version of the bash in PATH, which need not be the shell that reads this.
    made = kind(root, {}, "smsops", "_SMSOPS_COMPLETE")
    click.echo(made.source_template % made.source_vars())


def complete_addresses(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The addresses of the configuration, as far as it is valid."""
    settings = context.find_root().obj
    if not isinstance(settings, Globals):
        return []
    try:
        return sorted(text for address in settings.load().desired if (text := str(address)).startswith(incomplete))
    except (SmsopsError, OSError):
        return []
