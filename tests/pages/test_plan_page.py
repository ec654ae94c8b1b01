"""`plan --format html` in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import pytest
from playwright.async_api import Page

from tests.harness import Stack
from tests.kinds.contract import as_the_master, assert_discreet, inline, people, person, phone
from tests.pages.browser import Browser, Seen

STOP = " STOP au 36180"
HOSTILE = (
    "</script><script>window.broken = 1</script>",
    "</style></title><img src=x onerror='window.broken = 2'>",
    "\"><svg onload=window.broken=3>' onfocus='window.broken=4' autofocus='",
    "javascript:window.broken=5",
    "<!--<script>",
    "&lt;b&gt; &#x202e; ]]>",
    "safe \u202etxt.exe\u202c \u2066hidden\u2069 \u200f",
    "x" * 10_000,
)
CONTRAST = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const [, , , alpha = 1] = parts(getComputedStyle(element).backgroundColor);
      if (alpha > 0) return getComputedStyle(element).backgroundColor;
    }
  };
  const poor = [];
  for (const element of document.querySelectorAll("main *:not(svg *, option)")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility()) continue;
    const [one, other] = [getComputedStyle(element).color, behind(element)].map(light).sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < 4.5) poor.push(element.outerHTML.slice(0, 100));
  }
  return [poor, getComputedStyle(document.body).backgroundColor];
}"""


OPEN_ALL = "() => document.querySelectorAll('details').forEach(e => { e.open = true; })"
WIDTH = "document.documentElement.scrollWidth"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@dataclass(frozen=True)
class Planned:
    """A plan in two forms."""

    html: str
    document: Any


def _list(*numbers: int, name: str = "Zoé") -> dict[str, Any]:
    return {"fields": {"NAME": {}}, "contacts": inline(*people(numbers, NAME=name))}


def _campaign(schedule: str, message: str = "Bonjour {NAME}", **more: Any) -> dict[str, Any]:
    return {"message": message + STOP, "schedule": schedule, "audience": {"lists": ["vip"]}, **more}


BEFORE = {
    "lists": {"vip": _list(1, 2), "old": _list(3)},
    "campaigns": {"gone": _campaign("2026-12-09 10:00"), "moved": _campaign("2026-12-10 10:00")},
}
AFTER = {
    "policy": {"max_credits_per_campaign": 60},
    "lists": {"vip": _list(1, 2, 4), "new": _list(5)},
    "campaigns": {
        "moved": _campaign("2026-12-10 16:00"),
        "early": _campaign("2026-12-01 10:00", "Ça œuvre, {NAME}"),
        "late": _campaign("2027-02-02 11:30"),
        "dear": _campaign("2026-12-02 10:00", "Un message plus long. " * 14),
    },
    "sub_accounts": {
        key: person(
            credits={"grants": {"start": 1000, "more": 500}},
            lists={"vip": _list(6, 7)},
            campaigns={"hello": _campaign("2026-12-03 10:00")},
        )
        for key in ("north", "south")
    },
}


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    """A plan that creates, changes, destroys, moves credits, sends on several days, and refuses one campaign."""
    with closing(Stack(tmp_path_factory.mktemp("planned") / "stack")) as stack:
        stack.write(BEFORE)
        stack.apply()
        member = {"LISTNAME": "vip", "CONTACT": [{"MOBILEPHONE": phone(8), "NAME": "Max"}]}
        as_the_master(stack, "populateList", populateData=json.dumps({"DATA": member}))
        stack.write(AFTER)
        html, document = (stack.run("plan", "--format", form) for form in ("html", "json"))
        assert (html.exit_code, html.stderr) == (document.exit_code, document.stderr) == (4, "")
        yield Planned(html.stdout, document.document)


def assert_quiet(seen: Seen) -> None:
    """The page asked for nothing and nothing was wrong with it."""
    assert (seen.requests, seen.said) == ([], [])


def test_it_can_be_read_anywhere(planned: Planned, browser: Browser) -> None:
    """On a phone and on a desk, by day and by night: nothing sticks out, all text stands out, headings follow each other."""

    async def at(page: Page) -> Any:
        await page.evaluate(OPEN_ALL)
        found = {}
        for width in (375, 1100):
            await page.set_viewport_size({"width": width, "height": 800})
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                found[width, scheme] = [await page.evaluate(WIDTH), *await page.evaluate(CONTRAST)]
        return found, await page.locator("h1, h2, h3").evaluate_all("all => all.map(e => Number(e.tagName[1]))")

    (found, outline), seen = browser.look(planned.html, at)

    assert_quiet(seen)
    for (width, scheme), (wide, poor, background) in found.items():
        assert (wide, poor) == (width, [])
        assert background == ("rgb(20, 23, 27)" if scheme == "dark" else "rgb(255, 255, 255)")
    assert outline[0] == 1
    assert 1 not in outline[1:]
    assert all(below - above <= 1 for above, below in pairwise(outline))


