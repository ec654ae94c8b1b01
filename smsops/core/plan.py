"""From changes to a plan: operations with ids and order, limits checked, money added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from smsops.core import drift, money
from smsops.core.diff import Difference, unknown_diagnostics
from smsops.core.graph import dependencies, order, waits
from smsops.core.policy import Terms, judged
from smsops.kinds.view import View
from smsops.model.address import Address
from smsops.model.plan import NO_OP, Change, Doubt, Git, Operation, Plan


@dataclass(frozen=True)
class Context:
    """What a plan is made of besides changes: where it comes from, and how long it holds."""

    stack: str
    account: str | None
    expires: datetime
    version: str
    config_fingerprint: str
    git: Git | None
    key: str
    """Keys the ids of operations: known to whoever may plan, not in the plan."""
    targets: tuple[str, ...] = ()
    adopt: bool = False
    terms: Terms = field(default_factory=Terms)


def build(
    view: View, found: Difference, drifted: drift.Drift, moved: Mapping[Address, Address], context: Context
) -> Plan:
    """The plan for a complete difference. `moved` gives old addresses by new."""
    changes = {address: _with_move(change, moved) for address, change in found.changes.items()}
    addresses = view.addresses
    for new, old in moved.items():
        if new not in changes and new in addresses:
            changes[new] = Change(new, NO_OP, "moved", previous_address=old)
    _let_cancellations_come_first(changes)
    graph = waits(changes, dependencies(view), view.leaving)
    accounts = money.accounts(changes.values(), view)
    money.arrange(graph, accounts)
    ordered = order(graph)
    operations: dict[Address, Operation] = {}
    for address, needs in ordered.items():
        operations[address] = Operation(changes[address], tuple(operations[need] for need in needs), context.key)
    recorded: list[Operation] = []
    if view.refresh_only:
        found.unknown |= drifted.unknown
        recorded = [Operation(drift.recording(change), key=context.key) for change in drifted.changes]
    view.diagnostics.extend(unknown_diagnostics(found, view))
    plan = Plan(
        stack=context.stack,
        account=context.account,
        timestamp=view.now,
        expires=context.expires,
        version=context.version,
        config_fingerprint=context.config_fingerprint,
        git=context.git,
        lineage=view.state.lineage if view.state.serial else None,
        serial=view.state.serial,
        changes=tuple(sorted(changes.values(), key=lambda change: change.address.sort_key)),
        operations=(*operations.values(), *recorded),
        unchanged=tuple(change for change in found.unchanged if change.address not in changes),
        doubts=tuple(Doubt(intent, view.evidence.get(intent.id, "")) for intent in found.doubts),
        unknown=tuple(sorted(found.unknown, key=lambda address: address.sort_key)),
        destroy=view.destroy,
        targets=context.targets,
        adopt=context.adopt,
        drift=tuple(drifted.changes),
        refresh_only=view.refresh_only,
        master_before=view.funds(None).balance,
        balances=tuple(account.told for account in accounts),
    )
    if not view.refresh_only:
        plan = plan._replace(forecast=money.forecast(plan, view))
    view.diagnostics.extend(money.prove(accounts, ordered, view))
    diagnostics = tuple(view.diagnostics)
    errored = any(item.severity == "error" and item.blocks is None for item in diagnostics)
    return judged(plan._replace(diagnostics=diagnostics, errored=errored), view, context.terms)


def _with_move(change: Change, moved: Mapping[Address, Address]) -> Change:
    old = moved.get(change.address)
    return change._replace(previous_address=old) if old else change


def _let_cancellations_come_first(changes: dict[Address, Change]) -> None:
    """What is newly sent may be what is cancelled, under another name or in another account: it waits, and is not sent where
    that fails."""
    cancelled = [address for address, change in changes.items() if change.refund is not None and change.deletes]
    if not cancelled:
        return
    by_account: dict[str | None, list[Address]] = {}
    by_name: dict[str, list[Address]] = {}
    for address in cancelled:
        by_account.setdefault(address.account, []).append(address)
        by_name.setdefault(address.name, []).append(address)
    for address, change in changes.items():
        if change.send is not None and "create" in change.actions:
            before = dict.fromkeys((*by_account.get(address.account, ()), *by_name.get(address.name, ())))
            if before:
                changes[address] = change._replace(follows=(*change.follows, *before))
                for other in before:
                    changes[other] = changes[other]._replace(awaited=True)
