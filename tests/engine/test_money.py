"""Credits that suffice, that do not, that nobody knows of, and that will not: what the plan says about them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import LOGIN, Stack
from tests.kinds.contract import LATER, Sections, balance, codes, person, phone
from tests.properties.stacks import inhabited, moderate


def campaign(people: int = 2, message: str = "Hello") -> Sections:
    return {"message": message, "schedule": LATER, "audience": {"phones": [phone(number) for number in range(people)]}}


def paris(**block: Any) -> Sections:
    return {"sub_accounts": {"paris": person(**block)}}


def set_balance(stack: Stack, credits: int, login: str = LOGIN) -> None:
    stack.sandbox.use_credits(login, balance(stack, login) - credits)


def found(stack: Stack, code: str, *options: str) -> list[Any]:
    """The findings of one code in a plan."""
    document = stack.run("plan", "--format", "json", *options).document
    return [item for item in document["diagnostics"] if item["code"] == code]


class TestShortages:
    def test_which_account_by_how_much_where_and_what_mends_it(self, stack: Stack) -> None:
        """A shortage names the account, the missing credits, the operation with its place, and the smallest grant."""
        stack.write(paris(credits={"grants": {"start": 40}}, campaigns={"a": campaign(), "b": campaign()}))
        (short,) = found(stack, "SMS253")
        assert short["summary"] == "The account paris is short of 20 credits at paris/campaign.b"
        assert short["detail"] == "It has 0 credits and gets 40; 60 would go out. A grant of 20 would do."
        assert (short["address"], short["file"], short["line"]) == ("paris/campaign.b", "smsops.yaml", 3)

    def test_the_master(self, stack: Stack) -> None:
        """What the master cannot pay is to be bought, also where only a sub-account would need it."""
        set_balance(stack, 50)
        stack.write(
            {**paris(credits={"grants": {"start": 10}}, campaigns={"a": campaign()}), "campaigns": {"b": campaign()}}
        )
        (short,) = found(stack, "SMS253")
        assert short["address"] == "paris/campaign.a"
        assert "A grant of 20 would do. The master account would have 10 for it: buy 10 credits." in short["detail"]
        set_balance(stack, 30)
        (short, _) = found(stack, "SMS253")
        assert short["summary"] == "The master account is short of 10 credits at paris/credits"
        assert short["detail"] == "It has 30 credits; 40 would go out. Buy 10 credits, or move and send less."

    def test_only_what_is_targeted_has_to_be_paid(self, stack: Stack) -> None:
        """A plan of a part of the stack is proved for that part, with the grants that it takes along."""
        set_balance(stack, 60)
        stack.write(
            {**paris(credits={"grants": {"start": 60}}, campaigns={"a": campaign()}), "campaigns": {"b": campaign()}}
        )
        assert stack.run("plan").exit_code == 4
        stack.apply("--target", "paris/campaign.a")
        assert (balance(stack), balance(stack, "paris")) == (0, 30)

    def test_what_pays_waits_for_what_a_cancellation_gives_back(self, stack: Stack) -> None:
        """Credits are taken back from an account once its cheaper campaign has left enough of them.

        That the balance is what it was before is no doubt then that the call happened.
        """
        stack.write(paris(credits={"grants": {"start": 60}}, campaigns={"a": campaign(4)}))
        stack.apply()
        stack.calls()
        stack.write(paris(credits={"grants": {"start": 60, "back": -30}}, campaigns={"a": campaign(2)}))
        stack.apply("--parallelism", "8")
        assert stack.writes() == ["deleteCampaign", "sendSms", "manageSubAccountCredits"]
        assert balance(stack, "paris") == 0

    def test_counting_on_a_refund_is_said(self, stack: Stack) -> None:
        """Where only what a cancellation gives back makes credits suffice, a warning says how many would do without."""
        set_balance(stack, 35)
        stack.write({"campaigns": {"a": campaign()}})
        stack.apply()
        stack.write({"campaigns": {"a": campaign(message="Good morning")}})
        (hope,) = found(stack, "SMS223")
        assert hope["detail"].endswith("With 25 credits more it would do.")
        set_balance(stack, 30)
        assert found(stack, "SMS223") == []

    def test_a_refund_that_may_have_come_is_not_counted_again(self, stack: Stack) -> None:
        """What a cancellation of an earlier run, whose answer was lost, gave back is in the balance already."""
        set_balance(stack, 35)
        stack.write({"campaigns": {"a": campaign()}})
        stack.apply()
        stack.write({"campaigns": {"a": campaign(message="Good morning")}})
        stack.sandbox.fail("deleteCampaign", "drop_after", times=4)
        assert stack.run("apply", "--auto-approve").exit_code == 3
        set_balance(stack, 20)
        assert [item["address"] for item in found(stack, "SMS253")] == ["campaign.a"]
        set_balance(stack, 30)
        stack.apply()


class TestUnknownAndPostpaid:
    def test_a_balance_that_nobody_knows(self, stack: Stack) -> None:
        """Where the API does not tell a balance, that is said of each account that pays, and nothing is refused."""
        stack.write(paris(credits={"grants": {"start": 60}}))
        stack.apply()
        stack.sandbox.style(balances=False)
        stack.write(
            {**paris(credits={"grants": {"start": 60}}, campaigns={"a": campaign()}), "campaigns": {"b": campaign()}}
        )
        assert [item["address"] for item in found(stack, "SMS222")] == [None, "sub_account.paris"]
        stack.apply()
        assert balance(stack, "paris") == 30

    def test_an_account_is_not_deleted_with_what_nobody_knows(self, stack: Stack) -> None:
        """Where nobody tells what an account has, it is not deleted: the credits would be lost."""
        stack.write(paris(credits={"grants": {"start": 60}}))
        stack.apply()
        stack.sandbox.style(balances=False)
        stack.write({})
        assert stack.run("apply", "--auto-approve").exit_code == 3
        stack.sandbox.style(balances=True)
        stack.apply()
        assert balance(stack) == stack.credits

    def test_a_floor_over_a_balance_that_nobody_knows(self, stack: Stack) -> None:
        """A floor is not kept on a guess: without a balance its account's credits are unknown."""
        stack.write(paris(credits=100))
        stack.apply()
        stack.sandbox.style(balances=False)
        result = stack.run("plan", "--format", "json")
        assert (result.exit_code, result.document["unknown"]) == (1, ["paris/credits"])

    def test_a_postpaid_account_needs_no_credits(self, stack: Stack) -> None:
        """A postpaid account sends without credits, and none are moved to it."""
        stack.sandbox.reset()
        stack.sandbox.ensure_master("acme", "acme-key", credits=100, postpaid=True)
        block = {"create_only": {"postpaid": True}, "campaigns": {"a": campaign()}}
        stack.write(paris(**block, credits={"allowance": {"amount": 1000, "every": "month", "from": "2026-11"}}))
        document = stack.plan()
        assert "SMS224" in codes(document)
        assert "SMS253" not in codes(document)
        assert (document["credits"]["moved"], document["forecast"]) == (0, None)
        stack.apply()
        assert "manageSubAccountCredits" not in stack.writes()
        stack.write(paris(**block))
        assert stack.changes() == {}
        stack.write({})
        assert stack.plan()["credits"]["moved"] == 0
        stack.apply()


