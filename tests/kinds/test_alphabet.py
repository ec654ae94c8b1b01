"""How many SMS a text makes, and what keeps it from being GSM."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsops.kinds.campaign import columns, parts
from smsops.kinds.campaign.alphabet import BASIC, EXTENDED, Forcing, forcing, is_gsm, length, safe, segments
from smsops.kinds.campaign.text import parse_template
from smsops.sandbox.messages import measure
from smsops.table import Rows

GENERATED = 100_000
ONE_UNIT = "êçœ’…–«\u00a0ЖЩ漢字ﷺ\u0301\u200d\ufe0f"
TWO_UNITS = "😀🎉𝒜𠮷🏽"
EVERY_CHARACTER = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x10000))]
TEXTS = st.one_of(st.text(), st.text(st.sampled_from("aé ê€\n😀’…œe\u0301\u0327\u200d\ufe0f")))


def reference(texts: Sequence[str]) -> list[tuple[str, int]]:
    """The alphabet and the number of SMS of each text, by split-sms."""
    node = shutil.which("node")
    modules = Path(sys.prefix, "node", "node_modules")
    assert node, "There is no node on the PATH: this test needs Node.js with npm, 20 or newer"
    assert Path(modules, "split-sms").exists(), "split-sms is not installed: run `make test`"
    done = subprocess.run(
        [node, Path(__file__).with_name("split_sms.js")],
        input="\n".join(map(json.dumps, texts)),
        env={"NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [(alphabet, count) for alphabet, count in map(json.loads, done.stdout.splitlines())]


@cache
def generated() -> tuple[str, ...]:
    """Texts as long as whole SMS or nearly so: runs of characters that count one and of such that count two."""
    chance = random.Random(36180)

    def stock(characters: str) -> str:
        return "".join(chance.choices(characters, k=10_000))

    gsm = "".join(sorted(BASIC - {"\n"}))
    extended = "".join(sorted(EXTENDED))
    stocks = [(stock(gsm), stock(extended + "\n")), (stock(gsm + extended + ONE_UNIT * 8), stock(TWO_UNITS + "\n"))]
    texts = []
    for _ in range(GENERATED):
        ucs = chance.random() < 0.6
        parts = min(18 if ucs else 8, 1 + int(chance.expovariate(0.9)))
        left = (67 if ucs else 153) * parts + chance.randint(-parts, 2 if parts > 1 else 9)
        longest = chance.choice((9, 30, 90, left))
        text = ["", chance.choice(ONE_UNIT)][ucs]
        left -= len(text)
        while left > 0:
            single, double = (chance.randrange(longest + 1) for _ in range(2))
            single = min(single, left)
            double = min(double, (left - single) // 2)
            left -= single + 2 * double
            for run, characters in zip((single, double), stocks[ucs], strict=True):
                start = chance.randrange(len(characters) - run)
                text += characters[start : start + run]
        texts.append(text)
    return tuple(texts)


def test_segments_are_those_of_an_independent_reference() -> None:
    """Alphabet and number of SMS are as another library has them, for 100,000 texts and for every character alone.

    All is compared but lone surrogates, which are no text, and the length of a newline, which only the manual has as two.
    """
    texts = [*generated(), *EVERY_CHARACTER, ""]

    ours = [("GSM" if is_gsm(text) else "Unicode", segments(text)) for text in texts]

    wrong = [(text, one, other) for text, one, other in zip(texts, ours, reference(texts), strict=True) if one != other]
    assert wrong == []


def test_segments_are_those_of_the_sandbox() -> None:
    """The sandbox, which fills one SMS after the other, comes to the same length and the same number."""
    assert [(length(text), segments(text)) for text in generated()] == [measure(text) for text in generated()]


def test_the_engine_counts_segments_as_they_are_counted_one_by_one() -> None:
    """What a large audience is said to come to is what each of its messages makes."""
    people = Rows({f"336{number:08}": {"TEXT": text} for number, text in enumerate(generated()[:5000])})
    template = parse_template("{TEXT}")
    with patch.object(parts, "BATCH", 1), patch.object(columns, "BATCH", 1):
        one, other = (parts.split(table, template, "key", (), "content") for table in (people, people.columns()))

    numbers = [part.number for part in one]
    assert len(numbers) == 5000
    assert one[0].cut.reach(numbers, template, frozenset()) == other[0].cut.reach(numbers, template, frozenset())


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("x" * 160, 1),
        ("x" * 159 + "€", 2),
        ("x" * 152 + "€" + "x" * 151, 2),
        ("x" * 152 + "€" + "x" * 152, 3),
        ("x" * 152 + "\n" + "x" * 152, 3),
        ("x" * 153 + "\n" + "x" * 151, 2),
        ("ê" + "😀" * 66 + "x", 2),
        ("ê" * 66 + "😀" + "ê" * 66, 3),
        ("€" * 76 * 8, 8),
        ("€" * 612, 9),
    ],
)
def test_a_character_of_two_is_not_split(text: str, counted: int) -> None:
    """An SMS stays a place short rather than end with half a character, so 1,224 septets may be more than eight SMS."""
    assert segments(text) == counted


@given(TEXTS)
def test_a_safe_text_is_gsm(text: str) -> None:
    """With every replacement a text is GSM; it is there unless a character has none, and a GSM text is its own."""
    result = safe(text)

    assert (result is None) == any(found.replacement is None for found in forcing(text))
    assert result is None or is_gsm(result)
    assert not is_gsm(text) or (forcing(text), result) == ([], text)


@given(TEXTS)
def test_what_forces_is_all_that_forces(text: str) -> None:
    """Each character that is not GSM is named once, with all its places, and its replacement is GSM."""
    found = forcing(text)

    covered = {place + step for one in found for place in one.places for step in range(len(one.character))}
    assert {place for place, character in enumerate(text, 1) if not is_gsm(character)} <= covered
    assert all(text.startswith(one.character, place - 1) for one in found for place in one.places)
    assert len({one.character for one in found}) == len(found)
    assert all(not is_gsm(one.character) and (one.replacement is None or is_gsm(one.replacement)) for one in found)


def test_no_replacement_forces() -> None:
    """Of all characters there are, none has a replacement that is not GSM itself."""
    assert [one for one in forcing("".join(EVERY_CHARACTER)) if one.replacement and not is_gsm(one.replacement)] == []


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("L’été « à l’œuvre »…", "L'été \" à l'oeuvre \"..."),
        ("garçon, forêt, Noël, ÇA", "garcon, foret, Noel, ÇA"),
        ("20\u00a0% \u2013 et\u202fplus\u200b", "20 % - et plus"),
        ("e\u0301te\u0301 c\u0327a", "été ca"),
        ("½ ﬁn №", "1/2 fin No"),
        ("Bravo 😀", None),
        ("Привет", None),
    ],
)
def test_what_to_write_instead(text: str, written: str | None) -> None:
    """Typography and accents that GSM lacks become what a French reader takes for the same; an emoji has nothing."""
    assert safe(text) == written


def test_where_it_stands() -> None:
    """A forcing character comes once, in the order of the text, with its places from 1."""
    assert forcing("l’âne, l’ours 😀") == [
        Forcing("’", (2, 9), "'"),
        Forcing("â", (3,), "a"),
        Forcing("😀", (15,), None),
    ]
