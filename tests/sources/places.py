"""Places of each kind, on real servers, for the tests of sources."""

from __future__ import annotations

import base64
import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import obstore
import psycopg
from obstore.store import from_url

from tests.servers import Server, mysql, web
from tests.servers.mysql import MySQLServer
from tests.servers.relay import relayed
from tests.sources.contract import CONTENT, LARGE, LARGE_ROWS, LARGE_TEXT, ROWS, Given, Place, through

PORT = re.compile(r"://[^/]*:(\d+)")
SMALL_QUERY = "select phone, name as NAME, note as NOTE from people order by id"
PEOPLE = "create table people (id integer, phone varchar(30), name varchar(100), note varchar(100))"


@contextmanager
def cut(given: Given, port: int) -> Iterator[tuple[Given, Any]]:
    """The source behind a relay, and what cuts it."""
    with relayed(port) as relay:
        yield through(given, port, relay.port), relay.cut


# -- the web --------------------------------------------------------------------------------


class WebPlace(Place):
    """A web server that wants a user and a password."""

    user, password = "crm", "correct/horse@battery:staple"

    def __init__(self, server: web.Web) -> None:
        self._server = server
        header = f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"
        server.answers["/vip.csv"] = web.only_for(header, web.file(CONTENT))
        server.answers["/large.csv"] = web.only_for(header, web.file(LARGE))

    def given(self, path: str, password: str = password) -> Given:
        url = f"https://{self.user}:{quote(password, safe='')}@127.0.0.1:{self._server.port}{path}?token=of-a-query"
        secrets = (self.user + ":", password, quote(password, safe=""), "of-a-query")
        return Given(url, self._server.environment, secrets=secrets)

    def small(self) -> Given:
        return self.given("/vip.csv")

    def large(self) -> Given:
        return self.given("/large.csv")

    def missing(self) -> Given:
        return self.given("/nothing.csv")

    def refused(self) -> Given:
        return self.given("/vip.csv", "wrong-password")

    @contextmanager
    def breaking(self) -> Iterator[tuple[Given, Any]]:
        with cut(self.large(), self._server.port) as both:
            yield both


# -- object stores --------------------------------------------------------------------------


class ObjectPlace(Place):
    """A folder in a bucket that is nobody else's. `key` is the variable that has the secret."""

    def __init__(self, server: Server, key: str) -> None:
        self._server, self._key = server, key
        self._prefix = f"{server.prefix}/{uuid.uuid4()}"
        options: Any = {
            name.lower(): value for name, value in server.environment.items() if not name.endswith("_ALLOW_HTTP")
        }
        store = from_url(self._prefix, config=options, client_options={"allow_http": True})
        obstore.put(store, "vip.csv", CONTENT, use_multipart=False)
        obstore.put(store, "large.csv", LARGE, use_multipart=False)

    def given(self, name: str) -> Given:
        return Given(f"{self._prefix}/{name}", self._server.environment, secrets=(self._server.environment[self._key],))

    def small(self) -> Given:
        return self.given("vip.csv")

    def large(self) -> Given:
        return self.given("large.csv")

    def missing(self) -> Given:
        return self.given("nothing.csv")

    def refused(self) -> Given:
        wrong = base64.b64encode(b"another secret").decode()
        return replace(self.small(), environment={**self._server.environment, self._key: wrong}, secrets=(wrong,))

    @contextmanager
    def breaking(self) -> Iterator[tuple[Given, Any]]:
        found = PORT.search(" ".join(self._server.environment.values()))
        assert found
        with cut(self.large(), int(found[1])) as both:
            yield both


# -- databases ------------------------------------------------------------------------------