def allowances(**amounts: tuple[int, str, str]) -> Sections:
    """Sub-accounts with an allowance each: amount, every, from."""
    return {
        "sub_accounts": {
            key: person(credits={"allowance": {"amount": amount, "every": every, "from": first}})
            for key, (amount, every, first) in amounts.items()
        }
    }


class TestForecast:
    def test_when_the_master_runs_dry(self, stack: Stack) -> None:
        """The plan says on which day the master cannot pay what is due, and because of what, also without changes."""
        set_balance(stack, 60_000)
        stack.write(allowances(paris=(8000, "month", "2026-11"), lyon=(4000, "month", "2026-12")))
        line = "The master runs dry on 2027-04-01: allowances take 12,000 a month."
        assert line in stack.run("plan").stdout
        assert stack.plan()["forecast"] == {
            "until": "2027-11-22",
            "master_at_end": 60_000 - 8000 - 12 * 12_000,
            "runs_dry": "2027-04-01",
            "causes": [{"what": "allowances", "credits": 144_000}],
        }
        stack.apply()
        assert stack.run("plan").stdout.splitlines()[-1] == line

    def test_periods_that_differ(self, stack: Stack) -> None:
        """Where months differ, the line says what is taken in all."""
        set_balance(stack, 1000)
        stack.write(allowances(paris=(100, "week", "2026-W48")))
        assert "runs dry on 2027-02-01: allowances take 5,300 by 2027-11-22." in stack.run("plan").stdout

    def test_a_master_that_lasts_is_not_mentioned(self, stack: Stack) -> None:
        """What lasts for a year is in the document alone."""
        stack.write(allowances(paris=(100, "year", "2027")))
        assert stack.plan()["forecast"]["runs_dry"] is None
        assert "dry" not in stack.run("plan").stdout

    @pytest.mark.parametrize("options", [("--target", "paris/credits"), ("--destroy",)])
    def test_a_part_says_nothing_of_what_is_to_come(self, stack: Stack, options: tuple[str, ...]) -> None:
        """There is no forecast behind a plan of a part of the stack, nor of what is destroyed."""
        stack.write(allowances(paris=(100, "month", "2026-11")))
        stack.apply()
        assert stack.plan()["forecast"] is not None
        assert stack.plan(*options)["forecast"] is None

    def test_floors_are_not_forecast(self, stack: Stack) -> None:
        """Nobody knows how fast an account spends: a floor says nothing."""
        stack.write(paris(credits=500))
        assert stack.plan()["forecast"] is None


PERIODS = {"day": "2026-11-20", "week": "2026-W47", "month": "2026-11", "year": "2027"}


@settings(moderate, max_examples=15)
@given(
    st.dictionaries(
        st.sampled_from(["north", "south"]),
        st.tuples(st.integers(1, 500), st.sampled_from(sorted(PERIODS))),
        min_size=1,
    ),
    st.integers(2500, 9000),
)
def test_the_forecast_comes_true(made: dict[str, tuple[int, str]], credits: int) -> None:
    """On the day before the one that the forecast names everything that is due is moved, on that day it is refused."""
    with inhabited() as stack:
        set_balance(stack, credits)
        stack.write(allowances(**{key: (amount, every, PERIODS[every]) for key, (amount, every) in made.items()}))
        forecast = stack.plan()["forecast"]
        dry = date.fromisoformat(forecast["runs_dry"] or forecast["until"])
        noon = datetime.combine(dry, time(12), UTC)
        if forecast["runs_dry"]:
            stack.clock = noon - timedelta(days=1)
            stack.apply()
            stack.clock = noon
            assert stack.run("apply", "--auto-approve").exit_code == 4
        else:
            stack.clock = noon
            stack.apply()
            assert balance(stack) == forecast["master_at_end"]
