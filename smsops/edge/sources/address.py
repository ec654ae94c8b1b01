"""Addresses of sources: where credentials may stand in them, and what messages show of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from smsops.edge.secrets import SecretUnavailable, resolve
from smsops.model.resources import SecretReference
from smsops.model.sources import SourceUnreadable
from smsops.model.values import repr_without

_SECRET_PARAMETER = re.compile(
    r"(?i)(?:^|&)(?:sig|[^&=]*(?:passw|secret|token|signature|credential|api[_-]?key)[^&=]*)="
)

_WITHOUT_HOST = ("sqlite", "postgresql", "postgres")
"""The schemes whose addresses may name no host."""


class Address(NamedTuple):
    """An address that makes sense as such. `label` is what messages show: no user, no password, no parameters.

    `by_reference`: it came from the caller's environment, not from the YAML, and may hold credentials.
    """

    url: str
    parts: SplitResult
    label: str
    by_reference: bool

    def __repr__(self) -> str:
        return repr_without(self, "url", "parts")

    @classmethod
    def of(cls, given: str | SecretReference, root: Path, environment: Mapping[str, str]) -> Address:
        """Look an address up and take it apart; SourceUnreadable, which quotes nothing of it, where it makes no sense."""
        if isinstance(given, str):
            return cls._parsed(given, by_reference=False, name="The address of the source")
        try:
            url = resolve(given, root, environment).reveal().strip()
        except SecretUnavailable as error:
            raise SourceUnreadable(error.summary, error.detail) from None
        name = given.value if isinstance(given.value, str) else given.value[0]
        return cls._parsed(url, by_reference=True, name=f"The address in {name}")

    @classmethod
    def _parsed(cls, url: str, *, by_reference: bool, name: str) -> Address:
        try:
            parts = urlsplit(url)
            _ = parts.port  # a ValueError where it is none
        except ValueError:
            raise _senseless(name) from None
        if not parts.scheme or not url.isprintable():
            raise _senseless(name)
        user, _, host = parts.netloc.rpartition("@")
        if not host and (parts.netloc or parts.scheme not in _WITHOUT_HOST):
            raise _senseless(name)  # it may be a password that is all of the address
        if by_reference and ("@" in user or "@" in parts.path + parts.query + parts.fragment):
            # Readers differ in where such a password ends; a part of it would be taken for the host, and shown.
            raise SourceUnreadable(
                f"{name} is ambiguous: it holds an @ that does not end the user and password",
                "In a password, @ is written %40, / is %2F, ? is %3F and # is %23; elsewhere @ is %40.",
            )
        if not by_reference and (parts.password is not None or _SECRET_PARAMETER.search(parts.query)):
            raise _literal_credentials(name)
        return cls(url, parts, _label(url, parts, host), by_reference)

    @property
    def scheme(self) -> str:
        return self.parts.scheme

    @property
    def user(self) -> str | None:
        return None if self.parts.username is None else unquote(self.parts.username)

    @property
    def password(self) -> str | None:
        return None if self.parts.password is None else unquote(self.parts.password)

    def unreadable(self, cause: str, detail: str = "") -> SourceUnreadable:
        """What to raise: `cause` and `detail` hold no credentials, no numbers and nothing that was read."""
        return SourceUnreadable(f"{self.label} cannot be read: {cause}", detail)


def _label(url: str, parts: SplitResult, host: str) -> str:
    return f"{parts.scheme}://{host}{parts.path}" if host else url.partition("?")[0].partition("#")[0]


def _senseless(name: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{name} makes no sense",
        "It looks like https://host/file.csv, s3://bucket/file.csv or postgresql://host/database.",
    )


def _literal_credentials(name: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{name} holds credentials", "Put it into a variable, and write {env: NAME} in place of the address."
    )
