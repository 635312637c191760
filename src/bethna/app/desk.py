"""The desk itself: `Desk` constructs and wires; what it wires lives in the rooms below."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from msgspec.structs import replace

from bethna.api.reader import SymbolsFound
from bethna.app.alerts import DeskAlerts
from bethna.app.bar_streams import BarStreams
from bethna.app.best import Consolidated
from bethna.app.index_source import index_history
from bethna.app.live import LiveLine
from bethna.app.series import SeriesReader
from bethna.app.tape_codecs import TapeCodecs
from bethna.app.wanted import followed_venues, preferred_venue, wanted_names
from bethna.app.watchlist import Keep, Watchlist
from bethna.config import DEFAULT_ORIGIN, Settings
from bethna.core.bars import Series
from bethna.core.clock import Clock, seconds
from bethna.core.consolidated import BestPrice, ConsolidatedBook
from bethna.core.coverage import Gap, Provenance
from bethna.core.errors import CannotFollow, ConfigError
from bethna.core.instrument import FEATURES, Feature, Instrument, InstrumentName
from bethna.core.intervals import Interval
from bethna.core.market import BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import (
    ConnectionHealth,
    EventLevel,
    InstrumentHealth,
    Simulation,
    SourceKind,
    SystemEvent,
    TapePosition,
    VenueHealth,
)
from bethna.logic.feed import FeedSettings
from bethna.net.network import INTERNET, Network
from bethna.net.tap import RecordingTap, SharedTap
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock, SystemClock
from bethna.services.feeds import Feeds
from bethna.services.keeping import CandleKeeper
from bethna.services.playback import TapePlayer
from bethna.services.tapecheck import TapeCheck
from bethna.store.tapespan import scan
from bethna.venues.registry import INDEX, book_styles, spec_for, wire_name

KEPT_EVENTS = 1000
TICK_S = 1.0
TAPE_PREFIX = "tape:"


def feed_settings(settings: Settings, features: Collection[Feature] = FEATURES) -> FeedSettings:
    """What the feeds may keep and how long they wait."""
    return FeedSettings(
        patience_ns=seconds(settings.heal_timeout_s),
        max_held_trades=max(settings.heal_max_trades, settings.buffer),
        max_held_deltas=10 * settings.buffer,
        kept_trades=settings.buffer,
        books="books" in features,
        provenance=Provenance.SYNTHETIC if settings.source == "twin" else Provenance.LIVE,
    )


def check_decided(settings: Settings) -> None:
    """A desk has one source for its life. Raises ConfigError while that is not decided."""
    if settings.source == "auto":
        raise ConfigError(
            "source",
            "expected a source that is decided, found 'auto'",
            origin=settings.origin("source"),
            hint="`async with bethna.app.chosen_market(settings) as market` decides; its `settings` are for the desk",
        )
    if settings.source != "twin":
        return
    for venue in followed_venues(settings):
        if not settings.hosts.get(venue):
            raise ConfigError(
                "hosts",
                f"expected where the simulated {venue} is served, found nothing in `hosts`",
                origin=settings.origin("hosts"),
                hint="`bethna.app.chosen_market` starts one and sets it; or run `bethna twin` and set it yourself",
            )


class Healers:
    """Brings each want to the healer of its venue."""

    def __init__(self, lines: Mapping[str, LiveLine]) -> None:
        self._lines = lines

    def want_snapshot(self, instrument: Instrument, reason: str, ts: int) -> None:
        """A book snapshot is needed."""
        self._lines[instrument.venue].healing.want_snapshot(instrument, reason, ts)

    def want_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Trades are missing."""
        self._lines[instrument.venue].healing.want_trades(instrument, gap, ts)

    def owe_trades(self, instrument: Instrument, gap: Gap, ts: int) -> None:
        """Trades are missing for which nothing waits any more."""
        self._lines[instrument.venue].healing.owe_trades(instrument, gap, ts)


