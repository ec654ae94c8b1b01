"""Limits that a team sets on its own plans: the `policy` section."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic_core import PydanticCustomError

from smsops.model.block import BeforeValidator, Block, Field, WithJsonSchema
from smsops.model.blocks import NonBlank
from smsops.model.settings import Duration

Count = Annotated[int, Field(ge=0)]


def _read_window(value: Any) -> Any:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)", str(value))
    if match is None or f"{match[1]}:{match[2]}" >= f"{match[3]}:{match[4]}":
        raise PydanticCustomError("window", "Write two times of one day such as 08:00-20:00")
    return (f"{match[1]}:{match[2]}", f"{match[3]}:{match[4]}")


Window = Annotated[
    tuple[str, str],
    BeforeValidator(_read_window),
    WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d\s*-\s*\d\d:\d\d$", "examples": ["08:00-20:00"]}),
]


class Policy(Block):
    """What breaks one of these is refused; the error names the policy."""

    max_credits_per_apply: Count | None = Field(None, description="Credits moved and spent by one apply.")
    max_credits_per_campaign: Count | None = Field(None, description="Credits that one campaign may cost.")
    max_recipients: Count | None = Field(None, description="People that one apply may text.")
    max_deletes: Count | None = Field(None, description="Resources that one apply may delete or replace.")
    max_updates: Count | None = Field(None, description="Resources that one apply may change.")
    min_lead_time: Duration | None = Field(
        None, description="A scheduled campaign closer to its date than this is not changed any more."
    )
    require_stop: bool = Field(False, description="Marketing messages must end with the STOP mention.")
    send_window: Window | None = Field(
        None, description="Marketing goes out only between these times, in settings.timezone."
    )
    rule_packs: list[NonBlank] = Field(
        default_factory=list,
        description="Rule packs that are asked before the usual ones: names such as fr-af2m-2026, paths of your own.",
    )
