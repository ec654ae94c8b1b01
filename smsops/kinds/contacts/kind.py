"""The contacts kind: a set of people, compared as a set and changed in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from smsops.kinds.base import Kind
from smsops.kinds.contacts.calls import ListContacts
from smsops.kinds.contacts.rows import (
    KIND,
    NOBODY,
    Wanted,
    batches,
    live_contacts,
    merged_contacts,
    present_contacts,
    saved_contacts,
    wanted_contacts,
)
from smsops.kinds.session import Session
from smsops.kinds.view import AnyRead, Resource, SourceRead, View
from smsops.model.address import Address
from smsops.model.plan import CHANGED_OUTSIDE, CREATE, DELETE, FORGET, GONE, MOST_STEPS, UPDATE, Change, ContactCounts
from smsops.model.resources import Absent, CannotRead, Desired, Observation, Present, Read
from smsops.model.sources import RemoteSource
from smsops.model.state import Drop, Entry, Event, Put
from smsops.model.values import JSON, plural, repr_without
from smsops.table import Table

_MANY = 50_000
"""Of more contacts than this only those who ask for drift are told: it takes longer than the rest of the plan."""


class _Payload(NamedTuple):
    list_address: Address
    removes: tuple[Table, ...] = ()
    inserts: tuple[Table, ...] = ()
    backup: Table = NOBODY
    """Who is taken out of the list for a while; they are the first to come back."""
    stale_backup: str | None = None
    entry: Entry | None = None
    list_name: str = ""
    fields: tuple[str, ...] = ()
    wanted: Table = NOBODY
    key: str = ""
    """By which the state will recognise those who were wanted."""

    def __repr__(self) -> str:
        return repr_without(self, "removes", "inserts", "backup", "wanted", "key")

    def recorded(self) -> Entry | None:
        """The entry once all is done: what was wanted is what drift is told from."""
        if self.entry is None:
            return None
        return _recorded(self.entry, self.wanted, self.wanted.fields, self.key)


class ContactSet(Kind):
    """The contacts of a list, under the list's key."""

    name: ClassVar[str] = KIND
    counts_people: ClassVar[bool] = True
    adoptable: ClassVar[bool] = False

    def sources(self, desired: Desired) -> Sequence[RemoteSource]:
        return [part.source for part in desired.data.parts if isinstance(part, SourceRead)]

    def scope(self, address: Address) -> Address:
        return Address(address.account, "list", address.name)

    def foreseen(self, resource: Resource, view: View) -> Sequence[AnyRead]:
        parent = view.state.entries.get(self.scope(resource.address))
        login = view.recorded_login(resource.address.account)
        if parent is None or login is None or "replacing" in parent.attributes:
            return ()
        sources = (part for part in resource.want.data.parts if isinstance(part, SourceRead))
        return (Read("get_contacts", (parent.identity,), login or None), *sources)

    def imported(self, resource: Resource, present: Present, view: View) -> Entry | None:
        parent = self.scope(resource.address)
        wanted, live = wanted_contacts(resource.want, view), present_contacts(parent, view)
        target = merged_contacts(parent, wanted, live, view)
        found = view.once(
            ("difference", resource.address), (target, live), lambda: target.compared(live, exact=wanted.exact)
        )
        if len(found.remove) and not wanted.membership_given:
            self._refuse_to_lose(len(found.remove), resource.address, view)
            return None
        entry = Entry(resource.address, "", _membership(wanted), depends_on=resource.want.depends_on)
        there = live.only(wanted.table.fields) if found else wanted.table
        return _recorded(entry, there, wanted.table.fields, view.private_key)

    def observe(self, resource: Resource, view: View) -> Observation:
        parent = view.observe(self.scope(resource.address))
        if isinstance(parent, Present):
            return Present("", facts={"contacts": parent.facts.get("contacts")})
        return parent if isinstance(parent, Absent) else _raise_unknown(self.scope(resource.address))

    def create(self, resource: Resource, view: View) -> Change | None:
        return self._change(resource, view)

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        return self._change(resource, view)

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if self.scope(resource.address) in view.leaving:  # they go with their list
            there = observation.facts.get("contacts") if isinstance(observation, Present) else None
            return Change(
                resource.address,
                DELETE,
                "deleted_with_its_list",
                {},
                None,
                payload=_Payload(resource.address),
                contacts=None if there is None else ContactCounts(remove=there, before=there),
            )
        exact = resource.owned.attributes.get("membership") == "exact"
        if resource.owned.backup and not view.destroy:
            return self._put_back(resource, view)
        if not view.destroy or not exact or not isinstance(observation, Present):
            return Change(resource.address, FORGET, "no_longer_managed", {}, None, payload=_Payload(resource.address))
        live = present_contacts(self.scope(resource.address), view)
        return Change(
            resource.address,
            DELETE,
            "delete_because_no_resource_config",
            {"count": len(live)},
            None,
            method="deleteContacts",
            calls=batches(len(live)),
            payload=_Payload(self.scope(resource.address), removes=(live,), list_name=_live_name(resource, view)),
            content=live.only(()).digest(view.private_key),
            contacts=ContactCounts(remove=len(live), before=len(live)),
        )

    def _change(self, resource: Resource, view: View) -> Change | None:
        parent = self.scope(resource.address)
        wanted = wanted_contacts(resource.want, view)
        parent_change = view.changes.get(parent)
        with_list = parent_change is not None and parent_change.recreates
        known = live_contacts(parent, view)
        # What only a backup holds is to be put back, unless the list is filled from it anyway.
        live = known if with_list else present_contacts(parent, view)
        # Where nothing else is known the wanted contacts can be compared as they are.
        target = wanted.table if known is live else merged_contacts(parent, wanted, known, view)
        found = view.once(
            ("difference", resource.address), (target, live), lambda: target.compared(live, exact=wanted.exact)
        )
        add, change, remove = len(found.add), len(found.change), len(found.remove)
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
                f"{parent} exists already and differs in {plural(remove + change, 'contact')}",
                "Make the sources say what is there, or adopt it with lifecycle: {adopt: always}.",
            )
            return None
        if parent_change and "adopt" in parent_change.actions and remove and not wanted.membership_given:
            self._refuse_to_lose(remove, resource.address, view)
            return None
        entry = Entry(resource.address, "", _membership(wanted), depends_on=resource.want.depends_on)
        membership = entry.attributes["membership"]
        backup = resource.entry.backup if resource.entry else None
        recorded = (
            resource.entry is not None and resource.entry.attributes.get("membership") == membership and not backup
        )
        if not found and recorded:
            return None
        # Those who are taken out of the list for a while come back first.
        removes, inserts = (found.remove, found.change), (found.change, found.add)
        calls = 0 if with_list else batches(remove + change) + batches(change + add)
        steps = _steps(removes, inserts)
        return Change(
            resource.address,
            UPDATE if resource.entry else CREATE,
            "configuration_changed" if resource.entry else "absent_from_account",
            {"count": len(live)} if resource.entry else None,
            {"count": len(live) + add - remove, "membership": membership},
            method="populateList" if change or add else "deleteContacts" if remove else "",
            calls=calls,
            content=membership if steps is not None else [membership, *_digests(removes, inserts, view)],
            steps=steps or (),
            payload=_Payload(
                parent,
                () if with_list else removes,
                () if with_list else inserts,
                NOBODY if with_list else self._at_risk(parent, found.old, view),
                backup,
                entry,
                view.desired[parent].identity if parent in view.desired else "",
                wanted.fields,
                wanted.table,
                view.private_key,
            ),
            contacts=ContactCounts(add, change, remove, len(live)),
        )

    def _refuse_to_lose(self, count: int, address: Address, view: View) -> None:
        view.fail(
            address,
            "SMS232",
            f"Adopting {self.scope(address)} would remove {plural(count, 'contact')} that the configuration does not have",
            "Say membership: additive to keep them, or membership: exact to remove them.",
        )

    def drift(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        entry, parent = resource.owned, self.scope(resource.address)
        known, count = entry.attributes.get("digest"), entry.attributes.get("count")
        if not isinstance(observation, Present):
            return Change(resource.address, DELETE, GONE, {"count": count}, None)
        if known is None or resource.desired is None:
            return None
        live = present_contacts(parent, view)
        if not view.refresh_only and len(live) > _MANY:
            return None
        wanted = wanted_contacts(resource.want, view)
        target = merged_contacts(parent, wanted, live, view)
        found = view.once(
            ("difference", resource.address), (target, live), lambda: target.compared(live, exact=wanted.exact)
        )
        if not found:
            return None  # whatever was done to it, it is as the configuration has it
        if wanted.table.digest(view.private_key) == known:
            counts = ContactCounts(len(found.remove), len(found.change), len(found.add), count)
            return self._drifted(entry, live, counts, view)
        if not wanted.exact or live.only(entry.attributes["fields"]).digest(view.private_key) == known:
            return None  # it is the configuration that has changed; of whom else the list has nothing is known
        return self._drifted(entry, live, None, view)

    def _drifted(self, entry: Entry, live: Table, counts: ContactCounts | None, view: View) -> Change:
        managed = live.only(entry.attributes["fields"])
        there = {"count": len(live), "digest": managed.digest(view.private_key)}
        return Change(
            entry.address,
            UPDATE,
            CHANGED_OUTSIDE,
            {"count": entry.attributes["count"]},
            {"count": len(live)},
            entry=entry._replace(attributes={**entry.attributes, **there}),
            contacts=counts,
        )

    def _put_back(self, resource: Resource, view: View) -> Change:
        """Contacts are no longer managed, and a change that did not finish has some of them only in its backup."""
        parent = self.scope(resource.address)
        present = present_contacts(parent, view)
        missing = saved_contacts(parent, view).without(present)
        steps = _steps((), (missing,))
        return Change(
            resource.address,
            UPDATE if len(missing) else FORGET,
            "no_longer_managed",
            {"count": len(present)},
            {"count": len(present) + len(missing)} if len(missing) else None,
            method="populateList" if len(missing) else "",
            calls=batches(len(missing)),
            content=None if steps is not None else _digests((), (missing,), view),
            steps=steps or (),
            payload=_Payload(
                parent,
                inserts=(missing,),
                stale_backup=resource.owned.backup,
                list_name=_live_name(resource, view),
            ),
            contacts=ContactCounts(len(missing), before=len(present)),
        )

    def _at_risk(self, parent: Address, changed: Table, view: View) -> Table:
        """Whom the change takes out of the list for a while, with those whom one that did not finish left only saved."""
        return changed.also(saved_contacts(parent, view)) if len(changed) else NOBODY

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        payload: _Payload = change.payload
        removes, inserts = _count(payload.removes), _count(payload.inserts)
        if not removes and not inserts:
            recorded = payload.recorded()
            await session.record(Put(recorded) if recorded else Drop(change.address))
            if payload.stale_backup:  # not before nothing needs it
                await session.drop_backup(payload.stale_backup)
            return []
        backup, back = payload.stale_backup, len(payload.backup)
        if back and payload.entry:
            backup = f"contacts+{change.address.account or ''}+{change.address.name}"  # no key has a +
            await session.save_backup(backup, payload.backup)
            attributes = {**payload.entry.attributes, "backup": backup}
            await session.record(Put(Entry(change.address, "", attributes, depends_on=payload.entry.depends_on)))
        batch = ListContacts(session.master, payload.list_name, session.login(change.address.account), payload.fields)

        def inserted(done: int) -> None:
            session.progress(removes + done, removes + inserts, "contacts")
            if back <= done < inserts:
                session.proceed()

        await batch.change(
            payload.removes,
            payload.inserts,
            lambda done: session.progress(done, removes + inserts, "contacts"),
            inserted,
        )
        session.returned(removed=removes, inserted=inserts)
        recorded = payload.recorded()
        events: list[Event] = [Put(recorded)] if recorded else [Drop(change.address)]
        if backup:
            await session.record(*events)
            await session.drop_backup(backup)
            return []
        return events


def _membership(wanted: Wanted) -> dict[str, JSON]:
    return {"membership": "exact" if wanted.exact else "additive"}


def _recorded(entry: Entry, contacts: Table, fields: Sequence[str], key: str) -> Entry:
    known = {"count": len(contacts), "fields": sorted(fields), "digest": contacts.digest(key)}
    return entry._replace(attributes={**entry.attributes, **known})


def _count(tables: Sequence[Table]) -> int:
    return sum(len(table) for table in tables)


def _steps(removes: Sequence[Table], inserts: Sequence[Table]) -> tuple[JSON, ...] | None:
    """What is done contact by contact; None where that is too much to be kept."""
    if _count(removes) + _count(inserts) > MOST_STEPS:
        return None
    removed = sorted(phone for table in removes for phones in table.phones() for phone in phones)
    inserted = sorted(((phone, fields) for table in inserts for phone, fields in table), key=lambda row: row[0])
    return (*(["remove", phone] for phone in removed), *(["insert", phone, dict(fields)] for phone, fields in inserted))


def _digests(removes: Sequence[Table], inserts: Sequence[Table], view: View) -> list[JSON]:
    removed = [table.only(()).digest(view.private_key) for table in removes]
    return [*removed, *(table.digest(view.private_key) for table in inserts)]


def _raise_unknown(parent: Address) -> Observation:
    raise CannotRead(f"{parent} could not be read")


def _live_name(resource: Resource, view: View) -> str:
    parent = view.observe(Address(resource.address.account, "list", resource.address.name))
    return parent.identity if isinstance(parent, Present) else ""
