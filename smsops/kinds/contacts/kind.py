"""The contacts kind: a set of people, compared as a set and changed in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from smsops.kinds.base import Kind, Resource, Session, View
from smsops.kinds.contacts.calls import ListContacts
from smsops.kinds.contacts.rows import (
    KIND,
    Rows,
    Wanted,
    batches,
    live_rows,
    merged,
    present_rows,
    same_values,
    saved_rows,
)
from smsops.model.address import Address
from smsops.model.plan import CREATE, DELETE, FORGET, UPDATE, Change, ContactCounts
from smsops.model.resources import Absent, CannotRead, Observation, Present
from smsops.model.state import Drop, Entry, Event, Put
from smsops.model.values import plural


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


class ContactSet(Kind):
    """The contacts of a list, under the list's key."""

    name: ClassVar[str] = KIND
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
        if resource.owned.backup and not view.destroy:
            return self._put_back(resource, view)
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
        # Those who are taken out of the list for a while come back first.
        removes, inserts = (*remove, *change), [(phone, target[phone]) for phone in (*change, *add)]
        calls = 0 if with_list else batches(len(removes)) + batches(len(inserts))
        return Change(
            resource.address,
            UPDATE if resource.entry else CREATE,
            "configuration_changed" if resource.entry else "absent_from_account",
            {"count": len(live)} if resource.entry else None,
            {"count": len(target), "membership": membership},
            method="populateList" if inserts else "deleteContacts" if removes else "",
            calls=calls,
            content=membership,
            steps=(
                *(["remove", phone] for phone in sorted(removes)),
                *(["insert", *row] for row in sorted(inserts, key=_phone)),
            ),
            payload=_Payload(
                parent,
                () if with_list else tuple(removes),
                () if with_list else tuple(inserts),
                () if with_list else self._at_risk(parent, {phone: live[phone] for phone in change}, view),
                backup,
                entry,
                view.desired[parent].identity if parent in view.desired else "",
                wanted.fields,
            ),
            contacts=ContactCounts(len(add), len(change), len(remove)),
        )

    def _put_back(self, resource: Resource, view: View) -> Change:
        """Contacts are no longer managed, and a change that did not finish has some of them only in its backup."""
        parent = self.scope(resource.address)
        present = present_rows(parent, view)
        missing = [(phone, fields) for phone, fields in saved_rows(parent, view).items() if phone not in present]
        return Change(
            resource.address,
            FORGET if not missing else UPDATE,
            "no_longer_managed",
            {"count": len(present)},
            {"count": len(present) + len(missing)} if missing else None,
            method="populateList" if missing else "",
            calls=batches(len(missing)),
            steps=tuple(["insert", *row] for row in missing),
            payload=_Payload(
                parent,
                inserts=tuple(missing),
                stale_backup=resource.owned.backup,
                list_name=_live_name(resource, view),
            ),
            contacts=ContactCounts(len(missing)),
        )

    def _at_risk(self, parent: Address, changed: Rows, view: View) -> tuple[tuple[str, Mapping[str, str]], ...]:
        """Whom the change takes out of the list for a while, with those whom one that did not finish left only saved."""
        return tuple((saved_rows(parent, view) | changed).items()) if changed else ()

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        payload: _Payload = change.payload
        if not payload.removes and not payload.inserts:
            await session.record(Put(payload.entry) if payload.entry else Drop(change.address))
            if payload.stale_backup:  # not before nothing needs it
                await session.drop_backup(payload.stale_backup)
            return []
        backup = payload.stale_backup
        if payload.backup and payload.entry:
            backup = f"contacts+{change.address.account or ''}+{change.address.name}"  # no key has a +
            rows = [[phone, dict(fields)] for phone, fields in payload.backup]
            await session.save_backup(backup, {"rows": rows})
            attributes = {**payload.entry.attributes, "backup": backup}
            await session.record(Put(Entry(change.address, "", attributes, depends_on=payload.entry.depends_on)))
        batch = ListContacts(session.master, payload.list_name, session.login(change.address.account), payload.fields)
        total, back = len(payload.removes) + len(payload.inserts), len(payload.backup)

        def inserted(done: int) -> None:
            session.progress(len(payload.removes) + done, total, "contacts")
            if back <= done < len(payload.inserts):
                session.proceed()

        await batch.change(
            payload.removes, payload.inserts, lambda done: session.progress(done, total, "contacts"), inserted
        )
        session.returned(removed=len(payload.removes), inserted=len(payload.inserts))
        events: list[Event] = [Put(payload.entry)] if payload.entry else [Drop(change.address)]
        if backup:
            await session.record(*events)
            await session.drop_backup(backup)
            return []
        return events


def _phone(row: tuple[str, Mapping[str, str]]) -> str:
    return row[0]


def _raise_unknown(parent: Address) -> Observation:
    raise CannotRead(f"{parent} could not be read")


def _live_name(resource: Resource, view: View) -> str:
    parent = view.observe(Address(resource.address.account, "list", resource.address.name))
    return parent.identity if isinstance(parent, Present) else ""
