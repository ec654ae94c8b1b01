"""Saved plans: what was reviewed is what is applied, or nothing is."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.world import (
    CHANGED,
    Killed,
    assert_world,
    killed_at_event,
    messages,
    refuse,
    settle,
    world,
)
from tests.harness import LOGIN, Stack
from tests.kinds.contract import assert_discreet, contacts_of, inline, mutating, people, person, phone
from tests.kinds.test_contacts import add_outside


@pytest.fixture
def saved(stack: Stack) -> Path:
    """The plan of a new world, saved."""
    stack.write(world())
    return save(stack)


def save(stack: Stack, *options: str) -> Path:
    path = stack.root / "saved.plan"
    assert stack.run("plan", "-o", str(path), *options).exit_code == 0
    stack.calls()
    return path


def assert_stale(stack: Stack, path: Path, *said: str) -> None:
    """The plan is refused with 5 and the difference, and nothing is done."""
    stack.calls()
    result = stack.run("apply", str(path))
    assert result.exit_code == 5, (result.exit_code, result.stdout, result.stderr)
    for words in said:
        assert words in result.stderr
    assert mutating(stack.calls()) == []


def test_it_is_applied_without_asking(stack: Stack, saved: Path) -> None:
    """A plan file is its own approval, and does what it says."""
    announced = {operation["id"]: operation for operation in json.loads(saved.read_text("utf-8"))["operations"]}
    result = stack.run("apply", str(saved), "--format", "json")
    assert result.exit_code == 0
    done = {event["id"]: event for event in result.events if event["type"] == "operation_done"}
    assert done.keys() == announced.keys()
    assert_world(stack)


def test_what_is_said_of_it(stack: Stack) -> None:
    """Whoever saves a plan is told how to apply it, or that it is refused: by a policy, or for a mistake."""
    path = stack.root / "saved.plan"
    stack.write(world())
    assert f"smsops apply {path}" in stack.run("plan", "-o", str(path)).stderr
    stack.sandbox.add_list(LOGIN, "taken")
    taken = {**world()["lists"], "taken": {}}
    for refused in ({"policy": {"max_recipients": 1}}, {"lists": taken}):
        stack.write({**world(), **refused})
        said = stack.run("plan", "-o", str(path)).stderr
        assert "refused" in said
        assert "smsops apply" not in said


@pytest.mark.parametrize("written", [True, False], ids=["behind", "before"])
def test_killed_anywhere_it_is_applied_again(stack: Stack, written: bool) -> None:
    """Wherever the apply of a plan dies, even inside an operation, the same plan still does the rest, and only that."""
    stack.write(world())
    stack.apply()
    add_outside(stack, "vip", {phone(number): {"SHOP": "Nice"} for number in range(200, 203)})
    sections = world(**CHANGED)
    sections["lists"]["vip"] |= {"fields": {"SHOP": {"filter": True}}, "membership": "additive"}
    sections["sub_accounts"]["paris"]["lists"]["vip"]["contacts"] = inline(*people(range(1, 5), SHOP="Metz"))
    stack.write(sections)
    path = save(stack)
    for number in range(60):
        before = stack.sandbox.snapshot()
        try:
            with killed_at_event(number, written=written):
                code = stack.run("apply", str(path), "--parallelism", "1").exit_code
        except Killed:
            settle(stack, before)
        else:
            break
    assert code == 0
    assert number > 4
    assert stack.changes() == {}
    assert len(contacts_of(stack, "vip")) == 8
    assert set(messages(stack).values()) == {1}


def git(stack: Stack, *arguments: str) -> None:
    who = ("-c", "user.name=Anna", "-c", "user.email=anna@example.com")
    subprocess.run(["git", "-C", str(stack.root), *who, *arguments], check=True, capture_output=True)


def committed(stack: Stack) -> Path:
    """The plan of a world in a repository of its own, saved beside it."""
    stack.write(world())
    git(stack, "init")
    git(stack, "add", "smsops.yaml")
    git(stack, "commit", "-m", "A world")
    return save(stack)


def test_another_commit(stack: Stack) -> None:
    """A plan is bound to the files of the commit that it was made from."""
    path = committed(stack)
    (stack.root / "README").write_text("Another file of the stack.", "utf-8")
    git(stack, "add", "README")
    git(stack, "commit", "-m", "Another commit")
    assert_stale(stack, path, "was made from the commit")


def test_a_call_that_was_processed_when_the_process_died(stack: Stack) -> None:
    """What is only to be recorded is part of the plan whose call was made just before the process died."""
    stack.write(world())
    path = save(stack)
    answer = stack.sandbox.answer

    def answering(method: str, form: dict[str, str]) -> Any:
        reply = answer(method, form)
        if method == "populateList":
            raise Killed
        return reply

    stack.sandbox.answer = answering  # type: ignore[method-assign]
    with killed_at_event(99, written=True), pytest.raises(Killed):
        stack.run("apply", str(path), "--parallelism", "1")
    stack.sandbox.answer = answer  # type: ignore[method-assign]
    assert stack.run("apply", str(path)).exit_code == 0
    assert_world(stack)


def test_a_commit_of_the_same_files(stack: Stack) -> None:
    """A merge that leaves the stack's directory as it was reviewed does not make the plan stale."""
    path = committed(stack)
    git(stack, "commit", "--allow-empty", "-m", "A merge")
    assert stack.run("apply", str(path)).exit_code == 0
    assert_world(stack)


