"""Recurring campaigns: the dates that a recurrence comes to, and what becomes of each as time goes by."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import ValidationError

from smsops.kinds.campaign.recurrence import MOST, BadRecurrence, RecurrenceSpec, occurrences
from smsops.model.settings import Settings
from tests.engine.world import Killed, killed_at_event, refuse
from tests.harness import LOGIN, Stack
from tests.kinds.contract import balance, codes, mutating, people, person, scheduled
from tests.kinds.test_campaign import campaign, methods, stack_of

ZONES = ("Europe/Paris", "America/New_York")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MONDAYS = {"cron": "0 10 * * MON"}
FIRST, SECOND, THIRD = (f"campaign.weekly@2026-{day}T10:00" for day in ("11-23", "11-30", "12-07"))

# Around the days on which the clocks of both zones change, and through the nights in which they do.
NOWS = st.one_of(
    st.datetimes(datetime(2026, 2, 1), datetime(2027, 12, 31)),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 4, 1)),
    st.datetimes(datetime(2026, 10, 20), datetime(2026, 11, 5)),
).map(lambda moment: moment.replace(tzinfo=UTC))
HOURS = st.integers(0, 23) | st.integers(1, 3)
HORIZONS = st.integers(0, 40)


def settings_of(zone: str) -> Settings:
    return Settings.model_validate({"timezone": zone, "account_timezone": zone})


def spec_of(**block: Any) -> RecurrenceSpec:
    return RecurrenceSpec.model_validate(block)


def days(zone: str, now: datetime, horizon: int) -> Iterator[datetime]:
    """Midnight of each day of the window."""
    today = datetime.combine(now.astimezone(ZoneInfo(zone)).date(), time.min)
    yield from (today + timedelta(days=number) for number in range(horizon + 1))


def instants(local: datetime, zone: str) -> set[datetime]:
    """All instants at which the clocks of a zone show a time: none, one, or two."""
    tried = {local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)}
    return {moment for moment in tried if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == local}


def expected(locals_: list[datetime], zone: str, now: datetime) -> tuple[datetime, ...]:
    """Those that happen exactly once, after now."""
    return tuple(local for local in locals_ if len(found := instants(local, zone)) == 1 and found.pop() > now)


class TestDates:
    @given(
        zone=st.sampled_from(ZONES), now=NOWS, horizon=HORIZONS, hour=HOURS, minute=st.integers(0, 59),
        weekdays=st.none() | st.sets(st.integers(0, 6), min_size=1),
    )  # fmt: skip
    def test_cron(
        self, zone: str, now: datetime, horizon: int, hour: int, minute: int, weekdays: set[int] | None
    ) -> None:
        """A daily or weekly cron is that time on the wall of each such day, whatever the clocks do in between."""
        named = "*" if weekdays is None else ",".join(str((day + 1) % 7) for day in sorted(weekdays))
        wanted = [
            day.replace(hour=hour, minute=minute)
            for day in days(zone, now, horizon)
            if weekdays is None or day.weekday() in weekdays
        ]

        found = occurrences(spec_of(cron=f"{minute} {hour} * * {named}", horizon=f"{horizon}d"), settings_of(zone), now)

        assert found.times == expected(wanted, zone, now)
        assert len(found.impossible) == sum(1 for local in wanted if len(instants(local, zone)) != 1)

    @given(
        zone=st.sampled_from(ZONES), now=NOWS, horizon=HORIZONS, hour=HOURS, interval=st.integers(1, 5),
        begins=st.integers(-500, 30), weekday=st.none() | st.integers(0, 6), count=st.none() | st.integers(1, 200),
        ends=st.none() | st.integers(0, 60),
    )  # fmt: skip
    def test_rrule(
        self, zone: str, now: datetime, horizon: int, hour: int, interval: int, begins: int, weekday: int | None,
        count: int | None, ends: int | None,
    ) -> None:  # fmt: skip
        """A daily or weekly rule counts its interval and its number from `from`, whenever that was."""
        window = list(days(zone, now, horizon))
        first = window[0] + timedelta(days=begins)
        until = None if ends is None else max(first, window[0] + timedelta(days=ends))
        rule = (
            f"FREQ=DAILY;INTERVAL={interval}"
            if weekday is None
            else f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={DAYS[weekday]}"
        )
        block = {
            "rrule": rule + (f";COUNT={count}" if count else ""),
            "from": f"{first:%Y-%m-%d} {hour:02}:30",
            "horizon": f"{horizon}d",
        }
        monday = first - timedelta(days=first.weekday())
        every = [
            day.replace(hour=hour, minute=30)
            for day in (first + timedelta(days=number) for number in range((window[-1] - first).days + 1))
            if (weekday is None and (day - first).days % interval == 0)
            or (weekday == day.weekday() and (day - monday).days // 7 % interval == 0)
        ]
        wanted = [day for day in every[:count] if day >= window[0]]
        if until is not None:
            block["until"] = f"{until:%Y-%m-%d}"
            wanted = [day for day in wanted if day.date() <= until.date()]

        assert occurrences(spec_of(**block), settings_of(zone), now).times == expected(wanted, zone, now)

    @given(
        zone=st.sampled_from(ZONES), now=NOWS, later=st.integers(0, 24 * 60),
        cron=st.sampled_from(["0 10 * * *", "30 2 * * *", "0 8-20 * * 1-5", "15 9 1,15 * *", "0 0 L * *"]),
    )  # fmt: skip
    def test_a_plan_means_the_same_all_day(self, zone: str, now: datetime, later: int, cron: str) -> None:
        """Later on a day the occurrences are those of before without what has gone by, and nothing new."""
        then = now + timedelta(minutes=later)
        spec, zones = spec_of(cron=cron, horizon="20d"), settings_of(zone)
        if then.astimezone(ZoneInfo(zone)).date() != now.astimezone(ZoneInfo(zone)).date():
            return

        before, after = occurrences(spec, zones, now), occurrences(spec, zones, then)

        assert after.times == expected(list(before.times), zone, then)
        assert (after.impossible, after.idle_skips) == (before.impossible, before.idle_skips)

    @given(data=st.data(), now=NOWS, cron=st.sampled_from(["0 10 * * *", "0 10,17 * * 1-5", "30 9 * * 6"]))
    def test_skip(self, data: st.DataObject, now: datetime, cron: str) -> None:
        """What is skipped is left out and nothing else; a skip that names no occurrence is told about, near and far."""
        zones = settings_of(ZONES[0])
        every = occurrences(spec_of(cron=cron), zones, now).times
        gone = data.draw(st.lists(st.sampled_from(every), unique=True, max_size=5))
        whole_day = data.draw(st.booleans())
        skip = [f"{local:%Y-%m-%d}" if whole_day else f"{local:%Y-%m-%dT%H:%M}" for local in gone]
        dates = {local.date() for local in gone}

        found = occurrences(spec_of(cron=cron, skip=[*skip, "2031-01-01 03:33"]), zones, now)

        kept = (local for local in every if (local.date() not in dates if whole_day else local not in gone))
        assert found.times == tuple(kept)
        assert found.idle_skips == (len(skip),)

    def test_ten_stays_ten(self) -> None:
        """10:00 is 10:00 before and after the clocks change: another instant of the day in UTC."""
        now = datetime(2027, 3, 26, 12, 0, tzinfo=UTC)
        found = occurrences(spec_of(cron="0 10 * * *", horizon="3d"), settings_of("Europe/Paris"), now)
        assert [instants(local, "Europe/Paris").pop().hour for local in found.times] == [9, 8, 8]

    def test_the_zone_of_the_account(self) -> None:
        """A time that comes twice in the zone in which the API reads dates is left out too."""
        zones = Settings.model_validate({"timezone": "UTC", "account_timezone": "Europe/Paris"})
        now = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
        found = occurrences(spec_of(cron="30 0 * * *", horizon="2d"), zones, now)
        assert found.times == (datetime(2026, 10, 26, 0, 30),)
        assert "2026-10-25 02:30 comes twice in Europe/Paris" in found.impossible[0]

    @given(
        name=st.sampled_from(["cron", "rrule"]),
        text=st.text(st.sampled_from("0123456789*/,-#LW ;=ADEFGHIKMNOQRSTUVY²é")) | st.text()
        | st.lists(st.sampled_from([
            "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "INTERVAL=1000", "INTERVAL=0", "COUNT=3", "COUNT=1,2",
            "BYDAY=MO,SU", "BYDAY=-1FR", "BYDAY=53MO", "BYDAY=", "BYMONTH=2", "BYMONTH=13", "BYMONTHDAY=-31", "BYMONTHDAY=0",
            "BYHOUR=9,17", "BYHOUR=24", "BYHOUR=-1", "BYMINUTE=0", "BYSECOND=1", "BYSETPOS=-1", "BYWEEKNO=53", "BYYEARDAY=366",
            "WKST=SU", "WKST=1MO", "BYEASTER=0", "X", "RRULE:FREQ=DAILY",
        ]), max_size=5).map(";".join)
        | st.lists(st.sampled_from(["*", "*/5", "0", "1-5", "5-1", "L", "LW", "MON#2", "FRI#6", "5L", "60", "1,,2", "*/0", "1/9"]),
            min_size=4, max_size=6).map(" ".join),
    )  # fmt: skip
    @settings(max_examples=300)
    def test_any_text_is_a_recurrence_or_a_mistake(self, name: str, text: str) -> None:
        """Whatever is written is refused in words, or comes to dates inside the window."""
        now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        try:
            spec = spec_of(**{name: text, "from": "2026-01-01 10:00"})
            found = occurrences(spec, settings_of("Europe/Paris"), now)
        except (ValidationError, BadRecurrence):
            return
        assert len(found.times) <= MOST
        assert list(found.times) == sorted(set(found.times))
        assert all(datetime(2026, 11, 22, 10) < local < datetime(2026, 12, 23) for local in found.times)


def weekly(schedule: dict[str, Any] | str, *rows: dict[str, str], **more: Any) -> dict[str, Any]:
    return stack_of({"weekly": campaign(schedule=schedule, **more)}, *rows)  # type: ignore[arg-type]


def dates(stack: Stack) -> Counter[str]:
    """How often something was scheduled for each date, and not cancelled."""
    return Counter(live["date"] for live in stack.sandbox.campaigns() if live["status"] != "deleted")


class TestOccurrences:
    @pytest.fixture
    def applied(self, stack: Stack) -> Stack:
        """Every Monday, the next five of them scheduled."""
        stack.write(weekly(MONDAYS))
        stack.apply()
        stack.calls()
        return stack

    def test_each_is_a_campaign(self, applied: Stack) -> None:
        """Each occurrence inside the horizon is scheduled under its own address, with a name that tells its date."""
        assert dates(applied) == {f"2026-{day} 10:00:00": 1 for day in ("11-23", "11-30", "12-07", "12-14", "12-21")}
        assert {live["name"].split()[0] for live in scheduled(applied)} >= {"weekly@2026-12-07T10:00"}
        assert all(live["climsgid"].startswith("weekly@2026-") for live in scheduled(applied))
        assert applied.changes() == {}

    def test_a_nightly_apply_keeps_it_going(self, stack: Stack) -> None:
        """Applied every night for 40 days, each occurrence is sent once, on its day, and nothing ever alarms."""
        schedule = {"cron": "0 10 * * TUE,SAT", "horizon": "9d", "skip": ["2026-12-05", "2026-12-26"]}
        stack.write(weekly(schedule, message="Hello STOP au 36180"))
        for _ in range(40):
            result = stack.apply()
            assert result.stderr.count("warning") == 0
            assert "1 to destroy" not in result.stdout
            assert stack.changes() == {}
            stack.clock += timedelta(days=1)
        assert len(stack.state["resources"]) < 8
        sent = [live["date"][:10] for live in stack.sandbox.campaigns() if live["status"] == "sent"]
        days = (datetime(2026, 11, 22) + timedelta(days=number) for number in range(40))
        assert sorted(sent) == [
            f"{day:%Y-%m-%d}" for day in days if day.weekday() in (1, 5) and f"{day:%m-%d}" not in ("12-05", "12-26")
        ]
        assert set(dates(stack).values()) == {1}
        assert set(methods(stack)) == {"createList", "populateList", "sendSms"}

    def test_what_went_by_is_forgotten(self, applied: Stack) -> None:
        """On its day a sent occurrence changes nothing; later it is forgotten, without a call, and that is no alarm."""
        applied.clock = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        result = applied.run("plan", "--detailed-exitcode")
        assert result.exit_code == 0
        assert "No changes." in result.stdout
        applied.clock += timedelta(days=1)
        document = applied.plan()
        assert document["summary"] == {"add": 0, "change": 0, "destroy": 0, "replace": 0, "adopt": 0, "forget": 1}
        assert (document["diagnostics"], [o["calls"] for o in document["operations"]]) == ([], [0])
        assert document["resource_changes"][0]["action_reason"] == "already_sent"
        applied.apply()
        assert mutating(applied.calls()) == []
        assert FIRST not in applied.state["resources"]
        assert applied.changes() == {}

    def test_a_clock_that_is_behind(self, applied: Stack) -> None:
        """An occurrence that one machine saw go by is not sent again by another whose clock is behind."""
        applied.clock = datetime(2026, 11, 23, 9, 2, tzinfo=UTC)
        applied.apply()
        applied.clock -= timedelta(minutes=5)
        assert applied.changes() == {}
        applied.apply()
        assert set(dates(applied).values()) == {1}

    def test_destroyed_on_the_day(self, applied: Stack) -> None:
        """Destroying leaves nothing behind in the state, not even what was sent today."""
        applied.clock = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        assert applied.run("destroy", "--auto-approve").exit_code == 0
        assert applied.state["resources"] == {}
        assert dates(applied) == {"2026-11-23 10:00:00": 1}

    @pytest.mark.parametrize(
        ("schedule", "gone", "new"),
        [
            ({**MONDAYS, "skip": ["2026-11-30"]}, {SECOND}, 0),
            ({**MONDAYS, "skip": ["2026-11-30T10:00", "2026-12-07 10:00"]}, {SECOND, THIRD}, 0),
            ({**MONDAYS, "until": "2026-12-15"}, {"campaign.weekly@2026-12-21T10:00"}, 0),
            ({"rrule": "FREQ=WEEKLY;COUNT=3", "from": "2026-11-23 10:00"}, 2, 0),
            ({"cron": "30 10 * * MON"}, 5, 5),
        ],
    )
    def test_what_is_no_occurrence_any_more(
        self, applied: Stack, schedule: dict[str, Any], gone: set[str] | int, new: int
    ) -> None:
        """One that is skipped, or that a changed schedule does not name, is cancelled while it is still to come."""
        applied.write(weekly(schedule))
        changes = applied.changes()
        deleted = {address for address, actions in changes.items() if actions == ["delete"]}
        assert deleted == gone or len(deleted) == gone
        assert Counter(map(tuple, changes.values()))["create",] == new
        applied.apply()
        assert len(scheduled(applied)) == 5 - len(deleted) + new
        assert balance(applied) == applied.credits - 45 * len(scheduled(applied))
        assert applied.changes() == {}

    def test_another_way_to_write_it(self, applied: Stack) -> None:
        """Another rule for the same dates, and another horizon of the same Mondays, change nothing."""
        for schedule in (
            {"rrule": "FREQ=WEEKLY;BYDAY=MO", "from": "2026-11-02 10:00"},
            {"rrule": "RRULE:FREQ=DAILY;BYDAY=MO;BYHOUR=10", "from": "2020-01-01"},
            {"cron": "0 10 * * 1", "horizon": "32d"},
        ):
            applied.write(weekly(schedule))
            assert applied.changes() == {}

    def test_a_change_of_all(self, applied: Stack) -> None:
        """Another message schedules those to come anew, and leaves alone what was sent."""
        applied.clock += timedelta(days=1, hours=1)
        applied.write(weekly(MONDAYS, message="Good morning"))
        assert list(applied.changes().values()) == [["update"]] * 4
        applied.apply()
        assert set(dates(applied).values()) == {1}
        assert Counter(live["message"] for live in applied.sandbox.campaigns() if live["status"] != "deleted") == {
            "Hello": 1,
            "Good morning": 4,
        }

    def test_a_missed_one_is_skipped(self, stack: Stack) -> None:
        """What has gone by before anything was scheduled is not declared, and never sent late."""
        stack.clock = datetime(2026, 11, 23, 9, 1, tzinfo=UTC)
        stack.write(weekly({**MONDAYS, "horizon": "7d"}, if_missed="skip"))
        assert set(stack.changes()) == {SECOND, "list.vip", "contacts.vip"}
        stack.apply()
        assert dates(stack) == {"2026-11-30 10:00:00": 1}

    def test_max_credits_are_of_each(self, stack: Stack) -> None:
        """`max_credits` limits what one occurrence costs, not all together."""
        stack.write(weekly(MONDAYS, max_credits=45))
        stack.apply()
        stack.write(weekly(MONDAYS, *people(range(4)), max_credits=45))
        assert stack.run("plan").exit_code == 4

    def test_protected(self, stack: Stack) -> None:
        """Protection keeps one to come from being cancelled, and a sent one not from being forgotten."""
        stack.write(weekly(MONDAYS, lifecycle={"protect": True}))
        stack.apply()
        stack.clock += timedelta(days=2)
        assert stack.changes() == {FIRST: ["forget"]}
        stack.apply()
        stack.write(weekly({**MONDAYS, "skip": ["2026-11-30"]}, lifecycle={"protect": True}))
        assert stack.run("apply", "--auto-approve").exit_code == 4
        assert len(scheduled(stack)) == 4

    def test_mistakes_are_said_once(self, stack: Stack) -> None:
        """What is wrong with the block is said once, not for each occurrence."""
        stack.write(weekly({"cron": "0 10 * * *"}, message="Hello {NOBODY}"))
        result = stack.run("validate", "--format", "json")
        assert [item["code"] for item in result.document["diagnostics"]] == ["SMS151"]

    def test_warnings_name_the_dates(self, stack: Stack) -> None:
        """An occurrence in the hour that the clocks skip is left out with a warning, and so is a skip without one."""
        stack.clock = datetime(2027, 3, 20, 9, 0, tzinfo=UTC)
        schedule = {"cron": "30 2 * * *", "horizon": "10d", "skip": ["2027-03-25", "2027-03-26 02:00"]}
        stack.write(weekly(schedule, nature="transactional"))
        result = stack.run("validate", "--format", "json")
        assert result.exit_code == 0
        warned = {item["code"]: item["summary"] for item in result.document["diagnostics"]}
        assert warned.keys() == {"SMS248", "SMS249"}
        assert "2027-03-28 02:30" in warned["SMS248"]
        names = {address for address in stack.changes() if address.startswith("campaign")}
        days = [number for number in range(21, 31) if number not in (25, 28)]
        assert names == {f"campaign.weekly@2027-03-{day}T02:30" for day in days}


class TestTrouble:
    def test_interrupted(self, stack: Stack) -> None:
        """An apply that stops between occurrences is finished by the next, and none is scheduled twice."""
        stack.write(weekly(MONDAYS))
        refuse(stack, "sendSms", after=2)
        assert stack.run("apply", "--auto-approve").exit_code == 3
        assert len(scheduled(stack)) == 2
        stack.sandbox.clear_faults()
        stack.apply()
        assert set(dates(stack).values()) == {1}
        assert len(scheduled(stack)) == 5

    def test_in_doubt_when_its_date_has_gone_by(self, stack: Stack) -> None:
        """One in doubt is settled by its address, before its date and after it, and then it is done."""
        stack.write(weekly({**MONDAYS, "horizon": "1d"}))
        stack.sandbox.fail("sendSms", "drop_after")
        assert stack.run("apply", "--auto-approve").exit_code == 7
        stack.sandbox.use_credits("acme", 7)  # what the balance shows is no evidence any more
        stack.clock += timedelta(days=3)
        assert stack.run("plan").exit_code == 7
        assert stack.run("resolve", FIRST, "--happened").exit_code == 0
        stack.apply()
        assert stack.state["resources"].keys() == {"list.vip", "contacts.vip"}
        assert len(stack.sandbox.campaigns()) == 1

    def test_sent_to_a_part_only(self, stack: Stack) -> None:
        """One that an apply did not finish before its date is not forgotten without a word."""
        (stack.root / "vip.csv").write_text("\n".join(["phone", *(row["phone"] for row in people(range(2500)))]))
        sections = weekly({**MONDAYS, "horizon": "1d"})
        stack.write({**sections, "lists": {"vip": {"contacts": [{"file": "vip.csv"}]}}})
        stack.sandbox.fail("sendSms", "throttle", after=1, times=20, retry_after=9999)
        assert stack.run("apply", "--auto-approve").exit_code == 3
        stack.sandbox.clear_faults()
        stack.clock += timedelta(days=3)
        document = stack.plan()
        assert codes(document) == {"SMS246"}
        stack.apply()
        assert stack.changes() == {}

    @pytest.mark.parametrize("number", range(2, 12, 2))
    def test_killed_while_scheduling_anew(self, stack: Stack, number: int) -> None:
        """Wherever an apply dies: once all dates have gone by there was one message a date at most, and no date is late."""
        stack.write(weekly({**MONDAYS, "horizon": "8d"}))
        stack.apply()
        stack.write(weekly({**MONDAYS, "horizon": "8d"}, message="Good morning"))
        with killed_at_event(number, written=True), pytest.raises(Killed):
            stack.run("apply", "--auto-approve")
        stack.clock += timedelta(days=9)
        assert stack.run("apply", "--auto-approve").exit_code in (0, 7)
        assert dates(stack)["2026-11-23 10:00:00"] <= 1
        assert dates(stack)["2026-11-30 10:00:00"] <= 1


class TestAddresses:
    @pytest.mark.parametrize(
        ("target", "count"),
        [("campaign.weekly", 5), ("campaign.weekly@*", 5), (SECOND, 1), ("campaign.weekly@2026-12-*", 3)],
    )
    def test_targets(self, stack: Stack, target: str, count: int) -> None:
        """A target names one occurrence, some by a glob, or by the block's key all."""
        stack.write(stack_of({"weekly": campaign(schedule=MONDAYS), "other": campaign()}))  # type: ignore[arg-type]
        stack.apply("--target", target)
        assert len(scheduled(stack)) == count
        listed = stack.run("state", "list", target).stdout.split()
        assert len(listed) == count

    def test_moved(self, stack: Stack) -> None:
        """Another key for the block moves every occurrence, and cancels none."""
        stack.write(weekly(MONDAYS))
        stack.apply()
        stack.calls()
        moved = [{"from": "campaign.weekly", "to": "campaign.mondays"}]
        stack.write(stack_of({"mondays": campaign(schedule=MONDAYS)}, moved=moved))  # type: ignore[arg-type]
        stack.apply()
        assert methods(stack) == {}
        assert stack.changes() == {}
        stack.clock += timedelta(days=40)
        assert stack.run("validate").exit_code == 0

    def test_removed_and_left_live(self, stack: Stack) -> None:
        """`removed: destroy: false` of the block's address forgets all occurrences and cancels none."""
        stack.write(weekly(MONDAYS))
        stack.apply()
        stack.write(stack_of({}, removed=[{"address": "campaign.weekly", "destroy": False}]))
        assert list(stack.changes().values()) == [["forget"]] * 5
        stack.apply()
        assert len(scheduled(stack)) == 5

    def test_still_declared(self, stack: Stack) -> None:
        """What is declared cannot be removed or moved away: also while there is no occurrence of it."""
        for schedule in (MONDAYS, {**MONDAYS, "from": "2031-01-01"}):
            stack.write({**weekly(schedule), "removed": [{"address": "campaign.weekly"}]})
            assert "SMS182" in stack.run("validate").stderr

    def test_state_commands(self, stack: Stack) -> None:
        """The state's commands take the address of an occurrence."""
        stack.write(weekly(MONDAYS))
        stack.apply()
        shown = json.loads(stack.run("state", "show", SECOND).stdout)
        assert shown["address"] == SECOND
        assert stack.run("state", "mv", SECOND, "campaign.weekly@2026-12-01T10:00").exit_code == 0
        assert stack.run("state", "rm", THIRD).exit_code == 0
        assert len(stack.run("state", "list", "campaign.weekly").stdout.split()) == 4

    def test_a_key_has_no_occurrence(self, stack: Stack) -> None:
        """A key in the YAML is not the name of an occurrence."""
        stack.write(stack_of({"weekly@2026-12-07T10:00": campaign()}))
        assert "SMS113" in stack.run("validate").stderr


