"""`export`: an account that exists becomes a stack that owns it. What is written is planned, and owned only where the plan
needs no call; so nothing but reads is ever made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from smsops.api.records import Credentials
from smsops.config.files import STACK_FILE
from smsops.config.load import Configuration, Inputs, load
from smsops.config.stack import DEFAULT_URL, AccountBlock, StackBlock
from smsops.config.writing import comments, mapping, sections
from smsops.core.census import Census, Placed, contents
from smsops.edge import new_directory
from smsops.edge.refresh import Refresh
from smsops.errors import SmsopsError
from smsops.kinds.base import Kind
from smsops.kinds.view import MASTER_INFO, SourceRead, View
from smsops.model.blocks import written
from smsops.model.diagnostics import Diagnostic
from smsops.model.outcome import Outcome, Progress
from smsops.model.plan import Operation, Plan
from smsops.model.resources import NotReadYet, SecretReference
from smsops.model.settings import Settings
from smsops.model.state import Event, Put, State
from smsops.model.values import JSON
from smsops.pipeline import PlanOptions, Prepared, check_master, check_targets, perform, prepare
from smsops.surroundings import Connection, Surroundings, open_store, session
from smsops.table.read import Source

_ACCOUNTS = "accounts"
_SCHEMA_LINE = "# yaml-language-server: $schema={}"


class Wish(NamedTuple):
    """What is to be exported: the new stack's name, globs of addresses (none: all), and whether contacts are."""

    stack: str
    targets: tuple[str, ...] = ()
    people: bool = True


class Exported(NamedTuple):
    """What was written: how many blocks by section, how many contacts, and what had to be left out."""

    files: int
    counts: Mapping[str, int]
    contacts: int
    warnings: tuple[Diagnostic, ...] = ()


def connected(root: Path, stack: StackBlock) -> Configuration:
    """All that connecting to a stack's account takes, whatever else its files say."""
    return Configuration(root, stack, {}, "", (), ())


async def export(
    source: Configuration,
    directory: Path,
    wish: Wish,
    surroundings: Surroundings,
    progress: Callable[[int], None],
) -> Exported:
    """Write a whole stack with its state into an empty directory. SmsopsError where something could not be read."""
    async with session(source, surroundings) as (connection, credentials):
        kinds = {kind.name: kind for kind in surroundings.kinds}
        view = View(kinds, {}, State.new(wish.stack, ""), Settings.model_validate({}), surroundings.now())
        census = Census(view, wish.targets, people=wish.people)
        found = await _look(census, view, connection, source.settings.parallelism, progress)
        check_targets(census.addresses, wish.targets)
        for path, text in _texts(wish.stack, source, surroundings.kinds, found):
            new_directory.write(directory / path, text)
        blocks = list(contents(found))
        for placed in blocks:
            if placed.described.contacts is not None:
                new_directory.write_contacts(directory / placed.slot.data_file, placed.described.contacts)
        inputs = Inputs({}, [], directory, surroundings.environment, None, surroundings.now())
        configuration = load(directory, surroundings.kinds, inputs)
        await _own(configuration, view, surroundings, connection, credentials)
    counts: dict[str, int] = {}
    for placed in blocks:
        counts[str(placed.kind.section)] = counts.get(str(placed.kind.section), 0) + 1
    people = sum(len(placed.described.contacts or ()) for placed in blocks)
    return Exported(len(configuration.files), counts, people, census.warnings)


async def _look(
    census: Census, view: View, connection: Connection, parallelism: int, progress: Callable[[int], None]
) -> dict[str, Sequence[Placed]]:
    def no_source(wanted: SourceRead) -> Source:
        raise AssertionError(wanted)

    reads = Refresh(connection.reader, no_source, view.results, parallelism, progress)
    await reads.fetch([MASTER_INFO])
    check_master(view)
    while True:
        try:
            return census.look()
        except NotReadYet as missing:
            await reads.fetch(missing.reads)


