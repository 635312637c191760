"""Binance's REST market data: what to ask for and what the answers say; it sends nothing and waits for nothing.

The bodies name no symbol, interval or depth, so they are read together with the path that was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final, Literal
from urllib.parse import parse_qs, quote, urlsplit

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, ValidationError, field
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.errors import VenueAnswer, WireError, excerpt_of
from bethna.core.instrument import Instrument, instrument_id
from bethna.core.market import BookSnapshot, CandlePage, InstrumentId, Trade, TradePage, VenueCandle
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.binance import spec
from bethna.venues.binance.frames import (
    MALFORMED,
    Amount,
    ErrorBody,
    Id,
    IdOrNone,
    PartialDepthFrame,
    Price,
    Time,
)
from bethna.venues.binance.routes import best_first, executions, instant
from bethna.venues.binance.symbols import Symbols
from bethna.venues.spec import RestRequest

# The last candle of a page may still be open, and the only clock at hand is the host's, which may be seconds off. A
# closed candle taken for open is asked for again; an open one taken for closed would be a false figure.
CLOSED_MARGIN_NS = 10 * NS_PER_S


class AggTradeRow(Struct, gc=False):
    """{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}."""

    trade_id: Id = field(name="a")
    price: Price = field(name="p")
    quantity: Amount = field(name="q")
    first: IdOrNone = field(name="f")
    last: IdOrNone = field(name="l")
    time: Time = field(name="T")
    buyer_is_maker: bool = field(name="m")


class TradeRow(Struct, gc=False):
    """{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,
    "isBuyerMaker":true,"isBestMatch":true}."""

    trade_id: Id = field(name="id")
    price: Price
    quantity: Amount = field(name="qty")
    time: Time
    buyer_is_maker: bool = field(name="isBuyerMaker")


class KlineRow(Struct, gc=False, array_like=True):
    """[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,
    "2434.19055334",308,"1756.87402397","28.46694368","0"]."""

    open_time: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    close_time: Time
    quote_volume: Amount
    trades: Id


class TimeBody(Struct, gc=False, rename="camel"):
    """{"serverTime":1499827319559}."""

    server_time: Time


class Filter(Struct, gc=False, rename="camel"):
    """One of a symbol's `filters`; only PRICE_FILTER and LOT_SIZE carry what we read."""

    filter_type: str
    tick_size: Amount | None = None
    step_size: Amount | None = None


class SymbolBody(Struct, gc=False, rename="camel"):
    """One of exchangeInfo's `symbols`."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: list[Filter]


class RateLimit(Struct, gc=False, rename="camel"):
    """{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}."""

    rate_limit_type: str
    interval: str
    interval_num: Annotated[int, Meta(ge=1)]
    limit: Id


class CatalogueBody(Struct, gc=False, rename="camel"):
    """GET /api/v3/exchangeInfo; symbols are read one by one, so that a bad one does not take the others along."""

    symbols: list[Raw]
    rate_limits: list[RateLimit] = []


class MaybeError(Struct, gc=False):
    """Whether a body is an error's, which may stand in the place of any answer."""

    code: Raw | UnsetType = UNSET
    msg: Raw | UnsetType = UNSET


_read_depth: Final = Decoder(PartialDepthFrame, strict=False).decode
_read_agg_trades: Final = Decoder(list[AggTradeRow], strict=False).decode
_read_trades: Final = Decoder(list[TradeRow], strict=False).decode
_read_klines: Final = Decoder(list[KlineRow], strict=False).decode
_read_time: Final = Decoder(TimeBody, strict=False).decode
_read_catalogue: Final = Decoder(CatalogueBody, strict=False).decode
_read_symbol: Final = Decoder(SymbolBody, strict=False).decode
_read_maybe_error: Final = Decoder(MaybeError).decode
_read_error: Final = Decoder(ErrorBody).decode

TIME_REQUEST: Final = RestRequest("/api/v3/time", spec.WEIGHT_TIME)
CATALOGUE_REQUEST: Final = RestRequest("/api/v3/exchangeInfo", spec.WEIGHT_CATALOGUE)


def depth_request(instrument: Instrument, limit: int) -> RestRequest:
    """The book, `limit` levels a side."""
    limit = min(max(limit, 1), spec.MAX_DEPTH)
    return RestRequest(f"/api/v3/depth?symbol={_symbol(instrument)}&limit={limit}", spec.depth_weight(limit))