class DatabasePlace(Place):
    """A database on a server. `large_query` has the rows of LARGE."""

    scheme: ClassVar[str]
    large_query: ClassVar[str]
    database: ClassVar[str]

    def __init__(self, port: int, user: str, password: str) -> None:
        self._port, self._user, self._password = port, user, password

    def given(self, sql: str, **changed: str) -> Given:
        password = changed.get("password", self._password)
        login = f"{quote(self._user, safe='')}:{quote(password, safe='')}"
        url = f"{self.scheme}://{login}@127.0.0.1:{self._port}/{changed.get('database', self.database)}"
        return Given(url, sql=sql, secrets=(password, quote(password, safe=""), f'"{self._user}"', f"'{self._user}'"))

    def small(self) -> Given:
        return self.given(SMALL_QUERY)

    def large(self) -> Given:
        return self.given(self.large_query)

    def missing(self) -> Given:
        return self.given(SMALL_QUERY, database="nowhere")

    def refused(self) -> Given:
        return self.given(SMALL_QUERY, password="wrong-password")

    @contextmanager
    def breaking(self) -> Iterator[tuple[Given, Any]]:
        with cut(self.large(), self._port) as both:
            yield both


class PostgresPlace(DatabasePlace):
    scheme = "postgresql"
    database = "sources"
    large_query = f"select 33600000000 + n as phone, repeat('x', {LARGE_TEXT}) as \"TEXT\" from generate_series(0, {LARGE_ROWS - 1}) n"

    @classmethod
    def on(cls, server: Server) -> PostgresPlace:
        """A new database on the server."""
        found = PORT.search(server.prefix)
        assert found
        port, password = int(found[1]), server.environment["PGPASSWORD"]
        user = server.prefix.partition("://")[2].partition("@")[0]
        options: Any = {"host": "127.0.0.1", "port": port, "user": user, "password": password, "autocommit": True}
        with psycopg.connect(dbname="postgres", **options) as connection:
            connection.execute("create database sources")
        with psycopg.connect(dbname=cls.database, **options) as connection:
            connection.execute(PEOPLE)
            connection.cursor().executemany("insert into people values (%s, %s, %s, %s)", numbered())
        return cls(port, user, password)

    def small(self) -> Given:
        return self.given(SMALL_QUERY.replace("NAME", '"NAME"').replace("NOTE", '"NOTE"'))


class MySQLPlace(DatabasePlace):
    scheme = "mysql"
    database = mysql.DATABASE
    large_query = f"select 33600000000 + seq as phone, repeat('x', {LARGE_TEXT}) as TEXT from seq_0_to_{LARGE_ROWS - 1}"

    @classmethod
    def on(cls, server: MySQLServer) -> MySQLPlace:
        """The database of the server, filled."""
        with closing(mysql.connect(server.port)) as connection, connection.cursor() as cursor:
            cursor.execute(PEOPLE)
            cursor.executemany("insert into people values (%s, %s, %s, %s)", numbered())
        return cls(server.port, mysql.USER, mysql.PASSWORD)


class SQLitePlace(Place):
    """Files in a stack directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for name in ("crm.db", "breaking.db"):
            with closing(sqlite3.connect(root / name)) as connection, connection:
                connection.execute(PEOPLE)
                connection.executemany("insert into people values (?, ?, ?, ?)", numbered())
                connection.execute("create table large (phone integer, text text)")
                rows = ((33600000000 + row, "x" * LARGE_TEXT) for row in range(LARGE_ROWS))
                connection.executemany("insert into large values (?, ?)", rows)

    def given(self, name: str, sql: str) -> Given:
        return Given(f"sqlite:{name}", root=self._root, sql=sql)

    def small(self) -> Given:
        return self.given("crm.db", SMALL_QUERY)

    def large(self) -> Given:
        return self.given("crm.db", "select phone, text as TEXT from large order by rowid")

    def missing(self) -> Given:
        return self.given("nothing.db", SMALL_QUERY)

    @contextmanager
    def breaking(self) -> Iterator[tuple[Given, Any]]:
        def damage() -> None:
            file = self._root / "breaking.db"
            with file.open("r+b") as stream:
                stream.seek(1_000_000)
                stream.write(b"\xff" * (file.stat().st_size - 1_000_000))

        yield replace(self.large(), url="sqlite:breaking.db"), damage


def numbered() -> list[tuple[int | str, ...]]:
    """The people of CONTENT, with their positions."""
    return [(position, *row) for position, row in enumerate(ROWS[1:])]
