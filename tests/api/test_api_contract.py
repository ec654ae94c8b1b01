"""What the rest of the package relies on: the ports, the purity of the contract, and that nothing secret shows."""

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest

from smsops.api.client import ReaderClient, WriterClient
from smsops.api.contract import Reader, Writer
from smsops.api.errors import ApiError, AuthenticationRefused, NotSent, OutcomeUnknown, Refused, Unreadable
from smsops.api.methods import METHODS, Method
from smsops.api.records import (
    AccountInfo,
    Contacts,
    CreatedSubAccount,
    Credentials,
    DeliveryReport,
    DeliveryReports,
    DeliveryStatus,
    Email,
    Replies,
    Reply,
    Sent,
    SentEmail,
)
from smsops.table import Rows
from tests.api.scripted_server import CALLS, KEY, MESSAGE, WRITES, Server, Step, ask, failure


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_reader_cannot_write() -> None:
    """The client that the planner gets has no mutating method."""
    assert public(ReaderClient) == public(Reader)
    assert not public(Reader) & (public(Writer) - public(Reader))
    assert len(public(Reader)) == 13
    assert isinstance(ReaderClient(None, Credentials("a", "b")).account(Credentials("c", "d")), ReaderClient)  # type: ignore[arg-type]
    assert not isinstance(ReaderClient(None, Credentials("a", "b")).account(Credentials("c", "d")), WriterClient)  # type: ignore[arg-type]


def test_writer_is_the_port() -> None:
    """The client has the methods of the port, with the same parameters."""
    assert public(WriterClient) == public(Writer)
    for name in public(Writer):
        promised, kept = (inspect.signature(getattr(kind, name)) for kind in (Writer, WriterClient))
        assert list(promised.parameters.values()) == list(kept.parameters.values()), name


RENAMED = {"simplified sending": "send_simplified", "getCreditsByCountryIsoCode": "get_credits_by_country"}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_documentation_cites_the_manual(method: Method) -> None:
    """Whoever reads what a method does is told where the manual says so."""
    name = RENAMED.get(method.name) or re.sub("([A-Z])", r"_\1", method.name).lower()

    assert re.search(rf"manual {method.section}\b", inspect.getdoc(getattr(Writer, name)) or "")


@pytest.mark.parametrize("module", ["contract", "methods", "answers", "tree", "verdicts", "payloads", "wire"])
def test_only_the_network_needs_a_network_library(module: str) -> None:
    """Importing the contract, or judging an answer, loads nothing of the network; the client none until it is opened."""
    code = f"import sys, smsops.api.{module}; first = {{'pycurl', 'ssl'}} & set(sys.modules); "
    code += "import smsops.api.client; sys.exit(bool(first) or 'pycurl' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_errors_are_one_tree_with_codes() -> None:
    """Each error has a code of its own, and a refused login is a refusal."""
    kinds = (ApiError, NotSent, Refused, AuthenticationRefused, Unreadable, OutcomeUnknown)

    assert [kind.code for kind in kinds] == ["SMS300", "SMS301", "SMS302", "SMS303", "SMS304", "SMS305"]
    assert all(issubclass(kind, ApiError) for kind in kinds)
    assert issubclass(AuthenticationRefused, Refused)


@pytest.mark.parametrize(
    "value",
    [
        Credentials("acme", "s3cret"),
        AccountInfo("Active Account", 5, "s3cret", {"mobile": "33612345678"}),
        CreatedSubAccount("s3cret"),
        Contacts(Rows({"33612345678": {"FIRSTNAME": "Marie"}}), 1),
        MESSAGE,
        Sent(100, "ap_1", invalid_numbers=("33612345678",), sms_ids=(("33612345678", "s3cret"),)),
        DeliveryReports((DeliveryReport("33612345678", DeliveryStatus.DELIVERED, "1", "", None),)),
        Replies((Reply("33612345678", "Marie s3cret", "ap_1", "1", None),)),
        Email("news@acme.example", ["Marie <m@acme.example>"], "Soldes", "<p>Marie s3cret", text="Marie"),
        SentEmail(100, "em_1", invalid_addresses=("Marie <m@acme.example>",)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_shows_no_secret_and_no_phone(value: object) -> None:
    """A value that ends up in a log or a traceback gives nothing away."""
    assert "s3cret" not in repr(value)
    assert "33612345678" not in repr(value)
    assert "Marie" not in repr(value)


ECHO = f"login acme key {KEY} password hush-hush to 33612345678, +33 6 12 34 56 78\n\x1b[31m"


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 0, "statusText": ECHO},
        {"status": 102, "text": ECHO, "apiKey": KEY, "password": "hush-hush"},
        {"status": ECHO, "campaignId": KEY},
        {"status": 999, "statusText": ECHO, "error": ECHO, "apiKey": "another-secret", "login": ECHO},
        {"error": ECHO},
        f'{{"status": 1, "apiKey": "another-secret", "statusText": "{ECHO[:-6]}", "x',
        f"<b>Warning</b> {ECHO}",
    ],
)
def test_error_shows_no_secret_and_no_phone(method: str, answer: Step) -> None:
    """A server may echo what it was sent; an error does not pass it on, nor what could confuse a terminal."""
    try:
        shown = repr(ask(Server(answer), CALLS[method][0]))
    except ApiError as error:
        evidence = error.evidence if isinstance(error, OutcomeUnknown) else {}
        shown = f"{error} {error!r} {error.detail} {error.status} {error.hint} {evidence} {error.__context__!r}"
    for secret in (KEY, "another-secret", "33612345678", "6 12 34 56", "\x1b"):
        assert secret not in shown
    if method == "createSubAccount":
        assert "hush-hush" not in shown


def test_digits_in_a_key_do_not_escape_by_being_masked() -> None:
    """A key that looks like a phone number is hidden as a key, not shown as a masked phone."""
    raised = failure(
        Server({"status": 0, "statusText": "bad key ab12345678901"}), CALLS["deleteList"][0], key="ab12345678901"
    )

    assert isinstance(raised, ApiError)
    assert raised.detail.endswith('("bad key •••")')


@pytest.mark.parametrize("method", WRITES)
def test_error_says_which_method(method: str) -> None:
    """An error names its method and reads as one line."""
    raised = failure(Server(b"<html></html>"), CALLS[method][0])

    assert isinstance(raised, OutcomeUnknown)
    assert raised.method == method
    assert str(raised).startswith(f"{method}: ")


def test_values_are_frozen() -> None:
    """What was read cannot be changed afterwards."""
    value: Any = Credentials("acme", "k")

    with pytest.raises(AttributeError):
        value.login = "other"
