"""The table of the API's methods, and how one call goes through: who calls, what happens, what is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from smsops.sandbox import accounts, answers, campaigns, emails, links, lists, reports, xml
from smsops.sandbox.answers import Body, Style
from smsops.sandbox.calls import Call, Refusal, Refused, refuse_read, refuse_write
from smsops.sandbox.fates import Recipients
from smsops.sandbox.forms import Params
from smsops.sandbox.store import Account, Store

_NO_ACCOUNT = "Connection problem - no account matches the login and the API key"


@dataclass(frozen=True)
class Method:
    """A method: what it does, its own way to say no, and which parameter carries its feed, if it has one."""

    run: Callable[[Call], Body]
    refusal: Refusal
    payload: str = ""


SIMPLIFIED = "9.0"
"""The last part of the address of simplified sending, which ends with the version (§5.1) and answers in JSON alone (§5.2)."""

# By the last part of their address.
METHODS: dict[str, Method] = {
    SIMPLIFIED: Method(campaigns.send_simplified, campaigns.refuse_sending),
    "getInfo": Method(accounts.get_info, refuse_read),
    "getSubAccounts": Method(accounts.get_sub_accounts, refuse_read),
    "createSubAccount": Method(accounts.create_sub_account, accounts.refuse_account_write, "accountData"),
    "updateSubAccount": Method(accounts.update_sub_account, accounts.refuse_account_write, "accountData"),
    "deleteSubAccount": Method(accounts.delete_sub_account, refuse_write),
    "manageSubAccountCredits": Method(accounts.manage_sub_account_credits, refuse_write),
    "getLists": Method(lists.get_lists, refuse_read),
    "createList": Method(lists.create_list, refuse_write, "listData"),
    "deleteList": Method(lists.delete_list, refuse_write),
    "getContacts": Method(lists.get_contacts, refuse_read),
    "populateList": Method(lists.populate_list, refuse_write, "populateData"),
    "deleteContacts": Method(lists.delete_contacts, refuse_write, "deleteData"),
    "sendSms": Method(campaigns.send_sms, campaigns.refuse_sending, "smsData"),
    "simulateCampaign": Method(campaigns.simulate_campaign, campaigns.refuse_sending, "smsData"),
    "deleteCampaign": Method(campaigns.delete_campaign, campaigns.refuse_cancelling),
    "getAcks": Method(reports.get_acks, refuse_read),
    "getAckBySmsId": Method(reports.get_ack_by_sms_id, refuse_read),
    "getPulls": Method(reports.get_pulls, refuse_read),
    "getPull": Method(reports.get_pull, refuse_read),
    "getPullBySmsId": Method(reports.get_pull_by_sms_id, refuse_read),
    "sendEmail": Method(emails.send_email, campaigns.refuse_sending, "emailData"),
    "getBlacklist": Method(accounts.get_blacklist, refuse_read),
    "getCreditsByCountryIsoCode": Method(accounts.get_credits_by_country_iso_code, refuse_read),
    "shortenUrl": Method(links.shorten_url, refuse_write),
}


@dataclass(frozen=True)
class Result:
    """What a call came to; `overloaded` when it was too big and its answer is lost.

    `sub_account` is the one that its payload named, if any.
    """

    body: Body
    refused: bool
    in_xml: bool
    overloaded: bool = False
    sub_account: str | None = None


def perform(
    name: str,
    params: Params,
    store: Store,
    style: Style,
    recipients: Recipients,
    now: datetime,
    *,
    half: bool = False,
) -> Result:
    """Process one call, in the caller's transaction; `half` takes in only the first half of its contacts."""
    method = METHODS[name]
    in_xml = name != SIMPLIFIED and params.in_xml(method.payload)
    caller = _authenticated(params, store)
    if caller is None:
        return Result(_stranger(method, style), True, in_xml)
    call = Call(store, params, style, recipients, now, caller, method.refusal, half=half, in_xml=in_xml)
    store.touch(caller, call.today)
    try:
        body, refused = method.run(call), False
    except Refused as error:
        body, refused = error.body, True
    return Result(body, refused, in_xml, call.overloaded, call.sub_account)


def encoded(name: str, result: Result, style: Style) -> bytes:
    """The bytes of an answer, in its format."""
    return xml.encode(name, answers.whole(result.body), style) if result.in_xml else answers.encode(result.body, style)


def _stranger(method: Method, style: Style) -> Body:
    """How a method answers bad credentials: its own way, or one that another method has."""
    ways = {"0": refuse_write, "102": campaigns.refuse_sending, "error": refuse_read}
    return ways.get(style.wrong_key, method.refusal)(_NO_ACCOUNT)


def _authenticated(params: Params, store: Store) -> Account | None:
    login, key = params.get("login"), params.get("apiKey")
    account = store.account(login) if login and key else None
    return account if account is not None and account.active and account.api_key == key else None
