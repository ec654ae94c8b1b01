"""`smsops listen`: what is pushed is kept once, and what was answered is never lost."""

from __future__ import annotations

import asyncio
import signal
import socket
import stat
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.pusher import Pusher, query
from smsops.edge.webhooks.postgres import PostgresEvents
from smsops.edge.webhooks.reading import Malformed, read_event
from smsops.edge.webhooks.store import EventsError, open_events
from smsops.model.values import Secret
from smsops.model.webhooks import PersonKey
from tests.harness import START, Stack
from tests.servers import Server
from tests.webhooks.receiver import SECRET, STACK, answered, kept, listening, pushed

PHONE = "33612345678"
DELIVERY = {
    "smsId": "330792bd-8e0b-11e5-bf51-0025907cd72e",
    "status": "1",
    "statusText": "Delivered",
    "receptionDate": "2026-11-20 12:00:00",
    "phoneNumber": PHONE,
    "campaignId": "ap_28423",
}
REPLY = {
    "smsId": DELIVERY["smsId"],
    "smsMoId": "32154",
    "receptionDate": "2014-02-14 3:09:05 p.m.",
    "phoneNumber": PHONE,
    "campaignId": "ap_28423",
    "message": "STOP, et rappelez le 06 12 34 56 78",
}
KEY = PersonKey(Secret(SECRET))


def event(**parameters: str) -> Any:
    return read_event(urlencode(parameters).encode(), KEY, START)


@pytest.mark.parametrize("place", ["sqlite", "postgres"])
def test_a_kill_under_load_loses_nothing_that_was_answered(
    tmp_path: Path, place: str, request: pytest.FixtureRequest
) -> None:
    """Killed with SIGKILL while calls pour in, or ended with SIGTERM, it has all that it answered 200; pushed again, each
    is there once."""
    environment, url = {}, "sqlite:.smsops/events.db"
    if place == "postgres":
        server: Server = request.getfixturevalue("postgres_server")
        environment, url = dict(server.environment), new_database(server)
    (tmp_path / "smsops.yaml").write_text(f"{STACK}listen: {{events: '{url}'}}\n", "utf-8")
    count = 600

    def ended(number: int, first: int) -> tuple[set[int], int, str]:
        """What was answered before a signal that comes in the middle, how it ended and what it said."""
        with listening(tmp_path, environment) as listener:
            pusher = Pusher(listener.url)

            async def push() -> tuple[int, str]:
                pushing = asyncio.create_task(pusher.push(range(first, first + count)))
                await pusher.reached(count // 3)
                end = await asyncio.to_thread(listener.end, number)
                await pushing
                return end

            end = asyncio.run(push())
        assert count // 3 <= len(pusher.kept) < count
        assert pusher.refused == 0
        return pusher.kept, *end

    def there() -> list[int]:
        store = open_events(url, tmp_path, environment)
        with closing(store):
            return sorted(int(event.sms_id.rpartition("-")[2]) for event in store.of(["ap_0"]))

    answered_first, _, _ = ended(signal.SIGKILL, 0)
    assert answered_first <= set(there())
    answered_then, code, errors = ended(signal.SIGTERM, count // 2)
    assert (code, SECRET in errors) == (0, False)
    assert answered_first | answered_then <= set(there())

    store = open_events(url, tmp_path, environment)
    with closing(store):
        assert set(answered(store, [f"?{query(number)}" for number in range(2 * count)])) == {200}
    assert there() == list(range(2 * count))
    if place == "sqlite":
        files = list((tmp_path / ".smsops").iterdir())
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        content = b"".join(file.read_bytes() for file in files)
        assert not any(number in content for number in (SECRET.encode(), b"33600000000", b"33600000001"))


def test_who_does_not_know_the_secret_finds_nothing(tmp_path: Path) -> None:
    """A wrong secret is a 404 whatever comes with it, and nothing is kept; behind a proxy's prefix the right one works."""
    wanted = urlencode(DELIVERY)
    wrong = [
        "",
        "/",
        f"/{SECRET[:-1]}",
        f"/{SECRET}x",
        f"/{SECRET.upper()}",
        f"/{SECRET}/more",
        "/%00",
        "/é",
        f"//{'a' * 5000}",
    ]
    assert set(pushed(tmp_path, [f"http://receiver{path}?{wanted}" for path in wrong])) == {404}
    assert kept(tmp_path) == []
    right = [f"/{SECRET}", f"/{SECRET}/", f"/hooks/sms/{SECRET}", f"/{quote(SECRET).replace('-', '%2D')}"]
    assert set(pushed(tmp_path, [f"http://receiver{path}?{wanted}" for path in right])) == {200}
    assert len(kept(tmp_path)) == 1
    store = open_events("sqlite:.smsops/events.db", tmp_path, {})
    assert answered(store, [f"http://receiver/{SECRET}?{wanted}"], method="POST") == [405]
    assert answered(store, [f"http://receiver/{SECRET}?{urlencode(REPLY)}"], method="HEAD") == [405]
    assert len(store.of(["ap_28423"])) == 1
    store.close()


def test_an_event_is_kept_without_the_number(tmp_path: Path) -> None:
    """Of a delivery report and a reply everything is kept but the number, which can be known again and not be read."""
    assert pushed(tmp_path, [f"?{urlencode(one)}" for one in (DELIVERY, REPLY)], START) == [200, 200]
    delivery, reply = kept(tmp_path)
    assert (delivery["kind"], delivery["status"], delivery["text"], delivery["moment"]) == (
        "delivery",
        "1",
        "Delivered",
        "2026-11-20T12:00:00",
    )
    assert (reply["kind"], reply["reply_id"], reply["moment"]) == ("reply", "32154", "2014-02-14T15:09:05")
    assert reply["text"].startswith("STOP, et rappelez le +061")
    assert delivery["person"] == reply["person"] == KEY.person(f"+{PHONE}") == KEY.person(f"00{PHONE}")
    assert delivery["person"] != PersonKey(Secret("another-secret-of-it")).person(PHONE)
    assert delivery["phone"] == "+336••••••78"
    assert (delivery["campaign_id"], delivery["sms_id"]) == (DELIVERY["campaignId"], DELIVERY["smsId"])


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {**DELIVERY, "campaignId": ""},
        {**DELIVERY, "campaignId": "two words"},
        {**DELIVERY, "campaignId": "x" * 129},
        {**DELIVERY, "smsId": "ü"},
        {**DELIVERY, "smsId": "", "phoneNumber": "anonymous"},
        {**DELIVERY, "status": "'; drop table event"},
        {**DELIVERY, "status": ""},
        {f"p{number}": "" for number in range(10)} | {f"q{number}": "1" for number in range(60)},
    ],
)
def test_malformed_parameters_are_refused(tmp_path: Path, parameters: dict[str, str]) -> None:
    """What makes no event is a 400, which quotes nothing, and nothing is kept of it."""
    assert pushed(tmp_path, [f"?{urlencode(parameters)}"]) == [400]
    assert kept(tmp_path) == []
    with pytest.raises(Malformed) as error:
        event(**parameters)
    assert PHONE not in str(error.value)


