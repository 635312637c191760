"""From the desk's facts to what a client hears: nanoseconds to microseconds, ids to text, views to rows.

It reads through DeskReader and decides nothing but the desk's overall status.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from msgspec import UNSET

from bethna.api.protocol import (
    BookAnswer,
    BookChange,
    CandleRow,
    CandlesAnswer,
    ContractCard,
    CoverageCard,
    DeskState,
    DroppedItem,
    EventRow,
    EventsAnswer,
    GapItem,
    GapRow,
    HealthAnswer,
    InstrumentCard,
    InstrumentRow,
    InstrumentsAnswer,
    PriceRow,
    PricesAnswer,
    SimulationCard,
    TapeCard,
    TradeItem,
    TradeRow,
    TradesAnswer,
    VenueCard,
)
from bethna.api.reader import DeskReader
from bethna.core.clock import NS_PER_MS, NS_PER_US
from bethna.core.coverage import Coverage, Gap
from bethna.core.instrument import Contract, split_id
from bethna.core.intervals import Interval
from bethna.core.market import BookDelta, BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.status import (
    Dropped,
    GapFound,
    GapMarked,
    Healed,
    InstrumentHealth,
    Simulation,
    SystemEvent,
    TapePosition,
    VenueHealth,
)


def desk_version() -> str:
    """The installed package's version."""
    try:
        return version("bethna")
    except PackageNotFoundError:  # run from a tree that was never installed
        return "0"


VERSION = desk_version()


def micros(ts_ns: int) -> int:
    """An instant for the wire: ns to us, rounded down."""
    return ts_ns // NS_PER_US


def micros_or_none(ts_ns: int | None) -> int | None:
    """The same where there may be none."""
    return None if ts_ns is None else ts_ns // NS_PER_US


def age_ms(now_ns: int, since_ns: int | None) -> int | None:
    """Whole milliseconds since an instant, never negative."""
    return None if since_ns is None else max(0, now_ns - since_ns) // NS_PER_MS


def gap_row(gap: Gap) -> GapRow:
    """A gap for the wire."""
    return GapRow(*_gap_fields(gap))


def gap_item(event: GapFound | Healed | GapMarked) -> GapItem:
    """A gap among trades."""
    match event:
        case GapFound(gap=gap):
            return GapItem(*_gap_fields(gap), "found")
        case Healed(gap=gap):
            return GapItem(*_gap_fields(gap), "healed")
        case GapMarked(gap=gap):
            return GapItem(*_gap_fields(gap), "marked")


def _gap_fields(gap: Gap) -> tuple[str, str | None, str | None, int | None, int | None, str, bool]:
    return (
        gap.stream,
        None if gap.first_id is None else str(gap.first_id),
        None if gap.last_id is None else str(gap.last_id),
        micros_or_none(gap.start),
        micros_or_none(gap.end),
        gap.reason,
        gap.healed,
    )


def coverage_card(coverage: Coverage) -> CoverageCard:
    """A certificate for the wire."""
    return CoverageCard(
        coverage.provenance,
        coverage.state,
        [gap_row(gap) for gap in coverage.gaps],
        coverage.sources,
        micros_or_none(coverage.as_of),
    )


def trade_row(trade: Trade) -> TradeRow:
    """A trade in a list of trades."""
    return TradeRow(
        trade.price,
        trade.quantity,
        trade.side,
        str(trade.trade_id),
        trade.ts_event // NS_PER_US,
        trade.ts_recv // NS_PER_US,
    )


def trades_item(event: Trade | GapFound | Healed | GapMarked | Dropped) -> TradeItem | GapItem | DroppedItem:
    """What the `trades` topic says of one event of the trades channel."""
    if type(event) is Trade:
        return TradeItem(
            event.price,
            event.quantity,
            event.side,
            str(event.trade_id),
            event.ts_event // NS_PER_US,
            event.ts_recv // NS_PER_US,
        )
    match event:
        case Dropped(count):
            return DroppedItem(count)
        case GapFound() | Healed() | GapMarked():
            return gap_item(event)
        case Trade():  # pragma: no cover - taken above
            raise AssertionError


