"""The product's sentence: load, refresh, compare, plan, apply. The one module that sees both core and edge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from smsops import __version__, garbage
from smsops.api.contract import Reader
from smsops.api.errors import ApiError, AuthenticationRefused
from smsops.api.records import Credentials
from smsops.config.load import Configuration
from smsops.core import diff, drift, evidence, plan, takeover
from smsops.core.policy import Terms
from smsops.edge import apply, git, plan_file
from smsops.edge.refresh import Refresh
from smsops.edge.secrets import SecretUnavailable, resolve
from smsops.edge.state.store import StateStore
from smsops.edge.webhooks.store import EventsError, closing_events
from smsops.errors import SmsopsError, StateError
from smsops.kinds.base import Kind
from smsops.kinds.view import MASTER_INFO, AnyRead, SourceRead, View
from smsops.model.address import Address, matches, renamed, stands_in
from smsops.model.diagnostics import ConfigurationError, Diagnostic, did_you_mean
from smsops.model.outcome import Report
from smsops.model.override import Override
from smsops.model.plan import Change, Plan
from smsops.model.resources import CannotRead, NotReadYet, Present, SecretReference
from smsops.model.sending import Appointment
from smsops.model.standing import Standing
from smsops.model.state import Event, Learn, Move, Own, State, fold
from smsops.model.values import JSON, Secret, digest
from smsops.model.webhooks import Sighting
from smsops.table import backup
from smsops.table.read import Source, read

if TYPE_CHECKING:
    from smsops.rules.rulebook import Rulebook
from smsops.surroundings import Connection, Surroundings, state_salt


class PlanOptions(NamedTuple):
    """What a plan is asked for."""

    targets: tuple[str, ...] = ()
    destroy: bool = False
    adopt: bool = False
    simulate: bool = False
    refresh_only: bool = False
    """Only look for drift, for the state to record."""
    ask_prices: bool = False
    """Whether prices that the state knows are asked for again."""
    previews: tuple[str, ...] = ()
    """Globs of the resources whose messages are looked at."""
    imports: tuple[str, ...] = ()
    """Globs of what is to be taken into the state as it is; nothing else is planned then."""
    overrides: tuple[Override, ...] = ()
    approval: str = ""
    """What approves the plan, in words, where somebody has approved it or is going to be asked."""


@dataclass
class Prepared:
    """A plan with all that doing it needs."""

    plan: Plan
    view: View
    state: State
    """As it was loaded, and as `record_settled` leaves it."""
    settled: tuple[Event, ...]
    """What the account has shown about calls that were in doubt."""
    evidence: list[JSON]
    """The same for the history."""
    credentials: Credentials
    moves: tuple[Move, ...]
    previews: list[JSON] = field(default_factory=list)


async def prepare(
    configuration: Configuration,
    store: StateStore,
    options: PlanOptions,
    surroundings: Surroundings,
    reader: Reader,
    credentials: Credentials,
    progress: Callable[[int], None] = lambda count: None,
    *,
    known: Mapping[AnyRead, Any] | None = None,
    assuming: Sequence[Event] = (),
) -> Prepared:
    """Plan: load the state, read what has to be read, compare, order. Nothing is changed anywhere.

    `known` are reads that need not be made, with their results. `assuming` are events that the state is to be thought of with.
    """
    with garbage.none_expected():
        state_before = fold(store.load(state_salt(configuration, credentials)), assuming)
        _check_entries(state_before, surroundings.kinds)
    _check_account(state_before, credentials)

    def read_source(wanted: SourceRead) -> Source:
        where = (wanted.source, configuration.root, surroundings.environment)
        return read(lambda: surroundings.open_source(*where), wanted.reading)

    kinds = {kind.name: kind for kind in surroundings.kinds}
    view = View(
        kinds=kinds,
        desired={} if options.destroy else configuration.desired,
        state=state_before,
        settings=configuration.settings,
        now=surroundings.now(),
        policy=configuration.stack.policy,
        rulebook=_rulebook(configuration),
        adopt_all=options.adopt,
        ask_prices=options.ask_prices,
        destroy=options.destroy,
        refresh_only=options.refresh_only,
        secrets=_secrets(configuration, options, surroundings.environment),
        private_key=digest("private", key=credentials.api_key),
        backups=_backups(state_before, store),
        results=dict(known or {}),
    )
    unheard: list[Diagnostic] = []
    if state_before.intents:
        try:
            view.sightings = _sightings(configuration, state_before, surroundings.environment)
        except EventsError as error:  # what cannot be read is evidence of nothing
            unheard.append(Diagnostic("warning", error.code, error.summary, error.detail))
    reads = Refresh(reader, read_source, view.results, configuration.settings.parallelism, progress)
    if state_before.intents:
        await reads.fetch([MASTER_INFO])
        check_master(view)
    settled = await _judge_doubts(view, reads)
    moves = _moves(configuration, settled.state, kinds)
    view = replace(view, state=fold(settled.state, moves), evidence=settled.open, observed={})
    check_targets({*configuration.desired, *view.addresses}, options.targets)
    if options.imports:
        view.imports = takeover.chosen(view, options.imports)
    selected = diff.select(view, options.targets) if view.imports is None else frozenset(view.imports)
    view.leaving = frozenset(address for address in selected if address not in view.desired)
    with garbage.none_expected():
        if options.refresh_only:
            found, drifted = diff.Difference(doubts=diff.doubts(view, selected)), await _drift(view, selected, reads)
        else:
            found = await _compare(view, selected, _forgotten(configuration, view), reads)
            drifted = drift.find(view, selected)  # as far as what was read tells
    if options.simulate:
        await _simulate(view, found, reader)
    settings = configuration.settings
    context = plan.Context(
        stack=configuration.stack.stack,
        account=credentials.login,
        expires=view.now + settings.plan_ttl,
        version=__version__,
        config_fingerprint=configuration.fingerprint,
        git=git.head(configuration.root, configuration.files),
        key=digest("operations", key=credentials.api_key),
        targets=options.targets,
        adopt=options.adopt,
        terms=Terms(options.overrides, configuration.allowed, options.approval, configuration.rule_marks),
    )
    with garbage.none_expected():
        made = plan.build(view, found, drifted, {move.new: move.old for move in moves}, context)
    notes = tuple(_note_of(verdict) for verdict in settled.verdicts)
    made = made._replace(diagnostics=(*configuration.diagnostics, *unheard, *notes, *made.diagnostics))
    shown = [
        {
            "address": str(verdict.intent.address),
            "method": verdict.intent.method,
            "since": verdict.intent.since,
            "happened": verdict.happened,
            "evidence": verdict.why,
        }
        for verdict in settled.verdicts
    ]
    previews = [await _preview(address, view, reads) for address in _previewed(view, options.previews)]
    return Prepared(made, view, state_before, settled.events, shown, credentials, moves, [p for p in previews if p])


def _previewed(view: View, globs: Sequence[str]) -> list[Address]:
    return sorted((a for a in view.desired if matches(a, globs)), key=lambda a: a.sort_key) if globs else []


async def _preview(address: Address, view: View, reads: Refresh) -> JSON:
    while True:
        try:
            return view.kinds[address.kind].preview(view.resource(address), view)
        except NotReadYet as missing:
            await reads.fetch(missing.reads)
        except CannotRead as error:
            raise SmsopsError(f"{address} cannot be previewed: {error}", code="SMS264") from None


def _check_entries(state: State, kinds: Sequence[Kind]) -> None:
    """StateError where the state has what no kind of this smsops records."""
    known = {kind.name: kind for kind in kinds}
    for entry in state.entries.values():
        try:
            known[entry.address.kind].check_entry(entry)
        except (LookupError, TypeError, ValueError) as error:
            raise StateError(
                f"The state is damaged: {entry.address}",
                code="SMS402",
                detail=f"{type(error).__name__} at {error}. Use the smsops that wrote it, or restore a backup.",
            ) from error


def standings(configuration: Configuration, state: State, surroundings: Surroundings) -> list[Standing]:
    """How all that was scheduled stands, by the state alone, by date."""
    _check_entries(state, surroundings.kinds)
    kinds = {kind.name: kind for kind in surroundings.kinds}
    now, policy = surroundings.now(), configuration.stack.policy
    found = (
        kinds[entry.address.kind].standing(entry, state.in_doubt(entry.address), configuration.settings, policy, now)
        for entry in state.entries.values()
    )
    return sorted((one for one in found if one), key=lambda one: (one.date, one.address.sort_key))


def calendar(prepared: Prepared) -> list[Appointment]:
    """All that goes out or went out, once the plan is applied, by date."""
    view = prepared.view
    refused = {item.address for item in prepared.plan.diagnostics if item.severity == "error"}
    found = (view.kinds[a.kind].appointment(view.resource(a), view) for a in view.addresses)
    shown = [
        one._replace(status="refused") if one.address in refused and one.status in ("planned", "rescheduled") else one
        for one in found
        if one
    ]
    return sorted(shown, key=lambda one: (one.date, one.address.sort_key))


def _rulebook(configuration: Configuration) -> Rulebook:
    from smsops.config.rule_packs import built_in
    from smsops.rules.rulebook import rulebook

    return rulebook(configuration.stack.policy.rule_packs, configuration.rule_packs, built_in)


class _Settled(NamedTuple):
    """What the account shows about calls in doubt: what is settled, the state then, and what is said of the rest."""

    verdicts: tuple[evidence.Verdict, ...]
    events: tuple[Event, ...]
    state: State
    open: Mapping[str, str]


def _sightings(configuration: Configuration, state: State, environment: Mapping[str, str]) -> Sequence[Sighting]:
    """What webhooks told of since the oldest call in doubt. EventsError."""
    since = min(datetime.fromisoformat(intent.since) for intent in state.intents.values())
    with closing_events(configuration.stack.listen.events, configuration.root, environment) as events:
        return events.sightings(since) if events else ()


async def _judge_doubts(view: View, reads: Refresh) -> _Settled:
    verdicts: list[evidence.Verdict] | None = None
    while verdicts is None:
        try:
            verdicts = evidence.judge(view)
        except NotReadYet as missing:
            await reads.fetch(missing.reads)
    settled = tuple(verdict for verdict in verdicts if verdict.happened is not None)
    events = tuple(event for verdict in settled for event in evidence.settlement(verdict, view))
    in_doubt = {verdict.intent.id: verdict.why for verdict in verdicts if verdict.happened is None}
    return _Settled(settled, events, fold(view.state, events), in_doubt)


def _note_of(verdict: evidence.Verdict) -> Diagnostic:
    intent = verdict.intent
    word = "happened" if verdict.happened else "did not happen"
    return Diagnostic(
        "warning",
        "SMS266",
        f"{intent.method} of {intent.since} for {intent.address}, which was in doubt, {word}",
        f"{verdict.why[0].upper()}{verdict.why[1:]}.",
        address=intent.address,
    )


def _backups(state: State, store: StateStore) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in {name for entry in state.entries.values() if (name := entry.backup)}:
        try:
            content = store.read_backup(name)
            found[name] = None if content is None else backup.contacts(content)
        except StateError as error:
            found[name] = error
        except (ValueError, KeyError, TypeError):
            found[name] = StateError("it is damaged", code="SMS402")
    return found


async def _compare(
    view: View,
    selected: frozenset[Address],
    forgotten: frozenset[Address],
    reads: Refresh,
) -> diff.Difference:
    search = diff.Search(view, selected, forgotten)

    def answers(read: object = None) -> bool:
        return not isinstance(view.results.get(MASTER_INFO), ApiError)

    def more(read: AnyRead) -> Iterator[AnyRead]:
        return search.arrived(read) if answers() else iter(())

    first = [MASTER_INFO, *search.start()]  # every plan shows the master's balance
    await reads.fetch(first, more, takewhile(answers, search.foreseen()))
    check_master(view)
    while True:
        found = diff.compare(view, selected, forgotten)
        if not found.reads:
            search.forget_vain()
            return found
        await reads.fetch(found.reads)


async def _drift(view: View, selected: frozenset[Address], reads: Refresh) -> drift.Drift:
    await reads.fetch([MASTER_INFO])
    check_master(view)
    while True:
        found = drift.find(view, selected)
        if not found.reads:
            return found
        await reads.fetch(found.reads)


async def _simulate(view: View, found: diff.Difference, reader: Reader) -> None:
    """Let the API say what the changes come to."""

    readers: dict[str, asyncio.Task[Reader | None]] = {}

    async def log_in(account: str) -> Reader | None:
        owner = view.observe(Address(None, view.opener.name, account))
        if not isinstance(owner, Present):
            return None
        info = await reader.get_info(sub_account=owner.identity)
        return reader.account(Credentials(owner.identity, info.api_key)) if info.api_key else None

    async def reader_of(account: str | None) -> Reader | None:
        if account is None:
            return reader
        if account not in readers:
            readers[account] = asyncio.create_task(log_in(account))
        return await readers[account]

    async def ask(change: Change) -> None:
        found.changes[change.address] = await view.kinds[change.address.kind].simulate(change, view, reader_of)

    await asyncio.gather(*map(ask, list(found.changes.values())))


def check_targets(addresses: set[Address], targets: Sequence[str], option: str = "--target ") -> None:
    """A target that names nothing is a typing error, not an empty plan."""
    for target in targets:
        if not any(matches(address, [target]) for address in addresses):
            known = [str(address) for address in addresses]
            raise SmsopsError(f"{option}{target} names no resource", code="SMS412", detail=did_you_mean(target, known))


def _check_account(state: State, credentials: Credentials) -> None:
    if state.account is not None and state.account != credentials.login:
        raise StateError(
            f'The state belongs to the account "{state.account}", and the login is "{credentials.login}"',
            code="SMS407",
            detail="Log in to that account, or give this stack a state of its own.",
        )


def check_master(view: View) -> None:
    """Without the master account there is nothing to plan: its failure is said once."""
    result = view.results[MASTER_INFO]
    if isinstance(result, ApiError):
        hint = result.hint
        if isinstance(result, AuthenticationRefused) and not hint:
            hint = "Check account.login and account.api_key."
        raise SmsopsError(f"The account cannot be read: {result}", code=result.code, detail=hint)


def _secrets(
    configuration: Configuration, options: PlanOptions, environment: Mapping[str, str]
) -> dict[tuple[Address, str], Secret]:
    """The secrets that wanted resources refer to; every one that is missing is reported."""
    found: dict[tuple[Address, str], Secret] = {}
    missing: list[Diagnostic] = []
    cache: dict[SecretReference, Secret] = {}
    for desired in () if options.destroy or options.refresh_only else configuration.desired.values():
        for name, reference in desired.secrets.items():
            try:
                if reference not in cache:
                    cache[reference] = resolve(reference, configuration.root, environment)
                found[desired.address, name] = cache[reference]
            except SecretUnavailable as error:
                missing.append(
                    Diagnostic("error", error.code, error.summary, error.detail, desired.mark, desired.address)
                )
    if missing:
        raise ConfigurationError(missing)
    return found


def _moves(configuration: Configuration, state: State, kinds: Mapping[str, Kind]) -> tuple[Move, ...]:
    """The moves that the state has not followed yet, what stands inside a moved resource included."""
    moves: list[Move] = []
    entries = {*state.entries, *(intent.address for intent in state.intents.values())}
    for block in configuration.stack.moved:
        kind = kinds.get(block.from_.kind)
        if kind is None or block.to in entries or not any(block.from_ in (a, a.block) for a in entries):
            continue
        for address in sorted(entries, key=lambda a: a.sort_key):
            if stands_in(address, block.from_, opens_account=kind.opens_account, embeds=kind.embeds):
                new = renamed(address, block.from_, block.to, opens_account=kind.opens_account)
                if new not in entries:
                    moves.append(Move(address, new))
                    entries = (entries - {address}) | {new}
    return tuple(moves)


def _forgotten(configuration: Configuration, view: View) -> frozenset[Address]:
    """What `removed: destroy: false` says to forget, what stands inside it included."""
    keep = [block.address for block in configuration.stack.removed if not block.destroy]
    return frozenset(
        address
        for address in (view.leaving if not view.destroy else ())
        for outer in keep
        if (kind := view.kinds.get(outer.kind))
        and stands_in(address, outer, opens_account=kind.opens_account, embeds=kind.embeds)
    )


def record_settled(prepared: Prepared, store: StateStore) -> None:
    """Record what the account has shown about calls in doubt: balances move on, and then it is gone."""
    if prepared.settled:
        store.append([store.begin(**_intention(prepared.plan), settled=prepared.evidence), *prepared.settled])
        store.save({"outcome": "doubts settled by evidence"})
        prepared.state = store.load(prepared.state.salt)


async def perform(
    prepared: Prepared,
    configuration: Configuration,
    store: StateStore,
    surroundings: Surroundings,
    connection: Connection,
    reporter: apply.Reporter,
    stop: asyncio.Event,
    parallelism: int | None = None,
) -> Report:
    """Apply a plan; the state is saved whatever happens."""
    report = Report(prepared.plan)
    if not prepared.plan.operations:
        return report
    run = apply.Run(
        kinds=prepared.view.kinds,
        store=store,
        journal=apply.Journal(store, prepared.state),
        master=connection.writer,
        secrets=prepared.view.secrets,
        reporter=reporter,
        now=surroundings.now,
        stop=stop,
    )
    first: list[Event] = [store.begin(**_intention(prepared.plan)), *prepared.moves]
    if prepared.state.account is None:
        first.append(Own(prepared.credentials.login))
    if prices := prepared.view.learned_prices():
        first.append(Learn(prices))
    outcome: Mapping[str, JSON] = {"outcome": "interrupted"}
    try:
        await run.append(first)
        report.outcomes = await apply.execute(prepared.plan, run, parallelism or configuration.settings.parallelism)
        report.interrupted = stop.is_set()
        outcome = report.history()
    finally:
        store.save(outcome)
    return report


def _intention(plan: Plan) -> dict[str, JSON]:
    """What the history keeps of a plan before it is done."""
    return {
        "smsops_version": plan.version,
        "git": plan.git.document() if plan.git else None,
        "destroy": plan.destroy,
        "targets": list(plan.targets),
        "adopt": plan.adopt,
        "overrides": [override for override in plan.override_documents() if override["let_through"]],
    }


def check_saved(saved: Mapping[str, Any], prepared: Prepared, now: datetime) -> None:
    """Refuse to apply what was not reviewed (StalePlanError)."""
    plan_file.check_source(saved, prepared.plan, now)
    plan_file.check_operations(saved, prepared.plan, prepared.view.addresses)
