"""The blocking client: the same methods, the same errors, one loop of its own."""

import asyncio
import inspect

import pytest

from smsops.api.client import Transport, WriterClient
from smsops.api.contract import Writer
from smsops.api.errors import Refused
from smsops.api.records import Credentials
from smsops.api.sync import Client
from tests.api.scripted_server import CALLS, KEY, LOGIN, REPLY, Server, Step, VirtualClock, ask


def client(*steps: Step) -> tuple[Server, Client]:
    server = Server(*steps)
    transport = Transport("https://api.example/http/9.0", wire=server, clock=VirtualClock())
    return server, Client(transport, Credentials(LOGIN, KEY))


def test_it_has_every_method_of_the_writer() -> None:
    """No method is missing, none has other parameters, and each says what the port says of it."""
    names = {name for name in dir(Writer) if not name.startswith("_")}

    assert {name for name in dir(Client) if not name.startswith("_")} == names
    for name in names - {"account"}:
        port, blocking = getattr(Writer, name), getattr(Client, name)
        assert inspect.signature(blocking) == inspect.signature(getattr(WriterClient, name))
        assert blocking.__doc__ == inspect.getdoc(port)


def test_calls_return_values() -> None:
    """One call after the other over one connection, retries included, gives what the async client gives."""
    server, api = client(503, CALLS["getPull"][1], {"Lists": []})
    with api:
        assert api.get_pull("ap_1") == ask(Server(CALLS["getPull"][1]), CALLS["getPull"][0])
        assert api.get_lists(sub_account="paris") == ()
    assert [request.method for request in server.requests] == ["getPull", "getPull", "getLists"]


def test_errors_are_the_same() -> None:
    """A refusal is raised where the call stands, and the client goes on."""
    _, api = client({"status": 0, "statusText": "no"}, {"mos": [REPLY]})
    with api:
        with pytest.raises(Refused, match="no"):
            api.delete_list("vip")
        assert len(api.get_pulls()) == 1


def test_another_account() -> None:
    """The calls of another account go through the same transport, with its own login."""
    server, api = client({"Lists": []})
    with api:
        assert api.account(Credentials("paris", "k")).get_lists() == ()
        assert api.get_lists() == ()
    assert [request.parameters["login"] for request in server.requests] == ["paris", LOGIN]


def test_inside_a_running_loop() -> None:
    """Blocking a running loop is refused before anything leaves, without a warning of something left behind."""
    server, api = client({"Lists": []})

    async def misuse() -> None:
        with pytest.raises(RuntimeError, match="running event loop"):
            api.get_lists()

    with api:
        asyncio.run(misuse())
    assert not server.requests
