"""Formatting YAML: what a file says stays, comments and all; how it is laid out does not depend on how it was."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.config.format import format_yaml
from smsops.config.yaml import parse
from smsops.model.diagnostics import Diagnostics

ROOT = Path(__file__).parents[2]
BOM = b"\xef\xbb\xbf"

PLAIN = ("a", "06 12 34 56 78", "2031-02-10 11:00", "Café", "~", "10%", "http://x/y#z", "it's", "null", "-1", "a:b")
leaves = (
    st.tuples(st.just("plain"), st.sampled_from(PLAIN))
    | st.tuples(st.sampled_from(["single", "double"]), st.text("ab \\\"':#é😀{}[],&*-", max_size=8))
    | st.tuples(st.just("folded"), st.lists(st.sampled_from(["a", "b c", "", "d\\", "- e"]), min_size=1, max_size=4))
    | st.tuples(st.sampled_from("|>"), st.lists(st.sampled_from(["a", "# b", "  c: d", "", "", "e  "]), max_size=5))
    | st.tuples(st.just("alias"), st.just(""))
)
keys = st.sampled_from(["a", "b", "café", '"c d"', "'e'", "f g", "h", "i"])


def collections(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.booleans(), st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))


nodes = st.recursive(leaves, collections, max_leaves=12)
trees = st.tuples(st.just(False), st.dictionaries(keys, nodes, min_size=1, max_size=4))
noise = st.lists(st.integers(0, 11), min_size=1, max_size=30)


class Sloppy:
    """Writes a tree as YAML. `lines` say where lines, comments and anchors are, `widths` how many blanks are where."""

    def __init__(self, lines: list[int], widths: list[int], comments: bool) -> None:
        self.lines, self.widths, self.comments = itertools.cycle(lines), itertools.cycle(widths), comments
        self.anchors: list[str] = []
        self.merged: list[str] = []
        self.counts = itertools.count()

    def blanks(self, least: int = 0) -> str:
        return " " * (least + next(self.widths) % 4)

    def chance(self, of: int) -> bool:
        return next(self.lines) % of == 0

    def comment(self) -> str:
        return f"#{' !'[next(self.counts) % 2]}note {next(self.counts)}: [ 'x"

    def between(self, indent: int) -> str:
        """Blank lines and comments, anywhere."""
        text = "\n" * (1 + next(self.lines) % 3) if self.chance(4) else ""
        if self.comments and self.chance(3):
            text += " " * (next(self.widths) % (indent + 5)) + self.comment() + "\n"
        return text

    def end(self) -> str:
        return f"{self.blanks(1)}{self.comment()}\n" if self.comments and self.chance(4) else f"{self.blanks()}\n"

    def root(self, tree: Any) -> str:
        return self.between(0) + self.mapping(tree[1], 0, first=False)

    def mapping(self, node: dict[str, Any], indent: int, *, first: bool) -> str:
        text = ""
        if self.merged and self.chance(3):
            text += f"{' ' * indent}<<:{self.blanks(1)}*{self.merged[-1]}{self.end()}"
        for key, value in node.items():
            text += f"{self.between(indent) if text or not first else ''}{' ' * indent}{key}{self.blanks()}:"
            text += self.value(value, indent)
        return text[indent:] if first else text

    def sequence(self, node: list[Any], indent: int) -> str:
        return "".join(f"{self.between(indent)}{' ' * indent}-{self.item(value, indent)}" for value in node)

    def item(self, node: Any, indent: int) -> str:
        is_block = node[0] is True or (node[0] is False and node[1])
        if node[0] is False and isinstance(node[1], dict) and node[1] and self.chance(2):
            blanks = self.blanks(1)
            return blanks + self.mapping(node[1], indent + 1 + len(blanks), first=True)
        return self.value(node, indent, is_item=True) if is_block else self.value(node, indent)

    def value(self, node: Any, indent: int, *, is_item: bool = False) -> str:
        """What stands behind `:` or `-`, up to the end of its last line."""
        kind, content = node
        anchor = f"{self.blanks(1)}&n{next(self.counts)}" if kind != "alias" and self.chance(5) else ""
        if kind is False and content:  # a block collection, on lines of its own
            is_mapping = isinstance(content, dict)
            least = 0 if not is_mapping and not is_item else 1
            inner = indent + least + next(self.widths) % 4
            text = anchor + self.end()
            text += self.mapping(content, inner, first=False) if is_mapping else self.sequence(content, inner)
        elif kind in ("|", ">"):
            text = anchor + self.blanks(1) + self.literal(kind, content, indent)
        else:
            text = anchor + self.blanks(1) + self.inline(node, indent) + self.end()
        if anchor:
            self.anchors.append(anchor.strip()[1:])
            if isinstance(content, dict):
                self.merged.append(anchor.strip()[1:])
        return text

    def literal(self, kind: str, lines: list[str], indent: int) -> str:
        width = 1 + next(self.widths) % 4
        digit = str(next(self.lines) % 4 + 1) if "".join(lines).startswith(" ") or self.chance(4) else ""
        inner = " " * (indent + (int(digit) if digit else width))
        body = "".join(f"{inner}{line}\n" if line else "\n" for line in lines)
        return kind + digit + ("", "-", "+")[next(self.lines) % 3] + self.end() + body

    def inline(self, node: Any, indent: int) -> str:
        kind, content = node
        if kind == "plain":
            return str(content)
        if kind == "single":
            return "'{}'".format(content.replace("'", "''"))
        if kind == "double":
            return json.dumps(content, ensure_ascii=False)
        if kind == "folded":
            return '"' + f"\n{self.blanks(indent + 1)}".join(content) + ' z"'
        if kind == "alias":
            return f"*{self.anchors[next(self.lines) % len(self.anchors)]}" if self.anchors else "~"
        if kind in ("|", ">"):
            return "'in a flow'"
        inside = [
            (f"{key}{self.blanks()}:{self.blanks(1)}" if isinstance(content, dict) else "")
            + self.inline(content[key] if isinstance(content, dict) else key, indent)
            for key in content
        ]
        parts = [self.gap(indent) + part + self.blanks() for part in inside]
        opening, closing = "{}" if isinstance(content, dict) else "[]"
        return opening + ",".join(parts) + self.gap(indent) + closing

    def gap(self, indent: int) -> str:
        """Between the parts of a flow collection."""
        return self.end() + self.between(indent) + self.blanks(indent + 1) if self.chance(4) else self.blanks()


def formatted(content: bytes) -> bytes:
    diagnostics = Diagnostics()
    result = format_yaml(content, "a.yaml", diagnostics)
    assert result is not None, (diagnostics.items, content.decode())
    return result


def tree(content: bytes) -> Any:
    diagnostics = Diagnostics()
    found = parse(content, "a.yaml", diagnostics)
    return found, [item.code for item in diagnostics]


def scalars(content: bytes) -> Iterator[tuple[Any, ...]]:
    """Every scalar and alias with its value, its anchor and its quotes."""
    for event in yaml.parse(content, Loader=yaml.CLoader):
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            yield getattr(event, "value", None), event.anchor, getattr(event, "style", None)


@settings(max_examples=120)
@given(trees, noise, noise, noise, st.booleans())
def test_a_file_says_the_same_and_is_laid_out_alike(
    root: Any, lines: list[int], widths: list[int], others: list[int], comments: bool
) -> None:
    """However a file was laid out, its tree, scalars, anchors and comments stay; once formatted it stays as it is; and how
    many blanks it had makes no difference."""
    text = Sloppy(lines, widths, comments).root(root)
    content = text.encode()

    result = formatted(content)

    assert tree(result) == tree(content)
    assert list(scalars(result)) == list(scalars(content))
    assert re.findall(r"#[ !]note .*", result.decode()) == re.findall(r"#[ !]note .*", text)
    assert formatted(result) == result
    assert formatted(BOM + content.replace(b"\n", b"\r\n")) == BOM + result.replace(b"\n", b"\r\n")
    if not comments:
        assert formatted(Sloppy(lines, others, comments).root(root).encode()) == result


def test_the_files_of_the_project_say_the_same() -> None:
    """Every example, rule pack and wrong configuration that can be read keeps its tree and its scalars."""
    files = [path for part in ("examples", "smsops", "tests/cases") for path in (ROOT / part).rglob("*.yaml")]
    read = 0
    for content in (path.read_bytes() for path in files if path.exists()):
        diagnostics = Diagnostics()
        result = format_yaml(content, "a.yaml", diagnostics)
        found, wrong = tree(content)
        if wrong or isinstance(found, list | str):
            assert result is None
            assert [item.code for item in diagnostics] == (wrong or ["SMS112"])
            continue
        read += 1
        assert result is not None
        assert tree(result) == tree(content)
        assert list(scalars(result)) == list(scalars(content))
        assert formatted(result) == result
    assert read > 150


BEFORE = """\


