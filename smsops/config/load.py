"""From a directory to desired resources: read, include, interpolate, generate, validate, declare, check."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import ValidationError

from smsops import garbage
from smsops.config.data_files import DataFiles
from smsops.config.files import Files, merge
from smsops.config.inside import Unreadable
from smsops.config.interpolate import Names, interpolate
from smsops.config.stack import StackBlock
from smsops.config.variables import Inputs, Variables
from smsops.config.yaml import Mapping, key_mark_at, mark_at
from smsops.kinds.base import Declared, Kind, Step
from smsops.model.address import Address
from smsops.model.diagnostics import ConfigurationError, Diagnostic, Diagnostics, Mark
from smsops.model.override import Override
from smsops.model.resources import Desired, Guard, SecretReference
from smsops.model.settings import Settings
from smsops.model.sources import Format
from smsops.model.values import digest
from smsops.table.mistakes import Mistake
from smsops.table.read import Reading, Source

if TYPE_CHECKING:
    from smsops.rules.pack import Pack

_MAY_BE_EMPTY = StackBlock.__annotations__.keys() - {"smsops", "stack"}
_YAML_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True)
class Configuration:
    """A stack as its files describe it, valid as far as files can tell."""

    root: Path
    stack: StackBlock
    desired: AbstractMapping[Address, Desired]
    fingerprint: str
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[str, ...]
    """All that was read, below the root."""
    rule_packs: AbstractMapping[str, Pack] = field(default_factory=dict)
    """The stack's own, by their paths."""
    allowed: AbstractMapping[Override, Mark] = field(default_factory=dict)
    """The entries of `policy.allow`, and their places."""
    rule_marks: AbstractMapping[str, Mark] = field(default_factory=dict)
    """The places of the stack's own rules, by name."""

    @property
    def settings(self) -> Settings:
        return self.stack.settings


def load(root: Path, kinds: AbstractSequence[Kind], inputs: Inputs) -> Configuration:
    """Read the stack in `root`; ConfigurationError with every mistake where there is one."""
    loader = _Loader(root, kinds, inputs)
    with garbage.none_expected():
        stack = loader.load()
    diagnostics = loader.presentable()
    if stack is None or loader.diagnostics.has_errors:
        raise ConfigurationError(diagnostics)
    files = (*loader.files.contents, *loader.data.digests)
    return Configuration(
        root,
        stack,
        loader.declared.resources,
        loader.fingerprint(),
        diagnostics,
        files,
        loader.rule_packs,
        loader.allowed,
        loader.rule_marks,
    )


def locate(root: Path, inputs: Inputs, sections: AbstractSequence[str] = ("state", "encryption")) -> StackBlock:
    """The stack's name and some sections of smsops.yaml, by default what leads to its state, whatever else its files say.

    ConfigurationError where they do not say it.
    """
    loader = _Loader(root, (), inputs)
    found = loader.locate(sections)
    if found is None or loader.diagnostics.has_errors:
        raise ConfigurationError(loader.presentable())
    return found


