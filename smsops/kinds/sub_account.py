"""`sub_account`: an account below the master's, with its own login, balance, lists and campaigns (manual §16 to §20)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from smsops.api.errors import Refused
from smsops.kinds.base import CannotSay, Declaration, Declared, Described, Found, Kind, Slot, check_ignored
from smsops.kinds.credits import CreditsField, declare_credits
from smsops.kinds.session import Session, confirmed, created
from smsops.kinds.view import MASTER_INFO, Funds, Resource, View
from smsops.model.address import Address
from smsops.model.block import Block, Field
from smsops.model.blocks import GuardedBlock, NonBlank, SecretField, Text, can_say
from smsops.model.diagnostics import Diagnostics
from smsops.model.phone import normalise_any
from smsops.model.plan import ADOPT, ADOPT_UPDATE, CHANGED_OUTSIDE, CREATE, DELETE, GONE, UPDATE, Change
from smsops.model.resources import Absent, Desired, Observation, Present, Read
from smsops.model.shown import mask_phone
from smsops.model.state import Drop, Entry, Event, Moved, Put
from smsops.model.untold import Standing
from smsops.model.values import JSON, Number, Secret, digest

if TYPE_CHECKING:
    from smsops.api.records import CreatedSubAccount, SubAccountRecord

_CONTACT_DETAILS = {
    # ours: (written as, read as); a few differ by more than case.
    "first_name": ("FIRSTNAME", "firstname"),
    "last_name": ("LASTNAME", "lastname"),
    "company": ("SOCIETY", "company"),
    "email": ("EMAIL", "email"),
    "mobile": ("MOBILE", "mobile"),
    "phone": ("PHONE", "phone"),
    "address": ("ADDRESS", "address"),
    "zip": ("ZIP", "zip"),
    "city": ("CITY", "city"),
    "country": ("COUNTRY", "country"),
}
WIRE: Mapping[str, tuple[str, str]] = {
    **_CONTACT_DETAILS,
    "website": ("WEBSITE", "website"),
    **{f"billing.{ours}": (f"BILL{sent}", f"bill{read}") for ours, (sent, read) in _CONTACT_DETAILS.items()},
}
"""Our attribute names: what updateSubAccount calls them, and (lower case) what getSubAccounts does."""

_OURS = {read: ours for ours, (_, read) in WIRE.items()}
_PHONES = frozenset(("mobile", "phone", "billing.mobile", "billing.phone"))
_CASELESS = frozenset(("country", "billing.country", "email", "billing.email"))
_NEEDED = ("first_name", "last_name", "email")
_MIN_PASSWORD = 6
_UNDER_SUBSCRIPTION = "3"


class Billing(Block):
    """The BILL* fields."""

    first_name: Text | None = Field(None, description="First name of the contact person.")
    last_name: Text | None = Field(None, description="Last name of the contact person.")
    company: Text | None = Field(None, description="The company.")
    email: Text | None = Field(None, description="E-mail address.")
    mobile: Text | None = Field(None, description="Mobile number.")
    phone: Text | None = Field(None, description="Landline number.")
    address: Text | None = Field(None, description="Street and number.")
    zip: Text | None = Field(None, description="Postcode.")
    city: Text | None = Field(None, description="City.")
    country: Text | None = Field(None, description="Country.")


class CreateOnly(Block):
    """What can be said only when the sub-account is created."""

    postpaid: bool | None = Field(None, description="Only where the master account is postpaid itself.")
    profile: Text | None = Field(None, description="Its access rights, by a name that the provider gives.")
    email_customer: bool | None = Field(None, description="E-mail a summary to the sub-account.")
    email_master: bool | None = Field(None, description="E-mail a summary to the master account.")


class SubAccountSpec(GuardedBlock):
    """One sub-account. What is not given is not managed; null clears."""

    login: NonBlank | None = Field(None, description="Default: the key.")
    first_name: NonBlank = Field(description="First name of the contact person.")
    last_name: NonBlank = Field(description="Last name of the contact person.")
    email: NonBlank = Field(description="E-mail address.")
    company: Text | None = Field(None, description="The company.")
    mobile: Text | None = Field(None, description="Mobile number.")
    phone: Text | None = Field(None, description="Landline number.")
    website: Text | None = Field(None, description="Website.")
    address: Text | None = Field(None, description="Street and number.")
    zip: Text | None = Field(None, description="Postcode.")
    city: Text | None = Field(None, description="City.")
    country: Text | None = Field(None, description="Country.")
    password: SecretField = Field(None, description="At least six characters. Needed to create the sub-account.")
    billing: Billing | None = Field(None, description="Whom the invoice goes to, where that is somebody else.")
    active: bool | None = Field(None, description="false: it can neither log in nor send.")
    create_only: CreateOnly | None = Field(None, description="What can be said only when it is created.")
    credits: CreditsField = Field(
        None, description="What it gets from the master: one of grants, allowance and keep, or a floor."
    )


class _Payload(NamedTuple):
    login: str
    data: Mapping[str, str]
    entry: Entry | None
    password: bool = False
    returns: int = 0
    asks: bool = False
    balances: Mapping[str, Number | None] = {}


class SubAccount(Kind):
    """Sub-accounts are known by their login, which can be renamed."""

    name: ClassVar[str] = "sub_account"
    section: ClassVar[str | None] = "sub_accounts"
    Spec: ClassVar[type[Block]] = SubAccountSpec
    unmoved_is_undone: ClassVar[bool] = True
    opens_account: ClassVar[bool] = True
    observing_reads_all: ClassVar[bool] = True
    unreturned: ClassVar[str] = "passwords, and whether a sub-account is active or postpaid"

    def discover(self, login: str | None, view: View) -> Sequence[Found]:
        (records,) = view.read(Read("get_sub_accounts"))
        return [Found(record.login, record) for record in {record.login: record for record in records}.values()]

    def describe(self, found: Found, slot: Slot, view: View) -> Described:
        if not found.identity or not can_say(found.identity):
            raise CannotSay("its login is empty, or has blanks at its ends or control characters")
        block: dict[str, JSON] = {} if found.identity == slot.key else {"login": found.identity}
        billing: dict[str, JSON] = {}
        losses: list[str] = []
        for name, value in _said(found.record, losses, view).items():
            group, _, inner = name.rpartition(".")
            (billing if group else block)[inner] = value
        for name in _NEEDED:
            if name not in block:
                raise CannotSay(f"the configuration needs its {name}, and the account has none that can be written")
        if billing:
            block["billing"] = billing
        variable = re.sub(r"[^A-Z0-9]", "_", slot.key.upper())
        return Described(block, (f"password: {{env: {variable}_PASSWORD}}",), losses=tuple(losses))

    def imported(self, resource: Resource, present: Present, view: View) -> Entry | None:
        # What the API does not tell is not recorded: where the block says it, that is a change.
        want = resource.want
        attributes = {name: value for name, value in present.attributes.items() if name in want.data}
        return Entry(resource.address, present.identity, attributes, want.guard.protect, want.depends_on)

    def declare(self, spec: SubAccountSpec, declaration: Declaration) -> list[Desired]:
        address = Address(None, self.name, declaration.key)
        if "email" in spec.model_fields_set and "@" not in spec.email:
            declaration.error("SMS112", "email: Write an e-mail address", "email")
        if spec.billing and spec.billing.email and "@" not in spec.billing.email:
            declaration.error("SMS112", "billing.email: Write an e-mail address", "billing", "email")
        desired = Desired(
            address,
            spec.login or declaration.key,
            spec,
            data=wanted_attributes(spec, declaration.settings.default_country),
            guard=declaration.guard(),
            secrets={"password": spec.password} if spec.password is not None else {},
            mark=declaration.mark(),
        )
        credits = declare_credits(spec.credits, declaration, address, "credits" in spec.model_fields_set)
        return [desired, *([credits] if credits else [])]

    def check(self, desired: Desired, declared: Declared, diagnostics: Diagnostics) -> None:
        check_ignored(desired, (*WIRE, "password", "active"), diagnostics)

    def observe(self, resource: Resource, view: View) -> Observation:
        wanted = resource.desired.identity if resource.desired else None
        owned = resource.entry.identity if resource.entry else None
        # A rename whose answer was lost has happened where only the new login is there.
        read = Read("get_sub_accounts")
        found = view.having(read, "login", owned) or view.having(read, "login", wanted)
        if not found:
            return Absent()
        record = found[-1]
        attributes = {
            ours: _comparable(ours, record.fields[read], view) for read, ours in _OURS.items() if read in record.fields
        }
        wish = resource.desired.spec.create_only if resource.desired else None
        stored = resource.entry.attributes.get("create_only") if resource.entry else None
        postpaid = bool((stored or {}).get("postpaid") or (wish and wish.postpaid))
        facts = {"balance": record.credits, "postpaid": postpaid, "fields": record.fields}
        return Present(record.login, {"login": record.login, **attributes}, facts)

    def untold(self, resource: Resource, view: View) -> Iterator[Standing]:
        observation = view.observe(resource.address)
        if isinstance(observation, Present):
            stored = resource.entry.attributes if resource.entry else {}
            yield Standing(observation.identity, stored.get("active") is not False, observation.facts["postpaid"])

    def funds(self, resource: Resource, view: View) -> Funds:
        observation = Absent() if view.creates(resource.address) else view.observe(resource.address)
        if isinstance(observation, Present):
            return Funds(observation.facts["balance"], observation.facts["postpaid"])
        wish = resource.desired.spec.create_only if resource.desired else None
        return Funds(0 if isinstance(observation, Absent) else None, bool(wish and wish.postpaid))

    def create(self, resource: Resource, view: View) -> Change | None:
        want = resource.want
        password = view.secret(resource.address, "password")
        if password is None:
            view.fail(
                resource.address,
                "SMS211",
                f"{resource.address} has no password, which creating it needs",
                "Add password: {env: NAME}.",
            )
            return None
        if not self._password_is_long_enough(resource, password, view):
            return None
        for name in ("company", "mobile"):
            if not want.data.get(name):
                view.warn(
                    resource.address,
                    "SMS212",
                    f"{resource.address} has no {name}",
                    "The API has refused to create sub-accounts without one.",
                )
        entry = self._entry(resource, want.identity, view, None)
        data = {"LOGIN": want.identity, **{WIRE[name][0]: value for name, value in want.data.items() if value}}
        data |= _create_only(want.spec)
        after = {"login": want.identity, **{name: _shown(name, value) for name, value in want.data.items() if value}}
        return Change(
            resource.address,
            CREATE,
            "absent_from_account",
            None,
            {**after, "password": "(write-only)", **self._flags(want.spec)},
            method="createSubAccount",
            calls=1,
            payload=_Payload(want.identity, data, entry, password=True),
            content=[data, entry.attributes["password"]],
        )

    def update(self, resource: Resource, present: Present, view: View) -> Change | None:
        want = resource.want
        ignored = want.guard.ignore_changes
        stored = resource.entry.attributes if resource.entry else {}
        data: dict[str, str] = {}
        before: dict[str, JSON] = {}
        after: dict[str, JSON] = {}
        if present.identity != want.identity:
            data["LOGIN"], before["login"], after["login"] = want.identity, present.identity, want.identity
        for name, value in want.data.items():
            new = _comparable(name, value or "", view)
            old = present.attributes.get(name, stored.get(name))
            if name not in ignored and new != old:
                data[WIRE[name][0]] = value or ""
                live = present.facts["fields"].get(WIRE[name][1])
                before[name] = _shown_stored(name, old) if live is None else _shown_live(name, live)
                after[name] = _shown(name, value)
        password = view.secret(resource.address, "password")
        changes_password = (
            password is not None
            and "password" not in ignored
            and stored.get("password") != view.secret_digest(password)
        )
        if changes_password and password is not None:
            if not self._password_is_long_enough(resource, password, view):
                return None
            before["password"], after["password"] = "(write-only)", "(write-only, changed)"
        active = want.spec.active
        if (
            active is not None
            and "active" not in ignored
            and stored.get("active", True if resource.entry else None) != active
        ):
            data["ACTIVE"] = "1" if active else "0"
            before["active"], after["active"] = stored.get("active"), active
        self._warn_create_only(resource, view)
        if not data and not changes_password and resource.entry and resource.entry.identity == present.identity:
            return None
        entry = self._entry(resource, want.identity, view, present)
        if not data and not changes_password:
            if resource.entry is None:
                return Change(resource.address, ADOPT, "adopted", {}, {}, entry=entry)
            logins = ({"login": resource.entry.identity}, {"login": present.identity})  # renamed, and not recorded
            return Change(resource.address, UPDATE, "configuration_changed", *logins, entry=entry)
        return Change(
            resource.address,
            UPDATE if resource.entry else ADOPT_UPDATE,
            "configuration_changed" if resource.entry else "adopted",
            before,
            after,
            method="updateSubAccount",
            calls=1,
            payload=_Payload(present.identity, data, entry, password=changes_password),
            content=[present.identity, data, view.secret_digest(password) if password and changes_password else None],
        )

    def drift(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        entry = resource.owned
        if not isinstance(observation, Present):
            return Change(resource.address, DELETE, GONE, {"login": entry.identity}, None)
        ignored = resource.desired.guard.ignore_changes if resource.desired else frozenset()
        live = {
            name: value
            for name, value in observation.attributes.items()
            if name in WIRE and name not in ignored and entry.attributes.get(name, value) != value
        }
        if not live:
            return None
        return Change(
            resource.address,
            UPDATE,
            CHANGED_OUTSIDE,
            {name: _shown_stored(name, entry.attributes[name]) for name in live},
            {name: _shown_live(name, observation.facts["fields"][WIRE[name][1]]) for name in live},
            entry=entry._replace(attributes={**entry.attributes, **live}),
        )

    def delete(self, resource: Resource, observation: Observation, view: View) -> Change | None:
        if not isinstance(observation, Present):
            return None
        balance: Number | None = observation.facts["balance"]
        returns = max(int(balance or 0), 0)
        given_back = [
            change.refund for change in view.changed_in.get(resource.address.name, ()) if change.refund is not None
        ]
        # Cancelling what it had scheduled gives credits back: the balance must be asked for again.
        postpaid: bool = observation.facts["postpaid"]
        asks = not postpaid and (bool(given_back) or balance is None)
        (info,) = view.read(MASTER_INFO)
        balances = {"": info.credits, resource.address.name: balance}
        return Change(
            resource.address,
            DELETE,
            "delete_because_no_resource_config",
            {"login": observation.identity, "balance": returns},
            None,
            method="deleteSubAccount",
            calls=1 + bool(returns) + asks,
            payload=_Payload(observation.identity, {}, None, returns=returns, asks=asks, balances=balances),
            content=observation.identity,
            moves=0 if postpaid else -(returns + sum(given_back)),
        )

    async def execute(self, change: Change, session: Session) -> Sequence[Event]:
        payload: _Payload = change.payload
        if change.deletes:
            return await self._execute_delete(change, payload, session)
        data = dict(payload.data)
        if payload.password:
            password = session.secret(change.address, "password")
            assert password is not None
            data["PASSWORD"] = password.reveal()
        assert payload.entry is not None
        if change.method == "createSubAccount":
            await created(payload.entry, lambda: self._execute_create(payload.login, data, session), session)
            return []
        await self._execute_update(payload.login, data, session)
        return [Put(payload.entry)]

    async def _execute_create(self, login: str, data: Mapping[str, str], session: Session) -> None:
        async def landed() -> CreatedSubAccount | None:
            records = await session.master.get_sub_accounts()
            from smsops.api.records import CreatedSubAccount

            return CreatedSubAccount(None) if any(record.login == login for record in records) else None

        account = await confirmed(lambda: session.master.create_sub_account(data), landed)
        if account.api_key:
            session.learned(login, account.api_key)

    async def _execute_update(self, login: str, data: Mapping[str, str], session: Session) -> None:
        new_login = data.get("LOGIN")

        async def call() -> bool:
            await session.master.update_sub_account(login, data)
            return True

        async def landed() -> bool | None:
            records = {record.login for record in await session.master.get_sub_accounts()}
            return True if new_login in records and login not in records else None

        await (confirmed(call, landed) if new_login else call())

    async def _execute_delete(self, change: Change, payload: _Payload, session: Session) -> Sequence[Event]:
        returns = payload.returns
        if payload.asks:
            info = await session.master.get_info(sub_account=payload.login)
            if info.credits is None:
                raise Refused(
                    "getInfo", f"it does not tell the balance of {payload.login}, which is to come back first"
                )
            returns = int(info.credits)
        effects = {"": returns, change.address.name: -returns}
        if returns > 0:
            try:
                await session.once(
                    "manageSubAccountCredits",
                    lambda: session.master.manage_sub_account_credits(payload.login, -returns),
                    lambda _: [Moved(effects)],
                    address=change.address,
                    facts={"login": payload.login, "credits": -returns, "balance_before": returns},
                    effects=effects,
                    balances=payload.balances,
                )
            except Refused as error:
                if str(error.status) != _UNDER_SUBSCRIPTION:  # a postpaid account has no credits to return
                    raise

        async def call() -> bool:
            await session.master.delete_sub_account(payload.login)
            return True

        async def landed() -> bool | None:
            records = await session.master.get_sub_accounts()
            return None if any(record.login == payload.login for record in records) else True

        await confirmed(call, landed)
        return [Drop(change.address)]

    def _password_is_long_enough(self, resource: Resource, password: Secret, view: View) -> bool:
        if len(password.reveal()) >= _MIN_PASSWORD:
            return True
        view.fail(
            resource.address, "SMS213", f"The password of {resource.address} has fewer than {_MIN_PASSWORD} characters"
        )
        return False

    def _flags(self, spec: SubAccountSpec) -> dict[str, JSON]:
        flags: dict[str, JSON] = {} if spec.active is None else {"active": spec.active}
        if spec.create_only:
            flags["create_only"] = spec.create_only.model_dump(exclude_none=True)
        return flags

    def _entry(self, resource: Resource, login: str, view: View, present: Present | None) -> Entry:
        """What the state keeps of an account that is `present` or made: values to compare with where the API returns none."""
        want = resource.want
        stored = resource.entry.attributes if resource.entry and present else {}
        attributes: dict[str, JSON] = dict(stored)
        attributes |= {name: _comparable(name, value or "", view) for name, value in want.data.items()}
        password = view.secret(resource.address, "password")
        if password is not None:
            attributes["password"] = view.secret_digest(password)
        if want.spec.active is not None:
            attributes["active"] = want.spec.active
        if present is None:
            if want.spec.create_only:
                attributes["create_only"] = want.spec.create_only.model_dump(exclude_none=True)
        else:  # what is left alone is as it was
            known, ignored = {**present.attributes, **stored}, want.guard.ignore_changes
            attributes = {name: value for name, value in attributes.items() if name not in ignored}
            attributes |= {name: known[name] for name in ignored if name in known}
        return Entry(resource.address, login, attributes, want.guard.protect, want.depends_on)

    def _warn_create_only(self, resource: Resource, view: View) -> None:
        wanted = resource.want.spec.create_only
        stored = resource.entry.attributes.get("create_only") if resource.entry else None
        if wanted and stored is not None and wanted.model_dump(exclude_none=True) != stored:
            view.warn(
                resource.address,
                "SMS214",
                f"create_only of {resource.address} has changed, which has no effect any more",
                "The API takes these values only when it creates a sub-account.",
            )


def _said(record: SubAccountRecord, losses: list[str], view: View) -> dict[str, str]:
    """The attributes that an account has a value of, as the configuration would say them; what it cannot say is a loss."""
    country = view.settings.default_country
    said: dict[str, str] = {}
    for name, (_, read) in WIRE.items():
        live = record.fields.get(read, "").strip()
        if not live:
            continue
        text = f"+{live}" if name in _PHONES and live.isascii() and live.isdigit() else live
        meant = normalise_any(text, country) if name in _PHONES else text
        if _comparable(name, meant, view) != _comparable(name, live, view):
            text, meant = live, normalise_any(live, country)
        is_said = can_say(text) and bool(meant) and _comparable(name, meant, view) == _comparable(name, live, view)
        if is_said and (not name.endswith("email") or "@" in text):
            said[name] = text
        else:
            losses.append(f"its {name}, which is nothing that the configuration can say")
    return said


def wanted_attributes(spec: SubAccountSpec, country: str) -> dict[str, str | None]:
    """The attributes that the block manages, by our names; None clears. Phones are digits."""
    given: dict[str, str | None] = {name: getattr(spec, name) for name in spec.model_fields_set if name in WIRE}
    if spec.billing is not None:
        given |= {f"billing.{name}": getattr(spec.billing, name) for name in spec.billing.model_fields_set}
    for name in _PHONES & given.keys():
        given[name] = normalise_any(given[name] or "", country) if given[name] else given[name]
    return {name: given[name] for name in WIRE if name in given}


@lru_cache(maxsize=65_536)
def _recognisable(phone: str, key: str) -> str:
    """By which the state recognises a number that it may not hold."""
    return f"{mask_phone(phone)} {digest(phone, key=key, length=12)}"


def _comparable(name: str, value: str, view: View) -> str:
    """A value as it is compared and kept: the server writes phones and countries its own way."""
    text = value.strip()
    if name in _PHONES:
        digits = normalise_any(text, view.settings.default_country)
        return _recognisable(digits, view.private_key) if digits else ""
    return text.casefold() if name in _CASELESS else text


def _shown(name: str, value: str | None) -> JSON:
    return mask_phone(value) if value and name in _PHONES else value


def _shown_live(name: str, value: str) -> JSON:
    return mask_phone(value) if value and name in _PHONES else value or None


def _shown_stored(name: str, value: JSON) -> JSON:
    return value.split(" ")[0] if name in _PHONES and isinstance(value, str) else value


def _create_only(spec: SubAccountSpec) -> dict[str, str]:
    data: dict[str, str] = {}
    if spec.active is False:  # ACTIVE must not be sent when it is 1
        data["ACTIVE"] = "0"
    if spec.create_only:
        flags = {
            "SENDEMAILTOCUSTOMER": spec.create_only.email_customer,
            "SENDEMAILTOMASTERACCOUNT": spec.create_only.email_master,
            "POSTPAID": spec.create_only.postpaid,
        }
        data |= {name: "1" if flag else "0" for name, flag in flags.items() if flag is not None}
        if spec.create_only.profile:
            data["PROFILE"] = spec.create_only.profile
    return data
