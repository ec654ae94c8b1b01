"""A stack in a directory, the sandbox as its account, and the command line in this process.

Nothing of smsops is replaced: the commands run as users run them, on a real server without a port.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from smsops import garbage
from smsops.api.client import Transport
from smsops.api.records import Credentials
from smsops.cli.connect import ApiConnection, SandboxWire
from smsops.cli.main import run
from smsops.cli.options import Globals
from smsops.config.load import Configuration
from smsops.edge.state.backend import Holder
from smsops.edge.state.file import FileBackend
from smsops.edge.state.store import StateStore
from smsops.kinds import KINDS, Kind
from smsops.sandbox.app import Call, Sandbox
from smsops.surroundings import Surroundings

LOGIN, API_KEY = "acme", "acme-key"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
READS = frozenset(
    (
        "getInfo",
        "getSubAccounts",
        "getLists",
        "getContacts",
        "getBlacklist",
        "getCreditsByCountryIsoCode",
        "simulateCampaign",
    )
)


@dataclass(frozen=True)
class Result:
    """How one command ended and what it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)

    @property
    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.stdout.splitlines()]


class InstantClock:
    """Waiting takes no time; how long was waited is kept."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += seconds

    def random(self) -> float:
        return 0.5


@dataclass
class Stack:
    """One stack directory and its account on a sandbox in memory."""

    root: Path
    kinds: tuple[Kind, ...] = KINDS
    credits: int = 1_000_000
    environment: dict[str, str] = field(
        default_factory=lambda: {"PASSWORD": "correct horse", "OTHER": "battery staple"}
    )
    timeout: float = 5.0

    def __post_init__(self) -> None:
        self.clock = START
        self.waiting = InstantClock()
        self.sandbox = Sandbox(clock=self.now)
        self.sandbox.ensure_master(LOGIN, API_KEY, credits=self.credits)
        self.environment |= {"ALLMYSMS_LOGIN": LOGIN, "ALLMYSMS_API_KEY": API_KEY}
        self.root.mkdir(parents=True, exist_ok=True)

    def now(self) -> datetime:
        """The time for smsops and for the sandbox: what `clock` says, and what was waited since."""
        return self.clock + timedelta(seconds=self.waiting.elapsed)

    def write(self, sections: str | Mapping[str, Any], name: str = "smsops.yaml") -> None:
        """Write smsops.yaml: what `sections` says, below the lines that every stack begins with.

        A mapping is written as JSON, which is YAML.
        """
        text = (
            sections
            if isinstance(sections, str)
            else "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in sections.items())
        )
        if name == "smsops.yaml":
            text = f"smsops: 1\nstack: test\n{text}"
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, "utf-8")

    def run(self, *arguments: str) -> Result:
        """One command line, as typed in the stack's directory."""
        out, err = io.StringIO(), io.StringIO()
        surroundings = Surroundings(self.kinds, self.environment, self.now, self.connect)
        given = Globals(directory=self.root, environment=self.environment, surroundings=surroundings)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            exit_code = run(arguments, given)
        garbage.search_everything()
        return Result(int(exit_code), out.getvalue(), err.getvalue())

    def plan(self, *options: str) -> Any:
        """The plan document; the command must succeed (0 or 2)."""
        result = self.run("plan", "--format", "json", *options)
        assert result.exit_code in (0, 2), (result.exit_code, result.stdout, result.stderr)
        return result.document

    def apply(self, *options: str) -> Result:
        """Apply without asking; must end with 0."""
        result = self.run("apply", "--auto-approve", *options)
        assert result.exit_code == 0, (result.exit_code, result.stdout, result.stderr)
        return result

    def changes(self, *options: str) -> dict[str, list[str]]:
        """What a plan would do: address → actions."""
        return {change["address"]: change["change"]["actions"] for change in self.plan(*options)["resource_changes"]}

    def calls(self) -> list[Call]:
        """The calls since the last time this was asked."""
        found = list(self.sandbox.calls)
        self.sandbox.calls.clear()
        return found

    def writes(self) -> list[str]:
        """The methods of the mutating calls since the last time calls were asked for."""
        return [call.method for call in self.calls() if call.method not in READS]

    @property
    def store(self) -> StateStore:
        """The stack's state in its file, as another process would open it."""

        def describe(command: str, changes: bool) -> Holder:
            return Holder.this_process(command, None, {})

        return StateStore(FileBackend(self.root / ".smsops" / "state.json"), "test", describe)

    @property
    def journals(self) -> list[Path]:
        """The journals of runs that have not ended."""
        return sorted((self.root / ".smsops").glob("state.json.journal.*"))

    @property
    def backups(self) -> list[Path]:
        """The backups of contacts that lie beside the state."""
        return sorted((self.root / ".smsops").glob("state.json.backups.*"))

    def close(self) -> None:
        """Let the sandbox go."""
        self.sandbox.close()

    @property
    def state(self) -> Any:
        return json.loads((self.root / ".smsops" / "state.json").read_text("utf-8"))

    @asynccontextmanager
    async def connect(self, configuration: Configuration, credentials: Credentials) -> AsyncIterator[ApiConnection]:
        transport = Transport(
            "http://sandbox/http/9.0",
            wire=SandboxWire(self.sandbox.app),
            requests_per_second=1_000_000,
            parallelism=configuration.settings.parallelism,
            timeout=self.timeout,
            clock=self.waiting,
        )
        async with transport:
            yield ApiConnection.on(transport, credentials)
