"""REST bodies of the protocol sheet as facts, and the requests that ask for them, of both wires of Coinbase."""

from __future__ import annotations

import json
from typing import Any

import pytest
from coinbase_sheet import BTC, EXCHANGE_NS, EXCHANGE_TIME, NOW, TIME, TIME_NS, TRADE_NS, row

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError, VenueAnswer, WireError
from bethna.core.instrument import Instrument, instrument_id
from bethna.core.market import UNNUMBERED, BookSnapshot, CandlePage, Trade, TradePage
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.coinbase import AdvancedCodec, ExchangeCodec
from bethna.venues.coinbase.shapes import CLOSED_MARGIN_NS
from bethna.venues.spec import Codec, RestRequest

S = 10**9
ROOT = "/api/v3/brokerage"
BTC_USD = Instrument(BTC, "coinbase", "BTC", "USD", "BTC-USD")
HOUR = 1_712_192_400  # 2024-04-04 01:00:00 UTC
EXCHANGE_TRADES = [
    {"trade_id": number, "side": side, "size": "0.5", "price": "83420.99", "time": EXCHANGE_TIME}
    for number, side in ((12, "sell"), (11, "buy"))
]
EXCHANGE_CANDLES: list[list[float]] = [
    [HOUR + 3600, 66055.14, 66331.99, 66312.4, 66181.6, 355.82896243],
    [HOUR, 65000.5, 66400, 65001, 66312.4, 12],
    [HOUR - 3600, 1, 4, 2, 3, 5],
]
ADVANCED_CANDLES = {
    "candles": [
        {
            "start": str(int(start)),
            "low": str(low),
            "high": str(high),
            "open": str(opened),
            "close": str(close),
            "volume": str(volume),
        }
        for start, low, high, opened, close, volume in EXCHANGE_CANDLES
    ]
}
EXCHANGE_BOOK = {
    "bids": [["0.1135", "35", 1], ["0.1134", "20606.7", 5]],
    "asks": [["0.1137", "10113.4", 4]],
    "sequence": 406959136,
    "auction_mode": False,
    "auction": None,
}
ADVANCED_BOOK = {
    "pricebook": {
        "product_id": "BTC-USD",
        "bids": [{"price": "83277.25", "size": "0.5"}, {"price": "83277", "size": "1"}],
        "asks": [{"price": "83277.26", "size": "0.25"}],
        "time": TIME,
    },
    "last": "83277.26",
}
PRODUCT = {
    "id": "BTC-USD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "quote_increment": "0.01",
    "base_increment": "0.00000001",
    "status": "online",
    "min_market_funds": "1",
    "trading_disabled": False,
    "cancel_only": False,
    "post_only": False,
}
ADVANCED_PRODUCT = {
    "product_id": "BTC-USD",
    "price": "83277.26",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "price_increment": "0.01",
    "base_min_size": "0.00000001",
    "status": "online",
    "trading_disabled": False,
    "cancel_only": False,
    "limit_only": False,
    "post_only": False,
    "alias": "",
    "alias_to": ["BTC-USDC"],
}


def read(codec: Codec, path: str, body: object, now: int = NOW) -> list[RestEvent]:
    return list(codec.decode_http(path, json.dumps(body).encode(), now))


@pytest.fixture
def exchange() -> ExchangeCodec:
    return ExchangeCodec()


@pytest.fixture
def advanced() -> AdvancedCodec:
    return AdvancedCodec()


# --- requests


def test_what_exchange_is_asked(exchange: ExchangeCodec) -> None:
    assert exchange.snapshot_request(BTC_USD, 500) == RestRequest("/products/BTC-USD/book?level=2", 1)
    assert exchange.trades_request(BTC_USD, 5000, 100).path == "/products/BTC-USD/trades?limit=100&after=5100"
    assert (
        exchange.trades_request(BTC_USD, 5000, 9999).path == "/products/BTC-USD/trades?limit=1000&after=6000"
    )
    assert exchange.trades_request(BTC_USD, -3, 0).path == "/products/BTC-USD/trades?limit=1&after=1"
    assert exchange.recent_trades_request(BTC_USD, 5000).path == "/products/BTC-USD/trades?limit=1000"
    assert exchange.time_request() == RestRequest("/time", 1)
    assert exchange.catalogue_request() == RestRequest("/products", 1)


