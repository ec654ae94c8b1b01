"""The examples: each becomes a live account on the embedded sandbox, plans empty, and can be taken away again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from smsops.cli.main import run
from smsops.cli.options import Globals
from smsops.sandbox.app import Sandbox

REFUSED = {"review"}
"""Examples of what a plan refuses; the README shows what it says."""

EXAMPLES = sorted(
    path.parent
    for path in (Path(__file__).parents[1] / "examples").glob("*/smsops.yaml")
    if path.parent.name not in REFUSED
)


def smsops(root: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    exit_code = run(arguments, Globals(directory=root, environment={}))
    return exit_code, capsys.readouterr().out


def snapshot(root: Path) -> Any:
    sandbox = Sandbox(root / ".smsops" / "sandbox.db")
    try:
        return sandbox.snapshot()
    finally:
        sandbox.close()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_applied_planned_empty_and_destroyed(
    example: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every example works as it stands, without an account, and leaves nothing behind."""
    root = tmp_path / example.name
    shutil.copytree(example, root, ignore=shutil.ignore_patterns(".smsops"))

    assert smsops(root, capsys, "validate")[0] == 0
    exit_code, planned = smsops(root, capsys, "plan", "--format", "json")
    assert exit_code == 0
    assert json.loads(planned)["summary"]["add"] > 0
    before = snapshot(root)

    assert smsops(root, capsys, "apply", "--auto-approve")[0] == 0
    assert snapshot(root) != before
    exit_code, planned = smsops(root, capsys, "plan", "--detailed-exitcode")
    assert (exit_code, "No changes." in planned) == (0, True)

    assert smsops(root, capsys, "destroy", "--auto-approve")[0] == 0
    after = snapshot(root)
    assert (after["accounts"], after["lists"]) == (before["accounts"], before["lists"])
    assert all(campaign["status"] == "deleted" for campaign in after["campaigns"])
    assert smsops(root, capsys, "state", "list")[1] == ""
