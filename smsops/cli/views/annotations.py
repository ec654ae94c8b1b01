"""Diagnostics as workflow commands of GitHub Actions, which shows them at their lines in a pull request."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from smsops.model.diagnostics import Diagnostic, Mark
from smsops.model.shown import one_line, visible


def write(found: Iterable[Diagnostic], root: Path, environment: Mapping[str, str]) -> None:
    """On stderr, errors first: GitHub shows ten of a kind. Paths are from the root of the repository, GITHUB_WORKSPACE."""
    workspace = Path(environment.get("GITHUB_WORKSPACE") or ".")
    for item in sorted(found, key=lambda item: item.severity != "error"):
        click.echo(_command(item, root, workspace), err=True)


def _command(item: Diagnostic, root: Path, workspace: Path) -> str:
    about: dict[str, object] = {}
    file = located(item.mark, root, workspace)
    said = "\n".join([one_line(item.summary), *visible(item.detail).splitlines()])
    if item.mark and file:
        about |= {"file": file, "line": item.mark.line}
        if item.mark.column:
            about["col"] = item.mark.column
    elif place := item.mark or item.address:
        said = f"{place}: {said}"
    about["title"] = f"smsops {item.code}"
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in about.items())
    return f"::{item.severity} {properties}::{_data(said)}"


def located(mark: Mark | None, root: Path, workspace: Path) -> str | None:
    """The path of a file of the stack in `root` from the workspace, with `/`; None where it is no file inside of it."""
    if mark is None or re.match(r"[a-z][a-z0-9+.-]+://", mark.file):
        return None
    path = os.path.relpath((root / mark.file).resolve(), workspace.resolve())
    return None if path.startswith("..") else Path(path).as_posix()


def _data(said: str) -> str:
    return said.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(said: str) -> str:
    return _data(said).replace(":", "%3A").replace(",", "%2C")
