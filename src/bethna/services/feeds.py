"""The feeds: owner of every instrument's market state, fed by sockets or by a tape, read by the doors.

It opens no socket and fetches nothing: what it misses it says on its ports, and whoever wired it brings the answer.

Rules
  1. One event goes to one instrument; an event of an instrument that is not followed is counted and let go.
  2. Time comes in by `tick`, about once a second, so that a tape and a live venue take the same path.
  3. Each tick looks at the clocks, the venues' and ours, once per instrument (`logic.venue_clocks`).
  4. A fault domain is one instrument: an error of ours in its feed is told and the feed begins anew, three times at
     most; no other instrument, and no socket, is touched.
  6. What a venue computes (an index, a valuation) goes to `logic.references`; an instrument of which no catalogue has
     spoken is what its name says. An index has a figure alone: in the place of its price, and of its certificate.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from bethna.core.clock import NS_PER_S, Clock
from bethna.core.errors import UnknownInstrument, cut
from bethna.core.instrument import Instrument, guessed, parse_name, told_by_name
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    IndexPrice,
    InstrumentId,
    LastTrade,
    PriceView,
    Quote,
    Ticker,
    Trade,
    TradePage,
    Valuation,
    VenueCandle,
)
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import InstrumentHealth, StreamState, StreamStatus, SystemEvent
from bethna.core.wire import BookDoubt, MarketEvent, RestEvent
from bethna.logic.clock_offset import ClockOffset
from bethna.logic.feed import BookStreamItem, FeedSettings, InstrumentFeed, TradeStreamItem
from bethna.logic.feed_ports import BookStyle, NoWants, Wants
from bethna.logic.price_jumps import PriceJumps
from bethna.logic.references import References
from bethna.logic.told_feed import ToldFeed
from bethna.logic.venue_clocks import VenueClocks
from bethna.runtime.bus import Bus
from bethna.runtime.supervisor import failure

MOST_BREAKS = 3
NEAREST_PER_TICK = 20
LEFT = "it is not followed any more"
EVENT_KINDS = (
    Trade, BookDelta, Quote, Ticker, BookSnapshot, VenueCandle, LastTrade, IndexPrice, Valuation,
)  # fmt: skip


class _Ports:
    """One feed's way out: its channels on the bus, and the wants."""

    def __init__(self, bus: Bus, instrument: InstrumentId, wants: Wants) -> None:
        self.trade: Callable[[TradeStreamItem], None] = bus.channel("trades", instrument).publish
        self.book: Callable[[BookStreamItem], None] = bus.channel("book", instrument).publish
        self.quote: Callable[[Quote], None] = bus.channel("quotes", instrument).publish
        self.ticker: Callable[[Ticker], None] = bus.channel("tickers", instrument).publish
        self.want_snapshot = wants.want_snapshot
        self.want_trades = wants.want_trades
        self.owe_trades = wants.owe_trades


class Feeds:
    """Every followed instrument of the desk.

    Args:
        clock: the desk's clock; only its monotonic time is asked, for the age of clock measurements.
        follow_unknown: follow an instrument when its first event arrives (a tape says itself what is on it).
        book_styles: how the book updates of venues follow each other; `numbered` where nothing is said.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        settings: FeedSettings,
        wants: Wants | None = None,
        *,
        follow_unknown: bool = False,
        book_styles: Mapping[str, BookStyle] | None = None,
    ) -> None:
        self.bus = self._bus = bus
        self._clock = clock
        self._settings = settings
        self.wants: Wants = wants or NoWants()
        self._follow_unknown = follow_unknown
        self._book_styles = dict(book_styles or {})
        self._only: frozenset[InstrumentId] | None = None
        self._feeds: dict[InstrumentId, ToldFeed] = {}
        self._states: dict[InstrumentId, tuple[StreamState, str]] = {}
        self._routes: dict[type, dict[InstrumentId, Callable[[Any], object]]] = {
            kind: {} for kind in EVENT_KINDS
        }
        self._overlapping: set[InstrumentId] = set()
        self._clocks = VenueClocks()
        self._broken: dict[InstrumentId, int] = {}
        self._near_asked = 0
        self._references = References(settings.provenance)
        self._jumps = PriceJumps()
        self.unfollowed = 0
        self.describe: Callable[[InstrumentId], Instrument] = guessed

    # what comes in ----------------------------------------------------------------------------------------------

    def apply(self, event: MarketEvent, conn: int = 0) -> None:
        """One market event from a socket or a tape (rule 1)."""
        route = self._routes[type(event)].get(event.instrument)
        if route is not None:
            try:
                route(event)
            except Exception as error:  # noqa: BLE001 - rule 4, decision 0010
                self._broke(event.instrument, error)
        elif self._adopt(event.instrument):
            self.apply(event, conn)
        else:
            self.unfollowed += 1

    def doubt(self, doubt: BookDoubt) -> None:
        """The venue itself proves that what a connection said of a book is wrong."""
        if feed := self._feeds.get(doubt.instrument):
            feed.apply_doubt(doubt)

    def connection_ended(self, conn: int, venue: str, now: int) -> None:
        """A socket of a venue is gone, whether or not another one carries its streams."""
        if self._book_styles.get(venue) == "pushed":
            for feed in self._feeds.values():
                if feed.instrument.venue == venue:
                    feed.connection_ended(conn, now)

    def apply_rest(self, events: Iterable[RestEvent], now: int) -> None:
        """What a REST answer said, fetched by us or found on a tape."""
        for event in events:
            if isinstance(event, BookSnapshot):
                self._apply_history(event)
            elif isinstance(event, TradePage) and (
                event.instrument in self._feeds or self._adopt(event.instrument)
            ):
                self._feeds[event.instrument].apply_page(event, now)

    def _apply_history(self, snapshot: BookSnapshot) -> None:
        feed = self._feeds.get(snapshot.instrument)
        if feed is None:
            if not self._adopt(snapshot.instrument):
                self.unfollowed += 1
                return
            feed = self._feeds[snapshot.instrument]
        try:
            feed.apply_snapshot(snapshot)
        except Exception as error:  # noqa: BLE001 - rule 4, decision 0010
            self._broke(snapshot.instrument, error)

    def heal_failed(self, instrument: InstrumentId, reason: str, now: int) -> None:
        """Missing trades cannot be had: go on with the hole in it."""
        if feed := self._feeds.get(instrument):
            feed.sequence.heal_failed(now, reason)

    def tick(self, now: int) -> None:
        """Let time pass (rules 2 and 3). `now` is ns UTC by the desk's clock."""
        monotonic = self._clock.monotonic_ns()
        self._near_asked = 0
        self._look_at_own_clock(now, monotonic)
        for feed in tuple(self._feeds.values()):
            excess = feed.time.leaps.excess_ns()
            venue, newest = feed.instrument.venue, feed.newest()
            if feed.time.leaps.in_doubt:
                self.clock_offset(venue).doubt()
            venue_now, limit = self._clocks.look(feed.id, venue, newest, excess, now, monotonic)
            try:
                feed.tick(now, venue_now, limit)
            except Exception as error:  # noqa: BLE001 - rule 4, decision 0010
                self._broke(feed.id, error)
            if event := self._jumps.look(feed.instrument, feed.candle_builder.take_jump(), now):
                self.report(event)
        for event in self._clocks.events(now, monotonic):
            self.report(event)

    def _look_at_own_clock(self, now: int, monotonic: int) -> None:
        if back := self._clocks.host_set_back(now, monotonic):
            for feed in self._feeds.values():
                feed.time.leaps.host_set_back(back)
            said = f"the clock of this machine was set back by {back / NS_PER_S:.1f} s"
            self.report(SystemEvent(now, "warning", "clock_set_back", "desk", said))

    def stream_state(
        self, instrument: InstrumentId, state: StreamState, reason: str, now: int, *, connected: bool = True
    ) -> None:
        """A connection tells how the instrument's streams are; one that is only silent disconnects nothing."""
        self._states[instrument] = (state, reason)
        self._bus.channel("status", instrument).publish(
            StreamStatus(instrument, state, reason, connected, now)
        )
        if feed := self._feeds.get(instrument):
            if not connected:
                self._references.lose(instrument)
                feed.disconnected(reason or state, now)
            elif state == "live":
                feed.connected(now)

    def set_overlapping(self, instruments: Iterable[InstrumentId], overlapping: bool) -> None:
        """Two of our own sockets carry these instruments for a while."""
        for instrument in instruments:
            (self._overlapping.add if overlapping else self._overlapping.discard)(instrument)
            if feed := self._feeds.get(instrument):
                feed.set_overlapping(overlapping)

    def finish(self, now: int) -> None:
        """Nothing more will come: what is held is released, open gaps are marked."""
        for feed in self._feeds.values():
            feed.finish(now)

    # who is followed --------------------------------------------------------------------------------------------

    def follow(self, instrument: Instrument) -> None:
        """Follow one more instrument; nothing happens when it is followed already."""
        if instrument.id in self._feeds:
            return
        instrument = told_by_name(instrument)  # rule 6
        feed = ToldFeed(
            instrument, _Ports(self._bus, instrument.id, self.wants), self._settings, self.report,
            book_style=self._book_styles.get(instrument.venue, "numbered"),
        )  # fmt: skip
        feed.set_overlapping(instrument.id in self._overlapping)
        if instrument.is_index:
            feed.booksync.off()
        self._feeds[instrument.id] = feed
        self._states.setdefault(instrument.id, ("waiting", "no data yet"))
        self._routes[Trade][instrument.id] = feed.apply_trade
        self._routes[BookDelta][instrument.id] = feed.apply_delta
        self._routes[BookSnapshot][instrument.id] = feed.apply_pushed_snapshot
        self._routes[Quote][instrument.id] = feed.apply_quote
        self._routes[Ticker][instrument.id] = feed.apply_ticker
        self._routes[LastTrade][instrument.id] = feed.apply_last_trade
        publish = self._bus.channel("references", instrument.id).publish

        def refer(event: IndexPrice | Valuation) -> None:
            if self._references.apply(event):
                publish(event)

        self._routes[IndexPrice][instrument.id] = self._routes[Valuation][instrument.id] = refer
        self._routes[VenueCandle][instrument.id] = _let_go

    def follow_only(self, instruments: Iterable[InstrumentId]) -> None:
        """Of the instruments that come by themselves, follow these alone."""
        self._only = frozenset(instruments)

    def describe_as(self, instrument: Instrument) -> None:
        """The catalogue's word on a followed instrument replaces the guess."""
        if feed := self._feeds.get(instrument.id):
            feed.instrument = told_by_name(instrument)

    def state(self, instrument: InstrumentId) -> StreamState:
        """How an instrument's streams are."""
        return self._states[instrument][0]

    def leave(self, instrument: InstrumentId) -> None:
        """Follow it no longer: whoever listens is told that nothing more comes."""
        if instrument not in self._feeds:
            return
        self.unfollow(instrument)
        self._bus.channel("status", instrument).publish(
            StreamStatus(instrument, "ended", LEFT, connected=False, ts=self._clock.now_ns())
        )

    def unfollow(self, instrument: InstrumentId) -> None:
        """Forget an instrument and its state."""
        self._feeds.pop(instrument, None)
        self._states.pop(instrument, None)
        self._clocks.forget(instrument)
        self._references.forget(instrument)
        for routes in self._routes.values():
            routes.pop(instrument, None)

    def reset(self) -> None:
        """Begin again with the same instruments and no state (a tape that starts over)."""
        instruments = [feed.instrument for feed in self._feeds.values()]
        self._clocks.clear()
        self._overlapping.clear()
        for instrument in instruments:
            self.unfollow(instrument.id)
        # A feed and its machines hold each other, megabytes of it, and facts are untracked, so the collector would
        # come by seldom: measured, memory grew by 20 KB a loop of a tape without this line and not at all with it.
        gc.collect()
        for instrument in instruments:
            self.follow(instrument)

    # what readers see -------------------------------------------------------------------------------------------

    def instruments(self) -> Sequence[Instrument]:
        """Followed instruments, in the order of following."""
        return [feed.instrument for feed in self._feeds.values()]

    def feed(self, instrument: InstrumentId) -> InstrumentFeed:
        """One feed.

        Raises:
            UnknownInstrument: it is not followed; carries the nearest that are.
        """
        feed = self._feeds.get(instrument)
        if feed is None:
            near = self._nearest(instrument)
            raise UnknownInstrument(
                instrument, near, message=f"{cut(instrument)} is not followed by this desk"
            )
        return feed

    def _nearest(self, instrument: InstrumentId) -> tuple[str, ...]:
        """What comes near a name that is not followed. A few of them in a second: it is work, and anybody may ask."""
        if self._near_asked >= NEAREST_PER_TICK:
            return ()
        self._near_asked += 1
        return tuple(get_close_matches(instrument, self._feeds, n=3, cutoff=0.3))

    def resolve(self, text: str, preferred_venue: str) -> tuple[InstrumentId, str | None]:
        """Any spelling as a followed instrument; the name as written wins over its alias when it is followed.

        Raises:
            UnknownInstrument: as `feed` does; it tells a renaming too.
        """
        name = parse_name(text, preferred_venue)
        if name.alias is None:
            return self.feed(name.id).id, None
        written = InstrumentId(name.id.replace(name.alias.new, name.alias.old, 1))
        if written in self._feeds:
            return written, None
        try:
            return self.feed(name.id).id, name.alias.notice
        except UnknownInstrument as error:
            raise UnknownInstrument(
                text, error.nearest, message=f"{error.message}; {name.alias.notice}"
            ) from error

    def last_message(self, instrument: InstrumentId) -> int | None:
        """When anything of an instrument last came, by the desk's clock."""
        seen = (self.feed(instrument).last_message(), self._references.last_message(instrument))
        return max((each for each in seen if each is not None), default=None)

    def price(self, instrument: InstrumentId) -> PriceView:
        """How the price is; of an index its figure (rule 6)."""
        feed, now = self.feed(instrument), self._clock.now_ns()
        if feed.instrument.is_index:
            return self._references.price(feed.instrument, now, live=self._carried(instrument))
        return feed.price(stale=self.stale(instrument), last_message=self.last_message(instrument))

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> Reference:
        """An index, or what a contract is worth. Raises UnknownInstrument, also where there is no such figure of it."""
        followed, now = self.feed(instrument).instrument, self._clock.now_ns()
        return self._references.view(kind, followed, now, live=self._carried(instrument))

    def _carried(self, instrument: InstrumentId) -> bool:
        return self._states[instrument][0] in ("live", "waiting")

    def health(self, instrument: InstrumentId, *, ended: bool = False) -> InstrumentHealth:
        """How one feed is."""
        feed = self.feed(instrument)
        state, message = self._states[instrument]
        last = self.last_message(instrument)
        if state == "waiting" and last is not None:
            state, message = "live", ""
        if state == "live" and not message:
            message = self._clocks.words(instrument)
        trades, book, pushed = feed.sequence.log, feed.booksync.log, feed.pushed
        return InstrumentHealth(
            instrument, "ended" if ended else state, message, feed.booksync.trust, feed.trades,
            trades.lost, trades.duplicates + book.duplicates + feed.quotes.duplicates,
            trades.healed, feed.booksync.applied, book.lost, feed.booksync.resyncs, last,
            self._references.coverage(feed.instrument) if feed.instrument.is_index else feed.coverage(),
            pushed.compared_at if pushed else None, pushed.compared_levels if pushed else 0,
        )  # fmt: skip

    def stale(self, instrument: InstrumentId) -> bool:
        """Whether the instrument's connection says that its data is old."""
        return self._states[instrument][0] == "stale"

    def clock_offset(self, venue: str) -> ClockOffset:
        """The measurement of one venue's clock against the desk's; REST answers sharpen it."""
        return self._clocks.offset(venue)

    def clock_words(self, venue: str) -> str:
        """What is wrong with a venue's clock, for a person; empty while nothing is."""
        return self._clocks.venue_words(venue)

    def clock_offset_ns(self, venue: str) -> int | None:
        """Venue minus desk clock, ns; None until measured."""
        return self.clock_offset(venue).offset_ns(self._clock.monotonic_ns())

    def lag_ms(self, instruments: Iterable[InstrumentId]) -> float | None:
        """How old the newest event of these was when it came, by its venue's measured clock; None where unknown."""
        feeds = [self._feeds[each] for each in instruments if each in self._feeds]
        newest = max(
            ((event, feed) for feed in feeds if (event := feed.newest()) is not None),
            key=lambda pair: pair[0].ts_recv,
            default=None,
        )
        if newest is None:
            return None
        event, feed = newest
        offset = self.clock_offset_ns(feed.instrument.venue)
        return None if offset is None else max(0.0, (event.ts_recv + offset - event.ts_event) / 1e6)

    def state_hash(self) -> str:
        """SHA-256 over the whole state that readers can see, independent of speed and command."""
        figures = self._references.fingerprint
        state = {feed.id: feed.fingerprint() | figures(feed.id) for feed in self._feeds.values()}
        return hashlib.sha256(msgspec.json.encode(state, order="deterministic")).hexdigest()

    def report(self, event: SystemEvent) -> None:
        """Tell people."""
        self._bus.channel("system").publish(event)

    def _broke(self, instrument: InstrumentId, error: Exception) -> None:
        """Rule 4: a bug of ours hit one instrument."""
        times = self._broken[instrument] = self._broken.get(instrument, 0) + 1
        again = times < MOST_BREAKS
        consequence = "its feed begins anew" if again else "it is followed no longer"
        followed = self._feeds[instrument].instrument
        if again:
            self.unfollow(instrument)
            self.follow(followed)
        else:
            for routes in self._routes.values():
                routes[instrument] = _let_go
            self._states[instrument] = ("stale", "stopped by an error of the desk, see the events")
        self.report(failure(self._clock, instrument, error, consequence))

    def _adopt(self, instrument: InstrumentId) -> bool:
        if not self._follow_unknown or (self._only is not None and instrument not in self._only):
            return False
        self.follow(self.describe(instrument))
        return instrument in self._feeds


def _let_go(event: object) -> None:
    """A venue's own candle: the desk builds its own; comparing them is the audit's."""
