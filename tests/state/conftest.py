"""Servers for the tests of state backends: started once for all tests of a process, when the first one asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Server, azure, gcs, postgres, s3


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Server]:
    """An S3 server that honours conditional writes."""
    with s3.running() as server:
        yield server


@pytest.fixture(scope="session")
def careless_s3_server() -> Iterator[Server]:
    """An S3 server that ignores the conditions of writes."""
    with s3.careless() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[Server]:
    """An Azure Blob Storage server."""
    with azure.running() as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[Server]:
    """A Google Cloud Storage server."""
    with gcs.running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with postgres.running() as server:
        yield server
