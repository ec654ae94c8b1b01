"""What a reviewer sees of a campaign before it is merged: who gets it, how it looks, what it costs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.harness import LOGIN, Stack
from tests.kinds.contract import (
    LATER,
    as_the_master,
    assert_discreet,
    codes,
    inline,
    people,
    person,
    phone,
    scheduled,
)

STOP = " STOP au 36180"


@pytest.fixture
def stack(tmp_path: Any) -> Any:
    made = Stack(tmp_path)
    yield made
    made.close()


def campaign(message: str = f"Bonjour{STOP}", **more: Any) -> dict[str, Any]:
    return {"message": message, "schedule": LATER, "audience": {"lists": ["vip"]}, **more}


def sections(campaigns: dict[str, Any], *rows: dict[str, str], **more: Any) -> dict[str, Any]:
    contacts = inline(*(rows or people(range(3))))
    return {
        "lists": {"vip": {"fields": {"NAME": {}, "SHOP": {}}, "contacts": contacts}},
        "campaigns": campaigns,
        **more,
    }


def sends(document: Any, address: str = "campaign.hello") -> Any:
    return next(change["send"] for change in document["resource_changes"] if change["address"] == address)


def diagnostic(document: Any, code: str) -> Any:
    return next(one for one in document["diagnostics"] if one["code"] == code)


# -- the audience ---------------------------------------------------------------------------


def test_the_funnel_tells_where_people_fall_out(stack: Stack) -> None:
    """A plan counts the people in the lists, those meant, those with a mobile, those not on the blacklist, those sent to."""
    rows = [*people(range(6), SHOP="Lyon"), *people(range(6, 10), SHOP="Paris")]
    audience = {"lists": ["vip"], "where": "SHOP = 'Lyon'", "phones": ["+33611111111"]}
    stack.write(sections({"hello": campaign(audience=audience)}, *rows))
    for number in (0, 1, 8):
        stack.sandbox.blacklist(LOGIN, phone(number))

    assert sends(stack.plan())["funnel"] == {
        "in_lists": 11,
        "matching": 7,
        "valid": 7,
        "not_blacklisted": 5,
        "sent": 5,
    }


def test_who_has_no_mobile_gets_nothing_and_is_named(stack: Stack) -> None:
    """Contacts that others put into a list may have any number: nothing is sent to a landline, and it is said, masked."""
    lists: dict[str, Any] = {"vip": {"fields": {"NAME": {}, "SHOP": {}}}}
    stack.write({"lists": lists})
    stack.apply()
    rows = {"CONTACT": [{"MOBILEPHONE": number} for number in (phone(1), "4930123456", phone(2))]}
    as_the_master(stack, "populateList", populateData=json.dumps({"DATA": {"LISTNAME": "vip"} | rows}))
    stack.write({"lists": lists, "campaigns": {"hello": campaign()}})

    document = stack.plan()
    found = diagnostic(document, "SMS208")
    stack.apply()

    assert sends(document)["funnel"]["matching"] == 3
    assert sends(document)["funnel"]["valid"] == 2
    assert "landline" in found["detail"]
    assert_discreet(json.dumps(document), phones=["4930123456"])
    assert {one["phone"] for one in scheduled(stack)[0]["recipients"]} == {phone(1), phone(2)}


# -- the message ----------------------------------------------------------------------------


def test_the_shortest_the_median_and_the_longest_message_are_shown(stack: Stack) -> None:
    """The reviewer sees how the message really looks at its longest, and what the shortest and the median count."""
    names = ["Al", "Noé", "Maximilienne-Alexandrine"]
    rows = [{"phone": phone(place), "NAME": name} for place, name in enumerate(names)]
    stack.write(sections({"hello": campaign("Bonjour {NAME}" + STOP)}, *rows))

    message = sends(stack.plan())["message"]

    assert [message[name]["length"] for name in ("shortest", "median", "longest")] == [24, 25, 46]
    assert message["longest"]["text"] == f"Bonjour {names[2]}{STOP}"
    assert names[2] in stack.run("plan").stdout


def test_characters_that_make_a_message_dear_are_named_with_what_to_write(stack: Stack) -> None:
    """Each character outside GSM-7 is told with its place, or its field, and a replacement, and what it costs."""
    message = "C’est l’été chez {SHOP}, venez vite profiter de nos offres en magasin avant dimanche" + STOP
    stack.write(sections({"hello": campaign(message)}, *people(range(2), SHOP="Besançon")))

    document = stack.plan()
    found = diagnostic(document, "SMS203")
    forcing = {one["character"]: one for one in sends(document)["message"]["forcing"]}

    assert forcing["’"] == {"character": "’", "places": [2, 8], "fields": [], "replacement": "'"}
    assert forcing["ç"]["fields"] == ["SHOP"]
    assert forcing["ç"]["replacement"] == "c"
    assert "2 SMS each, 1 without them" in found["summary"]
    assert "at 2, 8" in found["detail"]


def test_what_costs_most_counts_as_the_longest(stack: Stack) -> None:
    """One character makes a short message dearer than a long one: it is this one that the plan shows and warns of."""
    rows = [{"phone": phone(1), "NAME": "Jean-Christophe"}, {"phone": phone(2), "NAME": "Zoë"}]
    message = "Bonjour {NAME}, profitez de nos offres de la semaine dans tous nos magasins." + STOP
    stack.write(sections({"hello": campaign(message)}, *rows))

    document = stack.plan()
    told = sends(document)["message"]

    assert told["longest"]["text"].startswith("Bonjour Zoë")
    assert (told["shortest"]["segments"], told["longest"]["segments"]) == (1, 2)
    assert "for 1 recipient: up to 2 SMS each, 1 without them" in diagnostic(document, "SMS203")["summary"]
    assert "UCS-2 for 1, GSM-7 for 1, 1 to 2 SMS each" in stack.run("plan").stdout


@pytest.mark.parametrize(
    "message", ["Bonjour {NAME }", "Voir {shrt:https://a.example}", "Voir {short:https://a.example", "a } b", "{}"]
)
def test_a_brace_that_means_nothing_is_a_mistake(stack: Stack, message: str) -> None:
    """What looks like a field and is none is never texted as it stands; doubled braces are braces."""
    stack.write(sections({"hello": campaign(message + STOP)}))
    wrong = stack.run("validate")
    stack.write(sections({"hello": campaign("{{NAME}} {NAME}" + STOP)}, {"phone": phone(1), "NAME": "Zoé"}))
    stack.apply()

    assert wrong.exit_code == 1
    assert "SMS152" in wrong.stderr
    assert scheduled(stack)[0]["recipients"][0]["text"] == f"{{NAME}} Zoé{STOP}"


def test_an_empty_field_is_told(stack: Stack) -> None:
    """A message with a hole in it is a warning that says for how many people."""
    rows = [{"phone": phone(1), "NAME": "Marie"}, {"phone": phone(2), "NAME": ""}]
    stack.write(sections({"hello": campaign("Bonjour {NAME}" + STOP)}, *rows))

    document = stack.plan()

    assert diagnostic(document, "SMS205")["summary"] == "NAME is empty for 1 recipient of campaign.hello"
    assert sends(document)["message"]["empty"] == {"NAME": 1}


@pytest.mark.parametrize(
    ("sender", "ending", "shown"), [("ACME", STOP, "ACME"), ("ACME", "", "36180"), (None, STOP, "36180")]
)
def test_the_sender_that_phones_show_is_told(stack: Stack, sender: str | None, ending: str, shown: str) -> None:
    """A custom sender is shown only where the message ends with the STOP mention (manual §6.2), as the sandbox has it."""
    stack.write(sections({"hello": campaign(f"Bonjour{ending}", sender=sender)}))

    planned = sends(stack.plan())["message"]["sender"]
    stack.apply()

    told = [
        stack.run(command, "--format", "json").document["campaigns"][0]["sender"] for command in ("calendar", "status")
    ]

    assert planned == shown == scheduled(stack)[0]["sender"]
    assert told == [shown, shown]


def test_a_sender_with_a_blank_and_a_long_link_are_told_without_the_network(stack: Stack) -> None:
    """What operators refuse, and a link that wants to be short, are warnings of validate."""
    link = "https://www.acme.example/collection/automne?source=sms"
    stack.write(sections({"hello": campaign(f"Voir {link}{STOP}", sender="ACME Paris")}))

    result = stack.run("validate", "--format", "json")

    assert {one["code"] for one in result.document["diagnostics"]} == {"SMS204", "SMS207"}
    assert f"{{short:{link}}}" in result.stdout


# -- money ----------------------------------------------------------------------------------


def test_prices_are_asked_once_a_week(stack: Stack) -> None:
    """The state knows what an SMS costs and since when; after settings.price_ttl it is asked again."""
    stack.write(sections({"hello": campaign()}))
    stack.apply()
    asked = [call.method for call in stack.calls()].count("getCreditsByCountryIsoCode")
    stack.write(sections({"hello": campaign(f"Salut{STOP}")}))
    stack.plan()
    again = [call.method for call in stack.calls()].count("getCreditsByCountryIsoCode")
    stack.clock += timedelta(days=8)
    stack.plan()
    later = [call.method for call in stack.calls()].count("getCreditsByCountryIsoCode")

    assert stack.state["prices"]["FR"]["credits"] == 15
    assert (asked, again, later) == (1, 0, 1)


def test_the_cost_is_told_by_country(stack: Stack) -> None:
    """SMS and credits are added up by country of the recipient."""
    rows = [*people(range(2)), {"phone": "+32470123456"}, {"phone": "0692123456"}]
    stack.write(sections({"hello": campaign()}, *rows))

    assert sends(stack.plan())["countries"] == {
        "BE": {"messages": 1, "credits": 24},
        "FR": {"messages": 2, "credits": 30},
        "RE": {"messages": 1, "credits": 21},
    }


# -- simulation -----------------------------------------------------------------------------


def test_simulate_asks_the_api_and_agrees(stack: Stack) -> None:
    """plan --simulate shows what simulateCampaign says, for sub-accounts with their own key; nothing is sent."""
    shop = person(credits={"grants": {"start": 500}}, **sections({"hello": campaign()}))
    stack.write({"sub_accounts": {"paris": shop}})
    stack.apply("--target", "paris/contacts.vip", "--target", "sub_account.paris")
    stack.write({"sub_accounts": {"paris": shop}, **sections({"hello": campaign()}, *people(range(4)))})
    stack.calls()

    document = stack.plan("--simulate")
    calls = stack.calls()

    assert sends(document)["simulated"] == {"recipients": 4, "messages": 4, "credits": 60}
    assert sends(document, "paris/campaign.hello")["simulated"] == {"recipients": 3, "messages": 3, "credits": 45}
    assert {call.login for call in calls if call.method == "simulateCampaign"} == {LOGIN, "paris"}
    assert not codes(document) & {"SMS270", "SMS271"}
    assert not scheduled(stack)


def test_simulate_says_where_the_api_disagrees(stack: Stack) -> None:
    """A price that has changed since it was learned shows as a difference between the estimate and the API's word."""
    stack.write(sections({"hello": campaign()}))
    stack.apply()
    file = stack.root / ".smsops" / "state.json"
    state = json.loads(file.read_text("utf-8"))
    state["prices"]["FR"]["credits"] = 10
    file.write_text(json.dumps(state), "utf-8")
    stack.write(sections({"hello": campaign(f"Salut{STOP}")}))

    document = stack.plan("--simulate")

    assert "45 credits" in diagnostic(document, "SMS270")["summary"]
    assert sends(document)["credits"] == 30


