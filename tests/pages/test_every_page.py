"""Every page that a command prints: what it may do in a browser, and that it says what the JSON says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.engine.test_interrupts import interrupt
from tests.harness import Result, Stack
from tests.kinds.contract import as_the_master, assert_discreet, inline, people, phone
from tests.pages.browser import Browser, Seen
from tests.pages.test_plan_page import CONTRAST, HOSTILE, OPEN_ALL, STOP, WIDTH, assert_quiet

EVIL = " ".join(HOSTILE[:7])
EXIT_CODES = {
    "validate": 1, "apply": 130, "refused": 4, "failed": 1, "plan": 0, "drift": 0, "status": 0, "calendar": 0, "report": 0,
}  # fmt: skip


def _list(*numbers: int, name: str = EVIL[:80]) -> dict[str, Any]:
    return {"name": name, "fields": {"NAME": {}}, "contacts": inline(*people(numbers, NAME=EVIL))}


def _campaign(schedule: str, to: str = "vip", words: str = EVIL) -> dict[str, Any]:
    return {"message": f"{words} {{NAME}}{STOP}", "schedule": schedule, "audience": {"lists": [to]}}


BEFORE = {"lists": {"vip": _list(1, 2)}, "campaigns": {"done": _campaign("2026-12-01 10:00", words="x" * 600)}}
AFTER = {
    "lists": {"vip": _list(1, 2), "worse": _list(4, name=EVIL[1:80])},
    "campaigns": {
        **BEFORE["campaigns"],
        "asked": _campaign("2026-12-02 10:00"),
        "fine": _campaign("2026-12-02 11:00"),
        "never": _campaign("2026-12-03 12:00"),
        "stuck": _campaign("2026-12-04 10:00", to="worse"),
    },
}
WRONG = f"""\
include: [more.yaml]
lists:
  vip: {{fields: {{NAME: {{}}}}, {json.dumps(EVIL)}: x, locked: {json.dumps(EVIL)}}}
campaigns:
  hello: {{message: {json.dumps(EVIL, ensure_ascii=False)}, schedule: never, audience: {{lists: [wip]}}}}
"""


def _stories(directory: Path, form: str) -> Iterator[tuple[str, Result]]:
    """An apply in which everything happens that can, and every command before and after it."""
    with closing(Stack(directory / form)) as stack:

        def run(command: str, *options: str) -> Result:
            return stack.run(command, *options, "--format", form)

        stack.write(BEFORE)
        stack.apply()
        stack.write(AFTER | {"policy": {"max_credits_per_campaign": 1}})
        yield "refused", run("apply", "--auto-approve")
        stack.write(AFTER)
        stack.sandbox.fail("createList", "garbage", times=99)
        stack.sandbox.fail("sendSms", "drop_after")
        interrupt(stack, "sendSms", after=1)
        yield "apply", run("apply", "--auto-approve", "--parallelism", "1")
        yield "status", run("status")
        member = {"LISTNAME": EVIL[:80], "CONTACT": [{"MOBILEPHONE": phone(8), "NAME": EVIL}]}
        as_the_master(stack, "populateList", populateData=json.dumps({"DATA": member}))
        yield "plan", run("plan")
        yield "drift", run("drift")
        yield "calendar", run("calendar", "--all")
        stack.clock += timedelta(days=30)
        yield "report", run("report", "campaign.done")
        stack.write(WRONG)
        stack.write("lists: {vip: {}}\n", "more.yaml")
        yield "validate", run("validate")
        yield "failed", run("apply", "--auto-approve")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Any]]:
    """Each command's page and document, of two stacks that saw the same."""
    directory = tmp_path_factory.mktemp("every")
    pages, documents = (dict(_stories(directory, form)) for form in ("html", "json"))
    assert {name: page.exit_code for name, page in pages.items()} == EXIT_CODES
    assert {name: document.exit_code for name, document in documents.items()} == EXIT_CODES
    return {
        name: (page.stdout, documents[name].events[-1] if name in APPLIES else documents[name].document)
        for name, page in pages.items()
    }


