"""Interpolation: ``${var.x}``, ``${env.X}``, ``${row.col}``, ``${stack.name}`` in any text; ``$${`` is a literal ``${``."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping
from functools import lru_cache
from typing import Any, NamedTuple

from smsops.config.yaml import Mapping, Sequence
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME = re.compile(r"(var|env|row|stack)\.([^\s.{}][^{}]*)\Z")


class Names:
    """What references may stand for. `row` is None outside `generate`, where row references are kept for later."""

    def __init__(
        self,
        variables: AbstractMapping[str, str],
        environment: AbstractMapping[str, str],
        stack: str,
        diagnostics: Diagnostics,
        row: AbstractMapping[str, str] | None = None,
        row_mark: Mark | None = None,
        unresolved: frozenset[str] = frozenset(),
    ) -> None:
        self.variables = variables
        self.environment = environment
        self.stack = stack
        self.diagnostics = diagnostics
        self.row = row
        self.row_mark = row_mark
        self.unresolved = unresolved
        self.used: dict[str, str] = {}
        """The environment variables that the configuration depends on."""
        self.used_at: dict[str, Mark] = {}
        """Where each of them stands first."""
        self.failed: set[Mark] = set()
        """Texts with a reference that has no value: nothing more is said about them."""

    def with_row(self, row: AbstractMapping[str, str], mark: Mark) -> Names:
        names = Names(self.variables, self.environment, self.stack, self.diagnostics, row, mark, self.unresolved)
        names.used, names.used_at = self.used, self.used_at
        names.failed = self.failed
        return names

    def resolve(self, reference: _Reference, mark: Mark) -> str | None:
        """The value of a reference; None, with a diagnostic, where it has none."""
        if not reference.closed:
            self.diagnostics.error(
                "SMS130",
                "A reference is not closed",
                detail="Put } behind it, or write $${ for a literal ${.",
                mark=mark,
            )
            return None
        if not reference.space:
            self.diagnostics.error(
                "SMS130",
                f"{reference.written} is not a reference",
                detail="Write ${var.x}, ${env.X}, ${row.column} or ${stack.name}; $${ is a literal ${.",
                mark=mark,
            )
            return None
        lookup: Callable[[str, Mark], str | None] = getattr(self, f"_{reference.space}")
        return lookup(reference.name, mark)

    def _var(self, name: str, mark: Mark) -> str | None:
        if name in self.variables:
            return self.variables[name]
        if name not in self.unresolved:  # those were reported where they are declared
            self.diagnostics.error(
                "SMS131",
                f'There is no variable "{name}"',
                detail=did_you_mean(name, self.variables) or "Declare it under variables:.",
                mark=mark,
            )
        return None

    def _env(self, name: str, mark: Mark) -> str | None:
        value = self.environment.get(name)
        if value is None:
            self.diagnostics.error(
                "SMS133", f"The environment variable {name} is not set", detail="Set it and run again.", mark=mark
            )
        elif not is_text(value):
            self.diagnostics.error("SMS133", f"The environment variable {name} is not UTF-8 text", mark=mark)
        else:
            self.used[name] = value
            self.used_at.setdefault(name, mark)
            return value
        return None

    def _row(self, name: str, mark: Mark) -> str | None:
        if self.row is None:
            self.diagnostics.error(
                "SMS134", f"${{row.{name}}} has a value only inside generate:", detail="Move it there.", mark=mark
            )
            return None
        if name in self.row:
            return self.row[name]
        self.diagnostics.error(
            "SMS134", f'The rows have no column "{name}"', detail=did_you_mean(name, self.row), mark=mark
        )
        return None

    def _stack(self, name: str, mark: Mark) -> str | None:
        if name == "name":
            return self.stack
        self.diagnostics.error(
            "SMS130", f"${{stack.{name}}} is not a reference", detail="Write ${stack.name}.", mark=mark
        )
        return None


def is_text(value: str) -> bool:
    """Whether a text from outside can be written again: bytes that are no text arrive as lone surrogates."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


class _Reference(NamedTuple):
    """What stands between `${` and `}`; without a space where it names nothing."""

    written: str
    closed: bool
    space: str
    name: str


@lru_cache(maxsize=1024)
def _parts(text: str) -> tuple[str | _Reference, ...]:
    """A text taken apart: the texts of a template are the same for each of its rows."""
    parts: list[str | _Reference] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match.group() == "$${":
            parts.append("${")
            continue
        name = _NAME.match(match[1])
        parts.append(_Reference(match.group(), match.group().endswith("}"), *(name.groups() if name else ("", ""))))
    return (*parts, text[end:])


def _interpolate_text(text: str, mark: Mark, names: Names) -> tuple[str, Mark]:
    """The text with its references replaced, and its place: the row, where a value of the row is in it."""
    from_row = False
    replaced: list[str] = []
    for part in _parts(text):
        if isinstance(part, str):
            replaced.append(part)
            continue
        value = names.resolve(part, mark)
        from_row = from_row or part.written.startswith("${row.")
        if value is None:
            names.failed.add(mark)
        replaced.append(part.written if value is None else value)
    at_row = from_row and names.row_mark is not None and mark not in names.failed
    return "".join(replaced), names.row_mark if at_row and names.row_mark else mark


def interpolate(tree: Any, mark: Mark, names: Names) -> tuple[Any, Mark]:
    """The tree with every reference replaced, keys included, and its place.

    What comes from a row of a data file has that row's place. A tree without references is
    returned as it is.
    """
    if isinstance(tree, str):
        return _interpolate_text(tree, mark, names) if "${" in tree else (tree, mark)
    return _interpolate_inside(tree, names), mark


def _interpolate_inside(tree: Any, names: Names) -> Any:
    """A mapping or sequence with every reference replaced; anything else as it is."""
    if isinstance(tree, Mapping):
        return _interpolate_mapping(tree, names)
    if isinstance(tree, Sequence):
        return _interpolate_sequence(tree, names)
    return tree


def _interpolate_sequence(tree: Sequence, names: Names) -> Sequence:
    result = tree
    for position, item in enumerate(tree):
        if not isinstance(item, str):
            value, place = _interpolate_inside(item, names), None
        elif "${" in item:
            value, place = _interpolate_text(item, tree.item_mark(position), names)
        else:
            continue
        if value is not item:
            result = tree.copy() if result is tree else result
            result.replace(position, value, place)
    return result


def _interpolate_mapping(tree: Mapping, names: Names) -> Mapping:
    result = tree
    in_keys = False
    for key, value in tree.items():
        in_keys = in_keys or "${" in key
        if not isinstance(value, str):
            new_value, place = _interpolate_inside(value, names), None
        elif "${" in value:
            new_value, place = _interpolate_text(value, tree.value_mark(key), names)
        else:
            continue
        if new_value is not value:
            result = tree.copy() if result is tree else result
            result.replace(key, new_value, place)
    return _interpolate_keys(result, names) if in_keys else result


def _interpolate_keys(tree: Mapping, names: Names) -> Mapping:
    result = Mapping.at(tree.mark)
    for key, value in tree.items():
        key_mark = tree.key_mark(key)
        new_key, new_key_mark = interpolate(key, key_mark, names)
        if new_key in result:
            names.diagnostics.error(
                "SMS102",
                f'The key "{new_key}" stands twice',
                detail=f"It stands first at {result.key_mark(new_key)}. Keep one of them.",
                mark=new_key_mark,
            )
            continue
        result.put(new_key, value, new_key_mark, tree.value_mark(key), tree.written(key))
    return result
