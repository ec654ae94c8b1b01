"""A MySQL server: MariaDB's, as Debian and others package it. `make test` says, or installs, what is missing."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from tests.servers.certificate import Certificate, make_certificate
from tests.servers.process import ServerError, free_ports, started

DATABASE, USER, PASSWORD = "crm", "crm-reader", "correct/horse@battery:staple"
_SETTINGS = (
    "--no-defaults",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-log-file-size=4M",
    "--innodb-buffer-pool-size=8M",
    "--innodb-flush-method=nosync",
    "--aria-log-file-size=8M",
)
_USERS = f"""
create database {DATABASE} character set utf8mb4;
flush privileges;
create user '{USER}'@'%' identified by '{PASSWORD}';
grant all on *.* to '{USER}'@'%';
"""


@dataclass(frozen=True)
class MySQLServer:
    """A running server with one user, who may do everything, and one empty database."""

    port: int
    certificate: Certificate


@contextmanager
def running() -> Iterator[MySQLServer]:
    """A new server that offers TLS, gone with its data at the end."""
    program = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise ServerError("There is no mariadbd: tests of queries need MariaDB. apt-get install mariadb-server-core")
    directory = Path(tempfile.mkdtemp(prefix="smsops-mysql-"))
    try:
        data, (port,) = directory / "data", free_ports(1)
        data.mkdir()
        certificate = make_certificate(directory)
        as_owner = _as_owner(directory, data, certificate.key)
        command = [*as_owner, program, *_SETTINGS, f"--datadir={data}"]
        _bootstrap([*command, "--bootstrap"])
        command += [f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve"]
        command += [f"--socket={directory / 'socket'}", f"--pid-file={directory / 'pid'}"]
        command += [f"--ssl-cert={certificate.chain}", f"--ssl-key={certificate.key}"]
        with started(command, lambda: _answers(port)):
            yield MySQLServer(port, certificate)
    finally:
        shutil.rmtree(directory)


def connect(port: int) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """A connection that may do everything, in the database."""
    return pymysql.connect(
        host="127.0.0.1", port=port, user=USER, password=PASSWORD, database=DATABASE, autocommit=True, ssl_disabled=True
    )


def _as_owner(*paths: Path) -> Sequence[str]:
    """What goes before a command: root, whom MariaDB refuses, runs it as nobody."""
    if os.geteuid() != 0:
        return ()
    nobody = pwd.getpwnam("nobody")
    for path in paths:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")


def _bootstrap(command: Sequence[str | Path]) -> None:
    """Make the server's own tables, and the users. The script that comes with the server needs its client too."""
    tables = next(
        (
            path
            for path in Path("/usr/share").glob("m*/mysql_system_tables.sql")
            if path.parent.name in ("mysql", "mariadb")
        ),
        None,
    )
    if tables is None:
        raise ServerError("mysql_system_tables.sql, which belongs to mariadbd, is not where Debian has it")
    statements = f"create database mysql;\nuse mysql;\n{tables.read_text('utf-8')}\n{_USERS}"
    done = subprocess.run(command, input=statements.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise ServerError(f"mariadbd did not make its tables: {done.stdout.decode(errors='replace')[-2000:]}")


def _answers(port: int) -> bool:
    try:
        connect(port).close()
    except pymysql.err.OperationalError:
        return False
    return True
