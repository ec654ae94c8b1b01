"""The browser, started once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pages.browser import Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for pages."""
    from tests.pages import browser as browsers

    with browsers.running(tmp_path_factory.mktemp("pages")) as running:
        yield running
