"""Sources of contacts outside the stack directory: files at addresses and queries, each read in a stream."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from smsops.model.sources import RemoteSource, Stream


def open_source(source: RemoteSource, root: Path, environment: Mapping[str, str]) -> AbstractContextManager[Stream]:
    """The bytes of a source. SourceUnreadable where it cannot be read, now or later."""
    raise NotImplementedError
