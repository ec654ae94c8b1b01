"""Events in a table of a PostgreSQL database (`postgresql://[user@]host[:port]/database`), of as many receivers as one likes.

A connection that broke is made anew by whoever asks next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, LiteralString, TypeVar
from urllib.parse import urlsplit

from smsops.edge.postgres import connection_info
from smsops.edge.webhooks.store import EventsError, read_sighting
from smsops.model.webhooks import Sighting, WebhookEvent

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

_SESSION: LiteralString = """
    select set_config('synchronous_commit',
                      case current_setting('synchronous_commit') when 'off' then 'on'
                      else current_setting('synchronous_commit') end, false)
"""
"""What was acknowledged is durable."""

_THERE: LiteralString = "select to_regclass('smsops_event') is not null"

_CREATE: LiteralString = """
    select pg_advisory_xact_lock(8390876181232705889);
    create table if not exists smsops_event (
        id text primary key, kind text not null, campaign_id text not null, sms_id text not null, status text not null,
        reply_id text not null, text text not null, moment text not null, phone text not null, person text not null,
        key text not null, client_id text not null, arrived text not null
    );
    create index if not exists smsops_event_campaign on smsops_event (campaign_id, arrived, client_id);
"""
"""Sent as one, these are one transaction; its lock makes a second first use wait."""

_COLUMNS: LiteralString = (
    "id, kind, campaign_id, sms_id, status, reply_id, text, moment, phone, person, key, client_id, arrived"
)
_ADD: LiteralString = (
    f"insert into smsops_event ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " on conflict do nothing"
)
_OF: LiteralString = f"select {_COLUMNS} from smsops_event where campaign_id = any(%s) order by arrived, id"
_SIGHTINGS: LiteralString = """
    select campaign_id, max(client_id), min(arrived) from smsops_event
    group by campaign_id having min(arrived) >= %s order by 3, 1
"""


class PostgresEvents:
    """One table, made at its first use. Who only reads needs no more than SELECT.

    Passwords come from where libpq looks for them, in `environment`. EventsError without psycopg.
    """

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self.where = f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"
        try:
            if "@" in parts.path or parts.fragment:
                raise ValueError("a password with / or # in it, of which a part would be shown as the host")
            self._info = connection_info(url, environment)
        except ImportError:
            raise EventsError("PostgreSQL", "They need psycopg: pip install 'smsops[postgres]'") from None
        except ValueError:
            why = (
                "It is no PostgreSQL address; that looks like postgresql://user@host:5432/database?sslmode=verify-full"
            )
            raise EventsError("PostgreSQL", why) from None
        self._connection: psycopg.Connection | None = None
        self._do(_create)

    def add(self, events: Sequence[WebhookEvent]) -> None:
        def insert(connection: psycopg.Connection) -> None:
            # In one order for all, or two receivers that are told the same would wait for each other.
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(_ADD, sorted(events))

        self._do(insert)

    def of(self, campaign_ids: Collection[str]) -> list[WebhookEvent]:
        found = self._do(lambda connection: connection.execute(_OF, [list(campaign_ids)]).fetchall())
        return [WebhookEvent(*row) for row in found]

    def sightings(self, since: datetime) -> list[Sighting]:
        earliest = since.astimezone(UTC).isoformat(timespec="milliseconds")
        found = self._do(lambda connection: connection.execute(_SIGHTINGS, [earliest]).fetchall())
        return [read_sighting(*row) for row in found]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _do(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Work that may be done twice: once more where the connection turns out to have ended since the last time."""
        import psycopg

        kept = self._connection
        try:
            if kept is not None and not kept.closed:
                try:
                    return work(kept)
                except psycopg.Error:
                    if not kept.closed:
                        raise
            self.close()
            self._connection = psycopg.connect(self._info, autocommit=True)
            self._connection.execute(_SESSION)
            return work(self._connection)
        except psycopg.Error as error:
            # Messages may quote what was written, so no more is said than its class.
            why = error.sqlstate or "the connection broke, or cannot be made"
            detail = f"{why}. Check the address, the rights and the credentials."
            raise EventsError(self.where, detail) from None


def _create(connection: psycopg.Connection) -> None:
    if connection.execute(_THERE).fetchone() != (True,):
        connection.execute(_CREATE)
