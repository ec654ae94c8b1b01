"""Rules of the configuration language that hold for any text: nothing crashes, and values arrive as written."""

from __future__ import annotations

import csv
import io
import json
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from smsops.config.data_files import DataFiles
from smsops.config.load import Configuration, Inputs, load
from smsops.config.yaml import parse
from smsops.kinds import KINDS
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostics, Mark
from tests.harness import Stack

quick = settings(max_examples=150, deadline=None)
CORPUS = Path(__file__).parents[1] / "cases" / "configuration"


def words(text: str, separator: str = " ") -> st.SearchStrategy[str]:
    return st.sampled_from(text.split(separator))


KEYS = words(
    "smsops stack account settings lists campaigns sub_accounts generate moved removed include variables policy vip sale"
    " acme name fields contacts inline file phone message schedule audience where phones credits grants keep for_each"
    " << from to login timezone default lifecycle password env"
)
SCALARS = st.one_of(
    st.sampled_from(
        ["1", "null", "~", "true", "2026-11-27 10:00", "0612345678", "${var.x}", "$${", "list.vip", "x.csv"]
    ),
    st.text(max_size=12),
)
TREES = st.recursive(
    st.none() | SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | SCALARS, inner, max_size=5),
    max_leaves=25,
)
SECTIONS = st.dictionaries(KEYS, TREES, max_size=6)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One directory for all examples: each writes its own files over those of the one before."""
    made = Stack(tmp_path_factory.mktemp("properties") / "stack")
    yield made
    made.sandbox.close()


def configuration(root: Path, text: str, **variables: str) -> Configuration:
    """A stack that must be valid; `text` follows its first two lines."""
    (root / "smsops.yaml").write_text(f"smsops: 1\nstack: test\n{text}", "utf-8")
    return load(root, KINDS, Inputs(variables=variables, environment={}))


def city(root: Path, written: str, **variables: str) -> str | None:
    """What a sub-account's city is when the YAML says `written`."""
    text = f"""\
variables: {{x: {{default: town}}}}
sub_accounts:
  acme:
    first_name: Thomas
    last_name: Smith
    email: paris@acme.example
    city: {written}
"""
    found: str | None = configuration(root, text, **variables).desired[Address(None, "sub_account", "acme")].spec.city
    return found


# -- nothing crashes ------------------------------------------------------------------------


def check_ends_well(stack: Stack, content: bytes) -> None:
    (stack.root / "smsops.yaml").write_bytes(content)
    result = stack.run("validate", "--format", "json")
    assert result.exit_code in (0, 1), result
    assert "SMS499" not in result.stderr
    document = result.document
    assert document["valid"] == (result.exit_code == 0)
    assert document["valid"] == (document["error_count"] == 0)


@quick
@given(content=st.binary(max_size=200))
@example(content=b"")
@example(content=b"\xef\xbb\xbfsmsops: 1\r\nstack: test\r\n")
def test_any_bytes_are_valid_or_refused(stack: Stack, content: bytes) -> None:
    """Any bytes at all as smsops.yaml end with 0 or 1 and a document, never with a failure of smsops."""
    check_ends_well(stack, content)


@quick
@given(sections=SECTIONS)
def test_any_tree_is_valid_or_refused(stack: Stack, sections: dict[str, Any]) -> None:
    """Any tree of known and unknown keys and values ends with 0 or 1, never with a failure of smsops."""
    check_ends_well(stack, json.dumps({"smsops": "1", "stack": "test", **sections}, ensure_ascii=False).encode())


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_cut_of_a_real_file_is_valid_or_refused(stack: Stack, data: st.DataObject) -> None:
    """A configuration with a piece cut out, or put in elsewhere, ends with 0 or 1."""
    texts = [path.read_bytes() for path in sorted(CORPUS.glob("*.yaml"))]
    content = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    place = data.draw(st.integers(0, len(content)))
    piece = content[start:end] if data.draw(st.booleans()) else b""
    rest = content[:start] + content[end:]
    check_ends_well(stack, rest[:place] + piece + rest[place:])


