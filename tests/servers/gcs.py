"""An emulator of Google Cloud Storage: objects through the XML API, in memory. It is not Google's code.

No server that can be installed speaks this API with generation preconditions (fake-gcs-server knows them in the
JSON API only). So this one is written from Google's reference of the XML API: upload, download, delete and list
objects, request preconditions, and the error documents. It is strict: a parameter or an `x-goog-` header that it does
not know is answered with 501 rather than ignored, and every request must carry the bearer token. Requests are
judged and carried out one at a time, as Google promises for one object.

Run as a script, this module is the server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import unquote
from xml.etree import ElementTree

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers import Server
from tests.servers.process import free_ports, started

BUCKET = "states"
TOKEN = "correct-horse-battery-staple"

LIST_PARAMETERS = frozenset(("list-type", "prefix", "delimiter", "max-keys", "start-after", "continuation-token"))
PRECONDITION = "x-goog-if-generation-match"
MOST_KEYS = 1000


@contextmanager
def running() -> Iterator[Server]:
    """A server with one bucket; requests must carry its token."""
    [port] = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    with started([sys.executable, "-m", "tests.servers.gcs", str(port)], lambda: _answers(address)):
        environment = {"GOOGLE_BASE_URL": address, "GOOGLE_BEARER_TOKEN": TOKEN, "GOOGLE_ALLOW_HTTP": "true"}
        yield Server(f"gs://{BUCKET}", environment)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5, trust_env=False).status_code == 401
    except httpx.TransportError:
        return False


@dataclass(frozen=True)
class Stored:
    """One generation of an object."""

    content: bytes
    generation: int
    content_type: str
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def digest(self) -> bytes:
        return hashlib.md5(self.content, usedforsecurity=False).digest()

    @property
    def etag(self) -> str:
        return f'"{self.digest.hex()}"'

    def headers(self) -> dict[str, str]:
        """What the answer to an upload and to a download says of the object."""
        return {
            "ETag": self.etag,
            "x-goog-generation": str(self.generation),
            "x-goog-metageneration": "1",
            "x-goog-hash": f"md5={base64.b64encode(self.digest).decode()}",
            "x-goog-stored-content-length": str(len(self.content)),
            "x-goog-storage-class": "STANDARD",
        }


class Refused(Exception):
    """An answer with an error document."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def response(self) -> Response:
        root = ElementTree.Element("Error")
        ElementTree.SubElement(root, "Code").text = self.code
        ElementTree.SubElement(root, "Message").text = str(self)
        return _xml(root, self.status)


