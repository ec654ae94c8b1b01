"""Keeping the garbage collector out of where there is no garbage.

A stack of 10,000 resources is a million values that stay until the process ends. Python would look through all of
them for unused cycles again and again while they are made, and once more at the end: that takes as long as making them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MOST_UNSEARCHED = 50_000


def little_expected() -> None:
    """Search when there is much that is new, not after every 700 values as Python does: to import alone makes 100,000."""
    gc.set_threshold(_MOST_UNSEARCHED, 20, 20)


@contextmanager
def none_expected() -> Iterator[None]:
    """Make values that stay. They are not searched meanwhile, nor afterwards, until `search_everything`."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searched:
            gc.enable()


def search_everything() -> None:
    """Search again what `none_expected` has left out: for a process in which more than one run takes place."""
    gc.unfreeze()
