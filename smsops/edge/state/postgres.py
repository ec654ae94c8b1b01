"""The state in a PostgreSQL database (`state: postgresql://[user@]host[:port]/database/key`), many states in one.

The lock is an advisory lock of the session: the server releases it the moment that the session ends, so
a dead holder blocks nobody for longer than the server needs to notice. A pooler in front of the server
has to keep a session for its client (PgBouncer: pool_mode = session).

Whoever holds the lock does everything over the very connection that holds it, and each change is made only
if the row of the holder still names it. So a holder that lost its session cannot write any more. It does
not try to take the lock back: in between it may have been another's, and stopping is always safe.
"""

from __future__ import annotations

import hashlib
import json
import selectors
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from smsops.edge.postgres import connection_info
from smsops.edge.state.backend import (
    HEARTBEAT,
    LOOKS_DEAD,
    Blob,
    Conflict,
    Held,
    Holder,
    lock_lost,
    locked,
)
from smsops.errors import LockedError, StateError

if TYPE_CHECKING:
    import psycopg

_Rows = list[tuple[Any, ...]]

_POLL = 0.25
_PATIENCE = 10.0
"""Seconds within which a session that was told to end has ended."""

_SESSION: LiteralString = """
    select set_config('tcp_keepalives_idle', '15', false),
           set_config('tcp_keepalives_interval', '5', false),
           set_config('tcp_keepalives_count', '3', false),
           set_config('synchronous_commit',
                      case current_setting('synchronous_commit') when 'off' then 'on'
                      else current_setting('synchronous_commit') end, false)
"""
"""The same for the server's side; and what was acknowledged is durable."""

_CREATE: LiteralString = """
    select pg_advisory_xact_lock(8390876181232705888);
    create table if not exists smsops_blob (
        state text not null, name text not null, version text not null, content bytea not null,
        primary key (state, name)
    );
    create table if not exists smsops_log (
        state text not null, log text not null, position bigint not null, record bytea not null,
        primary key (state, log, position)
    );
    create table if not exists smsops_holder (
        state text not null primary key, id text not null, document jsonb not null,
        backend_pid integer not null, heartbeat timestamptz not null
    );
"""
"""Sent as one, these are one transaction; its lock makes a second first use wait."""

_OURS: LiteralString = """
    with ours as (
        select 1 where %(holder)s::text is null or exists (
            select from smsops_holder where state = %(state)s and id = %(holder)s and backend_pid = pg_backend_pid())
    )
"""
"""What every change begins with: it is made by the holder, or by somebody who does not say that they hold anything."""

_WRITE: LiteralString = """
    insert into smsops_blob (state, name, version, content)
    select %(state)s, %(name)s, %(version)s, %(content)s where exists (select from ours)
    on conflict (state, name) do update set version = excluded.version, content = excluded.content
"""

_ADD: LiteralString = """
    insert into smsops_blob (state, name, version, content)
    select %(state)s, %(name)s, %(version)s, %(content)s where exists (select from ours)
    on conflict do nothing
"""

_REPLACE: LiteralString = """
    update smsops_blob set version = %(version)s, content = %(content)s
    where state = %(state)s and name = %(name)s and version = %(expected)s and exists (select from ours)
"""

_APPEND: LiteralString = """
    insert into smsops_log (state, log, position, record)
    select %(state)s, %(name)s, %(position)s, %(record)s where exists (select from ours)
    and (%(position)s = 0 or exists (
        select from smsops_log where state = %(state)s and log = %(name)s and position = %(position)s - 1))
    on conflict do nothing
"""

_DELETE: LiteralString = """
    , blobs as (
        delete from smsops_blob where state = %(state)s and name = %(name)s and exists (select from ours)
    ), records as (
        delete from smsops_log where state = %(state)s and log = %(name)s and exists (select from ours)
    )
    select 1 from ours
"""

_NAMES: LiteralString = """
    select name from smsops_blob where state = %(state)s and starts_with(name, %(folder)s)
    union
    select log from smsops_log where state = %(state)s and starts_with(log, %(folder)s)
"""

