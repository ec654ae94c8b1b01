"""Settings of a stack."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic_core import PydanticCustomError

from smsops.model.block import BeforeValidator, Block, Field, WithJsonSchema

_DURATION = re.compile(r"([0-9]+)\s*(s|m|h|d)\Z")
_LONGEST = timedelta(days=3650)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _read_duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("duration", "Write a duration such as 90s, 15m, 24h or 7d")
    seconds = int(match[1]) * timedelta(**{_UNITS[match[2]]: 1}).total_seconds() if len(match[1]) <= 12 else math.inf
    if seconds > _LONGEST.total_seconds():
        raise PydanticCustomError("duration", "Write ten years (3650d) or less")
    return timedelta(seconds=seconds)


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s*[smhd]$", "examples": ["15m", "24h"]}),
]


def _read_zone(value: Any) -> Any:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (KeyError, ValueError, TypeError, OSError):
        raise PydanticCustomError("timezone", "There is no such time zone; write one such as Europe/Paris") from None
    return value


TimeZone = Annotated[str, BeforeValidator(_read_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Paris"]})]


def _read_country(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{2}", value) or not is_country(value):
        raise PydanticCustomError("country", "Write the two capital letters of a country, such as FR")
    return value


def is_country(code: str) -> bool:
    """Whether there is such a country (ISO 3166), as far as phone numbers know."""
    if code == "FR":  # what nearly every stack has must not cost an import
        return True
    import phonenumbers

    return code in phonenumbers.SUPPORTED_REGIONS


Country = Annotated[str, BeforeValidator(_read_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]


class Settings(Block):
    """The `settings` section."""

    timezone: TimeZone = Field("Europe/Paris", description="Schedules that name no zone are in this one.")
    account_timezone: TimeZone = Field("Europe/Paris", description="The zone in which the API reads DATE.")
    default_country: Country = Field("FR", description="Reads national phone numbers.")
    parallelism: Annotated[int, Field(ge=1, le=64)] = Field(8, description="Calls and operations side by side.")
    requests_per_second: Annotated[float, Field(gt=0, le=1000)] = Field(20, description="For each account login.")
    plan_ttl: Duration = Field(timedelta(hours=24), description="A saved plan expires after this.")
    settle_time: Duration = Field(timedelta(minutes=15), description="How long an unknown outcome may still come true.")
    ci_commands: list[list[str]] = Field(
        default_factory=list,
        description="Commands of secrets that may run in CI, a glob for each argument; read from the base commit.",
    )
    price_ttl: Duration = Field(
        timedelta(days=7), description="How long the price of an SMS to a country is taken as known."
    )
