"""Every frame of the sheet in version 1, in and fact out; it is read and not spoken."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import pytest

from bethna.core.errors import CannotFollow, WireError
from bethna.core.instrument import Instrument
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
from bethna.core.wire import Ack, BookDoubt, Refusal, ServerTime, UnknownMessage, VenueCondition, WireEvent
from bethna.venues.kraken import KrakenV1Codec
from bethna.venues.kraken.v1 import KrakenV1Connection

NOW = 1_790_000_000_000_000_001
BTC = InstrumentId("BTC-USD@kraken")
T = "1534614248.123678"
T_NS = 1_534_614_248_123_678_000
LATER = "1534614335.345903"
LATER_NS = 1_534_614_335_345_903_000
TICKER: dict[str, Any] = {
    "a": ["13.253900", 35, "35.72892241"], "b": ["13.232900", 185, "185.18432037"], "c": ["13.253900", "3.71672000"],
    "v": ["26560.85364463", "72035.05488104"], "p": ["13.529003", "13.734728"], "t": [640, 1353],
    "l": ["13.021800", "12.9"], "h": ["13.942000", "14.211200"], "o": ["13.804000", "13.428300"],
}  # fmt: skip

Rows = list[list[str]]


def connection(number: int = 1) -> KrakenV1Connection:
    return KrakenV1Codec().connection(number)


def array(*parts: Any) -> bytes:
    return json.dumps(list(parts)).encode()


def only(raw: bytes, on: KrakenV1Connection | None = None) -> WireEvent:
    (event,) = (on or connection()).decode(raw, NOW)
    return event


def checksum(bids: Rows, asks: Rows) -> str:
    """By the words of the sheet; `bids` and `asks` best first."""
    text = "".join(part.replace(".", "").lstrip("0") for row in (*asks[:10], *bids[:10]) for part in row[:2])
    return str(crc32(text.encode()))


# --- data


def test_trades_have_no_id_and_are_given_none() -> None:
    rows = [
        ["354.11000000", "0.89594024", "1618678142.557535", "s", "l", ""],
        ["354.12000000", "0.10000000", "1618678142.557535", "b", "m", ""],
    ]
    name, ts = InstrumentId("XMR-USD@kraken"), 1_618_678_142_557_535_000
    assert list(connection().decode(array(993, rows, "trade", "XMR/USD"), NOW)) == [
        Trade(name, 354.11, 0.89594024, "sell", UNNUMBERED, ts, NOW),
        Trade(name, 354.12, 0.1, "buy", UNNUMBERED, ts, NOW),
    ]


def test_of_a_ticker_the_last_24_hours_are_read() -> None:
    assert only(array(1668, TICKER, "ticker", "WAVES/EUR")) == Ticker(
        instrument=InstrumentId("WAVES-EUR@kraken"), last=13.2539, open=13.4283, high=14.2112, low=12.9,
        volume=72035.05488104, quote_volume=None, change_pct=None, bid=13.2329, ask=13.2539, trades=1353,
        ts_event=NOW, ts_recv=NOW,
    )  # fmt: skip


def test_a_ticker_of_what_never_traded_is_named() -> None:
    never = TICKER | {"c": ["0.0", "0.0"], "h": ["0.0", "0.0"]}
    event = only(array(1668, never, "ticker", "WAVES/EUR"))
    assert isinstance(event, UnknownMessage)
    assert event.kind == "ticker of a pair without trades"


def test_a_spread_is_a_quote() -> None:
    row = ["31760.00000", "31760.10000", "1654031976.197239", "0.02167307", "6.46761464"]
    expected = Quote(BTC, 31760.0, 0.02167307, 31760.1, 6.46761464, None, 1_654_031_976_197_239_000, NOW)
    assert only(array(341, row, "spread", "XBT/USD")) == expected
    one_sided = only(array(341, ["0.00000", *row[1:]], "spread", "XBT/USD"))
    assert isinstance(one_sided, UnknownMessage)


def test_the_second_time_of_a_candle_is_its_end() -> None:
    row = [
        "1542057314.748456",
        "1542057600.000000",
        "3586.70",
        "3586.80",
        "3586.60",
        "3586.65",
        "3586.68894",
        "0.03373",
        2,
    ]
    assert only(array(42, row, "ohlc-5", "XBT/USD")) == VenueCandle(
        instrument=BTC, interval="5m", open_time=1_542_057_300_000_000_000, open=3586.7, high=3586.8, low=3586.6,
        close=3586.65, volume=0.03373, trades=2, closed=False, first_id=None, last_id=None,
        ts_event=1_542_057_314_748_456_000, ts_recv=NOW,
    )  # fmt: skip
    with pytest.raises(WireError, match="found 7"):
        connection().decode(array(42, row, "ohlc-7", "XBT/USD"), NOW)


def test_a_channel_that_we_do_not_know_is_named() -> None:
    event = only(array(1, {}, "openOrders", "XBT/USD"))
    assert isinstance(event, UnknownMessage)
    assert event.kind == "openOrders"


# --- books

ASKS: Rows = [[f"{101 + n}.0", f"{n + 1}.00000000", T] for n in range(10)]
BIDS: Rows = [[f"{100 - n}.0", f"{n + 1}.00000000", T] for n in range(10)]


def begun(depth: int = 10) -> KrakenV1Connection:
    on = connection(2)
    snapshot = only(array(1234, {"as": ASKS, "bs": BIDS}, f"book-{depth}", "XBT/USD"), on)
    assert snapshot == BookSnapshot(
        instrument=BTC, last_id=UNNUMBERED, bids=[(100.0 - n, n + 1.0) for n in range(10)],
        asks=[(101.0 + n, n + 1.0) for n in range(10)], ts_recv=NOW, limit=11, ts_event=T_NS, epoch=2, proven=10,
    )  # fmt: skip
    return on


def test_an_update_in_one_body() -> None:
    bids = [["100.0", "7.00000000", LATER], *BIDS[1:]]
    delta = only(array(1234, {"b": bids[:1], "c": checksum(bids, ASKS)}, "book-10", "XBT/USD"), begun())
    assert delta == BookDelta(BTC, UNNUMBERED, UNNUMBERED, [(100.0, 7.0)], [], LATER_NS, NOW, 2)


def test_an_update_in_two_bodies_is_one_change_and_proved_after_both() -> None:
    bids, asks = [["100.5", "1.00000000", T], *BIDS[:9]], ASKS[1:]
    gone = ["101.0", "0.00000000", LATER]
    raw = array(1234, {"a": [gone]}, {"b": bids[:1], "c": checksum(bids, asks)}, "book-10", "XBT/USD")
    delta = only(raw, begun())
    assert delta == BookDelta(
        BTC, UNNUMBERED, UNNUMBERED, [(100.5, 1.0), (91.0, 0.0)], [(101.0, 0.0)], LATER_NS, NOW, 2
    )


def test_the_depth_stands_in_the_name_of_the_channel() -> None:
    bids = [["100.5", "1.00000000", LATER], *BIDS]
    delta = only(array(1, {"b": bids[:1], "c": checksum(bids, ASKS)}, "book-25", "XBT/USD"), begun(25))
    assert isinstance(delta, BookDelta)
    assert delta.bids == [(100.5, 1.0)]


def test_a_level_that_is_only_said_again_does_not_set_the_clock_back() -> None:
    on = begun()
    bids = [["100.0", "7.00000000", LATER], *BIDS[1:]]
    on.decode(array(1234, {"b": bids[:1], "c": checksum(bids, ASKS)}, "book-10", "XBT/USD"), NOW)
    again = ["99.0", "2.00000000", T, "r"]
    delta = only(array(1234, {"b": [again], "c": checksum(bids, ASKS)}, "book-10", "XBT/USD"), on)
    assert delta == BookDelta(BTC, UNNUMBERED, UNNUMBERED, [(99.0, 2.0)], [], LATER_NS, NOW, 2)


def test_a_wrong_checksum_is_one_doubt_and_then_silence_until_the_next_snapshot() -> None:
    on = begun()
    wrong = array(1234, {"b": [["99.0", "9.00000000", T]], "c": "5"}, "book-10", "XBT/USD")
    doubt = only(wrong, on)
    assert isinstance(doubt, BookDoubt)
    assert (doubt.instrument, doubt.epoch) == (BTC, 2)
    assert list(on.decode(wrong, NOW)) == []
    assert isinstance(only(array(1, {"as": ASKS, "bs": BIDS}, "book-10", "XBT/USD"), on), BookSnapshot)


def test_without_a_checksum_nothing_is_doubted() -> None:
    delta = only(array(1234, {"a": [["101.0", "2.00000000", LATER]]}, "book-10", "XBT/USD"), begun())
    assert isinstance(delta, BookDelta)


def test_an_empty_book_is_a_book() -> None:
    on = connection()
    snapshot = only(b'[6304,{"as":[],"bs":[]},"book-25","PERP/EUR"]', on)
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.bids, snapshot.asks, snapshot.limit, snapshot.ts_event) == ([], [], 1, None)
    assert list(on.decode(b'[6304,{"a":[]},"book-25","PERP/EUR"]', NOW)) == []
    first: Rows = [["1.5", "2.0", T]]
    delta = only(array(6304, {"b": first, "c": checksum(first, [])}, "book-25", "PERP/EUR"), on)
    assert isinstance(delta, BookDelta)
    assert (delta.bids, delta.ts_event) == ([(1.5, 2.0)], T_NS)


def test_an_unsubscribed_book_is_forgotten() -> None:
    on = begun()
    raw = (
        b'{"channelID":10001,"channelName":"book-10","event":"subscriptionStatus","pair":"XBT/USD",'
        b'"status":"unsubscribed","subscription":{"depth":10,"name":"book"},"reqid":5}'
    )
    assert only(raw, on) == Ack(5, ("book-10:XBT/USD",), "stream")
    unproven = only(array(1234, {"b": [["99.0", "9.00000000", T]], "c": "5"}, "book-10", "XBT/USD"), on)
    assert isinstance(unproven, BookDelta)


@pytest.mark.parametrize(
    "row",
    [
        ["nan", "1.0", T], ["inf", "1.0", T], ["1_0", "1.0", T], [" 1", "1.0", T], ["+1", "1.0", T], ["1e5", "1.0", T],
        ["0.0", "1.0", T], ["1.0", "-1.0", T], ["", "1.0", T], ["1" * 41, "1.0", T], ["1.0", "1.0"], [],
        ["1.0", "1.0", "yesterday"], ["1.0", "1.0", "0.000000"], [1.0, 1.0, T],
    ],
)  # fmt: skip
def test_a_level_that_cannot_be_changes_nothing(row: Any) -> None:
    on = begun()
    with pytest.raises(WireError):
        on.decode(array(1234, {"b": [["99.0", "9.0", T], row], "c": "5"}, "book-10", "XBT/USD"), NOW)
    assert isinstance(
        only(array(1, {"b": [], "c": checksum(BIDS, ASKS)}, "book-10", "XBT/USD"), on), BookDelta
    )


@pytest.mark.parametrize(
    "parts",
    [
        (), (1, {}, "trade"), (1, {}, "book-10", "XBT/USD"), (1, {"as": [], "a": []}, "book-10", "XBT/USD"),
        (1, {"b": [], "c": 5}, "book-10", "XBT/USD"), (1, {"b": [], "c": "-5"}, "book-10", "XBT/USD"),
        (1, {"as": [["1.0", "1.0", T]] * 2, "bs": []}, "book-10", "XBT/USD"),
        (1, [["1.0", "1.0", T, "x", "l", ""]], "trade", "XBT/USD"), (1, [["nan", "1.0", T, "s"]], "trade", "XBT/USD"),
        (1, TICKER | {"t": [1]}, "ticker", "XBT/USD"), (1, [], "trade", "XBTUSD"), (1, [], 5, "XBT/USD"),
        (1, [], "trade", 5),
    ],
)  # fmt: skip
def test_data_that_cannot_be_is_refused(parts: tuple[Any, ...]) -> None:
    with pytest.raises(WireError):
        connection().decode(array(*parts), NOW)


# --- events


@pytest.mark.parametrize("status", ["online", "maintenance"])
def test_the_venue_says_how_it_is(status: str) -> None:
    raw = b'{"connectionID":18239578009413566319,"event":"systemStatus","status":"%b","version":"1.8.3"}'
    assert only(raw % status.encode()) == VenueCondition(status == "online", status)


@pytest.mark.parametrize("raw", [b'{"event":"heartbeat"}', b' { "event" : "pong" , "reqid" : 5 } '])
def test_what_is_known_and_states_no_fact(raw: bytes) -> None:
    assert connection().decode(raw, NOW) == ()


def test_answers() -> None:
    taken = (
        b'{"channelID":1665,"channelName":"trade","event":"subscriptionStatus","pair":"WAVES/EUR","status":"subscribed",'
        b'"subscription":{"name":"trade"}}'
    )
    assert only(taken) == Ack(None, ("trade:WAVES/EUR",), "stream")
    refused = (
        b'{"errorMessage":"Currency pair not supported X/Y","event":"subscriptionStatus","pair":"X/Y","reqid":7,'
        b'"status":"error","subscription":{"depth":10,"name":"book"}}'
    )
    assert only(refused) == Refusal(7, None, "Currency pair not supported X/Y", ("book-10:X/Y",))
    candles = refused.replace(b'"depth":10,"name":"book"', b'"interval":5,"name":"ohlc"')
    assert only(candles) == Refusal(7, None, "Currency pair not supported X/Y", ("ohlc-5:X/Y",))
    trades = refused.replace(b'"depth":10,"name":"book"', b'"name":"trade"')
    assert only(trades) == Refusal(7, None, "Currency pair not supported X/Y", ("trade:X/Y",))
    whole = b'{"errorMessage":"Malformed request","event":"error"}'
    assert only(whole) == Refusal(None, None, "Malformed request")
    of_none = b'{"event":"subscriptionStatus","status":"error","reqid":2}'
    assert only(of_none) == Refusal(2, None, "refused without a reason")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"event":"subscriptionStatus","status":"new","pair":"X/Y","channelName":"trade"}', "subscriptionStatus new"),
        (b'{"event":"subscriptionStatus","status":"subscribed"}', "subscriptionStatus subscribed"),
        (b'{"event":"addOrderStatus","status":"ok"}', "addOrderStatus"),
        (b'{"feed":"book","product_id":"PI_XBTUSD"}', ""),
    ],
)  # fmt: skip
def test_events_that_we_do_not_know_are_named(raw: bytes, kind: str) -> None:
    event = only(raw)
    assert isinstance(event, UnknownMessage)
    assert event.kind == kind


# --- the codec


def test_it_is_read_and_not_spoken() -> None:
    codec = KrakenV1Codec()
    pair = Instrument(BTC, "kraken", "BTC", "USD", "BTC/USD")
    for ask in (
        lambda: codec.encode_subscribe(("trade:XBT/USD",), 1),
        lambda: codec.encode_unsubscribe(("trade:XBT/USD",), 1),
        lambda: codec.snapshot_request(pair, 10),
        lambda: codec.trades_request(pair, 1, 10),
        lambda: codec.recent_trades_request(pair, 10),
        lambda: codec.candles_request(pair, "1m", 0, 10),
        codec.time_request,
        codec.catalogue_request,
    ):
        with pytest.raises(CannotFollow, match="version 1"):
            ask()
    assert codec.streams(pair) == ()
    assert connection().greeting() == ()
    assert codec.socket_path(()) == "/"


def test_names_and_rest_are_read_as_in_version_2() -> None:
    codec = KrakenV1Codec()
    assert codec.instrument("XBT/USD").id == BTC
    with pytest.raises(WireError):
        codec.instrument("XBT")
    assert codec.stream_instrument("book-10:XBT/USD") == BTC
    assert codec.stream_instrument("book-10") is None
    assert codec.batch_of("book-10:XBT/USD") == "book-10"
    body = b'{"error":[],"result":{"unixtime":1391835876}}'
    assert codec.decode_http("/0/public/Time", body, NOW) == (
        ServerTime(1_391_835_876_000_000_000, coarse_ns=10**9),
    )
    learned = Instrument(InstrumentId("COIN-USD@kraken"), "kraken", "BTC", "USD", "BTC/USD")
    codec.learn([learned])
    trade = only(array(1, [["1.0", "1.0", T, "s", "l", ""]], "trade", "XBT/USD"), codec.connection(1))
    assert isinstance(trade, Trade)
    assert trade.instrument == learned.id
