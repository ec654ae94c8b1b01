"""What a kind has at hand while it makes the calls of a change, and the two ways to make one that may have happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from smsops.api.contract import Writer
from smsops.api.errors import ApiError, NotSent, OutcomeUnknown, Refused
from smsops.model.address import Address
from smsops.model.state import Drop, Entry, Event, Put
from smsops.model.values import JSON, Number, Secret
from smsops.table import Table

if TYPE_CHECKING:
    pass

T = TypeVar("T")


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
