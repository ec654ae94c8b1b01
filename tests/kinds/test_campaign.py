"""Campaigns: parts that are stable, dates, and messages that nobody gets twice."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from tests.harness import LOGIN, Stack
from tests.kinds.contract import (
    LATER,
    GuardedKindContract,
    Sections,
    assert_discreet,
    balance,
    codes,
    inline,
    mutating,
    people,
    person,
    phone,
    scheduled,
)

AFTERWARDS = datetime(2026, 12, 2, tzinfo=UTC)


def campaign(message: str = "Hello", schedule: str = LATER, **more: Any) -> dict[str, Any]:
    return {"message": message, "schedule": schedule, "audience": {"lists": ["vip"]}, **more}


def stack_of(campaigns: dict[str, Any], *rows: dict[str, str], **more: Any) -> dict[str, Any]:
    """A list `vip` with contacts, and campaigns."""
    lists = {"vip": {"fields": {"NAME": {}, "SHOP": {}}, "contacts": inline(*(rows or people(range(3))))}}
    return {"lists": lists, "campaigns": campaigns, **more}


def texts(stack: Stack, *statuses: str) -> Counter[tuple[str, str]]:
    """Who gets which text how often, from campaigns that were not cancelled."""
    return Counter(
        (person["phone"], person["text"])
        for campaign in stack.sandbox.campaigns()
        if campaign["status"] in (statuses or ("scheduled", "sent"))
        for person in campaign["recipients"]
    )


def methods(stack: Stack) -> Counter[str]:
    return Counter(call.method for call in mutating(stack.calls()))


class TestContract(GuardedKindContract):
    address = "campaign.hello"
    without = stack_of({})
    wanted = stack_of({"hello": campaign()})
    changed = stack_of({"hello": campaign("Good morning")})
    ignoring = stack_of(
        {
            "hello": campaign(
                audience={"lists": ["vip"], "phones": ["0612345678"]}, lifecycle={"ignore_changes": ["audience"]}
            )
        }
    )

    def live(self, stack: Stack) -> Any:
        return scheduled(stack) or None

    def guarded(self) -> Any:
        return stack_of({"hello": campaign(lifecycle={"protect": True})})


class TestContractInSubAccount(TestContract):
    address = "paris/campaign.hello"
    looks_on_destroy = 1  # the balance of its account, after the refund
    without: ClassVar[Sections] = {
        "sub_accounts": {"paris": person(credits={"grants": {"first": 1000}}, **stack_of({}))}
    }
    wanted: ClassVar[Sections] = {
        "sub_accounts": {"paris": person(credits={"grants": {"first": 1000}}, **stack_of({"hello": campaign()}))}
    }
    changed: ClassVar[Sections] = {
        "sub_accounts": {
            "paris": person(credits={"grants": {"first": 1000}}, **stack_of({"hello": campaign(sender="ACME")}))
        }
    }
    ignoring: ClassVar[Sections] = {
        "sub_accounts": {
            "paris": person(
                credits={"grants": {"first": 1000}},
                **stack_of(
                    {
                        "hello": campaign(
                            audience={"lists": [], "phones": ["0612345678"]},
                            lifecycle={"ignore_changes": ["audience"]},
                        )
                    }
                ),
            )
        }
    }

    def guarded(self) -> Any:
        inside = stack_of({"hello": campaign(lifecycle={"protect": True})})
        return {"sub_accounts": {"paris": person(credits={"grants": {"first": 1000}}, **inside)}}


class TestMessage:
    def test_fields_become_parameters(self, stack: Stack) -> None:
        """{FIELD} becomes #param_n#, DYNAMIC counts them, and each recipient brings the values."""
        rows = [
            {"phone": phone(0), "NAME": "Marie", "SHOP": "Lyon"},
            {"phone": phone(1), "NAME": "Zoé", "SHOP": ""},
        ]
        stack.write(stack_of({"hello": campaign("{SHOP}: {NAME}, {{really}} {SHOP}")}, *rows))
        stack.apply()
        (call,) = [call for call in stack.calls() if call.method == "sendSms"]
        data = json.loads(call.params["smsData"])["DATA"]
        assert data["MESSAGE"] == "#param_1#: #param_2#, {really} #param_1#"
        assert str(data["DYNAMIC"]) == "2"
        found = {record["MOBILEPHONE"]: (record["PARAM_1"], record["PARAM_2"]) for record in data["SMS"]}
        assert found == {phone(0): ("Lyon", "Marie"), phone(1): ("", "Zoé")}
        assert texts(stack) == {
            (phone(0), "Lyon: Marie, {really} Lyon"): 1,
            (phone(1), ": Zoé, {really} "): 1,
        }

    def test_what_is_sent_along(self, stack: Stack) -> None:
        """Sender, date, notification, a name and an id of our own go along."""
        stack.write(stack_of({"hello": campaign("Hello STOP au 36180", sender="ACME", notify=True)}))
        stack.apply()
        (live,) = scheduled(stack)
        assert (live["tpoa"], live["date"], live["mail_notif"]) == ("ACME", "2026-12-01 10:00:00", "1")
        assert live["name"].startswith("hello ")
        assert live["climsgid"].startswith("hello-")

    def test_too_long(self, stack: Stack) -> None:
        """A message that is too long once the fields are filled in is an error that names people, masked."""
        rows = people([0], NAME="x" * 1300) + people([1], NAME="short")
        stack.write(stack_of({"hello": campaign("Hello {NAME}")}, *rows))
        result = stack.run("plan")
        assert result.exit_code == 1
        assert "for 1 recipient" in result.stderr
        assert_discreet(result.stdout + result.stderr, phones=[phone(0)])

    def test_phones_in_a_message_are_masked(self, stack: Stack) -> None:
        """A number in a message is sent as written, and shown and kept masked."""
        stack.write(stack_of({"hello": campaign(f"Call +{phone(77)}")}))
        document = stack.plan()
        result = stack.apply()
        assert f"Call +{phone(77)}" in {text for _, text in texts(stack)}
        kept = (stack.root / ".smsops" / "state.json").read_text("utf-8")
        assert_discreet(json.dumps(document) + result.stdout + kept, phones=[phone(77)])


