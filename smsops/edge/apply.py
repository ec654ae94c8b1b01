"""Doing a plan: operations in dependency order, side by side, each durable as it ends.

When one fails, those that depend on it are skipped and everything else goes on. A call that must
not be repeated is announced in the journal before it is made; where its outcome stays unknown the
announcement stays too, and the next run finds it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

from smsops.api.contract import Writer
from smsops.api.errors import ApiError, NotSent, OutcomeUnknown, Refused
from smsops.api.records import Credentials
from smsops.edge.meter import Meter
from smsops.errors import Interrupted, SmsopsError
from smsops.kinds.base import Kind
from smsops.model.address import Address
from smsops.model.outcome import Outcome, Progress
from smsops.model.plan import FORGET, NO_OP, Operation, Plan
from smsops.model.state import Drop, Entry, Event, Intend, Intent, Moved, Put, Settle, State
from smsops.model.values import JSON, Number, Secret, as_json_number
from smsops.table import Table, backup

T = TypeVar("T")


class Store(Protocol):
    """Where events become durable. Every method blocks."""

    @property
    def remote(self) -> bool: ...

    def check(self) -> None:
        """StateError where it is known that nothing can be made durable any more."""

    def append(self, events: Sequence[Event]) -> State: ...

    def save_backup(self, name: str, content: bytes) -> None: ...

    def drop_backup(self, name: str) -> None: ...


class Reporter(Protocol):
    """Who is told how an apply goes."""

    def started(self, operation: Operation) -> None: ...

    def progressed(self, operation: Operation, progress: Progress) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


class Journal:
    """Makes events durable for operations that run side by side, in one order.

    While one write is under way, what others have to write gathers and goes out together with the next one, so that a
    slow store costs its latency once for all of them.
    """

    def __init__(self, store: Store, state: State) -> None:
        self._store = store
        self.state = state
        self._moved: dict[str, float | None] = {}
        self._gathered = _Batch()
        self._writing = asyncio.Lock()
        self._broken: SmsopsError | None = None

    def balances(self, planned: Mapping[str, Number | None]) -> dict[str, float]:
        """What balances are by now, from what they were when the plan was made; without those that nobody knows."""
        known = ((key, balance, self._moved.get(key, 0)) for key, balance in planned.items())
        return {
            key: as_json_number(balance) + moved
            for key, balance, moved in known
            if balance is not None and moved is not None
        }

    def check(self) -> None:
        """Raise the failure that ended all writing, if there was one."""
        if self._broken is not None:
            raise self._broken

    async def append(self, events: Sequence[Event]) -> None:
        """Return once the events are durable, as one. The first failure ends all writing: nothing more may be done."""
        if not events:
            return
        batch = self._gathered
        batch.events += events
        async with self._writing:
            if batch is self._gathered:
                self._gathered = _Batch()
                await self._write(batch)
        if batch.failure is not None:
            raise batch.failure

    async def _write(self, batch: _Batch) -> None:
        try:
            self.check()
            if self._store.remote:
                self.state = await asyncio.to_thread(self._store.append, batch.events)
            else:
                self.state = self._store.append(batch.events)
        except SmsopsError as error:
            self._broken = batch.failure = error
            return
        for event in batch.events:
            if isinstance(event, Moved):
                for key, effect in event.effects.items():
                    moved = self._moved.get(key, 0)
                    self._moved[key] = None if moved is None or effect is None else moved + effect


@dataclass
class _Batch:
    events: list[Event] = field(default_factory=list)
    failure: SmsopsError | None = None


@dataclass
class Run:
    """What all operations of one apply share."""

    kinds: Mapping[str, Kind]
    store: Store
    journal: Journal
    master: Writer
    secrets: Mapping[tuple[Address, str], Secret]
    reporter: Reporter
    now: Callable[[], datetime]
    stop: asyncio.Event
    keys: dict[str, str] = field(default_factory=dict)
    key_locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    monotonic: Callable[[], float] = time.monotonic

    @property
    def state(self) -> State:
        return self.journal.state

    async def append(self, events: Sequence[Event]) -> None:
        await self.journal.append(events)

    def check(self) -> None:
        """StateError where nothing may be begun, because it could not be recorded."""
        self.journal.check()
        self.store.check()

    async def call(self, method: Callable[..., T], *args: Any) -> T:
        """Call a method of the store; beside everything else where it crosses a network."""
        return await asyncio.to_thread(method, *args) if self.store.remote else method(*args)


class _Counted:
    """A client that counts its calls, and makes none once nothing can be recorded any more."""

    def __init__(self, client: Any, session: _Session) -> None:
        self._client = client
        self._session = session

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._session.check()
            self._session.calls += 1
            return method(*args, **kwargs)

        return call


class _Session:
    """One operation's session (the Session protocol of kinds)."""

    def __init__(self, run: Run, operation: Operation) -> None:
        self._run = run
        self._operation = operation
        self.calls = 0
        self._intents = 0
        self.facts: dict[str, JSON] = {}
        self._so_far = ""
        self._meter = Meter(run.monotonic)
        self.master: Writer = cast("Writer", _Counted(run.master, self))

    def check(self) -> None:
        self._run.check()

    def login(self, account: str | None) -> str | None:
        if account is None:
            return None
        opener = next(kind for kind in self._run.kinds.values() if kind.opens_account)
        return self._run.state.entries[Address(None, opener.name, account)].identity

    async def account(self, account: str | None) -> Writer:
        login = self.login(account)
        if login is None:
            return self.master
        async with self._run.key_locks.setdefault(login, asyncio.Lock()):
            if login not in self._run.keys:
                info = await self.master.get_info(sub_account=login)
                if not info.api_key:
                    raise Refused("getInfo", f"the answer has no API key of {login}")
                self._run.keys[login] = info.api_key
        client = self._run.master.account(Credentials(login, self._run.keys[login]))
        return cast("Writer", _Counted(client, self))

    def learned(self, login: str, api_key: str) -> None:
        self._run.keys[login] = api_key

    async def record(self, *events: Event) -> None:
        await self._run.append(events)

    async def once(
        self,
        method: str,
        call: Callable[[], Awaitable[T]],
        events: Callable[[T], Sequence[Event]],
        *,
        address: Address,
        facts: Mapping[str, JSON],
        effects: Mapping[str, Number | None],
        balances: Mapping[str, Number | None],
    ) -> T:
        self._intents += 1
        since = self._run.now().isoformat(timespec="seconds")
        intent = Intent(
            f"{self._operation.id}-{since}-{self._intents}",
            address,
            method,
            since,
            facts,
            {key: None if effect is None else as_json_number(effect) for key, effect in effects.items()},
            self._run.journal.balances(balances),
        )
        blurred = {key: None for key, effect in effects.items() if effect is None}
        await self._run.append([*([Moved(blurred)] if blurred else []), Intend(intent)])
        try:
            answer = await call()
        except (Refused, NotSent):
            await self._run.append([Settle(intent.id, False)])
            raise
        except OutcomeUnknown as error:
            if error.evidence:  # what part of the answer arrived may be all that is ever known
                told = {**intent.facts, "evidence": dict(error.evidence)}
                await self._run.append([Intend(replace(intent, facts=told))])
            raise
        await self._run.append([Settle(intent.id, True), *events(answer)])
        return answer

    def balance(self, account: str | None, planned: Number | None) -> float | None:
        key = account or ""
        return self._run.journal.balances({key: planned}).get(key)

    def now(self) -> datetime:
        return self._run.now()

    def progress(self, done: int, total: int, noun: str) -> None:
        self._so_far = f" after {done:,} of {total:,} {noun}"
        self._run.reporter.progressed(self._operation, self._meter.progress(done, total, noun))

    def proceed(self) -> None:
        if self._run.stop.is_set():
            raise Interrupted(f"Interrupted{self._so_far}; the next apply does the rest", code="SMS331")

    def returned(self, **facts: JSON) -> None:
        self.facts |= facts

    def secret(self, address: Address, name: str) -> Secret | None:
        return self._run.secrets.get((address, name))

    def entry(self, address: Address) -> Entry | None:
        return self._run.state.entries.get(address)

    async def save_backup(self, name: str, contacts: Table) -> None:
        await self._run.call(self._run.store.save_backup, name, backup.document(contacts))

    async def drop_backup(self, name: str) -> None:
        await self._run.call(self._run.store.drop_backup, name)


