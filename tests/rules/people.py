"""Recipients of the tests, by where they are, and books of packs."""

from __future__ import annotations

from datetime import datetime

from smsops.config.rule_packs import built_in
from smsops.model.phone import Place, place_of
from smsops.rules.judge import Breach, judge
from smsops.rules.rulebook import Rulebook, rulebook

PHONES = {
    "Paris": "33612345678",
    "Réunion": "262692123456",
    "Mayotte": "262639123456",
    "Martinique": "596696123456",
    "Guadeloupe": "590690123456",
    "Guyane": "594694123456",
    "New York": "12125550123",
    "Phoenix": "16025550123",
    "Berlin": "491711234567",
    "Tokyo": "819012345678",
    "Australia": "61412345678",
    "Canada": "14165550123",
}
PLACES = {name: place_of(digits) for name, digits in PHONES.items()}


def book(*names: str) -> Rulebook:
    """The book of a stack that names some of the packs that come with smsops."""
    return rulebook(names, {}, built_in)


def breaches(rules: Rulebook, moment: str, *names: str, stop: bool = True, sender: str | None = None) -> list[Breach]:
    """What a message to one person in each of some places breaks."""
    people: dict[Place, int] = {PLACES[name]: 1 for name in names}
    return judge(rules, datetime.fromisoformat(moment), people, text_ends_with_stop=stop, sender=sender)


def broken(rules: Rulebook, moment: str, *names: str, stop: bool = True, sender: str | None = None) -> dict[str, str]:
    """The names of the broken rules, with their levels."""
    return {breach.rule: breach.level for breach in breaches(rules, moment, *names, stop=stop, sender=sender)}