class TestParts:
    @pytest.fixture
    def large(self, stack: Stack) -> Stack:
        """A campaign to 4,500 people, scheduled."""
        _write_people(stack, range(4500))
        stack.apply()
        return stack

    def test_batches(self, large: Stack) -> None:
        """4,500 recipients are three sendSms of at most 2,000, and nobody is in two."""
        sizes = [len(campaign["recipients"]) for campaign in scheduled(large)]
        assert len(sizes) == 3
        assert max(sizes) <= 2000
        assert sum(sizes) == 4500
        assert set(texts(large).values()) == {1}
        assert large.changes() == {}

    def test_one_more_contact(self, large: Stack) -> None:
        """One more contact cancels and schedules again the one part that it falls into."""
        large.calls()
        before = {campaign["id"] for campaign in scheduled(large)}
        _write_people(large, range(4501))
        (operation,) = [o for o in large.plan()["operations"] if o["address"] == "campaign.hello"]
        assert operation["calls"] == 2
        large.apply()
        assert methods(large) == {"populateList": 1, "deleteCampaign": 1, "sendSms": 1}
        assert len(before & {campaign["id"] for campaign in scheduled(large)}) == 2
        assert len(texts(large)) == 4501
        assert set(texts(large).values()) == {1}
        assert balance(large) == large.credits - 4501 * 15
        assert large.changes() == {}

    def test_one_contact_less(self, large: Stack) -> None:
        """One contact less touches one part too."""
        large.calls()
        _write_people(large, range(1, 4500))
        large.apply()
        assert methods(large) == {"deleteContacts": 1, "deleteCampaign": 1, "sendSms": 1}
        assert len(texts(large)) == 4499

    def test_a_part_that_grows_too_large_is_cut(self, large: Stack) -> None:
        """Parts that outgrow 2,000 are cut, and nobody is lost or doubled."""
        _write_people(large, range(6500))
        large.apply()
        assert max(len(campaign["recipients"]) for campaign in scheduled(large)) <= 2000
        assert len(texts(large)) == 6500
        assert set(texts(large).values()) == {1}
        assert large.changes() == {}

    def test_failing_half_way(self, stack: Stack) -> None:
        """A sending that stops half way keeps what was taken; the next apply sends the rest, and nobody gets two."""
        _write_people(stack, range(4500))
        stack.sandbox.fail("sendSms", "throttle", after=1, times=20, retry_after=9999)
        assert stack.run("apply", "--auto-approve").exit_code == 3
        assert len(scheduled(stack)) == 1
        stack.sandbox.clear_faults()
        (change,) = [c for c in stack.plan()["resource_changes"] if c["type"] == "campaign"]
        assert (change["change"]["actions"], change["action_reason"]) == (["update"], "partly_scheduled")
        stack.apply()
        assert len(texts(stack)) == 4500
        assert set(texts(stack).values()) == {1}
        assert stack.changes() == {}


