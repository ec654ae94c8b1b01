"""What the pages have a reader do: files to write, edits, and commands with what they print.

A ```console block holds commands. They run in order, in one directory for each page, on the embedded sandbox:

- `$ ` begins a command. What stands below it, if anything, is what it prints; `…` there stands for what differs from run
  to run, on a line of its own for any number of lines.
- `# ends with 2` behind a command is its exit code; without, it ends with 0.
- `smsops` runs in this process, with `> FILE` and `| COMMAND` behind it; `cd` and `export` hold until the end of the page; of
  `make` only the target is looked up; whatever else is the shell's.
- `<!-- console` to `-->` is a block that no reader sees: what a page takes for granted.

A block whose info string has `title="FILE"` is written to that file; a ```diff block edits it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from smsops.cli.main import run
from smsops.garbage import search_everything

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(
    r"^```(?P<language>[\w-]*)(?: title=\"(?P<title>[^\"]+)\")?(?P<rest>[^\n]*)\n(?P<body>.*?)^```$"
    r"|^<!-- console\n(?P<hidden>.*?)-->$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<expected>(?:(?!\$ ).*\n)*)", re.MULTILINE)
_ENDING = re.compile(r"\s+# ends with (\d+)$")


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line of text."""

    language: str
    title: str
    body: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command, its exit code, and what it prints where the page says so."""

    line: str
    exit_code: int
    expected: str


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page; hidden ones are console blocks too."""
    for found in _BLOCK.finditer(text):
        hidden = found["hidden"]
        line = text.count("\n", 0, found.start()) + 2
        yield Block(
            found["language"] or ("console" if hidden else ""), found["title"] or "", hidden or found["body"], line
        )


def commands(block: Block) -> list[Command]:
    """The commands of a console block; AssertionError where it does not begin with one."""
    assert block.body.startswith("$ "), f"line {block.line}: a console block begins with a command: $ …"
    found = []
    for match in _COMMAND.finditer(block.body):
        ending = _ENDING.search(match["command"])
        line = match["command"][: ending.start()] if ending else match["command"]
        found.append(Command(line, int(ending[1]) if ending else 0, match["expected"]))
    return found


def runs(text: str) -> bool:
    """Whether a page has anything to do."""
    return any(block.language == "console" for block in blocks(text))


def follow(text: str, directory: Path) -> None:
    """Do what a page says, in an empty directory; AssertionError where something else comes out."""
    reader = Reader(directory)
    if "examples/" in text:
        shutil.copytree(ROOT / "examples", directory / "examples", ignore=shutil.ignore_patterns(".smsops"))
    for block in blocks(text):
        if block.language == "console":
            for command in commands(block):
                exit_code, printed = reader.do(command.line)
                where = f"line {block.line}: $ {command.line}\n{printed}"
                assert exit_code == command.exit_code, where
                if command.expected:
                    assert printed == command.expected or re.fullmatch(_pattern(command.expected), printed), where
        elif block.title and block.language == "diff":
            reader.edit(block.title, block.body)
        elif block.title:
            reader.write(block.title, block.body)


def _pattern(expected: str) -> str:
    """A regular expression for what a page shows."""
    whole = re.escape(expected)
    return re.sub(r"(?m)^…\\?\n", lambda _: r"(?:.*\n)*?", whole).replace("…", ".*?")


class Reader:
    """Somebody who does what a page says: a directory, an environment, and a shell."""

    def __init__(self, directory: Path) -> None:
        self._root = directory
        self._directory = directory
        self._environment = {
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **{
                f"GIT_{who}_{what}": "reader@acme.example"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }

    def write(self, name: str, text: str) -> None:
        """Make a file."""
        path = self._directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def edit(self, name: str, diff: str) -> None:
        """Change a file as a diff says, whose lines are in it exactly once."""
        path = self._directory / name
        text = path.read_text("utf-8")
        old, new = ("".join(line[1:] or line for line in diff.splitlines(True) if line[0] != sign) for sign in "+-")
        assert text.count(old) == 1, f"{name} has these lines {text.count(old)} times:\n{old}"
        path.write_text(text.replace(old, new), "utf-8")

    def do(self, line: str) -> tuple[int, str]:
        """Run a command: its exit code, and what a terminal shows."""
        words = shlex.split(line, comments=True)
        match words[0]:
            case "cd":
                self._directory = (self._directory / words[1]).resolve()
                assert self._directory.is_relative_to(self._root.resolve()), line
            case "export":
                self._environment |= dict(word.split("=", 1) for word in words[1:])
            case "make":
                assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text("utf-8"), line
            case "smsops":
                return self._smsops(line)
            case _:
                return self._shell(line, "")
        return 0, ""

    def _smsops(self, line: str) -> tuple[int, str]:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        operators = [n for n, word in enumerate(words) if word and set(word) <= set("();<>|&")]
        arguments = words[1 : operators[0] if operators else None]
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self._directory),
            mock.patch.dict(os.environ, self._environment, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err if operators else out),
        ):
            exit_code = int(run(arguments))
        search_everything()
        if not operators:
            return exit_code, out.getvalue()
        match words[operators[0] :]:
            case [">", target]:
                self.write(re.sub("^~", self._environment["HOME"], target), out.getvalue())
                return exit_code, err.getvalue()
            case ["|", *_]:
                exit_code, printed = self._shell(line.partition(" | ")[2], out.getvalue())
                return exit_code, err.getvalue() + printed
        raise AssertionError(f"smsops runs with > FILE or | COMMAND behind it: {line}")

    def _shell(self, line: str, given: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self._directory,
            env=self._environment,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout
