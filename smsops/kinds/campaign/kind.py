"""The campaign kind: an SMS to many people at a date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from smsops.kinds.base import Declaration, Declared, Readers, Upcoming
from smsops.kinds.campaign.audience import Audience, audience_digest, audience_of
from smsops.kinds.campaign.declare import check, declare
from smsops.kinds.campaign.law import judge_law
from smsops.kinds.campaign.life import Planned, ScheduledKind
from smsops.kinds.campaign.outlook import preview, upcoming
from smsops.kinds.campaign.parts import Part
from smsops.kinds.campaign.planned import blacklist_of, change_of, content_digest, parts_of
from smsops.kinds.campaign.policy import check_policies
from smsops.kinds.campaign.report import shown_sender
from smsops.kinds.campaign.simulate import simulate
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.view import Resource, View
from smsops.model.block import Block
from smsops.model.diagnostics import Diagnostics
from smsops.model.plan import Change
from smsops.model.resources import Desired
from smsops.model.values import JSON


class Campaign(ScheduledKind):
    """Its life is that of everything that is scheduled; who gets it, how it reads and what it costs is here."""

    name: ClassVar[str] = "campaign"
    section: ClassVar[str | None] = "campaigns"
    Spec: ClassVar[type[Block]] = CampaignSpec

    def declare(self, spec: CampaignSpec, declaration: Declaration) -> list[Desired]:
        return declare(self.name, spec, declaration)

    def check(self, desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
        check(desired, declared, diagnostics)

    def audience_of(self, desired: Desired, view: View, *, pending: bool) -> Audience | None:
        return audience_of(desired, view, pending=pending)

    def audience_digest(self, resource: Resource, view: View) -> str:
        return audience_digest(resource.want, view)

    def content_digest(self, resource: Resource, moment: datetime, view: View) -> str:
        return content_digest(resource, moment, view)

    def parts_of(
        self, resource: Resource, audience: Audience, starts: tuple[str, ...], content: str, view: View
    ) -> list[Part]:
        return parts_of(resource, audience.people, starts, content, view)

    def change_of(self, resource: Resource, planned: Planned, view: View) -> Change:
        return change_of(resource, planned, view)

    def judge_anew(self, resource: Resource, parts: Sequence[Part], when: datetime, view: View) -> None:
        blacklist = blacklist_of(resource.address, view)
        survey = parts[0].cut.survey([part.number for part in parts], resource.want.data.template, blacklist)
        if survey is not None:
            judge_law(resource, survey, when, view)
        check_policies(resource, when, view)

    def shown(self, stored: Mapping[str, Any]) -> tuple[str, str]:
        return shown_sender(stored["sender"], stored["message"]), stored["message"]

    def upcoming(self, resource: Resource, view: View, until: date) -> Iterator[Upcoming]:
        return upcoming(resource, view, until)

    def preview(self, resource: Resource, view: View) -> JSON:
        return preview(resource, view)

    async def simulate(self, change: Change, view: View, readers: Readers) -> Change:
        return await simulate(change, view, readers)
