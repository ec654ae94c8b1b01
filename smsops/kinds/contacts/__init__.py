"""`contacts`: the people of one list (manual §22, §23, §26).

A list's contacts are one resource: a set of phones with field values, changed in batches. The API
has no call that updates a contact, so a changed one is deleted and inserted, with its old row
backed up first. Counts that come back are believed only when they add up.
"""

from smsops.kinds.contacts.calls import ListContacts
from smsops.kinds.contacts.describe import describe_contacts
from smsops.kinds.contacts.kind import ContactSet
from smsops.kinds.contacts.rows import (
    NOBODY,
    Wanted,
    batches,
    contacts_read,
    live_contacts,
    merged_contacts,
    present_contacts,
    wanted_contacts,
)
from smsops.kinds.contacts.sources import ContactSource, declare_contacts

__all__ = [
    "NOBODY",
    "ContactSet",
    "ContactSource",
    "ListContacts",
    "Wanted",
    "batches",
    "contacts_read",
    "declare_contacts",
    "describe_contacts",
    "live_contacts",
    "merged_contacts",
    "present_contacts",
    "wanted_contacts",
]
