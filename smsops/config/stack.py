"""The models of smsops.yaml that belong to no kind: the account, settings, variables, generate, moved, removed."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError

from smsops.errors import SmsopsError
from smsops.model.address import Address
from smsops.model.block import BeforeValidator, Block, Field, WithJsonSchema
from smsops.model.blocks import SECRET_SCHEMA, NonBlank, SecretField, read_secret, refuse_password
from smsops.model.policy import Policy
from smsops.model.resources import SecretReference
from smsops.model.settings import Settings

DEFAULT_URL = "https://api.allmysms.com/http/9.0"
SANDBOX_URL = "sandbox:"


def _read_url(value: Any) -> Any:
    if isinstance(value, str):
        refuse_password(value)
    if isinstance(value, str) and (value == SANDBOX_URL or re.match(r"https?://[^/\s]+", value)):
        return value.rstrip("/")
    raise PydanticCustomError("url", 'Write an address such as https://api.allmysms.com/http/9.0, or "sandbox:"')


Url = Annotated[
    str,
    BeforeValidator(_read_url),
    WithJsonSchema({"type": "string", "pattern": r"^(https?://.+|sandbox:)$", "default": DEFAULT_URL}),
]


def _read_login(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if not isinstance(value, dict):
        raise PydanticCustomError("login", "Write the login, or a reference such as {env: ALLMYSMS_LOGIN}")
    return read_secret(value)


LoginField = Annotated[
    Any, BeforeValidator(_read_login), WithJsonSchema({"anyOf": [{"type": "string"}, SECRET_SCHEMA]})
]
"""A login is no secret: text, or a SecretReference."""


class AccountBlock(Block):
    """The `account` section: the master account and where its API is."""

    login: LoginField = Field(
        default_factory=lambda: SecretReference("env", "ALLMYSMS_LOGIN"),
        description="The login, or a reference to it.",
        json_schema_extra={"default": {"env": "ALLMYSMS_LOGIN"}},
    )
    api_key: SecretField = Field(
        default_factory=lambda: SecretReference("env", "ALLMYSMS_API_KEY"),
        description="The API key, by reference.",
        json_schema_extra={"default": {"env": "ALLMYSMS_API_KEY"}},
    )
    url: Url = Field(DEFAULT_URL, description='Where the API is; "sandbox:" is the embedded sandbox.')


class VariableBlock(Block):
    """One variable; without a default it must be given."""

    default: str | None = Field(None, description="Its value where none is given. Without one it must be given.")
    description: str | None = Field(None, description="What it is for.")


class ForEachFile(Block):
    """`for_each` from a data file."""

    file: NonBlank


def _read_address(value: Any) -> Any:
    try:
        return Address.parse(value)
    except (ValueError, TypeError):
        raise PydanticCustomError("address", "Write an address such as list.vip or acme-paris/list.vip") from None


AddressField = Annotated[
    Any,
    BeforeValidator(_read_address),
    WithJsonSchema({"type": "string", "examples": ["list.vip", "acme-paris/list.vip"]}),
]
"""An Address."""


class MovedBlock(Block):
    """A resource is known under another address."""

    from_: AddressField = Field(alias="from", description="The address that the state has.")
    to: AddressField = Field(description="The address from now on.")


class RemovedBlock(Block):
    """What becomes of a resource that is no longer in the configuration."""

    address: AddressField = Field(description="What the stack owns and the configuration has no more.")
    destroy: bool = Field(True, description="false: forget it and leave it live.")


def _names_something(url: str) -> bool:
    """Whether there is more to an address than its scheme, `/` and `.`, which name a directory at most."""
    return "\0" not in url and not url.rstrip("/.").endswith(":")


def _read_state_url(value: Any) -> Any:
    schemes = ("file:", "s3://", "gs://", "az://", "postgresql://")
    if isinstance(value, str) and value.startswith(schemes) and _names_something(value):
        refuse_password(value)
        return value
    raise PydanticCustomError("state", "Write file:PATH, s3://…, gs://…, az://… or postgresql://…")


StateUrl = Annotated[
    str, BeforeValidator(_read_state_url), WithJsonSchema({"type": "string", "default": "file:.smsops/state.json"})
]


def state_url(text: str) -> str:
    """An address of a state that did not come from a file; SmsopsError where it is none."""
    try:
        return str(_read_state_url(text))
    except PydanticCustomError as error:
        raise SmsopsError(error.message(), code="SMS449") from None


class EncryptionBlock(Block):
    """The `encryption` section: everything that the state keeps is encrypted at rest."""

    key: SecretField = Field(description="What the state is encrypted with: long and random.")
    fallback_key: SecretField | None = Field(None, description="The key before: still decrypts, while keys change.")


def _read_events_url(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(("sqlite:", "postgresql://")) and _names_something(value):
        refuse_password(value)
        return value
    raise PydanticCustomError("events", "Write sqlite:PATH or postgresql://…")


EventsUrl = Annotated[
    str,
    BeforeValidator(_read_events_url),
    WithJsonSchema({"type": "string", "pattern": "^(sqlite:|postgresql://).+", "default": "sqlite:.smsops/events.db"}),
]


class ListenBlock(Block):
    """The `listen` section: what `smsops listen` receives, and where it is kept."""

    secret: SecretField = Field(
        default_factory=lambda: SecretReference("env", "SMSOPS_LISTEN_SECRET"),
        description="The secret in the address that events are pushed to, by reference.",
        json_schema_extra={"default": {"env": "SMSOPS_LISTEN_SECRET"}},
    )
    events: EventsUrl = Field("sqlite:.smsops/events.db", description="Where they are kept.")


class StackBlock(Block):
    """The sections of smsops.yaml that are not kinds'."""

    smsops: Literal["1"] = Field(description="The version of the format.")
    stack: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = Field(description="Names the state.")
    account: AccountBlock = Field(
        default_factory=lambda: AccountBlock.model_validate({}), description="The master account."
    )
    state: StateUrl = Field("file:.smsops/state.json", description="Where the state lies.")
    encryption: EncryptionBlock | None = Field(None, description="Encrypts all that the state keeps.")
    listen: ListenBlock = Field(
        default_factory=lambda: ListenBlock.model_validate({}), description="What `smsops listen` receives."
    )
    include: list[NonBlank] = Field(
        default_factory=list, description="Files with more sections: paths or patterns below the stack."
    )
    settings: Settings = Field(
        default_factory=lambda: Settings.model_validate({}), description="Zones, limits of time and of calls."
    )
    variables: dict[str, VariableBlock | None] = Field(
        default_factory=dict, description="What `${var.NAME}` stands for, by name."
    )
    generate: list[Any] = Field(
        default_factory=list, description="Blocks made from rows: one template, many resources."
    )
    moved: list[MovedBlock] = Field(default_factory=list, description="Resources that have another address now.")
    removed: list[RemovedBlock] = Field(
        default_factory=list, description="What becomes of resources that are no longer declared."
    )
    policy: Policy = Field(default_factory=lambda: Policy.model_validate({}), description="What no apply may do.")
