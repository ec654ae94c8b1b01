"""Every wrong configuration in `tests/cases/configuration` is refused with exactly the mistakes that it names.

A case is one file, or a directory with a `smsops.yaml`. Its first lines say what is expected::

    # expect: SMS110 smsops.yaml:9:5 Did you mean "city"?
    # options: --var town=Lyon
    # environment: LITERAL=hunter2

one `expect` line for each diagnostic: the code, the place (`-` where there is none; a row of a data
file has no column) and, where it matters, words of the message. Every secret in a case is "hunter2".
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from smsops import __version__
from tests.harness import Result, Stack

CASES = Path(__file__).parents[1] / "cases" / "configuration"
DATE = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?")
LONG_NUMBER = re.compile(r"\d(?:[ .()/-]*\d){6,}|(?<!\d)0[67](?:[\W_]{1,3}\d\d){4}")


@dataclass
class Case:
    """What the first lines of a case say."""

    expected: list[tuple[str, str, str]] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def read(name: str) -> Case:
    path = CASES / name
    content = (path / "smsops.yaml" if path.is_dir() else path).read_text("utf-8", errors="replace")
    case = Case()
    for line in content.splitlines():
        match = re.match(r"# (expect|options|environment): (.*)", line)
        if match is None:
            break
        kind, rest = match.groups()
        if kind == "expect":
            code, place, *words = rest.split(" ", 2)
            case.expected.append((code, place, words[0] if words else ""))
        elif kind == "options":
            case.options = rest.split()
        else:
            case.environment = dict(item.split("=", 1) for item in rest.split())
    return case


@pytest.fixture(params=sorted(path.name for path in CASES.iterdir()))
def name(request: pytest.FixtureRequest) -> str:
    given: str = request.param
    return given


@pytest.fixture
def case(name: str) -> Case:
    return read(name)


@pytest.fixture
def wrong(name: str, case: Case, stack: Stack) -> Stack:
    """The case in a stack's directory."""
    path = CASES / name
    if path.is_dir():
        shutil.copytree(path, stack.root, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy(path, stack.root / "smsops.yaml")
    stack.environment |= case.environment
    return stack


def found(diagnostics: Sequence[Any]) -> Counter[tuple[str, str]]:
    """The codes and places of JSON diagnostics."""
    places = []
    for item in diagnostics:
        parts = [str(part) for part in (item["file"], item["line"], item["column"]) if part is not None]
        places.append((item["code"], ":".join(parts) or "-"))
    return Counter(places)


def check_output(result: Result, root: Path) -> None:
    """Nothing that may not be shown is shown, and no failure of smsops itself."""
    output = (result.stdout + result.stderr).replace(str(root), "")
    output = output.replace(__version__, "")  # a commit may be all digits
    assert "Traceback" not in output
    assert "SMS499" not in output
    assert "hunter2" not in output
    assert not LONG_NUMBER.search(DATE.sub("", output))


def test_a_wrong_configuration_is_refused_with_exactly_its_mistakes(case: Case, wrong: Stack) -> None:
    """`validate` and `plan` end with 1 and report every mistake of a configuration once, at its place."""
    expected = Counter((code, place) for code, place, _ in case.expected)
    assert expected, "a case says what it expects"

    validated = wrong.run(*case.options, "validate", "--format", "json")
    planned = wrong.run(*case.options, "plan", "--format", "json")

    for result in (validated, planned):
        assert result.exit_code == 1
        assert found(result.document["diagnostics"]) == expected
        check_output(result, wrong.root)
    messages = [
        (item["code"], f"{item['summary']} {item['detail']}".strip()) for item in validated.document["diagnostics"]
    ]
    for code, _, words in case.expected:
        assert any(given == code and words in message for given, message in messages), words


def test_the_text_says_the_same_as_the_json(case: Case, wrong: Stack) -> None:
    """The text of `validate` has each mistake with its place and code, and a caret below the line where it is."""
    result = wrong.run(*case.options, "validate")

    assert result.exit_code == 1
    assert result.stdout == ""
    check_output(result, wrong.root)
    said = re.findall(r"^(?:(\S+): )?error (SMS\d+): ", result.stderr, re.MULTILINE)
    assert Counter((code, place or "-") for place, code in said) == Counter(
        (code, place) for code, place, _ in case.expected
    )
    lines = result.stderr.splitlines()
    for number, line in enumerate(lines):
        match = re.match(r"\S+:\d+:(\d+): error ", line)
        if match and number + 2 < len(lines) and "|" in lines[number + 2]:
            assert lines[number + 2].rstrip().endswith("^")


def test_a_plan_in_text_shows_the_same_mistakes(case: Case, wrong: Stack) -> None:
    """`plan` of a wrong configuration prints what `validate` prints, and asks nothing of the account."""
    validated = wrong.run(*case.options, "validate")
    planned = wrong.run(*case.options, "plan")

    assert planned == validated
    assert wrong.calls() == []


def test_the_corpus_covers_every_code_of_the_configuration() -> None:
    """Every code that reading a configuration can end with stands in a case."""
    source = Path(__file__).parents[2] / "smsops"
    modules = [*source.glob("config/*.py"), *source.glob("kinds/**/*.py")]
    known = {code for module in modules for code in re.findall(r"\bSMS1\d\d\b", module.read_text("utf-8"))}
    covered = {code for path in CASES.iterdir() for code, _, _ in read(path.name).expected}

    assert known - covered == {"SMS120"}  # a directory without smsops.yaml is no case
