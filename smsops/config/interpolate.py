"""Interpolation: ``${var.x}``, ``${env.X}``, ``${row.col}``, ``${stack.name}`` in any text; ``$${`` is a literal ``${``."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping
from typing import Any

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
        self.failed: set[Mark] = set()
        """Texts with a reference that has no value: nothing more is said about them."""

    def with_row(self, row: AbstractMapping[str, str], mark: Mark) -> Names:
        names = Names(self.variables, self.environment, self.stack, self.diagnostics, row, mark, self.unresolved)
        names.used = self.used
        names.failed = self.failed
        return names

    def resolve(self, reference: str, mark: Mark) -> str | None:
        """The value of what stands between the braces; None, with a diagnostic, where it has none."""
        match = _NAME.match(reference)
        if match is None:
            self.diagnostics.error(
                "SMS130",
                f"${{{reference}}} is not a reference",
                detail="Write ${var.x}, ${env.X}, ${row.column} or ${stack.name}; $${ is a literal ${.",
                mark=mark,
            )
            return None
        space, name = match.groups()
        lookup: Callable[[str, Mark], str | None] = getattr(self, f"_{space}")
        return lookup(name, mark)

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


def _interpolate_text(text: str, mark: Mark, names: Names) -> tuple[str, Mark]:
    """The text with its references replaced, and its place: the row, where a value of the row is in it."""
    from_row = False

    def replace(match: re.Match[str]) -> str:
        nonlocal from_row
        if match.group() == "$${":
            return "${"
        reference = match[1]
        value = None
        if match.group().endswith("}"):
            value = names.resolve(reference, mark)
            from_row = from_row or reference.startswith("row.")
        else:
            names.diagnostics.error(
                "SMS130",
                "A reference is not closed",
                detail="Put } behind it, or write $${ for a literal ${.",
                mark=mark,
            )
        if value is None:
            names.failed.add(mark)
            return match.group()
        return value

    replaced = _REFERENCE.sub(replace, text)
    return replaced, names.row_mark if from_row and names.row_mark and mark not in names.failed else mark


def interpolate(tree: Any, mark: Mark, names: Names) -> tuple[Any, Mark]:
    """The tree with every reference replaced, keys included, and its place.

    What comes from a row of a data file has that row's place. A tree without references is
    returned as it is.
    """
    if isinstance(tree, str):
        if "${" not in tree:
            return tree, mark
        return _interpolate_text(tree, mark, names)
    if isinstance(tree, Mapping):
        return _interpolate_mapping(tree, names), mark
    if isinstance(tree, Sequence):
        result = Sequence(tree.mark)
        changed = False
        for item, item_mark in zip(tree, tree.marks, strict=True):
            value, place = interpolate(item, item_mark, names)
            changed = changed or value is not item
            result.put(value, place)
        return (result if changed else tree), mark
    return tree, mark


def _interpolate_mapping(tree: Mapping, names: Names) -> Mapping:
    result = Mapping(tree.mark)
    changed = False
    for key, value in tree.items():
        key_mark, value_mark = tree.marks[key]
        new_key, new_key_mark = interpolate(key, key_mark, names)
        new_value, new_value_mark = interpolate(value, value_mark, names)
        changed = changed or new_key is not key or new_value is not value
        if new_key in result:
            names.diagnostics.error(
                "SMS102",
                f'The key "{new_key}" stands twice',
                detail=f"It stands first at {result.marks[new_key][0]}. Keep one of them.",
                mark=new_key_mark,
            )
            continue
        written = tree.written.get(key) if new_key_mark == key_mark else key_mark
        result.put(new_key, new_value, new_key_mark, new_value_mark, written)
    return result if changed else tree
