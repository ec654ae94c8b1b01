"""Short links in the sandbox: manual §28."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import KEY, LOGIN, Api, new_api


@pytest.fixture
def api() -> Iterator[Api]:
    sandbox = Sandbox()
    yield new_api(sandbox)
    sandbox.close()


def test_each_call_makes_a_new_short_address(api: Api) -> None:
    """The answer has the manual's keys, slashes escaped, and each call is another link that is remembered."""
    assert api.raw("shortenUrl", url="http://www.yoururl.fr").text == (
        '{"url":"http:\\/\\/www.yoururl.fr","SHORTURL":"http:\\/\\/bs.ms\\/1001"}'
    )
    other = api("shortenUrl", url="http://www.yoururl.fr")
    assert api.sandbox.snapshot()["links"] == {
        "http://bs.ms/1001": "http://www.yoururl.fr",
        other["SHORTURL"]: "http://www.yoururl.fr",
    }
    assert [(call.method, call.outcome) for call in api.sandbox.calls] == [("shortenUrl", "done")] * 2
    assert api("getInfo")["credits"] == "100000"


@pytest.mark.parametrize(
    "url", ["", "  ", "acme.example", "ftp://acme.example", "http://", "http:///x", "http://a b.fr"]
)
def test_what_is_no_address_is_refused(api: Api, url: str) -> None:
    """Without an http(s) address the answer is a refusal as writes have it, and no link is made."""
    answer = api("shortenUrl", url=url)
    assert list(answer) == ["status", "statusText"]
    assert answer["status"] == "0"
    assert api.sandbox.snapshot()["links"] == {}


def test_any_text_gets_an_answer(api: Api) -> None:
    """Whatever is to be shortened, the answer is a short address or a refusal."""

    @settings(max_examples=50, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(url=st.one_of(st.text(st.characters(codec="utf-8")), st.from_regex(r"https?://.{0,20}")))
    def check(url: str) -> None:
        answer = api("shortenUrl", url=url)
        assert answer.get("status") == "0" or answer["SHORTURL"].startswith("http://bs.ms/")

    check()


def test_a_sandbox_from_before_there_were_links_goes_on(tmp_path: Path) -> None:
    """A file that an earlier version has written keeps its data and learns of links."""
    path = tmp_path / "sandbox.sqlite"
    sandbox = Sandbox(path)
    sandbox.ensure_master(LOGIN, KEY, credits=7)
    sandbox._store.connection.execute("DROP TABLE link")
    sandbox._store.connection.execute("PRAGMA user_version = 1")
    sandbox.close()

    sandbox = Sandbox(path)

    assert Api(sandbox, LOGIN, KEY)("shortenUrl", url="https://acme.example/")["SHORTURL"] == "http://bs.ms/1001"
    assert sandbox.snapshot()["accounts"][LOGIN]["credits"] == 7
    sandbox.close()