@dataclass(frozen=True)
class Looked:
    """A page, read by night on a phone."""

    html: str
    document: Any
    seen: Seen
    broken: Any
    wide: int
    poor: list[str]
    foreign: int
    """Elements that no page of ours has."""
    found: Any
    """What READ finds on it."""


@pytest.fixture(scope="module")
def looked(told: Mapping[str, tuple[str, Any]], browser: Browser) -> Callable[[str], Looked]:
    """Looks at the page of a command, once for all tests."""

    async def at(page: Page) -> Any:
        await page.evaluate(OPEN_ALL)
        await page.emulate_media(color_scheme="dark")
        return (
            await page.evaluate("window.broken"),
            await page.evaluate(WIDTH),
            (await page.evaluate(CONTRAST))[0],
            await page.locator("main :is(img, iframe, script, style, [onload], [onerror], [onfocus])").count(),
            await page.evaluate(READ),
        )

    @cache
    def look(command: str) -> Looked:
        html, document = told[command]
        facts, seen = browser.look(html, at, width=375)
        return Looked(html, document, seen, *facts)

    return look


@pytest.mark.parametrize("command", EXIT_CODES)
def test_it_is_safe_and_fits(command: str, looked: Callable[[str], Looked]) -> None:
    """No page asks for anything, breaks its own policy, runs what a user wrote, shows a number, or sticks out of a phone;
    all text can be read by night."""
    page = looked(command)

    assert_quiet(page.seen)
    assert (page.broken, page.foreign, page.wide, page.poor) == (None, 0, 375, [])
    assert page.html.count("<!doctype") == page.html.count("Content-Security-Policy") == 1
    assert not {"\u202e", "\u2066"} & set(page.html)
    assert_discreet(page.html, phones=[phone(number) for number in (1, 2, 3, 4, 8)], secrets=["acme-key"])


# -- the same as the JSON -------------------------------------------------------------------

READ = """() => {
  const text = (of, query) => of.querySelector(query)?.textContent ?? null;
  const all = (query, read) => [...document.querySelectorAll(query)].map(read);
  return {
    text: document.querySelector("main").textContent,
    headings: all("h2", (e) => e.textContent),
    findings: all("article.finding:not([data-status]):has(h3 > code + bdi)",
      (e) => [text(e, "h3 code"), text(e, "h3 bdi"), text(e, ".quiet code")]),
    carets: all("article pre", (e) => {
      const [line, below] = e.textContent.split("\\n");
      return [line, below.indexOf("^")];
    }),
    rows: all("#changes .account > ul > li, #drift > ul > li",
      (e) => [text(e, "code"), e.dataset.action ?? e.dataset.drift, e.dataset.status ?? null]),
    undone: all("article[data-status]", (e) => [text(e, ".address"), e.dataset.status, text(e, ".code")]),
    figures: Object.fromEntries(all(".figures > [data-status]", (e) => [e.dataset.status, Number(text(e, "dd"))])),
    entries: all(".entry", (e) => [text(e, "bdi"), text(e, ".badge")]),
    cells: all(".wide tbody tr", (e) => [...e.cells].map((cell) => cell.textContent)),
    counts: all("tr:has(meter)", (e) => [text(e, "th"), text(e, "td")]),
  };
}"""


def _shown(words: str) -> str:
    return "".join(f"⟨U+{ord(one):04X}⟩" if one in "\u200f\u202c\u202e\u2066\u2069" else one for one in words)


def _findings(document: Any) -> list[list[str | None]]:
    return [
        [
            one["code"],
            _shown(one["summary"]),
            ":".join(str(one[part]) for part in ("file", "line", "column") if one[part]) or one["address"],
        ]
        for one in document["diagnostics"]
    ]


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _validation(found: Any, document: Any) -> None:
    assert found["findings"] == _findings(document)
    assert f"The configuration has {document['error_count']} errors." in found["text"]
    files = dict.fromkeys(one["file"] for one in document["diagnostics"])
    assert found["headings"] == [*files] == ["smsops.yaml", "more.yaml"]
    assert [line[caret:].split(",")[0] for line, caret in found["carets"]][2:] == ["never", "wip]}}", "vip: {}}"]
    assert len(found["carets"]) == document["error_count"] == 5


