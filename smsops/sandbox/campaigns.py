"""The methods about campaigns: §5, §6, §7, §15 and the statuses of a deletion (annex 7)."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smsops.sandbox import fates, messages, statuses
from smsops.sandbox.answers import Body
from smsops.sandbox.calls import MAX_CONTACTS, Call, Refused, written
from smsops.sandbox.forms import BadPayload, capitals, records_of, text_of
from smsops.sandbox.statuses import Reason
from smsops.sandbox.store import Account, Campaign, Reply, Store, sms_id

_DATE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_LONG_LINK = re.compile(r"(?=https?://)\S{80,}", re.IGNORECASE)
_SENT = "Your messages have been sent"
CANCEL_TEXTS = {
    "CAMPIDNOTFOUND": "Campid parameter missing",
    "CAMPNOTFOUND": "The campaign was not found",
    "BADCAMPAIGSENDINGTYPE": "The campaign is not scheduled",
    "CAMPAIGNALREADYDELETED": "Campaign already deleted",
    "BCAMPAIGNSTATUS": "The status of the campaign is wrong",
    "BADDATETOSEND": "The mailing date is corrupted",
    "CAMPALREADYSENT": "The campaign has already been sent",
}
"""What deleteCampaign says beside OK (annex 7)."""


DAMAGES = {"stopped": "BCAMPAIGNSTATUS", "undated": "BADDATETOSEND"}
"""What may be wrong with a scheduled campaign within the platform, and what cancelling it is answered then."""


def refuse_sending(text: str) -> Body:
    """How sendSms and simulateCampaign refuse a login: status 102, whatever the reason."""
    return {"status": 102, "statusText": statuses.TEXTS[102]}


def refuse_cancelling(text: str) -> Body:
    """How deleteCampaign refuses a login: with the code of a missing campaign id (annex 7)."""
    return {"status": "CAMPIDNOTFOUND", "statusText": "Identification Problem"}


@dataclass
class _Sending:
    """A feed that has been read and judged; `recipients` are pairs of a phone and its values."""

    message: str
    tpoa: str
    date: datetime | None
    data: dict[str, object]
    recipients: list[tuple[str, list[str]]] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    nb_sms: int = 0
    cost: float = 0


def send_sms(call: Call) -> Body:
    """sendSms (§6): at once, or at DATE in the time of Paris; a DATE that has passed is at once."""
    return _send(call, _judged(call, _feed(call)))


def send_simplified(call: Call) -> Body:
    """Simplified sending (§5): a sendSms whose feed is spread over parameters, answered with less."""
    numbers = [number.strip() for number in call.params.get("mobile").split(";")]
    if not any(numbers):
        given = Reason.NUMBERS_NOT_GIVEN if call.params.get("message") else Reason.EMPTY_FEED
        raise statuses.refused(call.style, given, invalidNumbers="")
    feed: dict[str, object] = {
        "MESSAGE": call.params.get("message"),
        "TPOA": call.params.get("TPOA") or call.params.get("tpoa"),
        "DATE": call.params.get("date"),
        "CAMPAIGN_NAME": call.params.get("campaign"),
        "CLIENTCODE": call.params.get("clientcode"),
        "MASTERACCOUNT": call.params.get("MASTERACCOUNT"),
        "SMS": [{"MOBILEPHONE": number} for number in numbers if number],
    }
    answer = _send(call, _judged(call, feed), simplified=True)
    return {key: answer[key] for key in ("status", "statusText", "invalidNumbers", "campaignId", "credits")}


def _send(call: Call, sending: "_Sending", *, simplified: bool = False) -> Body:
    account = call.caller
    if not account.postpaid:
        if sending.cost > account.credits:
            raise statuses.too_few(call.style, sending.cost, account.credits)
        call.store.move_credits(account.id, -sending.cost)
    due = _due(call, sending)
    scheduled = due is not call.now
    record = _record(sending, due, scheduled, account) | ({"simplified": True} if simplified else {})
    campaign = call.store.add_campaign(account, "scheduled" if scheduled else "sent", due.timestamp(), record)
    if not scheduled:
        reach(call.store, campaign, call.recipients)
    left = account.credits - (0 if account.postpaid else sending.cost)
    return _taken(call, sending) | {
        "invalidNumbers": ";".join(sending.invalid),
        "campaignId": campaign.campaign_id,
        "credits": str(left),
        "creditsUsed": str(sending.cost),
        "nbContacts": str(len(sending.recipients)),
        "nbSms": str(sending.nb_sms),
        "smsIds": [
            {"phoneNumber": phone, "smsId": sms_id(campaign.id, place)}
            for place, (phone, _) in enumerate(sending.recipients)
        ],
    }


def _due(call: Call, sending: "_Sending") -> datetime:
    """When a sending leaves: now, unless its DATE is to come."""
    # By timestamp: two dates of one zone compare by their wall clocks, which is wrong when summer time ends.
    if sending.date is None or sending.date.timestamp() <= call.now.timestamp():
        return call.now
    return sending.date


def _taken(call: Call, sending: "_Sending") -> Body:
    """The status of a sending that is taken, and its text."""
    if sending.invalid and statuses.counted(call.style, Reason.SOME_NUMBERS):
        return statuses.said(call.style, Reason.SOME_NUMBERS)
    due = _due(call, sending)
    if due is call.now:
        return {"status": 100, "statusText": _SENT}
    return {"status": 101, "statusText": f"The message was scheduled to be sent at {written(due)}"}


def simulate_campaign(call: Call) -> Body:
    """simulateCampaign (§7): what a sending would cost; whether it looks at the balance and at DATE is not said."""
    sending = _judged(call, _feed(call))
    answer: Body = {"status": 100, "statusText": _SENT}
    if call.style.simulation == "sending":
        if sending.cost > call.caller.credits and not call.caller.postpaid:
            raise statuses.too_few(call.style, sending.cost, call.caller.credits)
        answer = _taken(call, sending)
    return answer | {
        "invalidNumbers": ";".join(sending.invalid),
        "NbCredits": sending.cost,
        "nbContacts": len(sending.recipients),
        "nbSms": sending.nb_sms,
    }


def delete_campaign(call: Call) -> Body:
    """deleteCampaign (§15): a scheduled campaign of the caller's own; its credits come back."""
    wanted = call.params.get("campId").strip()
    if not wanted:
        raise _uncancelled("CAMPIDNOTFOUND")
    campaign = call.store.campaign(wanted)
    if campaign is None or campaign.account_id != call.caller.id:
        raise _uncancelled("CAMPNOTFOUND")
    if not campaign.content["scheduled"]:
        raise _uncancelled("BADCAMPAIGSENDINGTYPE")
    if campaign.status == "deleted":
        raise _uncancelled("CAMPAIGNALREADYDELETED")
    if campaign.status == "sent":
        raise _uncancelled("CAMPALREADYSENT")
    if campaign.status in DAMAGES:
        raise _uncancelled(DAMAGES[campaign.status])
    call.store.set_campaign_status(campaign, "deleted")
    if not call.caller.postpaid:
        call.store.move_credits(call.caller.id, campaign.content["credits"])
    return {"status": "OK"}


