"""The plan: frozen data that showing and applying interpret, and its JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

from smsops.errors import ExitCode
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.override import Override
from smsops.model.sending import Send
from smsops.model.state import Entry, Intent
from smsops.model.values import JSON, Number, as_json_number, digest, repr_without, utc

FORMAT_VERSION = "1.0"
MOST_STEPS = 10_000
"""A change of more steps than this, which died half-way, is planned and reviewed anew."""

UNREADABLE = "SMS264"
"""The code of what could not be read: the rest of the plan holds all the same."""
UNCHANGEABLE = "SMS247"
"""The code of what is to change and cannot: the rest of the plan holds all the same."""

Actions = tuple[str, ...]
CREATE: Actions = ("create",)
UPDATE: Actions = ("update",)
DELETE: Actions = ("delete",)
REPLACE: Actions = ("delete", "create")
ADOPT: Actions = ("adopt",)
ADOPT_UPDATE: Actions = ("adopt", "update")
FORGET: Actions = ("forget",)
NO_OP: Actions = ("no-op",)

GONE = "absent_from_account"
CHANGED_OUTSIDE = "changed_outside"
"""Why something has drifted."""

_COUNTED_AS = {
    CREATE: "add",
    UPDATE: "change",
    DELETE: "destroy",
    REPLACE: "replace",
    ADOPT: "adopt",
    ADOPT_UPDATE: "adopt",
    FORGET: "forget",
}


class ContactCounts(NamedTuple):
    """How a plan changes the contacts of one list; `before` is how many it has, where that is known."""

    add: int = 0
    change: int = 0
    remove: int = 0
    before: int | None = None

    @property
    def total(self) -> int:
        return self.add + self.change + self.remove


class Change(NamedTuple):
    """What is to happen to one resource.

    `before` and `after` are for people and machines to read: nothing sensitive is in them.
    `payload` is the kind's own, never printed or saved: all that executing the change needs.
    `content` is all that the change would do, as plain data: it is digested into the operation's id
    and never shown. What moves by itself (a balance) is not in it, nor how far an earlier run has come. `steps` is the
    part of it that is done step by step: where a run died in between, what is left has fewer of the same steps.
    `calls` is the number of calls to the API, `method` the one that names the operation.
    `entry` is the state entry where the change needs no call (adopting, moving, forgetting).
    `moves` is what leaves the master's balance for a sub-account's; `refund` is what the change
    gives back to the account it is made in (None: it gives nothing back), `recreates` that it makes the resource anew with
    all that stands inside it. `follows` are changes that must come first; `awaited` says that what follows may only be done where
    this one took back what it was to take back.
    """

    address: Address
    actions: Actions
    reason: str
    before: Mapping[str, JSON] | None = None
    after: Mapping[str, JSON] | None = None
    method: str = ""
    calls: int = 0
    payload: Any = None
    content: JSON = None
    steps: tuple[JSON, ...] = ()
    entry: Entry | None = None
    contacts: ContactCounts | None = None
    moves: Number = 0
    refund: Number | None = None
    recreates: bool = False
    send: Send | None = None
    follows: tuple[Address, ...] = ()
    awaited: bool = False
    previous_address: Address | None = None

    def __repr__(self) -> str:
        return repr_without(self, "payload", "content", "steps")

    @property
    def deletes(self) -> bool:
        return "delete" in self.actions

    def document(self, account: str | None) -> dict[str, JSON]:
        document: dict[str, JSON] = {
            "address": str(self.address),
            "mode": "managed",
            "type": self.address.kind,
            "name": self.address.name or self.address.account,
            "account": account,
            "change": {
                "actions": list(self.actions),
                "before": None if self.before is None else dict(self.before),
                "after": None if self.after is None else dict(self.after),
                "before_sensitive": False if self.before is None else {},
                "after_sensitive": False if self.after is None else {},
            },
            "action_reason": self.reason,
        }
        if self.previous_address:
            document["previous_address"] = str(self.previous_address)
        if self.contacts:
            counts = self.contacts
            document["contacts"] = {"add": counts.add, "change": counts.change, "remove": counts.remove}
        if self.send:
            document["send"] = self.send.document()
        return document


class Operation:
    """One step of an apply: the calls of one change, after those of the operations that it needs.

    `id` is a digest of all that the step would do, so that the same id means the same calls with the same content, and tells
    nobody the content; `steps` are such digests of the change's steps, where these are not too many to be kept. They are
    worked out when they are first asked for: a plan that is only shown needs none. `key` keys them.
    """

    def __init__(self, change: Change, needs: tuple[Operation, ...] = (), key: str = "") -> None:
        self.change: Final = change
        self._needs: Final = needs
        self._key: Final = key

    @cached_property
    def id(self) -> str:
        change = self.change
        what = [str(change.address), change.actions, change.method, change.content, change.steps]
        return digest(what, key=self._key, length=16)

    @cached_property
    def depends_on(self) -> tuple[str, ...]:
        """The ids of what must be done first."""
        return tuple(sorted(need.id for need in self._needs))

    @cached_property
    def steps(self) -> tuple[str, ...]:
        change = self.change
        if len(change.steps) > MOST_STEPS:
            return ()
        address = str(change.address)
        return tuple(digest([address, change.content, step], key=self._key, length=12) for step in change.steps)

    def __repr__(self) -> str:
        return f"Operation({self.change!r})"

    def document(self) -> dict[str, JSON]:
        document: dict[str, JSON] = {
            "id": self.id,
            "address": str(self.change.address),
            "method": self.change.method,
            "calls": self.change.calls,
            "depends_on": list(self.depends_on),
        }
        return {**document, "steps": list(self.steps)} if self.steps else document


class Doubt(NamedTuple):
    """A call that may have happened, and what the account shows about it."""

    intent: Intent
    evidence: str = ""

    @property
    def address(self) -> Address:
        return self.intent.address

    def document(self) -> dict[str, JSON]:
        """For people: without the entry that it would become."""
        document = self.intent.document()
        effects, before = document.pop("effects"), document.pop("before")
        return {
            **document,
            "facts": {name: value for name, value in self.intent.facts.items() if name != "entry"},
            "balances": [
                {"account": key or None, "before": before.get(key), "effect": effect} for key, effect in effects.items()
            ],
            "evidence": self.evidence,
        }


class Cause(NamedTuple):
    """What will take credits, by what people call it, and how many by the end of a forecast."""

    what: str
    credits: Number


class Forecast(NamedTuple):
    """How the master's balance will fall behind a plan, if nobody buys, sends or changes anything else."""

    until: date
    master_at_end: Number
    """Negative where credits will be missing."""
    runs_dry: date | None
    """The first day on which the balance does not suffice for what is due."""
    causes: tuple[Cause, ...]
    each_month: Number | None = None
    """What is taken in each month, where that is the same in all."""

    def document(self) -> dict[str, JSON]:
        return {
            "until": self.until.isoformat(),
            "master_at_end": as_json_number(self.master_at_end),
            "runs_dry": self.runs_dry.isoformat() if self.runs_dry else None,
            "causes": [{"what": cause.what, "credits": as_json_number(cause.credits)} for cause in self.causes],
        }


