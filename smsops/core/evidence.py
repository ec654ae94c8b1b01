"""What the account shows about calls in doubt: calls that may have happened, and may never be repeated on a guess.

A balance is the evidence. What it was before is known without the calls in doubt, and so is what each of
them does to it; so what it is now says which of them happened, where only one answer adds up. A kind may know more: a part of
the answer that arrived, or what webhooks told since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product

from smsops.kinds.view import MASTER_INFO, View
from smsops.model.address import Address
from smsops.model.resources import CannotRead, Present
from smsops.model.state import Event, Intent, Moved, Settle, fold

_MOST = 12
"""So many calls in doubt about one balance are told apart; more are left to a person."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says of one call: whether it happened (None: it does not tell), and why that is so."""

    intent: Intent
    happened: bool | None
    why: str
    answers: Mapping[str, str] = field(default_factory=dict)
    """What the evidence tells of the call besides, as a person would in `smsops resolve`."""


def judge(view: View) -> list[Verdict]:
    """A verdict on each call in doubt. NotReadYet until what it takes has been read."""
    settled: list[Verdict] = []
    state = view.state
    while True:  # what is settled of one call may leave only one answer for another
        verdicts = _judge_together(list(state.intents.values()), view)
        new = [verdict for verdict in verdicts if verdict.happened is not None]
        if not new:
            return settled + verdicts
        settled += new
        state = fold(state, [event for verdict in new for event in settlement(verdict, view)])


def _judge_together(intents: Sequence[Intent], view: View) -> list[Verdict]:
    balances = {key: _balance(key, view) for key in sorted({key for intent in intents for key in intent.effects})}
    shown = {key: _shown_by(key, balance, intents) for key, balance in balances.items()}
    return [_verdict(intent, balances, shown, view) for intent in intents]


def settlement(verdict: Verdict, view: View) -> list[Event]:
    """What to record of a call that is no longer in doubt."""
    intent = verdict.intent
    assert verdict.happened is not None
    if not verdict.happened:
        return [Settle(intent.id, False)]
    events = view.kinds[intent.address.kind].settled(intent, verdict.answers)
    return [Settle(intent.id, True), Moved(intent.effects), *events]


def _balance(key: str, view: View) -> float | None:
    """What an account has now; None where that cannot be known."""
    try:
        if not key:
            (info,) = view.read(MASTER_INFO)
            return None if info.credits is None else float(info.credits)
        account = Address(None, view.opener.name, key)
        known = account in view.desired or account in view.state.entries
        known = known or any(intent.address == account for intent in view.state.intents.values())
        observation = view.observe(account) if known else None
    except CannotRead:
        return None
    balance = observation.facts["balance"] if isinstance(observation, Present) else None
    return None if balance is None else float(balance)


def _shown_by(key: str, balance: float | None, intents: Sequence[Intent]) -> Mapping[str, bool]:
    """By intent: whether it happened, as far as one balance leaves only one answer."""
    touching = [intent for intent in intents if intent.effects.get(key, 0) != 0]
    before = {intent.before.get(key) for intent in touching}
    effects = [intent.effects[key] for intent in touching]
    if balance is None or len(before) != 1 or None in before or None in effects or len(touching) > _MOST:
        return {}  # with a call that moves it by nobody knows how much, a balance shows nothing
    (start,) = before
    assert start is not None
    answers = [
        answer
        for answer in product((False, True), repeat=len(touching))
        if _same(
            balance - start, sum(effect or 0 for effect, happened in zip(effects, answer, strict=True) if happened)
        )
    ]
    columns = zip(*answers, strict=True)
    return {intent.id: column[0] for intent, column in zip(touching, columns, strict=False) if len(set(column)) == 1}


def _verdict(
    intent: Intent, balances: Mapping[str, float | None], shown: Mapping[str, Mapping[str, bool]], view: View
) -> Verdict:
    told = view.kinds[intent.address.kind].told(intent, view)
    if told and told.sure:
        return Verdict(intent, True, told.why, told.answers)
    verdict = _by_balances(intent, balances, shown, view)
    return replace(verdict, why=f"{verdict.why}; {told.why}") if told and verdict.happened is None else verdict


def _by_balances(
    intent: Intent, balances: Mapping[str, float | None], shown: Mapping[str, Mapping[str, bool]], view: View
) -> Verdict:
    """One balance that moved as expected shows that a call happened; that it did not, only all of them, in time."""
    keys = [key for key, effect in intent.effects.items() if effect != 0]
    answers = {key: shown[key].get(intent.id) for key in keys}
    what = "; ".join(_seen(key, intent, balances[key]) for key in keys) or "it leaves no trace in a balance"
    if True in answers.values() and False not in answers.values():
        return Verdict(intent, True, what)
    if keys and all(answer is False for answer in answers.values()):
        if not view.kinds[intent.address.kind].unmoved_is_undone:
            return Verdict(intent, None, f"{what}; that alone does not show that nothing was sent")
        since = datetime.fromisoformat(intent.since)
        if view.now - since >= view.settings.settle_time:
            return Verdict(intent, False, what)
        from zoneinfo import ZoneInfo

        until = (since + view.settings.settle_time).astimezone(ZoneInfo(view.settings.timezone))
        return Verdict(intent, None, f"{what}; it may still come true until {until:%Y-%m-%d %H:%M} {until.tzinfo}")
    return Verdict(intent, None, what)


def _seen(key: str, intent: Intent, balance: float | None) -> str:
    account = f"the balance of {key}" if key else "the master account's balance"
    if balance is None:
        return f"{account} is not known"
    if key not in intent.before:
        return f"{account} is {balance:,.10g}, and what it was without this call is not known"
    without, effect = intent.before[key], intent.effects[key]
    by_it = "nobody knows how much less" if effect is None else f"{without + effect:,.10g}"
    return f"{account} is {balance:,.10g}; without this call it was {without:,.10g}, with it {by_it}"


def _same(one: float, other: float) -> bool:
    return abs(one - other) < 1e-6  # balances may be decimal