def test_what_advanced_is_asked(advanced: AdvancedCodec) -> None:
    book = f"{ROOT}/market/product_book?product_id=BTC-USD&limit=500"
    assert advanced.snapshot_request(BTC_USD, 500) == RestRequest(book, 1)
    newest = RestRequest(f"{ROOT}/market/products/BTC-USD/ticker?limit=1000", 1)
    assert (
        advanced.trades_request(BTC_USD, 5000, 10, since=1) == newest
    )  # not by id: as far back as can be had
    span = advanced.trades_request(BTC_USD, 5000, 10, since=1_800_000_000, until=9_100_000_000)
    assert span.path == newest.path + "&start=1&end=10"  # whole seconds around it
    late = 1_790_000_000 * NS_PER_S
    assert advanced.trades_request(BTC_USD, 5000, 10, until=late).path.endswith(
        "&start=1789996400&end=1790000000"
    )
    assert advanced.recent_trades_request(BTC_USD, 10).path.endswith("/ticker?limit=10")
    assert advanced.time_request() == RestRequest(f"{ROOT}/time", 1)
    assert advanced.catalogue_request() == RestRequest(f"{ROOT}/market/products?product_type=SPOT", 1)


@pytest.mark.parametrize(
    ("start", "limit", "first", "last"),
    [
        (HOUR * S, 10, HOUR, HOUR + 9 * 60),
        (HOUR * S + 1, 1, HOUR + 60, HOUR + 60),
        (HOUR * S - 1, 2, HOUR, HOUR + 60),
        (HOUR * S, 0, HOUR, HOUR),
    ],
)
def test_candles_are_asked_from_the_first_that_opens_in_time(
    exchange: ExchangeCodec, advanced: AdvancedCodec, start: int, limit: int, first: int, last: int
) -> None:
    minutes = {HOUR: "01:00:00Z", HOUR + 60: "01:01:00Z", HOUR + 9 * 60: "01:09:00Z"}
    assert exchange.candles_request(BTC_USD, "1m", start, limit).path == (
        f"/products/BTC-USD/candles?granularity=60&start=2024-04-04T{minutes[first]}&end=2024-04-04T{minutes[last]}"
    )
    assert advanced.candles_request(BTC_USD, "1m", start, limit).path == (
        f"{ROOT}/market/products/BTC-USD/candles?start={first}&end={last}&granularity=ONE_MINUTE&limit={max(limit, 1)}"
    )


def test_no_more_candles_are_asked_than_a_page_holds(
    exchange: ExchangeCodec, advanced: AdvancedCodec
) -> None:
    end = HOUR + 349 * 60
    assert f"end={end}&" in advanced.candles_request(BTC_USD, "1m", HOUR * S, 5000).path
    assert "end=2024-04-04T05:59:00Z" in exchange.candles_request(BTC_USD, "1m", HOUR * S, 5000).path


LENGTHS = {
    "1m": ("60", "ONE_MINUTE"),
    "5m": ("300", "FIVE_MINUTE"),
    "15m": ("900", "FIFTEEN_MINUTE"),
    "30m": (None, "THIRTY_MINUTE"),
    "1h": ("3600", "ONE_HOUR"),
    "2h": (None, "TWO_HOUR"),
    "4h": (None, "FOUR_HOUR"),
    "6h": ("21600", "SIX_HOUR"),
    "1d": ("86400", "ONE_DAY"),
}


