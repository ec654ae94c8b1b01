"""Whole processes side by side: time, CPU time and peak memory of each, by pyperf, in rounds.

In a round every command runs once. What the machine does besides then falls on all alike, and the medians compare.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyperf

ROOT = Path(__file__).parent.parent
HOOK = Path(__file__).parent / "hook"
PEERS = ROOT / ".venv" / "bench" / "bin"
"""Where the peers are installed: an environment that is not the project's."""
RESULTS = Path(__file__).parent / ".cache" / "results.json"
ROUNDS = 5


@dataclass(frozen=True)
class Command:
    """A process to measure. `prepare` runs before each run and is not measured."""

    name: str
    argv: Sequence[str]
    prepare: Callable[[], object] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def full_environment(self, **more: str) -> dict[str, str]:
        """Every variable that the process gets."""
        found = {**os.environ, **self.environment, **more}
        found.pop("PYTHONDONTWRITEBYTECODE", None)  # where it is set, every process would compile what it imports
        return found


@dataclass(frozen=True)
class Measured:
    """The runs of one command, round by round: seconds, the median of its CPU time, the peak of its memory in bytes."""

    times: tuple[float, ...]
    cpu: float
    memory: int

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(self.times)

    def ratio(self, base: Measured) -> float:
        """The median of the ratios of each round, so that a round on a busy machine is compared with itself."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.times, base.times, strict=True))


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark of whole processes has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="How often each command runs.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="pyperf's file, to which the runs are added.")
    return parser


def python(*arguments: str | Path, peers: bool = False) -> list[str]:
    """The argv of a Python program, in the project's environment or in that of the peers."""
    if peers and not PEERS.exists():
        sys.exit(f"{PEERS} does not exist; `make bench` installs it")
    return [str(PEERS / "python") if peers else sys.executable, *map(str, arguments)]


def smsops(directory: Path, *arguments: str) -> list[str]:
    """The argv of smsops in a stack."""
    return [sys.executable, "-m", "smsops", "-C", str(directory), "--no-color", *arguments]


def measure(commands: Iterable[Command], results: Path, rounds: int = ROUNDS) -> dict[str, Measured]:
    """Run every command so many times; the runs are added to `results`, a file of pyperf's."""
    by_name = {command.name: command for command in commands}
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        runs = Path(directory) / "runs.json"
        for number in range(rounds):
            # There and back, so that nobody always comes after the same one.
            for command in list(by_name.values())[:: -1 if number % 2 else 1]:
                print(f"round {number + 1} of {rounds}: {command.name}", file=sys.stderr, flush=True)
                if command.prepare is not None:
                    command.prepare()
                _run(command, runs)
        suite = pyperf.BenchmarkSuite.load(str(runs))
        for benchmark in suite:
            pyperf.add_runs(str(results), benchmark)
    return measured_in(suite)


def _run(command: Command, runs: Path) -> None:
    # One run a process of pyperf: the rounds are ours, so that commands take turns.
    once = ("--processes=1", "--values=1", "--warmups=0", "--loops=1", "--quiet")
    pyperf_command = [
        sys.executable,
        "-m",
        "pyperf",
        "command",
        *once,
        "--copy-env",
        "--hook=usage",
        f"--append={runs}",
    ]
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(HOOK))))
    finished = subprocess.run(
        [*pyperf_command, f"--name={command.name}", "--", *command.argv],
        cwd=ROOT,
        env=command.full_environment(PYTHONPATH=path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if finished.returncode:
        # pyperf throws away what the command says; so once more, to see it.
        subprocess.run(command.argv, cwd=ROOT, env=command.full_environment())
        sys.exit(f"{command.name} failed:\n{finished.stdout}")


def measured_in(suite: pyperf.BenchmarkSuite) -> dict[str, Measured]:
    """What is known of each command in a file of pyperf's; what others measured there is left out."""
    return {
        benchmark.get_name(): _measured(benchmark)
        for benchmark in suite
        if all("command_cpu" in run.get_metadata() for run in benchmark.get_runs())
    }


def _measured(benchmark: pyperf.Benchmark) -> Measured:
    notes = [run.get_metadata() for run in benchmark.get_runs()]
    return Measured(
        times=benchmark.get_values(),
        cpu=statistics.median(note["command_cpu"] for note in notes),
        memory=max(note["command_max_rss"] for note in notes),
    )


@contextmanager
def serving(*arguments: str | Path) -> Iterator[str]:
    """A server program of ours in a process of its own; its address, which is the first line that it prints."""
    with subprocess.Popen(python("-m", *arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            if not address:
                sys.exit(f"{arguments[0]} did not start")
            yield address
        finally:
            process.terminate()


# -- how it is told -------------------------------------------------------------------------


def table(measured: Mapping[str, Measured], baseline: str) -> str:
    """A table in Markdown; every time also as a multiple of the baseline's in the same round."""
    base = measured[baseline]
    lines = [f"| | time | × {baseline} | CPU | peak memory |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, row in measured.items():
        cells = (name, seconds(row.seconds), f"{row.ratio(base):.2f}", seconds(row.cpu), megabytes(row.memory))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def seconds(value: float) -> str:
    """Three digits, in ms or s."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def megabytes(value: int) -> str:
    """Whole megabytes of a million bytes."""
    return f"{value / 1e6:,.0f} MB"


def machine() -> str:
    """The processor, how many of its cores, the system and the Python."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
