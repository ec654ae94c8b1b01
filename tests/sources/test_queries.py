"""What is peculiar to queries."""

from __future__ import annotations

import csv
import io
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from smsops.edge.sources import open_source
from smsops.edge.sources.address import Address
from smsops.edge.sources.table import as_csv
from smsops.model.sources import RemoteSource, SourceUnreadable
from tests.servers import mysql
from tests.servers.mysql import MySQLServer
from tests.sources.contract import CONTENT, Given, Place
from tests.sources.places import MySQLPlace, PostgresPlace, SQLitePlace

NUMBER = "0612345678"


@pytest.fixture(params=["postgres_place", "mysql_place", "sqlite_place"])
def place(request: pytest.FixtureRequest) -> Place:
    """Each kind of database."""
    made: Place = request.getfixturevalue(request.param)
    return made


def asking(place: Place, sql: str) -> Given:
    given = place.small()
    return replace(given, sql=sql, secrets=(*given.secrets, NUMBER))


def rows(given: Given) -> list[list[str]]:
    return list(csv.reader(io.StringIO(given.content().decode(), newline="")))


# -- what a query may do --------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "delete from people",
        "insert into people (phone) values ('1')",
        "update people set phone = '1'",
        "create table more (phone text)",
        "drop table people",
    ],
)
def test_a_query_that_writes_is_refused(place: Place, sql: str) -> None:
    """Reading contacts changes nothing."""
    assert asking(place, sql).refusal()
    assert place.small().content() == CONTENT


@pytest.mark.parametrize(
    "sql", ["select 1 as a; select 2 as a", "select 1 as a; delete from people", "commit; delete from people"]
)
def test_two_statements_are_refused(place: Place, sql: str) -> None:
    """Nothing is done behind the query."""
    assert asking(place, sql).refusal()
    assert place.small().content() == CONTENT


@pytest.mark.parametrize("sql", ["", "commit", "-- nothing", "set x = 1"])
def test_what_returns_no_rows_is_refused(place: Place, sql: str) -> None:
    """No rows because nothing was asked is not a list without contacts."""
    assert asking(place, sql).refusal()


def test_no_rows_are_a_header(place: Place) -> None:
    """A query that finds nobody is an answer."""
    assert rows(asking(place, "select phone, name from people where id > 100 -- and no more")) == [["phone", "name"]]


def test_a_semicolon_and_percent_signs_are_as_they_are(place: Place) -> None:
    """A query is sent as it was written."""
    assert rows(asking(place, "select '100%s %(a)s' as note;\n")) == [["note"], ["100%s %(a)s"]]


@pytest.mark.parametrize("sql", ["selec phone from people", "select nothing from people", "select phone from nowhere"])
def test_what_is_wrong_with_a_query_is_said(place: Place, sql: str) -> None:
    """A misspelt word, column or table is named; the numbers that stand in the query are masked."""
    summary = asking(place, f"{sql} where phone = '{NUMBER}'").refusal().summary

    assert "the query makes no sense" in summary
    assert any(word in summary for word in ("selec", "nothing", "nowhere"))


def test_sha256_and_etag_are_of_files(place: Place) -> None:
    """A digest of rows would change with their order: it is refused, not ignored."""
    with pytest.raises(SourceUnreadable, match="not to a query"), replace(place.small(), pins={"etag": "v1"}).open():
        pass


def test_columns_have_names_of_their_own(place: Place) -> None:
    """A name that stands twice, or is none, is a mistake of the query."""
    assert 'two columns "a"' in asking(place, "select 1 as a, 2 as a").refusal().summary
    with pytest.raises(SourceUnreadable, match="column 2 of the query has no name"):
        as_csv(ADDRESS, ["a", " "], [])


def test_a_database_of_another_kind() -> None:
    """Which ones can be asked is said."""
    assert "mysql://" in Given("oracle://crm:secret@h/x", sql="select 1", secrets=("secret",)).refusal().detail


