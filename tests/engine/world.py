"""A stack with one of everything, and ways to let its applies go wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from smsops.edge.state.store import StateStore
from tests.harness import LOGIN, Result, Stack
from tests.kinds.contract import LATER, contacts_of, inline, people, person, phone

ADDRESSES = (
    "sub_account.paris",
    "campaign.hello",
    "contacts.vip",
    "list.vip",
    "paris/campaign.hello",
    "paris/contacts.vip",
    "paris/credits",
    "paris/list.vip",
)


def inside(numbers: range, message: str = "Hello {SHOP}", **block: Any) -> dict[str, Any]:
    """A list with contacts and a campaign to them."""
    contacts = inline(*people(numbers, SHOP="Lyon"))
    return {
        "lists": {"vip": {"fields": {"SHOP": {}}, "contacts": contacts, **block}},
        "campaigns": {"hello": {"message": message, "schedule": LATER, "audience": {"lists": ["vip"]}}},
    }


def world(*, city: str = "Paris", message: str = "Hello {SHOP}", people: int = 3, grants: int = 1) -> dict[str, Any]:
    """One of everything, in the master account and in a sub-account; the arguments are what may change."""
    credits = {"grants": {f"grant-{number}": 1000 for number in range(grants)}}
    own = inside(range(people), message)
    return {
        **inside(range(100, 100 + people), message),
        "sub_accounts": {"paris": person(city=city, credits=credits, **own)},
    }


CHANGED: dict[str, Any] = {"city": "Lyon", "message": "Good morning {SHOP}", "people": 5, "grants": 2}


def messages(stack: Stack) -> Counter[tuple[str, str]]:
    """Who gets a message how often, from each account: cancelled campaigns do not count."""
    return Counter(
        (campaign["login"], recipient["phone"])
        for campaign in stack.sandbox.campaigns()
        if campaign["status"] != "deleted"
        for recipient in campaign["recipients"]
    )


def assert_world(stack: Stack, *, people: int = 3, grants: int = 1) -> None:
    """The account is what `world` says: everybody once, every credit once, and nothing is left to do."""
    live = stack.sandbox.snapshot()
    assert contacts_of(stack, "vip").keys() == {phone(100 + number) for number in range(people)}
    assert contacts_of(stack, "vip", "paris").keys() == {phone(number) for number in range(people)}
    assert messages(stack) == {
        **{(LOGIN, phone(100 + number)): 1 for number in range(people)},
        **{("paris", phone(number)): 1 for number in range(people)},
    }
    assert live["accounts"]["paris"]["credits"] == 1000 * grants - 15 * people
    assert live["accounts"][LOGIN]["credits"] == stack.credits - 1000 * grants - 15 * people
    assert stack.changes() == {}


def incomplete(stack: Stack, *options: str, code: int = 3) -> Result:
    """An apply that must end with this exit code."""
    result = stack.run("apply", "--auto-approve", *options)
    assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr)
    return result


def refuse(stack: Stack, method: str, *, after: int = 0, times: int = 99) -> None:
    """Let calls be turned away for so long that it counts as a no; nothing of them happens."""
    stack.sandbox.fail(method, "throttle", after=after, times=times, retry_after=9999)


class Killed(BaseException):
    """The process is gone at this point."""


@contextmanager
def killed_at_event(number: int, *, written: bool) -> Iterator[None]:
    """Kill the apply at its n-th record (from 0), before or after it is written. What a dead process does not do, is not done."""
    count = 0
    dead = False
    append, save = StateStore.append, StateStore.save

    def appending(store: StateStore, events: Any) -> Any:
        nonlocal count, dead
        last = count == number
        count += 1
        dead = dead or (last and not written)
        if dead:
            raise Killed
        state = append(store, events)
        dead = last
        if dead:
            raise Killed
        return state

    def saving(store: StateStore, outcome: Any = None) -> None:
        if not dead:
            save(store, outcome)

    with patch.object(StateStore, "append", appending), patch.object(StateStore, "save", saving):
        yield


def settle(stack: Stack, before: dict[str, Any]) -> None:
    """Look at the account, and say of each call in doubt whether it happened: what a careful person does."""
    document = stack.run("plan", "--format", "json").document
    for intent in document["in_doubt"]:
        happened = _happened(stack, intent, before)
        result = stack.run("resolve", intent["address"], "--happened" if happened else "--did-not-happen")
        assert result.exit_code == 0, result.stderr


def _happened(stack: Stack, intent: dict[str, Any], before: dict[str, Any]) -> bool:
    facts = intent["facts"]
    if intent["method"] == "manageSubAccountCredits":
        live = stack.sandbox.snapshot()["accounts"].get(facts["login"], {"credits": None})
        return bool(live["credits"] == facts["balance_before"] + facts["credits"])
    return any(campaign["climsgid"] == facts["marker"] for campaign in stack.sandbox.campaigns())