class Git(NamedTuple):
    """The commit that the configuration comes from, and the tree of its directory: other commits may have the same."""

    commit: str
    dirty: bool
    tree: str = ""

    def document(self) -> dict[str, JSON]:
        return {"commit": self.commit, "dirty": self.dirty, "tree": self.tree}

    def same_files(self, other: Git) -> bool:
        """Whether both have the same files, as far as git knows."""
        same_tree = bool(self.tree) and self.tree == other.tree and not self.dirty and not other.dirty
        return self.commit == other.commit or same_tree


class Balance(NamedTuple):
    """What a plan does to the credits of one account (None: the master's). `before` and `after` are None where nobody knows."""

    account: str | None
    before: Number | None
    comes_in: Number
    goes_out: Number

    @property
    def after(self) -> Number | None:
        return None if self.before is None else self.before + self.comes_in - self.goes_out

    def document(self) -> dict[str, JSON]:
        known = {"before": self.before, "after": self.after}
        return {
            "account": self.account,
            **{name: None if value is None else as_json_number(value) for name, value in known.items()},
            "comes_in": as_json_number(self.comes_in),
            "goes_out": as_json_number(self.goes_out),
        }


class Plan(NamedTuple):
    """What an apply would do and why, and everything that has to be said about it."""

    stack: str
    account: str | None
    timestamp: datetime
    expires: datetime
    version: str
    config_fingerprint: str
    git: Git | None
    lineage: str | None
    serial: int
    changes: tuple[Change, ...]
    operations: tuple[Operation, ...]
    unchanged: tuple[Change, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    unknown: tuple[Address, ...] = ()
    errored: bool = False
    destroy: bool = False
    targets: tuple[str, ...] = ()
    adopt: bool = False
    master_before: Number | None = None
    overrides: tuple[Override, ...] = ()
    """Those that were asked for, and those that have let something through."""
    forecast: Forecast | None = None
    drift: tuple[Change, ...] = ()
    """What was changed outside of the configuration since the last apply: deletes are what is gone."""
    refresh_only: bool = False
    """Whether the plan is to record drift in the state, and nothing else."""
    balances: tuple[Balance, ...] = ()
    """The accounts whose credits the plan moves, the master first."""

    def __repr__(self) -> str:
        """Short: asyncio asks for that of a result, and this one may be of 100,000 changes."""
        return f"Plan({self.stack}, {len(self.changes)} changes)"

    @property
    def summary(self) -> dict[str, int]:
        counts = dict.fromkeys(("add", "change", "destroy", "replace", "adopt", "forget"), 0)
        for change in self.changes:
            if change.actions != NO_OP:
                counts[_COUNTED_AS[change.actions]] += 1
        return counts

    @property
    def contacts(self) -> ContactCounts:
        counts = [change.contacts for change in self.changes if change.contacts]
        return ContactCounts(sum(c.add for c in counts), sum(c.change for c in counts), sum(c.remove for c in counts))

    @property
    def sends(self) -> tuple[Send, ...]:
        return tuple(change.send for change in self.changes if change.send and change.send.recipients)

    @property
    def moved(self) -> Number:
        return sum((change.moves for change in self.changes), start=0)

    @property
    def spend_estimate(self) -> Number:
        return sum((send.credits for send in self.sends), start=0)

    @property
    def master_after(self) -> Number | None:
        if self.master_before is None:
            return None
        spent = sum((send.credits for send in self.sends if send.account is None), start=0)
        return self.master_before - self.moved - spent + self.refunded(None)

    @property
    def given_back(self) -> Number:
        """What cancelled campaigns give back, to all accounts."""
        return sum((change.refund or 0 for change in self.changes), start=0)

    def refunded(self, account: str | None) -> Number:
        """What cancelled campaigns give back to an account."""
        return sum((change.refund or 0 for change in self.changes if change.address.account == account), start=0)

    @property
    def blocked(self) -> tuple[Diagnostic, ...]:
        """The refusals: protections, policies, budgets."""
        return tuple(diagnostic for diagnostic in self.diagnostics if diagnostic.blocks)

    @property
    def mistaken(self) -> bool:
        """Whether there are errors besides what cannot be read or changed, which does not keep the rest from being applied."""
        return any(
            item.severity == "error" and item.blocks is None and item.code not in (UNREADABLE, UNCHANGEABLE)
            for item in self.diagnostics
        )

    def exit_code(self, *, detailed: bool = False) -> ExitCode:
        """What `plan` ends with."""
        if self.errored:
            return ExitCode.ERROR
        if self.doubts:
            return ExitCode.IN_DOUBT
        if any(diagnostic.blocks == "plan" for diagnostic in self.blocked):
            return ExitCode.BLOCKED
        if detailed and (self.drift if self.refresh_only else self.changes):
            return ExitCode.CHANGES
        return ExitCode.OK

    def document(self, *, everything: bool = False) -> dict[str, JSON]:
        """The plan document. `everything` lists unchanged resources too."""
        listed = sorted((*self.changes, *(self.unchanged if everything else ())), key=lambda c: c.address.sort_key)
        number = {name: None if value is None else as_json_number(value) for name, value in self._credits().items()}
        emails = sum(send.emails for send in self.sends)
        return {
            "format_version": FORMAT_VERSION,
            "smsops_version": self.version,
            "timestamp": utc(self.timestamp),
            "expires": utc(self.expires),
            "errored": self.errored,
            "stack": self.stack,
            "account": self.account,
            "config_fingerprint": self.config_fingerprint,
            "git": self.git.document() if self.git else None,
            "state": {"lineage": self.lineage, "serial": self.serial},
            "destroy": self.destroy,
            "targets": list(self.targets),
            "adopt": self.adopt,
            "refresh_only": self.refresh_only,
            "resource_changes": [change.document(change.address.account) for change in listed],
            "resource_drift": [change.document(change.address.account) for change in self.drift],
            "operations": [operation.document() for operation in self.operations],
            "summary": self.summary,
            "credits": number,
            "forecast": self.forecast.document() if self.forecast else None,
            "balances": [balance.document() for balance in self.balances],
            "sends": {
                "campaigns": len(self.sends),
                "recipients": sum(send.recipients for send in self.sends),
                "messages": sum(send.texts for send in self.sends),
                **({"emails": emails} if emails else {}),
            },
            "in_doubt": [doubt.document() for doubt in self.doubts],
            "unknown": [str(address) for address in self.unknown],
            "overrides": self.override_documents(),
            "diagnostics": [diagnostic.document() for diagnostic in self.diagnostics],
        }

    def override_documents(self) -> list[dict[str, JSON]]:
        """Its overrides, each with the policies whose breaches it lets through."""
        return [
            override.document(item.policy for item in self.diagnostics if override in item.overrides)
            for override in self.overrides
        ]

    def _credits(self) -> dict[str, Number | None]:
        return {
            "master_before": self.master_before,
            "moved": self.moved,
            "spend_estimate": self.spend_estimate,
            "master_after": self.master_after,
        }
