"""The least of a server that smsops can plan and apply against: no checks, no delay, as little CPU as can be.

It knows one account without sub-accounts. It has at most one list, whose contacts come from a file; other lists are only
names and counts. With --kong it is a Kong without anything in it, for decK. It prints its address when it listens.

Run: python -m benchmarks.server [--list NAME CONTACTS COUNT | --kong]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote_to_bytes

Parameters = dict[str, list[str]]

_LONGEST_REQUEST = 64 << 20
_MEMBER = b"%22MOBILEPHONE%22"


class Application:
    """What a method answers; None where there is no such method."""

    def answer(self, method: str, body: bytes) -> object:
        """The document to answer with, or a file that is sent as it is."""
        raise NotImplementedError


class Kong(Application):
    """The admin API of a Kong that has nothing."""

    def answer(self, method: str, body: bytes) -> object:
        """The root says what it is; every collection is empty."""
        if not method:
            return {"version": "2.3.3", "configuration": {"database": "postgres"}}
        return {"data": [], "next": None}


class Account(Application):
    """What the account holds: the names of its lists, and how many contacts are in each."""

    def __init__(self, name: str | None, contacts: Path | None, count: int) -> None:
        self.lists: dict[str, int] = {} if name is None else {name: count}
        self.contacts = contacts
        self.methods: dict[str, Callable[[bytes], object]] = {
            "getInfo": lambda body: {"status": "Active Account", "credits": "1000000", "email": "master@bench.example"},
            "getSubAccounts": lambda body: {"status": 0, "statusText": "No subaccount found"},
            "getLists": self.get_lists,
            "getContacts": lambda body: self.contacts,
            "getBlacklist": lambda body: {"Blacklist": []},
            "getCreditsByCountryIsoCode": lambda body: {"nbCredits": 15},
            "reset": self.reset,
            "createList": self.create_list,
            "populateList": self.populate_list,
            "deleteContacts": self.delete_contacts,
        }

    def answer(self, method: str, body: bytes) -> object:
        """What the method of that name answers."""
        known = self.methods.get(method)
        return known(body) if known else None

    def get_lists(self, body: bytes) -> object:
        return {
            "Lists": [
                {"ListName": name, "Contacts": str(count), "Locked": "0", "CreationDate": "2026-01-01"}
                for name, count in self.lists.items()
            ]
        }

    def reset(self, body: bytes) -> object:
        """No method of the API: forget every list."""
        self.lists.clear()
        return {}

    def create_list(self, body: bytes) -> object:
        data = json.loads(_parameters(body)["listData"][0])["DATA"]
        self.lists[data["LISTNAME"]] = 0
        return {"status": "1"}

    def populate_list(self, body: bytes) -> object:
        return self._changed(body, 1)

    def delete_contacts(self, body: bytes) -> object:
        return self._changed(body, -1)

    def _changed(self, body: bytes, sign: int) -> object:
        # Not decoded: what the server does takes time from the client, on the same machine.
        count = body.count(_MEMBER) or unquote_to_bytes(body).count(b'"MOBILEPHONE"')
        for name in self.lists:
            self.lists[name] += sign * count
        return {"status": "1", "Success": count, "Ignored": 0, "Duplicated": 0}


def _parameters(body: bytes) -> Parameters:
    return parse_qs(body.decode("ascii"), max_num_fields=100)


async def _answer(application: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests of one connection, until the client closes it."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            request, *headers = head.decode("latin-1").split("\r\n")
            method = request.split(" ")[1].partition("?")[0].rstrip("/").rpartition("/")[2]
            lengths = [line.partition(":")[2] for line in headers if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0]) if lengths else 0)
            answer = application.answer(method, body)
            if isinstance(answer, Path):
                await _send_file(writer, answer)
            else:
                await _send(writer, 404 if answer is None else 200, json.dumps(answer).encode())
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _head(status: int, length: int) -> bytes:
    return f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    writer.write(_head(status, len(body)) + body)
    await writer.drain()


async def _send_file(writer: asyncio.StreamWriter, file: Path) -> None:
    with file.open("rb") as content:
        writer.write(_head(200, os.fstat(content.fileno()).st_size))
        await writer.drain()
        await asyncio.get_running_loop().sendfile(writer.transport, content)


async def serve(application: Application, port: int) -> None:
    """Listen on this machine, on any port when it is 0, and say where."""
    server = await asyncio.start_server(
        lambda reader, writer: _answer(application, reader, writer), "127.0.0.1", port, limit=_LONGEST_REQUEST
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="The least of a server for measuring smsops.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--list", nargs=3, metavar=("NAME", "CONTACTS", "COUNT"))
    parser.add_argument("--kong", action="store_true")
    options = parser.parse_args()
    name, contacts, count = options.list or (None, None, 0)
    account = Account(name, Path(contacts) if contacts else None, int(count))
    asyncio.run(serve(Kong() if options.kong else account, options.port))


if __name__ == "__main__":
    main()
