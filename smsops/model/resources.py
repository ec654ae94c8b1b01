"""What is wanted, what is there, and how one asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from smsops.model.address import Address
from smsops.model.diagnostics import Mark
from smsops.model.values import EMPTY, JSON

Adopt = Literal["never", "if_identical", "always"]


class SecretReference(NamedTuple):
    """Where a secret comes from; the configuration never holds the secret itself."""

    source: Literal["env", "file", "command"]
    value: str | tuple[str, ...]


class Guard(NamedTuple):
    """How a resource is protected: the `lifecycle` block."""

    protect: bool = False
    ignore_changes: frozenset[str] = frozenset()
    adopt: Adopt = "never"


class Desired(NamedTuple):
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
    secrets: Mapping[str, SecretReference] = EMPTY
    mark: Mark | None = None
    marks: Mapping[str, Mark] = EMPTY
    """Places inside the block that rules across resources point at."""


class Read(NamedTuple):
    """One read of the account: a method of the reader client, its arguments, the sub-account asked about (its login)."""

    method: str
    args: tuple[str, ...] = ()
    login: str | None = None


class Present(NamedTuple):
    """A resource that exists: its remote identity, its comparable attributes, and facts that move by themselves."""

    identity: str
    attributes: Mapping[str, JSON] = EMPTY
    facts: Mapping[str, Any] = EMPTY


class Absent:
    """A resource that the account positively does not have."""

    __slots__ = ()


class Unknown(NamedTuple):
    """A resource that could not be read: nothing about it is planned."""

    reason: str


Observation = Present | Absent | Unknown


class NotReadYet(Exception):
    """An observation needs reads that have not been made yet; the refresh makes them and asks again."""

    def __init__(self, reads: tuple[Any, ...]) -> None:
        super().__init__(*reads)
        self.reads = reads


class CannotRead(Exception):
    """An observation needs a read that failed."""
