"""From a good answer to a value of the contract, one function a method; `judge` runs them on bytes.

    judge(GET_LISTS, lists, body)

Read tolerantly, judge strictly: any form of a fact that was ever documented or seen is accepted, and
whatever is not positively a success is an error. An answer that says nothing is never "there is none".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from smsops.api.errors import ApiError, AuthenticationRefused, Refused
from smsops.api.methods import (
    GET_INFO,
    GET_SUB_ACCOUNTS,
    CancelStatus,
    CreditStatus,
    ImpliedStatus,
    NoStatus,
    SendStatus,
    StatusTable,
    SubAccountsStatus,
    Verdict,
    comparable,
)
from smsops.api.records import (
    AccountInfo,
    Blacklisted,
    Cancelled,
    Contacts,
    Counts,
    CreatedSubAccount,
    DeliveryReport,
    DeliveryReports,
    DeliveryStatus,
    ListRecord,
    Number,
    RawAnswer,
    Replies,
    Reply,
    Sent,
    SentEmail,
    Simulation,
    SubAccountRecord,
)
from smsops.api.tree import Malformed, Mapped, Tree, count, decode, elements, keyed, moment, number, text, texts
from smsops.api.verdicts import Answer, judge
from smsops.table import Row
from smsops.table.answer import BadBody, ContactsBody, digits, table_of

__all__ = [
    "account",
    "acks",
    "acks_of_one",
    "blacklist",
    "cancelled",
    "contact_rows",
    "contacts",
    "counts",
    "created",
    "credits_by_country",
    "done",
    "judge",
    "lists",
    "new_balance",
    "raw",
    "replies",
    "replies_to_one",
    "sent",
    "sent_email",
    "short_url",
    "simulation",
    "sub_accounts",
    "taken_replies",
]

# Never among the free fields of a record: they are printed and stored.
_SECRET_KEYS = frozenset(("apikey", "password", "passcode"))
_NO_FIELDS_OF_THE_MASTER = _SECRET_KEYS | {"status", "credits"}
_NO_FIELDS_OF_A_SUB_ACCOUNT = _SECRET_KEYS | {"login", "credits"}
_SIGNS_OF_AN_ACCOUNT = ("credits", "email", "login", "apikey", "lastname", "firstname", "society", "company")
_SIGNS_OF_SUCCESS = ("campaignid", "success", "subaccount")
_FAILURE_WORDS = re.compile(
    r"err(or|eur)|fail|échec|invalid|incorrect|problem|denied|refus|unknown|not found|no account|^n?ko$", re.IGNORECASE
)
_SHORT_URL = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?/[\w.~:/?#\[\]@!$&'()*+,;=%-]+", re.IGNORECASE | re.ASCII)
_NO_ID = frozenset(("", "0", "null", "none", "false"))


def raw(answer: Answer) -> RawAnswer:
    """Any answer as it is; `refused` where it says no, and nothing in it speaks against that."""
    judged: Callable[[Answer], object] = _unless_refused
    if answer.method in (GET_INFO, GET_SUB_ACCOUNTS):  # which say no in words
        judged = account if answer.method is GET_INFO else sub_accounts
    refused = None
    try:
        judged(answer)
    except Refused as error:
        refused = error
    except (ApiError, Malformed):
        pass  # what makes no sense is no clear no
    return RawAnswer(answer.body, refused)


def _unless_refused(answer: Answer) -> None:
    if answer.method.statuses is NoStatus:
        answer.no_failure(Refused)
    elif all(text(answer.mapped.get(key)) in ("", "0") for key in _SIGNS_OF_SUCCESS):
        if answer.error and not answer.code:
            raise answer.turned_down(Refused, "the server reports an error")
        answer.done()


# Reads


def account(answer: Answer, *, sub_account: str | None = None, caller_key: str | None = None) -> AccountInfo:
    """getInfo (manual §13). Its status is free text, such as "Active Account"; failures are not documented.

    With `sub_account`, an answer that is visibly about the calling account is no answer: a server
    that does not know the spelling of the parameter ignores it and describes the master.
    """
    mapped = answer.mapped
    _no_error(answer)
    if _numeric(answer.code):
        answer.no_failure()
    fields = texts(mapped, without=_NO_FIELDS_OF_THE_MASTER)
    status = text(mapped.get("status"))
    if not any(text(mapped.get(key)) for key in _SIGNS_OF_AN_ACCOUNT):
        if not re.search(r"[^\W\d_]", status) or not isinstance(mapped["status"], str):
            raise answer.unclear("an answer that describes no account")
        if _FAILURE_WORDS.search(status):  # words decide here only that nothing else speaks for an account
            raise answer.turned_down(
                AuthenticationRefused, "the server describes no account", status=answer.quoted(status)
            )
    key = text(mapped.get("apikey")) or None
    login = text(mapped.get("login"))
    if sub_account is not None and ((login and login.lower() != sub_account.lower()) or (key and key == caller_key)):
        raise answer.unclear("the answer is about another account than the sub-account that was asked for")
    return AccountInfo(answer.quoted(status), number(mapped.get("credits")), key, fields)


def _numeric(code: str) -> bool:
    return code.lstrip("-").isdecimal()


def _no_error(answer: Answer) -> None:
    if answer.error:
        raise answer.turned_down(AuthenticationRefused, "the server does not answer this account")


def sub_accounts(answer: Answer) -> tuple[SubAccountRecord, ...]:
    """getSubAccounts (manual §18): empty only with "No subaccount found", or with an explicit total or array of none.

    A failure of the login has status 0 as well. Taken for "none", it would make every sub-account look deleted.
    """
    mapped = answer.mapped
    _no_error(answer)
    members = elements(mapped.get("subaccounts"), "subaccount")
    total = _total(answer)
    if answer.method.meaning(answer.code) is SubAccountsStatus.NONE_FOUND:
        if members or total:
            raise answer.unclear("the answer reports an error, and sub-accounts besides")
        if not any(_says_none_found(mapped.get(key)) for key in ("statustext", "text")):
            raise answer.turned_down(AuthenticationRefused, "the server does not list the sub-accounts")
        return ()
    if answer.code:
        answer.no_failure()
        raise answer.strange_status()  # a good answer has no status at all
    if "subaccounts" not in mapped and total != 0:
        raise answer.unclear("an answer without sub-accounts that does not say that there are none")
    if total is not None and total > len(members):
        raise answer.unclear(f"{total} sub-accounts announced, {len(members)} received", transient=True)
    return tuple(_sub_account(keyed(member)) for member in members)


def _says_none_found(words: Tree) -> bool:
    # Letters only: hyphens, blanks and capitals differ between the manual and its translations.
    return isinstance(words, str) and re.sub(r"[\W\d_]+", "", words).lower() == "nosubaccountfound"


def _total(answer: Answer) -> int | None:
    raw = answer.mapped.get("total")
    if raw is None or raw == "":
        return None
    total = count(raw)
    if total is None:
        raise answer.unclear("the announced number of sub-accounts is not a number")
    return total


def _sub_account(mapped: Mapped) -> SubAccountRecord:
    login = text(mapped.get("login"))
    if not login:
        raise Malformed("a sub-account without a login")
    fields = texts(mapped, without=_NO_FIELDS_OF_A_SUB_ACCOUNT)
    return SubAccountRecord(login, number(mapped.get("credits")), fields)


def _collection(answer: Answer, key: str, member: str, zero: type[Refused] = AuthenticationRefused) -> list[Tree]:
    # How an empty collection looks is not documented. A body of nothing but [] or {} is what PHP makes of an
    # empty array; with other keys beside it, a missing collection is something else that we do not know.
    if answer.tree in ([], {}):
        return []
    answer.no_failure(zero)
    mapped = answer.mapped
    if key not in mapped:
        raise answer.unclear(f"an answer without {key}")
    return elements(mapped[key], member)


def lists(answer: Answer) -> tuple[ListRecord, ...]:
    """getLists (manual §25). The number of contacts is `Contacts` in JSON and `Contact` in XML."""
    return tuple(_list(keyed(member)) for member in _collection(answer, "lists", "list"))


def _list(mapped: Mapped) -> ListRecord:
    name = text(mapped.get("listname"))
    if not name:
        raise Malformed("a list without a name")
    contacts = count(mapped.get("contacts", mapped.get("contact")))
    locked = {"1": True, "0": False, "true": True, "false": False}.get(text(mapped.get("locked")).lower())
    return ListRecord(name, contacts, locked, text(mapped.get("creationdate")))


def contacts(answer: Answer, body: ContactsBody | None = None) -> Contacts:
    """getContacts (manual §26): every key but MobilePhone is a field, in whatever case it comes back.

    `body` may have taken the contacts out of the answer while it arrived. An unknown list is not
    documented, and may well be what a status 0 means here.
    """
    members = _collection(answer, "contacts", "contact", zero=Refused)
    try:
        read = body.table() if body else None
    except BadBody as error:
        raise Malformed(str(error)) from None
    if read is not None:
        if members:
            raise Malformed("the answer has contacts in two places")
        return Contacts(*read)
    rows = _contact_rows(members)
    return Contacts(table_of(rows), len(rows))


def contact_rows(content: bytes) -> list[Row]:
    """The contacts of a JSON array as they were sent. Malformed where it makes no sense."""
    members = decode(content)
    if not isinstance(members, list):
        raise Malformed("the contacts are no collection")
    return _contact_rows(members)


def _contact_rows(members: list[Tree]) -> list[Row]:
    """All contacts of a list have the same keys, as a rule: which is the phone is found out once."""
    shapes: dict[tuple[str, ...], tuple[str, tuple[tuple[str, str], ...]]] = {}
    rows: list[Row] = []
    for position, member in enumerate(members):
        if not isinstance(member, dict):
            raise Malformed("a contact that is not made of fields")
        members[position] = None  # what is read is let go: the list need not be in memory twice
        names = tuple(member)
        shape = shapes.get(names)
        if shape is None:
            shape = shapes[names] = _shape(names)
        phone, fields = shape
        record = {field: value.strip() if type(value := member[name]) is str else text(value) for name, field in fields}
        rows.append((_digits(member[phone]), record))
    return rows


def _shape(names: tuple[str, ...]) -> tuple[str, tuple[tuple[str, str], ...]]:
    phones = [name for name in names if name.strip().lower() == "mobilephone"]
    if len(phones) != 1:
        raise Malformed("a contact without one phone number")
    return phones[0], tuple((name, name.strip()) for name in names if name != phones[0])


def _digits(phone: Tree) -> str:
    try:
        return digits(phone if isinstance(phone, str) else str(count(phone)))
    except BadBody as error:
        raise Malformed(str(error)) from None


def blacklist(answer: Answer) -> frozenset[str]:
    """getBlacklist (manual §14), whose printed JSON has an array around it and blanks in its keys."""
    return frozenset(_blacklisted_phone(member) for member in _collection(answer, "blacklist", "contact"))


def blacklist_entries(answer: Answer) -> tuple[Blacklisted, ...]:
    """getBlacklist (manual §14) with comments and dates."""
    return tuple(_blacklisted(member) for member in _collection(answer, "blacklist", "contact"))


def _blacklisted(member: Tree) -> Blacklisted:
    mapped = keyed(member) if isinstance(member, dict) else {}
    return Blacklisted(_blacklisted_phone(member), text(mapped.get("comment")), moment(mapped.get("receptiondate")))


def _blacklisted_phone(member: Tree) -> str:
    if isinstance(member, dict):
        mapped = keyed(member)
        member = mapped.get("phonenumber", mapped.get("mobilephone"))
    return _digits(member)


def credits_by_country(answer: Answer) -> Number:
    """getCreditsByCountryIsoCode (manual §27). A price of nothing is no price."""
    answer.no_failure(zero=Refused)
    price = number(answer.mapped.get("nbcredits"))
    if price is None or price <= 0:
        raise answer.unclear("an answer without a price")
    return price


def simulation(answer: Answer) -> Simulation:
    """simulateCampaign (manual §7)."""
    if answer.error and not answer.code:
        _no_error(answer)
    answer.done()
    mapped = answer.mapped
    credits, contacts_, messages = (
        number(mapped.get("nbcredits")),
        count(mapped.get("nbcontacts")),
        count(mapped.get("nbsms")),
    )
    if credits is None or credits < 0 or contacts_ is None or messages is None:
        raise answer.unclear("a simulation without its numbers")
    return Simulation(credits, contacts_, messages, _invalid_numbers(mapped))


_DELIVERY = {str(status.code): status for status in DeliveryStatus}


def acks(answer: Answer) -> DeliveryReports:
    """getAcks (manual §8). Its `error` may be about anything, the campaign or the login."""
    return DeliveryReports(tuple(map(_report, _reported(answer, "acks", "ack"))), _client_id(answer))


def acks_of_one(answer: Answer) -> tuple[DeliveryReport, ...]:
    """getAckBySmsId (manual §9): one report without anything around it, though there "may be several ACK"."""
    return tuple(map(_report, _reported_of_one(answer, "acks", "ack")))


def replies(answer: Answer) -> Replies:
    """getPull (manual §11)."""
    return Replies(tuple(map(_reply, _reported(answer, "mos", "mo"))), _client_id(answer))


def replies_to_one(answer: Answer) -> tuple[Reply, ...]:
    """getPullBySmsId (manual §12): one reply without anything around it."""
    return tuple(map(_reply, _reported_of_one(answer, "mos", "mo")))


def _reported(answer: Answer, key: str, member: str) -> list[Mapped]:
    if isinstance(answer.tree, list) and answer.tree:
        raise answer.unclear(f"an answer without {key}")
    if answer.error and answer.code != "102":
        raise answer.turned_down(Refused, "the server reports an error")
    if isinstance(answer.tree, dict) and answer.mapped.keys() == {"climsgid"}:
        return []  # what stands beside the collection, which is left out where it is empty
    return [keyed(found) for found in _collection(answer, key, member, zero=Refused)]


def _reported_of_one(answer: Answer, key: str, member: str) -> list[Mapped]:
    if answer.tree in ([], {}):
        return []
    if isinstance(answer.tree, list):
        return [keyed(found) for found in answer.tree]
    mapped = answer.mapped
    if key in mapped:
        return _reported(answer, key, member)
    if answer.error and answer.code != "102":
        raise answer.turned_down(Refused, "the server reports an error")
    if member in mapped:
        return [keyed(found) for found in elements(mapped[member], member)]
    if "phonenumber" in mapped:  # then a status is the message's, not the call's
        return [mapped]
    answer.no_failure(zero=Refused)
    raise answer.unclear("an answer without anything reported")


def _client_id(answer: Answer) -> str | None:
    return (text(answer.mapped.get("climsgid")) or None) if isinstance(answer.tree, dict) else None


def _report(mapped: Mapped) -> DeliveryReport:
    status = mapped.get("status", mapped.get("statut"))
    return DeliveryReport(
        phone=_digits(mapped.get("phonenumber")),
        status=_DELIVERY.get(comparable(status)),
        code=text(status),
        comment=text(mapped.get("comment")),
        received=moment(mapped.get("receptiondate")),
    )


def _reply(mapped: Mapped) -> Reply:
    if "message" not in mapped:
        raise Malformed("a reply without its text")
    return Reply(
        phone=_digits(mapped.get("phonenumber")),
        text=text(mapped["message"]),
        campaign_id=text(mapped.get("campaignid")) or None,
        id=text(mapped.get("id")) or None,
        received=moment(mapped.get("receptiondate")),
    )


# Writes


def taken_replies(answer: Answer) -> tuple[Reply, ...]:
    """getPulls (manual §10)."""
    if answer.error and isinstance(answer.tree, dict) and elements(answer.mapped.get("mos"), "mo"):
        raise answer.unclear("the answer reports an error, and replies besides")
    return tuple(map(_reply, _reported(answer, "mos", "mo")))


def done(answer: Answer) -> None:
    """A write that answers with nothing but its status: 1 or 0."""
    answer.done()


def created(answer: Answer) -> CreatedSubAccount:
    """createSubAccount (manual §16). In production the answer carries the new account's key."""
    answer.done()
    key = answer.mapped.get("apikey")
    return CreatedSubAccount(key.strip() or None if isinstance(key, str) else None)


