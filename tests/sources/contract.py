"""What every kind of source promises (smsops/edge/sources/open.py), as tests. A subclass of a few lines is a kind's test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from smsops.edge.sources import open_source
from smsops.model.resources import SecretReference
from smsops.model.sources import RemoteSource, SourceUnreadable, Stream

ROWS = (
    ("phone", "NAME", "NOTE"),
    ("+33612345678", 'Zoë, "dite" L\'Été', ""),
    ("0612345679", "", "two\nlines"),
    ("06 12 34 56 80", "100% {sure}", "€;\t"),
)
CONTENT = (
    'phone,NAME,NOTE\n+33612345678,"Zoë, ""dite"" L\'Été",\n0612345679,,"two\nlines"\n06 12 34 56 80,100% {sure},€;\t\n'
).encode()

LARGE_ROWS, LARGE_TEXT = 24_000, 1_000
"""The rows of a large source, and how many characters each has at least."""
LARGE = b"phone,TEXT\n" + b"".join(b"%d,%s\n" % (33600000000 + row, b"x" * LARGE_TEXT) for row in range(LARGE_ROWS))

MOST_MEMORY = 16 * 1024 * 1024
"""Two thirds of what a large source has."""


@dataclass(frozen=True)
class Given:
    """A source by its address, which comes in the environment, and what no message may show."""

    url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    root: Path = Path("/nowhere")
    sql: str | None = None
    secrets: tuple[str, ...] = ()
    pins: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> Any:
        """Open it, as the caller of smsops would."""
        source = RemoteSource(SecretReference("env", "SOURCE_URL"), sql=self.sql, **self.pins)
        return open_source(source, self.root, {**self.environment, "SOURCE_URL": self.url})

    def content(self) -> bytes:
        with self.open() as stream:
            return b"".join(stream.chunks)

    def refusal(self) -> SourceUnreadable:
        """What is raised instead of content, before or in the middle; it shows nothing that it must not."""
        with pytest.raises(SourceUnreadable) as caught, self.open() as stream:
            for _ in stream.chunks:
                pass
        self.check(caught.value)
        return caught.value

    def check(self, error: SourceUnreadable) -> None:
        text = f"{error.summary}\n{error.detail}\n{error!r}"
        assert "cannot be read: " in error.summary
        assert "\n" not in error.summary
        assert error.__cause__ is None
        for secret in self.secrets:
            assert secret not in text


def check_stream(given: Given, stream: Stream) -> None:
    for secret in given.secrets:
        assert secret not in f"{stream.label} {stream!r}"


class SourceContract:
    """The tests. A subclass has a fixture `place`, which is the Place of its kind."""

    def test_every_row_arrives(self, place: Place) -> None:
        """What lies there is what is read, with its header, to the last byte."""
        given = place.small()

        with given.open() as stream:
            check_stream(given, stream)
            assert b"".join(stream.chunks) == CONTENT
            assert stream.format == "csv"

    def test_a_source_is_read_again(self, place: Place) -> None:
        """Each opening begins at the beginning, also while another one is under way."""
        given = place.small()

        with given.open() as one, given.open() as other:
            assert b"".join(one.chunks) == b"".join(other.chunks) == CONTENT

    def test_a_large_source_is_not_held_in_memory(self, place: Place) -> None:
        """Memory does not grow with the source: chunks are short, and are read when somebody asks for them."""
        given = place.large()
        environment = {**os.environ, **given.environment, "SOURCE_URL": given.url, "SOURCE_ROOT": str(given.root)}
        if given.sql is not None:
            environment["SOURCE_SQL"] = given.sql

        done = subprocess.run(
            [sys.executable, "-m", "tests.sources.memory"], env=environment, stdout=subprocess.PIPE, check=True
        )
        told = json.loads(done.stdout)

        assert told["size"] == len(LARGE)
        assert told["longest"] <= 1024 * 1024
        assert told["grown"] < MOST_MEMORY

    def test_a_block_may_end_before_the_source(self, place: Place) -> None:
        """Whoever has seen enough leaves, and whatever went wrong in the block is what the caller sees."""

        def leave() -> None:
            with place.large().open() as stream:
                assert LARGE.startswith(next(stream.chunks))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            leave()

        assert place.small().content() == CONTENT

    def test_what_is_not_there_is_unreadable(self, place: Place) -> None:
        """A source that is missing is an error, never no rows."""
        assert place.missing().refusal()

    def test_a_source_that_ends_in_the_middle_is_unreadable(self, place: Place) -> None:
        """Rows that arrived before the server went away are no source: the iterator ends with an error."""
        with place.breaking() as (given, break_it), given.open() as stream:
            assert LARGE.startswith(next(stream.chunks))
            break_it()
            with pytest.raises(SourceUnreadable) as caught:
                for _ in stream.chunks:
                    pass

            given.check(caught.value)


class GuardedContract(SourceContract):
    """The same, for a kind that asks who one is."""

    def test_wrong_credentials_are_said_to_be_that(self, place: Place) -> None:
        """Who is not let in learns that, and nothing of the credentials is shown."""
        error = place.refused().refusal()

        assert any(word in error.summary for word in ("credentials", "password", "permission denied"))


class Place:
    """Where sources of one kind lie, for the tests."""

    def small(self) -> Given:
        """A source with CONTENT."""
        raise NotImplementedError

    def large(self) -> Given:
        """A source with LARGE."""
        raise NotImplementedError

    def missing(self) -> Given:
        """One that is not there."""
        raise NotImplementedError

    def refused(self) -> Given:
        """One with credentials that are not accepted."""
        raise NotImplementedError

    @contextmanager
    def breaking(self) -> Iterator[tuple[Given, Any]]:
        """A source with LARGE, and what makes it go away."""
        raise NotImplementedError
        yield


def through(given: Given, old: int, new: int) -> Given:
    """The same source by way of another port."""

    def by(text: str) -> str:
        return text.replace(f":{old}", f":{new}")

    return replace(given, url=by(given.url), environment={name: by(value) for name, value in given.environment.items()})
