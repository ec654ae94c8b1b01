"""`state list|show|rm|mv|pull|unlock|migrate|encrypt` and `resolve`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from smsops.cli.options import Command, Group, current, read_duration
from smsops.config.stack import state_url
from smsops.edge.state.backend import HEARTBEAT, Held
from smsops.edge.state.store import StateStore
from smsops.errors import LockedError, SmsopsError
from smsops.kinds import Kind
from smsops.model.address import Address, matches, renamed, stands_in
from smsops.model.diagnostics import did_you_mean
from smsops.model.state import Drop, Event, Intent, Move, Moved, Settle, State
from smsops.model.values import JSON, printed
from smsops.surroundings import locate_store, open_store

_lock_timeout = click.option("--lock-timeout", default="0s", metavar="DURATION", help="Wait for a locked state.")


@click.group(cls=Group)
def state() -> None:
    """Look at the state, or mend it."""


@contextmanager
def _open(command: str, *, shared: bool, wait: str = "0s") -> Iterator[tuple[StateStore, State]]:
    settings = current()
    store = locate_store(settings.directory, settings.inputs(), settings.around())
    with store.lock(command, wait=read_duration(wait), shared=shared):
        yield store, store.load("")


def _change(store: StateStore, events: Sequence[Event], **details: JSON) -> None:
    """Record events; `details` is what the history says of them."""
    store.append([store.begin(**details), *events])
    store.save()


def _owned(found: State, text: str) -> Address:
    address = _address(text)
    if address not in found.entries and found.in_doubt(address):
        raise SmsopsError(
            f"{address} is in doubt, and not in the state yet",
            code="SMS440",
            detail=f"Settle it first: smsops resolve {address} --happened | --did-not-happen",
        )
    if address not in found.entries:
        names = [str(owned) for owned in found.entries]
        raise SmsopsError(f"{address} is not in the state", code="SMS440", detail=did_you_mean(text, names))
    return address


def _kind(address: Address) -> Kind:
    return next(kind for kind in current().around().kinds if kind.name == address.kind)


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise SmsopsError(str(error), code="SMS441") from None


def _named(intent: Intent) -> dict[str, JSON]:
    return {"address": str(intent.address), "method": intent.method, "since": intent.since}


@state.command("list")
@click.argument("patterns", metavar="[ADDRESS]...", nargs=-1)
def list_(patterns: tuple[str, ...]) -> None:
    """The addresses of what this stack owns."""
    with _open("state list", shared=True) as (_, found):
        for address in sorted(found.entries, key=lambda a: a.sort_key):
            if not patterns or matches(address, patterns):
                click.echo(str(address))


@state.command()
@click.argument("address")
def show(address: str) -> None:
    """What the state knows of one resource, as JSON."""
    with _open("state show", shared=True) as (_, found):
        entry = found.entries[_owned(found, address)]
        doubts = [intent.document() for intent in found.in_doubt(entry.address)]
        document = {"address": str(entry.address), **entry.document(), **({"in_doubt": doubts} if doubts else {})}
        click.echo(printed(document))


@state.command()
def pull() -> None:
    """The whole state, as JSON."""
    with _open("state pull", shared=True) as (_, found):
        click.echo(printed(found.document()))


@state.command()
@click.argument("addresses", nargs=-1, required=True)
@click.option(
    "--force", is_flag=True, help="Even if contacts are only in the backup of a change that has not finished."
)
@_lock_timeout
def rm(addresses: tuple[str, ...], force: bool, lock_timeout: str) -> None:
    """Forget resources and what stands in them: they stay in the account, and this stack does not own them any more."""
    with _open("state rm", shared=False, wait=lock_timeout) as (store, found):
        named = [_owned(found, text) for text in addresses]
        dropped = [address for address in found.entries if any(_stands_in(address, outer) for outer in named)]
        unfinished = [str(address) for address in dropped if found.entries[address].backup]
        if unfinished and not force:
            raise SmsopsError(
                f"A change of {', '.join(unfinished)} has not finished: contacts are only in its backup",
                code="SMS454",
                detail="Let an apply finish it first. --force gives these contacts up.",
            )
        _change(store, [Drop(address) for address in dropped])
        for address in dropped:
            click.echo(f"Forgot {address}. What the account has of it stays there.", err=True)
        click.echo("What is still in the configuration is made anew by the next apply, or has to be adopted.", err=True)


def _stands_in(address: Address, outer: Address) -> bool:
    kind = _kind(outer)
    return stands_in(address, outer, opens_account=kind.opens_account, embeds=kind.embeds)


@state.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@_lock_timeout
def mv(source: str, target: str, lock_timeout: str) -> None:
    """Know a resource, and what stands in it, under another address."""
    with _open("state mv", shared=False, wait=lock_timeout) as (store, found):
        old, new = _owned(found, source), _address(target)
        if old.kind != new.kind:
            raise SmsopsError("Both addresses must be of one kind", code="SMS442")
        kind = _kind(old)
        moves = [
            Move(address, renamed(address, old, new, opens_account=kind.opens_account))
            for address in found.entries
            if _stands_in(address, old)
        ]
        taken = [move.new for move in moves if move.new in found.entries]
        if taken:
            raise SmsopsError(
                f"{taken[0]} is in the state already", code="SMS443", detail="Forget it first, or move it."
            )
        _change(store, moves)
        for move in moves:
            click.echo(f"{move.old} is now {move.new}.", err=True)


@state.command()
@click.option("--force", is_flag=True, help="Release it although the holder looks alive.")
def unlock(force: bool) -> None:
    """Release the lock of a run that is gone, and say whose it is and whether it looks dead."""
    settings = current()
    store = locate_store(settings.directory, settings.inputs(), settings.around())
    held = store.held()
    if held is None:
        click.echo("The state is not locked.", err=True)
        return
    if held.looks_dead and not force and store.remote:
        click.echo(f"It looks dead: {held.why}. Watching for a sign of life...", err=True)
        time.sleep(HEARTBEAT + 1)  # clocks may differ, a heartbeat that comes does not lie
        held = _silent(store, held)
    if not held.looks_dead and not force:
        raise LockedError(
            f"The state is locked: {held.holder}",
            code="SMS406",
            detail=f"It looks alive: {held.why}. Stop that run; if you are sure that it is over, pass --force.",
        )
    store.release(held)
    click.echo(f"Released the lock of {held.holder} ({held.why}).", err=True)
    click.echo("What that run did is recorded. See what is left: smsops plan", err=True)


def _silent(store: StateStore, seen: Held) -> Held:
    """The holder after a while: it does not look dead if it has given a sign of life since."""
    now = store.held()
    if now is None or now.holder == seen.holder:
        return seen
    return now._replace(looks_dead=False, why="it has just given a sign of life")


@state.command()
@click.argument("to", metavar="TO")
@_lock_timeout
def migrate(to: str, lock_timeout: str) -> None:
    """Move the state, with its backups and history, to another place, such as s3://bucket/stack/state.json."""
    settings = current()
    configuration = settings.load()
    store = open_store(configuration, settings.around())
    other = open_store(configuration, settings.around(), state_url(to))
    if os.path.realpath(other.backend.where) == os.path.realpath(store.backend.where):
        raise SmsopsError("The state is there already", code="SMS445", detail="Name another place.")
    wait = read_duration(lock_timeout)
    with store.lock("state migrate", wait=wait), other.lock("state migrate", wait=wait):
        if not store.load("").serial:
            raise SmsopsError("There is no state yet: nothing to move", code="SMS447", detail=f"Say state: {to}.")
        store.move_to(other, to)
    click.echo(f"The state has moved. Now say in smsops.yaml:\n\nstate: {to}\n", err=True)


