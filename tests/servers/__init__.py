"""Servers that tests of state backends talk to, each started on a free port of the loopback interface, without root.

Each module has a context manager `running()` that yields a Server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Server:
    """A running server: state URLs begin with `prefix` (no slash at its end), and need these environment variables.

    `f"{prefix}/{anything}/state.json"` is the URL of a state that is nobody else's.
    """

    prefix: str
    environment: Mapping[str, str] = field(default_factory=dict)
