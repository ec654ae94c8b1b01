"""The network as it is: sockets, TLS, proxies; which failures mean that a request never left, and what travels along."""

import asyncio
import datetime
import gzip
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from smsops.api import network
from smsops.api.client import Transport, WriterClient
from smsops.api.errors import ApiError, NotSent, OutcomeUnknown, Unreadable
from smsops.api.methods import GET_CONTACTS
from smsops.api.records import Credentials, Message
from tests.api.scripted_server import KEY, LOGIN, MESSAGE, VirtualClock

T = TypeVar("T")
GOOD = b'{"Lists": []}'


def http(body: bytes = GOOD, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """An answer on the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Line:
    """A server that reads requests and writes what it is told to; b"" breaks the connection, None never answers."""

    answers: list[bytes | None] = field(default_factory=lambda: [http()])
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    tunnels: bool = False
    """A proxy: says yes to CONNECT and answers what then comes itself."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if self.tunnels and head.startswith(b"CONNECT"):
                    self.requests.append(head)
                    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    continue
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer is None:
                    await reader.read()
                    break
                writer.write(answer)
                await writer.drain()
                if not answer or b"more to come" in answer:
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.talk, "127.0.0.1", 0, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


def ask(
    line: Line,
    call: Callable[[WriterClient], Awaitable[T]],
    url: str = "http://127.0.0.1:{port}/http/9.0",
    tls: ssl.SSLContext | None = None,
    timeout: float = 5,
) -> T:
    """Make a call over the network."""

    async def run() -> T:
        async with line.listening(tls) as port:
            address = url.format(port=port)
            async with Transport(address, clock=VirtualClock(), attempts=2, timeout=timeout) as transport:
                return await call(WriterClient(transport, Credentials(LOGIN, KEY)))

    return asyncio.run(run())


def send(api: WriterClient) -> Awaitable[object]:
    return api.send_sms(MESSAGE)


def lists(api: WriterClient) -> Awaitable[object]:
    return api.get_lists()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(params=["epoll", "selector"])
def _any_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With epoll, and as on a system that has none."""
    if request.param == "selector":
        monkeypatch.setattr(network, "_EPOLL", None)


any_system = pytest.mark.usefixtures("_any_system")


@any_system
def test_a_request() -> None:
    """A POST with its parameters in the body, from smsops, that takes JSON, compressed if the server likes."""
    line = Line()

    ask(line, lists)
    head, _, body = line.requests[0].lower().partition(b"\r\n\r\n")

    assert head.startswith(b"post /http/9.0/getlists/ http/1.1\r\n")
    for header in (
        b"content-type: application/x-www-form-urlencoded",
        b"accept: application/json, application/xml",
        b"user-agent: smsops",
    ):
        assert header in head.split(b"\r\n")
    assert b"accept-encoding: gzip" in head
    assert b"login=acme" in body


@any_system
def test_connections_are_used_again() -> None:
    """One call after another goes over one connection."""
    line = Line()

    async def thrice(api: WriterClient) -> None:
        for _ in range(3):
            await api.get_lists()

    ask(line, thrice)

    assert (line.connections, len(line.requests)) == (1, 3)


def test_compressed_answer() -> None:
    """gzip is taken off."""
    line = Line([http(gzip.compress(GOOD), "200 OK", "Content-Encoding: gzip")])

    assert ask(line, lists) == ()


def test_cookies_do_not_travel() -> None:
    """A session of one account must not go along with the next account's requests."""
    line = Line([http(GOOD, "200 OK", "Set-Cookie: PHPSESSID=x; Path=/")])

    async def twice(api: WriterClient) -> None:
        await api.get_lists()
        await api.account(Credentials("other", "other-key")).get_lists()

    ask(line, twice)

    assert b"login=other" in line.requests[1]
    assert b"cookie" not in line.requests[1].lower()


def test_redirect_is_not_followed() -> None:
    """A POST that becomes a GET loses its parameters, and another server has no business with the key."""
    line = Line([http(b"", "302 Found", "Location: /elsewhere/")])

    with pytest.raises(Unreadable):
        ask(line, lists)
    assert len(line.requests) == 1


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", http(b'{"status":100,', length=99)], ids=["nothing", "no HTTP", "a part"]
)
def test_broken_exchange_goes_out_once(answer: bytes) -> None:
    """Once a request has left it may have arrived: a send that broke off is in doubt and is not repeated."""
    line = Line([answer if b"status" not in answer else answer + b" more to come"])

    with pytest.raises(OutcomeUnknown):
        ask(line, send)
    assert len(line.requests) == 1