def test_what_cannot_be_simulated_yet_is_said(stack: Stack) -> None:
    """The campaign of a sub-account that does not exist yet keeps our own estimate, and the plan says so."""
    shop = person(credits={"grants": {"start": 500}}, **sections({"hello": campaign()}))
    stack.write({"sub_accounts": {"paris": shop}})

    document = stack.plan("--simulate")

    assert "SMS271" in codes(document)
    assert sends(document, "paris/campaign.hello")["simulated"] is None


# -- short links ----------------------------------------------------------------------------

LINK = "https://www.acme.example/collection/automne?source=sms"


def test_a_short_link_is_made_once_and_kept(stack: Stack) -> None:
    """{short:…} is shortened when the campaign is scheduled, and a later change of the message uses the same link."""
    stack.write(sections({"hello": campaign(f"Voir {{short:{LINK}}}{STOP}")}))
    document = stack.plan()
    stack.apply()
    first = [call.method for call in stack.calls()].count("shortenUrl")
    (short,) = stack.state["resources"]["campaign.hello"]["attributes"]["links"].values()
    texts = {one["text"] for one in scheduled(stack)[0]["recipients"]}
    stack.write(sections({"hello": campaign(f"Vite! {{short:{LINK}}}{STOP}")}))
    stack.apply()

    assert sends(document)["message"]["links"] == [{"url": LINK, "length": 19, "short": True}]
    assert first == 1
    assert texts == {f"Voir {short}{STOP}"}
    assert "shortenUrl" not in [call.method for call in stack.calls()]
    assert {one["text"] for one in scheduled(stack)[0]["recipients"]} == {f"Vite! {short}{STOP}"}
    assert stack.changes() == {}


