"""Whether a campaign may be sent when it is to be: the rule packs of its recipients' countries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from smsops.kinds.campaign.parts import Survey
from smsops.kinds.campaign.policy import in_window
from smsops.kinds.campaign.schedule import shown
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import STOP
from smsops.kinds.view import Resource, View
from smsops.model.phone import Place, place_of
from smsops.model.values import plural

if TYPE_CHECKING:
    from smsops.rules.judge import Breach

# Validating needs no judge: it is imported where something is planned.

PATIENCE = 60
"""Minutes within which what is to be sent at once is sent; later it is planned again."""


def lawful_until(resource: Resource, survey: Survey, view: View) -> datetime:
    """Until when what is sent at once may be sent: while its hour is allowed, if it is now, and an hour at most."""
    from smsops.rules.judge import judge

    places = _places(survey)

    def is_allowed(when: datetime) -> bool:
        assert view.rulebook is not None
        found = judge(view.rulebook, when, places, text_ends_with_stop=True, sender=None)
        return in_window(when, view) and not any(breach.level == "error" for breach in found)

    exempt = resource.want.spec.nature != "marketing" or view.rulebook is None
    return patient_until((lambda when: True) if exempt else is_allowed, view)


def patient_until(is_allowed: Callable[[datetime], bool], view: View) -> datetime:
    """Until when what is sent at once may be sent: while it is allowed, if it is now, and an hour at most."""
    if not is_allowed(view.now):  # then somebody has let it through
        return view.now + timedelta(minutes=PATIENCE)
    minutes = (view.now + timedelta(minutes=number) for number in range(PATIENCE + 1))
    return list(takewhile(is_allowed, minutes))[-1]


def judge_law(resource: Resource, survey: Survey, when: datetime, view: View) -> None:
    """Refuse what breaks a rule, warn where it only might; what is not marketing is exempt."""
    spec: CampaignSpec = resource.want.spec
    if spec.nature != "marketing" or view.rulebook is None:
        return
    from smsops.rules.judge import judge

    places = _places(survey)
    ends_with_stop = STOP.search(resource.want.data.template.wire) is not None
    is_first = resource.want.data.is_first
    for breach in judge(view.rulebook, when, places, text_ends_with_stop=ends_with_stop, sender=spec.sender):
        name = f"{breach.pack}/{breach.rule}"
        summary = f"{resource.address}: {breach.text} ({name}, {plural(breach.people, 'recipient')})"
        rule = f"The rule: {breach.source}" if is_first else ""
        if breach.level == "error":
            way_out = _way_out(resource, breach, places, when, view)
            view.block(resource.address, "SMS268", summary, f"{way_out} {rule}".strip(), policy=name)
        elif breach.is_about_time or is_first:  # what is wrong with its text is said once
            view.warn(resource.address, "SMS269", summary, rule)


def _places(survey: Survey) -> dict[Place, int]:
    places: dict[Place, int] = {}
    for phone, count in survey.origins:
        place = place_of(phone)
        places[place] = places.get(place, 0) + count
    return places


def _way_out(resource: Resource, breach: Breach, places: Mapping[Place, int], when: datetime, view: View) -> str:
    if not breach.is_about_time:
        return ""
    zone = view.settings.timezone
    if resource.want.data.recurrence is not None:
        day = shown(when, zone).partition(" ")[0]
        return f"Leave it out, skip: [{day}], or let it recur at another time."
    slot = _slot(places, when, view)
    if slot is None:
        return "There is no time within 60 days that suits all recipients: make a campaign for each country."
    return f"The next time that suits all: schedule: {shown(slot, zone).removesuffix(f' {zone}')}."


def _slot(places: Mapping[Place, int], when: datetime, view: View) -> datetime | None:
    """The next time that the rules and `policy.send_window` allow."""
    from smsops.rules.judge import HORIZON, STEP, next_slot

    assert view.rulebook is not None
    slot = next_slot(view.rulebook, when, places)
    while slot is not None and slot - when < HORIZON and not in_window(slot, view):
        slot = next_slot(view.rulebook, slot + STEP, places)
    return slot if slot is not None and in_window(slot, view) else None
