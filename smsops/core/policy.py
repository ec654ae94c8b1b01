"""Policies over a whole plan: limits, approval, a stack's own rules, and the overrides that let breaches through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from smsops.errors import SmsopsError
from smsops.kinds.view import View
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic, Mark, did_you_mean
from smsops.model.expression import CannotEvaluate, Evaluator, evaluator
from smsops.model.override import BY_FLAG, Override
from smsops.model.plan import Change, Plan
from smsops.model.policy import KindLimit, Policy, Rule
from smsops.model.values import Number, plural

Check = Callable[[Plan], Diagnostic | None]
"""Looks at the changes of a plan for one breach; an override for a part of them has it look at the others only."""


@dataclass(frozen=True)
class Terms:
    """What was agreed about a plan besides its policies."""

    overrides: tuple[Override, ...] = ()
    """Asked for by flags, or kept in the saved plan that is applied."""
    allowed: Mapping[Override, Mark] = field(default_factory=dict)
    """The entries of `policy.allow`, and their places."""
    approval: str = ""
    """What approves the plan, in words: the saved plan, an answer. Empty: nothing does so far."""
    places: Mapping[str, Mark] = field(default_factory=dict)
    """Where the stack's own rules stand, by name."""


def judged(plan: Plan, view: View, terms: Terms) -> Plan:
    """The plan with what policies say about it; SmsopsError where a flag names a policy that there is not.

    What kinds and limits refuse is judged first, so that a stack's own rules see it, and which overrides let it through.
    """
    policy: Policy = view.policy
    valid = [override for override in terms.allowed if not _is_expired(override, view)]
    overrides = tuple(dict.fromkeys((*terms.overrides, *valid)))
    found = [_let_through(item, overrides) for item in (*plan.diagnostics, *_shares(policy, plan))]
    found += [item for check in _checks(policy, plan, view, terms) if (item := _judged(check, plan, overrides))]
    if policy.rules:
        found += [
            _let_through(item, overrides) for item in _breaches(policy.rules, _with(plan, found, terms), view, terms)
        ]
    plan = _with(plan, found, terms)
    known = policy.names.union(item.policy for item in found if item.policy)
    if view.rulebook and any("/" in override.policy for override in (*terms.overrides, *terms.allowed)):
        known |= {f"{pack.pack}/{rule}" for pack in view.rulebook.packs for rule in pack.rules}
    notes = [*_about_flags(terms.overrides, found, known), *_about_allowed(terms, overrides, known, view)]
    return plan._replace(diagnostics=(*plan.diagnostics, *notes))


def _with(plan: Plan, found: Iterable[Diagnostic], terms: Terms) -> Plan:
    """The plan with diagnostics, and with the overrides that were asked for or let one of them through."""
    diagnostics = tuple(found)
    used = [override for item in diagnostics for override in item.overrides]
    return plan._replace(diagnostics=diagnostics, overrides=tuple(dict.fromkeys((*terms.overrides, *used))))


# -- overrides --------------------------------------------------------------------------------


def _is_expired(override: Override, view: View) -> bool:
    return override.until is not None and view.today > override.until


def _let_through(item: Diagnostic, overrides: Sequence[Override]) -> Diagnostic:
    """A refusal, which an override for its policy and its address turns into a warning."""
    for override in overrides if item.blocks else ():
        if override.names(item.policy) and (
            override.address is None or (item.address and override.covers(item.address))
        ):
            return item.overridden((override,))
    return item


def _judged(check: Check, plan: Plan, overrides: Sequence[Override]) -> Diagnostic | None:
    """What a check finds. Overrides for parts of the plan let it through where it finds nothing in the rest."""
    found = check(plan)
    if found is None or not found.blocks:
        return found
    mine = [override for override in overrides if override.names(found.policy)]
    for override in mine:
        if override.address is None:
            return found.overridden((override,))
    used: list[Override] = []
    for override in mine:
        rest = tuple(change for change in plan.changes if not override.covers(change.address))
        if len(rest) < len(plan.changes):
            used.append(override)
            plan = plan._replace(changes=rest)
            if check(plan) is None:
                return found.overridden(tuple(used))
    return found


