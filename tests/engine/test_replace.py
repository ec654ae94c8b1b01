"""A list that is replaced: whatever step it stops at, no contact is lost, and the next apply finishes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from tests.engine.world import Killed, incomplete, killed_at_event, refuse
from tests.harness import Stack
from tests.kinds.contract import contacts_of, inline, people, phone
from tests.kinds.test_contacts import add_outside

STEPS = ("deleteList", "createList", "populateList", "getContacts")


def vip(**block: Any) -> dict[str, Any]:
    """An additive list with three contacts of the stack's own."""
    contacts = inline(*people(range(3), SHOP="Lyon"))
    return {"lists": {"vip": {"fields": {"SHOP": {}}, "membership": "additive", "contacts": contacts, **block}}}


RENAMED, REBUILT = vip(name="Gold"), vip(fields={"SHOP": {}, "CITY": {}})


@pytest.fixture
def filled(stack: Stack) -> Stack:
    """The list, with contacts that only the account knows, about to be replaced."""
    stack.write(vip())
    stack.apply()
    add_outside(stack, "vip", {phone(number): {"SHOP": f"Shop {number}"} for number in range(10, 15)})
    return stack


def everybody(stack: Stack) -> dict[str, str]:
    """Every contact with its shop, wherever it is: in a live list or in a backup."""
    found: dict[str, str] = {}
    for path in stack.backups:
        contacts = json.loads(path.read_text("utf-8"))["Contacts"]
        found |= {contact["MobilePhone"]: contact["SHOP"] for contact in contacts}
    for name in stack.sandbox.snapshot()["lists"]["acme"]:
        found |= {number: fields["SHOP"] for number, fields in contacts_of(stack, name).items()}
    return found


def assert_finished(stack: Stack, name: str, before: dict[str, str]) -> None:
    rows = contacts_of(stack, name)
    assert {number: fields["SHOP"] for number, fields in rows.items()} == before
    assert list(stack.sandbox.snapshot()["lists"]["acme"]) == [name]
    assert "replacing" not in stack.state["resources"]["list.vip"]["attributes"]
    assert stack.backups == []
    assert stack.changes() == {}


