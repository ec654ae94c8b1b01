"""docs/reference/: made from the code, and it leaves nothing without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.reference import DIRECTORY, commands, pages
from smsops.schemas import SCHEMAS

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_that_of_the_code(name: str) -> None:
    """make reference after every change of a model, a command or an option."""
    assert (DIRECTORY / name).read_text("utf-8") == PAGES[name]


def keys(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every key of a schema with what is said of it, however deep."""
    if isinstance(schema, dict):
        for name, each in schema.get("properties", {}).items():
            if "const" not in each:
                yield name, each
        for each in schema.values():
            yield from keys(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from keys(each)


@pytest.mark.parametrize("name", ["stack", "rule-pack"])
def test_every_key_says_what_it_is(name: str) -> None:
    """An editor and the reference have a sentence for each key of the configuration."""
    assert [key for key, schema in keys(SCHEMAS[name]()) if not schema.get("description")] == []


def test_every_option_says_what_it_does() -> None:
    """No option of a command is without help, and no command."""
    page = commands()

    assert re.findall(r"^\| (`[^`]*`) \| (?:\[[^|]*\] )?\|$", page, re.MULTILINE) == []
    assert re.findall(r"^## (.*)\n\n```text\n.*\n```\n\n(?:## |\|)", page, re.MULTILINE) == []
