"""A hook of pyperf that adds the CPU time of the measured command to what pyperf notes itself (time and peak memory).

pyperf finds hooks by the entry points of installed distributions. This directory is one that needs no
installing: it has only to be on PYTHONPATH.
"""

from __future__ import annotations

import resource
from types import TracebackType
from typing import Self


def _seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Usage:
    """Enters and leaves around the command, in the small process that starts it."""

    def __init__(self) -> None:
        self.used = 0.0

    def __enter__(self) -> Self:
        self._before = _seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.used += _seconds() - self._before

    def teardown(self, metadata: dict[str, object]) -> None:
        """Note the CPU time. The process around the one that measures has a hook too; what it saw does not count."""
        metadata.setdefault("command_cpu", self.used)
