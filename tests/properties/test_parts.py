"""Parts of a campaign: whatever parts are left of an earlier run, new ones fit between them and stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from smsops.kinds.campaign import parts
from smsops.kinds.campaign.text import parse_template
from smsops.table import Rows
from tests.kinds.contract import phone

_numbers = st.randoms(use_true_random=False).map(lambda chance: set(chance.sample(range(400), chance.randint(0, 120))))


@contextmanager
def small() -> Iterator[None]:
    """Parts of at most 8, so that a few people make many."""
    with patch.object(parts, "BATCH", 8):
        yield


def split(numbers: set[int], starts: list[str]) -> list[parts.Part]:
    people = Rows({phone(number): {} for number in numbers})
    return parts.cut(people, parse_template("Hello"), "key", starts).parts("content")


@given(_numbers, _numbers, st.data())
def test_parts_stay(first: set[int], then: set[int], data: st.DataObject) -> None:
    """However many parts an earlier run has left, the parts that follow are found again as they are."""
    with small():
        starts = [part.start for part in split(first, [])]
        left = data.draw(st.lists(st.sampled_from(starts), unique=True)) if starts else []
        made = split(then, left)
        again = split(then, [part.start for part in made])

    assert [(part.start, part.fingerprint) for part in again] == [(part.start, part.fingerprint) for part in made]
    assert sorted(r.phone for part in made for r in part.recipients()) == sorted(phone(number) for number in then)
    assert all(0 < part.size <= 8 for part in made)


@given(st.sets(st.integers(0, 400), min_size=20, max_size=120), st.data())
def test_a_part_that_is_left_is_kept(numbers: set[int], data: st.DataObject) -> None:
    """Sending the parts that are missing leaves alone those that are there, but for ones that must take in others."""
    with small():
        made = split(numbers, [])
        gone = data.draw(st.sampled_from(made))
        left = [part for part in made if part is not gone]
        again = {(part.start, part.fingerprint) for part in split(numbers, [part.start for part in left])}

    changed = [part for part in left if (part.start, part.fingerprint) not in again]
    assert len(changed) <= 1


@given(st.integers(1, 3_000_000))
def test_a_full_audience_has_room_for_one_more(members: int) -> None:
    """Parts are as few as can be; where they are many and full, one in a hundred more leaves room in each."""
    size = parts.even_size(members)
    count = -(-members // size)
    fewest = -(-members // 2_000)

    assert size <= 2_000
    assert count == fewest if fewest < 10 else fewest <= count <= fewest + -(-fewest // 100)
    assert fewest < 10 or size < 2_000
