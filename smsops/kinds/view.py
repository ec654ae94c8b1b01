"""The world as a plan sees it: what is wanted, what is owned, and what has been read.

Kinds ask it, and it asks kinds what a resource is; it makes no call itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from smsops.api.errors import ApiError
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic, Diagnostics
from smsops.model.plan import CREATE, Change
from smsops.model.resources import (
    Absent,
    CannotRead,
    Desired,
    NotReadYet,
    Observation,
    Present,
    Read,
    Unknown,
)
from smsops.model.settings import Settings
from smsops.model.sources import RemoteSource
from smsops.model.state import Entry, Price, State
from smsops.model.values import Number, Secret, as_json_number, digest, slow_digest
from smsops.model.webhooks import Sighting
from smsops.table import Table
from smsops.table.read import Reading

if TYPE_CHECKING:
    from smsops.kinds.base import Kind
    from smsops.rules.rulebook import Rulebook

T = TypeVar("T")


MASTER_INFO = Read("get_info")
"""The master account's balance; every plan has it."""


_PRICE = "get_credits_by_country"


class SourceRead(NamedTuple):
    """One read of a source that lies elsewhere; it results in a Source, as reads of the account do in what they ask for."""

    source: RemoteSource
    reading: Reading


AnyRead = Read | SourceRead


def price_read(country: str) -> Read:
    """The read of what an SMS to a country costs."""
    return Read(_PRICE, (country,))


class Funds(NamedTuple):
    """What an account has to spend. `balance` is None where nobody knows it; a postpaid account needs none."""

    balance: Number | None
    postpaid: bool = False


