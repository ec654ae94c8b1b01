"""`credits`: what the master moves to a sub-account (manual §19).

The API knows only signed deltas, and balances fall whenever a sub-account sends, so nothing here
sets a balance. The state is the ledger of what was moved: each grant is moved once, ever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from math import ceil
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic_core import PydanticCustomError

from smsops.api.errors import OutcomeUnknown
from smsops.kinds.base import Declaration, Kind, Upcoming
from smsops.kinds.session import Session
from smsops.kinds.view import MASTER_INFO, Resource, View
from smsops.model.address import Address
from smsops.model.block import BeforeValidator, Block, Field
from smsops.model.plan import CREATE, DELETE, UPDATE, Change
from smsops.model.resources import Absent, CannotRead, Desired, Guard, Observation, Present
from smsops.model.state import Drop, Entry, Event, Moved, Put
from smsops.model.values import JSON, Number, as_json_number

_GRANT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*\Z")
_ALLOWANCE = "allowance:"


class Allowance(Block):
    """The same grant in each period that has begun."""

    amount: Annotated[int, Field(gt=0)] = Field(description="Credits for each period.")
    every: Literal["day", "week", "month", "year"] = Field(description="The period.")
    from_: str = Field(alias="from", description="The first period: 2026-11-30, 2026-W48, 2026-11 or 2026.")

    def check(self) -> None:
        try:
            _first_day(self.every, self.from_)
        except ValueError:
            example = {"day": "2026-11-30", "week": "2026-W48", "month": "2026-11", "year": "2026"}[self.every]
            raise PydanticCustomError(
                "period", "from: Write a {every} such as {example}", {"every": self.every, "example": example}
            ) from None


class Keep(Block):
    """A floor: refilled to `top_up_to` when the balance is below `at_least`."""

    at_least: Annotated[int, Field(ge=0)] = Field(description="The balance below which it is refilled.")
    top_up_to: Annotated[int, Field(ge=0)] = Field(description="The balance that it is refilled to.")

    def check(self) -> None:
        if self.top_up_to < self.at_least:
            raise PydanticCustomError("keep", "top_up_to may not be less than at_least")


class CreditsSpec(Block):
    """Exactly one of the three ways to hand out credits."""

    grants: dict[str, int] | None = Field(None, description="id: amount. Each id is moved once, ever.")
    allowance: Allowance | None = Field(None, description="The same amount for each period that has begun.")
    keep: Keep | None = Field(None, description="A floor.")

    def check(self) -> None:
        given = [name for name in ("grants", "allowance", "keep") if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError("credits", "credits has exactly one of grants, allowance and keep")
        for grant, amount in (self.grants or {}).items():
            if not _GRANT_ID.match(grant):
                raise PydanticCustomError("grant", "A grant's id is letters, digits, _ - . and :")
            if amount == 0:
                raise PydanticCustomError("grant", "A grant of 0 moves nothing")


def _short_form(value: Any) -> Any:
    """`credits: 1500` is the floor 1500, topped up to it."""
    if isinstance(value, str):
        if not re.fullmatch(r"\d+", value):
            raise PydanticCustomError("credits", "Write a whole number, or one of grants, allowance and keep")
        return {"keep": {"at_least": value, "top_up_to": value}}
    return value


CreditsField = Annotated[
    CreditsSpec | None,
    BeforeValidator(_short_form, json_schema_input_type=CreditsSpec | int | None),
]


class _Payload(NamedTuple):
    amount: int
    entry: Entry
    facts: Mapping[str, JSON]
    effects: Mapping[str, int]
    balances: Mapping[str, Number | None]


class Credits(Kind):
    """The credits of one sub-account: at most one resource an account, named by the account alone."""

    name: ClassVar[str] = "credits"
    adoptable: ClassVar[bool] = False
    unmoved_is_undone: ClassVar[bool] = True
    importable: ClassVar[bool] = False
    unreturned: ClassVar[str] = "what the credits of a sub-account were granted for"

    def observe(self, resource: Resource, view: View) -> Observation:
        owner = view.owner(resource.address)
        return Present("", {}, {"balance": owner.facts["balance"]}) if isinstance(owner, Present) else Absent()

    def create(self, resource: Resource, view: View) -> Change | None:
        return self._move(resource, 0, view)

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        return self._move(resource, present.facts["balance"], view)

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if not view.account_leaves(resource.address.account):
            return None  # the account stays: its ledger stays with it, so that no grant is moved again
        return Change(resource.address, DELETE, "delete_because_no_resource_config", {}, None, payload=None)

    def upcoming(self, resource: Resource, view: View, until: date) -> Sequence[Upcoming]:
        allowance: Allowance | None = resource.want.spec.allowance
        if allowance is None or view.funds(resource.address.account).postpaid:
            return ()
        return _upcoming(allowance.amount, allowance.every, allowance.from_, view.today, until)

    def _move(self, resource: Resource, balance: Number | None, view: View) -> Change | None:
        spec: CreditsSpec = resource.want.spec
        ledger = _ledger(resource)
        due = self._due(resource, spec, ledger, balance, view)
        if not due:
            return None
        if view.funds(resource.address.account).postpaid:
            view.warn(
                resource.address,
                "SMS224",
                f"The account {resource.address.account} is postpaid: no credits can be moved to it or from it",
                "Remove credits:.",
            )
            return None
        amount, account = sum(due.values()), resource.address.account or ""
        if not spec.keep:
            ledger |= due
        entry = Entry(resource.address, "", {"moved": ledger}, depends_on=resource.want.depends_on)
        (info,) = view.read(MASTER_INFO)
        facts = {
            "credits": amount,
            "grants": sorted(due),
            "balance_before": _shown(balance),
            "master_before": _shown(info.credits),
        }
        shown: dict[str, JSON] = (
            {} if spec.keep else {name.removeprefix(_ALLOWANCE): value for name, value in due.items()}
        )
        return Change(
            resource.address,
            UPDATE if resource.entry else CREATE,
            "below_floor" if spec.keep else "grant_due",
            {"balance": _shown(balance)} if resource.entry else None,
            {"balance": _shown(None if balance is None else balance + amount), **({"grants": shown} if shown else {})},
            method="manageSubAccountCredits",
            calls=1 if amount else 0,
            payload=_Payload(
                amount, entry, facts, {account: amount, "": -amount}, {account: balance, "": info.credits}
            ),
            content=[amount, sorted(due)],
            moves=amount,
        )

    def _due(
        self, resource: Resource, spec: CreditsSpec, ledger: Mapping[str, int], balance: Number | None, view: View
    ) -> dict[str, int]:
        if spec.grants is not None:
            for grant, amount in spec.grants.items():
                if ledger.get(grant, amount) != amount:
                    view.warn(
                        resource.address,
                        "SMS221",
                        f'The grant "{grant}" of {resource.address} was moved with another amount',
                        "A grant is moved once, ever. Add a new one for the difference.",
                    )
            return {grant: amount for grant, amount in spec.grants.items() if grant not in ledger}
        if spec.allowance is not None:
            begun = _periods(spec.allowance.every, spec.allowance.from_, view.today)
            return {
                _ALLOWANCE + period: spec.allowance.amount for period, _ in begun if _ALLOWANCE + period not in ledger
            }
        assert spec.keep is not None
        if balance is None:
            raise CannotRead("the answer does not say its balance")
        # What this apply spends and what it gets back count already, so that the next plan finds the floor kept.
        left = balance
        for change in view.changed_in.get(resource.address.account, ()):
            left += change.refund or 0
            if change.send and change.send.account == resource.address.account:
                left -= change.send.credits
        return {"keep": ceil(spec.keep.top_up_to - left)} if left < spec.keep.at_least else {}

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        payload: _Payload | None = change.payload
        if payload is None:
            return [Drop(change.address)]
        events = [Put(payload.entry)]
        if payload.amount == 0:
            return events
        login = session.login(change.address.account)
        assert login is not None

        async def call() -> Number | None:
            balance = await session.master.manage_sub_account_credits(login, payload.amount)
            before = session.balance(change.address.account, payload.balances[change.address.account or ""])
            if balance is not None and before is not None and as_json_number(balance) == before:
                # Success has no status of its own (manual §19): the balance that comes back is all there is to check.
                raise OutcomeUnknown("manageSubAccountCredits", "the answer has the balance as it was before")
            return balance

        balance = await session.once(
            "manageSubAccountCredits",
            call,
            lambda _: [*events, Moved(payload.effects)],
            address=change.address,
            facts={"login": login, **payload.facts, "entry": payload.entry.document()},
            effects=payload.effects,
            balances=payload.balances,
        )
        if balance is not None:
            session.returned(balance=as_json_number(balance))
        return []


def declare_credits(spec: CreditsSpec | None, declaration: Declaration, owner: Address, given: bool) -> Desired | None:
    """The credits of a sub-account's block, where it has any."""
    if spec is None or not given:
        return None
    return Desired(
        Address(declaration.key, Credits.name),
        "",
        spec,
        depends_on=(owner,),
        guard=Guard(),
        mark=declaration.mark("credits"),
    )