def counts(answer: Answer) -> Counts:
    """populateList and deleteContacts (manual §22, §23). Status 1 says little: the counts are what happened."""
    mapped = answer.mapped
    success, ignored, duplicated = (count(mapped.get(key)) for key in ("success", "ignored", "duplicated"))
    if answer.code == "0" and success:
        raise answer.unclear("the answer reports an error, and contacts that went through besides")
    answer.done()
    if success is None or ignored is None or duplicated is None:
        raise answer.unclear("the answer says that it was done, but not how many contacts went through")
    return Counts(success, ignored, duplicated)


def new_balance(answer: Answer, *, login: str) -> Number | None:
    """manageSubAccountCredits (manual §19): its success has a status in XML and none in the printed JSON.

    The sub-account that the answer names must be the one that was meant, otherwise somebody else's
    balance has moved. An error beside a balance says both, so that nothing is known.
    """
    mapped = answer.mapped
    named, balance = _balance(mapped)
    entry = answer.entry() if answer.code else CreditStatus.DONE
    if entry.verdict is Verdict.REFUSED and (named is None or balance is None):
        raise answer.refused(entry)
    if entry.verdict is Verdict.REFUSED or answer.error:
        raise answer.unclear(
            "the answer reports an error, and a balance besides" if balance is not None else "an error"
        )
    if named is None and answer.code != "OK":
        raise answer.unclear("the answer does not say whose balance has changed")
    if named is not None and named.lower() != login.lower():
        raise answer.unclear("the answer is about another sub-account than the one that was meant")
    return balance