def test_nobody_can_be_called(planned: Planned) -> None:
    """No phone number and no secret is in the page."""
    secrets = ("correct horse", "battery staple", "acme-key")
    assert_discreet(planned.html, phones=[phone(number) for number in range(9)], secrets=secrets)


def test_the_filters(planned: Planned, browser: Browser) -> None:
    """Text, action, kind, account, BLOCKED and drift narrow the tree; what is left is shown open, and counted."""

    async def at(page: Page) -> dict[str, list[str]]:
        rows = page.locator("#changes .account > ul > li:visible code")
        found = {"all": await rows.all_text_contents()}
        await page.get_by_label("Text").press_sequentially("VIP north")
        found["text"] = await rows.all_text_contents()
        await page.get_by_label("Text").fill("")
        for name, value in (("Action", "delete"), ("Kind", "campaign"), ("Account", "south"), ("Account", "(master)")):
            await page.get_by_label(name).select_option(value)
            found[value] = await rows.all_text_contents()
            await page.get_by_label(name).select_option("all")
        await page.get_by_label("BLOCKED only").check()
        found["blocked"] = await rows.all_text_contents()
        found["count"] = [await page.locator("#filter-count").inner_text()]
        await page.get_by_label("BLOCKED only").uncheck()
        await page.get_by_label("drifted only").check()
        found["drifted"] = await rows.all_text_contents()
        await page.get_by_label("drifted only").uncheck()
        await page.locator("#changes .account > summary").first.focus()
        await page.keyboard.press("Enter")
        found["closed"] = await rows.all_text_contents()
        return found

    found, seen = browser.look(planned.html, at)

    changes = planned.document["resource_changes"]

    def of(wanted: Callable[[Any], bool]) -> list[str]:
        return [change["address"] for change in changes if wanted(change)]

    assert_quiet(seen)
    assert found["all"] == of(lambda change: True)
    assert found["text"] == ["north/contacts.vip", "north/list.vip"]
    assert found["delete"] == of(lambda change: change["change"]["actions"] == ["delete"]) != []
    assert found["campaign"] == of(lambda change: change["type"] == "campaign")
    assert found["south"] == of(lambda change: change["account"] == "south")
    assert found["(master)"] == of(lambda change: change["account"] is None)
    assert found["blocked"] == ["campaign.dear"]
    assert found["drifted"] == [change["address"] for change in planned.document["resource_drift"]] == ["contacts.vip"]
    assert found["count"] == [f"1 of {len(changes)} changes"]
    assert found["closed"] == of(lambda change: change["account"] is not None)


async def _rows(page: Page) -> dict[str, list[list[str]]]:
    """The waterfalls, account by account: what, credits, balance."""
    found = {}
    for account in await page.locator("#credits details").all():
        key = await account.get_attribute("data-account")
        rows = await account.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.children].slice(0, 3).map(cell => cell.textContent))"
        )
        found[key or ""] = rows
    return found


def _number(text: str) -> int:
    return int(text.replace(",", "") or 0)


def test_the_waterfall_adds_up(planned: Planned, browser: Browser) -> None:
    """Each account goes from what it has to what the JSON says is left, step by step, moves before spends."""
    found, seen = browser.look(planned.html, _rows)

    assert_quiet(seen)
    assert found.keys() == {"", "north", "south"}
    for balance in planned.document["balances"]:
        first, *steps, last = found[balance["account"] or ""]
        assert (_number(first[2]), _number(last[2])) == (balance["before"], balance["after"])
        level = balance["before"]
        for _, credits, shown in steps:
            level += _number(credits)
            assert _number(shown) == level
        assert level == balance["after"]
    words = [row[0].split()[0] for row in found[""][1:-1]]
    assert words == sorted(words, key=["moved", "given", "spent"].index)
    assert found["north"][1][:2] == ["moved by credits", "+1,500"]
    assert _number(found[""][-1][2]) == planned.document["credits"]["master_after"]


