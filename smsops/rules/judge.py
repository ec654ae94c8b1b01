"""What a marketing message breaks where its recipients are, and when it could go out instead. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from smsops.model.phone import Place
from smsops.rules.pack import RECIPIENT, Level, Rule
from smsops.rules.public_holidays import holiday
from smsops.rules.rulebook import Rulebook

STEP = timedelta(minutes=15)
HORIZON = timedelta(days=60)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MOST_SHOWN = 3
_SENDER = {
    "has_letter": "the sender has no letter",
    "no_blank": "the sender has a blank",
    "no_letter": "a sender with letters is not supported",
}


class Breach(NamedTuple):
    """One broken rule, with everybody it is broken for.

    `text` says what is wrong, as the rest of a sentence behind a colon; it has no phone number in it.
    `places` are in the order of their people, and `people` are those of all of them.
    """

    pack: str
    rule: str
    level: Level
    text: str
    source: str
    places: tuple[Place, ...]
    people: int
    is_about_time: bool = True
    """Whether another time would be better."""


class _Fault(NamedTuple):
    """What breaks a rule (``07:00``), where (``Europe/Paris``), and what is to be said around it."""

    what: str
    where: str
    sentence: str


@dataclass
class _Found:
    rule: Rule
    sentence: str
    places: dict[Place, int] = field(default_factory=dict)
    faults: dict[str, dict[str, None]] = field(default_factory=dict)


def judge(
    book: Rulebook,
    moment: datetime,
    people: Mapping[Place, int],
    *,
    text_ends_with_stop: bool,
    sender: str | None,
) -> list[Breach]:
    """What a marketing message at an instant breaks, errors first; each rule once, however many places break it."""
    found: dict[tuple[str, str], _Found] = {}
    for place, count in sorted(people.items(), key=lambda item: (-item[1], item[0])):
        for zone in place.zones:
            local = _clock(moment, zone)
            pack = book.pack_for(place.country, local.date())
            rules = pack.rules_of(place.country)
            faults = [*_time_faults(rules, place.country, zone, local)]
            faults += _message_faults(rules, text_ends_with_stop, sender)
            for (name, rule), fault in faults:
                group = found.setdefault((pack.pack, name), _Found(rule, fault.sentence))
                group.places[place] = count
                group.faults.setdefault(fault.what, {})[fault.where] = None
    breaches = [
        Breach(
            pack,
            name,
            group.rule.level,
            _text(group),
            group.rule.source,
            (*group.places,),
            sum(group.places.values()),
            is_about_time=not (group.rule.stop or group.rule.sender),
        )
        for (pack, name), group in found.items()
    ]
    return sorted(breaches, key=lambda breach: breach.level != "error")


def next_slot(book: Rulebook, moment: datetime, places: Collection[Place]) -> datetime | None:
    """The first quarter of an hour (UTC), at `moment` or later, at which no rule about times is broken in any place.

    Rules that only warn count too. None where there is no such time within 60 days.
    """
    zones = list(dict.fromkeys((place.country, zone) for place in places for zone in place.zones))
    slot = moment.astimezone(UTC)
    slot += -(slot - datetime(2000, 1, 1, tzinfo=UTC)) % STEP
    while slot <= moment + HORIZON:
        closed = next((at for at in zones if not _is_open(book, slot, *at)), None)
        if closed is None:
            return slot
        zones.remove(closed)
        zones.insert(0, closed)  # it is likely to be closed in a quarter of an hour, too
        slot += STEP
    return None


def _is_open(book: Rulebook, moment: datetime, country: str, zone: str) -> bool:
    local = _clock(moment, zone)
    rules = book.pack_for(country, local.date()).rules_of(country)
    return next(_time_faults(rules, country, zone, local), None) is None


def _clock(moment: datetime, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    return moment.astimezone(ZoneInfo(zone))


def _time_faults(
    rules: Sequence[tuple[str, Rule]], country: str, zone: str, local: datetime
) -> Iterator[tuple[tuple[str, Rule], _Fault]]:
    """The rules that are broken by the time it is. Of several about holidays the first one stands for all."""
    clock, weekday, is_holiday = f"{local:%H:%M}", _WEEKDAYS[local.weekday()], False
    for entry in rules:
        rule = entry[1]
        if rule.hours and not rule.hours[0] <= clock < rule.hours[1]:
            yield entry, _Fault(clock, zone, f"it is {{}}, outside {rule.hours[0]}-{rule.hours[1]}")
        if rule.quiet_days and weekday.lower() in rule.quiet_days:
            yield entry, _Fault(weekday, zone, "it is {}")
        if rule.quiet_holidays and not is_holiday:
            for calendar in rule.quiet_holidays:
                calendar = country if calendar == RECIPIENT else calendar
                name = holiday(calendar, local.date())
                if name is not None:
                    is_holiday = True
                    yield entry, _Fault(name, calendar, "it is {}, a public holiday")


def _message_faults(
    rules: Sequence[tuple[str, Rule]], text_ends_with_stop: bool, sender: str | None
) -> Iterator[tuple[tuple[str, Rule], _Fault]]:
    for entry in rules:
        rule = entry[1]
        if rule.stop and not text_ends_with_stop:
            yield entry, _Fault("", "", "the message does not end with the STOP mention")
        if rule.sender and sender is not None:
            has_letter = any(character.isalpha() for character in sender)
            has_blank = any(character.isspace() for character in sender)
            is_right = {"has_letter": has_letter, "no_blank": not has_blank, "no_letter": not has_letter}
            if not is_right[rule.sender]:
                yield entry, _Fault("", "", _SENDER[rule.sender])


def _text(found: _Found) -> str:
    shown = [f"{what} in {_listed([*wheres])}" for what, wheres in found.faults.items()]
    return found.sentence.format(_listed(shown))


def _listed(items: Sequence[str]) -> str:
    if len(items) > _MOST_SHOWN:
        return f"{', '.join(items[:_MOST_SHOWN])} and {len(items) - _MOST_SHOWN} more"
    return " and ".join((", ".join(items[:-1]), items[-1]) if items[1:] else items)
