"""The YAML files of a stack: smsops.yaml and what it includes, merged into one tree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smsops.config.inside import Unreadable, inside, read_inside
from smsops.config.interpolate import Names, interpolate
from smsops.config.yaml import Mapping, Sequence, parse_mapping
from smsops.model.diagnostics import Diagnostics, Mark

STACK_FILE = "smsops.yaml"
_ROOT_ONLY = ("stack", "account", "state", "encryption", "listen", "include")


class Files:
    """Reads each file of a stack once. `incomplete` says that one could not be read."""

    def __init__(self, root: Path, diagnostics: Diagnostics) -> None:
        self._root = root
        self._diagnostics = diagnostics
        self.contents: dict[str, bytes] = {}
        self.incomplete = False

    def read_stack(self) -> Mapping | None:
        """smsops.yaml itself; None, reported, where there is none."""
        if not (self._root / STACK_FILE).exists() and not (self._root / STACK_FILE).is_symlink():
            self._diagnostics.error(
                "SMS120",
                f"There is no {STACK_FILE} in {self._root}",
                detail="Go to the directory of a stack, name it with -C, or make one with: smsops init",
            )
            return None
        return self._read(STACK_FILE, None)

    def read_included(self, top: Mapping, names: Names) -> Iterator[Mapping]:
        """What `include` names, each file once, in order."""
        include = top.get("include")
        if not isinstance(include, Sequence):
            return  # the model of the stack reports it
        seen = {self._root.resolve() / STACK_FILE}
        for pattern, mark in include.marked():
            if not isinstance(pattern, str):
                continue
            text = str(interpolate(pattern, mark, names)[0])
            if mark in names.failed:
                self.incomplete = True
                continue
            for path in self._expand(text, mark):
                tree = self._read_once(path, mark, seen)
                if tree is not None:
                    self._check_included(tree)
                    yield tree

    def read_content(self, path: str) -> bytes:
        """What is in a file of the stack, which is part of the configuration from then on; Unreadable where there is none."""
        self.contents[path] = read_inside(self._root, path)
        return self.contents[path]

    def _read_once(self, path: str, mark: Mark, seen: set[Path]) -> Mapping | None:
        try:
            file = inside(self._root, path)
        except Unreadable:
            return self._read(path, mark)
        if file in seen:
            return None
        seen.add(file)
        return self._read(path, mark)

    def _expand(self, pattern: str, mark: Mark) -> list[str]:
        if not any(character in pattern for character in "*?["):
            return [pattern]
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            return [pattern]  # which leads out of the directory, and is reported
        try:
            paths = sorted(path for path in self._root.glob(pattern) if not path.is_dir())
        except (ValueError, NotImplementedError, RecursionError):
            self._diagnostics.error("SMS122", f"{pattern} is not a pattern of paths", mark=mark)
            return []
        return [path.relative_to(self._root).as_posix() for path in paths]

    def _read(self, path: str, mark: Mark | None) -> Mapping | None:
        """The mapping in one file; None, reported, where there is none."""
        try:
            content = self.read_content(path)
        except Unreadable as error:
            self.incomplete = True
            self._diagnostics.error(error.code, error.summary, detail=error.detail, mark=mark)
            return None
        tree = parse_mapping(content, path, self._diagnostics)
        self.incomplete |= tree is None
        return tree

    def _check_included(self, tree: Mapping) -> None:
        for name in _ROOT_ONLY:
            if name in tree:
                self._diagnostics.error(
                    "SMS115", f'"{name}" belongs in {STACK_FILE}', detail="Move it there.", mark=tree.key_mark(name)
                )
        if tree.get("smsops", "1") != "1":
            self._diagnostics.error("SMS112", "smsops: Write 1", mark=tree.value_mark("smsops"))


def merge(top: Mapping, included: Mapping, diagnostics: Diagnostics, *, whole: bool = False) -> None:
    """Add an included file's sections, or a `whole` smsops.yaml: mappings by key, lists one after the other."""
    for name, value in included.items():
        if not whole and (name in (*_ROOT_ONLY, "smsops") or value is None):
            continue
        mine = top.get(name)
        if mine is None:  # a copy, for anchors of the file may stand for the same section
            top.take(name, included)
            top[name] = value.copy() if isinstance(value, Mapping | Sequence) else value
        elif isinstance(mine, Mapping) and isinstance(value, Mapping):
            merge_keys(mine, value, diagnostics)
        elif isinstance(mine, Sequence) and isinstance(value, Sequence):
            for item, mark in value.marked():
                mine.put(item, mark)
        elif isinstance(mine, Mapping | Sequence):
            wanted = "a mapping (key: value)" if isinstance(mine, Mapping) else "a list"
            diagnostics.error("SMS112", f"{name}: Write {wanted}", mark=included.value_mark(name))
        # What smsops.yaml says wrongly itself is reported there.


def merge_keys(mine: Mapping, other: Mapping, diagnostics: Diagnostics) -> None:
    """Add the keys of `other`; the same key twice is an error that names both places."""
    for key in other:
        if key not in mine:
            mine.take(key, other)
            continue
        first, second = mine.key_mark(key), other.key_mark(key)
        detail = f"It stands first at {first}. Keep one of them."
        if first == second:
            detail = "Every row makes it: put ${row.column} into the key."
        diagnostics.error("SMS102", f'The key "{key}" stands twice', detail=detail, mark=second)