class TestSavedPlans:
    def test_in_the_afternoon(self, stack: Stack) -> None:
        """A plan of the morning means the same in the afternoon, also where something was sent in between."""
        stack.write(weekly(MONDAYS))
        stack.apply()
        stack.clock = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
        stack.write(weekly({**MONDAYS, "skip": ["2026-12-07"]}))
        assert stack.run("plan", "-o", "saved.plan").exit_code == 0
        stack.clock = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
        assert stack.run("apply", "saved.plan").exit_code == 0
        assert len(scheduled(stack)) == 3

    def test_an_occurrence_that_went_by_in_between(self, stack: Stack) -> None:
        """A plan is stale once an occurrence that it was to schedule has gone by: it says which."""
        stack.clock = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
        stack.write(weekly(MONDAYS))
        assert stack.run("plan", "-o", "saved.plan").exit_code == 0
        stack.clock = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        stack.calls()
        result = stack.run("apply", "saved.plan")
        assert result.exit_code == 5
        assert f"{FIRST}: nothing (its date has gone by)" in result.stderr
        assert mutating(stack.calls()) == []


def test_in_templates_and_sub_accounts(stack: Stack) -> None:
    """A template may make recurring campaigns, from the columns of its rows, in each account."""
    inside = stack_of({"weekly": campaign(schedule={"cron": "0 ${row.hour} * * MON", "horizon": "10d"})})  # type: ignore[arg-type]
    block = person(credits={"grants": {"first": 1000}}, **inside)
    rows = [{"code": "paris", "hour": "9"}, {"code": "lyon", "hour": "17"}]
    stack.write({"generate": [{"for_each": rows, "sub_accounts": {"shop-${row.code}": block}}]})
    stack.apply()
    assert Counter((live["login"], live["date"]) for live in scheduled(stack)) == {
        (f"shop-{code}", f"2026-11-{day} {hour}:00:00"): 1
        for code, hour in (("paris", "09"), ("lyon", "17"))
        for day in (23, 30)
    }
    assert stack.changes() == {}
    stack.clock += timedelta(days=2)
    changes = stack.changes()
    assert changes == {
        "shop-paris/campaign.weekly@2026-11-23T09:00": ["forget"],
        "shop-lyon/campaign.weekly@2026-11-23T17:00": ["forget"],
    }


