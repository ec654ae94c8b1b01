"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack directory with an account on the sandbox."""
    made = Stack(tmp_path / "stack")
    yield made
    made.sandbox.close()
