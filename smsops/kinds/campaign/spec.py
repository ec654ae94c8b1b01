"""What a campaign's block may say."""

from __future__ import annotations

from typing import Annotated, Literal

from smsops.kinds.campaign.recurrence import ScheduleField
from smsops.model.block import Block, Field
from smsops.model.blocks import GuardedBlock, NonBlank


class ListsSpec(Block):
    """The contacts of lists that meet a condition, without the excluded."""

    lists: list[NonBlank] = Field(default_factory=list, description="Keys of lists of the same account.")
    where: NonBlank | None = Field(None, description="A SQL condition over the contacts' fields.")
    exclude_lists: list[NonBlank] = Field(default_factory=list, description="Who is in one of these gets nothing.")


class AudienceSpec(ListsSpec):
    """Who gets a campaign: the contacts of lists that meet a condition, and single numbers, without the excluded."""

    phones: list[NonBlank] = Field(default_factory=list, description="Single numbers, besides the lists.")


class CampaignSpec(GuardedBlock):
    """One message at one date, or at each of many."""

    message: NonBlank = Field(description="The text; {FIELD} is a contact's field.")
    sender: NonBlank | None = Field(
        None, description="3 to 11 letters, digits or blanks, a letter first. Default: 36180."
    )
    schedule: ScheduleField = Field(
        description="2026-11-27 10:00, in settings.timezone unless a zone stands behind it; or a recurrence."
    )
    audience: AudienceSpec = Field(description="Who gets it.")
    notify: bool | None = Field(None, description="An e-mail from the API when it is sent.")
    nature: Literal["marketing", "transactional"] = Field(
        "marketing", description="Hours, holidays and the STOP mention are about marketing."
    )
    if_missed: Literal["error", "skip", "send"] = Field(
        "error", description="What to do when its date is gone before it was scheduled."
    )
    max_credits: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Refuse to schedule it when it costs more."
    )