def send_due(store: Store, moment: float, recipients: fates.Recipients) -> None:
    """Let everything leave that was scheduled up to this moment, and reach its recipients."""
    sent = store.send_due(moment)
    if recipients.talk:
        for number in sent:
            campaign = store.campaign_by_id(number)
            if campaign is not None:
                reach(store, campaign, recipients)


def reach(store: Store, campaign: Campaign, recipients: fates.Recipients) -> None:
    """A campaign has left: from now on what its recipients answer is on its way. A number answers once a campaign."""
    if campaign.is_email or not recipients.talk:
        return
    places = {phone: place for place, (phone, _) in reversed(list(enumerate(campaign.content["recipients"])))}
    store.add_replies(
        campaign.account_id,
        (
            # Ids that no other order of events would change; a call has 2000 recipients, each with two messages at most.
            Reply(10_000 * campaign.id + 2 * place + number, campaign.id, place, phone, message, moment)
            for phone, place in places.items()
            for number, (moment, message) in enumerate(fates.replies(recipients, campaign.id, phone, campaign.due))
        ),
    )


def describe(campaign: Campaign) -> dict[str, Any]:
    """A campaign as plain data, each recipient with the text that it gets."""
    content = dict(campaign.content)
    message = content["message"]
    content["recipients"] = [
        {"phone": phone, "text": messages.fill(message, values)} for phone, values in content["recipients"]
    ]
    return {"id": campaign.campaign_id, "login": campaign.login, "status": campaign.status} | content


def _uncancelled(code: str) -> Refused:
    return Refused({"status": code, "statusText": CANCEL_TEXTS[code]})


def _feed(call: Call) -> dict[str, object]:
    try:
        return call.params.payload("smsData")
    except BadPayload as error:
        raise statuses.refused(call.style, Reason.EMPTY_FEED if error.empty else Reason.BROKEN_FEED) from None


