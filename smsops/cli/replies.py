"""`replies`: what recipients wrote back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from smsops.cli.options import Command, current, format_option
from smsops.cli.status import campaigns_known
from smsops.model.address import matches
from smsops.model.shown import one_line, shown_phone, shown_text, visible_json

if TYPE_CHECKING:
    from smsops.model.standing import Received

_EVERY = 30.0
"""Seconds between two looks."""


@click.command(cls=Command)
@click.argument("addresses", metavar="[CAMPAIGN]...", nargs=-1)
@click.option("--follow", is_flag=True, help="Go on looking every half a minute, and show what is new.")
@format_option("text", "json")
def replies(addresses: tuple[str, ...], follow: bool, output: str) -> None:
    """Show the replies to campaigns that were sent, the earliest first; numbers are masked without --show-contacts.

    It takes no reply away from whoever else reads them. CAMPAIGN may be a glob. JSON has one reply a line.
    """
    from smsops.edge.delivery import received
    from smsops.surroundings import Connection, ask

    configuration = current().load()
    known = campaigns_known(configuration)
    reported = ((one, login) for one, login in known if one.is_reported)
    wanted = [(one, login) for one, login in reported if not addresses or matches(one.address, addresses)]
    zone = configuration.settings.account_timezone

    async def look(api: Connection) -> None:
        seen: set[Received] = set()
        while True:
            for reply in await received(wanted, api.reader, zone):
                if reply not in seen:
                    seen.add(reply)
                    click.echo(_line(reply, output))
            if not follow:
                return
            await asyncio.sleep(_EVERY)

    ask(configuration, current().around(), look)


def _line(reply: Received, output: str) -> str:
    when, phone, text = reply.when, shown_phone(reply.phone), shown_text(reply.text)
    if output == "json":
        document = {
            "format_version": "1.0",
            "address": str(reply.address),
            "date": when.isoformat(timespec="seconds") if when else None,
            "phone": phone,
            "text": text,
        }
        return visible_json(json.dumps(document, ensure_ascii=False))
    shown = f"{when:%Y-%m-%d %H:%M}" if when else "?".ljust(16)
    return f"{shown}  {reply.address}  {phone}  {one_line(text)}"