_HOLD: LiteralString = """
    insert into smsops_holder (state, id, document, backend_pid, heartbeat)
    values (%(state)s, %(holder)s, %(document)s::jsonb, pg_backend_pid(), clock_timestamp())
    on conflict (state) do update set id = excluded.id, document = excluded.document,
        backend_pid = excluded.backend_pid, heartbeat = excluded.heartbeat
"""

_BEAT: LiteralString = """
    update smsops_holder set document = %(document)s::jsonb, heartbeat = clock_timestamp()
    where state = %(state)s and id = %(holder)s and backend_pid = pg_backend_pid()
"""

_LEAVE: LiteralString = """
    delete from smsops_holder where state = %(state)s and id = %(holder)s and backend_pid = pg_backend_pid()
"""

_HELD: LiteralString = """
    select document, backend_pid, extract(epoch from clock_timestamp() - heartbeat)::float8,
           case when id = %(end)s then pg_terminate_backend(backend_pid) end
    from smsops_holder join pg_locks on pid = backend_pid
    where state = %(state)s and locktype = 'advisory' and mode = 'ExclusiveLock' and granted
    and database = (select oid from pg_database where datname = current_database())
    and (classid::bigint << 32 | objid::bigint) = %(key)s and objsubid = 1
"""
"""The holder whose session still has the lock. To look and to end it is one statement, so nobody else is hit."""


