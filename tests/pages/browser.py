"""A browser for the tests of pages: Debian's chromium, driven by Playwright. `make test` says, or installs, what is missing."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, async_playwright

T = TypeVar("T")
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(Exception):
    """There is no chromium here."""


@dataclass
class Seen:
    """What a browser said and asked for while a page was open."""

    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Messages of the console, broken rules of the page's policy (CSP) and errors of its script among them."""


class Browser:
    """One browser for many pages, which come one after the other.

    The loop runs only while a page is looked at, so that the code under test may have its own.
    """

    def __init__(self, chromium: Chromium, runner: asyncio.Runner, directory: Path) -> None:
        self._runner, self._file = runner, directory / "page.html"
        self._pages = {script: runner.run(self._open(chromium, script)) for script in (True, False)}
        self._seen = Seen()

    async def _open(self, chromium: Chromium, script: bool) -> Page:
        context = await chromium.new_context(java_script_enabled=script)
        context.on("request", lambda request: self._seen.requests.append(request.url))
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self._seen.said.append(message.text))
        page.on("pageerror", lambda error: self._seen.said.append(str(error)))
        return page

    def look(
        self, html: str, at: Callable[[Page], Awaitable[T]], *, width: int = 1100, script: bool = True
    ) -> tuple[T, Seen]:
        """Open a page from a file and do something with it: what came of that, and what the browser saw."""
        return self._runner.run(self._look(html, at, width, self._pages[script]))

    async def _look(self, html: str, at: Callable[[Page], Awaitable[T]], width: int, page: Page) -> tuple[T, Seen]:
        self._seen = Seen()
        self._file.write_text(html, "utf-8")
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(self._file.as_uri())
        found = await at(page)
        self._seen.requests.remove(self._file.as_uri())
        return found, self._seen


@contextmanager
def running(directory: Path) -> Iterator[Browser]:
    """A browser, as long as the block lasts."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        raise NoBrowser("the tests of pages need chromium: make chromium")
    with asyncio.Runner() as runner:
        driver = runner.run(async_playwright().start())
        try:
            chromium = runner.run(driver.chromium.launch(executable_path=path, chromium_sandbox=False))
            try:
                yield Browser(chromium, runner, directory)
            finally:
                runner.run(chromium.close())
        finally:
            runner.run(driver.stop())
