"""The command line: options where people put them, data on stdout, everything else explained on stderr."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smsops import __version__
from smsops.cli.main import COMMANDS
from tests.harness import API_KEY, LOGIN, Stack

LIST = "lists:\n  vip:\n    fields: {CITY: ~}\n    contacts: [{inline: [{phone: 0612345678, CITY: Lyon}]}]\n"


def smsops(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smsops", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_version_and_help(tmp_path: Path) -> None:
    """`--version` prints the version; `--help` names every command."""
    assert smsops("--version", cwd=tmp_path).stdout == f"smsops {__version__}\n"
    help_text = smsops("--help", cwd=tmp_path).stdout
    assert all(name in help_text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, stack: Stack) -> None:
    """Each command explains itself and ends with 0."""
    result = stack.run(name, "--help")

    assert result.exit_code == 0
    assert "Usage: smsops" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("plna",),
        ("plan", "--nope"),
        ("apply", "--parallelism", "0"),
        ("--var", "x", "plan"),
        ("state", "show"),
        ("resolve", "list.x"),
    ],
    ids=" ".join,
)
def test_a_usage_error_ends_with_1(stack: Stack, arguments: tuple[str, ...]) -> None:
    """Usage errors are errors like others: exit 1, nothing on stdout, no traceback."""
    stack.write(LIST)
    result = stack.run(*arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr


def test_a_mistyped_command_is_guessed(stack: Stack) -> None:
    """An unknown command names the one that was probably meant."""
    assert 'Did you mean "plan"?' in stack.run("plna").stderr


def test_global_options_work_on_either_side_of_the_command(stack: Stack) -> None:
    """`--var` and its like stand before the command or behind it."""
    stack.write("variables: {name: ~}\nlists:\n  vip: {name: '${var.name}'}\n")

    before = stack.run("--var", "name=One", "plan", "--format", "json")
    behind = stack.run("plan", "--format", "json", "--var", "name=One")

    for result in (before, behind):
        assert result.document["resource_changes"][0]["change"]["after"]["name"] == "One"


def test_apply_without_a_terminal_needs_approval(stack: Stack) -> None:
    """Where nobody can be asked, apply does nothing without --auto-approve."""
    stack.write(LIST)
    result = stack.run("apply")

    assert result.exit_code == 1
    assert "--auto-approve" in result.stderr
    assert stack.calls() == []


def test_no_stack_says_how_to_get_one(stack: Stack) -> None:
    """A directory without smsops.yaml is explained."""
    result = stack.run("plan")

    assert result.exit_code == 1
    assert "smsops init" in result.stderr


def test_no_traceback_when_smsops_itself_fails(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a mistake of smsops ends in one line with a code."""
    stack.write(LIST)
    monkeypatch.setattr("smsops.surroundings.open_store", lambda configuration: 1 / 0)
    monkeypatch.setattr("smsops.cli.plan.Globals.load", lambda self: 1 / 0)
    result = stack.run("plan")

    assert result.exit_code == 1
    assert "SMS499" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_login_is_said_once(stack: Stack) -> None:
    """Refused credentials are one error with what to do, not one for each resource."""
    stack.write(LIST)
    stack.environment["ALLMYSMS_API_KEY"] = "wrong"
    result = stack.run("plan")

    assert result.exit_code == 1
    assert result.stderr.count("error ") == 1
    assert "API key" in result.stderr
    assert "wrong" not in result.stderr


def test_a_missing_secret_names_its_reference(stack: Stack) -> None:
    """Credentials that are not there are an error that names the variable; validate does not need them."""
    stack.write(LIST)
    del stack.environment["ALLMYSMS_API_KEY"]

    assert "ALLMYSMS_API_KEY" in stack.run("plan").stderr
    assert stack.run("validate").exit_code == 0


