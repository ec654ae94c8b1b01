"""From the parameters of a pushed address to an event (manual §5.3, §6.5, §10.3): tolerant in reading, strict about ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from smsops.api.tree import moment
from smsops.model.shown import mask_phone, mask_text
from smsops.model.values import digest
from smsops.model.webhooks import PersonKey, WebhookEvent

_MOST_PARAMETERS = 50
_ID = re.compile(r"[!-~]{1,128}")
_ID_OR_NONE = re.compile(r"[!-~]{0,128}")
_STATUS = re.compile(r"[\w-]{1,32}")


class Malformed(Exception):
    """Parameters that make no event. The message says which, and quotes none."""


def read_event(query: bytes, key: PersonKey, now: datetime) -> WebhookEvent:
    """The event in a query string; Malformed where it is none.

    Names are taken in any case, and as both halves of the manual have them: the reply's id is smsMoId or smsMold, its text
    message or post. What has a status is a delivery report, what has one of these a reply.
    """
    given = _parameters(query)
    campaign_id = _id(given, "campaignid")
    sms_id = _id_or_none(given, "smsid")
    phone = given.get("phonenumber", "")
    person = key.person(phone)
    if not sms_id and not person:
        raise Malformed("smsId and phoneNumber are both missing")
    written = given.get("receptiondate", "")
    read = moment(written)
    who = sms_id or person
    if given.get("status"):
        if not _STATUS.fullmatch(given["status"]):
            raise Malformed("status is not one")
        identity = ["delivery", campaign_id, who, given["status"], written]
        event = WebhookEvent(
            "", "delivery", campaign_id, sms_id, given["status"], "", given.get("statustext", ""), *[""] * 6
        )
    elif given.keys() & {"smsmoid", "smsmold", "message", "post"}:
        reply_id = _id_or_none(given, "smsmoid") or _id_or_none(given, "smsmold")
        text = given.get("message") or given.get("post", "")
        identity = ["reply", campaign_id, reply_id] if reply_id else ["reply", campaign_id, who, written, text]
        event = WebhookEvent("", "reply", campaign_id, sms_id, "", reply_id, text, *[""] * 6)
    else:
        raise Malformed("neither a status nor a reply is there")
    return event._replace(
        id=digest(identity),
        text=mask_text(event.text),
        moment=read.isoformat() if read else "",
        phone=mask_phone(phone),
        person=person,
        key=key.id if person else "",
        client_id=_id_or_none(given, "climsgid"),
        arrived=now.astimezone(UTC).isoformat(timespec="milliseconds"),
    )


def _parameters(query: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(query.decode("utf-8", "replace"), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Malformed("too many parameters") from None
    # No database takes a NUL in a text, and it means nothing.
    return {name.strip().lower(): value.replace("\0", "").strip() for name, value in reversed(pairs)}


def _id(given: dict[str, str], name: str) -> str:
    value = given.get(name, "")
    if not value:
        raise Malformed("campaignId is missing" if name == "campaignid" else f"{name} is missing")
    if not _ID.fullmatch(value):
        raise Malformed(f"{name} is no id")
    return value


def _id_or_none(given: dict[str, str], name: str) -> str:
    value = given.get(name, "")
    if not _ID_OR_NONE.fullmatch(value):
        raise Malformed(f"{name} is no id")
    return value