def book_change(delta: BookDelta) -> BookChange:
    """A delta for the wire."""
    return BookChange(
        str(delta.first_id),
        str(delta.last_id),
        delta.bids,
        delta.asks,
        delta.ts_event // NS_PER_US,
        delta.ts_recv // NS_PER_US,
    )


def event_row(event: SystemEvent) -> EventRow:
    """A system event for the wire."""
    return EventRow(micros(event.ts), event.level, event.code, event.subject, event.message)


def candle_row(candle: Candle) -> CandleRow:
    """A candle for the wire."""
    return CandleRow(
        micros(candle.open_time),
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.trades,
        candle.closed,
        coverage_card(candle.coverage),
    )


def price_row(view: PriceView, now_ns: int) -> PriceRow:
    """A price for the wire; its age counts from when its trade was received."""
    symbol, venue = split_id(view.instrument)
    return PriceRow(
        view.instrument,
        venue,
        symbol,
        view.price,
        micros_or_none(view.ts_event),
        micros_or_none(view.ts_recv),
        age_ms(now_ns, view.ts_recv),
        view.stale,
        view.change_24h_pct,
        view.bid,
        view.ask,
        coverage_card(view.coverage),
    )


def prices_answer(
    desk: DeskReader, instruments: Iterable[InstrumentId] | None = None, notice: str | None = None
) -> PricesAnswer:
    """Prices of some instruments, of all by default, in the user's order."""
    now_ns = desk.clock.now_ns()
    chosen = [found.id for found in desk.instruments()] if instruments is None else instruments
    return PricesAnswer([price_row(desk.price(chosen_id), now_ns) for chosen_id in chosen], notice or UNSET)


def candles_answer(
    desk: DeskReader,
    instrument: InstrumentId,
    interval: Interval,
    limit: int,
    *,
    end_ns: int | None = None,
    notice: str | None = None,
) -> CandlesAnswer:
    """Candles of one instrument."""
    symbol, venue = split_id(instrument)
    rows = [candle_row(candle) for candle in desk.candles(instrument, interval, limit, end_ns)]
    return CandlesAnswer(instrument, venue, symbol, interval, rows, notice or UNSET)


def book_answer(view: BookView, now_ns: int, notice: str | None = None) -> BookAnswer:
    """A book for the wire; its age counts from when its last update was received."""
    symbol, venue = split_id(view.instrument)
    return BookAnswer(
        view.instrument,
        venue,
        symbol,
        view.bids,
        view.asks,
        None if view.update_id is None else str(view.update_id),
        view.trust,
        view.certified_depth,
        micros_or_none(view.ts_event),
        micros_or_none(view.ts_recv),
        age_ms(now_ns, view.ts_recv),
        coverage_card(view.coverage),
        notice or UNSET,
    )


def trades_answer(
    desk: DeskReader, instrument: InstrumentId, limit: int, notice: str | None = None
) -> TradesAnswer:
    """The newest trades of one instrument, with the certificate of its feed; before the first one nothing is known."""
    symbol, venue = split_id(instrument)
    rows = [trade_row(trade) for trade in desk.trades(instrument, limit)]
    coverage = desk.instrument_health(instrument).coverage if rows else desk.price(instrument).coverage
    return TradesAnswer(instrument, venue, symbol, rows, coverage_card(coverage), notice or UNSET)


def events_answer(desk: DeskReader, limit: int) -> EventsAnswer:
    """The newest system events."""
    return EventsAnswer([event_row(event) for event in desk.events(limit)])


