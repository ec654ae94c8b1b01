"""`doctor` finds what would stop a run, says what to do, and changes nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from smsops.api.client import Transport
from smsops.api.contract import Credentials
from smsops.cli.connect import ApiConnection
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
