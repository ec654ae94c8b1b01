"""Real processes, real kills: nothing is sent twice, nothing is lost. `make kill KILLS=n` goes on for longer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.kill.match import match

KILLS = 4


@pytest.mark.parametrize("share", range(2))
def test_killed_applies(tmp_path: Path, share: int) -> None:
    """However often `apply` is killed with SIGKILL, who goes on and settles doubts ends with what the stack says."""
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2  # its workers fill the machine already
    statistics = asyncio.run(match(1 + 1000 * share, tmp_path, kills=KILLS, jobs=jobs))
    assert statistics.kills >= KILLS
