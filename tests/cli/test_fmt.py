"""`fmt` lays out files, says which, and leaves alone what it cannot be sure of."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from smsops.cli.main import run
from tests.harness import Stack

ROOT = Path(__file__).parents[2]
SLOPPY = "smsops:   1\nstack: test\ninclude: [ more/*.yaml ]\n"
TIDY = "smsops: 1\nstack: test\ninclude: [more/*.yaml]\n"


@pytest.fixture
def sloppy(stack: Stack) -> Stack:
    """A stack of two files that are not formatted, beside one that it does not include."""
    for name, text in {"smsops.yaml": SLOPPY, "more/a.yaml": "lists:\n    vip: {}\n", "other.yaml": "a:  1\n"}.items():
        (stack.root / name).parent.mkdir(exist_ok=True)
        (stack.root / name).write_text(text, "utf-8")
    return stack


def test_a_stack_is_formatted(sloppy: Stack) -> None:
    """smsops.yaml and what it includes are replaced, their modes and links kept, nothing else; --check and --diff only look."""
    (sloppy.root / "more" / "a.yaml").rename(sloppy.root / "more" / "real")
    (sloppy.root / "more" / "a.yaml").symlink_to("real")
    (sloppy.root / "smsops.yaml").chmod(0o640)

    check, diff = sloppy.run("fmt", "--check"), sloppy.run("fmt", "--diff")

    assert (check.exit_code, check.stdout) == (1, "smsops.yaml\nmore/a.yaml\n")
    head = "--- a/smsops.yaml\n+++ b/smsops.yaml\n@@ -1,3 +1,3 @@\n-smsops:   1\n+smsops: 1\n stack"
    assert (diff.exit_code, diff.stdout[: len(head)]) == (0, head)
    assert (sloppy.run("fmt", "--check", "--diff").exit_code, sloppy.run("fmt", "--diff").stdout) == (1, diff.stdout)
    assert (sloppy.root / "smsops.yaml").read_text("utf-8") == SLOPPY

    done = sloppy.run("fmt")

    assert (done.exit_code, done.stdout) == (0, "smsops.yaml\nmore/a.yaml\n")
    assert (sloppy.root / "smsops.yaml").read_text("utf-8") == TIDY
    assert (sloppy.root / "smsops.yaml").stat().st_mode & 0o777 == 0o640
    assert (sloppy.root / "more" / "a.yaml").is_symlink()
    assert (sloppy.root / "more" / "real").read_text("utf-8") == "lists:\n  vip: {}\n"
    assert (sloppy.root / "other.yaml").read_text("utf-8") == "a:  1\n"
    assert sorted(path.name for path in sloppy.root.rglob("*")) == [
        "a.yaml",
        "more",
        "other.yaml",
        "real",
        "smsops.yaml",
    ]
    assert (sloppy.run("fmt", "--check").exit_code, sloppy.run("fmt").stdout) == (0, "")


def test_files_and_directories_are_named(sloppy: Stack) -> None:
    """A directory means the YAML files below it, without hidden ones and links; a file is itself, whatever its name."""
    (sloppy.root / ".hidden").mkdir()
    for name in ("more/b.yml", ".hidden/c.yaml", "more/.d.yaml", "more/e.txt"):
        (sloppy.root / name).write_text("a:  1\n", "utf-8")
    (sloppy.root / "more" / "f.yaml").symlink_to("../other.yaml")

    assert sloppy.run("fmt", "--check", ".").stdout == "other.yaml\nsmsops.yaml\nmore/a.yaml\nmore/b.yml\n"
    assert sloppy.run("fmt", "more/e.txt", "more").stdout == "more/e.txt\nmore/a.yaml\nmore/b.yml\n"
    result = sloppy.run("fmt", "none.yaml", "other.yaml")
    assert (result.exit_code, result.stdout, "SMS122: none.yaml" in result.stderr) == (1, "other.yaml\n", True)
    assert sloppy.run("fmt", "-", "other.yaml").exit_code == 1


def test_a_file_that_cannot_be_read_is_left_alone(sloppy: Stack) -> None:
    """What validate says about YAML, fmt says too, and it formats the rest; what would change a text is refused."""
    broken, unsafe = "lists:\n  vip: {\n", "a:\n    b: |\n      c\n      \u2028      d\n"
    (sloppy.root / "more" / "a.yaml").write_text(broken, "utf-8")
    (sloppy.root / "other.yaml").write_text(unsafe, "utf-8")

    result, refused = sloppy.run("fmt"), sloppy.run("fmt", "other.yaml")

    assert (result.exit_code, result.stdout) == (1, "smsops.yaml\n")
    said = sloppy.run("validate").stderr
    assert result.stderr == f"{said}1 file formatted, 0 unchanged.\n"
    assert said.startswith("more/a.yaml:3:1: error SMS101")
    assert (refused.exit_code, refused.stdout, "other.yaml:1:1: error SMS469" in refused.stderr) == (1, "", True)
    assert (sloppy.root / "more" / "a.yaml").read_text("utf-8") == broken
    assert (sloppy.root / "other.yaml").read_text("utf-8") == unsafe


@pytest.mark.parametrize("content", ["Hello:world\nsecond  line\n", "- a\n-   b\n"])
def test_what_is_no_configuration_is_left_alone(sloppy: Stack, content: str) -> None:
    """A text or a list is no file of a stack, although it is YAML: whoever names one by mistake does not lose it."""
    (sloppy.root / "notes.txt").write_text(content, "utf-8")
    result = sloppy.run("fmt", "notes.txt", "other.yaml")
    assert (result.exit_code, result.stdout, "SMS112" in result.stderr) == (1, "other.yaml\n", True)
    assert (sloppy.root / "notes.txt").read_text("utf-8") == content


def test_a_difference_shows_nothing_private(stack: Stack) -> None:
    """Numbers, addresses and secrets of the lines that change are masked, as wherever lines are shown."""
    stack.write(
        'people:\n- {phone: 06 12 34 56 78, mail: "marie@acme.example"}\naccount:\n   api_key: hunter2\n   secret:\n     x:  swordfish\nlast:  1'
    )

    shown = stack.run("fmt", "--diff").stdout

    assert "\n+  - {phone: " in shown
    assert "\\ No newline at end of file" in shown
    for private in ("06 12", "marie", "hunter2", "swordfish"):
        assert private not in shown


def test_stdin_goes_to_stdout(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """As a filter, for editors: bytes in, bytes out, and nothing where it cannot be read."""

    def through(content: bytes, *options: str) -> tuple[int, bytes]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        code = run(["fmt", *options, "-"])
        return code, capsysbinary.readouterr().out

    assert through("é:  1\r\n".encode()) == (0, "é: 1\r\n".encode())
    assert through(b"a: 1\n") == (0, b"a: 1\n")
    assert through(b"a:  1\n", "--check") == (1, b"-\n")
    assert through(b"a: [\n") == (1, b"")


def test_what_the_project_writes_is_formatted(stack: Stack) -> None:
    """The examples, the rule packs, and what init and export write are as fmt leaves them."""
    stack.run("init", "new")
    stack.write(
        {"lists": {"vip": {"fields": {"CITY": {"filter": True}}, "contacts": [{"inline": [{"phone": "0612345678"}]}]}}}
    )
    stack.apply()
    assert stack.run("export", "out").exit_code == 0

    result = stack.run("fmt", "--check", "new", "out", str(ROOT / "examples"), str(ROOT / "smsops"))

    assert (result.exit_code, result.stdout) == (0, "")
