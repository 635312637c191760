"""Every type that `bethna decode` prints: all of its fields, nothing else, and documented."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bethna.api.decoded import Row, describe, describe_error
from bethna.core.errors import VenueAnswer, WireError
from bethna.core.instrument import Contract, Instrument
from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    CandlePage,
    Greeks,
    IndexPrice,
    InstrumentId,
    LastTrade,
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
    Refusal,
    RestEvent,
    ServerTime,
    ShutdownNotice,
    UnknownMessage,
    VenueCondition,
    WireEvent,
)

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "decode.md"
BTC = InstrumentId("BTC-USDT@binance")
WHO = {"instrument": "BTC-USDT@binance", "venue": "binance", "symbol": "BTC-USDT"}
TS, RECV = 1_700_000_000_123_456_789, 1_700_000_001_123_456_789
TIMES = {"ts_event": 1_700_000_000_123_456, "ts_recv": 1_700_000_001_123_456}
NO_TIME = {"ts_event": None, "ts_recv": 1_700_000_001_123_456}

TRADE = Trade(BTC, 61837.63, 0.02, "sell", 2**60, TS, RECV)
TRADE_ROW = {"price": 61837.63, "quantity": 0.02, "side": "sell", "trade_id": str(2**60), "count": 1, **TIMES}
CANDLE = VenueCandle(BTC, "1m", TS, 1.0, 4.0, 0.5, 2.0, 10.0, 3, True, None, 7, None, RECV)
CANDLE_ROW = {
    "interval": "1m",
    "open_time": TIMES["ts_event"],
    "open": 1.0,
    "high": 4.0,
    "low": 0.5,
    "close": 2.0,
    "volume": 10.0,
    "trades": 3,
    "closed": True,
    "first_id": None,
    "last_id": "7",
    **NO_TIME,
}
OPTION = Instrument(
    InstrumentId("BTC-25DEC26-76000-C@binance"), "binance", "BTC", "USD", "BTC-25DEC26-76000-C",
    contract=Contract("option", "BTC", True, 1.0, TS, 76000.0, "call"),
)  # fmt: skip
INSTRUMENT = Instrument(BTC, "binance", "BTC", "USDT", "BTCUSDT", 0.01, None, True, True)

EXAMPLES: list[tuple[WireEvent | RestEvent, Row]] = [
    (TRADE, {"type": "trade", **WHO, **TRADE_ROW}),
    (
        Quote(BTC, 1.0, 2.0, 3.0, 4.0, 99, None, RECV),
        {
            "type": "quote",
            **WHO,
            "bid": 1.0,
            "bid_quantity": 2.0,
            "ask": 3.0,
            "ask_quantity": 4.0,
            "update_id": "99",
            **NO_TIME,
        },
    ),
    (
        Quote(BTC, 1.0, 2.0, 3.0, 4.0, None, TS, RECV),
        {
            "type": "quote",
            **WHO,
            "bid": 1.0,
            "bid_quantity": 2.0,
            "ask": 3.0,
            "ask_quantity": 4.0,
            "update_id": None,
            **TIMES,
        },
    ),
    (
        BookDelta(BTC, 5, 6, [(1.0, 0.0)], [], TS, RECV),
        {
            "type": "book_delta",
            **WHO,
            "first_update_id": "5",
            "update_id": "6",
            "bids": [[1.0, 0.0]],
            "asks": [],
            **TIMES,
        },
    ),
    (
        BookSnapshot(BTC, 6, [], [(2.0, 1.5)], RECV, 20, partial=True),
        {
            "type": "book_snapshot",
            **WHO,
            "update_id": "6",
            "bids": [],
            "asks": [[2.0, 1.5]],
            "limit": 20,
            "partial": True,
            "proven": None,
            **NO_TIME,
        },
    ),
    (CANDLE, {"type": "candle", **WHO, **CANDLE_ROW}),
    (
        Ticker(BTC, 1.0, 2.0, 3.0, 0.5, 10.0, 20.0, None, None, None, None, TS, RECV),
        {
            "type": "ticker",
            **WHO,
            "last": 1.0,
            "open": 2.0,
            "high": 3.0,
            "low": 0.5,
            "volume": 10.0,
            "quote_volume": 20.0,
            "change_pct": None,
            "bid": None,
            "ask": None,
            "trades": None,
            "last_trade_id": None,
            **TIMES,
        },
    ),
    (
        BookDelta(BTC, UNNUMBERED, UNNUMBERED, [], [(1.0, 0.0)], TS, RECV, epoch=3),
        {
            "type": "book_delta",
            **WHO,
            "first_update_id": None,
            "update_id": None,
            "bids": [],
            "asks": [[1.0, 0.0]],
            **TIMES,
        },
    ),
    (LastTrade(BTC, 2**60, TS, RECV), {"type": "last_trade", **WHO, "trade_id": str(2**60), **TIMES}),
    (IndexPrice(BTC, 61.5, TS, RECV), {"type": "index", **WHO, "value": 61.5, **TIMES}),
    (
        Valuation(
            BTC, 0.13, 83250.78, TS, RECV, mark_iv=0.3825, greeks=Greeks(0.7, 2e-5, 132.4, -29.4, 121.3)
        ),
        {
            "type": "valuation",
            **WHO,
            "mark_price": 0.13,
            "index_price": 83250.78,
            "underlying_price": None,
            "underlying": None,
            "mark_iv": 0.3825,
            "bid_iv": None,
            "ask_iv": None,
            "greeks": {"delta": 0.7, "gamma": 2e-5, "vega": 132.4, "theta": -29.4, "rho": 121.3},
            "open_interest": None,
            "funding": None,
            "funding_8h": None,
            **TIMES,
        },
    ),
    (Ack(1), {"type": "ack", "request_id": "1", "subscriptions": None, "scope": None}),
    (
        Ack(None, ("a@trade",), "connection"),
        {"type": "ack", "request_id": None, "subscriptions": ["a@trade"], "scope": "connection"},
    ),
    (
        Refusal("x", 2, "no", ("book:BTC/USD",)),
        {"type": "refusal", "request_id": "x", "code": 2, "message": "no", "streams": ["book:BTC/USD"]},
    ),
    (Challenge("{}"), {"type": "challenge", "answer": "{}"}),
    (
        BookDoubt(BTC, "checksum 7, told 8", RECV, 3),
        {"type": "book_doubt", **WHO, "reason": "checksum 7, told 8", "ts_recv": TIMES["ts_recv"]},
    ),
    (
        VenueCondition(trading=False, message="maintenance"),
        {"type": "venue_condition", "trading": False, "message": "maintenance"},
    ),
    (ShutdownNotice(TS), {"type": "shutdown_notice", "ts_event": TIMES["ts_event"]}),
    (UnknownMessage("avgPrice", "{}"), {"type": "unknown", "kind": "avgPrice", "excerpt": "{}"}),
    (TradePage(BTC, [TRADE]), {"type": "trade_page", **WHO, "trades": [TRADE_ROW]}),
    (CandlePage(BTC, [CANDLE]), {"type": "candle_page", **WHO, "candles": [CANDLE_ROW]}),
    (ServerTime(TS), {"type": "server_time", "ts_event": TIMES["ts_event"]}),
    (
        Catalogue((INSTRUMENT, OPTION), 6000),
        {
            "type": "catalogue",
            "weight_per_minute": 6000,
            "instruments": [
                {
                    **WHO,
                    "base": "BTC",
                    "quote": "USDT",
                    "venue_symbol": "BTCUSDT",
                    "tick_size": 0.01,
                    "lot_size": None,
                    "tradable": True,
                    "verified": True,
                    "contract": None,
                },
                {
                    "instrument": "BTC-25DEC26-76000-C@binance",
                    "venue": "binance",
                    "symbol": "BTC-25DEC26-76000-C",
                    "base": "BTC",
                    "quote": "USD",
                    "venue_symbol": "BTC-25DEC26-76000-C",
                    "tick_size": None,
                    "lot_size": None,
                    "tradable": True,
                    "verified": False,
                    "contract": {
                        "kind": "option",
                        "settlement": "BTC",
                        "inverse": True,
                        "size": 1.0,
                        "expiry": TIMES["ts_event"],
                        "strike": 76000.0,
                        "option": "call",
                    },
                },
            ],
        },
    ),
]


@pytest.mark.parametrize(("event", "row"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_every_type(event: WireEvent | RestEvent, row: Row) -> None:
    assert describe(event) == row
    assert list(describe(event)) == list(row), "and in this order"
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_an_error_about_a_frame_carries_its_beginning() -> None:
    error = WireError("binance", "expected an object, found an array", b"[" * 500)
    assert describe_error(error) == {
        "type": "error",
        "code": "bad_frame",
        "message": "expected an object, found an array",
        "excerpt": "[" * 200,
    }


def test_an_error_about_no_frame_has_none() -> None:
    error = VenueAnswer("binance", 0, "Invalid symbol.", venue_code=-1121)
    row = describe_error(error)
    assert row == {"type": "error", "code": "venue_refused", "message": "Invalid symbol.", "excerpt": None}


def test_the_reference_names_every_type_and_every_field() -> None:
    named = set(re.findall(r"[`\"]([a-z0-9_]+)[`\"]", REFERENCE.read_text(encoding="utf-8")))
    said = {key for _, row in EXAMPLES for key in row} | {str(row["type"]) for _, row in EXAMPLES}
    said |= {"error", *describe_error(WireError("binance", ""))}
    assert said <= named
