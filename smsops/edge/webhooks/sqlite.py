"""Events in a SQLite file, which is its owner's alone. Readers and a writer do not wait for each other."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from smsops.edge.webhooks.store import COLUMNS, EventsError, read_sighting
from smsops.model.webhooks import Sighting, WebhookEvent

_BUSY = 10.0
"""Seconds to wait for another writer."""

# A commit returns when it is on the disk (synchronous = full); the log is folded into the file by the way.
_OPEN = "pragma journal_mode = wal; pragma synchronous = full;"
_CREATE = f"""
    create table if not exists event ({", ".join(f"{name} text not null" for name in COLUMNS)}, unique (id));
    create index if not exists event_campaign on event (campaign_id, arrived, client_id);
"""
_ADD = f"insert or ignore into event values ({', '.join('?' * len(COLUMNS))})"
_OF = (
    f"select {', '.join(COLUMNS)} from event where campaign_id in (select value from json_each(?)) order by arrived, id"
)
_SIGHTINGS = "select campaign_id, max(client_id), min(arrived) from event group by campaign_id having min(arrived) >= ? order by 3, 1"


class SqliteEvents:
    """One file and its log beside it."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # what SQLite lays beside it has the same mode
        except OSError as error:
            raise EventsError(self.where, error.strerror or type(error).__name__) from None
        with self._told():
            self._connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
            self._connection.executescript(_OPEN)
            if not self._connection.execute("select 1 from sqlite_schema where name = 'event_campaign'").fetchone():
                self._connection.executescript(f"begin immediate; {_CREATE} commit;")

    def add(self, events: Sequence[WebhookEvent]) -> None:
        with self._told():
            try:
                self._connection.execute("begin immediate")
                self._connection.executemany(_ADD, events)
                self._connection.execute("commit")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise

    def of(self, campaign_ids: Collection[str]) -> list[WebhookEvent]:
        import json

        with self._told():
            rows = self._connection.execute(_OF, (json.dumps(sorted(campaign_ids)),))
            return [WebhookEvent(*row) for row in rows]

    def sightings(self, since: datetime) -> list[Sighting]:
        with self._told():
            rows = self._connection.execute(_SIGHTINGS, (since.astimezone(UTC).isoformat(timespec="milliseconds"),))
            return [read_sighting(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise EventsError(self.where, getattr(error, "sqlite_errorname", "") or type(error).__name__) from None
