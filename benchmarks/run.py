"""Every benchmark, one after another; what they find goes into docs/benchmarks.md, the table in short into the README too.

Run with `make bench`, `make bench FAST=1` (a few minutes) or `make bench LARGE=1` (10,000,000 contacts as well).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyperf

from benchmarks.measure import RESULTS, ROOT, Measured, machine, measured_in, megabytes, python, seconds

PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """One program and its options: always, for a fast run, for a thorough one, for a large one."""

    name: str
    always: tuple[str, ...] = ()
    fast: tuple[str, ...] = ()
    thorough: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
    markdown: bool = True

    @property
    def exists(self) -> bool:
        return (HERE / f"{self.name}.py").exists()

    def argv(self, mode: str) -> list[str]:
        """The command of this part."""
        options = {"fast": self.fast, "thorough": self.thorough, "large": self.large or self.thorough}[mode]
        return python("-m", f"benchmarks.{self.name}", *self.always, *options)


_PEERS = ("decK", "OctoDNS", "Terraform")

_RESULTS = (f"--results={RESULTS}",)
PARTS = (
    Part("startup", ("--quiet", f"--append={RESULTS}"), fast=("--fast",), markdown=False),
    Part("journal", fast=("--rounds=40",), markdown=False),
    Part("listen", fast=("--calls=3000",), markdown=False),
    Part("refresh", ("--quiet",), markdown=False),
    Part(
        "resources",
        fast=("--sizes", "1000", "--rounds=3"),
        thorough=("--sizes", "1000", "10000"),
        large=("--sizes", "1000", "10000", "100000"),
        markdown=False,
    ),
    Part(
        "contacts",
        _RESULTS,
        fast=("--sizes", "100000", "--rounds=3"),
        thorough=("--rounds=9",),
        large=("--sizes", "100000", "1000000", "10000000"),
    ),
    Part("peers", _RESULTS, fast=("--sizes", "1000", "--rounds=3"), thorough=("--rounds=9",)),
)


def run(part: Part, mode: str) -> str | None:
    """What a part prints, for the page; None when it failed."""
    print(f"== {part.name}", file=sys.stderr, flush=True)
    finished = subprocess.run(part.argv(mode), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if finished.returncode:
        return None
    said = finished.stdout.strip()
    return said if part.markdown else f"```text\n{said}\n```"


def write(section: str, content: str, page: Path = PAGE) -> None:
    """Replace a section of a page, which stands between two comments."""
    text = page.read_text("utf-8")
    begin, end = f"<!-- measured: {section} -->", f"<!-- end: {section} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        sys.exit(f"{page} has no section {section}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", text), "utf-8")


def short() -> str:
    """The table for the README."""
    if not RESULTS.exists():
        return "Nothing was measured."
    measured = measured_in(pyperf.BenchmarkSuite.load(str(RESULTS)))
    lines = ["| what | smsops | beside it |", "| --- | --- | --- |", *_rows(measured)]
    return "\n".join(lines)


def _rows(measured: dict[str, Measured]) -> Iterator[str]:
    for name, row in measured.items():
        group, _, command = name.partition(": ")
        cost = f"{seconds(row.seconds)}, {megabytes(row.memory)}"
        if command == "smsops" and group.endswith("contacts"):
            usual, quickest = (measured[f"{group}: DuckDB, {name}"] for name in ("key and hash", "streamed"))
            beside = f"{row.ratio(usual):.2f} × DuckDB as it is usually written, {row.ratio(quickest):.2f} × the quickest found"
            yield f"| {group}, bytes to batches | {cost} | {beside} |"
        elif command == "smsops plan":
            yield f"| {group}, `smsops plan` | {cost} | |"
        elif command == "smsops apply":
            size = int(group.split(" ")[0].replace(",", ""))
            yield f"| {group}, `smsops apply` | {cost} | {size / row.seconds:,.0f} contacts a second |"
        elif command == "smsops":
            others = (
                f"{other.partition(': ')[2]} {seconds(theirs.seconds)}"
                for other, theirs in measured.items()
                if other.startswith(f"{group}: ") and other.partition(": ")[2].startswith(_PEERS)
            )
            yield f"| {group}, `smsops plan` | {cost} | {', '.join(others)} |"


def main() -> None:
    """Run the parts that are there, and write the page."""
    parser = argparse.ArgumentParser(description="Every benchmark, for docs/benchmarks.md.")
    parser.add_argument("--mode", choices=("fast", "thorough", "large"), default="thorough")
    parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS], help="Only these parts.")
    options = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.unlink(missing_ok=True)
    load = os.getloadavg()[0]
    failed = []
    for part in PARTS:
        if part.exists and (not options.only or part.name in options.only):
            said = run(part, options.mode)
            if said is None:
                failed.append(part.name)
            else:
                write(part.name, said)
    if options.only:
        print("The table in short and the date stay as they are, since not everything was measured.", file=sys.stderr)
    else:
        _write_summary(options.mode, load)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _write_summary(mode: str, load: float) -> None:
    when = f"Measured on {date.today():%d %B %Y}: {machine()}; load when it began {load:.2f}; {mode} run."
    for page in (PAGE, README):
        write("machine", when, page)
        write("short", short(), page)
    print(short())


if __name__ == "__main__":
    main()
