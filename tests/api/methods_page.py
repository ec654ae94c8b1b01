"""Writes docs/methods.md: `python -m tests.api.methods_page` (make tables)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from smsops.api.client import WriterClient
from smsops.api.methods import METHODS, Method, Verdict
from smsops.api.records import DeliveryStatus
from tests.api.every_status import CASES, Case

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
TEST = "tests/api/test_every_status.py::test_a_status"

HEAD = """\
# Every method and every status

Made by `make tables`; a test fails when it is stale. For each method of the manual and each status it can answer: what the client
([api.md](api.md)) calls it and makes of it, when the sandbox ([sandbox.md](sandbox.md)) answers so, and the test that shows both,
in JSON and in XML. *none* is a good answer whose printed form has no status, *error* one with `error` in its place, *report* the
status of a message in a delivery report (annex 6).

The manual's annex 5 and an older table on the vendor's web page contradict each other from 109 to 114. The sandbox follows the
annex, and with the style `statuses="web"` the other; the client's names serve both. Annex 24 is about voice, for which the manual
has no method.
"""
VERDICTS = {Verdict.DONE: "a value", Verdict.REFUSED: "`Refused`", Verdict.UNAUTHENTICATED: "`AuthenticationRefused`"}
SHORT_NAMES = {"simplified sending": "send_simplified", "getCreditsByCountryIsoCode": "get_credits_by_country"}


def page() -> str:
    """The text of the page."""
    return "\n".join((HEAD, *_sections()))


def _sections() -> Iterator[str]:
    for method in sorted(METHODS, key=lambda method: int(method.section.strip("§"))):
        yield f"## {method.name}\n"
        yield f"Manual {method.section}; `{_client_name(method)}`.\n"
        yield "| status | the client's name | is | the sandbox answers so when | test |"
        yield "| --- | --- | --- | --- | --- |"
        for case in (each for each in CASES if each.method is method):
            yield f"| {' | '.join(_cells(case))} |"
        yield ""


def _cells(case: Case) -> tuple[str, ...]:
    status = case.status
    test = f"`{TEST}[{case.id}]`"
    if status is None:
        name, known = ("error", "`Refused`") if case.error else ("none", "a value")
        return f"*{name}*", "no status", known, case.condition, test
    named = f"`{type(status).__name__}.{status.name}`: {status.meaning}"
    if isinstance(status, DeliveryStatus):
        return f"*report* {status.code}", named, "a value", case.condition, test
    known = VERDICTS[Verdict.DONE if case.taken else status.verdict]
    return str(status.code), named, known, case.condition, test


def _client_name(method: Method) -> str:
    name = SHORT_NAMES.get(method.name) or re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", method.name)
    assert hasattr(WriterClient, name)
    return name


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
