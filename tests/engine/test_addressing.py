"""Targets, moves, removals and the state commands: they reach what they name, and nothing else."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from smsops.edge.state.store import StateStore
from tests.engine.world import ADDRESSES, CHANGED, assert_world, world
from tests.harness import Result, Stack
from tests.kinds.contract import mutating, person


class TestTargets:
    def test_a_target_that_names_nothing(self, stack: Stack) -> None:
        """A mistyped target is an error, not an empty plan."""
        stack.write(world())
        result = stack.run("plan", "--target", "list.vpi")
        assert result.exit_code == 1
        assert 'Did you mean "list.vip"?' in result.stderr

    @pytest.mark.parametrize(
        ("target", "reached"),
        [
            ("list.vip", {"list.vip"}),
            ("campaign.*", {"list.vip", "contacts.vip", "campaign.hello"}),
            ("paris/list.vip", {"sub_account.paris", "paris/list.vip"}),
            ("paris/*", {address for address in ADDRESSES if "paris" in address}),
            ("*", set(ADDRESSES)),
        ],
    )
    def test_with_what_they_need(self, stack: Stack, target: str, reached: set[str]) -> None:
        """A target takes along what it depends on, and nothing else."""
        stack.write(world())
        assert set(stack.changes("--target", target)) == reached
        stack.apply("--target", target)
        assert set(stack.state["resources"] if reached else {}) == reached
        stack.apply()
        assert_world(stack)

    @pytest.mark.parametrize(
        ("target", "reached"),
        [
            ("campaign.hello", {"campaign.hello"}),
            ("list.vip", {"list.vip", "contacts.vip", "campaign.hello"}),
            ("paris/contacts.vip", {"paris/contacts.vip", "paris/campaign.hello"}),
            ("sub_account.paris", {address for address in ADDRESSES if "paris" in address}),
            ("paris/credits", {"paris/campaign.hello"}),
        ],
    )
    def test_destroy_with_what_needs_them(self, stack: Stack, target: str, reached: set[str]) -> None:
        """Destroying a target takes along what depends on it; a ledger stays as long as its account."""
        stack.write(world())
        stack.apply()
        result = stack.run("destroy", "--target", target, "--auto-approve")
        assert result.exit_code == 0
        assert set(ADDRESSES) - set(stack.state["resources"]) == reached
        assert stack.run("plan", "--destroy", "--target", target).exit_code == 0
        assert stack.changes("--destroy", "--target", target) == {}

    def test_unselected_changes_stay(self, stack: Stack) -> None:
        """What is not a target is neither read nor changed."""
        stack.write(world())
        stack.apply()
        stack.write(world(**CHANGED))
        stack.calls()
        assert stack.changes("--target", "sub_account.paris") == {"sub_account.paris": ["update"]}
        assert [call.method for call in stack.calls()] == ["getInfo", "getSubAccounts"]


class TestMovedAndRemoved:
    def test_moved_and_changed(self, stack: Stack) -> None:
        """A resource that is moved and changed at once is changed in place, and shown with its old address."""
        stack.write({"sub_accounts": {"paris": person(city="Paris")}})
        stack.apply()
        moved = [{"from": "sub_account.paris", "to": "sub_account.north"}]
        stack.write({"sub_accounts": {"north": person(login="paris", city="Lyon")}, "moved": moved})
        (change,) = stack.plan()["resource_changes"]
        assert (change["address"], change["previous_address"]) == ("sub_account.north", "sub_account.paris")
        assert change["change"]["actions"] == ["update"]
        stack.apply()
        assert stack.changes() == {}

    def test_a_login_is_renamed_in_place(self, stack: Stack) -> None:
        """A sub-account that is moved without `login:` is renamed, and keeps its credits, lists and campaigns."""
        stack.write(world())
        stack.apply()
        live = stack.sandbox.snapshot()
        sections = world()
        sections["sub_accounts"] = {"lutece": sections["sub_accounts"]["paris"]}
        stack.write({**sections, "moved": [{"from": "sub_account.paris", "to": "sub_account.lutece"}]})
        stack.calls()
        stack.apply()
        assert stack.writes() == ["updateSubAccount"]
        assert stack.sandbox.snapshot()["lists"]["lutece"] == live["lists"]["paris"]
        assert stack.sandbox.snapshot()["accounts"]["lutece"]["credits"] == live["accounts"]["paris"]["credits"]
        assert stack.changes() == {}

    def test_a_move_that_was_followed(self, stack: Stack) -> None:
        """A `moved` that stays in the configuration has no effect a second time, nor on a new stack."""
        moved = [{"from": "list.old", "to": "list.vip"}]
        stack.write({**world(), "moved": moved})
        stack.apply()
        assert stack.changes() == {}
        assert_world(stack)

    def test_removed_and_kept_takes_along_what_stands_inside(self, stack: Stack) -> None:
        """Forgetting a sub-account forgets all that it owns, and leaves it live."""
        stack.write(world())
        stack.apply()
        before = stack.sandbox.snapshot()
        sections = world()
        del sections["sub_accounts"]
        stack.write({**sections, "removed": [{"address": "sub_account.paris", "destroy": False}]})
        assert stack.changes() == {address: ["forget"] for address in ADDRESSES if "paris" in address}
        stack.calls()
        stack.apply()
        assert mutating(stack.calls()) == []
        assert stack.sandbox.snapshot() == before
        assert stack.changes() == {}

    def test_a_protected_resource_may_be_forgotten(self, stack: Stack) -> None:
        """Protection refuses deletes; forgetting deletes nothing."""
        stack.write({"lists": {"vip": {"lifecycle": {"protect": True}}}})
        stack.apply()
        stack.write({"removed": [{"address": "list.vip", "destroy": False}]})
        stack.apply()
        assert stack.state["resources"] == {}


class TestStateCommands:
    def test_rm(self, stack: Stack) -> None:
        """`state rm` forgets; what it forgot exists live and is an error until it is adopted."""
        stack.write(world())
        stack.apply()
        before = stack.sandbox.snapshot()
        assert stack.run("state", "rm", "list.vip", "contacts.vip").exit_code == 0
        assert stack.sandbox.snapshot() == before
        assert stack.run("plan").exit_code == 1
        assert stack.changes("--adopt") == {"list.vip": ["adopt"], "contacts.vip": ["create"]}
        stack.apply("--adopt")
        assert_world(stack)

    def test_mv(self, stack: Stack) -> None:
        """`state mv` is `moved` at once: what stands inside goes along, and nothing live changes."""
        stack.write(world())
        stack.apply()
        assert stack.run("state", "mv", "sub_account.paris", "sub_account.north").exit_code == 0
        sections: dict[str, Any] = world()
        sections["sub_accounts"] = {"north": {**sections["sub_accounts"]["paris"], "login": "paris"}}
        stack.write(sections)
        assert stack.changes() == {}

    @pytest.mark.parametrize(
        "gone", ["sub_account.paris", "list.vip", "contacts.vip", "paris/list.vip", "paris/credits"]
    )
    def test_a_state_with_a_gap(self, stack: Stack, gone: str) -> None:
        """A state from which somebody cut an entry makes no command fail in a way that nobody foresaw."""
        stack.write(world())
        stack.apply()
        path = stack.root / ".smsops" / "state.json"
        document = stack.state
        del document["resources"][gone]
        path.write_text(json.dumps(document), "utf-8")
        for sections in (world(), {}):
            stack.write(sections)
            for options in ((), ("--destroy",), ("--adopt",)):
                result = stack.run("plan", *options)
                assert "SMS499" not in result.stderr
                assert result.exit_code in (0, 1)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("rm", "list.none"),
            ("mv", "list.vip", "campaign.vip"),
            ("mv", "list.vip", "list.staff"),
            ("mv", "list.none", "list.some"),
            ("show", "list.none"),
            ("show", "not an address"),
        ],
    )
    def test_mistakes(self, stack: Stack, arguments: tuple[str, ...]) -> None:
        """A state command that names nothing, or what is taken, is an error and changes nothing."""
        stack.write({"lists": {"vip": {}, "staff": {}}})
        stack.apply()
        before = stack.state
        assert stack.run("state", *arguments).exit_code == 1
        assert stack.state == before


class TestLock:
    @pytest.fixture
    def held(self, stack: Stack) -> StateStore:
        stack.write(world())
        stack.apply()
        return stack.store

    @pytest.mark.parametrize(
        "command",
        [
            ("apply", "--auto-approve"),
            ("destroy", "--auto-approve"),
            ("plan",),
            ("state", "rm", "list.vip"),
            ("state", "list"),
            ("resolve", "list.vip", "--happened"),
        ],
        ids=lambda command: " ".join(command[:2]),
    )
    def test_the_holder_is_named(self, stack: Stack, held: StateStore, command: tuple[str, ...]) -> None:
        """Who finds the state locked ends with 6 at once, and learns who holds it and since when."""
        with held.lock("apply"):
            result = stack.run(*command)
        assert result.exit_code == 6
        assert "runs 'apply' since" in result.stderr
        assert "--lock-timeout" in result.stderr
        assert_world(stack)

    def test_waiting(self, stack: Stack, held: StateStore) -> None:
        """--lock-timeout waits for the holder to end."""
        entered, leave = threading.Event(), threading.Event()

        def hold() -> None:
            with held.lock("apply"):
                entered.set()
                leave.wait(10)

        holder = threading.Thread(target=hold)
        holder.start()
        entered.wait(10)
        threading.Timer(0.2, leave.set).start()
        assert stack.run("plan", "--lock-timeout", "30s").exit_code == 0
        holder.join()

    def test_readers_do_not_wait_for_one_another(self, stack: Stack, held: StateStore) -> None:
        """Plans share the state; an apply waits for them."""
        with held.lock("plan", shared=True):
            assert stack.run("plan").exit_code == 0
            assert stack.run("apply", "--auto-approve").exit_code == 6

    def test_a_second_apply_in_the_middle_of_one(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        """While an apply makes its calls, another one and a plan end with 6."""
        stack.write(world())
        results: list[Result] = []
        answer = stack.sandbox.answer

        def answering(method: str, form: dict[str, str]) -> Any:
            if method == "sendSms" and not results:
                for command in (("apply", "--auto-approve"), ("plan",)):
                    thread = threading.Thread(target=lambda command=command: results.append(stack.run(*command)))
                    thread.start()
                    thread.join()
            return answer(method, form)

        monkeypatch.setattr(stack.sandbox, "answer", answering)
        stack.apply()
        assert [result.exit_code for result in results] == [6, 6]
        assert_world(stack)
