"""Run as a script: reads the source that a test gives in the environment, and prints how much of it came and what it took.

A process of its own, since the memory of a library that is not Python shows only there.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from smsops.edge.sources import open_source
from smsops.model.resources import SecretReference
from smsops.model.sources import RemoteSource


def taken() -> int:
    """The most memory that this process ever had, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Read the source; a reader that falls behind at first finds no more waiting than one that does not."""
    source = RemoteSource(SecretReference("env", "SOURCE_URL"), sql=os.environ.get("SOURCE_SQL"))
    with open_source(source, Path(os.environ["SOURCE_ROOT"]), os.environ) as stream:
        size = longest = len(next(stream.chunks))
        before = taken()
        time.sleep(0.2)
        for chunk in stream.chunks:
            size += len(chunk)
            longest = max(longest, len(chunk))
    sys.stdout.write(json.dumps({"size": size, "longest": longest, "grown": taken() - before}))


if __name__ == "__main__":
    main()
