"""Secrets by reference: read from the environment, a file or a command's output, when a run needs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from smsops.errors import SmsopsError
from smsops.model.resources import SecretReference
from smsops.model.values import Secret

_TIMEOUT = 60


class SecretUnavailable(SmsopsError):
    """A reference leads to nothing."""

    def __init__(self, summary: str, detail: str = "") -> None:
        super().__init__(summary, code="SMS141", detail=detail)


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
            return Secret(_from_command([str(part) for part in reference.value], root))


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
