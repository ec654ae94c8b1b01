"""The models of the configuration's blocks: annotations and defaults, as in pydantic, on pydantic-core alone.

pydantic-core validates; pydantic would only make the classes, and that takes it longer than `smsops validate` takes
for all the rest. So the classes are made here, with the few features that blocks need, and what pydantic calls by a
name has that name. Nothing is built before a block is validated. For the JSON Schemas, where time does not matter,
`smsops.schemas` makes pydantic's models of these.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import reduce
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic_core import SchemaValidator, ValidationError

F = TypeVar("F", bound=Callable[..., Any])
_MISSING: Any = object()
_PLAIN: Mapping[Any, dict[str, Any]] = {
    Any: {"type": "any"},
    bool: {"type": "bool"},
    float: {"type": "float"},
    int: {"type": "int"},
    str: {"type": "str"},
    timedelta: {"type": "timedelta", "microseconds_precision": "truncate"},
}


class FieldInfo:
    """What is said of one key besides its type."""

    def __init__(
        self,
        default: Any = _MISSING,
        default_factory: Callable[[], Any] | None = None,
        alias: str | None = None,
        description: str | None = None,
        json_schema_extra: dict[str, Any] | None = None,
        constraints: Mapping[str, Any] | None = None,
    ) -> None:
        self.default = default
        self.default_factory = default_factory
        self.alias = alias
        self.description = description
        self.json_schema_extra = json_schema_extra
        self.constraints = constraints or {}

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
    """What is said of a key; `constraints` are those of pydantic-core (`ge`, `le`, `gt`, `pattern`, `min_length`)."""
    return FieldInfo(default, default_factory, alias, description, json_schema_extra, constraints)


class BeforeValidator(NamedTuple):
    """A function that gets the value as it was written."""

    function: Callable[[Any], Any]
    json_schema_input_type: Any = None


class AfterValidator(NamedTuple):
    """A function that gets the value in its type."""

    function: Callable[[Any], Any]


class WithJsonSchema:
    """The JSON Schema of what is annotated with it."""

    def __init__(self, json_schema: dict[str, Any]) -> None:
        self.json_schema = json_schema


def after_all(method: F) -> F:
    """Mark a method of a block that looks at it as a whole, and gives it back."""
    method.is_after_all = True  # type: ignore[attr-defined]
    return method


class Key(NamedTuple):
    """One key that a block may have."""

    annotation: Any
    info: FieldInfo


class Block:
    """A block of the configuration: unknown keys are errors, values do not change.

    What is in `model_fields_set` was written; the rest is not managed.
    """

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")
    _keys: ClassVar[Mapping[str, Key] | None] = None
    _validator: ClassVar[SchemaValidator | None] = None
    if TYPE_CHECKING:
        __pydantic_fields_set__: set[str]

    @classmethod
    def model_validate(cls, value: Any) -> Self:
        """A block from what was written; ValidationError with every mistake."""
        validator = cls.__dict__.get("_validator")
        if validator is None:
            validator = cls._validator = SchemaValidator(_block_schema(cls))
        made: Self = validator.validate_python(value)
        return made

    @property
    def model_fields_set(self) -> set[str]:
        """The names of what was written."""
        return self.__pydantic_fields_set__

    def model_dump(self, *, mode: Literal["python", "json"] = "python", exclude_none: bool = False) -> dict[str, Any]:
        """The values by their names, of a block that has no blocks inside."""
        return {name: value for name, value in self.__dict__.items() if not (exclude_none and value is None)}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


def keys_of(block: type[Block]) -> Mapping[str, Key]:
    """The keys of a block by the names that its values have in Python."""
    keys: Mapping[str, Key] | None = block.__dict__.get("_keys")
    if keys is None:
        found: dict[str, Key] = {}
        for name, annotation in get_type_hints(block, include_extras=True).items():
            if get_origin(annotation) is not ClassVar:
                default = getattr(block, name, _MISSING)
                info = default if isinstance(default, FieldInfo) else FieldInfo(default)
                found[name] = Key(annotation, info)
        keys = block._keys = found
    return keys


def _block_schema(block: type[Block]) -> dict[str, Any]:
    """What pydantic-core makes blocks by: the schemas that pydantic would give it, as plain data."""
    fields = {}
    for name, (annotation, info) in keys_of(block).items():
        value = _annotated(_schema(annotation), info)
        if info.default_factory is not None:
            value = {"type": "default", "schema": value, "default_factory": info.default_factory}
        elif info.default is not _MISSING:
            value = {"type": "default", "schema": value, "default": info.default}
        fields[name] = {"type": "model-field", "schema": value, "validation_alias": info.alias or name}
    schema: dict[str, Any] = {
        "type": "model",
        "cls": block,
        "schema": {"type": "model-fields", "fields": fields, "model_name": block.__name__},
        "config": {"title": block.__name__, "extra_fields_behavior": "forbid"},
    }
    for method in block.__dict__.values():
        if getattr(method, "is_after_all", False):
            schema = _calling("function-after", method, schema)
    return schema


def _schema(annotation: Any) -> dict[str, Any]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is None and annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Annotated:
        return reduce(_annotated, parts[1:], _schema(parts[0]))
    if origin is Union or origin is types.UnionType:
        choices = [_schema(part) for part in parts if part is not type(None)]
        chosen = choices[0] if len(choices) == 1 else {"type": "union", "choices": choices}
        return {"type": "nullable", "schema": chosen} if type(None) in parts else chosen
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
    raise TypeError(f"a block cannot have a value of the type {annotation}")


def _annotated(schema: dict[str, Any], note: Any) -> dict[str, Any]:
    if isinstance(note, BeforeValidator):
        return _calling("function-before", note.function, schema)
    if isinstance(note, AfterValidator):
        return _calling("function-after", note.function, schema)
    if isinstance(note, FieldInfo) and note.constraints:
        if schema["type"].startswith("function"):
            return {**schema, "schema": _annotated(schema["schema"], note)}
        return {**schema, **note.constraints}
    return schema


def _calling(when: str, function: Callable[[Any], Any], schema: Any) -> dict[str, Any]:
    return {"type": when, "function": {"type": "no-info", "function": function}, "schema": schema}


__all__ = [
    "AfterValidator",
    "BeforeValidator",
    "Block",
    "Field",
    "FieldInfo",
    "ValidationError",
    "WithJsonSchema",
    "after_all",
    "keys_of",
]
