"""One client's TCP connection: HTTP/1.1 with keep-alive until it becomes a WebSocket; it answers and decides nothing.

Rules
  1. One request at a time: the next is read when the answer to the one before has left.
  2. A request that is no HTTP, too large or too slow is answered where that is possible, and the connection ends.
     The first byte of a request has `idle_s` to come, on a new connection `request_s`; the rest has `request_s`.
  3. Who does not read is cut as soon as `MAX_UNREAD` bytes have piled up.
  4. Only a well-formed upgrade (GET, version 13, a key of 16 bytes) is asked about at the venue.
"""

from __future__ import annotations

import asyncio
import binascii
from http import HTTPStatus
from typing import cast

import h11
import msgspec
from msgspec import Struct
from websockets.utils import accept_key

from bethna.twins.line.seam import Answer
from bethna.twins.socket_side import MAX_UNREAD, House, SocketSide

MAX_HEAD = 64 * 1024
MAX_BODY = 256 * 1024
_KEY_BYTES = 16


class Patience(Struct, frozen=True):
    """Seconds that a client may take: between requests, and for one."""

    idle_s: float = 75.0
    request_s: float = 10.0


class HttpSide(asyncio.Protocol):
    """A connection as asyncio hands it over."""

    def __init__(self, house: House, patience: Patience) -> None:
        self._house = house
        self._patience = patience
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._socket: SocketSide | None = None
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._begun = False
        self._bodyless = False
        self._answering: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport
        self._peer = ""

    # --- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no class of asyncio
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        if not self._house.admit(self):
            self._transport.abort()
            return
        self._wait(self._patience.request_s)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client."""
        if self._socket is not None:
            self._socket.receive(data)
            return
        try:
            self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            self._refuse(error.error_status_hint, _NO_HTTP)
            return
        self._read()

    def eof_received(self) -> bool:
        """The client says no more; TCP ends with what it asked for before, a dead socket stays."""
        return self._socket is not None and self._socket.dead

    def connection_lost(self, exc: Exception | None) -> None:
        """TCP has ended."""
        for timer in (self._timer, self._answering):
            if timer is not None:
                timer.cancel()
        self._timer = self._answering = None
        self._house.gone(self)
        if self._socket is not None:
            self._socket.lost()

    def end(self) -> None:
        """The server stops."""
        if self._socket is not None:
            self._socket.cut()
        else:
            self._transport.abort()

    # --- requests

    def _read(self) -> None:
        """Take what has come until there is a request to answer (rule 1)."""
        while self._socket is None and self._answering is None and not self._transport.is_closing():
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(error.error_status_hint, _NO_HTTP)
                return
            match event:
                case h11.Request():
                    self._request = event
                    self._body.clear()
                    wrong = _wrong_head(event)
                    if wrong:
                        self._refuse(wrong, _NO_HTTP)
                        return
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > MAX_BODY:
                        self._refuse(413, f"expected at most {MAX_BODY} bytes")
                        return
                case h11.EndOfMessage():
                    self._stop_waiting()
                    self._handle()
                case h11.ConnectionClosed():
                    self._transport.close()
                    return
                case _:
                    self._await_more()
                    return

    def _await_more(self) -> None:
        """Bytes are missing: of a request that has begun, or of the next one (rule 2)."""
        if not self._begun and (self._request is not None or self._http.trailing_data[0]):
            self._begun = True
            self._wait(self._patience.request_s)
        if self._http.they_are_waiting_for_100_continue:
            self._send(h11.InformationalResponse(status_code=100, headers=[], reason="Continue"))

    def _handle(self) -> None:
        request = self._request
        assert request is not None
        self._request = None
        self._begun = False
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        method, target = request.method.decode("ascii"), request.target.decode("latin-1")
        self._bodyless = method == "HEAD"
        wants_socket = "websocket" in headers.get("upgrade", "").lower()
        if wants_socket and not self._house.is_control(target):
            self._upgrade(method, target, headers)
            return
        answer = self._house.answer(method, target, headers, self._peer, bytes(self._body))
        self._answer_later(answer)

    def _upgrade(self, method: str, target: str, headers: dict[str, str]) -> None:
        denial = _denial(method, headers)
        if denial is not None:  # rule 4
            self._answer_later(denial)
            return
        found = self._house.upgrade(target, self._peer)
        if isinstance(found, Answer):
            self._answer_later(found)
            return
        key = headers["sec-websocket-key"].strip()
        fields = [
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-accept", accept_key(key)),
        ]
        self._send(h11.InformationalResponse(status_code=101, headers=fields, reason="Switching Protocols"))
        rest, _ = self._http.trailing_data
        self._socket = socket = SocketSide(self._house, self._transport, found)
        self._house.enter(lambda now: found.attach(socket, now))
        if rest:
            socket.receive(rest)

    # --- answers

    def _answer_later(self, answer: Answer) -> None:
        if answer.delay_s > 0:
            self._transport.pause_reading()
            loop = asyncio.get_running_loop()
            self._answering = loop.call_later(answer.delay_s, self._answer_late, answer)
        else:
            self._answer(answer)

    def _answer_late(self, answer: Answer) -> None:
        self._answering = None
        self._answer(answer)
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()

    def _answer(self, answer: Answer) -> None:
        if answer.cut:
            self._transport.abort()
            return
        if self._transport.is_closing():
            return
        self._say(answer)
        if self._transport.get_write_buffer_size() > MAX_UNREAD:  # rule 3
            self._house.count("unread")
            self._transport.abort()
        elif self._http.our_state is h11.MUST_CLOSE:
            self._transport.close()
        else:
            self._http.start_next_cycle()
            self._wait(self._patience.idle_s)

    def _refuse(self, status: int, why: str) -> None:
        """Rule 2."""
        self._house.count("rubbish")
        self._stop_waiting()
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self._transport.is_closing():
            self._say(_said(status, why, connection="close"))
        self._transport.close()

    def _say(self, answer: Answer) -> None:
        fields = [*answer.headers.items(), ("content-length", str(len(answer.body)))]
        reason = HTTPStatus(answer.status).phrase if answer.status in _KNOWN else ""
        self._send(h11.Response(status_code=answer.status, headers=fields, reason=reason))
        if not self._bodyless:
            self._send(h11.Data(data=answer.body))
        self._send(h11.EndOfMessage())

    def _send(self, event: h11.Event) -> None:
        written = self._http.send(event)
        if written:
            self._transport.write(written)

    # --- time

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self._begun:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request took too long")
        else:
            self._transport.close()  # nothing was asked


_NO_HTTP = f"expected a request in HTTP/1.1 with a Host and a head of {MAX_HEAD} bytes at most"
_KNOWN = frozenset(map(int, HTTPStatus))


def _wrong_head(request: h11.Request) -> int:
    """The status of a request whose head is not taken (rule 2), 0 of any other; what is incomplete h11 looks at."""
    if request.http_version not in (b"1.0", b"1.1"):
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
    return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if size > MAX_HEAD else 0


def _denial(method: str, headers: dict[str, str]) -> Answer | None:
    """What is wrong with an upgrade (rule 4), None when nothing is."""
    if method != "GET":
        return _said(HTTPStatus.METHOD_NOT_ALLOWED, "a WebSocket begins with GET", allow="GET")
    if headers.get("sec-websocket-version", "").strip() != "13":
        return _said(
            HTTPStatus.UPGRADE_REQUIRED,
            "expected Sec-WebSocket-Version 13",
            upgrade="websocket",
            connection="upgrade",
            sec_websocket_version="13",
        )
    if "upgrade" not in headers.get("connection", "").lower():
        return _said(HTTPStatus.BAD_REQUEST, "expected Connection: Upgrade")
    try:
        key = binascii.a2b_base64(headers.get("sec-websocket-key", "").strip(), strict_mode=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        return _said(HTTPStatus.BAD_REQUEST, "expected a Sec-WebSocket-Key of 16 bytes")
    return None


def _said(status: int, why: str, **headers: str) -> Answer:
    """An answer of the server's own, in the form of the venue's errors."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    body = msgspec.json.encode({"code": -1000, "msg": why})
    return Answer(int(status), {"content-type": "application/json", **fields}, body)
