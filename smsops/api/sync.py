"""The client without async: every method of `WriterClient`, from the same code, for programs without an event loop.

with Client(Transport("https://api.allmysms.com/http/9.0"), Credentials(login, api_key)) as api:
    api.get_info()
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from smsops.api.client import Transport, WriterClient
from smsops.api.records import Credentials

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    method: Callable[Concatenate[WriterClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Client, P], T]:
    @wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(method(self._api, *args, **kwargs))

    call.__doc__ = inspect.getdoc(method)  # the port has it
    return call


class Client:
    """An account whose methods return when the answer is there, and raise the same errors (`with` opens and closes it).

    One call at a time, from one thread, and not inside a running event loop. `runner` is the loop to run in, one of its
    own unless given.
    """

    def __init__(self, transport: Transport, credentials: Credentials, runner: asyncio.Runner | None = None) -> None:
        self._transport = transport
        self._runner = runner or asyncio.Runner()
        self._api = WriterClient(transport, credentials)

    def __enter__(self) -> Self:
        self._run(self._transport.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._runner:
            self._run(self._transport.__aexit__(kind, error, trace))

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return self._runner.run(call)
        finally:
            call.close()  # it has ended, unless it could not even begin

    def account(self, credentials: Credentials) -> Client:
        """The same server as another account. It is open as long as this one is, and needs no `with`."""
        return Client(self._transport, credentials, self._runner)

    get_info = _blocking(WriterClient.get_info)
    get_sub_accounts = _blocking(WriterClient.get_sub_accounts)
    get_lists = _blocking(WriterClient.get_lists)
    get_contacts = _blocking(WriterClient.get_contacts)
    get_blacklist = _blocking(WriterClient.get_blacklist)
    get_blacklist_entries = _blocking(WriterClient.get_blacklist_entries)
    get_credits_by_country = _blocking(WriterClient.get_credits_by_country)
    simulate_campaign = _blocking(WriterClient.simulate_campaign)
    get_acks = _blocking(WriterClient.get_acks)
    get_ack_by_sms_id = _blocking(WriterClient.get_ack_by_sms_id)
    get_pull = _blocking(WriterClient.get_pull)
    get_pull_by_sms_id = _blocking(WriterClient.get_pull_by_sms_id)

    create_sub_account = _blocking(WriterClient.create_sub_account)
    update_sub_account = _blocking(WriterClient.update_sub_account)
    delete_sub_account = _blocking(WriterClient.delete_sub_account)
    manage_sub_account_credits = _blocking(WriterClient.manage_sub_account_credits)
    create_list = _blocking(WriterClient.create_list)
    delete_list = _blocking(WriterClient.delete_list)
    populate_list = _blocking(WriterClient.populate_list)
    delete_contacts = _blocking(WriterClient.delete_contacts)
    send_sms = _blocking(WriterClient.send_sms)
    send_simplified = _blocking(WriterClient.send_simplified)
    send_email = _blocking(WriterClient.send_email)
    get_pulls = _blocking(WriterClient.get_pulls)
    delete_campaign = _blocking(WriterClient.delete_campaign)
    shorten_url = _blocking(WriterClient.shorten_url)
    raw = _blocking(WriterClient.raw)