def test_a_link_that_cannot_be_shortened_leaves_the_old_campaign_alone(stack: Stack) -> None:
    """Links are made before anything is cancelled: where that fails the campaign stays as it was scheduled."""
    stack.write(sections({"hello": campaign()}))
    stack.apply()
    stack.write(sections({"hello": campaign(f"Voir {{short:{LINK}}}{STOP}")}))
    stack.sandbox.fail("shortenUrl", "error_before", times=20)

    result = stack.run("apply", "--auto-approve")

    assert result.exit_code in (3, 7)
    assert [one["recipients"][0]["text"] for one in scheduled(stack)] == [f"Bonjour{STOP}"]


def test_an_address_that_is_none_is_a_mistake_of_the_message(stack: Stack) -> None:
    """{short:…} takes an address with http or https."""
    stack.write(sections({"hello": campaign(f"Voir {{short:acme.example}}{STOP}")}))

    result = stack.run("validate")

    assert result.exit_code == 1
    assert "SMS152" in result.stderr


# -- the calendar and the preview -----------------------------------------------------------


def test_the_calendar_shows_what_is_scheduled_and_what_is_planned(stack: Stack) -> None:
    """One row a campaign: its date, who pays, how many, how much; as a table, JSON, iCalendar and a page."""
    stack.write(sections({"hello": campaign()}))
    stack.apply()
    stack.write(sections({"hello": campaign(), "again": campaign(schedule="2026-12-03 11:00")}))

    rows = stack.run("calendar", "--format", "json").document["campaigns"]
    ics = stack.run("calendar", "--ics").stdout
    page = stack.run("calendar", "--format", "html").stdout
    table = stack.run("calendar").stdout

    assert [(row["address"], row["status"], row["recipients"], row["credits"]) for row in rows] == [
        ("campaign.hello", "scheduled", 3, 45),
        ("campaign.again", "planned", 3, 45),
    ]
    assert [row["date"] for row in rows] == ["2026-12-01T09:00:00Z", "2026-12-03T10:00:00Z"]
    assert ics.count("BEGIN:VEVENT") == 2
    assert "DTSTART:20261203T100000Z" in ics
    assert page.count('<tr class="scheduled"') == page.count('<tr class="planned"') == 1
    assert "http" not in page.split("</head>")[1]
    assert "Thu 2026-12-03 11:00" in table
    assert "2 campaigns, 90 credits" in table