class TestSubAccount:
    def test_its_own_login(self, stack: Stack) -> None:
        """A sub-account's campaign is sent and cancelled with the sub-account's own login and key."""
        inside = stack_of({"hello": campaign()})
        stack.write({"sub_accounts": {"paris": person(credits={"grants": {"first": 100}}, **inside)}})
        stack.apply()
        key = stack.sandbox.snapshot()["accounts"]["paris"]["api_key"]
        (call,) = [call for call in stack.calls() if call.method == "sendSms"]
        assert call.login == "paris"
        assert (balance(stack, "paris"), balance(stack)) == (55, stack.credits - 100)
        inside = stack_of({"hello": campaign("Good morning")})
        stack.write({"sub_accounts": {"paris": person(credits={"grants": {"first": 100}}, **inside)}})
        result = stack.apply()
        used = [(call.method, call.login) for call in stack.calls() if call.method in ("sendSms", "deleteCampaign")]
        assert used == [("deleteCampaign", "paris"), ("sendSms", "paris")]
        kept = (stack.root / ".smsops" / "state.json").read_text("utf-8")
        assert key not in kept + result.stdout + result.stderr

    def test_credits_come_first(self, stack: Stack) -> None:
        """Credits are moved before the campaigns that spend them."""
        inside = stack_of({"hello": campaign()})
        stack.write({"sub_accounts": {"paris": person(credits={"grants": {"first": 45}}, **inside)}})
        stack.apply("--parallelism", "8")
        assert balance(stack, "paris") == 0
        assert stack.changes() == {}


