"""Tables: few contacts or many, in rows or in the engine, whoever asks gets the same answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.table import BadCondition, Rows, Table
from smsops.table.condition import check
from smsops.table.stage import Stage
from smsops.table.union import union
from tests.kinds.contract import phone

Plain = dict[str, dict[str, str]]

FIELDS = ("CITY", "NAME", "PIECE")  # the engine has a column of its own that is called piece
VALUES = st.sampled_from(["", "x", "Zoé", "a,\"b\n'c", "y z", "٣", "\u200b"])
NUMBERS = [*map(phone, range(7)), "0123", "32470000001"]
CONTACTS: st.SearchStrategy[Plain] = st.dictionaries(
    st.sampled_from(NUMBERS), st.dictionaries(st.sampled_from(FIELDS), VALUES), max_size=9
)
WHOLE: st.SearchStrategy[Plain] = st.dictionaries(
    st.sampled_from(NUMBERS), st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUES)), max_size=9
)
quick = settings(max_examples=60, deadline=None)


def plain(table: Table) -> Plain:
    return {number: dict(fields) for number, fields in table}


def forms(contacts: Plain) -> tuple[Table, ...]:
    """The same contacts in rows, in the engine, and in the engine with spaces that do not count."""
    rows = Rows(contacts)
    table = rows.columns()
    whole = all(len(fields) == len(FIELDS) for fields in contacts.values())
    stage: Stage[None] = Stage(FIELDS)
    stage.add_rows(((n, {name: f" {value}  " for name, value in f.items()}) for n, f in contacts.items()), 0)
    stage.results()
    return rows, table.every(FIELDS) if whole else table, stage.settled(spaced=True)[0]


def ten_line_diff(wanted: Plain, live: Plain, exact: bool) -> tuple[Plain, Plain, set[str]]:
    """What has to be added, changed and removed, in the plainest words: a field that is not given is not managed."""
    add = {number: fields for number, fields in wanted.items() if number not in live}
    change = {}
    for number in wanted.keys() & live.keys():
        merged = {**live[number], **wanted[number]}
        if any((live[number].get(name) or "") != (value or "") for name, value in merged.items()):
            change[number] = merged
    remove = {number for number in live if number not in wanted} if exact else set()
    return add, change, remove


@quick
@given(st.one_of(CONTACTS, WHOLE), st.one_of(CONTACTS, WHOLE), st.booleans())
def test_a_difference_is_that_of_a_plain_dict(wanted: Plain, live: Plain, exact: bool) -> None:
    """Rows, columns, and one of each find what ten lines over two dicts find."""
    add, change, remove = ten_line_diff(wanted, live, exact)
    for one in forms(wanted):
        for other in forms(live):
            found = one.compared(other, exact=exact)
            assert plain(found.add) == add
            assert plain(found.change) == change
            assert {number for number, _ in found.remove} == remove
            assert plain(found.old) == {number: live[number] for number in change}


@quick
@given(CONTACTS, CONTACTS, st.sampled_from(["over", "completed", "also", "without"]))
def test_combinations_do_not_depend_on_the_form(one: Plain, other: Plain, operation: str) -> None:
    """Tables combine to the same contacts in every pair of forms, with themselves too."""
    expected = plain(getattr(Rows(one), operation)(Rows(other)))
    for mine in forms(one):
        assert plain(getattr(mine, operation)(mine)) == plain(getattr(Rows(one), operation)(Rows(one)))
        for theirs in forms(other):
            assert plain(getattr(mine, operation)(theirs)) == expected


@quick
@given(CONTACTS, st.sets(st.sampled_from(FIELDS)), st.sets(st.sampled_from(NUMBERS)))
def test_questions_do_not_depend_on_the_form(contacts: Plain, names: set[str], numbers: set[str]) -> None:
    """Fields that are filled, contacts by phone, fewer and more fields, conditions: the same in every form."""
    rows, *tables = forms(contacts)
    condition = "NAME = 'x' OR (CITY <> '' AND PIECE IS NOT NULL)"
    for table in tables:
        assert plain(table) == plain(rows) == contacts
        assert len(table) == len(rows)
        assert table.filled() == rows.filled()
        assert table.find(numbers) == rows.find(numbers)
        assert plain(table.only(names)) == plain(rows.only(names))
        assert {n: {k: f.get(k, "") for k in FIELDS} for n, f in table.every(FIELDS)} == plain(rows.every(FIELDS))
        assert plain(table.matching(condition, FIELDS)) == plain(rows.matching(condition, FIELDS))


def test_a_field_that_is_a_word_of_sql() -> None:
    """A condition over a field whose name SQL has a use for is refused with the way to write it, which works."""
    with pytest.raises(BadCondition, match='TABLE is a word of SQL: as a field write "TABLE"'):
        check("table = 'window'", ("CITY", "ORDER", "TABLE"))
    check("\"TABLE\" = 'window'", ("TABLE", "CITY"))
    with pytest.raises(BadCondition) as refused:
        check("CITY = = 'x'", ("CITY",))
    assert "word of SQL" not in str(refused.value)


@quick
@given(CONTACTS, CONTACTS)
def test_a_digest_tells_contacts_apart(one: Plain, other: Plain) -> None:
    """The same contacts have the same digest in every form, an empty field is none, and other contacts have another."""

    def bare(contacts: Plain) -> Plain:
        return {number: {name: value for name, value in fields.items() if value} for number, fields in contacts.items()}

    ordinary = {number: fields for number, fields in one.items() if number[0] != "0"}
    assert len({table.digest("key") for table in forms(ordinary)}) == 1
    assert (Rows(one).digest("key") == Rows(other).digest("key")) == (bare(one) == bare(other))


@quick
@given(st.lists(CONTACTS, min_size=1, max_size=3))
def test_a_union_names_who_contradicts(parts: list[Plain]) -> None:
    """Of several contacts with one phone the first counts, and whoever says something else is named."""
    first: Plain = {}
    contradicted: set[str] = set()
    for part in parts:
        for number, fields in part.items():
            known = first.setdefault(number, fields)
            if {k: v for k, v in known.items() if v} != {k: v for k, v in fields.items() if v}:
                contradicted.add(number)
    for tables in zip(*map(forms, parts), strict=True):
        table, conflicts = union(tables)
        assert plain(table) == first
        assert set(conflicts) == contradicted
