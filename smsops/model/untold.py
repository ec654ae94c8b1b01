"""What an account has and no call of its API tells; the state knows it, or the configuration says what it must be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple


class Structure(NamedTuple):
    """The fields of a list, each with its `filter` and `mailing`."""

    list_name: str
    fields: Mapping[str, Mapping[str, bool]]


class Scheduled(NamedTuple):
    """What was taken and has not left yet."""

    campaign_id: str
    date: datetime
    recipients: int
    credits: float


class Standing(NamedTuple):
    """How a sub-account stands: whether it may log in, and whether it pays later."""

    login: str
    active: bool
    postpaid: bool


Untold = Structure | Scheduled | Standing
