"""YAML without surprises: text scalars, places kept, no tags, no second document, no duplicate keys.

PyYAML's C parser gives events; this module builds the tree from them, which is an order of
magnitude faster than PyYAML's constructor and keeps the place of every key and value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from smsops.model.diagnostics import Diagnostics, Mark

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_NULLS = frozenset(("", "~", "null"))
_MAX_DEPTH = 64
_MAX_EXPANDED = 1_000_000
"""Nodes that aliases may stand for in one file; a honest stack does not come near."""


_HINTS = (
    # what libyaml says, how the text goes on there, what to do
    ("cannot start any token", "\t", "Indent with blanks, not with tabs."),
    ("cannot start any token", "", "Put the text in quotes."),
    ("mapping values are not allowed", "", 'Put a text with ": " in it in quotes, or check the indentation.'),
    ("did not find expected key", "", "Check the indentation."),
    ("unexpected end of stream", "", "Close the quote that begins here."),
)


class Mapping(dict[str, Any]):
    """A mapping of the configuration; `marks[key]` is the place of the key and of its value."""

    __slots__ = ("mark", "marks", "written")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: dict[str, tuple[Mark, Mark]] = {}
        self.written: dict[str, Mark] = {}
        """Where a key stands in the file, when its place is the row of a data file that gave it its text."""

    def put(self, key: str, value: Any, key_mark: Mark, value_mark: Mark, written: Mark | None = None) -> None:
        self[key] = value
        self.marks[key] = (key_mark, value_mark)
        if written is not None:
            self.written[key] = written

    def take(self, key: str, other: Mapping) -> None:
        """Put what `other` has under a key, with its places."""
        self.put(key, other[key], *other.marks[key], other.written.get(key))


class Sequence(list[Any]):
    """A sequence of the configuration; `marks[i]` is the place of item i."""

    __slots__ = ("mark", "marks")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.marks: list[Mark] = []

    def put(self, value: Any, mark: Mark) -> None:
        self.append(value)
        self.marks.append(mark)


def mark_at(tree: Any, path: tuple[str | int, ...]) -> Mark | None:
    """The place of what `path` leads to, or of the last step that exists."""
    mark = tree.mark if isinstance(tree, Mapping | Sequence) else None
    for step in path:
        if isinstance(tree, Mapping) and isinstance(step, str) and step in tree:
            mark, tree = tree.marks[step][1], tree[step]
        elif isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree):
            mark, tree = tree.marks[step], tree[step]
        # Other steps (the name of a model in a union) lead nowhere in the file.
    return mark


def key_mark_at(tree: Any, path: tuple[str | int, ...]) -> Mark | None:
    """The place of the key that `path` ends with, where there is one, otherwise as `mark_at`."""
    parent = tree
    for step in path[:-1]:
        if (isinstance(parent, Mapping) and step in parent) or (
            isinstance(parent, Sequence) and isinstance(step, int) and step < len(parent)
        ):
            parent = parent[step]  # type: ignore[index]
    if path and isinstance(parent, Mapping) and path[-1] in parent:
        return parent.marks[str(path[-1])][0]
    return mark_at(tree, path)


class _Node(NamedTuple):
    """A value, how many values it is made of, and how many levels deep it is."""

    value: Any
    size: int = 1
    height: int = 0


@dataclass
class _Frame:
    node: Mapping | Sequence
    anchor: str | None
    key: str | None = None
    key_mark: Mark | None = None
    is_merge: bool = False
    merges: list[tuple[Any, Mark]] = field(default_factory=list)
    size: int = 1
    height: int = 1


class _Stop(Exception):
    """The rest of the file makes no sense."""


class _Builder:
    def __init__(self, file: str, diagnostics: Diagnostics) -> None:
        self.file = file
        self.diagnostics = diagnostics
        self.anchors: dict[str, _Node] = {}
        self.stack: list[_Frame] = []
        self.root: Any = None
        self.documents = 0
        self.expanded = 0

    def mark(self, event: Event) -> Mark:
        start = event.start_mark
        assert start is not None
        return Mark(self.file, start.line + 1, start.column + 1)

    def feed(self, event: Event) -> None:
        match event:
            case ScalarEvent():
                self.check_tag(event)
                plain_null = not event.style and event.value in _NULLS  # libyaml: plain is ""
                value = None if plain_null else event.value
                node = _Node(value)
                if event.anchor:
                    self.anchors[event.anchor] = node
                self.add(node, self.mark(event), is_merge=not event.style and event.value == "<<")
            case MappingStartEvent() | SequenceStartEvent():
                self.start(event)
            case MappingEndEvent() | SequenceEndEvent():
                self.end()
            case AliasEvent():
                self.alias(event)
            case DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    self.fail("SMS104", "A second document begins here", event, "Use one document a file, without ---.")
            case _:
                pass

    def fail(self, code: str, summary: str, event: Event, detail: str = "") -> None:
        self.diagnostics.error(code, summary, detail=detail, mark=self.mark(event))
        raise _Stop

    def check_tag(self, event: Any) -> None:
        # libyaml reports the tag of an explicitly quoted scalar as None and `!` as "!".
        if event.tag is not None:
            self.diagnostics.error(
                "SMS103",
                f"The tag {event.tag.replace('tag:yaml.org,2002:', '!!')} is not allowed",
                detail="Remove it: the schema gives every value its type.",
                mark=self.mark(event),
            )

    def start(self, event: Any) -> None:
        self.check_tag(event)
        self.check_depth(1, event)
        mark = self.mark(event)
        node: Mapping | Sequence = Mapping(mark) if isinstance(event, MappingStartEvent) else Sequence(mark)
        if self.stack and isinstance(self.stack[-1].node, Mapping) and self.stack[-1].key_mark is None:
            self.fail("SMS107", "A key must be text", event, "Write a name before the colon.")
        self.stack.append(_Frame(node, event.anchor))

    def check_depth(self, height: int, event: Event) -> None:
        if len(self.stack) + height > _MAX_DEPTH:
            self.fail("SMS106", f"The configuration is nested more than {_MAX_DEPTH} levels deep", event)

    def end(self) -> None:
        frame = self.stack.pop()
        if isinstance(frame.node, Mapping):
            self.merge(frame)
        node = _Node(frame.node, frame.size, frame.height)
        if frame.anchor:
            self.anchors[frame.anchor] = node
        self.add(node, frame.node.mark)

    def alias(self, event: AliasEvent) -> None:
        name = str(event.anchor)
        if any(frame.anchor == name for frame in self.stack):
            self.fail("SMS105", f"*{name} stands inside its own anchor", event, "An alias may not contain itself.")
        if name not in self.anchors:
            self.fail("SMS105", f"*{name} has no anchor", event, f"Put &{name} before it.")
        node = self.anchors[name]
        self.expanded += node.size
        if self.expanded > _MAX_EXPANDED:
            self.fail("SMS105", f"Aliases make this file larger than {_MAX_EXPANDED:,} values", event)
        self.check_depth(node.height, event)
        self.add(node, self.mark(event))

    def add(self, node: _Node, mark: Mark, *, is_merge: bool = False) -> None:
        if not self.stack:
            self.root = node.value
            return
        frame = self.stack[-1]
        frame.size += node.size
        frame.height = max(frame.height, node.height + 1)
        if isinstance(frame.node, Sequence):
            frame.node.put(node.value, mark)
        elif frame.key_mark is None:
            self.take_key(frame, node.value, mark, is_merge=is_merge)
        else:
            self.take_value(frame, node.value, mark)

    def take_value(self, frame: _Frame, value: Any, mark: Mark) -> None:
        assert isinstance(frame.node, Mapping)
        assert frame.key_mark is not None
        if frame.is_merge:
            frame.merges.append((value, mark))
        elif frame.key is not None and frame.key not in frame.node:
            frame.node.put(frame.key, value, frame.key_mark, mark)
        frame.key = frame.key_mark = None

    def take_key(self, frame: _Frame, value: Any, mark: Mark, *, is_merge: bool) -> None:
        assert isinstance(frame.node, Mapping)
        if not isinstance(value, str):
            self.diagnostics.error("SMS107", "A key must be text", detail="Write a name before the colon.", mark=mark)
            value = None
        elif is_merge and frame.merges:
            self.diagnostics.error(
                "SMS102", 'The key "<<" stands twice', detail="Merge a list: <<: [*a, *b].", mark=mark
            )
        elif value in frame.node and not is_merge:
            first = frame.node.marks[value][0]
            self.diagnostics.error(
                "SMS102",
                f'The key "{value}" stands twice',
                detail=f"It stands first at {first}. Keep one of them.",
                mark=mark,
            )
        frame.key, frame.key_mark, frame.is_merge = value, mark, is_merge

    def merge(self, frame: _Frame) -> None:
        """Merge keys: what a mapping says itself wins, then the first mapping merged."""
        node = frame.node
        assert isinstance(node, Mapping)
        for value, mark in frame.merges:
            sources = zip(value, value.marks, strict=True) if isinstance(value, Sequence) else [(value, mark)]
            for source, place in sources:
                if not isinstance(source, Mapping):
                    self.diagnostics.error(
                        "SMS101", "Only mappings can be merged with <<", detail="Write <<: *anchor.", mark=place
                    )
                    continue
                for key in source:
                    if key not in node:
                        node.take(key, source)


def _events(text: str) -> Iterator[Event]:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def parse(content: bytes, file: str, diagnostics: Diagnostics) -> Any:
    """The tree of one file: Mapping, Sequence, str or None. None too where it cannot be read at all.

    Mistakes go to `diagnostics` (SMS101 to SMS108) with their place in `file`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = _place(file, content[: error.start].decode("utf-8", errors="replace"))
        diagnostics.error("SMS108", "The file is not UTF-8", detail="Save it with the encoding UTF-8.", mark=mark)
        return None
    builder = _Builder(file, diagnostics)
    try:
        for event in _events(text):
            builder.feed(event)
    except _Stop:
        return None
    except yaml.reader.ReaderError:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        name = f" (U+{ord(found.group()):04X})" if found else ""
        mark = _place(file, text[: found.start()] if found else "")
        diagnostics.error("SMS101", f"YAML does not allow this character{name}", detail="Remove it.", mark=mark)
        return None
    except yaml.MarkedYAMLError as error:
        _report_syntax(error, text, file, diagnostics)
        return None
    return builder.root


def _place(file: str, before: str) -> Mark:
    """The place behind some text that a file begins with."""
    lines = before.splitlines() or [""]
    if before.endswith(("\n", "\r")):
        lines.append("")
    return Mark(file, len(lines), len(lines[-1]) + 1)


def _report_syntax(error: yaml.MarkedYAMLError, text: str, file: str, diagnostics: Diagnostics) -> None:
    problem = (error.problem or str(error)).strip()
    where, context = error.problem_mark, error.context_mark
    if context and (where is None or where.line >= len(text.rstrip().splitlines())):
        where = context  # what is not closed shows only at the end; it begins here
    mark = Mark(file, where.line + 1, where.column + 1) if where else Mark(file, 1, 1)
    lines = text.splitlines()
    rest = lines[mark.line - 1][where.column :] if where and mark.line <= len(lines) else ""
    hint = next((hint for words, start, hint in _HINTS if words in problem and rest.startswith(start)), "")
    if not hint and error.context and context:
        begin = Mark(file, context.line + 1, context.column + 1)
        hint = f"Seen {error.context.strip()} that begins at {begin}."
    diagnostics.error("SMS101", f"This is not YAML: {problem}", detail=hint, mark=mark)
