"""The contract of a kind: everything the phases may ask about one sort of resource.

A kind is pure except for `execute`, which makes calls through the session it is given. It never
sees files, the terminal or the clock; it never writes the state, it hands events to the session.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from smsops.api.contract import Reader
from smsops.model.address import Address
from smsops.model.block import Block
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean
from smsops.model.plan import Change
from smsops.model.resources import (
    Desired,
    Observation,
    Present,
)
from smsops.model.sending import Appointment
from smsops.model.settings import Settings
from smsops.model.sources import Format, RemoteSource
from smsops.model.standing import Standing
from smsops.model.state import Entry, Event, Intent, Put
from smsops.model.untold import Untold
from smsops.model.values import EMPTY, JSON, Number, repr_without
from smsops.table import Table
from smsops.table.read import Reading, Source

if TYPE_CHECKING:
    pass

from smsops.kinds.session import Session
from smsops.kinds.view import AnyRead, Funds, Resource, View

Step = str | int


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


class Told(NamedTuple):
    """What tells that a call in doubt happened, in words, and what more is known of it by that (as for `Kind.settled`).

    Not `sure`: it is worth showing to whoever settles the doubt, and settles nothing.
    """

    why: str
    answers: Mapping[str, str] = EMPTY
    sure: bool = True


Readers = Callable[[str | None], Awaitable[Reader | None]]
"""A reader with an account's own login and key, by the account's key; None where the account is not there yet."""


class CannotSay(Exception):
    """The configuration has no words for something that the account has; the text says why."""


class Found(NamedTuple):
    """Something that the account has, whoever owns it: its remote name, and what the kind has read of it."""

    identity: str
    record: Any

    def __repr__(self) -> str:
        return repr_without(self, "record")


class Slot(NamedTuple):
    """Where a block is to stand: its key, the login of its sub-account (None: the master), and its data file.

    `people` says whether contacts go to that file, or are left out.
    """

    key: str
    login: str | None
    data_file: str
    people: bool = True


class Described(NamedTuple):
    """Something that the account has, in the words of the configuration, as few as say it.

    `block` has texts, booleans, mappings and lists in the order in which people read them; `remarks` are comments behind
    it. `contacts` are those of its data file. `losses` say what had to be left out.
    """

    block: dict[str, JSON]
    remarks: tuple[str, ...] = ()
    contacts: Table | None = None
    losses: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return repr_without(self, "contacts")


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

    def foreseen(self, resource: Resource, view: View) -> Sequence[AnyRead]:
        """What has to be read for a resource that is wanted and owned if the account still is as the state has it, in so far as
        it would otherwise be asked for when something else has been read. Where the account is not, it is asked for in vain.
        """
        return ()

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
