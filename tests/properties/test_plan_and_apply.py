"""Properties of plan and apply, on stacks and edits of stacks that nobody thought of."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smsops.sandbox.app import Call
from tests.harness import READS, Stack
from tests.kinds.contract import assert_discreet, mutating, phone, planned_calls
from tests.properties.stacks import (
    PEOPLE,
    accounts,
    assert_foreign_untouched,
    assert_like,
    credits_of,
    inhabited,
    login_of,
    moderate,
    stacks,
)

EDITS = st.lists(stacks(), min_size=1, max_size=3)
SECRETS = ("correct horse", "battery staple", "acme-key")
NO_CHANGES = "No changes. The account matches the configuration."
BY_ACTION = {"create": "add", "update": "change", "delete": "destroy", "forget": "forget", "adopt": "adopt"}


@moderate
@given(EDITS)
def test_the_next_plan_is_empty(edits: list[dict[str, Any]]) -> None:
    """After each apply the account is what the stack says, the next plan is empty, and others' things are untouched."""
    with inhabited() as stack:
        before = stack.sandbox.snapshot()
        for sections in edits:
            stack.write(sections)
            stack.apply()
            live = stack.sandbox.snapshot()
            assert_like(sections, live)
            assert_foreign_untouched(before, live)
            assert credits_of(live) == credits_of(before)
            assert stack.changes() == {}


@moderate
@given(EDITS)
def test_calls_are_the_least(edits: list[dict[str, Any]]) -> None:
    """No read is made twice in a plan, an apply makes the calls that it announced, and an empty one makes none."""
    with inhabited() as stack:
        for sections in edits:
            stack.write(sections)
            stack.calls()
            document = stack.plan()
            reads = stack.calls()
            assert mutating(reads) == []
            _assert_least_reads(reads, sections, document, _owned(stack))
            stack.apply()
            made = Counter(call.method for call in mutating(stack.calls()))
            assert made.total() <= planned_calls(document)
            _assert_announced(made, document)
            stack.apply()
            again = stack.calls()
            assert mutating(again) == []
            _assert_least_reads(again, sections, {"resource_changes": []}, _owned(stack))


@moderate
@given(EDITS, st.booleans())
def test_destroy_leaves_what_was_there_before(edits: list[dict[str, Any]], later: bool) -> None:
    """Destroying leaves others' accounts, lists and campaigns, and every credit that was not sent away."""
    with inhabited() as stack:
        before = stack.sandbox.snapshot()
        for sections in edits:
            stack.write(sections)
            stack.apply()
        if later:
            stack.clock += timedelta(days=60)
            assert not [address for address in stack.changes() if not address.endswith("/credits")]  # new allowances
        stack.apply("--destroy")
        after = stack.sandbox.snapshot()
        assert stack.state["resources"] == {} if (stack.root / ".smsops" / "state.json").exists() else True
        assert credits_of(after) == credits_of(before)
        assert after["lists"] == before["lists"]
        ours = [campaign for campaign in after["campaigns"] if campaign["climsgid"]]
        assert {campaign["status"] for campaign in ours} <= ({"deleted", "sent"} if later else {"deleted"})
        if not later:
            assert after["accounts"] == before["accounts"]
        assert stack.changes("--destroy") == {}


@moderate
@given(EDITS)
def test_documents_text_and_exit_codes_agree(edits: list[dict[str, Any]]) -> None:
    """JSON, text and exit code say the same; a plan is the same each time, in order, and tells nothing sensitive."""
    with inhabited() as stack:
        for sections in edits:
            stack.write(sections)
            result = stack.run("plan", "--format", "json", "--detailed-exitcode")
            document = result.document
            assert _timeless(stack.plan()) == _timeless(document)
            assert_discreet(result.stdout + result.stderr, phones=[phone(n) for n in PEOPLE], secrets=SECRETS)
            changes = document["resource_changes"]
            assert result.exit_code == (2 if changes else 0)
            text = stack.run("plan").stdout
            assert (NO_CHANGES in text) == (not changes)
            assert_discreet(text, phones=[phone(n) for n in PEOPLE], secrets=SECRETS)
            for change in changes:
                assert f"# {change['address']} " in text
            _assert_summary(document, text)
            _assert_ordered(document)
            applied = stack.apply("--format", "json")
            assert applied.events[-1]["exit_code"] == 0
            done = [event["id"] for event in applied.events if event["type"] == "operation_done"]
            assert sorted(done) == sorted(operation["id"] for operation in document["operations"])
            kept = (stack.root / ".smsops" / "state.json").read_text("utf-8") if changes else ""
            assert_discreet(applied.stdout + kept, phones=[phone(n) for n in PEOPLE], secrets=SECRETS)