def test_the_calendar_has_every_campaign_on_its_day(planned: Planned, browser: Browser) -> None:
    """A grid for each month with its weekdays; campaigns stand on their day in the stack's zone, those refused are marked."""

    async def at(page: Page) -> Any:
        return await page.evaluate("""() => [...document.querySelectorAll("#calendar table")].map((table) => [
          table.caption.textContent,
          [...table.querySelectorAll("td:has(time)")].length,
          [...table.querySelectorAll("td .entry")].map((entry) => [
            entry.closest("td").querySelector("time").dateTime, entry.closest("td").cellIndex,
            entry.querySelector("time").textContent, entry.querySelector("bdi").textContent, entry.className,
          ]),
        ])""")

    months, seen = browser.look(planned.html, at)

    assert_quiet(seen)
    assert [month[:2] for month in months] == [["December 2026", 31], ["February 2027", 28]]
    assert months[0][2] == [
        ["2026-12-01", 1, "10:00", "campaign.early", "entry"],
        ["2026-12-02", 2, "10:00", "campaign.dear", "entry refused"],
        ["2026-12-03", 3, "10:00", "north/campaign.hello", "entry"],
        ["2026-12-03", 3, "10:00", "south/campaign.hello", "entry"],
        ["2026-12-10", 3, "16:00", "campaign.moved", "entry"],
    ]
    assert months[1][2] == [["2027-02-02", 1, "11:30", "campaign.late", "entry"]]


def test_messages_are_those_of_the_plan(planned: Planned, browser: Browser) -> None:
    """A phone for each text, with its length, SMS and encoding, and what to write instead of dear characters."""

    async def at(page: Page) -> Any:
        phones = await page.locator(".phone .bubble").all_inner_texts()
        return phones, " ".join(await page.locator("#messages .told").all_inner_texts())

    (phones, told), seen = browser.look(planned.html, at)

    assert_quiet(seen)
    changes = planned.document["resource_changes"]
    assert sorted(phones) == sorted({one["send"]["message"]["longest"]["text"] for one in changes if "send" in one})
    assert "27 characters, 1 SMS, UCS-2" in told
    assert 'œ is not GSM-7, write "oe"' in told
    assert "The same in 3 more: campaign.moved, north/campaign.hello, south/campaign.hello" in told


async def _graph(page: Page) -> Any:
    """The boxes by what they are called, with their corners, and the two ends of each line."""
    return await page.evaluate("""() => [
      [...document.querySelectorAll("#operations .node")].map((node) => {
        const box = node.querySelector("rect");
        return [node.querySelector("title").textContent, ...["x", "y", "width", "height"].map((of) => Number(box.getAttribute(of)))];
      }),
      [...document.querySelectorAll("#operations .edges path")].map((path) => {
        const numbers = path.getAttribute("d").match(/[\\d.]+/g).map(Number);
        return [...numbers.slice(0, 2), ...numbers.slice(-2)];
      }),
    ]""")


