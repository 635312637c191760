"""What a client of the desk hears and may say: one Struct per answer of docs/reference/http.md.

Instants are integer microseconds UTC, ids are strings, missing is null. It converts nothing (that is `answers`), and it
knows neither HTTP nor sockets.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bethna.core.coverage import Provenance, State
from bethna.core.instrument import ContractKind
from bethna.core.intervals import Interval
from bethna.core.market import Level, Side
from bethna.core.status import EventLevel, SourceKind, StreamState, Trust, VenueState

Rate = Literal["ui", "every"]
DeskState = Literal["ok", "degraded", "down"]
FrameType = Literal["snapshot", "delta", "status"]
GapSaid = Literal["found", "healed", "marked"]
InstrumentKind = Literal["spot", "perpetual", "future", "option", "index"]


class ErrorBody(Struct, frozen=True, gc=False):
    """What went wrong (`message`), as a stable word (`code`), and what to do next (`hint`)."""

    code: str
    message: str
    hint: str


class ErrorAnswer(Struct, frozen=True, gc=False):
    """The body of every answer that is not the one asked for."""

    error: ErrorBody


class GapRow(Struct, frozen=True, gc=False):
    """Something that is or was missing; ids inclusive, null for a gap known by time only."""

    stream: str
    first_id: str | None
    last_id: str | None
    start: int | None
    end: int | None
    reason: str
    healed: bool


class CoverageCard(Struct, frozen=True, gc=False):
    """The certificate of a figure's completeness."""

    provenance: Provenance
    state: State
    gaps: list[GapRow]
    sources: tuple[str, ...]
    as_of: int | None


class TapeCard(Struct, frozen=True, gc=False):
    """The playing tape; times are the tape's own, `speed` null means flat out."""

    name: str
    speed: float | None
    position: int | None
    start: int | None
    end: int | None
    ended: bool
    loops: int
    damage: str | None


class SimulationCard(Struct, frozen=True, gc=False):
    """The market is simulated; `live_reachable` when a restart would lead to the live one."""

    seed: int | None
    reason: str
    live_reachable: bool


class VenueCard(Struct, frozen=True, gc=False):
    """One venue's connections, summed since start; `clock_offset_ms` is venue minus host.

    Of the quota `quota_own` was used by this process, `quota_foreign` by whom the venue counted beyond ours. Before
    `banned_until` the venue answers no REST request of this address; null while it does.
    """

    status: VenueState
    message: str
    connections: int
    attempts: int
    reconnects: int
    rotations: int
    clock_offset_ms: float | None
    messages: int
    wire_errors: int
    unknown_messages: int
    quota_used: int
    quota_limit: int | None
    quota_own: int
    quota_foreign: int
    quota_processes: int
    banned_until: int | None = None


class InstrumentCard(Struct, frozen=True, gc=False):
    """One instrument's feed; counts are since start.

    Attributes:
        book_compared: when a snapshot that the desk asked for last agreed with the unproven book as it stands now.
        book_compared_levels: in how many levels of both sides.
    """

    status: StreamState
    message: str
    venue: str
    symbol: str
    book: Trust
    trades: int
    trade_gaps: int
    duplicates: int
    heals: int
    book_updates: int
    book_gaps: int
    resyncs: int
    last_message: int | None
    age_ms: int | None
    coverage: CoverageCard
    book_compared: int | None = None
    book_compared_levels: int = 0


class HealthAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/health and the `health` topic."""

    status: DeskState
    version: str
    source: SourceKind
    tape: TapeCard | None
    simulation: SimulationCard | None
    now: int
    state_hash: str | None
    venues: dict[str, VenueCard]
    instruments: dict[str, InstrumentCard]
    notices: list[str]


class ContractCard(Struct, frozen=True, gc=False):
    """What makes an instrument no spot pair; `expiry` is an instant, `strike` in quote currency."""

    kind: ContractKind
    settlement: str | None
    inverse: bool
    size: float | None
    expiry: int | None
    strike: float | None
    option: Literal["call", "put"] | None


class InstrumentRow(Struct, frozen=True, gc=False):
    """One followed instrument; steps are null where the venue's catalogue was not available.

    `quantity_unit` is the currency that quantities and volumes are counted in, null of an index; `contract` is null of
    a spot pair.
    """

    instrument: str
    venue: str
    symbol: str
    base: str
    quote: str
    venue_symbol: str
    price_decimals: int
    quantity_decimals: int
    tick_size: float | None
    lot_size: float | None
    verified: bool
    kind: InstrumentKind
    quantity_unit: str | None
    contract: ContractCard | None


class InstrumentsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/instruments."""

    instruments: list[InstrumentRow]


