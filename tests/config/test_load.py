"""Where a configuration is read from, and what it comes to: files, variables and places of generated resources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import Stack


def test_a_directory_without_a_stack_says_so(stack: Stack) -> None:
    """Without smsops.yaml the way out is named."""
    result = stack.run("validate")

    assert result.exit_code == 1
    assert "error SMS120: There is no smsops.yaml" in result.stderr
    assert "smsops init" in result.stderr


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"town: [Lyon]\ncode: {}\n", ["SMS112 values.yaml:1:7", "SMS112 values.yaml:2:7"]),
        (b"- town\n", ["SMS112 values.yaml:1:1"]),
        (b"", ["SMS112 values.yaml:1:1"]),
        (b"town: 'Lyon\n", ["SMS101 values.yaml:1:7"]),
        (b"town: caf\xe9\n", ["SMS108 values.yaml:1:10"]),
        (b"town: Lyon\ntown: Paris\n", ["SMS102 values.yaml:2:1"]),
        (b"twon: Lyon\n", ["SMS135 None:None:None"]),
    ],
)
def test_a_variable_file_is_checked_like_the_rest(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, content: bytes, expected: list[str]
) -> None:
    """A mistake in a variable file has its place; a name that nobody declares is a warning."""
    stack.write("variables: {town: {default: Nice}, code: {default: x}}\n")
    (stack.root / "values.yaml").write_bytes(content)
    monkeypatch.chdir(stack.root)

    result = stack.run("--var-file", "values.yaml", "validate", "--format", "json")

    found = result.document["diagnostics"]
    assert [f"{item['code']} {item['file']}:{item['line']}:{item['column']}" for item in found] == expected
    assert result.exit_code == (0 if expected[0].startswith("SMS135") else 1)


def test_included_files_may_be_named_twice(stack: Stack) -> None:
    """A file that several patterns match, smsops.yaml itself included, is read once."""
    stack.write("include: ['*.yaml', more/*.yaml, ./more/../more/a.yaml, 'more/[ab].yaml', nothing/*.yaml]\n")
    stack.write("lists: {a: {}}\n", "more/a.yaml")
    stack.write("smsops: 1\nlists: {b: {}}\n", "more/b.yaml")

    result = stack.run("validate")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "2 resources" in result.stdout


def test_sections_of_included_files_merge(stack: Stack) -> None:
    """Mappings merge by key and lists one after the other, whichever file has them."""
    stack.write("include: [a.yaml, b.yaml]\nsettings: {parallelism: 4}\n")
    stack.write(
        "settings: {timezone: America/New_York}\nremoved: [{address: list.x}]\nvariables: {n: {default: A}}\n", "a.yaml"
    )
    stack.write("removed: [{address: list.y}]\nlists: {a: {name: '${var.n}'}}\n", "b.yaml")

    assert stack.run("validate").exit_code == 0


def test_empty_sections_are_no_sections(stack: Stack) -> None:
    """A section whose lines are all commented out is as if it were not there."""
    stack.write("".join(f"{name}:\n" for name in ("settings", "policy", "include", "moved", "removed", "account")))

    assert stack.run("validate").exit_code == 0


def test_a_generated_resource_is_reported_at_its_row(stack: Stack) -> None:
    """What a plan has to say about a generated resource, it says at the row that made it."""
    stack.write(
        """\
generate:
  - for_each: {file: shops.csv}
    sub_accounts:
      "shop-${row.code}": {first_name: A, last_name: B, email: "${row.code}@b.example", password: {env: PASSWORD}}
"""
    )
    stack.write("code\nlyon\nnice\n", "shops.csv")

    warnings = stack.plan()["diagnostics"]

    assert {(item["file"], item["line"], item["column"]) for item in warnings} == {
        ("shops.csv", 2, None),
        ("shops.csv", 3, None),
    }


def test_moves_may_follow_each_other(stack: Stack) -> None:
    """An old entry of `moved` stays when its target is moved on."""
    stack.write("lists: {c: {}}\nmoved: [{from: list.a, to: list.b}, {from: list.b, to: list.c}]\n")

    assert stack.run("validate").exit_code == 0


def test_a_file_that_would_never_end_is_not_read(stack: Stack) -> None:
    """A pipe among the data files is refused instead of waited for."""
    import os

    stack.write("lists: {vip: {contacts: [{file: pipe.csv}]}}\n")
    os.mkfifo(Path(stack.root / "pipe.csv"))

    result = stack.run("validate")

    assert result.exit_code == 1
    assert "SMS122: pipe.csv cannot be read: it is not a file" in result.stderr


@pytest.mark.parametrize("pattern", ["vip.csv", "v*.csv"])
def test_where_data_comes_from(stack: Stack, pattern: str) -> None:
    """Paths begin in the data root where it has such a file, else beside smsops.yaml; one that is no directory is an error."""
    outside = stack.root.parent / "data"
    outside.mkdir()
    (outside / "vip.csv").write_text("phone\n0612345678\n0612345679\n", "utf-8")
    (stack.root / "vip.csv").write_text("phone\n0612345670\n", "utf-8")
    stack.write({"lists": {"vip": {"contacts": [{"file": pattern}]}}})

    def count(*options: str) -> int:
        document = stack.run(*options, "plan", "--format", "json").document
        return int(document["resource_changes"][0]["change"]["after"]["count"])

    assert (count(), count("--data-root", str(outside))) == (1, 2)
    stack.environment["SMSOPS_DATA_ROOT"] = str(outside)
    assert count() == 2
    (outside / "vip.csv").unlink()
    assert count() == 1
    (outside / "vip.csv").symlink_to("/etc/hostname")  # an error of its own, and no reason to read another list
    assert "SMS121" in stack.run("validate").stderr
    for wrong in ("none", "vip.csv"):
        result = stack.run("--data-root", str(stack.root / wrong), "validate")
        assert (result.exit_code, "is no directory" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    "section", [{"include": ["**/" * 400 + "x.yaml"]}, {"lists": {"vip": {"contacts": [{"file": "**/" * 400 + "x"}]}}}]
)
def test_a_pattern_without_end(stack: Stack, section: dict[str, object]) -> None:
    """A pattern that nobody can follow is a mistake at its place, among the others."""
    stack.write({**section, "nope": 1})
    result = stack.run("validate")
    assert result.exit_code == 1
    assert "SMS122" in result.stderr
    assert "SMS110" in result.stderr
