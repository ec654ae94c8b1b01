"""Places of each kind, each made once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Server, web
from tests.servers.mysql import MySQLServer
from tests.servers.web import Web
from tests.sources.places import MySQLPlace, ObjectPlace, PostgresPlace, SQLitePlace, WebPlace


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers are on this machine, whatever proxy it has for others."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture(scope="session")
def web_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web server with TLS."""
    with web.running(tmp_path_factory.mktemp("web")) as server:
        yield server


@pytest.fixture(scope="session")
def web_place(web_server: Web) -> WebPlace:
    return WebPlace(web_server)


@pytest.fixture(scope="session")
def s3_place(s3_server: Server) -> ObjectPlace:
    return ObjectPlace(s3_server, "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="session")
def gcs_place(gcs_server: Server) -> ObjectPlace:
    return ObjectPlace(gcs_server, "GOOGLE_BEARER_TOKEN")


@pytest.fixture(scope="session")
def azure_place(azure_server: Server) -> ObjectPlace:
    return ObjectPlace(azure_server, "AZURE_STORAGE_ACCOUNT_KEY")


@pytest.fixture(scope="session")
def postgres_place(postgres_server: Server) -> PostgresPlace:
    return PostgresPlace.on(postgres_server)


@pytest.fixture(scope="session")
def mysql_place(mysql_server: MySQLServer) -> MySQLPlace:
    return MySQLPlace.on(mysql_server)


@pytest.fixture(scope="session")
def sqlite_place(tmp_path_factory: pytest.TempPathFactory) -> SQLitePlace:
    return SQLitePlace(tmp_path_factory.mktemp("stack"))
