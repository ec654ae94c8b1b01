"""Accounts that exist become stacks: whatever an account holds, its export owns it as it is, and touches nothing else."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsops.config.interpolate import Names, interpolate
from smsops.config.writing import mapping
from smsops.config.yaml import parse
from smsops.model.address import Address
from smsops.model.diagnostics import Diagnostics, Mark
from tests.harness import LOGIN, READS, Stack
from tests.kinds.contract import phone

ODD = [
    "vip", "VIP", "Clients fidèles", "clients-fideles", "null", "no", "~", "<<", "007", "1e3", "0x1F", "12:30:00",
    "2026-11-27", "+33 1 23 45 67 89", "a: b", "a #b", "- a", "'", '"', "\\", "${x}", "$${x}", "l'été", "😀", "汉字",
    "two\nlines", "a\tb", "\x85", "\u2028", "\ufeff", " blank ", "bell\x07", "x" * 300, "smsops.yaml", "list.csv", "{}",
    "[a, b]", "@a", "`", "%", "a,b", "Éa: «b» 5 €", "nul\0", "🇫🇷 & 👩‍👩‍👧", "true", "?", "-", ".", "a/b", "../a",
]  # fmt: skip
texts = st.one_of(st.sampled_from(ODD), st.text(max_size=6))
PHONES = (*map(phone, range(5)), "33692123456", "612345678", "4915112345678", "14155550123")
DETAILS = ("PHONE", "WEBSITE", "ADDRESS", "ZIP", "CITY", "COUNTRY", "BILLCITY", "BILLEMAIL", "BILLPHONE")

names = texts.map(str.strip).filter(bool)  # blanks at the ends of a name do not reach the client
lists = st.dictionaries(
    names,
    st.tuples(
        st.lists(st.sampled_from(["NAME", "Shop", "MOBILE", "Prénom"]), max_size=3, unique=True),
        st.lists(st.tuples(st.sampled_from(PHONES), texts), max_size=5, unique_by=lambda row: row[0]),
        st.booleans(),
    ),
    max_size=4,
)
sub_accounts = st.dictionaries(
    names.filter(lambda login: login != LOGIN),
    st.tuples(
        st.dictionaries(st.sampled_from(DETAILS), texts, max_size=4),
        st.sampled_from(["Ada", "Ada", "Ada", "", "l'été: #1"]),
        lists,
    ),
    max_size=3,
)


@contextlib.contextmanager
def inhabited(own: Any, subs: Any) -> Iterator[Stack]:
    """A directory without a stack, and an account that has all this."""
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(Path(directory))
        for login, (details, first_name, _) in subs.items():
            stack.sandbox.add_sub_account(LOGIN, login, credits=5, firstname=first_name, **details)
        for login, made in [(LOGIN, own), *((login, inside) for login, (_, _, inside) in subs.items())]:
            for name, (fields, rows, locked) in made.items():
                contacts = [{"phone": number, **dict.fromkeys(fields, value)} for number, value in rows]
                stack.sandbox.add_list(login, name, fields, contacts, locked=locked)
        with contextlib.closing(stack.sandbox):
            yield stack


def files(root: Path) -> dict[str, bytes]:
    """All that a person wrote, or would have written."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".smsops" not in path.parts
    }


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(lists, sub_accounts)
def test_an_exported_account_is_owned_as_it_is(own: Any, subs: Any) -> None:
    """An export makes only reads, its plan is empty, and the export of what it has written is the same, byte by byte."""
    with inhabited(own, subs) as stack:
        before = stack.sandbox.snapshot()
        exported = stack.run("export", "one")
        assert exported.exit_code == 0, exported.stderr
        assert {call.method for call in stack.calls()} <= READS
        first = stack.root / "one"

        plan = stack.run("-C", str(first), "plan", "--detailed-exitcode")
        assert plan.exit_code == 0, plan.stdout + plan.stderr
        assert stack.run("-C", str(first), "export", "../two").exit_code == 0
        assert files(stack.root / "two") == files(first)
        assert stack.sandbox.snapshot() == before
        assert sorted(path.name for path in stack.root.iterdir()) == ["one", "two"]


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(lists, sub_accounts, st.sampled_from(["list.[a-m]*", "*/list.*", "sub_account.*", "*[a-k]"]))
def test_a_part_that_is_exported_leaves_the_rest_alone(own: Any, subs: Any, target: str) -> None:
    """Destroying a stack that owns a part of an account touches nothing else: no other list, and no account with such."""
    with inhabited(own, subs) as stack:
        if stack.run("export", "part", "--target", target).exit_code:
            assert not (stack.root / "part").exists()
            return
        before = stack.sandbox.snapshot()["lists"]
        part = ["-C", str(stack.root / "part")]
        entries = {
            Address.parse(line): stack.run(*part, "state", "show", line).document["identity"]
            for line in stack.run(*part, "state", "list").stdout.split()
        }
        logins = {address.name: login for address, login in entries.items() if address.kind == "sub_account"}
        owned = {
            (logins[address.account] if address.account else LOGIN, name)
            for address, name in entries.items()
            if address.kind == "list"
        }
        stack.run(*part, "destroy", "--auto-approve")

        after = stack.sandbox.snapshot()["lists"]
        lost = {(login, name) for login in before for name in before[login].keys() - after.get(login, {}).keys()}
        assert lost <= owned


trees = st.dictionaries(
    texts.filter(lambda key: "${" not in key and "\0" not in key),
    st.recursive(
        st.one_of(texts.filter(lambda text: "\0" not in text), st.booleans()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        ),
        max_leaves=5,
    ),
    max_size=4,
)


@settings(max_examples=200)
@given(trees)
def test_what_is_written_is_read_again(tree: Any) -> None:
    """Whatever is written as YAML is read as the same; a text that looks like a reference too."""

    def as_text(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: as_text(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [as_text(inner) for inner in value]
        return str(value).lower() if isinstance(value, bool) else value

    diagnostics = Diagnostics()
    text = "\n".join(mapping(tree))
    read = parse(text.encode(), "f", diagnostics) if tree else {}
    found = interpolate(read, Mark("f", 1, 1), Names({}, {}, "", diagnostics))[0]
    assert not diagnostics.items, text
    assert found == as_text(tree), text
