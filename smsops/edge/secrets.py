"""Secrets by reference: read from the environment, a file or a command's output, when a run needs them.

In CI (where `CI` is set) a command runs only where SMSOPS_ALLOW_COMMANDS allows it, so that no proposed YAML runs code.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from smsops.errors import SmsopsError
from smsops.model.resources import SecretReference
from smsops.model.values import Secret

ALLOWED_COMMANDS = "SMSOPS_ALLOW_COMMANDS"
"""JSON: a list of commands, each a list of globs, one for each argument."""

_TIMEOUT = 60


class SecretUnavailable(SmsopsError):
    """A reference leads to nothing."""

    def __init__(self, summary: str, detail: str = "") -> None:
        super().__init__(summary, code="SMS141", detail=detail)


class CommandRefused(SecretUnavailable):
    """A command that nobody allowed in CI."""

    def __init__(self, program: str) -> None:
        detail = (
            "Name the command under settings.ci_commands of smsops.yaml, on the branch that changes are merged into; "
            "SMSOPS_BASE has to be a commit of it that is there (fetch-depth: 2)."
        )
        super().__init__(f"The command {program} is not allowed in CI", detail)
        self.code = "SMS142"


def in_ci(environment: Mapping[str, str]) -> bool:
    """Whether this is a run of CI; every usual one sets CI."""
    return environment.get("CI", "").lower() not in ("", "0", "false")


def resolve(reference: SecretReference, root: Path, environment: Mapping[str, str]) -> Secret:
    """The secret behind a reference; SecretUnavailable, which never tells what was found, where there is none."""
    match reference.source:
        case "env":
            value = environment.get(str(reference.value), "")
            if not value:
                raise SecretUnavailable(
                    f"The environment variable {reference.value} is not set", "Set it and run again."
                )
            return Secret(value)
        case "file":
            return Secret(_from_file(root / Path(str(reference.value)).expanduser()))
        case _:
            argv = [str(part) for part in reference.value]
            if in_ci(environment) and not _allowed(argv, environment):
                raise CommandRefused(argv[0])
            return Secret(_from_command(argv, root))


def _allowed(argv: Sequence[str], environment: Mapping[str, str]) -> bool:
    try:
        commands = json.loads(environment.get(ALLOWED_COMMANDS) or "[]")
        return any(
            len(globs) == len(argv) and all(map(fnmatchcase, argv, globs))
            for globs in commands
            if isinstance(globs, list)
        )
    except (ValueError, TypeError):
        return False


def _from_file(path: Path) -> str:
    try:
        value = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SecretUnavailable(f"The secret file {path} cannot be read: {reason}") from None
    if not value:
        raise SecretUnavailable(f"The secret file {path} is empty")
    return value


def _from_command(argv: list[str], root: Path) -> str:
    try:
        done = subprocess.run(argv, cwd=root, env=os.environ, capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise SecretUnavailable(f"The command {argv[0]} could not be run: {type(error).__name__}") from None
    if done.returncode != 0:
        raise SecretUnavailable(f"The command {argv[0]} ended with {done.returncode}", "It should print the secret.")
    value = done.stdout.decode("utf-8", errors="replace").rstrip("\r\n")
    if not value:
        raise SecretUnavailable(f"The command {argv[0]} printed nothing", "It should print the secret.")
    return value
