"""Who may come in: Host, pace, token and Origin, in this order; and the headers that every answer carries.

It decides from the request's head alone, before any route, and knows none.

Rules, cited by the code:

1. Host names a loopback name, an allowed one or the very address that was called, whatever the port. A page on a
   hostile name that resolves to this machine (DNS rebinding) sends its own name and is refused.
2. A WebSocket, and any request that is not a plain read, carries no Origin (a program) or the Origin of this very
   server or an allowed one (our page). A page on another port of this machine is a stranger.
3. Every answer says: guess no types, tell nobody where you came from, load and embed nothing foreign.
4. Where there is a token (`tokens`), nothing is served without it, the page's files included.
5. What comes faster than the pace allows (`pace`) is refused before its token is looked at. What a page from elsewhere
   makes a browser ask has a pace of its own: it takes nothing from the person before that browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from litestar.types import Message, Receive, Scope, Send
from msgspec import Struct

from bethna.api.addresses import caller
from bethna.api.pace import Pace
from bethna.api.protocol import ErrorAnswer, encode, error_answer
from bethna.api.tokens import Tokens
from bethna.core.clock import Clock

Header = tuple[bytes, bytes]

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


class Refusal(Struct, frozen=True, gc=False):
    """Why a request may not come in."""

    answer: ErrorAnswer
    status: int = 403
    headers: tuple[Header, ...] = ()

    @property
    def code(self) -> str:
        """The stable word."""
        return self.answer.error.code


class Doors:
    """The checks at the entrance.

    Args:
        allowed_hosts: names by which this desk may be called besides the loopback ones; a port is not looked at.
        allowed_origins: further origins (`https://desk.example.com`) whose pages may open sockets and write.
        token: what every caller must bring; empty is nothing.
        rate_per_s: requests a second for each address; 0 is no limit.
        clock: of the host.
    """

    def __init__(
        self,
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Iterable[str] = (),
        *,
        token: str,
        rate_per_s: float,
        clock: Clock,
    ) -> None:
        self._hosts = LOOPBACK | {_name_of(host.strip().lower()) for host in allowed_hosts if host.strip()}
        self._origins = frozenset(origin.strip().lower().rstrip("/") for origin in allowed_origins)
        self.tokens = Tokens(token, clock)
        self.pace = Pace(rate_per_s, clock)

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why this request may not come in; None when it may."""
        hosts = header_values(scope, b"host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        if not self._goes_by(host, scope):  # rule 1
            return Refusal(
                error_answer(
                    "host_not_allowed",
                    f"expected a Host that this desk goes by, found {host[:100]!r}",
                    "open it as http://127.0.0.1 with its port, or add the name to the allowed hosts",
                )
            )
        wait_s = self.pace.wait_s(_asker(scope), scope["path"])  # rule 5
        if wait_s:
            return _too_fast("too_many_requests", "expected fewer requests from this address", wait_s)
        return self._wrong_token(scope) or self._wrong_origin(scope, host)

    def _wrong_token(self, scope: Scope) -> Refusal | None:
        """Rule 4."""
        verdict = self.tokens.verdict(scope)
        if verdict == "right":
            return None
        if verdict == "shut_out":
            said = "expected the token, found too many wrong ones from this address"
            return _too_fast("too_many_guesses", said, self.tokens.wait_s(scope))
        said = "found none" if verdict == "missing" else "found another one"
        return Refusal(
            error_answer(
                f"token_{'required' if verdict == 'missing' else 'wrong'}",
                f"expected the token of this desk, {said}",
                "open the address with `?token=` that the desk printed when it started, or send the header "
                "`Authorization: Bearer TOKEN`",
            ),
            401,
            ((b"www-authenticate", b"Bearer"), (b"cache-control", b"no-store")),
        )

    def _wrong_origin(self, scope: Scope, host: str) -> Refusal | None:
        if scope.get("method") in READS:  # a WebSocket has no method
            return None
        origins = header_values(scope, b"origin")
        if origins and not (len(origins) == 1 and self._knows_origin(origins[0].lower(), host)):  # rule 2
            return Refusal(
                error_answer(
                    "origin_not_allowed",
                    f"expected a page of this desk, found origin {origins[0][:100]!r}",
                    "open the page from the same address, or add the origin to the allowed ones",
                )
            )
        return None

    def _goes_by(self, host: str, scope: Scope) -> bool:
        """Rule 1. No name can stand for an address, so who writes the one that was called has not been led here."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        called = scope.get("server")
        return match[1] in self._hosts or (
            called is not None and _is_address(called[0]) and match[1] == _name_of(called[0])
        )

    def _knows_origin(self, origin: str, host: str) -> bool:
        if origin in self._origins:
            return True
        scheme, _, authority = origin.partition("://")
        return scheme in ("http", "https") and authority == host


def _too_fast(code: str, said: str, wait_s: int) -> Refusal:
    """A refusal that says when to come again."""
    return Refusal(
        error_answer(code, said, f"try again in {wait_s} s"),
        429,
        ((b"retry-after", str(wait_s).encode()), (b"cache-control", b"no-store")),
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _asker(scope: Scope) -> str:
    """Whose pace a request counts to (rule 5)."""
    sites = header_values(scope, b"sec-fetch-site")
    return (
        f"{caller(scope)} by pages from elsewhere"
        if "cross-site" in sites or "same-site" in sites
        else caller(scope)
    )


def _name_of(host: str) -> str:
    """The name as a Host header has it, without port: `[::1]` of `::1`, `desk` of `desk:80`."""
    if match := _HOST.fullmatch(host):
        return match[1]
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def header_values(scope: Scope, name: bytes) -> list[str]:
    """All values of one header, as the wire had them."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


async def welcome(send: Send, headers: list[Header]) -> None:
    """Send a browser on to the address without the token, with its cookie."""
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


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


async def refuse(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    """Answer a request with an error before any route sees it; a WebSocket gets it as the answer to its handshake."""
    answer = refusal.answer
    body = encode(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += refusal.headers
    start: Any = {"type": "http.response.start", "status": refusal.status, "headers": headers}
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