def test_the_calendar_forgets_what_is_cancelled_and_what_was_sent(stack: Stack) -> None:
    """What this plan cancels is not to come any more; what was sent shows with --all."""
    stack.write(sections({"hello": campaign(), "again": campaign(schedule="2026-12-03 11:00")}))
    stack.apply()
    stack.clock += timedelta(days=10)
    stack.write(sections({"hello": campaign()}))

    now = stack.run("calendar", "--format", "json").document["campaigns"]
    every = stack.run("calendar", "--all", "--format", "json").document["campaigns"]

    assert now == []
    assert [(row["address"], row["status"]) for row in every] == [("campaign.hello", "sent")]


def test_the_calendar_tells_what_is_refused_and_what_changes(stack: Stack) -> None:
    """What the plan may not do is no event; what is scheduled and changes is told apart from what is new."""
    stack.write(sections({"hello": campaign()}))
    stack.apply()
    changed = campaign("Salut" + STOP)
    stack.write(sections({"hello": changed, "night": campaign(schedule="2026-12-03 23:00")}))

    rows = stack.run("calendar", "--format", "json").document["campaigns"]
    ics = stack.run("calendar", "--ics").stdout
    table = stack.run("calendar").stdout

    assert {row["address"]: row["status"] for row in rows} == {
        "campaign.hello": "rescheduled",
        "campaign.night": "refused",
    }
    assert ics.count("BEGIN:VEVENT") == 1
    assert "1 campaign, 45 credits, 1 refused." in table