def _ledger(resource: Resource) -> dict[str, int]:
    """What was moved, by grant and period."""
    return dict(resource.entry.attributes.get("moved", {})) if resource.entry else {}


def _shown(balance: Number | None) -> JSON:
    return None if balance is None else as_json_number(balance)


def _first_day(every: str, period: str) -> date:
    """The first day of a period; ValueError where the text names none."""
    match every:
        case _ if period < "2000":  # a typing error
            raise ValueError(period)
        case "day" if re.fullmatch(r"\d{4}-\d\d-\d\d", period):
            return date.fromisoformat(period)
        case "week" if re.fullmatch(r"\d{4}-W\d\d", period):
            return date.fromisocalendar(int(period[:4]), int(period[6:]), 1)
        case "month" if re.fullmatch(r"\d{4}-\d\d", period):
            return date.fromisoformat(f"{period}-01")
        case "year" if re.fullmatch(r"\d{4}", period):
            return date(int(period), 1, 1)
    raise ValueError(period)


@lru_cache(maxsize=256)
def _upcoming(amount: int, every: str, first: str, today: date, until: date) -> tuple[Upcoming, ...]:
    """The periods of an allowance that begin after today, until the day `until`."""
    return tuple(Upcoming(day, "allowances", moves=amount) for _, day in _periods(every, first, until) if day > today)


@lru_cache(maxsize=256)
def _periods(every: str, first: str, last: date) -> tuple[tuple[str, date], ...]:
    """The periods that begin until the day `last`, each by its id and its first day, the first one first."""
    found: list[tuple[str, date]] = []
    day = _first_day(every, first)
    while day <= last:
        match every:
            case "day":
                found.append((day.isoformat(), day))
                day += timedelta(days=1)
            case "week":
                iso = day.isocalendar()
                found.append((f"{iso.year}-W{iso.week:02}", day))
                day += timedelta(weeks=1)
            case "month":
                found.append((f"{day:%Y-%m}", day))
                day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
            case _:
                found.append((f"{day:%Y}", day))
                day = day.replace(year=day.year + 1)
    return tuple(found)
