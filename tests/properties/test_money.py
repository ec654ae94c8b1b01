"""The proof that credits suffice, held against the sandbox: what it passes is done, what it refuses cannot be."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from smsops.api.client import Transport
from smsops.api.records import Credentials
from smsops.cli.connect import ApiConnection, SandboxAnswer, SandboxWire
from smsops.cli.options import Globals
from smsops.config.load import Configuration
from smsops.core import money
from smsops.core.graph import closure, order
from smsops.kinds.view import Funds
from smsops.model.address import Address
from smsops.model.outcome import Outcome, Progress
from smsops.model.plan import Operation
from smsops.model.values import Number
from smsops.pipeline import PlanOptions, perform, prepare
from smsops.surroundings import Surroundings, open_store, session
from tests.harness import LOGIN, Stack
from tests.kinds.contract import LATER, balance, person, phone
from tests.properties.stacks import moderate

Sections = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A stack that is applied, what the accounts have then, and another stack."""

    before: Sections
    balances: dict[str, int]
    after: Sections


def _campaign(people: int, message: str) -> Sections:
    return {"message": message, "schedule": LATER, "audience": {"phones": [phone(number) for number in range(people)]}}


_campaigns = st.dictionaries(
    st.sampled_from(["hello", "sale", "thanks"]),
    st.builds(_campaign, st.integers(1, 4), st.sampled_from(["Hello", "Good morning"])),
    max_size=3,
)
_amounts = st.one_of(st.integers(-90, -1), st.integers(1, 90))
_credits = st.one_of(
    st.just({"grants": {"base": 1000}}),
    _amounts.map(lambda amount: {"grants": {"base": 1000, "more": amount}}),
    st.tuples(st.integers(0, 60), st.integers(0, 30)).map(
        lambda floor: {"keep": {"at_least": floor[0], "top_up_to": floor[0] + floor[1]}}
    ),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Sub-accounts come and go, change their key, get credits and give them back; campaigns of all accounts too."""
    before = {
        key: person(credits={"grants": {"base": 1000}}, campaigns=draw(_campaigns))
        for key in sorted(draw(st.sets(st.sampled_from(["east", "north", "south"]), max_size=2)))
    }
    after: Sections = {}
    moved = []
    for key in sorted(draw(st.sets(st.sampled_from(["east", "north", "south"])))):
        new = key
        if key in before and draw(st.integers(0, 5)) == 0:
            new = f"{key}-renamed"
            moved.append({"from": f"sub_account.{key}", "to": f"sub_account.{new}"})
        credits = draw(_credits)
        if key not in before and "grants" in credits:
            credits = {"grants": {"base": draw(st.integers(1, 90))}}
        after[new] = person(credits=credits, campaigns=draw(_campaigns))
    return Case(
        {"sub_accounts": before, "campaigns": draw(_campaigns)},
        {LOGIN: draw(st.integers(0, 300)), **{login: draw(st.integers(0, 120)) for login in before}},
        {"sub_accounts": after, "campaigns": draw(_campaigns), "moved": moved},
    )


class _Restless(SandboxWire):
    """Calls overtake each other."""

    def __init__(self, app: Any, random: Random) -> None:
        super().__init__(app)
        self._random = random

    @asynccontextmanager
    async def post(self, url: str, body: bytes) -> AsyncIterator[SandboxAnswer]:
        for _ in range(self._random.randrange(30)):
            await asyncio.sleep(0)
        async with super().post(url, body) as answer:
            yield answer


class RestlessStack(Stack):
    """A stack whose operations end in an order that nobody foresees."""

    random = Random(0)

    @asynccontextmanager
    async def connect(self, configuration: Configuration, credentials: Credentials) -> AsyncIterator[ApiConnection]:
        transport = Transport(
            "http://sandbox/http/9.0",
            wire=_Restless(self.sandbox.app, self.random),
            requests_per_second=1_000_000,
            parallelism=8,
            timeout=self.timeout,
            clock=self.waiting,
        )
        async with transport:
            yield ApiConnection.on(transport, credentials)


class _Silent:
    """A reporter that nobody hears."""

    def started(self, operation: Operation) -> None: ...

    def progressed(self, operation: Operation, progress: Progress) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


@contextmanager
def ready(case: Case, random: Random) -> Iterator[RestlessStack]:
    """A stack in which `before` is applied, the balances are set, and `after` is written."""
    with tempfile.TemporaryDirectory() as directory:
        stack = RestlessStack(Path(directory) / "stack")
        stack.random = random
        try:
            stack.write(case.before)
            stack.apply()
            for login, wanted in case.balances.items():
                stack.sandbox.use_credits(login, balance(stack, login) - wanted)
            stack.write(case.after)
            yield stack
        finally:
            stack.close()


def shortages(stack: Stack) -> dict[str | None, int]:
    """What the plan says is missing, by account; its exit code says the same."""
    result = stack.run("plan", "--format", "json")
    found = [item for item in result.document["diagnostics"] if item["code"] == "SMS253"]
    assert result.exit_code == (4 if found else 0), result.stderr
    operations = {operation["address"] for operation in result.document["operations"]}
    assert {item["address"] for item in found} <= operations
    short = {}
    for item in found:
        words = item["summary"].split()
        account = None if words[1] == "master" else words[2]
        short[account] = int(words[words.index("of") + 1].replace(",", ""))
    return short


def done_all_the_same(stack: Stack, parallelism: int) -> Sequence[Outcome]:
    """Do what the plan says although it is refused: the command line refuses, the pipeline does what it is told."""

    async def work() -> Sequence[Outcome]:
        around = Surroundings(stack.kinds, stack.environment, stack.now, stack.connect)
        configuration = Globals(directory=stack.root, environment=stack.environment, surroundings=around).load()
        store = open_store(configuration, around)
        with store.lock("apply"):
            async with session(configuration, around) as (connection, credentials):
                prepared = await prepare(configuration, store, PlanOptions(), around, connection.reader, credentials)
                report = await perform(
                    prepared, configuration, store, around, connection, _Silent(), asyncio.Event(), parallelism
                )
        return report.outcomes

    return asyncio.run(work())


@moderate
@given(cases(), st.integers(0, 999).map(Random), st.sampled_from([1, 8]))
def test_what_passes_is_done_and_what_is_refused_cannot_be(case: Case, random: Random, parallelism: int) -> None:
    """A plan that passes never fails for lack of credits, in whatever order; one that is refused always does."""
    with ready(case, random) as stack:
        short = shortages(stack)
        event(f"refused {sorted(map(str, short))}" if short else "passes")
        if not short:
            stack.apply("--parallelism", str(parallelism))
            return
        failed = [one.detail for one in done_all_the_same(stack, parallelism) if one.status == "failed"]
        assert any("credit" in detail or "insufficient" in detail for detail in failed)


@moderate
@given(cases(), st.integers(0, 999).map(Random))
def test_the_smallest_grant_mends_it(case: Case, random: Random) -> None:
    """With one credit less than the plan names it is still refused, with that many it is done."""
    with ready(case, random) as stack:
        short, after = shortages(stack), deepcopy(case.after)
        for key in [key for key in short if key is not None]:
            for missing in (1, 0):
                _grant(after, key, short[key] - missing)
                stack.write(after)
                assert shortages(stack).get(key, 0) == missing
        _buy(stack, shortages(stack).get(None, 0))
        stack.apply("--parallelism", "8")


def _grant(sections: Sections, key: str, credits: int) -> None:
    grants = sections["sub_accounts"][key]["credits"]["grants"]
    grants.pop("mend", None)
    if credits:
        grants["mend"] = credits


def _buy(stack: Stack, credits: int) -> None:
    if credits:
        stack.sandbox.use_credits(LOGIN, 1 - credits)
        assert shortages(stack) == {None: 1}
        stack.sandbox.use_credits(LOGIN, -1)
        assert shortages(stack) == {}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[Address, set[Address]], money.Account]:
    """Up to seven changes that may wait for earlier ones, and what they do to one balance."""
    addresses = [Address(None, "made", f"up-{number}") for number in range(draw(st.integers(1, 7)))]
    graph = {
        address: draw(st.sets(st.sampled_from(addresses[:place]))) if place else set[Address]()
        for place, address in enumerate(addresses)
    }
    flows: dict[Address, Number] = {address: draw(st.integers(-3, 3)) for address in addresses}
    paid = -sum(flow for flow in flows.values() if flow < 0)
    return graph, money.Account(None, Funds(draw(st.integers(0, 5))), flows, paid)


def lowest(graph: dict[Address, set[Address]], account: money.Account) -> int:
    """The lowest balance of all orders, found by trying what can be done before what."""
    found: set[frozenset[Address]] = {frozenset()}
    waiting = [frozenset[Address]()]
    while waiting:
        done = waiting.pop()
        for address in graph.keys() - done:
            more = done | {address}
            if graph[address] <= done and more not in found:
                found.add(more)
                waiting.append(more)
    return min(int(account.balance + sum(account.flows[address] for address in done)) for done in found)


@given(graphs())
def test_every_order_is_proved(made: tuple[dict[Address, set[Address]], money.Account]) -> None:
    """No order that is left goes below what is proved, and what is refused would fail in all of them.

    That what brings credits in waits for what takes them out is the one case in which only some would.
    """
    graph, account = made
    before = {address: set(needs) for address, needs in graph.items()}
    money.arrange(graph, [account])
    assert all(graph[address] >= before[address] for address in graph)
    order(graph)  # no cycle
    worst = lowest(graph, account)
    assert worst >= -account.short
    if not account.early:
        assert account.short == max(-worst, 0) == max(-account.left, 0)


def test_many_wait_for_many_through_one() -> None:
    """Thousands that pay and thousands that bring in make thousands of edges, not millions."""
    sources = [Address(None, "source", f"{number}") for number in range(400)]
    going = [Address(None, "going", f"{number}") for number in range(400)]
    graph: dict[Address, set[Address]] = {address: set() for address in (*sources, *going)}
    flows: dict[Address, Number] = {**dict.fromkeys(sources, 1), **dict.fromkeys(going, -1)}
    account = money.Account(None, Funds(0), flows, paid=400)
    money.arrange(graph, [account])
    assert sum(len(needs) for needs in graph.values()) < 1000
    assert all(set(sources) <= closure({address}, graph) for address in going)
    assert account.short == 0
