"""What is special about a state in an object store: conditions, lost answers, signs of life, the layout."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
import pytest
from obstore.store import S3Store

from smsops.edge.state.backend import Conflict, Holder
from smsops.edge.state.objects import ObjectBackend
from smsops.errors import LockedError, StateError
from tests.servers import Server

BEAT = 0.05
SECRET = "correct-horse-of-another-stable"


class Wire:
    """A proxy in front of a store: it counts, loses what it is told to lose, and answers what it is told to answer."""

    def __init__(self, server: Server) -> None:
        wire = self
        found = re.search(r"http://(?:127\.0\.0\.1|localhost):\d+", " ".join(server.environment.values()))
        assert found, "the server's environment names no address"
        upstream = urlsplit(found[0])
        self.seen: list[tuple[str, str]] = []
        self.most_at_once = 0
        self.modified: str | None = None
        self.loses_answer: Callable[[str, str], bool] = lambda method, path: False
        self.loses_request: Callable[[str, str], bool] = lambda method, path: False
        self.replies: Callable[[str, str], tuple[int, bytes] | None] = lambda method, path: None
        self._now = 0
        self._mutex = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = (self.command, unquote(urlsplit(self.path).path))
                with wire._mutex:
                    wire.seen.append(asked)
                    wire._now += 1
                    wire.most_at_once = max(wire.most_at_once, wire._now)
                try:
                    self.answer(body, asked)
                finally:
                    with wire._mutex:
                        wire._now -= 1

            def answer(self, body: bytes, asked: tuple[str, str]) -> None:
                self.close_connection = True
                if wire.loses_request(*asked):
                    return
                reply = wire.replies(*asked)
                if reply is not None:
                    self.send_response_only(reply[0])
                    self.send_header("Content-Length", str(len(reply[1])))
                    self.end_headers()
                    self.wfile.write(reply[1])
                    return
                with contextlib.closing(HTTPConnection(upstream.hostname or "", upstream.port, timeout=30)) as server:
                    server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        server.putheader(name, value)
                    server.endheaders(body)
                    answer = server.getresponse()
                    content = answer.read()
                if wire.loses_answer(*asked):
                    return
                self.close_connection = False
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() == "last-modified" and wire.modified:
                        self.send_header(name, wire.modified)
                    elif name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = forward

            def log_message(self, *parts: Any) -> None:
                return

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                return  # a client that went away while it was answered

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {name: value.replace(found[0], self.address) for name, value in server.environment.items()}
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def count(self, method: str, end: str) -> int:
        with self._mutex:
            return sum(each == method and path.endswith(end) for each, path in self.seen)


def once(method: str, end: str) -> Callable[[str, str], bool]:
    """True for the first request of this method for a path that ends so."""
    left = [True]

    def first(asked: str, path: str) -> bool:
        return asked == method and path.endswith(end) and bool(left) and left.pop()

    return first


def eventually(holds: Callable[[], bool]) -> None:
    """Return as soon as it holds."""
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.01)


def holder(command: str = "apply") -> Holder:
    return Holder.this_process(command, None, {})


@pytest.fixture(params=["s3_server", "azure_server", "gcs_server"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of store."""
    made: Server = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    made = Wire(server)
    yield made
    made.close()


@pytest.fixture
def url(server: Server) -> str:
    return f"{server.prefix}/{uuid.uuid4()}/state.json"


@pytest.fixture
def backend(url: str, wire: Wire) -> ObjectBackend:
    """A backend behind the wire."""
    return ObjectBackend(url, wire.environment, heartbeat=BEAT)


@pytest.fixture
def other(url: str, server: Server) -> ObjectBackend:
    """The same state as another process sees it, not behind the wire."""
    return ObjectBackend(url, server.environment)


def objects(server: Server, url: str) -> list[str]:
    """The keys of all objects that belong to a state on S3, below the folder that it is in."""
    folder = urlsplit(url).path.removeprefix("/").rpartition("/")[0]
    config: Any = {
        "aws_access_key_id": "any",
        "aws_secret_access_key": "any",
        **{name.lower(): value for name, value in server.environment.items() if name != "AWS_ALLOW_HTTP"},
    }
    store = S3Store(urlsplit(url).netloc, config=config, client_options={"allow_http": True})
    return sorted(each["path"].removeprefix(f"{folder}/") for chunk in obstore.list(store, folder) for each in chunk)


