"""Every frame of the sheet (version 2), in and fact out; what is refused and why; what is said to the venue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import pytest

from bethna.core.errors import ConfigError, WireError
from bethna.core.instrument import Feature, Instrument, instrument_id
from bethna.core.market import (
    UNNUMBERED,
    BookDelta,
    BookSnapshot,
    InstrumentId,
    Quote,
    Ticker,
    Trade,
    VenueCandle,
)
from bethna.core.wire import Ack, BookDoubt, Refusal, UnknownMessage, VenueCondition, WireEvent
from bethna.venues.kraken import SPEC, KrakenCodec
from bethna.venues.kraken.connection import KrakenConnection
from bethna.venues.kraken.spec import DEPTHS, MOST_BOOKS

NOW = 1_790_000_000_000_000_001
BTC = InstrumentId("BTC-USD@kraken")
MINA = InstrumentId("MINA-GBP@kraken")

STATUS = (
    b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2",'
    b'"connection_id":16174536464690282295,"upcoming_maintenance":[],"emergency":[]}]}'
)
TRADE = (
    b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":111399.1,"qty":0.00037711,'
    b'"ord_type":"limit","trade_id":86881079,"timestamp":"2025-09-09T21:31:50.716224Z"}]}'
)
REFERENCE = (
    b'{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"BTC","status":"enabled","precision":10}],'
    b'"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8,'
    b'"qty_increment":1e-08,"price_precision":1,"price_increment":0.1,"qty_min":5e-05}]}}'
)
TRADE_NS = 1_757_453_510_716_224_000
TICKER: dict[str, Any] = {
    "symbol": "ALGO/USD", "bid": 0.10025, "bid_qty": 740.0, "ask": 0.10036, "ask_qty": 1361.44813783,
    "last": 0.10035, "volume": 997038.98383185, "vwap": 0.10148, "low": 0.09979, "high": 0.10285,
    "change": -0.00017, "change_pct": -0.17, "timestamp": "2023-09-25T09:04:31.742648Z",
}  # fmt: skip
TICKER_NS = 1_695_632_671_742_648_000
CANDLE: dict[str, Any] = {
    "symbol": "BTC/USDT", "open": 77499.9, "high": 77509.2, "low": 77467.5, "close": 77509.2, "trades": 15,
    "volume": 0.58051276, "vwap": 77482.2, "interval_begin": "2026-09-10T17:35:00.000000000Z", "interval": 1,
    "timestamp": "2026-09-10T17:36:00.000000Z",
}  # fmt: skip
CANDLE_NS = 1_789_061_700_000_000_000
# The sheet's vector: MATIC/USD, precisions 4 and 8, and what the venue computed over it.
MATIC_BIDS = (
    ("0.5666", "4831.75496356"), ("0.5665", "6658.22734739"), ("0.5664", "18724.91513344"),
    ("0.5663", "11563.92544914"), ("0.5662", "14006.65365711"), ("0.5661", "17454.85679807"),
    ("0.5660", "18097.15470000"), ("0.5659", "33644.89175666"), ("0.5658", "148.34640000"),
    ("0.5657", "606.70854372"),
)  # fmt: skip
MATIC_ASKS = (
    ("0.5668", "4410.79769741"), ("0.5669", "4655.40412487"), ("0.5670", "49844.89424998"),
    ("0.5671", "24306.41678000"), ("0.5672", "29783.25223475"), ("0.5673", "57234.71239278"),
    ("0.5674", "45065.04744000"), ("0.5675", "5912.76380354"), ("0.5676", "42514.92434778"),
    ("0.5677", "36304.08470220"),
)  # fmt: skip
MATIC_CHECKSUM = 2439117997
TIME = "2026-08-16T23:37:04.190019Z"
TIME_NS = 1_786_923_424_190_019_000

Side = Sequence[tuple[str, str]]


def connection(number: int = 1) -> KrakenConnection:
    return KrakenCodec().connection(number)


def framed(channel: str, *data: dict[str, Any], kind: str = "update", **beside: Any) -> bytes:
    return json.dumps({"channel": channel, "type": kind, **beside, "data": data}).encode()


def only(raw: bytes, on: KrakenConnection | None = None) -> WireEvent:
    (event,) = (on or connection()).decode(raw, NOW)
    return event


def levels(side: Side) -> str:
    return ",".join(f'{{"price":{price},"qty":{quantity}}}' for price, quantity in side)


def checksum(bids: Side, asks: Side) -> int:
    """By the words of the sheet; `bids` and `asks` best first."""
    text = ""
    for price, quantity in (*asks[:10], *bids[:10]):
        text += price.replace(".", "").lstrip("0") + quantity.replace(".", "").lstrip("0")
    return crc32(text.encode())


def book(kind: str, bids: Side, asks: Side, check: int, symbol: str = "BTC/USD", time: str = TIME) -> bytes:
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{levels(bids)}],'
        f'"asks":[{levels(asks)}],"checksum":{check},"timestamp":"{time}"}}]}}'
    ).encode()


def acknowledged(depth: int, symbol: str = "BTC/USD", method: str = "subscribe") -> bytes:
    result = {"channel": "book", "depth": depth, "snapshot": True, "symbol": symbol}
    return json.dumps({"method": method, "result": result, "success": True, "req_id": 3}).encode()


# --- data


def test_a_trade() -> None:
    assert only(TRADE) == Trade(BTC, 111399.1, 0.00037711, "buy", 86881079, TRADE_NS, NOW)


def test_a_snapshot_of_trades_is_trades_in_the_order_of_their_ids() -> None:
    row = json.loads(TRADE)["data"][0]
    rows = [row | {"trade_id": number, "side": "sell"} for number in (12, 10, 11)]
    trades = connection().decode(framed("trade", *rows, kind="snapshot"), NOW)
    assert [(t.trade_id, t.side) for t in trades if isinstance(t, Trade)] == [
        (n, "sell") for n in (10, 11, 12)
    ]


def test_nanoseconds_are_read_exactly() -> None:
    row = json.loads(TRADE)["data"][0] | {"timestamp": "2026-09-10T17:35:52.114514811Z"}
    trade = only(framed("trade", row))
    assert isinstance(trade, Trade)
    assert trade.ts_event == 1_789_061_752_114_514_811


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2010-12-31T23:59:59.999999999Z", "2262-04-12T00:00:00Z",
        "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00.\u0661Z", "\u0662026-01-01T00:00:00Z", "", "now",
    ],
)  # fmt: skip
def test_a_trade_of_no_possible_time_is_refused(text: str) -> None:
    row = json.loads(TRADE)["data"][0] | {"timestamp": text}
    with pytest.raises(WireError):
        connection().decode(framed("trade", row), NOW)


def test_a_ticker() -> None:
    expected = Ticker(
        instrument=InstrumentId("ALGO-USD@kraken"), last=0.10035, open=None, high=0.10285, low=0.09979,
        volume=997038.98383185, quote_volume=None, change_pct=-0.17, bid=0.10025, ask=0.10036, trades=None,
        ts_event=TICKER_NS, ts_recv=NOW,
    )  # fmt: skip
    assert only(framed("ticker", TICKER, kind="snapshot")) == expected


@pytest.mark.parametrize("time", [None, "1970-01-01T00:00:00.000000Z", "0001-01-01T00:00:00Z"])
def test_a_ticker_without_a_time_is_of_when_it_came(time: str | None) -> None:
    ticker = only(framed("ticker", TICKER | {"timestamp": time}))
    assert isinstance(ticker, Ticker)
    assert ticker.ts_event == NOW


def test_a_ticker_of_what_never_traded_is_named() -> None:
    never = TICKER | {"last": 0.0, "high": 0.0, "low": 0.0, "bid": 0.0, "timestamp": "1970-01-01T00:00:00Z"}
    event = only(framed("ticker", never))
    assert isinstance(event, UnknownMessage)
    assert event.kind == "ticker of a symbol without trades"


def test_an_empty_side_has_no_price() -> None:
    ticker = only(framed("ticker", TICKER | {"bid": 0.0, "bid_qty": 0.0}))
    assert isinstance(ticker, Ticker)
    assert (ticker.bid, ticker.ask) == (None, 0.10036)


def test_a_ticker_is_a_quote_only_where_it_comes_with_each_change_of_the_best_prices() -> None:
    on = connection()
    frame = framed("ticker", TICKER)

    def answer(method: str, trigger: str) -> bytes:
        result = {"channel": "ticker", "event_trigger": trigger, "symbol": "ALGO/USD"}
        return json.dumps({"method": method, "result": result, "success": True}).encode()

    on.decode(answer("subscribe", "trades"), NOW)
    assert [type(event) for event in on.decode(frame, NOW)] == [Ticker]
    on.decode(answer("subscribe", "bbo"), NOW)
    quote, ticker = on.decode(frame, NOW)
    assert isinstance(ticker, Ticker)
    name = InstrumentId("ALGO-USD@kraken")
    assert quote == Quote(name, 0.10025, 740.0, 0.10036, 1361.44813783, None, TICKER_NS, NOW)
    one_sided = framed("ticker", TICKER | {"ask": 0.0})
    assert [type(event) for event in on.decode(one_sided, NOW)] == [Ticker]
    on.decode(answer("unsubscribe", "bbo"), NOW)
    assert [type(event) for event in on.decode(frame, NOW)] == [Ticker]


def test_candles_are_named_by_their_beginning_and_never_closed_by_themselves() -> None:
    candle = only(framed("ohlc", CANDLE, timestamp="2026-09-10T17:35:52.114514810Z"))
    assert candle == VenueCandle(
        instrument=InstrumentId("BTC-USDT@kraken"), interval="1m", open_time=CANDLE_NS, open=77499.9, high=77509.2,
        low=77467.5, close=77509.2, volume=0.58051276, trades=15, closed=False, first_id=None, last_id=None,
        ts_event=1_789_061_752_114_514_810, ts_recv=NOW,
    )  # fmt: skip


def test_in_a_snapshot_of_candles_all_but_the_newest_are_closed_and_minutes_may_be_missing() -> None:
    begins = ("2026-09-10T17:31:00Z", "2026-09-10T17:32:00Z", "2026-09-10T17:35:00Z")
    rows = [CANDLE | {"interval_begin": begin} for begin in begins]
    other = CANDLE | {"symbol": "ETH/USDT", "interval_begin": begins[0]}
    candles = connection().decode(framed("ohlc", *rows, other, kind="snapshot"), NOW)
    assert [(c.closed, c.ts_event) for c in candles if isinstance(c, VenueCandle)] == [
        (True, None), (True, None), (False, None), (False, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "word"),
    [(1, "1m"), (5, "5m"), (15, "15m"), (30, "30m"), (60, "1h"), (240, "4h"), (1440, "1d"), (10080, "1w"),
     (21600, "15d")],
)  # fmt: skip
def test_the_lengths_of_candles(minutes: int, word: str) -> None:
    candle = only(framed("ohlc", CANDLE | {"interval": minutes}))
    assert isinstance(candle, VenueCandle)
    assert candle.interval == word


def test_a_candle_of_no_such_length_is_refused() -> None:
    with pytest.raises(WireError, match="found 7"):
        connection().decode(framed("ohlc", CANDLE | {"interval": 7}), NOW)


@pytest.mark.parametrize("system", ["online", "maintenance", "cancel_only", "post_only"])
def test_the_venue_says_how_it_is(system: str) -> None:
    raw = STATUS.replace(b'"online"', f'"{system}"'.encode())
    assert only(raw) == VenueCondition(system == "online", system)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"channel":"heartbeat"}',
        b'{\n  "channel": "heartbeat"\n}',
        b'{"method":"pong","req_id":101,"time_in":"2026-08-16T23:37:04.8Z","time_out":"2026-08-16T23:37:04.8Z"}',
        REFERENCE,
    ],
)
def test_what_is_known_and_states_no_fact(raw: bytes) -> None:
    assert connection().decode(raw, NOW) == ()


def test_the_reference_data_must_be_sound_all_the_same() -> None:
    raw = b'{"channel":"instrument","type":"snapshot","data":[]}'
    with pytest.raises(WireError):
        connection().decode(raw, NOW)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"channel":"level3","type":"update","data":[]}', "level3"),
        (b'{"method":"add_order","success":true,"result":{}}', "method add_order"),
        (b'{"method":"subscribe"}', "method subscribe"),
        (b'{"feed":"book","product_id":"PI_XBTUSD"}', ""),
    ],
)
def test_kinds_that_we_do_not_know_are_named(raw: bytes, kind: str) -> None:
    event = only(raw)
    assert isinstance(event, UnknownMessage)
    assert event.kind == kind


@pytest.mark.parametrize("change", [
    {"price": "1.0"}, {"price": 0}, {"price": -1.0}, {"qty": -0.1}, {"price": None}, {"price": True}, {"side": "b"},
    {"trade_id": -1}, {"trade_id": 2**63}, {"trade_id": "1"}, {"symbol": "BTCUSD"}, {"symbol": "BTC/USD/X"},
    {"symbol": 7}, {"timestamp": 5},
])  # fmt: skip
def test_a_trade_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    row = json.loads(TRADE)["data"][0] | change
    with pytest.raises(WireError):
        connection().decode(framed("trade", row), NOW)


@pytest.mark.parametrize("key", ["symbol", "side", "price", "qty", "trade_id", "timestamp"])
def test_a_trade_without_one_of_its_fields_is_refused(key: str) -> None:
    row = json.loads(TRADE)["data"][0]
    del row[key]
    with pytest.raises(WireError):
        connection().decode(framed("trade", row), NOW)


# --- answers


def test_one_acknowledgement_for_each_symbol() -> None:
    raw = (
        b'{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,"symbol":"MINA/GBP"},'
        b'"success":true,"time_in":"2026-08-16T23:37:04.849274Z","time_out":"2026-08-16T23:37:04.849309Z"}'
    )
    assert only(raw) == Ack(None, ("book25:MINA/GBP",), "stream")


@pytest.mark.parametrize(
    ("result", "stream"),
    [
        ({"channel": "trade", "symbol": "BTC/USD", "snapshot": False}, "trade:BTC/USD"),
        ({"channel": "ticker", "symbol": "BTC/USD", "event_trigger": "bbo"}, "ticker:BTC/USD"),
        ({"channel": "ohlc", "symbol": "BTC/USD", "interval": 5, "warnings": ["old"]}, "ohlc5:BTC/USD"),
        ({"channel": "book", "symbol": "BTC/USD"}, "book100:BTC/USD"),
        ({"channel": "instrument", "snapshot": True}, "instrument"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["subscribe", "unsubscribe"])
def test_streams_of_acknowledgements_are_spelt_as_ours(
    result: dict[str, Any], stream: str, method: str
) -> None:
    raw = json.dumps({"method": method, "result": result, "success": True, "req_id": 7}).encode()
    assert only(raw) == Ack(7, (stream,), "stream")


def test_an_acknowledgement_of_nothing_is_refused() -> None:
    with pytest.raises(WireError, match="expected a result"):
        connection().decode(b'{"method":"subscribe","success":true}', NOW)
    with pytest.raises(WireError, match="expected a symbol"):
        connection().decode(acknowledged(10, symbol="B" * 100), NOW)


def test_a_refused_symbol_names_its_streams_and_no_other() -> None:
    raw = (
        b'{"error":"Currency pair not supported XBT/USDT","method":"subscribe","success":false,"req_id":4,'
        b'"symbol":"XBT/USDT","time_in":"2026-08-16T23:37:04.8Z","time_out":"2026-08-16T23:37:04.8Z"}'
    )
    refusal = only(raw)
    assert isinstance(refusal, Refusal)
    assert (refusal.request_id, refusal.code) == (4, None)
    assert refusal.message == "Currency pair not supported XBT/USDT"
    assert {"trade:XBT/USDT", "ticker:XBT/USDT", "book100:XBT/USDT", "ohlc5:XBT/USDT"} <= set(refusal.streams)
    assert {stream.partition(":")[2] for stream in refusal.streams} == {"XBT/USDT"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"error":"Subscription depth not supported","method":"subscribe","success":false}',
         Refusal(None, None, "Subscription depth not supported")),
        (b'{"error":"Exceeded msg rate","success":false}', Refusal(None, None, "Exceeded msg rate")),
        (b'{"method":"subscribe","success":false,"req_id":1}', Refusal(1, None, "refused without a reason")),
    ],
)  # fmt: skip
def test_a_refusal_of_a_whole_request(raw: bytes, expected: Refusal) -> None:
    assert only(raw) == expected


def test_what_is_subscribed_already_is_there() -> None:
    ack = only(
        b'{"error":"Already subscribed","method":"subscribe","success":false,"req_id":4,"symbol":"BTC/USD"}'
    )
    assert isinstance(ack, Ack)
    assert (ack.request_id, ack.scope) == (4, "stream")
    assert {"trade:BTC/USD", "ticker:BTC/USD", "book100:BTC/USD"} <= set(ack.subscriptions or ())


def test_after_a_refusal_the_connection_goes_on() -> None:
    on = connection()
    on.decode(
        b'{"error":"Currency pair not supported A/B","success":false,"symbol":"A/B","method":"subscribe"}',
        NOW,
    )
    assert on.decode(b'{"channel":"heartbeat"}', NOW) == ()
    assert isinstance(only(TRADE, on), Trade)


# --- books


def test_the_vector_of_the_sheet() -> None:
    raw = book("snapshot", MATIC_BIDS, MATIC_ASKS, MATIC_CHECKSUM, "MATIC/USD")
    expected = BookSnapshot(
        instrument=InstrumentId("MATIC-USD@kraken"),
        last_id=UNNUMBERED,
        bids=[(float(price), float(quantity)) for price, quantity in MATIC_BIDS],
        asks=[(float(price), float(quantity)) for price, quantity in MATIC_ASKS],
        ts_recv=NOW,
        limit=11,
        ts_event=TIME_NS,
        epoch=3,
        proven=10,
    )
    assert list(connection(3).decode(raw, NOW)) == [expected]


def test_the_text_decides_not_the_number() -> None:
    """The same numbers without their trailing zeros are not what the venue computed over."""
    shorter = [(price, quantity.rstrip("0")) for price, quantity in MATIC_BIDS]
    on = connection()
    snapshot, doubt = on.decode(book("snapshot", shorter, MATIC_ASKS, MATIC_CHECKSUM, "MATIC/USD"), NOW)
    assert isinstance(snapshot, BookSnapshot)
    assert isinstance(doubt, BookDoubt)


BIDS = [(f"{100 - n}.0", f"{n + 1}.00000000") for n in range(10)]
ASKS = [(f"{101 + n}.0", f"{n + 1}.00000000") for n in range(10)]


def begun(depth: int = 10, bids: Side = BIDS, asks: Side = ASKS) -> KrakenConnection:
    on = connection()
    on.decode(acknowledged(depth), NOW)
    (snapshot,) = on.decode(book("snapshot", bids, asks, checksum(bids, asks)), NOW)
    assert isinstance(snapshot, BookSnapshot)
    return on


def test_a_change_with_its_time_and_epoch() -> None:
    bids = [("100.0", "7.00000000"), *BIDS[1:]]
    raw = book("update", bids[:1], (), checksum(bids, ASKS))
    assert only(raw, begun()) == BookDelta(BTC, UNNUMBERED, UNNUMBERED, [(100.0, 7.0)], [], TIME_NS, NOW, 1)


def test_what_drops_out_is_removed_in_the_delta() -> None:
    on = begun()
    bids = [("100.5", "1.00000000"), *BIDS[:9]]
    assert only(book("update", bids[:1], (), checksum(bids, ASKS)), on) == BookDelta(
        BTC, UNNUMBERED, UNNUMBERED, [(100.5, 1.0), (91.0, 0.0)], [], TIME_NS, NOW, 1
    )
    asks = [("100.7", "1.00000000"), ("100.8", "2.00000000"), *ASKS[:8]]
    assert only(book("update", (), [asks[1], asks[0]], checksum(bids, asks)), on) == BookDelta(
        BTC,
        UNNUMBERED,
        UNNUMBERED,
        [],
        [(100.8, 2.0), (100.7, 1.0), (109.0, 0.0), (110.0, 0.0)],
        TIME_NS,
        NOW,
        1,
    )


def test_a_level_that_comes_back_is_said_again() -> None:
    on = begun()
    bids = [("100.5", "1.00000000"), *BIDS[:9]]
    on.decode(book("update", bids[:1], (), checksum(bids, ASKS)), NOW)
    changes = [("100.5", "0.00000000"), ("91.0", "10.00000000")]
    delta = only(book("update", changes, (), checksum(BIDS, ASKS)), on)
    assert isinstance(delta, BookDelta)
    assert delta.bids == [(100.5, 0.0), (91.0, 10.0)]


def test_a_price_can_stand_twice_in_one_message_and_the_last_word_counts() -> None:
    bids = [("100.0", "3.00000000"), *BIDS[1:]]
    changes = [("100.0", "0.00000000"), ("100.0", "2.00000000"), ("100.0", "3.00000000")]
    delta = only(book("update", changes, (), checksum(bids, ASKS)), begun())
    assert isinstance(delta, BookDelta)
    assert delta.bids == [(100.0, 0.0), (100.0, 2.0), (100.0, 3.0)]


def test_removing_what_is_not_there_is_nothing() -> None:
    delta = only(book("update", [("50.0", "0.00000000")], (), checksum(BIDS, ASKS)), begun())
    assert isinstance(delta, BookDelta)
    assert delta.bids == [(50.0, 0.0)]


def test_fewer_than_ten_levels_are_what_there_is() -> None:
    on = begun(bids=BIDS[:2], asks=())
    delta = only(book("update", [("99.0", "0.00000000")], (), checksum(BIDS[:1], ())), on)
    assert isinstance(delta, BookDelta)


def test_a_wrong_checksum_is_one_doubt_and_then_silence_until_the_next_snapshot() -> None:
    on = begun()
    right = checksum(BIDS, ASKS)
    update = book("update", [("99.0", "2.00000000")], (), right ^ 1)
    doubt = only(update, on)
    reason = f"the book's checksum is wrong: expected {right ^ 1}, found {right}"
    assert doubt == BookDoubt(BTC, reason, NOW, 1)
    assert list(on.decode(update, NOW)) == []
    assert list(on.decode(book("update", [("99.0", "2.00000000")], (), right), NOW)) == []
    other = only(book("snapshot", BIDS, ASKS, right, "ETH/USD"), on)
    assert isinstance(other, BookSnapshot)
    assert isinstance(only(book("snapshot", BIDS, ASKS, right), on), BookSnapshot)
    assert isinstance(only(book("update", (), (), right), on), BookDelta)


def test_a_snapshot_that_does_not_prove_is_given_with_its_doubt() -> None:
    on = connection()
    snapshot, doubt = on.decode(book("snapshot", BIDS, ASKS, 1), NOW)
    assert isinstance(snapshot, BookSnapshot)
    assert isinstance(doubt, BookDoubt)
    assert doubt.epoch == snapshot.epoch == 1
    assert list(on.decode(book("update", (), (), checksum(BIDS, ASKS)), NOW)) == []


def test_an_update_of_a_book_that_never_began_is_given_as_it_was_said() -> None:
    delta = only(book("update", [("99.0", "2.00000000")], [("101.0", "0.00000000")], 7))
    assert delta == BookDelta(BTC, UNNUMBERED, UNNUMBERED, [(99.0, 2.0)], [(101.0, 0.0)], TIME_NS, NOW, 1)


def test_a_snapshot_of_2025_has_no_time() -> None:
    raw = book("snapshot", BIDS, ASKS, checksum(BIDS, ASKS)).replace(f',"timestamp":"{TIME}"'.encode(), b"")
    snapshot = only(raw)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.ts_event is None
    with pytest.raises(WireError):
        connection().decode(raw.replace(b"snapshot", b"update"), NOW)


def test_the_depth_without_an_acknowledgement_is_the_smallest_that_holds_the_snapshot() -> None:
    on = connection()
    bids = [(f"{100 - n}.0", "1.00000000") for n in range(26)]
    on.decode(book("snapshot", bids, (), checksum(bids, ())), NOW)
    for n in range(74):  # 26 + 74 levels fit into the depth of 100
        bids.append((f"{74 - n}.5", "1.00000000"))
        delta = only(book("update", bids[-1:], (), checksum(bids, ())), on)
        assert isinstance(delta, BookDelta)
        assert len(delta.bids) == 1
    bids.insert(0, ("100.5", "1.00000000"))
    delta = only(book("update", bids[:1], (), checksum(bids, ())), on)
    assert isinstance(delta, BookDelta)
    assert delta.bids == [(100.5, 1.0), (1.5, 0.0)]


def test_an_acknowledged_depth_is_that_of_the_book_also_when_it_comes_late() -> None:
    on = connection()
    on.decode(book("snapshot", BIDS, ASKS, checksum(BIDS, ASKS)), NOW)
    on.decode(acknowledged(25), NOW)
    bids = [("100.5", "1.00000000"), *BIDS]
    delta = only(book("update", bids[:1], (), checksum(bids, ASKS)), on)
    assert isinstance(delta, BookDelta)
    assert delta.bids == [(100.5, 1.0)]


def test_a_snapshot_deeper_than_acknowledged_is_believed() -> None:
    bids = [(f"{100 - n}.0", "1.00000000") for n in range(11)]
    on = begun(10, bids=bids)
    bids[0] = ("100.0", "2.00000000")
    delta = only(book("update", bids[:1], (), checksum(bids, ASKS)), on)
    assert isinstance(delta, BookDelta)
    assert delta.bids == [(100.0, 2.0)]


def test_an_unsubscribed_book_is_forgotten() -> None:
    on = begun()
    assert only(acknowledged(10, method="unsubscribe"), on) == Ack(3, ("book10:BTC/USD",), "stream")
    unproven = only(book("update", [("99.0", "2.00000000")], (), 7), on)
    assert isinstance(unproven, BookDelta)


@pytest.mark.parametrize(
    "bids",
    [
        [("99.0", "1.0"), ("100.0", "1.0")],
        [("99.0", "1.0"), ("99.0", "1.0")],
        [("99.0", "0.0")],
        [(str(2000 - n), "1.0") for n in range(1001)],
    ],
)
def test_what_cannot_be_a_whole_book_is_refused(bids: Side) -> None:
    sides: tuple[tuple[Side, Side], ...] = ((bids, ()), ((), bids[::-1]))
    for one, other in sides:
        with pytest.raises(WireError):
            connection().decode(book("snapshot", one, other, checksum(one, other)), NOW)


@pytest.mark.parametrize(
    ("price", "quantity"),
    [
        ("0", "1"), ("-1", "1"), ("1", "-1"), ("1e999", "1"), ("1", "1e999"), ('"1"', "1"), ("1", '"1"'),
        ("null", "1"), ("1", "true"), ("[1]", "1"), ("1", "{}"), ("1" * 41, "1"), ("1", "0." + "0" * 60),
    ],
)  # fmt: skip
def test_a_bad_number_changes_nothing(price: str, quantity: str) -> None:
    on = begun()
    with pytest.raises(WireError):
        on.decode(book("update", [("99.5", "1.0"), (price, quantity)], (), 7), NOW)
    assert isinstance(only(book("update", (), (), checksum(BIDS, ASKS)), on), BookDelta)


def test_an_exponent_is_the_same_number() -> None:
    bids = [("100.0", "1.00000000"), ("99.0", "0.00000001")]
    on = connection()
    snapshot = only(book("snapshot", [bids[0], ("99.0", "1e-08")], (), checksum(bids, ())), on)
    assert isinstance(snapshot, BookSnapshot)


def test_minus_zero_is_zero() -> None:
    delta = only(book("update", [("99.0", "-0.0")], (), checksum([BIDS[0], *BIDS[2:]], ASKS)), begun())
    assert isinstance(delta, BookDelta)
    assert str(delta.bids) == "[(99.0, 0.0)]"


def test_several_books_in_one_message() -> None:
    def both(kind: str, *updates: bytes) -> bytes:
        data = b",".join(each.partition(b'"data":[')[2].removesuffix(b"]}") for each in updates)
        return b'{"channel":"book","type":"%b","data":[%b]}' % (kind.encode(), data)

    check = checksum(BIDS, ASKS)
    names = ("BTC/USD", "MINA/GBP")
    on = connection()
    whole = [book("snapshot", BIDS, ASKS, check, name) for name in names]
    begun_books = on.decode(both("snapshot", *whole), NOW)
    assert [e.instrument for e in begun_books if isinstance(e, BookSnapshot)] == [BTC, MINA]
    changed = on.decode(both("update", *(book("update", (), (), check, name) for name in names)), NOW)
    assert [e.instrument for e in changed if isinstance(e, BookDelta)] == [BTC, MINA]


def test_a_connection_remembers_a_bounded_number_of_books() -> None:
    on = connection()
    for n in range(MOST_BOOKS):
        on.decode(acknowledged(10, f"A{n}/USD"), NOW)
        assert isinstance(only(book("snapshot", (), (), 0, f"A{n}/USD"), on), BookSnapshot)
    on.decode(acknowledged(10), NOW)
    too_many = only(book("snapshot", BIDS, ASKS, 5), on)
    assert isinstance(too_many, UnknownMessage)
    assert too_many.kind == "book beyond 512 of a connection"
    again = only(book("snapshot", BIDS, ASKS, checksum(BIDS, ASKS), "A0/USD"), on)
    assert isinstance(again, BookSnapshot)
    on.decode(acknowledged(10, "A0/USD", "unsubscribe"), NOW)
    assert isinstance(only(book("snapshot", BIDS, ASKS, checksum(BIDS, ASKS)), on), BookSnapshot)


# --- wants

BTCUSD = Instrument(BTC, "kraken", "BTC", "USD", "BTC/USD")
BOOKS: tuple[Feature, ...] = ("books",)
CANDLES: tuple[Feature, ...] = ("candles",)
PRICES: tuple[Feature, ...] = ("prices",)
GUESSED = Instrument(instrument_id("DOGE-USD", "kraken"), "kraken", "DOGE", "USD", "DOGEUSD")


def test_the_rules_of_the_venue() -> None:
    assert SPEC.pushed_books
    assert not SPEC.ordered_answers
    assert [host.ws + KrakenCodec().socket_path(()) for host in SPEC.hosts] == ["wss://ws.kraken.com/v2"]


def test_what_a_desk_wants() -> None:
    codec = KrakenCodec()
    assert codec.streams(BTCUSD) == ("trade:BTC/USD", "ticker:BTC/USD", "book100:BTC/USD")
    assert codec.streams(GUESSED, CANDLES) == ("trade:DOGE/USD",)
    assert codec.streams(BTCUSD, BOOKS) == ("book100:BTC/USD",)
    assert codec.streams(BTCUSD, PRICES) == ("trade:BTC/USD", "ticker:BTC/USD")
    assert KrakenCodec("25").streams(BTCUSD, BOOKS) == ("book25:BTC/USD",)


@pytest.mark.parametrize("depth", DEPTHS)
def test_depths_that_there_are(depth: int) -> None:
    assert KrakenCodec(depth).streams(BTCUSD, BOOKS) == (f"book{depth}:BTC/USD",)


@pytest.mark.parametrize("depth", [0, 11, 50, "5000", "ten"])
def test_depths_that_there_are_not(depth: int | str) -> None:
    with pytest.raises(ConfigError) as refused:
        KrakenCodec(depth)
    assert refused.value.key == "book_depth"
    assert "10, 25, 100, 500, 1000" in refused.value.hint


def test_whose_stream_it_is() -> None:
    codec = KrakenCodec()
    assert [codec.stream_instrument(stream) for stream in codec.streams(BTCUSD)] == [BTC] * 3
    assert codec.stream_instrument("ohlc5:DOGE/USD") == GUESSED.id
    for other in ("instrument", "", "trade:", "trade:BTCUSD", "news:BTC/USD", "BTC/USD"):
        assert codec.stream_instrument(other) is None


def test_control_messages() -> None:
    codec = KrakenCodec()

    def said(text: str) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(text)
        return message

    assert codec.batch_of("book100:BTC/USD") == "book100"
    assert said(codec.encode_subscribe(("book25:BTC/USD", "book25:ETH/USD"), 1)) == {
        "method": "subscribe",
        "params": {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 25, "snapshot": True},
        "req_id": 1,
    }
    assert said(codec.encode_subscribe(("trade:BTC/USD",), 2))["params"] == {
        "channel": "trade", "symbol": ["BTC/USD"], "snapshot": False,
    }  # fmt: skip
    assert said(codec.encode_subscribe(("ticker:BTC/USD",), 3))["params"] == {
        "channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "bbo", "snapshot": True,
    }  # fmt: skip
    assert said(codec.encode_subscribe(("instrument",), 4))["params"] == {
        "channel": "instrument",
        "snapshot": True,
    }
    assert said(codec.encode_unsubscribe(("book25:BTC/USD",), 5)) == {
        "method": "unsubscribe", "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 25}, "req_id": 5,
    }  # fmt: skip
    assert said(codec.encode_unsubscribe(("ohlc5:BTC/USD",), 6))["params"] == {
        "channel": "ohlc", "symbol": ["BTC/USD"], "interval": 5,
    }  # fmt: skip


def test_nothing_is_said_before_the_first_subscription() -> None:
    assert connection().greeting() == ()
