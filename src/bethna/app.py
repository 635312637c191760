"""The desk: `RealTimeTrading`, the only place that constructs and wires; what it wires lives in the rooms below."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Protocol

from bethna.config import Settings
from bethna.core.clock import Clock, seconds
from bethna.core.instrument import Instrument
from bethna.core.market import BookView, Candle, InstrumentId, Interval, PriceView, Trade
from bethna.core.status import InstrumentHealth, SourceKind, SystemEvent, TapePosition, VenueHealth
from bethna.logic.feed import FeedSettings
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock, SystemClock
from bethna.services.feeds import Feeds
from bethna.services.playback import TapePlayer
from bethna.venues.registry import VENUES, codec_for, venue_of_url
from bethna.venues.spec import Codec

KEPT_EVENTS = 1000
TAPE_PREFIX = "tape:"


def preferred_venue(settings: Settings) -> str:
    """The venue that a bare symbol means."""
    return settings.preferred_venue or next(iter(VENUES))


def feed_settings(settings: Settings) -> FeedSettings:
    """What the feeds may keep and how long they wait."""
    return FeedSettings(
        patience_ns=seconds(settings.heal_timeout_s),
        max_held_trades=max(settings.heal_max_trades, settings.buffer),
        max_held_deltas=10 * settings.buffer,
        kept_trades=settings.buffer,
    )


class TapeCodecs:
    """One codec a venue for the URLs of a tape."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codecs: dict[str, Codec] = {}

    def __call__(self, url: str) -> tuple[str, Codec]:
        """The venue and codec of a recorded URL; an address nobody knows is taken for the preferred venue's."""
        venue = venue_of_url(url) or preferred_venue(self._settings)
        if venue not in self._codecs:
            self._codecs[venue] = codec_for(venue)
        return venue, self._codecs[venue]


class VenueLine(Protocol):
    """One venue's connections, as the desk sees them."""

    def health(self) -> VenueHealth:
        """How they are."""
        ...


class RealTimeTrading:
    """One desk over one source. It is a `DeskReader`; `run` plays or streams until cancelled (a tape: until its end).

    Args:
        pace: the host's clock. The desk's own `clock` is the tape's while a tape plays.
    """

    def __init__(self, settings: Settings, *, pace: Clock | None = None, rng: Random | None = None) -> None:
        self.settings = settings
        self.pace = pace or SystemClock()
        self.rng = rng or Random()
        self._events: deque[SystemEvent] = deque(maxlen=KEPT_EVENTS)
        self._notices: list[str] = []
        self._hash: str | None = None
        tape = settings.source.removeprefix(TAPE_PREFIX) if settings.source.startswith(TAPE_PREFIX) else None
        self._tape_clock = ManualClock()
        self.clock: Clock = self._tape_clock if tape is not None else self.pace
        self.bus = Bus(self.clock)
        self.bus.channel("system").subscribe(self._events.append, "event log")
        self.feeds = Feeds(self.bus, self.clock, feed_settings(settings), follow_unknown=tape is not None)
        self.player = self._tape_player(Path(tape)) if tape is not None else None
        self._lines: list[VenueLine] = []

    def _tape_player(self, path: Path) -> TapePlayer:
        return TapePlayer(
            path,
            TapeCodecs(self.settings),
            self.feeds,
            self._tape_clock,
            self.pace,
            speed=self.settings.speed,
            loop=self.settings.loop,
            report=self.bus.channel("system").publish,
        )

    async def run(self) -> None:
        """Carry data until the source ends or the task is cancelled."""
        if self.player is not None:
            await self.player.run()
            self._hash = self.feeds.state_hash()

    def play_through(self) -> str:
        """Play the tape flat out in this thread and return the state hash."""
        assert self.player is not None
        self.player.play_through()
        self._hash = self.feeds.state_hash()
        return self._hash

    # what the doors read ----------------------------------------------------------------------------------------

    def source(self) -> SourceKind:
        """Where data comes from."""
        return "tape" if self.player is not None else "live"

    def tape(self) -> TapePosition | None:
        """The playing tape."""
        return self.player.tape_position() if self.player is not None else None

    def state_hash(self) -> str | None:
        """Hash of the feed state once a tape has ended."""
        return self._hash

    def resolve(self, text: str) -> tuple[InstrumentId, str | None]:
        """Any spelling as a followed instrument, with a notice when an alias was resolved."""
        return self.feeds.resolve(text, preferred_venue(self.settings))

    def notices(self) -> Sequence[str]:
        """What the user should be told."""
        return self._notices

    def instruments(self) -> Sequence[Instrument]:
        """Followed instruments."""
        return self.feeds.instruments()

    def decimals(self, instrument: InstrumentId) -> tuple[int, int]:
        """Digits to print prices and quantities with."""
        return self.feeds.feed(instrument).decimals()

    def venues(self) -> Sequence[VenueHealth]:
        """Health per venue."""
        if self.player is not None:
            return self.player.venue_health(self.feeds.clock_offset_ns)
        return [line.health() for line in self._lines]

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        """Health of one feed."""
        return self.feeds.health(instrument, ended=self._ended)

    def price(self, instrument: InstrumentId) -> PriceView:
        """Last price."""
        feed = self.feeds.feed(instrument)
        return feed.price(stale=self.feeds.stale(instrument), last_message=feed.last_message())

    def book(self, instrument: InstrumentId, depth: int) -> BookView:
        """Top of book."""
        return self.feeds.feed(instrument).book_view(depth)

    def trades(self, instrument: InstrumentId, limit: int) -> Sequence[Trade]:
        """Newest trades."""
        return self.feeds.feed(instrument).recent_trades(limit)

    def candles(
        self, instrument: InstrumentId, interval: Interval, limit: int, end: int | None = None
    ) -> Sequence[Candle]:
        """Candles ascending, the open one last."""
        return self.feeds.feed(instrument).candles(interval, limit, end)

    def events(self, limit: int) -> Sequence[SystemEvent]:
        """Newest system events."""
        return list(self._events)[-limit:]

    @property
    def _ended(self) -> bool:
        return self.player is not None and self.player.ended
