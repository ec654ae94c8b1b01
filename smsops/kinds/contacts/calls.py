"""The contacts of one live list: removes and inserts that are checked, counts believed only when they add up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from smsops.api.contract import ApiError, Counts, OutcomeUnknown, Refused, Writer
from smsops.kinds.contacts.rows import BATCH, Rows, as_rows, same_values
from smsops.model.values import mask_phone, plural

T = TypeVar("T")
Progress = Callable[[int], None]
"""Told how many items are done."""

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

    async def rows(self) -> Rows:
        contacts = await self._api.get_contacts(self._name, sub_account=self._login)
        return as_rows(contacts.rows)

    async def remove(self, phones: Sequence[str], progress: Progress = lambda done: None) -> None:
        """Remove contacts; Shortfall where one is still there afterwards. An absent one is done."""

        def send(batch: Sequence[str]) -> Awaitable[Counts]:
            return self._api.delete_contacts(self._name, batch, sub_account=self._login)

        if not await self._in_batches(phones, send, lambda phone, live: phone in live, progress):
            live = await self.rows()
            left = [phone for phone in phones if phone in live]
            reason = "the list is locked" if self._counted else _IN_PART
            self._explain(left, "deleteContacts", "not removed from", reason)

    async def insert(
        self, rows: Sequence[tuple[str, Mapping[str, str]]], progress: Progress = lambda done: None
    ) -> None:
        """Insert contacts; Shortfall where one is not there with its values afterwards."""

        def send(batch: Sequence[tuple[str, Mapping[str, str]]]) -> Awaitable[Counts]:
            complete = [(phone, self._complete(fields)) for phone, fields in batch]
            return self._api.populate_list(self._name, complete, sub_account=self._login)

        if not await self._in_batches(rows, send, lambda row, live: row[0] not in live, progress):
            await self.verify(rows)

    async def change(
        self,
        phones: Sequence[str],
        rows: Sequence[tuple[str, Mapping[str, str]]],
        removed: Progress,
        inserted: Progress,
    ) -> None:
        """Remove contacts, then insert others or the same anew. Whom a removal that failed has taken out comes back."""
        trouble: ApiError | None = None
        try:
            await self.remove(phones, removed)
        except ApiError as error:
            trouble = error
            try:
                live = await self.rows()
            except ApiError:
                raise error from None
            rows = [row for row in rows if row[0] not in live]
        if rows:
            await self.insert(rows, inserted)
        if trouble is not None:
            raise trouble

    async def _in_batches(
        self,
        items: Sequence[T],
        send: Callable[[Sequence[T]], Awaitable[Counts]],
        is_undone: Callable[[T, Rows], bool],
        progress: Progress,
    ) -> bool:
        """Send items in batches; whether every count was that of its batch, so that nothing need be read back.

        Where an answer is lost the list is read, and only what is not done yet is sent again.
        """
        certain = True
        for done, batch in _batched(items):
            waiting = batch
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    counts = await send(waiting)
                except OutcomeUnknown:
                    certain = False
                    live = await self.rows()
                    waiting = [item for item in waiting if is_undone(item, live)]
                    if not waiting:
                        break
                    if attempt == _ATTEMPTS:
                        raise
                else:
                    certain = certain and counts.success == len(waiting)
                    self._counted = self._counted and counts.total == len(waiting)
                    break
            progress(done)
        return certain

    def _complete(self, fields: Mapping[str, str]) -> dict[str, str]:
        """Every field of the list, as declared (the stream must contain them all, manual §22.1), and what else it has."""
        known = {name.upper(): name for name in self._fields}
        return dict.fromkeys(self._fields, "") | {known.get(name, name): value for name, value in fields.items()}

    async def verify(self, rows: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        """Read the list back and compare; Shortfall where a contact is missing or has other values."""
        live = await self.rows()
        missing = [phone for phone, _ in rows if phone not in live]
        reason = "an invalid number, or a field that the list lacks" if self._counted else _IN_PART
        self._explain(missing, "populateList", "not taken into", reason)
        kept = [phone for phone, fields in rows if not same_values(dict(fields), live[phone])]
        reason = "the contact was there already and kept its old values"
        self._explain(kept, "populateList", "not changed in", reason)

    def _explain(self, phones: Sequence[str], method: str, what: str, reason: str) -> None:
        if not phones:
            return
        named = ", ".join(mask_phone(phone) for phone in phones[:_SHOWN])
        more = f" and {len(phones) - _SHOWN:,} more" if len(phones) > _SHOWN else ""
        raise Shortfall(
            method, f"{plural(len(phones), 'contact')} {what} {self._name}: {named}{more}. Probably: {reason}."
        )


def _batched(items: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        yield start + len(batch), batch
