"""What a run gets from outside: the way to the account and its credentials, the place of the state, the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from smsops.api.contract import Reader, Writer
from smsops.api.errors import ApiError
from smsops.api.records import Credentials
from smsops.config.load import Configuration, Inputs, locate
from smsops.config.stack import StackBlock
from smsops.edge import git
from smsops.edge.secrets import SecretUnavailable, resolve
from smsops.edge.sources import open_source
from smsops.edge.state.backend import Backend, Holder
from smsops.edge.state.encryption import Keys
from smsops.edge.state.open import open_backend
from smsops.edge.state.store import StateStore
from smsops.errors import SmsopsError
from smsops.kinds.base import Kind
from smsops.model.address import Address
from smsops.model.resources import SecretReference
from smsops.model.sources import RemoteSource, Stream
from smsops.model.state import State
from smsops.model.values import Secret, digest

if TYPE_CHECKING:
    pass

T = TypeVar("T")


class Connection(Protocol):
    """The account's API: a reader for plans, a writer for applies."""

    @property
    def reader(self) -> Reader: ...

    @property
    def writer(self) -> Writer: ...

    @property
    def server_time(self) -> datetime | None: ...


Connect = Callable[[Configuration, Credentials], AbstractAsyncContextManager[Connection]]


class Surroundings(NamedTuple):
    """What a run gets from outside: kinds, environment, clock, and the way to the API."""

    kinds: Sequence[Kind]
    environment: Mapping[str, str]
    now: Callable[[], datetime]
    connect: Connect
    open_backend: Callable[[str, Path, Mapping[str, str]], Backend] = open_backend
    open_source: Callable[[RemoteSource, Path, Mapping[str, str]], AbstractContextManager[Stream]] = open_source


def open_store(
    configuration: Configuration, surroundings: Surroundings, url: str | None = None, *, accept_plain: bool = False
) -> StateStore:
    """The state of a stack, or one of the same stack at another `url`, with all that reading its backups needs.

    `accept_plain` lets what is not encrypted pass where encryption is demanded.
    """
    root, stack, environment = configuration.root, configuration.stack, surroundings.environment
    store = _store(root, stack, surroundings, url or stack.state, accept_plain)
    if store.remote:
        # Backups hold phone numbers. Whoever has the API key can read these anyway, so it is the key of last resort.
        api_key = Secret(master_credentials(configuration, environment).api_key)
        secrets = [*_state_secrets(root, stack, environment), api_key]
        hint = " Without encryption: it was the API key of that time: run once more with that one."
        store.backup_keys = Keys(stack.stack, secrets, accept_plain=accept_plain, hint=hint)
    return store


def locate_store(root: Path, inputs: Inputs, surroundings: Surroundings) -> StateStore:
    """The state of the stack in `root`, whatever else its configuration says; its backups cannot be read."""
    stack = locate(root, inputs)
    return _store(root, stack, surroundings, stack.state)


def _store(
    root: Path, stack: StackBlock, surroundings: Surroundings, url: str, accept_plain: bool = False
) -> StateStore:
    environment = surroundings.environment
    keys = Keys(stack.stack, _state_secrets(root, stack, environment), accept_plain=accept_plain)

    def describe(command: str, changes: bool) -> Holder:
        commit = git.head(root) if changes else None
        return Holder.this_process(command, commit.commit if commit else None, environment)

    return StateStore(surroundings.open_backend(url, root, environment), stack.stack, describe, keys)


def _state_secrets(root: Path, stack: StackBlock, environment: Mapping[str, str]) -> list[Secret]:
    references = [stack.encryption.key, stack.encryption.fallback_key] if stack.encryption else []
    return [resolve(reference, root, environment) for reference in references if reference]


def master_credentials(configuration: Configuration, environment: Mapping[str, str]) -> Credentials:
    """The master account's login and key. The sandbox takes any, so there they need not be given."""
    account = configuration.stack.account
    values: list[str] = []
    for reference, fallback in ((account.login, "sandbox"), (account.api_key, "sandbox-key")):
        try:
            values.append(_plain(reference, configuration.root, environment))
        except SecretUnavailable as error:
            if account.url != "sandbox:":
                raise SmsopsError(error.summary, code=error.code, detail=error.detail) from None
            values.append(fallback)
    return Credentials(values[0], values[1])


def _plain(reference: SecretReference | str, root: Path, environment: Mapping[str, str]) -> str:
    return reference if isinstance(reference, str) else resolve(reference, root, environment).reveal()


def state_salt(configuration: Configuration, credentials: Credentials) -> str:
    """The key of a new state's digests: the same for every run until it is written, and nobody else's."""
    return digest(["salt", configuration.stack.stack], key=credentials.api_key)


def account_login(account: str | None, state: State, surroundings: Surroundings) -> str | None:
    """The login of a sub-account by its key, as the state knows it; None for the master."""
    if account is None:
        return None
    opener = next(kind for kind in surroundings.kinds if kind.opens_account)
    entry = state.entries.get(Address(None, opener.name, account))
    return entry.identity if entry else account


def account_keys(configuration: Configuration, surroundings: Surroundings) -> dict[str, str]:
    """The logins of the stack's sub-accounts by their keys, as the state knows them, or as the configuration wants them."""
    opener = next(kind for kind in surroundings.kinds if kind.opens_account)
    credentials = master_credentials(configuration, surroundings.environment)
    state = open_store(configuration, surroundings).load(state_salt(configuration, credentials))
    wanted = {address: desired.identity for address, desired in configuration.desired.items()}
    owned = {address: entry.identity for address, entry in state.entries.items()}
    return {address.name: login for address, login in (wanted | owned).items() if address.kind == opener.name}


def system_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def session(
    configuration: Configuration, surroundings: Surroundings
) -> AsyncIterator[tuple[Connection, Credentials]]:
    """The connection of one run."""
    credentials = master_credentials(configuration, surroundings.environment)
    async with surroundings.connect(configuration, credentials) as connection:
        yield connection, credentials


@asynccontextmanager
async def looking(
    configuration: Configuration, surroundings: Surroundings
) -> AsyncIterator[tuple[Reader, Credentials]]:
    """The connection of one run that changes nothing: there is no writer."""
    async with session(configuration, surroundings) as (connection, credentials):
        yield connection.reader, credentials


def ask(configuration: Configuration, surroundings: Surroundings, question: Callable[[Connection], Awaitable[T]]) -> T:
    """What a question to the account brings; SmsopsError where the API fails."""

    async def asked() -> T:
        async with session(configuration, surroundings) as (connection, _):
            return await question(connection)

    try:
        return asyncio.run(asked())
    except ApiError as error:
        raise SmsopsError(str(error), code=error.code, detail=error.hint) from None
