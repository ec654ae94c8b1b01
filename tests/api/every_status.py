"""Every method with every status that it knows: when the sandbox answers so. docs/methods.md is made of this table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from smsops.api import methods
from smsops.api.methods import (
    METHODS,
    CancelStatus,
    CreditStatus,
    EditStatus,
    EmailStatus,
    ImpliedStatus,
    Method,
    NoStatus,
    SendStatus,
    StatusTable,
    SubAccountsStatus,
    Verdict,
)
from smsops.api.payloads import Data, Format, email_data, written
from smsops.api.records import DeliveryStatus, RawAnswer
from smsops.cli.connect import SandboxWire
from smsops.sandbox import fates
from smsops.sandbox.app import Sandbox
from tests.api.scripted_server import EMAIL, KEY, LOGIN, ask

PHONE, OTHER = "33612345678", "33612345679"
LATER = "2026-12-01 10:00:00"
NOW, DAYS_LATER = "2026-11-27T10:00:00", "2026-12-08T10:00:00"
ACCOUNT = {
    "FIRSTNAME": "Thomas",
    "LASTNAME": "Smith",
    "SOCIETY": "ACME",
    "MOBILE": "+33612345678",
    "EMAIL": "lyon@acme.example",
    "LOGIN": "lyon",
    "PASSWORD": "secret-1",
}
PARIS = {"subAccount": "paris"}
WEB = 'style `statuses="web"`: '


class World:
    """An account on a sandbox, with a sub-account and a list, and raw calls in one format."""

    def __init__(self, sandbox: Sandbox, format: Format) -> None:
        self.sandbox, self.format = sandbox, format
        self.key = KEY
        self.at(NOW)
        sandbox.ensure_master(LOGIN, KEY, credits=10_000)
        sandbox.add_sub_account(LOGIN, "paris", credits=50)
        sandbox.add_list(LOGIN, "vip", ["NAME"], [{"phone": PHONE, "NAME": "Marie"}])

    def raw(self, method: Method, parameters: Mapping[str, str]) -> bytes:
        """The body of an answer."""
        return self.answer(method, parameters).body

    def answer(self, method: Method, parameters: Mapping[str, str]) -> RawAnswer:
        name = "send" if method.at_root else method.name
        return ask(
            SandboxWire(self.sandbox.app), lambda api: api.raw(name, parameters), key=self.key, format=self.format
        )

    def feed(self, name: str, data: Data) -> dict[str, str]:
        return {name: written(data, self.format)}

    def broken(self, name: str) -> dict[str, str]:
        return {name: "{" if self.format is Format.JSON else "<DATA><"}

    def at(self, moment: str) -> None:
        self.sandbox.set_clock(datetime.fromisoformat(moment))

    def sent(self, *phones: str, **parameters: str) -> str:
        """The id of a campaign that is on its way."""
        self.raw(
            methods.SIMPLIFIED_SENDING, {"message": "Bonjour", "mobile": ";".join(phones or (PHONE,))} | parameters
        )
        return str(self.sandbox.campaigns()[-1]["id"])

    def sms(self, phone: str) -> str:
        """The id of a message that is on its way."""
        answer = self.raw(methods.SEND_SMS, self.feed("smsData", message(phone)))
        text = answer.decode()
        mark = '"smsId":"' if self.format is Format.JSON else "<smsId>"
        return text.split(mark)[1][:36]


Parameters = Callable[[World], Mapping[str, str]]


@dataclass(frozen=True)
class Case:
    """One status of one method.

    `status` is the entry of the client's table, None where an answer has none: then `error` tells a no from a good
    answer. `taken` where the same status can also stand beside something that was done.
    """

    method: Method
    status: StatusTable | DeliveryStatus | None
    condition: str
    parameters: Parameters
    error: bool = False
    taken: bool = False
    variant: str = ""

    @property
    def is_no(self) -> bool:
        """Whether nothing came of it."""
        if isinstance(self.status, StatusTable):
            return self.status.verdict is not Verdict.DONE and not self.taken
        return self.error

    @property
    def id(self) -> str:
        name = "send" if self.method.at_root else self.method.name
        plain = "error" if self.error else "none"
        code = plain if self.status is None else str(self.status.code)
        return "-".join(filter(None, (name, code, self.variant)))


def message(*phones: str, text: str = "Bonjour", **more: str) -> Data:
    return {"MESSAGE": text, **more, "SMS": [{"MOBILEPHONE": phone} for phone in phones]}


def given(**parameters: str) -> Parameters:
    return lambda world: parameters


def styled(then: Parameters, **options: str) -> Parameters:
    """The parameters, once the sandbox has another style."""

    def parameters(world: World) -> Mapping[str, str]:
        world.sandbox.style(**options)
        return then(world)

    return parameters


def stranger(world: World) -> Mapping[str, str]:
    world.key = "wrong"
    return {}


def poor(then: Parameters, left: int = 1) -> Parameters:
    def parameters(world: World) -> Mapping[str, str]:
        world.sandbox.use_credits(LOGIN, 10_000 - left)
        return then(world)

    return parameters


def sendings() -> Iterator[Case]:
    """Annex 5 and the older table of the vendor's web page, for the three methods that know them."""
    for method in (methods.SEND_SMS, methods.SIMULATE_CAMPAIGN, methods.SIMPLIFIED_SENDING):
        simple, simulates = method.at_root, method.name == "simulateCampaign"

        def feed(*phones: str, simple: bool = simple, text: str = "Bonjour", **more: str) -> Parameters:
            if not simple:
                return lambda world: world.feed("smsData", message(*phones, text=text, **more))
            named = {{"DATE": "date", "CLIENTCODE": "clientcode"}.get(key, key): value for key, value in more.items()}
            return given(message=text, mobile=";".join(phones), **named)

        def case(
            status: SendStatus, condition: str, parameters: Parameters, *, method: Method = method, taken: bool = False
        ) -> Case:
            variant = "web" if condition.startswith(WEB) else ""
            return Case(method, status, condition, parameters, taken=taken, variant=variant)

        def web(then: Parameters) -> Parameters:
            return styled(then, statuses="web")

        as_sending = 'style `simulation="sending"`: ' if simulates else ""

        def like_sending(then: Parameters, simulates: bool = simulates) -> Parameters:
            return styled(then, simulation="sending") if simulates else then

        good = feed(PHONE)
        yield case(SendStatus.SENT, "no DATE, or one that has passed", good)
        yield case(SendStatus.SCHEDULED, f"{as_sending}DATE is to come", like_sending(feed(PHONE, DATE=LATER)))
        yield case(SendStatus.UNAUTHENTICATED, "no active account has this login and key", stranger)
        yield case(SendStatus.NO_CREDIT, f"{WEB}{as_sending}no credit is left", web(like_sending(poor(good, 0))))
        yield case(SendStatus.TOO_FEW_CREDITS, f"{as_sending}it costs more than is left", like_sending(poor(good)))
        yield case(
            SendStatus.EMPTY_DATA, "neither `message` nor `mobile`" if simple else "no feed, or an empty one", given()
        )
        yield case(
            SendStatus.MALFORMED,
            f"{WEB}no `mobile`" if simple else f"{WEB}the feed is not JSON or XML in a DATA",
            web(given(message="Bonjour") if simple else lambda world: world.broken("smsData")),
        )
        yield case(
            SendStatus.BAD_LOGIN, f"{WEB}CLIENTCODE is not the login in capitals", web(feed(PHONE, CLIENTCODE="acme"))
        )
        yield case(SendStatus.EMPTY_MESSAGE, f"{WEB}no MESSAGE", web(feed(PHONE, text=" ")))
        if not simple:
            yield case(
                SendStatus.MALFORMED_MESSAGE,
                "the feed is not JSON or XML in a DATA, or DYNAMIC is not the number of parameters",
                lambda world: world.broken("smsData"),
            )
        else:
            yield case(SendStatus.MALFORMED_MESSAGE, "the message has parameters", feed(PHONE, text="#param_1#"))
        yield case(
            SendStatus.MALFORMED_MESSAGE, f"{WEB}a text of more than 640 characters", web(feed(PHONE, text="x" * 641))
        )
        yield case(SendStatus.NO_MESSAGE, "no MESSAGE", feed(PHONE, text=" "))
        yield case(
            SendStatus.NO_MESSAGE,
            f"{WEB}DATE is malformed, or DYNAMIC is not the number of parameters",
            web(feed(PHONE, text="#param_1#")),
        )
        yield case(SendStatus.TOO_LONG, "a text of more than 1,224 characters", feed(PHONE, text="x" * 1225))
        yield case(
            SendStatus.TOO_LONG,
            f"{WEB}{as_sending}some numbers are invalid; the others get the message",
            web(like_sending(feed(PHONE, "12"))),
            taken=not simulates,
        )
        yield case(SendStatus.NO_NUMBER, f"{WEB}no number is valid", web(feed("12")))
        yield case(
            SendStatus.LINK_TOO_LONG,
            f"{WEB}a link of 80 characters or more",
            web(feed(PHONE, text="https://acme.example/" + "x" * 59)),
        )
        yield case(SendStatus.NO_VALID_NUMBER, "no number is valid", feed("12"))
        yield case(
            SendStatus.NO_VALID_NUMBER, f"{WEB}MASTERACCOUNT is no account", web(feed(PHONE, MASTERACCOUNT="nobody"))
        )
        yield case(
            SendStatus.BAD_DATE, "DATE is not `YYYY-MM-DD HH:MM:SS`, or no such day", feed(PHONE, DATE="tomorrow")
        )


