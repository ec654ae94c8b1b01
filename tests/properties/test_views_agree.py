"""All outputs of a plan say the same: each is read back, as a person or a program would, and held against the text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.rendered import Rendered
from tests.harness import Result, Stack
from tests.kinds.contract import as_the_master, assert_discreet, phone
from tests.properties.stacks import PEOPLE, inhabited, moderate, stacks

COUNTED = ("add", "change", "destroy", "replace", "adopt", "forget")
WORDS = {
    "will be created": "create",
    "will be updated": "update",
    "will be destroyed": "delete",
    "must be replaced": "replace",
    "will be adopted": "adopt",
    "will be adopted and updated": "adopt and update",
    "will be forgotten, and left as it is": "forget",
}


class Told(NamedTuple):
    """What one output says of a plan."""

    summary: dict[str, int]
    changes: dict[str, str]
    """What happens by address."""
    money: dict[str, int]
    """Campaigns, SMS, recipients, credits spent and moved, the master's balance before and after."""
    sends: dict[str, tuple[int, int, int]]
    """SMS, recipients and credits by address."""
    codes: Counter[str]
    """The codes of the diagnostics."""


# -- what people read -----------------------------------------------------------------------


def _summary(words: str) -> dict[str, int]:
    line = re.search(r"Plan: (.*)\.", words)
    found = {name: int(count) for count, name in re.findall(r"(\d+) to (\w+)", line[1] if line else "")}
    return {name: found.get(name, 0) for name in COUNTED}


def _money(words: str) -> dict[str, int]:
    patterns = {
        "campaigns": r"Sends: ([\d,]+) campaign",
        "messages": r"Sends: .* ([\d,]+) SMS to",
        "recipients": r"Sends: .* SMS to ([\d,]+) recipient",
        "spent": r"Sends: .* recipients?, ([\d,]+) credit",
        "moved": r"Credits moved: (-?[\d,]+)\.",
        "before": r"Master balance: (-?[\d,]+) ->",
        "after": r"Master balance: .* -> (-?[\d,]+)\.",
    }
    found = {name: re.search(pattern, words) for name, pattern in patterns.items()}
    return {name: int(match[1].replace(",", "")) for name, match in found.items() if match}


def _sent(words: str) -> tuple[int, int, int] | None:
    match = re.search(r"sends: ([\d,]+) SMS to ([\d,]+) recipients?, ([\d,]+) credit", words)
    if match is None:
        return None
    messages, recipients, credits = (int(number.replace(",", "")) for number in match.groups())
    return messages, recipients, credits


def of_text(result: Result) -> Told:
    """The text, with the diagnostics on stderr."""
    changes, sends = {}, {}
    for block in re.split(r"^  # (?=\S+ (?:will|must) )", result.stdout, flags=re.MULTILINE)[1:]:
        address, _, words = block.split("\n")[0].partition(" ")
        changes[address] = WORDS[re.sub(r" \(.*\)$", "", words)]
        if sent := _sent(block):
            sends[address] = sent
    codes = Counter(re.findall(r"^(?:\S+ )?(?:error|warning) (SMS\d+):", result.stderr, re.MULTILINE))
    return Told(_summary(result.stdout), changes, _money(result.stdout), sends, codes)


# -- what programs read ---------------------------------------------------------------------


def _one_word(actions: list[str]) -> str:
    return "replace" if actions == ["delete", "create"] else " and ".join(actions)


def of_json(result: Result) -> Told:
    """The document."""
    document = result.document
    credits, sends = document["credits"], document["sends"]
    listed = document["resource_changes"]
    money: dict[str, int] = {}
    if sends["campaigns"]:
        money |= {name: sends[name] for name in ("campaigns", "messages", "recipients")}
        money["spent"] = credits["spend_estimate"]
    if money or credits["moved"] or any(one["before"] != one["after"] for one in document["balances"]):
        money |= {"moved": credits["moved"], "before": credits["master_before"], "after": credits["master_after"]}
    return Told(
        document["summary"],
        {change["address"]: _one_word(change["change"]["actions"]) for change in listed},
        money,
        {
            change["address"]: (send["messages"], send["recipients"], send["credits"])
            for change in listed
            if (send := change.get("send"))
        },
        Counter(item["code"] for item in document["diagnostics"]),
    )


# -- what browsers read ---------------------------------------------------------------------


