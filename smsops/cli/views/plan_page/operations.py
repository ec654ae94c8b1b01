"""The operations of a plan, what waits for what: as a graph, and as a list for those who do not see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from smsops.cli.views import text
from smsops.cli.views.markup import Html, element, join
from smsops.cli.views.plan_page.diagnostics import marks
from smsops.cli.views.plan_page.graph import ALL_SINGLE, Node, arranged
from smsops.model.address import Address
from smsops.model.outcome import Outcome
from smsops.model.plan import Operation, Plan
from smsops.model.values import plural

MOST_LISTED = 500
_WIDTH, _HEIGHT = 230, 44
_GAP, _BETWEEN = 60, 14
_LABEL = 31
"""Characters that fit into a node."""


def section(plan: Plan, outcomes: Iterable[Outcome] = ()) -> Html | None:
    """Nothing where there is nothing to do. What is refused is marked, and what was not done."""
    if not plan.operations:
        return None
    nodes, left_out = arranged(plan.operations)
    marked = marks(plan, outcomes)
    calls = sum(operation.change.calls for operation in plan.operations)
    return join(
        (
            element("p", f"{plural(len(plan.operations), 'operation')}, {plural(calls, 'call')}. What a line leads to waits for where it comes from."),
            element("p", "Operations that do the same and wait for the same are one box.", class_="quiet")
            if len(plan.operations) > ALL_SINGLE
            else None,
            element("div", _drawing(nodes, marked), class_="graph", tabindex=0, role="group", aria_label="Graph of the operations"),
            element("p", f"{left_out:,} operations are not drawn.") if left_out else None,
            _list(plan),
        ),
        "\n",
    )  # fmt: skip


# -- the drawing ----------------------------------------------------------------------------


def _drawing(nodes: list[Node], marked: Mapping[Address | None, str]) -> Html:
    rows = {level: sum(1 for node in nodes if node.level == level) for level in {node.level for node in nodes}}
    tallest = max(rows.values())
    width = len(rows) * (_WIDTH + _GAP) - _GAP + 4
    height = tallest * (_HEIGHT + _BETWEEN) - _BETWEEN + 4

    def corner(node: Node) -> tuple[int, int]:
        above = (tallest - rows[node.level]) * (_HEIGHT + _BETWEEN) // 2
        return 2 + node.level * (_WIDTH + _GAP), 2 + above + node.place * (_HEIGHT + _BETWEEN)

    edges = (_edge(corner(nodes[other]), corner(node)) for node in nodes for other in sorted(node.needs))
    boxes = (_box(node, *corner(node), marked) for node in nodes)
    return element(
        "svg",
        element("title", "The operations from left to right in the order in which they are done; a list is below"),
        element("g", join(edges), class_="edges"),
        join(boxes, "\n"),
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        role="img",
    )


def _edge(start: tuple[int, int], end: tuple[int, int]) -> Html:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    to_x, to_y = end[0], end[1] + _HEIGHT // 2
    bend = _GAP // 2
    return element("path", d=f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}")


def _box(node: Node, x: int, y: int, marked: Mapping[Address | None, str]) -> Html:
    first = node.operations[0].change
    addresses = [str(operation.change.address) for operation in node.operations]
    symbol, tint, fate = text.symbol_of(first), text.tint_of(first), text.fate(first)
    calls = sum(operation.change.calls for operation in node.operations)
    label = addresses[0] if len(addresses) == 1 else f"{len(addresses):,} × {first.address.kind}"
    words = dict.fromkeys(marked[one.change.address] for one in node.operations if one.change.address in marked)
    told = f"{f'{first.method}, ' if first.method else ''}{plural(calls, 'call')}"
    some = ", ".join(addresses[:5]) + (", …" if len(addresses) > 5 else "")
    return element(
        "g",
        element("title", f"{some} {fate}; {told}{''.join(f'; {word}' for word in words)}"),
        element("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=6, class_=f"box {tint}{' refused' if words else ''}"),
        element("text", _short(f"{symbol} {label}".strip()), x=x + 10, y=y + 18, class_="label"),
        element("text", _short(told, _LABEL + 4), x=x + 10, y=y + 35, class_="told"),
        class_="node",
    )  # fmt: skip


def _short(words: str, most: int = _LABEL) -> str:
    return words if len(words) <= most else f"{words[: most // 2]}…{words[-(most // 2 - 1) :]}"


# -- the list -------------------------------------------------------------------------------


def _list(plan: Plan) -> Html:
    """Each operation behind those that it waits for."""
    places = {operation.id: place for place, operation in enumerate(plan.operations, start=1)}
    left_out = len(plan.operations) - MOST_LISTED
    items = (element("li", join(_item(operation, places))) for operation in plan.operations[:MOST_LISTED])
    return element(
        "details",
        element("summary", "The operations as a list"),
        element("ol", join(items, "\n")),
        element("p", f"{left_out:,} more are not listed; --format json has all.") if left_out > 0 else None,
    )


def _item(operation: Operation, places: dict[str, int]) -> Iterator[Html]:
    change = operation.change
    yield element("code", str(change.address))
    yield element("span", f" {text.fate(change)}; {plural(change.calls, 'call')}")
    waits = sorted(places[other] for other in operation.depends_on if other in places)
    if waits:
        some = ", ".join(map(str, waits[:10])) + (", …" if len(waits) > 10 else "")
        yield element("span", f"; after {some}", class_="quiet")
