"""Fixtures for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.harness import Stack

pytest_plugins = ("tests.servers.fixtures",)

# The same examples in every run of CI, so that what it finds is what changed; new ones everywhere else.
settings.register_profile("smsops", derandomize=bool(os.environ.get("CI")), deadline=None)
settings.load_profile("smsops")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack directory with an account on the sandbox."""
    made = Stack(tmp_path / "stack")
    yield made
    made.close()
