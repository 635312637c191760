"""Facts as `bethna decode` prints them, one JSON object each; it decodes nothing and reads no desk.

Everywhere: instants are integer microseconds UTC, ids are text, what is missing is None (null), quantities and prices
are finite numbers, and `symbol` is our spelling (`BTC-USDT`). docs/reference/decode.md lists every field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from msgspec.structs import asdict

from bethna.core.clock import NS_PER_US
from bethna.core.errors import BethnaError, WireError
from bethna.core.instrument import Contract, Instrument, split_id
from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    CandlePage,
    IndexPrice,
    InstrumentId,
    LastTrade,
    Level,
    Quote,
    Ticker,
    Trade,
    TradePage,
    Valuation,
    VenueCandle,
)
from bethna.core.wire import (
    Ack,
    BookDoubt,
    Catalogue,
    Challenge,
    ControlEvent,
    MarketEvent,
    Refusal,
    RestEvent,
    ServerTime,
    ShutdownNotice,
    UnknownMessage,
    VenueCondition,
    WireEvent,
)

Row = dict[str, Any]
"""One JSON object, ready for any encoder."""


def describe(event: WireEvent | RestEvent) -> Row:
    """One fact, answer or notice as a JSON-ready object; `type` says which."""
    match event:
        case (
            Ack()
            | Refusal()
            | ShutdownNotice()
            | Challenge()
            | BookDoubt()
            | VenueCondition()
            | UnknownMessage()
        ):
            return _control(event)
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
        case _:
            return _market(event)


def describe_error(error: BethnaError) -> Row:
    """What was wrong with a frame; `excerpt` is its beginning, None where the error is not about a frame."""
    excerpt = error.excerpt if isinstance(error, WireError) else None
    return {"type": "error", "code": error.code, "message": error.message, "excerpt": excerpt}


def _control(event: ControlEvent) -> Row:
    match event:
        case Ack(request_id, subscriptions, scope):
            listed = None if subscriptions is None else list(subscriptions)
            return {
                "type": "ack",
                "request_id": _text(request_id),
                "subscriptions": listed,
                "scope": None if listed is None else scope,
            }
        case Refusal(request_id, code, message, streams):
            return {
                "type": "refusal",
                "request_id": _text(request_id),
                "code": code,
                "message": message,
                "streams": list(streams),
            }
        case ShutdownNotice(ts_event):
            return {"type": "shutdown_notice", "ts_event": ts_event // NS_PER_US}
        case Challenge(answer):
            return {"type": "challenge", "answer": answer}
        case BookDoubt(instrument, reason, ts_recv):
            return {
                "type": "book_doubt",
                **_whose(instrument),
                "reason": reason,
                "ts_recv": ts_recv // NS_PER_US,
            }
        case VenueCondition(trading, message):
            return {"type": "venue_condition", "trading": trading, "message": message}
        case UnknownMessage(kind, excerpt):
            return {"type": "unknown", "kind": kind, "excerpt": excerpt}
        case _:  # pragma: no cover  # mypy proves that no case is missing
            assert_never(event)


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
        case LastTrade(instrument, trade_id):
            times = _times(event.ts_event, event.ts_recv)
            return {"type": "last_trade", **_whose(instrument), "trade_id": str(trade_id), **times}
        case IndexPrice(instrument, value):
            times = _times(event.ts_event, event.ts_recv)
            return {"type": "index", **_whose(instrument), "value": value, **times}
        case Valuation():
            return {"type": "valuation", **_whose(event.instrument), **_valuation(event)}
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
        "trade_id": _numbered(trade.trade_id),
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
        "first_update_id": _numbered(delta.first_id),
        "update_id": _numbered(delta.last_id),
        "bids": _levels(delta.bids),
        "asks": _levels(delta.asks),
        **_times(delta.ts_event, delta.ts_recv),
    }


def _book_snapshot(snapshot: BookSnapshot) -> Row:
    return {
        "update_id": _numbered(snapshot.last_id),
        "bids": _levels(snapshot.bids),
        "asks": _levels(snapshot.asks),
        "limit": snapshot.limit,
        "partial": snapshot.partial,
        "proven": snapshot.proven,
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


def _valuation(valuation: Valuation) -> Row:
    greeks = valuation.greeks
    return {
        "mark_price": valuation.mark_price,
        "index_price": valuation.index_price,
        "underlying_price": valuation.underlying_price,
        "underlying": valuation.underlying,
        "mark_iv": valuation.mark_iv,
        "bid_iv": valuation.bid_iv,
        "ask_iv": valuation.ask_iv,
        "greeks": None if greeks is None else asdict(greeks),
        "open_interest": valuation.open_interest,
        "funding": valuation.funding,
        "funding_8h": valuation.funding_8h,
        **_times(valuation.ts_event, valuation.ts_recv),
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
        "contract": None if instrument.contract is None else _contract(instrument.contract),
    }


def _contract(contract: Contract) -> Row:
    expiry = contract.expiry
    return {**asdict(contract), "expiry": None if expiry is None else expiry // NS_PER_US}


def _numbered(update_id: int) -> str | None:
    return None if update_id == UNNUMBERED else str(update_id)


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
