"""The methods of the API that smsops calls: may a request be repeated, and what does each status mean.

`status` has no common meaning in this API: 1 is success for createSubAccount and "parameter missing" for
manageSubAccountCredits, 0 is an error and also "no sub-account". So each method has a table of its own, and
a status that is not in it is never a success.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

Code = int | str
"""A status as errors show it: a number, or a word in upper case."""


class Retry(Enum):
    """What may be done when it is unknown whether a request arrived.

    Whatever the class, a request that certainly never left is tried again, and so is one that the
    server turned away with HTTP 429.
    """

    READ = auto()
    """Changes nothing: repeat it."""

    REPEATABLE = auto()
    """A write whose repetition changes nothing that matters: repeat it."""

    AFTER_READING_BACK = auto()
    """Repeating it can do harm, but a read shows whether it happened: the caller reads, then decides."""

    NEVER = auto()
    """Moves money or messages: never repeated on a guess."""


class Verdict(Enum):
    """What a documented status says about the call."""

    DONE = auto()
    REFUSED = auto()
    UNAUTHENTICATED = auto()


class StatusTable(Enum):
    """Base of the tables. A member is (code, meaning, verdict, *other spellings of the code)."""

    def __init__(self, code: Code, meaning: str, verdict: Verdict, *spellings: str) -> None:
        self.code = code
        self.meaning = meaning
        self.verdict = verdict
        self.spellings = (str(code), *spellings)


class NoStatus(StatusTable):
    """For the reads whose good answer has no status of the call (manual §8, §9, §11 to §14, §25 to §27)."""


class SubAccountsStatus(StatusTable):
    """getSubAccounts (manual §18): 0 is success only beside the text "No subaccount found"."""

    NONE_FOUND = (0, "no sub-account", Verdict.DONE)


class EditStatus(StatusTable):
    """Writes of sub-accounts, lists and contacts (manual §20, §21, §24, appendices 10, 15, 18).

    A wrong key is a plain 0 as well; only the text would tell.
    """

    ERROR = (0, "an error has occurred", Verdict.REFUSED)
    DONE = (1, "done", Verdict.DONE)


class CreditStatus(StatusTable):
    """manageSubAccountCredits (manual §19)."""

    DONE = ("OK", "the balance has been changed", Verdict.DONE)
    # Not in the manual: a client in production takes it for success beside the sub-account's balance.
    DONE_100 = (100, "the balance has been changed", Verdict.DONE)
    NOT_LINKED = (0, "the sub-account is not linked to the master account", Verdict.REFUSED)
    NO_SUB_ACCOUNT = (1, "the parameter subaccount is missing", Verdict.REFUSED)
    NO_CREDITS = (2, "the parameter credits is missing", Verdict.REFUSED)
    SUBSCRIPTION = (3, "the account is under subscription, it has no balance to change", Verdict.REFUSED)
    SUB_ACCOUNT_TOO_LOW = (4, "the sub-account has fewer credits than are to be taken back", Verdict.REFUSED)
    MASTER_TOO_LOW = (5, "the master account has fewer credits than are to be given", Verdict.REFUSED)


class SendStatus(StatusTable):
    """sendSms and simulateCampaign: appendix 5 of the manual, and the older table of the vendor's web page.

    The two contradict each other from 109 to 114, so a meaning may name both. All are failures in both but
    111, which the older table gives to a message that was taken without its invalid numbers.
    """

    SENT = (100, "sent", Verdict.DONE)
    SCHEDULED = (101, "scheduled", Verdict.DONE)
    UNAUTHENTICATED = (102, "no account matches this login and API key", Verdict.UNAUTHENTICATED)
    NO_CREDIT = (103, "no credit left", Verdict.REFUSED)
    TOO_FEW_CREDITS = (104, "not enough credits", Verdict.REFUSED)
    EMPTY_DATA = (105, "no data", Verdict.REFUSED)
    MALFORMED = (106, "invalid or incomplete data", Verdict.REFUSED)
    BAD_LOGIN = (107, "the login in the data is invalid", Verdict.REFUSED)
    EMPTY_MESSAGE = (108, "the message is empty", Verdict.REFUSED)
    MALFORMED_MESSAGE = (
        109,
        "invalid data after the message, or a message of more than 640 characters",
        Verdict.REFUSED,
    )
    NO_MESSAGE = (110, "the message is empty, or invalid data", Verdict.REFUSED)
    TOO_LONG = (111, "the message is too long, or some numbers are invalid", Verdict.REFUSED)
    NO_NUMBER = (112, "no valid number", Verdict.REFUSED)
    LINK_TOO_LONG = (113, "a link is longer than 80 characters", Verdict.REFUSED)
    NO_VALID_NUMBER = (114, "no valid number, or an unknown master account", Verdict.REFUSED)
    BAD_DATE = (115, "malformed date", Verdict.REFUSED)


class CancelStatus(StatusTable):
    """deleteCampaign (appendix 7). The printed spellings are doubtful, so the regular ones count as well."""

    DELETED = ("OK", "the campaign has been deleted", Verdict.DONE)
    ALREADY = ("CAMPAIGNALREADYDELETED", "the campaign was already deleted", Verdict.DONE, "CAMPALREADYDELETED")
    # Also "the parameter Campid is missing", but that is always sent, in both spellings.
    UNAUTHENTICATED = (
        "CAMPIDNOTFOUND",
        "identification problem, or the campaign id did not arrive",
        Verdict.UNAUTHENTICATED,
        "CAMPAIGNIDNOTFOUND",
    )
    NOT_FOUND = ("CAMPNOTFOUND", "the campaign was not found", Verdict.REFUSED, "CAMPAIGNNOTFOUND")
    NOT_SCHEDULED = ("BADCAMPAIGSENDINGTYPE", "not a scheduled campaign", Verdict.REFUSED, "BADCAMPAIGNSENDINGTYPE")
    BAD_STATUS = (
        "BCAMPAIGNSTATUS",
        "the campaign is in the wrong status",
        Verdict.REFUSED,
        "BADCAMPAIGNSTATUS",
        "BADCAMPAIGSTATUS",
    )
    BAD_DATE = ("BADDATETOSEND", "the campaign's date is corrupted", Verdict.REFUSED)
    ALREADY_SENT = ("CAMPALREADYSENT", "the campaign has already been sent", Verdict.REFUSED, "CAMPAIGNALREADYSENT")


class EmailStatus(StatusTable):
    """sendEmail (appendix 21)."""

    SENT = (100, "sent", Verdict.DONE)
    SCHEDULED = (101, "scheduled", Verdict.DONE)
    UNAUTHENTICATED = (102, "no account matches this login and API key", Verdict.UNAUTHENTICATED)
    TOO_FEW_CREDITS = (104, "not enough credits", Verdict.REFUSED)
    EMPTY_DATA = (105, "no data", Verdict.REFUSED)
    BAD_SENDER = (106, "the sender's address is invalid or missing", Verdict.REFUSED)
    NO_SUBJECT = (107, "the subject is empty", Verdict.REFUSED)
    MALFORMED_HTML = (109, "invalid or incomplete data after the HTML", Verdict.REFUSED)
    NO_RECIPIENT = (110, "no recipients", Verdict.REFUSED)
    NO_VALID_RECIPIENT = (114, "no valid address among the recipients", Verdict.REFUSED)
    BAD_DATE = (115, "malformed date", Verdict.REFUSED)


class ImpliedStatus(StatusTable):
    """shortenUrl and getPulls (manual §28, §10): a good answer has no status; where there is one, it means what it does elsewhere."""

    ERROR = (0, "an error has occurred", Verdict.REFUSED)
    DONE = (1, "done", Verdict.DONE)
    DONE_100 = (100, "done", Verdict.DONE, "OK")
    UNAUTHENTICATED = (102, "no account matches this login and API key", Verdict.UNAUTHENTICATED)


class Method(NamedTuple):
    """One method: its name in the URL, whether it may be repeated, its statuses, its section of the manual.

    `settled_by` are the refusals that say how things stand, whatever became of an earlier request. `at_root` is
    for the one that has no name in the URL.
    """

    name: str
    retry: Retry
    statuses: type[StatusTable]
    section: str
    settled_by: tuple[StatusTable, ...] = ()
    at_root: bool = False

    @property
    def path(self) -> str:
        return "" if self.at_root else f"{self.name}/"

    @property
    def reads(self) -> bool:
        return self.retry is Retry.READ

    def meaning(self, status: str) -> StatusTable | None:
        """The entry of the method's table for a status as `comparable` returns it, or None."""
        return next((entry for entry in self.statuses if status in entry.spellings), None)


