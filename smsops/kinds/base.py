"""The contract of a kind: everything the phases may ask about one sort of resource.

A kind is pure except for `execute`, which makes calls through the session it is given. It never
sees files, the terminal or the clock; it never writes the state, it hands events to the session.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

from smsops.api.contract import ApiError, NotSent, OutcomeUnknown, Reader, Refused, Writer
from smsops.model.address import Address
from smsops.model.block import Block
from smsops.model.diagnostics import Diagnostic, Diagnostics, Mark, did_you_mean
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
from smsops.model.sending import Appointment
from smsops.model.settings import Settings
from smsops.model.sources import Format, RemoteSource
from smsops.model.standing import Standing
from smsops.model.state import Drop, Entry, Event, Intent, Price, Put, State
from smsops.model.untold import Untold
from smsops.model.values import EMPTY, JSON, Number, Secret, as_json_number, digest, slow_digest
from smsops.model.webhooks import Sighting
from smsops.table import Table
from smsops.table.read import Reading, Source

if TYPE_CHECKING:
    from smsops.rules.rulebook import Rulebook

T = TypeVar("T")
Step = str | int

MASTER_INFO = Read("get_info")
"""The master account's balance; every plan has it."""

_PRICE = "get_credits_by_country"

MOST_STEPS = 10_000
"""A change of more steps than this, which died half-way, is planned and reviewed anew."""


@dataclass(frozen=True, slots=True)
class SourceRead:
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


class Upcoming(NamedTuple):
    """What a resource will take some day, when a later apply comes to it.

    `moves` leaves the master's balance for that of the account that the resource is in, `spends` leaves that of its own
    account; `what` is what people call such things, in the plural.
    """

    day: date
    what: str
    moves: Number = 0
    spends: Number = 0


class Declaration(Protocol):
    """What a kind has at hand while it turns one block of the configuration into resources."""

    settings: Settings
    account: str | None
    key: str
    now: datetime

    def mark(self, *path: Step) -> Mark:
        """The place of a value of the block."""

    def error(self, code: str, summary: str, *path: Step, detail: str = "", key: bool = False) -> None:
        """Report a mistake at a value of the block, or at its key."""

    def error_at(self, code: str, summary: str, mark: Mark, *, detail: str = "") -> None:
        """Report a mistake anywhere, such as a row of a data file."""

    def warning(self, code: str, summary: str, *path: Step, detail: str = "") -> None:
        """Report what deserves a look."""

    def read(self, file: str, form: Format | None, reading: Reading, path: Sequence[Step]) -> list[Source]:
        """The contacts of the data files that a path or a pattern names.

        What is wrong with a file or a row is reported; `path` is where the block names the file.
        """

    def text(self, file: str, *path: Step) -> str | None:
        """What a file of text (UTF-8) holds; None, which is reported at `path`, where it cannot be read."""

    def guard(self) -> Any:
        """The block's `lifecycle`."""


@dataclass
class Declared:
    """All that the configuration declares, for rules that look at more than one block."""

    resources: dict[Address, Desired] = field(default_factory=dict)
    blocks: set[Address] = field(default_factory=set)
    """Addresses by the keys of the blocks; what a block stands for may have longer names, or be nothing at present."""
    broken: set[Address] = field(default_factory=set)
    """Addresses whose block has mistakes of its own: nothing more is said about them."""
    identities: dict[tuple[str | None, str, str], Desired] = field(default_factory=dict)

    def names(self, account: str | None, kind: str) -> list[str]:
        return [address.name for address in self.resources if (address.account, address.kind) == (account, kind)]


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
        if address not in self.observed:
            kind = self.kinds[address.kind]
            try:
                self.observed[address] = kind.observe(self.resource(address), self)
            except CannotRead as error:
                self.observed[address] = Unknown(str(error))
        return self.observed[address]

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


class Told(NamedTuple):
    """What tells that a call in doubt happened, in words, and what more is known of it by that (as for `Kind.settled`).

    Not `sure`: it is worth showing to whoever settles the doubt, and settles nothing.
    """

    why: str
    answers: Mapping[str, str] = EMPTY
    sure: bool = True


Readers = Callable[[str | None], Awaitable[Reader | None]]
"""A reader with an account's own login and key, by the account's key; None where the account is not there yet."""


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


