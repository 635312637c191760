"""Who may come in: the Host allow-list, the Origin check, and the headers that every answer carries.

It decides from the request's headers alone and knows no route.

Rules, cited by the code:

1. Host names a loopback name or an allowed one, whatever the port. A page on a hostile name that resolves to this
   machine (DNS rebinding) sends its own name and is refused.
2. A WebSocket, and any request that is not a plain read, carries no Origin (a program) or the Origin of this very
   server or an allowed one (our page). A page on another port of this machine is a stranger.
3. Every answer says: guess no types, tell nobody where you came from, load and embed nothing foreign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from litestar.types import Message, Receive, Scope, Send

from bethna.api.protocol import ErrorAnswer, encode, error_answer

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z](?:[0-9a-z._-]*[0-9a-z])?)(?::([0-9]{1,5}))?", re.ASCII)

_POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; "
    "img-src 'self' data:; worker-src 'self'; connect-src 'self' ws://{0} wss://{0}; "
    # The one inline style of our page, that of the chart's attribution logo: `npm run csp` prints its hash.
    "style-src 'self' 'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"
)
_FIXED_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Doors:
    """The checks at the entrance.

    Args:
        allowed_hosts: names by which this desk may be called besides the loopback ones; a port is not looked at.
        allowed_origins: further origins (`https://desk.example.com`) whose pages may open sockets and write.
    """

    def __init__(self, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()) -> None:
        self._hosts = LOOPBACK | {_name_of(host.strip().lower()) for host in allowed_hosts if host.strip()}
        self._origins = frozenset(origin.strip().lower().rstrip("/") for origin in allowed_origins)

    def refusal(self, scope: Scope) -> ErrorAnswer | None:
        """Why this request may not come in; None when it may."""
        hosts = header_values(scope, b"host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if not self.knows_host(host):  # rule 1
            return error_answer(
                "host_not_allowed",
                f"expected a Host that this desk goes by, found {host[:100]!r}",
                "open it as http://127.0.0.1 with its port, or add the name to the allowed hosts",
            )
        if scope.get("method") in READS:  # a WebSocket has no method
            return None
        origins = header_values(scope, b"origin")
        if origins and not (len(origins) == 1 and self._knows_origin(origins[0].lower(), host)):  # rule 2
            return error_answer(
                "origin_not_allowed",
                f"expected a page of this desk, found origin {origins[0][:100]!r}",
                "open the page from the same address, or add the origin to the allowed ones",
            )
        return None

    def knows_host(self, host: str) -> bool:
        """Whether a Host header (lower case, port optional) names this desk."""
        match = _HOST.fullmatch(host)
        return match is not None and match[1] in self._hosts

    def _knows_origin(self, origin: str, host: str) -> bool:
        if origin in self._origins:
            return True
        scheme, _, authority = origin.partition("://")
        return scheme in ("http", "https") and authority == host


def _name_of(host: str) -> str:
    """The name as a Host header has it, without port: `[::1]` of `::1`, `desk` of `desk:80`."""
    if match := _HOST.fullmatch(host):
        return match[1]
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def header_values(scope: Scope, name: bytes) -> list[str]:
    """All values of one header, as the wire had them."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def with_headers(scope: Scope, send: Send, *, known: bool) -> Send:
    """`send`, adding the headers of rule 3; a header that the answer has already is left alone.

    Args:
        known: rule 1 holds; otherwise nothing that the request says goes into a header.
    """
    host = next(iter(header_values(scope, b"host")), "") if known else "localhost"
    added = [*_FIXED_HEADERS, (b"content-security-policy", _POLICY.format(host).encode("latin-1"))]
    if scope["path"].startswith("/api/"):
        added.append((b"cache-control", b"no-store"))

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            present = {name.lower() for name, _ in headers}
            headers.extend(header for header in added if header[0] not in present)
            message["headers"] = headers
        await send(message)

    return send_with_headers


async def refuse(scope: Scope, receive: Receive, send: Send, answer: ErrorAnswer, status: int = 403) -> None:
    """Answer a request with an error before any route sees it; a WebSocket gets it as the answer to its handshake."""
    body = encode(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start: Any = {"type": "http.response.start", "status": status, "headers": headers}
    rest: Any = {"type": "http.response.body", "body": body, "more_body": False}
    if "method" not in scope:
        await receive()  # websocket.connect
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008, "reason": answer.error.code})
            return
        start["type"] = "websocket.http.response.start"
        rest["type"] = "websocket.http.response.body"
    await send(start)
    await send(rest)
