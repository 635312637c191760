"""REST bodies of the protocol sheet as facts, and the requests that ask for them."""

from __future__ import annotations

import json

import pytest

from bethna.core.errors import BethnaError, VenueAnswer, WireError
from bethna.core.instrument import Instrument, instrument_id
from bethna.core.market import BookSnapshot, CandlePage, InstrumentId, Trade, TradePage, VenueCandle
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.binance import SPEC, BinanceCodec
from bethna.venues.binance.rest import CLOSED_MARGIN_NS
from bethna.venues.spec import RestRequest

NOW = 1_700_000_000_000_000_001
MS = 1_000_000
BTC = InstrumentId("BTC-USDT@binance")
BTCUSDT = Instrument(BTC, "binance", "BTC", "USDT", "BTCUSDT")

DEPTH = {
    "lastUpdateId": 1027024,
    "bids": [["4.00000000", "431.00000000"]],
    "asks": [["4.00000200", "12.00000000"]],
}
AGG_TRADE = {
    "a": 26129,
    "p": "0.01633102",
    "q": "4.70443515",
    "f": 27781,
    "l": 27782,
    "T": 1498793709153,
    "m": True,
    "M": True,
}
TRADE = {
    "id": 28457,
    "price": "4.00000100",
    "qty": "12.00000000",
    "quoteQty": "48.000012",
    "time": 1499865549590,
    "isBuyerMaker": False,
    "isBestMatch": True,
}
KLINE = [
    1499040000000,
    "0.01634790",
    "0.80000000",
    "0.01575800",
    "0.01577100",
    "148976.11427815",
    1499644799999,
    "2434.19055334",
    308,
    "1756.87402397",
    "28.46694368",
    "0",
]
FILTERS = [
    {
        "filterType": "PRICE_FILTER",
        "minPrice": "0.01000000",
        "maxPrice": "1000000.00",
        "tickSize": "0.01000000",
    },
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.0", "maxQty": "120.0", "stepSize": "0.00000000"},
]
SYMBOL = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "baseAssetPrecision": 8,
    "filters": FILTERS,
    "permissionSets": [["SPOT"]],
}
WEIGHT = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}


def ask(path: str, body: object, now: int = NOW, codec: BinanceCodec | None = None) -> RestEvent:
    (event,) = (codec or BinanceCodec()).decode_http(path, json.dumps(body).encode(), now)
    return event


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v3/depth?symbol=BTCUSDT", 100),
        ("/api/v3/depth?symbol=BTCUSDT&limit=1000", 1000),
        ("https://api.binance.com/api/v3/depth?limit=9999&symbol=BTCUSDT", 5000),
        ("http://127.0.0.1:8080/api/v3/depth?symbol=BTCUSDT&limit=5", 5),
    ],
)
def test_depth(path: str, limit: int) -> None:
    assert ask(path, DEPTH) == BookSnapshot(BTC, 1027024, [(4.0, 431.0)], [(4.000002, 12.0)], NOW, limit)


@pytest.mark.parametrize("endpoint", ["trades", "historicalTrades"])
def test_trades(endpoint: str) -> None:
    second = TRADE | {"id": 28458, "isBuyerMaker": True}
    page = ask(f"/api/v3/{endpoint}?symbol=BTCUSDT&limit=2", [TRADE, second])
    ts = 1499865549590 * MS
    assert page == TradePage(
        BTC,
        [
            Trade(BTC, 4.000001, 12.0, "buy", 28457, ts, NOW),
            Trade(BTC, 4.000001, 12.0, "sell", 28458, ts, NOW),
        ],
    )


def test_agg_trades() -> None:
    page = ask("/api/v3/aggTrades?symbol=BTCUSDT&fromId=26129", [AGG_TRADE])
    trade = Trade(BTC, 0.01633102, 4.70443515, "sell", 26129, 1498793709153 * MS, NOW, 2)
    assert page == TradePage(BTC, [trade])


