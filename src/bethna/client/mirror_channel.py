"""One topic of a desk behind an address: which frame is next, and who hears what of it is new; not what is in it.

Rules
  1. A subscription begins with a snapshot of the count 1; what comes before it is of an earlier one and is passed over.
  2. A hole in the count, a change that does not join: the topic is subscribed again, and a snapshot follows. So it is
     when for OVERDUE turns of the second hand something came, and no snapshot.
  3. A listener hears what is new from when it came. A book begins with a snapshot; trades that the listener's program
     has fetched already are not told again.
  4. A listener that was told of a lost connection is told how the streams are before it hears the snapshot.
  5. Streams that have ended end their listeners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from msgspec import UNSET

from bethna.api.protocol import ErrorBody, HealthAnswer, Rate
from bethna.api.topics import Topic
from bethna.client.remote_facts import Frame, Said, nanos, read
from bethna.core.market import BookDelta, BookSnapshot, InstrumentId, Trade
from bethna.core.status import StreamStatus

OVERDUE = 3


class Around(Protocol):
    """What a topic may ask of the desk's whole mirror."""

    def now(self) -> int:
        """The desk's time, ns UTC, as far as it is known."""
        ...

    def last_message(self, instrument: InstrumentId) -> int | None:
        """When the desk last heard anything of it, as its health says."""
        ...

    def how(self, instrument: InstrumentId) -> StreamStatus:
        """How its streams are, as the desk's health says."""
        ...

    def heard_health(self, health: HealthAnswer) -> None:
        """The desk's health has come."""
        ...

    def heard_prices(self, instruments: Sequence[InstrumentId]) -> None:
        """A snapshot of all prices has come: what the desk follows."""
        ...


class Ear:
    """One listener.

    Attributes:
        since: the desk's time when it came. told: it was told that the connection is lost.
        skip: ids of trades that its program has fetched already: after the first, up to the second.
        stands: of a book, it has had a snapshot.
    """

    def __init__(
        self, hear: Callable[[Any], None], ended: Callable[[Exception | None], None], since: int
    ) -> None:
        self.hear = hear
        self.ended = ended
        self.since = since
        self.told = False
        self.stands = False
        self.skip = (-1, -1)

    def tell(self, event: object) -> None:
        """What is new (rule 3)."""
        kind = type(event)
        if kind is Trade and self.skip[1] >= 0:
            assert isinstance(event, Trade)
            low, high = self.skip
            if low < event.trade_id <= high:
                return
            if event.trade_id > high:
                self.skip = (-1, -1)
        elif kind is BookDelta and not self.stands:
            return
        elif kind is BookSnapshot:
            self.stands = True
        self.hear(event)


class Channel:
    """What all topics share.

    Attributes:
        rate: what is subscribed on this connection, None for nothing. expecting: its first snapshot has not come.
        anew: the next snapshot is of another desk. unused: turns of the second hand without a listener.
        failures: how often it failed without a snapshot in between. error: why it failed last.
    """

    turning = True
    """Whether it says how the instrument's streams turn."""

    def __init__(self, topic: Topic, around: Around) -> None:
        self.topic = topic
        self.name = str(topic)
        self.around = around
        self.ears: dict[Ear, None] = {}
        self.rate: Rate | None = None
        self.expecting = True
        self.seq = 0
        self.anew = False
        self.unused = 0
        self.failures = 0
        self.error: ErrorBody | None = None
        self._passed = False
        self._turns = 0

    @property
    def instrument(self) -> InstrumentId:
        """Whose."""
        assert self.topic.instrument is not None
        return self.topic.instrument

    @property
    def begun(self) -> bool:
        """Whether a snapshot has been seen, on this connection or an earlier one."""
        raise NotImplementedError

    def snapshot(self, frame: Frame) -> Sequence[object]:
        """Everything; what of it is news."""
        raise NotImplementedError

    def delta(self, frame: Frame) -> Sequence[object]:
        """What has changed. Raises Unjoined."""
        raise NotImplementedError

    def lose(self, count: int) -> Sequence[object]:
        """The desk left out so much; a snapshot follows."""
        return ()

    def turn(self, said: Said) -> Sequence[object]:
        """A status that is about the data."""
        if said.dropped is not UNSET:
            return self.lose(said.dropped)
        if said.stream is not UNSET:
            return (StreamStatus(self.instrument, said.stream, said.reason, said.connected, nanos(said.ts)),)
        return ()

    def ask(self, rate: Rate | None) -> None:
        """It is subscribed anew, or no more."""
        self.rate, self.expecting = rate, True
        self._passed, self._turns = False, 0

    def join(self, ear: Ear) -> None:
        """One more listener."""
        self.ears[ear] = None
        self.unused = 0

    def follows(self, frame: Frame) -> bool | None:
        """Whether a frame is next (rules 1 and 2); None for one to pass over."""
        if frame.type == "snapshot" and frame.seq == 1:
            self.expecting = self._passed = False
        elif self.expecting:
            self._passed = True
            return None
        elif frame.seq != self.seq + 1:
            return False
        self.seq = frame.seq
        return True

    def overdue(self) -> bool:
        """The second hand turns: whether the snapshot must have got lost (rule 2)."""
        self._turns = self._turns + 1 if self.expecting and self._passed else 0
        return self._turns >= OVERDUE

    def take(self, frame: Frame) -> None:
        """A frame that is next, to whom it concerns. Raises Unjoined, FrameError."""
        if frame.type == "snapshot":
            self.failures = 0
            news = self.snapshot(frame)
            self.anew = False
            for ear in tuple(self.ears):
                if ear.told and self.turning:  # rule 4
                    ear.told = False
                    ear.hear(self.around.how(self.instrument))
        elif frame.type == "delta":
            news = self.delta(frame)
        else:
            news = self.turn(read(Said, frame.data))
        self.tell(news)

    def tell(self, news: Iterable[object]) -> None:
        """What is new, to everybody."""
        for event in news:
            for ear in tuple(self.ears):
                if ear in self.ears:
                    ear.tell(event)
            if isinstance(event, StreamStatus) and event.state == "ended":
                self.end(None)  # rule 5

    def lost(self, status: StreamStatus) -> None:
        """The connection is gone."""
        if not self.turning:
            return
        for ear in tuple(self.ears):
            ear.told = True
            ear.hear(status)

    def end(self, error: Exception | None) -> None:
        """Nothing more comes to who listens now."""
        ears = tuple(self.ears)
        self.ears.clear()
        for ear in ears:
            ear.ended(error)

    @property
    def since(self) -> int | None:
        """When the first of those who listen came."""
        return min((ear.since for ear in self.ears), default=None)
