"""README and docs: every command runs and prints what it shows, every link leads somewhere, every page can be found."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
import yaml

from smsops.schemas import SCHEMAS
from tests.docs.pages import PAGES, ROOT, Command, blocks, commands, follow, runs

RUN_ELSEWHERE = {"docs/adopting.md": "tests/docs/test_adopting_page.py"}
"""Pages about an account that no embedded sandbox has, and the tests that run them."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


TEXTS = {name(path): path.read_text("utf-8") for path in PAGES}
RUNNING = [page for page, text in TEXTS.items() if runs(text) and page not in RUN_ELSEWHERE]


@pytest.mark.parametrize("page", RUNNING)
def test_the_commands_of_a_page_do_what_it_says(page: str, tmp_path: Path) -> None:
    """Whoever follows a page from its first line to its last sees what it shows."""
    follow(TEXTS[page], tmp_path)


def test_pages_that_run_elsewhere_do_run() -> None:
    """A page that is left out here is named by a test of its own."""
    for page, test in RUN_ELSEWHERE.items():
        if page in TEXTS:
            assert page.rpartition("/")[2] in (ROOT / test).read_text("utf-8")


def test_commands_are_in_console_blocks() -> None:
    """No other block has a command of smsops to type: it would not be run."""
    for page, text in TEXTS.items():
        for block in blocks(text):
            assert block.language not in ("sh", "bash", "shell", "zsh"), (page, block.line)
            if block.language in ("", "diff"):
                assert not re.search(r"^\$? ?smsops ", block.body, re.MULTILINE), (page, block.line)


def test_a_page_that_lies_is_found_out(tmp_path: Path) -> None:
    """The runner notices an exit code, an output and an edit that are not as a page says."""
    for number, lie in enumerate(
        (
            "```console\n$ smsops plan\n```\n",
            "```console\n$ smsops --version   # ends with 1\n```\n",
            "```console\n$ smsops --version\nsmsops … it is\n```\n",
            "```console\n$ echo one > x\n$ cat x\ntwo\n```\n",
            '```yaml title="x"\na: 1\n```\n\n```diff title="x"\n-b: 1\n+b: 2\n```\n',
            "```console\nsmsops --version\n```\n",
        )
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        with pytest.raises(AssertionError):
            follow(lie, directory)
    assert commands(next(blocks("```console\n$ a  # ends with 2\nb\n$ c\n```\n"))) == [
        Command("a", 2, "b\n"),
        Command("c", 0, ""),
    ]


def excerpt(schema: Any) -> Any:
    """The schema of a part of what it is for: nothing is required."""
    if isinstance(schema, dict):
        return {key: excerpt(value) for key, value in schema.items() if key != "required"}
    return [excerpt(each) for each in schema] if isinstance(schema, list) else schema


def test_the_yaml_of_a_page_is_what_smsops_reads() -> None:
    """Whoever copies a part of a stack or a rule pack from a page has no unknown key and no wrong type in it."""
    schemas = {name: excerpt(SCHEMAS[name]()) for name in ("stack", "rule-pack")}
    checked = 0
    for page, text in TEXTS.items():
        for block in blocks(text):
            if block.language != "yaml" or block.body.startswith("# ."):  # a file that others read
                continue
            found = yaml.load(block.body, yaml.BaseLoader)
            schema = schemas["rule-pack" if found and "pack" in found else "stack"]
            if isinstance(found, dict) and found.keys() <= schema["properties"].keys():
                errors = jsonschema.Draft202012Validator(schema).iter_errors(found)
                assert [error.message for error in errors] == [], (page, block.line)
                checked += 1
    assert checked > 10


def prose(text: str) -> str:
    """A page without its blocks and its code."""
    return re.sub(r"`[^`\n]*`", "code", re.sub(r"^```.*?^```$|<!--.*?-->", "", text, flags=re.MULTILINE | re.DOTALL))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    without = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", without, re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def links(text: str) -> list[str]:
    """Where a page's relative links lead."""
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)) if not re.match(r"[a-z]+:", target)]


def test_every_link_leads_somewhere() -> None:
    """Relative links lead to files of the project, and their anchors to headings."""
    for page, text in TEXTS.items():
        for target in links(text):
            path, _, anchor = target.partition("#")
            aim = (ROOT / page).parent / unquote(path) if path else ROOT / page
            assert aim.exists(), f"{page}: {target}"
            assert not anchor or anchor in anchors(aim.read_text("utf-8")), f"{page}: {target}"


def test_every_page_is_in_the_index() -> None:
    """docs/index.md leads to every page, and the README leads to it."""
    listed = {(ROOT / "docs" / target.partition("#")[0]).resolve() for target in links(TEXTS["docs/index.md"])}

    assert {path.resolve() for path in PAGES} - listed == {ROOT / "docs" / "index.md"}
    assert "docs/index.md" in links(TEXTS["README.md"])
