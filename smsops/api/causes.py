"""Why the API says no, as a rule, and what to do about it: the manual gives a status a few words, and people need the next step."""

from __future__ import annotations

from collections.abc import Mapping

from smsops.api.methods import (
    CREATE_LIST,
    CREATE_SUB_ACCOUNT,
    DELETE_CONTACTS,
    DELETE_LIST,
    DELETE_SUB_ACCOUNT,
    GET_ACK_BY_SMS_ID,
    GET_ACKS,
    GET_PULL,
    GET_PULL_BY_SMS_ID,
    POPULATE_LIST,
    UPDATE_SUB_ACCOUNT,
    CancelStatus,
    CreditStatus,
    EmailStatus,
    ImpliedStatus,
    Method,
    SendStatus,
    StatusTable,
    SubAccountsStatus,
    Verdict,
)

CHECK_CREDENTIALS = (
    "Check the login and the API key (manager.allmysms.com shows it), and whether your address is allowed."
)
_BUY = "Buy credits, or move some to the account that sends (credits:); the account may have sent by itself meanwhile."
_MESSAGE = "Look at the message with smsops preview: its fields, its length, characters that are no text."
_NUMBERS = (
    "Look at the numbers of the audience: none of them is a mobile that the API takes, or all are on the blacklist."
)
_DATE = "A date is written YYYY-MM-DD HH:MM, is to come, and exists in settings.account_timezone."
_SPLIT = "Shorten the message, or a field of it: 1,224 characters, or 640 where the server keeps to its older table."

_BY_STATUS: Mapping[StatusTable, str] = {
    SendStatus.NO_CREDIT: _BUY,
    SendStatus.TOO_FEW_CREDITS: _BUY,
    SendStatus.EMPTY_DATA: "The request arrived empty: a proxy may have taken its body away.",
    SendStatus.MALFORMED: _MESSAGE,
    SendStatus.BAD_LOGIN: "CLIENTCODE is not the login: leave it out.",
    SendStatus.EMPTY_MESSAGE: _MESSAGE,
    SendStatus.MALFORMED_MESSAGE: _SPLIT,
    SendStatus.NO_MESSAGE: _MESSAGE,
    SendStatus.TOO_LONG: _SPLIT,
    SendStatus.NO_NUMBER: _NUMBERS,
    SendStatus.LINK_TOO_LONG: "Write the link as {short:https://…}.",
    SendStatus.NO_VALID_NUMBER: _NUMBERS,
    SendStatus.BAD_DATE: _DATE,
    EmailStatus.TOO_FEW_CREDITS: _BUY,
    EmailStatus.EMPTY_DATA: "The request arrived empty: a proxy may have taken its body away.",
    EmailStatus.BAD_SENDER: "The sender is an address of a domain that the account may use.",
    EmailStatus.NO_SUBJECT: "Write a subject.",
    EmailStatus.MALFORMED_HTML: "Look at the HTML: it is whole, and UTF-8.",
    EmailStatus.NO_RECIPIENT: "Look at the audience: nobody in it has an address.",
    EmailStatus.NO_VALID_RECIPIENT: "Look at the addresses of the audience: the API takes none of them.",
    EmailStatus.BAD_DATE: _DATE,
    CreditStatus.NOT_LINKED: "Look whether the login is right (smsops state list): another account may own it, or it was deleted.",
    CreditStatus.NO_SUB_ACCOUNT: "The login of the sub-account did not arrive: look at the spelling of the parameter.",
    CreditStatus.NO_CREDITS: "The amount did not arrive: look at the spelling of the parameter.",
    CreditStatus.SUBSCRIPTION: "A postpaid account has no balance: remove its credits:.",
    CreditStatus.SUB_ACCOUNT_TOO_LOW: "It has spent some meanwhile: plan again, and take back less.",
    CreditStatus.MASTER_TOO_LOW: "Buy credits for the master account, or move less.",
    CancelStatus.NOT_FOUND: "Look whether it was sent from this account, and not from another or by a sub-account.",
    CancelStatus.NOT_SCHEDULED: "What was sent at once cannot be taken back.",
    CancelStatus.BAD_STATUS: "It is being sent, or waits for the vendor: look in the customer area.",
    CancelStatus.BAD_DATE: "Ask the vendor: the campaign is there, and its date makes no sense.",
    CancelStatus.ALREADY_SENT: "It cannot be taken back any more. Cancel earlier: policy.min_lead_time.",
    ImpliedStatus.ERROR: f"The address may be no link, or the login is not known. {CHECK_CREDENTIALS}",
}
_WRONG_KEY = "A wrong key is answered so too."
_BY_METHOD: Mapping[Method, str] = {
    CREATE_SUB_ACCOUNT: "As a rule the login is taken, by an account of somebody else too, or the API misses company or mobile, or"
    f" the password has fewer than six characters. {_WRONG_KEY}",
    UPDATE_SUB_ACCOUNT: "As a rule a value is not what the API takes (e-mail, mobile, a password of fewer than six characters),"
    f" the new login is taken, or the sub-account is gone. {_WRONG_KEY}",
    DELETE_SUB_ACCOUNT: f"As a rule it is gone already, or is not this account's. {_WRONG_KEY}",
    CREATE_LIST: f"As a rule the name is taken, or a field has a name that the API does not take. {_WRONG_KEY}",
    POPULATE_LIST: f"As a rule the list is locked or gone, or has other fields. {_WRONG_KEY}",
    DELETE_CONTACTS: f"As a rule the list is locked or gone. {_WRONG_KEY}",
    DELETE_LIST: f"As a rule the list is gone already, or a scheduled campaign uses it. {_WRONG_KEY}",
} | dict.fromkeys(
    (GET_ACKS, GET_ACK_BY_SMS_ID, GET_PULL, GET_PULL_BY_SMS_ID),
    f"As a rule the id is of another account, or of none. {_WRONG_KEY}",
)


def cause(method: Method, status: StatusTable) -> str:
    """Why a method answers with a status that is no success, as a rule, and what to do; "" where only the status tells."""
    if status.verdict is Verdict.UNAUTHENTICATED:
        return CHECK_CREDENTIALS
    return _BY_STATUS.get(status) or ("" if status.verdict is Verdict.DONE else refusal(method))


def refusal(method: Method) -> str:
    """The same for a no that gives no reason."""
    return next((text for known, text in _BY_METHOD.items() if known.name == method.name), "")


def meaning(method: Method, code: str) -> StatusTable | None:
    """The entry of a status as `comparable` writes it; for a read whose answers have none, what one amounts to all the same."""
    found = method.meaning(code)
    if found is None and method.reads and code in ("0", "102"):
        return ImpliedStatus.UNAUTHENTICATED if method.statuses is not SubAccountsStatus or code == "102" else None
    return found
