"""The stack on its stage: the command line in this process, on a disk that outlives it and a sandbox that sees all."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from smsops import garbage
from smsops.api.client import Transport
from smsops.api.records import Credentials
from smsops.cli.connect import ApiConnection
from smsops.cli.main import run
from smsops.cli.options import Globals
from smsops.config.load import Configuration
from smsops.edge.state.backend import Holder
from smsops.edge.state.encryption import Keys
from smsops.edge.state.store import StateStore
from smsops.model.state import State
from smsops.model.values import Secret
from smsops.surroundings import Surroundings
from tests.harness import API_KEY, LOGIN, Result, Stack
from tests.simulation.disk import Death, Disk, Mortal, Process
from tests.simulation.virtual import VirtualTime, virtual_loops
from tests.simulation.wire import Weather, WeatherWire, Witness

DIED = -9
"""Stands for the exit code of a process that died."""


@dataclass
class Stage(Stack):
    """A stack whose processes can die and whose time is virtual."""

    seed: int = 0
    remote: bool = False
    disk: Disk = field(default_factory=Disk)
    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.sandbox.close()
        self.waiting = VirtualTime()
        self.witness = self.sandbox = Witness(self.now)
        self.sandbox.ensure_master(LOGIN, API_KEY, credits=self.credits)
        self.sandbox.style(locked_lists="writable")
        self._latency = Random(f"latency {self.seed}")
        self._weather = Weather()
        self._process = Process()
        self.intruders: list[int] = []

    def say(self, text: str) -> None:
        """A line of the story."""
        self.told.append(f"{self.waiting.elapsed:12.2f}s  {text}")

    def pause(self, seconds: float) -> None:
        """Nothing happens for a while."""
        self.waiting.elapsed += seconds

    def run(self, *arguments: str, weather: Weather | None = None) -> Result:
        """One command line in one process, in some weather."""
        result, self._weather = self._one(arguments, weather or Weather()), Weather()
        self.counts[f"$ {arguments[0]}"] += 1
        return result

    def _one(self, arguments: tuple[str, ...], weather: Weather) -> Result:
        process = Process()
        self._weather, self._process = weather, process
        out, err = io.StringIO(), io.StringIO()

        def open_backend(*_: object) -> Mortal:
            return Mortal(self.disk, process, weather.on_step, remote=self.remote)

        around = Surroundings(self.kinds, self.environment, self.now, self.connect, open_backend)
        given = Globals(directory=self.root, environment=self.environment, surroundings=around)
        code = DIED
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(Death):
            code = int(run(arguments, given))
        garbage.search_everything()
        if process.dead:
            code = DIED
            self.counts["deaths"] += 1
        process.dead = True
        self.counts.update(weather.counts)
        met = f"   [{', '.join(weather.told)}]" if weather.told else ""
        self.say(f"$ smsops {' '.join(arguments)} -> {'died' if code == DIED else code}{met}")
        return Result(code, out.getvalue(), err.getvalue())

    def _intrude(self) -> None:
        """Somebody else tries to apply while one is under way."""
        before = self._weather, self._process
        result = self._one(("apply", "--auto-approve"), Weather())
        self._weather, self._process = before
        self.intruders.append(result.exit_code)
        self.counts["intruders"] += 1

    @asynccontextmanager
    async def connect(self, configuration: Configuration, credentials: Credentials) -> AsyncIterator[ApiConnection]:
        wire = WeatherWire(self.sandbox, self._process, self._weather, self._latency, self._intrude)
        transport = Transport(
            "http://sandbox/http/9.0",
            wire=wire,
            requests_per_second=1_000_000,
            parallelism=configuration.settings.parallelism,
            timeout=self.timeout,
            clock=self.waiting,
        )
        async with transport:
            yield ApiConnection.on(transport, credentials)

    # -- looking ----------------------------------------------------------------------------

    def look(self) -> State:
        """The state as it is on the disk, journal included."""
        return self._store().load("")

    def kept(self) -> str:
        """All that lies on the disk except backups."""
        blobs = [content for name, content in self.disk.blobs.items() if not name.startswith("backups/")]
        logs = [record for records in self.disk.logs.values() for record in records]
        return b"\n".join((*blobs, *logs)).decode()

    def backed_up(self) -> str:
        """All that the backups hold, in plain text."""
        store = self._store()
        return "\n".join(
            (store.read_backup(name.partition("/")[2]) or b"").decode() for name in store.backend.names("backups")
        )

    def _store(self) -> StateStore:
        def describe(command: str, changes: bool) -> Holder:
            return Holder.this_process(command, None, {})

        backend = Mortal(self.disk, Process(), lambda name: None, remote=self.remote)
        keys = Keys("test", [Secret(API_KEY)]) if self.remote else None
        return StateStore(backend, "test", describe, backup_keys=keys)


@contextlib.contextmanager
def staged(root: Path, seed: int, *, remote: bool) -> Iterator[Stage]:
    """A stage in its own time."""
    stage = Stage(root, seed=seed, remote=remote)
    assert isinstance(stage.waiting, VirtualTime)
    try:
        with virtual_loops(stage.waiting):
            yield stage
    finally:
        stage.close()