@quick
@given(content=st.binary(max_size=200), suffix=st.sampled_from(["csv", "ndjson", "parquet"]))
def test_any_bytes_as_a_data_file_are_read_or_refused(stack: Stack, content: bytes, suffix: str) -> None:
    """Any bytes at all as a data file end with 0 or 1, never with a failure of smsops."""
    (stack.root / f"vip.{suffix}").write_bytes(content)
    check_ends_well(stack, f"smsops: 1\nstack: test\nlists: {{vip: {{contacts: [{{file: vip.{suffix}}}]}}}}\n".encode())


# -- scalars --------------------------------------------------------------------------------


def is_plain(text: str) -> bool:
    """Whether YAML reads the text as one plain scalar."""
    diagnostics = Diagnostics()
    tree = parse(f"value: {text}\n".encode(), "x", diagnostics)
    return not diagnostics.items and isinstance(tree, Mapping) and tree.get("value") is not None


PLAIN = st.text(string.ascii_letters + string.digits + "._+-=/:,~<é ", min_size=1, max_size=12).map(str.strip)


SURPRISES = "0612345670 no 12:30:00 1e3 2026-11-27 007 1_000 .5 = on Null NULL true 0x1F 0o17 .inf .nan 1.10 <<"


@pytest.mark.parametrize("written", SURPRISES.split())
def test_a_scalar_arrives_as_written(tmp_path: Path, written: str) -> None:
    """What other YAML readers take for a number, a date or a boolean reaches a text as it is written."""
    assert city(tmp_path, written) == written
    text = f"""\
lists:
  vip:
    fields: {{SHOP: {{}}}}
    contacts: [{{inline: [{{phone: 0612345670, SHOP: {written}}}]}}]
"""
    desired = configuration(tmp_path, text).desired
    assert dict(desired[Address(None, "contacts", "vip")].data.wanted.table) == {"33612345670": {"SHOP": written}}


@quick
@given(written=PLAIN)
def test_any_plain_scalar_arrives_as_written(stack: Stack, written: str) -> None:
    """Any plain scalar is text: nothing is rounded, cut or turned into another type."""
    assume(is_plain(written))

    assert city(stack.root, written) == written


@pytest.mark.parametrize("written", ["", "~", "null", "  # nothing"])
def test_only_null_is_null(tmp_path: Path, written: str) -> None:
    """Nothing, ~ and null are null, and so clear the value; quoted they are text."""
    assert city(tmp_path, written) is None
    quoted = json.dumps(written)
    assert city(tmp_path, quoted) == written.strip()


def test_a_scalar_reaches_the_account_as_written(stack: Stack) -> None:
    """A value such as 007 is what the API is called with."""
    stack.write(
        """\
sub_accounts:
  shop:
    {first_name: on, last_name: no, email: a@b.example, company: 1e3, mobile: 0612345670, zip: 007, city: 12:30:00,
     password: {env: PASSWORD}}
lists:
  vip: {name: 2026-11-27, fields: {SHOP: }, contacts: [{inline: [{phone: 06 12 34 56 70, SHOP: .5}]}]}
"""
    )
    stack.apply()

    calls = {call.method: call.params for call in stack.calls()}
    sent = json.dumps(calls["createSubAccount"])
    for value in ("on", "no", "1e3", "007", "12:30:00"):
        assert f'"{value}"' in sent or f'\\"{value}\\"' in sent
    assert "2026-11-27" in json.dumps(calls["createList"])
    assert ".5" in json.dumps(calls["populateList"])


# -- references -----------------------------------------------------------------------------


def escaped(text: str) -> str:
    return text.replace("${", "$${")


