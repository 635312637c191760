"""REST through the venue machine: weights, 429, 418, what faults answer, snapshots and histories that are wrong."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from twin_bench import ADDRESS, START, Bench

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance import Answer, Rules
from bethna.twins.faults import Fault

DEPTH = "/api/v3/depth?symbol=BTCUSDT&limit=20"
TO_THE_MINUTE = 40.0
"""From the start of the tests' time to the venue's next full minute."""


def body(answer: Answer) -> Any:
    return msgspec.json.decode(answer.body)


def weight_of(answer: Answer) -> int:
    assert answer.headers["X-MBX-USED-WEIGHT"] == answer.headers["X-MBX-USED-WEIGHT-1M"]
    return int(answer.headers["X-MBX-USED-WEIGHT-1M"])


# --- limits


def test_weights_add_up_by_address_and_begin_anew_with_the_venues_minute() -> None:
    bench = Bench()
    one = weight_of(bench.get("/api/v3/ping"))
    assert weight_of(bench.get("/api/v3/ping")) == 2 * one
    depth = weight_of(bench.get(DEPTH)) - 2 * one
    assert depth > one
    assert weight_of(bench.get("/api/v3/ping", address="127.0.0.2")) == one
    bench.run(TO_THE_MINUTE - 0.001)
    assert weight_of(bench.get("/api/v3/ping")) == 3 * one + depth
    bench.run(TO_THE_MINUTE)
    assert weight_of(bench.get("/api/v3/ping")) == one


def test_answers_carry_the_venues_date_and_kind() -> None:
    answer = Bench().get("/api/v3/ping")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Date"] == "Mon, 21 Sep 2026 14:13:20 GMT"


def test_beyond_the_weight_429_until_the_minute_ends_and_418_for_who_goes_on() -> None:
    bench = Bench(rules=Rules(weight=10, patience=3))
    for _ in range(10):
        assert bench.get("/api/v3/ping").status == 200
    limited = bench.get("/api/v3/ping")
    assert (limited.status, limited.headers["Retry-After"]) == (429, str(int(TO_THE_MINUTE)))
    assert body(limited)["code"] == -1003
    assert weight_of(limited) == 11
    assert [bench.get("/api/v3/ping").status for _ in range(3)] == [429, 429, 418]
    bench.run(TO_THE_MINUTE + 1)
    banned = bench.get("/api/v3/ping")
    assert (banned.status, banned.headers["Retry-After"]) == (418, str(120 - int(TO_THE_MINUTE) - 1))
    assert f"banned until {START // NS_PER_MS + 120_000}" in body(banned)["msg"]
    assert bench.denied("/ws").status == 418
    bench.run(120)
    assert bench.get("/api/v3/ping").status == 200
    bench.open("/ws")


def test_who_waits_out_a_429_is_served() -> None:
    bench = Bench(rules=Rules(weight=1))
    assert [bench.get("/api/v3/ping").status for _ in range(2)] == [200, 429]
    bench.run(TO_THE_MINUTE)
    assert bench.get("/api/v3/ping").status == 200


def test_raw_requests_count_in_windows_of_five_minutes() -> None:
    bench = Bench(rules=Rules(raw_requests=2))
    assert [bench.get("/api/v3/ping").status for _ in range(3)] == [200, 200, 429]
    bench.run(TO_THE_MINUTE + 1)
    limited = bench.get("/api/v3/ping")
    assert limited.status == 429
    bench.run((bench.now - START) / NS_PER_S + int(limited.headers["Retry-After"]))
    assert bench.get("/api/v3/ping").status == 200


def test_bans_double_up_to_the_longest() -> None:
    assert Rules().longest_ban_s == 3 * 24 * 3600
    bench = Bench(rules=Rules(weight=0, patience=1, longest_ban_s=1000), symbols=("BTCUSDT",))
    lengths = []
    for _ in range(5):
        bench.get("/api/v3/ping")
        banned = bench.get("/api/v3/ping")
        assert banned.status == 418
        lengths.append(int(banned.headers["Retry-After"]))
        bench.run((bench.now - START) / NS_PER_S + lengths[-1])
    assert lengths == [120, 240, 480, 960, 1000]


def test_other_methods_and_places() -> None:
    bench = Bench()
    assert bench.twin.http("POST", "/api/v3/order", {}, ADDRESS, bench.now).status == 405
    assert bench.get("/api/v3/nothing").status == 404
    assert bench.get("/api/v3/depth?symbol=NOSUCH").status == 400


def test_addresses_that_come_by_the_thousand_are_forgotten() -> None:
    bench = Bench()
    for n in range(3000):
        bench.get("/api/v3/ping", address=str(n))
    assert len(bench.twin._limits.state(bench.now, 0)) <= 1000


# --- faults of requests and upgrades


@pytest.mark.parametrize("on", ["rest", "ws", "both"])
@pytest.mark.parametrize(
    ("kind", "status"), [("http_5xx", 503), ("http_429", 429), ("http_418", 418), ("http_451", 451)]
)
def test_http_faults_strike_what_they_are_on_while_they_last(kind: str, status: int, on: str) -> None:
    fault = Fault(kind=kind, at_s=2, for_s=10, on=on)  # type: ignore[arg-type]  # of the kinds
    bench = Bench(fault)
    for at, active in ((1.0, False), (2.0, True), (11.9, True), (12.0, False)):
        bench.run(at)
        assert bench.get("/api/v3/ping").status == (status if active and on != "ws" else 200)
        upgraded = bench.twin.upgrade("/ws", ADDRESS, bench.now)
        assert upgraded.status == status if isinstance(upgraded, Answer) else not (active and on != "rest")
    assert bench.faults.struck[kind] == (4 if on == "both" else 2)


def test_retry_after_is_the_faults_end_or_what_it_says() -> None:
    bench = Bench(Fault(kind="http_429", for_s=8), Fault(kind="http_418", at_s=8, for_s=1, retry_after_s=90))
    bench.run(0.5)
    assert bench.get("/api/v3/ping").headers["Retry-After"] == "8"
    bench.run(8)
    banned = bench.get("/api/v3/ping")
    assert banned.headers["Retry-After"] == "90"
    assert body(banned)["code"] == -1003
    assert f"IP({ADDRESS}) banned until {START // NS_PER_MS + 98_000}" in body(banned)["msg"]


def test_a_fault_may_be_about_one_endpoint_or_one_symbol() -> None:
    bench = Bench(
        Fault(kind="http_5xx", endpoint="/api/v3/depth", status=502),
        Fault(kind="http_5xx", symbol="ETHUSDT", status=500, at_s=10),
    )
    bench.run(1)
    assert bench.get("/api/v3/ping").status == 200
    assert bench.get(DEPTH).status == 502
    assert bench.get(DEPTH).headers["Content-Type"] == "text/html"
    bench.open("/ws")
    bench.run(41)
    for _ in range(2):
        assert bench.get("/api/v3/trades?symbol=BTCUSDT").status == 200
    bench.faults.add(Fault(kind="http_5xx", symbol="ETHUSDT", status=500), bench.now)
    assert bench.get("/api/v3/trades?symbol=BTCUSDT").status == 200
    assert body(bench.get("/api/v3/trades?symbol=ETHUSDT"))["code"] == -1000


def test_unreachable_cuts_requests_and_upgrades_and_leaves_what_stands() -> None:
    bench = Bench(Fault(kind="unreachable", at_s=1, for_s=3))
    _, wire = bench.open()
    bench.run(2)
    assert bench.get("/api/v3/ping").cut
    assert bench.denied().cut
    bench.run(5)
    assert bench.get("/api/v3/ping").status == 200
    assert not wire.ended()


# --- snapshots and histories


def test_stale_snapshots_are_the_book_of_some_time_ago() -> None:
    bench = Bench(Fault(kind="stale_snapshot", at_s=10, for_s=10, delay_s=4, symbol="BTCUSDT"))
    bench.run(7)
    then = bench.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").body
    bench.run(9.9)
    assert bench.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").body != then
    bench.run(11)
    assert bench.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").body == then
    few, whole = body(bench.get("/api/v3/depth?symbol=BTCUSDT&limit=5")), msgspec.json.decode(then)
    assert few == {
        "lastUpdateId": whole["lastUpdateId"],
        "bids": whole["bids"][:5],
        "asks": whole["asks"][:5],
    }
    eth = body(bench.get("/api/v3/depth?symbol=ETHUSDT"))
    assert eth["lastUpdateId"] == bench.world.markets["ETHUSDT"].update_id
    bench.run(20)
    assert body(bench.get(DEPTH))["lastUpdateId"] == bench.world.markets["BTCUSDT"].update_id
    assert not bench.twin._stale


def test_a_stale_snapshot_from_now_on_is_the_book_of_now() -> None:
    bench = Bench()
    bench.run(5)
    fresh = bench.get(DEPTH).body
    bench.faults.add(Fault(kind="stale_snapshot", delay_s=60), bench.now)
    bench.twin.advance(bench.now)
    bench.run(9)
    assert bench.get(DEPTH).body == fresh


def test_a_snapshot_in_a_race_is_of_the_request_and_late() -> None:
    bench = Bench(Fault(kind="snapshot_race", delay_s=2.5))
    bench.run(3)
    answer = bench.get(DEPTH)
    assert answer.delay_s == 2.5
    assert body(answer)["lastUpdateId"] == bench.world.markets["BTCUSDT"].update_id
    assert bench.get("/api/v3/trades?symbol=BTCUSDT").delay_s == 0


def test_what_history_lacks_is_what_was_lost() -> None:
    bench = Bench(Fault(kind="missing_trades", at_s=2, for_s=4, share=0.4, symbol="BTCUSDT", history=False))
    bench.open()
    bench.run(10)
    lost = {damage.first for damage in bench.twin.losses}
    assert lost
    truth = {each.trade_id for each in bench.world.markets["BTCUSDT"].trades_from(0, 100_000)}
    for path in ("trades", "historicalTrades"):
        served = {each["id"] for each in body(bench.get(f"/api/v3/{path}?symbol=BTCUSDT&limit=1000"))}
        assert served == truth - lost
    aggregates = body(bench.get("/api/v3/aggTrades?symbol=BTCUSDT&limit=1000"))
    assert not lost & {each for row in aggregates for each in range(row["f"], row["l"] + 1)}
    assert len(body(bench.get("/api/v3/trades?symbol=ETHUSDT&limit=1000"))) == len(
        bench.world.markets["ETHUSDT"].trades_from(0, 100_000)
    )


def test_what_is_lost_on_the_way_only_is_in_the_history() -> None:
    bench = Bench(Fault(kind="missing_trades", at_s=2, for_s=4, share=0.4))
    bench.open()
    bench.run(10)
    assert bench.twin.losses
    served = {each["id"] for each in body(bench.get("/api/v3/trades?symbol=BTCUSDT&limit=1000"))}
    assert served == {each.trade_id for each in bench.world.markets["BTCUSDT"].trades_from(0, 100_000)}
