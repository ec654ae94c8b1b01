"""Drift: what was changed outside of the configuration since the last apply.

Pure, as the comparison is: where it needs something that has not been read yet it says so (`reads`).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from smsops.kinds.view import AnyRead, View
from smsops.model.address import Address
from smsops.model.plan import FORGET, NO_OP, Change
from smsops.model.resources import CannotRead, NotReadYet, Unknown


@dataclass
class Drift:
    """What one pass over all owned resources found. It is all that there is only when `reads` is empty."""

    changes: list[Change] = field(default_factory=list)
    unknown: dict[Address, str] = field(default_factory=dict)
    reads: dict[AnyRead, None] = field(default_factory=dict)


def find(view: View, selected: AbstractSet[Address]) -> Drift:
    """The drift of the selected resources that are owned. What is in doubt, or cannot be read, has not drifted."""
    found = Drift()
    doubted = {intent.address for intent in view.state.intents.values()}
    owned = selected & view.state.entries.keys() - doubted
    for address in sorted(owned, key=lambda a: a.sort_key):
        resource, kind = view.resource(address), view.kinds[address.kind]
        try:
            observation = view.observe(address)
            if isinstance(observation, Unknown):
                found.unknown[address] = observation.reason
                continue
            change = kind.drift(resource, observation, view)
        except NotReadYet as missing:
            found.reads |= dict.fromkeys(missing.reads)
        except CannotRead as error:
            found.unknown[address] = str(error)
        else:
            if change is not None:
                found.changes.append(change._replace(content=[change.before, change.after]))
    return found


def recording(change: Change) -> Change:
    """The step that lets the state say what is there; the account is left as it is."""
    return change._replace(actions=FORGET if change.deletes else NO_OP)
