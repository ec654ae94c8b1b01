"""From what is to become of a campaign to one change: who is sent to, what it costs, whether it may, and how it is done."""

from __future__ import annotations

from datetime import datetime

from smsops.kinds.campaign.audience import audience_digest
from smsops.kinds.campaign.calls import Payload, TextPost
from smsops.kinds.campaign.cost import Estimate, cost_of, estimate, judge_cost
from smsops.kinds.campaign.law import judge_law, lawful_until
from smsops.kinds.campaign.life import Planned
from smsops.kinds.campaign.links import kept_links, known_links, unmade_links
from smsops.kinds.campaign.parts import NO_CAMPAIGN, SHOWN, Part, cut
from smsops.kinds.campaign.policy import cancellable_until, check_policies, warn_final
from smsops.kinds.campaign.report import judge_message, message_document
from smsops.kinds.campaign.schedule import read_schedule, shown, wire_date, zone_called
from smsops.kinds.campaign.spec import CampaignSpec
from smsops.kinds.campaign.text import Template
from smsops.kinds.view import MASTER_INFO, Resource, View
from smsops.model.address import Address
from smsops.model.plan import Change
from smsops.model.resources import Present, Read
from smsops.model.sending import Funnel, Parts, Send
from smsops.model.shown import mask_text
from smsops.model.state import Entry
from smsops.model.values import JSON, Number, plural
from smsops.table import Table

DEFAULT_ZONE = "Europe/Paris"


def change_of(resource: Resource, planned: Planned, view: View) -> Change:
    """The change, judged: its message, its cost, the law and the policies."""
    spec: CampaignSpec = resource.want.spec
    when, cancel, keep, send = planned.when, planned.cancel, planned.keep, planned.send
    zone = zone_called(view.settings.timezone)
    template: Template = resource.want.data.template
    known = known_links(template, resource.entry, view)
    linked = template.linked(known)
    blacklist = blacklist_of(resource.address, view) if send else frozenset()
    total = estimate(send, linked, blacklist, view)
    survey = send[0].cut.survey([part.number for part in send], linked, blacklist) if send else None
    _judge(resource, total, planned, view)
    if survey is not None:
        if resource.want.data.is_first:  # occurrences look alike
            judge_message(resource, survey, view)
        judge_law(resource, survey, when, view)
    check_policies(resource, when, view)
    if send and not planned.immediate:
        warn_final(resource, when, view)
    entry = _entry(resource, when, view)
    name = f"{resource.address.name} {view.digest(str(resource.address))[:6]}"
    from smsops.api.records import Message

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
            TextPost(message, blacklist, total.costs),
            balance_of(resource.address, view),
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
            cancellable_until=None if planned.immediate else cancellable_until(when, view),
            funnel=funnel,
            countries=total.countries,
            message=message_document(resource, survey, view) if survey else {},
            parts=Parts(len(keep), len(cancel), sent_parts),
            unpriced=total.unpriced,
        ),
        refund=cost_of(live_cancel) if live_cancel else None,
    )


def parts_of(resource: Resource, people: Table, starts: tuple[str, ...], content: str, view: View) -> list[Part]:
    """The parts of an audience, along those that are scheduled."""
    template: Template = resource.want.data.template
    block = resource.address.block  # occurrences have one audience and one message
    made = view.once(("cut", block, starts), (people, template), lambda: cut(people, template, view.state.salt, starts))
    return view.once(("parts", block, starts, content), (made,), lambda: made.parts(content))


def content_digest(resource: Resource, moment: datetime, view: View) -> str:
    """A digest of all that the parts share."""
    spec: CampaignSpec = resource.want.spec
    template: Template = resource.want.data.template
    shared: list[JSON] = [template.wire, list(template.fields), spec.sender, moment.isoformat(), spec.notify]
    if view.settings.account_timezone != DEFAULT_ZONE:  # what DATE says is then another
        shared.append(view.settings.account_timezone)
    return view.digest([*shared, list(template.links)] if template.links else shared)


def blacklist_of(address: Address, view: View) -> frozenset[str]:
    """The numbers that the account of a campaign cannot reach."""
    owner = view.owner(address)
    if not isinstance(owner, Present):
        return frozenset()  # a new account has none
    (phones,) = view.read(Read("get_blacklist", (), owner.identity or None))
    return frozenset(phones)


def balance_of(address: Address, view: View) -> Number | None:
    owner = view.owner(address)
    if address.account is None:
        (info,) = view.read(MASTER_INFO)
        balance: Number | None = info.credits
        return balance
    return owner.facts["balance"] if isinstance(owner, Present) else 0


def _judge(resource: Resource, total: Estimate, planned: Planned, view: View) -> None:
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


def _entry(resource: Resource, when: datetime, view: View) -> Entry:
    spec: CampaignSpec = resource.want.spec
    moment = read_schedule(spec.schedule, view.settings.timezone)
    attributes: dict[str, JSON] = {
        "date": when.isoformat(),
        "content": content_digest(resource, moment, view),
        "audience": audience_digest(resource.want, view),
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
