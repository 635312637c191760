"""What the Deribit twin answers to requests."""

from __future__ import annotations

import msgspec
import pytest
from deribit_bench import BTC, ETH, DeribitBench, book_of, data_of
from twin_bench import ADDRESS

from bethna.core.clock import NS_PER_MS, NS_PER_S

# --- REST


def test_the_book_of_a_request_is_the_book() -> None:
    bench = DeribitBench().run(5)
    option = bench.options()[2]
    for name in (BTC, ETH, option):
        book = bench.result("get_order_book", instrument_name=name, depth=1000)
        bids, asks = book_of(bench, name)
        assert book["bids"] == [[price, bids[price]] for price in sorted(bids, reverse=True)]
        assert book["asks"] == [[price, asks[price]] for price in sorted(asks)]
        assert book["best_bid_price"] == max(bids, default=0.0)
        contract = bench.twin.exchange.contracts[name]
        assert book["change_id"] == contract.change_id(contract.update)
    assert "greeks" in bench.result("get_order_book", instrument_name=option)
    assert len(bench.result("get_order_book", instrument_name=BTC)["bids"]) == 5


def test_history_goes_forwards_and_backwards_and_says_whether_there_is_more() -> None:
    bench = DeribitBench().run(60)
    truth = [each.trade_id for each in bench.world.markets[BTC].recent_trades(1000)]
    assert len(truth) > 60

    def asked(**params: object) -> tuple[list[int], bool]:
        found = bench.result("get_last_trades_by_instrument", instrument_name=BTC, **params)
        return [trade["trade_seq"] for trade in found["trades"]], found["has_more"]

    assert asked() == (truth[:-11:-1], True)
    assert asked(count=1000) == (truth[::-1], False)
    assert asked(start_seq=truth[5], end_seq=truth[9]) == (truth[5:10], False)
    assert asked(start_seq=truth[5], count=3) == (truth[5:8], True)
    assert asked(start_seq=truth[5], count=3, sorting="desc") == (truth[:-4:-1], True)
    assert asked(start_seq=truth[-1] + 1) == ([], False)
    found = bench.result(
        "get_last_trades_by_instrument_and_time", instrument_name=BTC, start_timestamp=0,
        end_timestamp=bench.start // NS_PER_MS + 10_000, count=1000,
    )  # fmt: skip
    assert [trade["trade_seq"] for trade in found["trades"]] == [
        each.trade_id
        for each in bench.world.markets[BTC].recent_trades(1000)
        if each.ts <= bench.start + 10 * NS_PER_S
    ]


@pytest.mark.parametrize(
    ("method", "params", "param"),
    [
        ("get_order_book", {}, "instrument_name"),
        ("get_order_book", {"instrument_name": BTC, "depth": 7}, "depth"),
        ("get_order_book", {"instrument_name": BTC, "depth": "x"}, "depth"),
        ("get_last_trades_by_instrument", {"instrument_name": BTC, "count": 0}, "count"),
        ("get_last_trades_by_instrument", {"instrument_name": BTC, "count": 1001}, "count"),
        ("get_last_trades_by_instrument", {"instrument_name": BTC, "sorting": "up"}, "sorting"),
        ("get_last_trades_by_instrument", {"instrument_name": BTC, "start_seq": "9" * 30}, "start_seq"),
        (
            "get_tradingview_chart_data",
            {"instrument_name": BTC, "start_timestamp": 0, "end_timestamp": 1},
            "resolution",
        ),
        ("get_instruments", {"currency": "SOL"}, "currency"),
        ("get_instruments", {"currency": "BTC", "kind": "swap"}, "kind"),
        ("get_index_price", {"index_name": "sol_usd"}, "index_name"),
    ],
)
def test_a_wrong_parameter_is_named(method: str, params: dict[str, object], param: str) -> None:
    answer = DeribitBench().get(method, **params)
    assert answer.status == 400
    error = msgspec.json.decode(answer.body)["error"]
    assert (error["code"], error["data"]["param"]) == (-32602, param)


