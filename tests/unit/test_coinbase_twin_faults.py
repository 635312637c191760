"""Coinbase's twin: what each fault does to it, against the same world without it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from coinbase_twin_bench import BTC, ETH, CoinbaseBench, frames

from bethna.twins.faults import Fault, Kind
from bethna.twins.registry import VENUES


def one(kind: Kind, **more: Any) -> Fault:
    given = {"at_s": 5.0, "for_s": 4.0} | more
    return Fault(kind=kind, **given)


def test_every_kind_that_it_can_have_can_be_planned() -> None:
    words = VENUES["coinbase"].words
    assert {"silent_book", "maintenance", "rename", "http_html", "late_ack"} <= set(words.kinds())
    assert {"dropped_sequence", "bad_checksum", "http_418", "shutdown_notice"}.isdisjoint(words.kinds())


@pytest.mark.parametrize("kind", ["missing_trades", "missing_diff", "garbage"])
def test_what_is_lost_stands_in_the_ledger_by_ids_of_the_truth(kind: Kind) -> None:
    whole = CoinbaseBench().listen()
    bench = CoinbaseBench(one(kind, share=0.4, symbol=BTC))
    came = set(bench.listen().texts())
    lost = bench.twin.losses
    assert len([text for text in whole.texts() if text not in came]) == len(lost) > 3
    books = sorted((damage.first, damage.last) for damage in lost if damage.stream == f"level2_batch:{BTC}")
    last = bench.world.markets[BTC].update_id
    assert all(first is not None and end is not None and first <= end <= last for first, end in books)
    if kind != "missing_trades":
        assert books
    missing = [msgspec.json.decode(text) for text in whole.texts() if text not in came]
    assert sorted(each["trade_id"] for each in missing if each["type"] == "match") == sorted(
        damage.last or 0 for damage in lost if damage.stream == f"matches:{BTC}"
    )


def test_history_lacks_withheld_trades() -> None:
    bench = CoinbaseBench(one("missing_trades", symbol=BTC, history=False))
    bench.listen()
    lost = {damage.last or 0 for damage in bench.twin.losses}
    kept = {row["trade_id"] for row in bench.json(f"/products/{BTC}/trades")}
    assert lost
    assert not lost & kept
    assert kept | lost >= set(range(min(kept), max(kept) + 1))


def test_a_silent_book_is_silent_until_it_is_subscribed_anew() -> None:
    bench = CoinbaseBench(one("silent_book", for_s=1.0, symbol=BTC)).run(3)
    connection, wire = bench.open()
    bench.subscribe(connection)
    bench.run(5.1)
    wire.said.clear()
    bench.run(9)
    assert not frames(wire, "l2update", BTC)
    for kind, product_id in (("l2update", ETH), ("match", BTC), ("heartbeat", BTC), ("ticker", BTC)):
        assert frames(wire, kind, product_id)
    bench.say(connection, {"type": "unsubscribe", "product_ids": [BTC], "channels": ["level2_batch"]})
    bench.subscribe(connection, [BTC], ["level2_batch"])
    bench.run(12)
    assert frames(wire, "snapshot", BTC)
    assert frames(wire, "l2update", BTC)


def test_a_refused_subscription_names_its_product_and_leaves_the_socket_healthy() -> None:
    bench = CoinbaseBench(one("refused_subscription", at_s=0.0, symbol=ETH)).run(1)
    connection, wire = bench.open()
    bench.subscribe(connection, [BTC], ["matches"])
    bench.subscribe(connection, [BTC, ETH], ["heartbeat"])
    bench.run(3)
    assert frames(wire, "error") == [
        {"type": "error", "message": "Failed to subscribe", "reason": f"{ETH} is not a valid product"}
    ]
    assert set(connection.topics) == {f"matches:{BTC}"}
    assert not wire.ended()


def test_data_comes_before_a_late_ack() -> None:
    bench = CoinbaseBench(one("late_ack", at_s=0.0, delay_s=2.0)).run(3)
    connection, wire = bench.open()
    bench.subscribe(connection)
    bench.run(8)
    kinds = [each["type"] for each in frames(wire)]
    assert kinds[0] == "snapshot"
    assert kinds.index("subscriptions") > kinds.index("l2update")


def test_maintenance_is_announced_on_status_closes_and_denies() -> None:
    bench = CoinbaseBench(one("maintenance", delay_s=2.0)).run(3)
    connection, wire = bench.open()
    bench.say(connection, {"type": "subscribe", "channels": ["status"]})
    other, unaware = bench.open()
    bench.subscribe(other, [BTC], ["heartbeat"])
    bench.run(6)
    assert {row["status"] for row in frames(wire, "status")[-1]["products"]} == {"offline"}
    assert bench.get("/products").status == 503
    bench.run(7.1)
    assert [each.said[-1][1] for each in (wire, unaware)] == ["close", "close"]
    assert len(frames(unaware, "heartbeat")) == 4
    assert bench.run(9.1).get("/products").status == 200


def test_a_rename_silences_the_old_name() -> None:
    bench = CoinbaseBench(
        Fault(kind="rename", at_s=5.0, symbol="MATIC-USD", to="POL-USD"), symbols=("MATIC-USD", BTC)
    ).run(3)
    connection, wire = bench.open()
    bench.subscribe(connection, ["MATIC-USD"], ["matches", "level2_batch"])
    bench.run(5.1)
    said = len(wire.said)
    bench.run(9)
    assert len(wire.said) == said
    assert bench.get("/products/MATIC-USD").status == 404
    row = bench.json("/products/POL-USD")
    assert (row["id"], row["base_currency"]) == ("POL-USD", "POL")
    bench.subscribe(connection, ["POL-USD"], ["matches"])
    assert frames(wire, "last_match", "POL-USD")
    bench.subscribe(connection, ["MATIC-USD"], ["matches"])
    assert frames(wire, "error")[-1]["reason"] == "MATIC-USD is not a valid product"


def test_denials_are_in_the_venues_words() -> None:
    bench = CoinbaseBench(
        one("http_429", retry_after_s=7.0), one("http_html", at_s=10.0), one("http_5xx", at_s=20.0)
    )
    limited = bench.run(6).get("/products")
    assert (limited.status, limited.headers["Retry-After"]) == (429, "7")
    assert limited.body == b'{"message":"Public rate limit exceeded"}'
    page = bench.run(11).get("/products")
    assert (page.status, page.headers["Content-Type"], page.body[:6]) == (200, "text/html", b"<html>")
    assert bench.run(21).get("/products").status == 503


@pytest.mark.parametrize("endpoint", ["/products/ID/book", "/products"])
def test_a_fault_of_one_endpoint_leaves_the_others(endpoint: str) -> None:
    bench = CoinbaseBench(one("http_5xx", at_s=0.0, endpoint=endpoint, on="rest"))
    targets = {"/products/ID/book": f"/products/{BTC}/book", "/products": "/products"}
    assert {name: bench.get(target).status for name, target in targets.items()} == {
        name: 503 if name == endpoint else 200 for name in targets
    }


def test_a_stale_snapshot_is_old_on_both_ways() -> None:
    bench = CoinbaseBench(one("stale_snapshot", delay_s=3.0, symbol=BTC)).run(5.5)
    fresh = CoinbaseBench().run(2.5)
    old, then = (each.json(f"/products/{BTC}/book?level=2") for each in (bench, fresh))
    assert (old["bids"], old["asks"]) == (then["bids"], then["asks"])
    assert old["sequence"] < CoinbaseBench().run(5.5).json(f"/products/{BTC}/book")["sequence"]
    connection, wire = bench.open()
    bench.subscribe(connection, [BTC], ["level2_batch"])
    (told,) = frames(wire, "snapshot")
    assert [float(price) for price, _ in told["bids"]] == [float(row[0]) for row in then["bids"]]