@dataclass
class View:
    """The world as a plan sees it: what is wanted, what is owned, what has been read, and when it is.

    `observe` remembers what it found; it raises NotReadYet until the refresh has made the reads.
    """

    kinds: Mapping[str, Kind]
    desired: Mapping[Address, Desired]
    state: State
    settings: Settings
    now: datetime
    policy: Any = None
    rulebook: Rulebook | None = None
    """The rules for marketing messages; its packs are read when it is first asked."""
    adopt_all: bool = False
    ask_prices: bool = False
    """Whether prices are asked for although the state has them: what is about to be spent is reckoned exactly."""
    destroy: bool = False
    imports: Mapping[Address, bool] | None = None
    """What is to be owned as it is, where this plan does that and nothing else; whether it must be there."""
    refresh_only: bool = False
    """Whether all that is asked is what has changed outside of the configuration."""
    leaving: frozenset[Address] = frozenset()
    """What is owned, not wanted any more, and part of this plan."""
    secrets: Mapping[tuple[Address, str], Secret] = field(default_factory=dict)
    sightings: Sequence[Sighting] = ()
    """The campaigns that webhooks told of for the first time since the oldest call in doubt, the earliest first."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """What the account shows about each call that stays in doubt, by the id of its intent."""
    backups: Mapping[str, Table | Exception] = field(default_factory=dict)
    """The contacts that the state's backups hold, by name, or why one could not be read."""
    private_key: str = ""
    """Keys digests that nobody who only has the state may guess: phone numbers are few."""
    results: dict[AnyRead, Any] = field(default_factory=dict)
    worked_out: dict[Hashable, tuple[tuple[object, ...], Any]] = field(default_factory=dict)
    changes: dict[Address, Change] = field(default_factory=dict)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    observed: dict[Address, Observation] = field(default_factory=dict)
    stuck: set[Address] = field(default_factory=set)
    """What is not wanted any more, may still be sent, and cannot be cancelled."""
    changed_in: dict[str | None, list[Change]] = field(default_factory=dict)
    """The changes by the account that they are made in."""
    _indexes: dict[tuple[Read, str], tuple[Any, dict[Any, list[Any]]]] = field(default_factory=dict)

    @cached_property
    def local_now(self) -> datetime:
        """The time on the wall where the stack is."""
        from zoneinfo import ZoneInfo

        return self.now.astimezone(ZoneInfo(self.settings.timezone))

    @cached_property
    def today(self) -> date:
        """The day that it is where the stack is."""
        return self.local_now.date()

    @cached_property
    def opener(self) -> Kind:
        """The kind whose resources are accounts."""
        return next(kind for kind in self.kinds.values() if kind.opens_account)

    def account_leaves(self, account: str | None) -> bool:
        """Whether a sub-account is leaving, and all that it owns with it."""
        return account is not None and Address(None, self.opener.name, account) in self.leaving

    def decide(self, change: Change) -> None:
        """Make a change part of the plan."""
        self.changes[change.address] = change
        self.changed_in.setdefault(change.address.account, []).append(change)

    @property
    def addresses(self) -> set[Address]:
        """All that is wanted, owned, or in doubt: a call in doubt may be all that is known of a resource."""
        doubted = (intent.address for intent in self.state.intents.values())
        return {*self.desired, *self.state.entries, *doubted}

    def resource(self, address: Address) -> Resource:
        return Resource(address, self.desired.get(address), self.state.entries.get(address))

    def observe(self, address: Address) -> Observation:
        """What the account says about a resource."""
        found = self.observed.get(address)
        if found is None:
            try:
                found = self.kinds[address.kind].observe(self.resource(address), self)
            except CannotRead as error:
                found = Unknown(str(error))
            self.observed[address] = found
        return found

    def once(self, key: Hashable, inputs: Sequence[object], work: Callable[[], T]) -> T:
        """What some costly work on these very values comes to; a plan compares several times."""
        known = self.worked_out.get(key)
        if known is None or any(one is not other for one, other in zip(known[0], inputs, strict=True)):
            known = self.worked_out[key] = (tuple(inputs), work())
        found: T = known[1]
        return found

    def read(self, *reads: AnyRead) -> list[Any]:
        """The results of some reads; NotReadYet where one is missing, CannotRead where one failed."""
        missing = tuple(read for read in reads if read not in self.results)
        if missing:
            raise NotReadYet(missing)
        results = [self.results[read] for read in reads]
        for result in results:
            if isinstance(result, Exception):
                hint = f". {result.hint}" if isinstance(result, ApiError) and result.hint else ""
                raise CannotRead(f"{result}{hint}".removesuffix("."))
        return results

    def having(self, read: Read, attribute: str, value: Any) -> Sequence[Any]:
        """The records of a read that have a value in an attribute, found without looking at all of them."""
        known = self._indexes.get((read, attribute))
        if known is None or known[0] is not self.results.get(read):
            (records,) = self.read(read)
            index: dict[Any, list[Any]] = {}
            for record in records:
                index.setdefault(getattr(record, attribute), []).append(record)
            known = self._indexes[read, attribute] = (records, index)
        return known[1].get(value, ())

    def backup(self, name: str) -> Table:
        """The contacts of a backup; CannotRead where it is gone or cannot be read: what it held is not nothing."""
        content = self.backups.get(name)
        if content is None or isinstance(content, Exception):
            raise CannotRead(f"the backup {name} cannot be read: {content or 'it is gone'}")
        return content

    def try_read(self, read: Read) -> Any | None:
        """The result of a read, None where it failed; NotReadYet where it is missing."""
        if read not in self.results:
            raise NotReadYet((read,))
        result = self.results[read]
        return None if isinstance(result, Exception) else result

    def known_price(self, country: str) -> Number | None:
        """What an SMS to a country costs, where the state knows it from lately (`settings.price_ttl`)."""
        price = None if self.ask_prices else self.state.prices.get(country)
        if price is None or self.now - datetime.fromisoformat(price.since) >= self.settings.price_ttl:
            return None
        return price.credits if isinstance(price.credits, int) else Decimal(str(price.credits))

    def learned_prices(self) -> dict[str, Price]:
        """The prices that this plan has asked for, for the state to know."""
        return {
            read.args[0]: Price(as_json_number(credits), self.now.isoformat(timespec="seconds"))
            for read, credits in self.results.items()
            if isinstance(read, Read) and read.method == _PRICE and not isinstance(credits, Exception)
        }

    def block(
        self, address: Address, code: str, summary: str, detail: str = "", *, policy: str = "", only_apply: bool = False
    ) -> None:
        """Refuse the plan (or only its apply): a policy (by its name, so that it can be overridden), a budget, a protection."""
        desired = self.desired.get(address)
        mark = desired.mark if desired else None
        blocks: Literal["plan", "apply"] = "apply" if only_apply else "plan"
        self.note(Diagnostic("error", code, summary, detail, mark, address, blocks=blocks, policy=policy))

    def creates(self, address: Address) -> bool:
        """Whether this plan creates a resource: what is there under its name now, if anything, goes first."""
        change = self.changes.get(address)
        return change is not None and change.actions == CREATE

    def owner(self, address: Address) -> Observation:
        """The account that a resource lives in: Present with its login, the master's with an empty one.

        An account that is created is Absent, although another one with its login may still be leaving.
        """
        if address.account is None:
            return Present("")
        account = Address(None, self.opener.name, address.account)
        if self.creates(account):
            return Absent()
        observation = self.observe(account)
        if isinstance(observation, Unknown):
            raise CannotRead(f"{account} could not be read")
        return observation

    def recorded_login(self, account: str | None) -> str | None:
        """The login of an account as the state has it, an empty one for the master's; None where the state has none."""
        if account is None:
            return ""
        entry = self.state.entries.get(Address(None, self.opener.name, account))
        return entry.identity if entry else None

    def funds(self, account: str | None) -> Funds:
        """What an account (None: the master) has to spend before anything of this plan is done."""
        if account is not None:
            return self.opener.funds(self.resource(Address(None, self.opener.name, account)), self)
        info = self.results.get(MASTER_INFO)
        return Funds(None if info is None or isinstance(info, Exception) else info.credits)

    def note(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.add(diagnostic)

    def warn(self, address: Address, code: str, summary: str, detail: str = "") -> None:
        desired = self.desired.get(address)
        self.note(Diagnostic("warning", code, summary, detail, desired.mark if desired else None, address))

    def fail(self, address: Address, code: str, summary: str, detail: str = "") -> None:
        desired = self.desired.get(address)
        self.note(Diagnostic("error", code, summary, detail, desired.mark if desired else None, address))

    def secret(self, address: Address, name: str) -> Secret | None:
        return self.secrets.get((address, name))

    def secret_digest(self, secret: Secret) -> str:
        """By which the state recognises a secret.

        Its key is slow to guess for whoever has the state, and is made once: there may be thousands of secrets.
        """
        return digest(secret.reveal(), key=slow_digest(self.private_key, self.state.salt))

    def digest(self, value: object) -> str:
        """A digest keyed by the state, for what the state must recognise and not tell."""
        return digest(value, key=self.state.salt)


class Resource(NamedTuple):
    """One address with what is wanted and what is owned there; either may be missing."""

    address: Address
    desired: Desired | None
    entry: Entry | None

    @property
    def want(self) -> Desired:
        assert self.desired is not None
        return self.desired

    @property
    def owned(self) -> Entry:
        assert self.entry is not None
        return self.entry