class Session(Protocol):
    """What a kind has at hand while it executes one change. Every method that records is durable when it returns."""

    master: Writer

    def login(self, account: str | None) -> str | None:
        """The remote login of an account by its key, as it is now; None for the master."""

    async def account(self, account: str | None) -> Writer:
        """A client with the account's own login and API key (asked of the API once a run)."""

    def learned(self, login: str, api_key: str) -> None:
        """An answer told an account's API key: it need not be asked for."""

    async def record(self, *events: Event) -> None:
        """Make events durable, as one."""

    async def once(
        self,
        method: str,
        call: Callable[[], Awaitable[T]],
        events: Callable[[T], Sequence[Event]],
        *,
        address: Address,
        facts: Mapping[str, JSON],
        effects: Mapping[str, Number | None],
        balances: Mapping[str, Number | None],
    ) -> T:
        """Make a call that must never be repeated: intent durable, call, outcome and `events` durable as one.

        `effects` is what the call should do to balances, by account key ("" is the master's; None: by how much nobody
        knows, and from then on the balance is not known), and `balances` what they
        were when the plan was made; together they let a later run judge a call whose outcome is unknown. `events`
        has a Moved for what it really did. The intent stays open, and OutcomeUnknown is raised, where the call may
        have happened.
        """

    def balance(self, account: str | None, planned: Number | None) -> float | None:
        """A balance by now, as far as this run moved it, from what it was when the plan was made; None if nobody knows."""

    def now(self) -> datetime: ...

    def progress(self, done: int, total: int, noun: str) -> None:
        """Tell the user how far a long change is."""

    def proceed(self) -> None:
        """Called between two steps, of which the second can wait for the next apply; Interrupted where it has to."""

    def returned(self, **facts: JSON) -> None:
        """Say what came back: it is part of the operation's report. No phone number, no secret."""

    def secret(self, address: Address, name: str) -> Secret | None: ...

    def entry(self, address: Address) -> Entry | None:
        """The state entry as it is now."""

    async def save_backup(self, name: str, contacts: Table) -> None: ...

    async def drop_backup(self, name: str) -> None: ...


async def confirmed(
    call: Callable[[], Awaitable[T]], landed: Callable[[], Awaitable[T | None]], *, attempts: int = 3
) -> T:
    """Make a call that may be repeated only after reading back.

    `landed` looks whether the call had its effect and gives its result, or None where it had not.
    The last OutcomeUnknown is raised where it still has no effect after `attempts` calls.
    """
    for attempt in range(1, attempts + 1):
        try:
            return await call()
        except OutcomeUnknown as lost:
            try:
                result = await landed()
            except ApiError:
                raise lost from None  # a look that fails says nothing of the call
            if result is not None:
                return result
            if attempt == attempts:
                raise
    raise AssertionError("unreachable")


async def created(entry: Entry, create: Callable[[], Awaitable[T]], session: Session) -> T:
    """Create a resource that is owned from before the call.

    Otherwise a run that dies behind the call would leave it as somebody else's. What is owned and
    not there is created by the next plan; what the API refuses to create is not owned.
    """
    before = session.entry(entry.address)
    await session.record(Put(entry))
    try:
        return await create()
    except (Refused, NotSent):
        await session.record(Put(before) if before else Drop(entry.address))
        raise


class CannotSay(Exception):
    """The configuration has no words for something that the account has; the text says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that the account has, whoever owns it: its remote name, and what the kind has read of it."""

    identity: str
    record: Any = field(repr=False)


class Slot(NamedTuple):
    """Where a block is to stand: its key, the login of its sub-account (None: the master), and its data file.

    `people` says whether contacts go to that file, or are left out.
    """

    key: str
    login: str | None
    data_file: str
    people: bool = True


@dataclass(frozen=True, slots=True)
class Described:
    """Something that the account has, in the words of the configuration, as few as say it.

    `block` has texts, booleans, mappings and lists in the order in which people read them; `remarks` are comments behind
    it. `contacts` are those of its data file. `losses` say what had to be left out.
    """

    block: dict[str, JSON]
    remarks: tuple[str, ...] = ()
    contacts: Table | None = field(default=None, repr=False)
    losses: tuple[str, ...] = ()


def check_ignored(desired: Desired, names: Collection[str], diagnostics: Diagnostics) -> None:
    """Report what `lifecycle.ignore_changes` names and the kind cannot ignore."""
    for name in sorted(desired.guard.ignore_changes.difference(names)):
        diagnostics.error(
            "SMS112",
            f"lifecycle.ignore_changes: there is no attribute {name}",
            detail=did_you_mean(name, names),
            mark=desired.mark,
            address=desired.address,
        )