def test_what_comes_back_is_told(stack: Stack) -> None:
    """A plan that cancels says what it gives back, and the balances add up."""
    stack.write(sections({"hello": campaign()}))
    stack.apply()
    stack.write(sections({}))
    cancelled = stack.run("plan").stdout
    stack.write(sections({"hello": campaign("Salut" + STOP)}))
    (balance,) = stack.plan()["balances"]

    assert "gives back: 45 credits" in cancelled
    assert "Given back: 45. Master balance: 999,955 -> 1,000,000." in cancelled
    assert balance == {"account": None, "before": 999_955, "after": 999_955, "comes_in": 45, "goes_out": 45}


def test_the_preview_shows_messages_as_phones_do(stack: Stack) -> None:
    """Rendered with real values, wrapped, counted; also of a campaign that is scheduled already; no number in it."""
    rows = [{"phone": phone(place), "NAME": name} for place, name in enumerate(["Al", "Maximilienne"])]
    stack.write(sections({"hello": campaign("Bonjour {NAME}, appelez le 0478123456" + STOP)}, *rows))
    planned = stack.run("preview", "campaign.hello").stdout
    stack.apply()

    scheduled_ = stack.run("preview", "campaign.hello").stdout
    document = stack.run("preview", "--format", "json").document

    assert "Bonjour Maximilienne" in planned
    assert planned == scheduled_
    assert document["previews"][0]["recipients"] == 2
    assert_discreet(planned + json.dumps(document), phones=["+33478123456", phone(0), phone(1)])
    assert stack.run("preview", "campaign.other").exit_code == 1


# -- what changed since it was scheduled -----------------------------------------------------


def test_one_person_more_touches_one_part(stack: Stack) -> None:
    """Of a campaign in full parts, one new contact cancels one part and sends one, and the plan says so."""

    def write(count: int) -> None:
        rows = "".join(f"+{phone(number)},Name{number % 97}\n" for number in range(count))
        (stack.root / "people.csv").write_text(f"phone,NAME\n{rows}", "utf-8")

    lists = {"vip": {"fields": {"NAME": {}}, "contacts": [{"file": "people.csv"}]}}
    stack.write({"lists": lists, "campaigns": {"hello": campaign("Bonjour {NAME}" + STOP)}})
    write(20_000)
    stack.apply()
    write(20_001)
    send = sends(stack.plan())
    stack.calls()
    stack.apply()

    assert send["parts"] == {"kept": 10, "cancelled": 1, "sent": 1}
    assert stack.writes() == ["populateList", "deleteCampaign", "sendSms"]
    assert stack.changes() == {}


