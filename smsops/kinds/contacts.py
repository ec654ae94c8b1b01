"""`contacts`: the people of one list (manual §22, §23, §26).

A list's contacts are one resource: a set of phones with field values, changed in batches. The API
has no call that updates a contact, so a changed one is deleted and inserted, with its old row
backed up first. Counts that come back are believed only when they add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from smsops.api.contract import OutcomeUnknown, Refused, Writer
from smsops.kinds.base import Declaration, Kind, Resource, Row, Session, Step, View
from smsops.model.address import Address
from smsops.model.blocks import NonBlank
from smsops.model.diagnostics import Mark, did_you_mean
from smsops.model.phone import InvalidPhone, normalise_mobile
from smsops.model.plan import CREATE, DELETE, FORGET, UPDATE, Change, ContactCounts
from smsops.model.resources import Absent, CannotRead, Desired, Guard, Observation, Present, Read, Unknown
from smsops.model.settings import Block
from smsops.model.state import Drop, Entry, Event, Put
from smsops.model.values import JSON, mask_phone, plural

T = TypeVar("T")
Rows = dict[str, dict[str, str]]
"""Contacts by phone (digits), each with its fields by the list's names."""

BATCH = 2_000
"""The most contacts that one call should carry (manual §6.1)."""

_PHONE_COLUMNS = ("phone", "mobilephone", "mobile")
_ATTEMPTS = 3
_SHOWN = 20


class ContactSource(Block):
    """Where contacts come from: a data file, or rows in the configuration."""

    file: NonBlank | None = Field(None, description="A CSV, NDJSON or Parquet file below the stack directory.")
    phone: NonBlank | None = Field(
        None, description="The column with the phone. Default: phone, mobilephone or mobile."
    )
    columns: dict[str, NonBlank] | None = Field(
        None, description="Field: column. Default: the columns that have the names of fields."
    )
    inline: list[dict[str, str | None]] | None = Field(None, description="Rows: phone and fields.")

    @model_validator(mode="after")
    def _one_source(self) -> ContactSource:
        if (self.file is None) == (self.inline is None):
            raise PydanticCustomError("source", "A source of contacts has exactly one of file and inline")
        if self.inline is not None and (self.phone or self.columns):
            raise PydanticCustomError("source", "phone and columns belong to a file")
        return self


@dataclass(frozen=True)
class Wanted:
    """The contacts that the configuration wants in a list."""

    rows: Rows = field(repr=False)
    exact: bool
    membership_given: bool
    fields: tuple[str, ...] = ()
    """The list's fields as they are declared: the API changes their case, and compares who knows how."""


@dataclass(frozen=True)
class _Payload:
    list_address: Address
    removes: tuple[str, ...] = field(default=(), repr=False)
    inserts: tuple[tuple[str, Mapping[str, str]], ...] = field(default=(), repr=False)
    backup: tuple[tuple[str, Mapping[str, str]], ...] = field(default=(), repr=False)
    stale_backup: str | None = None
    entry: Entry | None = None
    list_name: str = ""
    fields: tuple[str, ...] = ()


class Shortfall(Refused):
    """The API took fewer contacts than it was sent."""

    code = "SMS321"