@pytest.mark.parametrize(("interval", "words"), LENGTHS.items())
def test_a_length_of_candles_in_the_venues_words(
    exchange: ExchangeCodec, advanced: AdvancedCodec, interval: str, words: tuple[str | None, str]
) -> None:
    """And the answer to that very path is of our word for it, two candles a length apart."""
    seconds = {"m": 60, "h": 3600, "d": 86400}[interval[-1]] * int(interval[:-1])
    start = 86400 * 20_000
    for codec, word in ((exchange, words[0]), (advanced, words[1])):
        if word is None:
            continue
        path = codec.candles_request(BTC_USD, interval, start * S, 2).path
        assert f"granularity={word}&" in path
        rows = [[start + seconds, 1, 4, 2, 3, 5], [start, 1, 4, 2, 3, 5]]
        names = ("start", "low", "high", "open", "close", "volume")
        body: object = (
            rows if codec is exchange else {"candles": [dict(zip(names, r, strict=True)) for r in rows]}
        )
        ends = (start + 2 * seconds) * S + CLOSED_MARGIN_NS
        for now, closed in ((ends, False), (ends + 1, True)):
            (page,) = read(codec, path, body, now)
            assert isinstance(page, CandlePage)
            assert [(each.interval, each.open_time // S, each.closed) for each in page.candles] == [
                (interval, start, True),
                (interval, start + seconds, closed),
            ]


@pytest.mark.parametrize("codec", [ExchangeCodec(), AdvancedCodec()])
def test_a_length_that_the_venue_does_not_have(codec: Codec) -> None:
    with pytest.raises(ConfigError, match=r"expected one of 1m, 5m, .* found '3m'") as caught:
        codec.candles_request(BTC_USD, "3m", HOUR * S, 10)
    assert caught.value.key == "interval"


# --- answers


def test_books_cannot_join_those_of_a_socket(exchange: ExchangeCodec, advanced: AdvancedCodec) -> None:
    (book,) = read(exchange, "/products/BTC-USD/book?level=2", EXCHANGE_BOOK)
    assert book == BookSnapshot(
        BTC, 406959136, [(0.1135, 35.0), (0.1134, 20606.7)], [(0.1137, 10113.4)], NOW, 3, proven=0
    )
    (book,) = read(advanced, f"{ROOT}/market/product_book?product_id=BTC-USD&limit=2", ADVANCED_BOOK)
    assert book == BookSnapshot(
        BTC,
        UNNUMBERED,
        [(83277.25, 0.5), (83277.0, 1.0)],
        [(83277.26, 0.25)],
        NOW,
        2,
        ts_event=TIME_NS,
        proven=0,
    )


def test_a_book_certifies_no_more_than_was_asked(exchange: ExchangeCodec, advanced: AdvancedCodec) -> None:
    for query in ("", "?level=1"):
        timed = {**EXCHANGE_BOOK, "time": EXCHANGE_TIME, "bids": [["0.1135", "35", 1]]}
        (book,) = read(exchange, f"https://api.exchange.coinbase.com/products/BTC-USD/book{query}", timed)
        assert isinstance(book, BookSnapshot)
        assert (book.limit, book.ts_event) == (1, EXCHANGE_NS)
    (book,) = read(advanced, f"{ROOT}/product_book?product_id=BTC-USD", ADVANCED_BOOK)
    assert isinstance(book, BookSnapshot)
    assert book.limit == 1
    (single,) = read(exchange, "/products/BTC-USD/book?level=3", EXCHANGE_BOOK)
    assert isinstance(single, UnknownMessage)


def test_trades_are_given_ascending_with_the_takers_side(
    exchange: ExchangeCodec, advanced: AdvancedCodec
) -> None:
    (page,) = read(exchange, "/products/BTC-USD/trades?limit=2", EXCHANGE_TRADES)
    assert page == TradePage(
        BTC,
        [
            Trade(BTC, 83420.99, 0.5, "sell", 11, EXCHANGE_NS, NOW),
            Trade(BTC, 83420.99, 0.5, "buy", 12, EXCHANGE_NS, NOW),
        ],
    )
    body = {"trades": [row(12), row(11, "BUY")], "best_bid": "1", "best_ask": "2"}
    (page,) = read(advanced, f"{ROOT}/market/products/BTC-USD/ticker?limit=2", body)
    assert page == TradePage(
        BTC,
        [
            Trade(BTC, 83320.66, 0.0041608, "sell", 11, TRADE_NS, NOW),
            Trade(BTC, 83320.66, 0.0041608, "buy", 12, TRADE_NS, NOW),
        ],
    )


def test_what_was_asked_by_an_alias_carries_the_alias(advanced: AdvancedCodec) -> None:
    (page,) = read(advanced, f"{ROOT}/market/products/BTC-USDC/ticker", {"trades": [row(1)]})
    assert isinstance(page, TradePage)
    assert page.instrument == page.trades[0].instrument == "BTC-USDC@coinbase"


@pytest.mark.parametrize("wire", ["exchange", "advanced"])
def test_candles_low_before_high_and_newest_first(wire: str) -> None:
    codec: Codec
    body: object
    if wire == "exchange":
        codec, body = ExchangeCodec(), EXCHANGE_CANDLES
        path = (
            "/products/BTC-USD/candles?granularity=3600&start=2024-04-04T01:00:00Z&end=2024-04-04T02:00:00Z"
        )
    else:
        codec, body = AdvancedCodec(), ADVANCED_CANDLES
        path = f"{ROOT}/market/products/BTC-USD/candles?start={HOUR}&end={HOUR + 3600}&granularity=ONE_HOUR"
    end = (HOUR + 7200) * S + CLOSED_MARGIN_NS
    for now, closed in ((end, False), (end + 1, True)):
        (page,) = read(codec, path, body, now)
        assert isinstance(page, CandlePage)
        first, second = page.candles  # the one before `start` is left out
        assert (first.interval, first.open_time, first.closed) == ("1h", HOUR * S, True)
        assert (second.open_time, second.closed) == ((HOUR + 3600) * S, closed)
        assert (second.open, second.high, second.low, second.close) == (66312.4, 66331.99, 66055.14, 66181.6)
        assert (second.volume, second.trades, second.first_id, second.ts_event) == (
            355.82896243,
            None,
            None,
            None,
        )


def test_a_page_of_candles_without_a_start_is_whole(exchange: ExchangeCodec) -> None:
    (page,) = read(exchange, "/products/BTC-USD/candles?granularity=7", EXCHANGE_CANDLES)
    assert isinstance(page, CandlePage)
    assert [candle.open_time // S for candle in page.candles] == [HOUR - 3600, HOUR, HOUR + 3600]
    assert page.candles[0].interval == "7s"
    assert read(exchange, "/products/BTC-USD/candles", []) == [CandlePage(BTC, [])]


def test_the_venues_clock(exchange: ExchangeCodec, advanced: AdvancedCodec) -> None:
    assert read(exchange, "/time", {"iso": EXCHANGE_TIME, "epoch": 1.5}) == [ServerTime(EXCHANGE_NS)]
    millis = {"iso": "2026-09-30T02:39:53Z", "epochSeconds": "1", "epochMillis": str(TIME_NS // 10**6)}
    assert read(advanced, f"{ROOT}/time", millis) == [ServerTime(TIME_NS - TIME_NS % 10**6)]
    assert read(advanced, f"{ROOT}/time", {"iso": TIME}) == [ServerTime(TIME_NS)]
    for codec, path in ((exchange, "/time"), (advanced, f"{ROOT}/time")):
        for body in ({}, {"iso": "0001-01-01T00:00:00Z"}, {"iso": "now"}):
            with pytest.raises(WireError):
                read(codec, path, body)


@pytest.mark.parametrize(
    ("codec", "path", "product", "key"),
    [
        (ExchangeCodec(), "/products", PRODUCT, "id"),
        (AdvancedCodec(), f"{ROOT}/market/products?product_type=SPOT", ADVANCED_PRODUCT, "product_id"),
    ],
)
def test_the_catalogue(codec: Codec, path: str, product: dict[str, Any], key: str) -> None:
    products = [
        product,
        {**product, key: "ETH-USD", "status": "delisted"},
        {**product, key: "SOL-USD", "cancel_only": True},
        {**product, key: "XRP-USD", "post_only": True},
        {**product, key: "ADA-USD", "trading_disabled": True},
        {**product, key: "?"},
        {**product, "base_increment": "nan"},
    ]
    body: object = {"products": products, "num_products": 7} if key == "product_id" else products
    catalogue, *unread = read(codec, path, body)
    assert isinstance(catalogue, Catalogue)
    assert catalogue.instruments[0] == Instrument(
        BTC, "coinbase", "BTC", "USD", "BTC-USD", 0.01, 1e-8, True, True
    )
    assert [each.tradable for each in catalogue.instruments] == [True, False, False, False, False]
    assert [type(each) for each in unread] == [UnknownMessage] * 2


def test_a_product_that_does_not_say_how_it_is_is_there(advanced: AdvancedCodec) -> None:
    (catalogue,) = read(advanced, f"{ROOT}/products", {"products": [{"product_id": "BTC-USD"}]})
    assert catalogue == Catalogue((Instrument(BTC, "coinbase", "BTC", "USD", "BTC-USD", verified=True),))


def test_the_catalogue_says_what_is_an_alias(advanced: AdvancedCodec) -> None:
    products = [
        ADVANCED_PRODUCT,
        {**ADVANCED_PRODUCT, "product_id": "BTC-USDC", "alias": "BTC-USD"},
        {**ADVANCED_PRODUCT, "product_id": "SOL-USDC"},
        {**ADVANCED_PRODUCT, "product_id": "ETH-USDC", "alias": "?"},
    ]
    (catalogue,) = read(advanced, f"{ROOT}/market/products", {"products": products})
    assert isinstance(catalogue, Catalogue)
    advanced.learn(catalogue.instruments)
    connection = advanced.connection(1)
    for product in ("BTC", "SOL"):
        advanced.encode_subscribe([f"market_trades:{product}-USDC"], 1)
    rows = [row(1), row(2, product="SOL-USD")]
    body = {"channel": "market_trades", "sequence_num": 0, "events": [{"trades": rows}]}
    facts = connection.decode(json.dumps(body).encode(), NOW)
    assert [getattr(fact, "instrument", None) for fact in facts] == [
        instrument_id("BTC-USDC", "coinbase"),
        instrument_id("SOL-USD", "coinbase"),
    ]


# --- what is no answer


@pytest.mark.parametrize(
    ("codec", "body", "message"),
    [
        (ExchangeCodec(), {"message": "NotFound"}, "NotFound"),
        (AdvancedCodec(), {"error": "NOT_FOUND", "error_details": "", "message": "gone"}, "NOT_FOUND: gone"),
        (AdvancedCodec(), {"message": "Too many requests"}, "Too many requests"),
    ],
)
def test_an_error_of_the_venue(codec: Codec, body: object, message: str) -> None:
    for path in ("/products", f"{ROOT}/time", "/elsewhere"):
        with pytest.raises(VenueAnswer) as caught:
            read(codec, path, body)
        assert (caught.value.venue, caught.value.status, caught.value.message) == ("coinbase", 0, message)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"null", b"5", b'{"message":5}', b"\xff", b"[" * 100_000])
@pytest.mark.parametrize(
    ("codec", "path"),
    [
        (ExchangeCodec(), "/products"),
        (ExchangeCodec(), "/products/BTC-USD/book?level=2"),
        (ExchangeCodec(), "/products/BTC-USD/trades"),
        (ExchangeCodec(), "/products/BTC-USD/candles?granularity=60"),
        (ExchangeCodec(), "/time"),
        (AdvancedCodec(), f"{ROOT}/market/products"),
        (AdvancedCodec(), f"{ROOT}/market/product_book?product_id=BTC-USD"),
        (AdvancedCodec(), f"{ROOT}/market/products/BTC-USD/ticker"),
        (AdvancedCodec(), f"{ROOT}/market/products/BTC-USD/candles?granularity=ONE_DAY"),
        (AdvancedCodec(), f"{ROOT}/time"),
    ],
)
def test_what_is_no_answer_is_refused(codec: Codec, path: str, raw: bytes) -> None:
    with pytest.raises(WireError):
        codec.decode_http(path, raw, NOW)


@pytest.mark.parametrize(
    ("codec", "path", "body"),
    [
        (ExchangeCodec(), "/products/btc/trades", []),
        (ExchangeCodec(), "/products/BTC-USD/trades", EXCHANGE_TRADES + EXCHANGE_TRADES[:1]),
        (ExchangeCodec(), "/products/BTC-USD/trades", [{**EXCHANGE_TRADES[0], "side": "BUY"}]),
        (ExchangeCodec(), "/products/BTC-USD/trades", [{**EXCHANGE_TRADES[0], "size": "-1"}]),
        (
            ExchangeCodec(),
            "/products/BTC-USD/trades",
            [{**EXCHANGE_TRADES[0], "time": "0001-01-01T00:00:00Z"}],
        ),
        (ExchangeCodec(), "/products/BTC-USD/candles?granularity=x", []),
        (ExchangeCodec(), "/products/BTC-USD/candles?granularity=60&start=now", []),
        (ExchangeCodec(), "/products/BTC-USD/candles", EXCHANGE_CANDLES + EXCHANGE_CANDLES[:1]),
        (ExchangeCodec(), "/products/BTC-USD/candles", [[HOUR, 0, 1, 1, 1, 1]]),
        (ExchangeCodec(), "/products/BTC-USD/candles", [[10**11, 1, 1, 1, 1, 1]]),
        (
            ExchangeCodec(),
            "/products/BTC-USD/book?level=2",
            {**EXCHANGE_BOOK, "bids": [["1", "1"], ["1", "1"]]},
        ),
        (ExchangeCodec(), "http://[/time", {}),
        (AdvancedCodec(), f"{ROOT}/market/product_book", ADVANCED_BOOK),
        (AdvancedCodec(), f"{ROOT}/market/products/BTC-USD/candles", ADVANCED_CANDLES),
        (AdvancedCodec(), f"{ROOT}/market/products/BTC-USD/ticker", {"trades": [row(1), row(1)]}),
        (AdvancedCodec(), f"{ROOT}/time", {"epochMillis": str(2**62)}),
    ],
)
def test_an_answer_that_cannot_be_true_is_refused(codec: Codec, path: str, body: object) -> None:
    with pytest.raises(WireError):
        read(codec, path, body)


@pytest.mark.parametrize("codec", [ExchangeCodec(), AdvancedCodec()])
def test_an_answer_to_something_else(codec: Codec) -> None:
    (event,) = read(codec, "/currencies/BTC", {"id": "BTC"})
    assert isinstance(event, UnknownMessage)
    assert event.kind == "currencies/BTC"
