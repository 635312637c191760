"""Frames and answers of a desk as facts: JSON to Structs, microseconds to nanoseconds, text to ids; it keeps nothing.

Instants are as the wire has them, whole microseconds. What the wire does not carry is what stands for not known:
`count` of a trade is 1, a candle has no ids, a gap that healed was found whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import replace

from bethna.api.bars import BarRow, BarsAnswer
from bethna.api.protocol import (
    BookAnswer,
    CandleRow,
    ContractCard,
    CoverageCard,
    DroppedItem,
    ErrorBody,
    EventRow,
    FrameType,
    GapItem,
    GapRow,
    InstrumentCard,
    InstrumentRow,
    PriceRow,
    SimulationCard,
    TradeItem,
    TradeRow,
    VenueCard,
)
from bethna.core.bars import Bar, Refusal, Series
from bethna.core.clock import NS_PER_MS, NS_PER_US
from bethna.core.coverage import Coverage, Gap, State
from bethna.core.errors import BethnaError, excerpt_of
from bethna.core.instrument import Contract, Instrument
from bethna.core.intervals import Interval
from bethna.core.market import BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.status import (
    GapFound,
    GapMarked,
    Healed,
    InstrumentHealth,
    Simulation,
    StreamState,
    SystemEvent,
    Trust,
    VenueHealth,
)
from bethna.logic.indicators.registry import Indicator
from bethna.logic.indicators.shown import IndicatedSeries, Shown
from bethna.logic.openings import day_start, day_start_text

T = TypeVar("T")
Item = TradeItem | GapItem | DroppedItem


class FrameError(BethnaError):
    """A frame or an answer that is not what this version of the desk says."""

    code = "other_version"


class Frame(Struct, frozen=True, gc=False):
    """One message of /ws; `topic` is None for what is about none."""

    topic: str | None
    type: FrameType
    seq: int
    data: Raw


class TradeChanges(Struct, frozen=True):
    """A delta of the `trades` topic."""

    items: list[Item]


class CandleChanges(Struct, frozen=True):
    """A delta of the `candles` topic."""

    candles: list[CandleRow]


class BarChanges(Struct, frozen=True):
    """A delta of the `bars` topic."""

    bars: list[BarRow]


class Said(Struct, frozen=True, gc=False):
    """The data of a status: which fields are there says what it is."""

    dropped: int | UnsetType = UNSET
    stream: StreamState | UnsetType = UNSET
    trust: Trust | UnsetType = UNSET
    reason: str = ""
    connected: bool = False
    ts: int = 0
    error: ErrorBody | UnsetType = UNSET


_frames: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)
_decoders: dict[type, msgspec.json.Decoder[object]] = {}


def read_frame(raw: bytes) -> Frame:
    """A message of the desk. Raises FrameError."""
    try:
        return _frames.decode(raw)
    except msgspec.DecodeError as error:
        raise _unreadable("a frame", raw, error) from error


def read(kind: type[T], raw: bytes | Raw) -> T:
    """The body of an answer, or the data of a frame, as one of the desk's own Structs. Raises FrameError."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        found = decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _unreadable(kind.__name__, bytes(raw), error) from error
    assert isinstance(found, kind)
    return found


def _unreadable(what: str, raw: bytes, error: Exception) -> FrameError:
    return FrameError(
        f"expected {what} as this version knows it, found {excerpt_of(raw)[:80]!r}: {error}",
        hint="the desk may be of another version: compare `bethna --version` here and there",
    )


def nanos(ts_us: int) -> int:
    """An instant of the wire."""
    return ts_us * NS_PER_US


def nanos_or_none(ts_us: int | None) -> int | None:
    """The same where there may be none."""
    return None if ts_us is None else ts_us * NS_PER_US


def number(text: str | None) -> int | None:
    """An id of the wire."""
    return None if text is None else int(text)


def gap_of(row: GapRow) -> Gap:
    """Something that is or was missing."""
    return Gap(
        row.stream, number(row.first_id), number(row.last_id), nanos_or_none(row.start), nanos_or_none(row.end),
        row.reason, row.healed,
    )  # fmt: skip


def gap_event(instrument: InstrumentId, item: GapItem, ts: int) -> GapFound | Healed | GapMarked:
    """What is said of a gap among trades."""
    gap = gap_of(item)
    match item.said:
        case "found":
            return GapFound(instrument, gap, ts)
        case "healed":
            return Healed(instrument, gap, ids_of(gap), ts)
        case "marked":
            return GapMarked(instrument, gap, ts)


def ids_of(gap: Gap) -> int:
    """How many ids a gap has; 0 for one that is known by time only."""
    return 0 if gap.first_id is None or gap.last_id is None else gap.last_id - gap.first_id + 1


def coverage_of(card: CoverageCard) -> Coverage:
    """A certificate."""
    return Coverage(
        card.provenance,
        card.state,
        tuple(gap_of(row) for row in card.gaps),
        card.sources,
        nanos_or_none(card.as_of),
    )


def trade_of(instrument: InstrumentId, row: TradeRow) -> Trade:
    """A trade."""
    return Trade(
        instrument, row.price, row.quantity, row.side, int(row.trade_id), nanos(row.ts_event), nanos(row.ts_recv)
    )  # fmt: skip


