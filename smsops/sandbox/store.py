"""The sandbox's data: accounts, lists, contacts, campaigns, replies, blacklists and links in one SQLite database.

The rules of the API are not here; every method is one query or one change. The caller groups them with `transaction`.
"""

import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from smsops.sandbox import faults

VERSION = 4

_FIRST_CAMPAIGN = 28_400_000
_SMS_ID = re.compile(r"([0-9a-f]{8})-8e0b-11e5-bf51-([0-9a-f]{12})")

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE, api_key TEXT NOT NULL, master_id INTEGER,
    credits INTEGER NOT NULL, active INTEGER NOT NULL DEFAULT 1, postpaid INTEGER NOT NULL DEFAULT 0,
    fields TEXT NOT NULL, created TEXT NOT NULL, last_activity TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS list (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, name TEXT NOT NULL, locked INTEGER NOT NULL,
    fields TEXT NOT NULL, created TEXT NOT NULL, UNIQUE (account_id, name)
);
CREATE TABLE IF NOT EXISTS contact (
    id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, phone TEXT NOT NULL, content TEXT NOT NULL,
    UNIQUE (list_id, phone)
);
CREATE TABLE IF NOT EXISTS campaign (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, login TEXT NOT NULL, status TEXT NOT NULL,
    due REAL NOT NULL, content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS campaign_due ON campaign (due) WHERE status = 'scheduled';
CREATE TABLE IF NOT EXISTS reply (
    id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, campaign_id INTEGER NOT NULL, place INTEGER NOT NULL,
    phone TEXT NOT NULL, message TEXT NOT NULL, received REAL NOT NULL, collected INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS reply_of_account ON reply (account_id, received);
CREATE INDEX IF NOT EXISTS reply_of_campaign ON reply (campaign_id, received);
CREATE TABLE IF NOT EXISTS blacklist (
    account_id INTEGER NOT NULL, phone TEXT NOT NULL, comment TEXT NOT NULL, received TEXT NOT NULL,
    PRIMARY KEY (account_id, phone)
);
CREATE TABLE IF NOT EXISTS campaign_name (name TEXT PRIMARY KEY, campaign_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS link (id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, url TEXT NOT NULL);
{faults.SCHEMA}
"""
_TABLES = (
    "setting",
    "account",
    "list",
    "contact",
    "campaign",
    "campaign_name",
    "reply",
    "blacklist",
    "link",
    "fault",
    "sqlite_sequence",
)


Contacts = Callable[[], Iterable[tuple[str, list[str]]]]
"""Brings contacts, phone and values in the order of their list's fields."""


@dataclass(frozen=True)
class Account:
    """A master account (no `master_id`) or a sub-account; `fields` by the names of createSubAccount."""

    id: int
    login: str
    api_key: str
    master_id: int | None
    credits: float
    active: bool
    postpaid: bool
    fields: dict[str, str]
    created: str
    last_activity: str


@dataclass(frozen=True)
class ContactList:
    """A list; `fields` are its columns in order, each {"name", "filter", "mailing"}."""

    id: int
    name: str
    locked: bool
    fields: list[dict[str, Any]]
    created: str

    @property
    def columns(self) -> list[str]:
        """The names of the fields in order."""
        return [field["name"] for field in self.fields]

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each field stands, by its name in capitals."""
        return {name.upper(): place for place, name in enumerate(self.columns)}


@dataclass(frozen=True)
class Campaign:
    """A campaign of SMS or of emails; `due` is when it leaves, in seconds since the epoch.

    `content` is what was sent: of SMS with its recipients as [phone, values] pairs, of emails with a subject.
    """

    id: int
    account_id: int
    login: str
    status: str
    due: float
    content: dict[str, Any]

    @property
    def is_email(self) -> bool:
        """Whether it is one of emails."""
        return "subject" in self.content

    @property
    def campaign_id(self) -> str:
        """The identifier that the API gives it."""
        return campaign_name(self.id)


def campaign_name(number: int) -> str:
    """The identifier of the campaign with this row number."""
    return f"ap_{_FIRST_CAMPAIGN + number}"


@dataclass(frozen=True)
class Reply:
    """A message that came back: `place` is its sender's among the recipients, `received` in seconds since the epoch."""

    id: int
    campaign: int
    place: int
    phone: str
    message: str
    received: float


def sms_id(campaign: int, place: int) -> str:
    """The identifier of the SMS to the recipient at this place of a campaign."""
    return f"{campaign:08x}-8e0b-11e5-bf51-{place:012x}"


def sms_of(identifier: str) -> tuple[int, int] | None:
    """The campaign and the place that an identifier of an SMS stands for, whether or not there are such."""
    found = _SMS_ID.fullmatch(identifier)
    return None if found is None else (int(found[1], 16), int(found[2], 16))


class UnusableFile(ValueError):
    """A file in which no sandbox can be kept: damaged, of another version, or not to be written. The text says which."""


class Store:
    """One connection to one database; a file survives its process, and several processes may use it in turn.

    UnusableFile where that cannot be.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            if str(path) != ":memory:":
                _create_private(Path(path))
            self._open(path)
        except OSError as error:
            raise UnusableFile(f"{error.filename or path}: {error.strerror}") from None
        except sqlite3.DatabaseError as error:
            raise UnusableFile(f"{path}: {error}") from None

    def _open(self, path: str | Path) -> None:
        # A connection of its own thread only would forbid a client that runs its event loop in another thread.
        self._waiting: dict[int, tuple[int, Contacts | None]] = {}
        self.connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        # The operating system keeps what a killed process has written, so nothing is gained by waiting for the disk.
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute("PRAGMA journal_mode = TRUNCATE")
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if not 0 <= version <= VERSION:
            self.connection.close()
            raise UnusableFile(f"{path} is a sandbox of another version ({version})")
        if version < VERSION:  # each version so far has only added tables
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    self.connection.execute(statement)
                self.connection.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone: other processes wait."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def clear(self) -> None:
        """Delete everything."""
        for table in _TABLES:
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constant names

    # Settings

    def setting(self, name: str) -> Any:
        """A setting as plain data, None when it is not set."""
        row = self.connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def set_setting(self, name: str, value: object) -> None:
        """Set a setting; None removes it."""
        if value is None:
            self.connection.execute("DELETE FROM setting WHERE name = ?", (name,))
        else:
            self.connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(value)))

    # Accounts

    def account(self, login: str) -> Account | None:
        """The account with this login."""
        row = self.connection.execute("SELECT * FROM account WHERE login = ?", (login,)).fetchone()
        return None if row is None else _account(row)

    def account_by_id(self, number: int) -> Account:
        """The account with this number, which exists."""
        return _account(self.connection.execute("SELECT * FROM account WHERE id = ?", (number,)).fetchone())

    def accounts(self, master_id: int | None = None) -> list[Account]:
        """Every account, or those under one master, in the order of their creation."""
        query = "SELECT * FROM account WHERE ? IS NULL OR master_id = ? ORDER BY id"
        return [_account(row) for row in self.connection.execute(query, (master_id, master_id))]

    def add_account(
        self,
        login: str,
        *,
        now: str,
        api_key: str | None = None,
        master_id: int | None = None,
        credits: float = 0,
        active: bool = True,
        postpaid: bool = False,
        fields: Mapping[str, str],
    ) -> Account:
        """Add an account; without an API key it gets one that depends on its login and its number alone."""
        cursor = self.connection.execute(
            "INSERT INTO account (login, api_key, master_id, credits, active, postpaid, fields, created, last_activity)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (login, api_key or "", master_id, credits, active, postpaid, json.dumps(dict(fields)), now, now),
        )
        number = cursor.lastrowid or 0
        if api_key is None:
            made = hashlib.sha256(f"{number}:{login}".encode()).hexdigest()[:20]
            self.connection.execute("UPDATE account SET api_key = ? WHERE id = ?", (made, number))
        return self.account_by_id(number)

    def change_account(
        self, account: Account, *, login: str, active: bool, fields: Mapping[str, str], api_key: str | None = None
    ) -> None:
        """Change what an account is called and what is known of it."""
        self.connection.execute(
            "UPDATE account SET login = ?, active = ?, fields = ?, api_key = ? WHERE id = ?",
            (login, active, json.dumps(dict(fields)), api_key or account.api_key, account.id),
        )
        if login != account.login:
            self.connection.execute("UPDATE campaign SET login = ? WHERE account_id = ?", (login, account.id))

    def touch(self, account: Account, now: str) -> None:
        """Note that the account has used the API."""
        if account.last_activity != now:
            self.connection.execute("UPDATE account SET last_activity = ? WHERE id = ?", (now, account.id))

    def move_credits(self, account_id: int, delta: float) -> float:
        """Change a balance; gives the new one."""
        row = self.connection.execute(
            "UPDATE account SET credits = credits + ? WHERE id = ? RETURNING credits", (delta, account_id)
        ).fetchone()
        balance: float = row[0]
        return balance

    def delete_account(self, account: Account) -> None:
        """Delete an account, its lists, replies, blacklist and scheduled campaigns; what was sent stays on record."""
        for contact_list in self.lists(account.id):
            self.delete_list(contact_list.id)
        self.connection.execute(
            "UPDATE campaign SET status = 'deleted' WHERE account_id = ? AND status = 'scheduled'", (account.id,)
        )
        self.connection.execute("DELETE FROM reply WHERE account_id = ?", (account.id,))
        self.connection.execute("DELETE FROM blacklist WHERE account_id = ?", (account.id,))
        self.connection.execute("DELETE FROM account WHERE id = ?", (account.id,))

    # Lists and contacts

    def lists(self, account_id: int) -> list[ContactList]:
        """The lists of an account in the order of their creation."""
        rows = self.connection.execute("SELECT * FROM list WHERE account_id = ? ORDER BY id", (account_id,))
        return [_list(row) for row in rows]

    def find_list(self, account_id: int, name: str) -> ContactList | None:
        """The list of an account with exactly this name."""
        query = "SELECT * FROM list WHERE account_id = ? AND name = ?"
        row = self.connection.execute(query, (account_id, name)).fetchone()
        return None if row is None else _list(row)

    def add_list(
        self, account_id: int, name: str, *, locked: bool, fields: Sequence[Mapping[str, Any]], now: str
    ) -> ContactList:
        """Add an empty list."""
        cursor = self.connection.execute(
            "INSERT INTO list (account_id, name, locked, fields, created) VALUES (?, ?, ?, ?, ?)",
            (account_id, name, locked, json.dumps([dict(field) for field in fields]), now),
        )
        row = self.connection.execute("SELECT * FROM list WHERE id = ?", (cursor.lastrowid,)).fetchone()
        return _list(row)

    def delete_list(self, list_id: int) -> None:
        """Delete a list with its contacts."""
        self._waiting.pop(list_id, None)
        self.connection.execute("DELETE FROM contact WHERE list_id = ?", (list_id,))
        self.connection.execute("DELETE FROM list WHERE id = ?", (list_id,))

    def count_contacts(self, list_id: int) -> int:
        """How many contacts a list has."""
        if list_id in self._waiting:
            return self._waiting[list_id][0]
        return int(self.connection.execute("SELECT count(*) FROM contact WHERE list_id = ?", (list_id,)).fetchone()[0])

    def contacts(self, list_id: int) -> Iterator[tuple[str, list[str]]]:
        """The contacts of a list, phone and values in the order of its fields, in the order of their insertion."""
        self._take_in(list_id)
        rows = self.connection.execute("SELECT phone, content FROM contact WHERE list_id = ? ORDER BY id", (list_id,))
        return ((phone, json.loads(content)) for phone, content in rows)

    def add_contacts(self, list_id: int, contacts: Iterable[tuple[str, list[str]]]) -> int:
        """Add contacts, leaving those whose phone is there as they are; gives how many were added."""
        self._take_in(list_id)
        before = self.connection.total_changes
        self.connection.executemany(
            "INSERT OR IGNORE INTO contact (list_id, phone, content) VALUES (?, ?, ?)",
            ((list_id, phone, json.dumps(values)) for phone, values in contacts),
        )
        return self.connection.total_changes - before

    def delete_contacts(self, list_id: int, phones: Iterable[str]) -> int:
        """Delete contacts by their phones; gives how many there were."""
        self._take_in(list_id)
        before = self.connection.total_changes
        self.connection.executemany(
            "DELETE FROM contact WHERE list_id = ? AND phone = ?", ((list_id, phone) for phone in phones)
        )
        return self.connection.total_changes - before

    # Contacts that wait elsewhere until a call needs them

    def await_contacts(self, list_id: int, count: int, contacts: Contacts | None) -> None:
        """Say how many contacts an empty list has, and who brings them; None where nobody can."""
        self._waiting[list_id] = (count, contacts)

    def untouched(self) -> set[tuple[str, str]]:
        """Login and name of the lists whose contacts no call has needed yet."""
        query = "SELECT list.id, login, name FROM list JOIN account ON account.id = account_id"
        return {(login, name) for number, login, name in self.connection.execute(query) if number in self._waiting}

    def _take_in(self, list_id: int) -> None:
        if list_id not in self._waiting:
            return
        count, contacts = self._waiting[list_id]
        if contacts is None:
            raise LookupError(f"only the number of these contacts is known ({count})")
        self.connection.executemany(
            "INSERT OR REPLACE INTO contact (list_id, phone, content) VALUES (?, ?, ?)",
            ((list_id, phone, json.dumps(values)) for phone, values in contacts()),
        )
        del self._waiting[list_id]

    # Campaigns

    def add_campaign(self, account: Account, status: str, due: float, content: Mapping[str, Any]) -> Campaign:
        """Record a campaign."""
        cursor = self.connection.execute(
            "INSERT INTO campaign (account_id, login, status, due, content) VALUES (?, ?, ?, ?, ?)",
            (account.id, account.login, status, due, json.dumps(content)),
        )
        return Campaign(cursor.lastrowid or 0, account.id, account.login, status, due, dict(content))

    def campaigns(self, login: str | None = None) -> list[Campaign]:
        """Every campaign, or those of one login, in the order of their creation."""
        query = "SELECT * FROM campaign WHERE ? IS NULL OR login = ? ORDER BY id"
        return [_campaign(row) for row in self.connection.execute(query, (login, login))]

    def name_campaign(self, campaign: Campaign, name: str) -> None:
        """Let a campaign be known by an identifier of another platform, which no later campaign gets."""
        self.connection.execute("INSERT INTO campaign_name VALUES (?, ?)", (name, campaign.id))
        number = _campaign_number(name)
        if number is not None:
            self.connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'campaign'", (number,))

    def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this identifier."""
        query = "SELECT campaign_id FROM campaign_name WHERE name = ?"
        named = self.connection.execute(query, (campaign_id,)).fetchone()
        number = named[0] if named else _campaign_number(campaign_id)
        return None if number is None else self.campaign_by_id(number)

    def campaign_by_id(self, number: int) -> Campaign | None:
        """The campaign with this row number."""
        row = self.connection.execute("SELECT * FROM campaign WHERE id = ?", (number,)).fetchone()
        return None if row is None else _campaign(row)

    def campaigns_sent_from(self, moment: float) -> Iterator[Campaign]:
        """The campaigns that left at this moment or later, in the order of their creation."""
        query = "SELECT * FROM campaign WHERE status = 'sent' AND due >= ? ORDER BY id"
        return (_campaign(row) for row in self.connection.execute(query, (moment,)))

    def set_campaign_status(self, campaign: Campaign, status: str) -> None:
        """Change the status of a campaign."""
        self.connection.execute("UPDATE campaign SET status = ? WHERE id = ?", (status, campaign.id))

    def send_due(self, moment: float) -> list[int]:
        """What was scheduled up to this moment (seconds since the epoch) has been sent; gives the row numbers."""
        rows = self.connection.execute(
            "UPDATE campaign SET status = 'sent' WHERE status = 'scheduled' AND due <= ? RETURNING id", (moment,)
        )
        return [number for (number,) in rows.fetchall()]

    # Replies; one that is received later than the moment that is asked about is not there yet

    def add_replies(self, account_id: int, replies: Iterable[Reply]) -> None:
        """Record replies, those to come included."""
        query = "INSERT INTO reply (account_id, id, campaign_id, place, phone, message, received)"
        self.connection.executemany(
            query + " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (account_id, reply.id, reply.campaign, reply.place, reply.phone, reply.message, reply.received)
                for reply in replies
            ),
        )

    def replies(self, campaign: int, moment: float) -> list[Reply]:
        """The replies to a campaign up to this moment, oldest first."""
        where = "campaign_id = ? AND received <= ? ORDER BY received, id"
        return self._replies(where, campaign, moment)

    def replies_from(self, moment: float, end: float) -> list[Reply]:
        """Everybody's replies from one moment on and before another, oldest first."""
        return self._replies("received >= ? AND received < ? ORDER BY received, id", moment, end)

    def collect_replies(self, account_id: int, moment: float, limit: int) -> list[Reply]:
        """The latest replies to an account that nobody has collected, most recent first; now they are collected."""
        where = "account_id = ? AND received <= ? AND NOT collected ORDER BY received DESC, id DESC LIMIT ?"
        found = self._replies(where, account_id, moment, limit)
        self.connection.executemany("UPDATE reply SET collected = 1 WHERE id = ?", ((reply.id,) for reply in found))
        return found

    def stopped(self, account_id: int, moment: float) -> list[tuple[str, float]]:
        """Whose last word to an account was STOP, not START, and when it came."""
        query = (
            "SELECT phone, last FROM (SELECT phone, message, max(received) AS last FROM reply WHERE account_id = ?"
            " AND received <= ? AND message IN ('STOP', 'START') GROUP BY phone) WHERE message = 'STOP'"
        )
        return list(self.connection.execute(query, (account_id, moment)))

    def _replies(self, where: str, *values: float) -> list[Reply]:
        query = f"SELECT id, campaign_id, place, phone, message, received FROM reply WHERE {where}"  # noqa: S608 - ours
        return [Reply(*row) for row in self.connection.execute(query, values)]

    # Blacklist

    def blacklist(self, account_id: int) -> list[tuple[str, str, str]]:
        """What was put on an account's blacklist: phone, comment and date; see also `stopped`."""
        query = "SELECT phone, comment, received FROM blacklist WHERE account_id = ?"
        return list(self.connection.execute(query, (account_id,)))

    def add_to_blacklist(self, account_id: int, phone: str, comment: str, now: str) -> None:
        """Put a number on the blacklist of an account."""
        query = "INSERT OR IGNORE INTO blacklist VALUES (?, ?, ?, ?)"
        self.connection.execute(query, (account_id, phone, comment, now))

    # Links

    def add_link(self, account_id: int, url: str) -> str:
        """Remember a link; gives its short address."""
        cursor = self.connection.execute("INSERT INTO link (account_id, url) VALUES (?, ?)", (account_id, url))
        return _short_url(cursor.lastrowid or 0)

    def links(self) -> dict[str, str]:
        """Where each short address leads, in the order of their creation."""
        return {
            _short_url(number): url for number, url in self.connection.execute("SELECT id, url FROM link ORDER BY id")
        }


def _campaign_number(name: str) -> int | None:
    """The row number that an identifier of ours stands for."""
    head, _, digits = name.partition("_")
    if head != "ap" or not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        return None
    return int(digits) - _FIRST_CAMPAIGN


def _short_url(number: int) -> str:
    return f"http://bs.ms/{0x1000 + number:x}"


def _create_private(path: Path) -> None:
    """Create the file for its owner alone: it may hold the phone numbers of a real account's copy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _account(row: Sequence[Any]) -> Account:
    number, login, api_key, master_id, credits_, active, postpaid, fields, created, last_activity = row
    return Account(
        number,
        login,
        api_key,
        master_id,
        credits_,
        bool(active),
        bool(postpaid),
        json.loads(fields),
        created,
        last_activity,
    )


def _list(row: Sequence[Any]) -> ContactList:
    number, _account_id, name, locked, fields, created = row
    return ContactList(number, name, bool(locked), json.loads(fields), created)


def _campaign(row: Sequence[Any]) -> Campaign:
    number, account_id, login, status, due, content = row
    return Campaign(number, account_id, login, status, due, json.loads(content))
