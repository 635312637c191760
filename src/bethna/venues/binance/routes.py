"""Routes: one closure per instrument and kind of event, from a combined frame straight to its fact.

A route is handed `{...,"data":{...}}` whole and trusts nothing about it: the kind and the symbol inside are
checked, and what does not fit raises one of `frames.MALFORMED`; what fits but states no fact raises NoFact. It does not
look at the name of the stream; the codec does.

Each route is written out because it runs for every frame of the wire: a shared builder would cost a call a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import ge
from typing import Final

from msgspec import ValidationError
from msgspec.json import Decoder

from bethna.core.instrument import Instrument
from bethna.core.market import BookDelta, BookSnapshot, Quote, Side, Ticker, Trade, VenueCandle
from bethna.core.wire import MarketEvent
from bethna.venues.binance.frames import (
    MAX_INT,
    AggTradeFrame,
    BookTickerFrame,
    Combined,
    DepthFrame,
    KlineFrame,
    Levels,
    MiniTickerFrame,
    OneSidedFrame,
    PartialDepthFrame,
    TickerFrame,
    TradeFrame,
)

Route = Callable[[bytes, int], tuple[MarketEvent, ...]]
"""(combined frame, ts_recv) -> its one fact."""

RouteMaker = Callable[[Instrument, str, int], Route]
"""(instrument, its symbol as frames spell it, nanoseconds in one unit of the wire's time) -> route."""

_read_trade: Final = Decoder(Combined[TradeFrame], strict=False).decode
_read_agg_trade: Final = Decoder(Combined[AggTradeFrame], strict=False).decode
_read_book_ticker: Final = Decoder(Combined[BookTickerFrame], strict=False).decode
_read_one_sided: Final = Decoder(Combined[OneSidedFrame], strict=False).decode
_read_depth: Final = Decoder(Combined[DepthFrame], strict=False).decode
_read_partial_depth: Final = Decoder(Combined[PartialDepthFrame], strict=False).decode
_read_kline: Final = Decoder(Combined[KlineFrame], strict=False).decode
_read_mini_ticker: Final = Decoder(Combined[MiniTickerFrame], strict=False).decode
_read_ticker: Final = Decoder(Combined[TickerFrame], strict=False).decode


class NoFact(ValidationError):
    """A frame by the protocol that says that there is nothing to say: a price of 0 for "none"."""


def _unfit(symbol: str, found: str) -> ValidationError:
    """Why a frame that parsed is still not for this route: another symbol, or a time that 64 bits cannot hold."""
    if symbol != found:
        return ValidationError(f"expected symbol {symbol!r}, found {found!r}")
    return ValidationError("expected a time before the year 2262, found a later one")


def trade_route(instrument: Instrument, symbol: str, unit_ns: int) -> Route:
    """Trades; `m` says that the buyer was the maker, so the taker sold."""
    name, latest = instrument.id, MAX_INT // unit_ns

    def route(raw: bytes, ts_recv: int) -> tuple[Trade]:
        m = _read_trade(raw).data
        if m.symbol != symbol or m.time > latest:
            raise _unfit(symbol, m.symbol)
        side: Side = "sell" if m.buyer_is_maker else "buy"
        return (Trade(name, m.price, m.quantity, side, m.trade_id, m.time * unit_ns, ts_recv),)

    return route


def agg_trade_route(instrument: Instrument, symbol: str, unit_ns: int) -> Route:
    """Aggregates of trades, counted by their own ids."""
    name, latest = instrument.id, MAX_INT // unit_ns

    def route(raw: bytes, ts_recv: int) -> tuple[Trade]:
        m = _read_agg_trade(raw).data
        if m.symbol != symbol or m.time > latest:
            raise _unfit(symbol, m.symbol)
        side: Side = "sell" if m.buyer_is_maker else "buy"
        count = executions(m.first, m.last)
        return (Trade(name, m.price, m.quantity, side, m.trade_id, m.time * unit_ns, ts_recv, count),)

    return route


def executions(first: int, last: int) -> int:
    """How many trades an aggregate of `first..last` holds; both are -1 on some historical rows, which count as one."""
    if last < first:
        raise ValidationError(f"expected first trade <= last trade, found {first} > {last}")
    return last - first + 1


def book_ticker_route(instrument: Instrument, symbol: str, _unit_ns: int) -> Route:
    """Best bid and ask. A side without orders makes no quote: that is said by name, not shown as zero."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[Quote]:
        try:
            m = _read_book_ticker(raw).data
        except ValidationError:
            _raise_if_one_sided(raw)
            raise
        if m.symbol != symbol:
            raise _unfit(symbol, m.symbol)
        return (Quote(name, m.bid, m.bid_quantity, m.ask, m.ask_quantity, m.update_id, None, ts_recv),)

    return route


def _raise_if_one_sided(raw: bytes) -> None:
    m = _read_one_sided(raw).data
    if not any(
        quantity for price, quantity in ((m.bid, m.bid_quantity), (m.ask, m.ask_quantity)) if price == 0
    ):
        raise NoFact("bookTicker with an empty side")


def depth_route(instrument: Instrument, symbol: str, unit_ns: int) -> Route:
    """Changed levels with the update ids they cover."""
    name, latest = instrument.id, MAX_INT // unit_ns

    def route(raw: bytes, ts_recv: int) -> tuple[BookDelta]:
        m = _read_depth(raw).data
        if m.symbol != symbol or m.time > latest:
            raise _unfit(symbol, m.symbol)
        if m.first > m.last:
            raise ValidationError(f"expected U <= u, found {m.first} > {m.last}")
        return (BookDelta(name, m.first, m.last, m.bids, m.asks, m.time * unit_ns, ts_recv),)

    return route


def partial_depth_route(instrument: Instrument, levels: int) -> Route:
    """The top `levels` of a book; the frame names nobody, so the codec answers for whose it is."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[BookSnapshot]:
        m = _read_partial_depth(raw).data
        best_first(m.bids, m.asks)
        return (BookSnapshot(name, m.last_update_id, m.bids, m.asks, ts_recv, levels, partial=True),)

    return route


def best_first(bids: Levels, asks: Levels) -> None:
    """Raises ValidationError unless bids fall and asks rise, each price once: books rely on it."""
    for side, rising in (("bids", bids[::-1]), ("asks", asks)):
        prices = [price for price, _ in rising]
        if any(map(ge, prices, prices[1:])):
            raise ValidationError(f"expected {side} best first, found them out of order")


def kline_route(instrument: Instrument, symbol: str, unit_ns: int) -> Route:
    """The venue's own candle, open or closed."""
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[VenueCandle]:
        m = _read_kline(raw).data
        if m.symbol != symbol:
            raise _unfit(symbol, m.symbol)
        k = m.kline
        return (
            VenueCandle(
                instrument=name,
                interval=k.interval,
                open_time=instant(k.open_time, unit_ns),
                open=k.open,
                high=k.high,
                low=k.low,
                close=k.close,
                volume=k.volume,
                trades=k.trades,
                closed=k.closed,
                first_id=None if k.first < 0 else k.first,
                last_id=None if k.last < 0 else k.last,
                ts_event=instant(m.time, unit_ns),
                ts_recv=ts_recv,
            ),
        )

    return route


def mini_ticker_route(instrument: Instrument, symbol: str, unit_ns: int) -> Route:
    """Rolling 24 hours, short form."""
    return _day_route(instrument, symbol, unit_ns, _read_mini_ticker)


def ticker_route(instrument: Instrument, symbol: str, unit_ns: int) -> Route:
    """Rolling 24 hours, for whoever counts trades by their own ids."""
    return _day_route(instrument, symbol, unit_ns, _read_ticker)


def ticker_route_beside_aggregates(instrument: Instrument, symbol: str, unit_ns: int) -> Route:
    """Rolling 24 hours, for whoever counts aggregates: the ticker's trade ids say nothing to them."""
    return _day_route(instrument, symbol, unit_ns, _read_ticker, counts_trades=False)


def _day_route(
    instrument: Instrument,
    symbol: str,
    unit_ns: int,
    read: Callable[[bytes], Combined[MiniTickerFrame] | Combined[TickerFrame]],
    *,
    counts_trades: bool = True,
) -> Route:
    name = instrument.id

    def route(raw: bytes, ts_recv: int) -> tuple[Ticker]:
        m = read(raw).data
        if m.symbol != symbol:
            raise _unfit(symbol, m.symbol)
        if not (m.last and m.open and m.high and m.low):
            raise NoFact(f"{m.event} of a symbol without trades")
        full = m if isinstance(m, TickerFrame) else None
        return (
            Ticker(
                instrument=name,
                last=m.last,
                open=m.open,
                high=m.high,
                low=m.low,
                volume=m.volume,
                quote_volume=m.quote_volume,
                change_pct=full.change_pct if full else None,
                bid=(full.bid or None) if full else None,
                ask=(full.ask or None) if full else None,
                trades=full.trades if full else None,
                ts_event=instant(m.time, unit_ns),
                ts_recv=ts_recv,
                last_trade_id=full.last_trade if full and counts_trades and full.last_trade >= 0 else None,
            ),
        )

    return route


def instant(time: int, unit_ns: int) -> int:
    """A venue time as ns UTC. Raises ValidationError beyond 64 bits."""
    ts = time * unit_ns
    if ts > MAX_INT:
        raise ValidationError(f"expected a time before the year 2262, found {time}")
    return ts


ROUTES: Final[Mapping[str, RouteMaker]] = {
    "trade": trade_route,
    "aggTrade": agg_trade_route,
    "bookTicker": book_ticker_route,
    "depthUpdate": depth_route,
    "kline": kline_route,
    "24hrMiniTicker": mini_ticker_route,
    "24hrTicker": ticker_route,
}
"""Makers by the kind of event. Partial depth is not among them: it names no symbol."""
