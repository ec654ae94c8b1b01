"""The parameters that carry data: JSON text, always inside {"DATA": …} (manual §6, §16, §21 to §23, §29).

The manual prints the wrapper and leaves it out here and there; a client in production had to add it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence

from smsops.api.contract import Email, ListField, Message, Recipient


def scope(sub_account: str | None) -> dict[str, str]:
    """The parameters that name the sub-account to act for; none for the account itself.

    Both spellings: the manual has `subaccount`, production wants `subAccount`, and a parameter that is not
    understood is ignored, so that the call would act on the master account.
    """
    return {} if sub_account is None else {"subAccount": sub_account, "subaccount": sub_account}


def _stream_scope(sub_account: str | None) -> dict[str, str]:
    # For lists and contacts the manual has it inside the data (§21.2, §22.2, §23.2).
    return {} if sub_account is None else {"SUBACCOUNT": sub_account} | scope(sub_account)


def _wrapped(data: Mapping[str, object]) -> str:
    return json.dumps({"DATA": data}, ensure_ascii=False, separators=(",", ":"))


def digits(phone: str) -> str:
    """A phone as it is sent: without blanks and "+", which a server may read as a blank."""
    return re.sub(r"[\s+]", "", phone)


def _flag(value: bool) -> str:
    return "1" if value else "0"


def account_to_create(data: Mapping[str, str]) -> str:
    """accountData of createSubAccount. In production ACTIVE must not be sent when it is 1, the default."""
    return _wrapped({key: value for key, value in data.items() if (key.upper(), value) != ("ACTIVE", "1")})


def account_changes(data: Mapping[str, str]) -> str:
    """accountData of updateSubAccount: what is not in it stays as it is."""
    return _wrapped(data)


def new_list(name: str, *, locked: bool, fields: Sequence[ListField], sub_account: str | None) -> str:
    """listData of createList."""
    data: dict[str, object] = {"LISTNAME": name, **_stream_scope(sub_account), "LOCKED": _flag(locked)}
    if fields:
        data["STRUCTURE"] = [
            {"FIELDNAME": field.name, "FILTER": _flag(field.filter), "MAILING": _flag(field.mailing)}
            for field in fields
        ]
    return _wrapped(data)


def new_contacts(name: str, contacts: Sequence[tuple[str, Mapping[str, str]]], *, sub_account: str | None) -> str:
    """populateData of populateList. The phone given is the contact's, whatever its fields are called."""
    members = [
        {key: value for key, value in fields.items() if key.upper() != "MOBILEPHONE"} | {"MOBILEPHONE": digits(phone)}
        for phone, fields in contacts
    ]
    return _wrapped({"LISTNAME": name} | _stream_scope(sub_account) | {"CONTACT": members})


def contacts_to_delete(name: str, phones: Sequence[str], *, sub_account: str | None) -> str:
    """deleteData of deleteContacts."""
    members = [{"MOBILEPHONE": digits(phone)} for phone in phones]
    return _wrapped({"LISTNAME": name} | _stream_scope(sub_account) | {"CONTACT": members})


def message_data(message: Message) -> str:
    """smsData of sendSms and simulateCampaign. DYNAMIC is always sent: clients that send no variables send 0."""
    optional = {
        "CAMPAIGN_NAME": message.campaign_name,
        "DATE": message.date,
        "TPOA": message.sender,
        "MAIL_NOTIF": None if message.notify is None else _flag(message.notify),
        "CLIMSGID": message.client_id,
    }
    data: dict[str, object] = {"MESSAGE": message.text, "DYNAMIC": str(message.dynamic)}
    data |= {key: value for key, value in optional.items() if value is not None}
    data["SMS"] = [_recipient(recipient, message.client_id) for recipient in message.recipients]
    return _wrapped(data)


def _recipient(recipient: Recipient, client_id: str | None) -> dict[str, str]:
    data = {"MOBILEPHONE": digits(recipient.phone)}
    data |= {f"PARAM_{position}": value for position, value in enumerate(recipient.params, 1)}
    if client_id is not None:  # the manual has it beside the number, other clients in the data: both
        data["CLIMSGID"] = client_id
    return data


def email_data(email: Email) -> str:
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
    return _wrapped(data | {key: value for key, value in optional.items() if value is not None})


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
