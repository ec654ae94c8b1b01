"""From changes to a plan: operations with ids and order, limits checked, money added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from smsops.core.diff import Difference, dependencies, unknown_diagnostics
from smsops.core.graph import order
from smsops.core.policy import Terms, judged
from smsops.kinds.base import MASTER_INFO, MOST_STEPS, View
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.plan import NO_OP, Change, Doubt, Git, Operation, Plan
from smsops.model.resources import Present
from smsops.model.values import Number, digest, plural


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


def build(view: View, found: Difference, moved: Mapping[Address, Address], context: Context) -> Plan:
    """The plan for a complete difference. `moved` gives old addresses by new."""
    changes = {address: _with_move(change, moved) for address, change in found.changes.items()}
    addresses = view.addresses
    for new, old in moved.items():
        if new not in changes and new in addresses:
            changes[new] = Change(new, NO_OP, "moved", previous_address=old)
    _let_credits_come_back_first(changes, view)
    needs = {address: dependencies(address, view) for address in addresses}
    ordered = order(changes, needs, view.leaving)
    ids = {address: _operation_id(changes[address], context.key) for address in ordered}
    operations = tuple(
        Operation(
            ids[address],
            changes[address],
            tuple(sorted(ids[other] for other in ordered[address])),
            _step_ids(changes[address], context.key),
        )
        for address in ordered
    )
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
        operations=operations,
        unchanged=tuple(change for change in found.unchanged if change.address not in changes),
        doubts=tuple(Doubt(intent, view.evidence.get(intent.id, "")) for intent in found.doubts),
        unknown=tuple(sorted(found.unknown, key=lambda address: address.sort_key)),
        destroy=view.destroy,
        targets=context.targets,
        adopt=context.adopt,
        master_before=_master_balance(view),
    )
    view.diagnostics.extend(_limits(plan, view))
    diagnostics = tuple(view.diagnostics)
    errored = any(item.severity == "error" and item.blocks is None for item in diagnostics)
    return judged(plan._replace(diagnostics=diagnostics, errored=errored), view, context.terms)


def _with_move(change: Change, moved: Mapping[Address, Address]) -> Change:
    old = moved.get(change.address)
    return replace(change, previous_address=old) if old else change


def _operation_id(change: Change, key: str) -> str:
    what = [str(change.address), change.actions, change.method, change.content, change.steps]
    return digest(what, key=key, length=16)


def _step_ids(change: Change, key: str) -> tuple[str, ...]:
    if len(change.steps) > MOST_STEPS:
        return ()
    return tuple(digest([str(change.address), change.content, step], key=key, length=12) for step in change.steps)


def _let_credits_come_back_first(changes: dict[Address, Change], view: View) -> None:
    """Cancellations come before what is newly sent from the same account; debits before the credits that need them."""
    cancelled: dict[str | None, list[Address]] = {}
    for address, change in changes.items():
        if change.refund is not None and change.deletes:
            cancelled.setdefault(address.account, []).append(address)
    for address, change in changes.items():
        if change.send is not None and address.account in cancelled and "create" in change.actions:
            changes[address] = replace(change, follows=(*change.follows, *cancelled[address.account]))
    balance = _master_balance(view)
    out = sum((change.moves for change in changes.values() if change.moves > 0), start=0)
    if balance is None or out <= balance:
        return
    back = tuple(address for address, change in changes.items() if change.moves < 0)
    for address, change in changes.items():
        if change.moves > 0:
            changes[address] = replace(change, follows=(*change.follows, *(b for b in back if b != address)))


def _master_balance(view: View) -> Number | None:
    info = view.try_read(MASTER_INFO) if MASTER_INFO in view.results else None
    balance: Number | None = info.credits if info is not None else None
    return balance


def _limits(plan: Plan, view: View) -> list[Diagnostic]:
    """Whether the credits suffice."""
    found = _shortages(plan, view)
    if plan.master_after is not None and plan.master_after < 0 and (plan.moved > 0 or plan.spend_estimate > 0):
        found.append(
            Diagnostic(
                "error",
                "SMS253",
                f"The master account is short of {-plan.master_after:,} credits",
                f"It has {plan.master_before:,}. Buy credits, or move and send less.",
                blocks="plan",
            )
        )
    return found


def _shortages(plan: Plan, view: View) -> list[Diagnostic]:
    """Sub-accounts that would spend more than they have, credits moved and given back included."""
    found: list[Diagnostic] = []
    spends: dict[str, Number] = {}
    for send in plan.sends:
        if send.account is not None:
            spends[send.account] = spends.get(send.account, 0) + send.credits
    gains: dict[str | None, Number] = {}
    for change in plan.changes if spends else ():
        gain = change.moves + (change.refund or 0)
        gains[change.address.account] = gains.get(change.address.account, 0) + gain
    for account, spent in sorted(spends.items()):
        opener = Address(None, view.opener.name, account)
        owner = view.observe(opener)
        facts = owner.facts if isinstance(owner, Present) else {}
        if facts.get("postpaid"):
            continue
        left = facts.get("balance", 0) + gains.get(account, 0) - spent
        if left < 0:
            found.append(
                Diagnostic(
                    "error",
                    "SMS253",
                    f"The account {account} is short of {plural(-left, 'credit')}",
                    f"Its campaigns cost {spent:,}. A grant of {-left:,} would do.",
                    address=opener,
                    blocks="plan",
                )
            )
    return found
