"""How what was scheduled stands: its place in the calendar, and its parts by what the state knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from smsops.kinds.campaign.cost import cost_of
from smsops.kinds.campaign.parts import ID_LOST, NO_CAMPAIGN, NOBODY, SentPart
from smsops.kinds.campaign.policy import cancellable_until
from smsops.kinds.campaign.schedule import last_change, zone_called
from smsops.kinds.view import Resource, View
from smsops.model.plan import DELETE
from smsops.model.sending import Appointment
from smsops.model.settings import Settings
from smsops.model.standing import Standing, StandingPart, StandingState
from smsops.model.state import Entry, Intent

Shown = Callable[[Mapping[str, Any]], tuple[str, str]]
"""The sender and the message of an entry, from its attributes."""

_WORDS = {NOBODY: "nobody left", ID_LOST: "id unknown"}


def appointment(resource: Resource, shown_by: Shown, view: View) -> Appointment | None:
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
            *shown_by(entry.attributes),
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
        *shown_by(stored),
        None if _is_lost(parts) else cancellable_until(date, view),
    )


def _is_lost(parts: Sequence[SentPart]) -> bool:
    """Whether a part cannot be cancelled, since nobody knows its id."""
    return any(part.campaign_id == ID_LOST for part in parts)


def standing(
    entry: Entry, shown_by: Shown, doubts: Sequence[Intent], settings: Settings, policy: Any, now: datetime
) -> Standing:
    """How a campaign stands, by what the state knows of it."""
    stored, zone = entry.attributes, zone_called(settings.timezone)
    when = datetime.fromisoformat(stored["date"])
    last = last_change(when, now, policy.min_lead_time if policy else None)
    parts = [SentPart.read(part) for part in stored["parts"]]
    sender, message = shown_by(stored)
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
        message,
        sender,
        last.astimezone(zone) if last and parts and not _is_lost(parts) else None,
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
