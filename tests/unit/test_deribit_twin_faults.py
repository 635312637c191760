"""What goes wrong with the Deribit twin when it is told to, and what it has in common with the others."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from deribit_bench import BTC, ETH, BookReader, DeribitBench, answers, book_of, data_of
from twin_bench import ADDRESS, START, Bench, NotingWire

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.deribit import Connection
from bethna.twins.deribit.speech import ids_of
from bethna.twins.deribit.words import WORDS
from bethna.twins.faults import Fault, Kind, random_plan
from bethna.twins.market.facts import UNIT
from bethna.twins.registry import VENUES, build

BOOK, TRADES, TICKER = f"book.{BTC}.100ms", f"trades.{BTC}.100ms", f"ticker.{BTC}.100ms"
SPAN_S = 12.0


def seqs_of(wire: NotingWire, channel: str = TRADES) -> list[int]:
    return [trade["trade_seq"] for data in data_of(wire, channel) for trade in data]


def listen(
    *plan: Fault, channels: tuple[str, ...] = (BOOK, TRADES, TICKER)
) -> tuple[DeribitBench, NotingWire]:
    bench = DeribitBench(*plan)
    _, wire = bench.open(*channels)
    return bench.run(SPAN_S), wire


# --- faults


def one(kind: Kind, **more: object) -> Fault:
    given = {"at_s": 3.0, "for_s": 5.0, "symbol": BTC} | more
    return Fault(kind=kind, **given)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("kind", ["missing_diff", "missing_trades", "garbage"])
def test_what_is_lost_stands_in_the_ledger_by_its_ids(kind: Kind) -> None:
    _, whole = listen()
    bench, wire = listen(one(kind, share=0.7, for_s=7.0, stream="" if kind != "garbage" else "book.100ms"))
    came = set(wire.texts())
    missing = [text for text in whole.texts() if text not in came]
    assert [(damage.first, damage.last) for damage in bench.twin.losses] == [ids_of(text) for text in missing]
    assert len(missing) > 2
    assert {damage.kind for damage in bench.twin.losses} == {kind}
    if kind == "missing_diff":
        gaps = BookReader(data_of(wire, BOOK)).gaps
        lost = {damage.last: damage.first for damage in bench.twin.losses}
        assert all(found in lost for _, found in gaps)
        assert gaps
    if kind == "missing_trades":
        lost_seqs = [
            n for damage in bench.twin.losses for n in range(damage.first or 0, (damage.last or 0) + 1)
        ]
        assert sorted([*seqs_of(wire), *lost_seqs]) == seqs_of(whole)


def test_history_may_be_without_the_trades_that_were_lost() -> None:
    for history in (True, False):
        bench, _ = listen(one("missing_trades", history=history))
        lost = {n for damage in bench.twin.losses for n in range(damage.first or 0, (damage.last or 0) + 1)}
        found = bench.result("get_last_trades_by_instrument", instrument_name=BTC, count=1000)["trades"]
        shown = {trade["trade_seq"] for trade in found}
        assert lost
        assert lost <= shown if history else not lost & shown


def test_a_refused_channel_is_left_out_on_a_healthy_socket() -> None:
    bench = DeribitBench(Fault(kind="refused_subscription", for_s=5.0, stream="book*"))
    connection, wire = bench.open(BOOK, TRADES)
    bench.run(6)
    assert answers(wire)[0]["result"] == [TRADES]
    assert data_of(wire, BOOK) == []
    assert seqs_of(wire)
    bench.ask(connection, "public/subscribe", channels=[BOOK])
    assert answers(wire)[-1]["result"] == [BOOK]


def test_a_silent_book_speaks_again_when_it_is_subscribed_anew() -> None:
    bench = DeribitBench(one("silent_book", for_s=1.0))
    connection, wire = bench.open(BOOK, TRADES)
    bench.run(8)
    assert (
        max(each["timestamp"] for each in data_of(wire, BOOK))
        < START // NS_PER_MS + 3000
        < data_of(wire, TRADES)[-1][0]["timestamp"]
    )
    bench.ask(connection, "public/unsubscribe", channels=[BOOK])
    bench.ask(connection, "public/subscribe", channels=[BOOK])
    bench.run(SPAN_S)
    reader = BookReader(data_of(wire, BOOK))
    assert (reader.gaps, reader.wrongs) == ([], [])
    assert (reader.bids, reader.asks) == book_of(bench, BTC)


def test_a_stale_snapshot_breaks_the_chain_and_a_stale_request_shows_the_book_of_before() -> None:
    bench = DeribitBench(one("stale_snapshot", delay_s=2.0)).run(2)
    then = bench.result("get_order_book", instrument_name=BTC)["change_id"]
    bench.run(4)
    _, wire = bench.open(BOOK)
    assert bench.result("get_order_book", instrument_name=BTC)["change_id"] == then
    bench.run(6)
    assert data_of(wire, BOOK)[0]["change_id"] == then
    assert len(BookReader(data_of(wire, BOOK)).gaps) == 1


def test_a_snapshot_that_races_comes_after_changes() -> None:
    bench = DeribitBench(Fault(kind="snapshot_race", delay_s=1.5))
    _, wire = bench.open(BOOK)
    answer = bench.get("get_order_book", instrument_name=BTC)
    bench.run(3)
    kinds = [each["type"] for each in data_of(wire, BOOK)]
    assert kinds.index("snapshot") > 3
    assert answer.delay_s == 1.5


def test_maintenance_is_told_to_who_listens_for_it() -> None:
    bench = DeribitBench(Fault(kind="maintenance", at_s=3.0, for_s=6.0, delay_s=2.0))
    _, wire = bench.open("platform_state", BOOK)
    _, deaf = bench.open(BOOK, address="127.0.0.2")
    bench.run(4)
    assert data_of(wire, "platform_state") == [{"maintenance": True}]
    assert data_of(deaf, "platform_state") == []
    answer = bench.get("get_time")
    assert answer.status == 503
    assert msgspec.json.decode(answer.body)["error"]["code"] == 11051
    bench.run(6)
    assert wire.said[-1] == (START + 5 * NS_PER_S, "close", b"1001 maintenance")
    bench.run(10)
    assert bench.get("get_time").status == 200


def test_a_renamed_perpetual_goes_on_under_its_new_name_alone() -> None:
    bench = DeribitBench(Fault(kind="rename", at_s=3.0, symbol=BTC, to="XBT-PERPETUAL"))
    connection, wire = bench.open(BOOK, TRADES, "trades.future.any.100ms")
    bench.run(3.05)
    known = len(data_of(wire, BOOK)), len(data_of(wire, TRADES))
    bench.run(6)
    assert (len(data_of(wire, BOOK)), len(data_of(wire, TRADES))) == known
    bench.ask(
        connection, "public/subscribe", channels=["book.XBT-PERPETUAL.100ms", "trades.XBT-PERPETUAL.100ms"]
    )
    bench.run(SPAN_S)
    reader = BookReader(data_of(wire, "book.XBT-PERPETUAL.100ms"))
    assert reader.gaps == []
    assert (reader.bids, reader.asks) == book_of(bench, "XBT-PERPETUAL")
    together = [trade for data in data_of(wire, "trades.future.any.100ms") for trade in data]
    assert {trade["instrument_name"] for trade in together} == {BTC, "XBT-PERPETUAL", ETH}
    seqs = [trade["trade_seq"] for trade in together if trade["instrument_name"] != ETH]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert bench.get("ticker", instrument_name=BTC).status == 400
    assert bench.result("ticker", instrument_name="XBT-PERPETUAL")["instrument_name"] == "XBT-PERPETUAL"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault(kind="http_429", retry_after_s=7), 429, 10028),
        (Fault(kind="http_5xx", status=502), 502, None),
        (Fault(kind="http_451"), 451, None),
        (Fault(kind="http_html"), 200, None),
        (Fault(kind="http_5xx", endpoint="/api/v2/public/get_order_book"), 200, 0),
        (Fault(kind="http_5xx", endpoint="/api/v2/public/ticker", symbol=BTC), 503, None),
        (Fault(kind="http_5xx", symbol=ETH), 200, 0),
    ],
)
def test_faults_of_requests(fault: Fault, status: int, code: int | None) -> None:
    bench = DeribitBench(fault).run(1)
    answer = bench.get("ticker", instrument_name=BTC)
    assert answer.status == status
    if code is None:
        assert answer.headers["Content-Type"] == "text/html"
    elif code:
        assert msgspec.json.decode(answer.body)["error"]["code"] == code
        assert answer.headers["Retry-After"] == "7"


def test_garbage_is_never_a_notification_of_the_right_types() -> None:
    bench, wire = listen(Fault(kind="garbage", for_s=10.0, stream="trades.100ms"))
    assert len(bench.twin.losses) > 5
    for text in wire.texts():
        if text and b"trades" in text and b"soon" in text:
            assert msgspec.json.decode(text)["params"]["data"][0]["timestamp"] == "soon"


# --- the whole


def test_time_may_be_cut_anywhere_whatever_goes_wrong() -> None:
    for seed in range(12):
        plan = random_plan(
            Random(seed), span_s=8.0, symbols=(BTC, ETH), words=WORDS, streams=("", "book.100ms"), most=5
        )
        said = []
        for step_s in (0.0, 0.037 + seed / 100):
            bench = DeribitBench(*plan, seed=seed, rate=12.0)
            wires = [NotingWire(bench.world)]
            found = bench.twin.upgrade("/ws/api/v2", ADDRESS, bench.now)
            if isinstance(found, Connection):
                found.attach(wires[0], bench.now)
                bench.ask(found, "public/set_heartbeat", interval=10)
                bench.ask(
                    found, "public/subscribe", channels=[BOOK, TRADES, f"quote.{ETH}", "trades.any.ETH.100ms"]
                )
            bench.run(30, step_s)
            said.append((wires[0].said, bench.twin.losses, bench.twin.state(bench.now)["endings"]))
        assert said[0] == said[1]


def test_prices_of_a_coin_are_near_those_of_another_venue_of_the_same_seed() -> None:
    for seed in range(6):
        here, there = DeribitBench(seed=seed, rate=40.0), Bench(seed=seed, rate=40.0)
        for second in range(30, 301, 30):
            here.run(second)
            there.run(second)
            for name, other in ((BTC, "BTCUSDT"), (ETH, "ETHUSDT")):
                middles = []
                for market in (here.world.markets[name], there.world.markets[other]):
                    (bid, _), (ask, _) = (side or (0, 0) for side in market.best())
                    middles.append((bid + ask) / 2 * market.listing.tick / UNIT)
                assert middles[0] == pytest.approx(middles[1], rel=0.003)


def test_the_registry_builds_it() -> None:
    assert "deribit" in VENUES
    made = build("deribit", seed=5, start=START)
    answer = made.venue.http("GET", "/api/v2/public/get_time", {}, ADDRESS, START)
    found: dict[str, Any] = msgspec.json.decode(answer.body)
    assert found["result"] == START // NS_PER_MS
    assert list(made.world.markets) == [BTC, ETH]
