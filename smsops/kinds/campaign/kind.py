"""The campaign kind: planned, scheduled in parts, changed part by part, never sent twice.

No call lists campaigns, so the state is all that is known of one: its date, and the campaign id
of each part. A campaign whose date has gone by is sent: it never changes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import ClassVar

from smsops.api.contract import Message
from smsops.kinds.base import Declaration, Declared, Kind, Readers, Resource, Session, Upcoming, View
from smsops.kinds.campaign.audience import Audience, CampaignData, audience_of, declared_part
from smsops.kinds.campaign.calls import SENT, Payload, execute, with_campaign_id, with_lost_id
from smsops.kinds.campaign.cost import Estimate, cost_of, estimate, judge_cost
from smsops.kinds.campaign.declare import check, declare
from smsops.kinds.campaign.law import judge_law, lawful_until
from smsops.kinds.campaign.links import kept_links, known_links, unmade_links
from smsops.kinds.campaign.parts import ID_LOST, NO_CAMPAIGN, SCHEDULED, SHOWN, Part, SentPart, cut
from smsops.kinds.campaign.policy import check_lead_time, check_policies
from smsops.kinds.campaign.recurrence import days_of_scheduling
from smsops.kinds.campaign.report import DEFAULT_SENDER, judge_message, message_document
from smsops.kinds.campaign.schedule import read_schedule, shown, wire_date, zone_called
from smsops.kinds.campaign.simulate import simulate
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import Template
from smsops.model.address import Address
from smsops.model.block import Block
from smsops.model.diagnostics import Diagnostics
from smsops.model.plan import CREATE, DELETE, FORGET, UPDATE, Actions, Appointment, Change, Funnel, Parts, Send
from smsops.model.resources import Absent, Desired, Observation, Present, Read
from smsops.model.state import Entry, Event, Intent, Put
from smsops.model.values import JSON, Number, mask_text, plural
from smsops.table import Table

DEFAULT_ZONE = "Europe/Paris"

_TAKEN = (None, "100", "101")
"""What the status of a sending that was taken may be, where the rest of its answer is lost."""


@dataclass(frozen=True)
class _Planned:
    """What is to become of a campaign: parts are cancelled, kept, and sent at a moment."""

    actions: Actions
    reason: str
    when: datetime
    immediate: bool
    audience: Audience
    cancel: tuple[SentPart, ...] = ()
    keep: tuple[SentPart, ...] = ()
    send: tuple[Part, ...] = ()


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

    def appointment(self, resource: Resource, view: View) -> Appointment | None:
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
                (send.message or {}).get("sender") or entry.attributes["sender"] or DEFAULT_SENDER,
                entry.attributes["message"],
                send.cancellable_until,
            )
        if resource.entry is None or (change and change.actions == DELETE) or resource.entry.attributes.get("gone"):
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
            stored["sender"] or DEFAULT_SENDER,
            stored["message"],
            self._last_change(date, view),
        )

    def upcoming(self, resource: Resource, view: View, until: date) -> Iterator[Upcoming]:
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

    def preview(self, resource: Resource, view: View) -> JSON:
        audience = audience_of(resource.want, view, pending=True)
        assert audience is not None
        template: Template = resource.want.data.template
        template = template.linked(known_links(template, resource.entry, view))
        moment = read_schedule(resource.want.spec.schedule, view.settings.timezone)
        parts = self._parts(resource, audience.people, (), self._content(resource, moment, view), view)
        blacklist = self._blacklist(resource.address, view)
        survey = parts[0].cut.survey([part.number for part in parts], template, blacklist) if parts else None
        blocked = len(audience.people.find(blacklist))
        return {
            "address": str(resource.address),
            "account": resource.address.account,
            "date": moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "schedule": shown(moment, view.settings.timezone),
            "recipients": len(audience.people) - blocked,
            "message": message_document(resource, survey, view) if survey else None,
        }

    async def simulate(self, change: Change, view: View, readers: Readers) -> Change:
        return await simulate(change, view, readers)

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
        audience = audience_of(resource.want, view, pending=True)
        assert audience is not None
        parts = self._parts(resource, audience.people, (), self._content(resource, moment, view), view)
        if not parts:
            view.warn(resource.address, "SMS242", f"{resource.address} has an empty audience: nothing is sent")
            return None
        change = _Planned(CREATE, "absent_from_account", when, immediate, audience, send=tuple(parts))
        return self._change(resource, change, view)

    def _parts(
        self, resource: Resource, people: Table, starts: tuple[str, ...], content: str, view: View
    ) -> list[Part]:
        template: Template = resource.want.data.template
        block = resource.address.block  # occurrences have one audience and one message
        made = view.once(
            ("cut", block, starts), (people, template), lambda: cut(people, template, view.state.salt, starts)
        )
        return view.once(("parts", block, starts, content), (made,), lambda: made.parts(content))

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
            self._warn_gone(resource, scheduled_for, view)
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
        becomes_marketing = spec.nature == "marketing" and stored.get("nature") == "transactional"
        pending = pending or becomes_marketing
        if not pending and "audience" in resource.want.guard.ignore_changes:
            return None
        audience = self._audience(resource, view)
        pending = pending or audience != stored["audience"]
        people = audience_of(resource.want, view, pending=pending)
        if people is None:
            return None
        parts = self._parts(resource, people.people, tuple(part.start for part in taken), content, view)
        wanted = {(part.start, part.fingerprint) for part in parts}
        keep = tuple(part for part in taken if part.status == SCHEDULED and (part.start, part.fingerprint) in wanted)
        kept = {(part.start, part.fingerprint) for part in keep}
        cancel = tuple(part for part in taken if part not in keep)
        send = tuple(part for part in parts if (part.start, part.fingerprint) not in kept)
        if not cancel and not send:
            if becomes_marketing and parts:
                self._judge_anew(resource, parts, moment, view)
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
        planned = _Planned(UPDATE, reason, moment, False, people, cancel, keep, send)
        return self._change(resource, planned, view)

    def _judge_anew(self, resource: Resource, parts: Sequence[Part], when: datetime, view: View) -> None:
        """What was exempt and is marketing now has to keep the rules, although it is scheduled already."""
        blacklist = self._blacklist(resource.address, view)
        survey = parts[0].cut.survey([part.number for part in parts], resource.want.data.template, blacklist)
        if survey is not None:
            judge_law(resource, survey, when, view)
        check_policies(resource, when, view)

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
            payload=Payload(resource.owned if lost and stays else None, cancel=live, keep=lost),
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

    def _content(self, resource: Resource, moment: datetime, view: View) -> str:
        """A digest of all that the parts share."""
        spec: CampaignSpec = resource.want.spec
        template: Template = resource.want.data.template
        shared: list[JSON] = [template.wire, list(template.fields), spec.sender, moment.isoformat(), spec.notify]
        if view.settings.account_timezone != DEFAULT_ZONE:  # what DATE says is then another
            shared.append(view.settings.account_timezone)
        return view.digest([*shared, list(template.links)] if template.links else shared)

    def _audience(self, resource: Resource, view: View) -> str:
        """A digest of what the configuration says about the audience."""
        spec: CampaignSpec = resource.want.spec
        return view.digest([spec.audience.model_dump(), declared_part(resource.want, view)])

    def _change(self, resource: Resource, planned: _Planned, view: View) -> Change:
        spec: CampaignSpec = resource.want.spec
        when, cancel, keep, send = planned.when, planned.cancel, planned.keep, planned.send
        zone = zone_called(view.settings.timezone)
        template: Template = resource.want.data.template
        known = known_links(template, resource.entry, view)
        linked = template.linked(known)
        blacklist = self._blacklist(resource.address, view) if send else frozenset()
        total = estimate(send, linked, blacklist, view)
        survey = send[0].cut.survey([part.number for part in send], linked, blacklist) if send else None
        self._judge(resource, total, planned, view)
        if survey is not None:
            if resource.want.data.is_first:  # occurrences look alike
                judge_message(resource, survey, view)
            judge_law(resource, survey, when, view)
        check_policies(resource, when, view)
        if send and not planned.immediate and self._last_change(when, view) is None:
            view.warn(
                resource.address,
                "SMS272",
                f"{resource.address} cannot be taken back once it is scheduled: its date is closer than min_lead_time",
                "Choose a later date if it may still change.",
            )
        entry = self._entry(resource, when, view)
        name = f"{resource.address.name} {view.digest(str(resource.address))[:6]}"
        message = Message(
            linked.wire,
            (),
            sender=spec.sender,
            date=None if planned.immediate else wire_date(when, view.settings.account_timezone),
            campaign_name=name,
            dynamic=len(template.fields),
            notify=spec.notify,
        )
        live_cancel = tuple(part for part in cancel if part.campaign_id not in NO_CAMPAIGN)
        sent_parts = sum(1 for reach in total.reached.values() if reach.recipients)
        to_shorten = unmade_links(template, known, view) if sent_parts else ()
        recipients = total.recipients + sum(part.recipients for part in keep)
        blocked = len(planned.audience.people.find(blacklist)) if send else 0
        funnel = Funnel(
            planned.audience.in_lists,
            planned.audience.matching,
            len(planned.audience.people),
            len(planned.audience.people) - blocked,
            total.recipients,
        )
        before = None
        if resource.entry:
            before = {
                "message": resource.entry.attributes["message"],
                "sender": resource.entry.attributes["sender"],
                "schedule": shown(datetime.fromisoformat(resource.entry.attributes["date"]), view.settings.timezone),
                "recipients": sum(part["recipients"] for part in resource.entry.attributes["parts"]),
                "parts": len(resource.entry.attributes["parts"]),
            }
        after: dict[str, JSON] = {
            "message": mask_text(spec.message),
            "sender": spec.sender,
            "schedule": "now" if planned.immediate else shown(when, view.settings.timezone),
            "recipients": recipients,
            "parts": len(keep) + len(send),
        }
        return Change(
            resource.address,
            planned.actions,
            planned.reason,
            before,
            after,
            method="sendSms" if send else "deleteCampaign",
            calls=len(live_cancel) + sent_parts + len(to_shorten),
            steps=(
                *(["cancel", part.campaign_id] for part in live_cancel),
                *(
                    [
                        template.wire,
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
                None if planned.immediate else when,
                to_shorten,
                lawful_until(resource, survey, view) if planned.immediate and survey else None,
            ),
            send=Send(
                resource.address.account,
                total.recipients,
                total.messages,
                total.credits,
                date=None if planned.immediate else when.astimezone(zone),
                cancellable_until=None if planned.immediate else self._last_change(when, view),
                funnel=funnel,
                countries=total.countries,
                message=message_document(resource, survey, view) if survey else {},
                parts=Parts(len(keep), len(cancel), sent_parts),
                unpriced=total.unpriced,
            ),
            refund=cost_of(live_cancel) if live_cancel else None,
        )

    def _last_change(self, when: datetime, view: View) -> datetime | None:
        """Until when a campaign can be taken back, in the stack's zone; None where that is over already."""
        lead = view.policy.min_lead_time if view.policy else None
        last = when - lead if lead else when
        return last.astimezone(zone_called(view.settings.timezone)) if last > view.now else None

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

    def _judge(self, resource: Resource, total: Estimate, planned: _Planned, view: View) -> None:
        address, audience = resource.address, planned.audience
        if audience.invalid:
            some = "; ".join(f"{phone}: {reason}" for phone, reason in audience.invalid[:SHOWN])
            more = len(audience.invalid) - SHOWN
            view.warn(
                address,
                "SMS208",
                f"{plural(len(audience.invalid), 'contact')} of {address} cannot get an SMS: nothing is sent to them",
                some + (f"; and {more:,} more." if more > 0 else "."),
            )
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
        judge_cost(resource, total.credits + cost_of(planned.keep), total.unpriced, view)

    def _entry(self, resource: Resource, when: datetime, view: View) -> Entry:
        spec: CampaignSpec = resource.want.spec
        moment = read_schedule(spec.schedule, view.settings.timezone)
        attributes: dict[str, JSON] = {
            "date": when.isoformat(),
            "content": self._content(resource, moment, view),
            "audience": self._audience(resource, view),
            "message": mask_text(spec.message),
            "sender": spec.sender,
            "nature": spec.nature,
            "parts": [],
            "complete": False,
        }
        if links := kept_links(resource.want.data.template, resource.entry, view):
            attributes["links"] = links
        return Entry(
            resource.address, resource.address.name, attributes, resource.want.guard.protect, resource.want.depends_on
        )


def _master_balance(view: View) -> Number | None:
    (info,) = view.read(Read("get_info"))
    balance: Number | None = info.credits
    return balance
