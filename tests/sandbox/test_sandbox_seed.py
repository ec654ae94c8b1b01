"""What a sandbox is told of another platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import KEY, LOGIN, Api, data

PHONE, OTHER = "33612345678", "33612345679"


def test_a_seeded_sandbox_answers_as_the_other_platform_would() -> None:
    """Accounts, prices, campaigns by their own ids and contacts are the other's; contacts come when a call needs them."""
    asked: list[str] = []

    def contacts() -> Iterator[tuple[str, list[str]]]:
        asked.append("vip")
        yield PHONE, ["Lyon"]

    with closing(Sandbox()) as sandbox:
        tomorrow = sandbox.now() + timedelta(days=1)
        with sandbox.seeding() as seed:
            seed.account(LOGIN, credits=1000.5, api_key=KEY)
            seed.account(
                "paris", master=LOGIN, credits=None, postpaid=True, shown={"company": "ACME", "billcity": "Lyon"}
            )
            fields = {"City": {"mailing": True}}
            seed.contact_list(LOGIN, "vip", locked=False, fields=fields, count=1, contacts=contacts)
            seed.contact_list(LOGIN, "many", locked=True, fields={}, count=1_000_000, contacts=None)
            for name in ("ap_28400003", "b-7"):
                seed.campaign(LOGIN, name, due=tomorrow, credits=30, recipients=2)
            seed.blacklist(LOGIN, [OTHER])
            seed.prices({"FR": ("33", 7), "SE": ("46", 12.5)})
        api = Api(sandbox)

        (shown,) = api("getSubAccounts")["Subaccounts"]
        assert (shown["Company"], shown["BillCity"], "credits" in shown) == ("ACME", "Lyon", False)
        assert [(one["ListName"], one["Contacts"]) for one in api("getLists")["Lists"]] == [
            ("vip", "1"),
            ("many", "1000000"),
        ]
        assert (asked, sandbox.untouched()) == ([], {(LOGIN, "vip"), (LOGIN, "many")})
        added = api("populateList", populateData=data(LISTNAME="vip", CONTACT=[{"MOBILEPHONE": PHONE}]))
        assert (added["Duplicated"], asked, sandbox.untouched()) == (1, ["vip"], {(LOGIN, "many")})
        assert api("getContacts", listName="vip")["Contacts"] == [{"MobilePhone": PHONE, "City": "Lyon"}]

        assert api("getCreditsByCountryIsoCode", countryIsoCode="SE")["nbCredits"] == "12.5"
        sent = api.send(PHONE, OTHER, "+46701234567")
        assert (sent["campaignId"], sent["creditsUsed"], sent["credits"]) == ("ap_28400005", "19.5", "981.0")
        assert [api("deleteCampaign", campId=name)["status"] for name in ("b-7", "ap_28400003")] == ["OK", "OK"]
        assert sandbox.balances() == {LOGIN: 1041.0}
