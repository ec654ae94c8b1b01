"""From pydantic's errors to diagnostics with a place, a stable code and a suggestion."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic_core import ErrorDetails, ValidationError

from smsops.config.yaml import Mapping, Sequence, key_mark_at, mark_at
from smsops.model.block import BeforeValidator, Block, keys_of
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean

_PLAIN_MESSAGES = {
    "bool_parsing": "Write true or false",
    "bool_type": "Write true or false",
    "int_parsing": "Write a whole number",
    "int_type": "Write a whole number",
    "int_from_float": "Write a whole number",
    "int_parsing_size": "Write a smaller number",
    "float_parsing": "Write a number",
    "float_type": "Write a number",
    "string_type": "Write text",
    "list_type": "Write a list",
    "dict_type": "Write a mapping (key: value)",
    "model_type": "Write a mapping (key: value)",
    "model_attributes_type": "Write a mapping (key: value)",
    "tuple_type": "Write a list",
    "literal_error": "Write {expected}",
    "greater_than": "Write a number above {gt}",
    "greater_than_equal": "Write {ge} or more",
    "less_than_equal": "Write {le} or less",
    "string_pattern_mismatch": "Write letters, digits, _, - and ., a letter or digit first",
    "string_too_short": "It may not be empty",
    "too_short": "It may not be empty",
}


def _models(annotation: Any) -> list[Any]:
    """The types that an annotation may stand for: unions, Annotated and optionals taken apart."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *notes = typing.get_args(annotation)
        written = [note.json_schema_input_type for note in notes if isinstance(note, BeforeValidator)]
        return [model for part in (inner, *filter(None, written)) for model in _models(part)]
    if origin in (typing.Union, types.UnionType):
        return [model for part in typing.get_args(annotation) for model in _models(part)]
    return [annotation]


def _descend(annotations: list[Any], step: str | int) -> list[Any]:
    found: list[Any] = []
    for annotation in annotations:
        origin = typing.get_origin(annotation)
        if isinstance(annotation, type) and issubclass(annotation, Block):
            for name, key in keys_of(annotation).items():
                if step in (name, key.info.alias):
                    found += _models(key.annotation)
        elif origin in (list, tuple, dict):
            found += _models(typing.get_args(annotation)[-1 if origin is dict else 0])
    return found


def _keys_at(model: type[Block], path: tuple[str | int, ...]) -> list[str]:
    annotations: list[Any] = [model]
    for step in path:
        annotations = _descend(annotations, step) or annotations
    return [
        info.alias or name
        for annotation in annotations
        if isinstance(annotation, type) and issubclass(annotation, Block)
        for name, (_, info) in keys_of(annotation).items()
    ]


def _real_path(tree: Any, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The steps of pydantic's location that exist in the file; names of union members are left out."""
    loc = loc[:-1] if loc[-1:] == ("[key]",) else loc
    path: list[str | int] = []
    for position, step in enumerate(loc):
        if isinstance(tree, Mapping) and step in tree:
            tree = tree[str(step)]
            path.append(step)
        elif isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
            path.append(step)
        elif position == len(loc) - 1:
            path.append(step)
    return tuple(path)


def report(
    error: ValidationError,
    model: type[Block],
    tree: Any,
    place: Mark,
    diagnostics: Diagnostics,
    *,
    more_keys: tuple[str, ...] = (),
) -> None:
    """Add one diagnostic for each of pydantic's errors about `tree`, which stands at `place`.

    `more_keys` are keys that the block knows besides the model's.
    """
    items = [(_real_path(tree, item["loc"]), item) for item in error.errors(include_url=False, include_input=False)]
    meant: set[tuple[str | int, ...]] = set()
    for path, item in items:
        if item["type"] == "extra_forbidden":
            keys = (*_keys_at(model, path[:-1]), *(more_keys if len(path) == 1 else ()))
            detail = did_you_mean(str(path[-1]), keys)
            meant |= {(*path[:-1], key) for key in keys if detail == f'Did you mean "{key}"?'}
            mark = key_mark_at(tree, path) or place
            diagnostics.error("SMS110", f'Unknown key "{path[-1]}"', detail=detail, mark=mark)
    for path, item in items:
        mark = mark_at(tree, path) or place if path else place
        if item["loc"][-1:] == ("[key]",):
            mark = key_mark_at(tree, path) or place
        subject = ".".join(str(step) for step in path)
        if item["type"] == "extra_forbidden" or (item["type"] == "missing" and path in meant):
            continue  # a misspelt key is not missing too
        if item["type"] == "missing":
            mark = (key_mark_at(tree, path[:-1]) if len(path) > 1 else None) or place
            name = path[-1] if path else "?"
            diagnostics.error("SMS111", f'The key "{name}" is missing', detail=f"Add {name}: to this block.", mark=mark)
        elif item["type"] == "literal_secret":
            diagnostics.error("SMS140", _message(item), mark=mark)
        else:
            detail = did_you_mean("", _keys_at(model, path)) if item["type"] == "model_type" else ""
            message = f"{subject}: {_message(item)}" if subject else _message(item)
            diagnostics.error("SMS112", message, detail=detail, mark=mark)


def _message(item: ErrorDetails) -> str:
    """What is wrong, in our words where pydantic's are for programmers."""
    words = _PLAIN_MESSAGES.get(item["type"])
    if words is None:
        return item["msg"]
    context = item.get("ctx", {})
    shown = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    if "expected" in shown:
        shown["expected"] = shown["expected"].replace("'", "")
    return words.format(**shown)


def without(tree: Mapping, error: ValidationError) -> Mapping:
    """The tree without the values of its sections that an error is about: the rest can still be checked."""
    wrong = {_real_path(tree, item["loc"])[:2] for item in error.errors(include_url=False, include_input=False)}
    rest = tree.copy()
    for name, section in tree.items():
        if (name,) in wrong:
            del rest[name]
        elif isinstance(section, Mapping):
            rest[name] = section.without([key for key in section if (name, key) in wrong])
        elif isinstance(section, Sequence):
            rest[name] = Sequence.at(section.mark)
            for position, (item, mark) in enumerate(section.marked()):
                if (name, position) not in wrong:
                    rest[name].put(item, mark)
    return rest