def _about_flags(
    overrides: Iterable[Override], found: Sequence[Diagnostic], known: Collection[str]
) -> Iterator[Diagnostic]:
    for override in overrides:
        if override.by != BY_FLAG or any(override in item.overrides for item in found):
            continue
        if not any(override.names(policy) for policy in known):
            raise SmsopsError(
                f"--override {override.policy} names no policy",
                code="SMS413",
                detail=f"{did_you_mean(override.policy, known)}\n"
                "Protections, credits that do not suffice and mistakes cannot be overridden.",
            )
        yield Diagnostic(
            "warning", "SMS259", f"--override {override.policy} was not needed: the plan breaks no such policy"
        )


def _about_allowed(
    terms: Terms, overrides: Collection[Override], known: Collection[str], view: View
) -> Iterator[Diagnostic]:
    """What deserves a look among the entries of `policy.allow`: they are meant to be gone some day."""
    addresses = {*view.addresses, *view.changes} if terms.allowed else set()
    for override, mark in terms.allowed.items():
        if override not in overrides:
            summary = f"This entry of policy.allow expired on {override.until} and does nothing"
            yield Diagnostic("warning", "SMS258", summary, "Remove it, or agree on a new date.", mark)
        elif not any(override.names(policy) for policy in known):
            summary = f"policy.allow: {override.policy} names no policy"
            yield Diagnostic("warning", "SMS259", summary, did_you_mean(override.policy, known), mark)
        elif override.address is not None and not view.destroy and not any(map(override.covers, addresses)):
            summary = f"policy.allow: {override.address} names no resource"
            yield Diagnostic("warning", "SMS259", summary, "Correct the address, or remove the entry.", mark)


# -- limits -----------------------------------------------------------------------------------


def _checks(policy: Policy, plan: Plan, view: View, terms: Terms) -> Iterator[Check]:
    """Each limit that is set, on the plan as a whole or on all that it does to one kind."""
    if policy.max_credits_per_apply is not None:
        yield partial(_check_credits, "max_credits_per_apply", policy.max_credits_per_apply)
    if policy.max_recipients is not None:
        yield partial(_check_total, "max_recipients", policy.max_recipients, _recipients, "recipient")
    if policy.require_approval_over is not None:
        yield partial(_check_approval, policy.require_approval_over, terms.approval)
    owned = Counter(address.kind for address in view.state.entries)
    for name, limit in policy.limits():
        yield partial(_check_resources, name, limit, None, owned.total())
        for kind, own in limit.kinds.items():
            if view.kinds[kind].counts_people:
                yield partial(_check_people, name, own, kind)
            else:
                yield partial(_check_resources, name, own, kind, owned[kind])


def _credits(plan: Plan) -> Number:
    return max(plan.moved, 0) + plan.spend_estimate


def _recipients(plan: Plan) -> Number:
    return sum(send.recipients for send in plan.sends)


def _check_total(name: str, most: int, amount: Callable[[Plan], Number], noun: str, plan: Plan) -> Diagnostic | None:
    value = amount(plan)
    return _refusal(name, f"The plan has {plural(value, noun)}", f"{most:,}") if value > most else None


def _check_credits(name: str, most: int, plan: Plan) -> Diagnostic | None:
    """What nobody has a price for may cost anything: it breaks every limit."""
    return _refusal(name, f"The plan costs {_cost(plan)}", f"{most:,}") if _is_dear(plan, most) else None


def _is_dear(plan: Plan, most: int) -> bool:
    return _credits(plan) > most or bool(_unpriced(plan))


def _unpriced(plan: Plan) -> list[str]:
    return sorted({what for send in plan.sends for what in send.costs_unknown})


def _cost(plan: Plan) -> str:
    unpriced = _unpriced(plan)
    more = f" and what {', '.join(unpriced)} cost, which nobody tells" if unpriced else ""
    return f"{plural(_credits(plan), 'credit')}{more}"


def _check_approval(most: int, approval: str, plan: Plan) -> Diagnostic | None:
    policy = "require_approval_over"
    if not _is_dear(plan, most):
        return None
    summary = f"The plan costs {_cost(plan)}, and above {most:,} somebody has to approve it (policy {policy})"
    if approval:
        return Diagnostic("warning", "SMS255", summary, f"{approval} approves it.", policy=policy)
    detail = "Save the plan (plan -o FILE), review it and apply that file; or apply on a terminal and answer yes."
    return Diagnostic("error", "SMS255", summary, detail, blocks="apply", policy=policy)


def _deletes(change: Change) -> bool:
    return change.deletes or change.recreates


