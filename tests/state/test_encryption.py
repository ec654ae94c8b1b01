"""What lies encrypted can be read with the key only, and where it was put; whatever else is there is an error that says so."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from smsops.config.load import Inputs, load
from smsops.edge.state.backend import Backend
from smsops.edge.state.encryption import Keys
from smsops.edge.state.file import FileBackend
from smsops.edge.state.store import StateStore
from smsops.errors import StateError
from smsops.model.address import Address
from smsops.model.state import Drop, Entry, Intend, Intent, Own, Put
from smsops.model.values import Secret
from smsops.surroundings import Surroundings, open_store
from tests.harness import API_KEY, Stack
from tests.state.contract import REMOTE, address_of, holder, opener

STACK, SALT = "test", "pepper-of-the-digests"
KEY, OLD, OTHER = Secret("correct horse battery staple"), Secret("the key of last year"), Secret("somebody else's")
LOGIN, CUSTOMER, IDENTITY, NUMBER, MARKER = "acme-login", "zoe-customer", "L4711-remote", "+33612345678", "smsops-0815"
READABLE = (LOGIN, CUSTOMER, IDENTITY, NUMBER, MARKER, SALT, STACK + '"', "list", "apply", "lineage", "sendSms")


def document(content: object) -> bytes:
    """A backup as it is handed to the store."""
    return json.dumps(content, ensure_ascii=False).encode()


class Died(BaseException):
    """What a process that dies leaves undone, is not done."""


def keys(*secrets: Secret, accept_plain: bool = False, stack: str = STACK) -> Keys:
    return Keys(stack, secrets, accept_plain=accept_plain)


def store_of(backend: Backend, *secrets: Secret, accept_plain: bool = False) -> StateStore:
    opened = keys(*secrets, accept_plain=accept_plain)
    return StateStore(backend, STACK, lambda command, changes: holder(command), opened)


def fill(store: StateStore) -> None:
    """A run that ended, and one that died: a state, a history, a backup and a journal."""
    vip = Address(None, "list", CUSTOMER)
    with suppress(Died), store.lock("apply"):
        store.load(SALT)
        store.append([store.begin(), Own(LOGIN), Put(Entry(vip, IDENTITY))])
        store.save()
        store.save_backup(f"list-master-{CUSTOMER}", document({"rows": [[NUMBER, {"NAME": "Zoë"}]]}))
        store.append([Put(Entry(vip, IDENTITY, {"backup": f"list-master-{CUSTOMER}"}))])
        intent = Intent("i", Address(None, "campaign", "hello"), "sendSms", "2026-11-22", {"marker": MARKER})
        store.append([Intend(intent)])
        raise Died


def stored(backend: Backend) -> dict[str, bytes]:
    """All that is stored, by name; a log's records are joined."""
    found = {name: blob.content for name in ["state", *backend.names("backups")] if (blob := backend.read(name))}
    return found | {name: b"\n".join(backend.records(name)) for name in ["history", *backend.names("journal")]}


def code_of(work: Callable[[], object]) -> str:
    """The code of the error of the state that it ends with."""
    with pytest.raises(StateError) as failure:
        work()
    assert all(secret.reveal() not in f"{failure.value}{failure.value.detail}" for secret in (KEY, OLD, OTHER))
    return failure.value.code


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    """A place in a directory of its own."""
    return FileBackend(tmp_path / "state" / "state.json")


# -- at rest --------------------------------------------------------------------------------


def test_nothing_can_be_read(backend: FileBackend, tmp_path: Path) -> None:
    """With a key no login, address, number, identity or word of the state is in any byte of any file."""
    with store_of(backend, KEY).lock("x"):  # the lock names its holder, who is no secret
        pass
    fill(store_of(backend, KEY))
    assert set(stored(backend)) == {"state", "history", "journal/00000001", f"backups/list-master-{CUSTOMER}"}
    files = {path.name: path.read_bytes() for path in (tmp_path / "state").iterdir()}
    assert len(files) == 5
    for name, content in files.items():
        if not name.endswith(".lock"):
            assert [word for word in READABLE if word.encode() in content] == [], name


