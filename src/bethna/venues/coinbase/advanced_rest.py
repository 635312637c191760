"""Coinbase Advanced Trade's public REST market data: what to ask for and what the answers say; it sends nothing.

Rows come newest first and are given ascending. Books have no number, so they cannot join those of a socket. There is no
way to ask for trades by id: the newest are all that can be had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from msgspec import UNSET, Raw, Struct, UnsetType, ValidationError, field
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.errors import ConfigError, VenueAnswer, WireError, excerpt_of
from bethna.core.instrument import Instrument
from bethna.core.market import UNNUMBERED, BookSnapshot, CandlePage, InstrumentId, Trade, TradePage
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.coinbase import spec
from bethna.venues.coinbase.advanced_frames import TradeRow
from bethna.venues.coinbase.shapes import (
    MALFORMED,
    TAKER,
    Amount,
    Asked,
    Bar,
    Id,
    Price,
    Seconds,
    asked,
    best_first,
    candles_of,
    trade_time,
)
from bethna.venues.coinbase.symbols import Symbols, is_product, listed
from bethna.venues.coinbase.times import MAX_INT, instant
from bethna.venues.spec import RestRequest

_BY_WORD: Final = {word: (ours, length) for ours, (word, length) in spec.ADVANCED_INTERVALS.items()}
_ROOT = "/api/v3/brokerage"
MOST_TRADES: Final = spec.ADVANCED_MAX_TRADES
SPAN_NS: Final = 3600 * NS_PER_S
"""How far before its end a span begins when nobody knows when the trade before the gap was."""


class BookRow(Struct, gc=False):
    """{"price":"83277.25","size":"0.00715626"}."""

    price: Price
    size: Amount


class PriceBook(Struct, gc=False):
    """{"product_id":"BTC-USD","bids":[...],"asks":[...],"time":"2026-09-30T02:39:53.718078Z"}."""

    product_id: str
    bids: list[BookRow]
    asks: list[BookRow]
    time: str | None = None


class BookBody(Struct, gc=False):
    """{"pricebook":{...},"last":"83277.26","mid_market":"83277.255"}."""

    pricebook: PriceBook


class TradesBody(Struct, gc=False):
    """{"trades":[...],"best_bid":"83277.25","best_ask":"83277.26"}; rows as on the socket."""

    trades: list[TradeRow]


class CandleRow(Struct, gc=False):
    """{"start":"1712192400","low":"66055.14","high":"66331.99","open":"66312.4","close":"66181.6",
    "volume":"355.82896243"}."""

    start: Seconds
    low: Price
    high: Price
    open: Price
    close: Price
    volume: Amount


class CandlesBody(Struct, gc=False):
    """{"candles":[...]}."""

    candles: list[CandleRow]


class TimeBody(Struct, gc=False):
    """{"iso":"2026-09-30T02:39:53Z","epochSeconds":"1790735993","epochMillis":"1790735993788"}; `iso` is to the
    second."""

    iso: str | None = None
    epoch_millis: Id | None = field(default=None, name="epochMillis")


class ProductBody(Struct, gc=False):
    """One of the catalogue's products; `alias` names the product with whose data it is served, empty for none."""

    product_id: str
    status: str = "online"
    price_increment: Amount | None = None
    quote_increment: Amount | None = None
    base_increment: Amount | None = None
    trading_disabled: bool | None = None
    is_disabled: bool | None = None
    cancel_only: bool | None = None
    post_only: bool | None = None
    alias: str | None = None


class CatalogueBody(Struct, gc=False):
    """{"products":[...],"num_products":N}; read one by one, so that a bad one does not take the others along."""

    products: list[Raw]


class MaybeError(Struct, gc=False):
    """{"error":"NOT_FOUND","error_details":"...","message":"..."}, which may stand in the place of any answer."""

    error: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET


_read_book: Final = Decoder(BookBody, strict=False).decode
_read_trades: Final = Decoder(TradesBody, strict=False).decode
_read_candles: Final = Decoder(CandlesBody, strict=False).decode
_read_time: Final = Decoder(TimeBody, strict=False).decode
_read_catalogue: Final = Decoder(CatalogueBody).decode
_read_product: Final = Decoder(ProductBody, strict=False).decode
_read_maybe_error: Final = Decoder(MaybeError).decode
_read_text: Final = Decoder(str).decode

TIME_REQUEST: Final = RestRequest(f"{_ROOT}/time", 1)
CATALOGUE_REQUEST: Final = RestRequest(f"{_ROOT}/market/products?product_type=SPOT", 1)


def book_request(instrument: Instrument, limit: int) -> RestRequest:
    """The book, `limit` levels a side."""
    limit = min(max(limit, 1), spec.ADVANCED_MAX_DEPTH)
    return RestRequest(f"{_ROOT}/market/product_book?product_id={_product(instrument)}&limit={limit}", 1)


def recent_trades_request(instrument: Instrument, limit: int) -> RestRequest:
    """The newest trades."""
    limit = min(max(limit, 1), MOST_TRADES)
    return RestRequest(f"{_ROOT}/market/products/{_product(instrument)}/ticker?limit={limit}", 1)


