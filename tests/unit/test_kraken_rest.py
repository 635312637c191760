"""REST bodies of the protocol sheet as facts, and the requests that ask for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bethna.core.errors import ConfigError, VenueAnswer, WireError
from bethna.core.instrument import Instrument, instrument_id
from bethna.core.market import (
    UNNUMBERED,
    BookSnapshot,
    CandlePage,
    InstrumentId,
    Trade,
    TradePage,
    VenueCandle,
)
from bethna.core.wire import Catalogue, RestEvent, ServerTime, UnknownMessage
from bethna.venues.kraken import KrakenCodec
from bethna.venues.spec import RestRequest

NOW = 1_790_000_000_000_000_001
S = 1_000_000_000
BTC = InstrumentId("BTC-USD@kraken")
BTCUSD = Instrument(BTC, "kraken", "BTC", "USD", "BTC/USD")

TRADES = [
    ["1023.82219", "0.00435995", 1385579841.7774, "s", "l", "", 86881079],
    ["1021.77864", "0.01500000", 1385579841.7876, "b", "m", "", 86881080],
]
CANDLES = [
    [1502445540, "3530.742", "3532.000", "3530.300", "3532.000", "3530.525", "0.13950000", 3],
    [1502445600, "3532.000", "3532.000", "3532.000", "3532.000", "0.0", "0.00000000", 0],
    [1502445660, "3531.999", "3534.099", "3531.999", "3534.099", "3534.094", "0.36437516", 3],
]
PAIR: dict[str, Any] = {
    "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT", "quote": "ZUSD",
    "pair_decimals": 1, "lot_decimals": 8, "cost_decimals": 5, "tick_size": "0.1", "ordermin": "0.00005",
    "status": "online", "fees": [[0, 0.26], [50000, 0.24]],
}  # fmt: skip


def body(result: Any, *errors: str) -> bytes:
    return json.dumps({"error": errors, "result": result}).encode()


def only(path: str, raw: bytes, codec: KrakenCodec | None = None) -> RestEvent:
    (event,) = (codec or KrakenCodec()).decode_http(f"/0/public/{path}", raw, NOW)
    return event


# --- answers


def test_trades_by_whatever_key_kraken_gives_them() -> None:
    expected = TradePage(
        BTC,
        [
            Trade(BTC, 1023.82219, 0.00435995, "sell", 86881079, 1_385_579_841_777_400_000, NOW),
            Trade(BTC, 1021.77864, 0.015, "buy", 86881080, 1_385_579_841_787_600_000, NOW),
        ],
    )
    last = "1385579841881785998"
    for result in ({"XXBTZUSD": TRADES, "last": last}, {"last": last, "XBT/USD": TRADES}):
        assert only("Trades?pair=XBTUSD&since=0&count=1000", body(result)) == expected


def test_trades_of_old_have_no_id() -> None:
    page = only("Trades?pair=XXBTZUSD", body({"XXBTZUSD": [row[:6] for row in TRADES], "last": "1"}))
    assert isinstance(page, TradePage)
    assert [trade.trade_id for trade in page.trades] == [UNNUMBERED, UNNUMBERED]


def test_the_time_of_a_trade_is_read_from_its_text() -> None:
    """1700000000.123456789 as a float is 1700000000.1234567 or so."""
    raw = body({"X": [[*TRADES[0][:2], 7, *TRADES[0][3:]]], "last": "1"}).replace(
        b" 7,", b" 1700000000.123456789,"
    )
    page = only("Trades?pair=XBTUSD", raw)
    assert isinstance(page, TradePage)
    assert page.trades[0].ts_event == 1_700_000_000_123_456_789


def test_the_last_candle_is_unfinished_and_empty_minutes_are_there() -> None:
    page = only("OHLC?pair=XBTUSD&interval=1&since=5", body({"XXBTZUSD": CANDLES, "last": 1502445600}))
    assert isinstance(page, CandlePage)
    assert [(c.open_time // S, c.closed, c.trades) for c in page.candles] == [
        (1502445540, True, 3), (1502445600, True, 0), (1502445660, False, 3),
    ]  # fmt: skip
    assert page.candles[0] == VenueCandle(
        instrument=BTC, interval="1m", open_time=1502445540 * S, open=3530.742, high=3532.0, low=3530.3, close=3532.0,
        volume=0.1395, trades=3, closed=True, first_id=None, last_id=None, ts_event=None, ts_recv=NOW,
    )  # fmt: skip
    assert (page.candles[1].open, page.candles[1].close, page.candles[1].volume) == (3532.0, 3532.0, 0.0)


def test_what_is_not_committed_yet_is_not_closed() -> None:
    page = only("OHLC?pair=XBTUSD&interval=60", body({"XXBTZUSD": CANDLES, "last": 1502445540}))
    assert isinstance(page, CandlePage)
    assert [(c.closed, c.interval) for c in page.candles] == [(True, "1h"), (False, "1h"), (False, "1h")]


def test_the_last_row_is_not_closed_whatever_is_said_to_be_committed() -> None:
    page = only("OHLC?pair=XBTUSD", body({"XXBTZUSD": CANDLES, "last": 1502445660}))
    assert isinstance(page, CandlePage)
    assert [c.closed for c in page.candles] == [True, True, False]


def test_no_candles_are_an_empty_page() -> None:
    assert only("OHLC?pair=XBTUSD", body({"XXBTZUSD": [], "last": 0})) == CandlePage(BTC, [])


def test_a_book_from_rest_stands_apart() -> None:
    rows = {"asks": [["530.75513", "0.248", 1391825343]], "bids": [["526.26000", "0.500", 1391825340]]}
    expected = BookSnapshot(
        instrument=BTC, last_id=UNNUMBERED, bids=[(526.26, 0.5)], asks=[(530.75513, 0.248)], ts_recv=NOW, limit=25,
        ts_event=None, epoch=0, proven=0,
    )  # fmt: skip
    assert only("Depth?pair=XBTUSD&count=25", body({"XXBTZUSD": rows})) == expected
    usual, most = (
        only("Depth?pair=XBTUSD", body({"X": rows})),
        only("Depth?pair=XBTUSD&count=9999", body({"X": rows})),
    )
    assert isinstance(usual, BookSnapshot)
    assert isinstance(most, BookSnapshot)
    assert (usual.limit, most.limit) == (100, 500)


def test_clocks() -> None:
    time = body({"unixtime": 1391835876, "rfc1123": "Sat,  8 Feb 14 05:04:36 +0000"})
    assert only("Time", time) == ServerTime(1_391_835_876 * S, coarse_ns=S)
    status = body({"status": "online", "timestamp": "2023-07-06T18:52:00Z"})
    assert only("SystemStatus", status) == ServerTime(1_688_669_520 * S)


def test_a_catalogue() -> None:
    pairs = {
        "XXBTZUSD": PAIR,
        "XXBTZUSD.d": {key: value for key, value in PAIR.items() if key != "wsname"}
        | {"altname": "XBTUSD.d"},
        "XXDGXXBT": PAIR | {"altname": "XDGXBT", "wsname": "XDG/XBT", "tick_size": None, "pair_decimals": 8},
        "AAPLxUSD": PAIR | {"altname": "AAPLxUSD", "wsname": "AAPLx/USD", "status": "cancel_only"},
    }
    found = only("AssetPairs", body(pairs))
    assert found == Catalogue(
        (
            Instrument(BTC, "kraken", "BTC", "USD", "BTC/USD", 0.1, 1e-8, True, True),
            Instrument(
                instrument_id("DOGE-BTC", "kraken"),
                "kraken",
                "DOGE",
                "BTC",
                "DOGE/BTC",
                1e-8,
                1e-8,
                True,
                True,
            ),
            Instrument(
                instrument_id("AAPLX-USD", "kraken"),
                "kraken",
                "AAPLX",
                "USD",
                "AAPLx/USD",
                0.1,
                1e-8,
                False,
                True,
            ),
        ),
        None,
    )


def test_a_catalogue_teaches_the_names() -> None:
    codec = KrakenCodec()
    odd = PAIR | {"altname": "ODDUSD", "wsname": "ETHPY/USD"}
    assert isinstance(only("AssetPairs", body({"XODD": odd}), codec), Catalogue)
    assert codec.instrument("XODD").id == "ETHPY-USD@kraken"
    pair = codec.instrument("ETHPY/USD")
    assert codec.recent_trades_request(pair, 5).path == "/0/public/Trades?pair=ODDUSD&count=5"
    page = only("Trades?pair=ODDUSD", body({"XODD": TRADES, "last": "1"}), codec)
    assert isinstance(page, TradePage)
    assert page.instrument == "ETHPY-USD@kraken"


def test_a_bad_pair_does_not_take_the_others_along() -> None:
    raw = body({"BAD": PAIR | {"wsname": "no pair"}, "WORSE": 5, "XXBTZUSD": PAIR})
    catalogue, *unread = KrakenCodec().decode_http("/0/public/AssetPairs", raw, NOW)
    assert isinstance(catalogue, Catalogue)
    assert [each.id for each in catalogue.instruments] == [BTC]
    assert [each.kind for each in unread if isinstance(each, UnknownMessage)] == ["AssetPairs pair"] * 2


def test_an_endpoint_that_we_do_not_read_is_named() -> None:
    event = only("Spread?pair=XBTUSD", body({"XXBTZUSD": [], "last": 1}))
    assert isinstance(event, UnknownMessage)
    assert event.kind == "Spread"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("EQuery:Unknown asset pair", 0),
        ("EGeneral:Too many requests", 429),
        ("EAPI:Rate limit exceeded", 429),
        ("EService:Unavailable", 503),
        ("EGeneral:Temporary lockout", 429),
        ("EService:Throttled: 1700000000", 429),
        ("EService:Market in cancel_only mode", 0),
    ],
)
def test_errors_come_under_http_200_and_say_what_http_should_have(error: str, status: int) -> None:
    for raw in (body({}, error), json.dumps({"error": [error]}).encode()):
        with pytest.raises(VenueAnswer) as refused:
            only("Depth?pair=XBTUSD", raw)
        assert (refused.value.message, refused.value.status, refused.value.venue_code) == (
            error,
            status,
            None,
        )


def test_a_warning_stands_beside_its_result() -> None:
    assert only("Time", body({"unixtime": 1391835876}, "WGeneral:Deprecated")) == ServerTime(
        1_391_835_876 * S, coarse_ns=S
    )
    with pytest.raises(VenueAnswer, match="EQuery:Other"):
        only("Time", body({"unixtime": 1391835876}, "WGeneral:Deprecated", "EQuery:Other"))


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("Time", b"<html>502 Bad Gateway</html>"),
        ("Time", b""),
        ("Time", b'{"error":[]}'),
        ("Time", b'{"result":{"unixtime":1}}'),
        ("Time", body({"unixtime": -1})),
        ("Time", body({"unixtime": 2**63})),
        ("SystemStatus", body({"status": "online", "timestamp": "1970-01-01T00:00:00Z"})),
        ("Trades", body({"X": TRADES, "last": "1"})),
        ("Trades?pair=XBT", body({"X": TRADES, "last": "1"})),
        ("Trades?pair=XBTUSD", body({"last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": TRADES, "Y": TRADES, "last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": TRADES[::-1], "last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": [TRADES[0], TRADES[0]], "last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": [["1", "1", 1e18, "s", "l", "", 1]], "last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": [["1", "1", "1385579841", "s", "l", "", 1]], "last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": [["1", "1", 1385579841, "x", "l", "", 1]], "last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": [["nan", "1", 1385579841, "s", "l", "", 1]], "last": "1"})),
        ("Trades?pair=XBTUSD", body({"X": [["1", "-1", 1385579841, "s", "l", "", 1]], "last": "1"})),
        ("OHLC?pair=XBTUSD", body({"X": CANDLES})),
        ("OHLC?pair=XBTUSD", body({"X": CANDLES[::-1], "last": 1502445600})),
        ("OHLC?pair=XBTUSD&interval=7", body({"X": CANDLES, "last": 1502445600})),
        ("OHLC?pair=XBTUSD&interval=x", body({"X": CANDLES, "last": 1502445600})),
        ("Depth?pair=XBTUSD", body({"X": {"asks": [["2", "1", 1], ["1", "1", 1]], "bids": []}})),
        ("Depth?pair=XBTUSD", body({"X": {"bids": [["1", "1", 1], ["2", "1", 1]], "asks": []}})),
        ("Depth?pair=XBTUSD&count=-5", body({"X": {"asks": [], "bids": []}})),
        ("Depth?pair=XBTUSD", body({"X": {"asks": []}})),
        ("AssetPairs", body([])),
    ],
)
def test_what_is_not_the_protocol(path: str, raw: bytes) -> None:
    with pytest.raises(WireError):
        only(path, raw)


def test_a_path_that_is_none() -> None:
    with pytest.raises(WireError):
        KrakenCodec().decode_http("http://[", body({}), NOW)


# --- requests


def test_requests() -> None:
    codec = KrakenCodec()
    assert codec.time_request() == RestRequest("/0/public/Time", 1)
    assert codec.catalogue_request() == RestRequest("/0/public/AssetPairs", 1)
    assert codec.snapshot_request(BTCUSD, 1000) == RestRequest("/0/public/Depth?pair=XBTUSD&count=500", 1)
    assert codec.snapshot_request(BTCUSD, 0).path == "/0/public/Depth?pair=XBTUSD&count=1"
    assert codec.recent_trades_request(BTCUSD, 5000).path == "/0/public/Trades?pair=XBTUSD&count=1000"
    assert codec.trades_request(BTCUSD, 7, 20).path == "/0/public/Trades?pair=XBTUSD&count=20"


def test_trades_go_by_time_and_the_venues_since_is_exclusive() -> None:
    request = KrakenCodec().trades_request(BTCUSD, 86881080, 20, since=1_757_453_510_716_224_000)
    assert request == RestRequest("/0/public/Trades?pair=XBTUSD&since=1757453510716223999&count=20", 1)
    assert KrakenCodec().trades_request(BTCUSD, 1, 20, since=0).path.endswith("&since=0&count=20")


@pytest.mark.parametrize(
    ("start", "since"), [(1502445600 * S, 1502445599), (1502445600 * S + 1, 1502445600), (0, 0)]
)
def test_candles_that_open_at_a_time_or_later(start: int, since: int) -> None:
    request = KrakenCodec().candles_request(BTCUSD, "1h", start, 100)
    assert request == RestRequest(f"/0/public/OHLC?pair=XBTUSD&interval=60&since={since}", 1)


def test_candles_of_a_length_that_there_is_not() -> None:
    with pytest.raises(ConfigError) as refused:
        KrakenCodec().candles_request(BTCUSD, "1s", 0, 100)
    assert refused.value.key == "interval"
    assert "1m, 5m" in refused.value.hint
