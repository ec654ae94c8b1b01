"""What a team demands of its campaigns: their texts, their times, and when they may still be changed."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from smsops.kinds.campaign.schedule import is_near, last_change, shown, zone_called
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import STOP, Template
from smsops.kinds.view import Resource, View


def check_policies(resource: Resource, when: datetime, view: View) -> None:
    """Refuse a campaign whose words are forbidden, and marketing that breaks what is demanded of it."""
    spec: CampaignSpec = resource.want.spec
    template: Template = resource.want.data.template
    check_words(resource, template.render(dict.fromkeys(template.fields, " ")), view)
    if spec.nature == "marketing" and view.policy and view.policy.require_stop and not STOP.search(spec.message):
        view.block(
            resource.address,
            "SMS254",
            f"{resource.address} does not end with a STOP mention (policy require_stop)",
            'End the message with " STOP au 36180", or say nature: transactional where that is true.',
            policy="require_stop",
        )
    check_window(resource, when, view)


def check_words(resource: Resource, text: str, view: View) -> None:
    """Refuse what says a forbidden word. Fields count as blanks."""
    if found := forbidden_words(text, view.policy.forbidden_words if view.policy else []):
        view.block(
            resource.address,
            "SMS254",
            f"The message of {resource.address} says {', '.join(found)} (policy forbidden_words)",
            "Say it in other words.",
            policy="forbidden_words",
        )


def check_window(resource: Resource, when: datetime, view: View) -> None:
    """Refuse marketing outside the hours that are allowed."""
    window = view.policy.send_window if view.policy else None
    if resource.want.spec.nature == "marketing" and window is not None and not in_window(when, view):
        view.block(
            resource.address,
            "SMS254",
            f"{resource.address} is scheduled for {_clock(when, view)}, outside {window[0]}-{window[1]} (policy send_window)",
            "Change schedule:, or say nature: transactional where that is true.",
            policy="send_window",
        )


def in_window(when: datetime, view: View) -> bool:
    """Whether `policy.send_window` allows a time."""
    window = view.policy.send_window if view.policy else None
    return window is None or window[0] <= _clock(when, view) <= window[1]


def _clock(when: datetime, view: View) -> str:
    return f"{when.astimezone(zone_called(view.settings.timezone)):%H:%M}"


def check_lead_time(resource: Resource, date: datetime, view: View) -> None:
    """Refuse to change a campaign that is too close to its date."""
    if is_near(date, view.now, view.policy.min_lead_time if view.policy else None):
        view.block(
            resource.address,
            "SMS250",
            f"{resource.address} is too close to its date to be changed (policy min_lead_time)",
            f"It is sent at {shown(date, view.settings.timezone)}. Let it go, or change it all the same: --override min_lead_time.",
            policy="min_lead_time",
        )


def forbidden_words(text: str, words: list[str]) -> list[str]:
    """Those of the words that a text says, as whole words, whatever their case and accents."""
    text = _folded(text) if words else ""
    return [word for word in words if re.search(rf"(?<!\w){_pattern(word)}(?!\w)", text)]


def _pattern(word: str) -> str:
    return r"\s+".join(re.escape(part) for part in _folded(word).split())


def _folded(text: str) -> str:
    """Without case and accents: what people read as the same."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def cancellable_until(when: datetime, view: View) -> datetime | None:
    """Until when a campaign of that date can be taken back, in the stack's zone; None where that is over already."""
    last = last_change(when, view.now, view.policy.min_lead_time if view.policy else None)
    return last.astimezone(zone_called(view.settings.timezone)) if last else None


def warn_final(resource: Resource, when: datetime, view: View) -> None:
    """Say that what is about to be scheduled is final at once."""
    if cancellable_until(when, view) is None:
        view.warn(
            resource.address,
            "SMS272",
            f"{resource.address} cannot be taken back once it is scheduled: its date is closer than min_lead_time",
            "Choose a later date if it may still change.",
        )