def emails() -> Iterator[Case]:
    """Annex 21."""
    good = email_data(EMAIL)

    def case(status: EmailStatus, condition: str, parameters: Parameters | Mapping[str, str]) -> Case:
        if callable(parameters):
            return Case(methods.SEND_EMAIL, status, condition, parameters)
        return Case(
            methods.SEND_EMAIL, status, condition, lambda world: world.feed("emailData", {**good, **parameters})
        )

    yield case(EmailStatus.SENT, "no DATE, or one that has passed", {})
    yield case(EmailStatus.SCHEDULED, "DATE is to come", {"DATE": LATER})
    yield case(EmailStatus.UNAUTHENTICATED, "no active account has this login and key", stranger)
    yield case(
        EmailStatus.TOO_FEW_CREDITS, "it costs more than is left", poor(lambda world: world.feed("emailData", good))
    )
    yield case(EmailStatus.EMPTY_DATA, "no feed, or an empty one", given())
    yield case(EmailStatus.BAD_SENDER, "FROM is no address", {"FROM": "acme"})
    yield case(EmailStatus.NO_SUBJECT, "no SUBJECT", {"SUBJECT": ""})
    yield case(
        EmailStatus.MALFORMED_HTML,
        "the feed is not JSON or XML in a DATA; HTML is missing or not in base64",
        {"HTML": "<p>"},
    )
    yield case(EmailStatus.NO_RECIPIENT, "no TO", {"TO": ""})
    yield case(EmailStatus.NO_VALID_RECIPIENT, "no address in TO is valid", {"TO": "marie;luc"})
    yield case(EmailStatus.BAD_DATE, "DATE is not `YYYY-MM-DD HH:MM:SS`, or no such day", {"DATE": "tomorrow"})


