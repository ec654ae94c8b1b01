"""Blocks of the configuration that several kinds share: secrets by reference, the lifecycle, plain text."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError

from smsops.model.block import AfterValidator, BeforeValidator, Block, Field, WithJsonSchema
from smsops.model.resources import Guard, SecretReference
from smsops.model.values import JSON

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""A carriage return too: a terminal shows only what comes after it, and no phone needs it beside the line feed."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SOURCES = ("env", "file", "command")


def read_secret(value: Any) -> Any:
    """A SecretReference from its block; a literal one is refused without repeating it."""
    if isinstance(value, SecretReference):
        return value
    if not isinstance(value, dict):
        raise PydanticCustomError(
            "literal_secret",
            "A secret is only ever a reference; write {env: NAME}, {file: PATH} or {command: [ARGV]}",
        )
    if len(value) != 1 or next(iter(value)) not in _SOURCES:
        raise PydanticCustomError("literal_secret", "A secret has exactly one of the keys env, file and command")
    source, target = next(iter(value.items()))
    if source == "command":
        if not isinstance(target, list) or not target or not all(isinstance(part, str) for part in target):
            raise PydanticCustomError("literal_secret", "command is a list: the program and its arguments")
        return SecretReference("command", tuple(target))
    if not isinstance(target, str) or not target.strip():
        raise PydanticCustomError("literal_secret", "Name where the secret comes from")
    return SecretReference(source, target)


def written(value: SecretReference | str) -> JSON:
    """A reference as the configuration writes it; a text is itself."""
    if isinstance(value, str):
        return value
    return {value.source: list(value.value) if isinstance(value.value, tuple) else value.value}


_PASSWORD_IN_URL = re.compile(r"://[^/@\s]*:[^/@\s]+@|[?&](?:ssl)?password=")


def refuse_password(address: str) -> None:
    """A ValueError of the model where an address that is written out holds a password."""
    if _PASSWORD_IN_URL.search(address):
        raise PydanticCustomError("literal_secret", "A URL may not hold a password")


SECRET_SCHEMA = {
    "description": "A secret is only ever a reference.",
    "oneOf": [
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["env"],
            "properties": {"env": {"type": "string", "description": "An environment variable."}},
        },
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["file"],
            "properties": {"file": {"type": "string", "description": "A file; a final newline is left out."}},
        },
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["command"],
            "properties": {
                "command": {
                    "description": "A program and its arguments; what it prints is the secret.",
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                }
            },
        },
    ],
}

SecretField = Annotated[Any, BeforeValidator(read_secret), WithJsonSchema(SECRET_SCHEMA)]
"""A SecretReference."""


def _plain(value: str) -> str:
    if not value.isprintable() and _CONTROL.search(value):
        raise PydanticCustomError("control", "It may not hold control characters")
    return value.strip()


def can_say(value: str) -> bool:
    """Whether a text of the configuration can be this one, blanks at its ends included."""
    return value == value.strip() and not _CONTROL.search(value) and not _SURROGATE.search(value)


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("blank", "It may not be empty")
    return _plain(value)


Text = Annotated[str, AfterValidator(_plain)]
NonBlank = Annotated[str, Field(min_length=1), AfterValidator(_not_blank)]


class Lifecycle(Block):
    """How a resource is guarded: the `lifecycle` block."""

    protect: bool = Field(False, description="Refuse to delete or replace it. Kept in the state.")
    ignore_changes: list[str] = Field(default_factory=list, description="Attributes whose changes are left alone.")
    adopt: Literal["never", "if_identical", "always"] = Field(
        "never", description="Whether to take over a resource that exists already."
    )

    def guard(self) -> Guard:
        if not self.model_fields_set:
            return _UNGUARDED
        return Guard(self.protect, frozenset(self.ignore_changes), self.adopt)


_UNGUARDED = Guard()


@cache
def _no_lifecycle() -> Lifecycle:
    """What nearly every block has, shared by all."""
    return Lifecycle.model_validate({})


class GuardedBlock(Block):
    """A block with a `lifecycle`."""

    lifecycle: Lifecycle = Field(default_factory=_no_lifecycle, description="How it is guarded.")