@quick
@given(text=st.text("ab $ {}.var\\", max_size=12).map(str.strip), value=st.text("ab${}. ", max_size=6).map(str.strip))
@example(text="$$${", value="${var.x}")
def test_an_escaped_text_is_itself_and_a_value_is_not_read_again(stack: Stack, text: str, value: str) -> None:
    """$${ stands for ${, and what a variable holds is never taken for a reference."""
    assume(not text.endswith("$"))
    written = json.dumps(f"({escaped(text)}|${{var.x}}|${{stack.name}})")

    assert city(stack.root, written, x=value) == f"({text}|{value}|test)"


@quick
@given(given=st.none() | st.just("flag"), environment=st.none() | st.just("environment"), file=st.booleans())
def test_the_nearest_value_of_a_variable_counts(
    stack: Stack, given: str | None, environment: str | None, file: bool
) -> None:
    """--var comes before --var-file, that before SMSOPS_VAR_x, that before the default."""
    (stack.root / "smsops.yaml").write_text(
        'smsops: 1\nstack: test\nvariables: {x: {default: default}}\nlists: {vip: {name: "${var.x}"}}\n', "utf-8"
    )
    (stack.root / "values").write_text("x: file\n", "utf-8")
    inputs = Inputs(
        variables={"x": given} if given else {},
        variable_files=[str(stack.root / "values")] if file else [],
        environment={"SMSOPS_VAR_x": environment} if environment else {},
    )

    desired = load(stack.root, KINDS, inputs).desired[Address(None, "list", "vip")]
    assert desired.identity == (given or ("file" if file else None) or environment or "default")


# -- anchors and merge keys -----------------------------------------------------------------

PRINTED = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
SMALL = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("1234"), max_size=4)


@quick
@given(own=SMALL, first=SMALL, second=SMALL, merge_last=st.booleans())
def test_a_merge_takes_what_is_not_said_nearer(
    own: dict[str, str], first: dict[str, str], second: dict[str, str], merge_last: bool
) -> None:
    """A mapping's own keys win over merged ones, and the first merged mapping over the second, in any order."""
    lines = [f"  {key}: {value}" for key, value in own.items()]
    lines.insert(len(lines) if merge_last else 0, "  <<: [*first, *second]")
    body = "\n".join(lines)
    text = f"first: &first {json.dumps(first)}\nsecond: &second {json.dumps(second)}\nmerged:\n{body}\n"
    diagnostics = Diagnostics()

    tree = parse(text.encode(), "x", diagnostics)

    assert not diagnostics.items
    assert tree["merged"] == {**second, **first, **own}
    for key, value in tree["merged"].items():
        mark = tree["merged"].value_mark(key)
        assert mark.column is not None
        assert text.splitlines()[mark.line - 1][mark.column - 1 :].lstrip('"').startswith(value)


@quick
@given(tree=st.recursive(PRINTED, lambda inner: st.lists(inner) | st.dictionaries(PRINTED, inner), max_leaves=12))
def test_an_alias_is_what_its_anchor_stands_for(tree: Any) -> None:
    """An alias has the very value of its anchor, and JSON is read as JSON writes it."""
    diagnostics = Diagnostics()

    found = parse(f'{{"one": &it {json.dumps(tree, ensure_ascii=False)}, "two": *it}}'.encode(), "x", diagnostics)

    assert not diagnostics.items
    assert found == {"one": tree, "two": tree}


def test_an_included_file_does_not_reach_through_an_anchor(tmp_path: Path) -> None:
    """What an included file adds to a section is not added where an alias repeats that section."""
    (tmp_path / "more.yaml").write_text("lists: {more: {}}\n", "utf-8")
    text = """\
include: [more.yaml]
lists: &lists {vip: {}}
sub_accounts:
  acme: {first_name: A, last_name: B, email: a@b.example, lists: *lists}
"""

    addresses = {str(address) for address in configuration(tmp_path, text).desired}

    assert addresses == {"list.vip", "list.more", "sub_account.acme", "acme/list.vip"}


# -- CSV ------------------------------------------------------------------------------------

