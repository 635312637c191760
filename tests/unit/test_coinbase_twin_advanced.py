"""Coinbase's twin on its second wire: one count a connection, data before its ack, silent omissions, its own REST."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import msgspec
import pytest
from coinbase_advanced_bench import AdvancedBench, said
from coinbase_twin_bench import BTC, ETH
from twin_bench import START, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.coinbase.advanced.frames import heartbeat, percent, stamp, time_text
from bethna.twins.coinbase.advanced.venue import Rules
from bethna.twins.faults import Fault
from bethna.twins.registry import VENUES

EPOCH = START // NS_PER_S


def numbers(wire: NotingWire) -> list[int]:
    return [each["sequence_num"] for each in said(wire) if "channel" in each]


def trades(wire: NotingWire, product: str) -> list[list[int]]:
    """Ids of each frame of a product's trades, as they stand there."""
    return [
        [int(each["trade_id"]) for each in event["trades"]]
        for frame in said(wire, "market_trades")
        for event in frame["events"]
        if event["trades"][0]["product_id"] == product
    ]


# --- frames


def test_words_byte_for_byte() -> None:
    assert [
        time_text(ts)
        for ts in (1_790_735_993_788_217_036, 1_790_735_993_407_329_000, 1_790_735_993_000_000_000)
    ] == [
        b"2026-09-30T02:39:53.788217036Z",
        b"2026-09-30T02:39:53.407329Z",
        b"2026-09-30T02:39:53Z",
    ]
    now = 1_788_824_242_674_409_000
    beat = stamp(heartbeat(now, 139651, 139_651_272_674_714), 3)
    assert beat == (
        b'{"channel":"heartbeats","timestamp":"2026-09-07T23:37:22.674409Z","sequence_num":3,"events":[{"current_time":'
        b'"2026-09-07 23:37:22.674409 +0000 UTC m=+139651.272674714","heartbeat_counter":139651}]}'
    )
    assert [percent(95, 100), percent(103, 100), percent(5, 0), percent(7, 7)] == [b"-5", b"3", b"0", b"0"]


def test_one_count_over_all_that_is_said_starts_at_nought() -> None:
    wire = AdvancedBench().listen("level2", "market_trades", "ticker", "candles", "heartbeats", "status")
    assert numbers(wire) == list(range(len(wire.texts())))
    channels = {each["channel"] for each in said(wire)}
    assert channels == {
        "l2_data", "market_trades", "ticker", "candles", "heartbeats", "status", "subscriptions"
    }  # fmt: skip
    for text in wire.texts():
        assert list(msgspec.json.decode(text)) == ["channel", "timestamp", "sequence_num", "events"]


def test_a_client_can_follow_the_book() -> None:
    bench = AdvancedBench()
    wire = bench.listen("level2")
    book: dict[str, dict[str, dict[str, float]]] = {}
    for frame in said(wire, "l2_data"):
        for event in frame["events"]:
            sides = book.setdefault(event["product_id"], {"bid": {}, "offer": {}})
            assert event["type"] == ("update" if sides["bid"] else "snapshot")
            for each in event["updates"]:
                sides[each["side"]][each["price_level"]] = float(each["new_quantity"])
                if each["new_quantity"] == "0":
                    del sides[each["side"]][each["price_level"]]
    for symbol, market in bench.world.markets.items():
        tick, lot = market.listing.tick / 1e8, market.listing.lot / 1e8
        for side, levels in zip(("bid", "offer"), market.depth(10_000), strict=True):
            truth = {round(price * tick, 2): round(lots * lot, 8) for price, lots in levels}
            assert {float(price): size for price, size in book[symbol][side].items()} == truth


