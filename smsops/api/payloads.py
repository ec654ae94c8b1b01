"""The parameters that carry data: JSON or XML, always inside DATA (manual §6, §16, §21 to §23, §29).

The manual prints the wrapper and leaves it out here and there; a client in production had to add it.
What is made here is the data as it stands in JSON; `written` makes text of it in either format.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

from smsops.api.records import Email, ListField, Message, Recipient

Data: TypeAlias = "Mapping[str, str | Sequence[Mapping[str, str]]]"


class Format(Enum):
    """The format of requests, and the one that their answers are asked for in."""

    JSON = "json"
    XML = "xml"


class Unwritable(ValueError):
    """Data that a format cannot express; the text says why and quotes no value."""


def written(data: Data, format: Format) -> str:
    """The text of a parameter that carries data."""
    if format is Format.XML:
        return _xml("DATA", data)
    return json.dumps({"DATA": data}, ensure_ascii=False, separators=(",", ":"))


# A list in JSON is in XML what its members are called, and what stands around them (appendices 1, 11, 13 and 16).
_IN_XML = {"STRUCTURE": ("STRUCTURE", "FIELD"), "CONTACT": ("CONTACTS", "CONTACT"), "SMS": (None, "SMS")}
_XML_NAME = "[A-Za-z_À-ÖØ-öø-ÿ][A-Za-z_À-ÖØ-öø-ÿ0-9.-]*"
_NOT_IN_XML = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # compiled when something is written in XML
_XML_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})  # a bare \r would be read as \n


def _xml(name: str, data: Data) -> str:
    return f"<{name}>{''.join(_xml_members(data))}</{name}>"


def _xml_members(data: Data) -> Iterator[str]:
    for key, value in data.items():
        if not isinstance(value, str):
            around, member = _IN_XML[key]
            members = "".join(_xml(member, each) for each in value)
            yield members if around is None else f"<{around}>{members}</{around}>"
        elif not re.fullmatch(_XML_NAME, key):
            raise Unwritable(f"the field {key!r} cannot be an element in XML; JSON can have it")
        elif re.search(_NOT_IN_XML, value):
            raise Unwritable(f"{key} has a character that XML cannot express; JSON can")
        else:
            yield f"<{key}>{value.translate(_XML_ESCAPES)}</{key}>"


def scope(sub_account: str | None) -> dict[str, str]:
    """The parameters that name the sub-account to act for; none for the account itself.

    Both spellings: the manual has `subaccount`, production wants `subAccount`, and a parameter that is not
    understood is ignored, so that the call would act on the master account.
    """
    return {} if sub_account is None else {"subAccount": sub_account, "subaccount": sub_account}


def _stream_scope(sub_account: str | None) -> dict[str, str]:
    # For lists and contacts the manual has it inside the data (§21.2, §22.2, §23.2).
    return {} if sub_account is None else {"SUBACCOUNT": sub_account} | scope(sub_account)


def digits(phone: str) -> str:
    """A phone as it is sent: without blanks and "+", which a server may read as a blank."""
    return re.sub(r"[\s+]", "", phone)


def _flag(value: bool) -> str:
    return "1" if value else "0"


def account_to_create(data: Mapping[str, str]) -> Data:
    """accountData of createSubAccount. In production ACTIVE must not be sent when it is 1, the default."""
    return {key: value for key, value in data.items() if (key.upper(), value) != ("ACTIVE", "1")}


def account_changes(data: Mapping[str, str]) -> Data:
    """accountData of updateSubAccount: what is not in it stays as it is."""
    return dict(data)


def new_list(name: str, *, locked: bool, fields: Sequence[ListField], sub_account: str | None) -> Data:
    """listData of createList."""
    data: dict[str, str | Sequence[Mapping[str, str]]] = {
        "LISTNAME": name,
        **_stream_scope(sub_account),
        "LOCKED": _flag(locked),
    }
    if fields:
        data["STRUCTURE"] = [
            {"FIELDNAME": field.name, "FILTER": _flag(field.filter), "MAILING": _flag(field.mailing)}
            for field in fields
        ]
    return data


def new_contacts(name: str, contacts: Sequence[tuple[str, Mapping[str, str]]], *, sub_account: str | None) -> Data:
    """populateData of populateList. The phone given is the contact's, whatever its fields are called."""
    members = [
        {key: value for key, value in fields.items() if key.upper() != "MOBILEPHONE"} | {"MOBILEPHONE": digits(phone)}
        for phone, fields in contacts
    ]
    return {"LISTNAME": name, **_stream_scope(sub_account), "CONTACT": members}


def contacts_to_delete(name: str, phones: Sequence[str], *, sub_account: str | None) -> Data:
    """deleteData of deleteContacts."""
    members = [{"MOBILEPHONE": digits(phone)} for phone in phones]
    return {"LISTNAME": name, **_stream_scope(sub_account), "CONTACT": members}


def message_data(message: Message) -> Data:
    """smsData of sendSms and simulateCampaign. DYNAMIC is always sent: clients that send no variables send 0."""
    optional = {
        "CAMPAIGN_NAME": message.campaign_name,
        "DATE": message.date,
        "TPOA": message.sender,
        "MAIL_NOTIF": None if message.notify is None else _flag(message.notify),
        "CLIMSGID": message.client_id,
    }
    data: dict[str, str | Sequence[Mapping[str, str]]] = {"MESSAGE": message.text, "DYNAMIC": str(message.dynamic)}
    data |= {key: value for key, value in optional.items() if value is not None}
    data["SMS"] = [_recipient(recipient, message.client_id) for recipient in message.recipients]
    return data


def _recipient(recipient: Recipient, client_id: str | None) -> dict[str, str]:
    data = {"MOBILEPHONE": digits(recipient.phone)}
    data |= {f"PARAM_{position}": value for position, value in enumerate(recipient.params, 1)}
    if client_id is not None:  # the manual has it beside the number, other clients in the data: both
        data["CLIMSGID"] = client_id
    return data


def email_data(email: Email) -> Data:
    """emailData of sendEmail, its HTML in base64. What separates addresses got lost in the manual's translation."""
    optional = {
        "DATE": email.date,
        "ALIAS": email.sender_name,
        "MAILTEXT": email.text,
        "CAMPAIGN_NAME": email.campaign_name,
        "REPLY_TO": email.reply_to,
    }
    html = base64.b64encode(email.html.encode("utf-8", "surrogatepass")).decode("ascii")
    data = {"FROM": email.sender, "TO": ";".join(email.recipients), "SUBJECT": email.subject, "HTML": html}
    return data | {key: value for key, value in optional.items() if value is not None}


def simplified_message(
    text: str, phones: Sequence[str], *, sender: str | None, date: str | None, campaign_name: str | None
) -> dict[str, str]:
    """The parameters of a simplified sending, which has no data in JSON (manual §5: `TPOA` in its table, `tpoa` in its example)."""
    optional = {"TPOA": sender, "tpoa": sender, "date": date, "campaign": campaign_name}
    parameters = {"message": text, "mobile": ";".join(map(digits, phones))}
    return parameters | {key: value for key, value in optional.items() if value is not None}


def campaign(campaign_id: str) -> dict[str, str]:
    """The parameter that names a campaign: `campId` in the French manual and in clients, `Campid` in the translated one."""
    return {"campId": campaign_id, "Campid": campaign_id}


def sms(sms_id: str) -> dict[str, str]:
    """The parameter that names a message: `smsIds` in the manual, which means one, `smsId` in clients."""
    return {"smsIds": sms_id, "smsId": sms_id}