def _balance(mapped: Mapped) -> tuple[str | None, Number | None]:
    held = mapped.get("subaccount")
    if held and not isinstance(held, (dict, list)):
        return text(held), number(mapped.get("credits"))
    members = [keyed(member) for member in elements(held, "subaccount")]
    if len(members) > 1:
        raise Malformed("the answer is about several sub-accounts")
    named = members[0] if members else mapped
    return text(named.get("login")) or None, number(named.get("credits"))


def sent(answer: Answer) -> Sent:
    """sendSms (manual §6, appendix 5). Only a campaign id makes a success, and only its absence a failure.

    111 is "too long" in the manual and "some numbers are invalid" in the older table; with a campaign id it
    is the latter, and the other recipients get their message.
    """
    mapped = answer.mapped
    entry, campaign = _taken(answer)
    return Sent(
        status=int(entry.code),
        campaign_id=campaign,
        credits=number(mapped.get("credits")),
        credits_used=number(mapped.get("creditsused")),
        contacts=count(mapped.get("nbcontacts")),
        messages=count(mapped.get("nbsms")),
        invalid_numbers=_invalid_numbers(mapped),
        sms_ids=_sms_ids(mapped),
    )


def sent_email(answer: Answer) -> SentEmail:
    """sendEmail (manual §29, appendix 21), judged as a message is."""
    entry, campaign = _taken(answer)
    mapped = answer.mapped
    return SentEmail(int(entry.code), campaign, number(mapped.get("credits")), _concatenated(mapped, "invalidemails"))