def test_trades_come_newest_first_after_a_snapshot_that_they_overlap_with_and_without_a_hole() -> None:
    bench = AdvancedBench(rate=80.0)
    wire = bench.listen("market_trades")
    for symbol, market in bench.world.markets.items():
        frames = trades(wire, symbol)
        assert all(ids == list(range(ids[0], ids[0] - len(ids), -1)) for ids in frames)
        assert max(len(ids) for ids in frames[1:]) > 1
        every = {each for ids in frames for each in ids}
        assert every == set(range(min(every), market.last_trade_id + 1))
    makers = {each.trade_id: each.buyer_is_maker for each in bench.world.markets[BTC].recent_trades(10_000)}
    for frame in said(wire, "market_trades"):
        for each in frame["events"][0]["trades"]:
            if each["product_id"] == BTC:
                assert each["side"] == ("BUY" if makers[int(each["trade_id"])] else "SELL")
    ats = {at % 250_000_000 for at, _, text in wire.said if b'"update","trades"' in text}
    assert ats == {0}


def test_candles_are_of_five_minutes_and_the_tickers_of_batches_have_no_best_prices() -> None:
    wire = AdvancedBench().listen("candles", "ticker", "ticker_batch", until_s=290)
    rows = [row for frame in said(wire, "candles") for event in frame["events"] for row in event["candles"]]
    assert {int(row["start"]) % 300 for row in rows} == {0}
    assert len({row["start"] for row in rows}) == 2
    last = [row for row in rows if row["product_id"] == BTC][-1]
    assert float(last["low"]) <= float(last["close"]) <= float(last["high"])
    (plain, batched) = (
        said(wire, name)[-1]["events"][0]["tickers"][0] for name in ("ticker", "ticker_batch")
    )
    assert [key for key in plain if key not in batched] == [
        "best_bid", "best_bid_quantity", "best_ask", "best_ask_quantity"
    ]  # fmt: skip


# --- acks


def test_data_comes_before_the_ack_and_the_ack_is_the_whole_state() -> None:
    bench = AdvancedBench().run(3)
    connection, wire = bench.open()
    bench.ask(connection, "level2", (BTC, ETH))
    bench.run(3.5)
    bench.ask(connection, "heartbeats")
    channels = [each["channel"] for each in said(wire)]
    assert channels[:2] == ["l2_data", "l2_data"]
    assert channels.index("subscriptions") > 2, "updates too"
    acks = [each["events"] for each in said(wire, "subscriptions")]
    assert acks == [
        [{"subscriptions": {"level2": [BTC, ETH]}}],
        [{"subscriptions": {"level2": [BTC, ETH], "heartbeats": ["heartbeats"]}}],
    ]
    bench.ask(connection, "level2", (ETH,), "unsubscribe")
    assert said(wire)[-1]["events"] == [{"subscriptions": {"level2": [BTC], "heartbeats": ["heartbeats"]}}]
    bench.ask(connection, "level2", (), "unsubscribe")
    assert said(wire)[-1]["events"] == [{"subscriptions": {"heartbeats": ["heartbeats"]}}]
    assert set(connection.topics) == {"heartbeats"}


def test_unknown_products_are_left_out_in_silence() -> None:
    bench = AdvancedBench().run(3)
    connection, wire = bench.open()
    bench.ask(connection, "level2", ("NO-SUCH", BTC, "NO-USDC"))
    bench.run(4)
    assert said(wire, "subscriptions")[-1]["events"] == [{"subscriptions": {"level2": [BTC]}}]
    bench.ask(connection, "ticker", ("NO-SUCH",))
    assert said(wire)[-1]["events"] == [{"subscriptions": {"level2": [BTC]}}]


