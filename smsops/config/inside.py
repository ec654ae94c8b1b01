"""Files of a stack are inside its directory: nothing that the configuration names is read elsewhere."""

from __future__ import annotations

from pathlib import Path


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


def read_inside(root: Path, path: str) -> bytes:
    """The content of a regular file below `root`; Unreadable where there is none."""
    file = inside(root, path)
    try:
        if file.exists() and not file.is_file():
            raise Unreadable("SMS122", f"{path} cannot be read: it is not a file")
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
        raise Unreadable("SMS122", f"{path} cannot be read: {reason}") from None
