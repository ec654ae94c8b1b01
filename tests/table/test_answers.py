"""The contacts of an answer: read while they arrive, in whatever chunks, they are those of the whole answer."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smsops.api import answers
from smsops.api.errors import ApiError
from smsops.api.methods import GET_CONTACTS
from smsops.table import Rows, backup
from smsops.table import answer as arriving
from smsops.table.answer import ContactsBody
from tests.table.test_algebra import CONTACTS, Plain, forms, plain

BEGINNING = 100
"""Bytes in which an answer begins, a boundary between two contacts among them: then the engine gets the rest."""
WHOLE_ANSWERS = 1 << 30

TEXTS = st.one_of(
    st.sampled_from(['},{"', ':"', '":', "null", "a\\b", "},{", "[", " é ", "\u00a0x", "\t", "0", "]}"]),
    st.text(max_size=6),
)
MEMBERS = st.lists(
    st.fixed_dictionaries(
        {"MobilePhone": st.sampled_from(["33612345678", "33612345679", "0612345670", "+33 612345671", "32470123456"])},
        optional={
            "Firstname": TEXTS,
            "SHOP": st.one_of(TEXTS, st.none(), st.integers(0, 9), st.booleans(), st.sampled_from([[], ["x"], {}])),
            "City ": TEXTS,
        },
    ),
    max_size=12,
)


def judged(content: bytes, *, small: int, piece: int = 60, chunk: int = 11, wanted: Plain | None = None) -> Any:
    """What is made of an answer that arrives in chunks; the code of the error where it makes no sense.

    With `wanted` contacts, what has to be done to have these instead.
    """
    with patch.multiple(arriving, SMALL=small, BLOCK=piece // 3, PIECE=piece):
        body = ContactsBody(answers.contact_rows)
        for start in range(0, len(content), chunk):
            body.feed(content[start : start + chunk])
        try:
            found = answers.judge(GET_CONTACTS, lambda answer: answers.contacts(answer, body), body.body())
        except ApiError as error:
            return type(error)
        if wanted is not None:
            to_do = Rows(wanted).columns().compared(found.table)
            return len(found.table), *map(len, (to_do.add, to_do.change, to_do.remove)), plain(to_do.old)
        return found.received, {phone: {k: v for k, v in fields.items() if v} for phone, fields in found.table}


@settings(max_examples=200, deadline=None)
@example([{"MobilePhone": "33612345678", "SHOP": shop} for shop in ("Lyon", ["x"])], True, (",", ":"), 300, 90)
@example([{"MobilePhone": "33612345678", "A": 'x":y"z'}, {"MobilePhone": "1", "SHOP": 5}], True, (",", ":"), 300, 90)
@given(
    MEMBERS,
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")]),
    st.integers(20, 300),
    st.integers(1, 90),
)
def test_an_answer_in_any_chunks(
    members: list[Any], ascii_only: bool, marks: tuple[str, str], piece: int, chunk: int
) -> None:
    """Texts that look like JSON, missing keys, nulls, numbers, national phones, any spacing: nothing is lost or made up."""
    content = json.dumps({"Contacts": members, "note": "x"}, ensure_ascii=ascii_only, separators=marks).encode()
    assert judged(content, small=BEGINNING, piece=piece, chunk=chunk) == judged(content, small=WHOLE_ANSWERS)


@settings(max_examples=100, deadline=None)
@given(MEMBERS, CONTACTS)
def test_an_answer_beside_what_is_wanted(members: list[Any], wanted: Plain) -> None:
    """Phones that stand twice and blanks that do not count make no difference, nor does how the answer was read."""
    content = json.dumps({"Contacts": members}).encode()
    assert judged(content, small=BEGINNING, wanted=wanted) == judged(content, small=WHOLE_ANSWERS, wanted=wanted)


@pytest.mark.parametrize("cut", range(1, 140, 3))
def test_an_answer_that_breaks_off(cut: int) -> None:
    """Wherever an answer breaks off, it is unreadable, not shorter."""
    content = json.dumps({"Contacts": [{"MobilePhone": f"3361234567{n}", "SHOP": "Lyon"} for n in range(4)]}).encode()
    assert judged(content[: len(content) - cut], small=BEGINNING) == judged(
        content[: len(content) - cut], small=WHOLE_ANSWERS
    )


@pytest.mark.parametrize(
    "odd", ["0x7D2B74001", "336123456e2", "33612345E06", "3361234567.", " 3361234567", "3_361234567", "33612345600"]
)
def test_a_phone_is_its_digits(odd: str) -> None:
    """What the engine can read as a number is a phone only where it is written as one."""
    phones = [odd, "33612345678", "33612345679", "33612345670"]
    content = json.dumps({"Contacts": [{"MobilePhone": phone, "SHOP": "Lyon"} for phone in phones]}).encode()
    assert judged(content, small=BEGINNING) == judged(content, small=WHOLE_ANSWERS)


@pytest.mark.parametrize(
    "shape", ['{{"Contacts": {{"Contact": [{}]}}}}', '[{{"contacts": [{}]}}]', '{{"status": 0, "Contacts": [{}]}}']
)
def test_other_shapes_of_answers(shape: str) -> None:
    """A wrapper, an array around the answer, a status that says error: judged as if it had come in one piece."""
    content = shape.format(
        ", ".join(json.dumps({"MobilePhone": f"3361234567{n}", "A": "x"}) for n in range(9))
    ).encode()
    assert judged(content, small=BEGINNING) == judged(content, small=WHOLE_ANSWERS)


@settings(max_examples=40, deadline=None)
@given(CONTACTS)
def test_a_backup_comes_back(contacts: Plain) -> None:
    """What is kept while contacts are not in their list is what is put back."""
    for table in forms(contacts):
        kept = backup.document(table)
        assert plain(backup.contacts(kept)) == contacts
        with patch.multiple(arriving, SMALL=1, BLOCK=10, PIECE=30):
            found = plain(backup.contacts(kept))
        assert {n: {k: v.strip() for k, v in f.items()} for n, f in found.items()} == {
            n: {k: v.strip() for k, v in f.items()} for n, f in contacts.items()
        }