class PriceRow(Struct, frozen=True, gc=False):
    """The last trade's price of one instrument, and what stands around it; `age_ms` counts from reception."""

    instrument: str
    venue: str
    symbol: str
    price: float | None
    ts_event: int | None
    ts_recv: int | None
    age_ms: int | None
    stale: bool
    change_24h_pct: float | None
    bid: float | None
    ask: float | None
    coverage: CoverageCard


class PricesAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/prices and the `prices` topics."""

    prices: list[PriceRow]
    notice: str | UnsetType = UNSET


class CandleRow(Struct, frozen=True, gc=False):
    """One candle; `volume` in the instrument's `quantity_unit`.

    `closed` only when its end has passed by the venue's time.
    """

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    closed: bool
    coverage: CoverageCard


class CandlesAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/candles: ascending by open time, the open candle last."""

    instrument: str
    venue: str
    symbol: str
    interval: Interval
    candles: list[CandleRow]
    notice: str | UnsetType = UNSET


class BookAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/book: levels as [price, quantity], best first, never deeper than certified."""

    instrument: str
    venue: str
    symbol: str
    bids: list[Level]
    asks: list[Level]
    update_id: str | None
    trust: str
    certified_depth: int
    ts_event: int | None
    ts_recv: int | None
    age_ms: int | None
    coverage: CoverageCard
    notice: str | UnsetType = UNSET


class TradeRow(Struct, frozen=True, gc=False):
    """One public execution; `side` is the taker's."""

    price: float
    quantity: float
    side: Side
    trade_id: str
    ts_event: int
    ts_recv: int


class TradesAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/trades: newest last."""

    instrument: str
    venue: str
    symbol: str
    trades: list[TradeRow]
    coverage: CoverageCard
    notice: str | UnsetType = UNSET


class EventRow(Struct, frozen=True, gc=False):
    """Something a person may want to know."""

    ts: int
    level: EventLevel
    code: str
    subject: str
    message: str


class EventsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/events: newest last."""

    events: list[EventRow]


class RestartWish(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /api/v1/restart: the source that the next desk is to have."""

    source: Literal["live"]


class RestartAnswer(Struct, frozen=True, gc=False):
    """The desk ends now and begins anew on that source, at the same address."""

    restarting: SourceKind


class TradeItem(TradeRow, frozen=True, gc=False, tag_field="kind", tag="trade"):
    """A trade in the `trades` topic."""


class GapItem(GapRow, frozen=True, gc=False, tag_field="kind", tag="gap"):
    """A gap in the `trades` topic: when it is found, and once more when its fate is known; `said` tells which."""

    said: GapSaid


class DroppedItem(Struct, frozen=True, gc=False, tag_field="kind", tag="dropped"):
    """`count` items that this reader did not get because they came faster than its rate shows."""

    count: int


class BookChange(Struct, frozen=True, gc=False):
    """Changed levels: absolute quantities, 0 removes; covers the update ids from first to last, inclusive."""

    first_update_id: str
    update_id: str
    bids: list[Level]
    asks: list[Level]
    ts_event: int
    ts_recv: int


class TrustChange(Struct, frozen=True, gc=False):
    """The trust in a book changed (`every` only; the `ui` frames carry it themselves)."""

    trust: Trust
    reason: str


class StreamTurn(Struct, frozen=True, gc=False):
    """The streams of an instrument turned (`every` only); `reason` is for a person, empty when live."""

    stream: StreamState
    reason: str
    connected: bool
    ts: int


class Subscribe(Struct, frozen=True, tag_field="op", tag="subscribe", forbid_unknown_fields=True):
    """Start topics, each afresh: a snapshot with seq 1, then deltas."""

    topics: list[str]
    rate: Rate = "ui"


class Unsubscribe(Struct, frozen=True, tag_field="op", tag="unsubscribe", forbid_unknown_fields=True):
    """End topics; one that is not subscribed is ignored."""

    topics: list[str]


class Ping(Struct, frozen=True, tag_field="op", tag="ping", forbid_unknown_fields=True):
    """Ask for the desk's time."""


ClientMessage = Subscribe | Unsubscribe | Ping

encode = msgspec.json.Encoder().encode
"""The one encoder: NaN and infinities become null."""

_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


def decode_client_message(text: str | bytes) -> ClientMessage:
    """A client's frame as a message.

    Raises:
        msgspec.DecodeError: it is not JSON, or not one of ours.
    """
    return _client_decoder.decode(text)


def error_answer(code: str, message: str, hint: str = "") -> ErrorAnswer:
    """The one shape of every error."""
    return ErrorAnswer(ErrorBody(code, message, hint))
