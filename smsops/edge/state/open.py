"""From the address under `state:` to its backend. Only the one that is asked for is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from smsops.edge.state.backend import Backend


def open_backend(url: str, root: Path, environment: Mapping[str, str]) -> Backend:
    """The backend of an address that the configuration has taken as valid; a path is below `root`."""
    scheme, _, path = url.partition(":")
    if scheme == "file":
        from smsops.edge.state.file import FileBackend

        return FileBackend(root / path)
    if scheme == "postgresql":
        from smsops.edge.state.postgres import PostgresBackend

        return PostgresBackend(url, environment)
    from smsops.edge.state.objects import ObjectBackend

    return ObjectBackend(url, environment)
