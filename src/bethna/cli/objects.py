"""Facts as the JSON objects of docs/reference/http.md, each with its `type`; what is not in the facts is not said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import to_builtins

from bethna.api.answers import (
    book_answer,
    candle_row,
    coverage_card,
    gap_row,
    micros,
    price_row,
    trade_row,
)
from bethna.api.best import best_answer
from bethna.api.reference import reference_row
from bethna.cli.cells import Note
from bethna.client.facts import CertifiedTrade
from bethna.core.consolidated import BestPrice
from bethna.core.coverage import Coverage
from bethna.core.instrument import split_id
from bethna.core.intervals import Interval
from bethna.core.market import BookView, Candle, InstrumentId, PriceView, Trade
from bethna.core.reference import IndexView, Reference, ReferenceKind
from bethna.core.status import BookStatus, Dropped, GapFound, GapMarked, Healed, StreamStatus

Object = dict[str, Any]


def price_object(view: PriceView, now_ns: int) -> Object:
    """A row of GET prices."""
    return {"type": "price", **to_builtins(price_row(view, now_ns))}


def trade_object(trade: CertifiedTrade) -> Object:
    """A row of GET trades, with whose it is and how complete the stream is up to it."""
    return {
        "type": "trade",
        **_whose(trade.instrument),
        **to_builtins(trade_row(_uncertified(trade))),
        "coverage": to_builtins(coverage_card(trade.coverage)),
    }


def book_object(book: BookView, now_ns: int) -> Object:
    """GET book."""
    return {"type": "book", **to_builtins(book_answer(book, now_ns))}


def candle_object(candle: Candle) -> Object:
    """A row of GET candles, with whose it is."""
    whose = {**_whose(candle.instrument), "interval": str(candle.interval)}
    return {"type": "candle", **whose, **to_builtins(candle_row(candle))}


def best_object(price: BestPrice, now_ns: int) -> Object:
    """GET best."""
    return {"type": "best", **to_builtins(best_answer(price, now_ns))}


def reference_object(view: Reference, now_ns: int) -> Object:
    """A row of GET indices, or of GET valuations."""
    kind = "index" if isinstance(view, IndexView) else "valuation"
    return {"type": kind, **to_builtins(reference_row(view, now_ns))}


def references_object(kind: ReferenceKind, views: Sequence[Reference], now_ns: int) -> Object:
    """GET indices, or GET valuations."""
    return {"type": kind, kind: [to_builtins(reference_row(view, now_ns)) for view in views]}


def trades_object(instrument: InstrumentId, trades: Sequence[CertifiedTrade], coverage: Coverage) -> Object:
    """GET trades."""
    return {
        "type": "trades",
        **_whose(instrument),
        "trades": [to_builtins(trade_row(_uncertified(each))) for each in trades],
        "coverage": to_builtins(coverage_card(coverage)),
    }


def candles_object(instrument: InstrumentId, interval: Interval, candles: Sequence[Candle]) -> Object:
    """GET candles."""
    rows = [to_builtins(candle_row(each)) for each in candles]
    return {"type": "candles", **_whose(instrument), "interval": str(interval), "candles": rows}


def note_object(event: Note, instrument: InstrumentId) -> Object:
    """What happened between data."""
    named = {"instrument": instrument}
    match event:
        case GapFound(gap=gap, ts=ts):
            return {"type": "gap", **named, "gap": to_builtins(gap_row(gap)), "ts": micros(ts)}
        case Healed(gap=gap, found=found, ts=ts):
            gap_said = to_builtins(gap_row(gap))
            return {"type": "healed", **named, "gap": gap_said, "found": found, "ts": micros(ts)}
        case GapMarked(gap=gap, ts=ts):
            return {"type": "gap_marked", **named, "gap": to_builtins(gap_row(gap)), "ts": micros(ts)}
        case BookStatus(trust=trust, reason=reason, ts=ts):
            return {"type": "status", **named, "trust": str(trust), "reason": reason, "ts": micros(ts)}
        case StreamStatus(state=state, reason=reason, connected=connected, ts=ts):
            said = {"stream": state, "reason": reason, "connected": connected, "ts": micros(ts)}
            return {"type": "status", **named, **said}
        case Dropped(count=count):
            return {"type": "dropped", **named, "count": count}


def _whose(instrument: InstrumentId) -> Object:
    symbol, venue = split_id(instrument)
    return {"instrument": instrument, "venue": venue, "symbol": symbol}


def _uncertified(trade: CertifiedTrade) -> Trade:
    return Trade(
        trade.instrument, trade.price, trade.quantity, trade.side, trade.trade_id,
        trade.ts_event, trade.ts_recv, trade.count,
    )  # fmt: skip
