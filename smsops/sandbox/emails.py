"""The method about emails: §29 and its table of statuses (annex 21)."""

import re
from base64 import b64decode
from typing import Any

from smsops.sandbox.answers import Body
from smsops.sandbox.calls import MAX_CONTACTS, Call, Refused, written
from smsops.sandbox.campaigns import date_of
from smsops.sandbox.forms import BadPayload, text_of
from smsops.sandbox.store import Campaign

PRICE = 1
"""The credits for one email; the manual says that emails cost credits, not how many."""

_SENT = "Your emails have been sent"
_ADDRESS = re.compile(r"[^\s@;,<>\"]+@[^\s@;,<>\"]+\.[^\s@;,<>\".]+")
TEXTS = {
    105: "Empty XML / JSON",
    106: "Email address of the sender invalid or void",
    107: "The subject of the email is empty",
    109: "Invalid or incomplete XML / JSON after the <HTML>",
    110: "Recipients undefined (empty) in the feed",
    114: "No valid email address in the feed",
    115: "Invalid feed or badly formatted dates between the <DATE> and </DATE>",
}
"""How a feed is refused (annex 21), beside 102 and 104."""


def send_email(call: Call) -> Body:
    """sendEmail (§29): at once, or at DATE in the time of Paris; a DATE that has passed is at once."""
    data = _feed(call)
    sender = _text(data, "FROM").strip()
    if not _ADDRESS.fullmatch(sender):
        raise _refused(106)
    if not _text(data, "SUBJECT").strip():
        raise _refused(107)
    html = _html(data)
    try:
        date = date_of(call, data)
    except ValueError:
        raise _refused(115) from None
    addresses = [address.strip() for address in _text(data, "TO").split(";") if address.strip()]
    if not addresses:
        raise _refused(110)
    valid = [address for address in call.taken(addresses) if _ADDRESS.fullmatch(address)]
    invalid = ";".join(address for address in addresses[:MAX_CONTACTS] if not _ADDRESS.fullmatch(address))
    if not valid:
        raise _refused(114, invalidEmails=invalid)
    account = call.caller
    cost = 0 if account.postpaid else PRICE * len(valid)
    if cost > account.credits:
        text = f"insufficient credit to handle the shipment. Use: {cost} Credits, Available: {account.credits} Credits."
        raise _refused(104, text=f"{text} Please re-credit your account on AllMySMS.com")
    left = call.store.move_credits(account.id, -cost)
    scheduled = date is not None and date.timestamp() > call.now.timestamp()
    due = date if scheduled and date else call.now
    campaign = call.store.add_campaign(
        account,
        "scheduled" if scheduled else "sent",
        due.timestamp(),
        {
            "name": _text(data, "CAMPAIGN_NAME"),
            "from": sender,
            "alias": _text(data, "ALIAS"),
            "reply_to": _text(data, "REPLY_TO"),
            "subject": _text(data, "SUBJECT"),
            "html": html,
            "text": _text(data, "MAILTEXT"),
            "date": written(due),
            "scheduled": scheduled,
            "credits": cost,
            "recipients": valid,
        },
    )
    return {
        "status": 101 if scheduled else 100,
        "statusText": f"The message was scheduled to be sent at {written(due)}" if scheduled else _SENT,
        "campaignId": campaign.campaign_id,
        "invalidEmails": invalid,
        "credits": str(left),
    }


def describe(campaign: Campaign) -> dict[str, Any]:
    """A campaign of emails as plain data."""
    return {"id": campaign.campaign_id, "login": campaign.login, "status": campaign.status} | campaign.content


def _feed(call: Call) -> dict[str, object]:
    try:
        return call.params.payload("emailData")
    except BadPayload as error:
        raise _refused(105 if error.empty else 109) from None


def _text(data: dict[str, object], name: str) -> str:
    text = text_of(data.get(name))
    if text is None:
        raise _refused(109)
    return text


def _html(data: dict[str, object]) -> str:
    """HTML, which is there and in base64."""
    encoded = "".join(_text(data, "HTML").split())
    try:
        html = b64decode(encoded, validate=True).decode()
    except ValueError:
        raise _refused(109) from None
    if not html.strip():
        raise _refused(109)
    return html


def _refused(code: int, *, text: str = "", **more: str) -> Refused:
    return Refused({"status": code, "statusText": text or TEXTS[code]} | more)
