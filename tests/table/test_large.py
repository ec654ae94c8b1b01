"""A million contacts, from the file to the account, by the command itself and against a server in another process."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CONTACTS = 1_000_000
MOST = 400_000
"""Kilobytes of resident memory at the peak."""
ROOT = Path(__file__).parents[2]
SMSOPS = [sys.executable, "-m", "smsops"]
ENVIRONMENT = {**os.environ, "ALLMYSMS_LOGIN": "sandbox", "ALLMYSMS_API_KEY": "sandbox-key"}


@contextmanager
def server() -> Iterator[str]:
    """The address of a server that is a process of its own; the sandbox would take longer than all the rest."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


_WATCH = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=sys.stderr)
"""
"""Run by a small process: on Linux the peak of a child begins with that of who started it, and the tests are large."""


def run(directory: Path, *arguments: str) -> tuple[int, str, int]:
    """A command: how it ended, what it printed, and the peak of its resident memory in kilobytes."""
    command = [sys.executable, "-c", _WATCH, *SMSOPS, "-C", str(directory), *arguments]
    done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, check=True)
    code, memory = map(int, done.stderr.decode().splitlines()[-1].split())
    return code, done.stdout.decode(), memory


def test_a_million_new_contacts(tmp_path: Path) -> None:
    """However many contacts are new, they are sent batch by batch, and memory stays bounded."""
    stack = tmp_path / "stack"
    stack.mkdir()
    with (stack / "vip.csv").open("w", encoding="utf-8") as file:
        file.write("mobile;FIRSTNAME;SHOP\n")
        file.writelines(f"06 {n // 10000:04} {n % 10000:04};Zoé {n % 997};Lyon {n % 89}\n" for n in range(CONTACTS))
    with server() as url:
        (stack / "smsops.yaml").write_text(
            f"smsops: 1\nstack: large\naccount: {{url: {url}}}\nsettings: {{requests_per_second: 1000}}\n"
            "lists:\n  vip:\n    fields: {FIRSTNAME: {}, SHOP: {}}\n    contacts: [{file: vip.csv}]\n"
        )
        code, printed, memory = run(stack, "apply", "--auto-approve", "--format", "json")
        events = [json.loads(line) for line in printed.splitlines()]
        assert code == 0
        returned = [event["returned"] for event in events if event["type"] == "operation_done" and event["returned"]]
        assert returned == [{"removed": 0, "inserted": CONTACTS}]
        assert memory < MOST


@pytest.mark.parametrize(
    ("name", "first"), [("bomb.csv.gz", b"phone\n"), ("bomb.ndjson.gz", b'{"phone":"0612345678"}\n')]
)
def test_a_line_without_an_end_is_not_held(tmp_path: Path, name: str, first: bytes) -> None:
    """However long a line is and however well it was packed, it is refused at its place and memory stays bounded."""
    (tmp_path / name).write_bytes(gzip.compress(first) + gzip.compress(b"x" * (1 << 20)) * 600)
    (tmp_path / "smsops.yaml").write_text(
        f"smsops: 1\nstack: large\nlists: {{vip: {{contacts: [{{file: {name}}}]}}}}\n"
    )

    code, printed, memory = run(tmp_path, "validate", "--format", "json")

    (found,) = json.loads(printed)["diagnostics"]
    assert (code, found["code"], found["file"], found["line"]) == (1, "SMS162", name, 2)
    assert memory < MOST
