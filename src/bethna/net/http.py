"""HTTP for public market data, and to a desk of ours: bytes and headers; no retry, no quota, no decoding.

Every foreign error becomes ConnectError. Redirects are not followed, cookies are not kept, the surroundings
(`HTTP_PROXY`, `.netrc`) are not read: a proxy is a setting. TLS certificates are checked, always. Messages name host
and path, never the query.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Literal, Self

import httpx
from msgspec import Struct

from bethna.core.clock import Clock
from bethna.core.errors import ConfigError, ConnectError
from bethna.net.tls import trust
from bethna.net.ws import host_of

MAX_BODY_BYTES = 64 << 20
MAX_PORT = 65535
UNKEPT_HEADERS = ("set-cookie", "set-cookie2")
Method = Literal["GET", "POST", "PUT", "DELETE"]


class HttpAnswer(Struct, frozen=True, gc=False):
    """What came back.

    Attributes:
        headers: names in lower case, without cookies; of a repeated one all values, joined by commas.
        sent, received: ns UTC by the clock; `received` when the headers were there, before the body.
        ts_recv: ns UTC when the body was whole.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    sent: int
    received: int
    ts_recv: int


class HttpClient:
    """A pool of HTTP connections. Close it, or use it as `async with`.

    Args:
        proxy: URL of an HTTP or SOCKS proxy, None for none.
        tls: another trust store, for tests against a server of our own.
        headers: sent with every request; a token is one.

    Raises:
        ConfigError: the proxy is no URL, or of a kind that nothing here speaks.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        connections: int = 8,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._clock = clock
        for name, value in (headers or {}).items():
            if not (value.isascii() and value.isprintable()):
                raise ConfigError(
                    "token" if name.lower() == "authorization" else name,
                    "expected letters, digits and signs of ASCII, found others",
                    hint="the desk's token is in its data folder, and in its settings",
                )
        try:
            self._client = httpx.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                verify=tls or trust(),
                proxy=proxy,
                timeout=None,  # noqa: S113 - one timeout covers the whole call, in ask()
                limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
                headers={"accept": "application/json", "user-agent": "bethna", **(headers or {})},
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise ConfigError(
                "proxy",
                "expected the URL of a proxy that can be used, found another one",
                hint="write it as http://host:port; socks5:// needs the package socksio",
            ) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def carry(self, headers: Mapping[str, str]) -> None:
        """Send these with every request from now on."""
        self._client.headers.update(headers)

    async def get(self, url: str, *, venue: str, timeout_s: float) -> HttpAnswer:
        """One GET, whatever status it brings.

        Raises:
            ConnectError: not answered within `timeout_s`, refused, cut, or larger than MAX_BODY_BYTES.
        """
        return await self.ask("GET", url, venue=venue, timeout_s=timeout_s)

    async def ask(
        self, method: Method, url: str, *, venue: str, timeout_s: float, body: bytes | None = None
    ) -> HttpAnswer:
        """One request, whatever status it brings; a body is JSON. Raises ConnectError as `get` does."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(method, url, venue, body)
        except TimeoutError as error:
            raise ConnectError(
                venue, f"expected an answer from {_shown(url)} within {timeout_s:g} s, found none"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise ConnectError(
                venue, f"expected an answer from {_shown(url)}, found {type(error).__name__}"
            ) from error

    async def _ask(self, method: Method, url: str, venue: str, body: bytes | None) -> HttpAnswer:
        if (httpx.URL(url).port or 0) > MAX_PORT:  # or it breaks out of the event loop as something else
            raise httpx.InvalidURL(f"no such port in {_shown(url)}")
        sent = self._clock.now_ns()
        self._client.cookies.clear()
        said = {} if body is None else {"content-type": "application/json"}
        async with self._client.stream(method, url, content=body, headers=said) as response:
            received = self._clock.now_ns()
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > MAX_BODY_BYTES:
                    raise ConnectError(venue, f"expected at most {MAX_BODY_BYTES} bytes from {_shown(url)}")
                parts.append(part)
            return HttpAnswer(
                response.status_code,
                _kept(response.headers),
                b"".join(parts),
                sent,
                received,
                self._clock.now_ns(),
            )


def _kept(headers: httpx.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in UNKEPT_HEADERS}


def _shown(url: str) -> str:
    """Host and path: a query may hold what nobody should read."""
    path = url.partition("://")[2].partition("/")[2].partition("?")[0]
    return f"{host_of(url)}/{path}"
