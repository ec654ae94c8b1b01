"""What is special about a state in PostgreSQL; what holds for every backend is in contract.py."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from smsops.edge.state import postgres
from smsops.edge.state.backend import LOOKS_DEAD, Conflict, Holder
from smsops.edge.state.postgres import PostgresBackend
from smsops.errors import LockedError, StateError
from tests.servers import Server

SOON = 20.0
"""Seconds after which a test gives up waiting for what takes moments."""


@pytest.fixture
def database(postgres_server: Server) -> Server:
    """A new database, in which nothing was created yet."""
    name = f"db{uuid4().hex}"
    with administrator(postgres_server) as connection:
        connection.execute(f"create database {name}")
    return Server(urlsplit(postgres_server.prefix)._replace(path=f"/{name}").geturl(), postgres_server.environment)


@contextmanager
def administrator(server: Server) -> Iterator[psycopg.Connection]:
    """A connection past the backend."""
    with psycopg.connect(server.prefix, password=server.environment["PGPASSWORD"], autocommit=True) as connection:
        yield connection


def backend(server: Server, key: str = "shop/state.json") -> PostgresBackend:
    return PostgresBackend(f"{server.prefix}/{key}", server.environment)


def holder(command: str = "apply") -> Holder:
    return Holder.this_process(command, None, {})


def reader(server: Server) -> Server:
    """The same database for a role that may read what is there, and nothing else."""
    name = f"reader{uuid4().hex}"
    with administrator(server) as connection:
        connection.execute(f"create role {name} login password 'password-of-a-reader'")
        connection.execute(f"alter default privileges grant select on tables to {name}")
        connection.execute(f"grant select on all tables in schema public to {name}")
    parts = urlsplit(server.prefix)
    prefix = parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}").geturl()
    return Server(prefix, {"PGPASSWORD": "password-of-a-reader"})


def eventually(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


# -- the lock -------------------------------------------------------------------------------

HOLD = """
import os, sys
from smsops.edge.state.backend import Holder
from smsops.edge.state.postgres import PostgresBackend
with PostgresBackend(sys.argv[1], os.environ).lock(Holder.this_process("apply", None, {})):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_holder_frees_the_lock(database: Server) -> None:
    """The server releases the lock of a process that died, and nobody has to unlock anything."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, f"{database.prefix}/shop/state.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **database.environment},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        held = backend(database).held()
        process.kill()

    assert held is not None
    assert held.holder.pid == process.pid
    with backend(database).lock(holder(), wait=SOON) as lock:
        lock.check()
    assert backend(database).held() is None


CHANGES: dict[str, Callable[[PostgresBackend, str], object]] = {
    "append": lambda former, _: former.append("journal/1", 1, b"late"),
    "write": lambda former, _: former.write("state", b"late"),
    "replace": lambda former, version: former.replace("state", b"late", version),
    "create": lambda former, _: former.replace("history/1", b"late", None),
    "delete": lambda former, _: former.delete("journal/1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_holder_whose_session_was_ended_changes_nothing(
    database: Server, change: Callable[[PostgresBackend, str], object]
) -> None:
    """Once the lock was released by force, its former holder can write nothing any more, and is told so."""
    former, next_one = backend(database), backend(database)
    ours = holder()
    with former.lock(ours):
        version = former.replace("state", b"ours", None)
        former.append("journal/1", 0, b"ours")
        next_one.release(ours)

        with pytest.raises(StateError) as told:
            change(former, version)

    assert told.value.code == "SMS409"
    assert next_one.names("history") == []
    blob = next_one.read("state")
    assert blob is not None
    assert blob.content == b"ours"
    assert next_one.records("journal/1") == [b"ours"]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_holder_whom_the_row_does_not_name_changes_nothing(
    database: Server, change: Callable[[PostgresBackend, str], object]
) -> None:
    """A session that lives, but whose lock is another's (a pooler mixed them up), is refused by the row of the holder."""
    former = backend(database)
    with former.lock(holder()):
        version = former.replace("state", b"ours", None)
        former.append("journal/1", 0, b"ours")
        with administrator(database) as connection:
            connection.execute("update smsops_holder set backend_pid = backend_pid + 1")

        with pytest.raises(StateError) as told:
            change(former, version)

    assert told.value.code == "SMS409"
    assert backend(database).names("history") == []
    blob = backend(database).read("state")
    assert blob is not None
    assert blob.content == b"ours"
    assert backend(database).records("journal/1") == [b"ours"]


