"""Audiences: cut and counted by the engine as they are in rows."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.kinds.campaign import columns, parts
from smsops.kinds.campaign.text import parse_template
from smsops.table import Rows
from tests.kinds.contract import phone

NUMBERS = [*map(phone, range(40)), "32470123456", "14155550123", "447400123456"]
TEXTS = st.one_of(
    st.sampled_from(["", "é", "€" * 80, "ç", "😀" * 40, "#param_1#", "a\nb", "x" * 160, "^" * 90]), st.text(max_size=5)
)
PEOPLE = st.dictionaries(
    st.sampled_from(NUMBERS), st.fixed_dictionaries({"NAME": TEXTS}, optional={"SHOP": TEXTS}), max_size=30
)


@settings(max_examples=80, deadline=None)
@given(PEOPLE, st.sets(st.sampled_from(NUMBERS), max_size=6), st.data())
def test_the_engine_cuts_as_rows_are_cut(
    people: dict[str, dict[str, str]], blocked: set[str], data: st.DataObject
) -> None:
    """Parts, fingerprints, recipients, segments, countries, the blacklist and how messages look are the same, along any earlier cut."""
    people = {
        number: {k: v.replace("\0", "").encode(errors="replace").decode() for k, v in f.items()}
        for number, f in people.items()
    }
    template = parse_template("Hello {NAME}, {SHOP}! STOP au 36180")
    rows = Rows(people)
    with (
        patch.multiple(parts, BATCH=5, ROOMY_FROM=3),
        patch.multiple(columns, BATCH=5, ROOMY_FROM=3),
    ):
        earlier = parts.cut(rows, template, "key", ()).parts("content")
        starts = [part.start for part in earlier if data.draw(st.booleans())]
        one = parts.cut(rows, template, "key", starts).parts("content")
        other = parts.cut(rows.columns(), template, "key", starts).parts("content")
    assert [(p.start, p.fingerprint, p.size) for p in one] == [(p.start, p.fingerprint, p.size) for p in other]
    assert [p.recipients() for p in one] == [p.recipients() for p in other]
    if one:
        numbers = [part.number for part in one]
        assert one[0].cut.reach(numbers, template, frozenset(blocked)) == other[0].cut.reach(
            numbers, template, frozenset(blocked)
        )
        assert one[0].cut.too_long(numbers, template, frozenset(blocked)) == other[0].cut.too_long(
            numbers, template, frozenset(blocked)
        )
        assert _surveyed(one[0].cut, numbers, blocked) == _surveyed(other[0].cut, numbers, blocked)


def _surveyed(cut: parts.Cut, numbers: list[int], blocked: set[str]) -> object:
    survey = cut.survey(numbers, parse_template("Hello {NAME}, {SHOP}! STOP au 36180"), frozenset(blocked))
    if survey is None:
        return None
    origins = sorted((parts.origin(phone), count) for phone, count in survey.origins)
    return survey.texts, survey.unicode, survey.empty, survey.foreign, origins
