"""YAML laid out as the project writes it: blanks, blank lines and line ends change, never a scalar, a comment or the order.

What the scanner found is moved as it stands in the source, on the lines that its author gave it. The result counts only if it
says the same when it is read: the same events, of which the loader makes the tree, and the same comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from smsops.config.yaml import parse_mapping
from smsops.model.diagnostics import Diagnostics, Mark

_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_STEP = 2
_BREAK = re.compile("[\n\x85\u2028\u2029]")  # what ends a line in YAML 1.1, besides \r
_HANGS = re.compile("[ \t]*[#\n\x85\u2028\u2029]")  # behind a bracket: the rest of its line is empty
_COMMENT = re.compile("#[^\n\x85\u2028\u2029]*")


def format_yaml(content: bytes, file: str, diagnostics: Diagnostics) -> bytes | None:
    """The content of a YAML file, formatted. None, reported, where it cannot be read, or not be formatted safely (SMS469).

    Line ends become those of the first line, and a byte order mark stays: they are the platform's.
    """
    found = Diagnostics()
    parse_mapping(content, file, found)
    if found.items:
        diagnostics.extend(found)
        return None
    source = content.decode("utf-8-sig")
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    result = _Layout(text).format()
    try:
        same = result == text or _said(result) == _said(text)
    except yaml.YAMLError:
        same = False
    if not same:
        summary = "Formatting would change what this file says, so it is left alone"
        detail = "Please report this. Until then, write the file in a simpler way."
        diagnostics.error("SMS469", summary, detail=detail, mark=Mark(file, 1, 1))
        return None
    if re.match(r"[^\r\n]*\r\n", source):
        result = result.replace("\n", "\r\n")
    return result.encode("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "utf-8")


def _said(text: str) -> tuple[list[object], list[str]]:
    """All that a text says: its events and its comments."""
    events: list[object] = [
        (type(event), *(value for name, value in vars(event).items() if not name.endswith("_mark")))
        for event in yaml.parse(text, Loader=_LOADER)
    ]
    comments, end = [], 0
    for atom in [*_atoms(text), _Atom("", len(text), len(text), 0)]:
        comments += _COMMENT.findall(text, end, atom.start)
        end = atom.end
    return events, [comment.rstrip() for comment in comments]


class _Atom(NamedTuple):
    """A token of the scanner. One without text (`start` is `end`) only tells how what follows is nested."""

    kind: str
    start: int
    end: int
    column: int


def _atoms(text: str) -> Iterator[_Atom]:
    """The tokens of a text; a block scalar is its header, and a body that is all up to the next token."""
    token: Any
    for token in yaml.scan(text, Loader=_LOADER):
        start, column, end = token.start_mark.index, token.start_mark.column, token.end_mark.index
        if getattr(token, "style", None) not in ("|", ">"):
            yield _Atom(token.id, start, end, column)
            continue
        header = start + len(text[start:end]) - len(text[start:end].lstrip("|>+-0123456789"))
        yield _Atom("header", start, header, column)
        body = text.find("\n", header) + 1
        if 0 < body < end:
            yield _Atom("body", body, end, 0)


class _Frame(NamedTuple):
    """A block collection that is open: the column that it has, and the one that it gets."""

    source: int
    column: int
    is_sequence: bool = False
    is_indentless: bool = False


@dataclass
class _Line:
    """A line of the result, and a comment at its end: where that stands in the source, and how far from the text."""

    text: str
    comment: str = ""
    column: int = 0
    gap: int = 0


class _Layout:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: list[_Line] = []
        self.frames = [_Frame(-1, -_STEP)]
        self.flows: list[tuple[int, int]] = []  # those that are open: the columns of lines in them, and of their ends
        self.end, self.previous = 0, ""  # of the atom before
        self.base = 0  # where lines of a flow collection hang from: the begin of a line, behind its dashes
        self.is_cut = False  # whether a final line end would be one more in a block scalar

    def format(self) -> str:
        is_key, was_open = False, self.frames
        for atom in _atoms(self.text):
            if not self.flows:
                self.nest(atom)
            if atom.kind == "body":
                self.put_body(atom)
            elif atom.start < atom.end:
                self.put(atom, was_open, is_key)
            else:
                is_key = atom.kind == "?"  # comes before a key without a question mark
                continue
            is_key, was_open = False, self.frames
        self.fill(_BREAK.split(self.text[self.end :].rstrip() + "\n"), was_open, 0, 0)
        self.align_comments()
        return "\n".join(line.text for line in self.lines) + ("\n" if self.lines and not self.is_cut else "")

    def nest(self, atom: _Atom) -> None:
        """Open and close block collections. A sequence may have its dashes below its key, without a token of its own."""
        if self.frames[-1].is_indentless and atom.kind in ("?", ":", "<block end>"):
            self.frames = self.frames[:-1]
        is_indentless = atom.kind == "-" and not self.frames[-1].is_sequence
        if is_indentless or atom.kind in ("<block mapping start>", "<block sequence start>"):
            at, is_sequence = self.frames[-1].column + _STEP, atom.kind != "<block mapping start>"
            self.frames = [*self.frames, _Frame(atom.column, at, is_sequence, is_indentless)]
        elif atom.kind == "<block end>":
            self.frames = self.frames[:-1]

    def put(self, atom: _Atom, was_open: list[_Frame], is_key: bool) -> None:
        """Add an atom to the last line, or begin one with it."""
        kind, text, others = atom.kind, self.text[atom.start : atom.end], list[str]()
        between = _BREAK.split(self.text[self.end : atom.start])
        column, begins = self.column(kind, is_key), len(between) > 1 or not self.previous
        self.fill(between, was_open, atom.column, column)
        if begins:
            self.lines.append(_Line(" " * column))
            self.base = column
        else:
            self.lines[-1].text += self.space(kind)
        at = len(self.lines[-1].text)
        if kind in ("-", "?") or (kind == ":" and begins):
            self.base = at + _STEP
        if kind in ("]", "}"):
            self.flows.pop()
        if "\n" in text:  # of a scalar: how its lines are indented says nothing
            indent = " " * (_STEP + max(0, self.flows[-1][0] if self.flows else self.frames[-1].column))
            text = re.sub(r"(?m)(?<!\\)[ \t]+$", "", text)  # behind a backslash a blank counts
            text, *others = re.sub(r"\n[ \t]*(?=[^\n])", f"\n{indent}", text).split("\n")
        self.lines[-1].text += text
        self.lines += map(_Line, others)
        if kind in ("[", "{"):
            hangs = _HANGS.match(self.text, atom.end)
            self.flows.append((self.base + _STEP, self.base) if hangs else (at + 1, at))
        self.end, self.previous = atom.end, kind

    def put_body(self, atom: _Atom) -> None:
        """Add the lines of a block scalar, all moved by as much; blank ones at its end are its own only where it keeps them."""
        top, header = self.frames[-1], self.lines[-1].text.rpartition(" ")[2]
        lines = self.text[atom.start : atom.end].split("\n")
        digit = re.search(r"\d", header)
        if digit:
            source, column = (max(0, at) + int(digit.group()) for at in (top.source, top.column))
        else:  # that of the first line with text, or of a longer blank one before it
            first = next((number for number, line in enumerate(lines) if line.strip(" ")), len(lines))
            source = max(1, top.source + 1, *(len(line) - len(line.lstrip(" ")) for line in lines[: first + 1]))
            column = _STEP + max(0, top.column)
        *texts, last = (line[source:] for line in lines)
        if last:  # no line end
            texts, self.is_cut = [*texts, last], "-" not in header
        while texts and not texts[-1] and "+" not in header:
            texts.pop()
        if texts:
            self.fill([self.text[self.end : atom.start - 1], ""], [], 0, 0)
            self.lines += (_Line(" " * column + text if text else "") for text in texts)
            self.end, self.previous = atom.start + len("\n".join(lines[: len(texts)])), atom.kind

    def column(self, kind: str, is_key: bool) -> int:
        """Where a line begins whose first atom is of this kind."""
        if kind in ("<document start>", "<document end>", "<directive>"):
            return 0
        if self.flows:
            return self.flows[-1][1] if kind in ("]", "}") else self.flows[-1][0] + _STEP * (self.previous == ":")
        return self.frames[-1].column + (0 if is_key or kind in ("-", "?", ":") else _STEP)

    def space(self, kind: str) -> str:
        """What stands between the atom before and one of this kind on the same line."""
        if self.previous in ("[", "{") or (kind in (",", "]", "}") and self.previous not in (":", "?", "<tag>")):
            return ""
        return "" if kind == ":" and self.previous in ("<scalar>", "]", "}") else " "

    def fill(self, between: list[str], was_open: list[_Frame], source: int, column: int) -> None:
        """Add comments and blank lines, from the parts of lines between two atoms; the next one goes from `source` to `column`."""
        if self.previous:
            rest, *between = between
            if rest.strip():
                gap = len(rest) - len(rest.lstrip())
                at = self.end + gap - (self.text.rfind("\n", 0, self.end) + 1)
                self.lines[-1] = _Line(self.lines[-1].text, rest.strip(), at, gap)
        is_blank = False
        for line in between[:-1]:
            comment, at = line.strip(), len(line) - len(line.lstrip())
            above = self.lines[-1] if self.lines and not is_blank else _Line("")
            if not comment:
                is_blank = bool(self.lines)
                continue
            self.lines += [_Line("")] * is_blank
            is_blank = False
            if above.comment and above.column == at != source:  # goes on with the comment at the end of the line above
                self.lines.append(_Line("", comment, at))
            else:
                self.lines.append(_Line(" " * self.comment_column(at, was_open, source, column) + comment))
        self.lines += [_Line("")] * is_blank

    def comment_column(self, at: int, was_open: list[_Frame], source: int, column: int) -> int:
        """Where a comment goes that has a line: to what comes next, or into what ends before that, as deep as it was."""
        if self.flows:
            return self.flows[-1][0]
        if at > source and at > was_open[-1].source and self.previous in (":", "-", "?", "<anchor>", "<tag>"):
            return was_open[-1].column + _STEP  # into a value that is nothing
        return next((frame.column for frame in reversed(was_open) if at >= frame.source > source), column)

    def align_comments(self) -> None:
        """Put comments at the ends of lines: below each other where they were, else as far away as they were."""
        group: list[_Line] = []
        for line in [*self.lines, _Line("")]:
            if group and not (line.comment and line.column == group[0].column):
                at = max(len(one.text) for one in group) + max(1, min(one.gap for one in group if one.text))
                for one in group:
                    one.text = one.text.ljust(at) + one.comment
                group = []
            if line.comment:
                group.append(line)
