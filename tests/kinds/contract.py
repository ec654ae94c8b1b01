"""The contract that every kind keeps, as tests to inherit, and the small vocabulary that tests of kinds share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pytest

from smsops.sandbox.app import Call
from tests.harness import API_KEY, LOGIN, READS, Stack

Sections = dict[str, Any]

PERSON: Mapping[str, Any] = {
    "first_name": "Thomas",
    "last_name": "Smith",
    "email": "paris@acme.example",
    "company": "ACME",
    "mobile": "+33698765432",
    "password": {"env": "PASSWORD"},
}
LATER = "2026-12-01 10:00"


def phone(number: int) -> str:
    """The digits of the n-th contact's mobile; no two have many digits in common, nor with a balance."""
    return f"337{(31_415_926 + number * 7_654_321) % 100_000_000:08d}"


def person(**more: Any) -> dict[str, Any]:
    """A sub-account's block, with what it always needs."""
    return {**PERSON, **more}


def people(numbers: Iterable[int], **fields: str) -> list[dict[str, str]]:
    """Rows of contacts, all with the same values."""
    return [{"phone": phone(number), **fields} for number in numbers]


def inline(*rows: Mapping[str, str]) -> list[dict[str, Any]]:
    """The `contacts` of a list, written in the configuration."""
    return [{"inline": list(rows)}]


def planned_calls(document: Any) -> int:
    """How many calls a plan announces."""
    return sum(operation["calls"] for operation in document["operations"])


def mutating(calls: Iterable[Call]) -> list[Call]:
    return [call for call in calls if call.method not in READS]


def contacts_of(stack: Stack, name: str, login: str = LOGIN) -> dict[str, dict[str, str]]:
    """The live contacts of a list."""
    found: dict[str, dict[str, str]] = stack.sandbox.snapshot()["lists"][login][name]["contacts"]
    return found


def balance(stack: Stack, login: str = LOGIN) -> int:
    found: int = stack.sandbox.snapshot()["accounts"][login]["credits"]
    return found


def as_the_master(stack: Stack, method: str, **parameters: str) -> None:
    """A call that somebody else makes with the master's key; it is not in the log of calls."""
    reply = stack.sandbox.answer(method, {"login": LOGIN, "apiKey": API_KEY, **parameters})
    assert stack.sandbox.calls.pop().outcome == "done", reply


def scheduled(stack: Stack, login: str | None = None) -> list[dict[str, Any]]:
    """The campaigns that wait for their date."""
    return [campaign for campaign in stack.sandbox.campaigns(login) if campaign["status"] == "scheduled"]


def codes(document: Any) -> set[str]:
    """The codes of a plan's diagnostics."""
    return {diagnostic["code"] for diagnostic in document["diagnostics"]}


def assert_discreet(text: str, *, phones: Iterable[str], secrets: Iterable[str] = ()) -> None:
    """Seven digits in a row of no phone, and no secret, stand in a text; ids and digests are looked through."""
    for secret in secrets:
        assert secret not in text, "a secret"
    digits = set(re.findall(r"(?=(\d{7}))", text))
    for number in phones:
        national = re.sub(r"\D", "", number)[-9:]
        windows = {national[start : start + 7] for start in range(len(national) - 6)}
        assert not windows & digits, f"a part of the number that ends with {national[-2:]}"


