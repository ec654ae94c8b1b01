"""Interrupts: nothing new starts, what is in flight finishes, and the next apply does the rest."""

from __future__ import annotations

import io
import signal
from typing import Any

import pytest

from tests.engine.world import assert_world, messages, world
from tests.harness import Stack
from tests.kinds.contract import LATER, contacts_of, phone

LONG: dict[str, Any] = {
    "lists": {"vip": {"contacts": [{"file": "vip.csv"}]}},
    "campaigns": {"hello": {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip"]}}},
}


def interrupt(stack: Stack, method: str, *, number: int = signal.SIGINT, after: int = 0) -> None:
    """Send this process a signal while it makes a call of a method, once."""
    answer = stack.sandbox.answer
    seen = 0

    def answering(called: str, form: dict[str, str]) -> Any:
        nonlocal seen
        seen += called == method
        if called == method and seen == after + 1:
            signal.raise_signal(number)
        return answer(called, form)

    stack.sandbox.answer = answering  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_between_operations(stack: Stack, number: int) -> None:
    """The operation in flight is finished and recorded, the rest is not begun, and the summary says so."""
    stack.write(world())
    interrupt(stack, "createSubAccount", number=number)
    result = stack.run("apply", "--auto-approve", "--parallelism", "1", "--format", "json")
    summary = result.events[-1]
    assert (result.exit_code, summary["exit_code"], summary["interrupted"]) == (130, 130, True)
    assert "sub_account.paris" in summary["done"]
    assert "paris/list.vip" in summary["not_started"]
    stack.apply()
    assert_world(stack)


def test_between_the_parts_of_a_campaign(stack: Stack) -> None:
    """A campaign stops behind the part that is being sent, and the next apply sends the others, once."""
    (stack.root / "vip.csv").write_text("\n".join(["phone", *(phone(number) for number in range(6500))]), "utf-8")
    stack.write(LONG)
    interrupt(stack, "sendSms", after=1)
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 130
    assert "campaign.hello: Unfinished. Interrupted after" in result.stdout
    assert "of 6,500 recipients; the next apply does the rest" in result.stdout
    assert len(stack.sandbox.campaigns()) == 2
    assert stack.run("plan").exit_code == 0
    stack.apply()
    assert len(messages(stack)) == 6500
    assert set(messages(stack).values()) == {1}
    assert stack.changes() == {}


def test_between_the_batches_of_contacts(stack: Stack) -> None:
    """New contacts stop behind the batch that is being inserted; the next apply inserts the others."""
    (stack.root / "vip.csv").write_text("\n".join(["phone", *(phone(number) for number in range(5000))]), "utf-8")
    stack.write({"lists": LONG["lists"]})
    interrupt(stack, "populateList")
    assert stack.run("apply", "--auto-approve").exit_code == 130
    assert len(contacts_of(stack, "vip")) == 2000
    stack.apply()
    assert len(contacts_of(stack, "vip")) == 5000
    assert stack.changes() == {}


def test_whom_a_change_has_taken_out_comes_back(stack: Stack) -> None:
    """Contacts that are being changed are back in the list before an interrupt ends the operation."""
    rows = [f"{phone(number)},Lyon" for number in range(2500)]
    (stack.root / "vip.csv").write_text("\n".join(["phone,SHOP", *rows]), "utf-8")
    stack.write({"lists": {"vip": {**LONG["lists"]["vip"], "fields": {"SHOP": {}}}}})
    stack.apply()
    (stack.root / "vip.csv").write_text("\n".join(["phone,SHOP", *rows]).replace("Lyon", "Nice"), "utf-8")
    interrupt(stack, "deleteContacts")
    assert stack.run("apply", "--auto-approve").exit_code == 130
    assert len(contacts_of(stack, "vip")) == 2500
    assert stack.changes() == {}


def test_in_the_last_operation(stack: Stack) -> None:
    """An interrupt that came too late to leave anything undone is said all the same."""
    stack.write({"lists": {"vip": {}}})
    interrupt(stack, "createList")
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 130
    assert stack.changes() == {}


class Hesitating(io.StringIO):
    """Somebody who presses Ctrl-C at a question, and then says yes."""

    def isatty(self) -> bool:
        return True

    def readline(self, *_: object) -> str:  # type: ignore[override]
        signal.raise_signal(signal.SIGINT)
        return "yes\n"


@pytest.mark.parametrize("command", [("apply",), ("destroy",)])
def test_at_the_question(stack: Stack, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    """Ctrl-C at the question is a no: nothing is done, and nothing is in doubt."""
    stack.write(world())
    if command == ("destroy",):
        stack.apply()
    before = stack.sandbox.snapshot()
    monkeypatch.setattr("sys.stdin", Hesitating())
    assert stack.run(*command).exit_code == 130
    assert stack.sandbox.snapshot() == before


def test_while_nothing_is_awaited(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C that comes while the plan is shown keeps the first call from being made, and does not cut it off."""
    stack.write(world())
    before = stack.sandbox.snapshot()
    monkeypatch.setattr("smsops.cli.apply.show_plan", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    assert stack.run("apply", "--auto-approve").exit_code == 130
    assert stack.sandbox.snapshot() == before
