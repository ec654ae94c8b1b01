"""`graph`: the operations of a plan, drawn."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsops.cli.views.graph import dot, mermaid
from tests.engine.world import world
from tests.harness import Stack

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_DOT = re.compile(
    rf"digraph {_QUOTED} \{{\n  rankdir=LR;\n  node \[[^\n]*\];\n"
    rf"((?:  (?:  )?(?:n\d+ \[label={_QUOTED}, fillcolor=\"#[0-9a-f]{{6}}\"\];|subgraph cluster_\d+ \{{|label={_QUOTED};|\}})\n)*)"
    rf"((?:  n\d+ -> n\d+;\n)*)\}}"
)
_MERMAID = re.compile(
    r"flowchart LR\n"
    r"((?:  (?:  )?(?:n\d+\[\"[^\"\n<>]*(?:<br/>[^\"\n<>]*)*\"\]:::[a-z]+|subgraph account\d+\[\"[^\"\n<>]*\"\]|end)\n)*)"
    r"((?:  n\d+ --> n\d+\n)*)"
    r"(?:  classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#555,color:#111(?:\n|\Z))*"
)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with closing(Stack(tmp_path)) as made:
        yield made


def _labels(text: str, form: str) -> dict[str, str]:
    """What stands on each node, with the escapes of the format undone."""
    if form == "dot":
        found = dict(re.findall(rf"(n\d+) \[label={_QUOTED}", text))
        lines = {
            name: re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], html.unescape(label))
            for name, label in found.items()
        }
    else:
        found = dict(re.findall(r'(n\d+)\["([^"]*)"\]', text))
        lines = {
            name: re.sub(r"#(\d+);", lambda m: chr(int(m[1])), html.unescape(label.replace("<br/>", "\n")))
            for name, label in found.items()
        }
    return lines


def _edges(text: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^  (n\d+) --?> (n\d+);?$", text, re.MULTILINE))


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_a_graph_has_each_operation_and_what_it_waits_for(stack: Stack, form: str) -> None:
    """Nodes and arrows are the operations of the plan, a saved plan draws the same, and nothing is written."""
    stack.write(world())
    assert stack.run("plan", "-o", "saved").exit_code == 0
    operations = json.loads((stack.root / "saved").read_text("utf-8"))["operations"]

    drawn = stack.run("graph", "--format", form).stdout

    assert drawn == stack.run("graph", "--format", form).stdout == stack.run("graph", "saved", "--format", form).stdout
    labels = _labels(drawn, form)
    addresses = {name: label.split("\n")[0].removeprefix("+ ") for name, label in labels.items()}
    assert sorted(addresses.values()) == sorted(operation["address"] for operation in operations)
    by_id = {operation["id"]: operation["address"] for operation in operations}
    assert {(addresses[before], addresses[after]) for before, after in _edges(drawn)} == {
        (by_id[before], operation["address"]) for operation in operations for before in operation["depends_on"]
    }
    assert "paris" in re.sub(r"n\d+.*", "", drawn)  # the sub-account has its box
    stack.apply()
    assert "No operations" in stack.run("graph", "--format", form).stdout
    assert stack.run("graph", "saved", "--target", "list.vip").exit_code == 1


_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(st.tuples(_texts, _texts, st.sampled_from(["create", "update", "delete", "no-op"])), max_size=4))
def test_no_name_breaks_a_graph(operations: list[tuple[str, str, str]]) -> None:
    """Whatever stands in a plan file, the text is a graph of the format, and each label reads as it was."""
    document: dict[str, Any] = {
        "stack": operations[0][0] if operations else "x",
        "resource_changes": [{"address": name, "change": {"actions": [action]}} for name, _, action in operations],
        "operations": [
            {"id": str(n), "address": name, "method": method, "calls": 1, "depends_on": [str(n - 1)] if n else []}
            for n, (name, method, _) in enumerate(operations)
        ],
    }

    for form, text, grammar in (("dot", dot(document), _DOT), ("mermaid", mermaid(document), _MERMAID)):
        if operations:
            assert grammar.fullmatch(text), text
        labels = _labels(text, form)
        for number, (name, _, _) in enumerate(operations, 1):
            assert labels[f"n{number}"].split("\n")[0].endswith(" ".join(name.split()))
        assert len(_edges(text)) == max(len(operations) - 1, 0)
