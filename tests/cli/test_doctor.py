"""`doctor` finds what would stop a run, says what to do, and changes nothing."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from smsops.api.client import Transport
from smsops.api.records import Credentials
from smsops.cli.connect import ApiConnection
from smsops.cli.main import run
from smsops.cli.options import Globals
from smsops.config.load import Configuration
from tests.api.scripted_server import Asked, Reply, ScriptedWire, Step
from tests.harness import READS, START, Stack
from tests.kinds.contract import person


def checks(stack: Stack, exit_code: int) -> dict[str, dict[str, Any]]:
    """What the checks say, by name; all calls are reads."""
    stack.calls()
    result = stack.run("doctor", "--format", "json")
    document = result.document
    assert (result.exit_code, document["healthy"]) == (exit_code, exit_code == 0), result.stdout
    assert {call.method for call in stack.calls()} <= READS
    text = stack.run("doctor")
    assert text.exit_code == exit_code
    assert [line.split()[0] for line in text.stdout.splitlines() if line[0] != " "] == [
        check["status"] for check in document["checks"]
    ]
    for secret in ("correct horse", "acme-key"):
        assert secret not in result.stdout + text.stdout
    return {check["check"]: check for check in document["checks"]}


def test_a_stack_in_order(stack: Stack) -> None:
    """Everything is ok, and nothing is written."""
    stack.write({"sub_accounts": {"north": person()}})

    assert {check["status"] for check in checks(stack, 0).values()} == {"ok"}
    assert not (stack.root / ".smsops").exists()


def test_each_trouble_is_told_with_what_to_do(stack: Stack) -> None:
    """Missing secrets, a wrong key, a state that others may read, a held lock and a broken configuration are found, each with
    what to do about it."""
    stack.write({"sub_accounts": {"north": person()}})
    stack.apply()

    (stack.root / ".smsops" / "state.json").chmod(0o644)
    with stack.store.lock("apply"):
        found = checks(stack, 0)
    assert "chmod 600" in found["state"]["detail"]
    assert (found["lock"]["status"], "held by" in found["lock"]["summary"]) == ("warning", True)

    del stack.environment["PASSWORD"]
    assert "PASSWORD is not set" in checks(stack, 1)["secrets"]["detail"]
    stack.environment["PASSWORD"] = "correct horse"

    stack.environment["ALLMYSMS_API_KEY"] = "wrong"
    assert "the API key" in checks(stack, 1)["account"]["detail"]
    stack.environment["ALLMYSMS_API_KEY"] = "acme-key"

    stack.write({"sub_accounts": {"north": {}}})
    assert "smsops validate" in checks(stack, 1)["configuration"]["detail"]


@pytest.mark.parametrize(("hours", "status"), [(0, "ok"), (1, "warning"), (-1, "warning")])
def test_a_clock_that_is_wrong_is_told(stack: Stack, hours: int, status: str) -> None:
    """This machine's clock is compared with the server's: what is late is judged by it."""
    date = format_datetime(START + timedelta(hours=hours))

    async def answer(asked: Asked) -> Step:
        return Reply(pieces=[b'{"status": "Active Account", "credits": "7"}'], headers={"Date": date})

    class Elsewhere(Stack):
        @asynccontextmanager
        async def connect(self, configuration: Configuration, credentials: Credentials) -> AsyncIterator[ApiConnection]:
            async with Transport("http://api", wire=ScriptedWire(answer)) as transport:
                yield ApiConnection.on(transport, credentials)

    elsewhere = Elsewhere(stack.root)
    elsewhere.write("")
    assert checks(elsewhere, 0)["clock"]["status"] == status
    elsewhere.close()


def test_whatever_is_broken_every_look_is_made_and_says_what_to_do(stack: Stack) -> None:
    """A damaged state, a state that is a directory, a place that cannot be written, a sandbox that is none, an extra that is not
    installed, an address that makes no sense: doctor goes on to its end, and each error has its advice."""
    path = stack.root / ".smsops" / "state.json"
    path.parent.mkdir()
    sections = {"lists": {"vip": {"contacts": [{"url": "mysql://db.example/crm", "sql": "select 1 phone"}]}}}
    for spoiled in (b"{", b'{"format_version": 1}', b"\xff\xfe\x00", "directory", "no directory around it"):
        if isinstance(spoiled, bytes):
            path.write_bytes(spoiled)
        elif path.is_file():
            path.unlink()
            path.mkdir()
        else:
            path.rmdir()
            path.parent.rmdir()
            path.parent.touch()
        stack.write(sections)
        found = checks(stack, 1)
        assert found["state"]["status"] == "error"
        assert found["extras"] == {"check": "extras", "status": "ok", "summary": "mysql: installed", "detail": ""}
        assert found["account"]["status"] == "ok"
        assert all(check["detail"] for check in found.values() if check["status"] == "error")
    assert stack.run("plan").exit_code == 1

    with pytest.MonkeyPatch.context() as patch:  # as if neither extra had ever been installed
        for library in ("pymysql", "obstore"):
            patch.setitem(sys.modules, library, None)
        stack.write(sections | {"state": "s3://bucket/state.json"})
        result = stack.run("doctor")
        assert "error   extras: contacts.vip needs mysql\n          pip install 'smsops[mysql]'\n" in result.stdout
        assert "error   extras: the state needs s3\n          pip install 'smsops[s3]'\n" in result.stdout
        assert "SMS499" not in result.stdout + result.stderr


@pytest.mark.parametrize("content", [b"no database", None])
def test_a_sandbox_that_cannot_be_used_is_told(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of the embedded sandbox that is damaged, or a directory, is named with what to do, by doctor and by plan."""
    (tmp_path / "smsops.yaml").write_text('smsops: 1\nstack: test\naccount: {url: "sandbox:"}\n', "utf-8")
    path = tmp_path / ".smsops" / "sandbox.db"
    path.parent.mkdir()
    path.mkdir() if content is None else path.write_bytes(content)

    for command, errors in (
        ("doctor", "error   account: The embedded sandbox"),
        ("plan", "error SMS455: The embedded"),
    ):
        assert run([command], Globals(directory=tmp_path, environment={})) == 1
        out, err = capsys.readouterr()
        assert errors in out + err
        assert f"Remove {path}" in out + err