def test_files_are_private(stack: Stack) -> None:
    """The state, its directory and saved plans can be read by nobody else."""
    stack.write(LIST)
    plan = stack.root / "x.smsplan"
    stack.run("plan", "-o", str(plan))
    stack.apply()

    for path in (plan, stack.root / ".smsops" / "state.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((stack.root / ".smsops").stat().st_mode) == 0o700


def test_colour_only_where_it_is_wanted(stack: Stack) -> None:
    """Output that is piped has no escape codes."""
    stack.write(LIST)

    assert "\x1b" not in stack.run("plan").stdout
    assert "\x1b" not in stack.run("--no-color", "validate").stdout


def test_apply_events_say_what_came_back(stack: Stack) -> None:
    """`apply --format json` is one event a line, the summary last; nothing else is on stdout."""
    stack.write(LIST)
    result = stack.run("apply", "--auto-approve", "--format", "json")

    kinds = [event["type"] for event in result.events]
    assert [kind for kind in kinds if kind != "operation_progress"] == ["operation_started", "operation_done"] * 2 + [
        "summary"
    ]
    done = [event for event in result.events if event["type"] == "operation_done"]
    assert [event["calls"] for event in done] == [1, 1]
    assert done[1]["returned"] == {"inserted": 1, "removed": 0}
    assert result.events[-1]["exit_code"] == result.exit_code == 0


@pytest.mark.parametrize("command", [("validate",), ("--help",), ("schema",)], ids=lambda command: command[0])
def test_light_commands_import_nothing_heavy(stack: Stack, command: tuple[str, ...]) -> None:
    """validate imports no HTTP library, no server and no test library."""
    stack.write(LIST)
    heavy = ("pycurl", "starlette", "uvicorn", "_duckdb", "rich", "pytest", "hypothesis", "sqlite3", "asyncio", "ssl")
    code = (
        "import sys; from smsops.cli.main import run; "
        f"code = run({list(command)!r}); assert code == 0, code; "
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=stack.root, capture_output=True, text=True, check=True)

    assert done.stderr == "[]\n"


def test_the_version_imports_nothing(tmp_path: Path) -> None:
    """--version answers before the command line library is imported."""
    code = "import sys; sys.argv = ['smsops', '--version']; import smsops.__main__ as m; m.main(); print('click' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[1] == "False"


def test_init_writes_a_stack_that_applies_and_changes_nothing_that_exists(tmp_path: Path) -> None:
    """init gives a stack that plans at once, and refuses to run over another."""
    assert smsops("init", "shop", cwd=tmp_path).returncode == 0
    shop = tmp_path / "shop"
    assert smsops("apply", "--auto-approve", cwd=shop).returncode == 0
    assert "No changes." in smsops("plan", cwd=shop).stdout

    again = smsops("init", cwd=shop)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    assert ".smsops/" in (shop / ".gitignore").read_text("utf-8")


def serve(tmp_path: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "smsops", "sandbox", "serve", "--port", "0", "--login", LOGIN, "--api-key", API_KEY],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    return process, process.stdout.readline().strip()


def test_a_stack_on_a_served_sandbox(tmp_path: Path) -> None:
    """`sandbox serve` is an API like the real one: a stack with its URL applies over HTTP and plans empty."""
    process, url = serve(tmp_path)
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/http/9\.0", url)
        (tmp_path / "smsops.yaml").write_text(f"smsops: 1\nstack: test\naccount: {{url: '{url}'}}\n{LIST}", "utf-8")
        environment = {"ALLMYSMS_LOGIN": LOGIN, "ALLMYSMS_API_KEY": API_KEY}
        assert smsops("apply", "--auto-approve", cwd=tmp_path, **environment).returncode == 0
        planned = smsops("plan", "--format", "json", cwd=tmp_path, **environment)
        assert json.loads(planned.stdout)["operations"] == []
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stdout
        process.stdout.close()


def test_an_interrupt_while_it_starts(tmp_path: Path) -> None:
    """Ctrl-C that comes before a command runs ends it as any other does, without a traceback."""
    code = """
import sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "smsops.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from smsops.__main__ import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", code, "plan"], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted.\n")


def test_the_first_interrupt_finishes_what_is_in_flight(tmp_path: Path) -> None:
    """Ctrl-C ends an apply with 130, the state holds what was done, and the next apply does the rest."""
    process, url = serve(tmp_path)
    try:
        lists = "\n".join(f"  l{number}: {{}}" for number in range(60))
        settings = "settings: {parallelism: 1, requests_per_second: 25}"
        text = f"smsops: 1\nstack: test\naccount: {{url: '{url}'}}\n{settings}\nlists:\n{lists}\n"
        (tmp_path / "smsops.yaml").write_text(text, "utf-8")
        environment = {**os.environ, "ALLMYSMS_LOGIN": LOGIN, "ALLMYSMS_API_KEY": API_KEY}
        command = [sys.executable, "-m", "smsops", "apply", "--auto-approve"]
        applying = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert applying.stderr
        while "complete" not in applying.stderr.readline():
            time.sleep(0.01)
        applying.send_signal(signal.SIGINT)
        out, _ = applying.communicate(timeout=30)
        assert applying.returncode == 130
        assert "Not started" in out
        owned = smsops("state", "list", cwd=tmp_path).stdout.splitlines()
        assert 0 < len(owned) < 60
        rest = smsops("apply", "--auto-approve", cwd=tmp_path, ALLMYSMS_LOGIN=LOGIN, ALLMYSMS_API_KEY=API_KEY)
        assert f"{60 - len(owned)} added" in rest.stdout
    finally:
        process.terminate()
        process.wait(timeout=20)
        assert process.stdout
        process.stdout.close()


def test_directory_is_as_if_started_there(tmp_path: Path) -> None:
    """`-C DIR` reads every path of the command line from DIR, as git and make do."""
    assert smsops("-C", ".", "init", "shop", cwd=tmp_path).returncode == 0
    (tmp_path / "shop" / "vars.yaml").write_text("unused: x\n", "utf-8")
    assert smsops("-C", "shop", "--var-file", "vars.yaml", "plan", "-o", "p.smsplan", cwd=tmp_path).returncode == 0
    assert (tmp_path / "shop" / "p.smsplan").exists()
    assert smsops("-C", "shop", "apply", "p.smsplan", cwd=tmp_path).returncode == 0