def test_the_plan_tells_every_account_what_it_pays(stack: Stack) -> None:
    """Balances are shown account by account, with what comes in and goes out."""
    shop = person(credits={"grants": {"start": 500}}, **sections({"hello": campaign()}))
    stack.write({"sub_accounts": {"paris": shop}, **sections({"hello": campaign()})})

    document = stack.plan()

    assert document["balances"] == [
        {"account": None, "before": 1_000_000, "after": 999_455, "comes_in": 0, "goes_out": 545},
        {"account": "paris", "before": 0, "after": 455, "comes_in": 500, "goes_out": 45},
    ]
    assert "paris: 0 + 500 - 45 -> 455." in stack.run("plan").stdout


# -- the law --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "rule", "slot"),
    [
        ("2026-12-01 20:00", "fr-strict/hours", "2026-12-02 08:00"),
        ("2026-12-06 10:00", "fr-strict/sunday", "2026-12-07 08:00"),
        ("2027-03-29 10:00", "fr-strict/holiday", "2027-03-30 08:00"),
    ],
)
def test_marketing_at_a_forbidden_time_is_refused_with_the_next_slot(
    stack: Stack, schedule: str, rule: str, slot: str
) -> None:
    """Plan and apply end with 4, name the rule and its source, and suggest a time that is allowed."""
    stack.write(sections({"hello": campaign(schedule=schedule)}))

    planned = stack.run("plan", "--format", "json")
    applied = stack.run("apply", "--auto-approve")
    found = diagnostic(planned.document, "SMS268")
    stack.write(sections({"hello": campaign(schedule=slot)}))

    assert (planned.exit_code, applied.exit_code) == (4, 4)
    assert rule in found["summary"]
    assert f"schedule: {slot}." in found["detail"]
    assert "The rule: " in found["detail"]
    assert not scheduled(stack)
    assert "SMS268" not in codes(stack.plan())


def test_the_suggested_time_suits_the_policy_too(stack: Stack) -> None:
    """The next lawful slot is one that policy.send_window allows; an occurrence is to be skipped, not given a date."""
    policy = {"send_window": "10:00-12:00"}
    stack.write(sections({"hello": campaign(schedule="2026-12-01 20:00")}, policy=policy))
    single = diagnostic(stack.run("plan", "--format", "json").document, "SMS268")
    weekly = campaign(schedule={"cron": "0 11 * * SUN", "horizon": "9d"})
    stack.write(sections({"hello": weekly}, policy=policy))
    recurring = diagnostic(stack.run("plan", "--format", "json").document, "SMS268")

    assert "schedule: 2026-12-02 10:00." in single["detail"]
    assert "skip: [2026-11-22]" in recurring["detail"]


def test_what_is_not_marketing_is_exempt_and_has_to_say_so(stack: Stack) -> None:
    """`nature: transactional` may go out at any time."""
    stack.write(sections({"hello": campaign(schedule="2026-12-06 23:00", nature="transactional")}))
    stack.apply()

    assert len(scheduled(stack)) == 1


def test_the_clock_of_the_recipient_counts(stack: Stack) -> None:
    """Ten in the morning in Paris is five in Martinique: the recipients there make the difference."""
    rows = [*people(range(2)), {"phone": "0696123456"}]
    stack.write(sections({"hello": campaign()}, *rows))

    found = diagnostic(stack.run("plan", "--format", "json").document, "SMS268")

    assert "05:00 in America/Martinique" in found["summary"]
    assert "1 recipient)" in found["summary"]
    assert "schedule: 2026-12-01 13:00." in found["detail"]
