"""What a campaign means for the days to come: its place in the calendar, what recurs, how its messages look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from smsops.kinds.base import Upcoming
from smsops.kinds.campaign.audience import CampaignData, audience_of
from smsops.kinds.campaign.cost import cost_of
from smsops.kinds.campaign.links import known_links
from smsops.kinds.campaign.parts import SentPart
from smsops.kinds.campaign.planned import blacklist_of, content_digest, parts_of
from smsops.kinds.campaign.recurrence import days_of_scheduling
from smsops.kinds.campaign.report import message_document
from smsops.kinds.campaign.schedule import read_schedule, shown
from smsops.kinds.campaign.text import Template
from smsops.kinds.view import Resource, View
from smsops.model.values import JSON, utc


def upcoming(resource: Resource, view: View, until: date) -> Iterator[Upcoming]:
    """What the occurrences behind the horizon will cost: each as much as the first one does."""
    data: CampaignData = resource.want.data
    if data.recurrence is None or not data.is_first:
        return
    change = view.changes.get(resource.address)
    if change and change.send:
        cost = change.send.credits + cost_of(change.payload.keep)
    else:
        parts = resource.entry.attributes["parts"] if resource.entry else []
        cost = cost_of([SentPart.read(part) for part in parts])
    for day in days_of_scheduling(data.recurrence, view.settings, view.now, until) if cost else ():
        yield Upcoming(day, "recurring campaigns", spends=cost)


def preview(resource: Resource, view: View) -> JSON:
    """How the messages look (`PreviewDocument`), whether anything of the campaign changes or not."""
    audience = audience_of(resource.want, view, pending=True)
    assert audience is not None
    template: Template = resource.want.data.template
    template = template.linked(known_links(template, resource.entry, view))
    moment = read_schedule(resource.want.spec.schedule, view.settings.timezone)
    parts = parts_of(resource, audience.people, (), content_digest(resource, moment, view), view)
    blacklist = blacklist_of(resource.address, view)
    survey = parts[0].cut.survey([part.number for part in parts], template, blacklist) if parts else None
    blocked = len(audience.people.find(blacklist))
    return {
        "address": str(resource.address),
        "account": resource.address.account,
        "date": utc(moment),
        "schedule": shown(moment, view.settings.timezone),
        "recipients": len(audience.people) - blocked,
        "message": message_document(resource, survey, view) if survey else None,
    }