def price_of(row: PriceRow, last_message: int | None) -> PriceView:
    """A price; `last_message` is as the desk's health told it last."""
    return PriceView(
        InstrumentId(row.instrument), row.price, nanos_or_none(row.ts_event), nanos_or_none(row.ts_recv), last_message,
        row.stale, row.change_24h_pct, row.bid, row.ask, coverage_of(row.coverage),
    )  # fmt: skip


def book_of(answer: BookAnswer) -> BookView:
    """The top of a book."""
    return BookView(
        InstrumentId(answer.instrument), answer.bids, answer.asks, number(answer.update_id), answer.trust,
        answer.certified_depth, nanos_or_none(answer.ts_event), nanos_or_none(answer.ts_recv),
        coverage_of(answer.coverage),
    )  # fmt: skip


def candle_of(instrument: InstrumentId, interval: Interval, row: CandleRow) -> Candle:
    """A candle."""
    return Candle(
        instrument, interval, nanos(row.open_time), row.open, row.high, row.low, row.close, row.volume, row.trades,
        row.closed, None, None, coverage_of(row.coverage),
    )  # fmt: skip


def bar_of(instrument: InstrumentId, interval: Interval, row: BarRow) -> Bar:
    """A bar."""
    return Bar(
        instrument, interval, nanos(row.open_time), row.kind, row.open, row.high, row.low, row.close, row.volume,
        row.trades, row.closed, row.source, coverage_of(row.coverage), row.revision,
    )  # fmt: skip


def series_of(answer: BarsAnswer) -> Series:
    """A series of bars."""
    instrument = InstrumentId(answer.instrument)
    bars = [bar_of(instrument, answer.interval, row) for row in answer.bars]
    refusals = tuple(
        Refusal(row.source, row.reason, nanos(row.start), nanos(row.end)) for row in answer.refusals
    )
    starts = day_start(answer.day_starts, answer.interval)
    return Series(
        instrument,
        answer.interval,
        bars,
        answer.built_from,
        refusals,
        starts,
        nanos_or_none(answer.as_of),
        tuple(answer.notes),
    )


def bars_path(
    instrument: str,
    interval: Interval,
    limit: int,
    end: int | None,
    indicators: Sequence[Indicator],
    also: Sequence[str] = (),
    day_starts: int = 0,
) -> str:
    """The question for bars."""
    until = "" if end is None else f"&end={-(-end // NS_PER_US)}"
    wanted = "".join(f"&indicators={quote(each.text, safe='')}" for each in indicators)
    wanted += "".join(f"&also={quote(each, safe='')}" for each in also)
    wanted += f"&day_starts={day_start_text(day_starts)}" if day_starts else ""
    return f"bars?instrument={quote(instrument, safe='')}&interval={interval}&limit={limit}{until}{wanted}"


def indicated_of(answer: BarsAnswer) -> IndicatedSeries:
    """A series of bars with what indicators say of it."""
    shown = (
        Shown(row.name, row.pane, row.outputs, [each or State.COMPLETE for each in row.states])
        for row in answer.indicators
    )
    return IndicatedSeries(series_of(answer), tuple(shown))


def event_of(row: EventRow) -> SystemEvent:
    """A system event."""
    return SystemEvent(nanos(row.ts), row.level, row.code, row.subject, row.message)


def instrument_of(row: InstrumentRow) -> Instrument:
    """A followed instrument."""
    return Instrument(
        InstrumentId(row.instrument), row.venue, row.base, row.quote, row.venue_symbol, row.tick_size, row.lot_size,
        verified=row.verified, contract=None if row.contract is None else contract_of(row.contract),
    )  # fmt: skip


def contract_of(card: ContractCard) -> Contract:
    """What makes it no spot pair."""
    return Contract(
        card.kind,
        card.settlement,
        card.inverse,
        card.size,
        nanos_or_none(card.expiry),
        card.strike,
        card.option,
    )


def simulation_of(card: SimulationCard | None) -> Simulation | None:
    """What is known of a simulated market."""
    return None if card is None else Simulation(card.seed, card.reason, card.live_reachable)


def venue_of(venue: str, card: VenueCard) -> VenueHealth:
    """One venue's connections."""
    offset_ms = card.clock_offset_ms
    return VenueHealth(
        venue, card.status, card.message, card.connections, card.attempts, 0, card.reconnects, card.rotations,
        None if offset_ms is None else round(offset_ms * NS_PER_MS),
        card.messages, card.wire_errors, card.unknown_messages, card.quota_used, card.quota_limit,
        card.quota_own, card.quota_foreign, card.quota_processes, nanos_or_none(card.banned_until),
    )  # fmt: skip


def feed_of(instrument: InstrumentId, card: InstrumentCard) -> InstrumentHealth:
    """One instrument's feed."""
    return InstrumentHealth(
        instrument, card.status, card.message, card.book, card.trades, card.trade_gaps, card.duplicates, card.heals,
        card.book_updates, card.book_gaps, card.resyncs, nanos_or_none(card.last_message), coverage_of(card.coverage),
        nanos_or_none(card.book_compared), card.book_compared_levels,
    )  # fmt: skip


def waiting_card(card: InstrumentCard, reason: str, older_ms: int) -> InstrumentCard:
    """One feed as it is without a connection to the desk, so much later."""
    age_ms = None if card.age_ms is None else card.age_ms + older_ms
    return replace(card, status="waiting", message=reason, age_ms=age_ms)
