"""`import`: what is declared and exists becomes owned as it is; nothing in the account changes."""

from __future__ import annotations

from collections.abc import Sequence

from smsops.core.graph import closure, dependencies
from smsops.errors import SmsopsError
from smsops.kinds.base import Kind
from smsops.kinds.view import Resource, View
from smsops.model.address import Address, matches
from smsops.model.diagnostics import did_you_mean
from smsops.model.plan import ADOPT, Change
from smsops.model.resources import Absent, Observation, Present

_WILDCARDS = "*?["


def chosen(view: View, patterns: Sequence[str]) -> dict[Address, bool]:
    """What is to be taken over: what the patterns name, with what stands inside its block, and what it needs.

    True where it must be there. SmsopsError where an address is not declared, or is owned already; what a glob names and is
    owned is not meant.
    """
    owned = view.state.entries.keys()
    found: dict[Address, bool] = {}
    for pattern in patterns:
        named = {address for address in view.desired if matches(address, [pattern])}
        if not named:
            known = [str(address) for address in view.desired]
            hint = did_you_mean(pattern, known) or "Write its block first, saying what the account has."
            raise SmsopsError(f"{pattern} is not in the configuration", code="SMS470", detail=hint)
        if named <= owned:
            hint = "smsops plan shows what would change."
            raise SmsopsError(f"This stack owns {pattern} already", code="SMS471", detail=hint)
        is_exact = not any(character in pattern for character in _WILDCARDS)
        for address in named - owned:
            if not is_exact and not view.kinds[address.kind].importable:
                continue
            found[address] = found.get(address, False) or is_exact
    for outer in list(found):
        for kind in view.kinds[outer.kind].embeds:
            inner = outer._replace(kind=kind)
            if inner in view.desired and inner not in owned:
                found.setdefault(inner, False)
    wanted = view.desired.keys()
    needs = {address: needed & wanted for address, needed in dependencies(view).items() if address in wanted}
    for address in closure((a for a in found if view.kinds[a.kind].importable), needs) - owned:
        found.setdefault(address, False)
    return found


def taken_over(
    kind: Kind, resource: Resource, observation: Observation, owner: Address | None, view: View
) -> Change | None:
    """The change that makes a resource owned as it is; None where there is nothing to take over, or it is refused.

    `owner` is the address under which this stack owns the same already.
    """
    address = resource.address
    assert view.imports is not None
    must = view.imports[address]
    if not kind.importable:
        if must:
            view.fail(
                address,
                "SMS473",
                f"{address} cannot be imported",
                f"The API does not tell {kind.unreturned}.",
            )
        return None
    if isinstance(observation, Absent):
        if must:
            hint = "Look whether its name is right; if it is to be new, smsops apply creates it."
            view.fail(address, "SMS472", f"{address} is not in the account", hint)
        return None
    assert isinstance(observation, Present)
    if owner is not None:
        view.fail(
            address,
            "SMS262",
            f'{address} is "{observation.identity}", which this stack owns as {owner}',
            f"To rename it, add moved: [{{from: {owner}, to: {address}}}].",
        )
        return None
    entry = kind.imported(resource, observation, view)
    return None if entry is None else Change(address, ADOPT, "adopted", {}, {}, entry=entry)
