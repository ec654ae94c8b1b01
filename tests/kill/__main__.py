"""`python -m tests.kill --kills 200 --seed 1`: kill applies at random moments and look what becomes of it."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.kill.match import Lost, match


def main() -> int:
    """Play, and print what was seen; 1 when something happened that must not."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="stop when so many processes were killed")
    parser.add_argument("--seed", type=int, default=1, help="the first world")
    parser.add_argument("--worlds", type=int, help="play no more than so many worlds")
    parser.add_argument("--jobs", type=int, default=2, help="worlds side by side")
    parser.add_argument("--keep", type=Path, help="keep the stacks in this new directory")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        directory: Path = given.keep or Path(temporary)
        try:
            playing = match(given.seed, directory, kills=given.kills, jobs=given.jobs, worlds=given.worlds, tell=_print)
            statistics = asyncio.run(playing)
        except ExceptionGroup as group:
            lost, other = group.split(Lost)
            if other is not None:
                raise
            for error in lost.exceptions if lost else ():
                _print(f"VIOLATION {error}")
            return 1
    for line in statistics.lines():
        _print(line)
    _print(f"{time.monotonic() - began:.0f} seconds; processor seconds: {', '.join(_processor())}")
    return 0


def _processor() -> list[str]:
    names = {"own": resource.RUSAGE_SELF, "of processes that ended": resource.RUSAGE_CHILDREN}
    used = {name: resource.getrusage(who) for name, who in names.items()}
    return [f"{one.ru_utime + one.ru_stime:.0f} {name}" for name, one in used.items()]


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