def instruments_answer(desk: DeskReader) -> InstrumentsAnswer:
    """What the desk follows."""
    rows = []
    for instrument in desk.instruments():
        price_decimals, quantity_decimals = desk.decimals(instrument.id)
        rows.append(
            InstrumentRow(
                instrument.id,
                instrument.venue,
                instrument.symbol,
                instrument.base,
                instrument.quote,
                instrument.venue_symbol,
                price_decimals,
                quantity_decimals,
                instrument.tick_size,
                instrument.lot_size,
                instrument.verified,
                "spot" if instrument.contract is None else instrument.contract.kind,
                instrument.quantity_unit,
                _contract_card(instrument.contract),
            )
        )
    return InstrumentsAnswer(rows)


def _contract_card(contract: Contract | None) -> ContractCard | None:
    if contract is None:
        return None
    return ContractCard(
        contract.kind, contract.settlement, contract.inverse, contract.size, micros_or_none(contract.expiry),
        contract.strike, contract.option,
    )  # fmt: skip


def health_answer(desk: DeskReader) -> HealthAnswer:
    """The desk's health as a whole and in parts."""
    now_ns = desk.clock.now_ns()
    venues = desk.venues()
    feeds = [desk.instrument_health(instrument.id) for instrument in desk.instruments()]
    tape, simulation = desk.tape(), desk.simulation()
    return HealthAnswer(
        desk_state(venues, feeds),
        VERSION,
        desk.source(),
        None if tape is None else _tape_card(tape),
        None if simulation is None else _simulation_card(simulation),
        micros(now_ns),
        desk.state_hash(),
        {venue.venue: _venue_card(venue) for venue in venues},
        {feed.instrument: _instrument_card(feed, now_ns) for feed in feeds},
        list(desk.notices()),
    )


def desk_state(venues: Iterable[VenueHealth], feeds: Iterable[InstrumentHealth]) -> DeskState:
    """`down` when no venue is ok and nothing is live, `degraded` when any part is not as it should be, else `ok`."""
    states, feeds = [venue.state for venue in venues], list(feeds)
    delivers = any(state in ("ok", "ended") for state in states) or any(
        feed.state == "live" for feed in feeds
    )
    if not delivers:
        return "down"
    well = all(state in ("ok", "ended") for state in states)
    ill = any(feed.state in ("stale", "refused") or (feed.state == "live" and feed.message) for feed in feeds)
    return "ok" if well and not ill else "degraded"


def _tape_card(tape: TapePosition) -> TapeCard:
    return TapeCard(
        tape.name,
        tape.speed,
        micros_or_none(tape.position),
        micros_or_none(tape.start),
        micros_or_none(tape.end),
        tape.ended,
        tape.loops,
        tape.damage,
    )


def _simulation_card(simulation: Simulation) -> SimulationCard:
    return SimulationCard(simulation.seed, simulation.reason, simulation.live_reachable)


def _venue_card(venue: VenueHealth) -> VenueCard:
    offset = venue.clock_offset_ns
    return VenueCard(
        venue.state,
        venue.message,
        venue.connections,
        venue.attempts,
        venue.reconnects,
        venue.rotations,
        None if offset is None else round(offset / NS_PER_MS, 3),
        venue.messages,
        venue.wire_errors,
        venue.unknown_messages,
        venue.quota_used,
        venue.quota_limit,
        venue.quota_own,
        venue.quota_foreign,
        venue.quota_processes,
        micros_or_none(venue.banned_until),
    )


def _instrument_card(feed: InstrumentHealth, now_ns: int) -> InstrumentCard:
    symbol, venue = split_id(feed.instrument)
    return InstrumentCard(
        feed.state,
        feed.message,
        venue,
        symbol,
        feed.trust,
        feed.trades,
        feed.trade_gaps,
        feed.duplicates,
        feed.heals,
        feed.book_updates,
        feed.book_gaps,
        feed.resyncs,
        micros_or_none(feed.last_message),
        age_ms(now_ns, feed.last_message),
        coverage_card(feed.coverage),
        micros_or_none(feed.book_compared),
        feed.book_compared_levels,
    )
