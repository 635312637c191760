"""Where a recorder listens: everything that crosses a socket, as it was on the wire; nobody waits for it."""

from __future__ import annotations

from typing import Protocol


class Tap(Protocol):
    """Hears both directions of every socket and every REST answer. Times are ns UTC by the desk's clock.

    Methods are called from the event loop, must not wait and must not raise.
    """

    def opened(self, conn: int, url: str, ts: int) -> None:
        """A socket stands; `conn` names it from now on."""
        ...

    def received(self, conn: int, raw: bytes, ts: int) -> None:
        """One whole message."""
        ...

    def sent(self, conn: int, text: str, ts: int) -> None:
        """One control message of ours."""
        ...

    def http(self, url: str, raw: bytes, ts: int) -> None:
        """The body of one REST answer."""
        ...

    def closed(self, conn: int, reason: str, ts: int) -> None:
        """A socket is gone."""
        ...