def cancellations() -> Iterator[Case]:
    """Annex 7."""

    def case(status: CancelStatus, condition: str, parameters: Parameters, variant: str = "") -> Case:
        return Case(methods.DELETE_CAMPAIGN, status, condition, parameters, variant=variant)

    def damaged(how: str) -> Parameters:
        def parameters(world: World) -> Mapping[str, str]:
            campaign = world.sent(date=LATER)
            world.sandbox.damage(campaign, how)
            return {"campId": campaign}

        return parameters

    def twice(world: World) -> Mapping[str, str]:
        campaign = {"campId": world.sent(date=LATER)}
        world.raw(methods.DELETE_CAMPAIGN, campaign)
        return campaign

    def too_late(world: World) -> Mapping[str, str]:
        campaign = world.sent(date=LATER)
        world.at(DAYS_LATER)
        return {"campId": campaign}

    yield case(CancelStatus.DELETED, "the campaign is scheduled", lambda world: {"campId": world.sent(date=LATER)})
    yield case(CancelStatus.ALREADY, "it was deleted before", twice)
    yield case(CancelStatus.UNAUTHENTICATED, "no active account has this login and key", stranger)
    yield case(CancelStatus.UNAUTHENTICATED, "no `campId`", given(), "missing")
    yield case(CancelStatus.NOT_FOUND, "it does not exist, or is another account's", given(campId="ap_1"))
    yield case(CancelStatus.NOT_SCHEDULED, "it was sent at once", lambda world: {"campId": world.sent()})
    yield case(CancelStatus.BAD_STATUS, '`Sandbox.damage(campaign, "stopped")`', damaged("stopped"))
    yield case(CancelStatus.BAD_DATE, '`Sandbox.damage(campaign, "undated")`', damaged("undated"))
    yield case(CancelStatus.ALREADY_SENT, "its date has come", too_late)