def test_a_state_that_was_put_back(stack: Stack) -> None:
    """A plan that was made from a newer state is not applied to an older one."""
    stack.write(world())
    stack.apply()
    old = json.dumps(stack.state)
    stack.write(world(**CHANGED))
    stack.apply()
    stack.write(world())
    path = save(stack)
    (stack.root / ".smsops" / "state.json").write_text(old, "utf-8")
    assert_stale(stack, path, "older than the plan")


def test_it_is_applied_once(stack: Stack, saved: Path) -> None:
    """Applying the same plan a second time does nothing."""
    assert stack.run("apply", str(saved)).exit_code == 0
    stack.calls()
    assert stack.run("apply", str(saved)).exit_code in (0, 5)
    assert mutating(stack.calls()) == []
    assert_world(stack)


def test_a_partly_done_plan_is_applied_again(stack: Stack, saved: Path) -> None:
    """What a failed apply of a plan left undone is done by applying it again."""
    refuse(stack, "createSubAccount")
    assert stack.run("apply", str(saved)).exit_code == 3
    stack.sandbox.clear_faults()
    assert stack.run("apply", str(saved)).exit_code == 0
    assert_world(stack)


def test_another_configuration(stack: Stack, saved: Path) -> None:
    """A configuration that changed since makes the plan stale."""
    stack.write(world(city="Lyon"))
    assert_stale(stack, saved, "The configuration has changed")