@pytest.mark.parametrize("shared", [False, True])
def test_the_end_of_the_session_is_noticed_without_a_call(database: Server, shared: bool) -> None:
    """Whoever holds the lock learns from check that the server ended the session, long before the next sign of life."""
    with backend(database).lock(holder(), shared=shared) as lock:
        lock.check()
        with administrator(database) as connection:
            connection.execute("select pg_terminate_backend(pid, 20000) from pg_locks where locktype = 'advisory'")

        with pytest.raises(StateError) as told:
            lock.check()

    assert told.value.code == "SMS409"


def test_a_lost_lock_says_who_has_it_now(database: Server) -> None:
    """The message of a lost lock names the new holder."""
    ours, theirs = holder(), holder("destroy")
    with backend(database).lock(ours) as lock:
        backend(database).release(ours)
        with backend(database).lock(theirs), pytest.raises(StateError) as told:
            lock.check()

    assert str(theirs) in told.value.detail


def test_a_former_holder_leaves_the_lock_of_the_next(database: Server) -> None:
    """The end of a run that lost its lock releases nothing that belongs to another."""
    ours, theirs = holder(), holder("destroy")
    former = backend(database).lock(ours)
    former.__enter__()
    backend(database).release(ours)
    with backend(database).lock(theirs) as lock:
        former.__exit__(None, None, None)
        held = backend(database).held()
        lock.check()

    assert held is not None
    assert held.holder.id == theirs.id


def test_a_living_holder_is_released_once(database: Server) -> None:
    """Unlock takes the lock from the holder that was named, and from nobody who came later."""
    ours, theirs = holder(), holder("destroy")
    with backend(database).lock(ours):
        backend(database).release(ours)
        assert backend(database).held() is None
        backend(database).release(ours)
        with backend(database).lock(theirs) as lock:
            with pytest.raises(LockedError, match="destroy"):
                backend(database).release(ours)
            lock.check()


def test_a_silent_holder_looks_dead_by_the_clock_of_the_server(database: Server) -> None:
    """A session that is open, but whose run gives no sign of life any more, can be told from one that works."""
    with backend(database).lock(holder()):
        alive = backend(database).held()
        with administrator(database) as connection:
            connection.execute("update smsops_holder set heartbeat = heartbeat - %s", [2 * LOOKS_DEAD])
        silent = backend(database).held()

    assert alive is not None
    assert not alive.looks_dead
    assert silent is not None
    assert silent.looks_dead


@pytest.mark.parametrize("shared", [False, True])
def test_a_holder_gives_signs_of_life(database: Server, shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing is written, the holder's row stays fresh and a session that only reads stays in use."""
    monkeypatch.setattr(postgres, "HEARTBEAT", 0.02)

    def last() -> object:
        with administrator(database) as connection:
            query = """select state_change, (select heartbeat from smsops_holder) from pg_stat_activity
                       where pid = (select pid from pg_locks where locktype = 'advisory')"""
            return connection.execute(query).fetchone()

    backend(database).write("state", b"")  # the tables
    with backend(database).lock(holder(), shared=shared) as lock:
        first = last()
        eventually(lambda: last() != first)
        lock.check()


# -- the database ---------------------------------------------------------------------------


def test_first_uses_at_once_do_not_collide(database: Server) -> None:
    """Several runs may be the first that need the tables: each creates them or finds them."""
    together = threading.Barrier(6)

    def first_use(number: int) -> None:
        stack = backend(database, f"{number}/state.json")
        together.wait(SOON)
        with stack.lock(holder()):
            stack.append("journal/1", 0, b"%d" % number)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(first_use, range(6)))

    assert [backend(database, f"{number}/state.json").records("journal/1") for number in range(6)] == [
        [b"%d" % number] for number in range(6)
    ]