def credits() -> Iterator[Case]:
    """§19."""

    def case(status: CreditStatus | None, condition: str, parameters: Parameters) -> Case:
        return Case(methods.MANAGE_SUB_ACCOUNT_CREDITS, status, condition, parameters)

    def postpaid(world: World) -> Mapping[str, str]:
        world.sandbox.add_sub_account(LOGIN, "monthly", postpaid=True)
        return {"subAccount": "monthly", "credits": "5"}

    def move(credits: str) -> Parameters:
        return given(subAccount="paris", credits=credits)

    yield case(CreditStatus.DONE, "the credits were moved, and the answer is in XML", move("5"))
    yield case(None, "the credits were moved, and the answer is in JSON", move("-5"))
    yield case(CreditStatus.DONE_100, 'style `success="100"`: the credits were moved', styled(move("5"), success="100"))
    yield case(CreditStatus.NOT_LINKED, "not a sub-account of the caller", given(subAccount="nobody", credits="5"))
    yield case(CreditStatus.NO_SUB_ACCOUNT, "no `subaccount`", given(credits="5"))
    yield case(CreditStatus.NO_CREDITS, "no `credits`, or no whole number", given(subAccount="paris"))
    yield case(CreditStatus.SUBSCRIPTION, "the sub-account is in post payment", postpaid)
    yield case(CreditStatus.SUB_ACCOUNT_TOO_LOW, "the sub-account has fewer than are taken back", move("-51"))
    yield case(CreditStatus.MASTER_TOO_LOW, "the master has fewer than are given", move("10001"))


def edits() -> Iterator[Case]:
    """Annexes 10, 15 and 18, §20, §21 and §24."""
    contact: Data = {"LISTNAME": "vip", "CONTACT": [{"MOBILEPHONE": OTHER}]}
    no_list: Data = {"LISTNAME": "nowhere", "CONTACT": [{"MOBILEPHONE": OTHER}]}
    named = "wrong login or key; no feed, or one that cannot be read"
    for method, done, parameters, error, wrong in (
        (
            methods.CREATE_SUB_ACCOUNT,
            "the sub-account is made",
            lambda world: world.feed("accountData", ACCOUNT),
            f"{named}; a mandatory field is missing; the login exists; a field is not valid",
            lambda world: world.feed("accountData", ACCOUNT | {"LOGIN": "paris"}),
        ),
        (
            methods.UPDATE_SUB_ACCOUNT,
            "the fields are changed",
            lambda world: PARIS | world.feed("accountData", {"CITY": "Nice"}),
            f"{named}; no `subaccount`, or not one of the caller's; a field is not valid",
            lambda world: world.feed("accountData", {"CITY": "Nice"}),
        ),
        (
            methods.DELETE_SUB_ACCOUNT,
            "the sub-account is gone",
            given(loginToDelete="paris"),
            "wrong login or key; not a sub-account of the caller",
            given(loginToDelete="nobody"),
        ),
        (
            methods.CREATE_LIST,
            "the list is made",
            lambda world: world.feed("listData", {"LISTNAME": "new"}),
            f"{named}; no LISTNAME; the list exists; its structure is not valid",
            lambda world: world.feed("listData", {"LISTNAME": "vip"}),
        ),
        (
            methods.POPULATE_LIST,
            "the contacts were counted, whatever came of each",
            lambda world: world.feed("populateData", contact),
            f"{named}; no such list; no contact; the list is locked",
            lambda world: world.feed("populateData", no_list),
        ),
        (
            methods.DELETE_CONTACTS,
            "the contacts were counted, whatever came of each",
            lambda world: world.feed("deleteData", contact),
            f"{named}; no such list; no contact; the list is locked",
            lambda world: world.feed("deleteData", no_list),
        ),
        (
            methods.DELETE_LIST,
            "the list is gone",
            given(listName="vip"),
            "wrong login or key; no such list",
            given(listName="nowhere"),
        ),
    ):
        yield Case(method, EditStatus.DONE, done, parameters)
        yield Case(method, EditStatus.ERROR, error, wrong)


def implied() -> Iterator[Case]:
    """shortenUrl and getPulls, whose good answer is printed without a status (§28, §10)."""
    link, pulls = given(url="https://acme.example/sale"), given()
    for method, good, done, wrong, no in (
        (methods.SHORTEN_URL, link, "the short address is made", given(url="acme"), "no `url`, or none that is one"),
        (methods.GET_PULLS, pulls, "the replies not taken yet", None, ""),
    ):
        yield Case(method, None, done, good)
        yield Case(method, ImpliedStatus.DONE, f'style `success="1"`: {done}', styled(good, success="1"))
        yield Case(method, ImpliedStatus.DONE_100, f'style `success="100"`: {done}', styled(good, success="100"))
        yield Case(
            method,
            ImpliedStatus.ERROR,
            no or 'style `wrong_key="0"`: wrong login or key',
            wrong or styled(stranger, wrong_key="0"),
        )
        yield Case(
            method,
            ImpliedStatus.UNAUTHENTICATED,
            'style `wrong_key="102"`: wrong login or key',
            styled(stranger, wrong_key="102"),
        )


