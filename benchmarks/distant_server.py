"""A server with the latency of a network, for benchmarks: an account with sub-accounts, lists and contacts, made from a seed.

It does no more than a benchmark of reads needs, and that at once: the sandbox would be what is measured.
Run in a process of its own: python -m benchmarks.distant_server. It prints its URL and serves until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
from random import Random
from urllib.parse import parse_qsl

FIRST_NAMES = ("Marie", "Luc", "Zoé", "Thomas", "Inès", "Hugo")


class Account:
    """The answers of an account; what a stack must say to describe it is `sections`."""

    def __init__(self, sub_accounts: int, lists: int, contacts: int, seed: int) -> None:
        random = Random(seed)
        logins = [f"shop-{number:04}" for number in range(sub_accounts)]
        names = [f"list-{number}" for number in range(lists)]
        people = {
            (login, name): [(f"3361{random.randrange(10**7):07}", random.choice(FIRST_NAMES)) for _ in range(contacts)]
            for login in logins
            for name in names
        }
        self.sections = {"sub_accounts": {login: self._declared(login, names, people) for login in logins}}
        known = [{"Login": login, "Credits": "100", **_DETAILS} for login in logins]
        shown = [{"ListName": name, "Contacts": contacts, "Locked": 0, "Created": "2026-01-01"} for name in names]
        self._fixed = {
            "getInfo": _json({"status": "Active Account", "credits": "100000", "login": "bench"}),
            "getSubAccounts": _json({"Total": len(known), "Subaccounts": known}),
        }
        self._of_master = _json({"Lists": []})
        self._lists = _json({"Lists": shown})
        self._contacts = {
            key: _json({"Contacts": [{"MobilePhone": phone, "Firstname": name} for phone, name in rows]})
            for key, rows in people.items()
        }

    def _declared(
        self, login: str, names: list[str], people: dict[tuple[str, str], list[tuple[str, str]]]
    ) -> dict[str, object]:
        lists = {
            name: {
                "fields": {"FIRSTNAME": {"mailing": True}},
                "contacts": [
                    {"inline": [{"phone": phone, "FIRSTNAME": first} for phone, first in people[login, name]]}
                ],
                "lifecycle": {"adopt": "if_identical"},
            }
            for name in names
        }
        details = {"first_name": "Camille", "last_name": "Martin", "email": "camille@shop.example"}
        return {**details, "lists": lists, "lifecycle": {"adopt": "if_identical"}}

    def answer(self, method: str, form: dict[str, str]) -> bytes:
        """What a call is told."""
        if method == "getLists":
            return self._lists if "subAccount" in form else self._of_master
        if method == "getContacts":
            return self._contacts[form["subAccount"], form["listName"]]
        return self._fixed[method]


_DETAILS = {"FirstName": "Camille", "LastName": "Martin", "Email": "camille@shop.example"}


def _json(content: object) -> bytes:
    body = json.dumps(content).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Line(asyncio.Protocol):
    """One connection: each request is answered when the latency is over."""

    def __init__(self, account: Account, latency: float) -> None:
        self._account = account
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        arrived = asyncio.get_running_loop().time()
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if not end or len(body) < length:
            return
        self._received = body[length:]
        method = head.partition(b" HTTP")[0].rstrip(b"/").rpartition(b"/")[2].decode()
        answer = self._account.answer(method, dict(parse_qsl(body[:length].decode())))
        asyncio.get_running_loop().call_at(arrived + self._latency, self._transport.write, answer)


async def serve(account: Account, latency: float) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Line(account, latency), "127.0.0.1", 0, backlog=1024
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/http/9.0", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description="A server with the latency of a network.")
    parser.add_argument("--sub-accounts", type=int, default=300)
    parser.add_argument("--lists", type=int, default=2, help="For each sub-account.")
    parser.add_argument("--contacts", type=int, default=2, help="In each list.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.02, help="Seconds.")
    given = parser.parse_args()
    account = Account(given.sub_accounts, given.lists, given.contacts, given.seed)
    # The usual selector wakes up to a millisecond late, which would be a twentieth of the latency.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve(account, given.latency))


if __name__ == "__main__":
    main()
