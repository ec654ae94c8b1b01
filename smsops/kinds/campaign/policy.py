"""What a team demands of its campaigns: their texts, their times, and when they may still be changed."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from smsops.kinds.base import Resource, View
from smsops.kinds.campaign.schedule import is_near, shown, zone_called
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import STOP, Template


def check_policies(resource: Resource, when: datetime, view: View) -> None:
    """Refuse a campaign whose words are forbidden, and marketing that breaks what is demanded of it."""
    spec: CampaignSpec = resource.want.spec
    if view.policy is None:
        return
    if found := forbidden_words(resource.want.data.template, view.policy.forbidden_words):
        view.block(
            resource.address,
            "SMS254",
            f"The message of {resource.address} says {', '.join(found)} (policy forbidden_words)",
            "Say it in other words.",
            policy="forbidden_words",
        )
    if spec.nature != "marketing":
        return
    if view.policy.require_stop and not STOP.search(spec.message):
        view.block(
            resource.address,
            "SMS254",
            f"{resource.address} does not end with a STOP mention (policy require_stop)",
            'End the message with " STOP au 36180", or say nature: transactional where that is true.',
            policy="require_stop",
        )
    window = view.policy.send_window
    clock = _clock(when, view)
    if window is not None and not in_window(when, view):
        view.block(
            resource.address,
            "SMS254",
            f"{resource.address} is scheduled for {clock}, outside {window[0]}-{window[1]} (policy send_window)",
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


def forbidden_words(template: Template, words: list[str]) -> list[str]:
    """Those of the words that a message says, as whole words, whatever their case and accents. Fields count as blanks."""
    text = _folded(template.render(dict.fromkeys(template.fields, " "))) if words else ""
    return [word for word in words if re.search(rf"(?<!\w){_pattern(word)}(?!\w)", text)]


def _pattern(word: str) -> str:
    return r"\s+".join(re.escape(part) for part in _folded(word).split())


def _folded(text: str) -> str:
    """Without case and accents: what people read as the same."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))
