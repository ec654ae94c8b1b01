"""What is wanted, what is there, and how one asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from smsops.model.address import Address
from smsops.model.diagnostics import Mark
from smsops.model.values import JSON

Adopt = Literal["never", "if_identical", "always"]


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret comes from; the configuration never holds the secret itself."""

    source: Literal["env", "file", "command"]
    value: str | tuple[str, ...]
    mark: Mark | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """How a resource is protected: the `lifecycle` block."""

    protect: bool = False
    ignore_changes: frozenset[str] = frozenset()
    adopt: Adopt = "never"


@dataclass(frozen=True, slots=True)
class Desired:
    """A resource as the configuration wants it.

    `spec` is the kind's own model, `data` what the kind made of data files; `identity` is the
    remote name that the account knows it by.
    """

    address: Address
    identity: str
    spec: Any
    data: Any = None
    depends_on: tuple[Address, ...] = ()
    guard: Guard = Guard()
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    mark: Mark | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """Places inside the block that rules across resources point at."""


class Read(NamedTuple):
    """One read of the account: a method of the reader client, its arguments, the sub-account asked about (its login)."""

    method: str
    args: tuple[str, ...] = ()
    login: str | None = None


@dataclass(frozen=True, slots=True)
class Present:
    """A resource that exists: its remote identity, its comparable attributes, and facts that move by themselves."""

    identity: str
    attributes: Mapping[str, JSON] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absent:
    """A resource that the account positively does not have."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A resource that could not be read: nothing about it is planned."""

    reason: str


Observation = Present | Absent | Unknown


class NotReadYet(Exception):
    """An observation needs reads that have not been made yet; the refresh makes them and asks again."""

    def __init__(self, reads: tuple[Read, ...]) -> None:
        super().__init__(*reads)
        self.reads = reads


class CannotRead(Exception):
    """An observation needs a read that failed."""
