"""E-mail campaigns: their parts, their dates, who gets one, and e-mails that nobody gets twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from tests.harness import LOGIN, Stack
from tests.kinds.contract import LATER, GuardedKindContract, Sections, codes, mutating, people, person, phone

AFTERWARDS = datetime(2026, 12, 2, tzinfo=UTC)
HTML = "<style>p {color: red}</style><p>Été</p><a href='https://acme.example/out'>unsubscribe</a>"


def email(subject: str = "Hello", schedule: str = LATER, **more: Any) -> dict[str, Any]:
    audience = {"lists": ["vip"]}
    return {
        "from": "news@acme.example", "subject": subject, "html": "mail.html", "schedule": schedule, "audience": audience,
    } | more  # fmt: skip


def rows(*addresses: str) -> list[dict[str, str]]:
    return [{**row, "EMAIL": address} for row, address in zip(people(range(99)), addresses, strict=False)]


def stack_of(emails: dict[str, Any], *contacts: dict[str, str], **lists: Any) -> Sections:
    """A list `vip` of contacts with addresses, other lists, and e-mails."""
    vip = list(contacts) or rows("marie@home.example", "zoe@home.example")
    every = {"vip": vip, **lists}
    declared = {
        name: {"fields": {"EMAIL": {}, "SHOP": {}}, "contacts": [{"inline": found}]} for name, found in every.items()
    }
    return {"lists": declared, "email_campaigns": emails}


def inside(sections: Sections) -> Sections:
    """The same in a sub-account."""
    return {"sub_accounts": {"paris": person(credits={"grants": {"first": 1000}}, **sections)}}


def waiting(stack: Stack, login: str | None = None) -> list[Any]:
    return [one for one in stack.sandbox.emails(login) if one["status"] == "scheduled"]


def got(stack: Stack) -> Counter[tuple[str, str]]:
    """Who gets which subject how often, from e-mails that were not cancelled."""
    going = (one for one in stack.sandbox.emails() if one["status"] in ("scheduled", "sent"))
    return Counter((address, one["subject"]) for one in going for address in one["recipients"])


def without_campaigns(app: Starlette) -> Starlette:
    """The same server, where no campaign is found that could be deleted."""

    async def unknown(request: Request) -> JSONResponse:
        return JSONResponse({"status": "CAMPNOTFOUND"})

    return Starlette(routes=[Route("/http/9.0/deleteCampaign/", unknown, methods=["POST"]), Mount("/", app)])


@pytest.fixture(autouse=True)
def page(stack: Stack) -> None:
    """The file of HTML that the stacks here send."""
    (stack.root / "mail.html").write_text(HTML, "utf-8")


class TestContract(GuardedKindContract):
    address = "email_campaign.hello"
    without = stack_of({})
    wanted = stack_of({"hello": email()})
    changed = stack_of({"hello": email("Good morning")})
    ignoring = stack_of(
        {
            "hello": email(
                audience={"lists": ["vip"], "addresses": ["a@b.example"]}, lifecycle={"ignore_changes": ["audience"]}
            )
        }
    )

    def live(self, stack: Stack) -> Any:
        return waiting(stack) or None

    def guarded(self) -> Any:
        return stack_of({"hello": email(lifecycle={"protect": True})})


class TestContractInSubAccount(TestContract):
    address = "paris/email_campaign.hello"
    looks_on_destroy = 1  # the balance of its account, after the refund

    without: ClassVar[Sections] = inside(stack_of({}))
    wanted: ClassVar[Sections] = inside(stack_of({"hello": email()}))
    changed: ClassVar[Sections] = inside(stack_of({"hello": email(alias="ACME")}))
    ignoring: ClassVar[Sections] = inside(
        stack_of(
            {
                "hello": email(
                    audience={"lists": [], "addresses": ["a@b.example"]}, lifecycle={"ignore_changes": ["audience"]}
                )
            }
        )
    )

    def guarded(self) -> Any:
        return inside(stack_of({"hello": email(lifecycle={"protect": True})}))

    def test_its_own_credentials(self, made: Stack) -> None:
        """A sub-account's e-mail is sent with that sub-account's login, and nothing in the master's name."""
        assert len(waiting(made, "paris")) == 1
        assert waiting(made, LOGIN) == []


