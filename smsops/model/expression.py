"""Expressions that a stack's own policies are written in: CEL, over plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Annotated, Any, Protocol

from pydantic_core import PydanticCustomError

from smsops.model.block import AfterValidator, Field
from smsops.model.shown import mask_text
from smsops.model.values import JSON

_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_LONGEST = 200


class CannotEvaluate(Exception):
    """An expression has no value for this data; the message says why."""


def _compiles(text: str) -> str:
    import cel

    try:
        cel.compile(text)
    except Exception as error:  # the library's errors are of many types
        raise PydanticCustomError("expression", "This is no CEL expression: {why}", {"why": _why(error)}) from None
    return text


Expression = Annotated[str, Field(min_length=1), AfterValidator(_compiles)]
"""The text of an expression that compiles."""


class Evaluator(Protocol):
    """Gives the value of an expression, or raises CannotEvaluate."""

    def __call__(self, expression: str) -> JSON: ...


def evaluator(variables: Mapping[str, Any]) -> Evaluator:
    """What evaluates expressions over these variables: JSON values, and instants in the zone that they are asked in."""
    import cel

    @cache
    def context() -> Any:
        return cel.Context(variables={name: _plain(value) for name, value in variables.items()})

    def evaluate(expression: str) -> JSON:
        try:
            return cel.compile(expression).execute(context())
        except Exception as error:
            raise CannotEvaluate(_why(error)) from None

    return evaluate


def _plain(value: Any) -> Any:
    """The library takes only zones that are an offset."""
    if isinstance(value, datetime) and (offset := value.utcoffset()) is not None:
        return value.replace(tzinfo=timezone(offset))
    return value


def _why(error: Exception) -> str:
    """The first thing that is wrong, in one line."""
    text = str(error)
    if isinstance(error, KeyError):
        return f"there is no key {text}"
    if found := _PLACE.search(text):
        line, column, what = found.groups()
        text = f"{what.partition(' expecting ')[0]} (line {line}, character {column} of it)"
    text = mask_text(text.partition("\n")[0].partition(" Check ")[0])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
