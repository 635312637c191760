"""The outgoing side of one connection: frames go straight to the wire while all is well, else faults have their say.

Rules, in this order
  1. A connection that is dead (half_open), mute (silent), or to which a stream is dead (refused_subscription,
     silent_book) gets nothing of it.
  2. missing_diff and missing_trades take `count` frames in a row from where they strike, at most to their end.
  3. garbage takes the frame and sends rubbish in its place; bad_checksum leaves the frame and spoils its checksum.
  4. reorder holds a frame until `count` others of its stream have been sent, at most `delay_s`; one at a time.
  5. duplicate sends it again, at once or `delay_s` later.
  6. slow lets it leave later. What follows in its stream does not overtake it, nor does anything at all when the fault
     is about every stream; then answers and pings are slow, too.
  7. fragmented sends it in parts; at most once a second with a ping in between.
  8. More than `delayed_frames` waiting: the connection is cut.
  9. What a new subscriber is told first is struck by rules 1, 6 and 7, by bad_checksum, and by snapshot_race, which
     lets it leave late while what follows does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

from msgspec import Struct

from bethna.core.clock import NS_PER_S, seconds
from bethna.twins.faults.facts import Fault
from bethna.twins.faults.kinds import Kind
from bethna.twins.line.agenda import FRAME, NEVER
from bethna.twins.line.ledger import Damage
from bethna.twins.line.limits import venue_ms
from bethna.twins.line.rubbish import no_frame, rubbish
from bethna.twins.line.seam import Wire
from bethna.twins.line.shared import Shared
from bethna.twins.line.topics import Topic

FRAME_KINDS: tuple[Kind, ...] = (
    "slow", "garbage", "fragmented", "duplicate", "reorder", "missing_diff", "missing_trades",
    "bad_checksum", "dropped_sequence",
)  # fmt: skip
WIDE = ""
GONE = "gone"
"""The end of a connection that its client left."""


class _Item(Struct):
    """Something that is to be sent. `topic` None: an answer or a ping; `cause`: the fault that holds it back."""

    mode: Literal["text", "raw", "ping"]
    data: bytes
    topic: Topic | None = None
    payload: bytes = b""
    cause: str = "slow"


class _Held(Struct):
    """A frame that others are to overtake; `left` of them must still pass."""

    item: _Item
    left: int
    passed: int = 0


class _Row(Struct):
    """Frames of a stream that go missing in a row."""

    fault: Fault
    left: int
    until: int


class Post:
    """What a connection is sent.

    Args:
        number: of the connection. overflow: called when too much waits (rule 8). pinged: a ping left among fragments.

    Attributes:
        wraps: payloads are wrapped. sent: frames that went to the wire.
        calm: nothing stands between a frame and the wire.
        dead, mute: struck by half_open, by silent.
        unheard: streams that a fault keeps from this connection, and its kind.
        ended: "" while it lives, else why not.
    """

    def __init__(
        self,
        shared: Shared,
        number: int,
        *,
        wraps: bool,
        overflow: Callable[[], None],
        pinged: Callable[[bytes, int], None],
    ) -> None:
        self.wraps = wraps
        self.sent = 0
        self.calm = False
        self.dead = False
        self.mute = False
        self.unheard: dict[str, str] = {}
        self.ended = ""
        self.number = number
        self.rng = Random(f"{shared.seed}/connection/{number}")
        self._shared = shared
        self._overflow = overflow
        self._pinged = pinged
        self._ids_of = shared.speech.ids_of
        self._wire: Wire | None = None
        self._pending: dict[int, _Item] = {}
        self._serial = 0
        self._tails: dict[str, int] = {}
        self._held: dict[str, _Held] = {}
        self._rows: dict[str, _Row] = {}
        self._fragment_ping_at = 0

    # --- what the connection asks

    def attach(self, wire: Wire) -> None:
        """The socket stands."""
        self._wire = wire
        self._text = wire.text
        self.settle()

    def settle(self) -> None:
        """Something changed: see whether all is well."""
        self.calm = not (
            self._shared.troubled
            or self.ended
            or self.dead
            or self.mute
            or self.unheard
            or self._pending
            or self._held
            or self._rows
        )

    def deliver(self, topic: Topic, frame: bytes, payload: bytes) -> None:
        """A frame of a stream: the hot path."""
        if self.calm:
            self.sent += 1
            self._text(frame)
        elif not self.ended:
            self._deliver_amid_faults(topic, frame, payload, self._shared.world.now)

    def open(self, topic: Topic, frame: bytes, payload: bytes, delay_s: float = 0.0) -> None:
        """What a new subscriber of a stream is told first (rule 9)."""
        now = self._shared.world.now
        if self.ended:
            return
        if deprived := self._deprived(topic):
            self._lose(topic, payload, deprived, now)
            return
        if self._shared.troubled:
            frame = self._spoiled(topic, frame, payload, now)
        self._dispatch(_Item("text", frame, topic, payload, "snapshot_race"), now, seconds(delay_s))

    def answer(self, frame: bytes, delay_s: float = 0.0) -> None:
        """The answer to a control frame, or an event that nobody subscribed to."""
        self._dispatch(_Item("text", frame), self._shared.world.now, seconds(delay_s))

    def ping(self, payload: bytes) -> None:
        """A ping."""
        self._dispatch(_Item("ping", payload), self._shared.world.now)

    def end(self, why: str) -> Wire | None:
        """Nothing more is sent; the wire, to be closed."""
        wire, self._wire = self._wire, None
        self.ended = why
        waiting = [*self._pending.values(), *(held.item for held in self._held.values())]
        if waiting:
            self._shared.agenda.drop(self)
        for item in waiting:
            if item.topic is not None and item.payload and why != GONE:
                self._lose(item.topic, item.payload, item.cause, self._shared.world.now)
        self._pending.clear()
        self._held.clear()
        self._rows.clear()
        self.settle()
        return wire

    @property
    def waiting(self) -> int:
        """Frames that are held back."""
        return len(self._pending) + len(self._held)

    # --- faults

    def _deliver_amid_faults(self, topic: Topic, frame: bytes, payload: bytes, now: int) -> None:
        if deprived := self._deprived(topic):  # rule 1
            self._lose(topic, payload, deprived, now)
            return
        if self._is_missing(topic, payload, now):  # rule 2
            return
        item = _Item("text", frame, topic, payload)
        garbage = self._strikes("garbage", topic, now)
        if garbage is not None:  # rule 3
            self._lose(topic, payload, "garbage", now)
            item = (
                _Item("raw", no_frame(self.rng))
                if garbage.raw
                else _Item("text", rubbish(self.rng, frame, self._shared.speech.wrong), topic)
            )
        else:
            item.data = self._spoiled(topic, frame, payload, now)
        held = self._held.get(topic.name)
        if held is None and garbage is None and self._is_held(item, topic, now):  # rule 4
            return
        self._dispatch(item, now)
        if garbage is None:
            self._duplicate(item, topic, now)
        if held is not None:
            held.passed += 1
            if held.passed >= held.left:
                self._let_go(topic.name, held, now)

    def _deprived(self, topic: Topic) -> str:
        if self.dead:
            return "half_open"
        if self.mute:
            return "silent"
        return self.unheard.get(topic.name, "")

    def _spoiled(self, topic: Topic, frame: bytes, payload: bytes, now: int) -> bytes:
        """Rule 3; what carries no checksum is not struck."""
        if not self._shared.faults.active("bad_checksum", now, symbol=topic.symbol, stream=topic.suffix):
            return frame
        spoiled = self._shared.speech.spoil(frame)
        if spoiled is None or self._strikes("bad_checksum", topic, now) is None:
            return frame
        self._shared.ledger.spoil(self._damage(topic, payload, "bad_checksum", now))
        return spoiled

    def _strikes(self, kind: Kind, topic: Topic | None, now: int) -> Fault | None:
        if not self._shared.troubled:
            return None
        return self._shared.faults.strikes(
            kind,
            now,
            symbol=topic.symbol if topic else "",
            stream=topic.suffix if topic else "",
            rng=self.rng,
        )

    def _is_missing(self, topic: Topic, payload: bytes, now: int) -> bool:
        kind: Kind
        if topic.role == "trades":
            kind = "missing_trades"
        elif topic.role == "diffs":
            kind = "missing_diff"
        else:
            return False
        row = self._rows.get(topic.name)
        if row is None or now >= row.until:
            self._rows.pop(topic.name, None)
            fault = self._strikes(kind, topic, now)
            if fault is None:
                self.settle()
                return False
            until = NEVER if fault.once else self._shared.faults.ends_at(fault, now)
            row = self._rows[topic.name] = _Row(fault, fault.count, until)
        row.left -= 1
        if row.left == 0:
            del self._rows[topic.name]
            self.settle()
        damage = self._lose(topic, payload, kind, now)
        if not row.fault.history:
            self._shared.ledger.withhold(damage)
        return True

    def _is_held(self, item: _Item, topic: Topic, now: int) -> bool:
        fault = self._strikes("reorder", topic, now)
        if fault is None:
            return False
        item.cause = "reorder"
        held = self._held[topic.name] = _Held(item, fault.count)
        self.settle()
        self._shared.agenda.put(
            now + seconds(fault.delay_s), FRAME, lambda at: self._let_go(topic.name, held, at), self
        )
        return True

    def _let_go(self, name: str, held: _Held, now: int) -> None:
        """Rule 4: enough have passed, or it has waited long enough."""
        if self._held.get(name) is not held:
            return
        del self._held[name]
        if held.passed and held.item.topic is not None:
            self._shared.ledger.swap(self._damage(held.item.topic, held.item.payload, "reorder", now))
        self._dispatch(held.item, now)
        self.settle()

    def _duplicate(self, item: _Item, topic: Topic, now: int) -> None:
        fault = self._strikes("duplicate", topic, now)
        if fault is None:
            return
        for _ in range(fault.count):  # rule 5
            self._shared.ledger.double(self._damage(topic, item.payload, "duplicate", now))
            copy = _Item("text", item.data, None)
            if fault.delay_s:
                self._wait(copy, now + seconds(fault.delay_s))
            else:
                self._dispatch_as(copy, topic, now)

    # --- the way out

    def _dispatch(self, item: _Item, now: int, delay_ns: int = 0) -> None:
        self._dispatch_as(item, item.topic, now, delay_ns)

    def _dispatch_as(self, item: _Item, topic: Topic | None, now: int, delay_ns: int = 0) -> None:
        """Rule 6."""
        name = key = topic.name if topic else WIDE
        due = now + delay_ns
        fault = self._strikes("slow", topic, now)
        if fault is not None:
            due += seconds(fault.delay_s)
            key = name if fault.symbol or fault.stream else WIDE
        tail = max(self._tails.get(WIDE, -1), self._tails.get(name, -1))
        if due <= now and (not self._pending or tail < now):
            self._leave(item, topic, now)
            return
        due = max(due, tail)
        if fault is not None or not delay_ns:  # what is late for itself alone holds up nobody
            self._tails[key] = due
        self._wait(item, due, topic)

    def _wait(self, item: _Item, due: int, topic: Topic | None = None) -> None:
        if self.ended:
            return
        self._serial += 1
        serial = self._serial
        self._pending[serial] = item
        self.settle()
        self._shared.agenda.put(due, FRAME, lambda at: self._arrive(serial, topic, at), self)
        if len(self._pending) > self._shared.rules.delayed_frames:  # rule 8
            self._overflow()

    def _arrive(self, serial: int, topic: Topic | None, at: int) -> None:
        item = self._pending.pop(serial)
        if not self._pending:
            self._tails.clear()
        self._leave(item, topic, at)
        self.settle()

    def _leave(self, item: _Item, topic: Topic | None, now: int) -> None:
        wire = self._wire
        if wire is None:
            return
        if self.dead:
            if item.topic is not None and item.payload:
                self._lose(item.topic, item.payload, "half_open", now)
            return
        self.sent += 1
        match item.mode:
            case "text":
                if self._shared.troubled and item.data and self._strikes("fragmented", topic, now):
                    self._in_parts(wire, item.data, now)
                else:
                    wire.text(item.data)
            case "raw":
                wire.raw(item.data)
            case "ping":
                wire.ping(item.data)

    def _in_parts(self, wire: Wire, data: bytes, now: int) -> None:
        """Rule 7."""
        cuts = sorted(self.rng.randrange(len(data) + 1) for _ in range(self.rng.randint(1, 4)))
        parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        if now - self._fragment_ping_at < NS_PER_S:
            wire.fragments(parts)
            return
        self._fragment_ping_at = now
        payload = str(venue_ms(now + self._shared.world.clock_offset_ns)).encode()
        self._pinged(payload, now)
        wire.fragments(parts, payload)

    # --- the ledger

    def _damage(self, topic: Topic, payload: bytes, kind: str, now: int) -> Damage:
        first, last = self._ids_of(payload)
        return Damage(self.number, topic.name, topic.symbol, kind, first, last, now)

    def _lose(self, topic: Topic, payload: bytes, kind: str, now: int) -> Damage:
        damage = self._damage(topic, payload, kind, now)
        self._shared.ledger.lose(damage)
        return damage