def test_an_alias_delivers_the_data_of_what_it_stands_for() -> None:
    bench = AdvancedBench().run(3)
    connection, wire = bench.open()
    bench.ask(connection, "market_trades", ("BTC-USDC",))
    bench.run(4)
    bench.ask(connection, "market_trades", (BTC,))
    bench.ask(connection, "market_trades", ("BTC-USDC",), "unsubscribe")
    assert set(connection.topics) == {f"market_trades:{BTC}"}
    assert said(wire, "subscriptions")[0]["events"] == [{"subscriptions": {"market_trades": ["BTC-USDC"]}}]
    assert {
        each["product_id"] for frame in said(wire, "market_trades") for each in frame["events"][0]["trades"]
    } == {BTC}
    assert (
        len([frame for frame in said(wire, "market_trades") if frame["events"][0]["type"] == "snapshot"]) == 1
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"type":"subscribe","channel":"trades","product_ids":["BTC-USD"]}', "authentication failure"),
        (b'{"type":"subscribe","channel":"user"}', "authentication failure"),
        (b'{"type":"subscribe"}', "authentication failure"),
        (b'{"type":"hello","channel":"level2"}', "failure to subscribe"),
        (b"{", "failure to subscribe"),
        (b"\xff", "failure to subscribe"),
    ],
)
def test_errors_bear_no_number_and_take_none(data: bytes, reason: str) -> None:
    bench = AdvancedBench()
    connection, wire = bench.open()
    connection.text(data, bench.now)
    assert said(wire) == [{"type": "error", "message": reason}]
    bench.ask(connection, "heartbeats")
    assert numbers(wire) == [0]


# --- limits and faults


def test_a_connection_without_a_subscription_or_without_a_word_is_closed() -> None:
    bench = AdvancedBench()
    _, silent = bench.open()
    connection, idle = bench.open()
    bench.ask(connection, "level2", ("NO-SUCH",))
    beating, wire = bench.open()
    bench.ask(beating, "heartbeats")
    bench.run(5.1)
    assert silent.ended()
    assert idle.ended(), "nothing of it was subscribed"
    bench.run(100)
    assert not wire.ended()
    counters = [each["events"][0]["heartbeat_counter"] for each in said(wire, "heartbeats")]
    assert counters == list(range(counters[0], counters[0] + 100))
    rare, quiet = bench.open()
    bench.ask(rare, "level2", (BTC,))
    bench.ask(rare, "level2", (), "unsubscribe")
    bench.run(140)
    assert not quiet.ended()
    bench.run(190)
    assert quiet.ended()


def test_eight_messages_a_second_of_an_address() -> None:
    bench = AdvancedBench(rules=Rules())
    connection, wire = bench.open()
    for _ in range(8):
        bench.ask(connection, "heartbeats")
    assert not wire.ended()
    bench.ask(connection, "heartbeats")
    assert wire.ended()


def test_a_dropped_number_is_missing_and_no_frame_is() -> None:
    whole = AdvancedBench().listen("level2", "market_trades")
    bench = AdvancedBench(Fault(kind="dropped_sequence", at_s=5.0, for_s=3.0, share=0.3, count=2))
    wire = bench.listen("level2", "market_trades")
    assert len(wire.texts()) == len(whole.texts())
    found = numbers(wire)
    holes = [b - a - 1 for a, b in pairwise(found) if b != a + 1]
    assert len(holes) == bench.faults.struck["dropped_sequence"] > 3
    assert set(holes) == {2}
    assert bench.twin.losses == []


def test_what_is_lost_leaves_a_hole_in_the_count_and_stands_in_the_ledger() -> None:
    bench = AdvancedBench(Fault(kind="missing_trades", at_s=5.0, for_s=4.0, symbol=BTC, history=False))
    wire = bench.listen("market_trades", "heartbeats")
    found = numbers(wire)
    assert found[-1] - found[0] + 1 - len(found) == len(bench.twin.losses) > 3
    lost = {each for damage in bench.twin.losses for each in range(damage.first or 0, (damage.last or 0) + 1)}
    seen = {each for ids in trades(wire, BTC) for each in ids}
    assert seen | lost == set(range(min(seen), bench.world.markets[BTC].last_trade_id + 1))
    assert not seen & lost
    history = {
        int(row["trade_id"]) for row in bench.json(f"/market/products/{BTC}/ticker?limit=1000")["trades"]
    }
    assert history
    assert not history & lost


def test_a_refused_subscription_is_left_out_of_the_ack_on_a_healthy_socket() -> None:
    bench = AdvancedBench(Fault(kind="refused_subscription", symbol=ETH)).run(3)
    connection, wire = bench.open()
    bench.ask(connection, "level2", (BTC, ETH))
    bench.run(5)
    assert said(wire, "subscriptions")[-1]["events"] == [{"subscriptions": {"level2": [BTC]}}]
    assert not wire.ended()


