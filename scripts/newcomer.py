"""A newcomer's path, timed: the README's first command, from a clone to an applied plan, in under two minutes.

Usage: python3 scripts/newcomer.py
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 120
APPLIED = ("Apply complete!", "No changes.")


def main() -> None:
    """Run what the README says first; fail where it fails, applies nothing, or takes longer than LIMIT seconds."""
    found = re.search(r"^```console\n\$ (.+)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    if found is None:
        sys.exit("README.md has no command")
    fresh = "a clone" if not (ROOT / ".venv").exists() else "what was installed before"
    began = time.monotonic()
    done = subprocess.run(shlex.split(found[1]), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.monotonic() - began
    sys.stdout.write(done.stdout)
    print(f"{found[1]}: {seconds:.0f} s from {fresh} to the first applied plan (allowed: {LIMIT} s)", flush=True)
    if done.returncode:
        sys.exit(f"{found[1]} ended with {done.returncode}")
    if missing := [text for text in APPLIED if text not in done.stdout]:
        sys.exit(f"{found[1]} did not print {missing[0]!r}")
    if seconds > LIMIT:
        sys.exit(f"{found[1]} took longer than {LIMIT} s")


if __name__ == "__main__":
    main()
