"""Diagnostics: everything a run has to say about mistakes, with their place, collected rather than raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from smsops.errors import SmsopsError
from smsops.model.address import Address
from smsops.model.override import Override

Severity = Literal["error", "warning"]


class Mark(NamedTuple):
    """A place in a source file: the path as the user knows it, line and column from 1.

    A row of a data file has a line and no column.
    """

    file: str
    line: int
    column: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column else "")


class Diagnostic(NamedTuple):
    """One finding: a stable code, what is wrong, where, and what to do.

    `blocks` is set where the finding is not a mistake but a refusal (a protection, a policy, a
    budget): the plan is shown, apply ends with exit code 4. `policy` is the name of what refuses, where that may be
    overridden; `overrides` is what has let it through, so that it is only a warning.
    """

    severity: Severity
    code: str
    summary: str
    detail: str = ""
    mark: Mark | None = None
    address: Address | None = None
    snippet: str | None = None
    blocks: Literal["plan", "apply"] | None = None
    policy: str = ""
    overrides: tuple[Override, ...] = ()

    def overridden(self, overrides: tuple[Override, ...]) -> Diagnostic:
        """The same, let through: a warning that says by whom and why."""
        detail = "\n".join(f"Let through by {override.text}" for override in overrides)
        return self._replace(severity="warning", detail=detail, blocks=None, overrides=overrides)

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "severity": self.severity,
            "code": self.code,
            "summary": self.summary,
            "detail": self.detail,
            "address": str(self.address) if self.address else None,
            "file": self.mark.file if self.mark else None,
            "line": self.mark.line if self.mark else None,
            "column": self.mark.column if self.mark else None,
            "policy": self.policy or None,
            "overridden": bool(self.overrides),
        }


@dataclass
class Diagnostics:
    """Collects the findings of a run, each said once."""

    items: list[Diagnostic] = field(default_factory=list)
    _seen: set[tuple[object, ...]] = field(default_factory=set)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    def add(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.code, diagnostic.mark, diagnostic.summary, diagnostic.address)
        if key not in self._seen:
            self._seen.add(key)
            self.items.append(diagnostic)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def error(
        self, code: str, summary: str, *, detail: str = "", mark: Mark | None = None, address: Address | None = None
    ) -> None:
        self.add(Diagnostic("error", code, summary, detail, mark, address))

    def warning(
        self, code: str, summary: str, *, detail: str = "", mark: Mark | None = None, address: Address | None = None
    ) -> None:
        self.add(Diagnostic("warning", code, summary, detail, mark, address))

    @property
    def has_errors(self) -> bool:
        return any(item.severity == "error" for item in self.items)


class ConfigurationError(SmsopsError):
    """The configuration is wrong; carries every diagnostic of the run, warnings included."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        errors = sum(1 for diagnostic in diagnostics if diagnostic.severity == "error")
        super().__init__(f"{errors} configuration error{'s' if errors != 1 else ''}", code="SMS100")
        self.diagnostics = tuple(diagnostics)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean "lists"?`` when a known word is close, otherwise the known words, or nothing."""
    import difflib

    from smsops.model.shown import one_line

    words = sorted(set(map(one_line, known)))
    by_folded = {candidate.casefold(): candidate for candidate in words}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{by_folded[close[0]]}"?'
    if 0 < len(words) <= 12:
        return f"Known here: {', '.join(words)}."
    return ""