class Desk:
    """One desk over one source. It is a `DeskReader`; `run` plays or streams until cancelled (a tape: until its end).

    Args:
        settings: `source` is decided: `live`, `tape:PATH`, or `twin` with `hosts` leading to it.
        pace: the host's clock. The desk's own `clock` is the tape's while a tape plays.
        tap: hears everything that goes over a live wire (a recorder).
        network: where sockets and requests go; the real one unless a test brings its own.
        simulation: what is known of the simulated market, when `source` is `twin`.
        features: what of the market is followed; of the rest there is never data.
        keep: remembers what is followed, after each change.
        candles: the folder where closed candles are kept on disk; None keeps them in memory. A tape keeps none.
        alerts: the folder of the journal of alerts; None has none. Whoever runs the desk starts and runs `alerts`.

    Raises:
        ConfigError: the source is not decided, or no symbol can be followed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        pace: Clock | None = None,
        rng: Random | None = None,
        tap: RecordingTap | None = None,
        network: Network = INTERNET,
        simulation: Simulation | None = None,
        features: Collection[Feature] = FEATURES,
        keep: Keep | None = None,
        candles: Path | None = None,
        alerts: Path | None = None,
    ) -> None:
        check_decided(settings)
        self.settings = settings
        simulated = simulation or Simulation(settings.twin_seed or None, "the settings ask for it")
        self._simulation = simulated if settings.source == "twin" else None
        self.pace = pace or SystemClock()
        self.rng = rng or Random()
        self._events: deque[SystemEvent] = deque(maxlen=KEPT_EVENTS)
        self._notices: dict[str, str] = {}
        self._hash: str | None = None
        tape = settings.source.removeprefix(TAPE_PREFIX) if settings.source.startswith(TAPE_PREFIX) else None
        self._tape_clock = ManualClock()
        self.tape_check = TapeCheck()
        self.clock: Clock = self._tape_clock if tape is not None else self.pace
        self.bus = Bus(self.clock)
        self.bus.channel("system").subscribe(self._events.append, "event log")
        self._features = tuple(each for each in FEATURES if each in features)
        self.feeds = Feeds(
            self.bus, self.clock, feed_settings(settings, features), follow_unknown=tape is not None,
            book_styles=book_styles(),
        )  # fmt: skip
        self._consolidated = Consolidated(
            self.feeds, self.clock, feed_settings(settings).provenance, seconds(settings.best_max_age_s)
        )
        if tape is not None and settings.origins.get("symbols", DEFAULT_ORIGIN) != DEFAULT_ORIGIN:
            self._follow_on_tape([name.id for name in self._names()])
        self.player = self._tape_player(Path(tape)) if tape is not None else None
        self.lines: dict[str, LiveLine] = {}
        self._tap, self._network = None if tap is None else SharedTap(tap), network
        self._crew: asyncio.TaskGroup | None = None
        if tape is None:
            self._follow_live()
        self._keeper = None if candles is None or tape is not None else self._keeper_in(candles)
        provenance = feed_settings(settings).provenance
        self._index = index_history(settings, self.clock, self.rng, network, self._tell_of_index)
        self._series = SeriesReader(self.lines, self.feeds, self.clock, provenance, self._keeper, self._index)
        self.listen_bars = BarStreams(self._series, self.feeds, self.bus, self.clock, provenance).listen
        self._watchlist = Watchlist(
            self.lines, self.feeds, preferred_venue(settings), self.tell, keep, settings.timeout_s,
            begin=self._begin,
        )  # fmt: skip
        self.alerts = None if alerts is None else self._alerts_in(alerts)

    def _keeper_in(self, folder: Path) -> CandleKeeper:
        passing = self.settings.source == "twin"
        return CandleKeeper(folder, self.clock, self.tell, days=self.settings.candle_days, passing=passing)

    def _alerts_in(self, folder: Path) -> DeskAlerts:
        outward = self.settings.alert_outward or self.source() == "live"
        return DeskAlerts(self, folder, feed_settings(self.settings), outward=outward)

    def _tape_player(self, path: Path) -> TapePlayer:
        span = scan(path).checked()
        return TapePlayer(
            path,
            TapeCodecs(self.settings),
            self.feeds,
            self._tape_clock,
            self.pace,
            speed=self.settings.speed,
            loop=self.settings.loop,
            report=self.bus.channel("system").publish,
            end=span.end,
            look=self.tape_check,
        )

    def _names(self) -> list[InstrumentName]:
        """The wanted instruments; what cannot be read is told and left out. Raises when nothing is left."""
        names, refused = wanted_names(self.settings)
        for text, error in refused:
            self.notify("error", "symbol_refused", text, f"{error.message}: {error.hint}")
        for name in names:
            if name.alias is not None:
                self.notify("info", "symbol_renamed", name.alias.old, name.alias.notice)
        return names

    def _follow_live(self) -> None:
        """One line a venue, for the venues of the wanted symbols."""
        self.feeds.wants = Healers(self.lines)
        for name in self._names():
            (self.lines.get(name.venue) or self._begin(name.venue)).follow([name])

    def _begin(self, venue: str) -> LiveLine:
        """A line to one more venue, also while the desk runs; it stays.

        Raises:
            ConfigError: there is no such venue. CannotFollow: the simulated market has not got it.
        """
        spec_for(venue)
        if self._simulation is not None and not self.settings.hosts.get(venue):
            have = ", ".join(self.settings.hosts)
            raise CannotFollow(
                f"the simulated market has no {venue}",
                hint=f"it has: {have}; lead `hosts` to a twin of it, too",
            )
        wire = wire_name(venue, self.settings.wire.get(venue, ""))
        tap = None if self._tap is None else self._tap.part(wire)
        line = LiveLine(
            venue, self.settings, self.feeds, self.clock, self.rng, tap, self._network, self._features
        )
        self.lines[venue] = line
        if self._crew is not None:
            self._crew.create_task(line.run(), name=f"{venue}-line")
        return line

    def _follow_on_tape(self, instruments: Sequence[InstrumentId]) -> None:
        """Of what is on the tape, these alone; they wait until it comes to them."""
        self.feeds.follow_only(instruments)
        for instrument in instruments:
            self.feeds.follow(self.feeds.describe(instrument))

    def notify(
        self, level: EventLevel, code: str, subject: str, message: str, *, about: str = "", times: int = 1
    ) -> None:
        """Tell the user: in the event log and, once, in the notices.

        Args:
            about: of what happens again and again only the newest notice stays.
            times: how often it has happened by now; the notice says so.
        """
        if about:
            self._notices.pop(about, None)  # the newest stands last
        self._notices.setdefault(
            about or message, message if times == 1 else f"{message} ({times} times by now)"
        )
        self.tell(level, code, subject, message)

    def _tell_of_index(self, level: EventLevel, code: str, message: str) -> None:
        self.tell(level, code, INDEX, message)

    def tell(self, level: EventLevel, code: str, subject: str, message: str) -> None:
        """Tell the event log alone."""
        self.bus.channel("system").publish(SystemEvent(self.clock.now_ns(), level, code, subject, message))

    def simulated(self, simulation: Simulation, *, anew: bool = False) -> None:
        """Something has changed about the simulated market: another seed, or the live one can be reached.

        Args:
            anew: it was begun anew, be it with the same seed: its past leads to another start.
        """
        before, self._simulation = self._simulation, simulation
        another = before is not None and before.seed != simulation.seed
        if anew or another:  # another world, with another past
            self._series.forget()
            if self._keeper is not None and self._crew is not None:
                self._crew.create_task(self._keeper.forget(), name="candles-forget")

    async def run(self) -> None:
        """Carry data until the tape ends or the task is cancelled."""
        if self.player is not None:
            await self.player.run()
            self._hash = self.feeds.state_hash()
            return
        async with AsyncExitStack() as leaves, asyncio.TaskGroup() as group:
            if not isinstance(self._index, str):
                leaves.push_async_callback(self._index.close)
            for line in self.lines.values():
                group.create_task(line.run(), name=f"{line.venue}-line")
            group.create_task(self._tick(), name="feeds-tick")
            if self._keeper is not None:
                group.create_task(self._keeper.run(self._series.seen), name="candles-keeper")
            self._crew = group

    async def _tick(self) -> None:
        """The feeds' second hand; a tape ticks them itself."""
        while True:
            await asyncio.sleep(TICK_S)
            self.feeds.tick(self.clock.now_ns())

    def play_through(self) -> str:
        """Play the tape flat out in this thread and return the state hash."""
        assert self.player is not None
        self.player.play_through()
        self._hash = self.feeds.state_hash()
        return self._hash

    # what the doors read ----------------------------------------------------------------------------------------

    def source(self) -> SourceKind:
        """Where data comes from."""
        if self.player is not None:
            return "tape"
        return "live" if self._simulation is None else "twin"

    def simulation(self) -> Simulation | None:
        """What is known of the simulated market."""
        return self._simulation

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
        return list(self._notices.values())

    def instruments(self) -> Sequence[Instrument]:
        """Followed instruments."""
        return self.feeds.instruments()

    def features(self) -> Sequence[Feature]:
        """What of the market is followed."""
        return self._features

    def symbols(self, query: str, limit: int) -> SymbolsFound:
        """What may be followed."""
        return self._watchlist.find(query, limit)

    async def follow(self, text: str) -> tuple[InstrumentId, str | None]:
        """Follow one more."""
        return await self._watchlist.add(text)

    async def unfollow(self, text: str) -> InstrumentId:
        """Follow it no longer."""
        instrument, _ = self.resolve(text)
        if self.alerts is not None and (rules := self.alerts.watching(instrument)):
            raise CannotFollow(
                f"{instrument} stays: {', '.join(rules[:3])} watch{'es' if len(rules) == 1 else ''} it",
                hint="remove or pause its alerts first",
            )
        await self._watchlist.remove(instrument)
        return instrument

    def connections(self) -> Sequence[ConnectionHealth]:
        """Every socket, with how old its newest event was when it came."""
        return [
            replace(each, lag_ms=self.feeds.lag_ms(each.instruments))
            for line in self.lines.values()
            for each in line.pool.connections()
        ]

    def decimals(self, instrument: InstrumentId) -> tuple[int, int]:
        """Digits to print prices and quantities with."""
        return self.feeds.feed(instrument).decimals()

    def venues(self) -> Sequence[VenueHealth]:
        """Health per venue."""
        if self.player is not None:
            return self.player.venue_health(self.feeds.clock_offset_ns)
        return [line.health() for line in self.lines.values() if not line.idle]

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        """Health of one feed."""
        return self.feeds.health(instrument, ended=self._ended)

    def price(self, instrument: InstrumentId) -> PriceView:
        """Last price."""
        return self.feeds.price(instrument)

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> Reference:
        """An index, or what a contract is worth."""
        return self.feeds.reference(kind, instrument)

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

    async def bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None = None,
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> Series:
        """History and live as one series, the open bar last; `also`: venues that lend bars where there are none."""
        return await self._series.bars(instrument, interval, limit, end, also=also, day_starts=day_starts)

    def best(self, base: str, quote: str, convert: Sequence[str] = ()) -> BestPrice:
        """One best price across venues."""
        return self._consolidated.best(base, quote, convert)

    def consolidated_book(self, base: str, quote: str, depth: int) -> ConsolidatedBook:
        """One book across venues."""
        return self._consolidated.book(base, quote, depth)

    def events(self, limit: int) -> Sequence[SystemEvent]:
        """Newest system events."""
        return list(self._events)[-limit:]

    @property
    def _ended(self) -> bool:
        return self.player is not None and self.player.ended
