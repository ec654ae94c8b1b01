"""The emulator: an ASGI application that answers as the API does, and the handle that tests hold on it."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette

from smsops.sandbox import accounts, answers, campaigns, emails, faults, handlers, lists, messages, web, webhooks
from smsops.sandbox.answers import Style
from smsops.sandbox.fates import Recipients
from smsops.sandbox.forms import Params
from smsops.sandbox.seed import Seed
from smsops.sandbox.store import Account, Store
from smsops.sandbox.web import Dropped, Reply

__all__ = ["Call", "Dropped", "Sandbox", "Seed"]

ZONE = ZoneInfo("Europe/Paris")

_DEFAULTS = {
    "FIRSTNAME": "Camille",
    "LASTNAME": "Martin",
    "SOCIETY": "Sandbox",
    "MOBILE": "33600000000",
    "EMAIL": "camille@sandbox.example",
    "PASSWORD": "sandbox",
}


@dataclass(frozen=True)
class Call:
    """One call as it came; `outcome` is "done", "refused", "overloaded" or the kind of the fault that it met."""

    method: str
    login: str
    sub_account: str | None
    params: dict[str, str]
    outcome: str


class Sandbox:
    """An AllMySMS platform of one's own.

    The data live in a SQLite file, or in memory; a file may be used by several processes in turn. `calls` is the log
    of this process. `seed`, `reply_rate` and `stop_rate` are those of `recipients`, kept with the data where they are
    given.
    """

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        clock: Callable[[], datetime] | None = None,
        seed: int | None = None,
        reply_rate: float | None = None,
        stop_rate: float | None = None,
    ) -> None:
        self._store = Store(path)
        self._clock = clock
        self._lock = threading.RLock()
        given = {"seed": seed, "reply_rate": reply_rate, "stop_rate": stop_rate}
        if any(value is not None for value in given.values()):
            self.recipients(**{name: value for name, value in given.items() if value is not None})
        self.calls: list[Call] = []
        self.app: Starlette = web.application(self)

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    # Time

    def now(self) -> datetime:
        """The sandbox's time, in Europe/Paris."""
        fixed = self._store.setting("now")
        if fixed is not None:
            return datetime.fromisoformat(fixed).astimezone(ZONE)
        return _in_paris(self._clock()) if self._clock else datetime.now(ZONE)

    def set_clock(self, now: datetime | None) -> None:
        """Stop the time, for every process that uses the file; a naive time is in Europe/Paris, None lets it run."""
        with self._turn():
            self._store.set_setting("now", None if now is None else _in_paris(now).isoformat())

    # Faults and style

    def fail(self, method: str, kind: str, *, after: int = 0, times: int = 1, retry_after: int | None = None) -> None:
        """Plan a fault for calls of `method` ("*" is any): the first `after` calls pass, the next `times` are hit.

        Kinds: drop_before, drop_after (the connection breaks before or after processing), hang, hang_after,
        error_before, error_after (HTTP 500), throttle (429 with Retry-After), html, html_after (a page with status
        200), empty, truncated (processed, the answer spoilt), partial (the first half of the contacts is processed,
        then the connection breaks) and garbage (not processed). ValueError for anything else.
        """
        if method != "*" and method not in handlers.METHODS:
            raise ValueError(f"no method {method!r}")
        with self._turn():
            faults.plan(self._store.connection, method, kind, after=after, times=times, retry_after=retry_after)

    def clear_faults(self) -> None:
        """Forget every planned fault."""
        with self._turn():
            faults.clear(self._store.connection)

    def style(self, **options: object) -> None:
        """Change how answers look and a few rules of the platform; see `answers.Style` for the options."""
        with self._turn():
            self._store.set_setting("style", self._style().changed(options).options())

    def _style(self) -> Style:
        options = self._store.setting("style")
        return answers.DEFAULT_STYLE if options is None else Style(**options)

    def recipients(self, **options: object) -> None:
        """Change how recipients behave; see `fates.Recipients` for the options. What has left already is as it was."""
        with self._turn():
            self._store.set_setting("recipients", self._recipients().changed(options).options())

    def _recipients(self) -> Recipients:
        options = self._store.setting("recipients")
        return Recipients() if options is None else Recipients(**options)

    # Webhooks

    def webhooks(self, **urls: str) -> None:
        """Set where `deliveries` and `replies` of all accounts are pushed to, from now on; "" is nowhere."""
        for kind, url in urls.items():
            if kind not in webhooks.KINDS:
                raise ValueError(f"no webhook for {kind!r}; there are: {', '.join(webhooks.KINDS)}")
            if url:
                webhooks.check(url)
        with self._turn():
            wanted = {kind: url for kind, url in (self._webhooks() | urls).items() if url}
            self._store.set_setting("webhooks", wanted or None)
            if not wanted:
                self._store.set_setting("pushed", None)
            elif self._store.setting("pushed") is None:
                self._store.set_setting("pushed", self.now().isoformat())

    def push(self, get: Callable[[str], object]) -> int:
        """Call `get` with the whole address of each push that is due, oldest first; gives how many there were.

        A report or a reply is due once the clock is past its moment. Each is pushed once, whatever comes of it.
        """
        with self._lock:
            if not self._webhooks():
                return 0
        with self._turn():
            now = self.now()
            self._send_due(now)
            since = datetime.fromisoformat(self._store.setting("pushed") or now.isoformat())
            due = webhooks.pushes(self._store, self._recipients(), self._webhooks(), since, now)
            self._store.set_setting("pushed", max(since, now).isoformat())
        for url in due:
            get(url)
        return len(due)

    def _webhooks(self) -> dict[str, str]:
        return self._store.setting("webhooks") or {}

    # Data

    def reset(self) -> None:
        """Forget everything: accounts, lists, campaigns, faults, clock, style, recipients, webhooks, log of calls."""
        with self._turn():
            self._store.clear()
        self.calls.clear()

    def ensure_master(self, login: str, api_key: str, *, credits: int = 1_000_000, postpaid: bool = False) -> None:
        """See to it that a master account exists; one that is there gets the API key and keeps its credits."""
        with self._turn():
            found = self._store.account(login)
            if found is None:
                self._store.add_account(
                    login, now=self._today(), api_key=api_key, credits=credits, postpaid=postpaid, fields=_DEFAULTS
                )
            elif found.master_id is not None:
                raise ValueError(f"{login} is a sub-account")
            else:
                self._store.change_account(found, login=login, active=True, fields=found.fields, api_key=api_key)

    def add_sub_account(
        self,
        master: str,
        login: str,
        *,
        credits: int = 0,
        active: bool = True,
        postpaid: bool = False,
        **fields: str,
    ) -> str:
        """Add a sub-account, its `fields` by the names of createSubAccount in any case; gives its API key."""
        given = {name.upper(): value for name, value in fields.items()}
        with self._turn():
            if self._store.account(login) is not None:
                raise ValueError(f"the account {login} exists")
            account = self._store.add_account(
                login,
                now=self._today(),
                master_id=self._account(master).id,
                credits=credits,
                active=active,
                postpaid=postpaid,
                fields=accounts.account_fields(_DEFAULTS | given),
            )
        return account.api_key

    def add_list(
        self,
        login: str,
        name: str,
        fields: Mapping[str, Mapping[str, bool]] | Iterable[str] = (),
        contacts: Iterable[Mapping[str, object]] = (),
        *,
        locked: bool = False,
    ) -> None:
        """Add a list with its contacts, each a mapping with `MOBILEPHONE` (or `phone`) and fields.

        ValueError when the platform would refuse the structure or ignore a contact.
        """
        options = fields if isinstance(fields, Mapping) else {field: {} for field in fields}
        wanted = lists.structure(
            [
                {"FIELDNAME": field, "FILTER": flags.get("filter", False), "MAILING": flags.get("mailing", False)}
                for field, flags in options.items()
            ]
        )
        if wanted is None:
            raise ValueError(f"the platform would refuse the fields {list(options)}")
        with self._turn():
            account = self._account(login)
            if self._store.find_list(account.id, name) is not None:
                raise ValueError(f"the list {name} exists")
            made = self._store.add_list(account.id, name, locked=locked, fields=wanted, now=self._today())
            rows = []
            for contact in contacts:
                record = {(lists.PHONE if key == "phone" else key): value for key, value in contact.items()}
                row = lists.read_contact(record, made)
                if row is None:
                    raise ValueError(f"the platform would ignore the contact {contact}")
                rows.append(row)
            self._store.add_contacts(made.id, rows)

    def blacklist(self, login: str, phone: str, comment: str = "stop") -> None:
        """Put a number on an account's blacklist."""
        digits = messages.mobile(phone)
        if digits is None:
            raise ValueError(f"{phone} is not a mobile number")
        with self._turn():
            self._store.add_to_blacklist(self._account(login).id, digits, comment, self._today())

    def damage(self, campaign_id: str, how: str) -> None:
        """Let something be wrong with a scheduled campaign: it is `stopped`, or `undated`, and cannot be cancelled."""
        if how not in campaigns.DAMAGES:
            raise ValueError(f"a campaign can be {' or '.join(campaigns.DAMAGES)}, not {how}")
        with self._turn():
            campaign = self._store.campaign(campaign_id)
            if campaign is None:
                raise ValueError(f"there is no campaign {campaign_id}")
            self._store.set_campaign_status(campaign, how)

    def use_credits(self, login: str, n: int) -> None:
        """Take credits from a balance, as somebody's sending would."""
        with self._turn():
            self._store.move_credits(self._account(login).id, -n)

    def campaigns(self, login: str | None = None) -> list[dict[str, Any]]:
        """The campaigns of SMS of one login or of all, oldest first, each recipient with its phone and text."""
        with self._turn():
            self._send_due(self.now())
            sent = self._store.campaigns(login)
            return [campaigns.describe(campaign) for campaign in sent if not campaign.is_email]

    def emails(self, login: str | None = None) -> list[dict[str, Any]]:
        """The campaigns of emails of one login or of all, oldest first."""
        with self._turn():
            self._send_due(self.now())
            return [emails.describe(campaign) for campaign in self._store.campaigns(login) if campaign.is_email]

    def snapshot(self) -> dict[str, Any]:
        """The whole live state as plain data: accounts, lists, blacklists by login, campaigns, emails, and links."""
        sent, mailed = self.campaigns(), self.emails()
        with self._turn():
            found = sorted(self._store.accounts(), key=lambda account: account.login)
            return {
                "accounts": {account.login: self._describe(account) for account in found},
                "lists": {account.login: self._lists_of(account) for account in found},
                "blacklists": {
                    account.login: sorted(
                        {phone for phone, _, _ in self._store.blacklist(account.id)}
                        | {phone for phone, _ in self._store.stopped(account.id, self.now().timestamp())}
                    )
                    for account in found
                },
                "campaigns": sent,
                "emails": mailed,
                "links": self._store.links(),
            }

    def _describe(self, account: Account) -> dict[str, Any]:
        master = None if account.master_id is None else self._store.account_by_id(account.master_id).login
        return {
            "master": master,
            "api_key": account.api_key,
            "credits": account.credits,
            "active": account.active,
            "postpaid": account.postpaid,
            "fields": dict(sorted(account.fields.items())),
        }

    def _lists_of(self, account: Account) -> dict[str, Any]:
        return {
            found.name: {
                "locked": found.locked,
                "fields": found.fields,
                "contacts": {
                    phone: dict(zip(found.columns, values, strict=True))
                    for phone, values in sorted(self._store.contacts(found.id))
                },
            }
            for found in sorted(self._store.lists(account.id), key=lambda found: found.name)
        }

    # A copy of another platform

    @contextmanager
    def seeding(self) -> Iterator[Seed]:
        """Put in what another platform holds; see `seed.Seed`."""
        with self._turn():
            yield Seed(self._store, self._today())

    def untouched(self) -> set[tuple[str, str]]:
        """Login and name of the lists that were seeded and whose contacts no call has needed since."""
        with self._turn():
            return self._store.untouched()

    def balances(self) -> dict[str, float]:
        """Every account's credits by its login; without those whose balance no answer tells."""
        with self._turn():
            found = self._store.accounts()
        return {account.login: account.credits for account in found if accounts.UNTOLD_BALANCE not in account.fields}

    # Calls

    def answer(self, method: str, form: dict[str, str]) -> Reply:
        """Process one call of the API, in one transaction, and say what its client gets to see."""
        with self._turn():
            style = self._style()
            params = Params(form, strict=style.strict_params)
            now = self.now()
            self._send_due(now)
            fault = faults.meet(self._store.connection, method)
            result, seen = None, None
            if fault is None or fault.processed:
                half = fault is not None and fault.kind == "partial"
                result = handlers.perform(method, params, self._store, style, self._recipients(), now, half=half)
                seen = self._seen(method, result, style)  # what it holds of the store is read while nobody writes
        if fault is not None:
            outcome = fault.kind
            reply = web.spoilt(fault, web.answer(b"") if seen is None else seen)
        elif result is None or result.overloaded:
            outcome, reply = "overloaded", web.failure(500)
        else:
            outcome = "refused" if result.refused else "done"
            reply = seen or web.failure(500)
        sub_account = params.get("subAccount") or (result.sub_account if result else None) or None
        self.calls.append(Call(method, params.get("login"), sub_account, params.logged(), outcome))
        return reply

    def _seen(self, method: str, result: handlers.Result, style: Style) -> Reply:
        return web.answer(handlers.encoded(method, result, style), in_xml=result.in_xml)

    def _send_due(self, now: datetime) -> None:
        campaigns.send_due(self._store, now.timestamp(), self._recipients())

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The data to oneself, for one transaction."""
        with self._lock, self._store.transaction():
            yield

    def _account(self, login: str) -> Account:
        found = self._store.account(login)
        if found is None:
            raise ValueError(f"no account {login}")
        return found

    def _today(self) -> str:
        return self.now().strftime("%Y-%m-%d %H:%M:%S")


def _in_paris(moment: datetime) -> datetime:
    return moment.replace(tzinfo=ZONE) if moment.tzinfo is None else moment.astimezone(ZONE)
