"""There is one engine in a process: tables of two could not be compared."""

import subprocess
import sys

ASKED_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from smsops.table.engine import engine

ready = Barrier(4)

def ask(_):
    ready.wait()
    return engine()

with ThreadPoolExecutor(4) as threads:
    print(len(set(threads.map(ask, range(4)))))
"""


def test_sources_that_are_read_at_once_have_one_engine() -> None:
    """Whoever asks first while it still starts gets the one that all get."""
    found = subprocess.run([sys.executable, "-c", ASKED_AT_ONCE], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "1"
