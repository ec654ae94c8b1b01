"""Conditions: what may stand in one, and that neither a condition nor what is said of it reaches further than it may."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smsops.table import BadCondition, Rows
from smsops.table.condition import check
from smsops.table.engine import engine
from tests.kinds.contract import phone

FIELDS = ("AGE", "BIRTH", "CITY", "NAME", "ORDER")
EVE = {"AGE": "30", "BIRTH": "1996-02-29", "CITY": "Lyon", "NAME": "Zoé d'Arc", "ORDER": "a;b--c/*"}


@pytest.mark.parametrize(
    "condition",
    [
        "city = 'Lyon' AND NAME <> ''",
        "CITY LIKE 'L%' AND CITY ILIKE '%YON' AND CITY NOT LIKE '!%' ESCAPE '!'",
        "CITY IN ('Lyon', 'Nice') AND CITY NOT IN ('Paris')",
        "CITY BETWEEN 'A' AND 'Z' AND CITY IS NOT NULL AND CITY IS DISTINCT FROM NAME",
        "regexp_matches(CITY, '^L') AND CITY ~ 'L.*' AND CITY SIMILAR TO 'Lyon'",
        "starts_with(CITY, 'L') AND lower(CITY) = 'lyon' AND upper(CITY) = 'LYON' AND length(CITY) = 4",
        "CITY.lower() = 'lyon' AND CITY[1] = 'L' AND trim(CITY) || '!' = 'Lyon!'",
        "CAST(AGE AS INTEGER) > 18 AND AGE::INT + 1 = 31 AND TRY_CAST(NAME AS INT) IS NULL",
        "CASE WHEN AGE = '' THEN false ELSE AGE::DECIMAL(4, 1) > 18 END",
        "BIRTH::DATE < DATE '2000-01-01' AND year(BIRTH::DATE) = 1996 AND extract(month FROM BIRTH::DATE) = 2",
        "date_diff('year', BIRTH::DATE, DATE '2026-11-27') = 30 AND BIRTH::DATE + INTERVAL 1 DAY > DATE '1996-02-29'",
        "age(DATE '2026-11-27', BIRTH::DATE) > INTERVAL 18 YEAR AND strptime(BIRTH, '%Y-%m-%d') IS NOT NULL",
        "nullif(CITY, '') IS NOT NULL AND coalesce(CITY, 'x') = 'Lyon' AND if(CITY = '', false, true)",
        "split_part(NAME, ' ', 1) = 'Zoé' AND days_in_month(BIRTH::DATE) = 29 AND list_max([1, 2]) = 2",
        "strip_accents(NAME) COLLATE NOCASE = 'zoe d''arc'",
        "list_filter(['Lyon', 'x'], lambda each: each = CITY) = ['Lyon']",
        "NAME = E'Zoé d\\'Arc' AND NAME = $$Zoé d'Arc$$",
        "\"ORDER\" = 'a;b--c/*' -- quoted, as a word of SQL has to be",
        "true",
    ],
)
def test_what_may_stand_in_one(condition: str) -> None:
    """Whatever is made of a contact's fields and fixed values may choose contacts."""
    check(condition, FIELDS)
    assert len(Rows({phone(1): EVE}).matching(condition, FIELDS)) == 1


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("CITY = ''); DROP TABLE t; SELECT (true", "without other statements"),
        (r"E'\'' <> ''); CREATE MACRO mine() AS 1; SELECT (E'\'' <> ''", "without other statements"),
        ("$$'$$ <> ''); CREATE MACRO mine() AS 1; SELECT ($$'$$ <> ''", "without other statements"),
        ("true) LIMIT (1", "without other parts of a query"),
        ("true) UNION SELECT 1 WHERE (true", "without other parts of a query"),
        ("true) OR (true", "brackets do not match"),
        ("(true", "brackets do not match"),
        ("CITY = ", "something is missing at its end"),
        ("CITY = 'Lyon", "unterminated"),
        ("EXISTS (SELECT 1 FROM duckdb_tables())", "a subquery"),
        ("CITY = (WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) SELECT '' FROM r)", "a subquery"),
        ("CITY IN (SELECT 'Lyon')", "a subquery"),
        ("row_number() OVER () < 10", "a window function"),
        ("COLUMNS(*) = 'Lyon'", "COLUMNS"),
        ("? = CITY", "a parameter"),
        ("$1 = CITY", "a parameter"),
        ("#1 = CITY", "a position"),
        ("t.CITY = 'Lyon'", "t.CITY is no field"),
        ("system.main.lower(CITY) = 'lyon'", "name of a function alone"),
        ("other.lower(CITY) = 'lyon'", 'no field "other"'),
        ("lowr(CITY) = 'lyon'", "no function lowr()"),
        ("read_text('/etc/passwd') IS NULL", "no function read_text()"),
        ("NOT " * 3000 + "true", "nested too deeply"),
        ("lower(" * 900 + "CITY" + ")" * 900 + " = ''", "nested too deeply"),
        ("CITY", "true or false"),
        (" ", "true or false"),
        ("CITY, NAME", "true or false"),
        ("CITY = '\ud800'", "surrogate"),
        ('NAME = "0612345678"', "no field"),
    ],
)
def test_what_may_not(condition: str, why: str) -> None:
    """What is more than one expression over a contact's fields is refused with its reason, and without long numbers."""
    with pytest.raises(BadCondition) as refused:
        check(condition, FIELDS)
    assert why in str(refused.value)
    assert "0612345678" not in str(refused.value)