@pytest.mark.parametrize("used_before", [False, True])
def test_a_role_that_may_only_read_can_plan(database: Server, used_before: bool) -> None:
    """A plan creates nothing and writes nothing, not even for its lock, and excludes an apply."""
    if used_before:
        with backend(database).lock(holder()):
            backend(database).held()
    stack = backend(reader(database))

    with stack.lock(holder("plan"), shared=True) as lock:
        assert stack.read("state") is None
        assert stack.records("journal/1") == []
        assert stack.names("backups") == []
        assert stack.held() is None
        lock.check()
        with pytest.raises(LockedError), backend(database).lock(holder()):
            pass


def test_what_a_role_may_not_do_is_explained(database: Server) -> None:
    """A role that lacks a right is told which rights are needed, and unlock what would allow it."""
    ours = holder()
    with backend(database).lock(ours) as lock:
        stack = backend(reader(database))

        with pytest.raises(StateError, match="permission denied") as refused:
            stack.write("state", b"")
        with pytest.raises(LockedError) as not_released:
            stack.release(ours)
        lock.check()

    assert "INSERT" in refused.value.detail
    assert "pg_signal_backend" in not_released.value.detail


def test_states_of_one_database_do_not_mix(database: Server) -> None:
    """A state is one key: neither data nor locks reach another, not even one whose key begins the same."""
    database = Server(database.prefix, {**database.environment, "PGCLIENTENCODING": "latin1"})
    keys = ["ж", "a", "a/state.json", "a/state.json/backups", "a_state.json", "A/state.json", "", "é/état%20.json"]
    stacks = [backend(database, key) for key in keys]
    for key, stack in zip(keys, stacks, strict=True):
        stack.write("backups/x", key.encode())
        stack.append("journal/1", 0, key.encode())

    with stacks[0].lock(holder()), stacks[2].lock(holder()):
        stacks[0].delete("journal/1")
        assert stacks[1].held() is None
        assert stacks[3].held() is None

    assert len({stack.where for stack in stacks}) == len(keys)
    for key, stack in zip(keys, stacks, strict=True):
        blob = stack.read("backups/x")
        assert blob is not None
        assert blob.content == key.encode()
        assert stack.names("backups") == ["backups/x"]
        assert stack.records("journal/1") == ([] if stack is stacks[0] else [key.encode()])


# -- connections ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("{prefix}/shop/state.json", {"PGPASSWORD": "hunter2"}),
        ("{without_user}/shop/state.json", {"PGPASSWORD": "hunter2", "PGUSER": "nobody-there"}),
        ("postgresql://smsops:hunter2@127.0.0.1:1/db/shop?password=hunter2&connect_timeout=5", {}),
        ("postgresql://smsops:hunter2@127.0.0.1:1/db/shop?hunter2=hunter2", {}),
        ("postgresql://smsops:hunter2@[127.0.0.1:1/db/shop", {}),
        ("postgresql://smsops:hunter2@127.0.0.1:port/db/shop", {}),
        ("postgresql://smsops:hunter2/x@127.0.0.1/db/shop", {}),
        ("postgresql://smsops:x/hunter2@127.0.0.1/db/shop", {}),
        ("postgresql://smsops:hunter2#x@127.0.0.1/db/shop", {}),
        ("postgresql:///db/shop?host=/no/such/directory&password=hunter2", {}),
        ("postgresql://%zz:hunter2@127.0.0.1/db", {}),
    ],
)
def test_an_error_shows_no_credentials(database: Server, url: str, environment: dict[str, str]) -> None:
    """Whatever is wrong with an address, its message has a code and a cause, and no password."""
    without_user = database.prefix.replace("smsops@", "")

    with pytest.raises(StateError) as error:
        PostgresBackend(url.format(prefix=database.prefix, without_user=without_user), environment).read("state")

    assert error.value.code == "SMS401"
    assert "hunter2" not in f"{error.value} {error.value.detail} {error.value.__cause__}"


