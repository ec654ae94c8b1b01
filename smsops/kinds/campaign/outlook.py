"""What a campaign means for the days to come: its place in the calendar, what recurs, how its messages look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from smsops.kinds.base import Resource, Upcoming, View
from smsops.kinds.campaign.audience import CampaignData, audience_of
from smsops.kinds.campaign.cost import cost_of
from smsops.kinds.campaign.links import known_links
from smsops.kinds.campaign.parts import ID_LOST, NO_CAMPAIGN, NOBODY, SentPart
from smsops.kinds.campaign.planned import blacklist_of, cancellable_until, content_digest, parts_of
from smsops.kinds.campaign.recurrence import days_of_scheduling
from smsops.kinds.campaign.report import message_document, shown_sender
from smsops.kinds.campaign.schedule import last_change, read_schedule, shown, zone_called
from smsops.kinds.campaign.text import Template
from smsops.model.plan import DELETE
from smsops.model.sending import Appointment
from smsops.model.settings import Settings
from smsops.model.standing import Standing, StandingPart, StandingState
from smsops.model.state import Entry, Intent
from smsops.model.values import JSON, utc

_WORDS = {NOBODY: "nobody left", ID_LOST: "id unknown"}


def appointment(resource: Resource, view: View) -> Appointment | None:
    """When a campaign goes out, as this plan has it."""
    change, zone = view.changes.get(resource.address), zone_called(view.settings.timezone)
    if change and change.send and change.after and change.payload.entry:
        entry, send, kept = change.payload.entry, change.send, change.payload.keep
        return Appointment(
            resource.address,
            resource.address.account,
            datetime.fromisoformat(entry.attributes["date"]).astimezone(zone),
            "rescheduled" if resource.entry and resource.entry.attributes["parts"] else "planned",
            send.recipients + sum(part.recipients for part in kept),
            send.messages if not kept else None,
            send.credits + cost_of(kept),
            shown_sender(entry.attributes["sender"], entry.attributes["message"]),
            entry.attributes["message"],
            send.cancellable_until,
        )
    if resource.entry is None or (change and change.actions == DELETE):
        return None
    stored = resource.entry.attributes
    date = datetime.fromisoformat(stored["date"])
    parts = [SentPart.read(part) for part in stored["parts"]]
    if not parts:
        return None
    return Appointment(
        resource.address,
        resource.address.account,
        date.astimezone(zone),
        "sent" if date <= view.now else "scheduled",
        sum(part.recipients for part in parts),
        None,
        cost_of(parts),
        shown_sender(stored["sender"], stored["message"]),
        stored["message"],
        cancellable_until(date, view),
    )


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


def standing(entry: Entry, doubts: Sequence[Intent], settings: Settings, policy: Any, now: datetime) -> Standing:
    """How a campaign stands, by what the state knows of it."""
    stored, zone = entry.attributes, zone_called(settings.timezone)
    when = datetime.fromisoformat(stored["date"])
    last = last_change(when, now, policy.min_lead_time if policy else None)
    parts = [SentPart.read(part) for part in stored["parts"]]
    return Standing(
        entry.address,
        when.astimezone(zone),
        _state(stored, bool(doubts), is_over=when <= now),
        tuple(
            StandingPart(
                None if part.campaign_id in NO_CAMPAIGN else part.campaign_id,
                part.recipients,
                round(part.credits),
                _WORDS.get(part.campaign_id, part.status),
            )
            for part in parts
        ),
        stored["message"],
        shown_sender(stored["sender"], stored["message"]),
        last.astimezone(zone) if last and parts else None,
    )


def _state(stored: Mapping[str, Any], in_doubt: bool, *, is_over: bool) -> StandingState:
    if in_doubt:
        return "in doubt"
    if stored.get("gone") and not stored["parts"]:
        return "gone"
    if not stored["parts"]:
        return "nothing scheduled"
    if is_over:
        return "sent" if stored["complete"] else "partly sent"
    return "scheduled" if stored["complete"] else "partly scheduled"