def trades_request(instrument: Instrument, since: int | None, until: int | None) -> RestRequest:
    """As many trades as a page holds, the newest, or of a span of time whose ends are ns UTC.

    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/products/get-market-trades: `start`
    and `end` are UNIX timestamps. Which page of a longer span is told, it does not say.
    """
    request = recent_trades_request(instrument, MOST_TRADES)
    if until is None:
        return request
    start = max(0, until - SPAN_NS if since is None else since) // NS_PER_S
    end = -(-until // NS_PER_S)
    return RestRequest(f"{request.path}&start={start}&end={end}", request.weight)


def candles_request(instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
    """Candles that open at `start` (ns UTC) or later; both ends are UNIX seconds, and they span `limit` candles."""
    known = spec.ADVANCED_INTERVALS.get(interval)
    if known is None:
        choices = ", ".join(spec.ADVANCED_INTERVALS)
        raise ConfigError("interval", f"expected one of {choices}, found {interval[:40]!r}")
    word, length = known
    limit = min(max(limit, 1), spec.ADVANCED_MAX_CANDLES)
    first = -(-start // (length * NS_PER_S)) * length
    span = f"start={first}&end={first + (limit - 1) * length}&granularity={word}&limit={limit}"
    return RestRequest(f"{_ROOT}/market/products/{_product(instrument)}/candles?{span}", 1)


def _product(instrument: Instrument) -> str:
    return quote(instrument.venue_symbol, safe="")


class AdvancedRest:
    """Reads answers; `symbols` says whose they are and learns from the catalogue which ids are aliases."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols

    def decode(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of the answer to `path` as facts; scheme and host of `path` do not matter.

        What was asked for by an alias carries the alias, whatever the body says.

        Raises:
            VenueAnswer: the body is an error of the venue (`status` 0: the body does not say).
            WireError: anything else that is not the protocol.
        """
        try:
            found = asked(path)
            _raise_if_error(raw)
            return self._read(found, raw, ts_recv)
        except MALFORMED as error:
            raise WireError(spec.ADVANCED_SPEC.name, str(error), raw) from error

    def _read(self, found: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        match _below_root(found.parts):
            case ["products"]:
                return self._catalogue(raw)
            case ["time"]:
                return (ServerTime(_server_time(raw)),)
            case ["product_book"]:
                return (_book(self._id(found.value("product_id")), found, raw, ts_recv),)
            case ["products", product, "ticker"]:
                return (_trades(self._id(product), raw, ts_recv),)
            case ["products", product, "candles"]:
                return (_candles(self._id(product), found, raw, ts_recv),)
            case parts:
                return (UnknownMessage("/".join(parts)[:80], excerpt_of(raw)),)

    def _id(self, product: str) -> InstrumentId:
        return self._symbols.by_product(product).id

    def _catalogue(self, raw: bytes) -> Sequence[RestEvent]:
        instruments: list[Instrument] = []
        unread: list[RestEvent] = []
        for item in _read_catalogue(raw).products:
            try:
                body = _read_product(item)
                instruments.append(_instrument_of(body))
            except MALFORMED:
                unread.append(UnknownMessage("product", excerpt_of(bytes(item))))
                continue
            alias = body.alias or None
            self._symbols.learn_alias(body.product_id, alias if alias and is_product(alias) else None)
        return (Catalogue(tuple(instruments)), *unread)


def _below_root(parts: list[str]) -> list[str]:
    """Without `api/v3/brokerage`, and without `market`, which only says that no key is needed."""
    if parts[:3] == ["api", "v3", "brokerage"]:
        parts = parts[3:]
    return parts[1:] if parts[:1] == ["market"] else parts


def _server_time(raw: bytes) -> int:
    body = _read_time(raw)
    if body.epoch_millis is not None and body.epoch_millis <= MAX_INT // NS_PER_MS:
        return body.epoch_millis * NS_PER_MS
    ts = instant(body.iso) if body.iso is not None else None
    if ts is None:
        raise ValidationError("expected the venue's time, found none")
    return ts


def _book(name: InstrumentId, found: Asked, raw: bytes, ts_recv: int) -> BookSnapshot:
    """A book without a number (`epoch` 0); one that was asked for without a limit certifies what it shows only."""
    body = _read_book(raw).pricebook
    bids, asks = best_first(
        [(row.price, row.size) for row in body.bids], [(row.price, row.size) for row in body.asks]
    )
    limit = found.number("limit") or min(len(bids), len(asks))
    return BookSnapshot(
        name,
        UNNUMBERED,
        bids,
        asks,
        ts_recv,
        limit,
        ts_event=instant(body.time) if body.time else None,
        proven=0,
    )


def _trades(name: InstrumentId, raw: bytes, ts_recv: int) -> TradePage:
    trades = [
        Trade(name, row.price, row.size, TAKER[row.side], row.trade_id, trade_time(row.time), ts_recv)
        for row in _read_trades(raw).trades
    ]
    trades.sort(key=lambda trade: trade.trade_id)
    if len({trade.trade_id for trade in trades}) < len(trades):
        raise ValidationError("expected each trade once, found one twice")
    return TradePage(name, trades)


def _candles(name: InstrumentId, found: Asked, raw: bytes, ts_recv: int) -> CandlePage:
    word = found.value("granularity")
    interval, length = _BY_WORD.get(word, (word[:40], 0))
    bars = [
        Bar(row.start, row.open, row.high, row.low, row.close, row.volume)
        for row in _read_candles(raw).candles
    ]
    return CandlePage(name, candles_of(name, interval, length, bars, found.number("start"), ts_recv))


def _instrument_of(body: ProductBody) -> Instrument:
    stopped = body.trading_disabled or body.is_disabled or body.cancel_only or body.post_only
    return listed(
        body.product_id,
        body.price_increment or body.quote_increment,
        body.base_increment,
        tradable=body.status in ("online", "") and not stopped,
    )


def _raise_if_error(raw: bytes) -> None:
    """Raises VenueAnswer for `{"error":"NOT_FOUND","message":"..."}`."""
    if raw.lstrip()[:1] != b"{":
        return
    body = _read_maybe_error(raw)
    if body.error is UNSET and body.message is UNSET:
        return
    words = [_read_text(each) for each in (body.error, body.message) if each is not UNSET]
    raise VenueAnswer(spec.ADVANCED_SPEC.name, 0, ": ".join(word for word in words if word))
