"""Where the venue meets the sockets: what it answers and what it asks of a wire; nothing here opens one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Answer(Struct, frozen=True):
    """An HTTP answer, to a request or to an upgrade that is denied.

    Attributes:
        delay_s: it leaves this much later; what it says is from the instant of the request.
        cut: nothing is answered at all: the connection is dropped without a byte.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    delay_s: float = 0.0
    cut: bool = False


class Wire(Protocol):
    """One client's open WebSocket as the venue sees it. Calls return at once and never raise.

    After `close` and `cut` the venue says nothing more here; what the client still says is not heard.
    """

    def text(self, payload: bytes) -> None:
        """One text message in one frame."""
        ...

    def fragments(self, parts: Sequence[bytes], ping: bytes | None = None) -> None:
        """One text message in several frames; with a ping frame of that payload after the first of them."""
        ...

    def raw(self, data: bytes) -> None:
        """Bytes for the TCP stream that need not be a WebSocket frame."""
        ...

    def ping(self, payload: bytes) -> None:
        """A ping frame."""
        ...

    def close(self, code: int, reason: str) -> None:
        """A close frame; the TCP connection ends when the client has answered it, or soon after if it does not."""
        ...

    def cut(self) -> None:
        """Drop the TCP connection without a goodbye."""
        ...
