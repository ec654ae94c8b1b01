"""What is peculiar to sources on the web."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from smsops.edge.sources import open_source
from smsops.model.sources import RemoteSource, SourceUnreadable
from tests.servers import web
from tests.servers.process import free_ports
from tests.servers.web import Web, file, in_turn, status
from tests.sources.contract import CONTENT, Given

LONG = CONTENT + b"0612345678,x,\n" * 50_000


@pytest.fixture
def server(web_server: Web) -> Iterator[Web]:
    """The server, with nothing on it that another test put there."""
    before = dict(web_server.answers)
    web_server.seen.clear()
    yield web_server
    web_server.answers.clear()
    web_server.answers.update(before)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Web]:
    """A server without TLS."""
    with web.running(tmp_path, tls=False) as made:
        yield made


def at(server: Web, path: str, **pins: str) -> Given:
    return Given(f"{server.address}{path}", server.environment, pins=pins)


# -- what a file must be --------------------------------------------------------------------


def test_a_digest_is_checked_at_the_end(server: Web) -> None:
    """A file with the right digest is read, in either case of letters; another one ends with an error."""
    server.answers["/vip.csv"] = file(LONG)
    digest = hashlib.sha256(LONG).hexdigest()

    assert at(server, "/vip.csv", sha256=digest).content() == LONG
    assert at(server, "/vip.csv", sha256=digest.upper()).content() == LONG
    assert "sha256" in at(server, "/vip.csv", sha256="0" * 64).refusal().summary


@pytest.mark.parametrize(
    ("wanted", "sent"), [('"v1"', '"v1"'), ("v1", '"v1"'), ('W/"v1"', '"v1"'), ('"v1"', 'W/"v1"')], ids=str
)
def test_an_etag_that_matches(server: Web, wanted: str, sent: str) -> None:
    """Quotes and the mark of a weak one make no other version."""
    server.answers["/vip.csv"] = file(CONTENT, ETag=sent)

    assert at(server, "/vip.csv", etag=wanted).content() == CONTENT


def test_an_etag_that_does_not_match(server: Web) -> None:
    """Another version is not read; the message says which one is there."""
    server.answers["/vip.csv"] = file(CONTENT, ETag='"v2"')
    server.answers["/plain.csv"] = file(CONTENT)

    other = at(server, "/vip.csv", etag="v1").refusal()
    none = at(server, "/plain.csv", etag="v1").refusal()

    assert "Its ETag is v2." in other.detail
    assert "names no ETag" in none.summary


def test_a_page_is_no_file(server: Web) -> None:
    """A login page that comes with 200 is not taken for contacts."""
    server.answers["/vip.csv"] = file(b"\xef\xbb\xbf\n<!DOCTYPE html><title>Sign in</title>")

    assert "a web page" in at(server, "/vip.csv").refusal().summary


def test_compressed_files_go_through_as_they_are(server: Web) -> None:
    """What is stored compressed is the caller's to expand; a file that the server compresses unasked is refused."""
    packed = gzip.compress(CONTENT)
    server.answers["/vip.csv.gz"] = file(packed, Content_Encoding="gzip")
    server.answers["/vip.csv"] = file(packed, Content_Encoding="gzip")

    assert at(server, "/vip.csv.gz").content() == packed
    assert "compresses" in at(server, "/vip.csv").refusal().summary


def test_an_empty_file_is_read(server: Web) -> None:
    """That it holds nothing is known: what it means is the reader's to say."""
    server.answers["/vip.csv"] = file(b"")

    assert at(server, "/vip.csv").content() == b""


# -- whole or not at all --------------------------------------------------------------------


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> web.Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for part in parts:
            request.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        request.wfile.write(end)

    return answer