def test_an_empty_page_is_a_page() -> None:
    assert ask("/api/v3/aggTrades?symbol=BTCUSDT&fromId=9", []) == TradePage(BTC, [])
    assert ask("/api/v3/klines?symbol=BTCUSDT&interval=1w", []) == CandlePage(BTC, [])


@pytest.mark.parametrize("endpoint", ["klines", "uiKlines"])
def test_klines(endpoint: str) -> None:
    page = ask(f"/api/v3/{endpoint}?symbol=BTCUSDT&interval=1w", [KLINE])
    candle = VenueCandle(
        BTC,
        "1w",
        1499040000000 * MS,
        0.0163479,
        0.8,
        0.015758,
        0.015771,
        148976.11427815,
        308,
        True,
        None,
        None,
        None,
        NOW,
    )
    assert page == CandlePage(BTC, [candle])


@pytest.mark.parametrize(
    ("after_its_end_ns", "closed"),
    [(-1, False), (1, False), (CLOSED_MARGIN_NS, False), (CLOSED_MARGIN_NS + 1, True)],
)
def test_the_last_candle_is_closed_only_when_it_ended_a_good_while_ago(
    after_its_end_ns: int, closed: bool
) -> None:
    earlier = [KLINE[0] - 1, *KLINE[1:]]  # type: ignore[operator]  # the row is a list of numbers and texts
    now = 1499644799999 * MS + after_its_end_ns
    page = ask("/api/v3/klines?symbol=BTCUSDT&interval=1w", [earlier, KLINE], now)
    assert isinstance(page, CandlePage)
    assert [candle.closed for candle in page.candles] == [True, closed]


def test_server_time() -> None:
    assert ask("/api/v3/time", {"serverTime": 1499827319559}) == ServerTime(1499827319559 * MS)
    in_us = BinanceCodec(rest_time_unit="us")
    assert ask("/api/v3/time", {"serverTime": 1499827319559001}, codec=in_us) == ServerTime(
        1499827319559001_000
    )


def test_the_catalogue() -> None:
    halted = SYMBOL | {
        "symbol": "OLDBTC",
        "status": "BREAK",
        "baseAsset": "OLD",
        "quoteAsset": "BTC",
        "filters": [],
    }
    off = [{"filterType": "PRICE_FILTER", "tickSize": "0.00000000"}]
    free = SYMBOL | {"symbol": "AUSDT", "baseAsset": "A", "filters": off}
    orders = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100}
    catalogue = ask(
        "/api/v3/exchangeInfo", {"rateLimits": [orders, WEIGHT], "symbols": [SYMBOL, halted, free]}
    )
    assert catalogue == Catalogue(
        (
            Instrument(BTC, "binance", "BTC", "USDT", "BTCUSDT", 0.01, 0.00001, True, True),
            Instrument(
                instrument_id("OLD-BTC", "binance"),
                "binance",
                "OLD",
                "BTC",
                "OLDBTC",
                None,
                None,
                False,
                True,
            ),
            Instrument(
                instrument_id("A-USDT", "binance"), "binance", "A", "USDT", "AUSDT", None, None, True, True
            ),
        ),
        6000,
    )


def test_a_bad_symbol_does_not_take_the_catalogue_along() -> None:
    body = json.dumps({"symbols": [{"symbol": 5}, SYMBOL]}).encode()
    catalogue, bad = BinanceCodec().decode_http("/api/v3/exchangeInfo", body, NOW)
    assert isinstance(catalogue, Catalogue)
    assert [each.id for each in catalogue.instruments] == [BTC]
    assert catalogue.weight_per_minute is None
    assert bad == UnknownMessage("exchangeInfo symbol", '{"symbol": 5}')


def test_the_weight_limit_is_the_one_of_weights_a_minute() -> None:
    limits = [
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300000},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "DAY", "intervalNum": 1, "limit": 9},
        WEIGHT | {"intervalNum": 2, "limit": 8000},
    ]
    catalogue = ask("/api/v3/exchangeInfo", {"rateLimits": limits, "symbols": []})
    assert catalogue == Catalogue((), 4000)


