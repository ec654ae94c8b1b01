"""Whether credits suffice: what has to wait for them, the proof that they do, and how long the master's will last.

Operations run side by side, in any order that the graph allows. A change that cancels and sends cancels first, so that
while it runs its account has no less than before it or behind it. Hence two cases for each account. Where the balance
covers all that goes out, no order makes it negative. Where it does not, all that goes out waits for all that comes in,
and an order makes the balance negative only if it is negative in the end: then every order does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from smsops.core.graph import closure, order
from smsops.kinds.view import Funds, View
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostic
from smsops.model.plan import Balance, Cause, Change, Forecast, Plan
from smsops.model.values import Number, plural

_MOST_EDGES = 10_000
"""Above this, not each waits for each: all wait for one that waits for the others."""


@dataclass
class Account:
    """How a plan moves the balance of one account (None: the master's), change by change."""

    key: str | None
    funds: Funds
    flows: dict[Address, Number] = field(default_factory=dict)
    paid: Number = 0
    """All that goes out, that of changes which bring in as much included."""
    refunds: Number = 0
    """The part of what comes in that cancelled campaigns should give back."""
    early: frozenset[Address] = frozenset()
    """What takes credits out and cannot wait for what brings them in, because that waits for it."""

    @property
    def coming(self) -> Number:
        return sum((flow for flow in self.flows.values() if flow > 0), start=0)

    @property
    def going(self) -> Number:
        return -sum((flow for flow in self.flows.values() if flow < 0), start=0)

    @property
    def balance(self) -> Number:
        """The balance before the plan, 0 where nobody knows it."""
        return self.funds.balance or 0

    @property
    def known(self) -> bool:
        return self.funds.balance is not None

    @property
    def covered(self) -> bool:
        """Whether no order of what goes out and comes in can make the balance negative."""
        return self.known and self.balance >= self.going

    @property
    def left(self) -> Number:
        """The balance behind the plan."""
        return self.balance + self.coming - self.going

    @property
    def told(self) -> Balance:
        """The same for people."""
        return Balance(self.key, self.funds.balance, self.coming - self.going + self.paid, self.paid)

    @property
    def short(self) -> Number:
        """How much is missing in the order that needs most."""
        if self.covered or not self.paid:
            return 0
        lowest = self.left
        if self.early:
            lowest = min(lowest, self.balance + sum(self.flows[address] for address in self.early))
        return max(-lowest, 0)


def accounts(changes: Iterable[Change], view: View) -> list[Account]:
    """The accounts whose balances the changes move, the master first."""
    found: dict[str | None, Account] = {}

    def flow(key: str | None, change: Change, credits: Number) -> Account:
        if key not in found:
            found[key] = Account(key, view.funds(key))
        account = found[key]
        account.flows[change.address] = account.flows.get(change.address, 0) + credits
        account.paid += max(-credits, 0)
        return account

    for change in changes:
        own = change.address.account
        if change.moves:
            flow(None, change, -change.moves)
            if own is not None:
                flow(own, change, change.moves)
        if change.refund:
            account = flow(own, change, change.refund)
            account.refunds += change.refund
            if view.account_leaves(own) and not account.funds.postpaid:
                flow(None, change, 0).refunds += change.refund  # the deletion hands it on
        if change.send is not None and change.send.credits:
            flow(change.send.account, change, -change.send.credits)
    return sorted(found.values(), key=lambda account: account.key or "")


def arrange(graph: dict[Address, set[Address]], found: Iterable[Account]) -> None:
    """Let what takes credits out of an account wait for what brings them in, wherever its balance does not cover it.

    What brings credits in and waits itself for what takes them out stays as it is: no cycle comes into being.
    """
    for account in found:
        if account.covered or account.funds.postpaid:
            continue
        sources = {address for address, flow in account.flows.items() if flow > 0}
        going = {address for address, flow in account.flows.items() if flow < 0}
        account.early = frozenset(going & closure(sources, graph))
        waiting = going - account.early
        if len(sources) * len(waiting) > _MOST_EDGES:
            last = next(address for address in reversed(order(graph)) if address in sources)
            graph[last] |= sources - {last}
            sources = {last}
        for address in waiting:
            graph[address] |= sources


def prove(found: Iterable[Account], ordered: Mapping[Address, object], view: View) -> list[Diagnostic]:
    """What is to be said about accounts that are short of credits, or may be. Nothing: their credits suffice."""
    paying = [account for account in found if account.paid and not account.funds.postpaid]
    master = next((account for account in found if account.key is None), Account(None, view.funds(None)))
    place: dict[Address, int] = {}
    diagnostics: list[Diagnostic] = []
    for account in paying:
        if not account.known:
            diagnostics.append(_unknown(account, view))
        elif account.short:
            place = place or {address: position for position, address in enumerate(ordered)}
            diagnostics.append(_short(account, master, place, view))
        elif account.left < account.refunds:
            diagnostics.append(_hopes(account, view))
    return diagnostics


def _short(account: Account, master: Account, place: Mapping[Address, int], view: View) -> Diagnostic:
    balance, short = account.balance, account.short
    gets = f" and gets {account.coming:,}" if account.coming else ""
    detail = f"It has {plural(balance, 'credit')}{gets}; {account.going:,} would go out."
    if account.key is None:
        detail += f" Buy {plural(short, 'credit')}, or move and send less."
    else:
        detail += f" A grant of {short:,} would do."
        spare = max(master.left, 0)
        if master.known and spare < short:
            detail += f" The master account would have {spare:,} for it: buy {plural(short - spare, 'credit')}."
    address = None
    for address in sorted(account.flows, key=lambda address: place[address]):
        balance += account.flows[address]
        if balance < 0:
            break
    assert address is not None
    desired = view.desired.get(address)
    return Diagnostic(
        "error",
        "SMS253",
        f"{_named(account)} is short of {plural(short, 'credit')} at {address}",
        detail,
        desired.mark if desired else None,
        address,
        blocks="plan",
    )


def _unknown(account: Account, view: View) -> Diagnostic:
    return Diagnostic(
        "warning",
        "SMS222",
        f"{_named(account)} would pay {plural(account.paid, 'credit')}, and nobody knows its balance",
        "The API did not tell it, so nothing is proved about these credits. Look into the customer area.",
        address=_opener(account, view),
    )


def _hopes(account: Account, view: View) -> Diagnostic:
    return Diagnostic(
        "warning",
        "SMS223",
        f"{_named(account)} has enough only because cancelling gives {plural(account.refunds, 'credit')} back",
        "No manual promises that. Without it, something that is cancelled could not be scheduled again. "
        f"With {plural(account.refunds - account.left, 'credit')} more it would do.",
        address=_opener(account, view),
    )


def _named(account: Account) -> str:
    return "The master account" if account.key is None else f"The account {account.key}"


def _opener(account: Account, view: View) -> Address | None:
    return None if account.key is None else Address(None, view.opener.name, account.key)


def forecast(plan: Plan, view: View) -> Forecast | None:
    """What later applies will take from the master's balance within a year, and whether it lasts.

    None where nothing is to come, or where it cannot be said: behind a plan of a part of the stack, one that is refused
    or in doubt, or with a balance that nobody knows.
    """
    balance = plan.master_after
    if balance is None or balance < 0 or plan.targets or plan.unknown or plan.doubts:
        return None
    until = _a_year_after(view.today)
    days: dict[date, Number] = {}
    causes: dict[str, Number] = {}
    for address in view.desired:
        for day, what, moves, spends in view.kinds[address.kind].upcoming(view.resource(address), view, until):
            taken = moves + (spends if address.account is None else 0)
            if taken:
                days[day] = days.get(day, 0) + taken
                causes[what] = causes.get(what, 0) + taken
    if not days:
        return None
    left, dry = balance, None
    for day in sorted(days):
        left -= days[day]
        if left < 0 and dry is None:
            dry = day
    return Forecast(
        until,
        left,
        dry,
        tuple(Cause(what, taken) for what, taken in sorted(causes.items())),
        _each_month(days),
    )


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year + 1, day=28)


def _each_month(days: Mapping[date, Number]) -> Number | None:
    """What is taken in each month, where that is the same in all of them."""
    months: dict[tuple[int, int], Number] = {}
    for day, credits in days.items():
        months[day.year, day.month] = months.get((day.year, day.month), 0) + credits
    amounts = set(months.values())
    return amounts.pop() if len(months) > 1 and len(amounts) == 1 else None
