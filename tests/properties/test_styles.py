"""However the API writes its answers, the plan is the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.sandbox.answers import Style
from tests.properties.stacks import assert_like, credits_of, inhabited, moderate, stacks

OPTIONS: dict[str, tuple[Any, ...]] = {
    "keys": ("manual", "lower", "upper", "camel"),
    "numbers": ("manual", "text", "int"),
    "single": (False, True),
    "nested": (False, True),
    "bom": (False, True),
    "wrap": (False, True),
    "blanks": (False, True),
    "empty": ("list", "null", "text", "absent", "object"),
}
STYLES = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in OPTIONS.items()})


@settings(moderate, max_examples=12)
@given(stacks(), stacks())
def test_the_same_plan_in_every_style(first: dict[str, Any], then: dict[str, Any]) -> None:
    """A plan does not depend on how the API happens to write its answers, option by option."""
    with inhabited() as stack:
        stack.write(first)
        stack.apply()
        stack.write(then)
        expected = _timeless(stack.plan("--all"))
        plain = Style().options()
        for name, values in OPTIONS.items():
            for value in values[1:]:
                stack.sandbox.style(**{**plain, name: value, "locked_lists": "writable"})
                assert _timeless(stack.plan("--all")) == expected, (name, value)


@settings(moderate, max_examples=25)
@given(st.lists(st.tuples(stacks(), STYLES, STYLES), min_size=1, max_size=2))
def test_applies_in_any_mixture_of_styles(edits: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]) -> None:
    """Plans and applies work in any mixture of styles, also where it changes in between."""
    with inhabited() as stack:
        before = stack.sandbox.snapshot()
        for sections, style, other in edits:
            stack.write(sections)
            stack.sandbox.style(**style)
            stack.apply()
            assert stack.changes() == {}
            stack.sandbox.style(**other)
            assert stack.changes() == {}
            assert_like(sections, stack.sandbox.snapshot())
        stack.apply("--destroy")
        assert credits_of(stack.sandbox.snapshot()) == credits_of(before)
        assert stack.sandbox.snapshot()["accounts"] == before["accounts"]


def _timeless(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("timestamp", "expires", "state")}
