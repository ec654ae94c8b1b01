"""The contacts of one live list: removes and inserts that are checked, counts believed only when they add up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from smsops.api.contract import Writer
from smsops.api.errors import ApiError, OutcomeUnknown, Refused
from smsops.model.shown import mask_phone
from smsops.model.values import plural
from smsops.table import BATCH, Fields, Row, Table

if TYPE_CHECKING:
    from smsops.api.records import Counts

Progress = Callable[[int], None]
"""Told how many contacts are done."""

_ATTEMPTS = 3
_SHOWN = 20
_IN_PART = "the API processed only a part of what it was sent; apply again"


class Shortfall(Refused):
    """The API took fewer contacts than it was sent."""

    code = "SMS321"


class ListContacts:
    """The contacts of one live list: removes and inserts that are checked."""

    def __init__(self, api: Writer, name: str, login: str | None, fields: Sequence[str] = ()) -> None:
        self._api = api
        self._name = name
        self._login = login
        self._fields = fields
        self._counted = True
        """Whether the API has counted every contact that it was sent, in one way or another."""

    async def contacts(self) -> Table:
        return (await self._api.get_contacts(self._name, sub_account=self._login)).table

    async def remove(self, contacts: Sequence[Table], progress: Progress = lambda done: None) -> None:
        """Remove the contacts of some tables; Shortfall where one is still there afterwards. An absent one is done."""

        def send(batch: Sequence[Row]) -> Awaitable[Counts]:
            return self._api.delete_contacts(self._name, [phone for phone, _ in batch], sub_account=self._login)

        if not await self._in_batches(contacts, send, _is_there, progress):
            live = await self.contacts()
            reason = "the list is locked" if self._counted else _IN_PART
            for table in contacts:
                left = table.without(table.without(live))
                self._explain(left, "deleteContacts", "not removed from", reason)

    async def insert(self, contacts: Sequence[Table], progress: Progress = lambda done: None) -> None:
        """Insert the contacts of some tables; Shortfall where one is not there with its values afterwards."""

        def send(batch: Sequence[Row]) -> Awaitable[Counts]:
            complete = [(phone, self._complete(fields)) for phone, fields in batch]
            return self._api.populate_list(self._name, complete, sub_account=self._login)

        if not await self._in_batches(contacts, send, _is_missing, progress):
            await self.verify(contacts)

    async def change(
        self, removes: Sequence[Table], inserts: Sequence[Table], removed: Progress, inserted: Progress
    ) -> None:
        """Remove contacts, then insert others or the same anew. Whom a removal that failed has taken out comes back."""
        trouble: ApiError | None = None
        try:
            await self.remove(removes, removed)
        except ApiError as error:
            trouble = error
            try:
                live = await self.contacts()
            except ApiError:
                raise error from None
            inserts = [table.without(live) for table in inserts]
        if any(len(table) for table in inserts):
            await self.insert(inserts, inserted)
        if trouble is not None:
            raise trouble

    async def _in_batches(
        self,
        contacts: Sequence[Table],
        send: Callable[[Sequence[Row]], Awaitable[Counts]],
        is_undone: Callable[[Row, dict[str, Fields]], bool],
        progress: Progress,
    ) -> bool:
        """Send contacts in batches; whether every count was that of its batch, so that nothing need be read back.

        Where an answer is lost the list is read, and only what is not done yet is sent again.
        """
        certain = True
        done = 0
        for batch in _filled(contacts):
            waiting: Sequence[Row] = batch
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    counts = await send(waiting)
                except OutcomeUnknown:
                    certain = False
                    live = (await self.contacts()).find([phone for phone, _ in waiting])
                    waiting = [row for row in waiting if is_undone(row, live)]
                    if not waiting:
                        break
                    if attempt == _ATTEMPTS:
                        raise
                else:
                    certain = certain and counts.success == len(waiting)
                    self._counted = self._counted and counts.total == len(waiting)
                    break
            done += len(batch)
            progress(done)
        return certain

    def _complete(self, fields: Fields) -> dict[str, str]:
        """Every field of the list, as declared (the stream must contain them all, manual §22.1), and what else it has."""
        known = {name.upper(): name for name in self._fields}
        return dict.fromkeys(self._fields, "") | {known.get(name, name): value for name, value in fields.items()}

    async def verify(self, contacts: Sequence[Table]) -> None:
        """Read the list back and compare; Shortfall where a contact is missing or has other values."""
        live = await self.contacts()
        for table in contacts:
            found = table.every(live.fields).compared(live, exact=False)
            reason = "an invalid number, or a field that the list lacks" if self._counted else _IN_PART
            self._explain(found.add, "populateList", "not taken into", reason)
            reason = "the contact was there already and kept its old values"
            self._explain(found.change, "populateList", "not changed in", reason)

    def _explain(self, contacts: Table, method: str, what: str, reason: str) -> None:
        count = len(contacts)
        if not count:
            return
        first = next(contacts.phones(_SHOWN))
        named = ", ".join(mask_phone(phone) for phone in first)
        more = f" and {count - len(first):,} more" if count > len(first) else ""
        raise Shortfall(method, f"{plural(count, 'contact')} {what} {self._name}: {named}{more}. Probably: {reason}.")


def _is_there(row: Row, live: dict[str, Fields]) -> bool:
    return row[0] in live


def _is_missing(row: Row, live: dict[str, Fields]) -> bool:
    return row[0] not in live


def _filled(contacts: Sequence[Table]) -> Iterator[list[Row]]:
    """The contacts of some tables in batches, of which only the last is not full."""
    waiting: list[Row] = []
    for table in contacts:
        for batch in table.batches(BATCH):
            waiting += batch
            if len(waiting) >= BATCH:
                yield waiting[:BATCH]
                waiting = waiting[BATCH:]
    if waiting:
        yield waiting
