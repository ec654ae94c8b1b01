"""Properties that hold whatever fails: nothing happens twice, nobody is lost, and it ends well."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.sandbox.faults import KINDS
from tests.engine.world import Killed, killed_at_event, settle
from tests.harness import Stack
from tests.properties.stacks import (
    assert_foreign_untouched,
    assert_like,
    credits_of,
    inhabited,
    moderate,
    stacks,
)

FAULTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "*",
                "getInfo",
                "getSubAccounts",
                "getLists",
                "getContacts",
                "createSubAccount",
                "updateSubAccount",
                "deleteSubAccount",
                "manageSubAccountCredits",
                "createList",
                "deleteList",
                "populateList",
                "deleteContacts",
                "sendSms",
                "deleteCampaign",
            ]
        ),
        st.sampled_from(sorted(KINDS.keys() - {"hang", "hang_after"})),
        st.integers(0, 4),
        st.sampled_from([1, 1, 2, 9]),
    ),
    min_size=1,
    max_size=4,
)
MANY = settings(moderate, max_examples=50)


@MANY
@given(stacks(), stacks(), FAULTS, st.sampled_from(["1", "8"]))
def test_faults(
    first: dict[str, Any], then: dict[str, Any], faults: list[tuple[str, str, int, int]], parallelism: str
) -> None:
    """After an apply with any faults, once doubts are settled, one more apply makes the account what it should be."""
    with inhabited() as stack:
        before = _settled(stack, first)
        stack.write(then)
        for method, kind, after, times in faults:
            stack.sandbox.fail(method, kind, after=after, times=times, retry_after=9999)
        result = stack.run("apply", "--auto-approve", "--parallelism", parallelism)
        assert result.exit_code in (0, 1, 3, 7), result
        assert (result.exit_code == 7) == bool(_intents(stack)), result
        stack.sandbox.clear_faults()
        _assert_ends_well(stack, before, then)


@MANY
@given(stacks(), stacks(), st.lists(st.tuples(st.integers(0, 25), st.booleans()), min_size=1, max_size=3))
def test_processes_that_die(first: dict[str, Any], then: dict[str, Any], deaths: list[tuple[int, bool]]) -> None:
    """Wherever processes die, once doubts are settled, one more apply makes the account what it should be."""
    with inhabited() as stack:
        before = _settled(stack, first)
        stack.write(then)
        for number, written in deaths:
            at_first = stack.sandbox.snapshot()
            with contextlib.suppress(Killed), killed_at_event(number, written=written):
                stack.run("apply", "--auto-approve")
            settle(stack, at_first)
        _assert_ends_well(stack, before, then)


def _settled(stack: Stack, sections: dict[str, Any]) -> Any:
    before = stack.sandbox.snapshot()
    stack.write(sections)
    stack.apply()
    return before


def _intents(stack: Stack) -> Any:
    return stack.state["intents"] if (stack.root / ".smsops" / "state.json").exists() else []


def _assert_ends_well(stack: Stack, before: Any, sections: dict[str, Any]) -> None:
    settle(stack, before)
    stack.apply()
    live = stack.sandbox.snapshot()
    assert_like(sections, live)
    assert_foreign_untouched(before, live)
    assert credits_of(live) == credits_of(before)
    assert stack.changes() == {}
    assert stack.backups == []
