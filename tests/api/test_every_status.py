"""Every status of every method comes from the sandbox, in both formats, and is read for what it is; docs/methods.md says so."""

from __future__ import annotations

import importlib
import json
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from smsops.api.errors import AuthenticationRefused, Refused
from smsops.api.methods import (
    CancelStatus,
    CreditStatus,
    EmailStatus,
    SendStatus,
    Verdict,
    comparable,
)
from smsops.api.payloads import Format
from smsops.api.records import DeliveryStatus
from smsops.api.verdicts import judge
from smsops.sandbox.app import Sandbox
from tests.api.every_status import CASES, Case, World, expected
from tests.api.methods_page import PAGE, page
from tests.api.test_api_properties import PARSERS

IN_ONE_FORMAT = {"manageSubAccountCredits-OK": Format.XML, "manageSubAccountCredits-none": Format.JSON}


def status_in(answer: bytes) -> str:
    """The status of an answer, as tables have it; "" where there is none."""
    if answer.lstrip()[:1] == b"<":
        return comparable(ElementTree.fromstring(answer).findtext("status"))
    return comparable(json.loads(answer).get("status"))


def read(case: Case, answer: bytes) -> Any:
    return judge(case.method, PARSERS[case.method.name], answer)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_status(case: Case) -> None:
    """The sandbox answers with the status under its condition, in JSON and in XML, and the client reads what it means."""
    formats = [IN_ONE_FORMAT[case.id]] if case.id in IN_ONE_FORMAT else list(Format)
    for format in formats:
        sandbox = Sandbox()
        world = World(sandbox, format)
        answer, refused = world.answer(case.method, case.parameters(world))
        sandbox.close()

        assert (answer.lstrip()[:1] == b"<") is (format is Format.XML and not case.method.at_root)
        assert (refused is not None) is case.is_no
        check(case, answer)


def check(case: Case, answer: bytes) -> None:
    if isinstance(case.status, DeliveryStatus):
        value = read(case, answer)
        reports = value.reports if case.method.name == "getAcks" else value
        assert [report.status for report in reports] == [case.status]
        return
    if case.status is None:
        if not case.error:
            assert case.method.name == "getInfo" or status_in(answer) in ("", *own_statuses(case))
            assert read(case, answer) is not None
            return
        assert b"error" in answer
        with pytest.raises(Refused):
            read(case, answer)
        return
    assert status_in(answer) in case.status.spellings
    if case.taken or case.status.verdict is Verdict.DONE:
        value = read(case, answer)
        assert getattr(value, "status", case.status.code) == case.status.code
        return
    with pytest.raises(Refused) as raised:
        read(case, answer)
    assert raised.value.status == case.status.code
    assert (type(raised.value) is AuthenticationRefused) is (case.status.verdict is Verdict.UNAUTHENTICATED)


def own_statuses(case: Case) -> tuple[str, ...]:
    # The one answer of getAckBySmsId is a report itself, whose status is the message's.
    return tuple(str(status.code) for status in DeliveryStatus) if case.method.name == "getAckBySmsId" else ()


def test_no_status_is_missing() -> None:
    """Every entry of the client's tables has its condition in the sandbox, and each case is named once."""
    found = {
        (case.method.name, case.status if case.status is not None else "error" if case.error else "none")
        for case in CASES
    }

    assert found == expected() | {("getPulls", "error")}
    assert len({case.id for case in CASES}) == len(CASES)


MANUAL = {
    SendStatus: (100, 101, 102, 104, 105, 109, 110, 111, 114, 115),
    DeliveryStatus: (1, 2, 3, 4, 5),
    CancelStatus: (
        "CAMPIDNOTFOUND",
        "CAMPNOTFOUND",
        "BADCAMPAIGSENDINGTYPE",
        "CAMPAIGNALREADYDELETED",
        "BCAMPAIGNSTATUS",
        "BADDATETOSEND",
        "CAMPALREADYSENT",
        "OK",
    ),
    CreditStatus: ("OK", 0, 1, 2, 3, 4, 5),
    EmailStatus: (100, 101, 102, 104, 105, 106, 107, 109, 110, 114, 115),
}


@pytest.mark.parametrize("table", MANUAL, ids=lambda table: table.__name__)
def test_the_tables_have_all_that_the_manual_prints(table: Any) -> None:
    """Annexes 5, 6, 7 and 21, and §19."""
    assert set(MANUAL[table]) <= {entry.code for entry in table}


def test_the_page_is_that_of_the_code() -> None:
    """docs/methods.md is made anew by `make tables` after every change of a status or a condition."""
    assert PAGE.read_text("utf-8") == page()


def test_the_page_names_tests_that_exist() -> None:
    """No cell of the page is empty, and the test in each row is one that runs."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ") and "`tests/" in line]

    assert len(rows) == len(CASES)
    for row in rows:
        assert all(cell.strip() for cell in row.strip("|").split(" | "))
        found = re.search(r"`(tests/[\w/]+)\.py::(\w+)\[(.+)\]`", row)
        assert found is not None
        test = getattr(importlib.import_module(found[1].replace("/", ".")), found[2])
        (mark,) = test.pytestmark
        assert found[3] in [mark.kwargs["ids"](value) for value in mark.args[1]]
