"""The JSON Schemas, made from the models: what smsops reads (the stack) and what it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

import pydantic
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from smsops.config.stack import StackBlock
from smsops.kinds import KINDS
from smsops.model.block import AfterValidator, BeforeValidator, Block, WithJsonSchema, keys_of
from smsops.model.documents import (
    ApplyEventDocument,
    BlacklistCheckDocument,
    BlacklistDocument,
    CalendarDocument,
    DoctorDocument,
    HistoryDocument,
    PlanDocument,
    PreviewsDocument,
    RehearsalDocument,
    ReplyDocument,
    ReportDocument,
    StateDocument,
    StatusDocument,
    ValidationDocument,
)
from smsops.rules.pack import Pack

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_KEY = "^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class _WrittenAsText(GenerateJsonSchema):
    """Numbers and booleans may be written as text too: YAML values are text until the schema types them."""

    def int_schema(self, schema: Any) -> dict[str, Any]:
        return _or_text(super().int_schema(schema))

    def float_schema(self, schema: Any) -> dict[str, Any]:
        return _or_text(super().float_schema(schema))

    def bool_schema(self, schema: Any) -> dict[str, Any]:
        return _or_text(super().bool_schema(schema))

    def str_schema(self, schema: Any) -> dict[str, Any]:
        # An editor reads 75002 or true without quotes as a number or a boolean; smsops reads text.
        text = super().str_schema(schema)
        text["type"] = ["string", "number", "boolean"]
        return text

    def encode_default(self, dft: Any) -> Any:
        return _written_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def literal_schema(self, schema: Any) -> dict[str, Any]:
        values = super().literal_schema(schema)
        if values.get("const") == "1":
            return {"enum": [1, "1"]}
        return values


def _written_duration(duration: timedelta) -> str:
    """A duration as a stack has it: in the largest unit that it is whole in."""
    seconds = int(duration.total_seconds())
    unit, size = next(
        (unit, size) for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if not seconds % size
    )
    return f"{seconds // size}{unit}"


def _or_text(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "string", "pattern": r"\$\{|^[\w.+-]+$"}]}


@cache
def pydantic_model(block: Any) -> type[pydantic.BaseModel]:
    """The model of pydantic that says the same as a block."""
    fields: dict[str, Any] = {}
    for name, (annotation, info) in keys_of(block).items():
        said: dict[str, Any] = {
            "alias": info.alias,
            "description": info.description,
            "json_schema_extra": info.json_schema_extra,
            **info.constraints,
        }
        if info.default_factory is not None:
            said["default_factory"] = info.default_factory
        elif not info.is_required:
            said["default"] = info.default
        fields[name] = (_pydantic_type(annotation), pydantic.Field(**said))
    forbid = pydantic.ConfigDict(extra="forbid")
    return pydantic.create_model(block.__name__, __config__=forbid, __doc__=block.__doc__, **fields)


def _pydantic_type(annotation: Any) -> Any:
    """A type with pydantic's models and notes in the place of ours."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[_pydantic_type(parts[0]), *(_pydantic_note(note) for note in parts[1:])]
    if origin in (list, tuple, dict):
        return origin[tuple(_pydantic_type(part) for part in parts)]
    if origin in (Union, UnionType):
        return reduce(or_, (_pydantic_type(part) for part in parts))
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return pydantic_model(cast("Any", annotation))
    return annotation


def _pydantic_note(note: Any) -> Any:
    match note:
        case WithJsonSchema():
            return pydantic.WithJsonSchema(note.json_schema)
        case BeforeValidator(function, written) if written is not None:
            return pydantic.BeforeValidator(function, json_schema_input_type=_pydantic_type(written))
        case BeforeValidator(function):
            return pydantic.BeforeValidator(function)
        case AfterValidator(function):
            return pydantic.AfterValidator(function)
        case _:
            return pydantic.Field(**note.constraints)


