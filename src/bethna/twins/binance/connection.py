"""One client's connection in the venue's words: the streams of its URL and its control frames.

Rules
  1. Streams named in the URL are carried from the start; what is malformed or unknown there is silent.
  2. Who sends too many messages is cut off, and remembered by address.
  3. SUBSCRIBE is done as a whole or not at all: a malformed name, a stream that a fault refuses or more streams than
     allowed leave everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from bethna.core.clock import NS_PER_MS, NS_PER_US
from bethna.twins.binance.control import Request, done, failed, failed_nested, read_request
from bethna.twins.binance.limits import Limits, Rules
from bethna.twins.binance.publishers import Publisher, publisher
from bethna.twins.binance.streams import Stream, parse
from bethna.twins.faults.facts import Fault
from bethna.twins.line import connection as line
from bethna.twins.line.connection import GOING_AWAY, POLICY
from bethna.twins.line.shared import Shared


class Connection(line.Connection):
    """One WebSocket connection.

    Args:
        names: streams of the URL. limits: of all addresses.

    Attributes:
        path: `/ws` or `/stream`. microseconds: the unit of its times.
    """

    GOODBYES: Mapping[str, tuple[int, str]] = MappingProxyType(
        {
            "life": (GOING_AWAY, "24 hours are over"),
            "no_pong": (POLICY, "Pong timeout"),
            "too_many_messages": (POLICY, "Too many requests"),
        }
    )

    def __init__(
        self,
        shared: Shared,
        rules: Rules,
        limits: Limits,
        address: str,
        path: str,
        names: Sequence[str],
        *,
        microseconds: bool,
    ) -> None:
        super().__init__(shared, address, path, wraps=path == "/stream")
        self.microseconds = microseconds
        self._rules = rules
        self._limits = limits
        self._names = tuple(names)

    def begin(self, now: int) -> None:
        """Carry what the URL names (rule 1)."""
        for stream in self.coming():
            if self.refuses(stream, now):
                self.post.unheard[stream.name] = "refused_subscription"
            self._add(stream, now)

    def coming(self) -> Iterable[Stream]:
        """The well-formed streams of the URL."""
        return filter(None, map(parse, self._names))

    def too_many(self, now: int) -> None:
        """Rule 2."""
        self.end("too_many_messages")
        self._limits.offend(self.address, now)

    def announce(self, fault: Fault, now: int) -> None:
        """`serverShutdown`, an event that nobody subscribed to."""
        unit = NS_PER_US if self.microseconds else NS_PER_MS
        venue_now = now + self._shared.world.clock_offset_ns
        payload = b'{"e":"serverShutdown","E":%d}' % (venue_now // unit)
        frame = b'{"stream":"!serverShutdown","data":' + payload + b"}" if self.post.wraps else payload
        self.post.answer(frame)

    def more(self) -> dict[str, object]:
        """Whether payloads are wrapped."""
        return {"combined": self.post.wraps}

    # --- control frames

    def obey(self, data: bytes | str, now: int) -> None:
        """Read a control frame and answer it."""
        request = read_request(data, unsigned_ids=self._rules.unsigned_ids)
        if isinstance(request, bytes):
            self.post.answer(request)
            return
        self.post.answer(self._answer(request, now), self.lateness_s(map(parse, request.streams), now))

    def _answer(self, request: Request, now: int) -> bytes:
        if request.method == "SUBSCRIBE":
            return self._subscribe(request, now)
        if request.method == "UNSUBSCRIBE":
            return self._unsubscribe(request)
        if request.method == "LIST_SUBSCRIPTIONS":
            return done(list(self.topics), request.id)
        if request.method == "GET_PROPERTY":
            return done(self.post.wraps, request.id)
        self.post.wraps = request.value
        return done(None, request.id)

    def _subscribe(self, request: Request, now: int) -> bytes:
        """Rule 3."""
        streams = [parse(name) for name in request.streams]
        if None in streams:
            return failed_nested(2, "Invalid request: invalid stream", request.id)
        if len(self.topics.keys() | set(request.streams)) > self._rules.streams:
            return failed(2, "Invalid request: too many parameters", request.id)
        wanted = [stream for stream in streams if stream is not None and stream.name not in self.topics]
        refused = [self.refuses(stream, now) for stream in wanted]
        if any(refused):
            self._shared.refusals += 1
            form = failed_nested if self._shared.refusals % 2 else failed
            return form(2, "Invalid request: invalid stream", request.id)
        for stream in wanted:
            self._add(stream, now)
        return done(None, request.id)

    def _unsubscribe(self, request: Request) -> bytes:
        if not all(map(parse, request.streams)):
            return failed_nested(2, "Invalid request: invalid stream", request.id)
        for name in request.streams:
            self.drop(name)
        return done(None, request.id)

    def _add(self, stream: Stream, now: int) -> None:
        def make() -> Publisher | None:
            return publisher(stream, self._shared.world, microseconds=self.microseconds)

        self.carry(stream, make, now, variant=self.microseconds)
