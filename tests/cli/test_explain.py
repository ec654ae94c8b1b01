"""`explain`, and what errors of the API say by themselves."""

from __future__ import annotations

import pytest

from smsops.api.causes import cause
from smsops.api.methods import METHODS, Verdict
from smsops.cli.codes import explained
from smsops.cli.main import run
from tests.harness import Stack
from tests.kinds.contract import person


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `explain` prints, or its error."""
    code = run(["explain", *arguments])
    out, err = capsys.readouterr()
    assert code == (0 if out else 1)
    return str(out or err)


def test_every_code_is_explained_however_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A code is found with or without its letters, in any case; one that does not exist leads to one that does."""
    for code, explanation in explained().items():
        text = said(capsys, code)
        assert text.startswith(f"{code}: ")
        assert "](" not in text
        assert {said(capsys, code.lower()), said(capsys, code[3:])} == {text}
        assert explanation.means.split("[")[0] in text
    assert "docs/ci.md" in said(capsys, "142")
    assert 'Did you mean "SMS201"?' in said(capsys, "SMS2O1")
    assert 'Did you mean "sendSms"?' in said(capsys, "sendSm")


def test_every_status_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Each status of each method has the manual's meaning, and a refusal what to do about it; another is no success."""
    for method in METHODS:
        name = "send" if method.at_root else method.name
        listed = said(capsys, name)
        for entry in list(method.statuses):
            text = said(capsys, name.upper(), entry.spellings[-1])
            assert entry.meaning in text
            assert entry.meaning in listed
            if entry.verdict is not Verdict.DONE:
                assert cause(method, entry)
                assert cause(method, entry) in text
    assert "640 characters" in said(capsys, "sendSms", "109")
    assert "login and API key" in said(capsys, "getInfo", "0")
    assert "unknown number" in said(capsys, "getAcks", "5")
    assert "no success" in said(capsys, "sendSms", "77")


def test_a_refusal_says_status_meaning_and_cause(stack: Stack) -> None:
    """What apply prints of a refusal has the status, the manual's words and the likely cause, so that nobody needs the manual."""
    stack.sandbox.ensure_master("theirs", "their-key")
    stack.write({"sub_accounts": {"theirs": person()}})
    result = stack.run("apply", "--auto-approve")

    assert result.exit_code == 3
    assert "createSubAccount 0: an error has occurred" in result.stdout + result.stderr
    assert "As a rule the login is taken" in result.stdout + result.stderr
