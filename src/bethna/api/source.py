"""What every source of a topic's frames is: how it is opened, asked, and what it hands to its lines; no kind of topic.

Rules, cited by the code; `sources` keeps them:

1. `collect` returns what has changed since the last `collect`; what a `snapshot` shows is never collected afterwards,
   as long as `collect` was called in the same breath before it.
2. Topics of state (prices, candles, book in `ui`, best, indices, valuations, alerts, notifications, health) say how it
   is now: what changed twice is said once.
3. Topics of events (trades, events, and book in `every`) say each one. What a source itself loses is told as lost.
4. Where changes cannot express what happened (a book taken anew, a tape that starts over, another list of followed
   instruments), every reader gets a new snapshot.
5. At `every` a source of one instrument says, in order with the data, when that instrument's streams turn; of turns
   that were lost in between the last is said all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct

from bethna.api.answers import micros
from bethna.api.protocol import FrameType, Rate, StreamTurn, encode
from bethna.api.reader import DeskReader
from bethna.api.topics import Topic
from bethna.core.market import InstrumentId
from bethna.core.status import Dropped, StreamStatus
from bethna.runtime.bus import Bus, Subscription
from bethna.runtime.mailbox import Mailbox


class Piece(Struct, frozen=True, gc=False):
    """One encoded part of a frame: its JSON, and what it is about (newer state replaces older under one key).

    Attributes:
        part: to which list of the frame it belongs, for sources whose frames have several.
    """

    key: Hashable
    body: bytes
    type: FrameType = "delta"
    part: str = ""


TURN = "turn"
"""The key of a piece that says how an instrument's streams turned."""


class Anew(Struct, frozen=True, gc=False):
    """Changes cannot say what happened: every reader needs a new snapshot (rule 4)."""


News = Piece | Dropped | Anew
"""What a source hands to its lines."""


class Rhythm(Enum):
    """When a source is asked what has changed."""

    SECOND = "once a second"
    FRAME = "50 ms after the first change"
    SOON = "in the loop's next round"


class Source:
    """What all sources share. `mark` is called when there is something to collect; it may be called often."""

    shape = (b"", b"")
    """What stands before and after the joined pieces of a delta; empty when each piece is a frame of its own."""

    state = False
    """Whether it says how things are (rule 2), piece by piece under its key, and not what happened (rule 3)."""

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        self.desk = desk
        self.bus = bus
        self.topic = topic
        self.rate = rate
        self.rhythm = Rhythm.FRAME if rate == "ui" else Rhythm.SOON
        self.mark: Callable[[], None] = _nothing
        self._subscriptions: list[Subscription] = []

    def open(self) -> None:
        """Start to listen; what is there already counts as collected."""

    def close(self) -> None:
        """Stop to listen."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()

    @classmethod
    def joined(cls, pieces: Sequence[Piece]) -> bytes:
        """The data of one delta made of several pieces, for sources with a `shape`."""
        before, after = cls.shape
        return before + b",".join([piece.body for piece in pieces]) + after

    def snapshot(self, notice: str | None) -> bytes:
        """The topic's whole state now, encoded."""
        raise NotImplementedError

    def collect(self) -> Sequence[News]:
        """What has changed since the last time (rule 1)."""
        raise NotImplementedError

    def look(self) -> None:
        """Called once a second: some state changes because time passes, without any event."""

    @property
    def instrument(self) -> InstrumentId:
        """The instrument, for the kinds that have one."""
        assert self.topic.instrument is not None
        return self.topic.instrument

    @property
    def name(self) -> str:
        """What reports and metrics call this reader."""
        return f"api:{self.topic.kind}:{self.rate}"


class Turns:
    """The turns of one instrument's streams, between its data in one mailbox (rule 5)."""

    def __init__(self) -> None:
        self._last: StreamStatus | None = None

    def listen(self, bus: Bus, instrument: InstrumentId, box: Mailbox[Any], name: str) -> list[Subscription]:
        """Put turns into `box`, and remember the last one."""
        channel = bus.channel("status", instrument)
        return [channel.subscribe(box, name), channel.subscribe(self._note, name)]

    def said(self, events: Sequence[object]) -> Piece | None:
        """The last turn, if what the mailbox held does not end with the news of it."""
        last, self._last = self._last, None
        return None if last is None or any(event is last for event in events) else turn_piece(last)

    def _note(self, status: StreamStatus, /) -> None:
        self._last = status


def turn_piece(status: StreamStatus) -> Piece:
    """How an instrument's streams turned, for the wire."""
    turn = StreamTurn(status.state, status.reason, status.connected, micros(status.ts))
    return Piece(TURN, encode(turn), "status")


def _nothing() -> None:
    return None
