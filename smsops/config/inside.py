"""Files of a stack are inside its directory: nothing that the configuration names is read elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO


class Unreadable(Exception):
    """A file that cannot be read, with the diagnostic's code and words."""

    def __init__(self, code: str, summary: str, detail: str = "") -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.detail = detail


def inside(root: Path, path: str) -> Path:
    """The file that `path` names below `root`; Unreadable where it leads elsewhere, links followed."""
    try:
        resolved_root = root.resolve()
        resolved = (resolved_root / path).resolve()
    except (OSError, ValueError, RuntimeError):
        raise Unreadable("SMS122", f"{path} cannot be read: it is not a path") from None
    if not resolved.is_relative_to(resolved_root):
        raise Unreadable(
            "SMS121", f"{path} leads out of the stack directory", "Files of a stack lie beside smsops.yaml or below it."
        )
    return resolved


def expand(root: Path, pattern: str) -> list[str]:
    """The files below `root` that a pattern names, in order; a path without wildcards names itself.

    Unreadable where the pattern is none, or names nothing.
    """
    if (
        not any(character in pattern for character in "*?[")
        or Path(pattern).is_absolute()
        or ".." in Path(pattern).parts
    ):
        return [pattern]
    try:
        paths = sorted(path for path in root.glob(pattern) if not path.is_dir())
    except (ValueError, NotImplementedError, RecursionError):
        raise Unreadable("SMS122", f"{pattern} is not a pattern of paths") from None
    if not paths:
        raise Unreadable("SMS122", f"{pattern} names no file", "Check the pattern, and where it begins.")
    return [path.relative_to(root).as_posix() for path in paths]


def unreadable(path: str, error: Exception) -> Unreadable:
    """Why a file could not be read, from what went wrong."""
    return Unreadable("SMS122", f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not a path'}")


def read_inside(root: Path, path: str) -> bytes:
    """The content of a regular file below `root`; Unreadable where there is none."""
    with open_inside(root, path) as file:
        try:
            return file.read()
        except OSError as error:
            raise unreadable(path, error) from None


def open_inside(root: Path, path: str) -> BinaryIO:
    """A regular file below `root`; Unreadable where there is none."""
    file = inside(root, path)
    try:
        if file.exists() and not file.is_file():
            raise Unreadable("SMS122", f"{path} cannot be read: it is not a file")
        return file.open("rb")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
