"""Addresses: the name of one resource inside a stack, ``[SUB_ACCOUNT/]KIND[.NAME]``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

OCCURRENCE = "@"
"""What stands in a name between the key of a block and which of its occurrences this is."""

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:-]*\Z")
"""What a key may look like; ``@`` and ``:`` are for keys that smsops makes, not for the YAML."""

_ADDRESS = re.compile(r"(?:(?P<account>[^/]+)/)?(?P<kind>[a-z][a-z_]*)(?:\.(?P<name>[^/]+))?\Z")


class Address(NamedTuple):
    """One resource: the key of the sub-account that owns it (None: the master), its kind, its key.

    ``name`` is empty where an account has only one of a kind (``acme-paris/credits``).
    """

    account: str | None
    kind: str
    name: str = ""

    def __str__(self) -> str:
        own = f"{self.kind}.{self.name}" if self.name else self.kind
        return f"{self.account}/{own}" if self.account else own

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address; ValueError where it is none."""
        match = _ADDRESS.match(text)
        if match is None or any(part is not None and not KEY.match(part) for part in match.group("account", "name")):
            raise ValueError(f"{text!r} is not an address such as list.vip or acme-paris/list.vip")
        return cls(match["account"], match["kind"], match["name"] or "")

    @property
    def block(self) -> Address:
        """The address by the key of the block that stands for it, whichever of its occurrences this is."""
        return self._replace(name=self.name.partition(OCCURRENCE)[0])

    @property
    def sort_key(self) -> tuple[str, str, str]:
        """Order for people: by account, the master's first."""
        return (self.account or "", self.kind, self.name)


def matches(address: Address, patterns: Iterable[str]) -> bool:
    """Whether an address is named by one of the globs (``acme-paris/*``, ``*list.vip``), or all occurrences of its block are."""
    texts = {str(address), str(address.block)}
    return any(fnmatchcase(text, pattern) for pattern in patterns for text in texts)


def stands_in(address: Address, outer: Address, *, opens_account: bool, embeds: tuple[str, ...]) -> bool:
    """Whether a resource is `outer`, an occurrence of it, stands inside its block, or is owned by it.

    `opens_account` says that resources of outer's kind own an account; `embeds` names the kinds
    that are declared inside a block of its kind and share its key.
    """
    if outer in (address, address.block) or (opens_account and address.account == outer.name):
        return True
    return address.account == outer.account and address.name == outer.name and address.kind in embeds


def renamed(address: Address, old: Address, new: Address, *, opens_account: bool) -> Address:
    """The address of something that stands in `old` after `old` became `new`."""
    if address == old:
        return new
    if opens_account:
        return address._replace(account=new.name)
    return address._replace(account=new.account, name=new.name + address.name.removeprefix(old.name))
