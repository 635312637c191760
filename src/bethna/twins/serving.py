"""The server of a twin: sockets and requests on one port, a venue driven by a clock; it speaks no venue's words.

Rules
  1. The venue is brought to the present before it hears anything, and whenever it has something to do.
  2. What it says in one go leaves in one write a client, before anything else is read.
  3. A venue that is late catches up in strides (`course`), serving its clients in between.
  4. A client's rubbish ends that client's connection. An error of the twin itself ends the twin, for all to see.
  5. More than `MAX_CLIENTS` connections are not taken.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Collection
from typing import Protocol, TypeVar

from bethna.core.clock import NS_PER_MS, NS_PER_US, Clock
from bethna.core.errors import AddressUnusable
from bethna.twins.control import Control
from bethna.twins.course import Course
from bethna.twins.faults import Faults, Words
from bethna.twins.http_side import HttpSide, Patience
from bethna.twins.line.seam import Answer
from bethna.twins.socket_side import Conversation, Guest, SocketSide

T = TypeVar("T")
MAX_CLIENTS = 900
BACKLOG = 512


class Venue(Protocol):
    """A venue's machine; what its methods mean is in `line.venue`."""

    @property
    def words(self) -> Words:
        """What a plan of faults may say of it."""
        ...

    def upgrade(self, target: str, address: str, now: int) -> Conversation | Answer:
        """A client wants a WebSocket."""
        ...

    def http(self, method: str, target: str, headers: dict[str, str], address: str, now: int) -> Answer:
        """A client asks something."""
        ...

    def advance(self, now: int) -> None:
        """Everything that happens up to `now`."""
        ...

    def deadline(self) -> int:
        """When there is something to do next."""
        ...

    def state(self, now: int) -> dict[str, object]:
        """For a person to look at."""
        ...


class TwinServer:
    """A venue behind one port; it is the `House` of its connections.

    Args:
        venue: driven by nobody else. start: ns UTC, where it is in time.
        symbols: what it lists. about: what `GET /twin/state` says besides.

    Attributes:
        counts: requests, upgrades, rubbish, unread (clients cut because they did not read), turned_away.
    """

    def __init__(
        self,
        venue: Venue,
        faults: Faults,
        clock: Clock,
        start: int,
        *,
        symbols: Collection[str] = (),
        about: Callable[[], dict[str, object]] = dict,
        patience: Patience | None = None,
    ) -> None:
        self.venue = venue
        self.counts: Counter[str] = Counter(
            dict.fromkeys(("requests", "upgrades", "rubbish", "unread", "turned_away"), 0)
        )
        self._about = about
        self._course = Course(clock, start)
        self._control = Control(faults, symbols, self.state, venue.words)
        self._patience = patience or Patience()
        self._guests: dict[Guest, None] = {}
        self._dirty: dict[SocketSide, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._armed = start
        self._closing = False
        self._ended: asyncio.Future[None] | None = None

    async def serve(self, bound: socket.socket, ready: Callable[[], None]) -> None:
        """Serve until cancelled or stopped; `ready` is called once connections are accepted.

        Args:
            bound: a listening socket; it is closed in the end.
        """
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        listening = await loop.create_server(
            lambda: HttpSide(self, self._patience), sock=bound, backlog=BACKLOG
        )
        try:
            self._drive()
            ready()
            await self._ended
        finally:
            self._closing = True
            listening.close()
            if self._timer is not None:
                self._timer.cancel()
            for guest in list(self._guests):
                guest.end()
            self._flush()
            await asyncio.sleep(0)  # what was written leaves

    def stop(self) -> None:
        """End `serve`."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def state(self, now: int) -> dict[str, object]:
        """Everything that a person may want to know."""
        course = self._course
        return {
            "simulation": True,
            **self._about(),
            "started_at": course.start // NS_PER_US,
            "now": now // NS_PER_US,
            "late_ms": round(course.late_ns / NS_PER_MS, 3),
            "worst_late_ms": round(course.worst_late_ns / NS_PER_MS, 3),
            "clients": len(self._guests),
            "counts": dict(self.counts),
            "venue": self.venue.state(now),
        }

    # --- time

    def enter(self, act: Callable[[int], T]) -> T:
        """Bring the venue to the present, do something there, and write what it says (rules 1 and 2)."""
        try:
            now = self._course.stride(self._armed)
            self.venue.advance(now)
            done = act(now)
            self._flush()
            self._arm()
        except BaseException as error:
            self._fail(error)
            raise
        return done

    def _drive(self) -> None:
        self._timer = None
        self.enter(_nothing)

    def _arm(self) -> None:
        """Wake up when the venue has something to do next."""
        if self._closing:
            return
        deadline = self.venue.deadline()
        if self._timer is not None:
            if self._armed == deadline and not self._course.behind_ns:
                return
            self._timer.cancel()
        self._armed = deadline
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._course.wait_s(deadline), self._drive)

    def _fail(self, error: BaseException) -> None:
        """Rule 4."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_exception(error)

    # --- House

    def admit(self, guest: Guest) -> bool:
        """A client has connected (rule 5)."""
        if len(self._guests) >= MAX_CLIENTS:
            self.counts["turned_away"] += 1
            return False
        self._guests[guest] = None
        return True

    def gone(self, guest: Guest) -> None:
        """Its TCP connection has ended."""
        self._guests.pop(guest, None)

    def touched(self, socket: SocketSide) -> None:
        """It has something to write."""
        self._dirty[socket] = None

    def is_control(self, target: str) -> bool:
        """Whether a request is for the twin itself."""
        return self._control.is_for(target)

    def answer(self, method: str, target: str, headers: dict[str, str], address: str, body: bytes) -> Answer:
        """What the venue, or the twin, answers to a request."""
        if self.is_control(target):
            return self.enter(lambda now: self._control.call(method, target, headers, address, body, now))
        self.counts["requests"] += 1
        return self.enter(lambda now: self.venue.http(method, target, headers, address, now))

    def upgrade(self, target: str, address: str) -> Conversation | Answer:
        """A client wants a WebSocket."""
        self.counts["upgrades"] += 1
        return self.enter(lambda now: self.venue.upgrade(target, address, now))

    def count(self, what: str) -> None:
        """One more of `counts`."""
        self.counts[what] += 1

    def _flush(self) -> None:
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            for each in dirty:
                each.flush()


def _nothing(_now: int) -> None:
    """Only time passes."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        AddressUnusable: the name does not resolve, the address is not ours, or the port is taken or forbidden.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        raise AddressUnusable(host, port, error.errno, error.strerror or str(error)) from error


def authority_of(bound: socket.socket) -> str:
    """`HOST:PORT` to reach what listens; all interfaces are reached by the loopback one."""
    host, port = bound.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
