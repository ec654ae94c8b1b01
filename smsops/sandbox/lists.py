"""The methods about lists and contacts: §21 to §26."""

from collections.abc import Mapping, Sequence
from typing import Any

from smsops.sandbox import messages
from smsops.sandbox.answers import Body
from smsops.sandbox.calls import Call
from smsops.sandbox.forms import capitals, flag_of, records_of, text_of
from smsops.sandbox.store import ContactList

PHONE = "MOBILEPHONE"


def get_lists(call: Call) -> Body:
    """getLists (§25): names and counts; fields are never told."""
    lists = call.store.lists(call.target().id)
    return {
        "Lists": [
            {
                "ListName": found.name,
                "Contacts": str(call.store.count_contacts(found.id)),
                "Locked": str(int(found.locked)),
                "CreationDate": found.created[:10],
            }
            for found in lists
        ]
    }


def create_list(call: Call) -> Body:
    """createList (§21); the text of success is the manual's, although nothing is populated."""
    data = call.payload("listData")
    account = call.target(data.get("SUBACCOUNT"))
    name = text_of(data.get("LISTNAME"))
    if not name or not name.strip():
        raise call.refuse("LISTNAME is missing")
    if call.store.find_list(account.id, name) is not None:
        raise call.refuse("The list already exists")
    locked = flag_of(data.get("LOCKED"))
    fields = structure(records_of(data.get("STRUCTURE"), "FIELD"))
    if locked is None or fields is None:
        raise call.refuse("The structure of the list is not valid")
    call.store.add_list(account.id, name, locked=locked, fields=fields, now=call.today)
    return {"status": "1", "statusText": "database successfully populated"}


def structure(records: Sequence[object]) -> list[dict[str, Any]] | None:
    """The fields of a list, None when a name is missing, reserved or there twice, whatever its case."""
    fields: list[dict[str, Any]] = []
    seen = {PHONE}
    for record in records:
        if not isinstance(record, dict):
            return None
        folded = capitals(record)
        name = (text_of(folded.get("FIELDNAME")) or "").strip()
        filter_, mailing = flag_of(folded.get("FILTER")), flag_of(folded.get("MAILING"))
        if not name or name.upper() in seen or filter_ is None or mailing is None:
            return None
        seen.add(name.upper())
        fields.append({"name": name, "filter": filter_, "mailing": mailing})
    return fields


def delete_list(call: Call) -> Body:
    """deleteList (§24); a lock does not prevent it."""
    found = call.list_of(call.target(), call.params.get("listName"))
    call.store.delete_list(found.id)
    return {"status": "1", "statusText": f"list {found.name} has been successfully deleted"}


def get_contacts(call: Call) -> Body:
    """getContacts (§26): every contact at once, the names of its fields capitalised."""
    found = call.list_of(call.target(), call.params.get("listName"))
    keys = ["MobilePhone", *(name.capitalize() for name in found.columns)]
    contacts = call.store.contacts(found.id)
    return {"Contacts": (dict(zip(keys, (phone, *values), strict=True)) for phone, values in contacts)}


def populate_list(call: Call) -> Body:
    """populateList (§22): a phone that is there keeps its values; what is wrong is counted, never named."""
    found, contacts = _addressed(call, "populateData")
    rows = [row for row in (read_contact(contact, found) for contact in contacts) if row is not None]
    added = call.store.add_contacts(found.id, rows)
    return {
        "status": "1",
        "statusText": f"list {found.name} successfully populated",
        "Success": added,
        "Ignored": len(contacts) - len(rows),
        "Duplicated": len(rows) - added,
    }


def delete_contacts(call: Call) -> Body:
    """deleteContacts (§23): an absent phone counts as ignored, one that is given twice as duplicated."""
    found, contacts = _addressed(call, "deleteData")
    records = [capitals(contact) if isinstance(contact, dict) else {} for contact in contacts]
    phones = [phone for phone in (messages.mobile(record.get(PHONE)) for record in records) if phone]
    distinct = set(phones)
    deleted = call.store.delete_contacts(found.id, distinct)
    return {
        "status": "1",
        "statusText": f"list {found.name} successfully updated",
        "Success": deleted,
        "Ignored": len(contacts) - len(phones) + len(distinct) - deleted,
        "Duplicated": len(phones) - len(distinct),
    }


def _addressed(call: Call, payload: str) -> tuple[ContactList, Sequence[object]]:
    data = call.payload(payload)
    found = call.list_of(call.target(data.get("SUBACCOUNT")), data.get("LISTNAME"))
    if found.locked and call.style.locked_lists != "writable":
        raise call.refuse(f"The list {found.name} is locked")
    contacts = records_of(data.get("CONTACT", data.get("CONTACTS")), "CONTACT")
    if not contacts:
        raise call.refuse("The stream holds no contact")
    return found, call.taken(contacts)


def read_contact(contact: object, target: ContactList) -> tuple[str, list[str]] | None:
    """A contact as it is kept, None when it is ignored: a wrong number, or a field that the list does not have."""
    if not isinstance(contact, Mapping):
        return None
    places = target.places
    values = [""] * len(places)
    phone: str | None = None
    for key, value in contact.items():
        name = str(key).strip().upper()
        if name == PHONE:
            phone = messages.mobile(value)
            continue
        text = text_of(value)
        if text is None or name not in places:
            return None
        values[places[name]] = text
    return None if phone is None else (phone, values)