# -- conditions -----------------------------------------------------------------------------


def test_a_store_that_ignores_conditions_is_refused(careless_s3_server: Server) -> None:
    """No lock is taken on a store that would give it to two holders, and nothing is left there."""
    url = f"{careless_s3_server.prefix}/{uuid.uuid4()}/state.json"
    backend = ObjectBackend(url, careless_s3_server.environment)

    with pytest.raises(StateError) as caught, backend.lock(holder()):
        pass

    assert caught.value.code == "SMS408"
    assert "two applies could run at once" in caught.value.summary
    assert "Amazon S3" in caught.value.detail
    assert objects(careless_s3_server, url) == []


def test_a_store_that_knows_no_conditions_is_refused(backend: ObjectBackend, wire: Wire) -> None:
    """A store that says that it cannot do conditional writes is named as such."""
    wire.replies = lambda method, path: (
        (501, b"<Error><Code>NotImplemented</Code></Error>") if method == "PUT" else None
    )

    with pytest.raises(StateError) as caught, backend.lock(holder()):
        pass

    assert caught.value.code == "SMS408"


def test_a_store_is_put_to_the_proof_once(backend: ObjectBackend, wire: Wire) -> None:
    """The proof is made before the first lock of a state, not before every one, and leaves nothing."""
    with backend.lock(holder()):
        pass
    proof = sum(method == "PUT" and ".probe-" in path for method, path in wire.seen)
    with backend.lock(holder()):
        pass

    assert proof == 4
    assert sum(method == "PUT" and ".probe-" in path for method, path in wire.seen) == proof


def test_a_shared_lock_writes_nothing(backend: ObjectBackend, wire: Wire) -> None:
    """Whoever only reads needs no right to write."""
    with backend.lock(holder("plan"), shared=True) as lock:
        lock.check()

    assert {method for method, _ in wire.seen} == {"GET"}


# -- lost answers ---------------------------------------------------------------------------


def test_a_blob_whose_answer_is_lost_has_landed(backend: ObjectBackend, wire: Wire) -> None:
    """A replacement that was made is not reported as a conflict with itself."""
    wire.loses_answer = once("PUT", "state.json")
    first = backend.replace("state", b"1", None)
    wire.loses_answer = once("PUT", "state.json")
    second = backend.replace("state", b"2", first)

    blob = backend.read("state")
    assert blob is not None
    assert (blob.content, blob.version) == (b"2", second)


def test_the_same_content_is_another_version(backend: ObjectBackend) -> None:
    """A store that tells versions apart by their content does not take an old one for the new one."""
    first = backend.replace("state", b"same", None)
    second = backend.replace("state", b"same", first)

    assert second != first
    with pytest.raises(Conflict):
        backend.replace("state", b"same", first)


def test_a_request_that_is_lost_is_made_again(backend: ObjectBackend, wire: Wire) -> None:
    """A write that never arrived is made again, over the version that was read."""
    wire.loses_request = once("PUT", "state.json")

    backend.replace("state", b"1", None)

    blob = backend.read("state")
    assert blob is not None
    assert blob.content == b"1"


def test_a_record_whose_answer_is_lost_has_landed(backend: ObjectBackend, wire: Wire) -> None:
    """A record that was written is not reported as taken."""
    wire.loses_answer = once("PUT", "_00000000")

    backend.append("journal/1", 0, b"ours")

    assert backend.records("journal/1") == [b"ours"]


def test_the_same_record_of_somebody_else_is_a_conflict(backend: ObjectBackend, other: ObjectBackend) -> None:
    """Two holders that write the same record at one position are told apart: one of them is refused."""
    other.append("journal/1", 0, b"the same")

    with pytest.raises(Conflict):
        backend.append("journal/1", 0, b"the same")


def test_a_lock_whose_answer_is_lost_is_held(backend: ObjectBackend, other: ObjectBackend, wire: Wire) -> None:
    """Whose lock it is after a lost answer is settled by reading it."""
    ours = holder()
    for _ in ("the first lock, which makes the object", "a later one, which replaces it"):
        wire.loses_answer = once("PUT", ".lock")
        with backend.lock(ours) as lock:
            held = other.held()
            assert held is not None
            assert held.holder.id == ours.id
            with pytest.raises(LockedError), other.lock(holder()):
                pass
            lock.check()
        assert other.held() is None


