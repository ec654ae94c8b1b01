"""Applies that are killed, and a user who goes on until one of them runs to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.kill.account import Account, environment
from tests.kill.checks import Discretion, Lost, Violation, always, at_the_end, demand, received
from tests.kill.wire import ANSWERED, ASKED, PROCESSED, Flight, Wire
from tests.kill.worlds import MASTER, OUTSIDERS, OWN_MOBILE, World, phone

DONE, ERROR, CHANGES, INCOMPLETE, STALE, IN_DOUBT = 0, 1, 2, 3, 5, 7
_KILLED = -9
_LONGEST = 60.0
_SETTLE_TIME = "1s"


@dataclass
class Statistics:
    """What was seen."""

    worlds: int = 0
    edits: int = 0
    applies: int = 0
    kills: int = 0
    missed: int = 0
    """Applies that had ended before they were to be killed."""

    moments: Counter[str] = field(default_factory=Counter)
    flights: Counter[str] = field(default_factory=Counter)
    """Calls that were under way when their process was killed: method and phase."""

    doubts: Counter[str] = field(default_factory=Counter)
    """Calls in doubt, by method and what had become of them."""

    settled_by_itself: int = 0
    """Notes of calls that evidence settled, as far as they were printed."""

    lost: int = 0
    """Campaigns that evidence settled, so that their ids are not known."""

    stale: int = 0
    abandoned: int = 0
    cut: int = 0

    def lines(self) -> list[str]:
        """The statistics for people."""
        counted = {"kills by moment": self.moments, "calls in flight when killed": self.flights, "doubts": self.doubts}
        return [
            f"{self.worlds} worlds, {self.edits} edits, {self.applies} applies, {self.kills} kills"
            f" ({self.missed} came too late), {sum(self.doubts.values())} calls in doubt"
            f" and {self.settled_by_itself} settled by evidence ({self.lost} ids of campaigns lost),"
            f" {self.stale} stale plans,"
            f" {self.abandoned} edits given up for another, {self.cut} connections cut",
            *(
                f"  {name}: " + (", ".join(f"{key} {count}" for key, count in sorted(counts.items())) or "none")
                for name, counts in counted.items()
            ),
        ]


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


class Moment:
    """When to kill: some time behind the start, an event or a step of a call."""

    def __init__(self, chance: Random, attempt: int) -> None:
        self.kind = chance.choices(("start", "event", "time", "call"), (6, 18, 16, 60))[0]
        self.count = chance.choice((1, 2, 3, 5, 8, 12) if attempt == 0 else (1, 1, 1, 2, 2, 3, 5))
        self.phase = chance.choices((ASKED, PROCESSED, ANSWERED), (35, 35, 30))[0]
        longest = {"start": 0.5, "event": 0.02, "time": 0.1, "call": 0.005}[self.kind]
        self.delay = chance.uniform(0, longest)

    def __str__(self) -> str:
        what = {"start": "the start", "event": f"event {self.count}", "time": "the first event"}
        return f"{what.get(self.kind, f'call {self.count} {self.phase}')} + {1000 * self.delay:.1f} ms"


class Game:
    """One world on one account: edits, kills, looks."""

    def __init__(self, seed: int, directory: Path, account: Account, wire: Wire, statistics: Statistics) -> None:
        self.seed = seed
        self.world = World(seed)
        self.story: list[str] = []
        self._chance = Random(f"kills {seed}")
        self._directory = directory / f"world-{seed}"
        self._account = account
        self._wire = wire
        self._statistics = statistics
        self._discretion = Discretion()
        self._lost = Lost()
        self._may_be_lost = False
        wire.random = Random(f"wire {seed}")
        wire.cuts = 0.05 if self._chance.random() < 0.2 else 0.0

    async def play(self, url: str, edits: int) -> None:
        """Make some edits; Violation when something is not as it must be."""
        self._directory.mkdir(parents=True)
        await self._account.begin()
        self._start = await self._account.snapshot()
        own = [*(phone(number) for number in range(30)), *OUTSIDERS, OWN_MOBILE]
        self._discretion.learn(own, self._start)
        unfinished = False
        for _ in range(edits):
            if not unfinished:
                await self._let_others_work()
            self.world.edit(unfinished=unfinished)
            self._write(url)
            self._note(f"edit: {', '.join(self.world.accounts)}")
            self._statistics.edits += 1
            self._before = await self._account.snapshot()
            unfinished = not await self._edit(may_give_up=not self.world.removes_accounts)
            if unfinished:
                self._statistics.abandoned += 1
                self._note("given up for another edit")
        if unfinished:
            await self._finish()
        self._statistics.worlds += 1

    async def _let_others_work(self) -> None:
        if not (self._directory / ".smsops").exists():
            return
        for login, wanted, contacts in self.world.outsiders():
            await self._account.add_contacts(login, wanted.remote, contacts)
            wanted.outside |= contacts

    def _write(self, url: str) -> None:
        settings = {"settle_time": _SETTLE_TIME, "requests_per_second": 1000, "parallelism": self.world.parallelism}
        sections = {"account": {"url": url}, "settings": settings, **self.world.sections()}
        lines = ["smsops: 1", "stack: killed", *(f"{name}: {json.dumps(value)}" for name, value in sections.items())]
        (self._directory / "smsops.yaml").write_text("\n".join(lines) + "\n", "utf-8")
        for name, content in self.world.files().items():
            (self._directory / name).write_text(content, "utf-8")

    async def _edit(self, *, may_give_up: bool) -> bool:
        """Apply an edit, with kills; whether it was finished."""
        kills = self._chance.randint(5, 9)
        give_up = may_give_up and self._chance.random() < 0.12
        saved = await self._save_plan() if self._chance.random() < 0.1 else None
        for attempt in range(kills):
            arguments = ("apply", "--format", "json", *((str(saved),) if saved else ("--auto-approve",)))
            moment = Moment(self._chance, attempt)
            ended = await self._run(*arguments, moment=moment)
            if ended.code != _KILLED:
                if await self._went_on(ended, planned=saved is not None):
                    await self._check()
                    return True
                saved = None
                continue
            if self._chance.random() < (0.5 if self._may_be_lost else 0.1):
                await self._settle(by_plan=False)
            if attempt and saved and self._chance.random() < 0.5:
                saved = None
        if give_up:
            await self._settle(by_plan=True)
            await self._pull()
            return False
        await self._finish()
        return True

    async def _save_plan(self) -> Path:
        path = self._directory / ".smsops" / "saved.plan"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)
        await self._expect(("plan", "-o", str(path)), DONE)
        return path

    async def _went_on(self, ended: Ended, *, planned: bool) -> bool:
        """After an apply that was not killed: whether all is done; doubts are settled."""
        if ended.code == DONE:
            return True
        if ended.code == IN_DOUBT:
            await self._settle(by_plan=True)
        elif ended.code == STALE and planned:
            self._statistics.stale += 1
        else:
            demand(ended.code == INCOMPLETE and self._wire.cuts, f"apply ended with {ended.code}", ended.out, ended.err)
        return False

    async def _finish(self) -> None:
        """Apply, and settle, until there is no more to do, and look whether all is well."""
        for _ in range(8):
            if await self._went_on(await self._run("apply", "--auto-approve", "--format", "json"), planned=False):
                break
        else:
            raise Violation("apply after apply there is still something to do")
        await self._check()

    async def _check(self) -> None:
        """All is done: the account is what the stack says, and there is no more to do."""
        cuts, self._wire.cuts = self._wire.cuts, 0.0
        if self._may_be_lost:
            await self._pull()
            self._may_be_lost = False
        live = await self._look()
        at_the_end(self.world, live, self._lost)
        again = await self._run("plan", "--detailed-exitcode")
        demand(again.code == DONE, f"the next plan is not empty ({again.code})", again.out, again.err)
        demand(await self._account.snapshot() == live, "a plan changed the account")
        self._discretion.check_files(self._directory / ".smsops", finished=True)
        self._wire.cuts = cuts
        self.world.finished()

    async def _settle(self, *, by_plan: bool) -> None:
        """Look at the account, and say of each call in doubt whether it happened: what a careful person does.

        What is in doubt is told by a plan, unless evidence settles it, and always by `state pull`.
        """
        live = await self._look()
        verdicts: dict[str, list[tuple[bool, list[str]]]] = {}
        for intent in await self._in_doubt(by_plan=by_plan):
            happened, more = self._verdict(intent, live)
            self._statistics.doubts[f"{intent['method']} {'happened' if happened else 'did not happen'}"] += 1
            self._note(f"{intent['address']}: {intent['method']} {happened} {more}")
            verdicts.setdefault(intent["address"], []).append((happened, more))
        for address, found in verdicts.items():
            demand(len(found) == 1, f"{address} has several calls in doubt, which one answer cannot settle", found)
            happened, more = found[0]
            arguments = ("resolve", address, "--happened" if happened else "--did-not-happen", *more)
            answer = await self._run(*arguments)
            if answer.code != DONE:
                left = [intent["address"] for intent in await self._in_doubt(by_plan=False)]
                demand(address not in left, f"resolve {address} ended with {answer.code}", answer.err)
        if not by_plan:
            self._may_be_lost = False

    async def _in_doubt(self, *, by_plan: bool) -> list[Any]:
        if not by_plan:
            return list((await self._pull())["intents"])
        looked = await self._run("plan", "--format", "json")
        demand(looked.code in (DONE, IN_DOUBT), f"plan ended with {looked.code}", looked.out, looked.err)
        document = json.loads(looked.out)
        demand((looked.code == IN_DOUBT) == bool(document["in_doubt"]), "exit code and in_doubt disagree")
        return list(document["in_doubt"])

    async def _pull(self) -> Any:
        """The state; campaigns are marked that a balance has shown to be sent before anybody told their id."""
        pulled = json.loads((await self._expect(("state", "pull"), DONE)).out)
        for address, entry in pulled["resources"].items():
            key, _, own = address.rpartition("/")
            campaign = (key or MASTER, own.partition(".")[2])
            known = {part["campaign_id"] for part in entry["attributes"].get("parts", ())}
            if campaign in self._lost.keys or "?" not in known:
                continue
            self._lost.add(*campaign, await self._account.snapshot(), known)
            self._statistics.lost += 1
            self._note(f"the id of {address} is lost: it cannot be changed")
        return pulled

    def _verdict(self, intent: Any, live: Any) -> tuple[bool, list[str]]:
        """Whether a call happened, from what the account shows; for a sending also which campaign it is."""
        facts = intent["facts"]
        if intent["method"] == "manageSubAccountCredits":
            login = facts["login"]
            moved = received(live, login) - received(self._before, login)
            demand(moved in (0, facts["credits"]), f"the balance of {login} moved by {moved}", facts)
            return moved == facts["credits"], []
        demand(intent["method"] == "sendSms", "an unexpected method is in doubt", intent["method"])
        found = [
            campaign["id"]
            for campaign in live["campaigns"]
            if campaign["climsgid"] == facts["marker"] and campaign["status"] != "deleted"
        ]
        demand(len(found) <= 1, "a part of a campaign was sent twice", found)
        return bool(found), ["--campaign-id", found[0]] if found else []

    async def _expect(self, arguments: tuple[str, ...], code: int) -> Ended:
        ended = await self._run(*arguments)
        demand(ended.code == code, f"{' '.join(arguments)} ended with {ended.code}", ended.out, ended.err)
        return ended

    async def _look(self) -> Any:
        """The account, which has to be sound at every moment, and so have the files."""
        live = await self._account.snapshot()
        self._discretion.learn((), live)
        always(self._start, live, self._lost)
        self._discretion.check_files(self._directory / ".smsops", finished=False)
        return live

    async def _run(self, *arguments: str, moment: Moment | None = None) -> Ended:
        """One command, killed at some moment if it lasts that long; what it printed is looked through."""
        command = [sys.executable, "-m", "smsops", "-C", str(self._directory), *arguments]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=environment(), stdout=pipe, stderr=pipe)
        killer = _Killer(process, moment, self._wire, self._statistics)
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            errors = asyncio.create_task(process.stderr.read())
            lines = []
            async with asyncio.timeout(_LONGEST):
                while line := await process.stdout.readline():
                    lines.append(line)
                    killer.event(line)
                ended = Ended(await process.wait(), b"".join(lines).decode(), (await errors).decode())
        finally:
            killer.close()
            if process.returncode is None:
                process.kill()
                await process.wait()
        if arguments[0] == "apply":
            self._statistics.applies += 1
        if ended.code == _KILLED:
            self._statistics.kills += 1
            self._may_be_lost = self._may_be_lost or "sendSms" in killer.told
            await self._wire.calm()
        elif moment is not None:
            self._statistics.missed += 1
        settled = "SMS266" in ended.out and "sendSms" in ended.out  # by a balance, which does not tell the id
        self._may_be_lost = self._may_be_lost or settled or self._wire.cuts > 0
        self._statistics.settled_by_itself += ended.out.count('"SMS266"')
        self._note(f"{' '.join(arguments[:2])} -> {ended.code} {killer.told}")
        self._discretion.check(ended.out, f"what {arguments[0]} printed")
        self._discretion.check(ended.err, f"the messages of {arguments[0]}")
        await self._look()
        return ended

    def _note(self, what: str) -> None:
        self.story.append(what)


class _Killer:
    """Kills a process when its moment comes."""

    def __init__(
        self, process: asyncio.subprocess.Process, moment: Moment | None, wire: Wire, statistics: Statistics
    ) -> None:
        self.told = ""
        self._process = process
        self._moment = moment
        self._wire = wire
        self._statistics = statistics
        self._timer: asyncio.TimerHandle | None = None
        self._events = self._calls = 0
        wire.watch = self._call
        if moment is not None and moment.kind == "start":
            self._soon(moment.delay)

    def event(self, line: bytes) -> None:
        """The process printed a line."""
        self._events += b'"operation_' in line
        moment = self._moment
        if moment is None or self._timer is not None:
            return
        if self._events and (moment.kind == "time" or (moment.kind == "event" and self._events >= moment.count)):
            self._soon(moment.delay)

    def _call(self, flight: Flight) -> None:
        moment = self._moment
        if moment is None or moment.kind != "call" or self._timer is not None or flight.phase != moment.phase:
            return
        self._calls += 1
        if self._calls == moment.count:
            self._soon(moment.delay if flight.phase == ANSWERED else 0.0)

    def _soon(self, delay: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay, self._kill)
        if not delay:
            self._timer.cancel()
            self._kill()

    def _kill(self) -> None:
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        assert self._moment is not None
        phases = [f"{flight.method} {flight.phase}" for flight in self._wire.flights]
        self._statistics.flights.update(phases or ["none"])
        self._statistics.moments[self._moment.kind if self._events else "before the first event"] += 1
        self.told = f"killed at {self._moment}; in flight: {', '.join(phases) or 'nothing'}"

    def close(self) -> None:
        """The process has ended."""
        self._wire.watch = lambda flight: None
        if self._timer is not None:
            self._timer.cancel()


async def play(seed: int, directory: Path, account: Account, wire: Wire, url: str, statistics: Statistics) -> Game:
    """One world to its end. A Violation brings the story of what was done along."""
    before = wire.cut
    game = Game(seed, directory, account, wire, statistics)
    try:
        await game.play(url, edits=3)
    except Exception as error:
        error.add_note(f"world {seed}:\n  " + "\n  ".join(game.story))
        raise
    statistics.cut += wire.cut - before
    return game
