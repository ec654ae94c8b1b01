"""`moved` and `removed`: whether their entries make sense beside what the configuration declares."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from typing import Any

from smsops.config.stack import StackBlock
from smsops.config.yaml import mark_at
from smsops.kinds.base import Declared, Kind
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean


class Moves:
    """Checks the two sections; each entry gets the first mistake that it has."""

    def __init__(
        self, kinds: AbstractMapping[str, Kind], declared: Declared, tree: Any, diagnostics: Diagnostics
    ) -> None:
        self._kinds = kinds
        self._declared = declared
        self._tree = tree
        self._diagnostics = diagnostics

    def check(self, stack: StackBlock) -> None:
        self._check_moved(stack)
        self._check_removed(stack)

    def _check_moved(self, stack: StackBlock) -> None:
        targets: dict[Address, Address] = {}
        sources: dict[Address, Address] = {}
        for position, move in enumerate(stack.moved):
            from_mark, to_mark = self._mark("moved", position, "from"), self._mark("moved", position, "to")
            if not self._is_kind(move.from_, "SMS181", from_mark) or not self._is_kind(move.to, "SMS181", to_mark):
                continue
            if move.from_.kind != move.to.kind:
                self._error("SMS181", "moved: both addresses must be of one kind", to_mark)
            elif move.from_.account != move.to.account:
                what = f"moved: a {move.from_.kind} cannot go to another account"
                self._error("SMS181", what, to_mark, "Only its key can change; a sub-account takes along what it owns.")
            elif not self._kinds[move.from_.kind].section:
                what = f"moved: {move.from_.kind} move with what they belong to"
                self._error("SMS181", what, from_mark, "Move that instead.")
            elif move.from_ in targets:
                self._error("SMS183", f"moved: {move.from_} is moved twice", from_mark, "Keep one of the entries.")
            elif move.to in sources:
                self._error("SMS183", f"moved: {move.to} is the target twice", to_mark, "Keep one of the entries.")
            elif self._is_declared(move.from_):
                what = f"moved: {move.from_} is still in the configuration"
                self._error("SMS181", what, from_mark, "Remove its block, or this entry.")
            else:
                targets[move.from_], sources[move.to] = move.to, move.from_
        for position, move in enumerate(stack.moved):
            if targets.get(move.from_) == move.to:
                self._check_target(move.to, targets, self._mark("moved", position, "to"))

    def _check_target(self, to: Address, targets: AbstractMapping[Address, Address], mark: Mark) -> None:
        """A move leads, perhaps over other moves, to something that is declared."""
        end = to
        for _ in targets:
            end = targets.get(end, end)
        if end in targets:
            self._error("SMS181", "moved: the entries go in a circle", mark, "Remove one of them.")
        elif to == end and not self._is_declared(to) and not self._is_declared(to.block):
            names = [str(address) for address in self._declared.resources if address.kind == to.kind]
            self._error("SMS150", f"moved: there is no {to} in the configuration", mark, did_you_mean(str(to), names))

    def _check_removed(self, stack: StackBlock) -> None:
        moved = {move.from_ for move in stack.moved}
        seen: set[Address] = set()
        for position, removed in enumerate(stack.removed):
            address = removed.address
            mark = self._mark("removed", position, "address")
            if not self._is_kind(address, "SMS182", mark):
                continue
            if address in seen:
                self._error("SMS182", f"removed: {address} stands twice", mark, "Keep one of the entries.")
            elif address in moved:
                self._error("SMS182", f"removed: {address} is moved", mark, "Keep one of the entries.")
            elif self._is_declared(address):
                what = f"removed: {address} is still in the configuration"
                self._error("SMS182", what, mark, "Remove its block, or this entry.")
            seen.add(address)

    def _is_kind(self, address: Address, code: str, mark: Mark) -> bool:
        if address.kind in self._kinds:
            return True
        self._error(code, f'"{address.kind}" is not a kind', mark, did_you_mean(address.kind, self._kinds))
        return False

    def _is_declared(self, address: Address) -> bool:
        return address in self._declared.resources or address in self._declared.blocks

    def _mark(self, *path: str | int) -> Mark:
        mark = mark_at(self._tree, path)
        assert mark is not None
        return mark

    def _error(self, code: str, summary: str, mark: Mark, detail: str = "") -> None:
        self._diagnostics.error(code, summary, detail=detail, mark=mark)
