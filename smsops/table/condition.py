"""Conditions over contact fields: one SQL expression that the engine parses before it evaluates it, and that reaches nothing else.

What may stand in one is said here by what it is in the engine's own parse tree: text can be made to look like something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from smsops.model.shown import mask_text
from smsops.table.table import BadCondition

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")

_EXPRESSIONS = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "OPERATOR",
        "TYPE",
    }
)
"""What is a function of one contact's fields where all that it is made of is."""

_OTHERS = {
    "DEFAULT": "DEFAULT",
    "PARAMETER": "a parameter, such as ? or $1",
    "POSITIONAL_REFERENCE": "a position, such as #1",
    "STAR": "* or COLUMNS",
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
}

_CLOCKS = frozenset({"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"})
"""Functions that SQL calls without brackets, like columns."""

_UNSTEADY = frozenset(
    {
        "current_localtime",
        "current_localtimestamp",
        "current_setting",  # this one and the next before 2.0
        "getvariable",
        "json_deserialize_sql",
        "json_serialize_plan",
        "json_serialize_sql",
        "version",
    }
)
"""Functions that the engine calls consistent though they tell of the clock or the engine."""

_FAILURES = {
    "Conversion Error": "a value cannot be read as the type that it is to be; TRY_CAST(… AS …) gives NULL for such a value",
    "Invalid Input Error": "a function is given a value that it does not take; leave such values out first, with CASE WHEN",
    "Out of Range Error": "a calculation leaves the range of its type; use a larger type, such as DOUBLE",
    "Out of Memory Error": "it needs more memory than there is; make it simpler",
}
_FAILURE = "the engine cannot evaluate it; make it simpler"


class _Form(NamedTuple):
    """A function with some arguments: one that is steady, a macro, or another."""

    is_steady: bool
    macro: str | None
    parameters: Sequence[str]


@cache
def check(condition: str, fields: tuple[str, ...]) -> None:
    """Whether it is a condition over these fields; BadCondition, with all that is wrong, where it is not."""
    from smsops.table.engine import EngineError, engine

    names = [field.upper() for field in fields]
    try:
        faults = list(dict.fromkeys(_faults(_parsed(condition), names)))
    except EngineError as error:
        why = reason(error)
        word = _word_of_sql(condition, fields) if "syntax error" in why else None
        hint = f'; {word} is a word of SQL: as a field write "{word}", with the quotes' if word else ""
        if why.endswith('near ")"'):  # which may be the bracket of ours that it is put into
            hint = f"; something is missing at its end, or its brackets do not match{hint}"
        raise BadCondition(f"{why}{hint}") from None
    except RecursionError:
        raise BadCondition("it is nested too deeply; use IN (…) in place of many OR") from None
    if faults:
        raise BadCondition(mask_text("; ".join(faults)))
    try:
        described = engine().run(f"DESCRIBE SELECT (\n{condition}\n) AS met FROM {_nobody(names)}")
    except EngineError as error:
        raise BadCondition(reason(error)) from None
    if described[0][1] != "BOOLEAN":
        raise BadCondition("it must be true or false for each contact; compare the field with something")


def failure(error: Exception, condition: str, names: Sequence[str]) -> str:
    """Why a condition cannot be evaluated, in words of ours: the engine's quote what contacts hold."""
    from smsops.table.engine import EngineError, engine

    try:
        engine().run(f"SELECT (\n{condition}\n) FROM {_nobody(names)}")
    except EngineError as own:  # it fails without any value, so what is quoted stands in the condition
        return reason(own)
    kind = re.match(r"\w[\w ]* Error(?=:)", str(error))
    return f"it fails for some contacts: {_FAILURES.get(kind[0], _FAILURE) if kind else _FAILURE}"


def reason(error: Exception) -> str:
    """Why the engine refuses a condition that it has not evaluated."""
    return mask_text(re.sub(r"^\w[\w ]*Error:\s*", "", str(error).split("\n", 1)[0].strip()))


def _nobody(names: Sequence[str]) -> str:
    """SQL for one contact without a value in any field, which the engine does not see before it looks at each contact."""
    from smsops.table.engine import quoted

    return f"(SELECT {', '.join(f'unnest([NULL::VARCHAR]) AS {quoted(name)}' for name in ('.', *names))})"


def _word_of_sql(condition: str, fields: Sequence[str]) -> str | None:
    """A field in a condition whose name cannot stand there without quotes."""
    from smsops.table.engine import engine

    reserved = "SELECT upper(keyword_name) FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    words = {word for (word,) in engine().run(reserved)} & {field.upper() for field in fields}
    used = re.findall(r"\w+", _QUOTED.sub("", condition).upper())
    return next((word for word in used if word in words), None)


