"""Putting what another platform holds into a sandbox: plain values in, in the words of the API's answers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from smsops.sandbox import accounts
from smsops.sandbox.store import Contacts, Store


class Seed:
    """What a sandbox can be told of another platform. Accounts come before what is theirs, masters before sub-accounts."""

    def __init__(self, store: Store, today: str) -> None:
        self._store = store
        self._today = today

    def account(
        self,
        login: str,
        *,
        master: str | None = None,
        credits: float | None,
        api_key: str | None = None,
        active: bool = True,
        postpaid: bool = False,
        shown: Mapping[str, str] | None = None,
    ) -> None:
        """An account. Credits of None are those that no answer tells; `shown` are the fields as getSubAccounts shows them.

        Without an API key it gets one of its own; an empty one is none.
        """
        fields = accounts.fields_shown(shown or {})
        self._store.add_account(
            login,
            now=self._today,
            master_id=None if master is None else self._number(master),
            credits=credits or 0,
            api_key=api_key,
            active=active,
            postpaid=postpaid,
            fields=fields if credits is not None else fields | {accounts.UNTOLD_BALANCE: ""},
        )

    def contact_list(
        self,
        login: str,
        name: str,
        *,
        locked: bool,
        fields: Mapping[str, Mapping[str, bool]],
        count: int,
        contacts: Contacts | None,
    ) -> None:
        """A list; its fields in order, by name, with `filter` and `mailing`.

        `contacts` brings pairs of a phone and the values in the order of the fields. It is called when a call of the API
        first needs them; until then their number is all that is known. Without it that stays so.
        """
        structure = [
            {"name": field, "filter": flags.get("filter", False), "mailing": flags.get("mailing", False)}
            for field, flags in fields.items()
        ]
        made = self._store.add_list(self._number(login), name, locked=locked, fields=structure, now=self._today)
        if count or contacts is not None:
            self._store.await_contacts(made.id, count, contacts)

    def campaign(self, login: str, campaign_id: str, *, due: datetime, credits: float, recipients: int) -> None:
        """A campaign that is scheduled, by the identifier that it has there. To whom it goes is not known."""
        account = self._store.account_by_id(self._number(login))
        content = {
            "name": "",
            "message": "",
            "tpoa": "",
            "sender": "",
            "date": f"{due:%Y-%m-%d %H:%M:%S}",
            "scheduled": True,
            "mail_notif": "",
            "climsgid": "",
            "credits": credits,
            "nb_sms": recipients,
            "recipients": [],
        }
        made = self._store.add_campaign(account, "scheduled", due.timestamp(), content)
        self._store.name_campaign(made, campaign_id)

    def blacklist(self, login: str, phones: Iterable[str]) -> None:
        """Numbers, in digits with the country code, that no message of an account reaches."""
        number = self._number(login)
        for phone in phones:
            self._store.add_to_blacklist(number, phone, "", self._today)

    def prices(self, prices: Mapping[str, Sequence[object]]) -> None:
        """What an SMS costs where it is not what the sandbox takes: calling code and credits, by ISO code."""
        self._store.set_setting("prices", dict(prices))

    def _number(self, login: str) -> int:
        account = self._store.account(login)
        if account is None:
            raise ValueError(f"no account {login}")
        return account.id