def test_faults_that_it_can_have() -> None:
    words = VENUES["coinbase_advanced"].words
    assert {"dropped_sequence", "silent_book", "late_ack", "maintenance"} <= set(words.kinds())
    assert "bad_checksum" not in words.kinds()


# --- requests


def test_requests_answer_in_the_forms_of_the_sheet() -> None:
    bench = AdvancedBench(rate=4.0).run(400)
    assert bench.json("/time") == {
        "iso": "2026-09-21T14:20:00Z", "epochSeconds": str(EPOCH + 400), "epochMillis": str(1000 * (EPOCH + 400))
    }  # fmt: skip
    listed_products = bench.json("/market/products?product_type=SPOT")
    assert listed_products["num_products"] == 4
    rows = {row["product_id"]: row for row in listed_products["products"]}
    assert list(rows) == [BTC, ETH, "BTC-USDC", "ETH-USDC"]
    assert (rows["BTC-USDC"]["alias"], rows[BTC]["alias_to"]) == (BTC, ["BTC-USDC"])
    assert bench.json("/market/products/BTC-USDC")["product_id"] == "BTC-USDC"
    page = bench.json("/market/products?limit=1&offset=1")
    assert [row["product_id"] for row in page["products"]] == [ETH]
    book = bench.json(f"/market/product_book?product_id={BTC}&limit=3")["pricebook"]
    assert (book["product_id"], len(book["bids"]), len(book["asks"])) == (BTC, 3, 3)
    assert float(book["bids"][0]["price"]) < float(book["asks"][0]["price"])
    told = bench.json(f"/market/products/{BTC}/ticker?limit=5")
    ids = [int(row["trade_id"]) for row in told["trades"]]
    last = bench.world.markets[BTC].last_trade_id
    assert ids == list(range(last, last - 5, -1))
    oldest = told["trades"][-1]
    end = int(datetime.fromisoformat(oldest["time"]).timestamp())
    span = bench.json(f"/market/products/{BTC}/ticker?limit=5&start={end - 2}&end={end}")["trades"]
    assert span
    assert all(end - 2 <= datetime.fromisoformat(row["time"]).timestamp() <= end for row in span)
    assert int(span[0]["trade_id"]) in range(ids[-1] - 5, ids[-1] + 1)
    assert told["best_bid"] == book["bids"][0]["price"]


def test_candles_are_text_newest_first_and_at_most_350() -> None:
    bench = AdvancedBench(rate=4.0).run(1000)
    target = f"/market/products/{BTC}/candles?granularity=ONE_MINUTE&start={EPOCH}&end={{}}"
    rows = bench.json(target.format(EPOCH + 1000))["candles"]
    starts = [int(row["start"]) for row in rows]
    assert starts == sorted(starts, reverse=True)
    assert len(starts) > 10
    assert list(rows[0]) == ["start", "low", "high", "open", "close", "volume"]
    traded = bench.world.markets[BTC].recent_trades(100_000)
    volume = sum(each.quantity for each in traded) * bench.world.markets[BTC].listing.lot / 1e8
    assert sum(float(row["volume"]) for row in rows) == pytest.approx(volume)
    assert bench.get(target.format(EPOCH + 349 * 60)).status == 200
    assert bench.get(target.format(EPOCH + 350 * 60)).status == 400


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/nothing", 404),
        ("/market/products/NO-SUCH", 404),
        ("/market/product_book?product_id=NO-SUCH", 404),
        ("/market/product_book", 400),
        ("/market/products/BTC-USD/candles?granularity=TWO_MINUTE&start=1&end=2", 400),
        ("/market/products/BTC-USD/candles?granularity=ONE_MINUTE", 400),
    ],
)
def test_refusals(target: str, status: int) -> None:
    answer = AdvancedBench().get(target)
    assert answer.status == status
    assert set(msgspec.json.decode(answer.body)) == {"error", "error_details", "message"}


def test_ten_requests_at_once() -> None:
    bench = AdvancedBench(rules=Rules())
    assert [bench.get("/time").status for _ in range(11)] == [200] * 10 + [429]