@pytest.mark.parametrize(("sections", "name"), [(RENAMED, "Gold"), (REBUILT, "vip")], ids=["name", "fields"])
@pytest.mark.parametrize("kind", ["throttle", "error_before", "error_after", "drop_after", "html"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_keeps_failing(filled: Stack, step: str, kind: str, sections: dict[str, Any], name: str) -> None:
    """Whichever step fails, every contact is in a list or in the backup, and the next apply finishes."""
    before = everybody(filled)
    filled.write(sections)
    reads = 1 if step == "getContacts" else 0
    filled.sandbox.fail(step, kind, after=reads, times=99, retry_after=9999)
    code = filled.run("apply", "--auto-approve").exit_code
    assert code == (0 if kind in ("error_after", "drop_after") and step != "getContacts" else 3)
    assert everybody(filled) == before
    filled.sandbox.clear_faults()
    if code:
        assert filled.changes() == {"list.vip": ["delete", "create"]}
    filled.apply()
    assert_finished(filled, name, before)


@pytest.mark.parametrize("written", [True, False], ids=["behind", "before"])
@pytest.mark.parametrize(("sections", "name"), [(RENAMED, "Gold"), (REBUILT, "vip")], ids=["name", "fields"])
@pytest.mark.parametrize("number", range(5))
def test_a_process_that_dies(filled: Stack, number: int, sections: dict[str, Any], name: str, written: bool) -> None:
    """Wherever the process dies, every contact is in a list or in the backup, and the next apply finishes."""
    before = everybody(filled)
    filled.write(sections)
    with contextlib.suppress(Killed), killed_at_event(number, written=written):
        filled.run("apply", "--auto-approve")
    assert everybody(filled) == before
    filled.apply()
    assert_finished(filled, name, before)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("then", ["old", "other"])
def test_another_configuration_afterwards(filled: Stack, step: str, then: str) -> None:
    """A replace that stopped is finished for the configuration there is then: the old one, or yet another."""
    before = everybody(filled)
    filled.write(RENAMED)
    refuse_step(filled, step)
    incomplete(filled)
    filled.sandbox.clear_faults()
    sections, name = (vip(), "vip") if then == "old" else (vip(name="Best", fields={"SHOP": {}, "ZIP": {}}), "Best")
    filled.write(sections)
    filled.apply()
    assert_finished(filled, name, before)


@pytest.mark.parametrize("step", STEPS)
def test_additions_in_between(filled: Stack, step: str) -> None:
    """Contacts that change in the configuration while a replace is unfinished are right at its end."""
    before = everybody(filled)
    filled.write(RENAMED)
    refuse_step(filled, step)
    incomplete(filled)
    filled.sandbox.clear_faults()
    more = inline(*people(range(1, 3), SHOP="Lyon"), *people([0, 4], SHOP="Nice"))
    filled.write(vip(name="Gold", contacts=more))
    filled.apply()
    assert_finished(filled, "Gold", {**before, phone(0): "Nice", phone(4): "Nice"})


def test_a_large_list(stack: Stack) -> None:
    """A list of 4,500 that stops in the middle of being filled keeps everybody, and inserts only who is missing."""
    (stack.root / "vip.csv").write_text("\n".join(["phone", *(phone(n) for n in range(4500))]), "utf-8")
    sections: dict[str, Any] = {"lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}}
    stack.write(sections)
    stack.apply()
    sections["lists"]["vip"]["name"] = "Gold"
    stack.write(sections)
    refuse(stack, "populateList", after=1)
    incomplete(stack)
    assert len(contacts_of(stack, "Gold")) == 2000
    stack.sandbox.clear_faults()
    stack.calls()
    stack.apply()
    assert stack.writes() == ["populateList", "populateList"]
    assert len(contacts_of(stack, "Gold")) == 4500
    assert stack.changes() == {}


def test_a_backup_that_is_gone(filled: Stack) -> None:
    """Without the backup that an unfinished replace needs the list is unreadable: nothing is made on a guess."""
    filled.write(RENAMED)
    refuse(filled, "createList")
    incomplete(filled)
    filled.sandbox.clear_faults()
    (backup,) = filled.backups
    backup.unlink()
    filled.calls()
    incomplete(filled)
    assert filled.writes() == []


def test_taken_out_of_the_configuration(filled: Stack) -> None:
    """A list that is removed while its replace is unfinished is gone, with its backup."""
    filled.write(RENAMED)
    refuse(filled, "populateList")
    incomplete(filled)
    filled.sandbox.clear_faults()
    filled.write({})
    filled.apply()
    assert filled.sandbox.snapshot()["lists"]["acme"] == {}
    assert filled.backups == []
    assert filled.state["resources"] == {}


def refuse_step(stack: Stack, step: str) -> None:
    refuse(stack, step, after=1 if step == "getContacts" else 0)


def test_forgetting_in_the_middle(filled: Stack) -> None:
    """A list whose contacts are only in the backup is not forgotten before an apply has put them back."""
    before = everybody(filled)
    filled.write(RENAMED)
    refuse(filled, "createList")
    incomplete(filled)
    filled.sandbox.clear_faults()
    assert filled.run("state", "rm", "list.vip").exit_code == 1
    filled.write({"removed": [{"address": "list.vip", "destroy": False}], "lists": {"other": {}}})
    result = filled.apply()
    assert "SMS267" in result.stderr
    assert filled.changes() == {}
    filled.write(RENAMED)
    filled.apply()
    assert_finished(filled, "Gold", before)


@pytest.mark.parametrize("forget", [False, True])
def test_contacts_that_are_no_longer_declared_in_the_middle(filled: Stack, forget: bool) -> None:
    """A contact that a change had taken out of its list comes back, although contacts: is gone from the configuration."""
    before = everybody(filled)
    sections = vip()
    sections["lists"]["vip"]["contacts"][0]["inline"][0]["SHOP"] = "Elsewhere"
    filled.write(sections)
    refuse(filled, "populateList")
    incomplete(filled)
    filled.sandbox.clear_faults()
    assert contacts_of(filled, "vip").keys() != before.keys()
    if forget:
        filled.write({"removed": [{"address": "list.vip", "destroy": False}]})
        filled.apply()
        assert filled.backups != []
    rest = vip()
    rest["lists"]["vip"].pop("contacts")
    filled.write(rest)
    filled.apply()
    assert contacts_of(filled, "vip").keys() == before.keys()
    assert filled.backups == []
    assert filled.changes() == {}
