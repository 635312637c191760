"""What the Deribit twin's channels say of its perpetuals: books, trades, tickers, candles."""

from __future__ import annotations

from itertools import pairwise

import pytest
from deribit_bench import BTC, ETH, BookReader, DeribitBench, book_of, data_of
from twin_bench import NotingWire

from bethna.core.clock import NS_PER_MS
from bethna.twins.deribit.contracts import SPREAD_IDS
from bethna.twins.deribit.deals import coins_for
from bethna.twins.deribit.publishers import grouped
from bethna.twins.faults import Fault
from bethna.twins.market.facts import UNIT
from bethna.twins.market.truth import Truth

BOOK, TRADES, TICKER = f"book.{BTC}.100ms", f"trades.{BTC}.100ms", f"ticker.{BTC}.100ms"
SPAN_S = 12.0


def listen(
    *plan: Fault, channels: tuple[str, ...] = (BOOK, TRADES, TICKER)
) -> tuple[DeribitBench, NotingWire]:
    bench = DeribitBench(*plan)
    _, wire = bench.open(*channels)
    return bench.run(SPAN_S), wire


# --- what channels say


def test_books_follow_the_chain_and_end_as_the_market_is() -> None:
    bench = DeribitBench()
    option = next(name for name in bench.options() if bench.twin.exchange.contracts[name].depth(1)[0])
    names = (BTC, ETH, option)
    _, wire = bench.open(*(f"book.{name}.100ms" for name in names), f"book.{BTC}.agg2")
    late = []
    for n in range(9):
        bench.run(1 + n * 0.377)
        late.append(bench.open(BOOK, address=f"127.0.0.{n + 2}")[1])
    bench.run(30)
    for name in names:
        said = data_of(wire, f"book.{name}.100ms")
        reader = BookReader(said)
        assert (reader.gaps, reader.wrongs) == ([], [])
        assert (reader.bids, reader.asks) == book_of(bench, name)
        assert len(said) > 5
        jumps = [after["change_id"] - before["change_id"] for before, after in pairwise(said)]
        assert min(jumps) > 1
    for other in late:
        reader = BookReader(data_of(other, BOOK))
        assert (reader.gaps, reader.wrongs) == ([], [])
        assert (reader.bids, reader.asks) == book_of(bench, BTC)
    slow = data_of(wire, f"book.{BTC}.agg2")
    assert BookReader(slow).gaps == []
    assert all(each["timestamp"] % 1000 == 0 for each in slow)


