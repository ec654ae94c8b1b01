"""What tests of object stores rely on: the servers judge the conditions of writes as the real stores do."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import ObjectStore, from_url

from tests.servers import Server

if TYPE_CHECKING:
    from obstore import PutMode, PutResult, UpdateVersion

ROOT = Path(__file__).parents[2]
NAME = "folder/state.json"
CONTENDERS = 4


def connect(server: Server, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A part of the bucket that is this test's own, by nothing but the server's environment."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return from_url(f"{server.prefix}/{uuid.uuid4()}", retry_config={"max_retries": 0, "retry_timeout": timedelta(0)})


@pytest.fixture(params=["s3_server", "azure_server", "gcs_server"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A store of each kind."""
    return connect(request.getfixturevalue(request.param), monkeypatch)


@pytest.fixture
def careless_store(careless_s3_server: Server, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    return connect(careless_s3_server, monkeypatch)


def version(written: PutResult) -> UpdateVersion:
    """What to put over; a version that the store does not have must be left out."""
    found: UpdateVersion = {"e_tag": written["e_tag"]}
    if written["version"] is not None:
        found["version"] = written["version"]
    return found


def content(store: ObjectStore, name: str = NAME) -> bytes:
    return bytes(obstore.get(store, name).bytes())


def test_the_second_creation_is_refused(store: ObjectStore) -> None:
    """An object that is there is not created again, and keeps its content."""
    obstore.put(store, NAME, b"first", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, NAME, b"second", mode="create")
    assert content(store) == b"first"


def test_an_object_that_was_deleted_can_be_created(store: ObjectStore) -> None:
    """Deleting an object makes room for a new one."""
    obstore.put(store, NAME, b"first", mode="create")
    obstore.delete(store, NAME)
    obstore.put(store, NAME, b"second", mode="create")
    assert content(store) == b"second"


def test_a_put_over_the_present_version_succeeds(store: ObjectStore) -> None:
    """The version that a put or a read named is the one to put over."""
    first = obstore.put(store, NAME, b"first", mode="create")
    obstore.put(store, NAME, b"second", mode=version(first))
    read = obstore.get(store, NAME).meta
    obstore.put(store, NAME, b"third", mode=version({"e_tag": read["e_tag"], "version": read["version"]}))
    assert content(store) == b"third"


def test_a_put_over_a_stale_version_is_refused(store: ObjectStore) -> None:
    """A version that was overwritten since cannot be put over."""
    first = obstore.put(store, NAME, b"first", mode="create")
    obstore.put(store, NAME, b"second", mode=version(first))
    with pytest.raises(PreconditionError):
        obstore.put(store, NAME, b"third", mode=version(first))
    assert content(store) == b"second"


def test_a_put_over_a_deleted_version_is_refused(store: ObjectStore) -> None:
    """A put over a version does not bring back an object that was deleted since."""
    first = obstore.put(store, NAME, b"first", mode="create")
    obstore.delete(store, NAME)
    with pytest.raises((PreconditionError, FileNotFoundError)):
        obstore.put(store, NAME, b"second", mode=version(first))


def test_one_of_many_creations_wins(store: ObjectStore) -> None:
    """Of writers that create one object at the same time exactly one succeeds, and its content stays."""
    winners = race(store, "create")
    assert len(winners) == 1
    assert content(store) == winners[0]


def test_one_of_many_puts_over_a_version_wins(store: ObjectStore) -> None:
    """Of writers that put over one version at the same time exactly one succeeds, and its content stays."""
    first = obstore.put(store, NAME, b"first", mode="create")
    winners = race(store, version(first))
    assert len(winners) == 1
    assert content(store) == winners[0]


def race(store: ObjectStore, mode: PutMode) -> list[bytes]:
    """What was put by those of concurrent writers that succeeded; a store must have refused all others."""

    async def write(data: bytes) -> bytes | None:
        try:
            await obstore.put_async(store, NAME, data, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            return None
        return data

    async def all_at_once() -> list[bytes | None]:
        return await asyncio.gather(*(write(f"writer {each}".encode()) for each in range(CONTENDERS)))

    return [data for data in asyncio.run(all_at_once()) if data is not None]


def test_a_list_names_what_is_below_a_prefix(store: ObjectStore) -> None:
    """A list gives the objects below a prefix, whatever their names hold, and no others."""
    for name in ("backups/b", "backups/a +é/%2F", "backups/a", "backups-not/a", "x"):
        obstore.put(store, name, b"")
    listed = obstore.list(store, "backups").collect()
    assert sorted(each["path"] for each in listed) == ["backups/a", "backups/a +é/%2F", "backups/b"]
    delimited = obstore.list_with_delimiter(store, "backups")
    assert sorted(each["path"] for each in delimited["objects"]) == ["backups/a", "backups/b"]
    assert delimited["common_prefixes"] == ["backups/a +é"]


def test_what_is_not_there_is_not_found(store: ObjectStore) -> None:
    """Reading what was never written says so."""
    with pytest.raises(FileNotFoundError):
        obstore.get(store, NAME)
    with pytest.raises(FileNotFoundError):
        obstore.head(store, NAME)


@pytest.mark.parametrize(
    ("server", "variable", "wrong"),
    [
        ("s3_server", "AWS_SECRET_ACCESS_KEY", "wrong"),
        ("azure_server", "AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc="),
        ("gcs_server", "GOOGLE_BEARER_TOKEN", "wrong"),
    ],
)
def test_wrong_credentials_are_refused(
    server: str, variable: str, wrong: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers check who asks, so what is missing in the environment of a test is noticed."""
    given: Server = request.getfixturevalue(server)
    store = connect(Server(given.prefix, {**given.environment, variable: wrong}), monkeypatch)
    with pytest.raises((PermissionDeniedError, UnauthenticatedError)):
        obstore.put(store, NAME, b"")


def test_the_careless_server_ignores_conditions(careless_store: ObjectStore) -> None:
    """On the careless server every put succeeds, and all else is as on a real one."""
    first = obstore.put(careless_store, NAME, b"first", mode="create")
    obstore.put(careless_store, NAME, b"second", mode="create")
    obstore.put(careless_store, NAME, b"third", mode=version(first))
    assert content(careless_store) == b"third"
    assert len(race(careless_store, "create")) == CONTENDERS
    assert obstore.head(careless_store, NAME)["size"] == len(b"writer 0")
    assert [each["path"] for each in obstore.list(careless_store).collect()] == [NAME]
    obstore.delete(careless_store, NAME)
    with pytest.raises(FileNotFoundError):
        obstore.get(careless_store, NAME)


def test_a_server_ends_with_a_test_process_that_is_killed() -> None:
    """A server does not outlive its tests, even where these could not clean up."""
    code = """
import time
from tests.servers import gcs
with gcs.running() as server:
    print(server.environment["GOOGLE_BASE_URL"], flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as tests:
        assert tests.stdout is not None
        address = httpx.URL(tests.stdout.readline().strip())
        assert listens(address)
        tests.kill()
    while listens(address):
        time.sleep(0.01)


def listens(address: httpx.URL) -> bool:
    try:
        with socket.create_connection((address.host, address.port or 80)):
            return True
    except ConnectionError:
        return False
