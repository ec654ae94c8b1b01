"""The page about the sandbox names all that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smsops.sandbox import answers, campaigns, emails, fates, faults, handlers, statuses

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")


def section(title: str) -> str:
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str, pattern: str) -> set[str]:
    """What matches in the first column of a section's tables."""
    return {name for line in re.findall(r"^ *\| ([^|]*)", text, re.MULTILINE) for name in re.findall(pattern, line)}


@pytest.mark.parametrize(
    ("title", "pattern", "names"),
    [
        ("What it answers", r"`(.+?)`", set(handlers.METHODS)),
        (
            "sendSms, simulateCampaign and simplified sending",
            r"\d{3}",
            {"100", "101", "104", *map(str, statuses.TEXTS)},
        ),
        ("sendEmail", r"\d{3}", {"100", "101", "102", "104", *map(str, emails.TEXTS)}),
        ("deleteCampaign", r"[A-Z]{2,}", {"OK", *campaigns.CANCEL_TEXTS}),
        ("Time", r"\d", {str(status) for status in fates.STATUSES}),
        ("Chance", r"`(.+?)`", set(fates.Recipients().options())),
        ("Trouble", r"`(.+?)`", set(faults.KINDS) | set(answers.DEFAULT_STYLE.options())),
    ],
)
def test_the_page_lists_what_the_sandbox_has(title: str, pattern: str, names: set[str]) -> None:
    """Methods, statuses, options and faults stand on the page, and nothing that does not exist."""
    assert first_cells(section(title), pattern) == names


def test_the_page_gives_the_shares_of_statuses() -> None:
    """The shares of the last delivery reports are those that the sandbox keeps to."""
    printed = {int(status): int(share) for status, share in re.findall(r"\| (\d) \| .*?\| (\d+) % \|", section("Time"))}
    phones = [f"336{number:08}" for number in range(20_000)]
    last = [fates.reports(fates.Recipients(), 1, phone, 0.0)[-1].status for phone in phones]
    assert sum(printed.values()) == 100
    for status, share in printed.items():
        assert abs(last.count(status) / len(last) - share / 100) < 0.01
