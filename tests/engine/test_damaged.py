"""States and plans that somebody has edited, or that a disk has damaged."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.harness import Stack
from tests.kinds.contract import inline, people

STOP = " STOP au 36180"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything inside a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def damaged(good: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A document with each of its places in turn made what nothing in it is."""
    for *around, key in places(good):
        document = copy.deepcopy(good)
        holder: Any = document
        for step in around:
            holder = holder[step]
        holder[key] = [[]]
        yield f"{around} {key}", document


def declare(stack: Stack) -> None:
    audience = {"lists": ["vip"]}
    stack.write(
        {
            "lists": {"vip": {"fields": {"NAME": {}}, "contacts": inline(*people(range(2), NAME="Marie"))}},
            "campaigns": {"hi": {"message": f"Bonjour{STOP}", "schedule": "2026-12-01 10:00", "audience": audience}},
        }
    )


def test_a_damaged_state_is_said(stack: Stack) -> None:
    """Wherever the state is not what smsops writes, commands say so or do not mind: none of them breaks down."""
    declare(stack)
    stack.apply()
    path = stack.root / ".smsops" / "state.json"
    good = json.loads(path.read_text("utf-8"))
    unknown_kind = {**good, "resources": {"fax.x": {"identity": "x", "attributes": {}}}}
    documents = [*damaged(good), ("an unknown kind", unknown_kind)]

    refused = 0
    for where, document in documents:
        path.write_text(json.dumps(document), "utf-8")
        for command in ("plan", "status"):
            result = stack.run(command)
            assert "SMS499" not in result.stderr, (where, result.stderr)
            refused += "SMS402" in result.stderr

    assert refused > len(documents)


def test_a_damaged_plan_is_said(stack: Stack) -> None:
    """Wherever a plan is not what smsops writes, apply refuses it or does not mind, and does nothing that was not reviewed."""
    declare(stack)
    stack.run("plan", "-o", "plan.json")
    path = stack.root / "plan.json"
    good = json.loads(path.read_text("utf-8"))
    del good["diagnostics"]

    for where, document in damaged(good):
        path.write_text(json.dumps(document), "utf-8")
        result = stack.run("apply", "plan.json")
        assert result.exit_code in (0, 1, 5), (where, result.stderr)
        assert "SMS499" not in result.stderr, (where, result.stderr)