@pytest.mark.parametrize("extra", [{"code": 5}, {"msg": "well"}])
def test_half_an_error_is_none(extra: dict[str, object]) -> None:
    assert ask("/api/v3/time", {"serverTime": 1, **extra}) == ServerTime(MS)


def test_another_endpoint_is_unknown() -> None:
    event = ask("/api/v3/ticker/24hr?symbol=BTCUSDT", {"lastPrice": "1"})
    assert event == UnknownMessage("24hr", '{"lastPrice": "1"}')


@pytest.mark.parametrize("path", ["/api/v3/depth?symbol=XX", "/api/v3/klines", "/nowhere"])
def test_an_error_of_the_venue_is_passed_on(path: str) -> None:
    with pytest.raises(VenueAnswer) as caught:
        ask(path, {"code": -1121, "msg": "Invalid symbol."})
    error = caught.value
    assert (error.venue, error.status, error.venue_code, error.message) == (
        "binance",
        0,
        -1121,
        "Invalid symbol.",
    )


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/api/v3/depth?limit=5", DEPTH, "expected symbol="),
        ("/api/v3/depth?symbol=BTCUSDT&limit=-5", DEPTH, "limit="),
        ("/api/v3/depth?symbol=BTCUSDT&limit=1000000000000", DEPTH, "limit="),
        ("/api/v3/depth?symbol=BTCUSDT&limit=²", DEPTH, "limit="),
        ("/api/v3/depth?symbol=BTCUSDT", DEPTH | {"bids": [["1", "1"], ["2", "1"]]}, "bids best first"),
        ("/api/v3/depth?symbol=NOSUCHTHING", DEPTH, "expected a symbol"),
        ("/api/v3/klines?symbol=BTCUSDT", [KLINE], "expected interval="),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1w", [KLINE, KLINE], "ascending by open time"),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1w", [KLINE[:5]], "at least length"),
        ("/api/v3/aggTrades?symbol=BTCUSDT", [AGG_TRADE, AGG_TRADE], "ascending by id"),
        ("/api/v3/aggTrades?symbol=BTCUSDT", [AGG_TRADE | {"l": 1}], "first trade <= last trade"),
        ("/api/v3/trades?symbol=BTCUSDT", [TRADE | {"price": "0"}], "> 0"),
        ("/api/v3/trades?symbol=BTCUSDT", {}, "`array`"),
        ("/api/v3/time", {"serverTime": 2**62}, "2262"),
        ("/api/v3/time", {"code": "x", "msg": "y"}, "`int`"),
        ("/api/v3/exchangeInfo", {"symbols": 5}, "`array`"),
        ("http://[/api/v3/time", {"serverTime": 1}, "expected a path"),
    ],
)
def test_a_body_that_cannot_be_true_is_refused(path: str, body: object, why: str) -> None:
    with pytest.raises(WireError, match=why):
        ask(path, body)


@pytest.mark.parametrize(
    "raw", [b"", b"<html>forbidden</html>", b"[" * 100_000, b'{"code":' * 100_000, b"\xff"]
)
def test_a_body_that_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        BinanceCodec().decode_http("/api/v3/time", raw, NOW)


@pytest.mark.parametrize(
    ("asked", "limit", "weight"),
    [
        (0, 1, 5),
        (100, 100, 5),
        (101, 101, 25),
        (500, 500, 25),
        (1000, 1000, 50),
        (1001, 1001, 250),
        (9999, 5000, 250),
    ],
)
def test_a_snapshot_costs_by_its_depth(asked: int, limit: int, weight: int) -> None:
    request = BinanceCodec().snapshot_request(BTCUSDT, asked)
    assert request == RestRequest(f"/api/v3/depth?symbol=BTCUSDT&limit={limit}", weight)


