"""Whether a campaign may be sent when it is to be: the rule packs of its recipients' countries."""

from __future__ import annotations

from datetime import datetime

from smsops.kinds.base import Resource, View
from smsops.kinds.campaign.parts import Survey


def judge_law(resource: Resource, survey: Survey, when: datetime, view: View) -> None:
    """Refuse what breaks a rule."""
