"""One client's WebSocket after the upgrade: the `Wire` that a venue talks to; it speaks no venue's words.

Rules
  1. What the venue says in one go leaves in one write, in its order, raw bytes included.
  2. A client that lets `MAX_UNREAD` bytes pile up is cut and counted.
  3. The protocol is RFC 6455's. What breaks it (no mask, a wrong opcode, text that is no UTF-8, a message that is too
     long) is answered with its close code and the end of the connection.
  4. Pings are answered when the venue says so. A connection that is dead to its client (a fault) does not answer a
     close either.
  5. A cut comes without a close frame, after what was said before. A close waits `CLOSE_S` for the client's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, SERVER
from websockets.protocol import Protocol as Frames

from bethna.twins.line.seam import Answer, Wire

T = TypeVar("T")
MAX_UNREAD = 8 * 1024 * 1024
MAX_MESSAGE = 256 * 1024
CLOSE_S = 1.0
_SHORT, _MEDIUM = 125, 0xFFFF
_FINAL = 0x80
_PONG = bytes((_FINAL | Opcode.PONG,))


class Conversation(Protocol):
    """One client as its venue sees it."""

    def attach(self, wire: Wire, now: int) -> None:
        """The upgrade was answered; this is the socket."""
        ...

    def text(self, data: bytes | str, now: int) -> None:
        """A message of the client."""
        ...

    def ping(self, payload: bytes, now: int) -> bool:
        """A ping of the client; True when it is answered with a pong."""
        ...

    def pong(self, payload: bytes, now: int) -> None:
        """A pong of the client."""
        ...

    def closed(self, now: int) -> None:
        """The client is gone."""
        ...

    @property
    def dead(self) -> bool:
        """Nothing is heard and nothing is said any more, though TCP stays."""
        ...


class Guest(Protocol):
    """A TCP connection, as the server sees it."""

    def end(self) -> None:
        """The server stops."""
        ...


class House(Protocol):
    """What a connection needs of the server that it belongs to."""

    def admit(self, guest: Guest) -> bool:
        """A client has connected; False when there is no room."""
        ...

    def gone(self, guest: Guest) -> None:
        """Its TCP connection has ended."""
        ...

    def enter(self, act: Callable[[int], T]) -> T:
        """Bring the venue to the present and do something there."""
        ...

    def touched(self, socket: SocketSide) -> None:
        """It has something to write; `flush` is called soon."""
        ...

    def is_control(self, target: str) -> bool:
        """Whether a request is for the twin itself, not for its venue."""
        ...

    def answer(self, method: str, target: str, headers: dict[str, str], address: str, body: bytes) -> Answer:
        """What the venue or the twin answers to a request."""
        ...

    def upgrade(self, target: str, address: str) -> Conversation | Answer:
        """A client wants a WebSocket: its conversation, or why not."""
        ...

    def count(self, what: str) -> None:
        """One more of what the state lists."""
        ...


class SocketSide:
    """A client's socket; `receive` is its way in, the methods of `Wire` are its way out."""

    def __init__(self, house: House, transport: asyncio.Transport, conversation: Conversation) -> None:
        self._house = house
        self._transport = transport
        self._conversation = conversation
        self._frames = Frames(SERVER, state=OPEN, max_size=MAX_MESSAGE)
        self._out: list[bytes] = []
        self._waiting = 0
        self._message: bytearray | None = None
        self._over = False
        self._leaving = False
        self.sent = 0

    # --- the venue's side: Wire

    def text(self, payload: bytes) -> None:
        """One text message in one frame."""
        if not self._over:
            self.sent += 1
            length = len(payload)
            head = _TEXT_HEADS[length] if length < _USUAL else _head(Opcode.TEXT, length)
            self._put(head, payload)

    def fragments(self, parts: Sequence[bytes], ping: bytes | None = None) -> None:
        """One text message in several frames, a ping after the first of them."""
        if self._over:
            return
        self.sent += 1
        last = len(parts) - 1
        for index, part in enumerate(parts):
            opcode = Opcode.CONT if index else Opcode.TEXT
            self._put(_head(opcode, len(part), final=index == last), part)
            if not index and ping is not None:
                self.ping(ping)

    def raw(self, data: bytes) -> None:
        """Bytes that need not be a frame."""
        if not self._over:
            self._put(data)

    def ping(self, payload: bytes) -> None:
        """A ping frame."""
        if not self._over:
            self._put(_head(Opcode.PING, len(payload)), payload)

    def close(self, code: int, reason: str) -> None:
        """A close frame; the end when the client has answered it (rule 5)."""
        if self._over:
            return
        if self._frames.state is OPEN:
            self._frames.send_close(code, reason)
            self._take_answers()
        self._over = True
        asyncio.get_running_loop().call_later(CLOSE_S, self._house.enter, lambda _now: self._leave())

    def cut(self) -> None:
        """The end without a close frame (rule 5)."""
        self._over = True
        self._leave()

    # --- the server's side

    @property
    def dead(self) -> bool:
        """Dead to its client (rule 4)."""
        return self._conversation.dead

    def flush(self) -> None:
        """Write what was said (rules 1 and 2)."""
        if self._out:
            if not self._transport.is_closing():
                self._transport.write(b"".join(self._out))
            self._out.clear()
            self._waiting = 0
            if self._transport.get_write_buffer_size() > MAX_UNREAD:
                self._drop_unread()
                return
        if self._leaving:
            self._transport.close()
            asyncio.get_running_loop().call_later(CLOSE_S, self._transport.abort)

    def receive(self, data: bytes) -> None:
        """Bytes of the client."""
        self._house.enter(lambda now: self._receive(data, now))

    def lost(self) -> None:
        """TCP has ended."""
        self._over = True
        self._out.clear()
        self._house.enter(self._conversation.closed)

    # --- parts

    def _receive(self, data: bytes, now: int) -> None:
        frames = self._frames
        frames.receive_data(data)
        for frame in frames.events_received():
            if self._over:
                break
            assert isinstance(frame, Frame)  # what comes after the upgrade
            payload = bytes(frame.data)
            match frame.opcode:
                case Opcode.PING:
                    if self._conversation.ping(payload, now) and not self._over:  # rule 4
                        self._put(_head(Opcode.PONG, len(payload)), payload)
                case Opcode.PONG:
                    self._conversation.pong(payload, now)
                case Opcode.CLOSE:
                    pass  # the protocol answers it and asks for the end
                case _:
                    self._gather(payload, frame.fin, now)
        self._take_answers()

    def _gather(self, payload: bytes, final: bool, now: int) -> None:
        """A message in however many frames; text and binary are the same to a venue that knows text only."""
        if self._message is not None:
            self._message += payload
        elif not final:
            self._message = bytearray(payload)
        if not final:
            return
        whole, self._message = payload if self._message is None else bytes(self._message), None
        try:
            whole.decode()
        except UnicodeDecodeError:
            self._house.count("rubbish")
            if self._frames.state is OPEN:
                self._frames.fail(CloseCode.INVALID_DATA, "text is UTF-8")  # rule 3
            return
        self._conversation.text(whole, now)

    def _take_answers(self) -> None:
        """What the protocol has to say by itself: close frames and the end; pongs are the venue's business."""
        answers = [each for each in self._frames.data_to_send() if each[:1] != _PONG]
        if self._conversation.dead:
            return  # rule 4
        if self._frames.parser_exc is not None and not self._over and answers:
            self._house.count("rubbish")
        for answer in answers:
            if answer:
                self._put(answer)
            else:
                self._over = True
                self._leave()

    def _put(self, *parts: bytes) -> None:
        if not self._out:
            self._house.touched(self)
        for part in parts:
            self._out.append(part)
            self._waiting += len(part)
        if self._waiting > MAX_UNREAD:
            self._drop_unread()

    def _leave(self) -> None:
        """End TCP after what was said."""
        self._leaving = True
        self._house.touched(self)

    def _drop_unread(self) -> None:
        """Rule 2."""
        self._over = True
        self._out.clear()
        self._waiting = 0
        self._house.count("unread")
        self._transport.abort()


def _head(opcode: Opcode, length: int, *, final: bool = True) -> bytes:
    """The head of a server's frame, which is not masked (RFC 6455, 5.2)."""
    first = _FINAL | opcode if final else int(opcode)
    if length <= _SHORT:
        return bytes((first, length))
    if length <= _MEDIUM:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


_USUAL = 2048
_TEXT_HEADS = tuple(_head(Opcode.TEXT, length) for length in range(_USUAL))