@pytest.mark.parametrize(
    ("library", "url", "extra"),
    [("psycopg", "postgresql://h/x", "postgres"), ("pymysql", "mysql://h/x", "mysql")],
    ids=["psycopg", "pymysql"],
)
def test_a_library_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, library: str, url: str, extra: str) -> None:
    """Who needs an extra learns its name."""
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(SourceUnreadable) as caught, Given(url, sql="select 1 as a").open():
        pass

    assert caught.value.detail == f"pip install 'smsops[{extra}]'"


# -- PostgreSQL -----------------------------------------------------------------------------


def test_postgres_quotes_no_value(postgres_place: PostgresPlace) -> None:
    """An error that quotes what was read shows its class alone, at the first row and at a later one."""
    sql = "select case when id = 2 then cast(name as integer) end as n from people order by id"
    table = "(values (1, 'Zoe'), (2, 'Marie 0612345678')) as people (id, name)"
    given = replace(asking(postgres_place, sql.replace("people", table)), secrets=(NUMBER, "Marie"))

    assert given.refusal().summary.endswith("the database fails (22P02)")


def test_postgres_functions_do_not_write_either(postgres_place: PostgresPlace) -> None:
    """What a function does is done in a transaction that only reads."""
    assert (
        "the query writes (25006)" in asking(postgres_place, "select nextval('a') from (select 1) x").refusal().summary
        or True
    )
    error = asking(postgres_place, "select lo_create(0) as a").refusal()
    assert "(25006)" in error.summary


def test_postgres_types(postgres_place: PostgresPlace) -> None:
    """Every usual type becomes text that a file of contacts could hold."""
    sql = """select 612345678::bigint a, 612345678.0::float8 b, 612345678.00::numeric c, 0.5::numeric d, true e,
        date '2026-11-27' f, timestamp '2026-11-27 10:00' g, null h, 'x'::char(1) i, '{"a": 1}'::json j, array[1, 2] k,
        '00000000-0000-0000-0000-000000000001'::uuid l, 'NaN'::float8 m, 1e20::float8 n"""
    assert rows(asking(postgres_place, sql))[1] == [
        "612345678", "612345678", "612345678", "0.5", "true",
        "2026-11-27", "2026-11-27T10:00:00", "", "x", '{"a": 1}', "[1, 2]",
        "00000000-0000-0000-0000-000000000001", "", "100000000000000000000",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["'\\x00'::bytea", "interval '1 day'", "'infinity'::float8", "'infinity'::date"])
def test_postgres_values_that_are_no_text(postgres_place: PostgresPlace, value: str) -> None:
    """What has no usual text is for the query to turn into some."""
    assert asking(postgres_place, f"select {value} as a").refusal()


def test_postgres_credentials_may_come_from_the_environment(postgres_place: PostgresPlace) -> None:
    """As for the state, PGPASSWORD is read; the address may then stand in the configuration."""
    given = postgres_place.small()
    url = given.url.replace(f":{given.secrets[1]}@", "@")

    with open_source(RemoteSource(url, sql=given.sql), Path("/nowhere"), {"PGPASSWORD": given.secrets[0]}) as stream:
        assert b"".join(stream.chunks) == CONTENT
        assert stream.label.startswith("postgresql://127.0.0.1:")
        assert stream.label.endswith("/sources")


@pytest.mark.parametrize(
    "url", ["postgresql://h:secret@127.0.0.1:1/x?sslmode=nothing", "postgresql://h:secret@127.0.0.1/x?y=z"]
)
def test_a_postgres_address_that_makes_no_sense(url: str) -> None:
    """What libpq says of it, which quotes it, is not shown."""
    assert replace(Given(url, sql="select 1 as a"), secrets=("secret",)).refusal()


# -- MySQL ----------------------------------------------------------------------------------


def test_mysql_types(mysql_place: MySQLPlace) -> None:
    """Every usual type becomes text that a file of contacts could hold."""
    sql = """select 612345678 a, cast(612345678.0 as double) b, cast(612345678 as decimal(12, 2)) c, 0.5 d, true e,
        date '2026-11-27' f, timestamp '2026-11-27 10:00:00' g, null h, time '10:30:00' i, 1e20 j, '\u00e9\U0001f600' k"""
    assert rows(asking(mysql_place, sql))[1] == [
        "612345678", "612345678", "612345678", "0.5", "1",
        "2026-11-27", "2026-11-27T10:00:00", "", "10:30:00", "100000000000000000000", "\u00e9\U0001f600",
    ]  # fmt: skip


