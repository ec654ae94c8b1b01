"""Reading the account: the reads that a comparison asks for, side by side, each once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from smsops.api.contract import ApiError, Reader
from smsops.kinds.base import AnyRead, SourceRead
from smsops.model.resources import Read
from smsops.model.sources import SourceUnreadable
from smsops.table.read import Source

ReadSource = Callable[[SourceRead], Source]
"""Reads a source. SourceUnreadable where it cannot be read to its end."""


async def fetch(
    reader: Reader,
    read_source: ReadSource,
    reads: Iterable[AnyRead],
    results: dict[AnyRead, Any],
    progress: Callable[[int], None] = lambda count: None,
    more: Callable[[AnyRead], Iterable[AnyRead]] = lambda read: (),
) -> None:
    """Make some reads, and those that `more` names behind each; keep their results, or the errors they ended with.

    What is named again, or has a result, is not read again.
    """
    asked = set(results)

    async def all_of(reads: Iterable[AnyRead]) -> None:
        new = [read for read in dict.fromkeys(reads) if read not in asked]
        asked.update(new)
        await asyncio.gather(*map(one, new))

    async def one(read: AnyRead) -> None:
        try:
            results[read] = (
                await asyncio.to_thread(read_source, read) if isinstance(read, SourceRead) else await ask(read)
            )
        except (ApiError, SourceUnreadable) as error:
            results[read] = error
        progress(1)
        await all_of(more(read))

    async def ask(read: Read) -> Any:
        method = getattr(reader, read.method)
        return await (method(*read.args, sub_account=read.login) if read.login else method(*read.args))

    await all_of(reads)
