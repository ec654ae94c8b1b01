"""Blocks: what they make of a value is what pydantic makes of it for the same declarations."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError, ValidationError

from smsops.model.block import AfterValidator, BeforeValidator, Block, Field
from smsops.schemas import pydantic_model

quick = settings(max_examples=300, deadline=None)


def _halved(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("halved", "Write text")
    return value[: len(value) // 2]


def _capital(value: str) -> str:
    if value == "b":
        raise PydanticCustomError("capital", "There is no {letter}", {"letter": value})
    return value.upper()


class Inner(Block):
    """A block in a block."""

    count: Annotated[int, Field(ge=0, le=9)] = 3
    from_: str | None = Field(None, alias="from")


class Base(Block):
    """Keys that blocks share."""

    flag: bool = False


class Outer(Base):
    """Every sort of key that the configuration has."""

    anything: Any = None
    text: str
    number: Annotated[float, Field(gt=0)] = 1.5
    time: timedelta = timedelta(hours=1)
    day: date = date(2026, 3, 1)
    choice: Literal["a", "b"] = "a"
    name: Annotated[str, Field(pattern=r"^[a-z]+$", min_length=2)] = "ab"
    before: Annotated[str, BeforeValidator(_halved)] = Field("", description="Halved.")
    after: Annotated[str, Field(min_length=1), AfterValidator(_capital)] | None = None
    pair: tuple[str, int] = ("", 0)
    items: list[Inner] = Field(default_factory=list)
    table: dict[str, Inner | None] = Field(default_factory=dict)
    nested: Annotated[dict[str, list[int]], BeforeValidator(lambda value: value or {})] = Field(default_factory=dict)
    inner: Inner | None = None


SCALARS = st.sampled_from(
    ["", "a", "b", "ab", "AB", "3", "12", "-1", "1.5", "true", "no", "PT1H", "2026-03-01", 4, 2.5, True, None]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["count", "from", "from_", "a", "more"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = (*Outer.__annotations__, "flag", "unknown")
BLOCKS = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, VALUES)) | VALUES


def outcome(model: Any, value: Any) -> Any:
    """What was made of a value and which keys were given, or every mistake in it."""
    try:
        return plain(model.model_validate(value))
    except ValidationError as error:
        return error.errors(include_url=False)


def plain(value: Any) -> Any:
    if isinstance(value, Block | pydantic.BaseModel):
        return ({name: plain(item) for name, item in vars(value).items()}, value.model_fields_set)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return (type(value), value)


@quick
@given(value=BLOCKS)
def test_a_block_is_what_pydantic_makes_of_it(value: Any) -> None:
    """The same values of the same types, the same keys given, the same mistakes in the same places."""
    assert outcome(Outer, value) == outcome(pydantic_model(Outer), value)


class Pair(Block):
    """Two numbers in order."""

    low: int
    high: int

    def check(self) -> None:
        if self.low > self.high:
            raise PydanticCustomError("order", "low comes first")


class Pairs(Block):
    """A block with checked blocks inside."""

    pairs: list[Pair]


def test_a_block_is_checked_as_a_whole_when_its_values_are_right() -> None:
    """`check` sees a whole block, stands at the block's place, and is not asked about wrong values."""
    assert Pairs.model_validate({"pairs": [{"low": 1, "high": 2}]}).pairs[0].high == 2

    with pytest.raises(ValidationError) as caught:
        Pairs.model_validate({"pairs": [{"low": 2, "high": 1}, {"low": "x", "high": 1}]})

    assert [(item["type"], item["loc"]) for item in caught.value.errors()] == [
        ("order", ("pairs", 0)),
        ("int_parsing", ("pairs", 1, "low")),
    ]


def test_a_block_does_not_change() -> None:
    """What was validated stays valid: no value can be set."""
    made = Inner.model_validate({"from": "x"})

    with pytest.raises(AttributeError, match="Inner does not change"):
        made.count = 4

    assert (made.count, made.from_, made.model_fields_set) == (3, "x", {"from_"})


def test_a_block_tells_its_values() -> None:
    """`model_dump` has the values by their names, without those that are null if told."""
    made = Inner.model_validate({})

    assert made.model_dump() == {"count": 3, "from_": None}
    assert made.model_dump(exclude_none=True) == {"count": 3}
    assert repr(made) == "Inner(count=3, from_=None)"


def test_a_copy_differs_in_what_was_said() -> None:
    """`model_copy` is the same block with other values; what it was copied from stays as it is."""
    made = Inner.model_validate({"from": "x"})
    copied = made.model_copy(update={"count": 7})

    assert (copied.count, copied.from_, copied.model_fields_set) == (7, "x", {"count", "from_"})
    assert (made.count, made.model_fields_set) == (3, {"from_"})
    with pytest.raises(AttributeError, match="Inner does not change"):
        copied.count = 4


def test_two_blocks_do_not_share_what_can_change() -> None:
    """A default that is made is made for each block."""
    one, other = Outer.model_validate({"text": "x"}), Outer.model_validate({"text": "x"})

    assert one.items == other.items == []
    assert one.items is not other.items


@pytest.mark.parametrize("annotation", [int | str, set[int], bytes, Inner | str | None])
def test_what_blocks_do_not_know_is_refused_at_once(annotation: Any) -> None:
    """A declaration that a block cannot fulfil is a mistake of the program, not one that passes unnoticed."""
    declared = type("Declared", (Block,), {"__annotations__": {"key": annotation}})

    with pytest.raises(TypeError, match="a block cannot have a value of the type"):
        declared.model_validate({"key": 1})  # type: ignore[attr-defined]