class _Tree(HTMLParser):
    """A page as elements; every element of ours is closed but these."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._builder = TreeBuilder()
        self.feed(page)
        self.root = self._builder.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in ("br", "input", "link", "meta"):
            self._builder.end(tag)

    def handle_endtag(self, tag: str) -> None:
        self._builder.end(tag)

    def handle_data(self, data: str) -> None:
        self._builder.data(data)


def _text(element: Element | None) -> str:
    return "" if element is None else "".join(element.itertext())


def of_html(result: Result) -> Told:
    """The page."""
    root: Element = _Tree(result.stdout).root
    summary = "\n".join(map(_text, root.findall(".//div[@class='summary']/p")))
    changes, sends = {}, {}
    for row in root.findall(".//section[@id='changes']//li[@data-action]"):
        address = _text(row.find(".//code"))
        changes[address] = row.attrib["data-action"]
        if sent := _sent(_text(row)):
            sends[address] = sent
    codes = Counter(_text(item) for item in root.findall(".//section[@id='diagnostics']//h3/code"))
    return Told(_summary(summary), changes, _money(summary), sends, codes)


# -- what a comment shows -------------------------------------------------------------------


def of_markdown(result: Result) -> Told:
    """The comment."""
    shown = Rendered(result.stdout)
    changes, sends = {}, {}
    for row in shown.rows:
        if len(row) == 4 and row[1] and not row[2].startswith("is now"):
            changes[row[1]] = WORDS[re.sub(r" \(.*\)$", "", row[2].splitlines()[0])]
            if sent := _sent(row[3]):
                sends[row[1]] = sent
    codes = Counter(re.findall(r"(?:error|warning) (SMS\d+):", shown.text))
    return Told(_summary(shown.text), changes, _money(shown.text), sends, codes)


READERS: dict[str, Callable[[Result], Told]] = {
    "json": of_json,
    "html": of_html,
    "markdown": of_markdown,
}
"""How each --format is read back; another one is a line here."""


def assert_views_agree(stack: Stack) -> Told:
    """Every output of the plan says what the text says, and ends with the same exit code."""
    result = stack.run("plan")
    told = of_text(result)
    for form, read in READERS.items():
        other = stack.run("plan", "--format", form)
        assert (form, read(other)) == (form, told)
        assert other.exit_code == result.exit_code
        assert_discreet(other.stdout + other.stderr, phones=[phone(number) for number in PEOPLE])
    return told


POLICIES = st.sampled_from([{}, {"policy": {"max_credits_per_apply": 40, "max_deletes": 1}}])


@settings(moderate, max_examples=8)
@given(st.lists(stacks(), min_size=1, max_size=2), stacks(), POLICIES)
def test_all_outputs_of_a_plan_agree(edits: list[dict[str, Any]], last: dict[str, Any], policy: dict[str, Any]) -> None:
    """Summary, changes, money, sends and diagnostics are the same in text, JSON, HTML and Markdown, whatever the plan."""
    with inhabited() as stack:
        for sections in edits:
            stack.write(sections)
            assert_views_agree(stack)
            stack.apply()
        stack.write({**last, **policy})
        assert_views_agree(stack)


def test_a_plan_that_cannot_be_made(stack: Stack) -> None:
    """A mistake in the configuration is told by every output."""
    stack.write("lists: {vip: {nam: x}}\n")

    for form, read in READERS.items():
        result = stack.run("plan", "--format", form)
        assert result.exit_code == 1
        assert read(result).codes == Counter(["SMS110"]), form


def test_every_kind_of_change_is_told(stack: Stack) -> None:
    """Nothing is told by all outputs because none tells it: creates, updates, deletes, replaces and forgets are there."""
    stack.write(
        {
            "lists": {
                "vip": {"fields": {"NAME": {}}, "contacts": [{"inline": [{"phone": phone(1), "NAME": "Zoé"}]}]},
                "old": {},
                "left": {},
            },
            "campaigns": {
                "hello": {"message": "Hello", "schedule": "2026-12-01 10:00", "audience": {"lists": ["vip"]}}
            },
        }
    )
    stack.apply()
    stack.write(
        {
            "lists": {"vip": {"fields": {"NAME": {}, "CITY": {}}}, "new": {}},
            "campaigns": {"hello": {"message": "Bye", "schedule": "2026-12-01 10:00", "audience": {"lists": ["vip"]}}},
            "removed": [{"address": "list.left", "destroy": False}],
        }
    )
    told = assert_views_agree(stack)

    assert {"create", "update", "delete", "replace", "forget"} <= set(told.changes.values())
    assert told.sends["campaign.hello"] == (1, 1, 15)
    assert told.codes
    assert all(told.summary[name] for name in ("add", "change", "destroy", "replace", "forget"))


def test_drift_is_told(stack: Stack) -> None:
    """What was changed outside is in the page of drift and in that of a plan, as in the document and the text."""
    stack.write({"lists": {"vip": {"contacts": [{"inline": [{"phone": phone(1)}, {"phone": phone(2)}]}]}, "old": {}}})
    stack.apply()
    as_the_master(stack, "deleteList", listName="old")
    as_the_master(
        stack,
        "deleteContacts",
        deleteData=json.dumps({"DATA": {"LISTNAME": "vip", "CONTACT": [{"MOBILEPHONE": phone(1)}]}}),
    )
    for command in ("drift", "plan"):
        text, page = stack.run(command).stdout, stack.run(command, "--format", "html").stdout
        document = stack.run(command, "--format", "json").document
        rows = _Tree(page).root.findall(".//section[@id='drift']//li[@data-drift]")
        told = {_text(row.find("code")): row.attrib["data-drift"] for row in rows}
        listed = {one["address"]: one["change"]["actions"] for one in document["resource_drift"]}
        assert told == {"contacts.vip": "changed", "list.old": "gone"}
        assert listed == {"contacts.vip": ["update"], "list.old": ["delete"]}
        assert "# list.old is gone" in text
