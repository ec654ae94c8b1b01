"""Servers as fixtures: each is started once for all tests of a process, when the first one asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.servers import Server

if TYPE_CHECKING:
    from tests.servers.mysql import MySQLServer

# What brings a server is imported when it is wanted: these modules take a while.


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    """An S3 server that honours conditional writes."""
    from tests.servers import s3

    with s3.running() as server:
        yield server


@pytest.fixture(scope="session")
def careless_s3_server() -> Iterator[Server]:
    """An S3 server that ignores the conditions of writes."""
    from tests.servers import s3

    with s3.careless() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Server]:
    """An Azure Blob Storage server."""
    from tests.servers import azure

    with azure.running() as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[Server]:
    """A Google Cloud Storage server."""
    from tests.servers import gcs

    with gcs.running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server."""
    from tests.servers import postgres

    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MySQLServer]:
    """A MySQL server."""
    from tests.servers import mysql

    with mysql.running() as server:
        yield server