def _applied(found: Any, document: Any) -> None:
    groups = {status: document[status] for status in ("done", "failed", "skipped", "in_doubt", "not_started")}
    ended = [(address, status) for address, _, status in found["rows"] if status]
    assert sorted(ended) == sorted((address, status) for status, all_of_it in groups.items() for address in all_of_it)
    undone = [(address, status) for address, status in ended if status != "done"]
    assert sorted((address, status) for address, status, *_ in found["undone"]) == sorted(undone)
    assert found["figures"] == {status: len(all_of_it) for status, all_of_it in groups.items() if all_of_it}
    assert f"It ended with the exit code {document['exit_code']}." in found["text"]
    assert sorted(found["findings"], key=str) == sorted(_findings(document), key=str)


def _everything(found: Any, document: Any) -> None:
    _applied(found, document)
    assert len(found["figures"]) == 5
    codes = {address: code for address, _, code in found["undone"]}
    assert codes["list.worse"].startswith("SMS")
    assert "smsops resolve campaign.asked --happened" in found["text"]
    assert [marks for _, marks in found["entries"] if marks] == ["IN DOUBT", "NOT STARTED", "SKIPPED"]


def _planned(found: Any, document: Any) -> None:
    changes = [[one["address"], " and ".join(one["change"]["actions"]), None] for one in document["resource_changes"]]
    drifted = [
        [one["address"], "gone" if one["change"]["actions"] == ["delete"] else "changed", None]
        for one in document["resource_drift"]
    ]
    assert found["rows"] == drifted + changes
    assert sorted(found["findings"], key=str) == sorted(_findings(document), key=str)
    assert drifted


def _status(found: Any, document: Any) -> None:
    assert [[cell for place, cell in enumerate(row) if place in (2, 5, 6)] for row in found["cells"]] == [
        [one["state"], f"{one['recipients']:,}", _count(one["credits"])] for one in document["campaigns"]
    ]
    for row, one in zip(found["cells"], document["campaigns"], strict=True):
        assert row[1] == one["address"] + _shown(one["message"])
        assert row[4] == one["sender"]
        assert (row[3] == "–") is (one["cancellable_until"] is None)
        assert all(f"{part['campaign_id'] or '-'}: {part['recipients']} recipient" in row[7] for part in one["parts"])
    assert [address for address, _ in found["entries"]] == [one["address"] for one in document["campaigns"]]


def _calendar(found: Any, document: Any) -> None:
    assert [(row[1], row[3], row[4], row[6]) for row in found["cells"]] == [
        (one["address"] + _shown(one["message"]), _count(one["recipients"]), _count(one["credits"]), one["status"])
        for one in document["campaigns"]
    ]
    assert Counter(address for address, _ in found["entries"]) == Counter(
        one["address"] for one in document["campaigns"]
    )


def _report(found: Any, document: Any) -> None:
    counts = {name: int(count.replace(",", "")) for name, count in found["counts"]}
    expected = {one["meaning"]: one["recipients"] for one in document["by_status"]}
    expected |= {f"within {one['hours']} h": one["recipients"] for one in document["delivered_within"]}
    expected |= {"not reported yet": document["unreported"]} if document["unreported"] else {}
    assert counts == expected
    assert f"Delivered to {document['delivered']}" in found["headings"]
    assert f"{document['recipients']} recipients, {document['credits']:,} credits" in found["text"]
    assert f"Replies: {document['replies']}, {document['stops']} of them STOP." in found["text"]
    if document["cost_per_delivered"] is not None:
        assert f"Cost: {document['cost_per_delivered']} credits" in found["text"]


APPLIES = ("apply", "refused", "failed")
SAME: dict[str, Callable[[Any, Any], None]] = {
    "validate": _validation, "apply": _everything, "refused": _applied, "failed": _applied, "plan": _planned, "drift": _planned,
    "status": _status, "calendar": _calendar, "report": _report,
}  # fmt: skip


@pytest.mark.parametrize("command", SAME)
def test_it_says_what_the_json_says(command: str, looked: Callable[[str], Looked]) -> None:
    """What was found, planned, done, not done, scheduled or delivered is the same on the page and in the document."""
    page = looked(command)

    SAME[command](page.found, page.document)