@given(
    st.sampled_from([DELIVERY, REPLY]),
    st.permutations(range(6)),
    st.lists(st.sampled_from([str.lower, str.upper, str.title]), min_size=6, max_size=6),
)
def test_the_same_event_is_one(parameters: dict[str, str], order: list[int], case: list[Any]) -> None:
    """However names are written and ordered, it is the same event; with another status, or another reply, another one."""
    names = list(parameters)
    shuffled = {case[place](names[place]): parameters[names[place]] for place in order}
    assert event(**shuffled) == event(**parameters)
    assert event(**{("smsMold" if name == "smsMoId" else name): value for name, value in parameters.items()}) == event(
        **parameters
    )
    changed = {"status": "3"} if "status" in parameters else {"smsMoId": "32155"}
    assert event(**{**parameters, **changed}).id != event(**parameters).id


@settings(max_examples=60)
@given(
    st.binary(max_size=200)
    | st.dictionaries(st.sampled_from([*DELIVERY, *REPLY, "cliMsgId"]), st.text(max_size=20)).map(
        lambda found: urlencode(found).encode()
    )
)
def test_any_query_is_an_event_or_malformed(parameters: bytes) -> None:
    """Nothing that is pushed ends in anything but an event or a refusal, and no event has a NUL or a whole number."""
    try:
        found = read_event(parameters, KEY, START)
    except Malformed:
        return
    assert found.campaign_id
    assert "\0" not in "".join(found)


class Failing:
    """A store whose disk is full now and then."""

    where = "nowhere"

    def __init__(self) -> None:
        self.calls = 0

    def add(self, events: object) -> None:
        self.calls += 1
        if self.calls == 1:
            raise EventsError(self.where, "SQLITE_FULL")
        if self.calls == 2:
            raise ValueError(PHONE)


def test_what_cannot_be_kept_is_not_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    """While the store fails, whatever way, the answer is 503 and the log has no number; afterwards it goes on."""
    one = f"?{urlencode(DELIVERY)}"
    failing: Any = Failing()
    assert answered(failing, [one, one, one]) == [503, 503, 200]
    assert "SQLITE_FULL" in caplog.text
    assert PHONE not in caplog.text


def test_a_broken_connection_to_postgres_is_made_anew(postgres_server: Server) -> None:
    """A receiver whose database went away and came back keeps what comes then; events are found by their campaign."""
    url = new_database(postgres_server)
    store, other = (PostgresEvents(url, postgres_server.environment) for _ in range(2))
    first, second = event(**DELIVERY), event(**REPLY)
    store.add([first, second])
    with psycopg.connect(url, password=postgres_server.environment["PGPASSWORD"], autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
        )
    store.add([second, first])
    assert sorted(other.of(["ap_28423", "ap_1"])) == sorted([first, second])
    assert [one.campaign_id for one in other.sightings(START)] == ["ap_28423"]
    store.close()
    other.close()


def test_what_keeps_it_from_listening_is_said(stack: Stack) -> None:
    """No secret, one that is too short, a port that is taken, a place that cannot be written: each ends with its code."""
    stack.write("")

    def codes(**environment: str) -> str:
        stack.environment |= environment
        result = stack.run("listen", "--port", str(port))
        assert result.exit_code == 1
        assert "hunter2" not in result.stderr
        return result.stderr.split()[1].rstrip(":")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert codes() == "SMS141"
        assert codes(SMSOPS_LISTEN_SECRET="hunter2") == "SMS482"
        assert codes(SMSOPS_LISTEN_SECRET=SECRET) == "SMS481"
        stack.write("listen: {events: 'sqlite:smsops.yaml/events.db'}")
        assert codes() == "SMS480"
        stack.write("listen: {events: 'sqlite:smsops.yaml'}")
        assert codes() == "SMS480"
        stack.write("listen: {events: 'postgresql://127.0.0.1:1/none'}")
        assert codes() == "SMS480"


def new_database(server: Server) -> str:
    """The address of a database with nothing in it."""
    name = f"db{uuid4().hex}"
    with psycopg.connect(server.prefix, password=server.environment["PGPASSWORD"], autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return f"{server.prefix.rpartition('/')[0]}/{name}"
