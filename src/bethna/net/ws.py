"""One client WebSocket: connects, hands over whole messages and pings, sends, closes; it knows no venue and no retry.

Every foreign error becomes ConnectError, RateLimited or ConnectionLost. Redirects are not followed: a market data
server has no business sending us elsewhere. TLS certificates are checked by the system's rules, always.

Two habits of picows that this room lives with:

- A connection that ends before the upgrade answer comes back as a success without a listener.
- Cancelling `ws_connect` during the upgrade leaves its transport behind. So the socket is made here, kept, and shut
  down when the attempt is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from itertools import zip_longest
from typing import Any, Protocol

import picows
from picows import WSFrame, WSListener, WSMsgType, WSTransport
from python_socks import ProxyError

from bethna.core.clock import Clock
from bethna.core.errors import ConnectError, ConnectionLost, RateLimited, VenueError
from bethna.net.tls import trust

MAX_MESSAGE_BYTES = 64 << 20
"""Coinbase's level-2 snapshots exceed the library's 10 MiB."""

CLOSE_GRACE_S = 1.0
_CALMED = logging.getLogger("bethna.net.picows")
_CALMED.addHandler(logging.NullHandler())
_CALMED.propagate = False  # its lines repeat what we raise

_TEXT = WSMsgType.TEXT

OnFrame = Callable[[bytes, int], None]
"""Called with each whole text or binary message and its receive time (ns UTC by the clock)."""


class Socket(Protocol):
    """An open WebSocket as its user sees it; `WebSocket` is the real one."""

    def send(self, text: str) -> None:
        """Send a text message; silently nothing once the connection is gone (its end is told by `wait_ended`)."""
        ...

    def ping(self) -> None:
        """Send a ping frame without payload."""
        ...

    def pong(self, payload: bytes) -> None:
        """Send a pong frame."""
        ...

    def abort(self) -> None:
        """Drop the connection now."""
        ...

    def close(self) -> None:
        """Say goodbye, then drop it."""
        ...

    async def wait_ended(self) -> str:
        """Wait until the connection is gone; who ended it and why. Raises ConnectionLost."""
        ...


class SocketEvents(Protocol):
    """Who hears of the rare things; all are called from the event loop and must not wait."""

    def opened(self, socket: Socket) -> None:
        """The upgrade succeeded; messages follow."""
        ...

    def pinged(self, payload: bytes) -> None:
        """A ping frame came; a pong with the same payload is due."""
        ...

    def ponged(self) -> None:
        """A pong frame came."""
        ...


class WebSocket:
    """An open connection; made by `connect`."""

    def __init__(self, transport: WSTransport, venue: str) -> None:
        self._transport = transport
        self._venue = venue
        self._farewell: asyncio.TimerHandle | None = None
        self.close_said = ""

    def send(self, text: str) -> None:
        """Send a text message; silently nothing once the connection is gone (its end is told by `wait_ended`)."""
        self._transport.send(WSMsgType.TEXT, text.encode())

    def ping(self) -> None:
        """Send a ping frame without payload."""
        self._transport.send_ping()

    def pong(self, payload: bytes) -> None:
        """Send a pong frame."""
        self._transport.send_pong(payload)

    def abort(self) -> None:
        """Drop the connection now."""
        self._transport.disconnect(graceful=False)

    def close(self) -> None:
        """Say goodbye; the connection is dropped after CLOSE_GRACE_S when the other side does not answer."""
        if self._farewell is None and not self._transport.is_disconnected:
            self._transport.send_close(picows.WSCloseCode.OK)
            self._farewell = asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self.abort)

    async def wait_ended(self) -> str:
        """Wait until the connection is gone; who ended it and why.

        Raises:
            ConnectionLost: a frame broke the WebSocket protocol or the size limit.
            Exception: what our own frame callback raised, unchanged: that is a bug.
        """
        try:
            await self._transport.wait_disconnected()
        except picows.WSError as error:
            raise ConnectionLost(
                self._venue, f"expected well-formed frames, found {_short(error)}", hint="it is reconnected"
            ) from error
        finally:
            if self._farewell is not None:
                self._farewell.cancel()
        return self.close_said or "the connection was cut without a close frame"


class _Listener(WSListener):
    """Turns picows' callbacks into ours; assembles fragments."""

    def __init__(self, venue: str, clock: Clock, on_frame: OnFrame, events: SocketEvents) -> None:
        self._venue = venue
        self._now = clock.now_ns
        self._on_frame = on_frame
        self._events = events
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self.abandoned = False
        self.socket: WebSocket | None = None

    def abandon(self) -> None:
        """Nobody waits for this connection any more; should it still come, it is dropped and says nothing."""
        self.abandoned = True
        self._on_frame = _unheard

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self.abandoned:
            transport.disconnect(graceful=False)
            return
        self.socket = WebSocket(transport, self._venue)
        self._events.opened(self.socket)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is _TEXT and frame.fin:
            self._on_frame(frame.get_payload_as_bytes(), self._now())
        else:
            self._rare_frame(transport, frame)

    def _rare_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.PING:
            self._events.pinged(frame.get_payload_as_bytes())
        elif kind == WSMsgType.PONG:
            self._events.ponged()
        elif kind == WSMsgType.CLOSE:
            self._closed_by_peer(transport, frame)
        else:
            self._fragment(frame)

    def _fragment(self, frame: WSFrame) -> None:
        part = frame.get_payload_as_bytes()
        self._parts_bytes += len(part)
        if self._parts_bytes > MAX_MESSAGE_BYTES:
            raise picows.WSProtocolError(
                picows.WSCloseCode.MESSAGE_TOO_BIG,
                f"a message of more than {MAX_MESSAGE_BYTES} bytes in fragments",
            )
        self._parts.append(part)
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._parts_bytes = 0
            self._on_frame(whole, self._now())

    def _closed_by_peer(self, transport: WSTransport, frame: WSFrame) -> None:
        code = int(frame.get_close_code())  # type: ignore[call-overload]  # the stub forgets that it is an IntEnum
        reason = (frame.get_close_message() or b"").decode("utf-8", "replace")[:120]
        if self.socket is not None and not self.socket.close_said:
            self.socket.close_said = f"closed by the other side with code {code}" + (
                f": {reason}" if reason else ""
            )
        transport.send_close(frame.get_close_code(), None)
        transport.disconnect()