def test_a_release_whose_answer_is_lost_is_done(url: str, other: ObjectBackend, wire: Wire) -> None:
    """The end of a lock that was written is an end, whatever became of its answer."""
    backend = ObjectBackend(url, wire.environment)

    with backend.lock(holder()):
        wire.loses_answer = once("PUT", ".lock")

    assert other.held() is None


# -- signs of life --------------------------------------------------------------------------


def test_a_lock_that_was_taken_away_is_found_lost(backend: ObjectBackend, other: ObjectBackend) -> None:
    """The holder learns by its next sign of life who holds the lock now, and leaves that lock alone."""
    ours, theirs = holder(), holder()._replace(who="ada@laptop")

    with contextlib.ExitStack() as stack:
        with backend.lock(ours) as lock:
            other.release(ours)
            stack.enter_context(other.lock(theirs))

            def is_lost() -> bool:
                try:
                    lock.check()
                except StateError as error:
                    return error.code == "SMS409" and "ada@laptop" in error.detail
                return False

            eventually(is_lost)
        held = other.held()
        assert held is not None
        assert held.holder.id == theirs.id


def test_a_sign_of_life_that_fails_is_no_loss(backend: ObjectBackend, other: ObjectBackend, wire: Wire) -> None:
    """While the store is out of reach the lock may still be ours: the signs go on as soon as it can be reached."""
    ours = holder()

    with backend.lock(ours) as lock:
        wire.loses_request = lambda method, path: method == "PUT"
        before = wire.count("PUT", ".lock")
        eventually(lambda: wire.count("PUT", ".lock") > before + 3)
        wire.loses_request = lambda method, path: False
        reached = wire.count("PUT", ".lock")
        eventually(lambda: wire.count("PUT", ".lock") > reached + 1)
        lock.check()
        held = other.held()
        assert held is not None
        assert held.holder.id == ours.id


def test_the_thread_of_a_lock_ends_with_it(backend: ObjectBackend) -> None:
    """Nothing gives signs of life for a lock that was released."""
    with backend.lock(holder()):
        assert any(thread.name == "smsops-heartbeat" for thread in threading.enumerate())

    eventually(lambda: not any(thread.name == "smsops-heartbeat" for thread in threading.enumerate()))


def test_whose_last_sign_of_life_is_old_looks_dead(backend: ObjectBackend, other: ObjectBackend, wire: Wire) -> None:
    """Life is judged by the date that the store gives the lock, not by the clock of its holder."""
    late = holder()._replace(heartbeat="2000-01-01T00:00:00+00:00")

    with other.lock(late):
        alive = backend.held()
        wire.modified = "Mon, 01 Jan 2024 00:00:00 GMT"
        dead = backend.held()
        with pytest.raises(LockedError) as caught, backend.lock(holder()):
            pass
        backend.release(late)

    assert alive is not None
    assert not alive.looks_dead
    assert dead is not None
    assert dead.looks_dead
    assert re.fullmatch(r"its last sign of life was \d+ days ago", dead.why)
    assert "smsops state unlock" in caught.value.detail
    assert backend.held() is None


def test_another_lock_than_the_one_named_is_not_released(backend: ObjectBackend, other: ObjectBackend) -> None:
    """`state unlock` takes away the lock that was looked at, never the next one."""
    ours = holder()

    with other.lock(ours):
        with pytest.raises(LockedError):
            backend.release(holder())
        assert backend.held() is not None


# -- logs -----------------------------------------------------------------------------------


def test_records_are_read_side_by_side_and_in_order(backend: ObjectBackend, wire: Wire) -> None:
    """A long log does not take one round trip after the other, and its records come in their order."""
    expected = [f"record {position}".encode() for position in range(150)]
    backend.append("journal/1", 0, expected[0])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda position: backend.append("journal/1", position, expected[position]), range(1, 150)))
    wire.most_at_once = 0

    assert backend.records("journal/1") == expected
    assert wire.most_at_once > 1


def test_records_can_be_read_where_an_event_loop_runs(backend: ObjectBackend) -> None:
    """The state is loaded from plain code and from coroutines."""
    backend.append("journal/1", 0, b"one")

    async def inside() -> list[bytes]:
        return backend.records("journal/1")

    assert asyncio.run(inside()) == [b"one"]


