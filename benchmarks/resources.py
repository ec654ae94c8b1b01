"""Many resources: what each stage of a plan costs, and whole commands as processes with their CPU time and memory.

Run with `make bench`, or: python -m benchmarks.resources [--sizes 1000 10000 100000] [--rounds 5]

`benchmarks.stacks` makes the stacks, and the account, which is in the same process.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyperf

from benchmarks.measure import RESULTS, ROUNDS, Command, measure, table
from benchmarks.stacks import Account, command, globals_for, own_all, write_stack

SIZES = (1_000, 10_000, 100_000)
APPLIED = 10_000
"""The most resources that are applied: each step is made durable, so the disk decides how long that takes."""

STAGED = 10_000
"""The resources of the stack whose stages are measured one by one."""


def stages(root: Path) -> dict[str, Callable[[], object]]:
    """The stages of a plan against an empty account, each a function that can be called again and again."""
    from smsops import garbage
    from smsops.api.records import Credentials
    from smsops.cli.views import text
    from smsops.config.yaml import parse
    from smsops.core import diff, drift, plan
    from smsops.model.diagnostics import Diagnostics
    from smsops.model.values import printed
    from smsops.pipeline import PlanOptions, prepare
    from smsops.surroundings import open_store

    given = globals_for(root, STAGED, Account())
    around = given.around()
    configuration = given.load()
    credentials = Credentials("acme", "acme-key")
    content = (root / "smsops.yaml").read_bytes()

    async def prepared() -> Any:
        store, empty = open_store(configuration, around), cast(Any, Account())
        return await prepare(configuration, store, PlanOptions(), around, empty, credentials)

    whole = asyncio.run(prepared())
    view, made = whole.view, whole.plan
    selected = diff.select(view, ())
    context = plan.Context("bench", "acme", view.now, "", "", None, "key")

    def compare() -> diff.Difference:
        view.observed.clear()
        with garbage.none_expected():
            return diff.compare(view, selected, frozenset())

    def build() -> object:
        with garbage.none_expected():
            return plan.build(view, found, drift.Drift(), {}, context)

    found = compare()
    return {
        "read the YAML": lambda: parse(content, "smsops.yaml", Diagnostics()),
        "load: read, validate, declare": given.load,
        "compare": compare,
        "plan": build,
        "text": lambda: text.plan_text(made, False),
        "JSON": lambda: printed(made.document()),
    }


def measure_stages(runner: pyperf.Runner, root: Path) -> None:
    """Each stage by pyperf, in processes of its own."""
    for name, stage in stages(root).items():
        benchmark = runner.bench_func(name, stage)
        if benchmark is not None and not runner.args.worker:
            print(f"  {name:<32} {benchmark.median() * 1000:>7.0f} ms")


def processes(root: Path, resources: int, rounds: int, results: Path) -> str:
    """Whole commands, on an account that is empty and on one in which all of the stack exists."""
    write_stack(root / "one", resources)
    write_stack(root / "spread", resources, layout="spread")
    write_stack(root / "generate", resources, layout="generate")
    write_stack(root / "owned", resources)
    own_all(root / "owned", resources)
    write_stack(root / "applied", resources)

    def named(name: str, where: str, *arguments: str, existing: bool = False) -> Command:
        argv = command(root / where, *arguments, resources=resources, existing=existing)
        return Command(f"{resources:,} resources: {name}", argv)

    apply = named("apply", "applied", "apply", "--auto-approve")
    apply = replace(apply, prepare=lambda: shutil.rmtree(root / "applied" / ".smsops", ignore_errors=True))
    nothing = f"{resources:,} resources: python -c pass"
    measured = measure(
        [
            Command(nothing, [sys.executable, "-c", "pass"]),
            named("validate", "one", "validate"),
            named("plan", "one", "plan"),
            named("plan, spread over files", "spread", "plan"),
            named("plan, generated from a CSV", "generate", "plan"),
            named("plan --format json", "one", "plan", "--format", "json"),
            named("plan, all of it exists", "owned", "plan", existing=True),
            *([apply] if resources <= APPLIED else []),
        ],
        results,
        rounds,
    )
    rows = {name.partition(": ")[2]: row for name, row in measured.items()}
    return f"### {resources:,} resources\n\n{table(rows, 'plan')}"


def main() -> None:
    """Measure the stages, then whole processes of each size."""
    runner = pyperf.Runner(
        processes=ROUNDS, values=1, warmups=1, loops=1, program_args=("-m", "benchmarks.resources"),
        add_cmdline_args=lambda argv, options: argv.extend(["--stack", str(options.stack)]),
    )  # fmt: skip
    runner.argparser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    runner.argparser.add_argument("--rounds", type=int, default=ROUNDS)
    runner.argparser.add_argument("--results", type=Path, default=RESULTS)
    runner.argparser.add_argument("--stack", type=Path, help="Where the stack is whose stages are measured.")
    options = runner.parse_args()
    options.quiet = True
    if options.worker:
        measure_stages(runner, options.stack)
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        options.stack = Path(directory)
        write_stack(options.stack, STAGED)
        print(f"{STAGED:,} resources, stage by stage:")
        measure_stages(runner, options.stack)
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            print(f"\n{processes(Path(directory), size, options.rounds, options.results)}", flush=True)


if __name__ == "__main__":
    main()
