"""The operations of a plan as a graph: Mermaid, for pages that draw it, or DOT, for Graphviz.

It is made of the plan's document, so that a saved plan looks as it did when it was made. An arrow leads from what is done
first to what waits for it. What a sub-account owns stands in a box of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from smsops.cli.views.text import symbol
from smsops.errors import SmsopsError
from smsops.model.values import plural

_FILLS = {
    "create": "#d3f0d9",
    "update": "#fdf0c8",
    "delete": "#f8d4d4",
    "replace": "#ecd6f5",
    "adopt": "#d2ecf5",
    "other": "#eeeeee",
}
_NOTHING = "No operations"


class _Node(NamedTuple):
    name: str
    account: str | None
    lines: tuple[str, ...]
    group: str


class _Graph(NamedTuple):
    nodes: tuple[_Node, ...]
    edges: tuple[tuple[str, str], ...]

    def boxes(self) -> list[tuple[str | None, list[_Node]]]:
        """The nodes of each account, the master's first."""
        found: dict[str | None, list[_Node]] = {None: []}
        for node in self.nodes:
            found.setdefault(node.account, []).append(node)
        return [(account, nodes) for account, nodes in found.items() if nodes]


def mermaid(document: Mapping[str, Any]) -> str:
    """A Mermaid flowchart. SmsopsError where the document is no plan."""
    graph = _graph(document)
    lines = ["flowchart LR"]
    for number, (account, nodes) in enumerate(graph.boxes()):
        drawn = [f'{node.name}["{"<br/>".join(map(_mermaid_text, node.lines))}"]:::{node.group}' for node in nodes]
        if account is None:
            lines += [f"  {line}" for line in drawn]
        else:
            lines += [
                f'  subgraph account{number}["{_mermaid_text(account)}"]',
                *(f"    {line}" for line in drawn),
                "  end",
            ]
    lines += [f"  {before} --> {after}" for before, after in graph.edges]
    if not graph.nodes:
        lines.append(f'  nothing["{_NOTHING}"]')
    used = {node.group for node in graph.nodes}
    lines += [
        f"  classDef {group} fill:{fill},stroke:#555,color:#111" for group, fill in _FILLS.items() if group in used
    ]
    return "\n".join(lines)


def dot(document: Mapping[str, Any]) -> str:
    """A graph in DOT. SmsopsError where the document is no plan."""
    graph = _graph(document)
    lines = [
        f"digraph {_dot_text(str(document.get('stack') or 'plan'))} {{",
        "  rankdir=LR;",
        '  node [shape=box, style="rounded,filled", fontname="Helvetica"];',
    ]
    for number, (account, nodes) in enumerate(graph.boxes()):
        drawn = [f'{node.name} [label={_dot_text(*node.lines)}, fillcolor="{_FILLS[node.group]}"];' for node in nodes]
        if account is None:
            lines += [f"  {line}" for line in drawn]
        else:
            inner = [f"label={_dot_text(account)};", *drawn]
            lines += [f"  subgraph cluster_{number} {{", *(f"    {line}" for line in inner), "  }"]
    lines += [f"  {before} -> {after};" for before, after in graph.edges]
    if not graph.nodes:
        lines.append(f'  nothing [label={_dot_text(_NOTHING)}, fillcolor="{_FILLS["other"]}"];')
    return "\n".join([*lines, "}"])


def _graph(document: Mapping[str, Any]) -> _Graph:
    try:
        actions = {change["address"]: tuple(change["change"]["actions"]) for change in document["resource_changes"]}
        names = {operation["id"]: f"n{number}" for number, operation in enumerate(document["operations"], 1)}
        nodes = tuple(
            _node(names[operation["id"]], operation, actions.get(operation["address"], ()))
            for operation in document["operations"]
        )
        edges = tuple(_edges(document["operations"], names))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SmsopsError(f"The plan is damaged: {error}", code="SMS411", detail="Make a new plan.") from None
    return _Graph(nodes, edges)


def _node(name: str, operation: Mapping[str, Any], actions: tuple[str, ...]) -> _Node:
    address, method, calls = str(operation["address"]), str(operation["method"]), int(operation["calls"])
    what = f"{method}, {plural(calls, 'call')}" if method and calls else " and ".join(actions)
    account = address.rpartition("/")[0] or None
    head = f"{symbol(actions)} {address}".strip()
    return _Node(name, account, (head, what) if what else (head,), _group(actions))


def _group(actions: tuple[str, ...]) -> str:
    if actions == ("delete", "create"):
        return "replace"
    return actions[0] if actions and actions[0] in _FILLS else "other"


def _edges(operations: Any, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for operation in operations:
        for before in sorted({names[key] for key in operation["depends_on"]}, key=lambda name: int(name[1:])):
            yield before, names[operation["id"]]


def _mermaid_text(text: str) -> str:
    """Text inside a label in quotes: what Mermaid, HTML or Markdown could read as their own is written by its number.

    A sign in front would begin a list of Markdown.
    """
    plain = " ".join(text.split())
    return "".join(
        character if character.isalnum() or (place and character in " .,/_-:()") else f"#{ord(character)};"
        for place, character in enumerate(plain)
    )


def _dot_text(*lines: str) -> str:
    """A quoted text of DOT."""
    escaped = (" ".join(line.split()).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines)
    return '"' + "\\n".join(escaped) + '"'