def comparable(status: object) -> str:
    """A status in the form in which tables are searched; "" when there is none.

    The same status comes as 100, "100", 100.0 or " 100 "; words come in any case, with or without blanks
    and underscores. A boolean is no status of this API.
    """
    if status is None:
        return ""
    text = str(status).strip()
    number = re.fullmatch(r"([+-]?[0-9]{1,18})(?:\.0*)?", text)
    if number:
        return str(int(number[1]))
    if any(letter.isdigit() for letter in text):
        return text.upper()  # never glued together: "1 00" is not 100
    return re.sub(r"[\W_]+", "", text).upper()


GET_INFO = Method("getInfo", Retry.READ, NoStatus, "§13")
GET_BLACKLIST = Method("getBlacklist", Retry.READ, NoStatus, "§14")
GET_SUB_ACCOUNTS = Method("getSubAccounts", Retry.READ, SubAccountsStatus, "§18")
GET_LISTS = Method("getLists", Retry.READ, NoStatus, "§25")
GET_CONTACTS = Method("getContacts", Retry.READ, NoStatus, "§26")
GET_CREDITS_BY_COUNTRY = Method("getCreditsByCountryIsoCode", Retry.READ, NoStatus, "§27")
SIMULATE_CAMPAIGN = Method("simulateCampaign", Retry.READ, SendStatus, "§7")
GET_ACKS = Method("getAcks", Retry.READ, NoStatus, "§8")
GET_ACK_BY_SMS_ID = Method("getAckBySmsId", Retry.READ, NoStatus, "§9")
GET_PULL = Method("getPull", Retry.READ, NoStatus, "§11")
GET_PULL_BY_SMS_ID = Method("getPullBySmsId", Retry.READ, NoStatus, "§12")