def test_a_log_ends_at_its_first_gap(backend: ObjectBackend) -> None:
    """What lies behind a record that is missing was never relied on."""
    for position in (0, 1, 3):
        backend.append("journal/1", position, b"%d" % position)

    assert backend.records("journal/1") == [b"0", b"1"]


def test_a_log_that_is_gone_takes_no_more_records(backend: ObjectBackend, other: ObjectBackend) -> None:
    """A holder whose log was ended and removed by the next one is refused, and leaves nothing there."""
    for position in range(3):
        backend.append("journal/1", position, b"%d" % position)
    other.delete("journal/1")

    with pytest.raises(Conflict):
        backend.append("journal/1", 3, b"3")

    assert other.names("journal") == []


def test_a_log_that_is_deleted_by_half_is_empty(backend: ObjectBackend, wire: Wire) -> None:
    """The first record goes first, so that a deletion that dies does not leave a shorter log."""
    for position in range(5):
        backend.append("journal/1", position, b"%d" % position)
    wire.seen.clear()

    backend.delete("journal/1")

    gone = [path for method, path in wire.seen if path.rpartition("/")[2].startswith("_") and method != "GET"]
    assert len(gone) in (0, 5)  # Azure deletes in batches, whose parts have no path of their own
    assert not gone or gone[0].endswith("_00000000")
    assert backend.records("journal/1") == []
    assert backend.names("journal") == []


# -- the layout -----------------------------------------------------------------------------


def test_where_everything_lies(s3_server: Server) -> None:
    """The layout of a state is fixed: another version of smsops reads what this one wrote."""
    url = f"{s3_server.prefix}/{uuid.uuid4()}/state.json"
    backend = ObjectBackend(url, s3_server.environment)
    backend.write("state", b"{}")
    backend.write("backups/list-vip", b"{}")
    backend.append("journal/00000007", 0, b"zero")
    backend.append("journal/00000007", 1, b"one")
    with backend.lock(holder()):
        pass

    assert objects(s3_server, url) == [
        "state.json",
        "state.json.backups/list-vip",
        "state.json.journal/00000007/_00000000",
        "state.json.journal/00000007/_00000001",
        "state.json.lock",
    ]
    assert backend.names("journal") == ["journal/00000007"]
    assert backend.names("backups") == ["backups/list-vip"]


@pytest.mark.parametrize("name", ["_x", "backups/_00000001", "backups/../state", "backups//x", ""])
def test_a_name_that_could_be_something_else_is_refused(s3_server: Server, name: str) -> None:
    """No blob can be taken for a record, or lie in another folder than it says."""
    backend = ObjectBackend(f"{s3_server.prefix}/{uuid.uuid4()}/state.json", s3_server.environment)

    with pytest.raises(ValueError, match="not a name"):
        backend.write(name, b"")


# -- addresses ------------------------------------------------------------------------------


def test_the_address_may_name_endpoint_and_region(s3_server: Server) -> None:
    """Parameters of the address outrank the environment, and messages do not repeat them."""
    plain = f"{s3_server.prefix}/{uuid.uuid4()}/state.json"
    environment = {**s3_server.environment, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_REGION": "nowhere"}
    endpoint = s3_server.environment["AWS_ENDPOINT_URL"]

    backend = ObjectBackend(f"{plain}?endpoint={endpoint}&region=us-east-1", environment)
    backend.write("state", b"here")

    assert backend.where == plain
    there = ObjectBackend(plain, s3_server.environment).read("state")
    assert there is not None
    assert there.content == b"here"


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/folder/",
        "s3://bucket/../state.json",
        "s3:///state.json",
        "s3://bucket/state.json#part",
        f"s3://key:{SECRET}@bucket/state.json",
        f"s3://bucket/state.json?secret_access_key={SECRET}",
        f"s3://bucket/state.json?endpoint=https://key:{SECRET}@store.example",
        "s3://bucket/state.json?endpoint=store.example",
        "s3://[bucket/state.json",
        "gs://bucket/state.json?region=here",
        "ftp://bucket/state.json",
    ],
)
def test_an_address_that_makes_no_sense_is_refused(url: str) -> None:
    """A mistake in the address is found before any call, and nothing secret in it is repeated."""
    with pytest.raises(StateError) as caught:
        ObjectBackend(url, {})

    assert caught.value.code == "SMS405"
    assert SECRET not in caught.value.summary + caught.value.detail


