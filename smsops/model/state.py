"""The state: what this stack owns, and what it cannot read back from the account.

The state is a value. It changes only by events (`fold`), each of which the store makes durable
before the next step relies on it. It holds no secret and no whole phone number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from smsops.errors import StateError
from smsops.model.address import Address
from smsops.model.values import JSON

FORMAT_VERSION = 1

B = TypeVar("B", float, float | None)


class Entry(NamedTuple):
    """One owned resource: its remote identity, what the account does not tell, and how it is guarded."""

    address: Address
    identity: str
    attributes: Mapping[str, JSON] = {}
    protect: bool = False
    depends_on: tuple[Address, ...] = ()

    @property
    def backup(self) -> str | None:
        """The name of the backup that a change of it which has not finished needs."""
        name: str | None = (self.attributes.get("replacing") or self.attributes).get("backup")
        return name

    def document(self) -> dict[str, JSON]:
        return {
            "identity": self.identity,
            "attributes": dict(self.attributes),
            "protect": self.protect,
            "depends_on": [str(address) for address in self.depends_on],
        }

    @classmethod
    def read(cls, address: str, document: Mapping[str, Any]) -> Entry:
        identity, attributes, protect = document["identity"], document["attributes"], document.get("protect", False)
        if not (isinstance(identity, str) and isinstance(attributes, dict) and isinstance(protect, bool)):
            raise TypeError(address)
        depends_on = tuple(Address.parse(text) for text in document.get("depends_on", ()))
        return cls(Address.parse(address), identity, attributes, protect, depends_on)


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that must not be repeated: written before it is made, settled by its outcome.

    An intent that is still open when a run begins is in doubt: the call may have happened.
    `facts` is what a person who judges it needs: the part and its fingerprint, the marker sent
    along, what is known of the answer. `effects` is what the call does to balances, by account key
    ("" is the master's; None: by how much is not known), and `before` what these would be without any of the calls in doubt.
    """

    id: str
    address: Address
    method: str
    since: str
    facts: Mapping[str, JSON] = field(default_factory=dict)
    effects: Mapping[str, float | None] = field(default_factory=dict)
    before: Mapping[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, JSON]:
        return {
            "id": self.id,
            "address": str(self.address),
            "method": self.method,
            "since": self.since,
            "facts": dict(self.facts),
            "effects": dict(self.effects),
            "before": dict(self.before),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Intent:
        datetime.fromisoformat(document["since"])
        return cls(
            document["id"],
            Address.parse(document["address"]),
            document["method"],
            document["since"],
            document.get("facts", {}),
            document.get("effects", {}),
            document.get("before", {}),
        )

    def moved(self, old: Address, new: Address) -> Intent:
        """The same call where what it was about is known under another address."""

        was, becomes = (
            (old.account, new.account) if old.account else (old.name, new.name)
        )  # or it is the account itself

        def keys(balances: Mapping[str, B]) -> dict[str, B]:
            return {(becomes or "") if key and key == was else key: value for key, value in balances.items()}

        return replace(self, address=new, effects=keys(self.effects), before=keys(self.before))

    def after(self, effects: Mapping[str, float | None]) -> Intent:
        """The same call once balances have moved by something else."""
        before = {
            key: value + effect for key, value in self.before.items() if (effect := effects.get(key, 0)) is not None
        }
        return self if before == self.before else replace(self, before=before)


class Price(NamedTuple):
    """What an SMS to a country costs, in credits, and since when that is known (ISO 8601, UTC)."""

    credits: float
    since: str

    def document(self) -> dict[str, JSON]:
        return {"credits": self.credits, "since": self.since}


@dataclass(frozen=True, slots=True)
class State:
    """All that a stack remembers. `serial` grows with each apply that changed something; 0: never written.

    `runs` counts the records of its history. `run` describes the run that is changing it; it is in the journal only, and gone once that is folded.
    """

    stack: str
    account: str | None
    lineage: str
    serial: int
    salt: str
    entries: Mapping[Address, Entry] = field(default_factory=dict)
    intents: Mapping[str, Intent] = field(default_factory=dict)
    runs: int = 0
    run: Mapping[str, JSON] | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    """What an SMS costs, by country."""

    @classmethod
    def new(cls, stack: str, salt: str) -> State:
        """A state that was never written. `salt` keys its digests for good."""
        import uuid

        return cls(stack, None, str(uuid.uuid4()), 0, salt)

    def in_doubt(self, address: Address) -> tuple[Intent, ...]:
        """The open intents of one resource."""
        return tuple(intent for intent in self.intents.values() if intent.address == address)

    def document(self) -> dict[str, JSON]:
        return {
            "format_version": FORMAT_VERSION,
            "stack": self.stack,
            "account": self.account,
            "lineage": self.lineage,
            "serial": self.serial,
            "salt": self.salt,
            "runs": self.runs,
            "resources": {
                str(address): entry.document()
                for address, entry in sorted(self.entries.items(), key=lambda item: item[0].sort_key)
            },
            "intents": [intent.document() for intent in self.intents.values()],
            "prices": {country: price.document() for country, price in sorted(self.prices.items())},
        }

    @classmethod
    def read(cls, document: Any) -> State:
        """A state from its document; StateError where it is damaged or from a newer smsops."""
        version = document.get("format_version") if isinstance(document, dict) else None
        if version != FORMAT_VERSION:
            raise StateError(
                f"The state has format version {version!r}; this smsops reads {FORMAT_VERSION}",
                code="SMS402",
                detail="Use the smsops that wrote it, or restore the file from a backup.",
            )
        try:
            entries = [Entry.read(address, entry) for address, entry in document["resources"].items()]
            intents = [Intent.read(intent) for intent in document.get("intents", ())]
            if not isinstance(document["salt"], str):
                raise TypeError("salt")
            return cls(
                document["stack"],
                document["account"],
                document["lineage"],
                int(document["serial"]),
                document["salt"],
                {entry.address: entry for entry in entries},
                {intent.id: intent for intent in intents},
                document.get("runs", 0),
                prices=_read_prices(document.get("prices", {})),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateError(
                "The state is damaged", code="SMS402", detail=f"{type(error).__name__} at {error}. Restore a backup."
            ) from error


class Put(NamedTuple):
    """A resource is owned, with this entry."""

    entry: Entry


class Drop(NamedTuple):
    """A resource is no longer owned."""

    address: Address


class Move(NamedTuple):
    """An entry is known under another address."""

    old: Address
    new: Address


class Intend(NamedTuple):
    """A call that must not be repeated is about to be made."""

    intent: Intent


class Settle(NamedTuple):
    """The outcome of an intent is known."""

    id: str
    happened: bool


class Own(NamedTuple):
    """The state belongs to this master account (its login)."""

    account: str


class Moved(NamedTuple):
    """Balances have moved by this much, by account key ("" is the master's), for a reason that is known.

    None: by how much is not known.
    """

    effects: Mapping[str, float | None]


class Learn(NamedTuple):
    """What an SMS costs is known, by country."""

    prices: Mapping[str, Price]


class Begin(NamedTuple):
    """A run begins to change things: who, when, from which commit."""

    run: Mapping[str, JSON]


Event = Put | Drop | Move | Intend | Settle | Own | Moved | Learn | Begin


def _read_prices(document: Mapping[str, Any]) -> dict[str, Price]:
    return {country: Price(price["credits"], price["since"]) for country, price in document.items()}


def fold(state: State, events: Iterable[Event], *, consume: bool = False) -> State:
    """The state after some events, in their order.

    `consume` says that nobody looks at `state` again: its entries are then not copied, which would make an apply of
    thousands of operations quadratic.
    """
    entries = state.entries if consume and isinstance(state.entries, dict) else dict(state.entries)
    intents = dict(state.intents)
    account, run, prices = state.account, state.run, state.prices
    for event in events:
        match event:
            case Put(entry):
                entries[entry.address] = entry
            case Drop(address):
                entries.pop(address, None)
            case Move(old, new):
                if old in entries:
                    entries[new] = entries.pop(old)._replace(address=new)
                entries = {
                    address: entry._replace(depends_on=tuple(new if dep == old else dep for dep in entry.depends_on))
                    for address, entry in entries.items()
                }
                intents = {
                    key: intent.moved(old, new) if intent.address == old else intent for key, intent in intents.items()
                }
            case Intend(intent):
                intents[intent.id] = intent
            case Settle(key, _):
                intents.pop(key, None)
            case Own(login):
                account = login
            case Moved(effects):
                intents = {key: intent.after(effects) for key, intent in intents.items()}
            case Learn(learned):
                prices = {**prices, **learned}
            case Begin(document):
                run = document
    return replace(state, entries=entries, intents=intents, account=account, run=run, prices=prices)


def event_document(event: Event) -> dict[str, JSON]:
    """The journal's form of an event."""
    match event:
        case Put(entry):
            return {"event": "put", "address": str(entry.address), **entry.document()}
        case Drop(address):
            return {"event": "drop", "address": str(address)}
        case Move(old, new):
            return {"event": "move", "old": str(old), "new": str(new)}
        case Intend(intent):
            return {"event": "intend", **intent.document()}
        case Settle(key, happened):
            return {"event": "settle", "id": key, "happened": happened}
        case Own(account):
            return {"event": "own", "account": account}
        case Moved(effects):
            return {"event": "moved", "effects": dict(effects)}
        case Learn(prices):
            return {"event": "learn", "prices": {country: price.document() for country, price in prices.items()}}
        case Begin(run):
            return {"event": "begin", "run": dict(run)}


def read_event(document: Mapping[str, Any]) -> Event:
    """An event from its journal form; KeyError or ValueError where it is none."""
    match document["event"]:
        case "put":
            return Put(Entry.read(document["address"], document))
        case "drop":
            return Drop(Address.parse(document["address"]))
        case "move":
            return Move(Address.parse(document["old"]), Address.parse(document["new"]))
        case "intend":
            return Intend(Intent.read(document))
        case "settle":
            return Settle(document["id"], bool(document["happened"]))
        case "own":
            return Own(document["account"])
        case "moved":
            return Moved(document["effects"])
        case "learn":
            return Learn(_read_prices(document["prices"]))
        case "begin":
            return Begin(document["run"])
        case other:
            raise ValueError(f"unknown event {other!r}")