class Kind(ABC):
    """One sort of resource. Subclasses are stateless; one instance serves a run."""

    name: ClassVar[str]
    """What it is called in addresses and documents (`list`)."""

    section: ClassVar[str | None] = None
    """The section of the configuration that declares it (`lists`); None: inside another kind's block."""

    Spec: ClassVar[type[Block]]
    """The model of one block of the section."""

    opens_account: ClassVar[bool] = False
    """Whether a resource is an account, with sections of its own."""

    embeds: ClassVar[tuple[str, ...]] = ()
    """Kinds declared inside a block of this one, under the same key."""

    observing_reads_all: ClassVar[bool] = False
    """Whether making or changing a wanted resource needs no read that observing it has not made."""

    creating_reads_nothing: ClassVar[bool] = False
    """Whether making one that the state knows nothing of needs no read that observing it has not made."""

    counts_people: ClassVar[bool] = False
    """Whether limits on its changes count the people that changes say (`Change.contacts`), not resources."""

    adoptable: ClassVar[bool] = True
    """Whether it can exist in the account without being owned."""

    unreturned: ClassVar[str] = ""
    """What the API does not tell of such resources, so that nobody can take it over: a phrase in the plural."""

    def discover(self, login: str | None, view: View) -> Sequence[Found]:
        """What an account (None: the master) has of this kind, whoever owns it. Reads through `view.read`."""
        return ()

    def describe(self, found: Found, slot: Slot, view: View) -> Described:
        """The block that says what was found: planning it changes nothing. CannotSay where there is none.

        Reads through `view.read`.
        """
        raise NotImplementedError

    importable: ClassVar[bool] = True
    """Whether one that exists can be taken into the state as it is."""

    def imported(self, resource: Resource, present: Present, view: View) -> Entry | None:
        """The state entry of a wanted resource that becomes owned as it is, so that what its block says otherwise is a
        change. None, with a failure, where that must not be.

        By default what the API does not tell is not recorded: where the block says it, that is a change too.
        """
        return Entry(resource.address, present.identity, {}, resource.want.guard.protect, resource.want.depends_on)

    def check_entry(self, entry: Entry) -> None:
        """LookupError, TypeError or ValueError where an entry of the state is not as this kind records it."""
        return

    def declare(self, spec: Any, declaration: Declaration) -> list[Desired]:
        """The resources that one block stands for; its own first."""
        raise NotImplementedError

    def sources(self, desired: Desired) -> Sequence[RemoteSource]:
        """What lies elsewhere and is read for a plan of this resource."""
        return ()

    def check(self, desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
        """Rules that need the other resources: references, fields, duplicates."""
        return

    def scope(self, address: Address) -> Address | None:
        """What a resource stands inside besides its account: a change of that comes first."""
        return None

    def funds(self, resource: Resource, view: View) -> Funds:
        """What an account has to spend, where resources of this kind are accounts. Made by this plan, it has nothing."""
        raise NotImplementedError

    def upcoming(self, resource: Resource, view: View, until: date) -> Iterable[Upcoming]:
        """What a wanted resource will take from balances after today, `until` included, if nobody changes it."""
        return ()

    unmoved_is_undone: ClassVar[bool] = False
    """Whether balances that have not moved show that a call in doubt did not happen, so that it may be made again."""

    @abstractmethod
    def observe(self, resource: Resource, view: View) -> Observation:
        """What the account says. Reads through `view.read`."""

    @abstractmethod
    def create(self, resource: Resource, view: View) -> Change | None:
        """The change that makes a wanted resource which is not there."""

    @abstractmethod
    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        """The change that makes what is there what is wanted; None where it is so already.

        Without a state entry the resource is being adopted: the kind compares what it can see.
        """

    def drift(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        """How an owned resource is otherwise than this stack left it: an update, or a delete where it is gone.

        `before` is what the state has of it, `after` what the account has, and `entry` what the state would say of that.
        What moves by itself, such as a balance, is not drift, nor what `lifecycle.ignore_changes` names.
        """
        return None

    @abstractmethod
    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        """The change that removes an owned resource, or forgets it where that is all there is to do."""

    async def simulate(self, change: Change, view: View, readers: Readers) -> Change:
        """The change with what the API says that it comes to; what differs from the estimate is noted. By default there is
        nothing to ask."""
        return change

    def appointment(self, resource: Resource, view: View) -> Appointment | None:
        """When a resource sends something, with what this plan makes of it; None where it sends nothing."""
        return None

    def standing(
        self, entry: Entry, doubts: Sequence[Intent], settings: Settings, policy: Any, now: datetime
    ) -> Standing | None:
        """How an owned resource that sends something stands, by the state alone; None for others."""
        return None

    def preview(self, resource: Resource, view: View) -> JSON:
        """How what a wanted resource sends looks on phones (`PreviewDocument`); None where it sends nothing.

        May need reads that planning did not (NotReadYet).
        """
        return None

    def untold(self, resource: Resource, view: View) -> Iterable[Untold]:
        """What the account has of a resource that no call tells, as far as it is known: for a copy of the account."""
        return ()

    def told(self, intent: Intent, view: View) -> Told | None:
        """What shows that a call in doubt happened, besides balances: a part of its answer, or what webhooks told since.

        Reads through `view.read`.
        """
        return None

    def settled(self, intent: Intent, answers: Mapping[str, str]) -> Sequence[Event]:
        """What to record when a person says that a call in doubt happened; `answers` is what they know of it.

        By default the entry that the intent brought along.
        """
        entry = intent.facts.get("entry")
        return [Put(Entry.read(str(intent.address), entry))] if entry else []

    def completed(self, entry: Entry, answers: Mapping[str, str]) -> Sequence[Event]:
        """What to record when a person tells, later, what nobody knew when a call in doubt was settled; or nothing."""
        return ()

    @abstractmethod
    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        """Make the calls of a change; the events that remain to be recorded when all went well."""
