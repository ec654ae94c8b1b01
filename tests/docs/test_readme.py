"""The README and the promises: what they name is there. test_pages.py runs the commands."""

from __future__ import annotations

import re
from pathlib import Path

from smsops.cli.main import COMMANDS
from smsops.errors import ExitCode

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_first_two_commands_are_make_targets() -> None:
    """The quick start is make demo and make test, and both exist."""
    block = re.search(r"```console\n(.*?)```", README, re.DOTALL)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert block

    assert block[1] == "$ make demo\n$ make test\n"
    assert "\ndemo:" in makefile
    assert "\ntest:" in makefile


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
