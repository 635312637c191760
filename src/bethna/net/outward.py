"""One POST to an address that a user gave: checked where it leads, never followed further; it knows no channel's form.

Every foreign error becomes a Receipt; messages name the host alone: paths and queries of such addresses are secrets.

Rules
  1. A name is looked up first, and the connection is made to the very address that was checked, under the name's TLS
     and Host: a name that leads elsewhere the next moment (DNS rebinding) leads nowhere.
  2. Addresses that are not public are refused unless that is allowed: private, loopback, link-local, multicast,
     reserved, and those in IPv6's clothes.
  3. Redirects are not followed, cookies are not kept, the surroundings (`HTTP_PROXY`, `.netrc`) are not read.
  4. 2xx is taken; 408, 425, 429 and 5xx are worth another attempt, after Retry-After where it is said; all else is
     final. The body of an answer is not read.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime

import httpx
from msgspec import Struct

from bethna.core.alert_views import Receipt
from bethna.core.clock import NS_PER_S, Clock
from bethna.net.tls import trust
from bethna.net.ws import retry_after_s

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
WORTH_AGAIN = (408, 425, 429)
MAX_PORT = 65535
MOST_CONNECTIONS = 32
HEADERS = {"user-agent": "bethna", "connection": "close", "accept": "*/*"}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Posted(Struct, frozen=True):
    """What came of it. `status`: None where there was no answer."""

    status: int | None
    receipt: Receipt


class Outward:
    """Who posts. Close it.

    Args:
        private: whether addresses that are not public may be reached (rule 2).
        tls: another trust store, for tests against a server of our own. lookup: the system's, if None.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        private: bool = False,
        timeout_s: float = 10.0,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup | None = None,
        private_hint: str = "",
    ) -> None:
        self.private = private
        self._clock = clock
        self._timeout_s = timeout_s
        self._lookup = lookup or _look_up
        self._hint = private_hint
        # No httpx.AsyncClient: it keeps cookies, follows, and logs whole URLs.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or trust(),
            trust_env=False,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    def refuses(self, url: str) -> str:
        """Why nothing will ever be posted there, as far as the address itself says so; "" where it may be."""
        try:
            host = httpx.URL(url).host
            told = "127.0.0.1" if host == "localhost" else str(ipaddress.ip_address(host))
        except (httpx.InvalidURL, ValueError):
            return ""  # a name, which says nothing before it is looked up
        return "" if self.private or is_public(told) else f"{host} is not a public address{self._hint}"

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        """One POST; it raises nothing of what the other side does."""
        host = "the address"
        try:
            parsed = httpx.URL(url)
            host = parsed.host
            async with asyncio.timeout(self._timeout_s):
                return await self._post(parsed, body, headers)
        except TimeoutError:
            return _failed(f"{host} did not answer within {self._timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return _failed(f"{host} did not answer: {type(error).__name__}")

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> Posted:
        port = url.port or (443 if url.scheme == "https" else 80)
        if url.scheme not in ("https", "http") or not url.host or port > MAX_PORT:
            return Posted(
                None, Receipt(ok=False, said="the address is no https:// or http:// one", final=True)
            )
        found = await self._lookup(url.host, port)
        allowed = [each for each in found if self.private or is_public(each)]
        if not allowed:  # rule 2
            said = (
                f"{url.host} leads to an address that is not public"
                if found
                else f"{url.host} has no address"
            )
            return Posted(
                None, Receipt(ok=False, said=f"{said}{self._hint if found else ''}", final=bool(found))
            )
        refused: httpx.TransportError | None = None
        for address in allowed:
            try:
                return await self._ask(url, address, len(allowed), body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused = error
        assert refused is not None
        return _failed(f"{url.host} cannot be reached: {_reason(refused)}")

    async def _ask(
        self, url: httpx.URL, address: str, shared: int, body: bytes, headers: Mapping[str, str]
    ) -> Posted:
        """Rule 1."""
        connect_s = self._timeout_s / shared
        request = httpx.Request(
            "POST",
            url.copy_with(host=address, username=None, password=None),
            content=body,
            headers={**HEADERS, "host": url.netloc.decode("ascii"), **_authorization(url), **headers},
            extensions={
                "timeout": {"connect": connect_s, "pool": self._timeout_s, "read": None, "write": None},
                "sni_hostname": url.raw_host.decode("ascii").strip("[]"),
            },
        )
        response = await self._transport.handle_async_request(request)
        try:
            return Posted(response.status_code, self._judged(url.host, response))
        finally:
            await response.aclose()

    def _judged(self, host: str, response: httpx.Response) -> Receipt:
        """Rule 4."""
        status = response.status_code
        if 200 <= status < 300:
            return Receipt(ok=True, said=f"HTTP {status}")
        said = f"{host} answered HTTP {status}"
        if 300 <= status < 400:
            return Receipt(ok=False, said=f"{said}, a redirect, which is not followed", final=True)
        if status in WORTH_AGAIN or status >= 500:
            return Receipt(
                ok=False, said=said, retry_after_s=self._retry_after(response.headers.get("retry-after"))
            )
        return Receipt(ok=False, said=said, final=True)

    def _retry_after(self, text: str | None) -> float | None:
        """Seconds, of either form that HTTP knows."""
        asked = retry_after_s(text)
        if asked is not None or not text:
            return asked
        try:
            at = parsedate_to_datetime(text).timestamp()
        except (ValueError, OverflowError):
            return None
        return max(0.0, at - self._clock.now_ns() / NS_PER_S)


def _authorization(url: httpx.URL) -> dict[str, str]:
    """Of `user:password@` in the URL."""
    if not url.userinfo:
        return {}
    said = f"{url.username}:{url.password}".encode()
    return {"authorization": f"Basic {b64encode(said).decode()}"}


def is_public(address: str) -> bool:
    """Whether an address is one of the internet at large (rule 2); False for what is none."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(str(inside))
        if ip.teredo is not None or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


async def _look_up(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _failed(said: str) -> Posted:
    return Posted(None, Receipt(ok=False, said=said))


def _reason(error: httpx.TransportError) -> str:
    """A certificate that does not fit is worth a word; anything else is refused or silent."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    return "no connection"
