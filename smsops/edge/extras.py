"""Which extra of smsops an address needs, and whether it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

_EXTRAS: Mapping[str, tuple[str, str]] = {
    "s3": ("s3", "obstore"),
    "gs": ("gcs", "obstore"),
    "az": ("azure", "obstore"),
    "postgresql": ("postgres", "psycopg"),
    "postgres": ("postgres", "psycopg"),
    "mysql": ("mysql", "pymysql"),
    "mariadb": ("mysql", "pymysql"),
}


def extra(scheme: str) -> str | None:
    """The extra that addresses of a scheme need, or None."""
    found = _EXTRAS.get(scheme)
    return found[0] if found else None


def installed(scheme: str) -> bool:
    """Whether the library that addresses of a scheme need is there; it is not imported."""
    found = _EXTRAS.get(scheme)
    return found is None or find_spec(found[1]) is not None
