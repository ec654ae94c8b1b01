"""Operations as a graph by levels: pure geometry, drawn by `operations`.

A few operations are a node each. Many are grouped: those that do the same, and wait for the same, are one node, so that two
hundred shops look like one shop.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from smsops.model.plan import Operation

ALL_SINGLE = 40
MOST_NODES = 60
_SWEEPS = 4


@dataclass
class Node:
    """One operation, or several that are alike. `level` is the longest way to it; `needs` and `needed_by` are positions."""

    operations: list[Operation]
    level: int = 0
    needs: set[int] = field(default_factory=set)
    needed_by: set[int] = field(default_factory=set)
    place: int = 0
    """Its place in its level, from the top."""


def arranged(operations: Sequence[Operation]) -> tuple[list[Node], int]:
    """The nodes with their places, and how many operations have none because there would be too many nodes.

    Operations come in an order that respects what they wait for.
    """
    nodes, of = _nodes(operations)
    for position, node in enumerate(nodes):
        for operation in node.operations:
            node.needs |= {of[other] for other in operation.depends_on if other in of} - {position}
    left_out = sum(len(node.operations) for node in nodes[MOST_NODES:])
    nodes = nodes[:MOST_NODES]
    for node in nodes:
        node.needs = {other for other in node.needs if other < MOST_NODES}
        node.level = 1 + max((nodes[other].level for other in node.needs), default=-1)
    _drop_what_follows(nodes)
    for position, node in enumerate(nodes):
        for other in node.needs:
            nodes[other].needed_by.add(position)
    _place(nodes)
    return nodes, left_out


def _nodes(operations: Sequence[Operation]) -> tuple[list[Node], dict[str, int]]:
    """The nodes in the order of their first operation, and the node of each operation."""
    likenesses: dict[str, Hashable] = {}
    nodes: dict[Hashable, int] = {}
    found: list[Node] = []
    single = len(operations) <= ALL_SINGLE
    for operation in operations:
        likeness = operation.id if single else _likeness(operation, likenesses)
        position = nodes.setdefault(likeness, len(found))
        if position == len(found):
            found.append(Node([]))
        found[position].operations.append(operation)
        likenesses[operation.id] = position
    return found, {operation.id: position for position, node in enumerate(found) for operation in node.operations}


def _likeness(operation: Operation, known: Mapping[str, Hashable]) -> Hashable:
    change = operation.change
    needs = frozenset(known[other] for other in operation.depends_on if other in known)
    return change.address.kind, change.actions, operation.change.method, needs


def _drop_what_follows(nodes: Sequence[Node]) -> None:
    """Leave out edges that say what others say already: who waits for the last of a row waits for all of it."""
    behind: list[set[int]] = []
    for node in nodes:
        indirect = set().union(*(behind[other] for other in node.needs))
        behind.append(indirect | node.needs)
        node.needs -= indirect


def _place(nodes: Sequence[Node]) -> None:
    """Order each level by where its neighbours are, so that few edges cross (barycentres, a few sweeps)."""
    levels: dict[int, list[int]] = {}
    for position, node in enumerate(nodes):
        node.place = len(levels.setdefault(node.level, []))
        levels[node.level].append(position)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for level in sorted(levels, reverse=not down):
            middle = {}
            for position in levels[level]:
                node = nodes[position]
                near = [nodes[other].place for other in (node.needs if down else node.needed_by)]
                middle[position] = sum(near) / len(near) if near else node.place
            levels[level].sort(key=lambda position: (middle[position], nodes[position].place))
            for place, position in enumerate(levels[level]):
                nodes[position].place = place