def test_the_forecast_knows_what_recurs(stack: Stack) -> None:
    """A campaign that recurs is paid for when it comes into the horizon: the plan says when the master runs dry."""
    stack.sandbox.use_credits(LOGIN, 1_000_000 - 500)
    stack.write(weekly({"cron": "0 10 * * MON", "horizon": "14d", "skip": ["2026-12-14"]}))
    document = stack.plan()
    stack.apply()
    after = stack.plan()

    # 45 credits a Monday: two at once, then one on each Monday that is 14 days ahead, but for the one that is skipped.
    assert document["credits"]["spend_estimate"] == 90
    assert document["forecast"]["causes"] == [{"what": "recurring campaigns", "credits": 45 * 52}]
    assert document["forecast"]["runs_dry"] == "2027-02-01"
    assert after["forecast"]["runs_dry"] == "2027-02-01"


@pytest.mark.parametrize(
    ("rrule", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=MO;BYHOUR=10", ["11-23", "11-30"]),
        ("FREQ=DAILY;BYHOUR=10;BYMINUTE=0;BYDAY=TU", ["11-24", "12-01"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=10", ["11-30"]),
    ],
)
def test_a_rule_that_says_all_by_itself_needs_no_beginning(stack: Stack, rrule: str, days: list[str]) -> None:
    """Which days and at what time: from when it counts makes no difference then."""
    stack.write(weekly({"rrule": rrule, "horizon": "10d"}))
    stack.apply()

    assert sorted(dates(stack)) == [f"2026-{day} 10:00:00" for day in days]


@pytest.mark.parametrize("rrule", ["FREQ=WEEKLY;BYHOUR=10", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;BYHOUR=10", "FREQ=DAILY"])
def test_a_rule_that_counts_from_somewhere_needs_to_say_from_where(stack: Stack, rrule: str) -> None:
    """Without a beginning it could mean several things: that is a mistake."""
    stack.write(weekly({"rrule": rrule}))

    assert stack.run("validate").exit_code == 1
