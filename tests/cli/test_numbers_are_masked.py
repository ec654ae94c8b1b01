"""No whole number is shown or kept, however it is written; dates and amounts are."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsops.model.phone import normalise_mobile
from smsops.model.shown import mask_text
from tests.harness import Stack
from tests.kinds.contract import LATER

SPELLINGS = (
    "06–12–34–56–78",
    "06  12  34  56  78",
    "06 / 12 / 34 / 56 / 78",
    "06 - 12 - 34 - 56 - 78",
    "06\u201112\u201134\u201156\u201178",
    "06\u200912\u200934\u200956\u200978",
    "06.12. 34.56.78",
    "06/12/34 56 78",
    "(06) 12 34 56 78",
    "+33 (0)6.12.34.56.78",
    "+33(0)6 – 12 34 56 78",
)
NOISE = st.text(st.sampled_from(" .-/()\u00a0\u00ad\u2009\u2011\u2013\u202f\u2060"), max_size=4)


def hidden(text: str) -> bool:
    """Whether nobody can tell the number 06 12 34 56 78 from a text."""
    return not re.search("345678|123456|234567", re.sub(r"\D", "", text))


def test_however_a_row_writes_a_number_the_plan_masks_it(stack: Stack) -> None:
    """In a plan as text, as JSON, as Markdown and in its file no field of a row is a whole number."""
    rows = "".join(f'06120000{place:02},"{spelling}"\n' for place, spelling in enumerate(SPELLINGS))
    (stack.root / "vip.csv").write_text(f"phone,F\n{rows}", "utf-8")
    lists = {"vip": {"name": f"Cher {SPELLINGS[-2]}", "fields": {"F": {}}, "contacts": [{"file": "vip.csv"}]}}
    campaigns = {
        f"c{place}": {
            "message": "Appelez le {F} STOP au 36180",
            "schedule": LATER,
            "audience": {"lists": ["vip"], "where": f"F = '{spelling}'"},
        }
        for place, spelling in enumerate(SPELLINGS)
    }
    stack.write({"lists": lists, "campaigns": campaigns})

    shown = [
        stack.run("plan", "-o", "x.smsplan"),
        stack.run("plan", "--format", "json"),
        stack.run("plan", "--format", "markdown"),
        stack.run("preview"),
    ]

    assert [result.exit_code for result in shown] == [0] * 4, shown[0].stderr
    for text in (*(result.stdout + result.stderr for result in shown), (stack.root / "x.smsplan").read_text()):
        longest = [line for line in text.splitlines() if "Appelez" in line and "{F}" not in line]
        assert longest
        assert all(map(hidden, longest))


@given(st.lists(NOISE, min_size=9, max_size=9), st.sampled_from(["0", "+33", "0033", "+33(0)"]))
def test_what_is_read_as_a_number_is_masked_as_one(noises: list[str], beginning: str) -> None:
    """Every spelling that smsops takes for a number is masked in a text."""
    spelling = beginning + "".join(noise + digit for noise, digit in zip(noises, "612345678", strict=True))

    assert normalise_mobile(spelling, "FR") == "33612345678"
    assert len(re.findall(r"\d", mask_text(f"Tel {spelling}, merci"))) <= 5


@pytest.mark.parametrize(
    "text",
    [
        "du 27/11/2026 au 30/11/2026",
        "27/11/2026 - 30/11/2026",
        "27/11/26 - 30/11/26",
        "le 27/11/2026 10:00",
        "le 27/11/2026 10h30",
        "du 12/06 - 13/06",
        "de 10h30 - 19h30, 7/7",
        "-20% sur 1 234 €, 12 345,50 €",
        "CMD-123456",
        "https://acme.fr/2026/11/27",
        "STOP au 36180",
    ],
)
def test_dates_and_amounts_stay_readable(text: str) -> None:
    """What no number can be is shown as it is."""
    assert mask_text(text) == text


def test_the_lines_of_a_text_stay() -> None:
    """Where digits before a number could be a part of it they are masked, and lines and dashes stay where they are."""
    assert mask_text("Du 10 au 20\n01 23 45 67 89") == "Du 10 au ••\n•• •• •• •• 89"
    assert mask_text("Commande 1234 - 06 12 34 56 78") == "Commande •••• - •• •• •• •• 78"


@pytest.mark.parametrize(
    "text", ["1 " * 50_000, " - " * 50_000, "1" + " " * 100_000 + "1", "(0)" * 50_000, "1/" * 50_000]
)
def test_masking_takes_time_in_proportion(text: str) -> None:
    """No text of a row, however it is made, holds up a plan."""
    started = time.perf_counter()
    mask_text(text)

    assert time.perf_counter() - started < 2