class PostgresBackend:
    """Rows of three tables, which are created at their first use. Who only plans needs no more than SELECT.

    The first part of the URL's path is the database, the rest the state's key in it (`state` where there is none);
    parameters are libpq's (`?sslmode=verify-full`). Passwords come from where libpq looks for them
    (PGPASSWORD, PGPASSFILE, PGSERVICE), in `environment`. StateError: SMS405 without psycopg.
    """

    remote = True

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        try:
            parts = urlsplit(url)
            if "@" in parts.path or parts.fragment:
                raise ValueError("a password with / or # in it, of which a part would be shown as the host")
            database, _, key = parts.path.removeprefix("/").partition("/")
            self._conninfo = connection_info(parts._replace(path=f"/{database}").geturl(), environment)
        except ImportError:
            raise StateError(
                "A state in PostgreSQL needs psycopg", code="SMS405", detail="pip install 'smsops[postgres]'"
            ) from None
        except ValueError:
            raise StateError(
                "The address of the state is no PostgreSQL address",
                code="SMS401",
                detail="It looks like postgresql://user@host:5432/database/key?sslmode=verify-full",
            ) from None
        self._state = unquote(key).strip("/") or "state"
        self.where = f"postgresql://{parts.netloc.rpartition('@')[2]}/{database}/{self._state}"
        digest = hashlib.blake2b(self._state.encode(), digest_size=8, person=b"smsops state").digest()
        self._key = int.from_bytes(digest, signed=True)
        self._lock: _Lock | None = None

    # -- blobs ------------------------------------------------------------------------------

    def read(self, name: str) -> Blob | None:
        query: LiteralString = "select content, version from smsops_blob where state = %(state)s and name = %(name)s"
        for content, version in self._rows(query, name=name):
            return Blob(content, version)
        return None

    def write(self, name: str, content: bytes) -> None:
        version = str(uuid4())
        self._change(
            _WRITE,
            lambda: self._is_version(name, version),
            name=name,
            version=version,
            content=content,
        )

    def replace(self, name: str, content: bytes, expected: str | None) -> str:
        version = str(uuid4())
        changed = self._change(
            _ADD if expected is None else _REPLACE,
            lambda: self._is_version(name, version),
            name=name,
            version=version,
            content=content,
            expected=expected,
        )
        if not changed:
            raise Conflict(name)
        return version

    def _is_version(self, name: str, version: str) -> bool:
        found = self.read(name)
        return found is not None and found.version == version

    def delete(self, name: str) -> None:
        self._change(_DELETE, lambda: self.read(name) is None and not self.records(name), name=name)

    def names(self, folder: str) -> list[str]:
        return sorted(name for (name,) in self._rows(_NAMES, folder=f"{folder}/"))

    # -- logs -------------------------------------------------------------------------------

    def append(self, log: str, position: int, record: bytes) -> None:
        changed = self._change(
            _APPEND,
            lambda: self.records(log)[position : position + 1] == [record],
            name=log,
            position=position,
            record=record,
        )
        if not changed:
            raise Conflict(log)

    def records(self, log: str) -> list[bytes]:
        query: LiteralString = (
            "select record from smsops_log where state = %(state)s and log = %(name)s order by position"
        )
        return [record for (record,) in self._rows(query, name=log)]

    # -- the lock ---------------------------------------------------------------------------

    @contextmanager
    def lock(self, holder: Holder, *, wait: float = 0.0, shared: bool = False) -> Iterator[_Lock]:
        with self._connected() as connection:
            lock = _Lock(self, connection, None if shared else holder)
            self._acquire(connection, wait, shared)
            if not shared:
                self._write(connection, _HOLD, holder=holder.id, document=json.dumps(holder.document()))
            self._lock = lock
            try:
                with lock.beating():
                    yield lock
            finally:
                self._lock = None
                with suppress(StateError):  # a session that gives no answer has ended, or ends with the connection
                    if not shared:
                        self._execute(connection, _LEAVE, holder=holder.id)
                    self._execute(connection, "select pg_advisory_unlock_all()")  # closing would take some moments

    def _acquire(self, connection: psycopg.Connection, wait: float, shared: bool) -> None:
        alone: LiteralString = "select pg_try_advisory_lock(%(key)s::bigint)"
        together: LiteralString = "select pg_try_advisory_lock_shared(%(key)s::bigint)"
        deadline = time.monotonic() + wait
        while self._execute(connection, together if shared else alone)[1] != [(True,)]:
            left = deadline - time.monotonic()
            if left <= 0:
                raise locked(self.held())
            time.sleep(min(_POLL, left))

    def held(self) -> Held | None:
        return self._held()

    def _held(self, end: str | None = None) -> Held | None:
        """Who holds the lock alone; where that is the holder `end`, its session is told to end."""
        with self._connected() as connection:
            for document, pid, silent, _ in self._found(connection, _HELD, end=end):
                try:
                    holder = Holder.read(document)
                except (ValueError, KeyError, TypeError):
                    raise StateError(f"The holder of {self.where} is damaged", code="SMS401") from None
                why = f"its database session {pid} is open, its last sign of life was {max(silent, 0):.0f} s ago"
                return Held(holder, silent > LOOKS_DEAD.total_seconds(), why)
        return None

    def release(self, holder: Holder) -> None:
        import psycopg

        try:
            held = self._held(end=holder.id)
        except StateError as error:
            if not isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
                raise
            raise LockedError(
                f"The state is locked: {holder}",
                code="SMS406",
                detail="This role may not end the holder's database session. Use the holder's role, or a member of"
                " pg_signal_backend, or stop that run.",
            ) from None
        deadline = time.monotonic() + _PATIENCE
        while held is not None:
            if held.holder.id != holder.id:
                raise locked(held)
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"The state is locked: {holder}",
                    code="SMS406",
                    detail=f"It was told to end, but {held.why}. Try again.",
                )
            time.sleep(_POLL / 10)
            held = self.held()

    # -- statements -------------------------------------------------------------------------

    def _rows(self, query: LiteralString, **parameters: Any) -> _Rows:
        """What a query finds, over the connection of the lock if there is one."""
        lock = self._lock
        if lock is not None:
            with lock.watched() as connection:
                return self._found(connection, query, **parameters)
        with self._connected() as connection:
            return self._found(connection, query, **parameters)

    def _found(self, connection: psycopg.Connection, query: LiteralString, **parameters: Any) -> _Rows:
        """What a query finds: nothing where the tables were not created yet."""
        import psycopg

        try:
            return self._execute(connection, query, **parameters)[1]
        except StateError as error:
            if isinstance(error.__cause__, psycopg.errors.UndefinedTable):
                return []
            raise

    def _change(self, query: LiteralString, landed: Callable[[], bool], **parameters: Any) -> bool:
        """Make a change; whether there was one to make. `landed` says what became of it where its answer was lost."""
        lock = self._lock
        if lock is not None:
            with lock.watched() as connection:
                changed = self._write(connection, _OURS + query, holder=lock.id, **parameters)
                if not changed:
                    lock.beat()  # tells a Conflict from a lock that is another's
                return changed
        with self._connected() as connection:
            try:
                return self._write(connection, _OURS + query, holder=None, **parameters)
            except StateError:
                if connection.closed and landed():
                    return True
                raise

    def _write(self, connection: psycopg.Connection, query: LiteralString, **parameters: Any) -> bool:
        """Run a statement, with the tables created where they are missing; whether it did anything."""
        import psycopg

        try:
            return self._execute(connection, query, **parameters)[0] > 0
        except StateError as error:
            if not isinstance(error.__cause__, psycopg.errors.UndefinedTable):
                raise
        try:
            connection.execute(_CREATE)
        except psycopg.Error as error:
            raise self._failed(error) from error
        return self._execute(connection, query, **parameters)[0] > 0

    def _execute(self, connection: psycopg.Connection, query: LiteralString, **parameters: Any) -> tuple[int, _Rows]:
        """Run a statement: how many rows it concerns, and which it returns. The StateError has psycopg's as its cause."""
        import psycopg

        try:
            cursor = connection.execute(query, {**parameters, "state": self._state, "key": self._key}, binary=True)
            return cursor.rowcount, cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise self._failed(error) from error

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        """A connection of its own, each statement of which is a transaction."""
        import psycopg

        try:
            connection = psycopg.connect(self._conninfo, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise self._failed(error) from error
        with closing(connection):
            self._execute(connection, _SESSION)
            yield connection

    def _failed(self, error: psycopg.Error) -> StateError:
        import psycopg

        cause = error.diag.message_primary or next(iter(str(error).splitlines()), type(error).__name__)
        detail = ""
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            detail = (
                "Reading needs SELECT on the tables smsops_*, changing INSERT, UPDATE and DELETE too,"
                " and whoever is first creates them."
            )
        return StateError(f"{self.where} cannot be used: {cause}", code="SMS401", detail=detail)


class _Lock:
    """A lock that a session has, and its connection. A holder holds it alone; without one it is shared.

    psycopg lets one thread at a time use a connection, so the thread of the heartbeat has it too.
    """

    def __init__(self, backend: PostgresBackend, connection: psycopg.Connection, holder: Holder | None) -> None:
        self._backend = backend
        self._connection = connection
        self._holder = holder
        self._lost = False
        self._next: Held | None = None
        """Who took the lock from us, as far as we know."""

    @property
    def id(self) -> str | None:
        return self._holder.id if self._holder else None

    def check(self) -> None:
        if not self._lost and _has_news(self._connection):
            self.beat()  # nobody asked anything: the server says that it ends the session
        if self._lost:
            raise lock_lost(self._next)

    @contextmanager
    def watched(self) -> Iterator[psycopg.Connection]:
        """The connection, as long as the lock is held. A connection that breaks has taken the lock along."""
        if self._lost:
            raise lock_lost(self._next)
        try:
            yield self._connection
        except StateError as error:
            if not self._connection.closed:
                raise
            self._lose()
            raise lock_lost(self._next) from error

    def beat(self) -> None:
        """Give a sign of life; StateError (`lock_lost`) where the lock is not ours any more."""
        with self.watched() as connection:
            if self._holder is None:
                self._backend._execute(connection, "select 1")
                return
            holder = self._holder.alive()
            document = json.dumps(holder.document())
            ours, _ = self._backend._execute(connection, _BEAT, holder=holder.id, document=document)
            if not ours:
                self._lose()
                raise lock_lost(self._next)

    def _lose(self) -> None:
        if self._lost:
            return
        self._lost = True
        with suppress(StateError):
            held = self._backend.held()
            self._next = held if held and held.holder.id != self.id else None

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Give signs of life, in a thread of its own."""
        over = threading.Event()

        def beat() -> None:
            while not self._lost and not over.wait(HEARTBEAT):
                with suppress(StateError):  # the lock is ours for as long as the connection lives
                    self.beat()

        thread = threading.Thread(target=beat, name="smsops-state-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _has_news(connection: psycopg.Connection) -> bool:
    """Whether there is something to read, or nothing more will ever come. Makes no call."""
    if connection.closed:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))
