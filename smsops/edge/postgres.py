"""PostgreSQL as smsops reaches it: what an address and the environment come to. State and sources share it."""

from __future__ import annotations

import os
from collections.abc import Mapping

_CONNECTION = {
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "fallback_application_name": "smsops",
}
"""What a connection has where nobody says something else: it ends half a minute after the other side is gone."""


def connection_info(address: str, environment: Mapping[str, str]) -> str:
    """What psycopg connects with. ValueError, which quotes nothing, where the address is none that libpq understands.

    ImportError where psycopg is not installed.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        given = conninfo_to_dict(address)
    except psycopg.Error:
        raise ValueError("not an address of PostgreSQL") from None  # what libpq says quotes the whole of it
    chosen = {**_CONNECTION, **_from_environment(environment), **given, "client_encoding": "utf8"}
    return make_conninfo("", **chosen)


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The parameters that the environment sets. What libpq finds by itself, with its own precedence, is left to it."""
    from psycopg.pq import Conninfo

    found = {}
    for option in Conninfo.parse(b""):
        name, keyword = (option.envvar or b"").decode(), option.keyword.decode()
        value = environment.get(name)
        if value is not None and (keyword in _CONNECTION or value != os.environ.get(name)):
            found[keyword] = value
    return found