CREATE_SUB_ACCOUNT = Method("createSubAccount", Retry.AFTER_READING_BACK, EditStatus, "§16")
UPDATE_SUB_ACCOUNT = Method("updateSubAccount", Retry.REPEATABLE, EditStatus, "§17")
# Once the first request has gone through, its repetition would not find the old login.
RENAME_SUB_ACCOUNT = Method("updateSubAccount", Retry.AFTER_READING_BACK, EditStatus, "§17")
DELETE_SUB_ACCOUNT = Method("deleteSubAccount", Retry.AFTER_READING_BACK, EditStatus, "§20")
MANAGE_SUB_ACCOUNT_CREDITS = Method("manageSubAccountCredits", Retry.NEVER, CreditStatus, "§19")
CREATE_LIST = Method("createList", Retry.AFTER_READING_BACK, EditStatus, "§21")
POPULATE_LIST = Method("populateList", Retry.AFTER_READING_BACK, EditStatus, "§22")
DELETE_CONTACTS = Method("deleteContacts", Retry.AFTER_READING_BACK, EditStatus, "§23")
DELETE_LIST = Method("deleteList", Retry.AFTER_READING_BACK, EditStatus, "§24")
SEND_SMS = Method("sendSms", Retry.NEVER, SendStatus, "§6")
SIMPLIFIED_SENDING = Method("simplified sending", Retry.NEVER, SendStatus, "§5", at_root=True)
SEND_EMAIL = Method("sendEmail", Retry.NEVER, EmailStatus, "§29")
# Each reply is given once. A second request would bring the next ones, as if there had been no others.
GET_PULLS = Method("getPulls", Retry.AFTER_READING_BACK, ImpliedStatus, "§10")
DELETE_CAMPAIGN = Method(
    "deleteCampaign", Retry.REPEATABLE, CancelStatus, "§15", (CancelStatus.ALREADY_SENT, CancelStatus.NOT_SCHEDULED)
)
# A second short link for the same address costs nothing and does no harm.
SHORTEN_URL = Method("shortenUrl", Retry.REPEATABLE, ImpliedStatus, "§28")

METHODS = (
    GET_INFO,
    GET_BLACKLIST,
    GET_SUB_ACCOUNTS,
    GET_LISTS,
    GET_CONTACTS,
    GET_CREDITS_BY_COUNTRY,
    SIMULATE_CAMPAIGN,
    GET_ACKS,
    GET_ACK_BY_SMS_ID,
    GET_PULL,
    GET_PULL_BY_SMS_ID,
    CREATE_SUB_ACCOUNT,
    UPDATE_SUB_ACCOUNT,
    DELETE_SUB_ACCOUNT,
    MANAGE_SUB_ACCOUNT_CREDITS,
    CREATE_LIST,
    POPULATE_LIST,
    DELETE_CONTACTS,
    DELETE_LIST,
    SEND_SMS,
    SIMPLIFIED_SENDING,
    SEND_EMAIL,
    GET_PULLS,
    DELETE_CAMPAIGN,
    SHORTEN_URL,
)
"""Every method once."""


def called(name: str) -> Method:
    """The method with this name, in any case; simplified sending, which has none, is `send`. KeyError where there is none."""
    return _BY_NAME[name.lower()]


_BY_NAME = {method.name.lower(): method for method in METHODS} | {"send": SIMPLIFIED_SENDING}