async def _own(
    configuration: Configuration,
    view: View,
    surroundings: Surroundings,
    connection: Connection,
    credentials: Credentials,
) -> None:
    """Take what the new stack declares into its state, once it is sure that a plan would then change nothing."""
    if not configuration.desired:
        return
    store = open_store(configuration, surroundings)

    def planned(options: PlanOptions, assuming: Sequence[Event] = ()) -> Awaitable[Prepared]:
        where = (configuration, store, options, surroundings, connection.reader, credentials)
        return prepare(*where, known=view.results, assuming=assuming)

    with store.lock("export"):
        taken = await planned(PlanOptions(imports=("*",)))
        owned = [Put(entry) for operation in taken.plan.operations if (entry := operation.change.entry)]
        _check_is_done(taken.plan, (await planned(PlanOptions(), owned)).plan)
        report = await perform(taken, configuration, store, surroundings, connection, _Silent(), asyncio.Event())
        if report.exit_code:
            raise SmsopsError("The state of the new stack could not be written", code="SMS401")


def _check_is_done(taken: Plan, after: Plan) -> None:
    """Nothing may be owned that the new stack would change at once."""
    errors = [item.summary for plan in (taken, after) for item in plan.diagnostics if item.severity == "error"]
    changes = [f"{operation.change.address} would change" for operation in after.operations]
    if errors or changes:
        raise SmsopsError(
            f"What was written is not what the account has: {(errors or changes)[0]}",
            code="SMS464",
            detail="Did the account change in the meantime? Run again; if that does not help, leave it out with --target.",
        )


class _Silent:
    """Hears how the state is written, and says nothing."""

    def started(self, operation: Operation) -> None: ...

    def progressed(self, operation: Operation, progress: Progress) -> None: ...

    def ended(self, outcome: Outcome) -> None: ...


def _texts(
    stack: str, source: Configuration, kinds: Sequence[Kind], found: Mapping[str, Sequence[Placed]]
) -> Iterator[tuple[str, str]]:
    """The YAML files: each account's block in a file of its own, everything else in smsops.yaml."""
    accounts = [(name, placed) for name, blocks in found.items() for placed in blocks if placed.kind.opens_account]
    rest = {name: blocks for name, blocks in found.items() if not blocks[0].kind.opens_account}
    account = _account(source)
    top = [
        _SCHEMA_LINE.format("stack.schema.json"),
        "smsops: 1",
        *mapping({"stack": stack, **account}),
        *mapping({"include": [f"{_ACCOUNTS}/*.yaml"]} if accounts else {}),
        *(
            []
            if "account" in account
            else ["", "# ALLMYSMS_LOGIN and ALLMYSMS_API_KEY are the account's login and key."]
        ),
        "",
        "# The API does not tell, and so this stack does not manage:",
        *comments([f"  {phrase}" for phrase in dict.fromkeys(kind.unreturned for kind in kinds) if phrase]),
        *sections(rest),
    ]
    yield STACK_FILE, _joined(top)
    for section, placed in accounts:
        lines = [_SCHEMA_LINE.format("../included.schema.json"), *sections({section: [placed]})]
        yield f"{_ACCOUNTS}/{placed.key}.yaml", _joined(line for line in lines if line)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _account(source: Configuration) -> dict[str, JSON]:
    """How the account is reached, where it is not by default."""
    account, default = source.stack.account, AccountBlock.model_validate({})
    said: dict[str, JSON] = {}
    if account.login != default.login:
        said["login"] = _reference(account.login, source.root)
    if account.api_key != default.api_key:
        said["api_key"] = _reference(account.api_key, source.root)
    if account.url != DEFAULT_URL:
        said["url"] = account.url
    return {"account": said} if said else {}


def _reference(value: SecretReference | str, root: Path) -> JSON:
    if isinstance(value, SecretReference) and value.source == "file":  # the new stack lies elsewhere
        return {"file": str((root / Path(str(value.value)).expanduser()).resolve())}
    return written(value)
