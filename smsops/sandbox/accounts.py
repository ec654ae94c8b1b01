"""The methods about accounts: §13, §14, §16 to §20 and §27."""

import re
from collections.abc import Mapping

from smsops.sandbox import messages
from smsops.sandbox.answers import Body
from smsops.sandbox.calls import Call, Refused, refuse_write
from smsops.sandbox.forms import flag_of, text_of
from smsops.sandbox.store import Account

# What getSubAccounts calls the fields that createSubAccount takes (§16, §18), in the order of its answer.
_CONTACT_FIELDS = {
    "LASTNAME": "LastName",
    "FIRSTNAME": "FirstName",
    "SOCIETY": "Company",
    "PHONE": "Phone",
    "MOBILE": "Mobile",
    "EMAIL": "Email",
    "WEBSITE": "WebSite",
    "ADDRESS": "Address",
    "ZIP": "Zip",
    "CITY": "City",
    "COUNTRY": "Country",
}
_BILLING_FIELDS = {
    "BILLLASTNAME": "BillLastName",
    "BILLFIRSTNAME": "BillFirstName",
    "BILLSOCIETY": "BillCompany",
    "BILLPHONE": "BillPhone",
    "BILLMOBILE": "BillMobile",
    "BILLEMAIL": "BillEmail",
    "BILLADDRESS": "BillAddress",
    "BILLZIP": "BillZip",
    "BILLCITY": "BillCity",
    "BILLCOUNTRY": "BillCountry",
}
UNTOLD_BALANCE = "_UNTOLD_BALANCE"
"""A field of an account whose balance no answer tells."""
_UPDATABLE = (*_CONTACT_FIELDS, *_BILLING_FIELDS, "PASSWORD")
_MANDATORY = ("FIRSTNAME", "LASTNAME", "EMAIL", "PASSWORD", "SOCIETY", "MOBILE")
_PHONES = ("PHONE", "MOBILE", "BILLPHONE", "BILLMOBILE")
_COUNTRIES = ("COUNTRY", "BILLCOUNTRY")
_SHORTEST_PASSWORD = 6
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")


def get_info(call: Call) -> Body:
    """getInfo (§13)."""
    account = call.target()
    return {
        "status": "Active Account" if account.active else "Inactive Account",
        **_balance(account),
        "ApiKey": account.api_key,
        "LastName": account.fields.get("LASTNAME", ""),
        "FirstName": account.fields.get("FIRSTNAME", ""),
        "Society": account.fields.get("SOCIETY", ""),
        "Email": account.fields.get("EMAIL", ""),
    }


def get_sub_accounts(call: Call) -> Body:
    """getSubAccounts (§18): the caller's sub-accounts; to have none has a status of its own."""
    found = call.store.accounts(call.caller.id)
    if not found:
        return {"status": 0, "statusText": "No subaccount found"}
    return {"Total": len(found), "Subaccounts": [_described(account) for account in found]}


def _described(account: Account) -> Body:
    fields = account.fields
    described: Body = {"Login": account.login}
    described |= {shown: fields.get(name, "") for name, shown in _CONTACT_FIELDS.items()}
    described |= {"ClientType": "Company" if fields.get("SOCIETY") else "Individual", "Fax": ""}
    described |= {
        "CreationDate": account.created,
        "LastVisit": account.created,
        "LastActivity": account.last_activity,
    }
    described |= {shown: fields.get(name, "") for name, shown in _BILLING_FIELDS.items()}
    return described | _balance(account)


def _balance(account: Account) -> Body:
    """What is told of a balance: nothing of one that is known to be kept secret."""
    return {} if UNTOLD_BALANCE in account.fields else {"credits": str(account.credits)}


def fields_shown(shown: Mapping[str, str]) -> dict[str, str]:
    """The fields of an account from what getSubAccounts shows, its names in any case."""
    names = {theirs.upper(): ours for ours, theirs in (_CONTACT_FIELDS | _BILLING_FIELDS).items()}
    return {names[name.upper()]: value for name, value in shown.items() if name.upper() in names}


def create_sub_account(call: Call) -> Body:
    """createSubAccount (§16); SOCIETY and MOBILE are as mandatory as the five that the manual marks."""
    data = call.payload("accountData")
    if call.caller.master_id is not None:
        raise call.refuse("A sub account cannot have sub accounts")
    fields = _fields(call, data, (*_UPDATABLE, "PROFILE"))
    login = text_of(data.get("LOGIN")) or ""
    _check_login(call, login)
    missing = [name for name in _MANDATORY if not fields.get(name)]
    if missing:
        raise call.refuse(f"Mandatory fields are missing: {', '.join(missing)}")
    active = _flag(call, data, "ACTIVE", default=True)
    postpaid = _flag(call, data, "POSTPAID", default=False)
    if postpaid and not call.caller.postpaid:
        raise call.refuse("The master account is not in post payment")
    created = call.store.add_account(
        login, now=call.today, master_id=call.caller.id, active=active, postpaid=postpaid, fields=fields
    )
    return {"status": "1", "Text": "Sub-account successfully created", "apiKey": created.api_key}