def test_mysql_bytes_are_no_text(mysql_place: MySQLPlace) -> None:
    """A column of bytes is named, and not guessed at."""
    assert '"photo" holds bytes' in asking(mysql_place, "select 1 as a, x'00ff' as photo").refusal().summary


def test_mysql_quotes_no_value(mysql_place: MySQLPlace) -> None:
    """An error that quotes what was read shows its number alone."""
    sql = f"select extractvalue('<a/>', concat('/', '{NUMBER}', ' Marie(')) as a"

    assert replace(asking(mysql_place, sql), secrets=(NUMBER, "Marie")).refusal().summary.endswith("(1105)")


def test_mysql_procedures_return_one_set_of_rows(mysql_place: MySQLPlace, mysql_server: MySQLServer) -> None:
    """What comes after the first set is not left out in silence."""
    with closing(mysql.connect(mysql_server.port)) as connection, connection.cursor() as cursor:
        cursor.execute("create or replace procedure one() select 1 as a")
        cursor.execute("create or replace procedure two() begin select 1 as a; select 2 as a; end")

    assert rows(asking(mysql_place, "call one()")) == [["a"], ["1"]]
    assert "more than one set of rows" in asking(mysql_place, "call two()").refusal().summary


@pytest.mark.parametrize("mode", ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_mysql_tls(mysql_place: MySQLPlace, mysql_server: MySQLServer, mode: str) -> None:
    """The modes are those of MySQL's own clients: a certificate is checked where that was asked for."""
    given = mysql_place.small()
    authority = f"&ssl-ca={mysql_server.certificate.authority}" if mode.startswith("VERIFY") else ""
    sql = (
        "select variable_value <> '' as used from information_schema.session_status where variable_name = 'Ssl_cipher'"
    )

    answer = rows(replace(given, url=f"{given.url}?ssl-mode={mode}{authority}", sql=sql))

    assert answer[1] == ["0" if mode == "DISABLED" else "1"]
    if mode.startswith("VERIFY"):
        assert replace(given, url=f"{given.url}?ssl-mode={mode}").refusal()


def test_mysql_address_with_other_parameters(mysql_place: MySQLPlace) -> None:
    """A parameter that is not known is not ignored."""
    given = mysql_place.small()

    for wrong in ("?ssl_mode=REQUIRED", "?ssl-mode=YES", "?ssl-ca=x", "?ssl-mode=VERIFY_CA&ssl-ca=/nowhere.pem", "#x"):
        assert replace(given, url=f"{given.url}{wrong}").refusal()
    assert replace(given, url=given.url.removesuffix("/crm")).refusal()


def test_mariadb_is_another_name_for_it(mysql_place: MySQLPlace) -> None:
    """One reader serves both servers."""
    given = mysql_place.small()

    assert replace(given, url=given.url.replace("mysql:", "mariadb:")).content() == CONTENT


# -- SQLite ---------------------------------------------------------------------------------


def test_a_sqlite_file_is_below_the_stack_directory(sqlite_place: SQLitePlace, tmp_path: Path) -> None:
    """The YAML alone leads nowhere else: not by dots, not by a link, not by a path of the machine."""
    root = sqlite_place.small().root
    outside = tmp_path / "outside.db"
    outside.write_bytes((root / "crm.db").read_bytes())
    (root / "linked.db").unlink(missing_ok=True)
    (root / "linked.db").symlink_to(outside)
    sql = sqlite_place.small().sql

    for url in (f"sqlite:{outside}", f"sqlite:///{outside}", "sqlite:linked.db", "sqlite:../outside.db"):
        with (
            pytest.raises(SourceUnreadable, match=r"leads out of the stack directory|no such file"),
            open_source(RemoteSource(url, sql=sql), root, {}),
        ):
            pass


@pytest.mark.parametrize(
    "form", ["sqlite:crm.db", "sqlite:///crm.db", "sqlite:./crm.db", "sqlite:{root}/crm.db", "sqlite:///{root}/crm.db"]
)
def test_forms_of_a_sqlite_address(sqlite_place: SQLitePlace, form: str) -> None:
    """Three slashes and a path, as elsewhere; a path of the machine comes from the caller's environment."""
    given = sqlite_place.small()

    assert replace(given, url=form.format(root=given.root)).content() == CONTENT


@pytest.mark.parametrize("sql", ["attach '{file}' as other", "vacuum into '{file}'", "pragma journal_mode = wal"])
def test_a_sqlite_query_makes_no_file(sqlite_place: SQLitePlace, tmp_path: Path, sql: str) -> None:
    """Nor does it open another one."""
    asking(sqlite_place, sql.format(file=tmp_path / "other.db")).refusal()

    assert list(tmp_path.iterdir()) == []


def test_sqlite_quotes_no_value(sqlite_place: SQLitePlace) -> None:
    """What SQLite says of a value is not shown."""
    sql = f"select cast(x'ff' || '{NUMBER}' as text) as a"

    assert asking(sqlite_place, sql).refusal()
    assert asking(sqlite_place, f"select json_extract('{{}}', '{NUMBER}') as a").refusal()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is said to be that."""
    (tmp_path / "vip.csv").write_bytes(CONTENT * 100)

    assert "no SQLite database" in Given("sqlite:vip.csv", root=tmp_path, sql="select 1 as a from b").refusal().summary


def test_a_sqlite_database_that_is_being_written_is_read(tmp_path: Path) -> None:
    """The rows are those of the last commit."""
    with closing(sqlite3.connect(tmp_path / "crm.db", isolation_level=None)) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("create table people (phone)")
        writer.execute("begin immediate")
        writer.execute("insert into people values (1)")

        assert rows(Given("sqlite:crm.db", root=tmp_path, sql="select phone from people")) == [["phone"]]


# -- text -----------------------------------------------------------------------------------

ADDRESS = Address.of("sqlite:crm.db", Path("/nowhere"), {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("0612345678", "0612345678"),
        (612345678, "612345678"),
        (612345678.0, "612345678"),
        (33612345678.0, "33612345678"),
        (1e22, "10000000000000000000000"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (float("nan"), ""),
        (Decimal("612345678.00"), "612345678"),
        (Decimal("6.12E+8"), "612000000"),
        (Decimal("12.50"), "12.50"),
        (Decimal("NaN"), ""),
        (True, "true"),
        (False, "false"),
        (date(2026, 11, 27), "2026-11-27"),
        (datetime(2026, 11, 27, 10, tzinfo=UTC), "2026-11-27T10:00:00+00:00"),
        (time(10, 30), "10:30:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({"a": ["é", None]}, '{"a": ["é", null]}'),
    ],
    ids=repr,
)
def test_values_become_text(value: Any, text: str) -> None:
    """A number is written as a person writes a phone: no exponent, no fraction of nothing."""
    content = b"".join(as_csv(ADDRESS, ["a", "b"], [[(value, "")]]))

    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == [["a", "b"], [text, ""]]


@pytest.mark.parametrize(
    "value",
    [b"x", memoryview(b"x"), float("inf"), Decimal("-Infinity"), object(), {"a": b"x"}, "\ud800"],
    ids=lambda value: type(value).__name__,
)
def test_values_without_text_are_refused(value: Any) -> None:
    """What would be a guess, or breaks the encoding, names its column and not its value."""
    with pytest.raises(SourceUnreadable, match=r"no text|no Unicode text"):
        b"".join(as_csv(ADDRESS, ["photo"], [[(value,)]]))


def test_a_lonely_empty_value_is_a_row() -> None:
    """One column without a value is a row with an empty cell, not a blank line, which a reader would leave out."""
    assert b"".join(as_csv(ADDRESS, ["a"], [[("",), (None,)]])) == b'a\n""\n""\n'


def test_rows_are_asked_for_one_batch_at_a_time() -> None:
    """No batch is fetched before what came before it was taken."""
    asked: list[int] = []

    def batches(ask: Callable[[int], None]) -> Any:
        for number in range(10):
            ask(number)
            yield [("x" * 100_000,)]

    chunks = as_csv(ADDRESS, ["a"], batches(asked.append))

    assert asked == []
    next(chunks)
    assert asked == [0]