def test_part_of_an_answer_is_kept() -> None:
    """What arrived before the connection broke is evidence."""
    line = Line([http(b'{"status":100,"campaignId":"ap_1","more to come"', length=999)])

    with pytest.raises(OutcomeUnknown) as raised:
        ask(line, send)
    assert raised.value.evidence["campaignid"] == "ap_1"


def test_silence_is_in_doubt() -> None:
    """A server that has taken the request and says nothing may have processed it."""
    line = Line([None])

    with pytest.raises(OutcomeUnknown, match="no answer"):
        ask(line, send, timeout=0.1)
    assert len(line.requests) == 1


@any_system
def test_connection_that_was_closed_while_idle_is_not_used() -> None:
    """A server may let go of a connection between two requests: the next one goes out on another, once."""
    line = Line([http(GOOD, "200 OK", "X-Note: more to come"), http(b'{"status":101,"campaignId":"ap_1"}')])

    async def read_then_send(api: WriterClient) -> None:
        await api.get_lists()
        await asyncio.sleep(0.05)
        await api.send_sms(MESSAGE)

    ask(line, read_then_send)

    assert (line.connections, len(line.requests)) == (2, 2)


def test_request_is_not_repeated_on_a_new_connection() -> None:
    """A warm connection that closes without an answer may have carried the request to its end: it is in doubt."""
    line = Line([http(), b""])

    async def read_then_send(api: WriterClient) -> None:
        await api.get_lists()
        await api.send_sms(MESSAGE)

    with pytest.raises(OutcomeUnknown):
        ask(line, read_then_send)
    assert (line.connections, len(line.requests)) == (1, 2)


def test_long_body_goes_out_at_once() -> None:
    """Two megabytes are sent without asking first whether the server would like to have them."""
    line = Line([http(b'{"status":101,"campaignId":"ap_1"}')])

    ask(line, lambda api: api.send_sms(Message("x" * 2_000_000, MESSAGE.recipients)))

    assert len(line.requests[0]) > 2_000_000
    assert b"expect" not in line.requests[0].lower()


# What never left


@pytest.mark.parametrize("url", ["no-scheme", "ftp://host", "https://[", "https://host:port"])
def test_address_that_is_none(url: str) -> None:
    """A wrong account.url is found out before anything leaves."""
    with pytest.raises(NotSent) as raised:
        ask(Line(), send, url)
    assert "account.url" in raised.value.hint


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://host.invalid"])
def test_no_connection(url: str) -> None:
    """A refused connection and a name that nobody knows are requests that never left."""
    with pytest.raises(NotSent, match="no connection"):
        ask(Line(), send, url)


def test_server_without_tls() -> None:
    """A handshake that fails comes before the request."""
    line = Line()

    with pytest.raises(NotSent, match="no connection"):
        ask(line, send, "https://127.0.0.1:{port}", timeout=1)
    assert line.requests == []


@any_system
def test_slow_collector_gets_all() -> None:
    """Whoever takes an answer in more slowly than it comes lets the server wait, and misses nothing."""
    body = b"x" * (12 << 20)

    class Slow:
        size = 0

        def feed(self, chunk: bytes) -> None:
            time.sleep(0.01)
            self.size += len(chunk)

        def body(self) -> bytes:
            return b'{"size": %d}' % self.size

    async def run() -> object:
        async with (
            Line([http(body)]).listening() as port,
            Transport(f"http://127.0.0.1:{port}", clock=VirtualClock()) as transport,
        ):
            credentials = Credentials(LOGIN, KEY)
            return await transport.call(
                GET_CONTACTS, {}, lambda answer: answer.tree, credentials=credentials, collect=Slow
            )

    assert asyncio.run(run()) == {"size": len(body)}