class TestDates:
    @pytest.fixture
    def missed(self, stack: Stack) -> Stack:
        stack.clock = AFTERWARDS
        return stack

    def test_missed_is_an_error(self, missed: Stack) -> None:
        """A new campaign whose date is gone is an error of the plan, not of validate."""
        missed.write(stack_of({"hello": campaign()}))
        assert missed.run("validate").exit_code == 0
        result = missed.run("plan")
        assert result.exit_code == 1
        assert "SMS241" in result.stderr

    def test_missed_and_skipped(self, missed: Stack) -> None:
        """`if_missed: skip` leaves it out with a warning, for good."""
        missed.write(stack_of({"hello": campaign(if_missed="skip")}))
        document = missed.plan()
        assert codes(document) == {"SMS240"}
        assert "campaign.hello" not in {change["address"] for change in document["resource_changes"]}
        missed.apply()
        assert missed.changes() == {}
        assert texts(missed) == {}

    def test_missed_and_sent(self, missed: Stack) -> None:
        """`if_missed: send` sends it at once, and once."""
        missed.write(stack_of({"hello": campaign(if_missed="send", nature="transactional")}))
        missed.apply()
        assert set(texts(missed, "sent").values()) == {1}
        missed.clock += timedelta(days=1)
        assert missed.changes() == {}

    def test_a_date_that_passes_blocks_nothing(self, stack: Stack) -> None:
        """Once scheduled, the passing of its date is no error and no change."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        stack.clock = AFTERWARDS
        assert stack.changes() == {}
        assert texts(stack, "sent").total() == 3

    def test_a_new_date_that_is_gone(self, stack: Stack) -> None:
        """Moving a scheduled campaign into the past is an error, and it stays scheduled."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        stack.write(stack_of({"hello": campaign(schedule="2026-11-20 10:00")}))
        assert stack.run("apply", "--auto-approve").exit_code == 1
        assert len(scheduled(stack)) == 1

    def test_date_in_the_zone_of_the_account(self, stack: Stack) -> None:
        """DATE is written in settings.account_timezone, whatever zone the schedule is in."""
        settings = {"timezone": "America/New_York", "account_timezone": "Europe/Paris"}
        campaigns = {"one": campaign(), "two": campaign(schedule="2026-12-01 17:00 Asia/Tokyo")}
        stack.write(stack_of(campaigns, settings=settings))
        stack.apply()
        assert {live["name"][:3]: live["date"] for live in scheduled(stack)} == {
            "one": "2026-12-01 16:00:00",
            "two": "2026-12-01 09:00:00",
        }

    def test_the_same_instant_written_otherwise(self, stack: Stack) -> None:
        """Another way to write the same instant is no change."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        for written in ("2026-12-01T10:00:00", "2026-12-01 09:00 UTC", "2026-12-01 10:00+01:00", "2026-12-01 09:00Z"):
            stack.write(stack_of({"hello": campaign(schedule=written)}))
            assert stack.changes() == {}

    @pytest.mark.parametrize("schedule", ["2027-03-28 02:30", "2026-10-25 02:30", "2026-02-30 10:00", "tomorrow"])
    def test_no_single_instant(self, stack: Stack, schedule: str) -> None:
        """A local time that does not exist, or exists twice, is an error with a place."""
        stack.write(stack_of({"hello": campaign(schedule=schedule)}))
        result = stack.run("validate")
        assert result.exit_code == 1
        assert "SMS154" in result.stderr

    def test_too_near(self, stack: Stack) -> None:
        """A campaign closer to its date than policy.min_lead_time is not changed or cancelled: exit code 4."""
        policy = {"min_lead_time": "2h"}
        stack.write(stack_of({"hello": campaign()}, policy=policy))
        stack.apply()
        stack.clock = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
        for sections in (
            stack_of({"hello": campaign("Good morning")}, policy=policy),
            stack_of({}, policy=policy),
        ):
            stack.write(sections)
            assert stack.run("plan").exit_code == 4
            assert stack.run("apply", "--auto-approve").exit_code == 4
        assert len(scheduled(stack)) == 1


class TestLife:
    def test_sent_is_never_sent_again(self, stack: Stack) -> None:
        """A sent campaign stays as it is: a change of it is a warning, and removing it forgets it."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        stack.clock = AFTERWARDS
        stack.write(stack_of({"hello": campaign("Good morning", schedule="2026-12-24 10:00")}))
        document = stack.plan()
        assert document["resource_changes"] == []
        assert codes(document) == {"SMS243"}
        stack.apply()
        stack.calls()
        stack.write(stack_of({}))
        assert stack.changes() == {"campaign.hello": ["forget"]}
        stack.apply()
        assert mutating(stack.calls()) == []
        assert texts(stack, "sent").total() == 3
        assert stack.changes() == {}

    def test_new_contacts_of_a_sent_campaign(self, stack: Stack) -> None:
        """Who joins a list after a campaign was sent does not get it."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        stack.clock = AFTERWARDS
        stack.write(stack_of({"hello": campaign()}, *people(range(5))))
        assert stack.changes() == {"contacts.vip": ["update"]}

    @pytest.mark.parametrize(
        "change",
        [
            {"message": "Good morning"},
            {"sender": "ACME"},
            {"schedule": "2026-12-03 10:00"},
            {"notify": True},
            {"audience": {"phones": ["+33612345678"]}},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_a_scheduled_one_is_scheduled_again(self, stack: Stack, change: dict[str, Any]) -> None:
        """A change of message, sender, date, notification or audience cancels and schedules again."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        stack.calls()
        stack.write(stack_of({"hello": {**campaign(), **change}}))
        assert stack.changes() == {"campaign.hello": ["update"]}
        stack.apply()
        assert methods(stack) == {"deleteCampaign": 1, "sendSms": 1}
        assert len(scheduled(stack)) == 1
        assert stack.changes() == {}

    def test_nature_and_limits_are_no_change(self, stack: Stack) -> None:
        """What is only checked, and not sent, does not schedule a campaign again."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        stack.write(stack_of({"hello": campaign(nature="transactional", max_credits=500, if_missed="send")}))
        assert stack.changes() == {}

    @pytest.mark.parametrize("then", ["changed", "removed"])
    def test_cancelled_outside(self, stack: Stack, then: str) -> None:
        """A campaign that the account does not have any more is never made again by itself."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        _forget_live(stack)
        assert stack.changes() == {}
        if then == "removed":
            stack.write(stack_of({}))
            stack.apply()
            assert stack.changes() == {}
            return
        stack.write(stack_of({"hello": campaign("Good morning")}))
        assert stack.run("apply", "--auto-approve").exit_code == 3
        document = stack.plan()
        assert document["resource_changes"] == []
        assert codes(document) == {"SMS245"}
        stack.apply()
        assert "Good morning" not in {text for _, text in texts(stack)}

    def test_moved(self, stack: Stack) -> None:
        """A new key is no reason to schedule a campaign again."""
        stack.write(stack_of({"hello": campaign()}))
        stack.apply()
        stack.calls()
        moved = [{"from": "campaign.hello", "to": "campaign.welcome"}]
        stack.write(stack_of({"welcome": campaign()}, moved=moved))
        stack.apply()
        assert methods(stack) == {}
        assert stack.changes() == {}


