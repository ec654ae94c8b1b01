"""Recurring campaigns: what `schedule: {cron: …}` and `{rrule: …}` say, and the dates that they come to.

Everything here is the time on the wall in settings.timezone: 10:00 stays 10:00 when the clocks change. The dates
are those from today to the end of the horizon, so that a plan means the same all day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Annotated, Any, NamedTuple

from pydantic_core import PydanticCustomError

from smsops.kinds.campaign.schedule import BadSchedule, instant, wire_date, zone_called
from smsops.model.block import AfterValidator, BeforeValidator, Block, Field, WithJsonSchema
from smsops.model.blocks import NonBlank
from smsops.model.settings import Duration, Settings

MOST = 366
"""So many occurrences may lie inside the horizon; more are a typing error."""

_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d))?\Z")
_DAY = re.compile(r"(?P<number>[+-]?[1-9]\d?)?(?:MO|TU|WE|TH|FR|SA|SU)\Z")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_NUMBERS = {
    "INTERVAL": (range(1, 1001), _FREQUENCIES),
    "COUNT": (range(1, 100_001), _FREQUENCIES),
    "BYMONTH": (range(1, 13), _FREQUENCIES),
    "BYMONTHDAY": (range(1, 32), ("DAILY", "MONTHLY", "YEARLY")),
    "BYYEARDAY": (range(1, 367), ("YEARLY",)),
    "BYWEEKNO": (range(1, 54), ("YEARLY",)),
    "BYSETPOS": (range(1, 367), ("MONTHLY", "YEARLY")),
    "BYHOUR": (range(24), _FREQUENCIES),
    "BYMINUTE": (range(60), _FREQUENCIES),
}
"""The numbers that a part of an rrule may have, and the frequencies that it makes sense with (RFC 5545, 3.3.10)."""

_FROM_THE_END = ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS")
_SINGLE = ("INTERVAL", "COUNT")
_MOST_TIMES_A_DAY = 24
_ANY_BEGINNING = datetime(2020, 1, 1)
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


class Local(NamedTuple):
    """A day, and a time of it where one is given."""

    day: date
    clock: time | None

    @property
    def first(self) -> datetime:
        """The moment that is named, or the beginning of the day."""
        return datetime.combine(self.day, self.clock or time.min)

    @property
    def last(self) -> datetime:
        """The moment that is named, or the last minute of the day."""
        return datetime.combine(self.day, self.clock or time(23, 59))


def _read_local(value: Any) -> Any:
    match = _WRITTEN.match(value.strip()) if isinstance(value, str) else None
    try:
        if match is None or not "2000" <= match[1] < "2200":
            raise ValueError(value)
        return Local(date.fromisoformat(match[1]), time.fromisoformat(match[2]) if match[2] else None)
    except ValueError:
        raise PydanticCustomError("local", "Write a day such as 2026-12-28, or 2026-12-28 10:00") from None


LocalField = Annotated[
    Any,
    BeforeValidator(_read_local),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"\$\{|^\d{4}-\d\d-\d\d([ T]\d\d:\d\d)?$",
            "examples": ["2026-12-28", "2026-12-28 10:00"],
        }
    ),
]
"""A Local."""


def _check_cron(text: str) -> str:
    from cronsim import CronSim, CronSimError

    try:
        if len(text.split()) != 5:
            raise CronSimError("Write five fields: minute, hour, day of the month, month, day of the week")
        CronSim(text, datetime(2000, 1, 1))
    except (CronSimError, ValueError) as error:
        what = str(error) if isinstance(error, CronSimError) else "It is too long"
        raise PydanticCustomError(
            "cron", "{what}; 0 10 * * MON is every Monday at 10:00", {"what": what.replace("Bad", "There is no such")}
        ) from None
    return text


def _bad_rrule(what: str) -> PydanticCustomError:
    return PydanticCustomError("rrule", "{what}", {"what": what})


def _check_rrule(text: str) -> str:
    """Judge an rrule part by part: the library takes what makes no sense, and means something else then."""
    parts = _parts(text)
    frequency = parts.get("FREQ")
    if frequency not in _FREQUENCIES:
        raise _bad_rrule("Write FREQ=DAILY, WEEKLY, MONTHLY or YEARLY; several times a day are BYHOUR=10,17")
    for name, value in parts.items():
        if name == "FREQ":
            continue
        if name in ("DTSTART", "UNTIL"):
            raise _bad_rrule(f"{name} has a key of its own here: {'from' if name == 'DTSTART' else 'until'}")
        if name in ("WKST", "BYDAY"):
            days = [_DAY.match(day) for day in value.split(",")]
            numbered = any(day and day["number"] for day in days)
            if not all(days) or (numbered and (name == "WKST" or frequency not in ("MONTHLY", "YEARLY"))):
                raise _bad_rrule(f"{name}={value} makes no sense in a {frequency} rule")
        elif name not in _NUMBERS:
            raise _bad_rrule(f"{name} is no part of a rule here")
        elif not _are_numbers(name, value, str(frequency)):
            raise _bad_rrule(f"{name}={value} makes no sense in a {frequency} rule")
    hours, minutes = (len(set(parts[name].split(","))) if name in parts else 1 for name in ("BYHOUR", "BYMINUTE"))
    if hours * minutes > _MOST_TIMES_A_DAY:
        raise _bad_rrule(f"It names {hours * minutes} times a day; {_MOST_TIMES_A_DAY} are the most")
    if "BYMONTH" in parts and "BYMONTHDAY" in parts:
        longest = max(_LONGEST_MONTHS.get(int(month), 31) for month in parts["BYMONTH"].split(","))
        if min(abs(int(day)) for day in parts["BYMONTHDAY"].split(",")) > longest:
            raise _bad_rrule("Its months have no such day")  # the library would look for one for many seconds
    return text


def _parts(text: str) -> dict[str, str]:
    """The parts of an rrule by their names, in capitals."""
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value or name in parts:
            raise _bad_rrule("Write a rule such as FREQ=WEEKLY;BYDAY=MO, each part once")
        parts[name] = value
    return parts


def _are_numbers(name: str, value: str, frequency: str) -> bool:
    allowed, frequencies = _NUMBERS[name]
    items = value.split(",")
    if frequency not in frequencies or (name in _SINGLE and len(items) > 1):
        return False
    signs = "+-" if name in _FROM_THE_END else ""
    return all(re.fullmatch(r"[+-]?[0-9]{1,6}", item) and int(item.lstrip(signs)) in allowed for item in items)


class RecurrenceSpec(Block):
    """A campaign again and again: each occurrence inside the horizon is a campaign of its own."""

    cron: Annotated[NonBlank, AfterValidator(_check_cron)] | None = Field(
        None, description="Five fields, in settings.timezone: 0 10 * * MON is every Monday at 10:00."
    )
    rrule: Annotated[NonBlank, AfterValidator(_check_rrule)] | None = Field(
        None, description="A rule of iCalendar such as FREQ=WEEKLY;INTERVAL=2;BYDAY=MO, counted from `from`."
    )
    from_: LocalField | None = Field(
        None, alias="from", description="No occurrence before it. An rrule needs it, with the time of its occurrences."
    )
    until: LocalField | None = Field(None, description="No occurrence after it; a day counts to its end.")
    horizon: Duration = Field(timedelta(days=30), description="How far ahead occurrences are scheduled.")
    skip: list[LocalField] = Field(default_factory=list, description="Days, or dates with a time, that are left out.")

    def check(self) -> None:
        if (self.cron is None) == (self.rrule is None):
            raise PydanticCustomError("recurrence", "A recurrence has exactly one of cron and rrule")


def _read_schedule(value: Any) -> Any:
    if isinstance(value, dict):
        return RecurrenceSpec.model_validate(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise PydanticCustomError("schedule", "Write a date such as 2026-11-27 10:00, or a mapping with cron or rrule")


ScheduleField = Annotated[Any, BeforeValidator(_read_schedule, json_schema_input_type=NonBlank | RecurrenceSpec)]
"""The text of one date, or a RecurrenceSpec."""


class BadRecurrence(ValueError):
    """A recurrence whose parts are right one by one and not together; `key` is the part to change."""

    def __init__(self, key: str, summary: str) -> None:
        super().__init__(summary)
        self.key = key


class Occurrences(NamedTuple):
    """What a recurrence comes to: the local times that are to come, in order, and what was left out."""

    times: tuple[datetime, ...]
    impossible: tuple[str, ...]
    """What is wrong with local times that name no single instant, each with its date."""
    idle_skips: tuple[int, ...]
    """The places of what is skipped and is no occurrence."""


def occurrences(spec: RecurrenceSpec, settings: Settings, now: datetime) -> Occurrences:
    """The occurrences after `now`, to the end of the last day of the horizon. BadRecurrence where there can be none."""
    _check_together(spec)
    today = datetime.combine(now.astimezone(zone_called(settings.timezone)).date(), time.min)
    end = datetime.combine((today + spec.horizon).date(), time.max)
    named = list(islice(_times(spec, today, end), MOST + 1))
    if len(named) > MOST:
        key = "cron" if spec.cron else "rrule"
        raise BadRecurrence(
            key, f"More than {MOST} occurrences lie inside the horizon; name fewer, or a shorter horizon"
        )
    times: list[datetime] = []
    impossible: list[str] = []
    for local in named:
        if _is_skipped(spec, local):
            continue
        try:
            moment = instant(local, settings.timezone)
            wire_date(moment, settings.account_timezone)
        except BadSchedule as error:
            impossible.append(str(error))
        else:
            if moment > now:
                times.append(local)
    idle = tuple(place for place, skip in enumerate(spec.skip) if not any(_times(spec, skip.first, skip.last)))
    return Occurrences(tuple(times), tuple(impossible), idle)


def days_of_scheduling(spec: RecurrenceSpec, settings: Settings, now: datetime, until: date) -> Iterator[date]:
    """The days, to `until`, on which occurrences that are behind the horizon today come into it and are paid for."""
    today = datetime.combine(now.astimezone(zone_called(settings.timezone)).date(), time.min)
    begin = datetime.combine((today + spec.horizon).date() + timedelta(days=1), time.min)
    for local in _times(spec, begin, datetime.combine(until, time.max) + spec.horizon):
        if not _is_skipped(spec, local):
            yield (local - spec.horizon).date()


def _is_skipped(spec: RecurrenceSpec, local: datetime) -> bool:
    return any(local.date() == skip.day and skip.clock in (None, local.time()) for skip in spec.skip)


def _check_together(spec: RecurrenceSpec) -> None:
    if spec.rrule:
        if spec.from_ is None and not _needs_no_beginning(_parts(spec.rrule)):
            raise BadRecurrence("rrule", "A rule needs from: the day, and the time of day, from which it counts")
        if spec.from_ and spec.from_.clock is None and "BYHOUR" not in _parts(spec.rrule):
            raise BadRecurrence("from", f"At what time? Write it behind the day, such as {spec.from_.day} 10:00")
    if spec.from_ and spec.until and spec.until.last < spec.from_.first:
        raise BadRecurrence("until", "until is before from")


def _needs_no_beginning(parts: AbstractMapping[str, str]) -> bool:
    """Whether a rule says by itself on which days and at what time, so that it does not matter from when it counts."""
    days = {"DAILY": True, "WEEKLY": "BYDAY" in parts, "MONTHLY": bool({"BYDAY", "BYMONTHDAY"} & parts.keys())}
    named = days.get(parts["FREQ"], "BYYEARDAY" in parts or {"BYMONTH", "BYMONTHDAY"} <= parts.keys())
    return named and "BYHOUR" in parts and "COUNT" not in parts and parts.get("INTERVAL", "1") == "1"


def _times(spec: RecurrenceSpec, begin: datetime, end: datetime) -> Iterator[datetime]:
    """The local times that the recurrence names between two others, both included, skipped ones too."""
    if spec.from_:
        begin = max(begin, spec.from_.first)
    if spec.until:
        end = min(end, spec.until.last)
    for local in _cron_times(spec.cron, begin) if spec.cron else _rrule_times(spec, end):
        if local > end:
            return
        if local >= begin:
            yield local


def _cron_times(cron: str, begin: datetime) -> Iterator[datetime]:
    from cronsim import CronSim

    yield from CronSim(cron, begin - timedelta(seconds=1))  # it begins after the time that it is given


def _rrule_times(spec: RecurrenceSpec, end: datetime) -> Iterator[datetime]:
    from dateutil.rrule import rrulestr

    assert spec.rrule
    begin = spec.from_.first if spec.from_ else _ANY_BEGINNING
    parts = _parts(spec.rrule)
    count = parts.pop("COUNT", None)
    rule = ";".join(f"{name}={value}" for name, value in parts.items())
    yield from islice(rrulestr(f"{rule};UNTIL={end:%Y%m%dT%H%M%S}", dtstart=begin), int(count) if count else None)
