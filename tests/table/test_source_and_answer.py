"""A source and an answer, both read by the engine, and what has to be done to make the second like the first."""

from __future__ import annotations

import csv
import io
import json
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.api import answers
from smsops.table import Table
from smsops.table import answer as arriving
from smsops.table.answer import ContactsBody
from tests.kinds.contract import phone
from tests.table.test_algebra import Plain, plain, ten_line_diff
from tests.table.test_answers import BEGINNING
from tests.table.test_reading import by_the_engine

FIELDS = ("NAME", "SHOP")
VALUES = st.sampled_from(["", "x", " x", "x\u00a0", "Zoé", "a,b", "y:z", '"'])
CONTACTS: st.SearchStrategy[Plain] = st.dictionaries(
    st.sampled_from([*map(phone, range(9)), "32470000001"]),
    st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUES)),
    min_size=4,
    max_size=9,
)


def from_a_source(contacts: Plain, columns: tuple[str, ...]) -> Table | None:
    told = io.StringIO()
    writer = csv.DictWriter(told, ("phone", *columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows({"phone": f"+{number}", **fields} for number, fields in contacts.items())
    return by_the_engine(told.getvalue().encode(), piece=100).table


def from_an_answer(contacts: Plain, names: tuple[str, ...]) -> Table:
    members = [
        {"MobilePhone": number, **{name.title(): fields[name] for name in names}} for number, fields in contacts.items()
    ]
    content = json.dumps({"Contacts": members}).encode()
    with patch.multiple(arriving, SMALL=BEGINNING, BLOCK=40, PIECE=120):
        body = ContactsBody(answers.contact_rows)
        for start in range(0, len(content), 50):
            body.feed(content[start : start + 50])
        body.body()
        read = body.table()
    assert read is not None
    return read[0]


def stripped(contacts: Plain) -> Plain:
    return {number: {name: value.strip() for name, value in fields.items()} for number, fields in contacts.items()}


@settings(max_examples=60, deadline=None)
@given(CONTACTS, CONTACTS, st.permutations(FIELDS), st.permutations(FIELDS), st.booleans())
def test_a_source_beside_an_answer(
    wanted: Plain, live: Plain, columns: list[str], names: list[str], has_all_columns: bool
) -> None:
    """Whatever the order of columns and keys, and whether the source has all of them, it is that of a plain dict."""
    shown = tuple(columns) if has_all_columns else tuple(columns[:1])
    source = from_a_source({n: {name: f[name] for name in shown} for n, f in wanted.items()}, shown)
    assert source is not None
    found = source.compared(from_an_answer(live, tuple(names)))

    mine = {number: {name: fields[name] for name in shown} for number, fields in stripped(wanted).items()}
    add, change, remove = ten_line_diff(mine, stripped(live), exact=True)
    assert plain(found.add) == add
    assert plain(found.change) == change
    assert {number for number, _ in found.remove} == remove
