"""The campaign kind: planned, scheduled in parts, changed part by part, never sent twice.

No call lists campaigns, so the state is all that is known of one: its date, and the campaign id
of each part. A campaign whose date has gone by is sent: it never changes again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from smsops.api.contract import Message, Refused, Sent, Writer
from smsops.kinds.base import Declaration, Declared, Kind, Resource, Session, View, check_ignored
from smsops.kinds.campaign.audience import CampaignData, Estimate, estimate, list_address, recipients_of
from smsops.kinds.campaign.parts import CANCELLING, ID_LOST, NO_CAMPAIGN, NOBODY, SCHEDULED, Part, SentPart, split
from smsops.kinds.campaign.schedule import BadSchedule, is_near, read_schedule, shown, wire_date
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import MAX_LENGTH, BadTemplate, Template, length, parse_template
from smsops.kinds.campaign.where import BadCondition, check
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.plan import CREATE, DELETE, FORGET, UPDATE, Actions, Change, Send
from smsops.model.resources import Absent, Desired, Observation, Present, Read
from smsops.model.settings import Block
from smsops.model.state import Drop, Entry, Event, Intent, Put
from smsops.model.values import JSON, Number, as_json_number, mask_phone, mask_text, plural

_SENDER = re.compile(r"[A-Za-z][A-Za-z0-9 ]{2,10}\Z")
_STOP = re.compile(r"[ \n]STOP au 36180\Z", re.IGNORECASE)
_DONE = frozenset(("CAMPAIGNALREADYDELETED", "CAMPNOTFOUND", "CAMPALREADYSENT", "BADCAMPAIGSENDINGTYPE"))
"""Answers to a cancel after which there is nothing left to cancel (manual, appendix 7)."""


@dataclass(frozen=True)
class _Payload:
    entry: Entry | None
    cancel: tuple[SentPart, ...] = ()
    keep: tuple[SentPart, ...] = ()
    send: tuple[Part, ...] = field(default=(), repr=False)
    message: Message | None = field(default=None, repr=False)
    blacklist: frozenset[str] = field(default=frozenset(), repr=False)
    costs: Mapping[str, Number] = field(default_factory=dict)
    balance: Number | None = None
    when: datetime | None = None


class Campaign(Kind):
    """Campaigns are known by their key, and by the campaign ids in the state."""

    name: ClassVar[str] = "campaign"
    section: ClassVar[str | None] = "campaigns"
    Spec: ClassVar[type[Block]] = CampaignSpec
    adoptable: ClassVar[bool] = False

    # -- configuration ----------------------------------------------------------------------

    def declare(self, spec: CampaignSpec, declaration: Declaration) -> list[Desired]:
        address = Address(declaration.account, self.name, declaration.key)
        try:
            template = parse_template(spec.message)
        except BadTemplate as error:
            declaration.error("SMS152", f"message: {error}", "message")
            return []
        if not template.fields and length(template.wire) > MAX_LENGTH:
            declaration.error(
                "SMS244", f"message: It is longer than {MAX_LENGTH:,} characters", "message", detail="Shorten it."
            )
        try:
            moment = read_schedule(spec.schedule, declaration.settings.timezone)
            wire_date(moment, declaration.settings.account_timezone)
        except BadSchedule as error:
            declaration.error("SMS154", str(error), "schedule")
        if spec.sender is not None and not _SENDER.match(spec.sender):
            declaration.error(
                "SMS155", "sender: Write 3 to 11 letters, digits or blanks, a letter first and no accents", "sender"
            )
        elif spec.sender is not None and not _STOP.search(spec.message):
            declaration.warning(
                "SMS201",
                "In France the sender will be 36180",
                "message",
                detail='A custom sender is used only where the message ends with " STOP au 36180".',
            )
        if not spec.audience.lists and not spec.audience.phones:
            declaration.error("SMS156", "audience: Name lists or phones", "audience")
        if spec.audience.where and not spec.audience.lists:
            declaration.error("SMS156", "audience.where: There are no lists to choose from", "audience", "where")
        keys = dict.fromkeys((*spec.audience.lists, *spec.audience.exclude_lists))
        depends = [list_address(address, key) for key in keys]
        depends += [Address(declaration.account, "contacts", key) for key in keys]
        if declaration.account:
            depends += [Address(None, "sub_account", declaration.account), Address(declaration.account, "credits")]
        phones = self._phones(spec, declaration)
        return [
            Desired(
                address,
                declaration.key,
                spec,
                data=CampaignData(template, phones),
                depends_on=tuple(depends),
                guard=declaration.guard(),
                mark=declaration.mark(),
                marks=_marks(spec, declaration),
            )
        ]

    def _phones(self, spec: CampaignSpec, declaration: Declaration) -> tuple[str, ...]:
        phones: dict[str, None] = {}
        for position, phone in enumerate(spec.audience.phones):
            try:
                phones[normalise_mobile(phone, declaration.settings.default_country)] = None
            except InvalidPhone as error:
                declaration.error(
                    "SMS160",
                    f"{mask_phone(phone) or 'This'} is not the number of a mobile: {error}",
                    "audience",
                    "phones",
                    position,
                )
        return tuple(phones)

    def check(self, desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
        check_ignored(desired, ("audience",), diagnostics)
        spec: CampaignSpec = desired.spec
        complete = True
        named = [(key, f"lists.{i}") for i, key in enumerate(spec.audience.lists)]
        named += [(key, f"exclude_lists.{i}") for i, key in enumerate(spec.audience.exclude_lists)]
        for key, place in named:
            address = list_address(desired.address, key)
            if address in declared.broken:
                complete = False
            elif address not in declared.resources:
                complete = False
                diagnostics.error(
                    "SMS150",
                    f'There is no list "{key}" in this account',
                    detail=did_you_mean(key, declared.names(desired.address.account, "list")),
                    mark=desired.marks[place],
                    address=desired.address,
                )
        if complete:
            self._check_fields(desired, spec, declared, diagnostics)

    def _check_fields(self, desired: Desired, spec: CampaignSpec, declared: Declared, diagnostics: Diagnostics) -> None:
        template: Template = desired.data.template
        every: set[str] = set()
        for key in spec.audience.lists:
            fields: set[str] = declared.resources[list_address(desired.address, key)].data
            every |= fields
            for name in template.fields:
                if name not in fields:
                    diagnostics.error(
                        "SMS151",
                        f'The list "{key}" has no field {name}',
                        detail=did_you_mean(name, fields) or "Declare it under the list's fields:.",
                        mark=desired.marks["message"],
                        address=desired.address,
                    )
        if template.fields and not spec.audience.lists:
            diagnostics.error(
                "SMS151",
                f"{template.fields[0]} is a field of a list, and the audience has none",
                mark=desired.marks["message"],
                address=desired.address,
            )
        if spec.audience.where and spec.audience.lists:
            try:
                check(spec.audience.where, tuple(sorted(every)))
            except BadCondition as error:
                diagnostics.error(
                    "SMS153", f"audience.where: {error}", mark=desired.marks["audience.where"], address=desired.address
                )

    # -- planning ---------------------------------------------------------------------------

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
        recipients = recipients_of(resource.want, view, pending=True) or []
        parts = split(recipients, view.state.salt, (), self._content(resource, moment, view))
        if not parts:
            view.warn(resource.address, "SMS242", f"{resource.address} has an empty audience: nothing is sent")
            return None
        return self._change(resource, CREATE, "absent_from_account", when, immediate, (), (), tuple(parts), view)

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
        audience = self._audience(spec, view)
        pending = pending or audience != stored["audience"]
        recipients = recipients_of(resource.want, view, pending=pending)
        if recipients is None:
            return None
        parts = split(recipients, view.state.salt, [part.start for part in taken], content)
        wanted = {(part.start, part.fingerprint) for part in parts}
        keep = tuple(part for part in taken if part.status == SCHEDULED and (part.start, part.fingerprint) in wanted)
        kept = {(part.start, part.fingerprint) for part in keep}
        cancel = tuple(part for part in taken if part not in keep)
        send = tuple(part for part in parts if (part.start, part.fingerprint) not in kept)
        if not cancel and not send:
            if audience == stored["audience"]:
                return None
            entry = replace(resource.owned, attributes={**stored, "audience": audience})  # it says the same otherwise
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
        if date > view.now and any(part["campaign_id"] == ID_LOST for part in stored["parts"]):
            self._warn_lost(resource, view)
        if date <= view.now or stored.get("gone") or not live:
            return Change(resource.address, FORGET, "already_sent", before, None, payload=_Payload(None))
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
            payload=_Payload(None, cancel=live),
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

    def _audience(self, spec: CampaignSpec, view: View) -> str:
        """A digest of what the block says about the audience."""
        return view.digest(spec.audience.model_dump(mode="json"))

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
        reached = [
            (part, [recipient for recipient in part.recipients if recipient.phone not in blacklist]) for part in send
        ]
        costs = {part.start: estimate(template, people, view) for part, people in reached}
        total = _total(costs.values())
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
            calls=len(live_cancel) + sum(1 for _, people in reached if people),
            content=[
                [message.text, message.sender, message.date, message.notify],
                [part.campaign_id for part in live_cancel],
                [[recipient.phone, *recipient.params] for _, people in reached for recipient in people],
            ],
            payload=_Payload(
                entry,
                cancel,
                keep,
                send,
                message,
                blacklist,
                {start: cost.credits for start, cost in costs.items()},
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
        if view.policy.require_stop and not _STOP.search(spec.message):
            view.block(
                resource.address,
                "SMS254",
                f"{resource.address} does not end with a STOP mention (policy require_stop)",
                'End the message with " STOP au 36180", or say nature: transactional where that is true.',
            )
        window = view.policy.send_window
        clock = f"{when.astimezone(ZoneInfo(view.settings.timezone)):%H:%M}"
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
            named = ", ".join(total.too_long[:5])
            view.fail(
                address,
                "SMS244",
                f"The message of {address} is longer than 1,224 characters for {plural(len(total.too_long), 'recipient')}",
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
            "audience": self._audience(spec, view),
            "message": mask_text(spec.message),
            "sender": spec.sender,
            "parts": [],
            "complete": False,
        }
        return Entry(
            resource.address, resource.address.name, attributes, resource.want.guard.protect, resource.want.depends_on
        )

    def settled(self, intent: Intent, answers: Mapping[str, str]) -> Sequence[Event]:
        if "entry" not in intent.facts:
            return ()
        entry = Entry.read(str(intent.address), intent.facts["entry"])
        told = intent.facts.get("evidence", {}).get("campaignid")
        return [Put(_with_campaign_id(entry, answers.get("campaign_id") or told or ID_LOST))]

    # -- executing --------------------------------------------------------------------------

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        payload: _Payload = change.payload
        if payload.entry is None and not payload.cancel:
            return [Drop(change.address)]
        api = await session.account(change.address.account)
        await self._cancel(change, payload, api, session)
        if payload.entry is None:
            return [Drop(change.address)]
        sent = await self._send(change, payload, api, session)
        ids: JSON = [part.campaign_id for part in sent if part.campaign_id not in NO_CAMPAIGN]
        session.returned(campaign_ids=ids)
        return [Put(_with_parts(payload.entry, sent, complete=True))]

    async def _cancel(self, change: Change, payload: _Payload, api: Writer, session: Session) -> None:
        """Cancel parts one by one; each is recorded as gone before the next."""
        remaining = [*payload.keep, *payload.cancel]
        for part in payload.cancel:
            if part.campaign_id not in NO_CAMPAIGN:
                await self._cancel_part(change.address, part, payload.entry is not None, api, session)
            remaining.remove(part)
            current = session.entry(change.address)
            if current is not None:
                session.record(Put(_with_parts(current, remaining, complete=False)))

    async def _cancel_part(
        self, address: Address, part: SentPart, replaced: bool, api: Writer, session: Session
    ) -> None:
        """Cancel a part. Where it is to be replaced it must be us who cancelled it, not somebody who did not want it."""
        entry = session.entry(address)
        if entry is not None and part.status != CANCELLING:
            session.record(Put(_with_status(entry, part, CANCELLING)))
        try:
            answer = await api.delete_campaign(part.campaign_id)
        except Refused as error:
            if str(error.status) not in _DONE:
                raise
            if replaced:
                self._record_gone(address, str(error.status), session)
                raise
            return
        if replaced and answer.already and not answer.repeated and part.status != CANCELLING:
            self._record_gone(address, "CAMPAIGNALREADYDELETED", session)
            raise Refused("deleteCampaign", "somebody cancelled it already; it is not made again by itself")

    def _record_gone(self, address: Address, status: str, session: Session) -> None:
        """A part that should have been replaced was sent, or is gone: nothing of the campaign is made again."""
        entry = session.entry(address)
        if entry is not None:
            session.record(Put(replace(entry, attributes={**entry.attributes, "gone": status})))

    async def _send(self, change: Change, payload: _Payload, api: Writer, session: Session) -> list[SentPart]:
        assert payload.entry is not None
        assert payload.message is not None
        sent = list(payload.keep)
        rejected: list[str] = []
        balance = payload.balance
        total = sum(len(part.recipients) for part in payload.send)
        done = 0
        for part in payload.send:
            people = tuple(recipient for recipient in part.recipients if recipient.phone not in payload.blacklist)
            if not people:
                sent.append(SentPart(part.start, part.fingerprint, 0, NOBODY))
                continue
            if payload.when is not None and session.now() >= payload.when:
                raise Refused("sendSms", "its date has passed while the apply ran: nothing more of it is sent")
            marker = f"{payload.entry.identity}-{part.fingerprint[:10]}"
            message = replace(payload.message, recipients=people, client_id=marker)
            cost = as_json_number(payload.costs.get(part.start, 0))
            new = SentPart(part.start, part.fingerprint, len(people), "", credits=cost)
            announced = _with_parts(payload.entry, (*sent, new), complete=False)

            def taken(answer: Sent, announced: Entry = announced) -> list[Event]:
                return [Put(_with_campaign_id(announced, answer.campaign_id, answer.credits_used))]

            facts: dict[str, JSON] = {
                "part": part.start,
                "fingerprint": part.fingerprint,
                "recipients": len(people),
                "marker": marker,
                "campaign_name": message.campaign_name,
                "date": message.date,
                "expected_cost": cost,
                "balance_before": None if balance is None else as_json_number(balance),
                "entry": announced.document(),
            }
            answer = await session.once(
                "sendSms", partial(api.send_sms, message), taken, address=change.address, facts=facts
            )
            balance = answer.credits if answer.credits is not None else balance
            used = cost if answer.credits_used is None else as_json_number(answer.credits_used)
            sent.append(replace(new, campaign_id=answer.campaign_id, credits=used))
            rejected += [mask_phone(phone) for phone in answer.invalid_numbers]
            done += len(part.recipients)
            session.progress(done, total, "recipients")
        if rejected:
            session.returned(rejected=rejected)
        return sent


def _marks(spec: CampaignSpec, declaration: Declaration) -> dict[str, Mark]:
    """The places that rules across resources point at."""
    marks = {name: declaration.mark(*name.split(".")) for name in ("message", "audience.where")}
    for name in ("lists", "exclude_lists"):
        for position, _ in enumerate(getattr(spec.audience, name)):
            marks[f"{name}.{position}"] = declaration.mark("audience", name, position)
    return marks


def _with_campaign_id(announced: Entry, campaign_id: str, used: Number | None = None) -> Entry:
    """The entry of a campaign whose newest part, which had no id yet, was taken, and cost what was `used`."""
    parts = [SentPart.read(part) for part in announced.attributes["parts"]]
    done = [
        part
        if part.campaign_id
        else replace(part, campaign_id=campaign_id, credits=part.credits if used is None else as_json_number(used))
        for part in parts
    ]
    return _with_parts(announced, done, complete=False)


def _with_status(entry: Entry, part: SentPart, status: str) -> Entry:
    parts = [SentPart.read(other) for other in entry.attributes["parts"]]
    marked = [replace(other, status=status) if other.campaign_id == part.campaign_id else other for other in parts]
    return _with_parts(entry, marked, complete=False)


def _cost(parts: Sequence[SentPart]) -> Number:
    """What cancelling parts gives back: whole credits."""
    return round(sum(part.credits for part in parts))


def _with_parts(entry: Entry, parts: Sequence[SentPart], *, complete: bool) -> Entry:
    documents = [part.document() for part in sorted(parts, key=lambda part: part.start)]
    return replace(entry, attributes={**entry.attributes, "parts": documents, "complete": complete})


def _total(estimates: Any) -> Estimate:
    every = list(estimates)
    return Estimate(
        sum(one.recipients for one in every),
        sum(one.messages for one in every),
        sum((one.credits for one in every), start=0),
        tuple(phone for one in every for phone in one.too_long),
        tuple(sorted({country for one in every for country in one.unpriced})),
    )


def _master_balance(view: View) -> Number | None:
    (info,) = view.read(Read("get_info"))
    balance: Number | None = info.credits
    return balance
