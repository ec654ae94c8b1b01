"""Sources: whether they are read as rows or by the engine, in whatever pieces they come, contacts and mistakes are the same."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smsops.model.sources import Format, SourceUnreadable, Stream
from smsops.table import Table
from smsops.table import load as loading
from smsops.table import read as reading
from smsops.table.mistakes import SHOWN, Mistake, Mistakes
from smsops.table.read import Reading, Source, read
from smsops.table.text import LONGEST

HOW = Reading(("NAME", "SHOP"), "FR")
CELLS = st.sampled_from(
    [
        "",
        "x",
        "Zoé",
        '"a,b"',
        '"l1\nl2"',
        '5" pipe',
        '"open',
        " y ",
        "y",
        "\u00a0z",
        '"q""q"',
        '"c" d',
        ' "e"',
        "٣",
        "\t",
        "’t",
        "a\\b",
    ]
)
PHONES = st.sampled_from(
    [
        "0612345678",
        "06 12 34 56 79",
        "+33612345678",
        "0692123456",
        "+32470123456",
        "32470123456",
        "",
        "01 23",
        "06\u200b12345670",
        "٠٦",
    ]
)
LINES = st.lists(st.tuples(PHONES, CELLS, CELLS, st.sampled_from(["", ",", ",more", "\n", ",,"])), max_size=12)


def opener(content: bytes, form: Format = "csv", step: int = 7) -> reading.Open:
    @contextmanager
    def opened() -> Iterator[Stream]:
        yield Stream("vip", form, (content[at : at + step] for at in range(0, len(content), step)))

    return opened


def by_rows(content: bytes, form: Format = "csv", how: Reading = HOW) -> Source:
    with patch.object(reading, "SMALL", 1 << 24):
        return read(opener(content, form, max(7, len(content) >> 10)), how)


def by_the_engine(content: bytes, form: Format = "csv", piece: int = 40, how: Reading = HOW) -> Source:
    with patch.object(reading, "SMALL", -1), patch.multiple(loading, BLOCK=piece // 3, PIECE=piece):
        return read(opener(content, form, max(7, len(content) >> 10)), how)


def said(source: Source) -> tuple[object, ...]:
    def filled(table: Table | None) -> object:
        return None if table is None else {phone: {k: v for k, v in fields.items() if v} for phone, fields in table}

    mistakes = sorted((m.line or 0, m.code, m.summary) for m in source.mistakes)
    return filled(source.table), mistakes, sorted(source.conflicts)


@settings(max_examples=250, deadline=None)
@given(LINES, st.sampled_from(["\n", "\n", "\r\n"]), st.integers(20, 200), st.booleans())
@example([("0612345678", " y ", "x", ""), ("+33612345678", "y", "x ", "")], "\n", 200, True)  # no contradiction
def test_csv_in_any_pieces(lines: list[tuple[str, ...]], end: str, piece: int, header: bool) -> None:
    """Quotes, line ends, blanks, gaps and wrong numbers: the engine and the rows find the same contacts and mistakes."""
    text = ("phone,NAME,SHOP" + end if header else "") + "".join(f"{p},{a},{b}{more}{end}" for p, a, b, more in lines)
    content = text.encode()
    assert said(by_the_engine(content, piece=piece)) == said(by_rows(content))


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 99), st.sampled_from([1.0, 2.5]), CELLS, st.just({"a": 1}))
RECORDS = st.lists(
    st.one_of(
        st.dictionaries(
            st.sampled_from(["phone", "mobile", "NAME", "SHOP", "Name"]), st.one_of(PHONES, VALUES), min_size=1
        ),
        st.fixed_dictionaries(
            {"phone": st.one_of(PHONES, st.just(33612345670))}, optional={"NAME": VALUES, "SHOP": VALUES}
        ),
        st.just("not an object"),
    ),
    max_size=10,
)


@settings(max_examples=150, deadline=None)
@given(RECORDS, st.booleans(), st.integers(20, 200))
def test_ndjson_in_any_pieces(records: list[object], ascii_only: bool, piece: int) -> None:
    """Values of every type, escaped or not, keys that only some objects have, and lines that are no objects."""
    content = "".join(json.dumps(record, ensure_ascii=ascii_only) + "\n" for record in records).encode()
    expected = by_rows(content, "ndjson")
    if any(isinstance(record, dict) for record in records):  # otherwise the engine says it in one mistake
        assert said(by_the_engine(content, "ndjson", piece)) == said(expected)


@pytest.mark.parametrize(
    ("lines", "contacts", "mistakes"),
    [
        (
            ['{"phone":"0612345678"}'] * 9 + ['{"phone":"0612345679","NAME":"a"}', '{"phone":"0612345670","SHOP":"b"}'],
            {"33612345678": {}, "33612345679": {"NAME": "a"}, "33612345670": {"SHOP": "b"}},
            [],
        ),
        (
            ['{"NAME":"a"}', '{"phone":"0612345679"}'],
            {"33612345679": {}},
            [(1, "SMS160", "An empty cell is not the number of a mobile: it is empty")],
        ),
        (['{"NAME":"a"}'] * 9, None, [(0, "SMS163", "vip has no column named phone")]),
        (['{"mobile":"0612345678"}'] * 9 + ['{"phone":"0612345679"}'], {"33612345679": {}}, None),
    ],
)
def test_a_key_that_the_first_object_lacks(
    lines: list[str], contacts: dict[str, dict[str, str]] | None, mistakes: list[tuple[object, ...]] | None
) -> None:
    """The columns of NDJSON are those of all its objects, whichever piece they are in."""
    content = "\n".join(lines).encode()
    for source in (by_rows(content, "ndjson"), by_the_engine(content, "ndjson")):
        assert said(source)[0] == contacts
        assert mistakes is None or said(source)[1] == mistakes


def test_a_named_column_that_the_first_object_lacks() -> None:
    """A column that the configuration names is found in any object; one that none has is a mistake."""
    content = b'{"phone":"0612345678"}\n' * 9 + b'{"phone":"0612345679","n":"a"}\n'
    for column, filled in (("n", {"33612345678": {}, "33612345679": {"NAME": "a"}}), ("m", None)):
        how = Reading(("NAME",), "FR", columns=(("NAME", column),))
        for source in (by_rows(content, "ndjson", how), by_the_engine(content, "ndjson", how=how)):
            assert said(source)[0] == filled
            assert [mistake.summary for mistake in source.mistakes] == ([] if filled else ['vip has no column "m"'])


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"phone,NAME,name\n0612345678,a,b\n", "csv"),
        (b"phone,Phone\n0612345678,0612345679\n", "csv"),
        (b'{"phone":"0612345678","NAME":"a"}\n{"phone":"0612345679","name":"b"}\n', "ndjson"),
    ],
)
def test_columns_that_differ_by_case_only(content: bytes, form: Format) -> None:
    """Columns of which only the case says which is meant are a mistake, unless the configuration names one."""
    for source in (by_rows(content, form), by_the_engine(content, form)):
        assert source.table is None
        assert [(m.code, m.summary.endswith("differ by case only")) for m in source.mistakes] == [("SMS163", True)]
    exact = Reading(("NAME",), "FR", "phone", ())
    for source in (by_rows(content, form, exact), by_the_engine(content, form, how=exact)):
        assert source.table is not None
        assert not source.mistakes


@pytest.mark.parametrize("size", [200_000, LONGEST - 40, LONGEST + 1])
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_long_line_is_read_or_refused_whatever_the_size_of_its_file(size: int, form: Format) -> None:
    """A line has at most 1,048,576 characters; beyond that the mistake names the line and its file is not read."""
    cell = "x" * size
    lines = {
        "csv": ["phone,NAME", "0612345678,a", f"0612345679,{cell}", "1,b"],
        "ndjson": [
            "",
            '{"phone":"0612345678","NAME":"a"}',
            f'{{"phone":"0612345679","NAME":"{cell}"}}',
            '{"phone":"1"}',
        ],
    }
    content = "\n".join([*lines[form], ""]).encode()
    source = by_rows(content, form)
    assert said(by_the_engine(content, form, 1 << 24)) == said(source)
    if size < LONGEST:
        assert source.table is not None
        assert [mistake.line for mistake in source.mistakes] == [4]
    else:
        assert source.table is None
        assert said(source)[1] == [(3, "SMS162", "vip: the line has more than 1,048,576 characters")]


def test_a_quote_that_is_not_closed_in_a_long_file() -> None:
    """What a quote leaves open ends with the longest cell there may be, and the mistake names the line where it began."""
    content = b'phone,NAME\n0612345678,"a\n' + b"0612345679,b\n" * 100_000
    source = by_rows(content)
    assert said(by_the_engine(content, piece=1 << 16)) == said(source)
    first = next(iter(source.mistakes))
    assert (first.line, first.summary.split(";")[0]) == (
        2,
        "vip: not a CSV row: a cell has more than 1,048,576 characters",
    )


def test_a_quote_within_cells_of_a_long_file() -> None:
    """A file whose quotes do not tell where its rows end is read line by line, in any encoding."""
    text = "phone,NAME\n" + "".join(f'06123{number:05},5" é\n' for number in range(999)) + "0612345678,b\n"
    for encoding in ("utf-8", "utf-16", "cp1252"):
        content = text.encode(encoding)
        assert said(by_the_engine(content, piece=1 << 8)) == said(by_rows(content))


def test_lines_of_old_macs() -> None:
    """Lines may end with carriage returns alone."""
    content = b"phone,NAME\r" + b"".join(b"06123456%02d,Ann\r" % number for number in range(99))
    assert said(by_the_engine(content)) == said(by_rows(content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "mac_roman"])
def test_encodings(encoding: str) -> None:
    """A large file is decoded as a small one is, and one that turns out not to be UTF-8 is begun anew."""
    text = "phone;NAME\n" + "".join(
        f"06123{number:05};{'Zoé Éric' if number > 60 else 'Ann'}\n" for number in range(99)
    )
    content = text.encode(encoding)
    assert said(by_the_engine(content)) == said(by_rows(content))


def test_gzip_in_several_members() -> None:
    """Packed sources are unpacked while they are read, all of their members; one that breaks off is unreadable."""
    text = b"phone,NAME\n" + b"".join(b"0612345%03d,Ann\n" % number for number in range(500))
    packed = gzip.compress(text[:3000]) + gzip.compress(text[3000:])
    assert said(by_the_engine(packed)) == said(by_rows(text))
    assert said(by_rows(packed + b"\0" * 512)) == said(by_rows(text))  # as tapes pad
    with pytest.raises(SourceUnreadable, match="breaks off"):
        by_rows(packed[:-9])
    with pytest.raises(SourceUnreadable, match="something else follows"):
        by_rows(packed + b"\0\0" + text)


@given(st.lists(st.integers(0, 60), max_size=4))
def test_many_mistakes_are_counted(pieces: list[int]) -> None:
    """Twenty mistakes of a sort are named, the rest counted, in whatever pieces they were found."""
    whole = Mistakes("vip.csv")
    line = 0
    for count in pieces:
        part = Mistakes("vip.csv")
        for _ in range(count):
            line += 1
            part.add(Mistake("SMS160", f"Row {line}", line=line))
        whole.extend(part)
    found = [mistake.summary for mistake in whole]
    assert found[:SHOWN] == [f"Row {number}" for number in range(1, min(line, SHOWN) + 1)]
    more = line - SHOWN
    assert found[SHOWN:] == (
        []
        if more <= 0
        else [f"Row {line}"]
        if more == 1
        else [f"{more:,} more rows of vip.csv have a mistake of this sort (SMS160)"]
    )


def test_a_wrong_number_is_shown_as_it_is_written() -> None:
    """Masked, and without a + where it had none: who looks for it in the file finds it."""
    (mistake,) = by_rows(b"phone,NAME\n01 45 45 45 45,Ann\n").mistakes
    assert mistake.summary.startswith("014•••••45 is not the number of a mobile")
    assert mistake.line == 2
