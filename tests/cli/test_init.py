"""`init`: what a newcomer types first."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from smsops.cli.init import TEMPLATES
from smsops.cli.main import run
from smsops.cli.options import Globals


def smsops(root: Path, *arguments: str) -> int:
    """One command line in a directory, with nothing in the environment."""
    return run(arguments, Globals(directory=root, environment={}))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_applied_and_plans_empty(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What init writes is valid, in the editor too, is applied as it stands, without an account, and plans empty then; what is
    secret in it is its owner's alone, and git leaves it out."""
    assert smsops(tmp_path, "init", "new", "--template", template, "--name", "mine") == 0
    root = tmp_path / "new"
    assert smsops(root, "validate") == 0
    assert smsops(root, "doctor") == 0
    capsys.readouterr()
    assert smsops(root, "plan", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["stack"], document["summary"]["add"] > 2, document["diagnostics"]) == ("mine", True, [])
    assert smsops(root, "apply", "--auto-approve") == 0
    assert smsops(root, "plan", "--detailed-exitcode") == 0

    for path in root.rglob("*.yaml"):
        schema = "stack" if path.name == "smsops.yaml" else "included"
        written = json.loads((root / f"{schema}.schema.json").read_text("utf-8"))
        jsonschema.validate(yaml.safe_load(path.read_text("utf-8")), written, cls=jsonschema.Draft202012Validator)
    secrets = [path for path in (root / "secrets").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in secrets} <= {0}
    assert bool(secrets) == ("secrets/" in (root / ".gitignore").read_text("utf-8").split())


def test_a_live_stack_takes_its_credentials_from_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--live leaves the sandbox out of every template, and says which variables to set."""
    for template in TEMPLATES:
        assert smsops(tmp_path, "init", template, "--template", template, "--live") == 0
        stack = yaml.safe_load((tmp_path / template / "smsops.yaml").read_text("utf-8"))
        assert stack["account"] == {"login": {"env": "ALLMYSMS_LOGIN"}, "api_key": {"env": "ALLMYSMS_API_KEY"}}
        assert smsops(tmp_path / template, "validate") == 0
        assert "ALLMYSMS_API_KEY=" in capsys.readouterr().out
        assert smsops(tmp_path / template, "doctor") == 1
        assert "ALLMYSMS_LOGIN is not set" in capsys.readouterr().out


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    """Without options, and with somebody to ask, three questions are asked: Enter takes the default, and a wrong answer is asked
    for again."""
    for directory, typed, stack, file in (
        ("a", "\n\n\n", "a", "contacts.csv"),
        ("b", "-\nx.1\nagency\ny\n", "x.1", "accounts"),
    ):
        master, slave = pty.openpty()
        os.write(master, typed.encode())
        command = [sys.executable, "-m", "smsops", "init", directory]
        done = subprocess.run(command, cwd=tmp_path, stdin=slave, capture_output=True, text=True, timeout=60)
        os.close(slave)
        os.close(master)
        assert (done.returncode, done.stderr.count("real API")) == (0, 1), done.stderr
        written = yaml.safe_load((tmp_path / directory / "smsops.yaml").read_text("utf-8"))
        assert (written["stack"], "url" in written["account"]) == (stack, directory == "a")
        assert (tmp_path / directory / file).exists()


def test_nothing_that_exists_is_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is in the way is named before anything is written; a .gitignore stays, and what it lacks is told."""
    (tmp_path / "contacts.csv").write_text("mine", "utf-8")
    assert smsops(tmp_path, "init") == 1
    assert "contacts.csv exists already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["contacts.csv"]

    (tmp_path / ".gitignore").write_text("*.pyc\n.smsops/\n", "utf-8")
    assert smsops(tmp_path, "init", "--template", "reseller") == 0
    assert "Add to it: *.smsplan secrets/" in capsys.readouterr().out
    assert (tmp_path / ".gitignore").read_text("utf-8") == "*.pyc\n.smsops/\n"
    assert smsops(tmp_path, "init", "--name", "no name") == 1
