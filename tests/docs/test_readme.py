"""The README: every command works as written, and what it shows is what is printed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from smsops.cli.main import COMMANDS
from smsops.errors import ExitCode

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_quick_start_prints_what_it_shows(tmp_path: Path) -> None:
    """Typed into a shell, the commands of the first stack end well and print what stands below them."""
    section = README.split("## Your first stack")[1]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    assert block
    directory = tmp_path
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("ALLMYSMS_LOGIN", None)

    for step in block[1].split("$ ")[1:]:
        command, _, expected = step.partition("\n")
        argv = shlex.split(command)
        if argv[0] == "cd":
            directory /= argv[1]
            continue
        done = subprocess.run(argv, cwd=directory, env=environment, capture_output=True, text=True, check=True)
        if expected:
            assert done.stdout == expected


def test_the_review_prints_what_it_shows(tmp_path: Path) -> None:
    """The plan of examples/review refuses what it should, in these words."""
    section = README.split("## A pull request, reviewed as money and law")[1]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    assert block
    command, _, expected = block[1].removeprefix("$ ").partition("\n")
    shutil.copytree(ROOT / "examples" / "review", tmp_path / "examples" / "review")

    argv = [sys.executable, "-m", *shlex.split(command)]
    environment = {**os.environ, "GITHUB_ACTIONS": ""}  # otherwise there are annotations too
    done = subprocess.run(
        argv, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )

    assert (done.stdout, done.returncode) == (expected, 1)


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


def test_every_link_leads_somewhere() -> None:
    """Relative links in README and docs point at files of the project."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_tests_of_the_promises_exist() -> None:
    """Every test that a promise names is there."""
    page = (ROOT / "docs" / "promises.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/.]+)`", page)
    assert len(named) > 20
    for path in named:
        assert (ROOT / path).exists(), path