class KindContract:
    """What holds for every kind. A subclass says what to create, how to change it, and what is live of it."""

    address: ClassVar[str]
    without: ClassVar[Sections] = {}
    """The configuration in which only the resource is missing."""

    wanted: ClassVar[Sections]
    changed: ClassVar[Sections]

    change_actions: ClassVar[list[str]] = ["update"]
    along: ClassVar[dict[str, list[str]]] = {}
    """What is deleted along with it."""

    looks_on_destroy: ClassVar[int] = 0
    """How many of the calls that a destroy announces only look."""

    def live(self, stack: Stack) -> Any:
        """What the account has of it; None where it has nothing."""
        raise NotImplementedError

    @pytest.fixture
    def ready(self, stack: Stack) -> Stack:
        """A stack in which all but the resource is applied."""
        self.prepare(stack)
        stack.write(self.without)
        stack.apply()
        stack.calls()
        return stack

    def prepare(self, stack: Stack) -> None:
        """What the account needs beforehand."""

    @pytest.fixture
    def made(self, ready: Stack) -> Stack:
        """A stack in which the resource is applied."""
        ready.write(self.wanted)
        ready.apply()
        ready.calls()
        return ready

    def apply_as_announced(self, stack: Stack, *options: str, looks: int = 0) -> Any:
        """Apply, and check that the mutating calls are those that the plan announced."""
        document = stack.plan(*options)
        stack.calls()
        stack.apply(*options)
        assert len(mutating(stack.calls())) == planned_calls(document) - looks
        return document

    def test_create(self, ready: Stack) -> None:
        """What is wanted and not there is created with the announced calls, and then there is nothing to do."""
        ready.write(self.wanted)
        document = self.apply_as_announced(ready)
        assert [c["change"]["actions"] for c in document["resource_changes"] if c["address"] == self.address] == [
            ["create"]
        ]
        assert self.live(ready) is not None
        assert self.address in ready.state["resources"]
        assert ready.changes() == {}

    def test_unchanged(self, made: Stack) -> None:
        """A resource that did not change causes no mutating call."""
        result = made.apply()
        assert "No changes." in result.stdout
        assert mutating(made.calls()) == []

    def test_change(self, made: Stack) -> None:
        """A change is planned alone, with its address and actions, is applied as announced, and is done then."""
        made.write(self.changed)
        assert made.changes() == {self.address: self.change_actions}
        before = self.live(made)
        self.apply_as_announced(made)
        assert self.live(made) != before
        assert made.changes() == {}

    def test_destroy(self, made: Stack) -> None:
        """Destroying leaves nothing of it live or in the state."""
        self.apply_as_announced(made, "--destroy", looks=self.looks_on_destroy)
        assert self.live(made) is None
        assert made.state["resources"] == {}
        assert made.changes("--destroy") == {}

    def test_state_tells_nothing(self, made: Stack) -> None:
        """The state holds no secret and no whole phone number, and neither does the plan."""
        made.write(self.changed)
        text = (made.root / ".smsops" / "state.json").read_text("utf-8") + json.dumps(made.plan())
        phones = re.findall(r"\+?\d{9,}", json.dumps([self.wanted, self.changed]))
        api_keys = [account["api_key"] for account in made.sandbox.snapshot()["accounts"].values()]
        assert_discreet(text, phones=phones, secrets=[made.environment["PASSWORD"], *api_keys])


class GuardedKindContract(KindContract):
    """What holds besides for a kind with a block of its own: it has a lifecycle, and goes when its block goes."""

    ignoring: ClassVar[Sections]
    """`changed`, with an ignore_changes that names all that has changed."""

    def guarded(self) -> Sections:
        """`wanted` with lifecycle.protect."""
        raise NotImplementedError

    def test_remove(self, made: Stack) -> None:
        """What is taken out of the configuration is gone from the account and from the state, where it can be."""
        made.write(self.without)
        assert made.changes() == {self.address: ["delete"], **self.along}
        self.apply_as_announced(made)
        assert self.live(made) is None
        assert self.address not in made.state["resources"]
        assert made.changes() == {}

    def test_protect(self, made: Stack) -> None:
        """Protection is kept in the state: the plan shows what it blocks, and only apply refuses, with 4."""
        made.write(self.guarded())
        assert made.changes() == {self.address: ["update"]}
        made.apply()
        assert made.changes() == {}
        made.write(self.without)
        document = made.plan()
        assert "SMS263" in codes(document)
        before = made.sandbox.snapshot()
        made.calls()
        assert made.run("apply", "--auto-approve").exit_code == 4
        assert mutating(made.calls()) == []
        assert made.sandbox.snapshot() == before
        made.write(self.wanted)
        made.apply()
        made.write(self.without)
        made.apply()
        assert self.live(made) is None

    def test_ignore_changes(self, made: Stack) -> None:
        """What lifecycle.ignore_changes names is left alone."""
        made.write(self.ignoring)
        assert made.changes() == {}

    def test_unknown_ignore_changes(self, made: Stack) -> None:
        """An attribute that the kind does not have cannot be ignored: that is an error of the configuration."""
        text = json.dumps(self.ignoring)
        assert '"ignore_changes": [' in text
        made.write(json.loads(text.replace('"ignore_changes": [', '"ignore_changes": ["colour", ')))
        result = made.run("validate")
        assert result.exit_code == 1
        assert "there is no attribute colour" in result.stderr
