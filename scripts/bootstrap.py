"""Make a virtual environment with the locked dependencies and smsops itself, with nothing but Python.

Usage: python3 scripts/bootstrap.py VENV LOCK
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

MINIMUM = (3, 11)


def main(directory: str, lock: str) -> None:
    """Install into `directory` what `lock` says."""
    if sys.version_info < MINIMUM:
        sys.exit(f"smsops needs Python {MINIMUM[0]}.{MINIMUM[1]} or newer; this is {sys.version.split()[0]}.")
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        sys.exit("This Python comes without pip and venv. On Debian and Ubuntu: apt-get install python3-venv")
    python = Path(directory) / "bin" / "python"
    if not python.exists():
        venv.create(directory, with_pip=True, symlinks=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    print(f"Installing the locked dependencies into {directory}", flush=True)
    # The lock names everything, so nothing is resolved; what is never imported is never compiled.
    subprocess.run([*pip, "--no-compile", "--no-deps", "--require-hashes", "-r", lock], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-e", "."], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
