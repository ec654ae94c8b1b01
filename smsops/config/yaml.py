"""YAML without surprises: text scalars, places kept, no tags, no second document, no duplicate keys.

PyYAML's C parser gives events; this module builds the tree from them, which is an order of
magnitude faster than PyYAML's constructor and keeps the place of every key and value.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Self

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
    StreamEndEvent,
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
    """A mapping of the configuration, which knows the place of each key and of its value.

    There are many more places than anybody ever asks for, so they are kept as numbers, and become a Mark when they are:
    both places of a key as one number where they are in the file that the mapping is in, otherwise as two Marks.
    """

    __slots__ = ("_begin", "_file", "_places", "_written")

    def __init__(self, file: str, begin: int | Mark) -> None:
        self._file = file
        self._begin = begin
        self._places: dict[str, int | tuple[Mark, Mark]] = {}
        self._written: dict[str, Mark] | None = None

    @classmethod
    def at(cls, mark: Mark) -> Self:
        """An empty one that begins at a place."""
        return cls(mark.file, mark)

    @property
    def mark(self) -> Mark:
        """Where it begins."""
        return self._begin if isinstance(self._begin, tuple) else _unpacked(self._file, self._begin)

    def key_mark(self, key: str) -> Mark:
        """The place of a key."""
        place = self._places[key]
        return place[0] if isinstance(place, tuple) else _unpacked(self._file, place >> _PLACE)

    def value_mark(self, key: str) -> Mark:
        """The place of a key's value."""
        place = self._places[key]
        return place[1] if isinstance(place, tuple) else _unpacked(self._file, place & _LOW)

    def written(self, key: str) -> Mark:
        """Where a key stands in the file, even where its place is the row of a data file that gave it its text."""
        return (self._written or {}).get(key) or self.key_mark(key)

    def put(self, key: str, value: Any, key_mark: Mark, value_mark: Mark, written: Mark | None = None) -> None:
        self[key] = value
        self._places[key] = (key_mark, value_mark)
        if written is not None and written != key_mark:
            self._written = self._written or {}
            self._written[key] = written

    def take(self, key: str, other: Mapping) -> None:
        """Put what `other` has under a key, with its places."""
        if other._file == self._file and other._written is None:
            self[key] = other[key]
            self._places[key] = other._places[key]
        else:
            self.put(key, other[key], other.key_mark(key), other.value_mark(key), (other._written or {}).get(key))

    def replace(self, key: str, value: Any, mark: Mark | None = None) -> None:
        """Put another value under a key that is there, at its place or at another one."""
        self[key] = value
        if mark is not None:
            self._places[key] = (self.key_mark(key), mark)

    def copy(self) -> Mapping:
        """The same, which may be added to."""
        copy = Mapping(self._file, self._begin)
        copy.update(self)
        copy._places = self._places.copy()
        copy._written = self._written and self._written.copy()
        return copy

    def without(self, keys: Collection[str]) -> Mapping:
        """The same without some keys; itself where it has none of them."""
        found = [key for key in keys if key in self]
        if not found:
            return self
        rest = self.copy()
        for key in found:
            del rest[key]
        return rest


class Sequence(list[Any]):
    """A sequence of the configuration, which knows the place of each item, kept as a Mapping keeps its places."""

    __slots__ = ("_begin", "_file", "_places")

    def __init__(self, file: str, begin: int | Mark) -> None:
        self._file = file
        self._begin = begin
        self._places: list[int | Mark] = []

    @classmethod
    def at(cls, mark: Mark) -> Self:
        """An empty one that begins at a place."""
        return cls(mark.file, mark)

    @property
    def mark(self) -> Mark:
        """Where it begins."""
        return self._begin if isinstance(self._begin, tuple) else _unpacked(self._file, self._begin)

    def item_mark(self, position: int) -> Mark:
        """The place of an item."""
        place = self._places[position]
        return place if isinstance(place, tuple) else _unpacked(self._file, place)

    def marked(self) -> Iterator[tuple[Any, Mark]]:
        """Each item with its place."""
        for position, item in enumerate(self):
            yield item, self.item_mark(position)

    def put(self, value: Any, mark: Mark) -> None:
        self.append(value)
        self._places.append(mark)

    def replace(self, position: int, value: Any, mark: Mark | None = None) -> None:
        """Put another value where one is, at its place or at another one."""
        self[position] = value
        if mark is not None:
            self._places[position] = mark

    def copy(self) -> Sequence:
        """The same, which may be added to."""
        copy = Sequence(self._file, self._begin)
        copy.extend(self)
        copy._places = self._places.copy()
        return copy


_COLUMN, _PLACE = 32, 64
"""How many bits a column takes, and a whole place: line and column, counted from 0. A key's is above its value's."""
_LOW = (1 << _PLACE) - 1


def _unpacked(file: str, place: int) -> Mark:
    return Mark(file, (place >> _COLUMN) + 1, (place & (1 << _COLUMN) - 1) + 1)


