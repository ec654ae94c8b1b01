"""The version of what is built: from the tags of git, wherever the sources came from.

v1.2.0 → 1.2.0, seven commits later → 1.2.1.dev7+g1a2b3c4, before the first tag → 0.1.0.dev7+g1a2b3c4.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST = "0.1.0"
ARCHIVED = "$Format:%(describe:tags=true,match=v*)$"
ARCHIVED_COMMIT = "$Format:%h$"
"""Archives of the repository have these filled in (.gitattributes); GitHub hands its actions out as such."""


def version() -> str:
    """SMSOPS_VERSION, what git says, or what it said when the archive was made; else the next release's, as of no commit."""
    if given := os.environ.get("SMSOPS_VERSION"):
        return given.removeprefix("v")
    if (ROOT / ".git").exists():
        if described := _git("describe", "--tags", "--match", "v[0-9]*", "--long"):
            return of(described)
        count, commit = _git("rev-list", "--count", "HEAD"), _git("rev-parse", "--short", "HEAD")
        return f"{FIRST}.dev{count}+g{commit}" if count and commit else f"{FIRST}.dev0"
    if "$" not in ARCHIVED + ARCHIVED_COMMIT:
        return of(ARCHIVED) if ARCHIVED and "%" not in ARCHIVED else f"{FIRST}.dev0+g{ARCHIVED_COMMIT}"
    return f"{FIRST}.dev0"


def of(described: str) -> str:
    """The version that `git describe` amounts to. A tag such as v1.3.0rc1 is itself, and its successors are told apart by commit."""
    found = re.fullmatch(r"v(\d[\w.]*?)(?:-(\d+)-(g[0-9a-f]+))?", described)
    if found is None:
        return f"{FIRST}.dev0"
    tag, count, commit = found.groups()
    if not count or count == "0":
        return tag
    release = re.fullmatch(r"(.*?)(\d+)", tag)
    following = f"{release[1]}{int(release[2]) + 1}" if release else tag
    return f"{following}.dev{count}+{commit}"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    print(version())
