"""Planned faults: what the client sees, and whether the call took effect."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from smsops.sandbox.app import Dropped, Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, data, new_api

MOVE = {"subAccount": "sub", "credits": "10"}


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    made = new_api(sandbox)
    sandbox.add_sub_account(LOGIN, "sub")
    yield made
    sandbox.close()


def moved(api: Api) -> bool:
    return bool(api.sandbox.snapshot()["accounts"]["sub"]["credits"] == 10)


@pytest.mark.parametrize(("kind", "processed"), [("drop_before", False), ("drop_after", True), ("partial", True)])
def test_drop(api: Api, kind: str, processed: bool) -> None:
    """A dropped connection comes out of the application as Dropped, before or after the call took effect."""
    api.sandbox.fail("manageSubAccountCredits", kind)
    with pytest.raises(Dropped):
        api.raw("manageSubAccountCredits", **MOVE)
    assert moved(api) == processed
    assert [call.outcome for call in api.sandbox.calls] == [kind]


@pytest.mark.parametrize(("kind", "processed"), [("hang", False), ("hang_after", True)])
def test_hang(api: Api, kind: str, processed: bool) -> None:
    """A call that hangs never answers; its client has to give up."""
    api.sandbox.fail("*", kind)

    async def wait() -> None:
        transport = httpx.ASGITransport(app=api.sandbox.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client, asyncio.timeout(0.05):
            await client.post("/manageSubAccountCredits", data={"login": api.login, "apiKey": api.key} | MOVE)

    with pytest.raises(TimeoutError):
        asyncio.run(wait())
    assert moved(api) == processed


@pytest.mark.parametrize(
    ("kind", "status", "processed"),
    [
        ("error_before", 500, False),
        ("error_after", 500, True),
        ("throttle", 429, False),
        ("html", 200, False),
        ("html_after", 200, True),
    ],
)
def test_pages(api: Api, kind: str, status: int, processed: bool) -> None:
    """Errors of a server or a proxy are HTML pages."""
    api.sandbox.fail("manageSubAccountCredits", kind)
    response = api.raw("manageSubAccountCredits", **MOVE)
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")
    assert moved(api) == processed


@pytest.mark.parametrize(
    ("kind", "body", "processed"),
    [("empty", "", True), ("truncated", '{"Subaccount":[{"Login"', True), ("garbage", '{"foo": 1}', False)],
)
def test_spoilt_answers(api: Api, kind: str, body: str, processed: bool) -> None:
    """Status 200 may come with nothing, half an answer or another one."""
    api.sandbox.fail("manageSubAccountCredits", kind)
    response = api.raw("manageSubAccountCredits", **MOVE)
    assert (response.status_code, response.text) == (200, body)
    assert moved(api) == processed


def test_throttling_says_how_long(api: Api) -> None:
    """Retry-After is what was planned, 1 second by default."""
    api.sandbox.fail("*", "throttle", retry_after=7)
    api.sandbox.fail("*", "throttle")
    assert [api.raw("getInfo").headers["retry-after"] for _ in range(2)] == ["7", "1"]


@pytest.mark.parametrize("method", ["populateList", "deleteContacts"])
def test_partial_contacts(api: Api, method: str) -> None:
    """A partial call gets through the first half of its contacts."""
    there = [{"phone": f"061234567{number}"} for number in range(4)]
    api.sandbox.add_list(LOGIN, "vip", contacts=[] if method == "populateList" else there)
    api.sandbox.fail(method, "partial")
    payload = data(LISTNAME="vip", CONTACT=[{"MOBILEPHONE": contact["phone"]} for contact in there])
    with pytest.raises(Dropped):
        api.raw(method, populateData=payload, deleteData=payload)
    left = list(api.sandbox.snapshot()["lists"][LOGIN]["vip"]["contacts"])
    first, second = ["33612345670", "33612345671"], ["33612345672", "33612345673"]
    assert left == (first if method == "populateList" else second)


def test_after_and_times(api: Api) -> None:
    """A fault passes the first calls of its method, hits the next ones, and leaves other methods alone."""
    api.sandbox.fail("getInfo", "error_before", after=1, times=2)
    assert api.raw("getLists").status_code == 200
    assert [api.raw("getInfo").status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_plans_queue_up(api: Api) -> None:
    """Of two plans for the same call the older one hits, and the younger one waits."""
    api.sandbox.fail("getInfo", "error_before")
    api.sandbox.fail("*", "throttle")
    assert [api.raw("getInfo").status_code for _ in range(3)] == [500, 429, 200]


def test_plans_can_be_forgotten(api: Api) -> None:
    """clear_faults lets every later call pass."""
    api.sandbox.fail("*", "drop_before", times=9)
    api.sandbox.clear_faults()
    assert api.raw("getInfo").status_code == 200


@pytest.mark.parametrize(
    ("method", "kind", "counts"),
    [("getInfo", "fire", {}), ("getinfo", "hang", {}), ("*", "hang", {"times": 0}), ("*", "hang", {"after": -1})],
)
def test_a_plan_that_makes_no_sense_is_an_error(api: Api, method: str, kind: str, counts: dict[str, int]) -> None:
    """A misspelt plan would pass for a test that nothing disturbs."""
    with pytest.raises(ValueError, match=r"no fault kind|no method|skips 0"):
        api.sandbox.fail(method, kind, **counts)


def test_plans_are_in_the_file(tmp_path: Path) -> None:
    """A fault planned by one process is met by another."""
    planner, other = Sandbox(tmp_path / "s.db"), Sandbox(tmp_path / "s.db")
    api = new_api(other)
    planner.fail("getInfo", "throttle")
    assert [api.raw("getInfo").status_code for _ in range(2)] == [429, 200]
    planner.close()
    other.close()


def test_the_log_has_no_api_key(api: Api) -> None:
    """The log has what came, without the key, and how it ended."""
    api("getInfo", subAccount="sub", APIKEY="x")
    api("getInfo", subAccount="nobody")
    first, second = api.sandbox.calls
    assert first.params == {"login": LOGIN, "subAccount": "sub"}
    assert (first.method, first.login, first.sub_account, first.outcome) == ("getInfo", LOGIN, "sub", "done")
    assert second.outcome == "refused"
