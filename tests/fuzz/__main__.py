"""Answers made up by a coverage-guided fuzzer (`make fuzz`): whatever a server says ends in a value or in a typed error.

It starts from the manual's examples in both formats, and stops at the first answer that ends in anything else: libFuzzer
prints it, and leaves it in a file `crash-…`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["smsops.api", "smsops.table.answer"]):
    from smsops.api.methods import METHODS
    from tests.api.manual_examples import ANSWERS, REFUSALS
    from tests.api.test_api_properties import typed

PLACES = {method.name: bytes([place]) for place, method in enumerate(METHODS)}


def one(fuzzed: bytes) -> None:
    """The first byte chooses the method, the rest is its answer."""
    if fuzzed:
        typed(METHODS[fuzzed[0] % len(METHODS)], fuzzed[1:])


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as corpus:
        for number, example in enumerate((*ANSWERS, *REFUSALS)):
            Path(corpus, str(number)).write_bytes(PLACES[example.method] + example.answer.encode())
        atheris.Setup([sys.argv[0], corpus, f"-runs={runs}", "-max_len=2000", "-print_final_stats=1"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000)
    main(parser.parse_args().runs)