def mark_at(tree: Any, path: tuple[str | int, ...]) -> Mark | None:
    """The place of what `path` leads to, or of the last step that exists."""
    parent: Mapping | Sequence | None = None
    last: str | int = 0
    start = tree
    for step in path:
        is_key = isinstance(tree, Mapping) and step in tree
        if is_key or (isinstance(tree, Sequence) and isinstance(step, int) and step < len(tree)):
            parent, last, tree = tree, step, tree[step]
        # Other steps (the name of a model in a union) lead nowhere in the file.
    if isinstance(parent, Mapping):
        return parent.value_mark(str(last))
    if isinstance(parent, Sequence):
        return parent.item_mark(int(last))
    return start.mark if isinstance(start, Mapping | Sequence) else None


def key_mark_at(tree: Any, path: tuple[str | int, ...]) -> Mark | None:
    """The place of the key that `path` ends with, where there is one, otherwise as `mark_at`."""
    parent = tree
    for step in path[:-1]:
        if (isinstance(parent, Mapping) and step in parent) or (
            isinstance(parent, Sequence) and isinstance(step, int) and step < len(parent)
        ):
            parent = parent[step]  # type: ignore[index]
    if path and isinstance(parent, Mapping) and path[-1] in parent:
        return parent.key_mark(str(path[-1]))
    return mark_at(tree, path)


class _Frame:
    """A mapping or sequence that is being read."""

    __slots__ = ("anchor", "is_mapping", "is_merge", "key", "key_place", "merges", "node", "places")

    def __init__(self, node: Mapping | Sequence, anchor: str | None, *, is_mapping: bool) -> None:
        self.node: Any = node
        self.places: Any = node._places
        self.is_mapping = is_mapping
        self.anchor = anchor
        self.key: str | None = None
        self.key_place: int | None = None
        """The place of the key whose value comes next; None where a key comes next."""
        self.is_merge = False
        self.merges: list[tuple[Any, int]] = []


class _Stop(Exception):
    """The rest of the file makes no sense."""