def test_what_is_sent(stack: Stack) -> None:
    """All that the block says arrives, once at each address of the audience, whatever its case; the others are counted."""
    audience = {
        "lists": ["vip"], "where": "SHOP IS NULL OR SHOP <> 'Nice'", "exclude_lists": ["staff"],
        "addresses": ["ZOE@home.example", "boss@acme.example", "single@home.example"],
    }  # fmt: skip
    block = email(alias="ACME", reply_to="us@acme.example", text="Bonjour", audience=audience)
    found = rows(
        "marie@home.example",
        "zoe@home.example",
        "Marie@Home.example",
        "x@y.example;z@y.example",
        "",
        "in@staff.example",
    )
    far = {"phone": phone(50), "EMAIL": "far@home.example", "SHOP": "Nice"}
    staff = [{"phone": phone(60), "EMAIL": "boss@ACME.example"}, {"phone": phone(5)}]
    stack.write(stack_of({"hello": block}, *found, far, staff=staff))
    planned = stack.plan()
    text, page = stack.run("plan"), stack.run("plan", "--format", "html")
    stack.apply()

    assert "sends: 3 e-mails; nobody tells what they cost" in text.stdout
    assert "Sends: 1 campaign of 3 e-mails, whose cost nobody tells." in text.stdout
    assert "3 recipients, e-mail" in page.stdout
    (live,) = waiting(stack)
    assert {name: live[name] for name in ("from", "alias", "reply_to", "subject", "html", "text", "date")} == {
        "from": "news@acme.example", "alias": "ACME", "reply_to": "us@acme.example", "subject": "Hello", "html": HTML,
        "text": "Bonjour", "date": "2026-12-01 10:00:00",
    }  # fmt: skip
    assert sorted(map(str.lower, live["recipients"])) == [
        "marie@home.example",
        "single@home.example",
        "zoe@home.example",
    ]
    (send,) = (change["send"] for change in planned["resource_changes"] if "send" in change)
    assert (send["channel"], send["recipients"], planned["sends"]["emails"]) == ("email", 3, 3)
    (left_out,) = (item for item in planned["diagnostics"] if item["code"] == "SMS208")
    assert left_out["summary"].startswith("2 contacts of")
    assert stack.changes() == {}


def test_no_address_is_told(stack: Stack) -> None:
    """No recipient's address stands in what is printed or kept: plan, state, journal, calendar, status, errors, logs."""
    addresses = ("marie@home.example", "wrong one@home.example", "zoe@home.example", "single@home.example")
    block = email(subject="Write to help@acme.example", audience={"lists": ["vip"], "addresses": [addresses[3]]})
    stack.write(stack_of({"hello": block}, *rows(*addresses[:3])))
    printed = [stack.run("--log-level", "debug", "plan", "-o", "saved.plan")]
    stack.sandbox.fail("sendEmail", "truncated")
    commands = ("apply", "--auto-approve"), ("plan",), ("calendar",), ("status",), ("resolve", "email_campaign.hello")
    printed += [stack.run("--log-level", "debug", *command) for command in commands]
    kept = [path.read_text("utf-8") for path in (stack.root / ".smsops").rglob("*") if path.is_file()]
    kept.append((stack.root / "saved.plan").read_text("utf-8"))
    text = "".join((*kept, *(one.stdout + one.stderr for one in printed)))

    assert "email_campaign.hello" in text
    for address in (*addresses, "news@acme.example", "help@acme.example"):
        assert address not in text
    stack.write(stack_of({"hello": email(audience={"addresses": ["dots@@home.example"]})}))
    assert "dots@" not in stack.run("validate").stderr


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "empty", "error_before"])
def test_a_lost_answer_is_in_doubt_and_never_repeated(stack: Stack, fault: str) -> None:
    """A lost answer leaves the e-mail in doubt whatever the balance says; only a person settles it, and nobody gets two."""
    stack.write(stack_of({"hello": email()}))
    stack.apply("--target", "list.vip", "--target", "contacts.vip")
    stack.sandbox.fail("sendEmail", fault, times=1)
    first = stack.run("apply", "--auto-approve")
    assert first.exit_code == 7
    sent = got(stack)
    stack.clock += timedelta(hours=2)
    assert stack.run("apply", "--auto-approve").exit_code == 7
    stack.write(stack_of({"renamed": email()}))
    assert stack.run("apply", "--auto-approve").exit_code == 7
    assert got(stack) == sent
    stack.write(stack_of({"hello": email()}))
    happened = "--happened" if sent else "--did-not-happen"
    assert stack.run("resolve", "email_campaign.hello", happened).exit_code == 0
    stack.apply()
    assert set(got(stack).values()) == {1}
    assert len(got(stack)) == 2