@pytest.mark.parametrize(
    "call",
    [
        *("random()", "uuid()", "now()", "today()", "current_date", "current_timestamp", "localtime", "nextval('s')"),
        *("current_localtimestamp()", "age(BIRTH::DATE)", "ago(INTERVAL 1 DAY)", "version()", "current_query()"),
        *("current_setting('TimeZone')", "getvariable('x')", "error(CITY)", "sleep_ms(1)", "pg_sleep(1)"),
        *("assert_true(CITY = '')", "in_search_path('a', 'b')", "json_serialize_plan(CITY)", "max(CITY)"),
    ],
)
def test_what_a_second_plan_would_see_otherwise(call: str) -> None:
    """A function of anything but the contact is refused by name, also where another function hides it."""
    with pytest.raises(BadCondition) as refused:
        check(f"{call} IS NOT NULL", FIELDS)
    assert str(refused.value).startswith(f"{call.split('(')[0]}")
    assert "does not depend on the contact alone" in str(refused.value)


def test_all_mistakes_at_once() -> None:
    """All fields that are missing, and all else that is wrong, are said together."""
    with pytest.raises(BadCondition) as refused:
        check("NOPE = '1' AND lower(NOPF) = '2' AND NOPE <> '3' AND random() > 0.5", ("CITY",))
    assert "random() does not depend on the contact alone" in str(refused.value)
    assert str(refused.value).endswith('; there are no fields "NOPE", "NOPF"; the fields are CITY')


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("CAST(NAME AS INTEGER) > 3", "TRY_CAST"),
        ("NAME::DATE > DATE '2000-01-01'", "TRY_CAST"),
        ("strptime(NAME, '%Y') IS NULL", "a value that it does not take"),
        ("regexp_matches('x', NAME || '(')", "a value that it does not take"),
        ("repeat(NAME, 100000000000) = ''", "the range of its type"),
    ],
)
def test_failures_do_not_quote_contacts(condition: str, why: str) -> None:
    """Where a condition fails for a contact the kind of failure is said, and nothing of what the contact holds."""
    with pytest.raises(BadCondition) as refused:
        Rows({phone(1): {"NAME": "marie.curie@x.fr"}}).matching(condition, FIELDS)
    assert "it fails for some contacts" in str(refused.value)
    assert why in str(refused.value)
    assert "marie" not in str(refused.value)


def test_failures_of_the_condition_itself_are_quoted() -> None:
    """Where a condition fails whatever contacts hold, its own mistake is quoted, with numbers masked."""
    with pytest.raises(BadCondition, match="date field value out of range"):
        Rows({phone(1): EVE}).matching("BIRTH::DATE > DATE '2026-13-01'", FIELDS)
    with pytest.raises(BadCondition) as refused:
        Rows({phone(1): EVE}).matching("BIRTH::DATE > DATE '0612345678'", FIELDS)
    assert "0612345678" not in str(refused.value)


PIECES = st.sampled_from(
    [
        *(
            "CITY",
            "'Lyon'",
            "=",
            "AND",
            "NOT",
            "lower",
            "(",
            ")",
            "[",
            "]",
            ",",
            ";",
            "'",
            '"',
            "E'\\'",
            "$$",
            "$a$",
            "\\",
        ),
        *(
            "--",
            "/*",
            "*/",
            "\n",
            "SELECT",
            "1",
            "FROM",
            "WHERE",
            "UNION",
            "CREATE MACRO mine() AS 1",
            "x",
            "->",
            ".",
            "::INT",
        ),
        *("true", "OVER", "?", "#1", "*", "LIMIT", "WITH", "AS", "{", "}", ":", "\x00", "\xa0", "é"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=14).map(" ".join))
@example(r"E'\''=''); CREATE MACRO mine() AS 1; SELECT 1 WHERE (''=E'\''")
@example("$$'$$=''); CREATE MACRO mine() AS 1; SELECT 1 WHERE ($$'$$=''")
def test_nothing_is_left_behind(condition: str) -> None:
    """Whatever a condition is made of: it chooses contacts or is refused, and the engine has nothing more than before."""
    query = "SELECT count(*) FROM duckdb_functions() WHERE function_name = 'mine'"
    with suppress(BadCondition):
        assert len(Rows({phone(1): EVE}).matching(condition, FIELDS)) <= 1
    assert engine().value(query) == 0