def _taken(answer: Answer) -> tuple[StatusTable, str]:
    held = answer.mapped.get("campaignid")
    campaign = text(held) if not isinstance(held, bool) else ""
    campaign = "" if campaign.lower() in _NO_ID else campaign
    entry = answer.entry()
    taken = entry.verdict is Verdict.DONE or (entry is SendStatus.TOO_LONG and bool(campaign))
    if not taken and not campaign:
        raise answer.refused(entry)
    if not taken:
        raise answer.unclear(f"a failure, and a campaign id besides: {entry.meaning}", status=entry.code)
    if not campaign:
        raise answer.unclear("the message was taken, but its campaign id is lost", status=entry.code, happened="yes")
    if answer.error:
        raise answer.unclear("the message was taken, and an error besides", status=entry.code)
    return entry, campaign


# "Concatenation of invalid numbers", by whatever separator, and ids that nobody needs to have. Nothing that stands
# here may turn a message that was sent into one that was not.


def _invalid_numbers(mapped: Mapped) -> tuple[str, ...]:
    return tuple(number for held in _concatenated(mapped, "invalidnumbers") if (number := held.replace("+", "")))


def _concatenated(mapped: Mapped, key: str) -> tuple[str, ...]:
    held = mapped.get(key)
    parts = held if isinstance(held, list) else [held]
    words = " ".join(str(part) for part in parts if isinstance(part, (str, int)) and not isinstance(part, bool))
    return tuple(part for part in re.split(r"[;,\s]+", words) if part)


