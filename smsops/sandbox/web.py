"""HTTP in and out: the routes, the ways in which an answer can go wrong on the wire, and control over HTTP.

The control routes under `/_sandbox/` ask for no credentials: whoever reaches the port rules the sandbox.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from smsops.sandbox import answers, forms
from smsops.sandbox.faults import Fault
from smsops.sandbox.handlers import METHODS

if TYPE_CHECKING:
    from smsops.sandbox.app import Sandbox

# A server that holds real connections puts its `Link` under this key into the scope (see serve).
LINK = "smsops.link"
_LONGEST_QUERY = 1024
_JSON = "application/json; charset=utf-8"
_XML = "text/xml; charset=utf-8"
_HTML = "text/html; charset=utf-8"


class Dropped(Exception):
    """The connection broke before an answer began."""


class Link:
    """The connection to a client in the same process; a server has its own."""

    async def drop(self, send: Send) -> None:
        """Break the connection."""
        raise Dropped

    async def hang(self, receive: Receive, send: Send) -> None:
        """Never answer; return when the client has gone."""
        while (await receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True)
class Reply:
    """What the client gets to see: an answer, a broken connection (no body), or nothing at all, ever (`hangs`)."""

    status: int = 200
    body: bytes | None = None
    content_type: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False


def failure(status: int, title: str = "Internal Server Error", **headers: str) -> Reply:
    """An HTML page in place of an answer."""
    return Reply(status, answers.page(title), _HTML, headers)


def answer(body: bytes, *, in_xml: bool = False) -> Reply:
    """What the API says."""
    return Reply(200, body, _XML if in_xml else _JSON)


def spoilt(fault: Fault, answer: Reply) -> Reply:
    """What is seen of a call that met a fault; `answer` is what the API would have said if it was processed."""
    match fault.kind:
        case "hang" | "hang_after":
            return Reply(hangs=True)
        case "error_before" | "error_after":
            return failure(500)
        case "throttle":
            return failure(429, "Too Many Requests", **{"Retry-After": str(fault.retry_after or 1)})
        case "html" | "html_after":
            return failure(200, "Service under maintenance")
        case "empty":
            return Reply(body=b"")
        case "truncated":
            body = answer.body or b""
            return replace(answer, body=body[: len(body) // 2])
        case "garbage":
            return Reply(body=b'{"foo": 1}')
        case _:
            return Reply()


class _Application(Starlette):
    """Starlette without its outer layers, which would turn a dropped connection into an answer with status 500."""

    def build_middleware_stack(self) -> ASGIApp:
        return self.router


def application(sandbox: "Sandbox") -> Starlette:
    """The ASGI application of a sandbox: the API under any prefix, and the control routes."""
    return _Application(routes=[*_control_routes(sandbox), Route("/{path:path}", _Api(sandbox))])


class _Api:
    """The methods of the API, whatever stands before their name in the path."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        method = request.url.path.rstrip("/").rpartition("/")[2]
        query: bytes = scope["query_string"]
        if method not in METHODS:
            reply = failure(404, "Not Found")
        elif request.method not in ("GET", "POST"):
            reply = failure(405, "Method Not Allowed")
        elif len(query) > _LONGEST_QUERY:
            # §6.1 limits GET to 1024 characters.
            reply = failure(414, "URI Too Long")
        else:
            form = forms.read_form(request.headers.get("content-type", ""), await request.body())
            reply = self._sandbox.answer(method, forms.read_query(query) | form)
        await _deliver(reply, scope, receive, send)


async def _deliver(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    link: Link = scope.get(LINK) or Link()
    if reply.hangs:
        await link.hang(receive, send)
    elif reply.body is None:
        await link.drop(send)
    else:
        await Response(reply.body, reply.status, reply.headers, reply.content_type)(scope, receive, send)


def _control_routes(sandbox: "Sandbox") -> list[Route]:
    def clock(data: dict[str, Any]) -> None:
        sandbox.set_clock(None if data["now"] is None else datetime.fromisoformat(data["now"]))

    posts: dict[str, Callable[[dict[str, Any]], None]] = {
        "clock": clock,
        "fail": lambda data: sandbox.fail(**data),
        "clear_faults": lambda data: sandbox.clear_faults(),
        "style": lambda data: sandbox.style(**data),
        "recipients": lambda data: sandbox.recipients(**data),
        "webhooks": lambda data: sandbox.webhooks(**data),
        "reset": lambda data: sandbox.reset(),
        "master": lambda data: sandbox.ensure_master(**data),
    }
    gets: dict[str, Callable[[], Any]] = {
        "calls": lambda: [asdict(call) for call in sandbox.calls],
        "snapshot": sandbox.snapshot,
    }
    return [
        *(Route(f"/_sandbox/{name}", _posting(change), methods=["POST"]) for name, change in posts.items()),
        *(Route(f"/_sandbox/{name}", _getting(read), methods=["GET"]) for name, read in gets.items()),
    ]


def _posting(change: Callable[[dict[str, Any]], None]) -> Callable[[Request], Awaitable[Response]]:
    async def post(request: Request) -> Response:
        try:
            change(json.loads(await request.body() or b"{}"))
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({})

    return post


def _getting(read: Callable[[], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def get(request: Request) -> Response:
        return JSONResponse(read())

    return get
