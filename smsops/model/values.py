"""Values with rules of their own: secrets, digests, and the masks that keep people out of the output."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from decimal import Decimal
from functools import cache, lru_cache
from hashlib import blake2b, scrypt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime
    from json import JSONEncoder

Number = int | Decimal
JSON = Any

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Secret:
    """A secret in memory: never shown by repr, str or format; `reveal()` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        import hmac

        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


def repr_without(record: NamedTuple, *hidden: str) -> str:
    """How a record is shown, without some of its fields."""
    shown = (f"{name}={value!r}" for name, value in record._asdict().items() if name not in hidden)
    return f"{type(record).__name__}({', '.join(shown)})"


def canonical(value: object) -> bytes:
    """JSON with one form per value: sorted keys, no blanks, decimals as text."""
    return _canonical_encoder().encode(value).encode()


@cache
def _canonical_encoder() -> JSONEncoder:
    from json import JSONEncoder

    # Values are trees: nothing is in them twice, nothing in itself.
    return JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False, default=str)


def printed(document: JSON) -> str:
    """JSON as people read it. The json module would take ten times as long: it indents in Python."""
    from pydantic_core import to_json

    from smsops.model.shown import visible_json

    return visible_json(to_json(document, indent=2).decode())


def digest(value: object, *, key: str = "", length: int = 32) -> str:
    """A keyed digest of a JSON value, hexadecimal, `length` characters."""
    secret = key.encode()
    if len(secret) > blake2b.MAX_KEY_SIZE:
        secret = blake2b(secret).digest()
    return blake2b(canonical(value), key=secret, digest_size=length // 2).hexdigest()


@lru_cache(maxsize=8)
def slow_digest(value: str, salt: str) -> str:
    """A salted digest that is slow to guess (scrypt; some milliseconds): a key for others, made from a secret."""
    return scrypt(value.encode(), salt=salt.encode(), n=2**12, r=8, p=1, dklen=32).hex()


SHOW_CONTACTS: ContextVar[bool] = ContextVar("show_contacts", default=False)
"""Whether this run was asked to print numbers in full (`--show-contacts`). What is kept is masked all the same."""


def utc(moment: datetime) -> str:
    """An instant as documents have it: ``2026-11-27T09:00:00Z``."""
    from datetime import UTC

    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def plural(count: Number, noun: str, nouns: str = "") -> str:
    """``1 contact``, ``12,400 contacts``."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def as_json_number(number: Number) -> int | float:
    return number if isinstance(number, int) else float(number)
