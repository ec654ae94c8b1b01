"""Reading the account: the reads that a comparison asks for, side by side, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from smsops.api.contract import ApiError, Reader
from smsops.model.resources import Read


async def fetch(
    reader: Reader,
    reads: Iterable[Read],
    results: dict[Read, Any],
    progress: Callable[[int], None] = lambda count: None,
) -> None:
    """Make some reads and keep their results, or the errors they ended with."""

    async def one(read: Read) -> None:
        method = getattr(reader, read.method)
        try:
            results[read] = await (method(*read.args, sub_account=read.login) if read.login else method(*read.args))
        except ApiError as error:
            results[read] = error
        progress(1)

    await asyncio.gather(*(one(read) for read in reads))