class TestAudience:
    def reached(self, stack: Stack, audience: dict[str, Any], *rows: dict[str, str], **lists: Any) -> set[str]:
        sections = stack_of({"hello": campaign(audience=audience)}, *rows)
        sections["lists"] |= lists
        stack.write(sections)
        stack.apply()
        assert stack.changes() == {}
        return {number for number, _ in texts(stack)}

    def test_where(self, stack: Stack) -> None:
        """`where` chooses by the contacts' fields; a missing field is an empty text."""
        rows = people([0], SHOP="Lyon", NAME="Marie") + people([1], SHOP="Lyon") + people([2], SHOP="Nice", NAME="Zoé")
        where = "SHOP = 'Lyon' AND NAME <> ''"
        assert self.reached(stack, {"lists": ["vip"], "where": where}, *rows) == {phone(0)}

    def test_exclude_lists_and_phones(self, stack: Stack) -> None:
        """Single numbers are added, and who is in an excluded list gets nothing."""
        audience = {
            "lists": ["vip"],
            "exclude_lists": ["staff"],
            "phones": [phone(9), "+" + phone(8), "0" + phone(7)[2:]],
        }
        staff = {"contacts": inline(*people([1, 8]))}
        assert self.reached(stack, audience, staff=staff) == {phone(n) for n in (0, 2, 7, 9)}

    def test_nobody_twice(self, stack: Stack) -> None:
        """Who is in two lists, or in a list and in phones, gets it once."""
        more = {"contacts": inline(*people(range(2, 5)))}
        audience = {"lists": ["vip", "more"], "phones": [phone(0), phone(4)]}
        assert self.reached(stack, audience, more=more) == {phone(n) for n in range(5)}
        assert set(texts(stack).values()) == {1}

    def test_blacklist(self, stack: Stack) -> None:
        """Who is on the blacklist is left out and costs nothing, and that is no reason to schedule again."""
        stack.sandbox.blacklist(LOGIN, phone(1))
        assert self.reached(stack, {"lists": ["vip"]}) == {phone(0), phone(2)}
        assert stack.plan("--all")["summary"]["change"] == 0
        (call,) = [call for call in stack.calls() if call.method == "sendSms"]
        assert phone(1) not in call.params["smsData"]

    def test_everybody_on_the_blacklist(self, stack: Stack) -> None:
        """Where the blacklist leaves nobody, nothing is sent, and that is done."""
        for number in range(3):
            stack.sandbox.blacklist(LOGIN, phone(number))
        assert self.reached(stack, {"lists": ["vip"]}) == set()
        assert "sendSms" not in stack.writes()

    @pytest.mark.parametrize(
        "where",
        [
            r"E'\'' <> ''); CREATE OR REPLACE MACRO strip_accents(x) AS 'none'; SELECT (E'\'' <> ''",
            "NOPE = '1' AND NOPF = '2'",
            "random() > 0.5",
            "NAME = (SELECT 'x')",
        ],
    )
    def test_a_condition_that_is_none(self, stack: Stack, where: str) -> None:
        """A `where` that is more than a condition over the fields is refused at its place, without the network."""
        stack.write(stack_of({"hello": campaign(audience={"lists": ["vip"], "where": where})}))
        result = stack.run("validate")
        assert result.exit_code == 1
        assert result.stderr.count("error SMS") == 1
        assert "error SMS153: audience.where: " in result.stderr
        assert "smsops.yaml:" in result.stderr

    def test_a_condition_that_fails(self, stack: Stack) -> None:
        """Where `where` fails for a contact nothing is planned for the campaign, and no value is told."""
        where = "CAST(NAME AS INTEGER) > 3"
        rows = people([0], NAME="marie.curie@x.fr", SHOP="")
        stack.write(stack_of({"hello": campaign(audience={"lists": ["vip"], "where": where})}, *rows))
        result = stack.run("plan")
        said = result.stdout + result.stderr
        assert result.exit_code == 1
        assert "audience.where: it fails for some contacts" in " ".join(said.split())
        assert "marie" not in said

    def test_empty(self, stack: Stack) -> None:
        """An empty audience is a warning, and nothing is sent."""
        stack.write(stack_of({"hello": campaign(audience={"lists": ["vip"], "where": "SHOP = 'none'"})}))
        assert codes(stack.plan()) == {"SMS242"}

    def test_contacts_that_only_the_account_knows(self, stack: Stack) -> None:
        """A list whose contacts are not declared is read for a campaign to be scheduled, and not after that."""
        rows = [{"phone": phone(number), "SHOP": "Lyon"} for number in range(4)]
        stack.sandbox.add_list(LOGIN, "vip", ["SHOP"], rows)
        block = {"fields": {"SHOP": {}}, "lifecycle": {"adopt": "if_identical"}}
        stack.write({"lists": {"vip": block}, "campaigns": {"hello": campaign("At {SHOP}")}})
        stack.apply()
        assert texts(stack).total() == 4
        stack.calls()
        assert stack.changes() == {}
        assert [call.method for call in stack.calls()] == ["getInfo", "getLists"]

    def test_an_audience_that_is_written_otherwise(self, stack: Stack) -> None:
        """An edit of the audience counts, also beside a list whose contacts only the account knows."""
        stack.sandbox.add_list(LOGIN, "vip", [], [{"phone": phone(1)}])
        lists = {"vip": {"lifecycle": {"adopt": "if_identical"}}}
        for audience, expected in (
            ({"lists": ["vip"], "phones": [phone(2), phone(3)]}, {1, 2, 3}),
            ({"lists": ["vip"], "phones": [phone(3)]}, {1, 3}),
            ({"phones": [phone(3), phone(1)]}, {1, 3}),
        ):
            stack.write({"lists": lists, "campaigns": {"hello": campaign(audience=audience)}})
            stack.apply()
            assert {number for number, _ in texts(stack)} == {phone(n) for n in expected}
            stack.calls()
            assert stack.changes() == {}
            assert "getContacts" not in [call.method for call in stack.calls()]


