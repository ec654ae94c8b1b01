"""What must change: every wanted and owned resource compared with what the account has.

The comparison is pure. Where it needs something that has not been read yet it says so
(`reads`); the caller makes the reads and asks again, until nothing is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from smsops.core.graph import closure, dependencies
from smsops.core.takeover import taken_over
from smsops.kinds.base import Kind
from smsops.kinds.view import AnyRead, Resource, View
from smsops.model.address import Address, matches, stands_in
from smsops.model.diagnostics import Diagnostic, Diagnostics
from smsops.model.plan import ADOPT, CREATE, DELETE, FORGET, NO_OP, UNREADABLE, UPDATE, Change
from smsops.model.resources import Absent, CannotRead, NotReadYet, Present, Read, Unknown
from smsops.model.state import Intent


@dataclass
class Difference:
    """What one pass over all resources found. It counts only when `reads` is empty."""

    changes: dict[Address, Change] = field(default_factory=dict)
    unchanged: list[Change] = field(default_factory=list)
    unknown: dict[Address, str] = field(default_factory=dict)
    doubts: list[Intent] = field(default_factory=list)
    reads: dict[AnyRead, None] = field(default_factory=dict)


def select(view: View, targets: Sequence[str]) -> frozenset[Address]:
    """The resources that a plan is about: all, or the targets with what they need or what needs them.

    What is wanted takes along what it depends on; what is leaving takes along what depends on it.
    """
    addresses = view.addresses
    if not targets:
        return frozenset(addresses)
    chosen = {address for address in addresses if matches(address, targets)}
    needs = {address: needed & addresses for address, needed in dependencies(view).items()}
    needed_by: dict[Address, set[Address]] = {address: set() for address in addresses}
    for address, others in needs.items():
        for other in others:
            needed_by[other].add(address)
    wanted = {address for address in chosen if address in view.desired}
    leaving = chosen - wanted
    return frozenset(closure(wanted, needs) | closure(leaving, needed_by))


def doubts(view: View, selected: frozenset[Address]) -> list[Intent]:
    """The calls in doubt about the selected resources, in the order of a plan."""
    intents = [intent for intent in view.state.intents.values() if intent.address in selected]
    return sorted(intents, key=lambda intent: intent.address.sort_key)


def compare(view: View, selected: frozenset[Address], forgotten: frozenset[Address]) -> Difference:
    """One pass: the changes of the selected resources, and the reads that are still missing.

    `forgotten` are owned resources to be forgotten, not deleted.
    """
    judging = _Pass(view, forgotten)
    pending: set[Address] = set()
    needs = dependencies(view)
    for address in _in_order(view, selected):
        if pending and address in view.desired and needs[address] & pending:
            pending.add(address)  # what it depends on is not known yet: what it would ask for may be wrong
        elif reads := judging.missing(address):
            judging.found.reads |= dict.fromkeys(reads)
            pending.add(address)
    _keep_from_doubt_and_unknown(view, judging.found)
    return judging.found


def _in_order(view: View, selected: frozenset[Address]) -> tuple[Address, ...]:
    """Leaving resources first, those that others stand in last; then wanted ones, in the order of the kinds."""
    return view.once(_in_order, (selected, view.leaving, view.desired), lambda: _sorted(view, selected))


def _sorted(view: View, selected: frozenset[Address]) -> tuple[Address, ...]:
    rank = {name: position for position, name in enumerate(view.kinds)}
    leaving = sorted(view.leaving, key=lambda a: (-rank[a.kind], a.sort_key))
    wanted = sorted(
        (address for address in selected if address in view.desired), key=lambda a: (rank[a.kind], a.sort_key)
    )
    return (*leaving, *wanted)


class Search:
    """The reads that a comparison will need, found as answers arrive, so that no read waits for one that it does not need.

    What is found on the way does not count: the order in which answers arrive is not one to plan in. `compare` decides,
    and asks for what is still missing. So whatever nothing else waits for is left to it as soon as its reads are there.
    A read may be named more than once.
    """

    def __init__(self, view: View, selected: frozenset[Address], forgotten: frozenset[Address]) -> None:
        self._view = view
        self._pass = _Pass(view, forgotten)
        self._order = _in_order(view, selected)
        self._awaits: dict[Address, set[AnyRead]] = {}
        """What has asked for reads that have not arrived."""
        self._awaited: dict[AnyRead, list[Address]] = {}
        among = set(self._order)
        depends = dependencies(view)
        self._needs = {a: set(depends[a] & among) if a in view.desired else set() for a in self._order}
        self._foreseen: dict[Address, Sequence[AnyRead]] = {}
        self._needed_by: dict[Address, list[Address]] = {}
        for address, needs in self._needs.items():
            for need in needs:
                self._needed_by.setdefault(need, []).append(address)

    def start(self) -> Iterator[AnyRead]:
        """The reads to begin with."""
        return self._look(deque(address for address in self._order if not self._needs[address]))

    def foreseen(self) -> Iterator[AnyRead]:
        """The reads that are needed if the account still is as the state has it, and need not wait for it to say so.

        To be gone through before any read is said to have arrived. Nothing more is then looked for behind them.
        """
        for address in self._order:
            reads = self._pass.foreseen(address)
            if reads:
                self._foreseen[address] = reads
                yield from reads

    def forget_vain(self) -> None:
        """Forget the failures of reads of what turned out not to be there: they say nothing of what may be made there."""
        for address, reads in self._foreseen.items():
            if isinstance(self._view.observed.get(address), Absent):
                for read in reads:
                    if isinstance(read, Read) and isinstance(self._view.results.get(read), Exception):
                        del self._view.results[read]

    def arrived(self, read: AnyRead) -> Iterator[AnyRead]:
        """The reads that can be made now that this one has a result, each found when it is asked for.

        To be gone through to its end before another read is said to have arrived.
        """
        complete: deque[Address] = deque()
        for address in self._awaited.pop(read, ()):
            self._awaits[address].discard(read)
            if not self._awaits[address] and address in self._needed_by:
                complete.append(address)
        return self._look(complete)

    def _look(self, waiting: deque[Address]) -> Iterator[AnyRead]:
        while waiting:
            address = waiting.popleft()
            reads = () if address in self._foreseen else self._pass.sketched(address)
            if reads:
                self._awaits[address] = set(reads)
                for read in reads:
                    self._awaited.setdefault(read, []).append(address)
                yield from reads
                continue
            for other in self._needed_by.get(address, ()):
                self._needs[other].discard(address)
                if not self._needs[other]:
                    waiting.appendleft(other)


class _Pass:
    """Resources judged one after the other; each is to come after those that it depends on."""

    def __init__(self, view: View, forgotten: frozenset[Address]) -> None:
        view.changes.clear()
        view.changed_in.clear()
        view.stuck.clear()
        view.diagnostics = Diagnostics()
        self.found = Difference(changes=view.changes)
        self._view = view
        self._doubted: dict[Address, list[Intent]] = {}
        for intent in view.state.intents.values():
            self._doubted.setdefault(intent.address, []).append(intent)
        self._forgotten = forgotten
        self._owners = {
            (entry.address.account, entry.address.kind, entry.identity): entry.address
            for entry in view.state.entries.values()
            if view.kinds[entry.address.kind].adoptable
        }

    def foreseen(self, address: Address) -> Sequence[AnyRead]:
        view = self._view
        if address not in view.state.entries or address not in view.desired or address in self._doubted:
            return ()
        return view.kinds[address.kind].foreseen(view.resource(address), view)

    def missing(self, address: Address) -> tuple[AnyRead, ...]:
        """Judge a resource; the reads that have to be made first, if any."""
        doubts = self._doubted.get(address)
        if doubts:
            self.found.doubts += doubts
            return ()
        try:
            _judge(address, self._view, self.found, self._forgotten, self._owners)
        except NotReadYet as missing:
            return missing.reads
        except CannotRead as error:
            self.found.unknown[address] = str(error)
        return ()

    def sketched(self, address: Address) -> tuple[AnyRead, ...]:
        """The reads that `missing` would name, at less cost where a kind says that these are all in the observation."""
        view = self._view
        kind = view.kinds[address.kind]
        is_known = address in view.state.entries
        reads_all = kind.observing_reads_all or (kind.creating_reads_nothing and not is_known)
        if address not in view.desired or not reads_all or address in self._doubted:
            return self.missing(address)
        try:
            observation = view.observe(address)
        except NotReadYet as missing:
            return missing.reads
        if isinstance(observation, Present) and not is_known:
            return self.missing(address)  # whether it is taken over, or made anew behind another one, is to be judged
        if isinstance(observation, Absent):
            view.decide(Change(address, CREATE, "absent_from_account"))
        return ()


def _judge(
    address: Address,
    view: View,
    found: Difference,
    forgotten: frozenset[Address],
    owners: dict[tuple[str | None, str, str], Address],
) -> None:
    resource = view.resource(address)
    kind = view.kinds[address.kind]
    if address in forgotten and _is_unfinished(address, view):
        view.warn(
            address,
            "SMS267",
            f"{address} is not forgotten yet: a change of it has not finished, and contacts are only in its backup",
            f"Put its block back and apply; then it can be forgotten. To give these contacts up: smsops state rm --force {address}",
        )
        return
    if address in forgotten:
        view.decide(Change(address, FORGET, "removed_block", {}, None))
        return
    observation = view.observe(address)
    if isinstance(observation, Unknown):
        found.unknown[address] = observation.reason
        return
    if view.imports is not None:
        identity = observation.identity if isinstance(observation, Present) else ""
        change = taken_over(kind, resource, observation, owners.get((address.account, address.kind, identity)), view)
        if change is not None:
            view.decide(change)
        return
    follows: tuple[Address, ...] = ()
    if resource.desired is None:
        change = kind.delete(resource, observation, view)
        if change is None and isinstance(observation, Absent):
            change = Change(address, FORGET, "absent_from_account", {}, None)
    elif isinstance(observation, Absent):
        change = kind.create(resource, view)
    elif resource.entry is not None or not kind.adoptable:
        change = kind.update(resource, observation, view) if resource.entry else kind.create(resource, view)
    else:
        owner = owners.get((address.account, address.kind, observation.identity))
        if owner is not None and owner in view.leaving:
            change, follows = kind.create(resource, view), (owner,)
        else:
            change = _adopt(kind, resource, observation, owner, view)
    change = _with_guard(resource, change, view)
    if change is None:
        found.unchanged.append(Change(address, NO_OP, "matches"))
        return
    view.decide(change._replace(follows=(*change.follows, *follows)) if follows else change)
    if change.deletes and resource.entry and resource.entry.protect:
        _refuse_protected(resource, change, view)


def _is_unfinished(address: Address, view: View) -> bool:
    """Whether a change of a resource, or of what stands in it, has not finished and left contacts in a backup."""
    kind = view.kinds[address.kind]
    return any(
        stands_in(entry.address, address, opens_account=kind.opens_account, embeds=kind.embeds)
        for entry in view.state.entries.values()
        if entry.backup
    )


def _adopt(kind: Kind, resource: Resource, present: Present, owner: Address | None, view: View) -> Change | None:
    """A resource that exists and is not owned: an error, or taken over where that was said."""
    want = resource.want
    if owner is not None:
        view.fail(
            resource.address,
            "SMS262",
            f'{resource.address} is "{present.identity}", which this stack owns as {owner}',
            f"To rename it, add moved: [{{from: {owner}, to: {resource.address}}}].",
        )
        return None
    adopt = "always" if view.adopt_all else want.guard.adopt
    if adopt == "never":
        view.fail(
            resource.address,
            "SMS260",
            f'{resource.address} exists already ("{present.identity}") and this stack does not own it',
            f"Take it over: smsops import {resource.address}, or lifecycle: {{adopt: if_identical}}. Or give it another name.",
        )
        return None
    before = len(view.diagnostics.items)
    change = kind.update(resource, present, view)
    if change is not None and change.actions != ADOPT and adopt == "if_identical":
        del view.diagnostics.items[before:]
        names = ", ".join(sorted(change.before or {})) or "something"
        view.fail(
            resource.address,
            "SMS261",
            f"{resource.address} exists already and differs in {names}",
            "Make the block say what is there, or adopt it with lifecycle: {adopt: always}.",
        )
        return None
    return change


def _with_guard(resource: Resource, change: Change | None, view: View) -> Change | None:
    """Protection is part of the state: turning it on or off is a change, even when nothing else is."""
    desired, entry = resource.desired, resource.entry
    if desired is None or entry is None or entry.protect == desired.guard.protect:
        return change
    before, after = {"protect": entry.protect}, {"protect": desired.guard.protect}
    if change is None:
        guarded = entry._replace(protect=desired.guard.protect)
        return Change(resource.address, UPDATE, "configuration_changed", before, after, entry=guarded)
    return change._replace(before={**(change.before or {}), **before}, after={**(change.after or {}), **after})


def _refuse_protected(resource: Resource, change: Change, view: View) -> None:
    verb = "replaced" if change.actions != DELETE else "deleted"
    view.block(
        resource.address,
        "SMS263",
        f"{resource.address} is protected and would be {verb}",
        "Set lifecycle: {protect: false}, apply that, and then remove it.",
        only_apply=True,
    )


def _keep_from_doubt_and_unknown(view: View, found: Difference) -> None:
    """What depends on something unknown or in doubt is not planned either; what would remove it neither."""
    _keep_from_double_sending(view, found, view.stuck, is_doubt=False)
    doubted = {intent.address for intent in found.doubts}
    troubled = doubted | set(found.unknown)
    if not troubled:
        return
    needs = dependencies(view)
    _keep_from_double_sending(view, found, doubted - view.desired.keys())
    above: dict[Address, set[Address]] = {}
    for other in troubled:
        for address in closure({other}, needs) & view.leaving:
            above.setdefault(address, set()).add(other)
    for address in list(found.changes):
        reached = closure({address}, needs) - {address}
        cause = min((reached & troubled) | above.get(address, set()), key=lambda a: a.sort_key, default=None)
        if cause is None:
            continue
        del found.changes[address]
        if cause not in doubted:
            found.unknown[address] = f"it depends on {cause}, which could not be read"
        else:
            view.warn(address, "SMS265", f"{address} waits: it depends on {cause}, which is in doubt")


def _keep_from_double_sending(
    view: View, found: Difference, gone: AbstractSet[Address], *, is_doubt: bool = True
) -> None:
    """What the configuration no longer has, and may be sent all the same, may be there under another key or in another
    account: nothing new is sent yet."""
    by_account = {(other.account, other.kind): other for other in gone}
    by_name = {(other.name, other.kind): other for other in gone}
    for address, change in list(found.changes.items()):
        cause = by_account.get((address.account, address.kind)) or by_name.get((address.name, address.kind))
        if cause is None or change.send is None or "create" not in change.actions:
            continue
        del found.changes[address]
        move = f"If it is the same under another key, add moved: [{{from: {cause}, to: {address}}}]."
        if is_doubt:
            summary = f"{address} waits: {cause} is in doubt and no longer in the configuration"
            detail = f"{move} Else settle it: smsops resolve {cause}"
        else:
            summary = (
                f"{address} waits: {cause}, no longer in the configuration, may still be sent and cannot be cancelled"
            )
            detail = (
                f"{move} Else cancel it in the customer area, and let it go: smsops state rm {cause}; or tell its id: "
                f"smsops resolve {cause} --happened --campaign-id ID"
            )
        view.warn(address, "SMS265", summary, detail)


def unknown_diagnostics(found: Difference, view: View) -> Iterable[Diagnostic]:
    """One error for each reason why something could not be read."""
    by_reason: dict[str, list[Address]] = {}
    for address, reason in found.unknown.items():
        by_reason.setdefault(reason, []).append(address)
    for reason, addresses in by_reason.items():
        named = ", ".join(str(address) for address in sorted(addresses, key=lambda a: a.sort_key)[:5])
        more = f" and {len(addresses) - 5} more" if len(addresses) > 5 else ""
        yield Diagnostic(
            "error",
            UNREADABLE,
            f"Could not be read: {named}{more}",
            f"{reason}. Nothing about {'it' if len(addresses) == 1 else 'them'} is planned.",
            address=addresses[0] if len(addresses) == 1 else None,
        )