# yaml-language-server: $schema=stack.schema.json
smsops:   1
stack :  shop      # one
account: {}        # two
                   # goes on
lists:
      # about customers
      customers:
            fields: {"A":{mailing:  true } ,B : { filter: true},
             C: {}}
            contacts:
            - file: a.csv\t# first


            # about the second
            -   {inline: [
            {phone: 1},  {phone: 2}, # third
               ]}
      # fields: {}
   # of no section
campaigns:
   #   commented: out
moved: [ ]
generate:
-   - |2-
        two more

       text
    - "goes
   on \\
         here"
"""
AFTER = """\
# yaml-language-server: $schema=stack.schema.json
smsops: 1
stack: shop      # one
account: {}      # two
                 # goes on
lists:
  # about customers
  customers:
    fields: {"A": {mailing: true}, B: {filter: true},
             C: {}}
    contacts:
      - file: a.csv # first

      # about the second
      - {inline: [
          {phone: 1}, {phone: 2}, # third
        ]}
  # fields: {}
# of no section
campaigns:
  #   commented: out
moved: []
generate:
  - - |2-
        two more

       text
    - "goes
      on \\
      here"
"""


def test_how_files_are_laid_out() -> None:
    """Two blanks a level, dashes below their key, one blank where one is needed, one blank line at most; comments stay with what
    they are about, and below each other."""
    assert formatted(BEFORE.encode()).decode() == AFTER


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"\n \n", b""),
        (b"\n# only this  ", b"# only this\n"),
        (b"a: 1", b"a: 1\n"),
        (b"a:  1\r\nb:  2\n", b"a: 1\r\nb: 2\r\n"),
        (b"a: |\n   no end", b"a: |\n  no end"),  # a final line end would be one more in the text
        (b"a: |-\n   no end", b"a: |-\n  no end\n"),
        (b"a: |+\n   kept\n\n\n", b"a: |+\n  kept\n\n\n"),
        (b"a: |\n   kept \n\n\n", b"a: |\n  kept \n"),
        (b"---\na:  1\n...\n", b"---\na: 1\n...\n"),
        (b"?  a\n:   - b\n    - c\n", b"? a\n: - b\n  - c\n"),
    ],
)
def test_the_ends_of_files_and_lines(before: bytes, after: bytes) -> None:
    """A file ends with one line end, unless that would change a text; line ends are those of the first line."""
    assert formatted(before) == after
