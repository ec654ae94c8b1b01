"""From a directory to desired resources: read, include, interpolate, generate, validate, declare, check."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from smsops.config.data_files import DataFiles, OutsideStack, Row, inside
from smsops.config.interpolate import Names, interpolate
from smsops.config.stack import ForEachFile, StackBlock, VariableBlock
from smsops.config.validation import known_keys, report
from smsops.config.yaml import Mapping, Sequence, key_mark_at, mark_at, parse
from smsops.errors import ConfigurationError
from smsops.kinds.base import Declared, Kind, Step
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic, Diagnostics, Mark, did_you_mean
from smsops.model.resources import Desired, Guard
from smsops.model.settings import Settings
from smsops.model.values import digest

STACK_FILE = "smsops.yaml"
_YAML_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_ROOT_ONLY = ("stack", "account", "state", "include")
_SENSITIVE_LINE = re.compile(r"(?i)^(.*?(?:password|api_?key|secret|token)[\"']?\s*:\s*)\S.*$")
_DIGIT_RUN = re.compile(r"(?<!\d)\d(?:[ .\-\u00a0]?\d){6,}(?!\d)")


@dataclass(frozen=True)
class Configuration:
    """A stack as its files describe it, valid as far as files can tell."""

    root: Path
    stack: StackBlock
    desired: AbstractMapping[Address, Desired]
    fingerprint: str
    diagnostics: tuple[Diagnostic, ...]

    @property
    def settings(self) -> Settings:
        return self.stack.settings


@dataclass(frozen=True)
class Inputs:
    """What a run gives to the configuration from outside its files."""

    variables: AbstractMapping[str, str] = field(default_factory=dict)
    variable_files: AbstractSequence[str] = ()
    environment: AbstractMapping[str, str] = field(default_factory=dict)


def load(root: Path, kinds: AbstractSequence[Kind], inputs: Inputs) -> Configuration:
    """Read the stack in `root`; ConfigurationError with every mistake where there is one."""
    loader = _Loader(root, kinds, inputs)
    configuration = loader.load()
    if configuration is None or loader.diagnostics.has_errors:
        raise ConfigurationError([loader.with_snippet(item) for item in loader.diagnostics])
    return replace(configuration, diagnostics=tuple(loader.with_snippet(item) for item in loader.diagnostics))


def locate(root: Path, inputs: Inputs) -> tuple[str, str]:
    """The stack's name and where its state is, whatever else its files say; ConfigurationError where they do not."""
    loader = _Loader(root, (), inputs)
    top = loader.read_file(STACK_FILE, None)
    found: dict[str, str] = {}
    if top is not None:
        values, environment, unresolved = loader.values_of(loader.variables_of(top), final=False)
        names = Names(values, environment, "", loader.diagnostics, unresolved=unresolved)
        found = {"smsops": "1", "stack": "", "state": StackBlock.model_fields["state"].default}
        for name in ("stack", "state"):
            if isinstance(top.get(name), str):
                found[name] = str(interpolate(top[name], top.marks[name][1], names)[0])
                names.stack = found["stack"]
        try:
            StackBlock.model_validate(found)
        except ValidationError as error:
            report(error, StackBlock, top, top.mark, loader.diagnostics)
    if loader.diagnostics.has_errors:
        raise ConfigurationError([loader.with_snippet(item) for item in loader.diagnostics])
    return found["stack"], found["state"]