def _parsed(condition: str) -> Any:
    """The parse tree of a condition. BadCondition or EngineError where it is anything but one expression."""
    from smsops.table.engine import EngineError

    query = _tree(f"(\n{condition}\n)")
    tree = query.pop("where_clause", None)
    plain = _tree("(\ntrue\n)")
    plain.pop("where_clause")
    if query != plain:
        raise BadCondition("it must be one condition, without other parts of a query")
    try:
        _tree(f"[\n{condition}\n]")
    except (BadCondition, EngineError):  # it closes the bracket that it is put into
        raise BadCondition("its brackets do not match") from None
    return tree


def _tree(expression: str) -> dict[str, Any]:
    """The parse tree of a query with this condition; nothing is executed."""
    from smsops.table.engine import EngineError, engine

    text = engine().value("SELECT json_serialize_sql(?)", [f"SELECT 1 FROM t WHERE {expression}"])
    parsed = json.loads(text)
    if parsed["error"]:
        if parsed["error_type"] != "parser":
            raise BadCondition("it must be one condition, without other statements")
        if "expression depth" in parsed["error_message"]:
            raise RecursionError
        raise EngineError(parsed["error_message"])
    if len(parsed["statements"]) != 1:
        raise BadCondition("it must be one condition, without other statements")
    node: dict[str, Any] = parsed["statements"][0]["node"]
    return node


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """All expressions of a tree, in the order of the text, without what is inside those that may not be there."""
    rest = [tree]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            if "class" in part:
                yield part
            if part.get("class", "TYPE") in _EXPRESSIONS:
                rest.extend(reversed(part.values()))
        elif isinstance(part, list):
            rest.extend(reversed(part))


def _faults(tree: Any, names: Collection[str], within: frozenset[str] = frozenset()) -> Iterator[str]:
    """What makes an expression no function of these fields alone; `within` are the macros that it is the meaning of."""
    nodes = list(_nodes(tree))
    own = {name for node in nodes if node["class"] == "LAMBDA" for name in _columns(node["lhs"])}
    missing: dict[str, None] = {}
    for node in nodes:
        kind = node["class"]
        if kind not in _EXPRESSIONS:
            what = _OTHERS.get(kind, kind)
            yield f"it has {what}; compare the fields of the contact with fixed values only"
        elif kind == "COLUMN_REF":
            *before, name = node["column_names"]
            if before:
                yield f"{'.'.join(node['column_names'])} is no field; write the name of a field alone"
            elif name.upper() not in names and name not in own:
                if name.upper() in _CLOCKS:
                    yield _is_unsteady(name)
                else:
                    missing[name] = None
        elif kind == "FUNCTION":
            name, owner = node["function_name"].lower(), node.get("schema")
            if owner == "main":  # before 2.0 the parser says so of what SQL has words for, such as substring(… FROM …)
                owner = None
            if node.get("catalog"):
                yield f"{name}() is called by a longer name; write the name of a function alone"
            elif owner and owner.upper() not in names:  # NAME.lower() is lower(NAME)
                missing[owner] = None
            elif name not in _functions():
                yield f"there is no function {name}() of the fields of a contact"
            elif not _is_steady(name, len(node.get("arguments") or node.get("children", ())) + bool(owner), within):
                yield _is_unsteady(f"{name}()")
    if missing:
        which = ", ".join(f'"{name}"' for name in missing)
        there = "there are no fields" if len(missing) > 1 else "there is no field"
        yield f"{there} {which}; the fields are {', '.join(names) or 'none'}"


def _columns(tree: Any) -> set[str]:
    return {name for node in _nodes(tree) for name in node.get("column_names", ())}


def _is_unsteady(name: str) -> str:
    return (
        f"{name} does not depend on the contact alone, so another plan could choose others; use a fixed value instead"
    )


def _is_steady(name: str, arguments: int, within: frozenset[str]) -> bool:
    """Whether a function gives the same for the same values, at whatever time, in whatever run."""
    if name in _UNSTEADY or name.startswith("__") or name in within or (name == "age" and arguments == 1):
        return False
    return all(
        form.is_steady
        or (
            form.macro is not None
            and not any(_faults(_parsed(form.macro), [p.upper() for p in form.parameters], within | {name}))
        )
        for form in _functions()[name]
    )


@cache
def _functions() -> dict[str, list[_Form]]:
    """What the engine says of the functions that may stand in an expression, by their names."""
    from smsops.table.engine import engine

    found: dict[str, list[_Form]] = {}
    for name, *form in engine().run(
        "SELECT lower(function_name), function_type = 'scalar' AND stability = 'CONSISTENT', macro_definition, parameters "
        "FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro')"
    ):
        found.setdefault(name, []).append(_Form(*form))
    return found
