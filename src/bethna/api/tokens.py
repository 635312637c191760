"""The token of a desk that listens beyond loopback: where callers carry it, and what happens to who guesses.

It makes no token and knows no route.

Rules, cited by the code:

1. One place is looked at: `?token=` of a page's address, else the header, else the cookie. Digests are compared, in
   constant time.
2. A wrong token is a guess. GUESSES from one address within WINDOW_S shut it out for WINDOW_S, with the right one too.
   The same wrong cookie again is none: a page left open with an old cookie comes back every few seconds.
3. In what a page makes a browser send in the background, the address is not looked at: a foreign page would shut its
   visitor out.
4. The right token in an address becomes a cookie, and the browser is sent to the address without it, on this very host.
"""

from __future__ import annotations

import hashlib
import hmac
from math import ceil
from typing import Literal
from urllib.parse import unquote_to_bytes

from litestar.types import Scope

from bethna.api.addresses import Table, caller
from bethna.core.clock import NS_PER_S, Clock

COOKIE = "bethna_token"
GUESSES = 10
WINDOW_S = 60
_COOKIE_LIFE_S = 30 * 86_400
_MOST_CHARS = 4096
_NO_PAGE = ("/api/", "/schema", "/ws", "/metrics")

Verdict = Literal["right", "missing", "wrong", "shut_out"]


class _Caller:
    """What one address has tried: digests of wrong tokens with when they came, and until when it is shut out."""

    __slots__ = ("guesses", "shut_until_ns")

    def __init__(self) -> None:
        self.guesses: list[tuple[bytes, int]] = []
        self.shut_until_ns = 0


class Tokens:
    """The check of one desk; without a token everybody is right.

    Args:
        clock: of the host; its monotonic time is asked.
    """

    def __init__(self, token: str, clock: Clock) -> None:
        self._digest = _digest(token.encode()) if token else None
        self._clock = clock
        self._callers = Table(_Caller)

    def verdict(self, scope: Scope) -> Verdict:
        """Whether this request may come in."""
        if self._digest is None:
            return "right"
        asked, now_ns = self._callers.of(caller(scope)), self._clock.monotonic_ns()
        if now_ns < asked.shut_until_ns:
            return "shut_out"
        carried = _carried(scope)
        if carried is None:
            return "missing"
        token, is_cookie = carried
        digest = _digest(token)
        if hmac.compare_digest(digest, self._digest):
            return "right"
        if not (is_cookie and any(digest == tried for tried, _ in asked.guesses)):
            _note_guess(asked, digest, now_ns)
        return "wrong"

    def wait_s(self, scope: Scope) -> int:
        """Whole seconds until a caller that is shut out may try again."""
        left_ns = self._callers.of(caller(scope)).shut_until_ns - self._clock.monotonic_ns()
        return max(1, ceil(left_ns / NS_PER_S))

    def welcome(self, scope: Scope) -> list[tuple[bytes, bytes]] | None:
        """Headers of the redirect that a right token in the address leads to (rule 4); None where there is none."""
        if self._digest is None:
            return None
        token = _in_address(scope)
        if token is None:
            return None
        kept = [pair for pair in scope["query_string"].split(b"&") if not pair.startswith(b"token=")]
        # `//host` and `/\host` would lead elsewhere
        path = b"/" + scope["raw_path"].lstrip(b"/\\")
        cookie = b"%b=%b; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d" % (
            COOKIE.encode(), token, _COOKIE_LIFE_S,
        )  # fmt: skip
        return [
            (b"location", path + (b"?" + b"&".join(kept) if kept else b"")),
            (b"set-cookie", cookie),
            (b"cache-control", b"no-store"),
            (b"content-length", b"0"),
        ]

    @property
    def addresses(self) -> int:
        """How many are remembered."""
        return len(self._callers)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _note_guess(asked: _Caller, digest: bytes, now_ns: int) -> None:
    """Rule 2."""
    since_ns = now_ns - WINDOW_S * NS_PER_S
    asked.guesses = [(tried, at) for tried, at in asked.guesses if at > since_ns]
    asked.guesses.append((digest, now_ns))
    if len(asked.guesses) >= GUESSES:
        asked.guesses = []
        asked.shut_until_ns = now_ns + WINDOW_S * NS_PER_S


def _carried(scope: Scope) -> tuple[bytes, bool] | None:
    """The token that a request brings (rule 1), and whether it is a cookie's."""
    found = _in_address(scope)
    if found is not None:
        return found, False
    for value in _values(scope, b"authorization"):
        scheme, _, token = value.partition(b" ")
        return (token.strip() if scheme.lower() == b"bearer" else b""), False
    for value in _values(scope, b"cookie"):
        for pair in value.split(b";"):
            name, _, token = pair.strip().partition(b"=")
            if name == COOKIE.encode():
                return token, True
    return None


def _in_address(scope: Scope) -> bytes | None:
    """`?token=` of a page that a person opens (rule 3)."""
    if scope.get("method") not in ("GET", "HEAD") or scope["path"].startswith(_NO_PAGE):
        return None
    if any(value != b"document" for value in _values(scope, b"sec-fetch-dest")):
        return None
    for pair in scope["query_string"][:_MOST_CHARS].split(b"&"):
        if pair.startswith(b"token="):
            return unquote_to_bytes(pair.removeprefix(b"token="))
    return None


def _values(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]
