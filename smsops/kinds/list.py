"""`list`: a contact list of the master or of a sub-account (manual §21, §24, §25).

The API cannot change a list, so a change of its name, lock or fields is a replace: every contact
is backed up, the list is deleted, created and filled again, and the result is verified before the
backup is dropped. Each step is recorded, so that a run which dies is finished by the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic_core import PydanticCustomError

from smsops.kinds.base import CannotSay, Declaration, Declared, Described, Found, Kind, Slot, check_ignored
from smsops.kinds.contacts import (
    NOBODY,
    ContactSet,
    ContactSource,
    ListContacts,
    batches,
    contacts_read,
    declare_contacts,
    describe_contacts,
    live_contacts,
    merged_contacts,
    present_contacts,
    wanted_contacts,
)
from smsops.kinds.session import Session, confirmed, created
from smsops.kinds.view import AnyRead, Resource, View
from smsops.model.address import Address
from smsops.model.block import BeforeValidator, Block, Field
from smsops.model.blocks import GuardedBlock, NonBlank, can_say
from smsops.model.diagnostics import Diagnostics
from smsops.model.plan import ADOPT, ADOPT_UPDATE, CHANGED_OUTSIDE, CREATE, DELETE, GONE, REPLACE, UPDATE, Change
from smsops.model.resources import Absent, CannotRead, Desired, Observation, Present, Read
from smsops.model.state import Drop, Entry, Event, Put
from smsops.model.untold import Structure
from smsops.model.values import JSON, repr_without
from smsops.table import Table

if TYPE_CHECKING:
    from smsops.api.records import ListField, ListRecord

_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_RESERVED = frozenset(("MOBILEPHONE", "PHONE"))


class FieldSpec(Block):
    """One field of a list."""

    filter: bool = Field(False, description="Recipients can be filtered by it in the customer area.")
    mailing: bool = Field(False, description="It can stand in messages sent from the customer area.")


def _default_field(value: Any) -> Any:
    return {} if value is None else value


def _read_fields(value: Any) -> Any:
    seen: dict[str, str] = {}
    for name in value if isinstance(value, dict) else ():
        if not _FIELD_NAME.match(name) or name.upper() in _RESERVED:
            raise PydanticCustomError(
                "field",
                'A field cannot be called "{name}": use letters, digits and _, and not the names of the phone',
                {"name": name},
            )
        if name.upper() in seen:
            raise PydanticCustomError(
                "field",
                'The fields "{one}" and "{other}" differ only by case',
                {"one": seen[name.upper()], "other": name},
            )
        seen[name.upper()] = name
    return value


class ListSpec(GuardedBlock):
    """One contact list."""

    name: NonBlank | None = Field(None, description="The remote name. Default: the key.")
    locked: bool = Field(False, description="Not editable from the customer area.")
    fields: Annotated[
        dict[str, Annotated[FieldSpec, BeforeValidator(_default_field, json_schema_input_type=FieldSpec | None)]],
        BeforeValidator(_read_fields, json_schema_input_type=dict[str, FieldSpec | None]),
    ] = Field(default_factory=dict, description="Fields of its contacts besides the phone, by name.")
    membership: Literal["exact", "additive"] = Field("exact", description="additive never removes a contact.")
    contacts: list[ContactSource] | None = Field(None, description="Without it the list's contacts are left alone.")


class _Payload(NamedTuple):
    name: str
    entry: Entry | None = None
    fields: tuple[ListField, ...] = ()
    old_name: str = ""
    stage: str | None = None
    live: bool = False
    backup: Table = NOBODY
    contacts: Table | None = None
    """Whom a list that replaces another is to have."""

    def __repr__(self) -> str:
        return repr_without(self, "backup", "contacts")


class ContactList(Kind):
    """Lists are known by their account and name; the state keeps their fields, which the API does not tell."""

    name: ClassVar[str] = "list"
    section: ClassVar[str | None] = "lists"
    Spec: ClassVar[type[Block]] = ListSpec
    embeds: ClassVar[tuple[str, ...]] = (ContactSet.name,)
    creating_reads_nothing: ClassVar[bool] = True
    unreturned: ClassVar[str] = "which fields of a list are for filters and mailings, and fields that no contact has"

    def discover(self, login: str | None, view: View) -> Sequence[Found]:
        (records,) = view.read(Read("get_lists", (), login))
        called: dict[str, list[ListRecord]] = {}
        for record in records:
            called.setdefault(record.name, []).append(record)
        return [Found(name, found) for name, found in called.items()]

    def describe(self, found: Found, slot: Slot, view: View) -> Described:
        if len(found.record) > 1:
            raise CannotSay(f"the account has {len(found.record)} lists of this name")
        if not found.identity or not can_say(found.identity):
            raise CannotSay("its name is empty, or has blanks at its ends or control characters")
        (record,) = found.record
        block: dict[str, JSON] = {} if record.name == slot.key else {"name": record.name}
        if record.locked:
            block["locked"] = True
        if record.contacts == 0:
            return Described(block)
        told = describe_contacts(record, slot, view)
        for name in told.fields:
            if not _FIELD_NAME.match(name) or name in _RESERVED:
                raise CannotSay(f'the configuration cannot call a field "{name}"')
        if told.fields:
            block["fields"] = {name: {} for name in told.fields}
        remarks = ("Some are in no file: it could not hold them.",) if told.losses else ()
        return Described({**block, **told.block}, remarks, told.contacts, told.losses)

    def imported(self, resource: Resource, present: Present, view: View) -> Entry | None:
        spec: ListSpec = resource.want.spec
        locked = present.attributes["locked"]
        fields = self._visible_fields(resource, present, view)
        attributes = {
            "locked": spec.locked if locked is None else locked,
            "fields": _fields(spec) if fields is None else fields,
        }
        return Entry(
            resource.address, present.identity, attributes, resource.want.guard.protect, resource.want.depends_on
        )

    def declare(self, spec: ListSpec, declaration: Declaration) -> list[Desired]:
        address = Address(declaration.account, self.name, declaration.key)
        desired = Desired(
            address,
            spec.name or declaration.key,
            spec,
            data={name.upper() for name in spec.fields},
            depends_on=_account_dependency(declaration.account),
            guard=declaration.guard(),
            mark=declaration.mark(),
        )
        if spec.contacts is None:
            return [desired]
        if spec.locked and spec.contacts:
            declaration.warning(
                "SMS231", "A locked list may refuse contacts", "locked", detail="The API calls a locked list read only."
            )
        given = "membership" in spec.model_fields_set
        return [desired, declare_contacts(spec.contacts, spec.membership, given, spec.fields, declaration, address)]

    def check(self, desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
        check_ignored(desired, ("locked", "fields"), diagnostics)

    def foreseen(self, resource: Resource, view: View) -> Sequence[AnyRead]:
        login = view.recorded_login(resource.address.account)
        return () if login is None else (Read("get_lists", (), login or None),)

    def observe(self, resource: Resource, view: View) -> Observation:
        if resource.desired is None and resource.entry is None:
            return Absent()  # its contacts are all that the state has left of it
        name = self._live_name(resource)
        found = self._called(name, resource, view)
        if len(found) > 1:
            raise CannotRead(f'the account has {len(found)} lists called "{name}"')
        if not found:
            return Absent()
        record = found[0]
        return Present(record.name, {"locked": record.locked}, {"contacts": record.contacts})

    def _called(self, name: str, resource: Resource, view: View) -> Sequence[ListRecord]:
        """The lists of the resource's account that have a name."""
        owner = view.owner(resource.address)
        if not isinstance(owner, Present):
            return ()
        return view.having(Read("get_lists", (), owner.identity or None), "name", name)

    def _live_name(self, resource: Resource) -> str:
        replacing = resource.entry.attributes.get("replacing") if resource.entry else None
        if replacing:  # until the old list is gone it is the one that counts
            name: str = replacing["from"] if replacing["stage"] == "saved" else replacing["to"]
            return name
        return resource.entry.identity if resource.entry else resource.want.identity

    def untold(self, resource: Resource, view: View) -> Iterator[Structure]:
        entry = resource.entry
        if entry is None:
            if resource.desired is not None:  # it may be there: adopting it takes its fields for those that are wanted
                yield Structure(resource.want.identity, _fields(resource.want.spec))
            return
        replacing = entry.attributes.get("replacing")
        if replacing and replacing["stage"] == "deleted":
            yield Structure(replacing["to"], replacing["after"]["fields"])
        else:
            yield Structure(replacing["from"] if replacing else entry.identity, entry.attributes["fields"])

    def create(self, resource: Resource, view: View) -> Change | None:
        if resource.entry and resource.entry.attributes.get("replacing"):
            return self._replace(resource, None, view, "replace_unfinished", {})
        spec: ListSpec = resource.want.spec
        shown = _shown(resource.want.identity, spec.locked, _fields(spec))
        return Change(
            resource.address,
            CREATE,
            "absent_from_account",
            None,
            shown,
            method="createList",
            calls=1,
            payload=_Payload(resource.want.identity, self._entry(resource), _wire_fields(spec)),
            content=shown,
        )

    def check_entry(self, entry: Entry) -> None:
        if not isinstance(entry.attributes.get("fields", {}), dict):
            raise TypeError("fields")

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        spec: ListSpec = resource.want.spec
        entry = resource.entry
        if entry and entry.attributes.get("replacing"):
            return self._replace(resource, present, view, "replace_unfinished", {})
        stored = entry.attributes if entry else {}
        before: dict[str, JSON] = {}
        ignored = resource.want.guard.ignore_changes
        if present.identity != resource.want.identity:
            if not self._name_is_free(resource, view):
                return None
            before["name"] = present.identity
        live_locked = present.attributes["locked"]
        locked = live_locked if live_locked is not None else stored.get("locked", spec.locked)
        if locked != spec.locked and "locked" not in ignored:
            before["locked"] = locked
        old_fields = stored.get("fields") if entry else self._visible_fields(resource, present, view)
        if old_fields is not None and "fields" not in ignored and not _same_fields(old_fields, _fields(spec)):
            before["fields"] = old_fields
        if not before:
            if entry:
                return None
            adopted = self._entry(resource)
            seen = {"locked": live_locked, "fields": old_fields}  # what is left alone is as it was
            kept = {name: value for name, value in seen.items() if name in ignored and value is not None}
            entry = adopted._replace(attributes={**adopted.attributes, **kept})
            return Change(resource.address, ADOPT, "adopted", {}, {}, entry=entry)
        return self._replace(resource, present, view, "replace_because_cannot_update", before)

    def _name_is_free(self, resource: Resource, view: View) -> bool:
        """Whether a list can take the name that it wants: found out before the old one is deleted."""
        if not self._called(resource.want.identity, resource, view):
            return True
        view.fail(
            resource.address,
            "SMS234",
            f'{resource.address} cannot be renamed: the account has a list "{resource.want.identity}" already',
            "Choose another name, or free that one in an apply of its own.",
        )
        return False

    def _visible_fields(self, resource: Resource, present: Present, view: View) -> dict[str, JSON] | None:
        """An adopted list shows its fields only in its contacts; None where it has none."""
        if not present.facts.get("contacts"):
            return None
        (contacts,) = view.read(contacts_read(resource.address, present, view))
        names = set(contacts.table.fields)
        names |= {name.upper() for name in resource.want.spec.fields}  # one that nobody has may be there all the same
        wanted = _fields(resource.want.spec)
        by_capitals = {name.upper(): flags for name, flags in wanted.items()}
        return {name: by_capitals.get(name, {"filter": False, "mailing": False}) for name in names}

    def _replace(
        self, resource: Resource, present: Present | None, view: View, reason: str, before: Mapping[str, JSON]
    ) -> Change:
        spec: ListSpec = resource.want.spec
        replacing = resource.entry.attributes.get("replacing") if resource.entry else None
        live = live_contacts(resource.address, view)
        contacts = view.desired.get(Address(resource.address.account, ContactSet.name, resource.address.name))
        wanted = wanted_contacts(contacts, view) if contacts else None
        known = {name.upper() for name in spec.fields}
        merged = merged_contacts(resource.address, wanted, live, view)
        final, lost = view.once(
            ("replace", resource.address), (merged, live), lambda: (merged.only(known), sorted(live.filled() - known))
        )
        if lost:
            view.warn(
                resource.address,
                "SMS233",
                f"The values of {', '.join(lost)} are lost: {resource.address} will not have these fields any more",
            )
        after = _shown(resource.want.identity, spec.locked, _fields(spec))
        if replacing and present and replacing["stage"] == "deleted" and replacing["after"] != after:
            replacing = None  # made by an earlier apply for another configuration: replace that
        old_name = replacing["from"] if replacing else present.identity if present else resource.want.identity
        stage = replacing["stage"] if replacing else None
        resumes = stage == "deleted" and present is not None
        stale, waiting = _still_to_do(final, present_contacts(resource.address, view) if resumes else NOBODY)
        deletes = 0 if stage == "deleted" else 1
        creates = 0 if resumes else 1
        reads = resumes + bool(len(final))
        return Change(
            resource.address,
            REPLACE if resource.entry else ADOPT_UPDATE,
            reason,
            dict(before),
            {name: after[name] for name in before} if before else after,
            method="createList",
            calls=deletes + creates + batches(_count(stale)) + batches(_count(waiting)) + reads,
            recreates=True,
            content=[after, final.digest(view.private_key)],
            payload=_Payload(
                resource.want.identity,
                self._entry(resource),
                _wire_fields(spec),
                old_name,
                stage,
                present is not None,
                live,
                final,
            ),
        )

    def drift(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        entry = resource.owned
        if entry.attributes.get("replacing"):
            return None  # it is as a replace that did not finish has left it
        if not isinstance(observation, Present):
            return Change(resource.address, DELETE, GONE, {"name": entry.identity}, None)
        live, stored = observation.attributes["locked"], entry.attributes.get("locked")
        ignored = resource.desired.guard.ignore_changes if resource.desired else frozenset()
        if live is None or stored is None or live == stored or "locked" in ignored:
            return None
        now = entry._replace(attributes={**entry.attributes, "locked": live})
        return Change(resource.address, UPDATE, CHANGED_OUTSIDE, {"locked": stored}, {"locked": live}, entry=now)

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if not isinstance(observation, Present):
            return None
        return Change(
            resource.address,
            DELETE,
            "delete_because_no_resource_config",
            {"name": observation.identity, "contacts": observation.facts.get("contacts")},
            None,
            method="deleteList",
            calls=1,
            payload=_Payload(observation.identity),
            content=observation.identity,
        )

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        payload: _Payload = change.payload
        login = session.login(change.address.account)
        if payload.entry is None:
            await self._delete(payload.name, login, session)
            return [Drop(change.address)]
        if payload.contacts is None:
            await created(payload.entry, lambda: self._create(payload, login, session), session)
            return []
        return await self._execute_replace(change.address, payload, login, session)

    async def _execute_replace(
        self, address: Address, payload: _Payload, login: str | None, session: Session
    ) -> Sequence[Event]:
        assert payload.entry is not None
        backup = f"list+{address.account or ''}+{address.name}"  # no key has a +

        def stage(name: str) -> Put:
            assert payload.entry is not None
            current = session.entry(address) or payload.entry._replace(identity=payload.old_name)
            made = _shown(payload.name, payload.entry.attributes["locked"], payload.entry.attributes["fields"])
            step = {"backup": backup, "from": payload.old_name, "to": payload.name, "stage": name, "after": made}
            return Put(current._replace(attributes={**current.attributes, "replacing": step}))

        if payload.stage is None:
            await session.save_backup(backup, payload.backup)
            await session.record(stage("saved"))
        if payload.stage != "deleted":
            if payload.stage is None or payload.live:
                await self._delete(payload.old_name, login, session)
            await session.record(stage("deleted"))
        if payload.stage != "deleted" or not payload.live:
            await self._create(payload, login, session)
        await self._fill(payload, login, session)
        await session.record(Put(payload.entry))
        await session.drop_backup(backup)
        return []

    async def _fill(self, payload: _Payload, login: str | None, session: Session) -> None:
        final = payload.contacts or NOBODY
        contacts = ListContacts(session.master, payload.name, login, [item.name for item in payload.fields])
        present = await contacts.contacts() if payload.stage == "deleted" and payload.live else NOBODY
        stale, waiting = _still_to_do(final, present)
        await contacts.remove(stale)
        if not len(final):
            return
        total = _count(waiting)
        await contacts.insert(waiting, lambda done: session.progress(done, total, "contacts"))
        await contacts.verify([final])

    async def _create(self, payload: _Payload, login: str | None, session: Session) -> None:
        assert payload.entry is not None
        locked = bool(payload.entry.attributes["locked"])

        async def call() -> bool:
            await session.master.create_list(payload.name, locked=locked, fields=payload.fields, sub_account=login)
            return True

        async def landed() -> bool | None:
            return True if await _exists(payload.name, login, session) else None

        await confirmed(call, landed)

    async def _delete(self, name: str, login: str | None, session: Session) -> None:
        async def call() -> bool:
            await session.master.delete_list(name, sub_account=login)
            return True

        async def landed() -> bool | None:
            return None if await _exists(name, login, session) else True

        await confirmed(call, landed)

    def _entry(self, resource: Resource) -> Entry:
        want = resource.want
        attributes = {"locked": want.spec.locked, "fields": _fields(want.spec)}
        return Entry(resource.address, want.identity, attributes, want.guard.protect, want.depends_on)


async def _exists(name: str, login: str | None, session: Session) -> bool:
    return any(record.name == name for record in await session.master.get_lists(sub_account=login))


def _still_to_do(final: Table, present: Table) -> tuple[list[Table], list[Table]]:
    """Who is to be removed and who inserted, where some are in the list already: after a replace that stopped."""
    found = final.every(present.fields).compared(present)
    return [found.remove, found.change], [found.change, found.add]


def _count(tables: Sequence[Table]) -> int:
    return sum(len(table) for table in tables)


def _account_dependency(account: str | None) -> tuple[Address, ...]:
    return (Address(None, "sub_account", account),) if account else ()


def _fields(spec: ListSpec) -> dict[str, JSON]:
    return {name: {"filter": flags.filter, "mailing": flags.mailing} for name, flags in spec.fields.items()}


def _same_fields(one: Mapping[str, JSON], other: Mapping[str, JSON]) -> bool:
    return {name.upper(): flags for name, flags in one.items()} == {
        name.upper(): flags for name, flags in other.items()
    }


def _wire_fields(spec: ListSpec) -> tuple[ListField, ...]:
    from smsops.api.records import ListField

    return tuple(ListField(name, flags.filter, flags.mailing) for name, flags in spec.fields.items())


def _shown(name: str, locked: bool, fields: Mapping[str, JSON]) -> dict[str, JSON]:
    return {"name": name, "locked": locked, "fields": dict(fields)}
