"""Where a recorder listens: everything that crosses a socket, as it was on the wire; nobody waits for it."""

from __future__ import annotations

from itertools import count
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


class RecordingTap(Tap, Protocol):
    """A tap that notes in which language a host speaks, as `bethna decode` names it: a URL need not say it."""

    def opened(self, conn: int, url: str, ts: int, wire: str | None = None) -> None:
        """A socket stands."""
        ...

    def http(self, url: str, raw: bytes, ts: int, wire: str | None = None) -> None:
        """The body of one REST answer."""
        ...


class SharedTap:
    """One tap for the sockets of several venues, each of which counts its own from 1.

    On a tape a number names one socket: it hands out numbers of its own, in the order of opening.
    """

    def __init__(self, tap: RecordingTap) -> None:
        self._tap = tap
        self._numbers = count(1)

    def part(self, wire: str) -> Tap:
        """For one venue, which speaks `wire`."""
        return _Part(self._tap, self._numbers, wire)


class _Part:
    """One venue's way into a shared tap."""

    def __init__(self, tap: RecordingTap, numbers: count[int], wire: str) -> None:
        self._tap = tap
        self._wire = wire
        self._numbers = numbers
        self._known: dict[int, int] = {}

    def opened(self, conn: int, url: str, ts: int) -> None:
        self._known[conn] = next(self._numbers)
        self._tap.opened(self._known[conn], url, ts, self._wire)

    def http(self, url: str, raw: bytes, ts: int) -> None:
        self._tap.http(url, raw, ts, self._wire)

    def received(self, conn: int, raw: bytes, ts: int) -> None:
        self._tap.received(self._known[conn], raw, ts)

    def sent(self, conn: int, text: str, ts: int) -> None:
        self._tap.sent(self._known[conn], text, ts)

    def closed(self, conn: int, reason: str, ts: int) -> None:
        self._tap.closed(self._known[conn], reason, ts)