def _timeless(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("timestamp", "expires", "state")}


def _owned(stack: Stack) -> set[str]:
    return set(stack.run("state", "list").stdout.split())


def _assert_least_reads(calls: list[Call], sections: dict[str, Any], document: Any, owned: set[str]) -> None:
    reads = [call for call in calls if call.method in READS]
    made = Counter((call.method, call.sub_account, json.dumps(call.params, sort_keys=True)) for call in reads)
    assert not made or max(made.values()) == 1
    count = Counter(call.method for call in reads)
    assert count["getInfo"] == 1
    assert count["getSubAccounts"] <= 1
    assert count["simulateCampaign"] == 0
    changing = {change["address"] for change in document["resource_changes"]}
    owners = {call.sub_account for call in reads if call.method == "getLists"}
    assert len(owners) == count["getLists"]
    if not any("campaign" in address for address in changing):
        assert count["getBlacklist"] == count["getCreditsByCountryIsoCode"] == 0
    if not changing:
        known = {
            (None if key is None else login_of(key, sections), block["lists"][name].get("name", name))
            for key, block in accounts(sections)
            for name in block.get("lists", {})
            if "contacts" in block["lists"][name] or _waited_for(name, key, block, owned)
        }
        asked = {(call.sub_account, call.params["listName"]) for call in reads if call.method == "getContacts"}
        assert asked <= known
        assert owners == {
            None if key is None else login_of(key, sections) for key, block in accounts(sections) if block.get("lists")
        }


def _waited_for(name: str, account: str | None, block: dict[str, Any], owned: set[str]) -> bool:
    """Whether a campaign that had nobody to go to, and so is not scheduled yet, would look into a list."""
    prefix = f"{account}/" if account else ""
    return any(
        name in (*campaign["audience"].get("lists", ()), *campaign["audience"].get("exclude_lists", ()))
        for key, campaign in block.get("campaigns", {}).items()
        if f"{prefix}campaign.{key}" not in owned
    )


def _assert_announced(made: Counter[str], document: Any) -> None:
    changes = Counter((change["type"], *change["change"]["actions"]) for change in document["resource_changes"])
    assert made["createSubAccount"] == changes["sub_account", "create"]
    assert made["deleteSubAccount"] == changes["sub_account", "delete"]
    assert made["updateSubAccount"] == changes["sub_account", "update"]
    replaced = changes["list", "delete", "create"]
    assert made["createList"] == changes["list", "create"] + replaced
    assert made["deleteList"] == changes["list", "delete"] + replaced
    by_method = Counter[str]()
    for operation in document["operations"]:
        by_method[operation["method"]] += operation["calls"]
    assert made["sendSms"] <= by_method["sendSms"]
    if not any(change["type"] == "campaign" for change in document["resource_changes"]):
        assert made["sendSms"] == made["deleteCampaign"] == 0
    if not any(change["type"] in ("contacts", "list") for change in document["resource_changes"]):
        assert made["populateList"] == made["deleteContacts"] == 0


def _assert_summary(document: Any, text: str) -> None:
    counted = Counter(
        "replace" if len(change["change"]["actions"]) > 1 else BY_ACTION[change["change"]["actions"][0]]
        for change in document["resource_changes"]
    )
    assert document["summary"] == {name: counted[name] for name in document["summary"]}
    if document["resource_changes"]:
        add, change, destroy = (counted[name] for name in ("add", "change", "destroy"))
        assert f"Plan: {add} to add, {change} to change, {destroy} to destroy" in text
        assert (f"{counted['replace']} to replace" in text) == bool(counted["replace"])
    sends = document["sends"]
    assert ("Sends: " in text) == bool(sends["recipients"])
    if sends["recipients"]:
        assert f"{sends['messages']:,} SMS to {sends['recipients']:,} recipient" in text


def _assert_ordered(document: Any) -> None:
    """Operations stand behind all that they depend on, and inside an account behind the account."""
    seen: dict[str, str] = {}
    actions = {change["address"]: change["change"]["actions"] for change in document["resource_changes"]}
    for operation in document["operations"]:
        assert set(operation["depends_on"]) <= seen.keys()
        seen[operation["id"]] = operation["address"]
    place = {address: position for position, address in enumerate(seen.values())}
    for address, position in place.items():
        key, _, own = address.rpartition("/")
        needs = {f"sub_account.{key}"} if key else set()
        kind, _, name = own.partition(".")
        prefix = f"{key}/" if key else ""
        if kind == "contacts":
            needs.add(f"{prefix}list.{name}")
        for other in needs & place.keys():
            if actions[other] in (["delete"], ["forget"]):
                assert position < place[other]
            elif actions[address] not in (["delete"], ["forget"]):
                assert position > place[other]