class _Loader:
    def __init__(self, root: Path, kinds: AbstractSequence[Kind], inputs: Inputs) -> None:
        self.root = root
        self.kinds = {kind.section: kind for kind in kinds if kind.section}
        self.all_kinds = {kind.name: kind for kind in kinds}
        self.inputs = inputs
        self.diagnostics = Diagnostics()
        self.data = DataFiles(root, self.diagnostics)
        self.files: dict[str, bytes] = {}
        self.declared = Declared()
        self.variable_marks: dict[str, Mark] = {}

    # -- files ------------------------------------------------------------------------------

    def load(self) -> Configuration | None:
        top = self.read_file(STACK_FILE, None)
        if top is None:
            return None
        if "smsops" not in top:
            self.diagnostics.error(
                "SMS111", 'The key "smsops" is missing', detail="Begin with smsops: 1.", mark=Mark(STACK_FILE, 1, 1)
            )
        own = self.variables_of(top)
        values, environment, unresolved = self.values_of(own, final=False)
        names = Names(values, environment, "", self.diagnostics, unresolved=unresolved)
        return self.assemble(top, own, names)

    def assemble(self, top: Mapping, variables: dict[str, VariableBlock], names: Names) -> Configuration | None:
        for mapping in self.included(top, names):
            for name, block in self.variables_of(mapping).items():
                variables.setdefault(name, block)
            self.merge(top, mapping)
        top.pop("variables", None)
        values, environment, unresolved = self.values_of(variables, final=True)
        stack_name = top.get("stack")
        names = Names(values, environment, "", self.diagnostics, unresolved=unresolved)
        if isinstance(stack_name, str):
            names.stack = str(interpolate(stack_name, top.marks["stack"][0], names)[0])
        generate = top.pop("generate", None)
        tree, _ = interpolate(top, top.mark, names)
        self.generate(tree, generate, names)
        sections = {name: tree.pop(name) for name in list(tree) if name in self.kinds}
        stack = self.validate_stack(tree)
        settings = stack.settings if stack else Settings.model_validate({})
        for section, blocks in sections.items():
            self.declare_section(self.kinds[section], blocks, tree.marks[section][1], None, settings)
        self.check()
        if stack is None:
            return None
        self.check_moves(stack, tree)
        return Configuration(self.root, stack, self.declared.resources, self.fingerprint(names), ())

    def read_file(self, path: str, mark: Mark | None) -> Mapping | None:
        """The mapping in one file; None, reported, where there is none."""
        try:
            content = inside(self.root, path).read_bytes()
        except OutsideStack:
            self.diagnostics.error(
                "SMS121", f"{path} leads out of the stack directory", detail="Included files lie in it.", mark=mark
            )
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not a path"
            if path == STACK_FILE and isinstance(error, FileNotFoundError):
                self.diagnostics.error(
                    "SMS120",
                    f"There is no {STACK_FILE} in {self.root}",
                    detail="Go to the directory of a stack, name it with -C, or make one with: smsops init",
                )
            else:
                self.diagnostics.error("SMS122", f"{path} cannot be read: {reason}", mark=mark)
            return None
        self.files[path] = content
        before = len(self.diagnostics.items)
        tree = parse(content, path, self.diagnostics)
        if tree is None and len(self.diagnostics.items) == before:
            tree = Mapping(Mark(path, 1, 1))  # an empty file
        if tree is None:
            return None
        if not isinstance(tree, Mapping):
            self.diagnostics.error(
                "SMS112",
                "The file must be a mapping of sections",
                detail="Begin with smsops: 1.",
                mark=Mark(path, 1, 1),
            )
            return None
        return tree

    def included(self, top: Mapping, names: Names) -> list[Mapping]:
        include = top.get("include")
        if not isinstance(include, Sequence):
            return []
        found: list[Mapping] = []
        seen = {STACK_FILE}
        for pattern, mark in zip(include, include.marks, strict=True):
            if not isinstance(pattern, str):
                continue  # the model of the stack reports it
            for path in self.expand_glob(str(interpolate(pattern, mark, names)[0]), mark):
                if path in seen:
                    continue
                seen.add(path)
                tree = self.read_file(path, mark)
                if tree is not None and self.may_be_included(tree):
                    found.append(tree)
        return found

    def expand_glob(self, pattern: str, mark: Mark) -> list[str]:
        if not any(character in pattern for character in "*?["):
            return [pattern]
        if pattern.startswith("/") or ".." in Path(pattern).parts:
            self.diagnostics.error("SMS121", f"{pattern} leads out of the stack directory", mark=mark)
            return []
        try:
            paths = sorted(path for path in self.root.glob(pattern) if path.is_file())
        except (ValueError, NotImplementedError):
            self.diagnostics.error("SMS122", f"{pattern} is not a pattern of paths", mark=mark)
            return []
        return [path.relative_to(self.root).as_posix() for path in paths]

    def may_be_included(self, tree: Mapping) -> bool:
        for name in _ROOT_ONLY:
            if name in tree:
                self.diagnostics.error(
                    "SMS115", f'"{name}" belongs in {STACK_FILE}', detail="Move it there.", mark=tree.marks[name][0]
                )
        return True

    def merge(self, top: Mapping, included: Mapping) -> None:
        """Add an included file's sections: mappings by key, lists one after the other."""
        for name, value in included.items():
            if name in _ROOT_ONLY or name == "smsops" or value is None:
                continue
            marks = included.marks[name]
            mine = top.get(name)
            if mine is None:
                copy: Any = value
                if isinstance(value, Mapping):
                    copy = Mapping(value.mark)
                    self.merge_keys(copy, value)
                top.put(name, copy, *marks)
            elif isinstance(mine, Mapping) and isinstance(value, Mapping):
                self.merge_keys(mine, value)
            elif isinstance(mine, Sequence) and isinstance(value, Sequence):
                for item, mark in zip(value, value.marks, strict=True):
                    mine.put(item, mark)
            else:
                self.diagnostics.error("SMS112", f"{name}: Write it as it is in {STACK_FILE}", mark=marks[1])

    def merge_keys(self, mine: Mapping, other: Mapping) -> None:
        for key, value in other.items():
            key_mark, value_mark = other.marks[key]
            if key in mine:
                self.diagnostics.error(
                    "SMS102",
                    f'The key "{key}" stands twice',
                    detail=f"It stands first at {mine.marks[key][0]}. Keep one of them.",
                    mark=key_mark,
                )
            else:
                mine.put(key, value, key_mark, value_mark)

    # -- variables --------------------------------------------------------------------------

    def variables_of(self, tree: Mapping) -> dict[str, VariableBlock]:
        section = tree.get("variables")
        if section is None:
            return {}
        if not isinstance(section, Mapping):
            self.diagnostics.error("SMS112", "variables: Write a mapping (key: value)", mark=tree.marks["variables"][1])
            return {}
        blocks: dict[str, VariableBlock] = {}
        for name, block in section.items():
            try:
                blocks[name] = VariableBlock.model_validate(block if block is not None else {})
            except ValidationError as error:
                report(error, VariableBlock, block, section.marks[name][1], self.diagnostics)
                blocks[name] = VariableBlock(default="")
        self.variable_marks |= {name: section.marks[name][0] for name in section}
        return blocks

    def values_of(
        self, blocks: AbstractMapping[str, VariableBlock], *, final: bool
    ) -> tuple[dict[str, str], AbstractMapping[str, str], frozenset[str]]:
        """The variables' values: --var, then --var-file, then SMSOPS_VAR_x, then the default."""
        given: dict[str, str] = {}
        for path in self.inputs.variable_files:
            given |= self.read_variable_file(path, report_errors=final)
        for name in set(given) - set(blocks):
            del given[name]
            if final:
                self.diagnostics.warning("SMS135", f'A variable file sets "{name}", which is not declared')
        for name, value in self.inputs.variables.items():
            if name in blocks:
                given[name] = value
            elif final:
                self.diagnostics.error(
                    "SMS135",
                    f'--var {name}: there is no variable "{name}"',
                    detail=did_you_mean(name, blocks) or "Declare it under variables:.",
                )
        values: dict[str, str] = {}
        unresolved: set[str] = set()
        for name, block in blocks.items():
            text = given.get(name, self.inputs.environment.get(f"SMSOPS_VAR_{name}", block.default))
            if text is not None:
                values[name] = text
                continue
            unresolved.add(name)
            if final:
                self.diagnostics.error(
                    "SMS132",
                    f'The variable "{name}" has no value',
                    detail=f"Give it with --var {name}=…, SMSOPS_VAR_{name}, or a default.",
                    mark=self.variable_marks.get(name),
                )
        return values, self.inputs.environment, frozenset(unresolved)

    def read_variable_file(self, path: str, *, report_errors: bool) -> dict[str, str]:
        problems = self.diagnostics if report_errors else Diagnostics()
        try:
            content = Path(path).read_bytes()
        except (OSError, ValueError) as error:
            problems.error("SMS122", f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")
            return {}
        tree = parse(content, path, problems)
        if tree is None:
            return {}
        if not isinstance(tree, Mapping) or not all(isinstance(value, str) for value in tree.values()):
            problems.error("SMS112", "A variable file is a mapping of names to texts", mark=Mark(path, 1, 1))
            return {}
        return dict(tree)

    # -- generate ---------------------------------------------------------------------------

    def generate(self, tree: Mapping, generate: Any, names: Names) -> None:
        """Expand `generate`: each row adds its sections to the tree."""
        if generate is None:
            return
        if not isinstance(generate, Sequence):
            self.diagnostics.error("SMS112", "generate: Write a list", mark=mark_at(generate, ()) or tree.mark)
            return
        for template, mark in zip(generate, generate.marks, strict=True):
            if not isinstance(template, Mapping):
                self.diagnostics.error("SMS112", "generate: Write a mapping with for_each", mark=mark)
                continue
            self.check_template(template, mark)
            for row, row_mark in self.rows_of(template, mark, names):
                self.expand_template(tree, template, names.with_row(row, row_mark))

    def check_template(self, template: Mapping, mark: Mark) -> None:
        if "for_each" not in template:
            self.diagnostics.error("SMS111", 'The key "for_each" is missing', detail="Name the rows.", mark=mark)
        for name in template:
            if name != "for_each" and name not in self.kinds:
                self.diagnostics.error(
                    "SMS110",
                    f'Unknown key "{name}"',
                    detail=did_you_mean(name, ("for_each", *(str(section) for section in self.kinds))),
                    mark=template.marks[name][0],
                )

    def rows_of(self, template: Mapping, mark: Mark, names: Names) -> list[tuple[AbstractMapping[str, str], Mark]]:
        if "for_each" not in template:
            return []
        place = template.marks["for_each"][1]
        source, _ = interpolate(template["for_each"], place, names)
        if isinstance(source, Mapping):
            try:
                file = ForEachFile.model_validate(source).file
            except ValidationError as error:
                report(error, ForEachFile, source, place, self.diagnostics)
                return []
            rows = self.data.rows(file, mark_at(source, ("file",)) or place)
            return [(row, Mark(file, line)) for line, row in rows or ()]
        if isinstance(source, Sequence):
            found: list[tuple[AbstractMapping[str, str], Mark]] = []
            for item, item_mark in zip(source, source.marks, strict=True):
                if isinstance(item, Mapping) and all(isinstance(value, str | None) for value in item.values()):
                    found.append(({key: value or "" for key, value in item.items()}, item_mark))
                else:
                    self.diagnostics.error("SMS112", "A row is a mapping of columns to texts", mark=item_mark)
            return found
        self.diagnostics.error("SMS112", "for_each: Write {file: PATH} or a list of mappings", mark=place)
        return []

    def expand_template(self, tree: Mapping, template: Mapping, names: Names) -> None:
        for section, blocks in template.items():
            if section not in self.kinds:
                continue
            key_mark, value_mark = template.marks[section]
            expanded, _ = interpolate(blocks, value_mark, names)
            if not isinstance(expanded, Mapping):
                self.diagnostics.error("SMS112", f"{section}: Write a mapping (key: value)", mark=value_mark)
                continue
            if tree.get(section) is None:
                tree.put(section, Mapping(value_mark), key_mark, value_mark)
            mine = tree[section]
            if isinstance(mine, Mapping):
                self.merge_keys(mine, expanded)

    # -- models -----------------------------------------------------------------------------

    def validate_stack(self, tree: Mapping) -> StackBlock | None:
        try:
            return StackBlock.model_validate(tree)
        except ValidationError as error:
            sections = tuple(str(section) for section in self.kinds)
            report(error, StackBlock, tree, tree.mark, self.diagnostics, more_keys=(*sections, "generate", "variables"))
            return None

    def declare_section(self, kind: Kind, blocks: Any, mark: Mark, account: str | None, settings: Settings) -> None:
        if blocks is None:
            return
        if not isinstance(blocks, Mapping):
            self.diagnostics.error("SMS112", f"{kind.section}: Write a mapping (key: value)", mark=mark)
            return
        for key, block in blocks.items():
            self.declare_block(kind, key, block, blocks.marks[key], account, settings)

    def declare_block(
        self, kind: Kind, key: str, block: Any, marks: tuple[Mark, Mark], account: str | None, settings: Settings
    ) -> None:
        if not _YAML_KEY.match(key):
            self.diagnostics.error(
                "SMS113",
                f'"{key}" cannot be a key',
                detail="A key is letters, digits, _, - and ., and begins with a letter or digit.",
                mark=marks[0],
            )
            return
        address = Address(account, kind.name, key)
        if block is None:
            block = Mapping(marks[0])
        own = block
        nested = self.nested_sections(kind)
        if nested and isinstance(block, Mapping):
            own = Mapping(block.mark)
            for name, value in block.items():
                if name not in nested:
                    own.put(name, value, *block.marks[name])
        try:
            spec = kind.Spec.model_validate(own)
        except ValidationError as error:
            report(error, kind.Spec, own, marks[0], self.diagnostics, more_keys=tuple(nested))
            self.declared.broken.add(address)
        else:
            declaration = _BlockDeclaration(self, own, marks, account, key, settings, spec)
            self.add(kind.declare(spec, declaration))
        if isinstance(block, Mapping):
            for name, nested_kind in nested.items():
                if name in block:
                    self.declare_section(nested_kind, block[name], block.marks[name][1], key, settings)

    def nested_sections(self, kind: Kind) -> dict[str, Kind]:
        if not kind.opens_account:
            return {}
        return {str(section): other for section, other in self.kinds.items() if not other.opens_account}

    def add(self, resources: list[Desired]) -> None:
        for desired in resources:
            kind = self.all_kinds[desired.address.kind]
            if kind.adoptable and desired.identity:
                remote = (desired.address.account, kind.name, desired.identity)
                other = self.declared.identities.setdefault(remote, desired)
                if other is not desired:
                    self.diagnostics.error(
                        "SMS114",
                        f'{desired.address} and {other.address} both stand for "{desired.identity}"',
                        detail=f"The other is at {other.mark}. Give one of them another name.",
                        mark=desired.mark,
                        address=desired.address,
                    )
            self.declared.resources[desired.address] = desired

    # -- rules across resources -------------------------------------------------------------

    def check(self) -> None:
        for desired in self.declared.resources.values():
            self.all_kinds[desired.address.kind].check(desired, self.declared, self.diagnostics)

    def check_moves(self, stack: StackBlock, tree: Mapping) -> None:
        for position, move in enumerate(stack.moved):
            mark = mark_at(tree, ("moved", position)) or tree.mark
            if move.from_.kind != move.to.kind:
                self.diagnostics.error("SMS181", "moved: both addresses must be of one kind", mark=mark)
            elif move.from_ in self.declared.resources:
                self.diagnostics.error(
                    "SMS181",
                    f"moved: {move.from_} is still in the configuration",
                    detail="Remove its block, or this entry.",
                    mark=mark,
                )
            elif move.to not in self.declared.resources and move.to not in self.declared.broken:
                names = [str(address) for address in self.declared.resources]
                self.diagnostics.error(
                    "SMS150",
                    f"moved: there is no {move.to} in the configuration",
                    detail=did_you_mean(str(move.to), names),
                    mark=mark,
                )
        for position, removed in enumerate(stack.removed):
            if removed.address in self.declared.resources:
                self.diagnostics.error(
                    "SMS182",
                    f"removed: {removed.address} is still in the configuration",
                    detail="Remove its block, or this entry.",
                    mark=mark_at(tree, ("removed", position)) or tree.mark,
                )

    # -- results ----------------------------------------------------------------------------

    def fingerprint(self, names: Names) -> str:
        """One digest of all that the configuration is made of: files, data, variables."""
        files = {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}
        data = {path: hashlib.sha256(content).hexdigest() for path, content in self.data.contents.items()}
        return digest({"files": files, "data": data, "variables": dict(names.variables), "env": dict(names.used)})

    def with_snippet(self, diagnostic: Diagnostic) -> Diagnostic:
        """The diagnostic with its line and a caret; nothing secret and no phone number is in it."""
        mark = diagnostic.mark
        if mark is None or mark.column is None or mark.file not in self.files:
            return diagnostic
        lines = self.files[mark.file].decode("utf-8-sig", errors="replace").splitlines()
        if mark.line > len(lines):
            return diagnostic
        line = lines[mark.line - 1]
        if diagnostic.code == "SMS140":
            line = line[: mark.column - 1] + "…"
        line = _SENSITIVE_LINE.sub(r"\1…", line)
        line = _DIGIT_RUN.sub(lambda run: re.sub(r"\d", "•", run.group()[:-2]) + run.group()[-2:], line)
        line = "".join(character if character.isprintable() else " " for character in line)[:200]
        return replace(diagnostic, snippet=f"{line}\n{' ' * (mark.column - 1)}^")


class _BlockDeclaration:
    """What one block gives to its kind (the Declaration protocol)."""

    def __init__(
        self,
        loader: _Loader,
        block: Any,
        marks: tuple[Mark, Mark],
        account: str | None,
        key: str,
        settings: Settings,
        spec: Any,
    ) -> None:
        self._loader = loader
        self._block = block
        self._marks = marks
        self._spec = spec
        self.account = account
        self.key = key
        self.settings = settings

    def mark(self, *path: Step) -> Mark:
        return (mark_at(self._block, path) if path else None) or self._marks[0]

    def error(self, code: str, summary: str, *path: Step, detail: str = "", key: bool = False) -> None:
        mark = (key_mark_at(self._block, path) if key else None) or self.mark(*path)
        self._loader.diagnostics.error(code, summary, detail=detail, mark=mark)

    def error_at(self, code: str, summary: str, mark: Mark, *, detail: str = "") -> None:
        self._loader.diagnostics.error(code, summary, detail=detail, mark=mark)

    def warning(self, code: str, summary: str, *path: Step, detail: str = "") -> None:
        self._loader.diagnostics.warning(code, summary, detail=detail, mark=self.mark(*path))

    def rows(self, file: str, *path: Step) -> list[Row] | None:
        return self._loader.data.rows(file, self.mark(*path))

    def guard(self) -> Guard:
        guard: Guard = self._spec.lifecycle.guard()
        return guard


__all__ = ["Configuration", "Inputs", "known_keys", "load"]