async def connect(
    url: str,
    *,
    venue: str,
    clock: Clock,
    on_frame: OnFrame,
    events: SocketEvents,
    timeout_s: float,
    proxy: str | None = None,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
) -> WebSocket:
    """Open a WebSocket. `events.opened` and messages may come before this returns.

    Args:
        url: ws:// or wss://; never shown in errors beyond its host.
        timeout_s: for name look-up, TCP, TLS and upgrade together.
        headers: sent with the upgrade; a token is one.

    Raises:
        ConnectError: refused, timed out, name not found, TLS failed, or upgrade denied (`status`).
        RateLimited: the upgrade was denied with 429 or 418.
    """
    listener = _Listener(venue, clock, on_frame, events)
    plug = _Plug(timeout_s)
    done = False
    try:
        async with asyncio.timeout(timeout_s):
            await picows.ws_connect(
                lambda: listener,
                _without_user(url),  # or the library puts it into the Host header
                ssl_context=tls or trust(),
                websocket_handshake_timeout=None,  # ours covers it
                logger_name=_CALMED,
                enable_auto_pong=False,  # pongs count as messages: the session paces them
                max_frame_size=MAX_MESSAGE_BYTES,
                max_redirects=0,
                proxy=proxy,
                socket_factory=plug.make,
                extra_headers=headers,
            )
        if listener.socket is None:
            raise ConnectError(venue, f"{host_of(url)} ended the connection before it answered the upgrade")
        done = True
        return listener.socket
    except TimeoutError as error:
        raise ConnectError(
            venue, f"expected an open connection to {host_of(url)} within {timeout_s:g} s, found none"
        ) from error
    except picows.WSHandshakeError as error:
        raise _denied(venue, host_of(url), error) from error
    except (OSError, picows.WSError, ProxyError, ValueError, OverflowError) as error:
        raise ConnectError(
            venue, f"could not connect to {host_of(url)}: {type(error).__name__}: {_short(error)}"
        ) from error
    finally:
        if not done:
            listener.abandon()
            plug.pull()


def _unheard(_raw: bytes, _ts_recv: int) -> None:
    pass


class _Plug:
    """Makes the TCP socket and keeps hold of it until the connection stands.

    Addresses are tried one after the other, families in turn, each but the last for a share of the time only: a host
    whose IPv6 leads nowhere must still be reached over IPv4 (the need behind RFC 8305).
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None

    async def make(self, url: picows.WSParsedURL) -> socket.socket:
        """A connected socket to the first address of the host that answers."""
        loop = asyncio.get_running_loop()
        found = in_turn(await _resolve(url.host, url.port, type=socket.SOCK_STREAM))
        share_s = self._timeout_s / (len(found) + 1)
        failure = OSError(f"no address for {url.host}")
        for number, (family, kind, protocol, _, address) in enumerate(found, 1):
            made = socket.socket(family, kind, protocol)
            made.setblocking(False)
            try:
                async with asyncio.timeout(share_s if number < len(found) else None):
                    await loop.sock_connect(made, address)
            except OSError as error:  # TimeoutError is one
                made.close()
                failure = error
            except BaseException:
                made.close()
                raise
            else:
                self._socket = made
                return made
        raise failure

    def pull(self) -> None:
        """Shut the socket down; its transport, if there is one, sees the end and cleans up."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


async def _resolve(host: str, port: int, **kind: int) -> list[Any]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, **kind)


def in_turn(found: Sequence[Any]) -> list[Any]:
    """Addresses with their families in turn, each family in the order that the resolver prefers."""
    families: dict[int, list[Any]] = {}
    for info in found:
        families.setdefault(info[0], []).append(info)
    return [info for row in zip_longest(*families.values()) for info in row if info is not None]


def _denied(venue: str, host: str, error: picows.WSHandshakeError) -> VenueError:
    response = error.response
    if response is None or response.status == HTTPStatus.SWITCHING_PROTOCOLS:
        return ConnectError(venue, f"expected an upgrade answer from {host}, found {_short(error)}")
    status = int(response.status)
    if status in (429, 418):
        retry_after = retry_after_s(response.headers.get("Retry-After"))
        return RateLimited(
            venue,
            60.0 if retry_after is None else retry_after,
            f"{host} refused the connection with HTTP {status}",
            banned=status == 418,
        )
    return ConnectError(venue, f"expected HTTP 101 from {host}, found {status}", status=status)


def retry_after_s(text: str | None) -> float | None:
    """The seconds of a Retry-After header; None when it is absent or not a plausible number of seconds."""
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value <= 30 * 86400 else None


def host_of(url: str) -> str:
    """Host and port of a URL, for messages; never its path, query or user."""
    rest = url.partition("://")[2] or url
    return rest.partition("/")[0].partition("?")[0].rpartition("@")[2]


def _without_user(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


# To the last @ of the word, as in the library's `http://user:password@:1 isn't a valid URL`.
_USER = re.compile(r"//\S*@")


def _short(error: BaseException) -> str:
    """What a library says, in one line and without the user and password of any URL in it."""
    return _USER.sub("//***@", " ".join(str(error).split()))[:160]