def endless(content: bytes) -> web.Answer:
    """Without a length: the end of the connection is the end of the content."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)

    return answer


@pytest.mark.parametrize("content", [CONTENT, LONG], ids=["short", "long"])
def test_a_body_that_is_shorter_than_announced(server: Web, content: bytes) -> None:
    """A body without its last byte is no file."""
    server.answers["/vip.csv"] = file(content[:-1], length=len(content))

    assert "ended before the file did" in at(server, "/vip.csv").refusal().summary


def test_a_body_in_chunks(server: Web) -> None:
    """A body whose length is not known before is whole when its last chunk has come, and not without it."""
    server.answers["/vip.csv"] = chunked(CONTENT[:50], CONTENT[50:])
    server.answers["/cut.csv"] = chunked(LONG, end=b"")

    assert at(server, "/vip.csv").content() == CONTENT
    assert at(server, "/cut.csv").refusal()


def test_a_body_of_unknown_length(server: Web) -> None:
    """What may be a part is refused, unless a digest says that it is the whole."""
    server.answers["/vip.csv"] = endless(CONTENT)

    assert "does not say how long it is" in at(server, "/vip.csv").refusal().summary
    assert at(server, "/vip.csv", sha256=hashlib.sha256(CONTENT).hexdigest()).content() == CONTENT


# -- attempts -------------------------------------------------------------------------------


def hangs_up(request: BaseHTTPRequestHandler) -> None:
    """No answer at all."""


def test_a_server_may_fail_at_first(server: Web) -> None:
    """What passes by itself is tried again, before the first byte: 5xx, 429, and connections that break."""
    broken = file(CONTENT[:9], length=len(CONTENT))
    server.answers["/vip.csv"] = in_turn(status(503), hangs_up, broken, file(CONTENT))
    server.answers["/busy.csv"] = in_turn(status(429, Retry_After="0"), file(CONTENT))

    assert at(server, "/vip.csv").content() == CONTENT
    started = time.monotonic()
    assert at(server, "/busy.csv").content() == CONTENT
    assert time.monotonic() - started < 0.2  # what the server asked for, not our own pause
    assert len(server.seen) == 4 + 2


def test_a_server_that_goes_on_failing(server: Web) -> None:
    """The attempts have an end, and its last answer is told."""
    server.answers["/vip.csv"] = status(502, Retry_After="0")

    assert "502 Bad Gateway" in at(server, "/vip.csv").refusal().summary
    assert len(server.seen) == 4


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 204, 206])
def test_an_answer_that_stays_is_not_asked_for_again(server: Web, code: int) -> None:
    """What no second attempt changes costs one request."""
    server.answers["/vip.csv"] = status(code)

    assert f"{code}" in at(server, "/vip.csv").refusal().summary
    assert len(server.seen) == 1


def test_nobody_listens() -> None:
    """A server that is out of reach is that."""
    [port] = free_ports(1)

    assert "refuses the connection" in Given(f"https://127.0.0.1:{port}/vip.csv").refusal().summary


# -- who is at the other end ----------------------------------------------------------------


def test_a_certificate_of_nobody_known(server: Web) -> None:
    """A server that anybody could be is not asked, and no second time."""
    server.answers["/vip.csv"] = file(CONTENT)

    error = replace(at(server, "/vip.csv"), environment={}).refusal()

    assert "certificate of the server is not accepted" in error.summary
    assert "SSL_CERT_FILE" in error.detail
    assert server.seen == []


def test_http_is_for_this_machine(plain: Web) -> None:
    """Contacts cross no network in the clear."""
    plain.answers["/vip.csv"] = file(CONTENT)

    assert at(plain, "/vip.csv").content() == CONTENT
    assert Given(f"http://localhost:{plain.port}/vip.csv").content() == CONTENT
    for host in ("example.org", "127.0.0.1.example.org", "10.0.0.1", "localhost.example"):
        assert "Use https" in Given(f"http://{host}/vip.csv").refusal().detail


# -- redirects and credentials --------------------------------------------------------------

PAIR = "crm:correct/horse"
HEADER = f"Basic {base64.b64encode(PAIR.encode()).decode()}"


def with_credentials(server: Web, path: str) -> Given:
    url = f"https://crm:correct%2Fhorse@127.0.0.1:{server.port}{path}"
    return Given(url, server.environment, secrets=("correct/horse", "correct%2Fhorse", "crm:"))


def test_a_redirect_is_followed(server: Web) -> None:
    """Files that moved are found, relative or not."""
    server.answers["/one"] = status(302, Location="/two")
    server.answers["/two"] = status(308, Location=f"{server.address}/vip.csv?signature=of-a-query")
    server.answers["/vip.csv"] = file(CONTENT)

    assert at(server, "/one").content() == CONTENT


def test_credentials_stay_with_their_host(server: Web) -> None:
    """A redirect to the same server takes them along, one to another name of it does not."""
    server.answers["/same"] = status(302, Location="/vip.csv")
    server.answers["/other"] = status(302, Location=f"https://localhost:{server.port}/vip.csv")
    server.answers["/vip.csv"] = file(CONTENT)

    assert with_credentials(server, "/same").content() == CONTENT
    assert with_credentials(server, "/other").content() == CONTENT
    assert server.seen == [("/same", HEADER), ("/vip.csv", HEADER), ("/other", HEADER), ("/vip.csv", None)]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/x",
        "http://example.org/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "https://u:secret-of-it@127.0.0.1/x",
    ],
)
def test_a_redirect_to_elsewhere_is_not_followed(server: Web, target: str) -> None:
    """From https to https and nowhere else; where to is not shown."""
    server.answers["/vip.csv"] = status(302, Location=target)

    given = replace(at(server, "/vip.csv"), secrets=("/etc/passwd", "secret-of-it", "example.org"))

    assert re.search(r"redirects .*to what is no (plain )?https address", given.refusal().summary)


def test_redirects_in_a_circle(server: Web) -> None:
    """Going round has an end."""
    server.answers["/vip.csv"] = status(302, Location="/vip.csv")

    assert "in a circle" in at(server, "/vip.csv").refusal().summary
    assert len(server.seen) <= 11


def test_credentials_in_the_configuration_are_refused(tmp_path: Path) -> None:
    """A literal address holds no user, no password and no signed parameter, and what it held is not shown."""
    for url in (
        "https://crm:secret-of-it@127.0.0.1/vip.csv",
        "https://secret-of-it@127.0.0.1/vip.csv",
        "https://127.0.0.1/vip.csv?sig=secret-of-it",
        "https://127.0.0.1/vip.csv?X-Amz-Signature=secret-of-it",
    ):
        with pytest.raises(SourceUnreadable) as caught, open_source(RemoteSource(url), tmp_path, {}):
            pass
        assert "secret-of-it" not in f"{caught.value.summary}{caught.value.detail}"
        assert "{env: NAME}" in caught.value.detail


# -- addresses ------------------------------------------------------------------------------


def test_a_path_may_hold_blanks_and_accents(server: Web) -> None:
    """An address is written as a person writes it, or as a program encodes it."""
    server.answers["/%C3%A9t%C3%A9/les%20vip.csv"] = file(CONTENT)

    assert at(server, "/été/les vip.csv?a=b c").content() == CONTENT
    assert at(server, "/%C3%A9t%C3%A9/les%20vip.csv").content() == CONTENT


@pytest.mark.parametrize(
    "url",
    [
        "https://crm:secret/of/it@127.0.0.1/vip.csv",
        "https://crm:secret#of#it@127.0.0.1/vip.csv",
        "https://crm:secret?of?it@127.0.0.1/vip.csv",
        "https://crm:secret@of@127.0.0.1/vip.csv",
        "https://crm:1234/secret@127.0.0.1/vip.csv",
        "https://crm:secret@[127.0.0.1/vip.csv",
        "https://crm:secret@127.0.0.1:port/vip.csv",
        "https://crm:secret@127.0.0.1/vip\n.csv",
        "https://crm:secret@/vip.csv",
        "https://crm:secret@a..b/vip.csv",
        "https://crm:secret@a b/vip.csv",
        "//crm:secret@127.0.0.1/vip.csv",
        "ftp://crm:secret@127.0.0.1/vip.csv",
        "crm:secret",
    ],
)
def test_an_address_that_makes_no_sense_is_not_shown(url: str, tmp_path: Path) -> None:
    """A password is not taken for a host or a path, however it is written."""
    given = Given(url)

    with pytest.raises(SourceUnreadable) as caught, given.open():
        pass

    text = f"{caught.value.summary}{caught.value.detail}"
    assert "secret" not in text
    assert "1234" not in text


def test_a_reference_to_nothing(tmp_path: Path) -> None:
    """A variable that is not set is named."""
    with pytest.raises(SourceUnreadable, match="SOURCE_URL is not set"), Given("").open():
        pass