NAMES = words('Hélène|Zoë|Mme Noël|Besançon|L’Haÿ|Œuvre|Sète; Nîmes|Épinal, 12 €|a|b\tc|d|"e"', "|")
CELLS = NAMES | st.text(string.printable, max_size=8).map(str.strip)
TABLES = st.lists(st.tuples(st.integers(1, 99).map(str), CELLS, CELLS), min_size=1, max_size=6)
HEADER = ("phone", "first name", "city")


@quick
@given(
    table=TABLES,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    newline=st.sampled_from(["\n", "\r\n"]),
    blank=st.sets(st.integers(0, 6)),
)
def test_a_table_is_the_same_in_every_form_of_csv(
    stack: Stack,
    table: list[tuple[str, str, str]],
    encoding: str,
    delimiter: str,
    quoting: Any,
    newline: str,
    blank: set[int],
) -> None:
    """Encoding, delimiter, quotes and blank lines of a CSV file do not change its rows, and each row has its line."""
    assume(not any(character in cell for row in table for cell in row for character in "\x0b\x0c\r"))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=newline)
    expected = []
    for number, row in enumerate([HEADER, *table]):
        if number in blank:
            out.write(newline)
        line = out.getvalue().count("\n") + 1
        writer.writerow(row)
        expected.append((line, dict(zip(HEADER, row, strict=True))))
    (stack.root / "table.csv").write_bytes(out.getvalue().encode(encoding))
    diagnostics = Diagnostics()

    rows = DataFiles(stack.root, None, diagnostics).rows("table.csv", Mark("smsops.yaml", 1, 1))

    assert not diagnostics.items
    assert rows == expected[1:]


@quick
@given(table=TABLES)
def test_the_formats_of_data_files_say_the_same(stack: Stack, table: list[tuple[str, str, str]]) -> None:
    """A table has the same rows as NDJSON and as CSV."""
    records = [dict(zip(HEADER, row, strict=True)) for row in table]
    (stack.root / "table.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    diagnostics = Diagnostics()

    rows = DataFiles(stack.root, None, diagnostics).rows("table.ndjson", Mark("smsops.yaml", 1, 1))

    assert not diagnostics.items
    assert rows == [(number, record) for number, record in enumerate(records, start=1)]


def test_parquet_values_are_texts(tmp_path: Path) -> None:
    """Numbers, dates and gaps of a Parquet file are read as a CSV file would have them."""
    import duckdb

    query = """
        COPY (SELECT * FROM (VALUES
            (612345678.0::DOUBLE, 'Lyon', 1.50::DECIMAL(4, 2), DATE '2026-11-27', true),
            ('nan'::DOUBLE, NULL, NULL, NULL, false)
        ) AS t(phone, city, price, day, vip)) TO '{}' (FORMAT parquet)
    """
    with duckdb.connect() as connection:
        connection.execute(query.format(tmp_path / "table.parquet"))
    diagnostics = Diagnostics()

    rows = DataFiles(tmp_path, None, diagnostics).rows("table.parquet", Mark("smsops.yaml", 1, 1))

    assert not diagnostics.items
    assert rows == [
        (1, {"phone": "612345678", "city": "Lyon", "price": "1.50", "day": "2026-11-27", "vip": "true"}),
        (2, {"phone": "", "city": "", "price": "", "day": "", "vip": "false"}),
    ]


# -- outside values that are no text ----------------------------------------------------------


def test_a_value_that_is_no_text_is_refused(stack: Stack) -> None:
    """Bytes of the environment that are not UTF-8 are an error, not a failure of smsops."""
    stack.environment |= {"BYTES": "caf\udce9", "SMSOPS_VAR_x": "caf\udce9"}
    stack.write("variables: {x: {}}\nlists: {vip: {name: '${env.BYTES}'}}\n")

    result = stack.run("validate", "--format", "json")

    assert result.exit_code == 1
    assert [item["code"] for item in result.document["diagnostics"]] == ["SMS132", "SMS133"]
