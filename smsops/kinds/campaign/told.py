"""What shows that a sending in doubt happened, besides the balance: a part of its answer, or what webhooks told since.

Every sending goes out with a marker as its CLIMSGID. The manual announces that it comes back with delivery reports and replies
(§6.2), and lists it in the answer of getAcks (§8), not among the parameters of a webhook. So a campaign that webhooks tell of,
and that nobody here knows, is asked for its reports: if it has the marker, it is the one, and its id is known.
"""

from __future__ import annotations

from datetime import datetime

from smsops.api.errors import ApiError
from smsops.kinds.base import Told
from smsops.kinds.view import View
from smsops.model.resources import CannotRead, NotReadYet, Present, Read
from smsops.model.state import Intent
from smsops.model.webhooks import Sighting

_TAKEN = (None, "100", "101")
"""What the status of a sending that was taken may be, where the rest of its answer is lost."""

_MOST = 20
"""So many campaigns that nobody knows are asked whether they are the one; an account may send from elsewhere too."""


def told(intent: Intent, view: View) -> Told | None:
    """What shows that a sending happened; NotReadYet until the campaigns that may be it have been asked."""
    answer = intent.facts.get("evidence", {})
    campaign_id = answer.get("campaignid") if answer.get("status") in _TAKEN else None
    if campaign_id:
        return Told(f"the part of the answer that arrived names the campaign {campaign_id}")
    marker = intent.facts.get("marker")
    unknown = _unknown_since(intent, view)
    if intent.method != "sendSms" or not marker or not unknown or not _is_alone(intent, view):
        return None
    marked = [one.campaign_id for one in unknown if one.client_id == marker]
    unmarked: list[str] = []
    if not marked:
        asked = _asked([one.campaign_id for one in unknown if not one.client_id][:_MOST], intent, view)
        marked = [campaign for campaign, client_id in asked.items() if client_id == marker]
        unmarked = [campaign for campaign, client_id in asked.items() if not client_id]
    if len(marked) == 1:
        return Told(f"webhooks tell of the campaign {marked[0]}, which has its marker", {"campaign_id": marked[0]})
    if marked or unmarked:
        names = ", ".join(marked or unmarked)
        return Told(
            f"webhooks tell of {names}, which this stack does not know: if that is it, smsops resolve {intent.address}"
            " --happened --campaign-id ID",
            sure=False,
        )
    return None


def _unknown_since(intent: Intent, view: View) -> list[Sighting]:
    """The campaigns that webhooks first told of after the call, and that are not known for something else."""
    known = {
        part["campaign_id"]
        for entry in view.state.entries.values()
        for part in entry.attributes.get("parts", ())
        if entry.address.kind == intent.address.kind
    }
    known |= {str(other.facts.get("evidence", {}).get("campaignid")) for other in view.state.intents.values()}
    since = datetime.fromisoformat(intent.since)
    return [one for one in view.sightings if one.since >= since and one.campaign_id not in known]


def _is_alone(intent: Intent, view: View) -> bool:
    """Whether no other call in doubt has the same marker, as that of another account may."""
    marker = intent.facts.get("marker")
    return sum(1 for other in view.state.intents.values() if other.facts.get("marker") == marker) == 1


def _asked(campaign_ids: list[str], intent: Intent, view: View) -> dict[str, str | None]:
    """The CLIMSGID of campaigns, by their id, as getAcks tells it. Those that are not this account's are left out."""
    try:
        owner = view.owner(intent.address)
    except CannotRead:
        return {}
    login = (owner.identity or None) if isinstance(owner, Present) else None
    reads = {campaign: Read("get_acks", (campaign,), login) for campaign in campaign_ids}
    missing = tuple(read for read in reads.values() if read not in view.results)
    if missing:
        raise NotReadYet(missing)
    return {
        campaign: view.results[read].client_id
        for campaign, read in reads.items()
        if not isinstance(view.results[read], ApiError)
    }
