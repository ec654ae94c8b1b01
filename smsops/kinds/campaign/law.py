"""Whether a campaign may be sent when it is to be: the rule packs of its recipients' countries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from smsops.kinds.base import Resource, View
from smsops.kinds.campaign.parts import Survey
from smsops.kinds.campaign.schedule import shown
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import STOP
from smsops.model.phone import Place, place_of
from smsops.model.values import plural
from smsops.rules.judge import Breach, judge, next_slot


def judge_law(resource: Resource, survey: Survey, when: datetime, view: View) -> None:
    """Refuse what breaks a rule, warn where it only might; what is not marketing is exempt."""
    spec: CampaignSpec = resource.want.spec
    if spec.nature != "marketing" or view.rulebook is None:
        return
    places: dict[Place, int] = {}
    for phone, count in survey.origins:
        place = place_of(phone)
        places[place] = places.get(place, 0) + count
    ends_with_stop = STOP.search(resource.want.data.template.wire) is not None
    for breach in judge(view.rulebook, when, places, text_ends_with_stop=ends_with_stop, sender=spec.sender):
        name = f"{breach.pack}/{breach.rule}"
        summary = f"{resource.address}: {breach.text} ({name}, {plural(breach.people, 'recipient')})"
        if breach.level == "error":
            detail = f"{_way_out(breach, places, when, view)}The rule: {breach.source}"
            view.block(resource.address, "SMS268", summary, detail, policy=name)
        elif breach.is_about_time or resource.want.data.is_first:  # what is wrong with its text is said once
            view.warn(resource.address, "SMS269", summary, f"The rule: {breach.source}")


def _way_out(breach: Breach, places: Mapping[Place, int], when: datetime, view: View) -> str:
    if not breach.is_about_time:
        return ""
    assert view.rulebook is not None
    slot = next_slot(view.rulebook, when, places)
    if slot is None:
        return "There is no time within 60 days that suits all recipients: make a campaign for each country. "
    zone = view.settings.timezone
    return f"The next time that suits all: schedule: {shown(slot, zone).removesuffix(f' {zone}')}. "