@state.command()
@_lock_timeout
def encrypt(lock_timeout: str) -> None:
    """Encrypt the state anew with encryption.key: after turning encryption on, and after the key has changed."""
    settings = current()
    configuration = settings.load()
    if configuration.stack.encryption is None:
        raise SmsopsError(
            "There is no encryption: section",
            code="SMS448",
            detail="Say encryption: {key: {env: SMSOPS_STATE_KEY}} in smsops.yaml.",
        )
    store = open_store(configuration, settings.around(), accept_plain=True)
    with store.lock("state encrypt", wait=read_duration(lock_timeout)):
        store.load("")
        store.rewrite()
    click.echo("Everything that the state keeps is encrypted with encryption.key.", err=True)


@click.command(cls=Command)
@click.argument("address")
@click.option("--happened", is_flag=True, help="You found that it happened.")
@click.option("--did-not-happen", is_flag=True, help="You found that it did not: it may be made again.")
@click.option("--campaign-id", metavar="ID", help="The id of the campaign that was sent, so that it can be cancelled.")
@_lock_timeout
def resolve(address: str, happened: bool, did_not_happen: bool, campaign_id: str | None, lock_timeout: str) -> None:
    """Say how a call in doubt ended. Look at the account first: a wrong answer can text people twice."""
    if happened == did_not_happen:
        raise click.UsageError("Say either --happened or --did-not-happen")
    if campaign_id and not happened:
        raise click.UsageError("--campaign-id goes with --happened")
    with _open("resolve", shared=False, wait=lock_timeout) as (store, found):
        wanted = _address(address)
        intents = found.in_doubt(wanted)
        answers = {"campaign_id": campaign_id} if campaign_id else {}
        entry = found.entries.get(wanted)
        if not intents and happened and entry is not None and (known := _kind(wanted).completed(entry, answers)):
            _change(store, known, settled=[{"address": str(wanted), **answers}])
            click.echo(f"{wanted} is complete: what was not known of it is recorded.", err=True)
            return
        if not intents:
            names = [str(intent.address) for intent in found.intents.values()]
            raise SmsopsError(f"Nothing is in doubt about {wanted}", code="SMS444", detail=did_you_mean(address, names))
        kind = _kind(wanted)
        events: list[Event] = []
        for intent in intents:
            events.append(Settle(intent.id, happened))
            events += [Moved(intent.effects), *kind.settled(intent, answers)] if happened else []
        found_out = {"happened": happened, **answers}
        _change(store, events, settled=[{**_named(intent), **found_out} for intent in intents])
        click.echo(f"{wanted} is settled: it {'happened' if happened else 'did not happen'}.", err=True)
