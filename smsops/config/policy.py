"""The `policy` section beside the files that it stands in: the kinds that it names, and the places of its entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from smsops.config.yaml import key_mark_at, mark_at
from smsops.model.diagnostics import Diagnostics, Mark, did_you_mean
from smsops.model.override import Override
from smsops.model.policy import Policy
from smsops.model.shown import mask_text


def check_kinds(policy: Policy, kinds: Iterable[str], tree: Any, diagnostics: Diagnostics) -> None:
    """Report limits on kinds that there are not."""
    known = set(kinds)
    for name, limit in policy.limits():
        for kind in limit.kinds:
            if kind not in known:
                mark = key_mark_at(tree, ("policy", name, "kinds", kind))
                what = f"policy.{name}.kinds: there is no kind {kind}"
                diagnostics.error("SMS112", what, detail=did_you_mean(kind, known), mark=mark)


def allowed(policy: Policy, tree: Any) -> dict[Override, Mark]:
    """The entries of `policy.allow`, and their places."""
    found: dict[Override, Mark] = {}
    for position, entry in enumerate(policy.allow):
        mark = _place(tree, "allow", position)
        found[Override(entry.policy, mask_text(entry.reason), str(mark), entry.address, entry.until)] = mark
    return found


def rule_marks(policy: Policy, tree: Any) -> dict[str, Mark]:
    """The places of the stack's own rules, by name."""
    return {rule.name: _place(tree, "rules", position) for position, rule in enumerate(policy.rules)}


def _place(tree: Any, section: str, position: int) -> Mark:
    mark = mark_at(tree, ("policy", section, position))
    assert mark is not None
    return mark
