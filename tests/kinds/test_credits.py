"""Credits: grants that are moved once ever, allowances by period, and floors that are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from tests.harness import Stack
from tests.kinds.contract import LATER, KindContract, Sections, balance, codes, inline, mutating, people, person, phone


def with_credits(credits: Any, **more: Any) -> dict[str, Any]:
    return {"sub_accounts": {"paris": person(credits=credits, **more)}}


class TestContract(KindContract):
    address = "paris/credits"
    without: ClassVar[Sections] = {"sub_accounts": {"paris": person()}}
    wanted = with_credits({"grants": {"first": 1000}})
    changed = with_credits({"grants": {"first": 1000, "second": 250}})

    def live(self, stack: Stack) -> Any:
        accounts = stack.sandbox.snapshot()["accounts"]
        return accounts["paris"]["credits"] if "paris" in accounts else None


class TestGrants:
    def test_moved_once_ever(self, stack: Stack) -> None:
        """A grant that was moved is not moved again when it, or all of `credits`, is removed and written again."""
        stack.write(with_credits({"grants": {"first": 1000, "second": 500}}))
        stack.apply()
        for credits in ({"grants": {"second": 500}}, {"grants": {"second": 500, "first": 1000}}, None):
            stack.write(with_credits(credits) if credits else {"sub_accounts": {"paris": person()}})
            assert stack.changes() == {}
            stack.apply()
        stack.write(with_credits({"grants": {"first": 1000, "second": 500}}))
        assert stack.changes() == {}
        assert balance(stack, "paris") == 1500

    def test_the_ledger_survives_another_mode(self, stack: Stack) -> None:
        """Grants stay moved while `keep` or an allowance stands in their place."""
        stack.write(with_credits({"grants": {"first": 1000}}))
        stack.apply()
        stack.write(with_credits({"keep": {"at_least": 1200, "top_up_to": 1200}}))
        stack.apply()
        stack.write(with_credits({"allowance": {"amount": 10, "every": "month", "from": "2026-11"}}))
        stack.apply()
        stack.write(with_credits({"grants": {"first": 1000}}))
        assert stack.changes() == {}
        assert balance(stack, "paris") == 1210

    def test_a_refused_destroy_moves_nothing(self, stack: Stack) -> None:
        """A destroy that a protection refuses returns no credits, and grants stay moved."""
        stack.write(with_credits({"grants": {"first": 1000}}, lifecycle={"protect": True}))
        stack.apply()
        assert stack.run("destroy", "--auto-approve").exit_code == 4
        assert stack.changes() == {}
        assert balance(stack, "paris") == 1000

    def test_a_destroy_of_nothing_forgets_no_ledger(self, stack: Stack) -> None:
        """Destroying a target that does not exist is a mistake, and leaves the ledger alone."""
        stack.write(with_credits({"grants": {"first": 1000}}))
        stack.apply()
        assert stack.run("apply", "--auto-approve", "--destroy", "--target", "list.none").exit_code == 1
        assert stack.changes() == {}
        stack.calls()
        stack.apply()
        assert mutating(stack.calls()) == []

    def test_several_grants_move_in_one_call(self, stack: Stack) -> None:
        """New grants of one account move together, negative ones included."""
        stack.write(with_credits({"grants": {"first": 1000, "second": 500, "back": -200}}))
        stack.apply()
        (call,) = [call for call in stack.calls() if call.method == "manageSubAccountCredits"]
        assert call.params["credits"] == "1300"
        assert stack.changes() == {}

    def test_a_negative_grant_takes_back(self, stack: Stack) -> None:
        """A negative amount moves credits to the master."""
        stack.write(with_credits({"grants": {"first": 1000}}))
        stack.apply()
        stack.write(with_credits({"grants": {"first": 1000, "back": -400}}))
        document = stack.plan()
        assert document["credits"]["moved"] == -400
        assert document["credits"]["master_after"] == stack.credits - 600
        stack.apply()
        assert (balance(stack, "paris"), balance(stack)) == (600, stack.credits - 600)
        assert stack.changes() == {}

    def test_grants_that_cancel_out(self, stack: Stack) -> None:
        """Grants whose sum is 0 are moved without a call, and are moved then."""
        stack.write(with_credits({"grants": {"first": 100, "back": -100}}))
        stack.apply()
        assert "manageSubAccountCredits" not in stack.writes()
        assert stack.changes() == {}

    def test_a_changed_amount_is_a_warning(self, stack: Stack) -> None:
        """Another amount under an id that was moved moves nothing."""
        stack.write(with_credits({"grants": {"first": 1000}}))
        stack.apply()
        stack.write(with_credits({"grants": {"first": 2000}}))
        document = stack.plan()
        assert document["resource_changes"] == []
        assert codes(document) == {"SMS221"}

    def test_too_little_to_take_back(self, stack: Stack) -> None:
        """A debit that the account cannot pay is refused, moves nothing, and stays due."""
        stack.write(with_credits({"grants": {"first": 100}}))
        stack.apply()
        stack.write(with_credits({"grants": {"first": 100, "back": -400}}))
        refused = stack.run("apply", "--auto-approve")
        assert (refused.exit_code, balance(stack, "paris")) == (4, 100)
        assert "The account paris is short of 300 credits at paris/credits" in refused.stderr
        stack.sandbox.use_credits("paris", -300)
        assert stack.changes() == {"paris/credits": ["update"]}

    def test_debits_come_first_where_they_are_needed(self, stack: Stack) -> None:
        """Credits that the master can give only after it got others back wait for them."""
        stack.write(
            {
                "sub_accounts": {
                    "lyon": person(credits={"grants": {"first": 900_000}}),
                    "paris": person(credits={"grants": {"first": 1}}),
                }
            }
        )
        stack.apply()
        stack.calls()
        stack.write(
            {
                "sub_accounts": {
                    "lyon": person(credits={"grants": {"first": 900_000, "back": -500_000}}),
                    "paris": person(credits={"grants": {"first": 1, "second": 500_000}}),
                }
            }
        )
        stack.apply("--parallelism", "8")
        moved = [call.params["credits"] for call in stack.calls() if call.method == "manageSubAccountCredits"]
        assert moved == ["-500000", "500000"]

    def test_more_than_the_master_has(self, stack: Stack) -> None:
        """Credits that do not suffice block the plan and the apply with 4, and nothing is moved."""
        stack.write(with_credits({"grants": {"first": stack.credits + 1}}))
        assert stack.run("plan").exit_code == 4
        assert stack.run("apply", "--auto-approve").exit_code == 4
        assert mutating(stack.calls()) == []


class TestAllowance:
    @pytest.mark.parametrize(
        ("every", "first", "moments"),
        [
            ("day", "2026-11-21", [("2026-11-22", 2), ("2026-11-23", 3), ("2026-11-30", 10)]),
            ("week", "2026-W47", [("2026-11-22", 1), ("2026-11-23", 2), ("2027-01-04", 8)]),
            ("month", "2026-11", [("2026-11-22", 1), ("2026-12-01", 2), ("2027-02-28", 4)]),
            ("year", "2026", [("2026-11-22", 1), ("2027-01-01", 2)]),
        ],
    )
    def test_each_period_once(self, stack: Stack, every: str, first: str, moments: list[tuple[str, int]]) -> None:
        """Each period that has begun is granted once, those included that went by without an apply."""
        stack.write(with_credits({"allowance": {"amount": 100, "every": every, "from": first}}))
        for day, periods in moments:
            stack.clock = datetime.fromisoformat(f"{day}T12:00:00+00:00")
            stack.apply()
            assert balance(stack, "paris") == 100 * periods
            assert stack.changes() == {}

    def test_a_period_begins_at_midnight_of_the_stack(self, stack: Stack) -> None:
        """Periods are those of settings.timezone."""
        stack.write(with_credits({"allowance": {"amount": 100, "every": "month", "from": "2026-12"}}))
        stack.clock = datetime(2026, 11, 30, 22, 59, tzinfo=UTC)
        stack.apply()
        assert balance(stack, "paris") == 0
        stack.clock = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
        assert stack.changes() == {"paris/credits": ["create"]}

    def test_a_period_that_is_not_one(self, stack: Stack) -> None:
        """`from` must be a period of the kind that `every` names."""
        stack.write(with_credits({"allowance": {"amount": 100, "every": "month", "from": "2026-W47"}}))
        assert stack.run("validate").exit_code == 1


class TestKeep:
    def test_refilled_below_the_floor(self, stack: Stack) -> None:
        """The balance is topped up when it is below the floor, and left alone at or above it."""
        stack.write(with_credits({"keep": {"at_least": 500, "top_up_to": 2000}}))
        stack.apply()
        assert balance(stack, "paris") == 2000
        stack.sandbox.use_credits("paris", 1500)
        assert stack.changes() == {}
        stack.sandbox.use_credits("paris", 1)
        stack.apply()
        assert balance(stack, "paris") == 2000
        assert stack.changes() == {}

    def test_short_form(self, stack: Stack) -> None:
        """`credits: 1500` keeps exactly that floor, topped up to it."""
        stack.write(with_credits(1500))
        stack.apply()
        assert balance(stack, "paris") == 1500
        stack.sandbox.use_credits("paris", 40)
        (change,) = stack.plan()["resource_changes"]
        assert (change["change"]["before"], change["change"]["after"]) == ({"balance": 1460}, {"balance": 1500})
        stack.apply()
        assert balance(stack, "paris") == 1500

    def test_more_than_the_floor_is_left(self, stack: Stack) -> None:
        """A balance above `top_up_to` is nobody's mistake."""
        stack.write(with_credits({"grants": {"first": 5000}}))
        stack.apply()
        stack.write(with_credits(1500))
        assert stack.changes() == {}

    def test_the_spending_of_the_same_apply_counts(self, stack: Stack) -> None:
        """A campaign of the account in the same apply is paid before the floor is measured."""
        inside: dict[str, Any] = {
            "lists": {"vip": {"contacts": inline(*people(range(10)))}},
            "campaigns": {"hello": {"message": "Hello", "schedule": LATER, "audience": {"lists": ["vip"]}}},
        }
        stack.write(with_credits({"keep": {"at_least": 100, "top_up_to": 200}}, **inside))
        document = stack.plan()
        assert document["credits"] == {
            "master_before": stack.credits,
            "moved": 350,
            "spend_estimate": 150,
            "master_after": stack.credits - 350,
        }
        stack.apply()
        assert balance(stack, "paris") == 200
        assert stack.changes() == {}

    def test_what_comes_back_in_the_same_apply_counts(self, stack: Stack) -> None:
        """A campaign that is cancelled and scheduled again at the same price does not lower the balance: no refill."""
        hello: dict[str, Any] = {"message": "Hello", "schedule": LATER, "audience": {"phones": [phone(1), phone(2)]}}
        stack.write(with_credits(100, campaigns={"hello": hello}))
        stack.apply()
        stack.write(with_credits(100, campaigns={"hello": {**hello, "message": "Good morning"}}))
        assert stack.changes() == {"paris/campaign.hello": ["update"]}
        stack.apply()
        assert balance(stack, "paris") == 100

    def test_a_plan_does_not_read_more_for_it(self, stack: Stack) -> None:
        """The balance comes with the sub-accounts: a floor asks for no read of its own."""
        stack.write(with_credits(1500))
        stack.apply()
        stack.calls()
        stack.plan()
        assert [call.method for call in stack.calls()] == ["getInfo", "getSubAccounts"]


@pytest.mark.parametrize(
    "credits",
    [
        {},
        {"grants": {"a": 1}, "keep": {"at_least": 1, "top_up_to": 1}},
        {"grants": {"a": 0}},
        {"keep": {"at_least": 2, "top_up_to": 1}},
        "many",
        "-5",
    ],
)
def test_one_mode_that_makes_sense(stack: Stack, credits: Any) -> None:
    """Exactly one of the three modes is given, with amounts that mean something."""
    stack.write(with_credits(credits))
    result = stack.run("validate")
    assert result.exit_code == 1
    assert "smsops.yaml:3" in result.stderr
