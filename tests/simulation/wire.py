"""The way to the sandbox: calls take virtual time, meet what the weather brings, and are witnessed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from smsops.api.wire import NotConnected
from smsops.cli.connect import SandboxAnswer, SandboxWire
from smsops.sandbox.app import Sandbox
from smsops.sandbox.faults import KINDS
from smsops.sandbox.web import Reply
from tests.simulation.disk import Mishap, Process

REFUSED = "refused"
CALL_FAULTS = (REFUSED, *KINDS)
DEATHS = ("die_before", "die_after")
METHODS = (
    "getInfo",
    "getSubAccounts",
    "getLists",
    "getContacts",
    "createSubAccount",
    "updateSubAccount",
    "deleteSubAccount",
    "manageSubAccountCredits",
    "createList",
    "deleteList",
    "populateList",
    "deleteContacts",
    "sendSms",
    "deleteCampaign",
    "getBlacklist",
    "getCreditsByCountryIsoCode",
    "shortenUrl",
)
ONCE = ("manageSubAccountCredits", "sendSms")
_LONG = 9999
"""Seconds for which nobody waits: a 429 with it is a no."""


@dataclass(frozen=True)
class Deed:
    """A call that must not be repeated and that the platform has processed with success."""

    when: datetime
    method: str
    login: str
    credits: float = 0
    marker: str = ""
    campaign_id: str = ""


class Witness(Sandbox):
    """The sandbox, and an account of what really happened: what a person finds out who looks closely enough."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(clock=now)
        self._instant = now
        self.deeds: list[Deed] = []
        self.cancelled: set[str] = set()
        """The campaigns that somebody has cancelled: their credits came back."""

    def answer(self, method: str, form: dict[str, str]) -> Reply:
        if method == "deleteCampaign":
            return self._cancel(form)
        if method not in ONCE:
            return super().answer(method, form)
        login = form.get("subAccount") or form.get("login", "")
        balance, newest = self._balance(login), self._newest()
        reply = super().answer(method, form)
        moved = self._balance(login) - balance
        if method == "manageSubAccountCredits" and moved:
            self.deeds.append(Deed(self._instant(), method, login, moved))
        if method == "sendSms" and self._newest() != newest:
            sent = self._store.campaigns(login)[-1]
            self.deeds.append(Deed(self._instant(), method, login, moved, sent.content["climsgid"], sent.campaign_id))
        return reply

    def _cancel(self, form: dict[str, str]) -> Reply:
        wanted = form.get("campId", "")
        before = self._store.campaign(wanted)
        reply = super().answer("deleteCampaign", form)
        after = self._store.campaign(wanted)
        if before and after and (before.status, after.status) == ("scheduled", "deleted"):
            self.cancelled.add(wanted)
        return reply

    def _balance(self, login: str) -> float:
        account = self._store.account(login)
        return account.credits if account else 0

    def _newest(self) -> object:
        return self._store.connection.execute("SELECT max(id) FROM campaign").fetchone()[0]


@dataclass(frozen=True)
class Strike:
    """One thing that goes wrong: from the `after`-th call of a method (or durable step) on, `times` times."""

    kind: str
    target: str
    after: int
    times: int = 1


@dataclass(frozen=True)
class Haze:
    """A chance that any call or durable step goes wrong; `random` is drawn from at each."""

    chance: float
    calls: tuple[str, ...]
    steps: tuple[str, ...]
    random: Random


