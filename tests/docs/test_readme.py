"""The README and the promises: what they name is there. test_pages.py runs the commands."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

from smsops.cli.main import COMMANDS
from smsops.errors import ExitCode

ROOT = Path(__file__).parents[2]
_PLACES = [ROOT / "smsops", *(ROOT / "smsops" / part for part in ("cli", "edge", "kinds", "kinds/campaign"))]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_first_two_commands_are_make_targets() -> None:
    """The quick start is make demo and make test, and nothing else."""
    block = re.search(r"```console\n(.*?)```", README, re.DOTALL)
    assert block

    assert block[1] == "$ make demo\n$ make test\n"


def test_every_command_and_exit_code_is_in_the_readme() -> None:
    """A command or an exit code that the README does not name does not exist for a newcomer."""
    for name in COMMANDS:
        assert f"`smsops {name}" in README, name
    for code in ExitCode:
        assert f"| {int(code)} |" in README, code


def test_the_tests_of_the_promises_exist() -> None:
    """Every test that a promise names is there."""
    page = (ROOT / "docs" / "promises.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/.]+)`", page)
    assert len(named) > 20
    for path in named:
        assert (ROOT / path).exists(), path


def test_the_architecture_names_what_there_is() -> None:
    """Every file, module and name of a module on the page exists."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    paths = set(re.findall(r"`((?:smsops/|tests/)?[a-z_./]+(?:/|\.py))`", page))
    names = set(re.findall(r"`((?:config|core|edge|model|table)\.[\w.]+)`", page))

    assert (len(paths) > 20, len(names) > 8) == (True, True)
    for path in paths:
        assert any((place / path).exists() for place in (ROOT, *_PLACES)), path
    for name in names:
        resolve_name(f"smsops.{name}")
