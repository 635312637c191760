"""Notices streams that have fallen silent, by how lively each of them usually is; it cuts nobody.

It costs the hot path nothing: whoever receives data leaves a mark per stream, and the dog compares marks on its tick.

Rules
  1. A stream was alive in a tick when its mark changed. What it shows is compared, never read: any value will do.
  2. The usual pace is a moving average of pauses. A pause is the ticks that passed in silence plus the last one's share
     for each message in it, so that a stream quicker than the ticks has its true pace and one that comes in clumps is
     not taken for a quick one. `peak` remembers the longest times between ticks in which it was alive, and fades.
  3. Allowed silence: FACTOR times the pace or twice the peak, whichever is more, between `min_ns` and `max_ns`.
  4. A stream of which little is known (fewer than `LEARNT` pauses) is allowed at least `unknown_ns`, counted from when
     it was first watched: a stream that is silent from the start is found too.
  5. Stale is told once, and live once when data comes again. A stream that keeps falling silent is allowed twice as
     much each time (it is quieter than it looked), up to 16 times the bound, until its pace has been learnt anew.
  6. After `restart` (a new socket) silence counts from then on; the pace stays known.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from msgspec import Struct

Key = TypeVar("Key", bound=Hashable)

FACTOR = 20
LEARNT = 8
_WEIGHT = 0.1
_FADE = 0.997
_MAX_LENIENCE = 4


class Verdict(Struct, frozen=True):
    """A stream fell silent (`stale`) or came back; ages in nanoseconds."""

    key: Hashable
    stale: bool
    age_ns: int
    allowed_ns: int


class _Stream:
    __slots__ = ("alive_at", "lenience", "looked_at", "mark", "pace", "peak", "samples", "stale")

    def __init__(self, now: int) -> None:
        self.alive_at = now
        self.looked_at = now
        self.mark: object = None
        self.pace = 0.0
        self.peak = 0.0
        self.samples = 0
        self.stale = False
        self.lenience = 0


class Watchdog(Generic[Key]):
    """The streams of one venue. `now` is monotonic nanoseconds."""

    def __init__(self, min_ns: int, max_ns: int, unknown_ns: int) -> None:
        self._min_ns = min_ns
        self._max_ns = max_ns
        self._unknown_ns = unknown_ns
        self._streams: dict[Key, _Stream] = {}

    def watch(self, key: Key, now: int) -> None:
        """Silence of `key` counts from now on; nothing changes when it is watched already (rule 4)."""
        self._streams.setdefault(key, _Stream(now))

    def forget(self, key: Key) -> None:
        """`key` is not wanted any more."""
        self._streams.pop(key, None)

    def restart(self, key: Key, now: int) -> None:
        """A new socket carries `key` (rule 6)."""
        stream = self._streams.get(key)
        if stream is not None:
            stream.alive_at = stream.looked_at = now

    def seen(self, key: Key, mark: object, now: int, count: int = 1) -> Verdict | None:
        """Compare the mark of a watched stream, of which `count` messages came since the last look; a verdict when its
        standing changed.
        """
        stream = self._streams.get(key)
        if stream is None:
            return None
        age = now - stream.alive_at
        last_tick, stream.looked_at = now - stream.looked_at, now
        if mark is not None and mark != stream.mark:  # rule 1
            self._learn(stream, age, age - last_tick + last_tick / max(1, count), now)
            stream.mark = mark
            if stream.stale:
                stream.stale = False
                return Verdict(key, False, age, self._allowed(stream))
            return None
        if not stream.stale and age > (allowed := self._allowed(stream)):
            stream.stale = True
            stream.lenience = min(_MAX_LENIENCE, stream.lenience + 1)  # rule 5
            return Verdict(key, True, age, allowed)
        return None

    def is_stale(self, key: Key) -> bool:
        """Whether `key` is silent for longer than allowed."""
        stream = self._streams.get(key)
        return stream is not None and stream.stale

    def is_learnt(self, key: Key) -> bool:
        """Whether the usual pace of `key` is known."""
        stream = self._streams.get(key)
        return stream is not None and stream.samples >= LEARNT

    def lively(self, key: Key, within_ns: int) -> bool:
        """Whether `key` is usually heard within that time."""
        stream = self._streams.get(key)
        return stream is not None and self.is_learnt(key) and stream.pace <= within_ns

    def allowed_ns(self, key: Key) -> int:
        """How long `key` may be silent now; the allowance of an unknown stream when it is not watched."""
        stream = self._streams.get(key)
        return self._unknown_ns if stream is None else self._allowed(stream)

    def _learn(self, stream: _Stream, gap: int, pause: float, now: int) -> None:
        if stream.mark is not None:  # the first mark ends no pause between two
            stream.samples += 1
            weight = max(_WEIGHT, 1.0 / stream.samples)
            stream.pace += weight * (pause - stream.pace)  # rule 2
            stream.peak = max(float(gap), stream.peak * _FADE)
            if stream.samples % 64 == 0:
                stream.lenience = 0
        stream.alive_at = now

    def _allowed(self, stream: _Stream) -> int:
        usual = max(FACTOR * stream.pace, 2.0 * stream.peak)
        allowed = max(self._min_ns, min(self._max_ns, round(usual)))  # rule 3
        if stream.samples < LEARNT:
            allowed = max(allowed, self._unknown_ns)  # rule 4
        return allowed << stream.lenience
