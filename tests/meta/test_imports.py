"""What a command must not import: starting is quick because nothing is loaded that is not needed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

HEAVY = [
    "aiohttp",
    "cel",
    "cryptography",
    "defusedxml",
    "_duckdb",
    "duckdb",
    "holidays",
    "httpx",
    "mysql",
    "obstore",
    "phonenumbers",
    "psycopg",
    "pycurl",
    "pydantic",
    "pyarrow",
    "rich",
    "starlette",
    "uvicorn",
    "sqlite3",
]
"""Libraries that none of these commands has a use for."""

NETWORK = ["asyncio", "http", "socket", "ssl", "email"]
RARE = ["difflib", "getpass", "multiprocessing"]

STACK = """\
smsops: 1
stack: small
account: {url: "sandbox:"}
sub_accounts:
  shop:
    {first_name: Marie, last_name: Martin, email: marie@acme.example, mobile: 0612345678, password: {env: PASSWORD}}
lists:
  customers:
    fields: {FIRSTNAME: {mailing: true}}
    contacts: [{inline: [{phone: 0612345678, FIRSTNAME: Marie}]}]
"""
COMMANDS = {
    "--version": (["--version"], [*HEAVY, *NETWORK, *RARE, "click", "pydantic_core", "yaml"]),
    "--help": (["--help"], [*HEAVY, *NETWORK, *RARE, "pydantic_core", "yaml"]),
    "validate": (["validate"], [*HEAVY, *NETWORK, *RARE]),
    "validate --help": (["validate", "--help"], [*HEAVY, *NETWORK, *RARE, "yaml"]),
    "init": (["init", "new"], [name for name in HEAVY if name != "pydantic"]),  # it writes the schema
    "schema": (["schema"], [name for name in HEAVY if name != "pydantic"]),
    "state list": (["state", "list"], HEAVY),
}


@pytest.mark.parametrize(("arguments", "unwanted"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_imports_nothing_that_it_has_no_use_for(
    arguments: Sequence[str], unwanted: Sequence[str], tmp_path: Path
) -> None:
    """A library is imported by the commands that use it, never by those that only might."""
    (tmp_path / "smsops.yaml").write_text(STACK, "utf-8")
    script = (
        "import os, sys\n"
        "os._exit = sys.exit\n"  # otherwise nothing could be asked behind it
        "from smsops.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code or 0\n"
        "else: code = 0\n"
        "print('modules:', code, *sorted(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PASSWORD": "correct horse"},
        capture_output=True,
        text=True,
        check=True,
    )

    _, code, *modules = done.stdout.splitlines()[-1].split()

    assert code == "0", done.stderr
    assert sorted({name.partition(".")[0] for name in modules} & set(unwanted)) == []