def trades_request(instrument: Instrument, first_id: int, limit: int, *, aggregated: bool) -> RestRequest:
    """Trades, or aggregates of trades, from one id on."""
    endpoint, weight = (
        ("aggTrades", spec.WEIGHT_AGG_TRADES) if aggregated else ("historicalTrades", spec.WEIGHT_TRADES)
    )
    query = f"symbol={_symbol(instrument)}&fromId={first_id}&limit={_page(limit)}"
    return RestRequest(f"/api/v3/{endpoint}?{query}", weight)


def recent_trades_request(instrument: Instrument, limit: int, *, aggregated: bool) -> RestRequest:
    """The newest trades, or aggregates of trades."""
    endpoint, weight = ("aggTrades", spec.WEIGHT_AGG_TRADES) if aggregated else ("trades", spec.WEIGHT_TRADES)
    return RestRequest(f"/api/v3/{endpoint}?symbol={_symbol(instrument)}&limit={_page(limit)}", weight)


def klines_request(instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
    """Candles that open at `start` (ns UTC) or later; `startTime` filters on the opening time, in ms."""
    start_ms = -(-start // NS_PER_MS)
    query = (
        f"symbol={_symbol(instrument)}&interval={quote(interval)}&startTime={start_ms}&limit={_page(limit)}"
    )
    return RestRequest(f"/api/v3/klines?{query}", spec.WEIGHT_KLINES)


def _symbol(instrument: Instrument) -> str:
    return quote(instrument.venue_symbol, safe="")


def _page(limit: int) -> int:
    return min(max(limit, 1), spec.MAX_PAGE)


class Asked(Struct, gc=False):
    """What was asked: the last part of the path, and its query."""

    endpoint: str
    query: dict[str, list[str]]

    def value(self, name: str) -> str:
        """One value of the query. Raises ValidationError when it is not there."""
        values = self.query.get(name)
        if not values:
            raise ValidationError(f"expected {name}= in the query of {self.endpoint}, found none")
        return values[0]


class RestReader:
    """Reads answers; `symbols` says whose they are and `unit_ns` how long the unit of their times is."""

    def __init__(self, symbols: Symbols, unit_ns: int) -> None:
        self._symbols = symbols
        self._unit_ns = unit_ns
        self._readers: Mapping[str, Callable[[Asked, bytes, int], Sequence[RestEvent]]] = {
            "depth": self._depth,
            "trades": self._trades,
            "historicalTrades": self._trades,
            "aggTrades": self._agg_trades,
            "klines": self._klines,
            "uiKlines": self._klines,
            "time": self._time,
            "exchangeInfo": self._catalogue,
        }

    def decode(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of the answer to `path` as facts; scheme and host of `path` do not matter.

        Whether the last candle of a page is closed is judged by `ts_recv`, so hand in the venue's time where the
        offset of the host's clock is known.

        Raises:
            VenueAnswer: the body is an error of the venue (`venue_code` theirs, `status` 0: the body does not say).
            WireError: anything else that is not the protocol.
        """
        try:
            asked = _asked(path)
            _raise_if_error(raw)
            reader = self._readers.get(asked.endpoint)
            if reader is None:
                return (UnknownMessage(asked.endpoint[:80], excerpt_of(raw)),)
            return reader(asked, raw, ts_recv)
        except MALFORMED as error:
            raise WireError(spec.SPEC.name, str(error), raw) from error

    def _instrument(self, asked: Asked) -> InstrumentId:
        return self._symbols.by_symbol(asked.value("symbol")).id

    def _depth(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        body = _read_depth(raw)
        best_first(body.bids, body.asks)
        limit = _levels_asked(asked)
        return (
            BookSnapshot(self._instrument(asked), body.last_update_id, body.bids, body.asks, ts_recv, limit),
        )

    def _trades(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        name = self._instrument(asked)
        return (
            _page_of(name, [self._trade(name, row, row.trade_id, 1, ts_recv) for row in _read_trades(raw)]),
        )

    def _agg_trades(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        name = self._instrument(asked)
        rows = _read_agg_trades(raw)
        return (
            _page_of(
                name, [self._trade(name, r, r.trade_id, executions(r.first, r.last), ts_recv) for r in rows]
            ),
        )

    def _trade(
        self, name: InstrumentId, row: TradeRow | AggTradeRow, trade_id: int, count: int, ts_recv: int
    ) -> Trade:
        return Trade(
            instrument=name,
            price=row.price,
            quantity=row.quantity,
            side="sell" if row.buyer_is_maker else "buy",
            trade_id=trade_id,
            ts_event=instant(row.time, self._unit_ns),
            ts_recv=ts_recv,
            count=count,
        )

    def _klines(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        name, interval = self._instrument(asked), asked.value("interval")
        rows = _read_klines(raw)
        _ascending("open time", [row.open_time for row in rows])
        last = len(rows) - 1
        return (
            CandlePage(
                name,
                [
                    self._candle(name, interval, row, later_exists=at < last, ts_recv=ts_recv)
                    for at, row in enumerate(rows)
                ],
            ),
        )

    def _candle(
        self, name: InstrumentId, interval: str, row: KlineRow, *, later_exists: bool, ts_recv: int
    ) -> VenueCandle:
        """A candle is closed when a later one has opened, or when it ended a good while ago."""
        ended = instant(row.close_time, self._unit_ns) + CLOSED_MARGIN_NS
        return VenueCandle(
            instrument=name,
            interval=interval,
            open_time=instant(row.open_time, self._unit_ns),
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            trades=row.trades,
            closed=later_exists or ended < ts_recv,
            first_id=None,
            last_id=None,
            ts_event=None,
            ts_recv=ts_recv,
        )

    def _time(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        return (ServerTime(instant(_read_time(raw).server_time, self._unit_ns)),)

    def _catalogue(self, asked: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        body = _read_catalogue(raw)
        instruments: list[Instrument] = []
        unread: list[RestEvent] = []
        for item in body.symbols:
            try:
                instruments.append(_instrument_of(_read_symbol(item)))
            except MALFORMED:
                unread.append(UnknownMessage("exchangeInfo symbol", excerpt_of(bytes(item))))
        return (Catalogue(tuple(instruments), _weight_per_minute(body.rate_limits)), *unread)


def _asked(path: str) -> Asked:
    try:
        parts = urlsplit(path)
    except ValueError as error:
        raise ValidationError(f"expected a path such as /api/v3/depth, found {error}") from error
    return Asked(parts.path.rpartition("/")[2], parse_qs(parts.query))


def _raise_if_error(raw: bytes) -> None:
    """Raises VenueAnswer for `{"code":-1121,"msg":"Invalid symbol."}`."""
    if raw.lstrip()[:1] != b"{":
        return
    body = _read_maybe_error(raw)
    if body.code is not UNSET and body.msg is not UNSET:
        error = _read_error(raw)
        raise VenueAnswer(spec.SPEC.name, 0, error.msg, venue_code=error.code)


def _levels_asked(asked: Asked) -> int:
    """The `limit` of a depth call as the venue understood it."""
    text = asked.query.get("limit", [str(spec.DEFAULT_DEPTH)])[0]
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValidationError(f"expected a number in limit=, found {text[:80]!r}")
    return min(int(text), spec.MAX_DEPTH)


def _page_of(name: InstrumentId, trades: list[Trade]) -> TradePage:
    _ascending("id", [trade.trade_id for trade in trades])
    return TradePage(name, trades)


def _ascending(what: str, values: Sequence[int]) -> None:
    for here, there in pairwise(values):
        if here >= there:
            raise ValidationError(f"expected rows ascending by {what}, found {there} after {here}")


def _instrument_of(body: SymbolBody) -> Instrument:
    return Instrument(
        id=instrument_id(f"{body.base_asset}-{body.quote_asset}", spec.SPEC.name),
        venue=spec.SPEC.name,
        base=body.base_asset,
        quote=body.quote_asset,
        venue_symbol=body.symbol,
        tick_size=_step(body, "PRICE_FILTER", "tick_size"),
        lot_size=_step(body, "LOT_SIZE", "step_size"),
        tradable=body.status == "TRADING",
        verified=True,
    )


def _step(body: SymbolBody, filter_type: str, step: Literal["tick_size", "step_size"]) -> float | None:
    """A step of a filter; 0 means that the filter is off, which is the same as no filter."""
    for each in body.filters:
        if each.filter_type == filter_type:
            return (each.tick_size if step == "tick_size" else each.step_size) or None
    return None


def _weight_per_minute(limits: Sequence[RateLimit]) -> int | None:
    for each in limits:
        if each.rate_limit_type == "REQUEST_WEIGHT" and each.interval == "MINUTE":
            return each.limit // each.interval_num
    return None