class _Loader:
    def __init__(self, root: Path, kinds: AbstractSequence[Kind], inputs: Inputs) -> None:
        self.kinds = {kind.section: kind for kind in kinds if kind.section}
        self.all_kinds = {kind.name: kind for kind in kinds}
        self.nested = {kind.name: self.nested_sections(kind) for kind in kinds}
        self.diagnostics = Diagnostics()
        self.files = Files(root, self.diagnostics)
        self.data = DataFiles(root, inputs.data_root, self.diagnostics)
        self.variables = Variables(inputs, self.diagnostics)
        self.declared = Declared()
        self.names = Names({}, {}, "", self.diagnostics)
        self.rule_packs: dict[str, Pack] = {}
        self.now = inputs.now
        self.incomplete = False
        self.allowed: dict[Override, Mark] = {}
        self.rule_marks: dict[str, Mark] = {}

    # -- from files to one tree ---------------------------------------------------------------

    def load(self) -> StackBlock | None:
        top = self.files.read_stack()
        if top is None:
            return None
        whole = self.assemble(top)
        stack, tree = self.validate_stack(whole.without(self.kinds))
        for section in whole:
            if section in self.kinds:
                self.declare_section(self.kinds[section], whole, None, stack.settings)
        for desired in self.declared.resources.values():
            self.all_kinds[desired.address.kind].check(desired, self.declared, self.diagnostics)
        self.keep_secrets_apart(stack)
        if stack.policy.rule_packs:
            self.read_rule_packs(stack.policy.rule_packs, tree)
        if "policy" in tree:
            from smsops.config.policy import allowed, check_kinds, rule_marks

            check_kinds(stack.policy, self.all_kinds, tree, self.diagnostics)
            self.allowed, self.rule_marks = allowed(stack.policy, tree), rule_marks(stack.policy, tree)
        if stack.moved or stack.removed:
            from smsops.config.moves import Moves

            Moves(self.all_kinds, self.declared, tree, self.diagnostics).check(stack)
        return stack

    def assemble(self, top: Mapping) -> Mapping:
        """One tree of all files, its references replaced, its templates expanded."""
        self.variables.declare(top)
        early = self.variables.names("", final=False)
        merged = Mapping.at(top.mark)
        merge(merged, top, self.diagnostics, whole=True)
        for included in self.files.read_included(top, early):
            self.variables.declare(included)
            merge(merged, included, self.diagnostics)
        merged.pop("variables", None)
        self.names = self.variables.names("", final=True)
        self.names.stack = self.text_at(top, "stack") or ""
        generate = merged.pop("generate", None)
        has_references = any(b"${" in content for content in self.files.contents.values())
        tree = interpolate(merged, merged.mark, self.names)[0] if has_references else merged
        assert isinstance(tree, Mapping)
        if generate is not None:
            from smsops.config.generate import Generator

            generator = Generator([str(name) for name in self.kinds], self.data, self.names, self.diagnostics)
            generator.expand(generate, merged.value_mark("generate"), tree)
            self.incomplete = generator.incomplete
        return tree

    def text_at(self, top: Mapping, name: str) -> str | None:
        """The text of a key of smsops.yaml, its references replaced; None where it is no text."""
        value = top.get(name)
        return str(interpolate(value, top.value_mark(name), self.names)[0]) if isinstance(value, str) else None

    def locate(self, sections: AbstractSequence[str]) -> StackBlock | None:
        top = self.files.read_stack()
        if top is None:
            return None
        self.variables.declare(top)
        self.names = self.variables.names("", final=False)
        found: dict[str, Any] = {"smsops": "1"}
        for name in ("stack", *sections):
            if top.get(name) is not None:
                found[name] = interpolate(top[name], top.value_mark(name), self.names)[0]
            self.names.stack = str(found.get("stack", ""))
        try:
            return StackBlock.model_validate(found)
        except ValidationError as error:
            from smsops.config.validation import report

            report(error, StackBlock, top, top.mark, self.diagnostics)
            return None

    # -- models -----------------------------------------------------------------------------

    def validate_stack(self, tree: Mapping) -> tuple[StackBlock, Mapping]:
        """The sections that belong to no kind. What is wrong is reported and left out, so that the rest is checked."""
        for name in [name for name in _MAY_BE_EMPTY if name in tree and tree[name] is None]:
            tree.pop(name)
        try:
            return StackBlock.model_validate(tree), tree
        except ValidationError as error:
            from smsops.config.validation import report, without

            sections = tuple(str(section) for section in self.kinds)
            report(error, StackBlock, tree, tree.mark, self.diagnostics, more_keys=(*sections, "generate", "variables"))
            rest = without(tree, error)
        try:
            return StackBlock.model_validate({"smsops": "1", "stack": "stack", **rest}), rest
        except ValidationError as error:  # what is left of a section is none without the part that was wrong
            for section in {str(item["loc"][0]) for item in error.errors(include_url=False, include_input=False)}:
                rest.pop(section)
        return StackBlock.model_validate({"smsops": "1", "stack": "stack", **rest}), rest

    def keep_secrets_apart(self, stack: StackBlock) -> None:
        """What is a secret in one place is no text in another: it would be shown."""
        references: list[object] = [stack.account.api_key, stack.listen.secret]
        if stack.encryption:
            references += [stack.encryption.key, stack.encryption.fallback_key]
        for desired in self.declared.resources.values():
            references += desired.secrets.values()
        secrets = {one.value for one in references if isinstance(one, SecretReference) and one.source == "env"}
        for name, mark in self.names.used_at.items():
            if name in secrets:
                self.diagnostics.error(
                    "SMS136",
                    f"The environment variable {name} holds a secret of this stack, and would be shown here",
                    detail="Use another variable.",
                    mark=mark,
                )

    def read_rule_packs(self, names: AbstractSequence[str], tree: Mapping) -> None:
        from smsops.config.rule_packs import read_own

        def mark_of(position: int) -> Mark:
            return mark_at(tree, ("policy", "rule_packs", position)) or tree.mark

        self.rule_packs = read_own(names, mark_of, self.files, self.diagnostics)

    def declare_section(self, kind: Kind, outer: Mapping, account: str | None, settings: Settings) -> None:
        section = str(kind.section)
        blocks = outer[section]
        if blocks is None:
            return
        if not isinstance(blocks, Mapping):
            self.incomplete = True
            mark = outer.value_mark(section)
            self.diagnostics.error("SMS112", f"{section}: Write a mapping (key: value)", mark=mark)
            return
        for key in blocks:
            self.declare_block(kind, key, blocks, account, settings)

    def declare_block(self, kind: Kind, key: str, blocks: Mapping, account: str | None, settings: Settings) -> None:
        mark = blocks.key_mark(key)
        if not _YAML_KEY.match(key):
            self.diagnostics.error(
                "SMS113",
                f'"{key}" cannot be a key',
                detail="A key is letters, digits, _, - and ., and begins with a letter or digit.",
                mark=mark,
            )
        block = Mapping.at(mark) if blocks[key] is None else blocks[key]
        nested = self.nested[kind.name]
        is_mapping = isinstance(block, Mapping)
        own = block
        if nested and is_mapping:
            own = {name: value for name, value in block.items() if name not in nested}
        address = Address(account, kind.name, key)
        self.declared.blocks.add(address)
        try:
            spec = kind.Spec.model_validate(own)
        except ValidationError as error:
            from smsops.config.validation import report

            # What the block lacks, a template lacks for every row: it is said at the template.
            place = blocks.written(key) if is_mapping else blocks.value_mark(key)
            written = block.without(nested) if is_mapping else block
            report(error, kind.Spec, written, place, self.diagnostics, more_keys=tuple(nested))
            self.declared.broken.add(address)
        else:
            self.add(kind.declare(spec, _BlockDeclaration(self, block, mark, account, key, settings, spec)))
        for name in nested if is_mapping else ():
            if name in block:
                self.declare_section(nested[name], block, key, settings)

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

    # -- results ------------------------------------------------------------------------------

    def presentable(self) -> tuple[Diagnostic, ...]:
        if not self.diagnostics.items:
            return ()
        from smsops.config.present import presentable

        incomplete = self.incomplete or self.files.incomplete or bool(self.names.failed)
        return presentable(self.diagnostics, self.files.contents, self.names.failed, incomplete=incomplete)

    def fingerprint(self) -> str:
        """One digest of all that the configuration is made of: files, data, variables."""
        import hashlib

        files = {path: hashlib.sha256(content).hexdigest() for path, content in self.files.contents.items()}
        data = self.data.digests
        variables, used = dict(self.names.variables), dict(self.names.used)
        return digest({"files": files, "data": data, "variables": variables, "env": used})


