"""`init`: a small stack that plans at once, from a template."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import click

from smsops.cli.options import Command
from smsops.errors import SmsopsError

TEMPLATES = {
    "shop": "one account: a list from a CSV, a campaign",
    "agency": "a sub-account a client, in files of their own",
    "reseller": "a sub-account a row of a CSV",
}
STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_PLACE = Path(__file__).parents[1] / "templates"
_ACCOUNT = re.compile(r"^account:\n(?: .*\n)+", re.MULTILINE)
_LIVE = """\
account:
  login: {env: ALLMYSMS_LOGIN}
  api_key: {env: ALLMYSMS_API_KEY}
"""
_PASSWORD = re.compile(r"password: \{file: (\S+)\}")


def ignored() -> str:
    """The .gitignore of a new stack."""
    return (_PLACE / "gitignore").read_text("utf-8")


def stack_name(text: str) -> str:
    """A name for a stack, made of any text."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._") or "stack"


@click.command(cls=Command)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="The name of the stack. Default: that of the directory.")
@click.option("--template", type=click.Choice(tuple(TEMPLATES)), help="What to begin with. Default: shop.")
@click.option("--live", is_flag=True, help="Use the real API, not the embedded sandbox.")
def init(directory: Path | None, name: str | None, template: str | None, live: bool) -> None:
    """Write a small stack to DIR (default: here). Nothing that exists is changed.

    On a terminal, and without options, it asks; Enter takes the default.
    """
    from smsops.cli.options import current

    root = current().path(directory) if directory else current().directory
    _check_free(root, ["smsops.yaml"])
    default = stack_name(root.resolve().name)
    if name is None and template is None and not live and sys.stdin.isatty():
        name, template, live = _ask(default)
    if name is not None and not STACK_NAME.match(name):
        raise click.UsageError("--name takes letters, digits, _, - and ., and begins with a letter or digit")
    files = _files(template or "shop", name or default, live)
    _check_free(root, [path for path in files if not path.endswith((".gitignore", ".schema.json"))])
    untold = _write(root, files)
    where = "" if root.resolve() == Path.cwd() else f" -C {shlex.quote(str(root))}"
    click.echo(f"Wrote {', '.join(files)} to {root}.")
    if untold:
        click.echo(f"{root / '.gitignore'} is yours. Add to it: {' '.join(untold)}")
    click.echo("\nNow:")
    if live:
        click.echo("  export ALLMYSMS_LOGIN=… ALLMYSMS_API_KEY=…    # manager.allmysms.com shows the key")
        click.echo(f"  smsops{where} doctor")
    click.echo(f"  smsops{where} plan\n  smsops{where} apply")


def _ask(default: str) -> tuple[str, str, bool]:
    """The three questions."""

    def named(text: str) -> str:
        if not STACK_NAME.match(text):
            raise click.BadParameter("letters, digits, _, - and ., a letter or digit first")
        return text

    name: str = click.prompt("Name of the stack", default=default, value_proc=named, err=True)
    for each, told in TEMPLATES.items():
        click.echo(f"  {each:<9} {told}", err=True)
    template: str = click.prompt("Begin with", default="shop", type=click.Choice(tuple(TEMPLATES)), err=True)
    live = click.confirm("Use the real API at once, and not the embedded sandbox?", default=False, err=True)
    return name, template, live


def _check_free(root: Path, paths: list[str]) -> None:
    """SmsopsError where one of the files is there already."""
    for path in paths:
        if (root / path).exists():
            raise SmsopsError(f"{root / path} exists already", code="SMS460", detail="Name another directory.")


def _files(template: str, name: str, live: bool) -> dict[str, str]:
    """Path → content of what a template comes to."""
    import secrets

    from smsops.schemas import schema_file

    place = _PLACE / template
    files = {
        path.relative_to(place).as_posix(): path.read_text("utf-8")
        for path in sorted(place.rglob("*"), key=lambda path: (path.name != "smsops.yaml", path.as_posix()))
        if path.suffix in (".yaml", ".csv")
    }
    stack = files["smsops.yaml"].replace("stack: STACK\n", f"stack: {name}\n")
    files["smsops.yaml"] = _ACCOUNT.sub(_LIVE, stack) if live else stack
    passwords = {path for content in files.values() for path in _PASSWORD.findall(content)}
    files[".gitignore"] = ignored() + ("secrets/\n" if passwords else "")
    files["stack.schema.json"] = schema_file("stack")
    if any("included.schema.json" in content for content in files.values()):
        files["included.schema.json"] = schema_file("included")
    return files | {path: f"{secrets.token_urlsafe(12)}\n" for path in sorted(passwords)}


def _write(root: Path, files: dict[str, str]) -> list[str]:
    """Write what is not there; what an existing .gitignore lacks comes back."""
    untold: list[str] = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = root / name
            if name == ".gitignore" and path.exists():
                there = path.read_text("utf-8", "replace").split()
                untold = [line for line in content.splitlines() if line[0] != "#" and line not in there]
            elif not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600 if name.startswith("secrets/") else 0o666)
                path.write_text(content, "utf-8")
    except OSError as error:
        raise SmsopsError(f"{error.filename} cannot be written: {error.strerror}", code="SMS461") from None
    return untold
