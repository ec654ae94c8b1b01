"""What a rule pack says: whom it is for, from when to when, and its rules, each with its source."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError

from smsops.model.block import BeforeValidator, Block, Field, WithJsonSchema
from smsops.model.blocks import NonBlank

EVERYWHERE = "*"
RECIPIENT = "recipient"
"""In `quiet_holidays`: the calendar of the recipient's own country."""


def _read_day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value), re.ASCII):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("day", "Write a date such as 2026-03-01") from None


Day = Annotated[date, BeforeValidator(_read_day), WithJsonSchema({"type": "string", "format": "date"})]


def _read_country(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{2}", value):
        raise PydanticCustomError("country", "Write the two capital letters of a country, such as FR")
    return value


def _read_coverage(value: Any) -> Any:
    return value if value == EVERYWHERE else _read_country(value)


Country = Annotated[str, BeforeValidator(_read_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]
Coverage = Annotated[
    str, BeforeValidator(_read_coverage), WithJsonSchema({"type": "string", "pattern": r"^([A-Z]{2}|\*)$"})
]

_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"


def _read_hours(value: Any) -> Any:
    match = re.fullmatch(rf"({_CLOCK})\s*-\s*({_CLOCK}|24:00)", str(value), re.ASCII)
    if match is None or match[1] >= match[2]:
        raise PydanticCustomError("hours", "Write two times of one day such as 08:00-20:00")
    return match.groups()


Hours = Annotated[
    tuple[str, str],
    BeforeValidator(_read_hours),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d\s*-\s*\d\d:\d\d$", "examples": ["08:00-20:00"]}),
]


def _read_calendar(value: Any) -> Any:
    if value != RECIPIENT and not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", str(value)):
        raise PydanticCustomError(
            "calendar", "Write recipient, or the code of a country or a part of one such as FR-57"
        )
    return value


Calendar = Annotated[
    str,
    BeforeValidator(_read_calendar),
    WithJsonSchema({"type": "string", "pattern": "^(recipient|[A-Z]{2}(-[A-Z0-9]{1,3})?)$"}),
]

Level = Literal["error", "warning"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Demand = Literal["hours", "quiet_days", "quiet_holidays", "stop", "sender"]
DEMANDS: tuple[Demand, ...] = ("hours", "quiet_days", "quiet_holidays", "stop", "sender")
RuleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Rule(Block):
    """One rule: exactly one of hours, quiet_days, quiet_holidays, stop and sender, and where it comes from."""

    hours: Hours | None = Field(
        None, description="Only from the first time on and before the second, on the recipient's clock."
    )
    quiet_days: list[Weekday] | None = Field(None, description="Not on these days of the week.")
    quiet_holidays: list[Calendar] | None = Field(
        None,
        description="Not on the public holidays of the recipient's country, of other countries, or of parts of one.",
    )
    stop: Literal["required"] | None = Field(None, description="The message ends with the STOP mention.")
    sender: Literal["has_letter", "no_blank", "no_letter"] | None = Field(
        None, description="What a custom sender has or has not; no_letter: a sender with letters is not supported."
    )
    level: Level = Field(description="What a breach is: an error, or a warning.")
    countries: list[Country] | None = Field(None, description="Only there; default: wherever the pack is for.")
    source: NonBlank = Field(description="Where the rule comes from.")
    confidence: Literal["high", "medium", "low"] = Field("high", description="How sure it is that the source says so.")

    @property
    def demand(self) -> Demand:
        """Which of the demands it makes."""
        return next(name for name in DEMANDS if getattr(self, name) is not None)

    def check(self) -> None:
        if sum(getattr(self, name) is not None for name in DEMANDS) != 1:
            raise PydanticCustomError("demand", f"Write exactly one of {', '.join(DEMANDS)}")


class Pack(Block):
    """A rule pack: rules for marketing messages to some countries, sent on some dates."""

    pack: RuleId = Field(description="Its name, which messages about breaches begin with.")
    description: NonBlank | None = Field(None, description="What it is, for whoever reads it.")
    countries: Annotated[list[Coverage], Field(min_length=1)] = Field(
        description='The countries (ISO 3166) of the recipients; "*": all of them.'
    )
    valid_from: Day | None = Field(None, description="The first day, on the recipient's calendar, of sending.")
    valid_to: Day | None = Field(None, description="The last day of sending.")
    rules: dict[RuleId, Rule] = Field(description="The rules by their names.")

    def covers(self, country: str, day: date) -> bool:
        """Whether the pack is for a recipient in a country who is sent a message on a day."""
        return (
            (country in self.countries or EVERYWHERE in self.countries)
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day <= self.valid_to)
        )

    def rules_of(self, country: str) -> list[tuple[str, Rule]]:
        """The rules for a country, with their names."""
        return [
            (name, rule) for name, rule in self.rules.items() if rule.countries is None or country in rule.countries
        ]

    def check(self) -> None:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise PydanticCustomError("validity", "valid_to is before valid_from")
        if EVERYWHERE not in self.countries:
            for name, rule in self.rules.items():
                for country in rule.countries or ():
                    if country not in self.countries:
                        raise PydanticCustomError("coverage", f"The pack is not for {country}, which {name} names")