class _BlockDeclaration:
    """What one block gives to its kind (the Declaration protocol)."""

    def __init__(
        self,
        loader: _Loader,
        block: Any,
        mark: Mark,
        account: str | None,
        key: str,
        settings: Settings,
        spec: Any,
    ) -> None:
        self._loader = loader
        self._block = block
        self._mark = mark
        self._spec = spec
        self.account = account
        self.key = key
        self.settings = settings
        self.now = loader.now

    def mark(self, *path: Step) -> Mark:
        return (mark_at(self._block, path) if path else None) or self._mark

    def error(self, code: str, summary: str, *path: Step, detail: str = "", key: bool = False) -> None:
        mark = (key_mark_at(self._block, path) if key else None) or self.mark(*path)
        self._loader.diagnostics.error(code, summary, detail=detail, mark=mark)

    def error_at(self, code: str, summary: str, mark: Mark, *, detail: str = "") -> None:
        self._loader.diagnostics.error(code, summary, detail=detail, mark=mark)

    def warning(self, code: str, summary: str, *path: Step, detail: str = "") -> None:
        self._loader.diagnostics.warning(code, summary, detail=detail, mark=self.mark(*path))

    def read(self, file: str, form: Format | None, reading: Reading, path: AbstractSequence[Step]) -> list[Source]:
        block = path[: path.index("file")] if "file" in path else path

        def report(mistake: Mistake, name: str) -> None:
            place = path if mistake.key in ((), ("file",)) else (*block, *mistake.key)
            mark = Mark(name, mistake.line) if mistake.line else self.mark(*place)
            self._loader.diagnostics.error(mistake.code, mistake.summary, detail=mistake.detail, mark=mark)

        try:
            return self._loader.data.contacts(file, form, reading, report)
        except Unreadable as error:
            self._loader.diagnostics.error(error.code, error.summary, detail=error.detail, mark=self.mark(*path))
            return []

    def text(self, file: str, *path: Step) -> str | None:
        try:
            return self._loader.data.text(file)
        except Unreadable as error:
            self._loader.diagnostics.error(error.code, error.summary, detail=error.detail, mark=self.mark(*path))
            return None

    def guard(self) -> Guard:
        guard: Guard = self._spec.lifecycle.guard()
        return guard


__all__ = ["Configuration", "Inputs", "load", "locate"]
