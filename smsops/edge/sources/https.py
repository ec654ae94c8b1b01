"""Files on the web: https, and http on this machine.

urllib from the standard library: it finds proxies by itself and reads a body while it arrives. What it does not do is done
here: a body that ends early is an error, credentials stay with their host, and a server may fail a few times at first.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import IO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit, urlunsplit

from smsops.edge.sources.address import Address
from smsops.edge.sources.pins import check_etag
from smsops.model.sources import SourceUnreadable

_CONNECT = 10.0
_SILENCE = 60.0
"""Seconds: to connect, and without a byte from the server."""
_CHUNK = 256 * 1024
_PAUSES = (0.2, 0.5, 1.3)
"""Seconds before each new attempt, where the server names no other time."""
_LONGEST_PAUSE = 30.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PAGES = (b"<!doctype html", b"<html")

_Broken = (OSError, http.client.HTTPException)


class _Failed(Exception):
    """An attempt that failed; `again` where the next one may not, `pause` how long the server wants to be left alone."""

    def __init__(self, error: SourceUnreadable, *, again: bool, pause: float | None = None) -> None:
        super().__init__()
        self.error = error
        self.again = again
        self.pause = pause


@contextmanager
def open_https(
    address: Address, environment: Mapping[str, str], *, etag: str | None, digest_known: bool
) -> Iterator[Iterator[bytes]]:
    """The body of what is at an address. SourceUnreadable where it is not a file, not that version, or cut short.

    Whether a body is complete is known by its length or its last chunk, or else by its digest (`digest_known`): a body
    with none of them is refused.
    """
    request = _request(address)
    opener = _opener(address, environment)
    response, first = _begun(address, opener, request)
    with closing(response):
        check_etag(address, etag, response.headers.get("ETag"))
        _check_body(address, response, first, digest_known=digest_known)
        yield _chunks(address, response, first)


def _request(address: Address) -> urllib.request.Request:
    parts = address.parts
    if not parts.hostname:
        raise address.unreadable("it names no host")
    if not _is_safe(address.url):
        raise address.unreadable(
            "contacts are not read over http, which anybody on the way can read and change", "Use https."
        )
    if parts.username is not None and not address.by_reference:
        raise address.unreadable(
            "credentials stand in the configuration", "Put the address into a variable and write {env: NAME}."
        )
    try:
        host = parts.netloc.rpartition("@")[2].encode("idna").decode()
    except UnicodeError:
        raise address.unreadable("it names no host") from None
    path, query = (quote(part, safe="/%:@!$&'()*+,;=?~") for part in (parts.path or "/", parts.query))
    url = urlunsplit((parts.scheme, host, path, query, ""))
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "smsops"}
    )
    if address.user is not None:
        pair = f"{address.user}:{address.password or ''}".encode()
        # An unredirected header is not sent to where the server redirects to.
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    return request


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


# -- connections ----------------------------------------------------------------------------


class _Plain(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(_SILENCE)  # until now, the time to connect


class _Secure(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(_SILENCE)


class _PlainHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Plain, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._trust = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Secure, req, context=self._trust)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to https, and on this machine from http to http. Credentials go along only to the server that they are for."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            old, new = urlsplit(req.full_url), urlsplit(newurl)
            same = (old.scheme, old.hostname, old.port) == (new.scheme, new.hostname, new.port)
            safe = _is_safe(newurl) and (new.scheme == "https" or old.scheme == "http") and "@" not in new.netloc
        except ValueError:
            safe = same = False
        if not safe:
            fp.close()
            raise self._address.unreadable("the server redirects to what is no plain https address")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        credentials = req.unredirected_hdrs.get("Authorization")
        if request is not None and credentials is not None and same:
            request.add_unredirected_header("Authorization", credentials)
        return request


def _opener(address: Address, environment: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """What opens https and http, and nothing else."""
    try:
        context = ssl.create_default_context(
            cafile=environment.get("SSL_CERT_FILE") or None, capath=environment.get("SSL_CERT_DIR") or None
        )
    except OSError:
        raise address.unreadable("SSL_CERT_FILE or SSL_CERT_DIR holds no certificates") from None
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _PlainHandler(),
        _SecureHandler(context),
        _Redirects(address),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


# -- the answer -----------------------------------------------------------------------------


def _begun(
    address: Address, opener: urllib.request.OpenerDirector, request: urllib.request.Request
) -> tuple[http.client.HTTPResponse, bytes]:
    """An answer and the beginning of its body. Until that is there, everything may be tried again."""
    for pause in (*_PAUSES, None):
        try:
            return _attempt(address, opener, request)
        except _Failed as failed:
            if pause is None or not failed.again:
                raise failed.error from None
            time.sleep(min(pause if failed.pause is None else failed.pause, _LONGEST_PAUSE))
    raise AssertionError("unreachable")


def _attempt(
    address: Address, opener: urllib.request.OpenerDirector, request: urllib.request.Request
) -> tuple[http.client.HTTPResponse, bytes]:
    try:
        response = cast("http.client.HTTPResponse", opener.open(request, timeout=_CONNECT))
    except HTTPError as error:
        with closing(error):
            raise _refused(address, error.code, error.headers.get("Retry-After", "")) from None
    except (*_Broken, ValueError) as error:
        raise _broken(address, error) from None
    if response.status != HTTPStatus.OK:
        response.close()
        raise _refused(address, response.status, "")
    try:
        return response, _read(response)
    except _Broken as error:
        response.close()
        raise _broken(address, error) from None


def _check_body(address: Address, response: http.client.HTTPResponse, first: bytes, *, digest_known: bool) -> None:
    """SourceUnreadable where the body is not the file, or would not be known to be all of it."""
    if first[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        raise address.unreadable(
            "the server answers with a web page, not with a file",
            "It may ask for a login. Use the address of the download.",
        )
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity" and not address.parts.path.endswith(".gz"):
        raise address.unreadable("the server compresses the body although it was asked not to")
    if response.headers.get("Content-Length") is None and not response.chunked and not digest_known:
        raise address.unreadable(
            "the server does not say how long it is, so a part could be taken for the whole", "Add sha256."
        )


def _chunks(address: Address, response: http.client.HTTPResponse, first: bytes) -> Iterator[bytes]:
    chunk = first
    while chunk:
        yield chunk
        try:
            chunk = _read(response)
        except _Broken as error:
            raise _broken(address, error).error from None


def _read(response: http.client.HTTPResponse) -> bytes:
    """The next bytes; nothing at the end. IncompleteRead where the body is shorter than was announced."""
    chunk = response.read(_CHUNK)
    if len(chunk) < _CHUNK and response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return chunk


# -- failures -------------------------------------------------------------------------------


def _refused(address: Address, status: int, retry_after: str) -> _Failed:
    detail = ""
    again = status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN if address.user is None:
            cause = f"the server asks for credentials, or refuses everybody ({status})"
            detail = "Put https://user:password@… into a variable, and write {env: NAME} in place of the address."
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            cause = f"the server refuses the credentials ({status})"
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            cause, detail = f"there is no such file ({status})", "Check the address."
        case _ if 300 <= status < 400:
            cause = f"the server redirects in a circle, too often, or to what is no https address ({status})"
        case _:
            phrase = HTTPStatus(status).phrase if status in {each.value for each in HTTPStatus} else ""
            cause, detail = f"the server answers {status} {phrase}".rstrip(), "Run again." if again else ""
    pause = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None
    return _Failed(address.unreadable(cause, detail), again=again, pause=pause)


def _broken(address: Address, error: Exception) -> _Failed:
    """What became of a connection. The texts of the libraries may quote the address: none is shown."""
    reason = error.reason if isinstance(error, URLError) else error
    again, detail = True, "Run again."
    match reason:
        case ssl.SSLCertVerificationError():
            cause, again = f"the certificate of the server is not accepted: {reason.verify_message}", False
            detail = "If its authority is your own, name the file with its certificate in SSL_CERT_FILE."
        case ssl.SSLError():
            cause = "no TLS connection can be made"
        case socket.gaierror():
            cause, detail = "the name of the host cannot be resolved", "Check the address and the network."
        case TimeoutError():
            cause = "the server does not answer in time"
        case ConnectionRefusedError():
            cause, detail = "the server refuses the connection", "Check the address and the network."
        case OSError() if str(reason).startswith("Tunnel connection failed"):
            cause, detail, again = "the proxy refuses the connection", "Check HTTPS_PROXY and NO_PROXY.", False
        case http.client.IncompleteRead():
            cause = "the connection ended before the file did"
        case OSError() | http.client.HTTPException() if not isinstance(reason, http.client.InvalidURL):
            cause = "the connection broke"
        case _:
            cause, detail, again = "it is no address of a file on the web", "", False
    return _Failed(address.unreadable(cause, detail), again=again)
