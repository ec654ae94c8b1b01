"""The models of the configuration's blocks: annotations and defaults, as in pydantic, on pydantic-core alone.

pydantic-core validates here as it does for pydantic; what is left out is pydantic itself, whose import and classes take
longer than all the rest of `smsops validate`. So there is only what blocks need, under the names that pydantic has for
it, and nothing is built before a block is validated. Where time does not matter, `smsops.schemas` makes pydantic's
models of blocks; the tests compare the two.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, Union, get_args, get_origin, get_type_hints

from pydantic_core import SchemaValidator

_MISSING: Any = object()
_PLAIN: Mapping[Any, dict[str, Any]] = {
    Any: {"type": "any"},
    bool: {"type": "bool"},
    date: {"type": "date"},
    float: {"type": "float"},
    int: {"type": "int"},
    str: {"type": "str"},
    timedelta: {"type": "timedelta"},
}


@dataclass(frozen=True, eq=False)
class FieldInfo:
    """What is said of one key besides its type."""

    default: Any = _MISSING
    default_factory: Callable[[], Any] | None = None
    alias: str | None = None
    description: str | None = None
    json_schema_extra: dict[str, Any] | None = None
    constraints: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_required(self) -> bool:
        return self.default is _MISSING and self.default_factory is None


def Field(
    default: Any = _MISSING,
    *,
    default_factory: Callable[[], Any] | None = None,
    alias: str | None = None,
    description: str | None = None,
    json_schema_extra: dict[str, Any] | None = None,
    **constraints: Any,
) -> Any:
    """What is said of a key; `constraints` (in Annotated) are pydantic-core's: `ge`, `le`, `gt`, `pattern`, `min_length`."""
    return FieldInfo(default, default_factory, alias, description, json_schema_extra, constraints)


@dataclass(frozen=True, eq=False)
class BeforeValidator:
    """In Annotated: a function that gets the value as it was written, and gives what the type reads."""

    function: Callable[[Any], Any]
    json_schema_input_type: Any = None


@dataclass(frozen=True, eq=False)
class AfterValidator:
    """In Annotated: a function that gets the value in its type."""

    function: Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class WithJsonSchema:
    """In Annotated: the JSON Schema of the value."""

    json_schema: dict[str, Any]


class Block:
    """A block of the configuration: unknown keys are errors, values do not change.

    What is in `model_fields_set` was written; the rest is not managed.
    """

    # pydantic-core fills these.
    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
    __pydantic_fields_set__: set[str]
    _keys: ClassVar[Mapping[str, Key]]
    _validator: ClassVar[SchemaValidator]

    @classmethod
    def model_validate(cls, value: Any) -> Self:
        """A block from what was written; ValidationError with every mistake."""
        if "_validator" not in vars(cls):
            cls._validator = SchemaValidator(_block_schema(cls))
        made: Self = cls._validator.validate_python(value)
        return made

    @property
    def model_fields_set(self) -> set[str]:
        """The names of what was written."""
        return self.__pydantic_fields_set__

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """The values by their names, of a block that has no blocks inside."""
        return {name: value for name, value in vars(self).items() if not (exclude_none and value is None)}

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same block with other values, which are right, under some names."""
        made = object.__new__(type(self))
        vars(made).update(vars(self), **update)
        for name in ("__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(made, name, getattr(self, name))
        object.__setattr__(made, "__pydantic_fields_set__", self.model_fields_set | update.keys())
        return made

    def check(self) -> None:
        """Look at a block whose values are right one by one; raise PydanticCustomError where they are not together."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Key(NamedTuple):
    """One key that a block may have."""

    annotation: Any
    info: FieldInfo


def keys_of(block: type[Block]) -> Mapping[str, Key]:
    """The keys of a block, those of its bases first, by the names that its values have in Python."""
    if "_keys" not in vars(block):
        hints = get_type_hints(block, include_extras=True)
        block._keys = {name: Key(hints[name], _info(block, name)) for name in hints if not name.startswith("_")}
    return block._keys


def _info(block: type[Block], name: str) -> FieldInfo:
    default = getattr(block, name, _MISSING)
    return default if isinstance(default, FieldInfo) else FieldInfo(default)


def _block_schema(block: type[Block]) -> Any:
    """What pydantic-core makes blocks by: the schema that pydantic would give it."""
    fields = {name: _key_schema(name, key) for name, key in keys_of(block).items()}
    schema = {
        "type": "model",
        "cls": block,
        "schema": {"type": "model-fields", "fields": fields, "model_name": block.__name__},
        "config": {"title": block.__name__, "extra_fields_behavior": "forbid"},
    }
    return schema if block.check is Block.check else _calling("function-after", _checked, schema)


def _checked(made: Block) -> Block:
    made.check()
    return made


def _key_schema(name: str, key: Key) -> dict[str, Any]:
    schema, info = _schema(key.annotation), key.info
    if info.default_factory is not None:
        schema = {"type": "default", "schema": schema, "default_factory": info.default_factory}
    elif info.default is not _MISSING:
        schema = {"type": "default", "schema": schema, "default": info.default}
    return {"type": "model-field", "schema": schema, "validation_alias": info.alias or name}


def _schema(annotation: Any) -> Any:
    """The schema of a type: all that blocks need, and a TypeError where one needs more."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        schema = _schema(parts[0])
        for note in parts[1:]:
            schema = _annotated(schema, note)
        return schema
    if origin in (Union, types.UnionType) and parts[1:] == (types.NoneType,):
        return {"type": "nullable", "schema": _schema(parts[0])}
    if origin is Literal:
        return {"type": "literal", "expected": list(parts)}
    if origin is list:
        return {"type": "list", "items_schema": _schema(parts[0])}
    if origin is tuple:
        return {"type": "tuple", "items_schema": [_schema(part) for part in parts]}
    if origin is dict:
        return {"type": "dict", "keys_schema": _schema(parts[0]), "values_schema": _schema(parts[1])}
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return _block_schema(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    raise TypeError(f"a block cannot have a value of the type {annotation}")


def _annotated(schema: dict[str, Any], note: Any) -> dict[str, Any]:
    if isinstance(note, BeforeValidator):
        return _calling("function-before", note.function, schema)
    if isinstance(note, AfterValidator):
        return _calling("function-after", note.function, schema)
    if isinstance(note, FieldInfo):
        return {**schema, **note.constraints}
    return schema


def _calling(when: str, function: Callable[[Any], Any], schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": when, "function": {"type": "no-info", "function": function}, "schema": schema}
