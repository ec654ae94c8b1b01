"""Lists: replaced rather than changed, with every contact kept; adoption; names and their case."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from tests.harness import LOGIN, Stack
from tests.kinds.contract import (
    LATER,
    GuardedKindContract,
    Sections,
    codes,
    contacts_of,
    inline,
    mutating,
    people,
    person,
    phone,
)
from tests.kinds.test_contacts import add_outside

REPLACED = {"list.vip": ["delete", "create"]}


def vip(**block: Any) -> dict[str, Any]:
    return {"lists": {"vip": block}}


def lists(stack: Stack, login: str = LOGIN) -> dict[str, Any]:
    found: dict[str, Any] = stack.sandbox.snapshot()["lists"][login]
    return found


class TestContract(GuardedKindContract):
    address = "list.vip"
    wanted = vip(fields={"SHOP": {}})
    changed = vip(fields={"SHOP": {}, "CITY": {"filter": True}})
    change_actions: ClassVar[list[str]] = ["delete", "create"]
    ignoring = vip(fields={"SHOP": {}, "CITY": {"filter": True}}, lifecycle={"ignore_changes": ["fields"]})

    def live(self, stack: Stack) -> Any:
        return lists(stack).get("vip")

    def guarded(self) -> Any:
        return vip(fields={"SHOP": {}}, lifecycle={"protect": True})


class TestContractInSubAccount(TestContract):
    address = "paris/list.vip"
    without: ClassVar[Sections] = {"sub_accounts": {"paris": person()}}
    wanted: ClassVar[Sections] = {"sub_accounts": {"paris": person(**vip(fields={"SHOP": {}}))}}
    changed: ClassVar[Sections] = {"sub_accounts": {"paris": person(**vip(fields={"SHOP": {}}, locked=True))}}
    ignoring: ClassVar[Sections] = {
        "sub_accounts": {
            "paris": person(**vip(fields={"SHOP": {}}, locked=True, lifecycle={"ignore_changes": ["locked"]}))
        }
    }

    def live(self, stack: Stack) -> Any:
        return lists(stack, "paris").get("vip") if "paris" in stack.sandbox.snapshot()["accounts"] else None

    def guarded(self) -> Any:
        return {"sub_accounts": {"paris": person(**vip(fields={"SHOP": {}}, lifecycle={"protect": True}))}}


class TestReplace:
    @pytest.fixture
    def filled(self, stack: Stack) -> Stack:
        """A list with contacts of the stack, and with others that it does not know and keeps (additive)."""
        stack.write(vip(fields={"SHOP": {}}, membership="additive", contacts=inline(*people(range(3), SHOP="Lyon"))))
        stack.apply()
        known = {phone(number): {"SHOP": "Lyon"} for number in range(3)}
        foreign = {phone(number): {"SHOP": f"Nice {number}"} for number in range(100, 105)}
        add_outside(stack, "vip", foreign)
        assert contacts_of(stack, "vip") == known | foreign
        stack.calls()
        return stack

    @pytest.mark.parametrize(
        "block",
        [{"name": "Very important"}, {"locked": True}, {"fields": {"SHOP": {"filter": True}}}],
        ids=["name", "lock", "fields"],
    )
    def test_keeps_every_contact(self, filled: Stack, block: dict[str, Any]) -> None:
        """A change of name, lock or fields makes the list anew with every contact, those it does not know included."""
        filled.sandbox.style(locked_lists="writable")
        before = contacts_of(filled, "vip")
        contacts = inline(*people(range(3), SHOP="Lyon"))
        filled.write(vip(**{"fields": {"SHOP": {}}, "membership": "additive", "contacts": contacts, **block}))
        assert filled.changes() == REPLACED
        filled.apply()
        assert [call.method for call in mutating(filled.calls())] == ["deleteList", "createList", "populateList"]
        name = block.get("name", "vip")
        assert contacts_of(filled, name) == before
        assert list(lists(filled)) == [name]
        assert filled.changes() == {}
        assert filled.backups == []

    def test_without_contacts_in_the_configuration(self, filled: Stack) -> None:
        """A list whose contacts are not managed keeps them all through a replace."""
        before = contacts_of(filled, "vip")
        filled.write(vip(fields={"SHOP": {"mailing": True}}))
        assert filled.changes() == REPLACED | {"contacts.vip": ["forget"]}
        filled.apply()
        assert contacts_of(filled, "vip") == before
        assert filled.changes() == {}

    def test_with_other_contacts_at_once(self, filled: Stack) -> None:
        """Contacts that change in the apply that replaces their list are right at its end."""
        before = contacts_of(filled, "vip")
        contacts = inline(*people(range(2), SHOP="Paris", CITY="75"), *people([50]))
        filled.write(vip(fields={"SHOP": {}, "CITY": {}}, membership="additive", contacts=contacts))
        filled.apply()
        after = contacts_of(filled, "vip")
        assert after[phone(0)] == {"SHOP": "Paris", "CITY": "75"}
        assert after.keys() == before.keys() | {phone(50)}
        assert {p: row["SHOP"] for p, row in after.items() if p in before and p not in (phone(0), phone(1))} == {
            p: row["SHOP"] for p, row in before.items() if p not in (phone(0), phone(1))
        }
        assert filled.changes() == {}

    def test_exact_membership_at_once(self, filled: Stack) -> None:
        """A replace with exact membership ends with the configured contacts and no others."""
        contacts = inline(*people(range(2), SHOP="Lyon"))
        filled.write(vip(name="Gold", fields={"SHOP": {}}, membership="exact", contacts=contacts))
        filled.apply()
        assert contacts_of(filled, "Gold").keys() == {phone(0), phone(1)}
        assert filled.changes() == {}

    def test_lost_values_are_said(self, filled: Stack) -> None:
        """A field that is taken away with values in it is a warning that names it."""
        filled.write(vip(fields={"CITY": {}}))
        document = filled.plan()
        assert "SMS233" in codes(document)
        assert any("SHOP" in item["summary"] for item in document["diagnostics"])

    def test_a_name_that_is_taken(self, filled: Stack) -> None:
        """A rename onto a list that exists is an error before anything is deleted."""
        filled.sandbox.add_list(LOGIN, "Gold")
        before = filled.sandbox.snapshot()
        filled.write(vip(name="Gold", fields={"SHOP": {}}))
        assert filled.run("apply", "--auto-approve").exit_code == 1
        assert filled.sandbox.snapshot() == before
        assert "SMS234" in filled.run("plan").stderr

    def test_protected(self, filled: Stack) -> None:
        """A replace counts as a delete: protection blocks it."""
        contacts = inline(*people(range(3), SHOP="Lyon"))
        block = {
            "fields": {"SHOP": {}},
            "membership": "additive",
            "contacts": contacts,
            "lifecycle": {"protect": True},
        }
        filled.write(vip(**block))
        filled.apply()
        filled.write(vip(**{**block, "name": "Gold"}))
        before = filled.sandbox.snapshot()
        assert filled.run("plan").exit_code == 0
        assert filled.run("apply", "--auto-approve").exit_code == 4
        assert filled.sandbox.snapshot() == before

    def test_scheduled_campaigns_stay(self, filled: Stack) -> None:
        """Replacing a list does not touch the campaigns that were scheduled with it."""
        contacts = inline(*people(range(3), SHOP="Lyon"))
        campaigns = {"hello": {"message": "Hello {SHOP}", "schedule": LATER, "audience": {"lists": ["vip"]}}}
        block = {"fields": {"SHOP": {}}, "membership": "additive", "contacts": contacts}
        filled.write({**vip(**block), "campaigns": campaigns})
        filled.apply()
        campaigns_before = filled.sandbox.campaigns()
        filled.write({**vip(**{**block, "name": "Gold"}), "campaigns": campaigns})
        filled.apply()
        assert filled.sandbox.campaigns() == campaigns_before
        assert filled.changes() == {}


def test_a_locked_list_is_made_writable_again(stack: Stack) -> None:
    """A replace that a lock brought to a halt half way is finished by one that lifts the lock, with every contact."""
    stack.write(vip(contacts=inline(*people(range(3)))))
    stack.apply()
    stack.write(vip(locked=True, contacts=inline(*people(range(3)))))
    assert stack.run("apply", "--auto-approve").exit_code == 3
    assert contacts_of(stack, "vip") == {}
    stack.write(vip(contacts=inline(*people(range(3)))))
    stack.apply()
    assert contacts_of(stack, "vip").keys() == {phone(0), phone(1), phone(2)}
    assert lists(stack)["vip"]["locked"] is False
    assert stack.changes() == {}


def test_a_new_key_for_the_same_name(stack: Stack) -> None:
    """Without `moved`, a new key for the same name is another list: made after the old one is gone, and filled."""
    stack.write({"lists": {"vip": {"name": "Gold", "contacts": inline(*people(range(3)))}}})
    stack.apply()
    stack.write({"lists": {"best": {"name": "Gold", "contacts": inline(*people(range(3)))}}})
    assert stack.changes() == {
        "list.vip": ["delete"],
        "contacts.vip": ["delete"],
        "list.best": ["create"],
        "contacts.best": ["create"],
    }
    stack.apply()
    assert contacts_of(stack, "Gold").keys() == {phone(0), phone(1), phone(2)}
    assert stack.changes() == {}


def test_moved(stack: Stack) -> None:
    """`moved` gives a list a new key, its contacts along with it, without a call where the name stays."""
    stack.write({"lists": {"vip": {"name": "Gold", "contacts": inline(*people(range(3)))}}})
    stack.apply()
    before = stack.sandbox.snapshot()
    stack.calls()
    moved = [{"from": "list.vip", "to": "list.best"}]
    stack.write({"lists": {"best": {"name": "Gold", "contacts": inline(*people(range(3)))}}, "moved": moved})
    stack.apply()
    assert mutating(stack.calls()) == []
    assert stack.sandbox.snapshot() == before
    assert sorted(stack.state["resources"]) == ["contacts.best", "list.best"]
    assert stack.changes() == {}


def test_moved_without_a_name_is_a_replace(stack: Stack) -> None:
    """The key is the name: moving the key alone is a rename, which keeps every contact."""
    stack.write(vip(membership="additive", contacts=inline(*people(range(2)))))
    stack.apply()
    add_outside(stack, "vip", {phone(9): {}})
    moved = [{"from": "list.vip", "to": "list.best"}]
    block = {"membership": "additive", "contacts": inline(*people(range(2)))}
    stack.write({"lists": {"best": block}, "moved": moved})
    stack.apply()
    assert contacts_of(stack, "best").keys() == {phone(0), phone(1), phone(9)}
    assert "vip" not in lists(stack)
    assert stack.changes() == {}


def test_removed_and_kept(stack: Stack) -> None:
    """`removed: destroy: false` forgets a list and its contacts, and leaves them live."""
    stack.write(vip(contacts=inline(*people(range(2)))))
    stack.apply()
    before = stack.sandbox.snapshot()
    stack.write({"removed": [{"address": "list.vip", "destroy": False}]})
    assert stack.changes() == {"list.vip": ["forget"], "contacts.vip": ["forget"]}
    stack.apply()
    assert stack.sandbox.snapshot() == before
    assert stack.state["resources"] == {}


def test_two_live_lists_with_one_name_are_unreadable(stack: Stack) -> None:
    """Which of two lists is meant is not guessed: names are exact, and their case counts."""
    stack.sandbox.add_list(LOGIN, "VIP")
    stack.write(vip())
    assert stack.changes() == {"list.vip": ["create"]}
    stack.apply()
    assert sorted(lists(stack)) == ["VIP", "vip"]
    assert stack.changes() == {}


@pytest.mark.parametrize("declared", ["shop", "Shop", "SHOP"])
def test_field_names_in_any_case(stack: Stack, declared: str) -> None:
    """The API writes field names its own way: their case in the configuration never makes a change."""
    contacts = inline({"phone": phone(1), "sHoP": "Lyon"})
    stack.write(vip(fields={declared: {}}, contacts=contacts))
    stack.apply()
    assert contacts_of(stack, "vip")[phone(1)] == {declared: "Lyon"}
    assert stack.changes() == {}
    stack.write(vip(fields={"SHOP": {}}, contacts=contacts))
    assert stack.changes() == {}
    campaigns = {"hello": {"message": "To {Shop}", "schedule": LATER, "audience": {"lists": ["vip"]}}}
    stack.write({**vip(fields={"SHOP": {}}, contacts=contacts), "campaigns": campaigns})
    stack.apply()
    assert stack.sandbox.campaigns()[0]["recipients"][0]["text"] == "To Lyon"


class TestAdoption:
    @pytest.fixture
    def foreign(self, stack: Stack) -> Stack:
        """A list that the stack does not own, with five contacts."""
        rows = [{"phone": phone(number), "SHOP": "Lyon"} for number in range(5)]
        stack.sandbox.add_list(LOGIN, "vip", ["SHOP"], rows)
        return stack

    def test_never(self, foreign: Stack) -> None:
        """A list that exists and is not owned is an error, and stays as it is."""
        before = foreign.sandbox.snapshot()
        foreign.write(vip(fields={"SHOP": {}}))
        result = foreign.run("apply", "--auto-approve")
        assert result.exit_code == 1
        assert "SMS260" in result.stderr
        assert foreign.sandbox.snapshot() == before

    def test_if_identical(self, foreign: Stack) -> None:
        """An identical list is taken over without a call; one that differs is an error that says in what."""
        foreign.write(vip(fields={"CITY": {}}, lifecycle={"adopt": "if_identical"}))
        result = foreign.run("plan")
        assert result.exit_code == 1
        assert "differs in fields" in result.stderr
        foreign.write(vip(fields={"SHOP": {}}, lifecycle={"adopt": "if_identical"}))
        before = foreign.sandbox.snapshot()
        assert foreign.changes() == {"list.vip": ["adopt"]}
        foreign.calls()
        foreign.apply()
        assert mutating(foreign.calls()) == []
        assert foreign.sandbox.snapshot() == before
        assert foreign.changes() == {}

    def test_always(self, foreign: Stack) -> None:
        """A list that differs is adopted and made anew with every contact where that was said."""
        foreign.write(vip(fields={"CITY": {}}, lifecycle={"adopt": "always"}))
        assert foreign.changes() == {"list.vip": ["adopt", "update"]}
        foreign.apply()
        assert [field["name"] for field in lists(foreign)["vip"]["fields"]] == ["CITY"]
        assert len(contacts_of(foreign, "vip")) == 5
        assert foreign.changes() == {}

    @pytest.mark.parametrize("adopt", ["if_identical", "always"])
    def test_what_is_ignored_is_no_difference(self, foreign: Stack, adopt: str) -> None:
        """A list is not made anew for what ignore_changes names; that comes to light when it is named no more."""
        lifecycle = {"adopt": adopt, "ignore_changes": ["fields", "locked"]}
        foreign.write(vip(fields={"CITY": {}}, locked=True, lifecycle=lifecycle))
        before = foreign.sandbox.snapshot()
        assert foreign.changes() == {"list.vip": ["adopt"]}
        foreign.apply()
        assert foreign.sandbox.snapshot() == before
        assert foreign.changes() == {}

        foreign.write(vip(fields={"CITY": {}}, locked=True))
        (change,) = foreign.plan()["resource_changes"]
        assert set(change["change"]["before"]) >= {"fields", "locked"}

    def test_a_field_that_nobody_has_is_no_difference(self, foreign: Stack) -> None:
        """A list is never made anew on a guess: a field without a value in any contact may be there."""
        foreign.write(vip(fields={"SHOP": {}, "CITY": {}}, lifecycle={"adopt": "if_identical"}))
        assert foreign.changes() == {"list.vip": ["adopt"]}

    def test_identical_means_its_contacts_too(self, foreign: Stack) -> None:
        """if_identical does not take over a list and then remove people from it."""
        contacts = inline(*people(range(2), SHOP="Lyon"))
        block = {"fields": {"SHOP": {}}, "contacts": contacts, "membership": "exact"}
        foreign.write(vip(**block, lifecycle={"adopt": "if_identical"}))
        result = foreign.run("apply", "--auto-approve")
        assert (result.exit_code, "differs in 3 contacts" in result.stderr) == (1, True)
        assert len(contacts_of(foreign, "vip")) == 5

    def test_by_option(self, foreign: Stack) -> None:
        """`--adopt` takes over what exists, for one run."""
        foreign.write(vip(fields={"SHOP": {}}))
        assert foreign.changes("--adopt") == {"list.vip": ["adopt"]}
        foreign.apply("--adopt")
        assert foreign.changes() == {}

    @pytest.mark.parametrize(("membership", "left"), [("additive", 5), ("exact", 2)])
    def test_losing_contacts_is_said_explicitly(self, foreign: Stack, membership: str, left: int) -> None:
        """Adopting a list that would lose contacts needs an explicit membership."""
        contacts = inline(*people(range(2), SHOP="Lyon"))
        block = {"fields": {"SHOP": {}}, "contacts": contacts, "lifecycle": {"adopt": "always"}}
        foreign.write(vip(**block))
        result = foreign.run("apply", "--auto-approve")
        assert result.exit_code == 1
        assert "SMS232" in result.stderr
        assert len(contacts_of(foreign, "vip")) == 5
        foreign.write(vip(**{**block, "membership": membership}))
        foreign.apply()
        assert len(contacts_of(foreign, "vip")) == left
        assert foreign.changes() == {}

    def test_owned_under_another_key(self, foreign: Stack) -> None:
        """A list that the stack owns under another key is not adopted a second time."""
        foreign.write(vip(fields={"SHOP": {}}, lifecycle={"adopt": "if_identical"}))
        foreign.apply()
        block = {"fields": {"SHOP": {}}, "lifecycle": {"adopt": "always"}}
        foreign.write({"lists": {"vip": {**block, "name": "Gold"}, "other": {**block, "name": "vip"}}})
        result = foreign.run("plan")
        assert result.exit_code == 1
        assert "SMS262" in result.stderr
