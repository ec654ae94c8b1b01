"""The campaign kind: planned, scheduled in parts, changed part by part, never sent twice.

No call lists campaigns, so the state is all that is known of one: its date, and the campaign id
of each part. A campaign whose date has gone by is sent: it never changes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from smsops.api.contract import Message
from smsops.kinds.base import Declaration, Declared, Kind, Resource, Session, View
from smsops.kinds.campaign.audience import audience_of, declared_part
from smsops.kinds.campaign.calls import Payload, execute, with_campaign_id, with_lost_id
from smsops.kinds.campaign.cost import Estimate, estimate
from smsops.kinds.campaign.declare import check, declare
from smsops.kinds.campaign.parts import CANCELLING, ID_LOST, NO_CAMPAIGN, SCHEDULED, Part, SentPart, split
from smsops.kinds.campaign.schedule import is_near, read_schedule, shown, wire_date, zone_called
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import STOP, Template
from smsops.model.address import Address
from smsops.model.block import Block
from smsops.model.diagnostics import Diagnostics
from smsops.model.plan import CREATE, DELETE, FORGET, UPDATE, Actions, Change, Send
from smsops.model.resources import Absent, Desired, Observation, Present, Read
from smsops.model.state import Entry, Event, Intent, Put
from smsops.model.values import JSON, Number, mask_text, plural
from smsops.table import Table

_TAKEN = (None, "100", "101")
"""What the status of a sending that was taken may be, where the rest of its answer is lost."""


class Campaign(Kind):
    """Campaigns are known by their key, and by the campaign ids in the state."""

    name: ClassVar[str] = "campaign"
    section: ClassVar[str | None] = "campaigns"
    Spec: ClassVar[type[Block]] = CampaignSpec
    adoptable: ClassVar[bool] = False

    def declare(self, spec: CampaignSpec, declaration: Declaration) -> list[Desired]:
        return declare(self.name, spec, declaration)

    def check(self, desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
        check(desired, declared, diagnostics)

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        return await execute(change, session)

    def told(self, intent: Intent) -> str:
        answer = intent.facts.get("evidence", {})
        campaign_id = answer.get("campaignid") if answer.get("status") in _TAKEN else None
        return f"the part of the answer that arrived names the campaign {campaign_id}" if campaign_id else ""

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
        spec: CampaignSpec = resource.want.spec
        moment = read_schedule(spec.schedule, view.settings.timezone)
        immediate = moment <= view.now
        if immediate and spec.if_missed != "send":
            self._warn_missed(resource, moment, view)
            return None
        when = view.now if immediate else moment
        people = audience_of(resource.want, view, pending=True)
        assert people is not None
        parts = self._parts(resource, people, (), self._content(resource, moment, view), view)
        if not parts:
            view.warn(resource.address, "SMS242", f"{resource.address} has an empty audience: nothing is sent")
            return None
        return self._change(resource, CREATE, "absent_from_account", when, immediate, (), (), tuple(parts), view)

    def _parts(
        self, resource: Resource, people: Table, starts: tuple[str, ...], content: str, view: View
    ) -> list[Part]:
        template: Template = resource.want.data.template
        cut = ("parts", resource.address, starts, content)
        return view.once(cut, (people,), lambda: split(people, template, view.state.salt, starts, content))

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

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        spec: CampaignSpec = resource.want.spec
        stored = resource.owned.attributes
        scheduled_for = datetime.fromisoformat(stored["date"])
        moment = read_schedule(spec.schedule, view.settings.timezone)
        content = self._content(resource, moment, view)
        if stored.get("gone"):
            view.warn(
                resource.address,
                "SMS245",
                f"{resource.address} is gone from the account and is not made again by itself",
                "Remove it, or declare it under another key to schedule it anew.",
            )
            return None
        if not stored["parts"] and not stored["complete"]:  # cancelled, and then the run that would send it anew ended
            change = self.create(resource, view)
            return replace(change, actions=UPDATE, reason="partly_scheduled") if change else None
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
        if not pending and "audience" in resource.want.guard.ignore_changes:
            return None
        audience = self._audience(resource, view)
        pending = pending or audience != stored["audience"]
        people = audience_of(resource.want, view, pending=pending)
        if people is None:
            return None
        parts = self._parts(resource, people, tuple(part.start for part in taken), content, view)
        wanted = {(part.start, part.fingerprint) for part in parts}
        keep = tuple(part for part in taken if part.status == SCHEDULED and (part.start, part.fingerprint) in wanted)
        kept = {(part.start, part.fingerprint) for part in keep}
        cancel = tuple(part for part in taken if part not in keep)
        send = tuple(part for part in parts if (part.start, part.fingerprint) not in kept)
        if not cancel and not send:
            attributes = {**stored, "audience": audience, "content": content, "complete": True}
            if attributes == stored:
                return None
            entry = replace(
                resource.owned, attributes=attributes
            )  # it says the same otherwise, or nothing was left to do
            return Change(resource.address, UPDATE, "audience_changed", {}, {}, entry=entry)
        if any(part.campaign_id == ID_LOST for part in cancel):
            self._warn_lost(resource, view)
            return None
        if not self._may_change(resource, scheduled_for, view):
            return None
        reason = "configuration_changed" if content != stored["content"] else "audience_changed"
        reason = reason if stored["complete"] else "partly_scheduled"
        return self._change(resource, UPDATE, reason, moment, False, cancel, keep, send, view)

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if not isinstance(observation, Present):
            return None  # it went with its account
        stored = resource.owned.attributes
        date = datetime.fromisoformat(stored["date"])
        before = {"schedule": shown(date, view.settings.timezone), "message": stored["message"]}
        live = tuple(SentPart.read(part) for part in stored["parts"] if part["campaign_id"] not in NO_CAMPAIGN)
        lost = tuple(SentPart.read(part) for part in stored["parts"] if part["campaign_id"] == ID_LOST)
        stays = all(not view.kinds[a.kind].opens_account or a.name != resource.address.account for a in view.leaving)
        if date > view.now and lost and stays:
            # It stays known until its date: declared anew under this key, it would be sent twice.
            self._warn_lost(resource, view)
            if not live:
                return None
        if date <= view.now or stored.get("gone") or not live:
            return Change(resource.address, FORGET, "already_sent", before, None, payload=Payload(None))
        if not self._may_change(resource, date, view):
            return None
        return Change(
            resource.address,
            DELETE,
            "delete_because_no_resource_config",
            before,
            None,
            method="deleteCampaign",
            calls=len(live),
            payload=Payload(resource.owned if lost and stays else None, cancel=live, keep=lost),
            content=[part.campaign_id for part in live],
            refund=_cost(live),
        )

    def _warn_lost(self, resource: Resource, view: View) -> None:
        view.warn(
            resource.address,
            "SMS247",
            f"A part of {resource.address} was scheduled under an id that nobody knows: it cannot be cancelled from here",
            "It will be sent. Cancel it in the customer area if need be.",
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

    def _may_change(self, resource: Resource, date: datetime, view: View) -> bool:
        if not is_near(date, view.now, view.policy.min_lead_time if view.policy else None):
            return True
        view.block(
            resource.address,
            "SMS250",
            f"{resource.address} is too close to its date to be changed (policy min_lead_time)",
            f"It is sent at {shown(date, view.settings.timezone)}.",
        )
        return False

    def _content(self, resource: Resource, moment: datetime, view: View) -> str:
        """A digest of all that the parts share."""
        spec: CampaignSpec = resource.want.spec
        return view.digest(
            [
                resource.want.data.template.wire,
                list(resource.want.data.template.fields),
                spec.sender,
                moment.isoformat(),
                spec.notify,
            ]
        )

    def _audience(self, resource: Resource, view: View) -> str:
        """A digest of what the configuration says about the audience."""
        spec: CampaignSpec = resource.want.spec
        return view.digest([spec.audience.model_dump(), declared_part(resource.want, view)])

    def _change(
        self,
        resource: Resource,
        actions: Actions,
        reason: str,
        when: datetime,
        immediate: bool,
        cancel: tuple[SentPart, ...],
        keep: tuple[SentPart, ...],
        send: tuple[Part, ...],
        view: View,
    ) -> Change:
        spec: CampaignSpec = resource.want.spec
        template: Template = resource.want.data.template
        blacklist = self._blacklist(resource.address, view) if send else frozenset()
        total = estimate(send, template, blacklist, view)
        self._judge(resource, total, view)
        self._check_policies(resource, when, view)
        entry = self._entry(resource, when, view)
        name = f"{resource.address.name} {view.digest(str(resource.address))[:6]}"
        message = Message(
            template.wire,
            (),
            sender=spec.sender,
            date=None if immediate else wire_date(when, view.settings.account_timezone),
            campaign_name=name,
            dynamic=len(template.fields),
            notify=spec.notify,
        )
        live_cancel = tuple(part for part in cancel if part.campaign_id not in NO_CAMPAIGN)
        recipients = total.recipients + sum(part.recipients for part in keep)
        before = None
        if resource.entry:
            before = {
                "message": resource.entry.attributes["message"],
                "sender": resource.entry.attributes["sender"],
                "schedule": shown(datetime.fromisoformat(resource.entry.attributes["date"]), view.settings.timezone),
                "recipients": sum(part["recipients"] for part in resource.entry.attributes["parts"]),
            }
        after: dict[str, JSON] = {
            "message": mask_text(spec.message),
            "sender": spec.sender,
            "schedule": "now" if immediate else shown(when, view.settings.timezone),
            "recipients": recipients,
            "parts": len(keep) + len(send),
        }
        return Change(
            resource.address,
            actions,
            reason,
            before,
            after,
            method="sendSms" if send else "deleteCampaign",
            calls=len(live_cancel) + sum(1 for reach in total.reached.values() if reach.recipients),
            steps=(
                *(["cancel", part.campaign_id] for part in live_cancel),
                *(
                    [
                        message.text,
                        message.sender,
                        message.date,
                        message.notify,
                        part.fingerprint,
                        view.digest(total.reached[part.start].blocked),
                    ]
                    for part in send
                    if total.reached[part.start].recipients
                ),
            ),
            payload=Payload(
                entry,
                cancel,
                keep,
                send,
                message,
                blacklist,
                total.costs,
                self._balance(resource.address, view),
                None if immediate else when,
            ),
            send=Send(resource.address.account, total.recipients, total.messages, total.credits),
            refund=_cost(live_cancel) if live_cancel else None,
        )

    def _blacklist(self, address: Address, view: View) -> frozenset[str]:
        owner = view.owner(address)
        if not isinstance(owner, Present):
            return frozenset()  # a new account has none
        (phones,) = view.read(Read("get_blacklist", (), owner.identity or None))
        return frozenset(phones)

    def _balance(self, address: Address, view: View) -> Number | None:
        owner = view.owner(address)
        if address.account is None:
            return _master_balance(view)
        return owner.facts["balance"] if isinstance(owner, Present) else 0

    def _check_policies(self, resource: Resource, when: datetime, view: View) -> None:
        """What a team demands of its marketing messages; others are exempt."""
        spec: CampaignSpec = resource.want.spec
        if view.policy is None or spec.nature != "marketing":
            return
        if view.policy.require_stop and not STOP.search(spec.message):
            view.block(
                resource.address,
                "SMS254",
                f"{resource.address} does not end with a STOP mention (policy require_stop)",
                'End the message with " STOP au 36180", or say nature: transactional where that is true.',
            )
        window = view.policy.send_window
        clock = f"{when.astimezone(zone_called(view.settings.timezone)):%H:%M}"
        if window is not None and not window[0] <= clock <= window[1]:
            view.block(
                resource.address,
                "SMS254",
                f"{resource.address} is scheduled for {clock}, outside {window[0]}-{window[1]} (policy send_window)",
                "Change schedule:, or say nature: transactional where that is true.",
            )

    def _judge(self, resource: Resource, total: Estimate, view: View) -> None:
        address, spec = resource.address, resource.want.spec
        if total.too_long:
            named = ", ".join(total.shown_too_long)
            view.fail(
                address,
                "SMS244",
                f"The message of {address} is longer than 1,224 characters for {plural(total.too_long, 'recipient')}",
                f"They are {named}. Shorten the message or the values.",
            )
        if total.unpriced:
            view.warn(
                address, "SMS202", f"No price is known for {', '.join(total.unpriced)}: the cost of {address} is higher"
            )
        limits: list[tuple[str, int | None]] = [("max_credits", spec.max_credits)]
        if view.policy:
            limits.append(("policy max_credits_per_campaign", view.policy.max_credits_per_campaign))
        for name, limit in limits:
            if limit is not None and (total.credits > limit or total.unpriced):
                cost = f"{'more than ' if total.unpriced else ''}{plural(total.credits, 'credit')}"
                view.block(address, "SMS251", f"{address} would cost {cost}; {name} allows {limit:,}")

    def _entry(self, resource: Resource, when: datetime, view: View) -> Entry:
        spec: CampaignSpec = resource.want.spec
        moment = read_schedule(spec.schedule, view.settings.timezone)
        attributes: dict[str, JSON] = {
            "date": when.isoformat(),
            "content": self._content(resource, moment, view),
            "audience": self._audience(resource, view),
            "message": mask_text(spec.message),
            "sender": spec.sender,
            "parts": [],
            "complete": False,
        }
        return Entry(
            resource.address, resource.address.name, attributes, resource.want.guard.protect, resource.want.depends_on
        )


def _cost(parts: Sequence[SentPart]) -> Number:
    """What cancelling parts gives back: whole credits. Where cancelling was begun, it may have been given back already."""
    return round(sum(part.credits for part in parts if part.status != CANCELLING))


def _master_balance(view: View) -> Number | None:
    (info,) = view.read(Read("get_info"))
    balance: Number | None = info.credits
    return balance
