"""Which pack decides: those that a stack names, in their order, and behind them the ones that are always there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from smsops.rules.pack import Pack

DEFAULTS = ("fr-strict", "us-tcpa", "default")
"""The packs that are asked after all that a stack names; the last one is for everybody, at any time."""

PACKS = Path(__file__).parent / "packs"


def built_in_names() -> list[str]:
    """The names of the packs that come with smsops."""
    return sorted(path.stem for path in PACKS.glob("*.yaml"))


@dataclass(frozen=True)
class Rulebook:
    """Packs in the order in which they are asked; none is read before the first question."""

    names: tuple[str, ...]
    read: Callable[[str], Pack]

    @cached_property
    def packs(self) -> tuple[Pack, ...]:
        return tuple(self.read(name) for name in self.names)

    def pack_for(self, country: str, day: date) -> Pack:
        """The first pack that is for a country and valid on the day, on the recipient's calendar, of sending."""
        return next(pack for pack in self.packs if pack.covers(country, day))


def rulebook(names: Sequence[str], own: Mapping[str, Pack], built_in: Callable[[str], Pack]) -> Rulebook:
    """The book of a stack that names some packs; `own` are the stack's, and `built_in` reads one of ours."""
    return Rulebook((*names, *DEFAULTS), lambda name: own[name] if name in own else built_in(name))
