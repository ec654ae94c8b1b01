"""What lets a breach of a policy through: named, with a reason, perhaps for a part of the stack and until a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Self

from smsops.model.address import Address, matches
from smsops.model.values import JSON

BY_FLAG = "--override"


class Override(NamedTuple):
    """Permission to break the policies that `policy`, a name or a glob, names.

    `by` says where it was given: the flag, or the place of an entry of `policy.allow`. `address` (a glob) limits it to
    what it names, `until` is the last day on which it holds.
    """

    policy: str
    reason: str
    by: str = BY_FLAG
    address: str | None = None
    until: date | None = None

    def names(self, policy: str) -> bool:
        """Whether it is about a policy. What is refused without a policy's name cannot be overridden."""
        return bool(policy) and fnmatchcase(policy, self.policy)

    def covers(self, address: Address) -> bool:
        """Whether it is about a resource."""
        return self.address is None or matches(address, [self.address])

    @property
    def _shown_reason(self) -> str:
        from smsops.model.shown import mask_text  # many commands know overrides and show none

        return mask_text(self.reason)

    @property
    def text(self) -> str:
        """By whom and why, for people."""
        until = f", until {self.until}" if self.until else ""
        return f"{self.by}{until}: {self._shown_reason}"

    def document(self, let_through: Iterable[str] = ()) -> dict[str, JSON]:
        """The JSON form; `let_through` names the policies whose breaches it lets through."""
        return {
            "policy": self.policy,
            "address": self.address,
            "until": self.until.isoformat() if self.until else None,
            "by": self.by,
            "reason": self._shown_reason,
            "let_through": sorted(set(let_through)),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """An override from its JSON form; KeyError, TypeError or ValueError where it is none."""
        until = document["until"]
        found = cls(
            document["policy"],
            document["reason"],
            document["by"],
            document["address"],
            date.fromisoformat(until) if until is not None else None,
        )
        if not all(isinstance(text, str) for text in (found.policy, found.reason, found.by, found.address or "")):
            raise TypeError("overrides")
        return found

    @classmethod
    def used(cls, document: Mapping[str, Any]) -> list[Self]:
        """From the JSON form, permission for what was let through and for nothing else."""
        found, names = cls.read(document), document["let_through"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TypeError("overrides")
        return [found._replace(policy=name) for name in names]