@pytest.mark.parametrize("name", REMOTE)
def test_nothing_can_be_read_elsewhere(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """On every backend what is stored is encrypted, and is read back with the key."""
    open_one = opener(name, request, tmp_path)
    fill(store_of(open_one(), KEY))
    for content in stored(open_one()).values():
        assert [word for word in READABLE if word.encode() in content] == []
    store = store_of(open_one(), KEY)
    state = store.load(SALT)
    assert state.account == LOGIN
    assert store.read_backup(f"list-master-{CUSTOMER}") == document({"rows": [[NUMBER, {"NAME": "Zoë"}]]})
    assert len(store.history()) == 1


def test_the_same_content_never_looks_the_same() -> None:
    """No nonce is used twice."""
    sealing = keys(KEY)
    sealed = {sealing.seal(b"content", "state") for _ in range(200)}
    assert len({json.loads(one)["nonce"] for one in sealed}) == 200


@pytest.mark.parametrize("content", [b"", b"\0", b"\n", bytes(range(256)), b"x" * 300_000])
def test_any_content(content: bytes) -> None:
    """Any bytes can be sealed, in one line, and come back for whoever has the key."""
    sealed = keys(KEY).seal(content, "state")
    assert b"\n" not in sealed
    assert keys(KEY).open(sealed, "state") == content
    assert keys(OTHER, KEY).open(sealed, "state") == content


# -- other keys -----------------------------------------------------------------------------

READS: dict[str, Callable[[StateStore], object]] = {
    "state": lambda store: store.load(SALT),
    "history": lambda store: store.history(),
    "backup": lambda store: store.read_backup(f"list-master-{CUSTOMER}"),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_another_key(backend: FileBackend, read: Callable[[StateStore], object]) -> None:
    """Nothing can be read with another key, or without one, or plain where encryption is demanded."""
    fill(store_of(backend, KEY))
    assert code_of(lambda: read(store_of(backend, OTHER))) == "SMS453"
    assert code_of(lambda: read(store_of(backend))) == "SMS452"
    assert code_of(
        lambda: read(StateStore(backend, "another", lambda c, _: holder(c), keys(KEY, stack="another")))
    ) == ("SMS453")


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_plain_where_encryption_is_demanded(backend: FileBackend, read: Callable[[StateStore], object]) -> None:
    """What somebody put there who has no key is not taken for the state, unless encryption has just been turned on."""
    fill(store_of(backend))
    assert code_of(lambda: read(store_of(backend, KEY))) == "SMS451"
    read(store_of(backend, KEY, accept_plain=True))


@pytest.mark.parametrize("secrets", [(), (OTHER,)], ids=["none", "another"])
def test_a_journal_under_another_key(backend: FileBackend, secrets: tuple[Secret, ...]) -> None:
    """A journal that cannot be decrypted stops everything, also where there is no state yet."""
    fill(store_of(backend, KEY))
    backend.delete("state")
    backend.append("journal/00000000", 0, backend.records("journal/00000001")[0])
    backend.delete("journal/00000001")
    for opened in (store_of(backend, *secrets), store_of(backend, KEY)):
        assert code_of(lambda opened=opened: opened.load(SALT)) in ("SMS452", "SMS453")  # type: ignore[misc]


# -- what was changed -----------------------------------------------------------------------


def test_what_was_put_in_another_place(backend: FileBackend) -> None:
    """A blob is good in its place only, and a record at its position."""
    fill(store_of(backend, KEY))
    (name,) = backend.names("backups")
    backup, state = backend.read(name), backend.read("state")
    assert backup is not None
    assert state is not None
    backend.write("backups/list-other", backup.content)
    assert code_of(lambda: store_of(backend, KEY).read_backup("list-other")) == "SMS453"
    backend.write("state", backup.content)
    assert code_of(lambda: store_of(backend, KEY).load(SALT)) == "SMS453"
    backend.write("state", state.content)
    records = backend.records("journal/00000001")
    for changed in ([records[1], records[0], *records[2:]], [*records, records[-1]], [records[0], records[2]]):
        backend.delete("journal/00000001")
        for position, record in enumerate(changed):
            backend.append("journal/00000001", position, record)
        assert code_of(lambda: store_of(backend, KEY).load(SALT)) == "SMS453"


def _envelope(**changes: Any) -> Callable[[bytes], bytes]:
    """The envelope with other parts; a part that is None is left out."""

    def change(sealed: bytes) -> bytes:
        parts = json.loads(sealed) | changes
        return json.dumps({k: v for k, v in parts.items() if v is not None}, separators=(",", ":")).encode()

    return change


def _flipped(part: str) -> Callable[[bytes], bytes]:
    def change(sealed: bytes) -> bytes:
        content = bytearray(base64.b64decode(json.loads(sealed)[part]))
        content[-1] ^= 1
        return _envelope(**{part: base64.b64encode(content).decode()})(sealed)

    return change


ALTERED: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda sealed: sealed[: len(sealed) // 2],
    "all but the end": lambda sealed: sealed[:-1],
    "the beginning alone": lambda sealed: sealed[:20],
    "something behind it": lambda sealed: sealed + b"{}",
    "no text": lambda sealed: sealed[:40] + b"\xff\xfe" + sealed[42:],
    "too deep": lambda sealed: sealed[:20] + b"[" * 100_000,
    "content changed": _flipped("content"),
    "nonce changed": _flipped("nonce"),
    "salt changed": _flipped("salt"),
    "content cut": _envelope(content=base64.b64encode(b"short").decode()),
    "no content": _envelope(content=""),
    "no nonce": _envelope(nonce=""),
    "a short nonce": _envelope(nonce=base64.b64encode(b"1234").decode()),
    "a long nonce": _envelope(nonce=base64.b64encode(b"1" * 500).decode()),
    "no salt": _envelope(salt=""),
    "salt left out": _envelope(salt=None),
    "a number": _envelope(nonce=7),
    "a list": _envelope(content=["a"]),
    "not base64": _envelope(content="§§§"),
    "a newer version": _envelope(smsops_encrypted=2),
    "another algorithm": _envelope(algorithm="ROT13"),
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=[name.replace(" ", "_") for name in ALTERED])
def test_altered_content(backend: FileBackend, alter: Callable[[bytes], bytes]) -> None:
    """Whatever was cut or changed is an error of the state that says what it is: never a traceback, never other content."""
    fill(store_of(backend, KEY))
    blobs = {name: backend.read(name) for name in ("state", *backend.names("backups"))}
    history = backend.records("history")
    journal = backend.records("journal/00000001")

    def codes(read: Callable[[StateStore], object]) -> str:
        return code_of(lambda: read(store_of(backend, KEY)))

    for name, read in (("state", READS["state"]), (f"backups/list-master-{CUSTOMER}", READS["backup"])):
        blob = blobs[name]
        assert blob is not None
        backend.write(name, alter(blob.content))
        assert codes(read) in ("SMS402", "SMS451", "SMS453")
        backend.write(name, blob.content)
    for name, records, read in (
        ("history", history, READS["history"]),
        ("journal/00000001", journal, READS["state"]),
    ):
        backend.delete(name)
        for position, record in enumerate([*records[:-1], alter(records[-1])]):
            backend.append(name, position, record)
        assert codes(read) in ("SMS402", "SMS451", "SMS453")
        backend.delete(name)
        for position, record in enumerate(records):
            backend.append(name, position, record)
    store_of(backend, KEY).load(SALT)


# -- another key for all of it --------------------------------------------------------------


def test_rotation(backend: FileBackend) -> None:
    """The fallback key reads what was written with it, and all that is written new is under the new key."""
    fill(store_of(backend, OLD))
    store = store_of(backend, KEY, OLD)
    with store.lock("apply"):
        state = store.load(SALT)
        assert state.account == LOGIN
        assert store.read_backup(f"list-master-{CUSTOMER}") is not None
        store.append([Put(Entry(Address(None, "list", "new"), "new"))])
        store.save_backup("list-master-new", document({"rows": []}))
        store.append([Put(Entry(Address(None, "list", "new"), "new", {"backup": "list-master-new"}))])
    new = store_of(backend, KEY)
    assert len(new.load(SALT).entries) == 2
    assert new.read_backup("list-master-new") == document({"rows": []})
    assert code_of(lambda: new.read_backup(f"list-master-{CUSTOMER}")) == "SMS453"


def assert_whole(store: StateStore) -> None:
    state = store.load(SALT)
    assert state.account == LOGIN
    assert state.intents["i"].facts == {"marker": MARKER}
    assert store.read_backup(f"list-master-{CUSTOMER}") == document({"rows": [[NUMBER, {"NAME": "Zoë"}]]})
    assert [run["serial"] for run in store.history()] == list(range(1, state.serial + 1))[: state.runs]


@pytest.mark.parametrize(
    ("before", "after"), [((), ()), ((), (KEY,)), ((OLD,), (KEY,))], ids=["plain", "turned on", "another key"]
)
def test_rewriting(backend: FileBackend, before: tuple[Secret, ...], after: tuple[Secret, ...]) -> None:
    """After a rewrite everything is under the first key, and the old one is not needed any more."""
    fill(store_of(backend, *before))
    store = store_of(backend, *after, *before, accept_plain=not before)
    for _ in range(2):
        with store.lock("state encrypt"):
            store.load(SALT)
            store.rewrite()
    assert_whole(store_of(backend, *after))
    if after:
        for read in READS.values():
            code = code_of(lambda read=read: read(store_of(backend, *before)))  # type: ignore[misc]
            assert code == ("SMS453" if before else "SMS452")
        assert all(word.encode() not in content for content in stored(backend).values() for word in READABLE)
    with (following := store_of(backend, *after)).lock("apply"):
        following.load(SALT)
        following.append([following.begin(), Drop(Address(None, "list", CUSTOMER))])
    assert len(store_of(backend, *after).history()) == 3


def test_a_key_is_derived_once(backend: FileBackend) -> None:
    """Deriving a key is slow on purpose: all that a run writes has one salt, and that of what it has read."""
    fill(store_of(backend, KEY))
    with (store := store_of(backend, KEY)).lock("apply"):
        store.load(SALT)
        store.append([store.begin(), Drop(Address(None, "list", CUSTOMER))])
    sealed = [part for content in stored(backend).values() for part in content.split(b"\n")]
    assert len(sealed) > 3
    assert len({json.loads(part)["salt"] for part in sealed}) == 1


# -- backups elsewhere ----------------------------------------------------------------------


@pytest.mark.parametrize("name", REMOTE)
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_backups_of_a_remote_state(name: str, encrypted: bool, request: pytest.FixtureRequest, stack: Stack) -> None:
    """A backup that leaves the machine is always encrypted: without `encryption:` under a key made of the API key."""
    url, environment = address_of(name, request)
    stack.environment |= environment | {"STATE_KEY": KEY.reveal()}

    def opened(**sections: Any) -> StateStore:
        stack.write({"state": url, **sections})
        surroundings = Surroundings(stack.kinds, stack.environment, stack.now, stack.connect)
        return open_store(load(stack.root, stack.kinds, Inputs()), surroundings)

    key: dict[str, Any] = {"encryption": {"key": {"env": "STATE_KEY"}}}
    fill(store := opened(**(key if encrypted else {})))
    backup = stored(store.backend)[f"backups/list-master-{CUSTOMER}"]
    assert b"smsops_encrypted" in backup
    assert NUMBER.encode() not in backup
    assert (LOGIN.encode() in stored(store.backend)["state"]) is not encrypted
    by_api_key = StateStore(store.backend, STACK, lambda c, _: holder(c), backup_keys=keys(Secret(API_KEY)))
    if encrypted:
        assert code_of(lambda: by_api_key.read_backup(f"list-master-{CUSTOMER}")) == "SMS453"
    else:
        assert by_api_key.read_backup(f"list-master-{CUSTOMER}") is not None
        # Turning encryption on loses no backup.
        assert opened(**key).read_backup(f"list-master-{CUSTOMER}") is not None
    again = opened(**(key if encrypted else {}))
    assert again.read_backup(f"list-master-{CUSTOMER}") == document({"rows": [[NUMBER, {"NAME": "Zoë"}]]})


def test_backups_of_a_local_state(stack: Stack) -> None:
    """A backup that stays on the machine is plain without `encryption:`: it can be read where it lies."""
    stack.write({})
    surroundings = Surroundings(stack.kinds, stack.environment, stack.now, stack.connect)
    store = open_store(load(stack.root, stack.kinds, Inputs()), surroundings)
    fill(store)
    assert NUMBER.encode() in stored(store.backend)[f"backups/list-master-{CUSTOMER}"]