def _updates(change: Change) -> bool:
    return "update" in change.actions and not change.recreates


class _Counted(NamedTuple):
    """What a limit by kind counts: which changes, and of a list's people those whom this number is about."""

    noun: str
    counts: Callable[[Change], bool]
    people: str
    verb: str


_COUNTED = {
    "max_deletes": _Counted("delete", _deletes, "remove", "loses"),
    "max_updates": _Counted("update", _updates, "change", "changes"),
}


def _check_resources(name: str, limit: KindLimit, kind: str | None, size: int, plan: Plan) -> Diagnostic | None:
    """The resources that change, of one kind or of all, against how many of them the stack owns."""
    counted = _COUNTED[name]
    value = sum(1 for change in plan.changes if kind in (None, change.address.kind) and counted.counts(change))
    what = f"The plan has {plural(value, counted.noun)}{f' of {kind} resources' if kind else ''}"
    if limit.count is not None and value > limit.count:
        return _refusal(name, what, f"{limit.count:,}")
    return (
        _refusal(name, f"{what}, of {size:,} owned", f"{limit.percent:g} %") if _too_many(limit, value, size) else None
    )


def _check_people(name: str, limit: KindLimit, kind: str, plan: Plan) -> Diagnostic | None:
    """The people who are removed or changed, in all lists together."""
    counted = _COUNTED[name]
    value = sum(
        getattr(change.contacts, counted.people)
        for change in plan.changes
        if change.contacts and change.address.kind == kind
    )
    if limit.count is None or value <= limit.count:
        return None
    return _refusal(name, f"The plan has {plural(value, counted.noun)} of contacts", f"{limit.count:,}")


def _shares(policy: Policy, plan: Plan) -> Iterator[Diagnostic]:
    """The share of people who are removed or changed, list by list: a large list hides nothing of a small one."""
    for name, limit in policy.limits():
        counted = _COUNTED[name]
        for change in plan.changes if limit.kinds else ():
            own, counts = limit.kinds.get(change.address.kind), change.contacts
            if own is None or counts is None or counts.before is None:
                continue
            value: int = getattr(counts, counted.people)
            if _too_many(own, value, counts.before):
                what = f"{change.address} {counted.verb} {value:,} of its {plural(counts.before, 'contact')}"
                yield _refusal(name, what, f"{own.percent:g} %", change.address)


def _too_many(limit: KindLimit, value: int, size: int) -> bool:
    return limit.percent is not None and size >= limit.min_size and value * 100 > limit.percent * size


def _refusal(policy: str, what: str, allowed: str, address: Address | None = None) -> Diagnostic:
    summary = f"{what}; the policy {policy} allows {allowed}"
    detail = "Split the change, raise the limit in policy:, or let it through: --override, or policy.allow."
    return Diagnostic("error", "SMS252", summary, detail, address=address, blocks="plan", policy=policy)


# -- a stack's own rules ----------------------------------------------------------------------


def _breaches(rules: Sequence[Rule], plan: Plan, view: View, terms: Terms) -> Iterator[Diagnostic]:
    evaluate = evaluator({"plan": plan.document(), "now": view.local_now})
    for rule in rules:
        said = _said_by(rule, evaluate)
        if said is None:
            continue
        refusal = Diagnostic("error", *said, mark=terms.places.get(rule.name), blocks="plan", policy=rule.name)
        yield refusal if rule.level == "error" else refusal._replace(severity="warning", blocks=None)


def _said_by(rule: Rule, evaluate: Evaluator) -> tuple[str, str, str] | None:
    """Code, summary and detail of what a rule objects to. One without a clear answer objects."""
    try:
        denied = evaluate(rule.deny)
    except CannotEvaluate as error:
        detail = "The names are plan and now, and what the plan document has; guard what may be absent with has(…)."
        return "SMS257", f"The rule {rule.name} cannot be evaluated: {error}", detail
    if not isinstance(denied, bool):
        return "SMS257", f"The rule {rule.name} is neither true nor false of this plan", "deny: is a condition."
    why = f": {rule.message}" if rule.message else ""
    verb = "refuses" if rule.level == "error" else "objects to"
    way_out = (
        f"It is one of policy.rules; --override {rule.name} lets this plan through." if rule.level == "error" else ""
    )
    return ("SMS256", f"The rule {rule.name} {verb} the plan{why}", way_out) if denied else None
