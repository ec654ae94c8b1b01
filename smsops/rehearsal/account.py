"""A private copy of an account, from what a plan has read of it: a sandbox in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from smsops.api.contract import Reader
from smsops.api.errors import ApiError
from smsops.api.records import AccountInfo, Contacts, Credentials, ListRecord, SubAccountRecord
from smsops.kinds.view import MASTER_INFO, AnyRead, SourceRead, View
from smsops.model.address import Address
from smsops.model.phone import calling_code
from smsops.model.plan import Plan
from smsops.model.resources import CannotRead, NotReadYet, Present, Read
from smsops.model.untold import Scheduled, Standing, Structure
from smsops.model.values import as_json_number
from smsops.sandbox.app import Sandbox, Seed

_CONTACTS = "get_contacts"

Fields = Mapping[str, Mapping[str, bool]]


async def log_ins(plan: Plan, view: View, reader: Reader) -> dict[str, AccountInfo | None]:
    """What getInfo says of the sub-accounts that the plan logs in to, by login; None where it fails.

    Whoever sends or takes back needs an account's own key.
    """
    keys = {
        change.address.account for change in plan.changes if change.send is not None or change.refund is not None
    } - {None}
    owners = (view.observe(Address(None, view.opener.name, key)) for key in sorted(filter(None, keys)))
    logins = [owner.identity for owner in owners if isinstance(owner, Present)]

    async def ask(login: str) -> AccountInfo | None:
        try:
            return await reader.get_info(sub_account=login)
        except ApiError:
            return None

    return dict(zip(logins, await asyncio.gather(*map(ask, logins)), strict=True))


def copied(
    view: View, credentials: Credentials, infos: Mapping[str, AccountInfo | None], now: Callable[[], datetime]
) -> Sandbox:
    """A sandbox that is as the reads of a view say, and as the state knows what no read tells.

    A list's contacts are taken in when a call first needs them; where they were not read only their number is known.
    """
    sandbox = Sandbox(clock=now)
    with sandbox.seeding() as seed:
        _Copy(view, credentials.login, seed).make(credentials, infos)
    return sandbox


def still_true(view: View, sandbox: Sandbox, master: str) -> dict[AnyRead, Any]:
    """The reads of a view that a plan on its copy need not make again, with their results.

    These are the contacts that no call has touched since, what lies elsewhere, and what could not be read: it cannot be
    read in the copy either.
    """
    untouched = sandbox.untouched()

    def holds(read: AnyRead, result: object) -> bool:
        if isinstance(read, SourceRead) or isinstance(result, ApiError):
            return True
        return read.method == _CONTACTS and (read.login or master, read.args[0]) in untouched

    return {read: result for read, result in view.results.items() if holds(read, result)}


class _Copy:
    def __init__(self, view: View, master: str, seed: Seed) -> None:
        self._view = view
        self._master = master
        self._seed = seed
        self._logins = {master}
        self._structures: dict[tuple[str, str], Fields] = {}
        self._scheduled: list[tuple[str, Scheduled]] = []
        self._standing: dict[str, Standing] = {}

    def make(self, credentials: Credentials, infos: Mapping[str, AccountInfo | None]) -> None:
        self._gather_untold()
        info: AccountInfo = self._view.results[MASTER_INFO]
        balance = _amount(info.credits)
        self._seed.account(self._master, api_key=credentials.api_key, credits=balance, postpaid=balance is None)
        for record in self._result(Read("get_sub_accounts")) or ():
            self._add_account(record, infos)
        for read, records in self._answered("get_lists"):
            for name, found in {record.name: record for record in reversed(records)}.items():
                self._add_list(read.login, name, found)
        for read, phones in self._answered("get_blacklist"):
            self._seed.blacklist(read.login or self._master, phones)
        for login, one in self._scheduled:
            self._seed.campaign(login, one.campaign_id, due=one.date, credits=one.credits, recipients=one.recipients)
        self._set_prices()

    def _gather_untold(self) -> None:
        for address in sorted(self._view.addresses, key=lambda address: address.sort_key):
            try:
                owner = self._view.owner(address)
                told = [*self._view.kinds[address.kind].untold(self._view.resource(address), self._view)]
            except (NotReadYet, CannotRead):
                continue  # the plan has not looked there, or could not
            if not isinstance(owner, Present):
                continue
            login = owner.identity or self._master
            for fact in told:
                match fact:
                    case Structure(name, fields):
                        self._structures[login, name] = fields
                    case Scheduled():
                        self._scheduled.append((login, fact))
                    case Standing():
                        self._standing[fact.login] = fact

    def _add_account(self, record: SubAccountRecord, infos: Mapping[str, AccountInfo | None]) -> None:
        login = record.login
        standing = self._standing.get(login, Standing(login, active=True, postpaid=False))
        info = infos.get(login)
        self._seed.account(
            login,
            master=self._master,
            credits=_amount(record.credits),
            api_key="" if login in infos and not (info and info.api_key) else None,
            active=standing.active and not (info and "inact" in info.status.casefold()),
            postpaid=standing.postpaid or record.credits is None,
            shown=record.fields,
        )
        self._logins.add(login)

    def _add_list(self, login: str | None, name: str, record: ListRecord) -> None:
        owner = login or self._master
        if owner not in self._logins:
            return
        contacts: Contacts | None = self._result(Read(_CONTACTS, (name,), login))
        fields = dict(self._structures.get((owner, name), {}))
        known = {field.upper() for field in fields}
        if contacts is not None:
            fields |= {field: {} for field in contacts.table.fields if field.upper() not in known}
        places = [field.upper() for field in fields]

        def rows() -> Iterator[tuple[str, list[str]]]:
            assert contacts is not None
            for phone, values in contacts.table:
                yield phone, [values.get(place, "") for place in places]

        self._seed.contact_list(
            owner,
            name,
            locked=bool(record.locked),
            fields=fields,
            count=record.contacts or 0 if contacts is None else len(contacts.table),
            contacts=None if contacts is None else rows,
        )

    def _set_prices(self) -> None:
        prices = {country: price.credits for country, price in self._view.state.prices.items()}
        prices |= {read.args[0]: as_json_number(price) for read, price in self._answered("get_credits_by_country")}
        self._seed.prices({country: (calling_code(country), credits) for country, credits in prices.items()})

    def _answered(self, method: str) -> Iterator[tuple[Read, Any]]:
        for read, result in self._view.results.items():
            if isinstance(read, Read) and read.method == method and not isinstance(result, ApiError):
                yield read, result

    def _result(self, read: Read) -> Any:
        result = self._view.results.get(read)
        return None if isinstance(result, ApiError) else result


def _amount(credits: Any) -> float | None:
    return None if credits is None else as_json_number(credits)
