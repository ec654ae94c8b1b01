"""A rehearsal says what the apply then does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import Stack
from tests.kinds.contract import assert_discreet, mutating, phone
from tests.properties.stacks import PEOPLE, inhabited, moderate, stacks


def kept(stack: Stack) -> dict[Path, bytes]:
    """All that lies in the stack's directory."""
    return {path: path.read_bytes() for path in stack.root.rglob("*") if path.is_file() and path.suffix != ".lock"}


@settings(moderate, max_examples=10)
@given(st.lists(stacks(), min_size=1, max_size=3))
def test_a_rehearsal_predicts_the_apply(edits: list[dict[str, Any]]) -> None:
    """Calls by method, exit code and balances come as rehearsed; until then the account is only read, and nothing written."""
    with inhabited() as stack:
        for sections in edits:
            stack.write(sections)
            before, files = stack.sandbox.snapshot(), kept(stack)
            stack.sandbox.style(locked_lists="readonly")
            stack.calls()

            result = stack.run("rehearse", "--format", "json")

            looked = stack.calls()
            assert mutating(looked) == []
            assert stack.sandbox.snapshot() == before
            assert kept(stack) == files
            rehearsed = result.document
            assert_discreet(result.stdout + result.stderr, phones=[phone(n) for n in PEOPLE])
            assert rehearsed["exit_code"] == result.exit_code

            applied = stack.run("apply", "--auto-approve", "--format", "json")

            made = Counter(call.method for call in stack.calls())
            predicted = Counter(call.method for call in looked) + Counter(rehearsed["calls"]["by_method"])
            predicted["getInfo"] = 1 + rehearsed["calls"]["by_method"].get("getInfo", 0)
            assert made == predicted
            assert applied.exit_code == result.exit_code
            assert rehearsed["next_plan"]["empty"] == (stack.changes() == {})
            live = stack.sandbox.snapshot()["accounts"]
            for balance in (rehearsed["credits"] or {"balances": ()})["balances"]:
                there = live.get(balance["login"])
                assert balance["after"] == (there["credits"] if there else None)