def test_parameters_and_environment_reach_libpq(database: Server) -> None:
    """The URL's parameters win over the environment, and both over what smsops would choose."""
    url = f"{database.prefix}/shop/state.json?options=-csearch_path%3Delsewhere"
    with administrator(database) as connection:
        connection.execute("create schema elsewhere")
        PostgresBackend(url, {**database.environment, "PGOPTIONS": "-cdefault_transaction_read_only=on"}).write(
            "x", b""
        )
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'elsewhere'").fetchone()
    read_only = PostgresBackend(
        url.partition("?")[0], {**database.environment, "PGOPTIONS": "-cdefault_transaction_read_only=on"}
    )

    assert tables == (3,)
    with pytest.raises(StateError, match="read-only transaction"):
        read_only.write("x", b"")


def test_without_psycopg_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """psycopg is an extra: who configures such a state without it is told the command."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(StateError) as error:
        PostgresBackend("postgresql://127.0.0.1/db/shop", {})

    assert error.value.code == "SMS405"
    assert "smsops[postgres]" in error.value.detail


MARK = b"the statement whose answer is lost"


@contextmanager
def losing_answers(server: Server, when: bytes) -> Iterator[Server]:
    """The same server behind a connection that breaks after it has carried `when` there; new connections work."""
    target = urlsplit(server.prefix)
    assert target.port is not None

    def carry(source: socket.socket, sink: socket.socket, broken: threading.Event, mark: bytes | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if mark is not None and mark in data:
                    broken.set()
                elif mark is None and broken.is_set():
                    break  # the answer is there: the statement has run
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                upstream = socket.create_connection(("127.0.0.1", target.port))
                sockets.extend((client, upstream))
                broken = threading.Event()
                for arguments in ((client, upstream, broken, when), (upstream, client, broken, None)):
                    threads.append(threading.Thread(target=carry, args=arguments))
                    threads[-1].start()

    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield Server(server.prefix.replace(f":{target.port}/", f":{port}/"), server.environment)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for each in threads:
                each.join()
            for end in sockets:
                end.close()


def test_a_lost_answer_is_settled_by_reading_back(database: Server) -> None:
    """Without a lock, a change that was made counts as made, though the connection broke before the answer came."""
    backend(database).append("journal/1", 0, b"first")
    with losing_answers(database, MARK) as server:
        stack = backend(server)
        version = stack.replace("state", MARK, None)
        stack.append("journal/1", 1, MARK)
        stack.write("backups/x", MARK)

    blob = backend(database).read("state")
    assert blob is not None
    assert blob.version == version
    assert backend(database).records("journal/1") == [b"first", MARK]


def test_a_connection_that_breaks_takes_the_lock_along(database: Server) -> None:
    """A holder whose connection broke stops, even if its record has landed, and is not locked out of the next run."""
    with losing_answers(database, MARK) as server:
        stack = backend(server)
        with stack.lock(holder()) as lock:
            stack.append("journal/1", 0, b"first")
            with pytest.raises(StateError) as broken:
                stack.append("journal/1", 1, MARK)
            with pytest.raises(StateError) as checked:
                lock.check()

    assert (broken.value.code, checked.value.code) == ("SMS409", "SMS409")
    assert backend(database).records("journal/1") == [b"first", MARK]
    with backend(database).lock(holder(), wait=SOON):
        pass


def test_a_gap_in_a_log_is_a_conflict(database: Server) -> None:
    """A record follows the one before it: whoever remembers a log that was ended writes nothing behind it."""
    with pytest.raises(Conflict):
        backend(database).append("journal/1", 1, b"second")