def update_sub_account(call: Call) -> Body:
    """updateSubAccount (§17): what is not given stays; a new LOGIN takes along all that the account owns."""
    account = call.target()
    if account is call.caller:
        raise call.refuse('The "subaccount" parameter is not defined')
    data = call.payload("accountData")
    fields = _fields(call, data, _UPDATABLE)
    emptied = [name for name in _MANDATORY if fields.get(name) == ""]
    if emptied:
        raise call.refuse(f"Mandatory fields are empty: {', '.join(emptied)}")
    login = account.login
    if "LOGIN" in data and data["LOGIN"] != login:
        login = text_of(data["LOGIN"]) or ""
        _check_login(call, login)
    active = _flag(call, data, "ACTIVE", default=account.active)
    call.store.change_account(account, login=login, active=active, fields=account.fields | fields)
    return {"status": "1", "Text": "Sub-account successfully updated"}


def account_fields(given: Mapping[str, str]) -> dict[str, str]:
    """Fields of an account as the platform keeps them: phones in digits, a country's name like `France`."""
    kept = dict(given)
    for name in _PHONES:
        if name in kept:
            kept[name] = messages.account_phone(kept[name])
    for name in _COUNTRIES:
        if kept.get(name, "").isupper() or kept.get(name, "").islower():
            kept[name] = kept[name].title()
    return kept


def _fields(call: Call, data: Mapping[str, object], names: tuple[str, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name in names:
        if name in data:
            value = text_of(data[name])
            if value is None:
                raise call.refuse(f"{name} is not valid")
            given[name] = value
    if "PASSWORD" in given and len(given["PASSWORD"]) < _SHORTEST_PASSWORD:
        raise call.refuse(f"PASSWORD has less than {_SHORTEST_PASSWORD} characters")
    return account_fields(given)


def _check_login(call: Call, login: str) -> None:
    if not login.strip():
        raise call.refuse("LOGIN is missing")
    if call.store.account(login) is not None:
        raise call.refuse("The login already exists")


def _flag(call: Call, data: Mapping[str, object], name: str, *, default: bool) -> bool:
    if name not in data:
        return default
    flag = flag_of(data[name])
    if flag is None:
        raise call.refuse(f"{name} is not 0 or 1")
    return flag


def refuse_account_write(text: str) -> Body:
    """How createSubAccount and updateSubAccount say no: their text has another key (§16.3)."""
    return {"status": "0", "Text": text}


def delete_sub_account(call: Call) -> Body:
    """deleteSubAccount (§20): with all that the account owns; the credits left on it are lost."""
    account = call.store.account(call.params.get("loginToDelete"))
    if account is None or account.master_id != call.caller.id:
        raise call.refuse("The sub account is not linked to the master account")
    call.store.delete_account(account)
    return {"status": "1", "statusText": "sub-account has been successfully deleted"}


_CREDIT_ERRORS = (
    "The sub account is not linked to the master account",
    'The "subaccount" parameter is not defined',
    'The "credits" parameter is not defined',
    "The account is under subscription",
    "The sub account has insufficient funds",
    "The master account does not have enough credits",
)


def manage_sub_account_credits(call: Call) -> Body:
    """manageSubAccountCredits (§19): moves a signed number of credits from the master; success has a status in XML alone."""
    login, wanted = call.params.get("subAccount"), call.params.get("credits").strip()
    if not login:
        raise _credit_error(1)
    account = call.store.account(login)
    if account is None or account.master_id != call.caller.id:
        raise _credit_error(0)
    if not _WHOLE.fullmatch(wanted):
        raise _credit_error(2)
    if account.postpaid:
        raise _credit_error(3)
    delta = int(wanted)
    if account.credits + delta < 0:
        raise _credit_error(4)
    if call.caller.credits < delta:
        raise _credit_error(5)
    call.store.move_credits(call.caller.id, -delta)
    balance = call.store.move_credits(account.id, delta)
    success = {"status": "OK"} if call.in_xml else {}
    if call.style.success == "100":  # 1 would be an error here
        success = call.succeeded()
    return success | {"Subaccount": [{"Login": account.login, "credits": str(balance)}]}


def _credit_error(code: int) -> Refused:
    return Refused(refuse_write(_CREDIT_ERRORS[code]) | {"status": str(code)})


def get_blacklist(call: Call) -> Body:
    """getBlacklist (§14)."""
    return {
        "Blacklist": [
            {"phoneNumber": phone, "comment": comment, "receptionDate": received}
            for phone, comment, received in call.blacklist(call.target())
        ]
    }


def get_credits_by_country_iso_code(call: Call) -> Body:
    """getCreditsByCountryIsoCode (§27): codes in capitals only."""
    iso = call.params.get("countryIsoCode")
    price = call.tariff.price_of_country(iso)
    if price is None:
        raise call.refuse("Unknown country")
    return {"IsoCode": iso, "nbCredits": str(price)}
