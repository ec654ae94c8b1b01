"""Variables: where they are declared, and the values that a run gives them."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic_core import ValidationError

from smsops.config.interpolate import Names, is_text
from smsops.config.stack import VariableBlock
from smsops.config.yaml import Mapping, parse
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean


@dataclass(frozen=True)
class Inputs:
    """What a run gives to the configuration from outside its files."""

    variables: AbstractMapping[str, str] = field(default_factory=dict)
    variable_files: AbstractSequence[str] = ()
    directory: Path = Path()
    """Where relative paths of variable files begin."""
    environment: AbstractMapping[str, str] = field(default_factory=dict)
    data_root: Path | None = None
    """Where paths of data files may begin besides the stack directory."""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


class Variables:
    """The variables of a stack: declared in its files, given by a run."""

    def __init__(self, inputs: Inputs, diagnostics: Diagnostics) -> None:
        self._inputs = inputs
        self._diagnostics = diagnostics
        self._blocks: dict[str, VariableBlock] = {}
        self._marks: dict[str, Mark] = {}

    def declare(self, tree: Mapping) -> None:
        """Take the `variables` section of a file."""
        section = tree.get("variables")
        if section is None:
            return
        if not isinstance(section, Mapping):
            mark = tree.value_mark("variables")
            self._diagnostics.error("SMS112", "variables: Write a mapping (key: value)", mark=mark)
            return
        for name, block in section.items():
            if name not in self._blocks:
                self._blocks[name] = self._block(name, block, section)
                self._marks[name] = section.key_mark(name)

    def _block(self, name: str, block: object, section: Mapping) -> VariableBlock:
        try:
            return VariableBlock.model_validate(block if block is not None else {})
        except ValidationError as error:
            from smsops.config.validation import report

            report(error, VariableBlock, block, section.value_mark(name), self._diagnostics)
            return VariableBlock.model_validate({"default": ""})

    def names(self, stack: str, *, final: bool) -> Names:
        """What references stand for. Before all files are read (not `final`) nothing is reported."""
        diagnostics = self._diagnostics if final else Diagnostics()
        values = self._values(diagnostics)
        for name in sorted(self._blocks.keys() - values.keys()):
            diagnostics.error(
                "SMS132",
                f'The variable "{name}" has no value',
                detail=f"Give it with --var {name}=…, SMSOPS_VAR_{name}, or a default.",
                mark=self._marks[name],
            )
        unresolved = frozenset(self._blocks.keys() - values.keys())
        return Names(values, self._inputs.environment, stack, self._diagnostics, unresolved=unresolved)

    def _values(self, diagnostics: Diagnostics) -> dict[str, str]:
        """--var, then --var-file, then SMSOPS_VAR_x, then the default."""
        given: dict[str, str] = {}
        for path in self._inputs.variable_files:
            given |= _read_file(path, self._inputs.directory, diagnostics)
        for name in sorted(given.keys() - self._blocks.keys()):
            diagnostics.warning("SMS135", f'A variable file sets "{name}", which is not declared')
        for name in sorted(self._inputs.variables.keys() - self._blocks.keys()):
            diagnostics.error(
                "SMS135",
                f'--var {name}: there is no variable "{name}"',
                detail=did_you_mean(name, self._blocks) or "Declare it under variables:.",
            )
        given |= self._inputs.variables
        values: dict[str, str] = {}
        for name, block in self._blocks.items():
            text = given.get(name, self._inputs.environment.get(f"SMSOPS_VAR_{name}", block.default))
            if text is None:
                continue
            if not is_text(text):
                diagnostics.error("SMS132", f'The variable "{name}" is not UTF-8 text', mark=self._marks[name])
            values[name] = text
        return values


def _read_file(path: str, directory: Path, diagnostics: Diagnostics) -> dict[str, str]:
    """The values in a variable file: a mapping of names to texts."""
    try:
        content = (directory / path).read_bytes()
    except (OSError, ValueError) as error:
        diagnostics.error("SMS122", f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")
        return {}
    before = len(diagnostics.items)
    tree = parse(content, path, diagnostics)
    if not isinstance(tree, Mapping):
        if tree is not None or len(diagnostics.items) == before:
            diagnostics.error("SMS112", "A variable file is a mapping of names to texts", mark=Mark(path, 1, 1))
        return {}
    for name, value in tree.items():
        if not isinstance(value, str):
            diagnostics.error("SMS112", f"{name}: Write text", mark=tree.value_mark(name))
    return {name: value for name, value in tree.items() if isinstance(value, str)}