async def execute(plan: Plan, run: Run, parallelism: int) -> list[Outcome]:
    """Do the operations of a plan; one outcome for each, in the order in which they ended."""
    return await _Scheduler(plan, run, parallelism).work()


class _Scheduler:
    def __init__(self, plan: Plan, run: Run, parallelism: int) -> None:
        self.run = run
        self.parallelism = parallelism
        self.operations = {operation.id: operation for operation in plan.operations}
        self.missing = {operation.id: set(operation.depends_on) for operation in plan.operations}
        self.dependents: dict[str, list[str]] = {key: [] for key in self.operations}
        for operation in plan.operations:
            for key in operation.depends_on:
                self.dependents[key].append(operation.id)
        self.ready = deque(key for key, missing in self.missing.items() if not missing)
        self.outcomes: dict[str, Outcome] = {}

    async def work(self) -> list[Outcome]:
        running: dict[asyncio.Task[Outcome], str] = {}
        try:
            while self.ready or running:
                while self.ready and len(running) < self.parallelism and not self.run.stop.is_set():
                    operation = self.operations[self.ready.popleft()]
                    running[asyncio.create_task(self.perform(operation))] = operation.id
                if not running:
                    break
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self.finish(running.pop(task), task.result())
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        for key, operation in self.operations.items():
            if key not in self.outcomes:
                self.outcomes[key] = Outcome(operation, "not_started", detail="The apply was interrupted.")
        return list(self.outcomes.values())

    def finish(self, key: str, outcome: Outcome) -> None:
        self.outcomes[key] = outcome
        self.run.reporter.ended(outcome)
        for dependent in self.dependents[key]:
            if dependent in self.outcomes:
                continue
            if outcome.status == "done":
                self.missing[dependent].discard(key)
                if not self.missing[dependent]:
                    self.ready.append(dependent)
            elif outcome.status not in (
                "unfinished",
                "not_started",
            ):  # what was interrupted leaves its dependents for later
                operation = self.operations[dependent]
                reason = f"It depends on {outcome.operation.change.address}."
                self.finish(dependent, Outcome(operation, "skipped", detail=reason))

    async def perform(self, operation: Operation) -> Outcome:
        self.run.reporter.started(operation)
        session = _Session(self.run, operation)
        began = self.run.monotonic()
        change = operation.change
        try:
            self.run.check()
            if change.entry is not None:
                events: Sequence[Event] = [Put(change.entry)]
            elif change.actions == FORGET:
                events = [Drop(change.address)]
            elif change.actions == NO_OP:
                events = []
            else:
                events = await self.run.kinds[change.address.kind].execute(change, session)
            await self.run.append(events)
        except ApiError as error:
            return self._failed(operation, session, began, error)
        except Interrupted as error:
            seconds = self.run.monotonic() - began
            return Outcome(operation, "unfinished", session.calls, seconds, error.code, error.summary)
        except SmsopsError as error:
            seconds = self.run.monotonic() - began
            doubt = bool(self.run.state.in_doubt(change.address))  # what it has announced may have happened
            return Outcome(
                operation, "in_doubt" if doubt else "failed", session.calls, seconds, error.code, error.summary
            )
        return Outcome(operation, "done", session.calls, self.run.monotonic() - began, returned=session.facts)

    def _failed(self, operation: Operation, session: _Session, began: float, error: ApiError) -> Outcome:
        open_intents = self.run.state.in_doubt(operation.change.address)
        doubt = isinstance(error, OutcomeUnknown) and bool(open_intents)
        detail = f"{error}. {error.hint}".strip() if error.hint else str(error)
        return Outcome(
            operation,
            "in_doubt" if doubt else "failed",
            session.calls,
            self.run.monotonic() - began,
            error.code,
            detail,
        )
