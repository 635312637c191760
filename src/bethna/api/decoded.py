"""Facts as `bethna decode` prints them, one JSON object each; it decodes nothing and reads no desk.

Everywhere: instants are integer microseconds UTC, ids are text, what is missing is None (null), quantities and prices
are finite numbers, and `symbol` is our spelling (`BTC-USDT`). docs/reference/decode.md lists every field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from bethna.core.clock import NS_PER_US
from bethna.core.errors import BethnaError, WireError
from bethna.core.instrument import Instrument, split_id
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    CandlePage,
    InstrumentId,
    Level,
    Quote,
    Ticker,
    Trade,
    TradePage,
    VenueCandle,
)
from bethna.core.wire import (
    Ack,
    Catalogue,
    MarketEvent,
    Refusal,
    RestEvent,
    ServerTime,
    ShutdownNotice,
    UnknownMessage,
    WireEvent,
)

Row = dict[str, Any]
"""One JSON object, ready for any encoder."""


def describe(event: WireEvent | RestEvent) -> Row:
    """One fact, answer or notice as a JSON-ready object; `type` says which."""
    match event:
        case Trade() | Quote() | BookDelta() | BookSnapshot() | VenueCandle() | Ticker():
            return _market(event)
        case Ack(request_id, subscriptions):
            listed = None if subscriptions is None else list(subscriptions)
            return {"type": "ack", "request_id": _text(request_id), "subscriptions": listed}
        case Refusal(request_id, code, message):
            return {"type": "refusal", "request_id": _text(request_id), "code": code, "message": message}
        case ShutdownNotice(ts_event):
            return {"type": "shutdown_notice", "ts_event": ts_event // NS_PER_US}
        case UnknownMessage(kind, excerpt):
            return {"type": "unknown", "kind": kind, "excerpt": excerpt}
        case ServerTime(ts_event):
            return {"type": "server_time", "ts_event": ts_event // NS_PER_US}
        case TradePage(instrument, trades):
            return {"type": "trade_page", **_whose(instrument), "trades": [_trade(each) for each in trades]}
        case CandlePage(instrument, candles):
            return {
                "type": "candle_page",
                **_whose(instrument),
                "candles": [_candle(each) for each in candles],
            }
        case Catalogue(instruments, weight_per_minute):
            rows = [_instrument(each) for each in instruments]
            return {"type": "catalogue", "weight_per_minute": weight_per_minute, "instruments": rows}
        case _:  # pragma: no cover  # mypy proves that no case is missing
            assert_never(event)


def describe_error(error: BethnaError) -> Row:
    """What was wrong with a frame; `excerpt` is its beginning, None where the error is not about a frame."""
    excerpt = error.excerpt if isinstance(error, WireError) else None
    return {"type": "error", "code": error.code, "message": error.message, "excerpt": excerpt}


def _market(event: MarketEvent) -> Row:
    match event:
        case Trade():
            return {"type": "trade", **_whose(event.instrument), **_trade(event)}
        case Quote():
            return {"type": "quote", **_whose(event.instrument), **_quote(event)}
        case BookDelta():
            return {"type": "book_delta", **_whose(event.instrument), **_book_delta(event)}
        case BookSnapshot():
            return {"type": "book_snapshot", **_whose(event.instrument), **_book_snapshot(event)}
        case VenueCandle():
            return {"type": "candle", **_whose(event.instrument), **_candle(event)}
        case Ticker():
            return {"type": "ticker", **_whose(event.instrument), **_ticker(event)}
        case _:  # pragma: no cover  # mypy proves that no case is missing
            assert_never(event)


def _whose(instrument: InstrumentId) -> Row:
    symbol, venue = split_id(instrument)
    return {"instrument": instrument, "venue": venue, "symbol": symbol}


def _trade(trade: Trade) -> Row:
    return {
        "price": trade.price,
        "quantity": trade.quantity,
        "side": trade.side,
        "trade_id": str(trade.trade_id),
        "count": trade.count,
        **_times(trade.ts_event, trade.ts_recv),
    }


def _quote(quote: Quote) -> Row:
    return {
        "bid": quote.bid,
        "bid_quantity": quote.bid_quantity,
        "ask": quote.ask,
        "ask_quantity": quote.ask_quantity,
        "update_id": _text(quote.update_id),
        **_times(quote.ts_event, quote.ts_recv),
    }


def _book_delta(delta: BookDelta) -> Row:
    return {
        "first_update_id": str(delta.first_id),
        "update_id": str(delta.last_id),
        "bids": _levels(delta.bids),
        "asks": _levels(delta.asks),
        **_times(delta.ts_event, delta.ts_recv),
    }


def _book_snapshot(snapshot: BookSnapshot) -> Row:
    return {
        "update_id": str(snapshot.last_id),
        "bids": _levels(snapshot.bids),
        "asks": _levels(snapshot.asks),
        "limit": snapshot.limit,
        "partial": snapshot.partial,
        **_times(snapshot.ts_event, snapshot.ts_recv),
    }


def _candle(candle: VenueCandle) -> Row:
    return {
        "interval": candle.interval,
        "open_time": candle.open_time // NS_PER_US,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "trades": candle.trades,
        "closed": candle.closed,
        "first_id": _text(candle.first_id),
        "last_id": _text(candle.last_id),
        **_times(candle.ts_event, candle.ts_recv),
    }


def _ticker(ticker: Ticker) -> Row:
    return {
        "last": ticker.last,
        "open": ticker.open,
        "high": ticker.high,
        "low": ticker.low,
        "volume": ticker.volume,
        "quote_volume": ticker.quote_volume,
        "change_pct": ticker.change_pct,
        "bid": ticker.bid,
        "ask": ticker.ask,
        "trades": ticker.trades,
        "last_trade_id": None if ticker.last_trade_id is None else str(ticker.last_trade_id),
        **_times(ticker.ts_event, ticker.ts_recv),
    }


def _instrument(instrument: Instrument) -> Row:
    return {
        "instrument": instrument.id,
        "venue": instrument.venue,
        "symbol": instrument.symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "venue_symbol": instrument.venue_symbol,
        "tick_size": instrument.tick_size,
        "lot_size": instrument.lot_size,
        "tradable": instrument.tradable,
        "verified": instrument.verified,
    }


def _levels(levels: Sequence[Level]) -> list[list[float]]:
    return [[price, quantity] for price, quantity in levels]


def _times(ts_event: int | None, ts_recv: int) -> Row:
    return {
        "ts_event": None if ts_event is None else ts_event // NS_PER_US,
        "ts_recv": ts_recv // NS_PER_US,
    }


def _text(value: int | str | None) -> str | None:
    """An id as text: a browser cannot hold 64-bit integers."""
    return None if value is None else str(value)
