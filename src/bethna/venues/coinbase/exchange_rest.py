"""Coinbase Exchange's REST market data: what to ask for and what the answers say; it sends nothing.

The bodies name no product, so they are read together with the path that was asked. Rows come newest first and are given
ascending. A candle's row is `[time, low, high, open, close, volume]`: low before high, and both before open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import quote

from msgspec import UNSET, Raw, Struct, UnsetType, ValidationError
from msgspec.json import Decoder

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, VenueAnswer, WireError, excerpt_of
from bethna.core.instrument import Instrument
from bethna.core.market import UNNUMBERED, BookSnapshot, CandlePage, InstrumentId, Trade, TradePage
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.coinbase import spec
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
from bethna.venues.coinbase.symbols import Symbols, listed
from bethna.venues.coinbase.times import instant, iso_seconds
from bethna.venues.spec import RestRequest

_BY_SECONDS: Final = {length: word for word, length in spec.EXCHANGE_INTERVALS.items()}


class BookRow(Struct, gc=False, array_like=True):
    """["0.1135","35",1]: price, size, and how many orders."""

    price: Price
    size: Amount


class BookBody(Struct, gc=False):
    """{"bids":[["0.1135","35",1]],"asks":[["0.1137","10113.4",4]],"sequence":406959136,"auction_mode":false}."""

    bids: list[BookRow]
    asks: list[BookRow]
    sequence: Id | None = None
    time: str | None = None


class TradeRow(Struct, gc=False):
    """{"trade_id":1100243487,"side":"sell","size":"0.00005934","price":"83420.99","time":"2026-09-30T02:03:13.822201Z"};
    `side` is the maker's."""

    trade_id: Id
    side: Literal["buy", "sell"]
    size: Amount
    price: Price
    time: str


class CandleRow(Struct, gc=False, array_like=True):
    """[1712192400, 66055.14, 66331.99, 66312.4, 66181.6, 355.82896243]."""

    start: Seconds
    low: Price
    high: Price
    open: Price
    close: Price
    volume: Amount


class TimeBody(Struct, gc=False):
    """{"iso":"2026-09-30T02:03:13.822Z","epoch":1790733793.822}; `epoch` is a float and not as exact."""

    iso: str


class ProductBody(Struct, gc=False):
    """One of the catalogue's products."""

    id: str
    status: str
    quote_increment: Amount | None = None
    base_increment: Amount | None = None
    trading_disabled: bool | None = None
    cancel_only: bool | None = None
    post_only: bool | None = None


class MaybeError(Struct, gc=False):
    """{"message":"NotFound"}, which may stand in the place of any answer."""

    message: Raw | UnsetType = UNSET


_read_book: Final = Decoder(BookBody, strict=False).decode
_read_trades: Final = Decoder(list[TradeRow], strict=False).decode
_read_candles: Final = Decoder(list[CandleRow], strict=False).decode
_read_time: Final = Decoder(TimeBody, strict=False).decode
_read_items: Final = Decoder(list[Raw]).decode
_read_product: Final = Decoder(ProductBody, strict=False).decode
_read_maybe_error: Final = Decoder(MaybeError).decode
_read_text: Final = Decoder(str).decode

TIME_REQUEST: Final = RestRequest("/time", 1)
CATALOGUE_REQUEST: Final = RestRequest("/products", 1)


def book_request(instrument: Instrument) -> RestRequest:
    """The whole book, aggregated by price."""
    return RestRequest(f"/products/{_product(instrument)}/book?level=2", 1)


def trades_request(instrument: Instrument, first_id: int, limit: int) -> RestRequest:
    """Trades `first_id` to `first_id + limit - 1`: `after` is a cursor, and what is after it is older than it."""
    limit = _page(limit)
    return RestRequest(
        f"/products/{_product(instrument)}/trades?limit={limit}&after={max(first_id, 0) + limit}", 1
    )


def recent_trades_request(instrument: Instrument, limit: int) -> RestRequest:
    """The newest trades."""
    return RestRequest(f"/products/{_product(instrument)}/trades?limit={_page(limit)}", 1)


