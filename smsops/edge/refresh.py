"""Reading the account: the reads that a comparison asks for, side by side, each once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from smsops.api.contract import Reader
from smsops.api.errors import ApiError
from smsops.kinds.view import AnyRead, SourceRead
from smsops.model.resources import Read
from smsops.model.sources import SourceUnreadable
from smsops.table.read import Source

ReadSource = Callable[[SourceRead], Source]
"""Reads a source. SourceUnreadable where it cannot be read to its end."""

More = Callable[[AnyRead], Iterable[AnyRead]]
"""What has to be read now that a read has its result."""


class Refresh:
    """Makes reads and keeps their results, or the errors they ended with. What has a result is not read again.

    As many calls as `parallelism` are under way. What is known to be needed is asked for before it is found out what
    else may be: while there is something to ask for, no call waits for a comparison.
    """

    def __init__(
        self,
        reader: Reader,
        read_source: ReadSource,
        results: dict[AnyRead, Any],
        parallelism: int,
        progress: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._reader = reader
        self._read_source = read_source
        self._results = results
        self._parallelism = parallelism
        self._progress = progress
        self._asked: set[AnyRead] = set()
        self._waiting: deque[Read] = deque()
        self._arrived: deque[AnyRead] = deque()
        self._workers = 0

    async def fetch(
        self, reads: Iterable[AnyRead], more: More = lambda read: (), besides: Iterable[AnyRead] = ()
    ) -> None:
        """Make some reads, then others that are needed `besides`, and those that `more` names behind each of them."""
        self._more = more
        self._found = iter(besides)
        self._asked = set(self._results)
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for read in reads:
                    self._ask_for(read)
                self._employ()
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def _ask_for(self, read: AnyRead) -> None:
        if read in self._asked:
            return
        self._asked.add(read)
        if isinstance(read, SourceRead):  # no call of the API
            self._tasks.create_task(self._read(read))
            return
        self._waiting.append(read)
        self._employ()

    def _employ(self) -> None:
        if self._workers < self._parallelism:
            self._workers += 1
            self._tasks.create_task(self._work())

    async def _work(self) -> None:
        while self._finds_one():
            await self._call(self._waiting.popleft())
        self._workers -= 1

    def _finds_one(self) -> bool:
        """Whether there is a read to make; looks no further than to the next one."""
        while not self._waiting:
            read = next(self._found, None)
            if read is not None:
                self._ask_for(read)
            elif self._arrived:
                self._found = iter(self._more(self._arrived.popleft()))
            else:
                return False
        return True

    async def _call(self, read: Read) -> None:
        method = getattr(self._reader, read.method)
        try:
            answer = await (method(*read.args, sub_account=read.login) if read.login else method(*read.args))
        except ApiError as error:
            answer = error
        self._has(read, answer)

    async def _read(self, read: SourceRead) -> None:
        try:
            source: object = await asyncio.to_thread(self._read_source, read)
        except SourceUnreadable as error:
            source = error
        self._has(read, source)
        self._finds_one()

    def _has(self, read: AnyRead, result: object) -> None:
        self._results[read] = result
        self._arrived.append(read)
        self._progress(1)
