"""Limits that a team sets on its own plans: the `policy` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from smsops.model.settings import Block, Duration

Count = Annotated[int, Field(ge=0)]


class Policy(Block):
    """What breaks one of these is refused; the error names the policy (DESIGN section 7)."""

    max_credits_per_apply: Count | None = Field(None, description="Credits moved and spent by one apply.")
    max_credits_per_campaign: Count | None = Field(None, description="Credits that one campaign may cost.")
    max_recipients: Count | None = Field(None, description="People that one apply may text.")
    max_deletes: Count | None = Field(None, description="Resources that one apply may delete or replace.")
    max_updates: Count | None = Field(None, description="Resources that one apply may change.")
    min_lead_time: Duration | None = Field(
        None, description="A scheduled campaign closer to its date than this is not changed any more."
    )
