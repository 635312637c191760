"""Whose frame it is: payloads, streams, the catalogue and guesses; and the unit of their times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bethna.core.errors import WireError
from bethna.core.instrument import Instrument, instrument_id
from bethna.core.market import BookDelta, BookSnapshot, Quote, Ticker, Trade, VenueCandle
from bethna.core.wire import UnknownMessage
from bethna.venues.binance import BinanceCodec
from bethna.venues.binance import codec as codec_module

NOW = 1_700_000_000_000_000_001
E = 1672515782136
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
MINI_TICKER = {"e": "24hrMiniTicker", "E": E, "s": "BNBBTC", "v": "1", "q": "18"} | dict.fromkeys(
    "cohl", "0.0025"
)
TICKER = MINI_TICKER | {"e": "24hrTicker", "P": "1.5", "b": "0.0024", "a": "0.0026", "n": 3, "L": 9}
AGG_TRADE = TRADE | {"e": "aggTrade", "a": 1, "f": 1, "l": 1}
BOOK_TICKER = {"u": 4, "s": "BNBBTC", "b": "25.3", "B": "31.2", "a": "25.4", "A": "40.6"}
DEPTH = {"e": "depthUpdate", "E": E, "s": "BNBBTC", "U": 157, "u": 160, "b": [["0.0024", "10"]], "a": []}
KLINE_BODY = {"t": E, "i": "1m", "f": 1, "L": 2, "v": "1000", "n": 2, "x": False} | dict.fromkeys(
    "ohlc", "0.0025"
)
KLINE = {"e": "kline", "E": E, "s": "BNBBTC", "k": KLINE_BODY}
PARTIAL = {"lastUpdateId": 160, "bids": [["0.0024", "10"]], "asks": [["0.0026", "100"]]}


def wire(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def combined(stream: str, payload: object) -> bytes:
    return wire({"stream": stream, "data": payload})


@pytest.fixture
def codec() -> BinanceCodec:
    return BinanceCodec()


@pytest.mark.parametrize(
    "payload",
    [TRADE, AGG_TRADE, BOOK_TICKER, DEPTH, KLINE, MINI_TICKER, TICKER],
    ids=lambda p: str(p.get("e")),
)
def test_the_payloads_symbol_decides_not_the_stream(codec: BinanceCodec, payload: dict[str, Any]) -> None:
    found = []
    for symbol in ("BNBBTC", "BNBBTC", "ETHBTC", "BNBBTC"):
        (fact,) = codec.decode(combined("bnbbtc@any", payload | {"s": symbol}), NOW)
        assert isinstance(fact, Trade | Quote | BookDelta | VenueCandle | Ticker)
        found.append(fact.instrument)
    assert found == ["BNB-BTC@binance", "BNB-BTC@binance", "ETH-BTC@binance", "BNB-BTC@binance"]


@pytest.mark.parametrize(
    "payload",
    [TRADE, AGG_TRADE, BOOK_TICKER, DEPTH, KLINE, MINI_TICKER, TICKER],
    ids=lambda p: str(p.get("e")),
)
def test_from_the_second_frame_on_the_short_way_is_taken(
    codec: BinanceCodec, monkeypatch: pytest.MonkeyPatch, payload: dict[str, Any]
) -> None:
    first = codec.decode(combined("bnbbtc@any", payload), NOW)
    codec.decode(wire({"data": payload, "stream": "bnbbtc@other"}), NOW)
    assert list(codec._by_head) == [b'{"stream":"bnbbtc@any"']
    monkeypatch.setattr(codec, "_decode_any", lambda *_: pytest.fail("the long way was taken"))
    assert codec.decode(combined("bnbbtc@any", payload), NOW) == first


def test_one_unknown_symbol_does_not_spoil_an_array(codec: BinanceCodec) -> None:
    first, second = codec.decode(
        combined("!miniTicker@arr", [MINI_TICKER | {"s": "XXXYYY"}, MINI_TICKER]), NOW
    )
    assert isinstance(first, UnknownMessage)
    assert first.kind == "symbol"
    assert isinstance(second, Ticker)


def test_what_was_learned_wins_over_the_guess(codec: BinanceCodec) -> None:
    frame = combined("bnbbtc@trade", TRADE)
    codec.decode(frame, NOW)
    learned = Instrument(
        instrument_id("BN-BBTC", "binance"), "binance", "BN", "BBTC", "BNBBTC", verified=True
    )
    foreign = Instrument(instrument_id("X-Y", "elsewhere"), "elsewhere", "X", "Y", "BNBBTC")
    codec.learn([learned, foreign])
    (trade,) = codec.decode(frame, NOW)
    assert isinstance(trade, Trade)
    assert trade.instrument == "BN-BBTC@binance"
    assert codec.instrument("BNBBTC") is learned
    assert codec.stream_instrument("bnbbtc@depth@100ms") == "BN-BBTC@binance"
    (top,) = codec.decode(combined("bnbbtc@depth5", PARTIAL), NOW)
    assert isinstance(top, BookSnapshot)
    assert top.instrument == "BN-BBTC@binance"


def test_microseconds_are_configured_never_guessed() -> None:
    frame = wire(TRADE | {"T": 1672515782136001})
    (trade,) = BinanceCodec("us").decode(frame, NOW)
    assert isinstance(trade, Trade)
    assert trade.ts_event == 1672515782136001_000
    with pytest.raises(WireError, match="2262"):
        BinanceCodec().decode(frame, NOW)


def test_made_up_names_do_not_fill_the_memory(codec: BinanceCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_module, "_MOST_ROUTES", 7)
    for number in range(100):
        symbol = f"A{number}BTC"
        for _ in range(2):
            (trade,) = codec.decode(combined(f"{symbol.lower()}@trade", TRADE | {"s": symbol}), NOW)
            assert isinstance(trade, Trade)
            assert trade.instrument == f"A{number}-BTC@binance"
        assert len(codec._by_head) + len(codec._by_kind) <= 7