def test_another_data_file(stack: Stack) -> None:
    """A data file that changed since makes the plan stale."""
    (stack.root / "vip.csv").write_text(f"phone\n{phone(1)}\n", "utf-8")
    stack.write({"lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}})
    path = save(stack)
    (stack.root / "vip.csv").write_text(f"phone\n{phone(2)}\n", "utf-8")
    assert_stale(stack, path, "The configuration has changed")


def test_another_password(stack: Stack, saved: Path) -> None:
    """A secret that changed since makes the plan stale, although it is in no file."""
    stack.environment["PASSWORD"] = stack.environment["OTHER"]
    assert_stale(stack, saved, "sub_account.paris: create (changed")


def test_another_account(stack: Stack, saved: Path) -> None:
    """A plan of another account is not applied."""
    stack.sandbox.ensure_master("other", "other-key")
    stack.environment |= {"ALLMYSMS_LOGIN": "other", "ALLMYSMS_API_KEY": "other-key"}
    assert_stale(stack, saved, "The plan is of the account")


def test_another_live_account(stack: Stack) -> None:
    """A live change that asks for something else makes the plan stale, and it says what."""
    stack.write(world())
    stack.apply()
    stack.write(world(**CHANGED))
    path = save(stack)
    stack.sandbox.use_credits("paris", 10)  # moves by itself, and changes nothing
    _delete_list(stack)
    assert_stale(stack, path, "list.vip: create (new: absent_from_account)")


def test_a_balance_that_moved_is_no_other_plan(stack: Stack) -> None:
    """What moves by itself does not make a plan stale."""
    stack.write(world())
    stack.apply()
    stack.write(world(**CHANGED))
    path = save(stack)
    stack.sandbox.use_credits("paris", 10)
    stack.sandbox.use_credits(LOGIN, 10)
    assert stack.run("apply", str(path)).exit_code == 0
    assert stack.changes() == {}


def test_expired(stack: Stack, saved: Path) -> None:
    """A plan that is older than settings.plan_ttl is not applied."""
    stack.clock += timedelta(hours=23, minutes=59)
    assert stack.run("plan").exit_code == 0
    stack.clock += timedelta(minutes=1)
    assert_stale(stack, saved, "expired")


def test_after_another_apply(stack: Stack) -> None:
    """A plan that another apply has overtaken does not undo it."""
    stack.write(world())
    stack.apply()
    stack.write(world(message="Good morning {SHOP}"))
    path = save(stack)
    stack.write(world(message="Good evening {SHOP}"))
    stack.apply()
    stack.write(world(message="Good morning {SHOP}"))
    assert_stale(stack, path, "campaign.hello: update (changed")


def test_another_state(stack: Stack) -> None:
    """A plan is bound to the state that it was made from."""
    stack.write(world())
    stack.apply()
    stack.write(world(**CHANGED))
    path = save(stack)
    document = json.loads(path.read_text("utf-8"))
    document["state"]["lineage"] = "another"
    path.write_text(json.dumps(document), "utf-8")
    assert_stale(stack, path, "another state")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": "1.0"}', '{"format_version": "9.9"}', "\x00"])
def test_what_is_no_plan(stack: Stack, content: str) -> None:
    """A file that holds no plan is an error, not a traceback."""
    stack.write(world())
    path = stack.root / "saved.plan"
    path.write_text(content, "utf-8")
    result = stack.run("apply", str(path))
    assert result.exit_code == 1
    assert "SMS41" in result.stderr
    assert mutating(stack.calls()) == []


def test_options_are_part_of_it(stack: Stack) -> None:
    """A plan keeps the targets and the direction that it was made with, and takes no others."""
    stack.write(world())
    stack.apply()
    path = save(stack, "--destroy", "--target", "campaign.hello")
    assert stack.run("apply", str(path), "--target", "list.vip").exit_code == 1
    assert stack.run("apply", str(path)).exit_code == 0
    assert [c["login"] for c in stack.sandbox.campaigns() if c["status"] == "deleted"] == [LOGIN]
    assert stack.changes() == {"campaign.hello": ["create"]}


def test_a_blocked_plan_is_refused(stack: Stack) -> None:
    """What a protection blocks is blocked in a saved plan too."""
    stack.write({"sub_accounts": {"paris": person(lifecycle={"protect": True})}})
    stack.apply()
    stack.write({})
    path = save(stack)
    stack.calls()
    assert stack.run("apply", str(path)).exit_code == 4
    assert mutating(stack.calls()) == []


def test_it_tells_nothing(stack: Stack, saved: Path) -> None:
    """A plan file holds no phone number and no secret."""
    numbers = [phone(n) for n in (*range(3), *range(100, 103))] + ["33698765432"]
    secrets = [stack.environment["PASSWORD"], stack.environment["ALLMYSMS_API_KEY"]]
    assert_discreet(saved.read_text("utf-8"), phones=numbers, secrets=secrets)


def _delete_list(stack: Stack) -> Any:
    from tests.kinds.contract import as_the_master

    as_the_master(stack, "deleteList", listName="vip")