def test_a_change_id_finds_the_book_in_the_truth() -> None:
    bench = DeribitBench()
    truth = Truth(bench.world)
    _, wire = bench.open(BOOK)
    bench.run(10)
    said = data_of(wire, BOOK)
    for count in (1, len(said) // 2, len(said)):
        reader = BookReader(said[:count])
        bids, asks = truth.book(BTC, reader.change_id // SPREAD_IDS)
        assert {price * 0.5: lots * 10.0 for price, lots in bids} == reader.bids
        assert {price * 0.5: lots * 10.0 for price, lots in asks} == reader.asks


def test_amounts_are_usd_in_whole_contracts_and_prices_whole_ticks() -> None:
    _, wire = listen(channels=(BOOK, TRADES, f"book.{ETH}.100ms"))
    for each in data_of(wire, BOOK):
        assert all(
            amount % 10 == 0 and price % 0.5 == 0 for _, price, amount in (*each["bids"], *each["asks"])
        )
    for each in data_of(wire, f"book.{ETH}.100ms"):
        for _, price, amount in (*each["bids"], *each["asks"]):
            assert amount == int(amount)
            assert round(price * 20) / 20 == price
    for trade in (trade for data in data_of(wire, TRADES) for trade in data):
        assert trade["amount"] == trade["contracts"] * 10


def test_trades_are_the_markets_and_their_seq_has_no_hole() -> None:
    bench, wire = listen()
    trades = [trade for data in data_of(wire, TRADES) for trade in data]
    truth = bench.world.markets[BTC].recent_trades(1000)
    assert [trade["trade_seq"] for trade in trades] == [each.trade_id for each in truth]
    assert [trade["price"] for trade in trades] == [each.price * 0.5 for each in truth]
    assert [trade["direction"] for trade in trades] == [
        "sell" if each.buyer_is_maker else "buy" for each in truth
    ]
    assert [trade["timestamp"] for trade in trades] == [each.ts // NS_PER_MS for each in truth]
    ids = [int(trade["trade_id"]) for trade in trades]
    assert all(after - before > 1 for before, after in pairwise(ids))
    assert len(trades) > 20
    for before, after in pairwise(trades):
        rise = after["price"] - before["price"]
        expected = (
            {0} if rise > 0 else {2} if rise < 0 else {1} if before["tick_direction"] in (0, 1) else {3}
        )
        assert {after["tick_direction"]} == expected


def test_ids_of_ether_have_its_name_and_ids_beyond_doubles_are_whole() -> None:
    _, wire = listen(channels=(f"trades.{ETH}.100ms",))
    trade = data_of(wire, f"trades.{ETH}.100ms")[0][0]
    assert trade["trade_id"].startswith("ETH-")
    assert trade["starbase_match_id"] > 2**53
    assert trade["starbase_timestamp"] // 1_000_000 == trade["timestamp"]


def test_trades_of_all_futures_are_those_of_each() -> None:
    _, wire = listen(channels=("trades.future.any.100ms", TRADES, f"trades.{ETH}.100ms"))
    together = data_of(wire, "trades.future.any.100ms")
    assert all(len({trade["instrument_name"] for trade in data}) == 1 for data in together)
    for name in (BTC, ETH):
        found = [trade for data in together for trade in data if trade["instrument_name"] == name]
        assert found == [trade for data in data_of(wire, f"trades.{name}.100ms") for trade in data]


def test_quotes_and_tickers_state_the_best_of_the_book() -> None:
    bench = DeribitBench()
    _, wire = bench.open(f"quote.{BTC}", TICKER)
    bench.run(20)
    bids, asks = book_of(bench, BTC)
    for last in (data_of(wire, f"quote.{BTC}")[-1], data_of(wire, TICKER)[-1]):
        assert (last["best_bid_price"], last["best_ask_price"]) == (max(bids), min(asks))
        assert (last["best_bid_amount"], last["best_ask_amount"]) == (bids[max(bids)], asks[min(asks)])
    ticker = data_of(wire, TICKER)[-1]
    assert ticker["min_price"] < ticker["index_price"] < ticker["max_price"]
    assert abs(ticker["mark_price"] / ticker["index_price"] - 1) < 0.001
    assert ticker["last_price"] == bench.world.markets[BTC].last_price * 0.5  # type: ignore[operator]  # it traded
    first = data_of(wire, TICKER)[0]
    assert first["last_price"] is None
    assert first["stats"] == {
        "volume_usd": 0.0,
        "volume": 0.0,
        "price_change": None,
        "low": None,
        "high": None,
    }


def test_grouped_books_are_complete_and_have_no_type() -> None:
    bench = DeribitBench()
    plain, group = f"book.{BTC}.none.10.100ms", f"book.{BTC}.25.10.100ms"
    _, wire = bench.open(plain, group)
    bench.run(10)
    bids, asks = book_of(bench, BTC)
    last = data_of(wire, plain)[-1]
    assert last["bids"] == [[price, bids[price]] for price in sorted(bids, reverse=True)[:10]]
    assert last["asks"] == [[price, asks[price]] for price in sorted(asks)[:10]]
    for each in (*data_of(wire, plain), *data_of(wire, group)):
        assert not each.keys() & {"type", "prev_change_id"}
    last = data_of(wire, group)[-1]
    assert all(price % 25 == 0 for price, _ in (*last["bids"], *last["asks"]))
    best = last["bids"][0][0]
    assert last["bids"][0][1] == sum(amount for price, amount in bids.items() if best <= price < best + 25)
    assert last["bids"][0][0] <= max(bids) < min(asks) <= last["asks"][0][0]


def test_groups_by_hand() -> None:
    assert grouped([(109, 1), (105, 2), (99, 4)], 10, up=False) == [(100, 3), (90, 4)]
    assert grouped([(101, 1), (110, 2), (111, 4)], 10, up=True) == [(110, 3), (120, 4)]


def test_the_index_is_one_coin_in_usd_once_a_second() -> None:
    bench, wire = listen(channels=("deribit_price_index.btc_usd", "estimated_expiration_price.btc_usd"))
    said = data_of(wire, "deribit_price_index.btc_usd")
    assert len(said) == SPAN_S + 1
    assert {each["index_name"] for each in said} == {"btc_usd"}
    assert said[-1]["price"] == bench.result("get_index_price", index_name="btc_usd")["index_price"]
    assert data_of(wire, "estimated_expiration_price.btc_usd")[-1]["seconds"] == (
        1_790_064_000 - 1_790_000_012
    )


def test_candles_of_the_channel_are_those_of_the_request_and_the_exact_sums_of_trades() -> None:
    bench = DeribitBench()
    _, wire = bench.open(f"chart.trades.{BTC}.1", TRADES)
    bench.run(150)
    sums: dict[int, list[int]] = {}
    for trade in (trade for data in data_of(wire, TRADES) for trade in data):
        row = sums.setdefault(trade["timestamp"] // 60_000 * 60_000, [0, 0])
        row[0] += coins_for(int(trade["amount"]), round(trade["price"] * UNIT))
        row[1] += int(trade["amount"])
    last = {each["tick"]: each for each in data_of(wire, f"chart.trades.{BTC}.1")}
    chart = bench.result(
        "get_tradingview_chart_data",
        instrument_name=BTC,
        start_timestamp=0,
        end_timestamp=2**50,
        resolution=1,
    )
    assert chart["status"] == "ok"
    assert len(chart["ticks"]) == len(sums) >= 3
    for n, tick in enumerate(chart["ticks"]):
        assert (chart["volume"][n], chart["cost"][n]) == (sums[tick][0] / UNIT, float(sums[tick][1]))
        column = {name: chart[name][n] for name in ("open", "high", "low", "close", "volume", "cost")}
        assert {"tick": tick, **column} == last[tick]
    hour = bench.result(
        "get_tradingview_chart_data",
        instrument_name=BTC,
        start_timestamp=0,
        end_timestamp=2**50,
        resolution=60,
    )
    assert sum(hour["cost"]) == sum(chart["cost"])


def test_coins_by_hand() -> None:
    assert coins_for(10, 50_000 * UNIT) == 20_000  # 10 USD at 50,000 are 0.0002


def test_candles_of_an_option_are_the_sums_of_its_trades_and_flat_between_them() -> None:
    bench = DeribitBench(rate=40.0)
    name = bench.options()[0]
    _, wire = bench.open(f"trades.{name}.100ms", f"chart.trades.{name}.1")
    bench.run(600)
    minutes: dict[int, list[tuple[float, float]]] = {}
    for trade in (trade for data in data_of(wire, f"trades.{name}.100ms") for trade in data):
        opens = trade["timestamp"] // 60_000 * 60_000
        minutes.setdefault(opens, []).append((trade["price"], trade["amount"]))
    chart = bench.result(
        "get_tradingview_chart_data",
        instrument_name=name,
        start_timestamp=0,
        end_timestamp=2**50,
        resolution=1,
    )
    assert chart["ticks"] == list(range(min(minutes), bench.now // NS_PER_MS + 1, 60_000))
    said = {each["tick"]: each for each in data_of(wire, f"chart.trades.{name}.1")}
    close = 0.0
    for n, tick in enumerate(chart["ticks"]):
        rows = minutes.get(tick, [(close, 0.0)])
        prices = [price for price, _ in rows]
        close = prices[-1]
        column = {key: chart[key][n] for key in ("open", "high", "low", "close")}
        assert column == {"open": prices[0], "high": max(prices), "low": min(prices), "close": close}
        assert chart["volume"][n] == pytest.approx(sum(amount for _, amount in rows))
        assert chart["cost"][n] == pytest.approx(sum(price * amount for price, amount in rows))
        if tick in minutes:
            assert said[tick]["volume"] == chart["volume"][n]
    late = bench.result(
        "get_tradingview_chart_data", instrument_name=name, start_timestamp=chart["ticks"][3],
        end_timestamp=chart["ticks"][5], resolution=1,
    )  # fmt: skip
    assert late["ticks"] == chart["ticks"][3:6]
    assert late["close"] == chart["close"][3:6]


def test_the_funding_of_a_perpetual_and_an_old_book_in_groups() -> None:
    bench = DeribitBench(Fault(kind="stale_snapshot", at_s=3.0, delay_s=2.0))
    group = f"book.{BTC}.none.20.100ms"
    _, wire = bench.open(f"perpetual.{BTC}.100ms", group)
    bench.run(4)
    _, late = bench.open(group)
    then = data_of(late, group)[0]
    assert then["change_id"] in {
        each["change_id"] for each in data_of(wire, group) if each["timestamp"] <= then["timestamp"]
    }
    assert then["change_id"] < data_of(wire, group)[-1]["change_id"]
    funding = data_of(wire, f"perpetual.{BTC}.100ms")[-1]
    assert funding["index_price"] == bench.result("get_index_price", index_name="btc_usd")["index_price"]
    assert abs(funding["interest"]) < 0.001
