"""Server processes that end with the tests, however these end.

Run as a script, this module is the guard between the tests and a server: it starts the command that it is given in a
session of its own, and kills all of it as soon as its standard input is closed. The system does that for a test
process that is killed, which no `finally` and no fixture would see.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

STARTS_WITHIN = 60.0
"""Seconds within which a server must answer, on a machine that is busy with other tests."""


class ServerError(Exception):
    """A server that tests need did not start; the message says why and what to do."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on; all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def started(
    command: Sequence[str | Path], answers: Callable[[], bool], *, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server until the block ends; the block begins when `answers` says so.

    `answers` may raise OSError where nobody listens yet. ServerError, with the end of what the server
    printed, where it ends by itself or never answers.
    """
    with tempfile.TemporaryFile() as output:
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # Ctrl-C ends the tests, and these end the server
        )
        assert guard.stdin is not None
        try:
            _wait(guard, answers, Path(command[0]).name, output.fileno())
            yield
        finally:
            guard.stdin.close()
            guard.wait()


def _wait(guard: subprocess.Popen[bytes], answers: Callable[[], bool], name: str, output: int) -> None:
    """Return when the server answers."""
    limit = time.monotonic() + STARTS_WITHIN
    while True:
        with contextlib.suppress(OSError):
            if answers():
                return
        ended = guard.poll()
        if ended is not None or time.monotonic() > limit:
            printed = os.pread(output, 1_000_000, 0).decode(errors="replace")[-2000:]
            what = f"did not answer within {STARTS_WITHIN:.0f} s" if ended is None else f"ended with {ended}"
            raise ServerError(f"{name} {what}. It printed:\n{printed}")
        time.sleep(0.02)


def _guard(command: Sequence[str]) -> int:
    """Run the command until it ends or standard input is closed; how it ended."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def kill_at_the_end_of_input() -> None:
        while os.read(0, 1024):
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)

    threading.Thread(target=kill_at_the_end_of_input, daemon=True).start()
    return server.wait()


if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1:]))