def reads() -> Iterator[Case]:
    """The methods whose good answer has no status, and which say no with `error` (§8 to §14, §18, §25 to §27)."""

    def answered(world: World) -> dict[str, str]:
        """The campaign whose one recipient has a report and a reply."""
        world.sandbox.recipients(reply_rate=1.0)
        phone = fated(DeliveryStatus.DELIVERED)
        sms = world.sms(phone)
        world.at(DAYS_LATER)
        return {"campId": str(world.sandbox.campaigns()[-1]["id"]), "smsIds": sms}

    def no_sub_account(world: World) -> Mapping[str, str]:
        world.raw(methods.DELETE_SUB_ACCOUNT, {"loginToDelete": "paris"})
        return {}

    stranger_or = "wrong login or key"
    missing = {"campId": "ap_1", "smsIds": "1"}
    for method, good, parameters, no, wrong in (
        (methods.GET_INFO, "an account's own facts", given(), f"{stranger_or}; no such sub-account", given(subAccount="nobody")),
        (methods.GET_BLACKLIST, "also when nobody is on it", given(), f"{stranger_or}; no such sub-account", given(subAccount="nobody")),
        (methods.GET_SUB_ACCOUNTS, "there are sub-accounts", given(), stranger_or, stranger),
        (methods.GET_LISTS, "also when there is none", given(), f"{stranger_or}; no such sub-account", given(subAccount="nobody")),
        (
            methods.GET_CONTACTS,
            "also when it has none",
            given(listName="vip"),
            f"{stranger_or}; no such sub-account (no such list is `status` 0)",
            stranger,
        ),
        (methods.GET_CREDITS_BY_COUNTRY, "what an SMS costs", given(countryIsoCode="FR"), f"{stranger_or}; an unknown country", given(countryIsoCode="fr")),
        (methods.GET_ACKS, "what was reported so far", answered, f"{stranger_or}; no such campaign", given(**missing)),
        (methods.GET_ACK_BY_SMS_ID, "what was reported last", answered, f"{stranger_or}; no such message, or no report yet", given(**missing)),
        (methods.GET_PULL, "the replies to a campaign", answered, f"{stranger_or}; no such campaign", given(**missing)),
        (methods.GET_PULL_BY_SMS_ID, "the latest reply to a message", answered, f"{stranger_or}; no such message, or no reply", given(**missing)),
        (methods.GET_PULLS, "", None, f"{stranger_or}; `limit` is not valid", given(limit="none")),
    ):  # fmt: skip
        if parameters is not None:
            yield Case(method, None, good, parameters)
        yield Case(method, None, no, wrong, error=True)
    yield Case(methods.GET_SUB_ACCOUNTS, SubAccountsStatus.NONE_FOUND, "there is no sub-account", no_sub_account)


def fated(status: DeliveryStatus) -> str:
    """A number whose SMS in the first campaign ends with this status."""
    phones = (f"336{number:08}" for number in range(10_000))
    return next(phone for phone in phones if fates.reports(fates.Recipients(), 1, phone, 0.0)[-1].status == status.code)


def deliveries() -> Iterator[Case]:
    """Annex 6."""
    shares = {1: "92 %", 2: "3 %", 3: "2 %, and every message until its end", 4: "1 %", 5: "2 %"}
    for method in (methods.GET_ACKS, methods.GET_ACK_BY_SMS_ID):
        for status in DeliveryStatus:

            def parameters(world: World, status: DeliveryStatus = status) -> Mapping[str, str]:
                sms = world.sms(fated(status))
                world.at(DAYS_LATER)
                return {"campId": str(world.sandbox.campaigns()[-1]["id"]), "smsIds": sms}

            condition = f"so the seed has it: {shares[status.code]} of the messages"
            yield Case(method, status, condition, parameters, variant="report")


CASES = (
    *sendings(),
    *reads(),
    *deliveries(),
    *implied(),
    *cancellations(),
    *edits(),
    *credits(),
    *emails(),
)
"""Every pair of a method and a status, some of them twice: each condition that the manual tells apart."""


def expected() -> set[tuple[str, object]]:
    """The pairs that there must be at least: the client's tables, delivery reports, answers without a status."""
    pairs: set[tuple[str, object]] = {(method.name, entry) for method in METHODS for entry in method.statuses}
    pairs |= {(name, status) for name in ("getAcks", "getAckBySmsId") for status in DeliveryStatus}
    without = (NoStatus, SubAccountsStatus, ImpliedStatus, CreditStatus)
    pairs |= {(method.name, "none") for method in METHODS if method.statuses in without}
    return pairs | {(method.name, "error") for method in METHODS if method.statuses in (NoStatus, SubAccountsStatus)}
