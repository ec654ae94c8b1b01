"""Sub-accounts: renames, passwords, flags, cleared values, and the credits that come back."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from tests.harness import LOGIN, Stack
from tests.kinds.contract import (
    LATER,
    GuardedKindContract,
    Sections,
    as_the_master,
    balance,
    codes,
    contacts_of,
    inline,
    mutating,
    people,
    person,
    phone,
    scheduled,
)

PASSWORDS = ("correct horse", "battery staple")


def account(stack: Stack, login: str = "paris") -> dict[str, Any]:
    found: dict[str, Any] = stack.sandbox.snapshot()["accounts"][login]
    return found


class TestContract(GuardedKindContract):
    address = "sub_account.paris"
    wanted: ClassVar[Sections] = {"sub_accounts": {"paris": person(city="Paris")}}
    changed: ClassVar[Sections] = {"sub_accounts": {"paris": person(city="Lyon", billing={"phone": "01 40 00 00 01"})}}
    ignoring: ClassVar[Sections] = {
        "sub_accounts": {
            "paris": person(
                city="Lyon",
                billing={"phone": "01 40 00 00 01"},
                lifecycle={"ignore_changes": ["city", "billing.phone"]},
            )
        }
    }

    def live(self, stack: Stack) -> Any:
        return stack.sandbox.snapshot()["accounts"].get("paris")

    def guarded(self) -> Any:
        return {"sub_accounts": {"paris": person(city="Paris", lifecycle={"protect": True})}}


def test_only_what_changed_is_sent(stack: Stack) -> None:
    """An update sends the changed attributes and no others: the rest is not ours to write."""
    stack.write({"sub_accounts": {"paris": person(city="Paris", zip="75001")}})
    stack.apply()
    stack.calls()
    stack.write({"sub_accounts": {"paris": person(city="Lyon", zip="75001")}})
    stack.apply()
    (call,) = mutating(stack.calls())
    assert json.loads(call.params["accountData"])["DATA"] == {"CITY": "Lyon"}


def test_unmanaged_values_stay(stack: Stack) -> None:
    """What the block does not give is not managed: a live value that nobody declared is no change."""
    _add_outside(stack, city="Nantes")
    stack.write({"sub_accounts": {"paris": _without_password(lifecycle={"adopt": "if_identical"})}})
    assert stack.changes() == {"sub_account.paris": ["adopt"]}
    stack.apply()
    assert account(stack)["fields"]["CITY"] == "Nantes"


def test_null_clears(stack: Stack) -> None:
    """A null empties a value, once."""
    stack.write({"sub_accounts": {"paris": person(city="Paris", website="https://acme.example")}})
    stack.apply()
    stack.write({"sub_accounts": {"paris": person(city=None, website=None)}})
    assert stack.changes() == {"sub_account.paris": ["update"]}
    stack.apply()
    assert (account(stack)["fields"]["CITY"], account(stack)["fields"]["WEBSITE"]) == ("", "")
    assert stack.changes() == {}


def test_server_spelling_is_no_change(stack: Stack) -> None:
    """Phones and countries that the server writes in its own way are not drift."""
    block = person(country="FRANCE", phone="04 93 00 00 00", mobile="06 98 76 54 32", billing={"country": "belgique"})
    stack.write({"sub_accounts": {"paris": block}})
    stack.apply()
    assert stack.changes() == {}


def test_drift_is_corrected(stack: Stack) -> None:
    """A value that somebody changed in the account is changed back."""
    stack.write({"sub_accounts": {"paris": person(city="Paris")}})
    stack.apply()
    data = json.dumps({"DATA": {"CITY": "Lyon"}})
    as_the_master(stack, "updateSubAccount", subAccount="paris", accountData=data)
    assert account(stack)["fields"]["CITY"] == "Lyon"
    assert stack.plan()["resource_changes"][0]["change"]["before"] == {"city": "Lyon"}
    stack.apply()
    assert account(stack)["fields"]["CITY"] == "Paris"


def test_login_renames_in_place(stack: Stack) -> None:
    """A new `login:` renames the account, which keeps its credits, lists and API key."""
    inside = {"credits": {"grants": {"start": 500}}, "lists": {"vip": {"contacts": inline(*people(range(3)))}}}
    stack.write({"sub_accounts": {"paris": person(**inside)}})
    stack.apply()
    before = account(stack)
    stack.calls()
    stack.write({"sub_accounts": {"paris": person(login="lutetia", **inside)}})
    assert stack.changes() == {"sub_account.paris": ["update"]}
    stack.apply()
    assert [call.method for call in mutating(stack.calls())] == ["updateSubAccount"]
    assert "paris" not in stack.sandbox.snapshot()["accounts"]
    assert account(stack, "lutetia") == before
    assert len(contacts_of(stack, "vip", "lutetia")) == 3
    assert stack.changes() == {}


def test_rename_reaches_what_stands_inside(stack: Stack) -> None:
    """What is created in an account in the same apply as its rename is created under the new login."""
    stack.write({"sub_accounts": {"paris": person(credits=1500)}})
    stack.apply()
    more = person(
        login="lutetia",
        credits=3000,
        lists={"vip": {"contacts": inline(*people(range(2)))}},
        campaigns={"hello": {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip"]}}},
    )
    stack.write({"sub_accounts": {"paris": more}})
    stack.apply()
    assert len(contacts_of(stack, "vip", "lutetia")) == 2
    assert [campaign["login"] for campaign in scheduled(stack)] == ["lutetia"]
    assert balance(stack, "lutetia") == 3000
    assert stack.changes() == {}


def test_moved_takes_along_what_the_account_owns(stack: Stack) -> None:
    """`moved` of a sub-account renames its key, and all that it owns stays as it is."""
    inside: dict[str, Any] = {
        "credits": {"grants": {"start": 500}},
        "lists": {"vip": {"contacts": inline(*people(range(3)))}},
        "campaigns": {"hello": {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip"]}}},
    }
    stack.write({"sub_accounts": {"paris": person(**inside)}})
    stack.apply()
    before = stack.sandbox.snapshot()
    stack.calls()
    moved = [{"from": "sub_account.paris", "to": "sub_account.north"}]
    stack.write({"sub_accounts": {"north": person(login="paris", **inside)}, "moved": moved})
    document = stack.plan()
    assert {c["address"]: c["previous_address"] for c in document["resource_changes"]} == {
        "sub_account.north": "sub_account.paris",
        "north/credits": "paris/credits",
        "north/list.vip": "paris/list.vip",
        "north/contacts.vip": "paris/contacts.vip",
        "north/campaign.hello": "paris/campaign.hello",
    }
    stack.apply()
    assert mutating(stack.calls()) == []
    assert stack.sandbox.snapshot() == before
    assert not [address for address in stack.state["resources"] if "paris" in address]
    assert stack.changes() == {}


def test_moved_without_a_login_renames(stack: Stack) -> None:
    """The key is the login: moving the key alone renames the account in place."""
    stack.write({"sub_accounts": {"paris": person(credits={"grants": {"start": 500}})}})
    stack.apply()
    moved = [{"from": "sub_account.paris", "to": "sub_account.north"}]
    stack.write({"sub_accounts": {"north": person(credits={"grants": {"start": 500}})}, "moved": moved})
    stack.apply()
    assert sorted(stack.sandbox.snapshot()["accounts"]) == [LOGIN, "north"]
    assert balance(stack, "north") == 500
    assert stack.changes() == {}


def test_moved_and_destroyed(stack: Stack) -> None:
    """A move that the state has not followed yet does not keep anything from being destroyed."""
    before = stack.sandbox.snapshot()["accounts"]
    stack.write({"sub_accounts": {"paris": person(credits={"grants": {"start": 500}})}})
    stack.apply()
    moved = [{"from": "sub_account.paris", "to": "sub_account.north"}]
    stack.write({"sub_accounts": {"north": person(credits={"grants": {"start": 500}})}, "moved": moved})
    stack.apply("--destroy")
    assert stack.sandbox.snapshot()["accounts"] == before
    assert stack.state["resources"] == {}


def test_a_new_key_for_the_same_login(stack: Stack) -> None:
    """Without `moved`, a new key for the same login is another account: the old one goes before it is made."""
    inside: dict[str, Any] = {"lists": {"vip": {"contacts": inline(*people(range(2)))}}, "credits": 300}
    stack.write({"sub_accounts": {"paris": person(**inside)}})
    stack.apply()
    key = account(stack)["api_key"]
    stack.write({"sub_accounts": {"north": person(login="paris", **inside)}})
    stack.apply()
    assert account(stack)["api_key"] != key
    assert len(contacts_of(stack, "vip", "paris")) == 2
    assert (balance(stack, "paris"), balance(stack)) == (300, stack.credits - 300)
    assert stack.changes() == {}


def test_password_is_changed_by_its_digest(stack: Stack) -> None:
    """A password is sent when the configured one changes, only then, and is never written down."""
    stack.write({"sub_accounts": {"paris": person()}})
    stack.apply()
    assert account(stack)["fields"]["PASSWORD"] == PASSWORDS[0]
    stack.environment["PASSWORD"] = PASSWORDS[1]
    document = stack.plan()
    assert document["resource_changes"][0]["change"]["after"] == {"password": "(write-only, changed)"}
    result = stack.apply()
    assert account(stack)["fields"]["PASSWORD"] == PASSWORDS[1]
    assert stack.changes() == {}
    written = "".join(path.read_text("utf-8") for path in (stack.root / ".smsops").iterdir())
    assert not [secret for secret in PASSWORDS if secret in written + json.dumps(document) + result.stdout]


def test_password_that_is_too_short(stack: Stack) -> None:
    """A password that the API would refuse is an error of the plan, which does not print it."""
    stack.environment["PASSWORD"] = "tiny!"
    stack.write({"sub_accounts": {"paris": person()}})
    result = stack.run("plan")
    assert result.exit_code == 1
    assert "SMS213" in result.stderr
    assert "tiny!" not in result.stdout + result.stderr


def test_active_is_kept_as_a_flag(stack: Stack) -> None:
    """`active`, which the API does not return, follows the configuration and is left alone without one."""
    stack.write({"sub_accounts": {"paris": person(active=False)}})
    stack.apply()
    assert account(stack)["active"] is False
    assert stack.changes() == {}
    stack.write({"sub_accounts": {"paris": person(active=True)}})
    stack.apply()
    assert account(stack)["active"] is True
    stack.write({"sub_accounts": {"paris": person()}})
    assert stack.changes() == {}


def test_create_only_has_no_later_effect(stack: Stack) -> None:
    """A change of create_only is a warning, since the API takes it only when it creates."""
    stack.write({"sub_accounts": {"paris": person(create_only={"email_master": False})}})
    stack.apply()
    stack.write({"sub_accounts": {"paris": person(create_only={"email_master": True})}})
    document = stack.plan()
    assert document["resource_changes"] == []
    assert codes(document) == {"SMS214"}


def test_credits_come_back_before_a_delete(stack: Stack) -> None:
    """Deleting an account first returns what it has to the master."""
    stack.write({"sub_accounts": {"paris": person(credits={"grants": {"start": 5000}})}})
    stack.apply()
    stack.sandbox.use_credits("paris", 1200)
    stack.calls()
    stack.write({})
    document = stack.plan()
    assert document["credits"]["moved"] == -3800
    stack.apply()
    assert [call.method for call in mutating(stack.calls())] == ["manageSubAccountCredits", "deleteSubAccount"]
    assert balance(stack) == stack.credits - 1200
    assert stack.changes() == {}


def test_refunds_come_back_too(stack: Stack) -> None:
    """What cancelled campaigns give back to a leaving account returns to the master as well."""
    inside: dict[str, Any] = {
        "credits": {"grants": {"start": 150}},
        "lists": {"vip": {"contacts": inline(*people(range(10)))}},
        "campaigns": {"hello": {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip"]}}},
    }
    stack.write({"sub_accounts": {"paris": person(**inside)}})
    stack.apply()
    assert balance(stack, "paris") == 0
    stack.write({})
    stack.apply()
    assert balance(stack) == stack.credits
    assert stack.state["resources"] == {}


def test_deleted_outside(stack: Stack) -> None:
    """An account that somebody deleted is made again with its lists, and its grants are not moved again."""
    inside: dict[str, Any] = {
        "credits": {"grants": {"start": 500}},
        "lists": {"vip": {"contacts": inline(*people(range(2)))}},
    }
    stack.write({"sub_accounts": {"paris": person(**inside)}})
    stack.apply()
    as_the_master(stack, "deleteSubAccount", loginToDelete="paris")
    assert stack.changes() == {
        "sub_account.paris": ["create"],
        "paris/list.vip": ["create"],
        "paris/contacts.vip": ["update"],
    }
    stack.apply()
    assert balance(stack, "paris") == 0
    assert stack.changes() == {}


def test_deleted_outside_and_from_the_configuration(stack: Stack) -> None:
    """All that an account owned is forgotten where the account is gone already."""
    inside: dict[str, Any] = {
        "credits": 300,
        "lists": {"vip": {"contacts": inline(*people(range(2)))}},
        "campaigns": {"hello": {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip"]}}},
    }
    stack.write({"sub_accounts": {"paris": person(**inside)}})
    stack.apply()
    as_the_master(stack, "deleteSubAccount", loginToDelete="paris")
    stack.calls()
    stack.write({})
    stack.apply()
    assert mutating(stack.calls()) == []
    assert stack.state["resources"] == {}


def test_adoption(stack: Stack) -> None:
    """An account that exists is an error until it is adopted, and adopting shows what it changes."""
    _add_outside(stack, city="Nantes")
    block = _without_password(city="Paris")
    stack.write({"sub_accounts": {"paris": block}})
    assert stack.run("plan").exit_code == 1
    stack.write({"sub_accounts": {"paris": {**block, "lifecycle": {"adopt": "if_identical"}}}})
    result = stack.run("plan")
    assert result.exit_code == 1
    assert "differs in city" in result.stderr
    stack.write({"sub_accounts": {"paris": {**block, "lifecycle": {"adopt": "always"}}}})
    (change,) = stack.plan()["resource_changes"]
    assert change["change"]["actions"] == ["adopt", "update"]
    assert change["change"]["before"] == {"city": "Nantes"}
    stack.apply()
    assert account(stack)["fields"]["CITY"] == "Paris"
    assert stack.changes() == {}


@pytest.mark.parametrize("adopt", ["if_identical", "always"])
def test_adoption_leaves_alone_what_is_ignored(stack: Stack, adopt: str) -> None:
    """What ignore_changes names is no difference when an account is taken over either, and comes to light when it is named no more."""
    _add_outside(stack, city="Nantes")
    lifecycle = {"adopt": adopt, "ignore_changes": ["city", "active", "password"]}
    stack.write({"sub_accounts": {"paris": person(city="Paris", active=False, lifecycle=lifecycle)}})
    assert stack.changes() == {"sub_account.paris": ["adopt"]}
    stack.calls()
    stack.apply()
    assert mutating(stack.calls()) == []
    assert stack.changes() == {}

    stack.write({"sub_accounts": {"paris": person(city="Paris", active=False)}})
    (change,) = stack.plan()["resource_changes"]
    assert set(change["change"]["after"]) == {"city", "active", "password"}
    stack.apply()
    assert stack.changes() == {}


def test_a_change_keeps_in_mind_what_was_ignored(stack: Stack) -> None:
    """What was not sent because it is ignored is sent when it is ignored no more, also what the API never shows."""
    stack.write({"sub_accounts": {"paris": person(city="Paris")}})
    stack.apply()
    stack.environment["PASSWORD"] = PASSWORDS[1]
    stack.write({"sub_accounts": {"paris": person(city="Lyon", lifecycle={"ignore_changes": ["password"]})}})
    stack.apply()
    stack.write({"sub_accounts": {"paris": person(city="Lyon")}})
    (change,) = stack.plan()["resource_changes"]
    assert change["change"]["after"] == {"password": "(write-only, changed)"}


def test_phones_are_masked(stack: Stack) -> None:
    """The numbers of an account are shown with their middle hidden."""
    stack.write({"sub_accounts": {"paris": person(mobile=phone(7))}})
    assert stack.plan()["resource_changes"][0]["change"]["after"]["mobile"] == f"+337••••••{phone(7)[-2:]}"


def _add_outside(stack: Stack, city: str) -> None:
    block = person()
    stack.sandbox.add_sub_account(
        LOGIN,
        "paris",
        firstname=block["first_name"],
        lastname=block["last_name"],
        email=block["email"],
        society=block["company"],
        mobile=block["mobile"],
        city=city,
    )


def _without_password(**more: Any) -> dict[str, Any]:
    return {name: value for name, value in person(**more).items() if name != "password"}
