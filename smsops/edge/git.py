"""The commit that a stack's directory is at."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from smsops.model.plan import Git


def head(root: Path, files: Sequence[str] = ()) -> Git | None:
    """The commit, whether there are changes beside it, and the tree of the directory.

    A file of `files` that git does not know is a change. None outside a repository or without git.
    """
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    status = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".")
    status = status or (_git(root, "status", "--porcelain", "--", *files) if files else "")
    return Git(commit, bool(status), _git(root, "rev-parse", "HEAD:./") or "")


def file_at(root: Path, commit: str, name: str) -> str | None:
    """A file of the directory as it was in a commit; None where it was not there, or the commit is not here."""
    if commit.startswith("-"):
        return None
    return _git(root, "cat-file", "blob", f"{commit}:./{name}")


def ignores(root: Path, path: str) -> bool | None:
    """Whether git leaves a path of the directory alone. None outside a repository or without git."""
    if _git(root, "rev-parse", "--git-dir") is None:
        return None
    return _git(root, "check-ignore", "-q", path) is not None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
