"""Coinbase's twin: what it says to whom, its acks and refusals, and what faults do to it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from coinbase_twin_bench import BTC, CHANNELS, ETH, Book, CoinbaseBench, frames
from msgspec.structs import replace
from twin_bench import ADDRESS, START, Bench, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.coinbase import Connection
from bethna.twins.coinbase.frames import Forms, order_id
from bethna.twins.coinbase.listings import listings, product
from bethna.twins.coinbase.text import padded, time_text, trimmed
from bethna.twins.faults import Fault
from bethna.twins.line import Answer
from bethna.twins.market.catalogue import catalogue
from bethna.twins.market.facts import Execution
from bethna.twins.market.world import World
from bethna.twins.registry import VENUES, build


def acks(wire: NotingWire) -> list[dict[str, set[str]]]:
    return [
        {row["name"]: set(row["product_ids"]) for row in each["channels"]}
        for each in frames(wire, "subscriptions")
    ]


# --- numbers and words


def test_numbers_and_times_as_the_sheet_and_the_recordings_show_them() -> None:
    assert [padded(6_702_100_000, 4), padded(70_000_000), padded(0, 1), padded(900_000_000, 0)] == [
        b"67.0210",
        b"0.70000000",
        b"0.0",
        b"9",
    ]
    assert [trimmed(6_702_100_000), trimmed(500_000_000), trimmed(5_934), trimmed(100_000_000_000)] == [
        b"67.021",
        b"5",
        b"0.00005934",
        b"1000",
    ]
    assert time_text(1_790_733_793_822_201_999) == b"2026-09-30T02:03:13.822201Z"
    assert time_text(1_790_733_794_000_000_000) == b"2026-09-30T02:03:14.000000Z"


def test_frames_byte_for_byte() -> None:
    forms = Forms(replace(product("BTC", "USD"), tick=1_000_000, lot=1_000))
    each = Execution(1100243487, 7, 8_342_099, 5, True, 1_790_733_793_822_000_000, 1)
    maker, taker = order_id(BTC, 1, 1100243487), order_id(BTC, 2, 7)
    assert forms.match(each, 136999328367) == (
        b'{"type":"match","trade_id":1100243487,"maker_order_id":"'
        + maker
        + b'","taker_order_id":"'
        + taker
        + b'",'
        b'"side":"buy","size":"0.00005","price":"83420.99","product_id":"BTC-USD","sequence":136999328367,'
        b'"time":"2026-09-30T02:03:13.822000Z"}'
    )
    assert forms.heartbeat(5, 9, 1_790_733_794_000_000_000) == (
        b'{"type":"heartbeat","last_trade_id":5,"product_id":"BTC-USD","sequence":9,'
        b'"time":"2026-09-30T02:03:14.000000Z"}'
    )
    assert forms.snapshot([(10, 3)], [(11, 4)]) == (
        b'{"type":"snapshot","product_id":"BTC-USD","asks":[["0.11","0.00004000"]],"bids":[["0.10","0.00003000"]]}'
    )
    assert forms.update([(True, 10, 0), (False, 12, 7)], 1_790_733_793_763_929_000) == (
        b'{"type":"l2update","product_id":"BTC-USD","changes":[["buy","0.10","0.00000000"],'
        b'["sell","0.12","0.00007000"]],"time":"2026-09-30T02:03:13.763929Z"}'
    )


def test_orders_have_ids_of_their_own() -> None:
    ids = {order_id(name, kind, number) for name in (BTC, ETH) for kind in (1, 2) for number in range(500)}
    assert len(ids) == 2000
    assert all(len(each) == 36 and each[14:15] == b"4" and each[19:20] in b"89ab" for each in ids)


# --- what is said


def test_a_client_can_follow_books_and_trades_by_what_it_is_told() -> None:
    bench = CoinbaseBench()
    wire = bench.listen()
    for symbol, market in bench.world.markets.items():
        told = frames(wire, product=symbol)
        book = Book(told)
        tick, lot = market.listing.tick / 1e8, market.listing.lot / 1e8
        truth = tuple(
            [(round(price * tick, 6), round(size * lot, 8)) for price, size in side]
            for side in market.depth(10_000)
        )
        assert book.rows() == truth
        trades = [each for each in told if each["type"] in ("last_match", "match")]
        assert [each["type"] for each in trades[:2]] == ["last_match", "match"]
        ids = [each["trade_id"] for each in trades]
        assert ids == list(range(ids[0], market.last_trade_id + 1))
        assert len(ids) > 20
        sequences = [each["sequence"] for each in trades]
        assert sequences == sorted(set(sequences))


def test_the_maker_stands_in_a_match_and_the_taker_in_its_ticker() -> None:
    bench = CoinbaseBench()
    wire = bench.listen()
    executions = {each.trade_id: each for each in bench.world.markets[BTC].recent_trades(1000)}
    matches = {each["trade_id"]: each for each in frames(wire, "match", BTC)}
    tickers = {each["trade_id"]: each for each in frames(wire, "ticker", BTC)}
    assert matches.keys() == tickers.keys() - {min(tickers)}
    for trade_id, match in matches.items():
        maker, taker = ("buy", "sell") if executions[trade_id].buyer_is_maker else ("sell", "buy")
        ticker = tickers[trade_id]
        assert (match["side"], ticker["side"]) == (maker, taker)
        assert (match["price"], match["size"]) == (ticker["price"], ticker["last_size"])
        assert (match["sequence"], match["time"]) == (ticker["sequence"], ticker["time"])


def test_volumes_of_tickers_grow_by_each_trade() -> None:
    told = frames(CoinbaseBench().listen(), "ticker", BTC)
    for before, after in pairwise(told):
        for name in ("volume_24h", "volume_30d"):
            grown = round(float(after[name]) - float(before[name]), 8)
            assert grown == pytest.approx(float(after["last_size"]), abs=1e-7)


def test_heartbeats_tell_the_last_trade_each_second_though_matches_are_lost() -> None:
    bench = CoinbaseBench(Fault(kind="missing_trades", at_s=5.0, for_s=4.0, symbol=BTC))
    wire = bench.listen()
    beats = frames(wire, "heartbeat", BTC)
    assert [each["time"][17:] for each in beats] == [f"{20 + second:02}.000000Z" for second in range(4, 13)]
    ids = [each["last_trade_id"] for each in beats]
    assert ids == sorted(ids)
    lost = {damage.last or 0 for damage in bench.twin.losses if damage.stream == f"matches:{BTC}"}
    seen = {each["trade_id"] for each in frames(wire, "match", BTC)}
    assert lost
    assert seen | lost == set(range(min(seen | lost), ids[-1] + 1))
    assert not seen & lost


def test_updates_are_batches_of_fifty_milliseconds_with_each_level_once() -> None:
    wire = CoinbaseBench(rate=200.0).listen(until_s=6.0)
    found = [(at, msgspec.json.decode(text)) for at, _, text in wire.said if b"l2update" in text[:20]]
    assert {at % 50_000_000 for at, _ in found} == {0}
    assert max(len(each["changes"]) for _, each in found) > 3
    for _, each in found:
        levels = [tuple(change[:2]) for change in each["changes"]]
        assert len(set(levels)) == len(levels)


def test_who_comes_later_is_told_a_book_that_the_next_update_goes_on_from() -> None:
    bench = CoinbaseBench()
    bench.subscribe(bench.open()[0])
    wires = []
    for number in range(15):
        bench.run(2 + number * 0.137)
        connection, wire = bench.open()
        bench.subscribe(connection, [BTC], ["level2_batch"])
        wires.append(wire)
    bench.run(10)
    books = [Book(frames(wire)).sides for wire in wires]
    assert all(each == books[0] for each in books)
    # Nothing is removed that is not there: `Book` would have failed.


def test_a_batched_ticker_comes_every_five_seconds_with_the_last_trade() -> None:
    bench = CoinbaseBench().run(3)
    connection, wire = bench.open()
    bench.subscribe(connection, [BTC], ["ticker_batch"])
    bench.run(20)
    ats = [(at - START) / NS_PER_S for at, _, text in wire.said if b'"ticker"' in text[:20]]
    assert ats == [3, 5, 10, 15, 20]
    assert frames(wire, "ticker")[-1]["trade_id"] == bench.world.markets[BTC].last_trade_id


def test_status_lists_products_and_currencies_at_once_and_every_five_seconds() -> None:
    bench = CoinbaseBench().run(1)
    connection, wire = bench.open()
    bench.say(connection, {"type": "subscribe", "channels": [{"name": "status"}]})
    bench.run(10)
    told = frames(wire, "status")
    assert len(told) == 3
    assert [row["id"] for row in told[0]["products"]] == [BTC, ETH]
    assert {row["status"] for row in told[0]["products"]} == {"online"}
    assert [row["id"] for row in told[0]["currencies"]] == ["BTC", "ETH", "USD"]
    assert acks(wire) == [{"status": set()}]


# --- acks and refusals


def test_an_ack_is_the_whole_state_of_the_connection() -> None:
    bench = CoinbaseBench().run(2)
    connection, wire = bench.open()
    bench.subscribe(
        connection, [ETH], ["level2_batch", "heartbeat", {"name": "ticker", "product_ids": [BTC]}]
    )
    state: dict[str, set[str]] = {"level2_batch": {ETH}, "heartbeat": {ETH}, "ticker": {ETH, BTC}}
    assert acks(wire)[-1] == state
    bench.subscribe(connection, [BTC], ["matches"])
    assert acks(wire)[-1] == state | {"matches": {BTC}}
    bench.say(connection, {"type": "unsubscribe", "product_ids": [BTC], "channels": ["ticker", "matches"]})
    assert acks(wire)[-1] == state | {"ticker": {ETH}}
    bench.say(connection, {"type": "unsubscribe", "channels": ["heartbeat", "ticker"]})
    assert acks(wire)[-1] == {"level2_batch": {ETH}}
    bench.subscribe(connection, [ETH], ["level2_batch"])
    assert acks(wire)[-1] == {"level2_batch": {ETH}}
    assert len(frames(wire, "snapshot")) == 1
    bench.say(connection, {"type": "unsubscribe", "product_ids": [ETH], "channels": ["level2_batch"]})
    bench.subscribe(connection, [ETH], ["level2_batch"])
    assert len(frames(wire, "snapshot")) == 2


def test_the_first_ack_comes_before_its_data_and_later_ones_behind_the_first_product() -> None:
    bench = CoinbaseBench().run(3)
    connection, wire = bench.open()
    bench.subscribe(connection, [BTC, ETH], ["matches", "level2_batch", "ticker"])
    opening = ["snapshot", "ticker", "last_match"]
    assert [each["type"] for each in frames(wire)] == ["subscriptions", *opening, *opening]
    wire.said.clear()
    bench.say(connection, {"type": "unsubscribe", "channels": ["matches"]})
    bench.subscribe(connection, [BTC, ETH], ["matches"])
    kinds = [(each["type"], each.get("product_id")) for each in frames(wire)]
    assert kinds == [
        ("subscriptions", None), ("last_match", BTC), ("subscriptions", None), ("last_match", ETH)
    ]  # fmt: skip


_KEY = (
    "level2, level3, and full channels now require authentication. "
    "https://docs.cloud.coinbase.com/exchange/docs/websocket-auth"
)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"product_ids": [BTC], "channels": ["level2"]}, _KEY),
        ({"product_ids": [BTC], "channels": ["matches", "full"]}, _KEY),
        ({"product_ids": [BTC, "NO-SUCH"], "channels": ["matches"]}, "NO-SUCH is not a valid product"),
        ({"product_ids": ["btc-usd"], "channels": ["matches"]}, "btc-usd is not a valid product"),
        ({"product_ids": [""], "channels": ["matches"]}, " is not a valid product"),
        ({"product_ids": [BTC], "channels": ["trades"]}, "trades is not a valid channel"),
        ({"product_ids": [BTC]}, "No channels provided"),
        ({"channels": ["matches"]}, "No products provided"),
    ],
)
def test_a_wrong_name_refuses_the_message_as_a_whole(message: dict[str, Any], reason: str) -> None:
    bench = CoinbaseBench()
    connection, wire = bench.open()
    bench.say(connection, {"type": "subscribe"} | message)
    assert frames(wire) == [{"type": "error", "message": "Failed to subscribe", "reason": reason}]
    assert not connection.topics
    bench.subscribe(connection)
    assert acks(wire) == [{name: {BTC, ETH} for name in CHANNELS}]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, "\ud800", b'{"type":5}', b"{}", b'{"type":"ping"}']
)
def test_rubbish_is_answered_with_an_error_and_harms_nothing(data: bytes | str) -> None:
    bench = CoinbaseBench()
    connection, wire = bench.open()
    connection.text(data, bench.now)
    (told,) = frames(wire)
    assert told.keys() == {"type", "message"}
    assert told["type"] == "error"
    bench.subscribe(connection)
    assert len(acks(wire)) == 1


# --- limits


def test_who_has_not_subscribed_in_five_seconds_is_cut_off() -> None:
    bench = CoinbaseBench()
    _, quiet = bench.open()
    connection, wire = bench.open()
    refused, late = bench.open()
    bench.run(4.999)
    assert not quiet.said
    bench.subscribe(connection, [BTC], ["heartbeat"])
    bench.subscribe(refused, [BTC], ["level2"])
    bench.run(60)
    assert [how for _, how, _ in quiet.said] == ["close"]
    assert quiet.said[0][0] == START + 5 * NS_PER_S
    assert late.ended()
    assert not wire.ended()
    assert len(frames(wire, "heartbeat")) == 56


def test_twenty_sockets_at_once_and_eight_more_each_second() -> None:
    bench = CoinbaseBench()
    found = [bench.twin.upgrade("/", ADDRESS, bench.now) for _ in range(21)]
    assert [isinstance(each, Connection) for each in found] == [True] * 20 + [False]
    denied = found[-1]
    assert isinstance(denied, Answer)
    assert (denied.status, denied.body) == (429, b'{"message":"Public rate limit exceeded"}')
    assert isinstance(bench.twin.upgrade("/", "127.0.0.2", bench.now), Connection)
    bench.run(1)
    found = [bench.twin.upgrade("/", ADDRESS, bench.now) for _ in range(9)]
    assert [isinstance(each, Connection) for each in found] == [True] * 8 + [False]


def test_fifteen_requests_at_once_and_ten_more_each_second() -> None:
    bench = CoinbaseBench()
    assert [bench.get("/time").status for _ in range(16)] == [200] * 15 + [429]
    bench.run(1)
    assert [bench.get("/time").status for _ in range(11)] == [200] * 10 + [429]
    assert bench.twin.state(bench.now)["limits"] == {ADDRESS: {"requests_left": 0.0}}


def test_a_hundred_messages_a_second_of_one_address() -> None:
    bench = CoinbaseBench()
    both = [bench.open() for _ in range(2)]
    for number in range(100):
        bench.subscribe(both[number % 2][0], [BTC], ["heartbeat"])
    assert not any(wire.ended() for _, wire in both)
    bench.subscribe(both[0][0], [BTC], ["heartbeat"])
    assert [wire.ended() for _, wire in both] == [True, False]


def test_elsewhere_is_nothing() -> None:
    bench = CoinbaseBench()
    denied = bench.twin.upgrade("/ws", ADDRESS, bench.now)
    assert isinstance(denied, Answer)
    assert (denied.status, denied.body) == (404, b'{"message":"Route not found"}')


# --- the market


def test_prices_of_one_asset_are_near_each_other_on_all_venues() -> None:
    names = [("BTC", "USD"), ("ETH", "USD"), ("SOL", "USD"), ("DOGE", "USD"), ("ETH", "EUR"), ("BTC", "USDT")]
    here = World(11, START, [product(*each) for each in names])
    listed = {each.symbol: each for each in catalogue()}
    there = World(
        11,
        START + 123_456_789,
        [listed[f"{base}USDT"] for base in ("BTC", "ETH", "SOL", "DOGE")] + [listed["ETHEUR"]],
    )
    for second in range(1, 600, 23):
        here.advance(START + second * NS_PER_S)
        there.advance(START + second * NS_PER_S)
        for base, quote in names:
            symbol = f"{base}{'USDT' if quote == 'USD' else quote}"
            assert middle(here, f"{base}-{quote}") / middle(there, symbol) == pytest.approx(1.0, abs=0.003)


def middle(world: World, symbol: str) -> float:
    market = world.markets[symbol]
    bid, ask = market.best()
    assert bid is not None
    assert ask is not None
    return (bid[0] + ask[0]) / 2 * market.listing.tick


def test_listings_are_the_venues_own() -> None:
    listed = listings()
    words = VENUES["coinbase"].words
    assert len({each.symbol for each in listed}) == len(listed) > 100
    assert all(words.is_symbol(each.symbol) for each in listed)
    by_name = {each.symbol: each for each in listed}
    assert not by_name["MATIC-USD"].trading
    assert by_name[BTC].tick == 1_000_000
    assert "USDT-USD" in by_name
    assert "BTC-USDC" not in by_name


def test_the_snapshot_of_the_liveliest_book_is_huge() -> None:
    simulated = build("coinbase", seed=1, start=START, listings=(product("BTC", "USD"),))
    bids, asks = simulated.world.markets[BTC].depth(100_000)
    assert len(bids) + len(asks) == 22_000


def test_the_worlds_of_other_venues_are_what_they_were() -> None:
    bench = Bench().run(30)
    assert len({each.symbol for each in catalogue()}) == 452
    assert bench.world.markets["BTCUSDT"].last_price is not None
