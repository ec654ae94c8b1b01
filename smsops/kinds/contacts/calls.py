"""The contacts of one live list: removes and inserts that are checked, counts believed only when they add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from smsops.api.contract import OutcomeUnknown, Refused, Writer
from smsops.kinds.contacts.rows import BATCH, Rows, as_rows, same_values
from smsops.model.values import mask_phone, plural

T = TypeVar("T")

_ATTEMPTS = 3
_SHOWN = 20


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


def _batched(items: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        yield start + len(batch), batch
