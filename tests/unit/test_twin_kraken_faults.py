"""What goes wrong at the simulated Kraken, each fault against the same world without it."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from kraken_bench import SYMBOLS, BookReader, KrakenBench, answers, frames
from twin_bench import ADDRESS, START, NotingWire

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import Fault, Kind, random_plan, read_fault
from bethna.twins.kraken import WORDS, Answer, listings
from bethna.twins.line import Connection, Damage
from bethna.twins.market.truth import Truth

BTC = "BTC/USD"
SPAN_S = 12.0
CHANNELS = ("trade", "book", "ticker", "ohlc")


def one(kind: Kind, **more: Any) -> Fault:
    given: dict[str, Any] = {"at_s": 3.0, "for_s": 4.0, **more}
    return Fault(kind=kind, **given)


def listen(*plan: Fault) -> tuple[KrakenBench, Connection, NotingWire]:
    bench = KrakenBench(*plan)
    connection, wire = bench.open()
    for channel in CHANNELS:
        bench.say(connection, channel=channel, symbol=list(SYMBOLS))
    bench.run(SPAN_S)
    return bench, connection, wire


# --- frames of books


def test_a_bad_checksum_is_wrong_and_nothing_else_is() -> None:
    _, _, whole = listen()
    bench, _, wire = listen(one("bad_checksum", symbol=BTC, share=0.5))
    reader = BookReader(wire.texts(), 10)
    assert {symbol for _, symbol in reader.wrongs} == {BTC}
    spoiled = bench.twin.ledger.spoiled
    assert len(reader.wrongs) == len(spoiled) == bench.faults.struck["bad_checksum"] > 5
    assert {(damage.stream, damage.symbol, damage.kind) for damage in spoiled} == {
        ("book-10 BTC/USD", BTC, "bad_checksum")
    }
    assert BookReader(whole.texts(), 10).books == reader.books
    different = [both for both in zip(whole.texts(), wire.texts(), strict=True) if both[0] != both[1]]
    assert len(different) == len(spoiled)
    for right, wrong in different:
        sums = [json.loads(text)["data"][0]["checksum"] for text in (right, wrong)]
        assert sums[0] ^ sums[1] == 1


def test_a_bad_checksum_strikes_snapshots_too() -> None:
    bench = KrakenBench(one("bad_checksum", at_s=0.0))
    bench.run(1)
    _, wire = bench.listen("book", BTC)
    assert BookReader(wire.texts(), 10).wrongs == [(0, BTC)]


def test_a_silent_book_says_nothing_until_it_is_subscribed_anew_and_all_else_goes_on() -> None:
    bench, connection, wire = listen(one("silent_book", symbol=BTC))
    late = [json.loads(text) for at, _, text in wire.said if at > START + 4 * NS_PER_S]
    channels = {(each["channel"], each["data"][0]["symbol"]) for each in late if "data" in each}
    assert ("book", BTC) not in channels
    assert {("trade", BTC), ("ticker", BTC), ("book", SYMBOLS[1])} <= channels
    assert sum(each["channel"] == "heartbeat" for each in late) == 8
    truth_ids = [damage for damage in bench.twin.losses if damage.kind == "silent_book"]
    assert len(truth_ids) > 20
    bench.say(connection, "unsubscribe", channel="book", symbol=[BTC])
    bench.say(connection, channel="book", symbol=[BTC])
    since = len(wire.said)
    bench.run(20)
    reader = BookReader(wire.texts(), 10)
    assert reader.wrongs == []
    assert any(b'"book"' in text and b"BTC" in text for _, _, text in wire.said[since:])


@pytest.mark.parametrize("kind", ["missing_diff", "garbage"])
def test_the_ledger_knows_what_a_lost_frame_changed(kind: Kind) -> None:
    _, _, whole = listen()
    bench, _, wire = listen(one(kind, share=0.3, at_s=1.0, for_s=10.0, symbol=BTC, stream="book*"))
    came = set(wire.texts())
    missing = [json.loads(text) for text in whole.texts() if text not in came]
    lost = [damage for damage in bench.twin.losses if damage.kind == kind]
    assert len(missing) == len(lost) > 3
    bench_truth = KrakenBench()
    truth = Truth(bench_truth.world)
    bench_truth.run(SPAN_S)
    for damage, frame in zip(lost, missing, strict=True):
        assert damage.first is not None
        assert damage.last is not None
        (book,) = frame["data"]
        after = truth.book(BTC, damage.last)
        before = truth.book(BTC, damage.first - 1)
        changed = {
            (side, price)
            for side in (0, 1)
            for price in dict(before[side]).keys() ^ dict(after[side]).keys()
            | {p for p, lots in after[side] if dict(before[side]).get(p) != lots}
        }
        said = {
            (side, int(Decimal(str(level["price"])) * 10))
            for side, name in enumerate(("bids", "asks"))
            for level in book[name]
        }
        assert said & changed, "what was lost is among what these update ids changed"


def test_update_numbers_follow_each_other_and_reach_the_markets() -> None:
    bench, _, _ = listen(one("missing_diff", at_s=1.0, for_s=100.0, symbol=BTC))
    lost = [damage for damage in bench.twin.losses if damage.stream == "book-10 BTC/USD"]
    for before, after in pairwise(lost):
        assert before.last is not None
        assert after.first == before.last + 1
    assert len(lost) > 50
    assert bench.world.markets[BTC].update_id - (lost[-1].last or 0) < 40


def test_a_lost_update_shows_in_the_next_checksum() -> None:
    _, _, wire = listen(one("missing_diff", for_s=0.0, symbol=BTC))
    reader = BookReader(wire.texts(), 10)
    assert {symbol for _, symbol in reader.wrongs} == {BTC}


def test_a_stale_snapshot_fits_itself_and_not_what_follows() -> None:
    bench = KrakenBench(one("stale_snapshot", at_s=6.0, for_s=0.0, symbol=BTC, delay_s=5.0))
    bench.run(8)
    _, wire = bench.listen("book", BTC)
    snapshot, texts = frames(wire, "book"), len(wire.texts())
    assert len(snapshot) == 1
    assert BookReader(wire.texts(), 10).wrongs == []
    bench.run(12)
    assert texts < len(wire.texts())
    assert BookReader(wire.texts(), 10).wrongs


def test_a_late_snapshot_comes_after_updates() -> None:
    bench = KrakenBench(one("snapshot_race", at_s=0.0, symbol=BTC, delay_s=1.5))
    _, wire = bench.listen("book", BTC)
    bench.run(5)
    kinds = [each["type"] for each in frames(wire, "book")]
    assert kinds[0] == "update"
    assert kinds.count("snapshot") == 1


# --- trades


@pytest.mark.parametrize("history", [True, False])
def test_missing_trades_leave_a_hole_that_history_has_or_has_not(history: bool) -> None:
    bench = KrakenBench(one("missing_trades", share=0.6, at_s=1.0, for_s=10.0, symbol=BTC, history=history))
    truth = Truth(bench.world)
    _, wire = bench.listen("trade")
    bench.run(SPAN_S)
    everything = {each.trade_id for each in truth.executions[BTC]}
    said = {row["trade_id"] for each in frames(wire, "trade") for row in each["data"] if row["symbol"] == BTC}
    lost = {each for damage in bench.twin.losses for each in _ids(damage)}
    assert said | lost == everything
    assert not said & lost
    assert len(lost) > 5
    rows = bench.ask("Trades?pair=XBTUSD")["XXBTZUSD"]
    assert {row[6] for row in rows} == (everything if history else said)


def _ids(damage: Damage) -> range:
    assert damage.first is not None
    assert damage.last is not None
    return range(damage.first, damage.last + 1)


# --- subscriptions and connections


def test_a_refused_subscription_leaves_a_healthy_connection() -> None:
    bench = KrakenBench(one("refused_subscription", at_s=0.0, for_s=2.0, stream="book*"))
    bench.run(1)
    connection, wire = bench.open()
    bench.say(connection, channel="book", symbol=[BTC], req_id=1)
    bench.say(connection, channel="trade", symbol=[BTC], req_id=2)
    assert [(each["req_id"], each["success"]) for each in answers(wire)] == [(1, False), (2, True)]
    assert answers(wire)[0]["error"] == "Currency pair not supported BTC/USD"
    bench.run(10)
    assert frames(wire, "book") == []
    assert len(frames(wire, "heartbeat")) == 9
    assert len(frames(wire, "trade")) > 3
    bench.say(connection, channel="book", symbol=[BTC], req_id=3)
    assert answers(wire)[-1]["success"]


def test_a_late_answer_comes_after_its_data() -> None:
    bench = KrakenBench(one("late_ack", at_s=0.0, delay_s=1.0))
    _, wire = bench.listen("book", BTC)
    assert [each["type"] for each in frames(wire, "book")] == ["snapshot"]
    assert answers(wire) == []
    bench.run(2)
    assert [each["success"] for each in answers(wire)] == [True]


def test_maintenance_is_a_status_then_the_end_then_denials() -> None:
    bench = KrakenBench(one("maintenance", delay_s=2.0, for_s=6.0))
    _, wire = bench.listen("trade", BTC)
    bench.run(4)
    assert [each["data"][0]["system"] for each in frames(wire, "status")] == ["online", "maintenance"]
    assert not wire.ended()
    denied = bench.twin.upgrade("/v2", ADDRESS, bench.now)
    assert isinstance(denied, Answer)
    assert denied.status == 503
    assert bench.refusal("Ticker?pair=XBTUSD") == "EService:Unavailable"
    assert bench.ask("SystemStatus") == {"status": "maintenance", "timestamp": "2026-09-21T14:13:24Z"}
    assert bench.ask("Time")["unixtime"] == bench.now // NS_PER_S
    bench.run(5.5)
    assert wire.said[-1][1] == "close"
    assert wire.said[-1][0] == START + 5 * NS_PER_S
    bench.run(10)
    assert bench.ask("SystemStatus")["status"] == "online"
    bench.open()


def test_a_renamed_pair_goes_on_under_its_new_name_and_reference_data_say_so() -> None:
    bench = KrakenBench(Fault(kind="rename", at_s=3.0, symbol="MINA/GBP", to="NEW/GBP"))
    connection, wire = bench.listen("trade")
    bench.say(connection, channel="instrument")
    bench.run(10)
    late = {row["symbol"] for text in wire.said if text[0] > START + 3 * NS_PER_S for row in _rows(text[2])}
    assert late == {BTC, "SHIB/USD"}
    (update,) = frames(wire, "instrument", "update")
    assert {each["symbol"]: each["status"] for each in update["data"]["pairs"]} == {
        "MINA/GBP": "delisted",
        "NEW/GBP": "online",
    }
    bench.say(connection, channel="book", symbol=["MINA/GBP", "NEW/GBP"])
    assert [each["success"] for each in answers(wire)[-2:]] == [False, True]
    bench.run(20)
    assert BookReader(wire.texts(), 10).wrongs == []
    assert bench.refusal("OHLC?pair=MINAGBP") == "EQuery:Unknown asset pair"
    assert bench.ask("OHLC?pair=NEWGBP")["NEWGBP"]


def _rows(text: bytes) -> list[dict[str, Any]]:
    found = json.loads(text)
    return found["data"] if found.get("channel") == "trade" else []


# --- requests


def test_http_faults_in_the_venues_words() -> None:
    kinds: tuple[tuple[Kind, int, bytes], ...] = (
        ("http_429", 200, b"EGeneral:Too many requests"),
        ("http_html", 200, b"<html>"),
        ("http_5xx", 503, b"<html>"),
        ("http_451", 451, b"<html>"),
    )
    for kind, status, mark in kinds:
        bench = KrakenBench(one(kind, at_s=0.0, endpoint="/0/public/OHLC", symbol=BTC)).run(1)
        answer = bench.get("OHLC?pair=XBTUSD")
        assert answer.status == status, kind
        assert mark in answer.body
        assert b"error" in bench.get("OHLC?pair=SHIBUSD").body, "another pair"
        assert bench.get("Time").status == 200
    bench = KrakenBench(one("http_429", at_s=0.0, on="ws")).run(1)
    denied = bench.twin.upgrade("/v2", ADDRESS, bench.now)
    assert isinstance(denied, Answer)
    assert (denied.status, denied.headers["Retry-After"]) == (429, "3")
    assert json.loads(bench.get("Time").body)["error"] == []


def test_an_old_and_a_late_book_of_rest() -> None:
    bench = KrakenBench(
        one("stale_snapshot", at_s=6.0, symbol=BTC, delay_s=5.0), one("snapshot_race", at_s=6.0, symbol=BTC)
    )
    bench.run(2.9)
    before = bench.ask("Depth?pair=XBTUSD&count=5")["XXBTZUSD"]
    bench.run(7.9)
    answer = bench.get("Depth?pair=XBTUSD&count=5")
    found = json.loads(answer.body)["result"]["XXBTZUSD"]
    assert [row[:2] for row in found["bids"]] == [row[:2] for row in before["bids"]]
    assert answer.delay_s == 2.0
    assert bench.get("Depth?pair=SHIBUSD").delay_s == 0.0


# --- plans


def test_a_plan_may_say_what_this_venue_can_have_and_nothing_else() -> None:
    listed = [each.symbol for each in listings()]
    for stream in ("book-25", "book*", "ohlc-1", "ticker-bbo", "trade"):
        assert read_fault({"kind": "slow", "stream": stream, "symbol": BTC}, listed, WORDS).stream == stream
    assert not WORDS.fits("dropped_sequence")
    assert not WORDS.fits("http_418")
    assert all(WORDS.is_symbol(symbol) for symbol in listed)


def test_random_plans_break_nothing_that_they_do_not_own(seed: int) -> None:
    """Whatever happens, time goes on, frames can be read unless garbage struck, and what is not in the ledger came."""
    rng = Random(seed)
    for n in range(12):
        plan = random_plan(
            rng, span_s=SPAN_S, symbols=SYMBOLS, words=WORDS, streams=("", "book*", "trade", "ticker")
        )
        bench = KrakenBench(*plan, seed=n)
        truth = Truth(bench.world)
        opened = []
        for second in range(13):
            bench.run(second)
            found = bench.twin.upgrade("/v2", ADDRESS, bench.now)
            if isinstance(found, Connection):
                wire = NotingWire(bench.world)
                found.attach(wire, bench.now)
                for channel in CHANNELS:
                    bench.say(found, channel=channel, symbol=list(SYMBOLS))
                opened.append((found, wire))
            for target in ("Depth?pair=XBTUSD", "OHLC?pair=SHIBUSD", "Trades?pair=MINAGBP", "Time"):
                bench.get(target)
        kinds = {fault.kind for fault in plan}
        for connection, wire in opened:
            if "garbage" not in kinds:
                for text in wire.texts():
                    msgspec.json.decode(text)
            lost = {
                each
                for damage in bench.twin.losses
                if damage.connection == connection.number and damage.stream == f"trade {BTC}"
                for each in _ids(damage)
            }
            if connection.post.ended or kinds & {"garbage", "slow", "reorder"}:
                continue
            said = [row["trade_id"] for text in wire.texts() for row in _rows(text) if row["symbol"] == BTC]
            got = set(said) | lost
            if got:
                first = min(got)
                assert got == {each.trade_id for each in truth.executions[BTC] if each.trade_id >= first}
