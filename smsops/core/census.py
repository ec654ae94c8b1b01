"""What an account has, as blocks of a configuration under keys of their own: the way from live to declared.

As a comparison does, it says which reads are missing (NotReadYet); the caller makes them and asks again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pydantic_core import ValidationError

from smsops.errors import SmsopsError
from smsops.kinds.base import CannotSay, Described, Found, Kind, Slot
from smsops.kinds.view import AnyRead, View
from smsops.model.address import Address, matches
from smsops.model.diagnostics import Diagnostic
from smsops.model.resources import CannotRead, NotReadYet
from smsops.model.shown import mask_text
from smsops.model.values import JSON

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_LONGEST = 60
_FILE_NAME = re.compile(r"\.(?:yaml|csv)\Z", re.IGNORECASE)
"""What no key ends with: files are named by keys."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One block, where it stands; `sections` are those that an account's block has inside."""

    address: Address
    kind: Kind
    slot: Slot
    described: Described
    sections: Mapping[str, Sequence[Placed]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.slot.key

    @property
    def block(self) -> Mapping[str, JSON]:
        return self.described.block

    @property
    def remarks(self) -> tuple[str, ...]:
        return self.described.remarks


class Census:
    """Looks at what an account has. `targets` are globs of the addresses that are wanted; none means all."""

    def __init__(self, view: View, targets: Sequence[str], *, people: bool) -> None:
        self._view = view
        self._targets = targets
        self._people = people
        self._described: dict[Address, Described | None] = {}
        self._warnings: dict[tuple[str, str], Diagnostic] = {}
        self._missing: dict[AnyRead, None] = {}
        self.addresses: set[Address] = set()
        """All that the account has under keys, wanted or not."""

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What had to be left out, and why."""
        return tuple(self._warnings.values())

    def look(self) -> dict[str, Sequence[Placed]]:
        """The blocks by section. NotReadYet, with all reads that are known to be missing; SmsopsError where one failed."""
        self._missing.clear()
        found = self._sections(None, None)
        if self._missing:
            raise NotReadYet(tuple(self._missing))
        return found

    def _sections(self, account: str | None, login: str | None) -> dict[str, Sequence[Placed]]:
        sections: dict[str, Sequence[Placed]] = {}
        for kind in self._view.kinds.values():
            if kind.section is None or (kind.opens_account and account is not None):
                continue
            placed = list(self._placed(kind, account, login))
            if placed:
                sections[kind.section] = placed
        return sections

    def _placed(self, kind: Kind, account: str | None, login: str | None) -> Iterator[Placed]:
        for key, found in keyed(self._discovered(kind, account, login), kind.name):
            address = Address(account, kind.name, key)
            self.addresses.add(address)
            sections = self._inside(address, found) if kind.opens_account else {}
            if not (self._is_wanted(address) or sections):
                continue
            slot = Slot(key, login, f"contacts/{account}/{key}.csv" if account else f"contacts/{key}.csv", self._people)
            described = self._described_once(kind, found, slot, address)
            if described is not None:
                yield Placed(address, kind, slot, self._guarded(kind, address, described), sections)

    def _inside(self, account: Address, found: Found) -> dict[str, Sequence[Placed]]:
        if self._targets and not any(_may_match(account, target) for target in self._targets):
            return {}
        return self._sections(account.name, found.identity)

    def _guarded(self, kind: Kind, address: Address, described: Described) -> Described:
        """An account of which only a part is owned is not to be deleted with the rest."""
        inside = [other for other in self.addresses if kind.opens_account and other.account == address.name]
        if all(self._is_wanted(other) and self._described.get(other) for other in inside):
            return described
        guarded = {**described.block, "lifecycle": {"protect": True}}
        remarks = ("It owns more than is declared here: deleting it would take that along.", *described.remarks)
        return Described(guarded, remarks, described.contacts, described.losses)

    def _is_wanted(self, address: Address) -> bool:
        return not self._targets or matches(address, self._targets)

    def _discovered(self, kind: Kind, account: str | None, login: str | None) -> Sequence[Found]:
        try:
            return kind.discover(login, self._view)
        except NotReadYet as missing:
            self._missing |= dict.fromkeys(missing.reads)
            return ()
        except CannotRead as error:
            raise _unreadable(f"The {kind.section} of {account or 'the account'}", error) from None

    def _described_once(self, kind: Kind, found: Found, slot: Slot, address: Address) -> Described | None:
        """None where there are no words for it, or a read is missing."""
        if address in self._described:
            return self._described[address]
        try:
            described = kind.describe(found, slot, self._view)
            kind.Spec.model_validate(described.block)
        except NotReadYet as missing:
            self._missing |= dict.fromkeys(missing.reads)
            return None
        except CannotRead as error:
            raise _unreadable(str(address), error) from None
        except CannotSay as reason:
            return self._leave_out(address, found, str(reason))
        except ValidationError as error:
            where = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])
            return self._leave_out(address, found, f"its {where} is nothing that it can be")
        for loss in described.losses:
            self._warn(f"{address} is written without something", f"Left out: {loss}.")
        self._described[address] = described
        return described

    def _leave_out(self, address: Address, found: Found, reason: str) -> Described | None:
        self._described[address] = None
        name = mask_text(found.identity)
        self._warn(f'{address} is left out: the configuration cannot say "{name}"', f"{reason[0].upper()}{reason[1:]}.")
        return None

    def _warn(self, summary: str, detail: str) -> None:
        self._warnings[summary, detail] = Diagnostic("warning", "SMS463", summary, detail)


def keyed(found: Iterable[Found], kind: str) -> Iterator[tuple[str, Found]]:
    """What was found with a key for each, in the order of the keys: the remote name where it can be one.

    No two differ only by case: files are named by them. The keys depend on the names alone, not on their order.
    """
    taken: dict[str, None] = {}
    chosen: dict[str, Found] = {}
    for one in sorted(found, key=lambda one: (not _is_key(one.identity), one.identity)):
        wish = one.identity if _is_key(one.identity) else _slug(one.identity) or kind
        key, number = wish, 1
        while key.casefold() in taken:
            number += 1
            key = f"{wish}-{number}"
        taken[key.casefold()] = None
        chosen[key] = one
    return iter(sorted(chosen.items()))


def _is_key(name: str) -> bool:
    return bool(_KEY.match(name)) and len(name) <= _LONGEST and not _FILE_NAME.search(name)


def _slug(name: str) -> str:
    """A name in the characters of keys: `Clients fidèles` is `clients-fideles`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].rstrip("-")


def _may_match(account: Address, target: str) -> bool:
    """Whether a glob may name something in an account, or names the account itself."""
    owner, slash, _ = target.partition("/")
    return matches(account, [target]) or (fnmatchcase(account.name, owner) if slash else "*" in target or "[" in target)


def _unreadable(what: str, error: Exception) -> SmsopsError:
    detail = f"{error}. Run again, or leave it out with --target."
    return SmsopsError(f"{what} could not be read", code="SMS264", detail=detail)


def contents(sections: Mapping[str, Sequence[Placed]]) -> Iterator[Placed]:
    """All blocks, those inside others too."""
    for placed in sections.values():
        for block in placed:
            yield block
            yield from contents(block.sections)
