"""How long the process takes to start: whole processes, side by side, as ratios to `python -c pass`.

Run with `make bench`, or: .venv/bin/python benchmarks/startup.py --fast
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pyperf

BIN = Path(sys.executable).parent
STACK = """\
smsops: 1
stack: small
account: {url: "sandbox:"}
lists:
  customers:
    fields: {FIRSTNAME: {mailing: true}}
    contacts: [{inline: [{phone: 0612345678, FIRSTNAME: Marie}]}]
"""
AIMS = {"--version": 3, "--help": 6, "validate": 15}


def main() -> None:
    """Measure and, in the main process, print the ratios beside what they should be at most."""
    runner = pyperf.Runner()
    runner.metadata["description"] = "start-up of smsops"
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "smsops.yaml").write_text(STACK, "utf-8")
        floor = runner.bench_command("python -c pass", [sys.executable, "-c", "pass"])
        commands = {
            "--version": [str(BIN / "smsops"), "--version"],
            "--help": [str(BIN / "smsops"), "--help"],
            "validate": [str(BIN / "smsops"), "-C", directory, "validate"],
        }
        measured = {name: runner.bench_command(f"smsops {name}", command) for name, command in commands.items()}
    if runner.args.worker or floor is None:
        return
    base = floor.median()
    print(f"\npython -c pass: {base * 1000:.1f} ms")
    for name, benchmark in measured.items():
        if benchmark is not None:
            ratio = benchmark.median() / base
            print(f"smsops {name}: {benchmark.median() * 1000:.1f} ms, {ratio:.1f} times (aim: at most {AIMS[name]})")


if __name__ == "__main__":
    main()
