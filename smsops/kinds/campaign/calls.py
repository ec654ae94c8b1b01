"""Doing what was planned for a campaign: cancel parts, then send parts, each step durable before the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from smsops.api.contract import Writer
from smsops.api.errors import Refused
from smsops.kinds.campaign.links import WantedLink, make_links
from smsops.kinds.campaign.parts import CANCELLING, ID_LOST, NO_CAMPAIGN, NOBODY, Part, SentPart
from smsops.kinds.session import Session
from smsops.model.address import Address
from smsops.model.plan import Change
from smsops.model.shown import mask_phone
from smsops.model.state import Drop, Entry, Event, Moved, Put
from smsops.model.values import JSON, Number, as_json_number, repr_without

if TYPE_CHECKING:
    from smsops.api.records import Message, Recipient

_GONE = frozenset(("CAMPAIGNALREADYDELETED", "CAMPNOTFOUND"))
SENT = frozenset(("CAMPALREADYSENT", "BADCAMPAIGSENDINGTYPE"))
"""Answers to a cancel after which there is nothing left to cancel (manual, appendix 7): it is gone, or it went out."""


OVER = SENT | _GONE


class Slice(Protocol):
    """A part as it is to be sent."""

    @property
    def start(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def size(self) -> int: ...


class Taken(NamedTuple):
    """What came back for a part that was taken. `rejected` are the recipients who were not, masked."""

    campaign_id: str
    used: Number | None
    """The credits that it took, where the answer says so."""
    balance: Number | None
    rejected: tuple[str, ...] = ()


class Post(Protocol):
    """What is sent to the people of each part, and by which call."""

    @property
    def method(self) -> str: ...

    def people(self, part: Any) -> tuple[Any, ...]:
        """Those of a part who are sent to."""

    def cost(self, part: Any) -> Number | None:
        """The credits that a part takes; None where nobody knows."""

    def facts(self) -> Mapping[str, JSON]:
        """What a person who looks for it in the customer area needs to know."""

    async def deliver(self, people: tuple[Any, ...], marker: str, api: Writer) -> Taken:
        """Send it to some people, once; `marker` is what the part may be known by."""


@dataclass(frozen=True)
class TextPost:
    """One SMS to everybody who is not on the blacklist. `costs` are by the start of the part."""

    message: Message = field(repr=False)
    blacklist: frozenset[str] = field(default=frozenset(), repr=False)
    costs: Mapping[str, Number] = field(default_factory=dict)
    method: ClassVar[str] = "sendSms"

    def people(self, part: Part) -> tuple[Recipient, ...]:
        return tuple(recipient for recipient in part.recipients() if recipient.phone not in self.blacklist)

    def cost(self, part: Part) -> Number | None:
        return self.costs.get(part.start, 0)

    def facts(self) -> Mapping[str, JSON]:
        return {"campaign_name": self.message.campaign_name, "date": self.message.date}

    async def deliver(self, people: tuple[Recipient, ...], marker: str, api: Writer) -> Taken:
        answer = await api.send_sms(self.message._replace(recipients=people, client_id=marker))
        rejected = tuple(mask_phone(phone) for phone in answer.invalid_numbers)
        return Taken(answer.campaign_id, answer.credits_used, answer.credits, rejected)


class Payload(NamedTuple):
    """What executing a change of a campaign needs. Without an entry the campaign is removed."""

    entry: Entry | None
    cancel: tuple[SentPart, ...] = ()
    keep: tuple[SentPart, ...] = ()
    send: tuple[Any, ...] = ()
    """Slices, as the post takes them."""
    post: Any = None
    """A Post."""
    balance: Number | None = None
    when: datetime | None = None
    links: tuple[WantedLink, ...] = ()
    not_after: datetime | None = None
    """Until when what is sent at once may still be sent: its hour was judged when it was planned."""
    over: frozenset[str] = OVER
    """The refusals of a cancellation that are believed: there is nothing left to cancel."""

    def __repr__(self) -> str:
        return repr_without(self, "send", "post")


async def execute(change: Change, session: Session) -> Sequence[Event]:
    payload: Payload = change.payload
    if payload.entry is None and not payload.cancel:
        return [Drop(change.address)]
    # Where there is nothing to call, as when everybody said STOP, nobody's key is asked for.
    api = await session.account(change.address.account) if change.calls else session.master
    if payload.links:  # before anything is cancelled: without them nothing can be sent in its place
        payload = await _linked(change.address, payload, api, session)
    await _cancel(change, payload, api, session)
    if payload.entry is None:
        return [Drop(change.address)]
    sent = await _send(change, payload, api, session)
    ids: JSON = [part.campaign_id for part in sent if part.campaign_id not in NO_CAMPAIGN]
    session.returned(campaign_ids=ids)
    return [Put(with_parts(payload.entry, sent, complete=True))]


async def _linked(address: Address, payload: Payload, api: Writer, session: Session) -> Payload:
    assert payload.entry is not None
    post: TextPost = payload.post
    entry, made = await make_links(payload.entry, address, payload.links, api, session)
    text = post.message.text
    for place, short in made.items():
        text = text.replace(place, short)
    return payload._replace(entry=entry, post=replace(post, message=post.message._replace(text=text)))


async def _cancel(change: Change, payload: Payload, api: Writer, session: Session) -> None:
    """Cancel parts one by one; each is recorded as gone before the next."""
    remaining = [*payload.keep, *payload.cancel]
    for part in payload.cancel:
        session.proceed()
        if part.campaign_id not in NO_CAMPAIGN:
            await _cancel_part(change, part, payload, api, session)
        remaining.remove(part)
        current = session.entry(change.address)
        if current is not None:
            await session.record(Put(with_parts(current, remaining, complete=False)))


async def _cancel_part(change: Change, part: SentPart, payload: Payload, api: Writer, session: Session) -> None:
    """Cancel a part. Where it is to be replaced it must be us who cancelled it, not somebody who did not want it.

    Where something else waits for it, it must not have been sent: that may be the same under another name.
    """
    address, replaced = change.address, payload.post is not None
    entry = session.entry(address)
    # Whether a cancellation gives credits back, and when, is in no manual: from here on the balance is not known.
    blurred = Moved({address.account or "": None})
    if entry is not None and part.status != CANCELLING:
        await session.record(blurred, Put(_with_status(entry, part, CANCELLING)))
    else:
        await session.record(blurred)
    try:
        answer = await api.delete_campaign(part.campaign_id)
    except Refused as error:
        status = str(error.status)
        if status not in payload.over:
            if (
                status in OVER and entry is not None
            ):  # it may mean that such things are not cancelled: it stays scheduled
                await session.record(Put(entry))
                raise Refused(
                    "deleteCampaign",
                    f"{error.detail}; it goes out as it was scheduled",
                    status=status,
                    hint=f"Put it back as it was, or cancel it in the customer area and then: smsops state rm {address}",
                ) from None
            raise
        if not replaced and not (change.awaited and status in SENT):
            return
        await _record_gone(address, part, status, session)
        raise
    if replaced and answer.already and not answer.repeated and part.status != CANCELLING:
        await _record_gone(address, part, "CAMPAIGNALREADYDELETED", session)
        raise Refused("deleteCampaign", "somebody cancelled it already; it is not made again by itself")


async def _record_gone(address: Address, part: SentPart, status: str, session: Session) -> None:
    """A part that was to be cancelled was sent, or is gone: nothing of the campaign is made again. Its other parts stay."""
    entry = session.entry(address)
    if entry is not None:
        parts = [SentPart.read(other) for other in entry.attributes["parts"]]
        rest = [other for other in parts if other.campaign_id != part.campaign_id]
        gone = with_parts(entry, rest, complete=False)
        await session.record(Put(gone._replace(attributes={**gone.attributes, "gone": status})))


async def _send(change: Change, payload: Payload, api: Writer, session: Session) -> list[SentPart]:
    assert payload.entry is not None
    post: Post = payload.post
    sent = list(payload.keep)
    rejected: list[str] = []
    balance, account = payload.balance, change.address.account or ""
    total = sum(part.size for part in payload.send)
    done = 0
    for part in payload.send:
        session.proceed()
        people = post.people(part)
        if not people:
            sent.append(SentPart(part.start, part.fingerprint, 0, NOBODY))
            continue
        if payload.when is not None and session.now() >= payload.when:
            raise Refused(post.method, "its date has passed while the apply ran: nothing more of it is sent")
        if payload.not_after is not None and session.now() > payload.not_after:
            raise Refused(post.method, "it was to be sent at once, and too much time has passed since: plan again")
        marker = f"{payload.entry.identity}-{part.fingerprint[:10]}"
        price = post.cost(part)
        cost = as_json_number(price or 0)
        new = SentPart(part.start, part.fingerprint, len(people), "", credits=cost)
        announced = with_parts(payload.entry, (*sent, new), complete=part is payload.send[-1])

        def taken(answer: Taken, announced: Entry = announced) -> list[Event]:
            used = answer.used
            moved = Moved({account: None if used is None else -as_json_number(used)})
            return [Put(with_campaign_id(announced, answer.campaign_id, used)), moved]

        facts: dict[str, JSON] = {
            "part": part.start,
            "fingerprint": part.fingerprint,
            "recipients": len(people),
            "marker": marker,
            **post.facts(),
            "expected_cost": None if price is None else cost,
            "balance_before": None if balance is None else as_json_number(balance),
            "entry": announced.document(),
        }
        answer = await session.once(
            post.method,
            partial(post.deliver, people, marker, api),
            taken,
            address=change.address,
            facts=facts,
            effects={account: None if price is None else -price},
            balances={account: payload.balance},
        )
        balance = answer.balance if answer.balance is not None else balance
        used = cost if answer.used is None else as_json_number(answer.used)
        sent.append(new._replace(campaign_id=answer.campaign_id, credits=used))
        rejected += answer.rejected
        done += part.size
        session.progress(done, total, "recipients")
    if rejected:
        session.returned(rejected=rejected)
    return sent


def with_campaign_id(announced: Entry, campaign_id: str, used: Number | None = None) -> Entry:
    """The entry of a campaign whose newest part, which had no id yet, was taken, and cost what was `used`.

    With the last part of a campaign it is complete, whatever becomes of the run.
    """
    parts = [SentPart.read(part) for part in announced.attributes["parts"]]
    done = [
        part
        if part.campaign_id
        else part._replace(campaign_id=campaign_id, credits=part.credits if used is None else as_json_number(used))
        for part in parts
    ]
    return with_parts(announced, done, complete=announced.attributes["complete"])


def with_lost_id(entry: Entry, campaign_id: str) -> Entry | None:
    """The entry with the id of the one part that was scheduled under an id that nobody knew; None if it is not one."""
    parts = [SentPart.read(part) for part in entry.attributes["parts"]]
    if sum(1 for part in parts if part.campaign_id == ID_LOST) != 1:
        return None
    known = [part._replace(campaign_id=campaign_id) if part.campaign_id == ID_LOST else part for part in parts]
    return with_parts(entry, known, complete=entry.attributes["complete"])


def _with_status(entry: Entry, part: SentPart, status: str) -> Entry:
    parts = [SentPart.read(other) for other in entry.attributes["parts"]]
    marked = [other._replace(status=status) if other.campaign_id == part.campaign_id else other for other in parts]
    return with_parts(entry, marked, complete=False)


def with_parts(entry: Entry, parts: Sequence[SentPart], *, complete: bool) -> Entry:
    documents = [part.document() for part in sorted(parts, key=lambda part: part.start)]
    return entry._replace(attributes={**entry.attributes, "parts": documents, "complete": complete})