class _Builder:
    def __init__(self, file: str, diagnostics: Diagnostics) -> None:
        self.file = file
        self.diagnostics = diagnostics
        self.anchors: dict[str, Any] = {}
        self.stack: list[_Frame] = []
        self.root: Any = None
        self.documents = 0
        self.expanded = 0
        self.measured: dict[int, tuple[Any, int, int]] = {}
        """By id, with the value, so that no other one gets its id."""

    def build(self, loader: Any) -> Any:
        """The tree of all that the loader reads. Nearly all of it is plain keys and values: they are dealt with here."""
        get_event = loader.get_event
        keys: dict[str, str] = {}  # the same text, thousands of times
        frame: _Frame | None = None
        while True:
            event = get_event()
            kind = type(event)
            if kind is ScalarEvent:
                value = text = event.value
                if text in _NULLS and not event.style:  # libyaml: plain is ""
                    value = None
                start = event.start_mark
                place = start.line << _COLUMN | start.column
                if event.tag is not None:
                    self.refuse_tag(event)
                if event.anchor is not None:
                    self.anchors[event.anchor] = value
                if frame is None:
                    self.root = value
                elif not frame.is_mapping:
                    frame.node.append(value)
                    frame.places.append(place)
                elif frame.key_place is None:
                    if value is None or text in frame.node or text == "<<":
                        self.take_key(frame, value, place, is_merge=text == "<<" and not event.style)
                    else:
                        frame.key, frame.key_place = keys.setdefault(text, text), place
                elif frame.key is None or frame.is_merge:
                    self.take_value(frame, value, place)
                else:
                    frame.node[frame.key] = value
                    frame.places[frame.key] = frame.key_place << _PLACE | place
                    frame.key_place = None
            elif kind is MappingStartEvent:
                frame = self.start(event, Mapping)
            elif kind is SequenceStartEvent:
                frame = self.start(event, Sequence)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                frame = self.end()
            elif kind is AliasEvent:
                self.alias(event)
            elif kind is DocumentStartEvent:
                self.documents += 1
                if self.documents > 1:
                    self.fail("SMS104", "A second document begins here", event, "Use one document a file, without ---.")
            elif kind is StreamEndEvent:
                return self.root

    def mark(self, event: Event) -> Mark:
        return _unpacked(self.file, _packed(event))

    def fail(self, code: str, summary: str, event: Event, detail: str = "") -> None:
        self.diagnostics.error(code, summary, detail=detail, mark=self.mark(event))
        raise _Stop

    def refuse_tag(self, event: Any) -> None:
        # libyaml reports the tag of an explicitly quoted scalar as None and `!` as "!".
        self.diagnostics.error(
            "SMS103",
            f"The tag {event.tag.replace('tag:yaml.org,2002:', '!!')} is not allowed",
            detail="Remove it: the schema gives every value its type.",
            mark=self.mark(event),
        )

    def start(self, event: Any, sort: type[Mapping] | type[Sequence]) -> _Frame:
        if event.tag is not None:
            self.refuse_tag(event)
        if len(self.stack) >= _MAX_DEPTH:
            self.check_depth(1, event)
        if self.stack and self.stack[-1].is_mapping and self.stack[-1].key_place is None:
            self.fail("SMS107", "A key must be text", event, "Write a name before the colon.")
        start = event.start_mark
        frame = _Frame(sort(self.file, start.line << _COLUMN | start.column), event.anchor, is_mapping=sort is Mapping)
        self.stack.append(frame)
        return frame

    def check_depth(self, height: int, event: Event) -> None:
        if len(self.stack) + height > _MAX_DEPTH:
            self.fail("SMS106", f"The configuration is nested more than {_MAX_DEPTH} levels deep", event)

    def end(self) -> _Frame | None:
        frame = self.stack.pop()
        node = frame.node
        if frame.merges:
            self.merge(frame)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = node
        self.add(node, node._begin)
        return self.stack[-1] if self.stack else None

    def alias(self, event: AliasEvent) -> None:
        name = str(event.anchor)
        if any(frame.anchor == name for frame in self.stack):
            self.fail("SMS105", f"*{name} stands inside its own anchor", event, "An alias may not contain itself.")
        if name not in self.anchors:
            self.fail("SMS105", f"*{name} has no anchor", event, f"Put &{name} before it.")
        value = self.anchors[name]
        size, height = self.measure(value)
        self.expanded += size
        if self.expanded > _MAX_EXPANDED:
            self.fail("SMS105", f"Aliases make this file larger than {_MAX_EXPANDED:,} values", event)
        self.check_depth(height, event)
        self.add(value, _packed(event))

    def measure(self, value: Any) -> tuple[int, int]:
        """How many values one that an alias stands for is made of, and how many levels deep it is."""
        if not isinstance(value, Mapping | Sequence):
            return 1, 0
        if id(value) not in self.measured:
            inner = [self.measure(item) for item in (value.values() if isinstance(value, Mapping) else value)]
            keys = len(value) if isinstance(value, Mapping) else 0
            size = 1 + keys + sum(size for size, _ in inner)
            self.measured[id(value)] = (value, size, 1 + max((height for _, height in inner), default=0))
        return self.measured[id(value)][1:]

    def add(self, value: Any, place: int) -> None:
        """Put a value that is not a plain scalar where it belongs."""
        if not self.stack:
            self.root = value
            return
        frame = self.stack[-1]
        if not frame.is_mapping:
            frame.node.append(value)
            frame.places.append(place)
        elif frame.key_place is None:
            self.take_key(frame, value, place)
        else:
            self.take_value(frame, value, place)

    def take_value(self, frame: _Frame, value: Any, place: int) -> None:
        assert frame.key_place is not None
        if frame.is_merge:
            frame.merges.append((value, place))
            frame.is_merge = False
        elif frame.key is not None:
            frame.node[frame.key] = value
            frame.places[frame.key] = frame.key_place << _PLACE | place
        frame.key = frame.key_place = None

    def take_key(self, frame: _Frame, value: Any, place: int, *, is_merge: bool = False) -> None:
        """Take a key that may be none; under a key that is None its value is dropped."""
        mark = _unpacked(self.file, place)
        if not isinstance(value, str):
            self.diagnostics.error("SMS107", "A key must be text", detail="Write a name before the colon.", mark=mark)
            value = None
        elif is_merge and frame.merges:
            self.diagnostics.error(
                "SMS102", 'The key "<<" stands twice', detail="Merge a list: <<: [*a, *b].", mark=mark
            )
        elif value in frame.node and not is_merge:
            first = frame.node.key_mark(value)
            self.diagnostics.error(
                "SMS102",
                f'The key "{value}" stands twice',
                detail=f"It stands first at {first}. Keep one of them.",
                mark=mark,
            )
            value = None
        frame.key, frame.key_place, frame.is_merge = value, place, is_merge

    def merge(self, frame: _Frame) -> None:
        """Merge keys: what a mapping says itself wins, then the first mapping merged."""
        for value, place in frame.merges:
            mark = _unpacked(self.file, place)
            for source, at in value.marked() if isinstance(value, Sequence) else [(value, mark)]:
                if not isinstance(source, Mapping):
                    self.diagnostics.error(
                        "SMS101", "Only mappings can be merged with <<", detail="Write <<: *anchor.", mark=at
                    )
                    continue
                for key in source:
                    if key not in frame.node:
                        frame.node.take(key, source)


def _packed(event: Event) -> int:
    start = event.start_mark
    assert start is not None
    return int(start.line << _COLUMN | start.column)


def parse_mapping(content: bytes, file: str, diagnostics: Diagnostics) -> Mapping | None:
    """The tree of a file of sections, an empty one of an empty file. None, reported, where it is none."""
    before = len(diagnostics.items)
    tree = parse(content, file, diagnostics)
    if isinstance(tree, Mapping):
        return tree
    if tree is not None:
        diagnostics.error(
            "SMS112",
            "The file must be a mapping of sections",
            detail="Write sections such as lists: or campaigns:.",
            mark=Mark(file, 1, 1),
        )
    return None if len(diagnostics.items) > before else Mapping.at(Mark(file, 1, 1))


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
        loader = _LOADER(text)
        try:
            builder.build(loader)
        finally:
            loader.dispose()
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