def _sms_ids(mapped: Mapped) -> tuple[tuple[str, str], ...]:
    try:
        members = [keyed(member) for member in elements(mapped.get("smsids"), "sms")]
        pairs = [(_digits(member.get("phonenumber")), text(member.get("smsid"))) for member in members]
    except Malformed:
        return ()
    return tuple(pair for pair in pairs if pair[1])


def cancelled(answer: Answer) -> Cancelled:
    """deleteCampaign (manual §15, appendix 7)."""
    return Cancelled(already=answer.done() is CancelStatus.ALREADY)


def short_url(answer: Answer) -> str:
    """shortenUrl (manual §28): only an address in the answer is a success, and one without a path is none that was made."""
    held = answer.mapped.get("shorturl")
    url = text(held).replace("\\/", "/") if isinstance(held, str) else ""
    found = _SHORT_URL.fullmatch(url) is not None
    entry = answer.entry() if answer.code else ImpliedStatus.DONE
    failed = entry.verdict is not Verdict.DONE
    if found and (failed or answer.error):
        raise answer.unclear("the answer reports an error, and a short address besides")
    if failed:
        raise answer.refused(entry)
    if answer.error:
        raise answer.turned_down(Refused, "the server reports an error")
    if not found:
        raise answer.unclear("an answer without a short address")
    return url