def stack_schema(*, included: bool = False) -> dict[str, Any]:
    """The schema of smsops.yaml, or of the files that it includes."""
    kinds = [kind for kind in KINDS if kind.section]
    models = {kind.section: pydantic_model(cast("Any", kind.Spec)) for kind in kinds}
    references, definitions = models_json_schema(
        [(model, "validation") for model in (pydantic_model(StackBlock), *models.values())],
        schema_generator=_WrittenAsText,
        ref_template="#/$defs/{model}",
    )
    schema: dict[str, Any] = dict(definitions["$defs"].pop("StackBlock"))
    definitions = definitions["$defs"]
    properties: dict[str, Any] = dict(schema.pop("properties"))
    required = schema.pop("required", [])
    sections = {
        str(kind.section): _section(references[models[kind.section], "validation"], str(kind.Spec.__doc__))
        for kind in kinds
    }
    nested = {str(kind.section): sections[str(kind.section)] for kind in kinds if not kind.opens_account}
    for kind in kinds:
        if kind.opens_account:
            definitions[kind.Spec.__name__]["properties"] |= nested
    properties |= sections
    properties["generate"] = _generate(sections)
    if included:
        for name in ("stack", "account", "state", "encryption", "listen", "include"):
            del properties[name]
        required = []
    title = "An included file of a smsops stack" if included else "smsops.yaml"
    schema |= {"$schema": _DIALECT, "title": title, "required": required, "properties": properties}
    return {**schema, "$defs": definitions}


def _section(reference: dict[str, Any], said: str) -> dict[str, Any]:
    return {
        "description": f"{said.partition('.')[0]}, by its key.",
        "anyOf": [
            {"type": "object", "additionalProperties": reference, "propertyNames": {"pattern": _KEY}},
            {"type": "null"},
        ],
    }


def _generate(sections: dict[str, Any]) -> dict[str, Any]:
    """Templates hold references where values will be, so only their shape is known."""
    file = {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {"file": {"type": "string", "description": "A data file below the stack."}},
    }
    rows = {"type": "array", "items": {"type": "object"}}
    each = {"anyOf": [file, rows], "description": "The rows: a data file of the stack, or written out."}
    templates = {
        name: {
            "type": "object",
            "description": "Blocks; `${row.COLUMN}` in their keys and values is a column of the row.",
        }
        for name in sections
    }
    return {
        "description": "Blocks made from rows: one template, many resources.",
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["for_each"],
            "properties": {"for_each": each, **templates},
        },
    }


def _document(model: Any, title: str) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        from pydantic import TypeAdapter

        return {"$schema": _DIALECT, **TypeAdapter(model).json_schema(), "title": title}

    return make


def rule_pack_schema() -> dict[str, Any]:
    """The schema of a rule pack."""
    schema = pydantic_model(cast("Any", Pack)).model_json_schema(schema_generator=_WrittenAsText)
    return {"$schema": _DIALECT, **schema, "title": "A rule pack"}


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "stack": stack_schema,
    "included": lambda: stack_schema(included=True),
    "rule-pack": rule_pack_schema,
    "plan": _document(PlanDocument, "A plan (plan --format json, and plan -o)"),
    "apply-event": _document(ApplyEventDocument, "One line of apply --format json"),
    "rehearsal": _document(RehearsalDocument, "rehearse --format json"),
    "doctor": _document(DoctorDocument, "doctor --format json"),
    "validation": _document(ValidationDocument, "validate --format json"),
    "calendar": _document(CalendarDocument, "calendar --format json"),
    "preview": _document(PreviewsDocument, "preview --format json"),
    "status": _document(StatusDocument, "status --format json"),
    "report": _document(ReportDocument, "report --format json"),
    "reply": _document(ReplyDocument, "One line of replies --format json"),
    "blacklist": _document(BlacklistDocument, "blacklist export --format json"),
    "blacklist-check": _document(BlacklistCheckDocument, "blacklist check --format json"),
    "state": _document(StateDocument, "The state"),
    "history": _document(HistoryDocument, "The history"),
}
"""Every schema by its name: `smsops schema NAME`, and schemas/NAME.schema.json."""


@cache
def schema_file(name: str) -> str:
    """The schema of a name as it lies beside a stack, for editors."""
    return json.dumps(SCHEMAS[name](), indent=2) + "\n"