def test_a_balance_that_an_email_moves_shows_nothing(stack: Stack) -> None:
    """Nobody knows what an e-mail costs: beside one in doubt no balance shows that an SMS was or was not sent."""
    texts = {"note": {"message": "Hello", "schedule": LATER, "audience": {"phones": ["0612345678"]}}}
    stack.write({**stack_of({}), "campaigns": texts})
    stack.sandbox.fail("sendSms", "drop_after", times=1)
    assert stack.run("apply", "--auto-approve").exit_code == 7
    stack.write({**stack_of({"hello": email()}), "campaigns": texts})
    alone = stack.plan()
    assert "campaign.note" not in {doubt["address"] for doubt in alone["in_doubt"]}, "the balance shows it"

    stack.write({**stack_of({"hello": email()}), "campaigns": {**texts, "more": {**texts["note"], "message": "More"}}})
    for method in ("sendSms", "sendEmail"):
        stack.sandbox.fail(method, "drop_after", times=1)
    assert stack.run("apply", "--auto-approve").exit_code == 7
    result = stack.run("plan", "--format", "json")
    assert {doubt["address"] for doubt in result.document["in_doubt"]} == {"campaign.more", "email_campaign.hello"}


def test_what_was_sent_never_changes(stack: Stack) -> None:
    """Once its date has gone by an e-mail is never sent again: a change is a warning, removing it forgets it."""
    stack.write(stack_of({"hello": email()}))
    stack.apply()
    stack.clock = AFTERWARDS
    stack.write(stack_of({"hello": email("Anew")}))
    stack.calls()
    document = stack.plan()
    assert (codes(document) >= {"SMS243"}, document["operations"]) == (True, [])
    stack.apply()
    stack.write(stack_of({}))
    assert stack.changes() == {"email_campaign.hello": ["forget"]}
    stack.apply()
    assert mutating(stack.calls()) == []
    assert set(got(stack).values()) == {1}


def test_a_date_that_is_gone(stack: Stack) -> None:
    """What was never scheduled in time is an error, or sent at once where that was said, once."""
    stack.clock = AFTERWARDS
    stack.write(stack_of({"hello": email()}))
    assert stack.run("plan").exit_code == 1
    stack.write(stack_of({"hello": email(if_missed="send")}))
    stack.apply()
    (sent,) = stack.sandbox.emails()
    assert (sent["status"], sent["scheduled"]) == ("sent", False)
    assert stack.changes() == {}


def test_the_file_is_part_of_the_email(stack: Stack) -> None:
    """A change of the file schedules the e-mail anew, once, and makes a plan that was saved before it stale."""
    stack.write(stack_of({"hello": email()}))
    assert stack.run("plan", "-o", "saved.plan").exit_code == 0
    (stack.root / "mail.html").write_text(HTML.replace("Été", "Hiver"), "utf-8")
    assert stack.run("apply", "saved.plan").exit_code == 5
    stack.apply()
    (stack.root / "mail.html").write_text(HTML, "utf-8")
    assert stack.changes() == {"email_campaign.hello": ["update"]}
    stack.apply()
    assert [one["html"] for one in waiting(stack)] == [HTML]
    assert set(got(stack).values()) == {1}


def test_what_cannot_be_taken_back_is_not_sent_again(stack: Stack) -> None:
    """Where deleteCampaign does not know the e-mail, it goes out as it is: nothing in its place, and no trace of the attempt."""
    stack.write(stack_of({"hello": email()}))
    stack.apply()
    for sections in (stack_of({"hello": email("Anew")}), stack_of({}), stack_of({"renamed": email()})):
        stack.write(sections)
        knowing = stack.sandbox.app
        stack.sandbox.app = without_campaigns(knowing)
        result = stack.run("apply", "--auto-approve")
        assert result.exit_code == 3
        stack.sandbox.app = knowing
        assert "goes out as it was scheduled" in result.stderr
        assert got(stack) == {("marie@home.example", "Hello"): 1, ("zoe@home.example", "Hello"): 1}
    stack.write(stack_of({"hello": email()}))
    assert stack.changes() == {}