class ContactSet(Kind):
    """The contacts of a list, under the list's key."""

    name: ClassVar[str] = "contacts"
    adoptable: ClassVar[bool] = False

    def scope(self, address: Address) -> Address:
        return Address(address.account, "list", address.name)

    def observe(self, resource: Resource, view: View) -> Observation:
        parent = view.observe(self.scope(resource.address))
        if isinstance(parent, Present):
            return Present("")
        return parent if isinstance(parent, Absent) else _raise_unknown(self.scope(resource.address))

    def create(self, resource: Resource, view: View) -> Change | None:
        return self._change(resource, view)

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        return self._change(resource, view)

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if self.scope(resource.address) in view.leaving:  # they go with their list
            return Change(
                resource.address, DELETE, "deleted_with_its_list", {}, None, payload=_Payload(resource.address)
            )
        exact = resource.owned.attributes.get("membership") == "exact"
        if not view.destroy or not exact or not isinstance(observation, Present):
            return Change(resource.address, FORGET, "no_longer_managed", {}, None, payload=_Payload(resource.address))
        rows = present_rows(self.scope(resource.address), view)
        return Change(
            resource.address,
            DELETE,
            "delete_because_no_resource_config",
            {"count": len(rows)},
            None,
            method="deleteContacts",
            calls=batches(len(rows)),
            payload=_Payload(
                self.scope(resource.address), removes=tuple(sorted(rows)), list_name=_live_name(resource, view)
            ),
            content=sorted(rows),
            contacts=ContactCounts(remove=len(rows)),
        )

    def _change(self, resource: Resource, view: View) -> Change | None:
        parent = self.scope(resource.address)
        wanted: Wanted = resource.want.data
        parent_change = view.changes.get(parent)
        with_list = parent_change is not None and parent_change.recreates
        known = live_rows(parent, view)
        # What only a backup holds is to be put back, unless the list is filled from it anyway.
        live = known if with_list else present_rows(parent, view)
        target = merged(wanted, known)
        add = sorted(target.keys() - live.keys())
        remove = sorted(live.keys() - target.keys())
        change = sorted(phone for phone in target.keys() & live.keys() if not same_values(target[phone], live[phone]))
        if (
            parent_change
            and "adopt" in parent_change.actions
            and not view.adopt_all
            and view.desired[parent].guard.adopt == "if_identical"
            and (remove or change)
        ):
            view.fail(
                resource.address,
                "SMS261",
                f"{parent} exists already and differs in {plural(len(remove) + len(change), 'contact')}",
                "Make the sources say what is there, or adopt it with lifecycle: {adopt: always}.",
            )
            return None
        if parent_change and "adopt" in parent_change.actions and remove and not wanted.membership_given:
            view.fail(
                resource.address,
                "SMS232",
                f"Adopting {parent} would remove {plural(len(remove), 'contact')} that the configuration does not have",
                "Say membership: additive to keep them, or membership: exact to remove them.",
            )
            return None
        membership = "exact" if wanted.exact else "additive"
        entry = Entry(resource.address, "", {"membership": membership}, depends_on=resource.want.depends_on)
        backup = resource.entry.backup if resource.entry else None
        recorded = (
            resource.entry is not None and resource.entry.attributes.get("membership") == membership and not backup
        )
        if not (add or remove or change) and recorded:
            return None
        removes, inserts = (*remove, *change), [(phone, target[phone]) for phone in (*add, *change)]
        calls = 0 if with_list else batches(len(removes)) + batches(len(inserts))
        return Change(
            resource.address,
            UPDATE if resource.entry else CREATE,
            "configuration_changed" if resource.entry else "absent_from_account",
            {"count": len(live)} if resource.entry else None,
            {"count": len(target), "membership": membership},
            method="populateList" if inserts else "deleteContacts" if removes else "",
            calls=calls,
            content=[sorted(removes), sorted(inserts), membership],
            payload=_Payload(
                parent,
                () if with_list else tuple(removes),
                () if with_list else tuple(inserts),
                () if with_list else tuple((phone, live[phone]) for phone in change),
                backup,
                entry,
                view.desired[parent].identity if parent in view.desired else "",
                wanted.fields,
            ),
            contacts=ContactCounts(len(add), len(change), len(remove)),
        )

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        payload: _Payload = change.payload
        if not payload.removes and not payload.inserts:
            if payload.stale_backup:
                await session.drop_backup(payload.stale_backup)
            return [Put(payload.entry)] if payload.entry else [Drop(change.address)]
        backup = payload.stale_backup
        if payload.backup and payload.entry:
            backup = f"contacts-{change.address.account or 'master'}-{change.address.name}"
            rows = [[phone, dict(fields)] for phone, fields in payload.backup]
            await session.save_backup(backup, {"rows": rows})
            attributes = {**payload.entry.attributes, "backup": backup}
            session.record(Put(Entry(change.address, "", attributes, depends_on=payload.entry.depends_on)))
        batch = ListContacts(session.master, payload.list_name, session.login(change.address.account), payload.fields)
        total = len(payload.removes) + len(payload.inserts)
        await batch.remove(payload.removes, lambda done: session.progress(done, total, "contacts"))
        offset = len(payload.removes)
        await batch.insert(payload.inserts, lambda done: session.progress(offset + done, total, "contacts"))
        session.returned(removed=len(payload.removes), inserted=len(payload.inserts))
        events: list[Event] = [Put(payload.entry)] if payload.entry else [Drop(change.address)]
        if backup:
            session.record(*events)
            await session.drop_backup(backup)
            return []
        return events