def candles_request(instrument: Instrument, interval: str, start: int, limit: int) -> RestRequest:
    """Candles that open at `start` (ns UTC) or later; both ends must be said, and they span `limit` candles."""
    length = spec.EXCHANGE_INTERVALS.get(interval)
    if length is None:
        choices = ", ".join(spec.EXCHANGE_INTERVALS)
        raise ConfigError("interval", f"expected one of {choices}, found {interval[:40]!r}")
    limit = min(max(limit, 1), spec.EXCHANGE_MAX_CANDLES)
    first = -(-start // (length * NS_PER_S)) * length
    last = first + (limit - 1) * length
    span = f"start={iso_seconds(first * NS_PER_S)}&end={iso_seconds(last * NS_PER_S)}"
    return RestRequest(f"/products/{_product(instrument)}/candles?granularity={length}&{span}", 1)


def _product(instrument: Instrument) -> str:
    return quote(instrument.venue_symbol, safe="")


def _page(limit: int) -> int:
    return min(max(limit, 1), spec.EXCHANGE_MAX_TRADES)


class ExchangeRest:
    """Reads answers; `symbols` says whose they are."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols

    def decode(self, path: str, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        """The body of the answer to `path` as facts; scheme and host of `path` do not matter.

        Raises:
            VenueAnswer: the body is an error of the venue (`status` 0: the body does not say).
            WireError: anything else that is not the protocol.
        """
        try:
            found = asked(path)
            _raise_if_error(raw)
            return self._read(found, raw, ts_recv)
        except MALFORMED as error:
            raise WireError(spec.SPEC.name, str(error), raw) from error

    def _read(self, found: Asked, raw: bytes, ts_recv: int) -> Sequence[RestEvent]:
        match found.parts:
            case ["products"]:
                return _catalogue(raw)
            case ["time"]:
                ts = instant(_read_time(raw).iso)
                if ts is None:
                    raise ValidationError("expected the venue's time, found none")
                return (ServerTime(ts),)
            case ["products", product, "book"] if found.number("level") in (1, 2, None):
                return (self._book(self._id(product), found, raw, ts_recv),)
            case ["products", product, "trades"]:
                return (_trades(self._id(product), raw, ts_recv),)
            case ["products", product, "candles"]:
                return (_candles(self._id(product), found, raw, ts_recv),)
            case parts:
                return (UnknownMessage("/".join(parts)[:80], excerpt_of(raw)),)

    def _id(self, product: str) -> InstrumentId:
        return self._symbols.by_product(product).id

    def _book(self, name: InstrumentId, found: Asked, raw: bytes, ts_recv: int) -> BookSnapshot:
        """A book that cannot join the socket's, which has no numbers (`epoch` 0)."""
        body = _read_book(raw)
        bids, asks = best_first(
            [(row.price, row.size) for row in body.bids], [(row.price, row.size) for row in body.asks]
        )
        whole = found.number("level") == 2
        return BookSnapshot(
            name, UNNUMBERED if body.sequence is None else body.sequence, bids, asks, ts_recv,
            max(len(bids), len(asks)) + 1 if whole else 1,
            ts_event=instant(body.time) if body.time else None, proven=0,
        )  # fmt: skip


def _trades(name: InstrumentId, raw: bytes, ts_recv: int) -> TradePage:
    trades = [
        Trade(name, row.price, row.size, TAKER[row.side], row.trade_id, trade_time(row.time), ts_recv)
        for row in _read_trades(raw)
    ]
    trades.sort(key=lambda trade: trade.trade_id)
    if len({trade.trade_id for trade in trades}) < len(trades):
        raise ValidationError("expected each trade once, found one twice")
    return TradePage(name, trades)


def _candles(name: InstrumentId, found: Asked, raw: bytes, ts_recv: int) -> CandlePage:
    length = found.number("granularity") or 60
    start = instant(found.value("start")) if "start" in found.query else None
    bars = [Bar(row.start, row.open, row.high, row.low, row.close, row.volume) for row in _read_candles(raw)]
    since = None if start is None else -(-start // NS_PER_S)
    word = _BY_SECONDS.get(length, f"{length}s")
    return CandlePage(name, candles_of(name, word, length, bars, since, ts_recv))


def _catalogue(raw: bytes) -> Sequence[RestEvent]:
    instruments: list[Instrument] = []
    unread: list[RestEvent] = []
    for item in _read_items(raw):
        try:
            instruments.append(_instrument_of(_read_product(item)))
        except MALFORMED:
            unread.append(UnknownMessage("product", excerpt_of(bytes(item))))
    return (Catalogue(tuple(instruments)), *unread)


def _instrument_of(body: ProductBody) -> Instrument:
    stopped = body.trading_disabled or body.cancel_only or body.post_only
    return listed(
        body.id, body.quote_increment, body.base_increment, tradable=body.status == "online" and not stopped
    )


def _raise_if_error(raw: bytes) -> None:
    """Raises VenueAnswer for `{"message":"NotFound"}`."""
    if raw.lstrip()[:1] != b"{":
        return
    body = _read_maybe_error(raw)
    if body.message is not UNSET:
        raise VenueAnswer(spec.SPEC.name, 0, _read_text(body.message))
