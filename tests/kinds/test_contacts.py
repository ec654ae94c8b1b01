"""Contacts: additive and exact, changed rows, batches of 2,000, and counts that are checked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar

import pytest

from tests.harness import LOGIN, Stack
from tests.kinds.contract import (
    KindContract,
    Sections,
    as_the_master,
    assert_discreet,
    contacts_of,
    inline,
    mutating,
    people,
    phone,
)


def vip(*rows: dict[str, str], **block: Any) -> dict[str, Any]:
    return {"lists": {"vip": {"fields": {"SHOP": {}, "NAME": {}}, "contacts": inline(*rows), **block}}}


def counts(document: Any) -> dict[str, int]:
    (change,) = [change for change in document["resource_changes"] if change["type"] == "contacts"]
    found: dict[str, int] = change["contacts"]
    return found


class TestContract(KindContract):
    address = "contacts.vip"
    without: ClassVar[Sections] = {"lists": {"vip": {"fields": {"SHOP": {}, "NAME": {}}}}}
    wanted = vip(*people(range(5), SHOP="Lyon"))
    changed = vip(*people(range(3), SHOP="Lyon"), *people([3], SHOP="Nice"), *people([7]))

    def live(self, stack: Stack) -> Any:
        found = stack.sandbox.snapshot()["lists"][LOGIN]
        return found["vip"]["contacts"] if "vip" in found else None


class TestContractWhenOnlyTheContactsGo(TestContract):
    def live(self, stack: Stack) -> Any:
        return super().live(stack) or None

    def test_destroy(self, made: Stack) -> None:
        """Destroying only the contacts of a list empties the list and leaves it."""
        self.apply_as_announced(made, "--destroy", "--target", "contacts.vip")
        assert contacts_of(made, "vip") == {}
        assert sorted(made.state["resources"]) == ["list.vip"]


def test_no_longer_declared(stack: Stack) -> None:
    """Contacts that are no longer declared are forgotten, and stay in their list."""
    stack.write(vip(*people(range(3))))
    stack.apply()
    before = stack.sandbox.snapshot()
    stack.write({"lists": {"vip": {"fields": {"SHOP": {}, "NAME": {}}}}})
    assert stack.changes() == {"contacts.vip": ["forget"]}
    stack.apply()
    assert stack.sandbox.snapshot() == before
    assert stack.changes() == {}


def test_exact_membership(stack: Stack) -> None:
    """An exact list loses the contacts that the configuration does not have, those of others included."""
    stack.write(vip(*people(range(3))))
    stack.apply()
    add_outside(stack, "vip", {phone(50): {}})
    assert counts(stack.plan()) == {"add": 0, "change": 0, "remove": 1}
    stack.write(vip(*people(range(1, 3))))
    assert counts(stack.plan()) == {"add": 0, "change": 0, "remove": 2}
    stack.apply()
    assert contacts_of(stack, "vip").keys() == {phone(1), phone(2)}
    assert stack.changes() == {}


def test_additive_membership(stack: Stack) -> None:
    """An additive list never loses a contact."""
    stack.write(vip(*people(range(3)), membership="additive"))
    stack.apply()
    add_outside(stack, "vip", {phone(50): {"SHOP": "Nice"}})
    assert stack.changes() == {}
    stack.write(vip(*people([2, 3]), membership="additive"))
    assert counts(stack.plan()) == {"add": 1, "change": 0, "remove": 0}
    stack.apply()
    assert contacts_of(stack, "vip").keys() == {phone(n) for n in (0, 1, 2, 3, 50)}
    assert stack.changes() == {}


def test_from_additive_to_exact(stack: Stack) -> None:
    """Membership alone is a change that is recorded; then destroy knows what is owned."""
    stack.write(vip(*people(range(3)), membership="additive"))
    stack.apply()
    stack.calls()
    stack.write(vip(*people(range(3)), membership="exact"))
    assert stack.changes() == {"contacts.vip": ["update"]}
    stack.apply()
    assert mutating(stack.calls()) == []
    assert stack.changes() == {}


def test_a_changed_contact_is_deleted_and_inserted(stack: Stack) -> None:
    """A changed contact is deleted and inserted, keeps the values that are not managed, and nobody else is touched."""
    stack.write(vip(*people(range(4), SHOP="Lyon")))
    stack.apply()
    as_the_master(stack, "deleteContacts", deleteData=payload("vip", {phone(1): {}}))
    add_outside(stack, "vip", {phone(1): {"SHOP": "Lyon", "NAME": "Marie"}})
    assert stack.changes() == {}
    stack.calls()
    stack.write(vip(*people([0, 2, 3], SHOP="Lyon"), *people([1], SHOP="Nice")))
    assert counts(stack.plan()) == {"add": 0, "change": 1, "remove": 0}
    stack.apply()
    assert contacts_of(stack, "vip")[phone(1)] == {"SHOP": "Nice", "NAME": "Marie"}
    calls = mutating(stack.calls())
    assert [call.method for call in calls] == ["deleteContacts", "populateList"]
    assert not [call for call in calls for other in (0, 2, 3) if phone(other) in json.dumps(call.params)]
    assert stack.backups == []
    assert stack.changes() == {}


def test_values_of_fields_that_the_configuration_ignores_stay(stack: Stack) -> None:
    """A changed contact of a list whose fields are not managed keeps the values of all of them."""
    rows = [{"phone": phone(1), "SHOP": "Lyon", "NAME": "Marie"}]
    stack.sandbox.add_list(LOGIN, "vip", ["SHOP", "NAME"], rows)
    block = {"fields": {"SHOP": {}, "NAME": {}}, "contacts": inline(*people([1], SHOP="Lyon"))}
    lifecycle = {"adopt": "if_identical", "ignore_changes": ["fields"]}
    stack.write({"lists": {"vip": {**block, "lifecycle": lifecycle}}})
    stack.apply()
    less = {"fields": {"SHOP": {}}, "contacts": inline(*people([1], SHOP="Nice")), "lifecycle": lifecycle}
    stack.write({"lists": {"vip": less}})
    stack.apply()
    assert contacts_of(stack, "vip")[phone(1)] == {"SHOP": "Nice", "NAME": "Marie"}
    assert stack.changes() == {}


def test_a_cleared_value(stack: Stack) -> None:
    """An empty value clears; a field that a source does not have is not managed."""
    stack.write(vip(*people([1], SHOP="Lyon", NAME="Marie")))
    stack.apply()
    stack.write(vip({"phone": phone(1), "SHOP": ""}))
    stack.apply()
    assert contacts_of(stack, "vip")[phone(1)] == {"SHOP": "", "NAME": "Marie"}
    assert stack.changes() == {}


def test_every_way_to_write_a_number(stack: Stack) -> None:
    """A number is the same contact however it is written."""
    stack.write(vip({"phone": "+33 6 12 34 56 78"}))
    stack.apply()
    for written in ("0612345678", "06.12.34.56.78", "0033612345678", "33 6 12 34 56 78", "+33 (0)6 12 34 56 78"):
        stack.write(vip({"phone": written}))
        assert stack.changes() == {}


@pytest.mark.parametrize("membership", ["exact", "additive"])
def test_batches(stack: Stack, membership: str) -> None:
    """4,500 contacts are three calls, for inserting as for deleting."""
    everybody = [{"phone": phone(number)} for number in range(4500)]
    _write_csv(stack, everybody, membership)
    document = stack.plan()
    assert [o["calls"] for o in document["operations"] if o["method"] == "populateList"] == [3]
    stack.calls()
    stack.apply()
    sizes = [_size(call.params["populateData"]) for call in stack.calls() if call.method == "populateList"]
    assert sizes == [2000, 2000, 500]
    assert len(contacts_of(stack, "vip")) == 4500
    assert stack.changes() == {}
    stack.calls()
    _write_csv(stack, everybody[:1], membership)
    stack.apply()
    sizes = [_size(call.params["deleteData"]) for call in stack.calls() if call.method == "deleteContacts"]
    assert sizes == ([2000, 2000, 499] if membership == "exact" else [])


def test_shortfall_is_named(stack: Stack) -> None:
    """Contacts that the API did not take are named, masked; the rest is there, and the next plan asks for them again."""
    stack.write({"lists": {"vip": {"fields": {"SHOP": {}}}}})
    stack.apply()
    # Somebody makes the list anew, without the field.
    as_the_master(stack, "deleteList", listName="vip")
    stack.sandbox.add_list(LOGIN, "vip", ["OTHER"])
    stack.write({"lists": {"vip": {"fields": {"SHOP": {}}, "contacts": inline(*people(range(3), SHOP="Lyon"))}}})
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 3
    assert "3 contacts not taken into vip: +337•••••" in result.stderr
    assert "SMS321" in result.stderr
    assert_discreet(result.stdout + result.stderr, phones=[phone(n) for n in range(3)])
    assert stack.changes() == {"contacts.vip": ["create"]}


def test_a_locked_list_refuses(stack: Stack) -> None:
    """A list that refuses its contacts fails, and says why."""
    stack.write(vip(*people(range(2)), locked=True))
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 3
    assert "locked" in result.stderr
    stack.sandbox.style(locked_lists="writable")
    stack.apply()
    assert stack.changes() == {}


def test_more_contacts_than_were_counted(stack: Stack) -> None:
    """Contacts that getLists counts and getContacts does not give are not taken for absent."""
    stack.write(vip(*people(range(6))))
    stack.apply()
    stack.sandbox.fail("getContacts", "truncated", times=9)
    stack.calls()
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 3
    assert mutating(stack.calls()) == []


def test_reverting_an_interrupted_change_loses_nobody(stack: Stack) -> None:
    """A contact that a change had deleted when it stopped is put back, also when the change is taken back."""
    stack.write(vip(*people(range(3), SHOP="Lyon"), membership="additive"))
    stack.apply()
    add_outside(stack, "vip", {phone(50): {"SHOP": "Lyon", "NAME": "Marie"}})
    stack.write(vip(*people([0, 50], SHOP="Nice"), membership="additive"))
    stack.sandbox.fail("populateList", "error_before", times=99)
    assert stack.run("apply", "--auto-approve").exit_code == 3
    assert phone(50) not in contacts_of(stack, "vip")
    stack.sandbox.clear_faults()
    stack.write(vip(*people(range(1), SHOP="Lyon"), membership="additive"))
    stack.apply()
    rows = contacts_of(stack, "vip")
    assert rows.keys() == {phone(n) for n in (0, 1, 2, 50)}
    assert rows[phone(50)] == {"SHOP": "Lyon", "NAME": "Marie"}
    assert stack.changes() == {}


def test_half_a_batch_is_no_invalid_number(stack: Stack) -> None:
    """Where the API has not counted all that it was sent, the reason is not sought in the contacts."""
    stack.write({"lists": {"vip": {"contacts": inline(*people(range(2)))}}})
    stack.apply()
    uncounted(stack, range(2))
    stack.write({"lists": {"vip": {"contacts": []}}})
    result = stack.run("apply", "--auto-approve")
    assert result.exit_code == 3
    assert "2 contacts not removed from vip: +337" in result.stderr
    assert "only a part" in result.stderr


def test_one_that_cannot_be_removed_keeps_no_other_out(stack: Stack) -> None:
    """Whom a change has taken out of the list comes back, although somebody else could not be taken out."""
    stack.write({"lists": {"vip": {"fields": {"SHOP": {}}, "contacts": inline(*people(range(4), SHOP="Lyon"))}}})
    stack.apply()
    uncounted(stack, [2])
    stack.write({"lists": {"vip": {"fields": {"SHOP": {}}, "contacts": inline(*people(range(4), SHOP="Nice"))}}})
    for _ in range(2):
        assert stack.run("apply", "--auto-approve").exit_code == 3
        shops = {number: row["SHOP"] for number, row in contacts_of(stack, "vip").items()}
        assert shops == {phone(number): "Lyon" if number == 2 else "Nice" for number in range(4)}


def uncounted(stack: Stack, numbers: Iterable[int]) -> None:
    """Let deleteContacts pass over some contacts and not count them."""
    answer = stack.sandbox.answer

    def answering(method: str, form: dict[str, str]) -> Any:
        if method == "deleteContacts":
            data = json.loads(form["deleteData"])
            data["DATA"]["CONTACT"] = [
                contact
                for contact in data["DATA"]["CONTACT"]
                if contact["MOBILEPHONE"] not in {phone(number) for number in numbers}
            ] or [{"MOBILEPHONE": phone(90)}]
            form = {**form, "deleteData": json.dumps(data)}
        return answer(method, form)

    stack.sandbox.answer = answering  # type: ignore[method-assign]


def add_outside(stack: Stack, name: str, rows: dict[str, dict[str, str]]) -> None:
    """Contacts that somebody adds in the customer area."""
    as_the_master(stack, "populateList", populateData=payload(name, rows))


def payload(name: str, rows: dict[str, dict[str, str]]) -> str:
    contacts = [{"MOBILEPHONE": number, **fields} for number, fields in rows.items()]
    return json.dumps({"DATA": {"LISTNAME": name, "CONTACT": contacts}})


def _size(data: str) -> int:
    contacts = json.loads(data)["DATA"]["CONTACT"]
    return len(contacts)


def _write_csv(stack: Stack, rows: list[dict[str, str]], membership: str) -> None:
    (stack.root / "vip.csv").write_text("\n".join(["phone", *(row["phone"] for row in rows)]), "utf-8")
    block = {"membership": membership, "contacts": [{"file": "vip.csv"}]}
    stack.write({"lists": {"vip": block}})
