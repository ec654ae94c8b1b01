"""docs/api.md: its examples run as they stand, and its tables say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smsops.api.errors import ApiError
from smsops.api.methods import METHODS, Retry

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sandbox that is served as the page says."""
    command = [sys.executable, "-m", "smsops", "-C", str(tmp_path_factory.mktemp("stack")), "sandbox", "serve"]
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


@pytest.mark.parametrize("example", range(len(EXAMPLES)))
def test_an_example_prints_what_it_shows(example: int, url: str) -> None:
    """Whoever copies an example gets what stands below it."""
    code, printed = EXAMPLES[example]
    assert "http://127.0.0.1:8025/http/9.0" in code

    code = code.replace("http://127.0.0.1:8025/http/9.0", url)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == (printed, "")


def test_the_page_has_an_example_of_either_kind() -> None:
    """One blocking, one with asyncio."""
    assert [("asyncio" in code, "sync import" in code) for code, _ in EXAMPLES] == [(False, True), (True, False)]


def test_every_method_is_in_the_table() -> None:
    """With its section, and whether it is repeated."""
    rows = re.findall(r"^\| `\w+` \| ([^|]+) \| (§\d+) \| (yes|no)[^|]* \| (yes|no)[^|]*\|$", PAGE, re.MULTILINE)

    assert sorted(rows) == sorted(
        (
            method.name,
            method.section,
            "no" if method.reads else "yes",
            "yes" if method.retry in (Retry.READ, Retry.REPEATABLE) else "no",
        )
        for method in METHODS
    )


def test_every_error_is_in_the_table() -> None:
    """With its code."""

    def below(kind: type[ApiError]) -> Iterator[type[ApiError]]:
        for each in kind.__subclasses__():
            if each.__module__.startswith("smsops.api"):
                yield each
                yield from below(each)

    assert set(re.findall(r"^\| `(\w+)` \| (SMS\d+) \|", PAGE, re.MULTILINE)) == {
        (kind.__name__, kind.code) for kind in below(ApiError)
    }