class Bucket:
    """The objects of one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, Stored] = {}
        # Generations only ever grow, for an object that was deleted and made again too.
        self.generations = itertools.count(time.time_ns() // 1000)

    def upload(self, name: str, content: bytes, content_type: str, precondition: int | None) -> Stored:
        """A new generation, where the live one is `precondition` (0: there is none)."""
        live = self.objects.get(name)
        if precondition is not None and precondition != (live.generation if live else 0):
            raise _precondition_failed()
        self.objects[name] = stored = Stored(content, next(self.generations), content_type)
        return stored

    def find(self, name: str, precondition: int | None) -> Stored:
        """The live generation."""
        live = self.objects.get(name)
        if live is None:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        if precondition not in (None, live.generation):
            raise _precondition_failed()
        return live

    def delete(self, name: str, precondition: int | None) -> None:
        self.find(name, precondition)
        del self.objects[name]

    def list(self, prefix: str, delimiter: str, after: str, page_before: str, most: int) -> ElementTree.Element:
        """The objects whose names begin with `prefix` and come after `after`, as a ListBucketResult.

        It is a page of them: what comes after the last entry of `page_before`.
        """
        root = ElementTree.Element("ListBucketResult", xmlns="http://doc.s3.amazonaws.com/2006-03-01")
        entries: dict[str, Stored | None] = {}
        for name in sorted(self.objects):
            if name.startswith(prefix) and name > after:
                head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
                entry = prefix + head + found if found else name
                if entry > page_before:
                    entries[entry] = None if found else self.objects[name]
        page = list(itertools.islice(entries.items(), most))
        for name, stored in page:
            if stored is None:
                ElementTree.SubElement(ElementTree.SubElement(root, "CommonPrefixes"), "Prefix").text = name
            else:
                values = {
                    "Key": name,
                    "Generation": str(stored.generation),
                    "MetaGeneration": "1",
                    "LastModified": stored.modified.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "ETag": stored.etag,
                    "Size": str(len(stored.content)),
                }
                contents = ElementTree.SubElement(root, "Contents")
                for key, value in values.items():
                    ElementTree.SubElement(contents, key).text = value
        more = len(page) < len(entries)
        ElementTree.SubElement(root, "IsTruncated").text = str(more).lower()
        if more:
            token = base64.urlsafe_b64encode(page[-1][0].encode()).decode()
            ElementTree.SubElement(root, "NextContinuationToken").text = token
        return root


class Api:
    """The XML API over the buckets."""

    def __init__(self, *buckets: str) -> None:
        self.buckets = {name: Bucket() for name in buckets}
        methods = ["GET", "HEAD", "PUT", "DELETE", "POST"]
        self.app = Starlette(routes=[Route("/{path:path}", self.answer, methods=methods)])

    async def answer(self, request: Request) -> Response:
        # Everything after the content is here happens in one step: nothing else runs until the answer is made.
        content = await request.body()
        try:
            return self._answer(request, content)
        except Refused as refused:
            return refused.response()

    def _answer(self, request: Request, content: bytes) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, "AuthenticationRequired", "Authentication required.")
        # The path as it was sent: a name may hold an encoded slash.
        bucket_name, _, name = request.scope["raw_path"].decode().lstrip("/").partition("/")
        bucket, name = self.buckets.get(unquote(bucket_name)), unquote(name)
        if bucket is None:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
        _only_known(request, LIST_PARAMETERS if request.method == "GET" and not name else frozenset())
        if not name and request.method == "GET":
            return _list(bucket, request)
        if not name:
            raise _not_implemented(f"{request.method} of a bucket")
        precondition = _whole_number(request.headers.get(PRECONDITION))
        if request.method == "PUT":
            _check_digest(request, content)
            content_type = request.headers.get("content-type", "application/octet-stream")
            return Response(headers=bucket.upload(name, content, content_type, precondition).headers())
        if request.method == "DELETE":
            bucket.delete(name, precondition)
            return Response(status_code=204)
        if request.method in ("GET", "HEAD"):
            return _download(bucket.find(name, precondition), request)
        raise _not_implemented(f"{request.method} of an object")


def _download(stored: Stored, request: Request) -> Response:
    headers = stored.headers() | {"Last-Modified": format_datetime(stored.modified, usegmt=True)}
    if request.headers.get("if-match", stored.etag) not in ("*", stored.etag):
        raise _precondition_failed()
    if request.headers.get("if-none-match") in ("*", stored.etag):
        return Response(status_code=304, headers=headers)
    return Response(stored.content, headers=headers, media_type=stored.content_type)


def _list(bucket: Bucket, request: Request) -> Response:
    given = request.query_params
    if given.get("list-type") != "2":
        raise _not_implemented("a list of the first version")
    try:
        token = base64.urlsafe_b64decode(given.get("continuation-token", "")).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Refused(400, "InvalidArgument", "Invalid argument.") from None
    most = _whole_number(given.get("max-keys"))
    most = MOST_KEYS if most is None else min(most, MOST_KEYS)
    prefix, delimiter, after = (given.get(name, "") for name in ("prefix", "delimiter", "start-after"))
    return _xml(bucket.list(prefix, delimiter, after, token, most), 200)


def _only_known(request: Request, parameters: frozenset[str]) -> None:
    """Refuse what would have to be understood to be obeyed."""
    unknown = sorted(set(request.query_params) - parameters)
    unknown += [name for name in request.headers if name.startswith("x-goog-") and name != PRECONDITION]
    if request.method in ("PUT", "DELETE"):  # for these, conditions on the ETag are no part of the API
        unknown += [name for name in ("if-match", "if-none-match") if name in request.headers]
    unknown += ["range"] if "range" in request.headers else []
    if unknown:
        raise _not_implemented(", ".join(unknown))


def _check_digest(request: Request, content: bytes) -> None:
    given = request.headers.get("content-md5")
    if given and given != Stored(content, 0, "").headers()["x-goog-hash"].removeprefix("md5="):
        raise Refused(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")


def _whole_number(given: str | None) -> int | None:
    if given is None:
        return None
    if not given.isdecimal():
        raise Refused(400, "InvalidArgument", "Invalid argument.")
    return int(given)


def _precondition_failed() -> Refused:
    return Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")


def _not_implemented(what: str) -> Refused:
    return Refused(501, "NotImplemented", f"This emulator does not know: {what}")


def _xml(root: ElementTree.Element, status: int) -> Response:
    document = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(document, status, media_type="application/xml")


if __name__ == "__main__":
    uvicorn.run(Api(BUCKET).app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