class TestMoney:
    def test_max_credits(self, stack: Stack) -> None:
        """A campaign that would cost more than max_credits blocks plan and apply with 4, and nothing is done."""
        stack.write(stack_of({"hello": campaign(max_credits=44)}))
        assert stack.run("plan").exit_code == 4
        assert stack.run("apply", "--auto-approve").exit_code == 4
        assert mutating(stack.calls()) == []
        stack.write(stack_of({"hello": campaign(max_credits=45)}))
        stack.apply()

    def test_a_country_without_a_price(self, stack: Stack) -> None:
        """Where a price is not known the cost is not proved to be within max_credits."""
        audience = {"lists": [], "phones": ["+24162123456"]}
        stack.write(stack_of({"hello": campaign(audience=audience)}))
        document = stack.plan()
        assert codes(document) == {"SMS202"}
        stack.write(stack_of({"hello": campaign(audience=audience, max_credits=1000)}))
        assert stack.run("plan").exit_code == 4

    def test_a_price_that_cannot_be_read(self, stack: Stack) -> None:
        """A campaign whose cost cannot be found out is not planned."""
        stack.write(stack_of({"hello": campaign()}))
        stack.sandbox.fail("getCreditsByCountryIsoCode", "error_before", times=9)
        result = stack.run("plan", "--format", "json")
        assert result.exit_code == 1
        assert result.document["unknown"] == ["campaign.hello"]

    def test_cost_by_country_and_segments(self, stack: Stack) -> None:
        """The plan counts segments and prices as the account then does."""
        audience = {"lists": ["vip"], "phones": ["+32470123456"]}
        stack.write(stack_of({"hello": campaign("€" * 81, audience=audience)}))
        document = stack.plan()
        assert document["sends"] == {"campaigns": 1, "recipients": 4, "messages": 8}
        assert document["credits"]["spend_estimate"] == 2 * (3 * 15 + 24)
        stack.apply()
        assert balance(stack) == document["credits"]["master_after"]

    def test_more_than_the_account_has(self, stack: Stack) -> None:
        """A master account that cannot pay its campaigns blocks with 4."""
        stack.sandbox.use_credits(LOGIN, stack.credits - 10)
        stack.write(stack_of({"hello": campaign()}))
        assert stack.run("apply", "--auto-approve").exit_code == 4
        assert texts(stack) == {}


def _write_people(stack: Stack, numbers: range) -> None:
    rows = "\n".join(["phone", *(phone(number) for number in numbers)])
    (stack.root / "vip.csv").write_text(rows, "utf-8")
    stack.write({"lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}, "campaigns": {"hello": campaign()}})


def _forget_live(stack: Stack) -> None:
    """Let the state know the campaign under an id that the account has not (any more)."""
    path = stack.root / ".smsops" / "state.json"
    (live,) = scheduled(stack)
    path.write_text(path.read_text("utf-8").replace(live["id"], "ap_99999999"), "utf-8")
