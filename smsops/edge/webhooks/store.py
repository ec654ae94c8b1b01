"""Where events are kept: a small interface, and the way from an address to what implements it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from smsops.errors import SmsopsError
from smsops.model.webhooks import Sighting, WebhookEvent

COLUMNS = WebhookEvent._fields


class EventsError(SmsopsError):
    """The events cannot be read or written."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"The events in {where} cannot be read or written", code="SMS480", detail=why)


class EventStore(Protocol):
    """Keeps events, each once. Every method raises EventsError where the store fails; it may be called again then."""

    where: str
    """The address as it may be shown."""

    def add(self, events: Sequence[WebhookEvent]) -> None:
        """Keep them, as one; they are durable when it returns. Those that are there already stay as they are."""

    def of(self, campaign_ids: Collection[str]) -> list[WebhookEvent]:
        """All that is kept of some campaigns, in the order of their arrival."""

    def sightings(self, since: datetime) -> list[Sighting]:
        """The campaigns that were first heard of at some moment or later, the earliest first."""

    def close(self) -> None: ...


def open_events(url: str, root: Path, environment: Mapping[str, str]) -> EventStore:
    """The store of an address that the configuration has taken as valid, made if it is not there; a path is below `root`."""
    scheme, _, path = url.partition(":")
    if scheme == "sqlite":
        from smsops.edge.webhooks.sqlite import SqliteEvents

        return SqliteEvents(root / path)
    from smsops.edge.webhooks.postgres import PostgresEvents

    return PostgresEvents(url, environment)


@contextmanager
def closing_events(url: str, root: Path, environment: Mapping[str, str]) -> Iterator[EventStore | None]:
    """The same for who only reads, closed at the end; None where nothing was ever kept in a file."""
    scheme, _, path = url.partition(":")
    if scheme == "sqlite" and not (root / path).exists():
        yield None
        return
    with closing(open_events(url, root, environment)) as store:
        yield store


def read_sighting(campaign_id: str, client_id: str, since: str) -> Sighting:
    """A sighting from its columns."""
    return Sighting(campaign_id, client_id, datetime.fromisoformat(since))
