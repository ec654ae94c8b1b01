"""Webhooks of the sandbox: manual §5.3, §6.5 and §10.3."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smsops.sandbox.app import Sandbox
from tests.sandbox.sandbox_client import LOGIN, Api, new_api
from tests.sandbox.test_sandbox_server import Server

NOW = datetime(2026, 11, 20, 12, 0, 0)
PHONES = [f"336{number:08}" for number in range(60)]
DELIVERIES, REPLIES = "https://acme.example/dlr?key=a%26b", "http://acme.example:8080/mo"


def listening() -> Api:
    sandbox = Sandbox(seed=3, reply_rate=0.3, stop_rate=0.3)
    sandbox.set_clock(NOW)
    api = new_api(sandbox)
    sandbox.webhooks(deliveries=DELIVERIES, replies=REPLIES)
    return api


@pytest.fixture
def api() -> Iterator[Api]:
    made = listening()
    yield made
    made.sandbox.close()


def pushed(api: Api, hours: float = 0) -> list[str]:
    """What is pushed when the clock has come so far."""
    api.sandbox.set_clock(NOW + timedelta(hours=hours))
    urls: list[str] = []
    assert api.sandbox.push(urls.append) == len(urls)
    return urls


def params(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def test_deliveries_are_pushed(api: Api) -> None:
    """The last push of each SMS says what getAckBySmsId says, under the names of §6.5, behind the customer's own query."""
    sent = api.send(*PHONES)
    urls = [url for url in pushed(api, 1000) if url.startswith(DELIVERIES + "&")]
    last = {params(url)["smsId"]: params(url) for url in urls}
    assert len(last) == len(PHONES)
    for sms in sent["smsIds"]:
        ack = api("getAckBySmsId", smsIds=sms["smsId"])
        assert last[sms["smsId"]] == {
            "key": "a&b",
            "smsId": sms["smsId"],
            "status": ack["status"],
            "statusText": ack["comment"],
            "receptionDate": ack["receptionDate"],
            "phoneNumber": ack["phoneNumber"],
            "campaignId": sent["campaignId"],
        }


def test_replies_are_pushed(api: Api) -> None:
    """Each reply is pushed under the names of §10.3, and can be pulled all the same."""
    sent = api.send(*PHONES)
    found = [params(url) for url in pushed(api, 1000) if url.startswith(REPLIES + "?")]
    replies = api("getPull", campId=sent["campaignId"])["Mos"]
    smses = {sms["phoneNumber"]: sms["smsId"] for sms in sent["smsIds"]}
    assert found == [
        {
            "smsId": smses[reply["phoneNumber"]],
            "smsMoId": reply["Id"],
            "receptionDate": reply["receptionDate"],
            "phoneNumber": reply["phoneNumber"],
            "campaignId": reply["campaignId"],
            "message": reply["Message"],
        }
        for reply in replies
    ]
    assert len(api("getPulls")["Mos"]) == len(replies) > 0


def test_the_webhook_of_simplified_sending(api: Api) -> None:
    """What was sent by the simplified method is reported with a `smsid`, as §5.3 spells it."""
    api("9.0", message="x", mobile=PHONES[0])
    assert all("smsid" in params(url) for url in pushed(api, 1000) if url.startswith(DELIVERIES))


@settings(max_examples=20, deadline=None)
@given(hours=st.lists(st.integers(0, 400), max_size=8))
def test_everything_is_pushed_once(hours: list[int]) -> None:
    """However often and whenever one pushes, even if the clock goes back, all is pushed once."""
    stories = []
    for stops in (hours, []):
        api = listening()
        api.send(*PHONES)
        api.send(*PHONES[:10], DATE="2026-11-21 10:00:00")
        urls = [url for hour in stops for url in pushed(api, hour)]
        stories.append(sorted(urls + pushed(api, 500)))
        api.sandbox.close()
    assert stories[0] == stories[1]


def test_pushes_come_in_the_order_of_time(api: Api) -> None:
    """Deliveries and replies are pushed in the order in which they came in."""
    api.send(*PHONES)
    dates = [params(url)["receptionDate"] for url in pushed(api, 1000)]
    assert dates == sorted(dates)


def test_webhooks_can_be_turned_off(api: Api) -> None:
    """Without an address nothing is pushed, and what came meanwhile is not pushed later; a bad address is refused."""
    api.send(*PHONES)
    api.sandbox.webhooks(deliveries="")
    assert all(url.startswith(REPLIES) for url in pushed(api, 400))
    api.sandbox.webhooks(replies="")
    api.send(*PHONES)
    assert pushed(api, 800) == []
    api.sandbox.webhooks(deliveries=DELIVERIES, replies=REPLIES)
    assert pushed(api, 900) == []
    for wrong in ({"deliveries": "file:///etc/passwd"}, {"replies": "acme.example"}, {"bounces": REPLIES}):
        with pytest.raises(ValueError, match=r"webhook"):
            api.sandbox.webhooks(**wrong)


class _Customer(BaseHTTPRequestHandler):
    got: SimpleQueue[str] = SimpleQueue()

    def do_GET(self) -> None:
        self.got.put(self.path)
        self.send_error(404 if self.path.startswith("/missing") else 200)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_server_pushes(tmp_path: Path) -> None:
    """A running server pushes by itself once its clock has moved; an address that fails is told without a number."""
    customer = HTTPServer(("127.0.0.1", 0), _Customer)
    thread = threading.Thread(target=customer.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    root = f"http://127.0.0.1:{customer.server_port}"
    server = Server(tmp_path / "sandbox.db")
    try:
        server.control("clock", now="2026-11-20T12:00:00")
        server.control("recipients", seed=1, stop_rate=1)
        server.control("webhooks", deliveries=f"{root}/missing", replies=f"{root}/mo")
        server.post("sendSms", smsData='{"DATA": {"MESSAGE": "x", "SMS": [{"MOBILEPHONE": "0612345678"}]}}')
        server.control("clock", now="2026-12-20T12:00:00")
        paths = [_Customer.got.get(timeout=9) for _ in range(3)]
        assert [urlsplit(path).path for path in paths] == ["/missing", "/missing", "/mo"]
        assert params(paths[2])["message"] == "STOP"
        code, errors = server.end()
        assert code == 0
        assert set(errors.splitlines()) == {f"the webhook {root}/missing answered 404"}
    finally:
        server.process.kill()
        customer.shutdown()
        thread.join()
        customer.server_close()


@pytest.mark.parametrize(
    "options", [("--reply-webhook", "file:///etc/passwd"), ("--reply-rate", "0.6", "--stop-rate", "0.6")]
)
def test_options_that_make_no_sense(tmp_path: Path, options: tuple[str, ...]) -> None:
    """`sandbox serve` says what is wrong with its options and does not begin."""
    command = [sys.executable, "-m", "smsops", "-C", str(tmp_path), "sandbox", "serve", "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "SMS450" in done.stderr


def test_the_blacklist_and_the_webhook_agree(api: Api) -> None:
    """Who follows the pushed STOPs and STARTs knows the blacklist."""
    api.send(*PHONES)
    known: set[str] = set()
    for hours in range(0, 400, 20):
        for url in pushed(api, hours + 0.0001):
            said = params(url)
            if said.get("message") == "STOP":
                known.add(said["phoneNumber"])
            elif said.get("message") == "START":
                known.discard(said["phoneNumber"])
    assert known == set(api.sandbox.snapshot()["blacklists"][LOGIN])
    assert known
