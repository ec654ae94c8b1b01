"""The credits of each account as a waterfall: what it has, what each change takes or brings, what is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from smsops.cli.views.markup import Html, element, join
from smsops.model.plan import Balance, Change, Plan
from smsops.model.values import Number

MOST_ACCOUNTS = 30
MOST_STEPS = 12
"""So many steps have a row of their own; the others, none of them larger, share one."""
_OPEN = 5


class Step(NamedTuple):
    """One row: what moves the balance, by how much, and the balance behind it."""

    label: str
    credits: Number
    level: Number


def section(plan: Plan) -> Html | None:
    """Nothing where no credits move."""
    if not plan.balances:
        return None
    # An account that ends below nothing, then the master, then where most moves.
    ordered = sorted(
        plan.balances, key=lambda one: ((one.after or 0) >= 0, one.account is not None, -one.comes_in - one.goes_out)
    )
    left_out = len(ordered) - MOST_ACCOUNTS
    flows = _flows(plan)
    return join(
        (
            *(
                _waterfall(balance, flows.get(balance.account, []), opened=place < _OPEN)
                for place, balance in enumerate(ordered[:MOST_ACCOUNTS])
            ),
            element("p", f"{left_out:,} more accounts are not shown here; --format json has all balances.")
            if left_out > 0
            else None,
        ),
        "\n",
    )  # fmt: skip


def _flows(plan: Plan) -> dict[str | None, list[tuple[str, Number]]]:
    """What moves each account's balance: what is moved, then what is given back, then what is spent; None is the master's."""
    found: dict[str | None, list[tuple[str, Number]]] = {}

    def flow(account: str | None, change: Change, what: str, credits: Number) -> None:
        if credits:
            own = change.address._replace(account=None) if account == change.address.account else change.address
            found.setdefault(account, []).append((f"{what} {own}", credits))

    for change in plan.changes:
        flow(None, change, "moved by", -change.moves)
        if change.address.account is not None:
            flow(change.address.account, change, "moved by", change.moves)
    for change in plan.changes:
        flow(change.address.account, change, "given back by", change.refund or 0)
    for change in plan.changes:
        if change.send is not None:
            flow(change.send.account, change, "spent by", -change.send.credits)
    return found


def steps(start: Number, flows: Iterable[tuple[str, Number]]) -> list[Step]:
    """The rows of one waterfall: the largest flows in their order, and one for all the others together."""
    flows = list(flows)
    largest = sorted(range(len(flows)), key=lambda place: -abs(float(flows[place][1])))
    own = set(largest if len(flows) <= MOST_STEPS else largest[: MOST_STEPS - 1])
    rest = [credits for place, (_, credits) in enumerate(flows) if place not in own]
    shown = [flow for place, flow in enumerate(flows) if place in own]
    if rest:
        shown.append((f"{len(rest):,} others together", sum(rest, start=0)))
    level, found = start, []
    for label, credits in shown:
        level += credits
        found.append(Step(label, credits, level))
    return found


def _waterfall(balance: Balance, flows: list[tuple[str, Number]], *, opened: bool) -> Html:
    start = balance.before if balance.before is not None else 0
    rows = steps(start, flows)
    end = rows[-1].level if rows else start
    levels = [start, *(row.level for row in rows)]
    low, high = min(levels), max(levels)
    floor = _floor(low, high)
    zero = max(floor, 0)
    scale = 100 / float(max(high, 0) - floor or 1)

    def bar(one: Number, other: Number, tint: str) -> Html:
        least, most = sorted((float(one - floor) * scale, float(other - floor) * scale))
        box = element("rect", x=f"{least:.2f}", y=1, width=f"{max(most - least, 0.6):.2f}", height=8, class_=tint)
        return element("svg", box, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")

    shown = balance.before is not None
    body = [_row("before", "", _level(start, shown), bar(zero, start, "level"), "total")]
    for row in rows:
        tint = "in" if row.credits > 0 else "out"
        body.append(
            _row(
                row.label, f"{row.credits:+,}", _level(row.level, shown), bar(row.level - row.credits, row.level, tint)
            )
        )
    body.append(_row("after", "", _level(end, shown), bar(zero, end, "level" if end >= 0 else "out"), "total"))
    heads = (
        element("th", head, scope="col", class_="number" if head else None) for head in ("", "Credits", "Balance", "")
    )
    name = balance.account or "The master account"
    return element(
        "details",
        element(
            "summary",
            element("h3", element("bdi", name)),
            element("span", f" {_level(start, shown)} → {_level(end, shown)}", class_="quiet"),
        ),
        element(
            "table",
            element("caption", f"Credits of {name}", class_="aside"),
            element("thead", element("tr", join(heads))),
            element("tbody", join(body, "\n")),
            class_="waterfall",
        ),
        element("p", f"The bars begin at {floor:,.0f}, not at 0.", class_="quiet") if floor > 0 else None,
        class_="account",
        open=opened,
        data_account=balance.account or "",
    )


def _floor(low: Number, high: Number) -> Number:
    """Where the bars begin: at 0, unless nothing could be told apart there."""
    if low <= 0:
        return low
    return max(low - (high - low) // 4, 0) if 0 < (high - low) * 4 < high else 0


def _row(label: str, credits: str, level: str, bar: Html, class_: str | None = None) -> Html:
    return element(
        "tr",
        element("th", element("bdi", label), scope="row"),
        element("td", credits, class_="number"),
        element("td", level, class_="number"),
        element("td", bar, class_="bar"),
        class_=class_,
    )


def _level(value: Number, known: bool) -> str:
    return f"{value:,}" if known else "?"