def test_parts(stack: Stack) -> None:
    """At most 2,000 recipients a call; somebody more in the audience changes one part, and nobody gets two."""
    addresses = [f"p{number}@home.example" for number in range(2001)]
    stack.write(stack_of({"hello": email(audience={"addresses": addresses})}))
    stack.apply()
    assert sorted(len(one["recipients"]) for one in waiting(stack)) == [1000, 1001]
    stack.write(stack_of({"hello": email(audience={"addresses": [*addresses, "new@home.example"]})}))
    stack.calls()
    stack.apply()
    assert [call.method for call in mutating(stack.calls())] == ["deleteCampaign", "sendEmail"]
    assert (len(got(stack)), set(got(stack).values())) == (2002, {1})


@pytest.mark.parametrize(
    ("block", "code", "place"),
    [
        ({"from": "news"}, "SMS164", "Write an e-mail address"),
        ({"audience": {"addresses": ["a b@c.example"]}}, "SMS164", "is no e-mail address"),
        ({"audience": {"lists": ["vip"], "field": "MAIL"}}, "SMS151", "has no field MAIL"),
        ({"audience": {"lists": ["vip"], "where": "CITY = 'x'"}}, "SMS153", "audience.where"),
        ({"audience": {}}, "SMS156", "Name lists or addresses"),
        ({"subject": "Hello {Shop}"}, "SMS152", "{SHOP} would be sent as it stands"),
        ({"html": "../mail.html"}, "SMS121", "leads out of the stack directory"),
        ({"html": "none.html"}, "SMS122", "cannot be read"),
        ({"html": "empty.html"}, "SMS152", "is empty"),
        ({"schedule": "2026-10-25 02:30"}, "SMS154", "comes twice"),
    ],
)
def test_mistakes(stack: Stack, block: dict[str, Any], code: str, place: str) -> None:
    """What cannot be right is refused without the network, at its place."""
    (stack.root / "empty.html").write_text(" \n", "utf-8")
    stack.write(stack_of({"hello": {**email(), **block}}))
    result = stack.run("validate")
    assert result.exit_code == 1
    assert "smsops.yaml:4:" in result.stderr
    assert f"error {code}: " in result.stderr
    assert place in result.stderr


def test_policies(stack: Stack) -> None:
    """Hours, words and limits hold for e-mails too; what nobody knows the cost of breaks a limit of credits."""
    block = email("Only <b>today</b>")
    policy = {
        "send_window": "11:00-12:00", "forbidden_words": ["ete"], "max_recipients": 1, "max_credits_per_apply": 10,
    }  # fmt: skip
    stack.write({**stack_of({"hello": block}), "policy": policy})
    result = stack.run("plan")
    assert result.exit_code == 4
    for name in policy:
        assert name in result.stderr
    assert "what e-mails cost, which nobody tells" in result.stderr


def test_how_it_stands(stack: Stack) -> None:
    """calendar and status show e-mails beside campaigns; report says that the API tells nothing of them."""
    stack.write(stack_of({"hello": email(alias="ACME")}))
    stack.apply()
    (planned,) = stack.run("calendar", "--format", "json").document["campaigns"]
    (known,) = stack.run("status", "--format", "json").document["campaigns"]
    assert (planned["status"], planned["recipients"], planned["message"]) == ("scheduled", 2, "Hello")
    assert (known["state"], known["credits"], known["sender"]) == ("scheduled", None, "ACME <n•••@acme.example>")
    assert known["parts"][0]["campaign_id"] == waiting(stack)[0]["id"]
    assert "at a cost that nobody tells" in stack.run("status").stdout
    assert "can be taken back until" in stack.run("status").stdout
    told = stack.run("report", "email_campaign.hello")
    assert (told.exit_code, "SMS416" in told.stderr) == (1, True)
