"""Order from references: which operation waits for which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter

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
    """The same in an order that respects it, and is the same each time."""
    sorter: TopologicalSorter[Address] = TopologicalSorter(dict.fromkeys(graph, ()))  # sets have an order of their own
    for address, needs in graph.items():
        sorter.add(address, *needs)
    try:
        ordered = list(sorter.static_order())
    except CycleError as error:  # pragma: no cover - references only point inwards
        raise ValueError(f"cycle: {' -> '.join(str(address) for address in error.args[1])}") from error
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
