"""`email_campaign`: an e-mail to many people at a date (manual §29).

Its life is that of a campaign of SMS. Everybody gets the same: sendEmail has no fields. No price of an e-mail is in the manual,
and no report on what became of one is in the API. Whether deleteCampaign takes back e-mails is not said either: only
answers that know the campaign are believed, and nothing is sent in place of what may still go out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from smsops.api.contract import Writer
from smsops.kinds.base import Declaration, Declared, check_ignored
from smsops.kinds.campaign.audience import all_of, audience_digest, lists_for, meeting
from smsops.kinds.campaign.calls import OVER, Payload, Taken
from smsops.kinds.campaign.declare import (
    check_date,
    check_fields,
    check_where,
    dependencies,
    fields_of,
    lists_are_there,
    marks,
)
from smsops.kinds.campaign.law import patient_until
from smsops.kinds.campaign.life import Planned, ScheduledKind
from smsops.kinds.campaign.parts import NO_CAMPAIGN, SHOWN, fingerprint, place, ranges_of
from smsops.kinds.campaign.planned import balance_of
from smsops.kinds.campaign.policy import cancellable_until, check_window, check_words, in_window, warn_final
from smsops.kinds.campaign.schedule import read_schedule, shown, wire_date, zone_called
from smsops.kinds.campaign.spec import ListsSpec
from smsops.kinds.view import Resource, View
from smsops.model.address import Address
from smsops.model.block import Block, Field
from smsops.model.blocks import GuardedBlock, NonBlank
from smsops.model.diagnostics import Diagnostics
from smsops.model.plan import Change
from smsops.model.resources import Desired
from smsops.model.sending import Appointment, Funnel, Parts, Send
from smsops.model.shown import mask_email, mask_emails, mask_text
from smsops.model.standing import Standing
from smsops.model.state import Entry
from smsops.model.values import JSON, Number, plural, repr_without
from smsops.table import Table

if TYPE_CHECKING:
    from smsops.api.records import Email

_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_WAY_OUT = re.compile(r"unsubscri|d[ée]sinscri|d[ée]sabonn|opt[ -]?out|list-manage", re.IGNORECASE)
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)


class EmailAudienceSpec(ListsSpec):
    """Who gets an e-mail: contacts of lists, by a field with their address, and single addresses."""

    field: NonBlank = Field("EMAIL", description="The field of the lists that holds the e-mail address.")
    addresses: list[NonBlank] = Field(default_factory=list, description="Single addresses, besides the lists.")


class EmailCampaignSpec(GuardedBlock):
    """One e-mail at one date, the same for everybody."""

    sender: NonBlank = Field(alias="from", description="The address that it comes from.")
    alias: NonBlank | None = Field(None, description="The name that is shown instead of the sender's address.")
    reply_to: NonBlank | None = Field(None, description="The address that replies go to.")
    subject: NonBlank = Field(description="Its subject.")
    html: NonBlank = Field(description="A file of HTML (UTF-8), below the stack directory.")
    text: NonBlank | None = Field(None, description="What is read where HTML is not shown.")
    schedule: NonBlank = Field(description="2026-11-27 10:00, in settings.timezone unless a zone stands behind it.")
    audience: EmailAudienceSpec = Field(description="Who gets it.")
    nature: Literal["marketing", "transactional"] = Field(
        "marketing", description="Marketing has to say how to unsubscribe."
    )
    if_missed: Literal["error", "skip", "send"] = Field(
        "error", description="What to do when its date is gone before it was scheduled."
    )


class EmailData(NamedTuple):
    """What declaring an e-mail made of its block."""

    html: str
    addresses: tuple[str, ...]
    is_first: bool = True

    def __repr__(self) -> str:
        return repr_without(self, "html", "addresses")


class Mailing(NamedTuple):
    """Everybody who is to get an e-mail, once each, and who falls out on the way there."""

    addresses: Mapping[str, str]
    """As they are written, by what tells people apart: case does not."""
    in_lists: int
    """People in the lists, and single addresses."""
    matching: int
    without: int
    """Those who match and have no address."""
    invalid: tuple[str, ...]
    """Addresses that are none, masked."""

    def __repr__(self) -> str:
        return repr_without(self, "addresses")


class EmailPart(NamedTuple):
    """A range of recipients as it is to be sent."""

    start: str
    fingerprint: str
    addresses: tuple[str, ...]

    def __repr__(self) -> str:
        return repr_without(self, "addresses")

    @property
    def size(self) -> int:
        return len(self.addresses)


@dataclass(frozen=True)
class EmailPost:
    """One e-mail to everybody. Its answer tells neither what it cost nor who else was sent to."""

    email: Email = field(repr=False)
    method: ClassVar[str] = "sendEmail"

    def people(self, part: EmailPart) -> tuple[str, ...]:
        return part.addresses

    def cost(self, part: EmailPart) -> Number | None:
        return None

    def facts(self) -> Mapping[str, JSON]:
        return {"campaign_name": self.email.campaign_name, "date": self.email.date}

    async def deliver(self, people: tuple[str, ...], marker: str, api: Writer) -> Taken:
        answer = await api.send_email(self.email._replace(recipients=people))
        return Taken(answer.campaign_id, None, answer.credits, tuple(map(mask_email, answer.invalid_addresses)))


class EmailCampaign(ScheduledKind):
    """E-mails have the life of campaigns; who gets one, and what it says, is here."""

    name: ClassVar[str] = "email_campaign"
    section: ClassVar[str | None] = "email_campaigns"
    Spec: ClassVar[type[Block]] = EmailCampaignSpec
    over: ClassVar[frozenset[str]] = OVER - {"CAMPNOTFOUND", "BADCAMPAIGSENDINGTYPE"}

    def declare(self, spec: EmailCampaignSpec, declaration: Declaration) -> list[Desired]:
        address = Address(declaration.account, self.name, declaration.key)
        check_date(spec.schedule, declaration)
        for name, value in (("from", spec.sender), ("reply_to", spec.reply_to)):
            if value is not None and not _ADDRESS.fullmatch(value):
                declaration.error("SMS164", f"{name}: Write an e-mail address such as news@example.com", name)
        for position, value in enumerate(spec.audience.addresses):
            if not _ADDRESS.fullmatch(value):
                declaration.error(
                    "SMS164", f"{mask_email(value)} is no e-mail address", "audience", "addresses", position
                )
        if not spec.audience.lists and not spec.audience.addresses:
            declaration.error("SMS156", "audience: Name lists or addresses", "audience")
        html = declaration.text(spec.html, "html")
        if html is not None and not html.strip():
            declaration.error("SMS152", f"{spec.html} is empty", "html")
        elif html and spec.nature == "marketing" and not _WAY_OUT.search(html):
            declaration.warning(
                "SMS209",
                f"Nothing in {spec.html} says how to unsubscribe",
                "html",
                detail="Marketing by e-mail has to offer that (in France: CPCE L34-5). Add a link, or say nature: "
                "transactional where that is true.",
            )
        depends = dependencies(address, spec.audience, declaration)
        return [
            Desired(
                address,
                declaration.key,
                spec,
                data=EmailData(html or "", tuple(spec.audience.addresses)),
                depends_on=depends,
                guard=declaration.guard(),
                mark=declaration.mark(),
                marks=marks(spec.audience, declaration, "audience.field", "subject", "alias", "text", "html"),
            )
        ]

    def check(self, desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
        check_ignored(desired, ("audience",), diagnostics)
        spec: EmailCampaignSpec = desired.spec
        if not lists_are_there(desired, declared, diagnostics):
            return
        if spec.audience.lists:
            check_fields(desired, [spec.audience.field.upper()], "audience.field", declared, diagnostics)
        check_where(desired, declared, diagnostics)
        fields = {name for key in spec.audience.lists for name in fields_of(key, desired, declared)}
        said = {"subject": spec.subject, "alias": spec.alias, "text": spec.text, "html": desired.data.html}
        for part, text in said.items():
            for name in sorted(name for name in fields if f"{{{name}}}" in (text or "").upper()):
                diagnostics.error(
                    "SMS152",
                    f"{part}: {{{name}}} would be sent as it stands",
                    detail="The API sends everybody the same e-mail: no field can stand in it.",
                    mark=desired.marks[part],
                    address=desired.address,
                )

    def audience_of(self, desired: Desired, view: View, *, pending: bool) -> Mailing | None:
        found = lists_for(desired, view, pending=pending)
        if found is None:
            return None
        included, excluded = found
        key = ("mailing", desired.address)
        return view.once(key, (*included, *excluded), lambda: _gathered(desired, included, excluded, view))

    def audience_digest(self, resource: Resource, view: View) -> str:
        return audience_digest(resource.want, view)

    def content_digest(self, resource: Resource, moment: datetime, view: View) -> str:
        spec: EmailCampaignSpec = resource.want.spec
        said = [spec.sender, spec.alias, spec.reply_to, spec.subject, resource.want.data.html, spec.text]
        return view.digest([*said, moment.isoformat(), view.settings.account_timezone])

    def parts_of(
        self, resource: Resource, audience: Mailing, starts: tuple[str, ...], content: str, view: View
    ) -> list[EmailPart]:
        key = view.state.salt
        ordered = sorted((place(key.encode(), known), known) for known in audience.addresses)
        return [
            EmailPart(
                start,
                fingerprint(key, content, "".join(f"\n{digest}" for digest, _ in chunk)),
                tuple(audience.addresses[known] for _, known in chunk),
            )
            for start, chunk in ranges_of(ordered, sorted({"", *starts}))
        ]

    def change_of(self, resource: Resource, planned: Planned, view: View) -> Change:
        spec: EmailCampaignSpec = resource.want.spec
        when, send, keep = planned.when, planned.send, planned.keep
        self._judge(resource, planned, view)
        if send and not planned.immediate:
            warn_final(resource, when, view)
        from smsops.api.records import Email

        email = Email(
            spec.sender,
            (),
            spec.subject,
            resource.want.data.html,
            text=spec.text,
            sender_name=spec.alias,
            reply_to=spec.reply_to,
            date=None if planned.immediate else wire_date(when, view.settings.account_timezone),
            campaign_name=f"{resource.address.name} {view.digest(str(resource.address))[:6]}",
        )
        live = [part for part in planned.cancel if part.campaign_id not in NO_CAMPAIGN]
        recipients = sum(part.size for part in send)
        mailing: Mailing = planned.audience
        valid = len(mailing.addresses)
        steps: list[JSON] = [["cancel", part.campaign_id] for part in live]
        steps += [[email.date, part.fingerprint] for part in send]
        final = None if planned.immediate else cancellable_until(when, view)
        zone = zone_called(view.settings.timezone)
        not_after = patient_until(lambda at: spec.nature != "marketing" or in_window(at, view), view)
        entry = self._entry(resource, when, view)
        stored = resource.entry.attributes if resource.entry else None
        return Change(
            resource.address,
            planned.actions,
            planned.reason,
            stored and _told(stored, shown(datetime.fromisoformat(stored["date"]), view.settings.timezone)),
            {
                **_told(entry.attributes, "now" if planned.immediate else shown(when, view.settings.timezone)),
                "recipients": recipients + sum(part.recipients for part in keep),
                "parts": len(keep) + len(send),
            },
            method="sendEmail" if send else "deleteCampaign",
            calls=len(live) + len(send),
            steps=tuple(steps),
            payload=Payload(
                entry,
                planned.cancel,
                keep,
                send,
                EmailPost(email),
                balance_of(resource.address, view),
                None if planned.immediate else when,
                not_after=not_after if planned.immediate else None,
                over=self.over,
            ),
            send=Send(
                resource.address.account,
                recipients,
                recipients,
                0,
                date=None if planned.immediate else when.astimezone(zone),
                cancellable_until=final,
                funnel=Funnel(mailing.in_lists, mailing.matching, valid, valid, recipients),
                parts=Parts(len(keep), len(planned.cancel), len(send)),
                channel="email",
            ),
            refund=0 if live else None,
        )

    def judge_anew(self, resource: Resource, parts: Sequence[EmailPart], when: datetime, view: View) -> None:
        check_window(resource, when, view)

    def shown(self, stored: Mapping[str, Any]) -> tuple[str, str]:
        return stored["sender"], stored["subject"]

    def appointment(self, resource: Resource, view: View) -> Appointment | None:
        found = super().appointment(resource, view)
        return found and found._replace(messages=None, credits=None)

    def standing(self, *known: Any) -> Standing:
        found = super().standing(*known)
        parts = tuple(part._replace(credits=None) for part in found.parts)
        return found._replace(parts=parts, is_reported=False)

    def _judge(self, resource: Resource, planned: Planned, view: View) -> None:
        spec: EmailCampaignSpec = resource.want.spec
        mailing: Mailing = planned.audience
        left_out = len(mailing.invalid) + mailing.without
        if left_out:
            some = ", ".join(mailing.invalid[:SHOWN])
            more = len(mailing.invalid) - SHOWN
            none = [f"{mailing.without:,} have none"] if mailing.without else []
            wrong = [f"no address is {some}" + (f", nor {more:,} more" if more > 0 else "")] if mailing.invalid else []
            view.warn(
                resource.address,
                "SMS208",
                f"{plural(left_out, 'contact')} of {resource.address} cannot get an e-mail: nothing is sent to them",
                f"{spec.audience.field}: {'; '.join((*none, *wrong))}.",
            )
        from html import unescape

        words = unescape(_TAG.sub(" ", resource.want.data.html))
        check_words(resource, "\n".join(filter(None, (spec.subject, spec.alias, spec.text, words))), view)
        check_window(resource, planned.when, view)

    def _entry(self, resource: Resource, when: datetime, view: View) -> Entry:
        spec: EmailCampaignSpec = resource.want.spec
        moment = read_schedule(spec.schedule, view.settings.timezone)
        sender = mask_email(spec.sender)
        attributes: dict[str, JSON] = {
            "date": when.isoformat(),
            "content": self.content_digest(resource, moment, view),
            "audience": self.audience_digest(resource, view),
            "subject": mask_emails(mask_text(spec.subject)),
            "sender": f"{mask_emails(mask_text(spec.alias))} <{sender}>" if spec.alias else sender,
            "nature": spec.nature,
            "parts": [],
            "complete": False,
        }
        want = resource.want
        return Entry(resource.address, resource.address.name, attributes, want.guard.protect, want.depends_on)


def _told(stored: Mapping[str, Any], schedule: str) -> dict[str, JSON]:
    return {
        "subject": stored["subject"],
        "from": stored["sender"],
        "schedule": schedule,
        "recipients": sum(part["recipients"] for part in stored["parts"]),
        "parts": len(stored["parts"]),
    }


def _gathered(desired: Desired, included: list[Table], excluded: list[Table], view: View) -> Mailing:
    spec: EmailCampaignSpec = desired.spec
    name, single = spec.audience.field.upper(), desired.data.addresses
    everybody = all_of(included)
    people = meeting(everybody, desired, view)
    for table in excluded:
        people = people.without(table)
    barred = {_known(address) for table in excluded for address in _addresses(table, name)}
    found: dict[str, str] = {}
    invalid: list[str] = []
    without = 0
    for address in (*_addresses(people, name), *single):
        if not address:
            without += 1
        elif _known(address) in barred:
            continue
        elif _ADDRESS.fullmatch(address):
            found.setdefault(_known(address), address)
        else:
            invalid.append(mask_email(address))
    return Mailing(found, len(everybody) + len(single), len(people) + len(single), without, tuple(invalid))


def _addresses(people: Table, name: str) -> Iterator[str]:
    return (fields.get(name, "").strip() for _, fields in people)


def _known(address: str) -> str:
    """What tells two addresses apart: no provider tells them apart by case."""
    return address.lower()
