"""`generate`: each row of a file or of a list fills a template, and the resources join those of the stack."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Mapping as AbstractMapping
from typing import Any

from pydantic_core import ValidationError

from smsops.config.data_files import DataFiles
from smsops.config.files import merge_keys
from smsops.config.interpolate import Names, interpolate
from smsops.config.stack import ForEachFile
from smsops.config.validation import report
from smsops.config.yaml import Mapping, Sequence, mark_at
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean


class Generator:
    """Expands the templates of a stack. `incomplete` says that some of what they make is missing."""

    def __init__(self, sections: Collection[str], data: DataFiles, names: Names, diagnostics: Diagnostics) -> None:
        self._sections = sections
        self._data = data
        self._names = names
        self._diagnostics = diagnostics
        self.incomplete = False

    def expand(self, generate: Any, mark: Mark, tree: Mapping) -> None:
        """Add what the templates make to the sections of `tree`."""
        if not isinstance(generate, Sequence):
            self._wrong("generate: Write a list", mark)
            return
        for template, place in generate.marked():
            if not isinstance(template, Mapping):
                self._wrong("generate: Write a mapping with for_each", place)
                continue
            self._check(template, place)
            for row, row_mark in self._rows(template):
                self._expand_row(template, self._names.with_row(row, row_mark), tree)

    def _wrong(self, summary: str, mark: Mark, detail: str = "") -> None:
        self.incomplete = True
        self._diagnostics.error("SMS112", summary, detail=detail, mark=mark)

    def _check(self, template: Mapping, mark: Mark) -> None:
        if "for_each" not in template:
            self.incomplete = True
            self._diagnostics.error(
                "SMS111", 'The key "for_each" is missing', detail="Add for_each: {file: PATH} or a list.", mark=mark
            )
        for name in template:
            if name != "for_each" and name not in self._sections:
                self._diagnostics.error(
                    "SMS110",
                    f'Unknown key "{name}"',
                    detail=did_you_mean(name, ("for_each", *self._sections)),
                    mark=template.key_mark(name),
                )

    def _rows(self, template: Mapping) -> Iterator[tuple[AbstractMapping[str, str], Mark]]:
        if "for_each" not in template:
            return
        mark = template.value_mark("for_each")
        source, _ = interpolate(template["for_each"], mark, self._names)
        if isinstance(source, Mapping):
            yield from self._file_rows(source, mark)
        elif isinstance(source, Sequence):
            yield from self._inline_rows(source)
        else:
            self._wrong("for_each: Write {file: PATH} or a list of mappings", mark)

    def _file_rows(self, source: Mapping, mark: Mark) -> Iterator[tuple[AbstractMapping[str, str], Mark]]:
        try:
            path = ForEachFile.model_validate(source).file
        except ValidationError as error:
            self.incomplete = True
            report(error, ForEachFile, source, mark, self._diagnostics)
            return
        for line, row in self._data.rows(path, mark_at(source, ("file",)) or mark) or ():
            yield row, Mark(path, line)
        self.incomplete = self.incomplete or path in self._data.incomplete

    def _inline_rows(self, source: Sequence) -> Iterator[tuple[AbstractMapping[str, str], Mark]]:
        for item, mark in source.marked():
            if not isinstance(item, Mapping):
                self._wrong("for_each: Write a mapping of columns to texts", mark)
                continue
            wrong = [name for name, value in item.items() if not isinstance(value, str | None)]
            for name in wrong:
                self._wrong(f"for_each: {name}: Write text", item.value_mark(name), "A row has no nested values.")
            if not wrong:
                yield {name: value or "" for name, value in item.items()}, mark

    def _expand_row(self, template: Mapping, names: Names, tree: Mapping) -> None:
        for section, blocks in template.items():
            if section not in self._sections or blocks is None:
                continue
            key_mark, value_mark = template.key_mark(section), template.value_mark(section)
            expanded, _ = interpolate(blocks, value_mark, names)
            if not isinstance(expanded, Mapping):
                self._wrong(f"{section}: Write a mapping (key: value)", value_mark)
                continue
            if tree.get(section) is None:
                tree.put(section, Mapping.at(value_mark), key_mark, value_mark)
            if isinstance(tree[section], Mapping):
                merge_keys(tree[section], expanded, self._diagnostics)