def test_the_other_requests() -> None:
    codec = BinanceCodec()
    trades = "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=17&limit=1000"
    assert codec.trades_request(BTCUSDT, 17, 5000) == RestRequest(trades, 25)
    aggregates = "/api/v3/aggTrades?symbol=BTCUSDT&fromId=17&limit=1"
    assert BinanceCodec(trade_stream="aggTrade").trades_request(BTCUSDT, 17, 0) == RestRequest(aggregates, 4)
    candles = "/api/v3/klines?symbol=BTCUSDT&interval=5m&startTime=1000&limit=500"
    assert codec.candles_request(BTCUSDT, "5m", 1000 * MS, 500) == RestRequest(candles, 2)
    assert codec.candles_request(BTCUSDT, "5m", 999 * MS + 1, 500) == RestRequest(candles, 2)
    assert codec.time_request() == RestRequest("/api/v3/time", 1)
    assert codec.catalogue_request() == RestRequest("/api/v3/exchangeInfo", 20)


def test_a_symbol_beyond_ascii_survives_the_round_trip() -> None:
    odd = Instrument(instrument_id("币安-USDT", "binance"), "binance", "币安", "USDT", "币安USDT")
    codec = BinanceCodec()
    request = codec.snapshot_request(odd, 5)
    assert request.path == "/api/v3/depth?symbol=%E5%B8%81%E5%AE%89USDT&limit=5"
    snapshot = ask(request.path, DEPTH)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.instrument == odd.id
    assert codec.socket_path(codec.streams(odd)[:1]) == "/stream?streams=%E5%B8%81%E5%AE%89usdt@trade"


def test_streams_and_sockets() -> None:
    codec = BinanceCodec()
    names = codec.streams(BTCUSDT)
    assert names == ("btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@ticker")
    assert BinanceCodec(trade_stream="aggTrade").streams(BTCUSDT)[0] == "btcusdt@aggTrade"
    assert {codec.stream_instrument(name) for name in names} == {BTC}
    assert [codec.stream_instrument(name) for name in ("!miniTicker@arr", "btcusdt", "what@trade")] == [
        None
    ] * 3
    assert codec.socket_path(names[:2]) == "/stream?streams=btcusdt@trade/btcusdt@depth@100ms"
    assert codec.socket_path([]) == "/stream"
    assert BinanceCodec("us").socket_path(["a@trade"]) == "/stream?streams=a@trade&timeUnit=MICROSECOND"
    assert BinanceCodec("us").socket_path([]) == "/stream?timeUnit=MICROSECOND"


def test_control_messages() -> None:
    codec = BinanceCodec()
    assert json.loads(codec.encode_subscribe(["btcusdt@aggTrade", "btcusdt@depth"], 1)) == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@aggTrade", "btcusdt@depth"],
        "id": 1,
    }
    assert json.loads(codec.encode_unsubscribe(["btcusdt@depth"], 312)) == {
        "method": "UNSUBSCRIBE",
        "params": ["btcusdt@depth"],
        "id": 312,
    }


@pytest.mark.parametrize(
    "text", ["", "BTC", "BTC-USDT", "USDT", "<script>USDT", "A" * 29 + "USDT", "BTC USDT"]
)
def test_a_text_that_is_no_symbol(text: str) -> None:
    with pytest.raises(WireError) as caught:
        BinanceCodec().instrument(text)
    assert isinstance(caught.value, BethnaError)
    assert caught.value.excerpt == text


def test_a_guess_says_that_it_is_one() -> None:
    guess = BinanceCodec().instrument("BTCFDUSD")
    assert (guess.symbol, guess.venue_symbol, guess.verified) == ("BTC-FDUSD", "BTCFDUSD", False)


def test_we_stay_below_the_venues_limits() -> None:
    assert SPEC.messages_per_s < 5
    assert SPEC.connects_per_window < 300
    assert SPEC.connect_window_s == 300
    assert SPEC.max_streams == 1024
    assert SPEC.url_streams <= SPEC.max_streams
    assert SPEC.max_life_s - SPEC.rotate_before_s < 24 * 3600
    assert [host.data_only for host in SPEC.hosts] == [False, True]
    assert SPEC.blocked_statuses == (451,)
    assert SPEC.weight_header == "X-MBX-USED-WEIGHT-1M".lower()
