"""A web server with TLS, in this process, that answers what a test tells it to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.certificate import Certificate, make_certificate

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """`answers` has what it does for each path; `seen` the path and the credentials of each request."""

    def __init__(self, directory: Path, *, tls: bool = True) -> None:
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.certificate: Certificate = make_certificate(directory)
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                web.seen.append((path, self.headers.get("Authorization")))
                self.close_connection = True
                web.answers.get(path, status(404))(self)

            def log_message(self, *parts: Any) -> None:
                return

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                return  # a client that went away, or does not like the certificate

            def finish_request(self, request: Any, client_address: Any) -> None:
                if tls:  # here, in the thread of the connection, so that nobody waits for a handshake
                    request = context.wrap_socket(request, server_side=True)
                try:
                    super().finish_request(request, client_address)
                finally:
                    request.close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.chain, self.certificate.key)
        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.environment = {"SSL_CERT_FILE": str(self.certificate.authority)}
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def running(directory: Path, *, tls: bool = True) -> Iterator[Web]:
    """A server that finds nothing, until it is told to."""
    web = Web(directory, tls=tls)
    try:
        yield web
    finally:
        web.close()


def file(content: bytes, *, length: int | None = None, **headers: str) -> Answer:
    """The content, with its length or another one; an underscore in the name of a header is a hyphen."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return answer


def status(code: int, **headers: str) -> Answer:
    """An answer without content."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def only_for(credentials: str, answer: Answer) -> Answer:
    """The answer, for whoever sends this header; 401 for everybody else."""

    def guarded(request: BaseHTTPRequestHandler) -> None:
        (answer if request.headers.get("Authorization") == credentials else status(401))(request)

    return guarded


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one from then on."""
    left = list(answers)

    def answer(request: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer
