"""A desk in memory: the reader that the doors' tests stand before, with the market moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from msgspec.structs import replace

from bethna.api.alerts_port import AlertsDesk
from bethna.api.reader import SymbolFound, SymbolsFound
from bethna.core.bars import Bar, Refusal, Series
from bethna.core.clock import NS_PER_S
from bethna.core.consolidated import BestPrice, ConsolidatedBook
from bethna.core.coverage import Coverage, unknown
from bethna.core.errors import BethnaError, CannotFollow, UnknownInstrument
from bethna.core.instrument import FEATURES, Feature, Instrument, parse_name, split_id, told_by_name
from bethna.core.intervals import Interval
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    BookView,
    Candle,
    IndexPrice,
    InstrumentId,
    Level,
    PriceView,
    Side,
    Trade,
    Valuation,
)
from bethna.core.reference import Reference, ReferenceKind
from bethna.core.status import (
    ConnectionHealth,
    InstrumentHealth,
    Simulation,
    SourceKind,
    StreamState,
    StreamStatus,
    SystemEvent,
    TapePosition,
    Trust,
    VenueHealth,
)
from bethna.logic.bars import merge
from bethna.logic.best_book import consolidated_book
from bethna.logic.best_price import VenueMarket, best_price, concerned
from bethna.logic.openings import Openings
from bethna.logic.references import References
from bethna.logic.series import join
from bethna.runtime.bus import Bus
from bethna.runtime.clocks import ManualClock

BTC = InstrumentId("BTC-USDT@binance")
ETH = InstrumentId("ETH-USDT@binance")
POL = InstrumentId("POL-USDT@binance")
SOL = InstrumentId("SOL-USDT@binance")
DOGE = InstrumentId("DOGE-USDT@binance")
START = 1_723_161_240 * NS_PER_S  # 2024-08-08 23:54:00 UTC, a whole minute
COMPLETE = Coverage(sources=("binance",))


class MemoryRow:
    """A row of bars whose listeners a test tells."""

    def __init__(self, desk: MemoryDesk, hear: Callable[[Sequence[Bar]], None]) -> None:
        self._desk = desk
        self.hear = hear

    @property
    def row(self) -> Sequence[Bar]:
        return list(self._desk.bar_row.values())

    def close(self) -> None:
        self._desk.bar_listeners.remove(self)


class MemoryDesk:
    """A DeskReader whose state a test writes; it publishes what it changes, after changing it."""

    def __init__(self, instruments: Sequence[InstrumentId] = (BTC, ETH, POL), now_ns: int = START) -> None:
        self.clock = ManualClock(now_ns)
        self.alerts: AlertsDesk | None = None
        self.bus = Bus(self.clock)
        self.followed: list[Instrument] = []
        self.listed = [_instrument(name) for name in (*instruments, SOL, DOGE)]
        self.kept: dict[InstrumentId, list[Trade]] = {}
        self.bids: dict[InstrumentId, dict[float, float]] = {}
        self.asks: dict[InstrumentId, dict[float, float]] = {}
        self.update_ids: dict[InstrumentId, int] = {}
        self.sockets: list[ConnectionHealth] = []
        self.coverage = COMPLETE
        self.references = References()
        self.quoted: dict[InstrumentId, tuple[float, float]] = {}
        self.no_book: set[InstrumentId] = set()
        for name in instruments:
            self._begin(_instrument(name))
        self.stale: set[InstrumentId] = set()
        self.venue_healths = [
            VenueHealth("binance", "ok", connections=1, messages=7, clock_offset_ns=1_272_600_000)
        ]
        self.log: list[SystemEvent] = []
        self.playing: TapePosition | None = None
        self.refusals: tuple[Refusal, ...] = ()
        self.bar_row: dict[int, Bar] = {}
        self.bar_listeners: list[MemoryRow] = []
        self.lenders: tuple[str, ...] = ()
        self.built_from: Interval | None = None
        self.as_of: int | None = None
        self.simulated: Simulation | None = None
        self.told: list[str] = []
        self.broken: set[InstrumentId] = set()
        self.turned: dict[InstrumentId, StreamStatus] = {}
        self.trusts: dict[InstrumentId, Trust] = {}
        self.bus.channel("system").subscribe(self.log.append, "log")

    # the market, moved by hand -----------------------------------------------------------------------------------

    def trade(
        self, instrument: InstrumentId, price: float, quantity: float = 1.0, side: Side = "buy"
    ) -> Trade:
        """One more trade, now."""
        now = self.clock.now_ns()
        trade = Trade(instrument, price, quantity, side, len(self.kept[instrument]) + 1, now, now)
        self.kept[instrument].append(trade)
        self.bus.channel("trades", instrument).publish(trade)
        return trade

    def move(
        self, instrument: InstrumentId, bids: Sequence[Level] = (), asks: Sequence[Level] = ()
    ) -> BookDelta:
        """One more change of the book."""
        first = self.update_ids[instrument] + 1
        self.update_ids[instrument] = first
        for levels, side in ((bids, self.bids[instrument]), (asks, self.asks[instrument])):
            for price, quantity in levels:
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)
        now = self.clock.now_ns()
        delta = BookDelta(instrument, first, first, list(bids), list(asks), now, now)
        self.bus.channel("book", instrument).publish(delta)
        return delta

    def say_figure(self, figure: IndexPrice | Valuation) -> None:
        """A venue says an index, or what a contract is worth."""
        if self.references.apply(figure):
            self.bus.channel("references", figure.instrument).publish(figure)

    def take_anew(self, instrument: InstrumentId) -> None:
        """The book was synchronised again."""
        view = self.book(instrument, 1000)
        snapshot = BookSnapshot(
            instrument, self.update_ids[instrument], view.bids, view.asks, self.clock.now_ns(), 1000
        )
        self.bus.channel("book", instrument).publish(snapshot)

    def turn(
        self, instrument: InstrumentId, state: StreamState, reason: str = "", *, connected: bool = True
    ) -> None:
        """The instrument's streams are another way from now on."""
        (self.stale.add if state == "stale" else self.stale.discard)(instrument)
        status = StreamStatus(instrument, state, reason, connected, self.clock.now_ns())
        self.turned[instrument] = status
        self.bus.channel("status", instrument).publish(status)

    def say(self, code: str, message: str = "") -> None:
        """One more system event."""
        self.bus.channel("system").publish(SystemEvent(self.clock.now_ns(), "info", code, "test", message))

    # what the doors read -----------------------------------------------------------------------------------------

    def source(self) -> SourceKind:
        if self.playing is not None:
            return "tape"
        return "live" if self.simulated is None else "twin"

    def tape(self) -> TapePosition | None:
        return self.playing

    def simulation(self) -> Simulation | None:
        return self.simulated

    def state_hash(self) -> str | None:
        return "abc" if self.playing is not None and self.playing.ended else None

    def resolve(self, text: str) -> tuple[InstrumentId, str | None]:
        name = parse_name(text, "binance")
        self._follows(name.id)
        return name.id, name.alias.notice if name.alias else None

    def notices(self) -> Sequence[str]:
        return self.told

    def instruments(self) -> Sequence[Instrument]:
        return self.followed

    def features(self) -> Sequence[Feature]:
        return FEATURES

    def symbols(self, query: str, limit: int) -> SymbolsFound:
        names = [found.id for found in self.followed]
        if not query.strip():
            found = list(self.followed)
        else:
            found = [each for each in self.listed if query.strip().upper() in each.venue_symbol]
        rows = tuple(SymbolFound(each, each.id in names) for each in found[:limit])
        return SymbolsFound(rows, len(found), len(self.listed))

    async def follow(self, text: str) -> tuple[InstrumentId, str | None]:
        name = parse_name(text, "binance")
        notice = name.alias.notice if name.alias else None
        if name.id in [found.id for found in self.followed]:
            return name.id, notice
        if self.playing is not None:
            raise CannotFollow(f"{name.id}: a tape has what it has")
        listed = next((found for found in self.listed if found.id == name.id), None)
        if listed is None:
            near = tuple(get_close_matches(name.id, [found.id for found in self.listed], n=3, cutoff=0.3))
            raise UnknownInstrument(text, near, message=f"binance does not list {name.symbol}")
        self._begin(listed)
        return name.id, notice

    async def unfollow(self, text: str) -> InstrumentId:
        instrument, _ = self.resolve(text)
        if self.playing is not None:
            raise CannotFollow(f"{instrument}: a tape has what it has")
        if len(self.followed) == 1:
            raise CannotFollow(f"{instrument} stays: it is the last one")
        self.followed = [found for found in self.followed if found.id != instrument]
        return instrument

    def connections(self) -> Sequence[ConnectionHealth]:
        return self.sockets

    def decimals(self, instrument: InstrumentId) -> tuple[int, int]:
        self._check(instrument)
        return 2, 5

    def venues(self) -> Sequence[VenueHealth]:
        return self.venue_healths

    def instrument_health(self, instrument: InstrumentId) -> InstrumentHealth:
        self._check(instrument)
        trades = self.kept[instrument]
        return InstrumentHealth(
            instrument,
            "stale" if instrument in self.stale else "live" if trades else "waiting",
            "", Trust.TRUSTED, len(trades), 0, 0, 0, self.update_ids[instrument], 0, 0,
            trades[-1].ts_recv if trades else None,
            self.coverage if trades else unknown("binance"),
        )  # fmt: skip

    def price(self, instrument: InstrumentId) -> PriceView:
        self._check(instrument)
        followed = next(each for each in self.followed if each.id == instrument)
        stale = instrument in self.stale
        if followed.is_index:
            return self.references.price(followed, self.clock.now_ns(), live=not stale)
        last = self.kept[instrument][-1] if self.kept[instrument] else None
        if last is None:
            return PriceView(instrument, None, None, None, None, stale, None, None, None, unknown("binance"))
        best = (max(self.bids[instrument], default=None), min(self.asks[instrument], default=None))
        return PriceView(
            instrument, last.price, last.ts_event, last.ts_recv, last.ts_recv, stale, 1.5,
            *self.quoted.get(instrument, best), self.coverage,
        )  # fmt: skip

    def reference(self, kind: ReferenceKind, instrument: InstrumentId) -> Reference:
        self._check(instrument)
        found = next(each for each in self.followed if each.id == instrument)
        live = instrument not in self.stale
        return self.references.view(kind, found, self.clock.now_ns(), live=live)

    def book(self, instrument: InstrumentId, depth: int) -> BookView:
        self._check(instrument)
        now = self.clock.now_ns()
        if instrument in self.no_book:
            return BookView(instrument, [], [], None, Trust.WAITING, 0, None, None, unknown("binance"))
        return BookView(
            instrument,
            sorted(self.bids[instrument].items(), reverse=True)[:depth],
            sorted(self.asks[instrument].items())[:depth],
            self.update_ids[instrument] or None,
            self.trusts.get(instrument, Trust.TRUSTED),
            min(len(self.bids[instrument]), len(self.asks[instrument])),
            now, now, self.coverage,
        )  # fmt: skip

    def trades(self, instrument: InstrumentId, limit: int) -> Sequence[Trade]:
        self._check(instrument)
        return self.kept[instrument][-limit:]

    def candles(
        self, instrument: InstrumentId, interval: Interval, limit: int, end: int | None = None
    ) -> Sequence[Candle]:
        self._check(instrument)
        grouped: dict[int, list[Trade]] = {}
        for trade in self.kept[instrument]:
            grouped.setdefault(interval.open_time(trade.ts_event), []).append(trade)
        now = self.clock.now_ns()
        candles = [
            Candle(
                instrument, interval, opened, inside[0].price, max(t.price for t in inside),
                min(t.price for t in inside), inside[-1].price, sum(t.quantity for t in inside), len(inside),
                opened + interval.ns <= now, inside[0].trade_id, inside[-1].trade_id, self.coverage,
            )
            for opened, inside in grouped.items()
            if end is None or opened < end
        ]  # fmt: skip
        return candles[-limit:]

    def best(self, base: str, quote: str, convert: Sequence[str] = ()) -> BestPrice:
        found = concerned(self.followed, base, quote, convert)
        return best_price([self._market(each, 1) for each in found], base, quote, convert)

    def listen_bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        history: int,
        hear: Callable[[Sequence[Bar]], None],
        ended: Callable[[BethnaError], None],
    ) -> MemoryRow:
        self._check(instrument)
        self.bar_listeners.append(MemoryRow(self, hear))
        return self.bar_listeners[-1]

    def say_bars(self, *bars: Bar) -> None:
        """What a row tells next."""
        self.bar_row.update((bar.open_time, bar) for bar in bars)
        for each in tuple(self.bar_listeners):
            each.hear(bars)

    async def bars(
        self,
        instrument: InstrumentId,
        interval: Interval,
        limit: int,
        end: int | None = None,
        also: Sequence[str] = (),
        day_starts: int = 0,
    ) -> Series:
        self.lenders = tuple(also)
        part = Openings(interval, day_starts).part() if day_starts else interval
        bars = join((), self.candles(instrument, part, limit if part is interval else 1500, end))
        bars = merge(bars, interval, 10**8, day_starts)[-limit:] if day_starts else bars
        return Series(instrument, interval, bars, self.built_from, self.refusals, day_starts, self.as_of)

    def consolidated_book(self, base: str, quote: str, depth: int) -> ConsolidatedBook:
        found = concerned(self.followed, base, quote)
        return consolidated_book([self._market(each, depth) for each in found], base, quote, depth)

    def _market(self, instrument: Instrument, depth: int) -> VenueMarket:
        """Its venue's certificate names the venue; its book ends where its levels do."""
        book = self.book(instrument.id, depth)
        turned = self.turned.get(instrument.id)
        state: StreamState = "live" if self.update_ids[instrument.id] else "waiting"
        return VenueMarket(
            instrument, turned.state if turned else state, turned.reason if turned else "",
            replace(book, coverage=replace(book.coverage, sources=(instrument.venue,))), None, book.coverage,
        )  # fmt: skip

    def events(self, limit: int) -> Sequence[SystemEvent]:
        return self.log[-limit:]

    def _begin(self, instrument: Instrument) -> None:
        """Follow it, with nothing seen yet."""
        self.followed.append(instrument)
        self.kept[instrument.id] = []
        self.bids[instrument.id], self.asks[instrument.id] = {}, {}
        self.update_ids[instrument.id] = 0

    def _check(self, instrument: InstrumentId) -> None:
        if instrument in self.broken:
            raise ZeroDivisionError("a bug, made on purpose")
        self._follows(instrument)

    def _follows(self, instrument: InstrumentId) -> None:
        names = [found.id for found in self.followed]
        if instrument not in names:
            near = tuple(get_close_matches(instrument, names, n=3, cutoff=0.3))
            raise UnknownInstrument(instrument, near, message=f"{instrument} is not followed by this desk")


def _instrument(name: InstrumentId) -> Instrument:
    symbol, venue = split_id(name)
    base, _, quote = symbol.partition("-")
    made = Instrument(name, venue, base, quote, f"{base}{quote}", 0.01, 0.00001)
    return replace(told_by_name(made), verified=True)
