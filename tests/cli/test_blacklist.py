"""`blacklist`: the numbers that no message reaches, and `--show-contacts`, which prints numbers in full."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from tests.harness import LOGIN, Stack
from tests.kinds.contract import assert_discreet, inline, mutating, people, person, phone

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A master with two blacklisted numbers, and a sub-account with another."""
    with closing(Stack(tmp_path)) as made:
        lists = {"vip": {"contacts": inline(*people(range(3)))}}
        made.write({"lists": lists, "sub_accounts": {"paris": person(login="acme-paris", lists=lists)}})
        made.apply()
        made.sandbox.blacklist(LOGIN, phone(1), comment="=STOP")
        made.sandbox.blacklist(LOGIN, phone(9))
        made.sandbox.blacklist("acme-paris", phone(2))
        made.calls()
        yield made


def test_export_prints_each_blacklist_that_is_asked_for(stack: Stack) -> None:
    """The master's, a sub-account's by its key, or all; masked, in full only with --show-contacts; nothing is changed."""
    masked = stack.run("blacklist", "export")
    assert_discreet(masked.stdout, phones=[phone(number) for number in range(10)])
    rows = list(csv.DictReader(io.StringIO(stack.run("--show-contacts", "blacklist", "export").stdout)))
    assert sorted((row["account"], row["login"], row["phone"], row["comment"]) for row in rows) == sorted(
        [("", LOGIN, f"+{phone(9)}", "stop"), ("", LOGIN, f"+{phone(1)}", "'=STOP")]
    )
    document = stack.run("blacklist", "export", "--all-accounts", "--show-contacts", "--format", "json").document
    jsonschema.validate(document, json.loads((SCHEMAS / "blacklist.schema.json").read_text("utf-8")))
    assert [(one["account"], {entry["phone"] for entry in one["numbers"]}) for one in document["accounts"]] == [
        (None, {f"+{phone(9)}", f"+{phone(1)}"}),
        ("paris", {f"+{phone(2)}"}),
    ]
    own = stack.run("blacklist", "export", "--account", "paris", "--format", "json").document
    assert [(one["account"], one["login"]) for one in own["accounts"]] == [("paris", "acme-paris")]
    assert stack.run("blacklist", "export", "--account", "nobody").exit_code == 1
    assert mutating(stack.calls()) == []


def test_check_ends_with_2_where_somebody_is_listed(stack: Stack) -> None:
    """Numbers in any form, files and lists are looked up; 0 says that nobody is on it, 1 that the question makes no sense."""
    (stack.root / "people.csv").write_text(f"mobile;name\n+{phone(0)};Ada\n+{phone(1)};Bob\n+{phone(2)};Cy\n", "utf-8")

    found = stack.run("blacklist", "check", "people.csv", f"0{phone(9)[2:]}", f"+{phone(3)}")
    assert (found.exit_code, found.stdout.splitlines()[-1]) == (2, "2 of 5 numbers on the blacklist.")
    assert_discreet(found.stdout, phones=[phone(number) for number in range(10)])
    listed = stack.run("blacklist", "check", "people.csv", "--all-accounts", "--format", "json", "--show-contacts")
    jsonschema.validate(listed.document, json.loads((SCHEMAS / "blacklist-check.schema.json").read_text("utf-8")))
    assert [(one["phone"], one["account"]) for one in listed.document["found"]] == [
        (f"+{phone(1)}", None),
        (f"+{phone(2)}", "paris"),
    ]
    assert stack.run("blacklist", "check", f"+{phone(0)}").exit_code == 0
    assert stack.run("blacklist", "check", "--account", "paris", f"+{phone(1)}").exit_code == 0
    (stack.root / "people.csv").write_text("mobile\nnobody 1\n", "utf-8")
    assert "people.csv:2: " in stack.run("blacklist", "check", "people.csv").stderr
    assert stack.run("blacklist", "check", "absent.csv").exit_code == 1

    lists = stack.run("blacklist", "check", "--all-accounts")
    assert (lists.exit_code, lists.stdout) == (2, "vip: 1 of 3 contacts\nparis/vip: 1 of 3 contacts\n")
    stack.sandbox.fail("getBlacklist", "truncated", times=8)
    assert stack.run("blacklist", "check").exit_code == 1


def test_diagnostics_show_whole_numbers_only_when_asked(stack: Stack) -> None:
    """--show-contacts is for one run and for the eye: what is written stays masked, and a plan file refuses it."""
    stack.write({"lists": {"vip": {"contacts": inline({"phone": phone(1)[:-1]})}}})

    assert phone(1)[:-1] in stack.run("validate", "--show-contacts").stderr
    assert_discreet(stack.run("validate").stderr, phones=[phone(1)[:-1]])
    assert stack.run("plan", "-o", "x.plan", "--show-contacts").exit_code == 1
    assert not (stack.root / "x.plan").exists()
