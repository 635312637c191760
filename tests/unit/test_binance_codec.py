"""Every sample of the protocol sheet, frame in and fact out, and what is refused and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bethna.core.errors import WireError
from bethna.core.market import (
    BookDelta,
    BookSnapshot,
    InstrumentId,
    Quote,
    Ticker,
    Trade,
    VenueCandle,
)
from bethna.core.wire import Ack, Refusal, ShutdownNotice, UnknownMessage, WireEvent
from bethna.venues.binance import BinanceCodec

NOW = 1_700_000_000_000_000_001
E = 1672515782136
E_NS = E * 1_000_000
MS_LIMIT = 9_223_372_036_855  # the first millisecond that 64 bits of nanoseconds cannot hold
BNBBTC = InstrumentId("BNB-BTC@binance")

TRADE = {
    "e": "trade",
    "E": E,
    "s": "BNBBTC",
    "t": 12345,
    "p": "0.001",
    "q": "100",
    "T": E,
    "m": True,
    "M": True,
}
AGG_TRADE = {
    "e": "aggTrade",
    "E": E,
    "s": "BNBBTC",
    "a": 12345,
    "p": "0.001",
    "q": "100",
    "f": 100,
    "l": 105,
    "T": E,
    "m": True,
    "M": True,
}
BOOK_TICKER = {
    "u": 400900217,
    "s": "BNBUSDT",
    "b": "25.35190000",
    "B": "31.21000000",
    "a": "25.36520000",
    "A": "40.66000000",
}
TICKER = {
    "e": "24hrTicker",
    "E": E,
    "s": "BNBBTC",
    "p": "0.0015",
    "P": "250.00",
    "w": "0.0018",
    "x": "0.0009",
    "c": "0.0025",
    "Q": "10",
    "b": "0.0024",
    "B": "10",
    "a": "0.0026",
    "A": "100",
    "o": "0.0010",
    "h": "0.0025",
    "l": "0.0010",
    "v": "10000",
    "q": "18",
    "O": 0,
    "C": 86400000,
    "F": 0,
    "L": 18150,
    "n": 18151,
}
MINI_TICKER = {
    "e": "24hrMiniTicker",
    "E": E,
    "s": "BNBBTC",
    "c": "0.0025",
    "o": "0.0010",
    "h": "0.0025",
    "l": "0.0010",
    "v": "10000",
    "q": "18",
}
KLINE_BODY = {
    "t": 1672515780000,
    "T": 1672515839999,
    "s": "BNBBTC",
    "i": "1m",
    "f": 100,
    "L": 200,
    "o": "0.0010",
    "c": "0.0020",
    "h": "0.0025",
    "l": "0.0015",
    "v": "1000",
    "n": 100,
    "x": False,
    "q": "1.0000",
    "V": "500",
    "Q": "0.500",
    "B": "123456",
}
KLINE = {"e": "kline", "E": E, "s": "BNBBTC", "k": KLINE_BODY}
PARTIAL = {"lastUpdateId": 160, "bids": [["0.0024", "10"]], "asks": [["0.0026", "100"]]}
DEPTH = {
    "e": "depthUpdate",
    "E": E,
    "s": "BNBBTC",
    "U": 157,
    "u": 160,
    "b": [["0.0024", "10"]],
    "a": [["0.0026", "100"]],
}

FACTS: list[tuple[str, dict[str, Any], WireEvent]] = [
    ("bnbbtc@trade", TRADE, Trade(BNBBTC, 0.001, 100.0, "sell", 12345, E_NS, NOW)),
    ("bnbbtc@trade", TRADE | {"m": False}, Trade(BNBBTC, 0.001, 100.0, "buy", 12345, E_NS, NOW)),
    ("bnbbtc@trade", TRADE | {"b": 88, "a": 50}, Trade(BNBBTC, 0.001, 100.0, "sell", 12345, E_NS, NOW)),
    ("bnbbtc@aggTrade", AGG_TRADE, Trade(BNBBTC, 0.001, 100.0, "sell", 12345, E_NS, NOW, 6)),
    (
        "bnbbtc@aggTrade",
        AGG_TRADE | {"f": -1, "l": -1},
        Trade(BNBBTC, 0.001, 100.0, "sell", 12345, E_NS, NOW, 1),
    ),
    (
        "bnbusdt@bookTicker",
        BOOK_TICKER,
        Quote(InstrumentId("BNB-USDT@binance"), 25.3519, 31.21, 25.3652, 40.66, 400900217, None, NOW),
    ),
    (
        "bnbbtc@depth@100ms",
        DEPTH,
        BookDelta(BNBBTC, 157, 160, [(0.0024, 10.0)], [(0.0026, 100.0)], E_NS, NOW),
    ),
    ("bnbbtc@depth", DEPTH | {"b": [], "a": []}, BookDelta(BNBBTC, 157, 160, [], [], E_NS, NOW)),
    (
        "bnbbtc@kline_1m",
        KLINE,
        VenueCandle(
            BNBBTC,
            "1m",
            1672515780000 * 1_000_000,
            0.001,
            0.0025,
            0.0015,
            0.002,
            1000.0,
            100,
            False,
            100,
            200,
            E_NS,
            NOW,
        ),
    ),
    (
        "bnbbtc@ticker",
        TICKER,
        Ticker(
            BNBBTC,
            0.0025,
            0.001,
            0.0025,
            0.001,
            10000.0,
            18.0,
            250.0,
            0.0024,
            0.0026,
            18151,
            E_NS,
            NOW,
            18150,
        ),
    ),
    (
        "bnbbtc@ticker",
        TICKER | {"b": "0.00000000", "B": "0.00000000"},
        Ticker(
            BNBBTC, 0.0025, 0.001, 0.0025, 0.001, 10000.0, 18.0, 250.0, None, 0.0026, 18151, E_NS, NOW, 18150
        ),
    ),
    (
        "bnbbtc@miniTicker",
        MINI_TICKER,
        Ticker(BNBBTC, 0.0025, 0.001, 0.0025, 0.001, 10000.0, 18.0, None, None, None, None, E_NS, NOW),
    ),
    ("!serverShutdown", {"e": "serverShutdown", "E": E}, ShutdownNotice(E_NS)),
]


def wire(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def combined(stream: str, payload: object) -> bytes:
    return wire({"stream": stream, "data": payload})


@pytest.fixture
def codec() -> BinanceCodec:
    return BinanceCodec()


def unknown(events: Sequence[WireEvent]) -> str:
    (event,) = events
    assert isinstance(event, UnknownMessage)
    return event.kind


@pytest.mark.parametrize(("stream", "payload", "fact"), FACTS)
def test_a_sample_of_the_sheet(
    codec: BinanceCodec, stream: str, payload: dict[str, Any], fact: WireEvent
) -> None:
    for _ in range(2):  # the second time by the short way
        assert list(codec.decode(combined(stream, payload), NOW)) == [fact]
    assert list(codec.decode(wire(payload), NOW)) == [fact]
    assert list(codec.decode(combined("!all@arr", [payload, payload]), NOW)) == [fact, fact]
    assert list(codec.decode(wire([payload]), NOW)) == [fact]


def test_a_book_ticker_that_says_its_kind(codec: BinanceCodec) -> None:
    plain = codec.decode(wire(BOOK_TICKER), NOW)
    assert codec.decode(wire(BOOK_TICKER | {"e": "bookTicker"}), NOW) == plain


def test_a_candle_without_trades_has_no_trade_ids(codec: BinanceCodec) -> None:
    body = {**KLINE_BODY, "f": -1, "L": -1, "n": 0, "v": "0", "x": True}
    (candle,) = codec.decode(wire({**KLINE, "k": body}), NOW)
    assert isinstance(candle, VenueCandle)
    assert (candle.first_id, candle.last_id, candle.trades, candle.volume, candle.closed) == (
        None,
        None,
        0,
        0.0,
        True,
    )


@pytest.mark.parametrize("name", ["bnbbtc@depth20", "bnbbtc@depth20@100ms"])
def test_partial_depth_belongs_to_its_stream(codec: BinanceCodec, name: str) -> None:
    top = BookSnapshot(BNBBTC, 160, [(0.0024, 10.0)], [(0.0026, 100.0)], NOW, 20, True)
    assert list(codec.decode(combined(name, PARTIAL), NOW)) == [top]


@pytest.mark.parametrize(
    "frame", [wire(PARTIAL), combined("bnbbtc@depth", PARTIAL), combined("bnbbtc@depth0", PARTIAL)]
)
def test_partial_depth_of_nobody_is_unknown(codec: BinanceCodec, frame: bytes) -> None:
    assert unknown(codec.decode(frame, NOW)) == "partialDepth"


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ({"result": None, "id": 1}, Ack(1)),
        ({"result": True, "id": 2}, Ack(2)),
        ({"result": ["btcusdt@aggTrade"], "id": 3}, Ack(3, ("btcusdt@aggTrade",))),
        ({"result": None, "id": "x-1"}, Ack("x-1")),
        ({"result": None, "id": None}, Ack(None)),
        ({"result": None}, Ack(None)),
        ({"code": 2, "msg": "Invalid request", "id": 4}, Refusal(4, 2, "Invalid request")),
        ({"error": {"code": 2, "msg": "Invalid request"}, "id": 2}, Refusal(2, 2, "Invalid request")),
    ],
)
def test_an_answer_of_the_socket(codec: BinanceCodec, frame: dict[str, Any], event: WireEvent) -> None:
    assert list(codec.decode(wire(frame), NOW)) == [event]


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (
            wire({"e": "avgPrice", "E": E, "s": "BTCUSDT", "i": "5m", "w": "25776.86000000", "T": E}),
            "avgPrice",
        ),
        (combined("btcusdt@avgPrice", {"e": "avgPrice", "E": E, "s": "BTCUSDT"}), "avgPrice"),
        (combined("btcusdt@something", {"x": 1}), "btcusdt@something"),
        (wire({"x": 1}), ""),
        (wire({"stream": "btcusdt@trade"}), ""),
        (wire({"data": TRADE}), ""),
        (wire({"code": 5}), ""),
        (wire({"msg": "well"}), ""),
        (wire({"result": {"subscriptionId": 0}, "id": 1}), "answer"),
        (wire({"e": "x" * 500}), "x" * 80),
    ],
)
def test_what_is_not_known_is_said_and_is_no_error(codec: BinanceCodec, frame: bytes, kind: str) -> None:
    assert unknown(codec.decode(frame, NOW)) == kind


@pytest.mark.parametrize(("price", "quantity"), [("b", "B"), ("a", "A")])
def test_an_empty_side_is_no_quote(codec: BinanceCodec, price: str, quantity: str) -> None:
    codec.decode(combined("bnbusdt@bookTicker", BOOK_TICKER), NOW)
    frame = combined("bnbusdt@bookTicker", BOOK_TICKER | {price: "0.00000000", quantity: "0.00000000"})
    assert unknown(codec.decode(frame, NOW)) == "bookTicker with an empty side"
    with pytest.raises(WireError, match="> 0"):
        codec.decode(combined("bnbusdt@bookTicker", BOOK_TICKER | {price: "0.00000000"}), NOW)


@pytest.mark.parametrize("payload", [TICKER, MINI_TICKER])
@pytest.mark.parametrize("keys", ["cohl", "c", "o", "h", "l"])
def test_a_symbol_that_never_traded_has_no_ticker(
    codec: BinanceCodec, payload: dict[str, Any], keys: str
) -> None:
    zeros = payload | dict.fromkeys(keys, "0.00000000")
    assert unknown(codec.decode(wire(zeros), NOW)) == f"{payload['e']} of a symbol without trades"


BAD_VALUES: dict[str, tuple[object, ...]] = {
    "p": ("0", "-1", "nan", "inf", "Infinity", "", "1,5", True, None, [], "1e999"),
    "q": ("-0.1", "nan", "inf", False, None),
    "t": (-1, 2**63, 1.5, True, None, "x"),
    "T": (-1, 2**63, MS_LIMIT, None),
    "m": ("maybe", None, 3),
    "s": ("BNB", "", 5, None, "BNB-BTC", "B" * 60 + "BTC"),
}
BAD_FIELDS: list[tuple[dict[str, Any], str, object]] = [
    *((TRADE, field, bad) for field, values in BAD_VALUES.items() for bad in values),
    (TRADE, "e", 5),
    (AGG_TRADE, "l", 99),
    (AGG_TRADE, "T", MS_LIMIT),
    (BOOK_TICKER, "b", "-1"),
    (BOOK_TICKER, "A", "nan"),
    (BOOK_TICKER, "u", "x"),
    (DEPTH, "U", 161),
    (DEPTH, "E", MS_LIMIT),
    (DEPTH, "b", [["0", "1"]]),
    (DEPTH, "b", [["1", "-1"]]),
    (DEPTH, "a", [["nan", "1"]]),
    (DEPTH, "a", [["1", "inf"]]),
    (DEPTH, "a", [["1"]]),
    (DEPTH, "a", {"1": "1"}),
    (KLINE, "k", {}),
    (KLINE, "E", MS_LIMIT),
    (TICKER, "P", "nan"),
    (TICKER, "E", MS_LIMIT),
    ({"e": "serverShutdown", "E": E}, "E", MS_LIMIT),
]


@pytest.mark.parametrize(("payload", "field", "bad"), BAD_FIELDS)
def test_a_value_that_cannot_be_true_is_refused(
    codec: BinanceCodec, payload: dict[str, Any], field: str, bad: object
) -> None:
    stream = f"{str(payload.get('s', '')).lower()}@{payload.get('e', 'bookTicker')}"
    codec.decode(combined(stream, payload), NOW)
    for frame in (combined(stream, payload | {field: bad}), wire(payload | {field: bad})):
        with pytest.raises(WireError) as caught:
            codec.decode(frame, NOW)
        assert caught.value.venue == "binance"
        assert frame.decode().startswith(caught.value.excerpt)


@pytest.mark.parametrize(("payload", "field"), [(TRADE, "T"), (AGG_TRADE, "T"), (DEPTH, "E"), (KLINE, "E")])
def test_the_last_millisecond_that_64_bits_hold(
    codec: BinanceCodec, payload: dict[str, Any], field: str
) -> None:
    (fact,) = codec.decode(wire(payload | {field: MS_LIMIT - 1}), NOW)
    assert isinstance(fact, Trade | BookDelta | VenueCandle)
    assert fact.ts_event == (MS_LIMIT - 1) * 1_000_000


@pytest.mark.parametrize("field", ["e", "s", "t", "p", "q", "T", "m"])
def test_a_trade_without_a_field_is_no_trade(codec: BinanceCodec, field: str) -> None:
    codec.decode(combined("bnbbtc@trade", TRADE), NOW)
    frame = combined("bnbbtc@trade", {key: value for key, value in TRADE.items() if key != field})
    if field == "e":
        assert unknown(codec.decode(frame, NOW)) == "bnbbtc@trade"
    else:
        with pytest.raises(WireError):
            codec.decode(frame, NOW)


@pytest.mark.parametrize(
    ("side", "levels"), [("bids", [["1", "1"], ["2", "1"]]), ("asks", [["2", "1"], ["2", "3"]])]
)
def test_partial_depth_out_of_order_is_refused(
    codec: BinanceCodec, side: str, levels: list[list[str]]
) -> None:
    with pytest.raises(WireError, match=f"{side} best first"):
        codec.decode(combined("bnbbtc@depth5", PARTIAL | {side: levels}), NOW)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"5",
        b'"text"',
        b"[5]",
        b"[[]]",
        b"{",
        b'{"stream":"btcusdt@trade","data":null}',
        b'{"stream":"btcusdt@trade","data":5}',
        b'{"stream":5,"data":{}}',
        b'{"result":null,"id":1.5}',
        b'{"result":null,"id":9223372036854775808}',
        b'{"error":5,"id":1}',
        b'{"code":"x","msg":"y"}',
        b'{"code":5,"msg":6}',
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown"}}',
        b'{"e":"\xff\xfe"}',
        b"\xef\xbb\xbf{}",
        b'{"e":"\\ud800"}',
        b"[" * 100_000,
        b'{"data":' * 100_000,
        b'{"stream":"a@depth5","data":{"lastUpdateId":1,"bids":[],"asks":[]}}',
        b'{"e":"trade","s":"BTCUSDT","t":' + b"9" * 10_000 + b"}",
    ],
)
def test_bytes_that_are_no_message_are_refused(codec: BinanceCodec, raw: bytes) -> None:
    with pytest.raises(WireError):
        codec.decode(raw, NOW)


@pytest.mark.parametrize(("options", "last"), [({}, 18150), ({"trade_stream": "aggTrade"}, None)])
def test_the_newest_trade_of_a_ticker_counts_only_where_trades_are_counted(
    options: dict[str, Any], last: int | None
) -> None:
    (ticker,) = BinanceCodec(**options).decode(combined("bnbbtc@ticker", TICKER), NOW)
    assert isinstance(ticker, Ticker)
    assert ticker.last_trade_id == last


def test_a_ticker_without_trades_names_no_newest() -> None:
    (ticker,) = BinanceCodec().decode(combined("bnbbtc@ticker", TICKER | {"F": -1, "L": -1, "n": 0}), NOW)
    assert isinstance(ticker, Ticker)
    assert ticker.last_trade_id is None