@dataclass
class Weather:
    """What goes wrong in one run; drawn from the seed, and counted."""

    strikes: tuple[Strike, ...] = ()
    haze: Haze | None = None
    intrusion: int | None = None
    """The number of the call at which somebody else tries to apply as well."""

    told: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _seen: Counter[int] = field(default_factory=Counter)
    _calls: int = 0

    def on_call(self, method: str) -> str | None:
        return self._meet("call", method)

    def on_step(self, name: str) -> Mishap | None:
        return self._meet("step", name)  # type: ignore[return-value]

    def intrudes(self) -> bool:
        self._calls += 1
        return self._calls - 1 == self.intrusion

    def _meet(self, sort: str, name: str) -> str | None:
        met: str | None = None
        for number, strike in enumerate(self.strikes):
            if strike.target not in (sort, name):
                continue
            count = self._seen[number]
            self._seen[number] += 1
            if met is None and strike.after <= count < strike.after + strike.times:
                met = strike.kind
        if met is None and self.haze is not None and self.haze.random.random() < self.haze.chance:
            kinds = self.haze.calls if sort == "call" else self.haze.steps
            met = self.haze.random.choice(kinds) if kinds else None
        if met is not None:
            self.told.append(f"{met} at {name}")
            self.counts[f"@{met} {name.rstrip('0123456789').partition('/')[0]}"] += 1
            self.counts[met if sort == "call" else f"{met} (storage)"] += 1
        return met

    @classmethod
    def draw(cls, random: Random) -> Weather:
        """Some bad weather: faults of calls, of the storage, deaths, an intruder; seldom nothing."""
        intrusion = random.randrange(20) if random.random() < 0.06 else None
        if random.random() < 0.45:
            calls = tuple(random.sample(CALL_FAULTS, random.randrange(len(CALL_FAULTS)))) + random.choice(((), DEATHS))
            steps = random.choice(((), (), DEATHS))
            haze = Haze(random.choice((0.03, 0.1, 0.3)), calls, steps, Random(random.random()))
            return cls(haze=haze, intrusion=intrusion)
        strikes = []
        for _ in range(random.choice((1, 1, 2, 3))):
            sort = random.random()
            if sort < 0.5:
                target = random.choice(("call", *METHODS, *ONCE, *ONCE, *ONCE))
                after = random.randrange(14 if target == "call" else 2)
                strikes.append(Strike(random.choice(CALL_FAULTS), target, after, random.choice((1, 1, 1, 2, 4, 40))))
            elif sort < 0.65:
                target = random.choice(("call", "call", *METHODS, *ONCE, *ONCE))
                after = random.randrange(18 if target == "call" else 2)
                strikes.append(Strike(random.choice(DEATHS), target, after))
            elif sort < 0.95:
                strikes.append(Strike(random.choice(DEATHS), "step", random.randrange(20)))
            else:
                kind = random.choice(("fail_before", "fail_after"))
                strikes.append(Strike(kind, "step", random.randrange(20), random.choice((1, 1, 40))))
        return cls(tuple(strikes), intrusion=intrusion)

    @classmethod
    def at_resolving(cls, random: Random) -> Weather:
        """Now and then the process that records what a person found out dies."""
        dies = random.random() < 0.2
        return cls((Strike(random.choice(DEATHS), "step", random.randrange(5)),) if dies else ())


class WeatherWire(SandboxWire):
    """The sandbox as one process reaches it."""

    def __init__(
        self, sandbox: Sandbox, process: Process, weather: Weather, random: Random, intrude: Callable[[], None]
    ) -> None:
        super().__init__(sandbox.app)
        self._sandbox = sandbox
        self._process = process
        self._weather = weather
        self._random = random
        self._intrude = intrude

    @asynccontextmanager
    async def post(self, url: str, body: bytes) -> AsyncIterator[SandboxAnswer]:
        self._process.alive()
        method = url.rstrip("/").rpartition("/")[2]
        await asyncio.sleep(self._random.choice((0.01, 0.02, 0.05, 0.3)))
        self._process.alive()
        if self._weather.intrudes():
            self._intrude()
        met = self._weather.on_call(method)
        if met == "die_before":
            self._process.die()
        if met == REFUSED:
            raise NotConnected("refused")
        if met in KINDS:
            self._sandbox.fail(method, met, retry_after=self._random.choice((1, _LONG)))
        async with super().post(url, body) as answer:
            self._process.alive()
            if met == "die_after":
                self._process.die()
            yield answer
