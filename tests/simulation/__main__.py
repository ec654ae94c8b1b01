"""`python -m tests.simulation --seeds N [--first K] [--jobs J]`, or `--seed N -v` to tell one story again."""

# ruff: noqa: T201 - a program whose output is its report

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.simulation.story import Outcome, settle_memory, tell
from tests.simulation.wire import CALL_FAULTS

_FAULTS = (*CALL_FAULTS, "fail_before (storage)", "fail_after (storage)")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell the story")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets of text depends on it
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])
    if options.seed is not None:
        return _report([tell(options.seed)], verbose=options.verbose)
    seeds = range(options.first, options.first + options.seeds)
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(options.jobs, settle_memory) as pool:
        ended = _report(pool.imap_unordered(tell, seeds, chunksize=8), verbose=options.verbose)
    print(f"{time.monotonic() - began:.0f} s")
    return ended


def _report(outcomes: Iterable[Outcome], *, verbose: bool) -> int:
    counts: Counter[str] = Counter()
    violations: list[Outcome] = []
    for outcome in outcomes:
        counts += outcome.counts
        counts["seeds"] += 1
        if verbose:
            print("\n".join(outcome.told))
        if outcome.violation is not None:
            violations.append(outcome)
            print(f"seed {outcome.seed}: {outcome.violation[:400]}", flush=True)
    print(f"{counts['seeds']:,} seeds, {counts['$ apply'] + counts['$ destroy']:,} applies, {counts['calls']:,} calls")
    print("faults: " + ", ".join(f"{counts[kind]:,} {kind}" for kind in _FAULTS))
    by_person, by_evidence = counts["doubts settled by a person"], counts["doubts settled by evidence"]
    print(
        f"{counts['deaths']:,} deaths; {counts['doubts']:,} doubts, {by_evidence:,} settled by evidence, {by_person:,} by a person"
    )
    met = [name for name in counts if name.startswith("@")]
    print(
        f"{len(met)} different faults, each of one kind at one method or durable step; {counts['intruders']:,} intruders"
    )
    print(f"{len(violations)} violations")
    for outcome in sorted(violations, key=lambda one: one.seed)[:20]:
        print(f"  python -m tests.simulation --seed {outcome.seed} -v")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