class ListContacts:
    """The contacts of one live list: removes and inserts that are checked."""

    def __init__(self, api: Writer, name: str, login: str | None, fields: Sequence[str] = ()) -> None:
        self._api = api
        self._name = name
        self._login = login
        self._fields = fields

    async def rows(self) -> Rows:
        contacts = await self._api.get_contacts(self._name, sub_account=self._login)
        return as_rows(contacts.rows)

    async def remove(self, phones: Sequence[str], progress: Any = lambda done: None) -> None:
        """Remove contacts; Shortfall where one is still there afterwards. An absent one is done."""
        certain = True
        for done, batch in _batched(phones):
            waiting: Sequence[str] = batch
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    counts = await self._api.delete_contacts(self._name, waiting, sub_account=self._login)
                except OutcomeUnknown:
                    live = await self.rows()
                    waiting = [phone for phone in waiting if phone in live]
                    if waiting and attempt == _ATTEMPTS:
                        raise
                    if waiting:
                        continue
                else:
                    certain = certain and counts.success == len(waiting)
                break
            progress(done)
        if not certain:
            live = await self.rows()
            self._explain([phone for phone in phones if phone in live], "deleteContacts", "is the list locked?")

    async def insert(self, rows: Sequence[tuple[str, Mapping[str, str]]], progress: Any = lambda done: None) -> None:
        """Insert contacts; Shortfall where one is not there with its values afterwards."""
        certain = True
        for done, batch in _batched(rows):
            waiting: Sequence[tuple[str, Mapping[str, str]]] = batch
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    sent = [(phone, self._complete(fields)) for phone, fields in waiting]
                    counts = await self._api.populate_list(self._name, sent, sub_account=self._login)
                except OutcomeUnknown:
                    live = await self.rows()
                    waiting = [(phone, fields) for phone, fields in waiting if phone not in live]
                    if waiting and attempt == _ATTEMPTS:
                        raise
                    if waiting:
                        continue
                else:
                    certain = certain and counts.success == len(waiting)
                break
            progress(done)
        if not certain:
            await self.verify(rows)

    def _complete(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Every field of the list, as declared (the stream must contain them all, manual §22.1), and what else it has."""
        known = {name.upper(): name for name in self._fields}
        return dict.fromkeys(self._fields, "") | {known.get(name, name): value for name, value in fields.items()}

    async def verify(self, rows: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        """Read the list back and compare; Shortfall where a contact is missing or has other values."""
        live = await self.rows()
        self._explain(
            [phone for phone, _ in rows if phone not in live],
            "populateList",
            "an invalid number, or a field the list lacks",
        )
        self._explain(
            [phone for phone, fields in rows if not same_values(dict(fields), live[phone])],
            "populateList",
            "the contact was there already and kept its old values",
        )

    def _explain(self, phones: Sequence[str], method: str, reason: str) -> None:
        if not phones:
            return
        named = ", ".join(mask_phone(phone) for phone in phones[:_SHOWN])
        more = f" and {len(phones) - _SHOWN:,} more" if len(phones) > _SHOWN else ""
        raise Shortfall(
            method, f"{plural(len(phones), 'contact')} of {self._name} not taken: {named}{more}. Probably: {reason}."
        )


def live_rows(list_address: Address, view: View) -> Rows:
    """The contacts that a list has, those included that a change which did not finish has saved."""
    return saved_rows(list_address, view) | present_rows(list_address, view)


def saved_rows(list_address: Address, view: View) -> Rows:
    """The contacts in the backups of a list: a change which did not finish may have taken them out of it."""
    rows: Rows = {}
    for owner in (list_address, Address(list_address.account, ContactSet.name, list_address.name)):
        entry = view.state.entries.get(owner)
        name = entry.backup if entry else None
        if name and name not in view.backups:
            raise CannotRead(f"the backup {name} of {list_address} cannot be read")
        if name:
            rows |= {phone: dict(fields) for phone, fields in view.backups[name]["rows"]}
    return rows


def present_rows(list_address: Address, view: View) -> Rows:
    """The contacts that are in a list now."""
    observation = view.observe(list_address)
    if isinstance(observation, Unknown):
        raise CannotRead(f"{list_address} could not be read")
    if not isinstance(observation, Present) or view.creates(list_address):
        return {}
    (contacts,) = view.read(contacts_read(list_address, observation, view))
    expected = observation.facts.get("contacts")
    if expected is not None and len(contacts.rows) < expected:
        raise CannotRead(f"getContacts gave {len(contacts.rows)} of {expected} contacts of {list_address}")
    return as_rows(contacts.rows)


def contacts_read(list_address: Address, observation: Present, view: View) -> Read:
    """The read that brings the contacts of a live list."""
    owner = view.owner(list_address)
    login = owner.identity if isinstance(owner, Present) and owner.identity else None
    return Read("get_contacts", (observation.identity,), login)


def as_rows(contacts: Sequence[tuple[str, Mapping[str, str]]]) -> Rows:
    """What getContacts gave, by phone; field names in capitals, since the API changes their case (API-NOTES 63)."""
    return {
        _digits(phone): {name.upper(): value.strip() for name, value in fields.items()} for phone, fields in contacts
    }


def _digits(phone: str) -> str:
    if phone.isdigit() and phone[0] != "0":
        return phone
    try:
        return normalise_mobile(phone, "FR")
    except InvalidPhone:
        return phone


def merged(wanted: Wanted | None, live: Rows) -> Rows:
    """The contacts that a list should end up with: fields that are not managed keep their live values."""
    if wanted is None:
        return live
    result: Rows = {} if wanted.exact else dict(live)
    for phone, fields in wanted.rows.items():
        result[phone] = {**live[phone], **fields} if phone in live else fields
    return result


def same_values(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Equal values; a missing field is an empty one (API-NOTES 64)."""
    if one == other:
        return True
    return all((one.get(name) or "") == (other.get(name) or "") for name in one.keys() | other.keys())


def batches(count: int) -> int:
    return -(-count // BATCH)


def _batched(items: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        yield start + len(batch), batch


def _raise_unknown(parent: Address) -> Observation:
    raise CannotRead(f"{parent} could not be read")


def _live_name(resource: Resource, view: View) -> str:
    parent = view.observe(Address(resource.address.account, "list", resource.address.name))
    return parent.identity if isinstance(parent, Present) else ""


def declare_contacts(
    sources: Sequence[ContactSource],
    membership: Literal["exact", "additive"],
    membership_given: bool,
    fields: Mapping[str, Any],
    declaration: Declaration,
    owner: Address,
) -> Desired:
    """The contacts of a list's block: every source read, numbers normalised, contradictions reported."""
    reader = _SourceReader(declaration, {name.upper(): name for name in fields})
    for position, source in enumerate(sources):
        reader.read(position, source)
    return Desired(
        Address(owner.account, ContactSet.name, owner.name),
        "",
        None,
        data=Wanted(reader.rows, membership == "exact", membership_given, tuple(fields)),
        depends_on=(owner,),
        guard=Guard(),
        mark=declaration.mark("contacts"),
    )


class _SourceReader:
    def __init__(self, declaration: Declaration, fields: Mapping[str, str]) -> None:
        self.declaration = declaration
        self.fields = fields  # capitals: as declared
        self.rows: Rows = {}
        self.places: dict[str, Mark] = {}

    def read(self, position: int, source: ContactSource) -> None:
        if source.inline is not None:
            self.read_inline(position, source.inline)
        elif source.file is not None:
            rows = self.declaration.rows(source.file, "contacts", position, "file")
            if rows:
                self.read_file(position, source, rows)

    def read_inline(self, position: int, rows: Sequence[Mapping[str, str | None]]) -> None:
        for number, row in enumerate(rows):
            path: tuple[Step, ...] = ("contacts", position, "inline", number)
            phone_keys = [key for key in row if key.lower() in _PHONE_COLUMNS and key.upper() not in self.fields]
            if len(phone_keys) != 1:
                self.declaration.error(
                    "SMS111", 'The key "phone" is missing', *path, detail="Add phone: to this contact."
                )
                continue
            values: dict[str, str] = {}
            for key, value in row.items():
                if key == phone_keys[0]:
                    continue
                if key.upper() not in self.fields:
                    self._unknown_field(key, *path, key, key=True)
                else:
                    values[key.upper()] = (value or "").strip()
            mark = self.declaration.mark(*path, phone_keys[0])
            self.add(row[phone_keys[0]] or "", values, mark)

    def read_file(self, position: int, source: ContactSource, rows: Sequence[Row]) -> None:
        header = list(rows[0][1])
        by_folded = {name.casefold(): name for name in header}
        path: tuple[Step, ...] = ("contacts", position)
        phone = source.phone or next((by_folded[name] for name in _PHONE_COLUMNS if name in by_folded), None)
        if phone is None or phone not in header:
            what = f'{source.file} has no column "{phone}"' if phone else f"{source.file} has no column named phone"
            place = ("phone",) if source.phone else ("file",)
            self.declaration.error("SMS163", what, *path, *place, detail=did_you_mean(phone or "phone", header))
            return
        columns = self.columns(path, source, header)
        if columns is None:
            return
        for line, row in rows:
            values = {name: row[column] for name, column in columns.items()}
            self.add(row[phone], values, Mark(str(source.file), line))

    def columns(self, path: tuple[Step, ...], source: ContactSource, header: Sequence[str]) -> dict[str, str] | None:
        """Field (in capitals): column; None, reported, where one does not exist."""
        if source.columns is None:
            return {name.upper(): name for name in header if name.upper() in self.fields}
        columns: dict[str, str] = {}
        complete = True
        for name, column in source.columns.items():
            if name.upper() not in self.fields:
                self._unknown_field(name, *path, "columns", name, key=True)
                complete = False
            elif column not in header:
                self.declaration.error(
                    "SMS163",
                    f'{source.file} has no column "{column}"',
                    *path,
                    "columns",
                    name,
                    detail=did_you_mean(column, header),
                )
                complete = False
            columns[name.upper()] = column
        return columns if complete else None

    def add(self, phone: str, values: dict[str, str], mark: Mark) -> None:
        try:
            digits = normalise_mobile(phone, self.declaration.settings.default_country)
        except InvalidPhone as error:
            shown = (mask_phone(phone) or "This") if phone else "An empty cell"
            self.declaration.error_at(
                "SMS160",
                f"{shown} is not the number of a mobile: {error}",
                mark,
                detail="Correct it or remove the contact.",
            )
            return
        if digits in self.rows and not same_values(self.rows[digits], values):
            self.declaration.error_at(
                "SMS161",
                f"{mask_phone(digits)} stands twice with different values",
                mark,
                detail=f"It stands first at {self.places[digits]}. Keep one of them.",
            )
            return
        self.rows.setdefault(digits, values)
        self.places.setdefault(digits, mark)

    def _unknown_field(self, name: str, *path: Step, key: bool) -> None:
        known = self.fields.values()
        self.declaration.error(
            "SMS151",
            f'The list has no field "{name}"',
            *path,
            detail=did_you_mean(name, known)
            or "Declare it under fields:; the API ignores contacts with unknown fields.",
            key=key,
        )


def rows_document(rows: Rows) -> JSON:
    """The form in which rows are backed up."""
    return [[phone, fields] for phone, fields in rows.items()]
