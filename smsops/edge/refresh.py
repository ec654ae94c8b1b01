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
    more: Callable[[Read], Iterable[Read]] = lambda read: (),
) -> None:
    """Make some reads, and those that `more` names behind each; keep their results, or the errors they ended with.

    What is named again, or has a result, is not read again.
    """
    asked = set(results)

    async def all_of(reads: Iterable[Read]) -> None:
        new = [read for read in dict.fromkeys(reads) if read not in asked]
        asked.update(new)
        await asyncio.gather(*map(one, new))

    async def one(read: Read) -> None:
        method = getattr(reader, read.method)
        try:
            results[read] = await (method(*read.args, sub_account=read.login) if read.login else method(*read.args))
        except ApiError as error:
            results[read] = error
        progress(1)
        await all_of(more(read))

    await all_of(reads)
