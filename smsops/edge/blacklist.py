"""Reading blacklists (manual §14), and looking for numbers and for the contacts of lists on them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from smsops.api.contract import Reader
from smsops.api.records import ListRecord
from smsops.model.blacklisted import Blacklist, BlacklistEntry, Check, Found, ListCount

Accounts = Sequence[tuple[str | None, str | None]]
"""Keys and logins of accounts; None and None are the master."""


async def blacklists(accounts: Accounts, reader: Reader, master: str, zone: str) -> list[Blacklist]:
    """The blacklists of some accounts, the latest entry first; `zone` is the account's. ApiError."""
    found = await asyncio.gather(*(reader.get_blacklist_entries(sub_account=login) for _, login in accounts))
    there = ZoneInfo(zone)

    def since(moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=there) if moment else None

    return [
        Blacklist(
            key,
            login or master,
            tuple(
                BlacklistEntry(entry.phone, entry.comment, since(entry.received))
                for entry in sorted(
                    entries, key=lambda entry: (entry.received or datetime.min, entry.phone), reverse=True
                )
            ),
        )
        for (key, login), entries in zip(accounts, found, strict=True)
    ]


async def check_phones(phones: Iterable[str], accounts: Accounts, reader: Reader) -> Check:
    """Which numbers, in digits, are on the blacklists of some accounts. ApiError."""
    wanted = tuple(dict.fromkeys(phones))
    listed = await asyncio.gather(*(reader.get_blacklist(sub_account=login) for _, login in accounts))
    found = [
        Found(phone, key)
        for phone in wanted
        for (key, _), there in zip(accounts, listed, strict=True)
        if phone in there
    ]
    return Check(len(wanted), found)


async def check_lists(accounts: Accounts, reader: Reader) -> Check:
    """How many contacts of each list of some accounts are on the blacklist of theirs. ApiError."""

    async def count(key: str | None, login: str | None, record: ListRecord, blacklist: frozenset[str]) -> ListCount:
        table = (await reader.get_contacts(record.name, sub_account=login)).table
        blacklisted = len(table.find(blacklist)) if blacklist else 0
        return ListCount(key, record.name, len(table), blacklisted)

    counts: list[ListCount] = []
    for key, login in accounts:
        blacklist, records = await asyncio.gather(
            reader.get_blacklist(sub_account=login), reader.get_lists(sub_account=login)
        )
        for record in records:  # one after the other: each may be large
            counts.append(await count(key, login, record, blacklist))
    return Check(sum(one.contacts for one in counts), lists=counts)
