"""The life of what goes out at a date in parts: planned, scheduled, changed part by part, sent, and never sent twice.

No call lists campaigns, so the state is all that is known of one: its date, and the campaign id
of each part. A campaign whose date has gone by is sent: it never changes again.

An entry's attributes have `date`, `content` and `audience` (digests), `nature`, `parts` and `complete`, and `gone` where a part
that was to be cancelled was not there to be; what else is in them is the kind's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from smsops.kinds.base import Kind, Told
from smsops.kinds.campaign.calls import OVER, SENT, Payload, Slice, execute, with_campaign_id, with_lost_id
from smsops.kinds.campaign.cost import cost_of
from smsops.kinds.campaign.parts import ID_LOST, NO_CAMPAIGN, SCHEDULED, SentPart
from smsops.kinds.campaign.policy import check_lead_time
from smsops.kinds.campaign.schedule import read_schedule, shown, zone_called
from smsops.kinds.campaign.standing import appointment, standing
from smsops.kinds.campaign.told import told
from smsops.kinds.session import Session
from smsops.kinds.view import Resource, View
from smsops.model.plan import CREATE, DELETE, FORGET, UNCHANGEABLE, UPDATE, Actions, Change
from smsops.model.resources import Absent, Desired, Observation, Present
from smsops.model.sending import Appointment
from smsops.model.settings import Settings
from smsops.model.standing import Standing
from smsops.model.state import Entry, Event, Intent, Put
from smsops.model.untold import Scheduled
from smsops.model.values import plural


class Planned(NamedTuple):
    """What is to become of a campaign: parts are cancelled, kept, and sent at a moment. `audience` is the kind's own."""

    actions: Actions
    reason: str
    when: datetime
    immediate: bool
    audience: Any
    cancel: tuple[SentPart, ...] = ()
    keep: tuple[SentPart, ...] = ()
    send: tuple[Any, ...] = ()


