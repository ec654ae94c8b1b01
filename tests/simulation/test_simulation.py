"""A few stories of the simulation in every run of the tests; `make simulate SEEDS=n` tells more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.story import tell

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("first", range(0, 60, 6))
def test_stories(first: int) -> None:
    """Whatever goes wrong, nothing is sent twice and nothing is lost, and in the end the account is as configured."""
    for seed in range(first, first + 6):
        outcome = tell(seed)
        assert outcome.violation is None, "\n".join(outcome.told)


@pytest.mark.parametrize("seed", [3, 5, 120])
def test_a_seed_replays(seed: int) -> None:
    """The same seed makes the same story byte for byte, in another process and in the same one."""

    def told() -> str:
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "-v"]
        done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    first = told()
    assert "1 seeds" in first
    assert first == told()
