"""One client's connection: its upgrade, what it asks and how it ends; frames leave by its `Post`.

Rules
  1. Streams named in the URL are carried from the start; what is malformed or unknown there is silent.
  2. Every message, ping and pong of the client counts; more than `messages_per_s` in a second cuts the connection.
  3. A ping leaves every `ping_every_s`; the connection is cut when none of its payloads came back in a pong for
     `pong_within_s`. A pong also answers the pings before the one that it names; others count for nothing.
  4. At the end of its life it is closed.
  5. SUBSCRIBE is done as a whole or not at all: a malformed name, a stream that a fault refuses or more streams than
     allowed leave everything as it was.
  6. A connection that is dead (half_open) hears nothing and says nothing; the end of its life finds it, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bethna.core.clock import seconds
from bethna.twins.binance.agenda import NEVER, TIMER
from bethna.twins.binance.control import Request, done, failed, failed_nested, read_request
from bethna.twins.binance.limits import MessageWindow, venue_ms
from bethna.twins.binance.post import GONE, Post
from bethna.twins.binance.seam import Wire
from bethna.twins.binance.shared import Shared
from bethna.twins.binance.streams import Stream, parse
from bethna.twins.binance.topics import Topic, suffix_of
from bethna.twins.faults.facts import Fault

POLICY = 1008
GOING_AWAY = 1001


class Connection:
    """One WebSocket connection, from the accepted upgrade to its end.

    Args:
        names: streams of the URL. standing: where it enters itself when it is attached, and leaves.

    Attributes:
        number: counts from 1. address: whose. path: `/ws` or `/stream`. opened_at: ns UTC, 0 before it is attached.
        topics: what it carries, by the name as subscribed.
        post: its outgoing side. doomed: it is cut as soon as it stands. microseconds: the unit of its times.
    """

    def __init__(
        self,
        shared: Shared,
        number: int,
        address: str,
        path: str,
        names: Sequence[str],
        standing: dict[int, Connection],
        *,
        microseconds: bool,
    ) -> None:
        self.number = number
        self.address = address
        self.path = path
        self.opened_at = 0
        self.topics: dict[str, Topic] = {}
        self.post = Post(
            shared, number, combined=path == "/stream", overflow=self._overflow, pinged=self._await_pong
        )
        self.doomed = False
        self._shared = shared
        self._standing = standing
        self._names = tuple(names)
        self.microseconds = microseconds
        self._messages = MessageWindow(shared.rules.messages_per_s)
        self._pings: deque[tuple[bytes, int]] = deque()
        self._ping_at = self._life_at = NEVER

    # --- what the sockets say

    def attach(self, wire: Wire, now: int) -> None:
        """The upgrade was answered with 101: from here on `wire` is spoken to."""
        shared = self._shared
        shared.advance(now)
        if self.post.ended:
            wire.cut()
            return
        if self.doomed:
            self._finish("accept_and_cut")
            wire.cut()
            return
        self.opened_at = now
        self._standing[self.number] = self
        self.post.attach(wire)
        self._ping_at = now + seconds(shared.rules.ping_every_s)
        self._life_at = now + seconds(shared.rules.life_s)
        for stream in filter(None, map(parse, self._names)):  # rule 1
            if self._refusing(stream.name, stream, now) is not None:
                self.post.unheard.add(stream.name)
            self._add(stream)
        self.post.settle()
        self._arm()

    def text(self, data: bytes | str, now: int) -> None:
        """A text (or binary) message of the client."""
        if self._heard(now):
            self._obey(data, now)

    def ping(self, payload: bytes, now: int) -> bool:
        """A ping of the client; True when the venue answers it with a pong."""
        return self._heard(now)

    def pong(self, payload: bytes, now: int) -> None:
        """A pong of the client (rule 3)."""
        if self._heard(now) and any(payload == sent for sent, _ in self._pings):
            while self._pings.popleft()[0] != payload:
                pass

    def closed(self, now: int) -> None:
        """The client is gone."""
        self._shared.advance(now)
        self._finish(GONE)

    @property
    def dead(self) -> bool:
        """Nothing is heard and nothing is said, not even a close frame (rule 6)."""
        return self.post.dead

    # --- what the venue does to it

    def close(self, code: int, reason: str, why: str) -> None:
        """End it with a close frame."""
        wire = self._finish(why)
        if wire is not None:
            wire.close(code, reason)

    def cut(self, why: str) -> None:
        """End it without a word."""
        wire = self._finish(why)
        if wire is not None:
            wire.cut()

    def die(self) -> None:
        """Half-open from now on (rule 6)."""
        self.post.dead = True
        self.post.settle()

    def announce(self, payload: bytes) -> None:
        """An event that nobody subscribed to: `!serverShutdown`."""
        if not self.post.mute:
            frame = b'{"stream":"!serverShutdown","data":' + payload + b"}" if self.post.combined else payload
            self.post.answer(frame)

    def hit_by(self, fault: Fault) -> bool:
        """Whether it carries a stream that the fault is about."""
        if not fault.symbol and not fault.stream:
            return True
        if self.opened_at:
            return any(fault.hits(topic.symbol, topic.suffix, "") for topic in self.topics.values())
        streams = filter(None, map(parse, self._names))
        return any(fault.hits(stream.symbol, suffix_of(stream.name), "") for stream in streams)

    # --- time

    def _arm(self) -> None:
        oldest = self._pings[0][1] + seconds(self._shared.rules.pong_within_s) if self._pings else NEVER
        at = self._life_at if self.post.dead else min(self._ping_at, self._life_at, oldest)
        self._shared.agenda.put(at, TIMER, self._tick)

    def _tick(self, at: int) -> None:
        if self.post.ended:
            return
        rules = self._shared.rules
        if at >= self._life_at:  # rule 4
            if self.post.dead:
                self.cut("life")
            else:
                self.close(GOING_AWAY, "24 hours are over", "life")
            return
        if not self.post.dead:
            if self._pings and at >= self._pings[0][1] + seconds(rules.pong_within_s):  # rule 3
                self.close(POLICY, "Pong timeout", "no_pong")
                return
            if at >= self._ping_at:
                self._ping_at = at + seconds(rules.ping_every_s)
                payload = str(venue_ms(self._shared.venue_now)).encode()
                self._await_pong(payload, at)
                self.post.ping(payload)
        self._arm()

    def _await_pong(self, payload: bytes, now: int) -> None:
        self._pings.append((payload, now))

    def _heard(self, now: int) -> bool:
        """Whether a message is taken notice of (rules 2 and 6)."""
        self._shared.advance(now)
        if self.post.ended or self.post.dead or not self.opened_at:
            return False
        if not self._messages.take(now):
            self.close(POLICY, "Too many requests", "too_many_messages")
            self._shared.limits.offend(self.address, now)
            return False
        return True

    # --- control frames

    def _obey(self, data: bytes | str, now: int) -> None:
        request = read_request(data, unsigned_ids=self._shared.rules.unsigned_ids)
        if isinstance(request, bytes):
            self.post.answer(request)
            return
        self.post.answer(self._answer(request, now), self._lateness(request.streams, now))

    def _answer(self, request: Request, now: int) -> bytes:
        if request.method == "SUBSCRIBE":
            return self._subscribe(request, now)
        if request.method == "UNSUBSCRIBE":
            return self._unsubscribe(request)
        if request.method == "LIST_SUBSCRIPTIONS":
            return done(list(self.topics), request.id)
        if request.method == "GET_PROPERTY":
            return done(self.post.combined, request.id)
        self.post.combined = request.value
        return done(None, request.id)

    def _subscribe(self, request: Request, now: int) -> bytes:
        """Rule 5."""
        streams = [parse(name) for name in request.streams]
        if None in streams:
            return failed_nested(2, "Invalid request: invalid stream", request.id)
        if len(self.topics.keys() | set(request.streams)) > self._shared.rules.streams:
            return failed(2, "Invalid request: too many parameters", request.id)
        wanted = [stream for stream in streams if stream is not None and stream.name not in self.topics]
        refused = [self._refusing(stream.name, stream, now) for stream in wanted]
        if any(refused):
            self._shared.refusals += 1
            form = failed_nested if self._shared.refusals % 2 else failed
            return form(2, "Invalid request: invalid stream", request.id)
        for stream in wanted:
            self._add(stream)
        return done(None, request.id)

    def _unsubscribe(self, request: Request) -> bytes:
        if not all(map(parse, request.streams)):
            return failed_nested(2, "Invalid request: invalid stream", request.id)
        for name in request.streams:
            topic = self.topics.pop(name, None)
            if topic is not None:
                self._shared.board.remove(topic, self.post)
                self.post.unheard.discard(name)
        self.post.settle()
        return done(None, request.id)

    def _add(self, stream: Stream) -> None:
        if stream.name not in self.topics:
            self.topics[stream.name] = self._shared.board.add(
                stream, self.post, microseconds=self.microseconds
            )

    def _refusing(self, name: str, stream: Stream, now: int) -> Fault | None:
        return self._shared.faults.strikes(
            "refused_subscription", now, symbol=stream.symbol, stream=suffix_of(name), rng=self.post.rng
        )

    def _lateness(self, names: Sequence[str], now: int) -> float:
        """How late the answer to a control frame leaves."""
        streams = [parse(name) for name in names]
        about = [(stream.symbol, suffix_of(stream.name)) for stream in streams if stream] or [("", "")]
        for symbol, suffix in about:
            fault = self._shared.faults.strikes(
                "late_ack", now, symbol=symbol, stream=suffix, rng=self.post.rng
            )
            if fault is not None:
                return fault.delay_s
        return 0.0

    # --- its end

    def _overflow(self) -> None:
        self.cut("overflow")

    def _finish(self, why: str) -> Wire | None:
        if self.post.ended:
            return None
        wire = self.post.end(why)
        for topic in self.topics.values():
            self._shared.board.remove(topic, self.post)
        self.topics.clear()
        self._shared.frames += self.post.sent
        self._shared.endings[why] += 1
        self._standing.pop(self.number, None)
        return wire