class ScheduledKind(Kind):
    """Resources that are known by their key, and by the campaign ids in the state.

    A block has `schedule`, `if_missed`, `nature` and `audience`, and its resources' data `is_first`.
    """

    adoptable: ClassVar[bool] = False
    importable: ClassVar[bool] = False
    unreturned: ClassVar[str] = "campaigns that are scheduled"
    over: ClassVar[frozenset[str]] = OVER
    """The refusals of a cancellation that are believed: there is nothing left to cancel."""

    @abstractmethod
    def audience_of(self, desired: Desired, view: View, *, pending: bool) -> Any:
        """Who is to get it, after the apply. None where that needs contacts which only the account knows, and it is
        scheduled already (not `pending`)."""

    @abstractmethod
    def audience_digest(self, resource: Resource, view: View) -> str:
        """A digest of what the configuration says about the audience."""

    @abstractmethod
    def content_digest(self, resource: Resource, moment: datetime, view: View) -> str:
        """A digest of all that the parts share."""

    @abstractmethod
    def parts_of(
        self, resource: Resource, audience: Any, starts: tuple[str, ...], content: str, view: View
    ) -> Sequence[Slice]:
        """The parts of an audience, along those that are scheduled."""

    @abstractmethod
    def change_of(self, resource: Resource, planned: Planned, view: View) -> Change:
        """The change, judged: what is sent, its cost, the law and the policies."""

    @abstractmethod
    def judge_anew(self, resource: Resource, parts: Sequence[Any], when: datetime, view: View) -> None:
        """What was exempt and is marketing now has to keep the rules, although it is scheduled already."""

    @abstractmethod
    def shown(self, stored: Mapping[str, Any]) -> tuple[str, str]:
        """What people know it by, from an entry's attributes: its sender and its message."""

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        return await execute(change, session)

    def appointment(self, resource: Resource, view: View) -> Appointment | None:
        return appointment(resource, self.shown, view)

    def standing(
        self, entry: Entry, doubts: Sequence[Intent], settings: Settings, policy: Any, now: datetime
    ) -> Standing:
        return standing(entry, self.shown, doubts, settings, policy, now)

    def untold(self, resource: Resource, view: View) -> Iterator[Scheduled]:
        if resource.entry is None:
            return
        date = datetime.fromisoformat(resource.entry.attributes["date"])
        for part in map(SentPart.read, resource.entry.attributes["parts"] if date > view.now else ()):
            if part.campaign_id not in NO_CAMPAIGN:
                yield Scheduled(part.campaign_id, date, part.recipients, part.credits or 0)

    def told(self, intent: Intent, view: View) -> Told | None:
        return told(intent, view)

    def settled(self, intent: Intent, answers: Mapping[str, str]) -> Sequence[Event]:
        if "entry" not in intent.facts:
            return ()
        entry = Entry.read(str(intent.address), intent.facts["entry"])
        told = intent.facts.get("evidence", {}).get("campaignid")
        return [Put(with_campaign_id(entry, answers.get("campaign_id") or told or ID_LOST))]

    def completed(self, entry: Entry, answers: Mapping[str, str]) -> Sequence[Event]:
        found = with_lost_id(entry, answers["campaign_id"]) if "campaign_id" in answers else None
        return [Put(found)] if found else []

    def observe(self, resource: Resource, view: View) -> Observation:
        owner = view.owner(resource.address)
        if resource.entry is None or (not isinstance(owner, Present) and resource.desired is None):
            return Absent()
        return Present(resource.entry.identity, {}, {})

    def create(self, resource: Resource, view: View) -> Change | None:
        spec = resource.want.spec
        moment = read_schedule(spec.schedule, view.settings.timezone)
        immediate = moment <= view.now
        if immediate and spec.if_missed != "send":
            self._warn_missed(resource, moment, view)
            return None
        when = view.now if immediate else moment
        audience = self.audience_of(resource.want, view, pending=True)
        assert audience is not None
        parts = self.parts_of(resource, audience, (), self.content_digest(resource, moment, view), view)
        if not parts:
            view.warn(resource.address, "SMS242", f"{resource.address} has an empty audience: nothing is sent")
            return None
        planned = Planned(CREATE, "absent_from_account", when, immediate, audience, send=tuple(parts))
        return self.change_of(resource, planned, view)

    def _warn_missed(self, resource: Resource, moment: datetime, view: View) -> None:
        date = shown(moment, view.settings.timezone)
        if resource.want.spec.if_missed == "skip":
            view.warn(resource.address, "SMS240", f"The date of {resource.address} is gone ({date}): it is skipped")
        else:
            view.fail(
                resource.address,
                "SMS241",
                f"The date of {resource.address} is gone ({date}) and it was never scheduled",
                "Change schedule:, or say if_missed: skip or send.",
            )

    def check_entry(self, entry: Entry) -> None:
        stored = entry.attributes
        datetime.fromisoformat(stored["date"])
        _ = [SentPart.read(part) for part in stored["parts"]], stored["content"], stored["audience"], stored["complete"]
        if not all(isinstance(words, str) for words in self.shown(stored)):
            raise TypeError("message")

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        spec = resource.want.spec
        stored = resource.owned.attributes
        scheduled_for = datetime.fromisoformat(stored["date"])
        moment = read_schedule(spec.schedule, view.settings.timezone)
        content = self.content_digest(resource, moment, view)
        if stored.get("gone"):
            self._warn_gone(resource, scheduled_for, view)
            return None
        if not stored["parts"] and not stored["complete"]:  # cancelled, and then the run that would send it anew ended
            change = self.create(resource, view)
            return change._replace(actions=UPDATE, reason="partly_scheduled") if change else None
        if scheduled_for <= view.now:
            self._warn_sent(resource, content, view)
            return None
        if moment != scheduled_for and moment <= view.now:
            view.fail(
                resource.address,
                "SMS241",
                f"The new date of {resource.address} is gone ({shown(moment, view.settings.timezone)})",
                "It is still scheduled for its old date. Change schedule:, or remove the campaign to cancel it.",
            )
            return None
        taken = tuple(SentPart.read(part) for part in stored["parts"])
        pending = content != stored["content"] or not stored["complete"]
        becomes_marketing = spec.nature == "marketing" and stored.get("nature") == "transactional"
        pending = pending or becomes_marketing
        if not pending and "audience" in resource.want.guard.ignore_changes:
            return None
        audience = self.audience_digest(resource, view)
        pending = pending or audience != stored["audience"]
        people = self.audience_of(resource.want, view, pending=pending)
        if people is None:
            return None
        parts = self.parts_of(resource, people, tuple(part.start for part in taken), content, view)
        wanted = {(part.start, part.fingerprint) for part in parts}
        keep = tuple(part for part in taken if part.status == SCHEDULED and (part.start, part.fingerprint) in wanted)
        kept = {(part.start, part.fingerprint) for part in keep}
        cancel = tuple(part for part in taken if part not in keep)
        send = tuple(part for part in parts if (part.start, part.fingerprint) not in kept)
        if not cancel and not send:
            if becomes_marketing and parts:
                self.judge_anew(resource, parts, moment, view)
            attributes = {**stored, "audience": audience, "content": content, "complete": True}
            if attributes == stored:
                return None
            # It says the same in other words, or nothing was left to do.
            entry = resource.owned._replace(attributes=attributes)
            return Change(resource.address, UPDATE, "audience_changed", {}, {}, entry=entry)
        if any(part.campaign_id == ID_LOST for part in cancel):
            self._fail_lost(resource, view)
            return None
        check_lead_time(resource, scheduled_for, view)
        if not send and not keep:
            view.warn(
                resource.address,
                "SMS242",
                f"Nobody is left in the audience of {resource.address}: it is cancelled",
                "Look at where:, exclude_lists: and the contacts, if that is not meant.",
            )
        reason = "configuration_changed" if content != stored["content"] else "audience_changed"
        reason = reason if stored["complete"] else "partly_scheduled"
        planned = Planned(UPDATE, reason, moment, False, people, cancel, keep, send)
        return self.change_of(resource, planned, view)

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if not isinstance(observation, Present):
            return None  # it went with its account
        stored = resource.owned.attributes
        date = datetime.fromisoformat(stored["date"])
        before = {"schedule": shown(date, view.settings.timezone), "message": self.shown(stored)[1]}
        live = tuple(SentPart.read(part) for part in stored["parts"] if part["campaign_id"] not in NO_CAMPAIGN)
        lost = tuple(SentPart.read(part) for part in stored["parts"] if part["campaign_id"] == ID_LOST)
        stays = all(not view.kinds[a.kind].opens_account or a.name != resource.address.account for a in view.leaving)
        if date > view.now and lost and stays:
            # It stays known until its date: declared anew under this key, it would be sent twice.
            self._fail_lost(resource, view)
            view.stuck.add(resource.address)
            if not live:
                return None
        if date <= view.now and self._went_by(resource, date, view):
            return None
        if date <= view.now or not live:
            return Change(resource.address, FORGET, "already_sent", before, None, payload=Payload(None))
        check_lead_time(resource, date, view)
        return Change(
            resource.address,
            DELETE,
            "delete_because_no_resource_config",
            before,
            None,
            method="deleteCampaign",
            calls=len(live),
            payload=Payload(resource.owned if lost and stays else None, cancel=live, keep=lost, over=self.over),
            content=[part.campaign_id for part in live],
            refund=cost_of(live),
        )

    def _went_by(self, resource: Resource, date: datetime, view: View) -> bool:
        """Whether what is no longer wanted is an occurrence that went by today.

        It is known until the day is over: a machine whose clock is behind still wants it, and must not send it again.
        """
        stored = resource.owned.attributes
        if not stored["complete"] and not stored.get("gone"):
            what = "was sent to a part of its audience only" if stored["parts"] else "was cancelled and not sent again"
            view.warn(resource.address, "SMS246", f"{resource.address} {what}")
        zone = zone_called(view.settings.timezone)
        is_of_today = date.astimezone(zone).date() == view.now.astimezone(zone).date()
        leaves = view.destroy or view.account_leaves(resource.address.account)
        return is_of_today and resource.address != resource.address.block and not leaves

    def _warn_gone(self, resource: Resource, date: datetime, view: View) -> None:
        stored = resource.owned.attributes
        left = sum(part["recipients"] for part in stored["parts"]) if date > view.now else 0
        if stored["gone"] in SENT:
            what = "was sent when it was to be changed, or a part of it was"
        else:
            what = "is gone from the account, or a part of it is"
        view.warn(
            resource.address,
            "SMS245",
            f"{resource.address} {what}: it is not made again by itself"
            + (f"; it is still scheduled for {plural(left, 'recipient')}" if left else ""),
            "Remove its block first, which cancels what is left of it; to send it anew declare it under another key then.",
        )

    def _fail_lost(self, resource: Resource, view: View) -> None:
        view.fail(
            resource.address,
            UNCHANGEABLE,
            f"A part of {resource.address} was scheduled under an id that nobody knows: it cannot be cancelled from here",
            "It will be sent as it is. Tell its id, which the customer area shows: "
            f"smsops resolve {resource.address} --happened --campaign-id ID. "
            f"Or cancel it there, and let it go: smsops state rm {resource.address}.",
        )

    def _warn_sent(self, resource: Resource, content: str, view: View) -> None:
        stored = resource.owned.attributes
        if not stored["complete"]:
            view.warn(resource.address, "SMS246", f"{resource.address} was sent to a part of its audience only")
        elif content != stored["content"]:
            view.warn(
                resource.address,
                "SMS243",
                f"{resource.address} was sent: its changes have no effect",
                "Declare a campaign under another key to send something else.",
            )