def _behind(edges: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Who comes before whom, directly or not."""
    found = set(edges)
    while more := {(one, last) for one, middle in found for other, last in found if middle == other} - found:
        found |= more
    return found


def test_the_graph_is_that_of_the_operations(planned: Planned, browser: Browser) -> None:
    """A box for each operation, none on another; lines lead to the right, and say what waits for what and nothing else."""
    (boxes, lines), seen = browser.look(planned.html, _graph)

    assert_quiet(seen)
    operations = planned.document["operations"]
    address = {operation["id"]: operation["address"] for operation in operations}
    assert sorted(title.split()[0] for title, *_ in boxes) == sorted(address.values())
    corners = [(x, y) for _, x, y, *_ in boxes]
    assert len(set(corners)) == len(corners)
    assert all(abs(y - other) >= 44 for x, y in corners for x2, other in corners if x == x2 and y != other)

    def at(x: float, y: float, right: bool) -> str:
        return next(str(t).split()[0] for t, x1, y1, w, h in boxes if (x1 + (w if right else 0), y1 + h // 2) == (x, y))

    drawn = [(at(x1, y1, True), at(x2, y2, False)) for x1, y1, x2, y2 in lines]
    assert all(x1 < x2 for x1, _, x2, _ in lines)
    assert _behind(drawn) == _behind(
        (address[other], one["address"]) for one in operations for other in one["depends_on"]
    )


def test_ten_thousand_changes_are_a_page(stack: Stack, browser: Browser) -> None:
    """A large plan is some megabytes and opens at once; everything is found in it; what is left out is counted; shops that
    are alike are drawn as one."""
    shop = person(
        credits={"grants": {"start": 100}}, lists={"vip": _list(1)}, campaigns={"hello": _campaign("2026-12-01 10:00")}
    )
    shops = [{"code": f"{number:03}"} for number in range(100)]
    stack.write(
        {
            "lists": {f"list-{number}": {"fields": {"NAME": {}}} for number in range(9_500)},
            "generate": [{"for_each": shops, "sub_accounts": {"shop-${row.code}": shop}}],
        }
    )
    result = stack.run("plan", "--format", "html")
    assert result.exit_code == 0

    async def at(page: Page) -> Any:
        opened = await page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
        elements = await page.evaluate("document.getElementsByTagName('*').length")
        await page.get_by_label("Text").fill("shop-077/list")
        rows = await page.locator("#changes .account > ul > li:visible code").all_text_contents()
        said = await page.locator("main").text_content()
        return opened, elements, rows, said, await _graph(page)

    (opened, elements, rows, said, (boxes, lines)), seen = browser.look(result.stdout, at)

    assert_quiet(seen)
    assert len(result.stdout) < 4_000_000
    assert elements < 100_000
    assert opened < 10_000  # milliseconds, on a busy machine
    assert rows == ["shop-077/list.vip"]
    assert "8,500 changes are shown without their attributes" in said
    assert "And 90 more accounts." in said
    assert "The same in 99 more: shop-001/campaign.hello" in said
    assert "9,500 more are not listed" in said
    assert len(boxes) == 6  # the master's lists, and five of a shop
    assert len(lines) == 5


def test_without_a_script_it_is_whole(planned: Planned, browser: Browser) -> None:
    """Where scripts do not run there are no filters, and everything else is there."""

    async def at(page: Page) -> Any:
        return await page.locator("#filters").is_visible(), await page.locator("#changes li code").all_text_contents()

    (filters, rows), seen = browser.look(planned.html, at, script=False)

    assert_quiet(seen)
    assert not filters
    assert rows == [change["address"] for change in planned.document["resource_changes"]]


def test_nothing_that_a_user_writes_is_more_than_text(stack: Stack, browser: Browser) -> None:
    """Names, messages and values that look like HTML, turn the line around or never end are shown as they are written."""
    lists = {f"l{place}": {**_list(place, name=words), "name": words[:90]} for place, words in enumerate(HOSTILE)}
    campaigns = {
        f"c{place}": _campaign("2026-12-01 10:00", f"{words} {{NAME}}", audience={"lists": [f"l{place}"]})
        for place, words in enumerate(HOSTILE)
    }  # fmt: skip
    stack.write({"lists": lists, "campaigns": campaigns, "sub_accounts": {"north": person(company=HOSTILE[1])}})
    page = stack.run("plan", "--format", "html").stdout

    async def at(page: Page) -> Any:
        await page.evaluate(OPEN_ALL)
        return (
            await page.evaluate("window.broken"),
            await page.locator("img, iframe, script, main style, main svg[onload], [onfocus], [onerror]").count(),
            await page.evaluate(WIDTH),
            await page.locator("main").inner_text(),
        )

    (broken, elements, wide, text), seen = browser.look(page, at, width=375)

    assert_quiet(seen)
    assert (broken, elements, wide) == (None, 1, 375)  # the one script is the page's own
    for words in HOSTILE[:6]:
        assert words in text
    assert "safe ⟨U+202E⟩txt.exe⟨U+202C⟩ ⟨U+2066⟩hidden⟨U+2069⟩ ⟨U+200F⟩" in text
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page)
    assert len(page) < 300_000


def test_the_policy_holds(planned: Planned, browser: Browser) -> None:
    """Should anything get into the page all the same, it neither runs nor loads nor looks like ours."""

    async def at(page: Page) -> Any:
        await page.evaluate("""() => {
          const script = document.createElement("script");
          script.textContent = "window.broken = 1";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<img src='https://example.com/x.png'><p id=p style='color: red'>x");
          document.body.insertAdjacentHTML("beforeend", "<button onclick='window.broken = 2'>y</button>");
        }""")
        await page.get_by_role("button", name="y").click()
        return await page.evaluate("window.broken"), await page.evaluate("getComputedStyle(p).color")

    (broken, color), seen = browser.look(planned.html, at)

    assert (broken, color) == (None, "rgb(28, 32, 36)")
    assert len([said for said in seen.said if "Content Security Policy" in said]) >= 4
