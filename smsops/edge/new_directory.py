"""A directory that comes into being whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smsops.errors import SmsopsError
from smsops.table import Table

_PHONE = "phone"
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


@contextmanager
def made_whole(directory: Path, last: str) -> Iterator[Path]:
    """A private directory beside `directory`, which takes its place when all went well, and goes when it did not.

    Where it is the working directory its entries do, `last` at the end.
    SmsopsError where `directory` is there already with something in it, or cannot be written.
    """
    target = directory.resolve()
    _check_empty(target, directory)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise _cannot_write(error) from None
    try:
        yield made
        _check_empty(target, directory)
        _take_place(made, target, last)
    except OSError as error:
        raise _cannot_write(error) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _check_empty(target: Path, named: Path) -> None:
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise SmsopsError(
                f"{named} exists already and is not empty",
                code="SMS462",
                detail="Name a new directory, or an empty one.",
            )
    except OSError as error:
        raise _cannot_write(error) from None


def _take_place(made: Path, target: Path, last: str) -> None:
    if target.exists() and target.samefile(Path.cwd()):  # whoever stands in it would stand nowhere
        for path in sorted(made.iterdir(), key=lambda path: path.name == last):
            path.rename(target / path.name)
        return
    made.rename(target)


def _cannot_write(error: OSError) -> SmsopsError:
    return SmsopsError(f"{error.filename} cannot be written: {error.strerror}", code="SMS461")


def write(path: Path, content: str) -> None:
    """Write a text file, with the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8", newline="\n")


def write_contacts(path: Path, table: Table) -> None:
    """Write contacts as CSV that only its owner reads: their phones with + and country code, then their fields by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join((_PHONE, *table.fields)) + "\n")
        for batch in table.batches():
            cells = ((f"+{phone}", *(fields.get(name, "") for name in table.fields)) for phone, fields in batch)
            file.writelines(",".join(map(_cell, row)) + "\n" for row in cells)


def _cell(value: str) -> str:
    if not _NEEDS_QUOTES.search(value):
        return value
    doubled = value.replace('"', '""')
    return f'"{doubled}"'