# -- errors ---------------------------------------------------------------------------------


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installed smsops alone is told what else to install."""
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(StateError) as caught:
        ObjectBackend("gs://bucket/state.json", {})

    assert caught.value.code == "SMS405"
    assert "pip install 'smsops[gcs]'" in caught.value.detail


def test_a_profile_is_not_taken_for_other_credentials() -> None:
    """Profiles are not read, and the identity of the machine is not used in their place."""
    with pytest.raises(StateError) as caught:
        ObjectBackend("s3://bucket/state.json", {"AWS_PROFILE": "work"})

    assert "export-credentials" in caught.value.detail


def test_a_bucket_that_is_missing_is_no_empty_state(server: Server) -> None:
    """Reading from a misspelt bucket is an error: it must not look like a new stack."""
    scheme = server.prefix.partition("://")[0]
    backend = ObjectBackend(f"{scheme}://no-such-bucket-here/state.json", server.environment)
    calls: list[Callable[[], object]] = [
        lambda: backend.read("state"),
        lambda: backend.records("journal/1"),
        lambda: backend.names("backups"),
        lambda: backend.delete("backups/x"),
        backend.held,
    ]

    for call in calls:
        with pytest.raises(StateError) as caught:
            call()
        assert caught.value.code == "SMS401"
        assert "no-such-bucket-here (" in caught.value.summary


def test_only_an_explicit_answer_is_absence(backend: ObjectBackend, wire: Wire) -> None:
    """A 404 of something that is no store, such as a web server, does not mean that there is no state yet."""
    wire.replies = lambda method, path: (404, b"<html>Not here</html>")

    with pytest.raises(StateError) as caught:
        backend.read("state")

    assert caught.value.code == "SMS401"
    assert "the store answers 404" in caught.value.summary


def test_a_bucket_of_another_region_is_said_to_be_that(s3_server: Server) -> None:
    """The commonest mistake with a bucket is explained."""
    wire = Wire(s3_server)
    wire.replies = lambda method, path: (301, b"<Error><Code>PermanentRedirect</Code></Error>")

    with contextlib.closing(wire), pytest.raises(StateError) as caught:
        ObjectBackend(f"{s3_server.prefix}/state.json", wire.environment).read("state")

    assert "another region" in caught.value.summary
    assert "AWS_REGION" in caught.value.detail


def test_credentials_that_are_refused_are_not_repeated(s3_server: Server) -> None:
    """An error says what was refused in one line, without the key, the secret or a signature."""
    environment = {**s3_server.environment, "AWS_SECRET_ACCESS_KEY": SECRET}
    backend = ObjectBackend(f"{s3_server.prefix}/state.json", environment)

    with pytest.raises(StateError) as caught:
        backend.read("state")

    text = f"{caught.value.summary} {caught.value.detail}"
    assert caught.value.code == "SMS401"
    assert "the credentials are not accepted" in text
    assert "\n" not in text
    assert "ignature=" not in text
    assert SECRET not in text
    assert environment["AWS_ACCESS_KEY_ID"] not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("url", ["s3://bucket/state.json", "gs://bucket/state.json", "az://bucket/state.json"])
def test_a_store_out_of_reach_is_said_to_be_that(url: str) -> None:
    """Where nobody listens the message says so, and not how the library found out."""
    environment = {
        "AWS_ACCESS_KEY_ID": "key-of-the-test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AZURE_STORAGE_ACCOUNT": "account",
        "AZURE_STORAGE_KEY": "c2VjcmV0LW9mLXRoZS10ZXN0",
        "GOOGLE_BEARER_TOKEN": SECRET,
    }
    backend = ObjectBackend(f"{url}?endpoint=http://127.0.0.1:1", environment)

    with pytest.raises(StateError) as caught:
        backend.read("state")

    text = f"{caught.value.summary} {caught.value.detail}"
    assert caught.value.code == "SMS401"
    assert "out of reach" in text
    assert len(text) < 200
    assert not any(value in text for value in environment.values() if value != "account")


def test_a_lock_that_is_not_ours_to_read_is_damaged(backend: ObjectBackend) -> None:
    """Something else under the name of the lock is neither a lock nor the lack of one."""
    backend.write("lock", b"not a lock")

    with pytest.raises(StateError) as caught, backend.lock(holder()):
        pass

    assert "is damaged" in caught.value.summary