def _judged(call: Call, data: dict[str, object]) -> _Sending:
    """Work out from a feed who gets what at which price, or refuse it with a status of the table in force."""
    message = text_of(data.get("MESSAGE"))
    if not message or not message.strip():
        raise statuses.refused(call.style, Reason.NO_MESSAGE)
    _check_as_of_old(call, data, message)
    count = _dynamic(call, data, message)
    try:
        date = date_of(call, data)
    except ValueError:
        raise statuses.refused(call.style, Reason.BAD_DATE) from None
    sending = _Sending(message, (text_of(data.get("TPOA")) or "").strip(), date, data)
    records = records_of(data.get("SMS"))
    if len(records) > MAX_CONTACTS:
        call.overloaded = True
        records = records[:MAX_CONTACTS]
    blocked = {phone for phone, _, _ in call.blacklist(call.caller)}
    for record in records:
        if not isinstance(record, dict):
            raise statuses.refused(call.style, Reason.BAD_DATA)
        _add(call, sending, capitals(record), count, blocked)
    if len(sending.invalid) == len(records):
        raise statuses.refused(call.style, Reason.NO_NUMBER, invalidNumbers=";".join(sending.invalid))
    _price(call, sending)
    return sending


def _check_as_of_old(call: Call, data: dict[str, object], message: str) -> None:
    """Refuse what only the older table of statuses has a word for."""
    style = call.style
    client_code, master = text_of(data.get("CLIENTCODE")), text_of(data.get("MASTERACCOUNT"))
    if client_code and client_code != call.caller.login.upper() and statuses.counted(style, Reason.CLIENT_CODE):
        raise statuses.refused(style, Reason.CLIENT_CODE)
    if _LONG_LINK.search(message) and statuses.counted(style, Reason.LONG_LINK):
        raise statuses.refused(style, Reason.LONG_LINK)
    if master and call.store.account(master) is None and statuses.counted(style, Reason.NO_MASTER):
        raise statuses.refused(style, Reason.NO_MASTER)


def _dynamic(call: Call, data: dict[str, object], message: str) -> int:
    """DYNAMIC, which must be the number of the message's parameters, which must be 1, 2, 3 and so on."""
    wanted = (text_of(data.get("DYNAMIC")) or "0").strip()
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 4:
        raise statuses.refused(call.style, Reason.BAD_DATA)
    if messages.placeholders(message) != set(range(1, int(wanted) + 1)):
        raise statuses.refused(call.style, Reason.BAD_DATA)
    return int(wanted)


def date_of(call: Call, data: dict[str, object]) -> datetime | None:
    """DATE, which may be empty, in the time of Paris. ValueError where it is none."""
    text = text_of(data.get("DATE"))
    if text is not None and not text.strip():
        return None
    if text is None or not _DATE.fullmatch(text.strip()):
        raise ValueError("not a date")
    return datetime.fromisoformat(text.strip()).replace(tzinfo=call.now.tzinfo)


def _add(call: Call, sending: _Sending, record: dict[str, object], count: int, blocked: set[str]) -> None:
    """Take one block of the recipients: a valid number, an invalid one, or one that the blacklist leaves out."""
    values = [text_of(record.get(f"PARAM_{place}", [])) for place in range(1, count + 1)]
    if None in values:
        raise statuses.refused(call.style, Reason.BAD_DATA)
    raw = record.get("MOBILEPHONE")
    phone = messages.mobile(raw)
    if phone is None:
        sending.invalid.append(text_of(raw) or "")
        return
    if phone not in blocked:
        sending.recipients.append((phone, [value for value in values if value is not None]))


def _price(call: Call, sending: _Sending) -> None:
    """Measure every text that leaves: a duplicated number is paid for twice."""
    parts: dict[str, int] = {}
    for phone, values in sending.recipients:
        text = messages.fill(sending.message, values)
        if text not in parts:
            length, parts[text] = messages.measure(text)
            if length > statuses.LONGEST[call.style.statuses]:
                raise statuses.refused(call.style, Reason.TOO_LONG)
        sending.nb_sms += parts[text]
        sending.cost += parts[text] * call.tariff.price(phone)


def _client_id(data: dict[str, object]) -> str:
    """CLIMSGID, of which a campaign has one: from the feed (the old client) or its first recipient (§6.2)."""
    first = next(iter(records_of(data.get("SMS"))), None)
    places = [data, capitals(first) if isinstance(first, dict) else {}]
    return next((text for text in (text_of(place.get("CLIMSGID")) for place in places) if text), "")


def _record(sending: _Sending, due: datetime, scheduled: bool, account: Account) -> dict[str, Any]:
    """What is kept of a campaign."""
    return {
        "name": text_of(sending.data.get("CAMPAIGN_NAME")) or "",
        "message": sending.message,
        "tpoa": sending.tpoa,
        "sender": messages.sender_shown(sending.tpoa, sending.message),
        "date": written(due),
        "scheduled": scheduled,
        "mail_notif": text_of(sending.data.get("MAIL_NOTIF")) or "",
        "climsgid": _client_id(sending.data),
        "credits": 0 if account.postpaid else sending.cost,
        "nb_sms": sending.nb_sms,
        "recipients": sending.recipients,
    }