@any_system
def test_each_connection_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not come about in time comes before the request, whatever happened before it."""
    line = Line([b"", None])

    async def run() -> None:
        async with line.listening() as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
            async with Transport("https://api.invalid", timeout=1.2, attempts=1) as transport:
                api = WriterClient(transport, Credentials(LOGIN, KEY))
                for pause in (0.3, 0):
                    with pytest.raises(NotSent):
                        await api.send_sms(MESSAGE)
                    await asyncio.sleep(pause)

    asyncio.run(run())


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key, as PEM."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smsops test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_unknown_certificate(certificate: Path) -> None:
    """A server that cannot prove who it is gets no key and no request."""
    line = Line()

    with pytest.raises(NotSent, match=r"[Cc]ertificate"):
        ask(line, send, "https://127.0.0.1:{port}", server_context(certificate))
    assert line.requests == []


def test_certificate_from_the_environment(certificate: Path) -> None:
    """SSL_CERT_FILE says whom to trust."""
    code = (
        "import asyncio, sys\n"
        "from smsops.api.client import ReaderClient, Transport\n"
        "from smsops.api.records import Credentials\n"
        "async def main():\n"
        "    async with Transport(sys.argv[1]) as transport:\n"
        "        print(await ReaderClient(transport, Credentials('acme', 'key')).get_lists())\n"
        "asyncio.run(main())"
    )

    async def run() -> bytes:
        async with Line().listening(server_context(certificate)) as port:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", code, f"https://127.0.0.1:{port}"),
                env=os.environ | {"SSL_CERT_FILE": str(certificate)},
                stdout=asyncio.subprocess.PIPE,
            )
            return (await process.communicate())[0]

    assert asyncio.run(run()) == b"()\n"


# Proxies


def test_proxy_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """http_proxy is asked for the whole URL, with its user and password."""
    line = Line()

    async def run() -> None:
        async with line.listening() as port:
            monkeypatch.setenv("http_proxy", f"http://me:hush@127.0.0.1:{port}")
            async with Transport("http://api.invalid/http/9.0", clock=VirtualClock()) as transport:
                await WriterClient(transport, Credentials(LOGIN, KEY)).get_lists()

    asyncio.run(run())

    assert line.requests[0].startswith(b"POST http://api.invalid/http/9.0/getLists/ HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6aHVzaA==" in line.requests[0]


def test_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY names the hosts that are reached without one."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert ask(Line(), lists) == ()


@pytest.mark.parametrize("proxy", ["http://me:hush@127.0.0.1:1", "socks5://me:hush@127.0.0.1:1", "127.0.0.1:1"])
def test_proxy_that_is_not_there(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its proxy a request never leaves, and the error does not tell the proxy's password."""
    monkeypatch.setenv("http_proxy", proxy)

    with pytest.raises(NotSent) as raised:
        ask(Line(), send)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("answer", [b"", http(b"", "407 Proxy Authentication Required")], ids=["nothing", "407"])
def test_proxy_that_refuses_a_tunnel(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proxy says to CONNECT comes before the request."""
    line = Line([answer])

    async def run() -> None:
        async with line.listening() as port:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:hush@127.0.0.1:{port}")
            async with Transport("https://api.invalid", clock=VirtualClock(), attempts=1) as transport:
                await WriterClient(transport, Credentials(LOGIN, KEY)).send_sms(MESSAGE)

    with pytest.raises(ApiError) as raised:
        asyncio.run(run())
    assert type(raised.value) is NotSent
    assert "hush" not in str(raised.value)
    assert line.requests[0].startswith(b"CONNECT api.invalid:443 ")
