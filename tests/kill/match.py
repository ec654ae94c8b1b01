"""A match: worlds one after another, and side by side, until enough processes were killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from tests.kill.account import Account
from tests.kill.checks import Violation
from tests.kill.killing import Statistics, play
from tests.kill.wire import Wire


class Lost(Exception):
    """A world in which something happened that must not; the message says how to see it again."""


async def match(
    seed: int,
    directory: Path,
    *,
    kills: int,
    jobs: int,
    worlds: int | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Statistics:
    """Worlds with the seeds from `seed` on, until that many kills are counted or so many `worlds` were played."""
    statistics = Statistics()
    seeds = count(seed) if worlds is None else iter(range(seed, seed + worlds))
    async with asyncio.TaskGroup() as group:
        for job in range(jobs):
            group.create_task(_job(seeds, directory / f"job-{job}", kills, statistics, tell))
    return statistics


async def _job(
    seeds: Iterator[int], directory: Path, kills: int, statistics: Statistics, tell: Callable[[str], None]
) -> None:
    account = Account(directory / "account")
    await account.open()
    wire = Wire(account.port)
    try:
        url = await wire.open()
        while statistics.kills < kills and (seed := next(seeds, None)) is not None:
            before = statistics.kills
            try:
                game = await play(seed, directory, account, wire, url, statistics)
            except Violation as error:
                notes = "\n".join(error.__notes__)
                again = f"python -m tests.kill --seed {seed} --worlds 1"
                raise Lost(f"{error}\n{notes}\nReplay (moments differ a little): {again}") from None
            large = " with a large list" if game.world.large else ""
            tell(f"world {seed}{large}: {statistics.kills - before} kills, well")
    finally:
        await wire.close()
        await account.close()