def test_instruments_by_currency_and_kind() -> None:
    bench = DeribitBench()
    names = {each["instrument_name"] for each in bench.result("get_instruments", currency="any")}
    assert names == {BTC, ETH, *bench.options()}
    futures = bench.result("get_instruments", currency="ETH", kind="future")
    assert [(each["instrument_name"], each["contract_size"], each["tick_size"]) for each in futures] == [
        (ETH, 1.0, 0.05)
    ]
    option = bench.result("get_instruments", currency="BTC", kind="option")[0]
    assert option["tick_size_steps"] == [{"tick_size": 0.0005, "above_price": 0.005}]
    assert option["expiration_timestamp"] % 86_400_000 == 8 * 3_600_000
    assert bench.result("get_instruments", currency="USDC") == []
    rows = bench.result("get_book_summary_by_currency", currency="BTC", kind="option")
    assert {row["instrument_name"] for row in rows} == {
        name for name in bench.options() if name.startswith("BTC")
    }
    assert any(row["bid_price"] is None for row in rows)
    assert bench.result("get_expirations", currency="BTC")["option"] == ["22SEP26", "25SEP26", "30OCT26"]


def test_methods_of_sockets_and_other_verbs_are_not_for_requests() -> None:
    bench = DeribitBench()
    assert bench.get("subscribe", channels="x").status == 400
    assert bench.twin.http("POST", "/api/v2/public/get_time", {}, ADDRESS, bench.now).status == 405
    assert bench.twin.http("GET", "/api/v1/public/get_time", {}, ADDRESS, bench.now).status == 404
    private = bench.twin.http("GET", "/api/v2/private/buy", {}, ADDRESS, bench.now)
    assert msgspec.json.decode(private.body)["error"]["code"] == 13009


def test_the_volatility_index_has_a_history_in_rows() -> None:
    bench = DeribitBench()
    _, wire = bench.open("deribit_volatility_index.btc_usd")
    bench.run(150)
    said = [each["volatility"] for each in data_of(wire, "deribit_volatility_index.btc_usd")]
    start, asked = bench.start // NS_PER_MS, {"currency": "BTC", "start_timestamp": 0, "end_timestamp": 2**50}
    seconds = bench.result("get_volatility_index_data", resolution=1, **asked)
    minutes = bench.result("get_volatility_index_data", resolution=60, **asked)["data"]
    assert seconds["continuation"] is None
    assert {row[4] for row in seconds["data"]} >= set(said[:-1])
    assert [row[0] for row in minutes] == sorted({row[0] // 60_000 * 60_000 for row in seconds["data"]})
    for ts, first, high, low, last in minutes:
        inside = [row[4] for row in seconds["data"] if ts <= row[0] < ts + 60_000]
        assert (first, high, low, last) == (inside[0], max(inside), min(inside), inside[-1])
    none = bench.result(
        "get_volatility_index_data", resolution="1D", **{**asked, "end_timestamp": start - 86_400_000}
    )
    assert none["data"] == []


def test_the_volatility_index_shows_the_newest_thousand_rows_and_where_the_others_end() -> None:
    bench = DeribitBench().run(1100)
    asked = {"currency": "BTC", "start_timestamp": 0, "end_timestamp": 2**50, "resolution": 1}
    found = bench.result("get_volatility_index_data", **asked)
    assert len(found["data"]) == 1000
    assert found["continuation"] == found["data"][0][0] - 1
    rest = bench.result("get_volatility_index_data", **{**asked, "end_timestamp": found["continuation"]})
    assert rest["continuation"] is None
    assert 0 < len(rest["data"]) <= 101


def test_currencies_are_those_that_are_listed() -> None:
    assert [each["currency"] for each in DeribitBench().result("get_currencies")] == ["BTC", "ETH"]
