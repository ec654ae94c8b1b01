"""Order from references: which operation waits for which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from smsops.kinds.view import View
from smsops.model.address import Address
from smsops.model.plan import Change


def closure(start: Iterable[Address], edges: Mapping[Address, AbstractSet[Address]]) -> set[Address]:
    """Everything reachable from `start` along `edges`, `start` included."""
    found: set[Address] = set()
    waiting = list(start)
    while waiting:
        address = waiting.pop()
        if address not in found:
            found.add(address)
            waiting.extend(edges.get(address, ()))
    return found


def dependencies(view: View) -> Mapping[Address, AbstractSet[Address]]:
    """What each resource depends on, as wanted now or else as recorded."""
    inputs = (view.desired, view.state)
    found: Mapping[Address, AbstractSet[Address]] = view.once(
        dependencies, inputs, lambda: {address: _dependencies(address, view) for address in view.addresses}
    )
    return found


def _dependencies(address: Address, view: View) -> set[Address]:
    desired, entry = view.desired.get(address), view.state.entries.get(address)
    found: set[Address] = set(desired.depends_on if desired else entry.depends_on if entry else ())
    scope = view.kinds[address.kind].scope(address)
    if scope is not None:
        found.add(scope)
    if address.account is not None:
        found.add(Address(None, view.opener.name, address.account))
    return found


def waits(
    changes: Mapping[Address, Change], needs: Mapping[Address, AbstractSet[Address]], leaving: AbstractSet[Address]
) -> dict[Address, set[Address]]:
    """For each change the changes that must be done first.

    What is wanted waits for what it needs; what is leaving waits for what needs it. Nothing needs that credits are
    taken back from its account (`money` knows which way they flow). Whatever else must come first is in `follows`.
    """
    graph: dict[Address, set[Address]] = {address: set() for address in changes}
    for address, change in changes.items():
        graph[address] |= {other for other in change.follows if other in changes}
        reachable = _nearest(address, needs, changes)
        for other in reachable:
            if address in leaving:
                graph[other].add(address)  # the dependent goes first
            elif other not in leaving and changes[other].moves >= 0:
                graph[address].add(other)
    return graph


def order(graph: Mapping[Address, set[Address]]) -> dict[Address, set[Address]]:
    """The same in an order that respects it, and is the same each time: what waits for nothing first, as it came."""
    needed_by: dict[Address, list[Address]] = {}
    for address, needs in graph.items():
        for need in needs:
            needed_by.setdefault(need, []).append(address)
    missing = {address: len(needs) for address, needs in graph.items() if needs}
    ordered = [address for address in graph if address not in missing]
    for address in ordered:  # which grows
        for other in needed_by.get(address, ()):
            missing[other] -= 1
            if not missing[other]:
                ordered.append(other)
    if len(ordered) < len(graph):  # pragma: no cover - references only point inwards
        cycle = " and ".join(str(address) for address in graph.keys() - set(ordered))
        raise ValueError(f"a cycle, or what waits for one: {cycle}")
    return {address: graph[address] for address in ordered}


def _nearest(
    address: Address, needs: Mapping[Address, AbstractSet[Address]], changes: Mapping[Address, Change]
) -> set[Address]:
    """The changes that `address` depends on, through resources that do not change."""
    found: set[Address] = set()
    seen: set[Address] = set()
    waiting = list(needs.get(address, ()))
    while waiting:
        other = waiting.pop()
        if other in seen:
            continue
        seen.add(other)
        if other in changes:
            found.add(other)
        else:
            waiting.extend(needs.get(other, ()))
    return found
