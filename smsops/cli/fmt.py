"""`fmt`: formats the YAML files of a stack."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from smsops.cli.options import Command, Globals, current
from smsops.errors import ExitCode
from smsops.model.diagnostics import Diagnostics
from smsops.model.values import plural

_STDIN = "-"
_SUFFIXES = (".yaml", ".yml")


@click.command(cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--check", is_flag=True, help="Change nothing; end with 1 where a file is not formatted.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would be changed, numbers masked.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Format YAML files: smsops.yaml and what it includes, or each PATH.

    A PATH is a file, a directory with all YAML files below it, or - for stdin, which goes to stdout. Indentation, spaces and
    blank lines change; keys, their order, texts and comments do not. Prints the files that it changes.
    """
    from smsops.cli.views.text import print_diagnostics
    from smsops.config.format import format_yaml
    from smsops.config.present import presentable

    if _STDIN in paths and len(paths) > 1:
        raise click.UsageError("- stands alone: what is formatted comes from stdin then")
    settings = current()
    color = settings.use_color(sys.stdout)
    is_filter, changes_nothing = paths == (_STDIN,), check or diff
    diagnostics = Diagnostics()
    contents = _read(settings, paths, diagnostics)
    changed = unchanged = 0
    for name, before in contents.items():
        after = format_yaml(before, name, diagnostics)
        if after is None:
            continue
        if is_filter and not changes_nothing:
            click.echo(after, nl=False)
        elif after == before:
            unchanged += 1
        elif changes_nothing or _replace(settings.path(Path(name)), after, diagnostics):
            changed += 1
            if diff:
                _print_difference(name, before.decode("utf-8-sig"), after.decode("utf-8-sig"), color)
            else:
                click.echo(name)
    print_diagnostics(presentable(diagnostics, contents), settings.use_color(sys.stderr))
    if contents and not is_filter:
        would = "would be " if changes_nothing else ""
        click.echo(f"{plural(changed, 'file')} {would}formatted, {unchanged} unchanged.", err=True)
    return ExitCode.ERROR if diagnostics.has_errors or (check and changed) else ExitCode.OK


def _read(settings: Globals, paths: tuple[str, ...], diagnostics: Diagnostics) -> dict[str, bytes]:
    """What there is to be formatted, by the paths as they are shown; what cannot be read is reported."""
    from smsops.config.inside import unreadable

    if not paths:
        return _stack(settings, diagnostics)
    if paths == (_STDIN,):
        return {_STDIN: sys.stdin.buffer.read()}
    contents: dict[str, bytes] = {}
    for path in dict.fromkeys(found for given in paths for found in _below(settings, given)):
        try:
            contents[path] = settings.path(Path(path)).read_bytes()
        except (OSError, ValueError) as error:
            why = unreadable(path, error)
            diagnostics.error(why.code, why.summary)
    return contents


def _stack(settings: Globals, diagnostics: Diagnostics) -> dict[str, bytes]:
    from smsops.config.files import Files
    from smsops.config.variables import Variables

    files = Files(settings.directory, diagnostics)
    top = files.read_stack()
    if top is not None:
        variables = Variables(settings.inputs(), diagnostics)
        variables.declare(top)
        for _ in files.read_included(top, variables.names("", final=False)):
            pass
    return files.contents


def _below(settings: Globals, given: str) -> Iterator[str]:
    """A file itself, or the YAML files of a directory: none that is hidden, or a link."""
    root = settings.path(Path(given))
    if not root.is_dir():
        yield given
    for directory, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            path = Path(directory, name)
            if path.suffix in _SUFFIXES and not name.startswith(".") and not path.is_symlink():
                yield str(Path(given) / path.relative_to(root))


def _replace(path: Path, content: bytes, diagnostics: Diagnostics) -> bool:
    """Put a file's new content in its place at once, with the mode of the old. A link leads there still. False, reported, if not."""
    try:
        path = path.resolve(strict=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with temporary.open("xb") as file:
                temporary.chmod(stat.S_IMODE(path.stat().st_mode))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        diagnostics.error("SMS461", f"{path} cannot be written: {error.strerror}")
        return False
    return True


def _print_difference(name: str, before: str, after: str, color: bool) -> None:
    """A unified diff, of which each line may be shown."""
    from difflib import SequenceMatcher

    from smsops.cli.views.text import Paint
    from smsops.config.present import shown

    paint = Paint(color)
    old, new = _lines(before), _lines(after)
    click.echo(paint(f"--- a/{name}\n+++ b/{name}", bold=True))
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes():
        (_, i, _, j, _), (_, _, i_end, _, j_end) = group[0], group[-1]
        was, becomes = f"{i + (i_end > i)},{i_end - i}", f"{j + (j_end > j)},{j_end - j}"
        click.echo(paint(f"@@ -{was} +{becomes} @@", "cyan"))
        for tag, i, i_end, j, j_end in group:
            for number in range(i, i_end):
                click.echo(f" {shown(old, number)}" if tag == "equal" else paint(f"-{shown(old, number)}", "red"))
            for number in range(j, j_end) if tag != "equal" else ():
                click.echo(paint(f"+{shown(new, number)}", "green"))


def _lines(text: str) -> list[str]:
    """The lines of a text; the last one says so where it has no end, as in any diff."""
    *lines, last = text.split("\n")
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines
