"""One client's connection from the accepted upgrade to its end, in what no venue does otherwise than the others.

It reads no message and words no answer: a venue's connection inherits from this one, says what it wants by the methods
under "what a venue brings", and sends by its `Post`.

Rules
  1. Every message, ping and pong of the client counts; more than `messages_per_s` in a second is too much.
  2. A ping leaves every `ping_every_s`; the connection is closed when none of its payloads came back in a pong for
     `pong_within_s`. A pong also answers the pings before the one that it names; others count for nothing.
  3. At the end of its life it is closed; so is one that has not subscribed in time, and one that has been idle.
  4. A connection that is dead (half_open) hears nothing and says nothing; the end of its life finds it, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from types import MappingProxyType

from bethna.core.clock import seconds
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.kinds import Kind
from bethna.twins.line.agenda import NEVER, TIMER
from bethna.twins.line.limits import Window, venue_ms
from bethna.twins.line.post import GONE, Post
from bethna.twins.line.seam import Wire
from bethna.twins.line.shared import Shared
from bethna.twins.line.speech import Stream
from bethna.twins.line.topics import Make, Topic

POLICY = 1008
GOING_AWAY = 1001
BOOKS = ("diffs", "book")
"""Roles of streams that silent_book strikes."""
IDLE_PARTS = 4


class Connection:
    """One WebSocket connection.

    Args:
        path: where it asked to be let in. wraps: payloads are wrapped (`Speech.wrap`).

    Attributes:
        number: counts from 1. address: whose. opened_at: ns UTC, 0 before it is attached.
        topics: what it carries, by the name as subscribed.
        post: its outgoing side. doomed: it is cut as soon as it stands.
        GOODBYES: why it ends (`life`, `no_pong`, `too_many_messages`, `no_subscription`, `idle`, `maintenance`) ->
            code and reason of the close frame.
    """

    GOODBYES: Mapping[str, tuple[int, str]] = MappingProxyType(
        {
            "life": (GOING_AWAY, "end of life"),
            "no_pong": (POLICY, "no pong"),
            "too_many_messages": (POLICY, "too many messages"),
            "no_subscription": (POLICY, "no subscription"),
            "idle": (GOING_AWAY, "idle"),
            "maintenance": (GOING_AWAY, "maintenance"),
        }
    )

    def __init__(self, shared: Shared, address: str, path: str, *, wraps: bool = False) -> None:
        shared.accepted += 1
        self.number = shared.accepted
        self.address = address
        self.path = path
        self.opened_at = 0
        self.topics: dict[str, Topic] = {}
        self.doomed = False
        self._shared = shared
        self.post = self.make_post(wraps=wraps)
        most = shared.rules.messages_per_s
        self._messages = Window(most) if most else None
        self._pings: deque[tuple[bytes, int]] = deque()
        self._ping_at = self._life_at = self._subscribe_by = self._idle_at = NEVER
        self._heard_count = 0
        self._traffic = (0, 0)
        self._quiet = 0

    # --- what a venue brings

    def make_post(self, *, wraps: bool) -> Post:
        """Its outgoing side; a venue that numbers its frames makes a `NumberedPost` here."""
        return Post(self._shared, self.number, wraps=wraps, overflow=self._overflow, pinged=self._await_pong)

    def begin(self, now: int) -> None:
        """It stands: what is said or carried from the start, such as a status or the streams of the URL."""

    def obey(self, data: bytes | str, now: int) -> None:
        """A message of the client that counts: read it, and answer by the `post`."""
        raise NotImplementedError

    def coming(self) -> Iterable[Stream]:
        """Streams that it will carry from the start, before it is attached; for faults that are about them."""
        return ()

    def too_many(self, now: int) -> None:
        """The client has said too much (rule 1)."""
        self.end("too_many_messages")

    def announce(self, fault: Fault, now: int) -> None:
        """Say what a `shutdown_notice` or a `maintenance` says before it comes true; silence where there is no such."""

    def more(self) -> dict[str, object]:
        """What its state says besides."""
        return {}

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
        shared.standing[self.number] = self
        self.post.attach(wire)
        rules = shared.rules
        self._ping_at = _in(now, rules.ping_every_s)
        self._life_at = _in(now, rules.life_s)
        self._subscribe_by = _in(now, rules.subscribe_within_s)
        self._idle_at = _in(now, rules.idle_s / IDLE_PARTS)
        self.begin(now)
        self.post.settle()
        self._arm()

    def text(self, data: bytes | str, now: int) -> None:
        """A text (or binary) message of the client."""
        if self._heard(now):
            self.obey(data, now)

    def ping(self, payload: bytes, now: int) -> bool:
        """A ping of the client; True when the venue answers it with a pong."""
        return self._heard(now)

    def pong(self, payload: bytes, now: int) -> None:
        """A pong of the client (rule 2)."""
        if self._heard(now) and any(payload == sent for sent, _ in self._pings):
            while self._pings.popleft()[0] != payload:
                pass

    def closed(self, now: int) -> None:
        """The client is gone."""
        self._shared.advance(now)
        self._finish(GONE)

    @property
    def dead(self) -> bool:
        """Nothing is heard and nothing is said, not even a close frame (rule 4)."""
        return self.post.dead

    # --- what it carries

    def carry(self, stream: Stream, make: Make, now: int, variant: Hashable = None) -> Topic:
        """Subscribe to a stream, if it is not yet; `open_topic` says what comes first.

        Args:
            make: its publisher, if nobody else carries it. variant: see `Board.add`.
        """
        self._subscribe_by = NEVER
        topic = self.topics.get(stream.name)
        if topic is None:
            topic = self.topics[stream.name] = self._shared.board.add(stream, self.post, make, variant)
            if topic.role in BOOKS and self._strikes("silent_book", stream, now) is not None:
                self.keep_from(topic.name, "silent_book")
        return topic

    def drop(self, name: str) -> bool:
        """Unsubscribe; False when it was not carried."""
        topic = self.topics.pop(name, None)
        if topic is None:
            return False
        self._shared.board.remove(topic, self.post)
        if self.post.unheard.pop(name, None):
            self.post.settle()
        return True

    def open_topic(self, topic: Topic, now: int) -> None:
        """Say what a new subscriber is told first; stale_snapshot and snapshot_race have their say."""
        shared = self._shared
        past, late_s = None, 0.0
        if topic.role in BOOKS:
            fault = shared.faults.strikes("stale_snapshot", now, symbol=topic.symbol)
            past = shared.stale.find(fault, topic.symbol, now) if fault else None
            race = shared.faults.strikes("snapshot_race", now, symbol=topic.symbol)
            late_s = race.delay_s if race else 0.0
        for payload in topic.opening(shared.venue_now, past):
            frame = topic.wrap(topic.name, payload) if self.post.wraps else payload
            self.post.open(topic, frame, payload, late_s)

    def keep_from(self, name: str, kind: str) -> None:
        """A stream is dead to this connection until it is subscribed anew."""
        self.post.unheard[name] = kind
        self.post.settle()

    def refuses(self, stream: Stream, now: int) -> bool:
        """Whether a fault refuses a subscription."""
        return self._strikes("refused_subscription", stream, now) is not None

    def lateness_s(self, streams: Iterable[Stream | None], now: int) -> float:
        """How late the answer to a message about these streams leaves."""
        about: list[Stream | None] = [stream for stream in streams if stream is not None]
        for stream in about or [None]:
            fault = self._strikes("late_ack", stream, now)
            if fault is not None:
                return fault.delay_s
        return 0.0

    def _strikes(self, kind: Kind, stream: Stream | None, now: int) -> Fault | None:
        return self._shared.faults.strikes(
            kind,
            now,
            symbol=stream.symbol if stream else "",
            stream=stream.suffix if stream else "",
            rng=self.post.rng,
        )

    # --- what the venue does to it

    def end(self, why: str) -> None:
        """End it with the close frame of `GOODBYES`."""
        code, reason = self.GOODBYES[why]
        self.close(code, reason, why)

    def later(self, at: int, act: Callable[[int], None]) -> None:
        """Do something at an instant, ns UTC of the caller's clock, unless the connection has ended or is dead by then.

        What is done gets the instant; a heartbeat of the connection's own calls `later` anew from there.
        """

        def unless_over(now: int) -> None:
            if not (self.post.ended or self.post.dead):
                act(now)

        self._shared.agenda.put(at, TIMER, unless_over)

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
        """Half-open from now on (rule 4)."""
        self.post.dead = True
        self.post.settle()

    def hush(self, fault: Fault) -> None:
        """Its books that a silent_book is about are dead from now on."""
        for topic in self.topics.values():
            if topic.role in BOOKS and fault.hits(topic.symbol, topic.suffix, ""):
                self.keep_from(topic.name, fault.kind)

    def hit_by(self, fault: Fault) -> bool:
        """Whether it carries a stream that the fault is about."""
        if not fault.symbol and not fault.stream:
            return True
        if self.opened_at:
            return any(fault.hits(topic.symbol, topic.suffix, "") for topic in self.topics.values())
        return any(fault.hits(stream.symbol, stream.suffix, "") for stream in self.coming())

    def state(self) -> dict[str, object]:
        """For a person to look at."""
        return {
            "number": self.number,
            "address": self.address,
            "path": self.path,
            "opened_at_ns": self.opened_at,
            **self.more(),
            "streams": list(self.topics),
            "frames": self.post.sent,
            "waiting": self.post.waiting,
            "half_open": self.post.dead,
            "silent": self.post.mute,
        }

    # --- time

    def _arm(self) -> None:
        oldest = self._pings[0][1] + seconds(self._shared.rules.pong_within_s) if self._pings else NEVER
        at = self._life_at
        if not self.post.dead:
            at = min(self._ping_at, at, oldest, self._subscribe_by, self._idle_at)
        if at < NEVER:
            self._shared.agenda.put(at, TIMER, self._tick)

    def _tick(self, at: int) -> None:
        if self.post.ended:
            return
        if at >= self._life_at and self.post.dead:
            self.cut("life")
        elif why := self._overdue(at):
            self.end(why)
        else:
            self._send_ping(at)
            self._arm()

    def _overdue(self, at: int) -> str:
        """Why it is closed now (rules 2 and 3); empty when it is not."""
        rules = self._shared.rules
        if at >= self._life_at:
            return "life"
        if self.post.dead:
            return ""
        if self._pings and at >= self._pings[0][1] + seconds(rules.pong_within_s):
            return "no_pong"
        if at >= self._subscribe_by:
            return "no_subscription"
        if at >= self._idle_at:
            traffic = (self.post.sent, self._heard_count)
            self._quiet = self._quiet + 1 if traffic == self._traffic else 0
            self._traffic = traffic
            self._idle_at = _in(at, rules.idle_s / IDLE_PARTS)
            if self._quiet >= IDLE_PARTS:
                return "idle"
        return ""

    def _send_ping(self, at: int) -> None:
        if at >= self._ping_at and not self.post.dead:
            self._ping_at = _in(at, self._shared.rules.ping_every_s)
            payload = str(venue_ms(self._shared.venue_now)).encode()
            self._await_pong(payload, at)
            self.post.ping(payload)

    def _await_pong(self, payload: bytes, now: int) -> None:
        self._pings.append((payload, now))

    def _heard(self, now: int) -> bool:
        """Whether a message is taken notice of (rules 1 and 4)."""
        self._shared.advance(now)
        if self.post.ended or self.post.dead or not self.opened_at:
            return False
        self._heard_count += 1
        if self._messages is not None and not self._messages.take(now):
            self.too_many(now)
            return False
        return True

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
        self._shared.standing.pop(self.number, None)
        return wire


def _in(now: int, span_s: float) -> int:
    """So many seconds later; never for 0."""
    return now + seconds(span_s) if span_s else NEVER
