"""Public REST of the simulated Kraken."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise

import pytest
from kraken_bench import SYMBOLS, KrakenBench, answers, frames
from twin_bench import ADDRESS, START

from bethna.core.clock import NS_PER_S
from bethna.twins.faults import Fault
from bethna.twins.kraken import Rules, listings
from bethna.twins.kraken.names import pair_altname, pair_key, pair_wsname
from bethna.twins.market.bars import MINUTE
from bethna.twins.market.truth import Truth

BTC = "BTC/USD"


# --- names and the envelope


@pytest.mark.parametrize(
    ("symbol", "altname", "wsname", "key"),
    [
        ("BTC/USD", "XBTUSD", "XBT/USD", "XXBTZUSD"),
        ("ETH/BTC", "ETHXBT", "ETH/XBT", "XETHXXBT"),
        ("ETH/USDT", "ETHUSDT", "ETH/USDT", "ETHUSDT"),
        ("DOGE/USD", "XDGUSD", "XDG/USD", "XDGUSD"),
        ("DOGE/BTC", "XDGXBT", "XDG/XBT", "XXDGXXBT"),
        ("ADA/USD", "ADAUSD", "ADA/USD", "ADAUSD"),
        ("USDT/USD", "USDTUSD", "USDT/USD", "USDTZUSD"),
        ("EUR/USD", "EURUSD", "EUR/USD", "ZEURZUSD"),
    ],
)
def test_names_by_hand(symbol: str, altname: str, wsname: str, key: str) -> None:
    assert (pair_altname(symbol), pair_wsname(symbol), pair_key(symbol)) == (altname, wsname, key)
    assert symbol in {each.symbol for each in listings()}


def test_no_two_pairs_share_a_name() -> None:
    symbols = [each.symbol for each in listings()]
    assert (
        len({pair_key(each) for each in symbols})
        == len({pair_altname(each) for each in symbols})
        == len(symbols)
    )


@pytest.mark.parametrize("name", ["XBTUSD", "XXBTZUSD", "XBT/USD"])
def test_rule_1_whatever_a_pair_is_called_the_answer_has_its_key(name: str) -> None:
    bench = KrakenBench().run(5)
    for method in ("OHLC", "Trades", "Depth", "Spread", "Ticker"):
        assert [key for key in bench.ask(f"{method}?pair={name}") if key != "last"] == ["XXBTZUSD"]


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("OHLC?pair=NOSUCH", "EQuery:Unknown asset pair"),
        ("OHLC?pair=xbtusd", "EQuery:Unknown asset pair"),
        ("Ticker?pair=XBTUSD,NOSUCH", "EQuery:Unknown asset pair"),
        ("Depth?pair=XBTUSD,SHIBUSD", "EQuery:Unknown asset pair"),
        ("Assets?asset=NOSUCH", "EQuery:Unknown asset"),
        ("OHLC", "EGeneral:Invalid arguments"),
        ("OHLC?pair=XBTUSD&interval=2", "EGeneral:Invalid arguments"),
        ("OHLC?pair=XBTUSD&since=-1", "EGeneral:Invalid arguments:since"),
        ("Depth?pair=XBTUSD&count=501", "EGeneral:Invalid arguments:count"),
        ("Trades?pair=XBTUSD&count=0", "EGeneral:Invalid arguments:count"),
        ("Trades?pair=XBTUSD&count=1001", "EGeneral:Invalid arguments:count"),
        ("Trades?pair=XBTUSD&since=99999999999999999999", "EGeneral:Invalid arguments:since"),
        ("Nothing", "EGeneral:Unknown method"),
    ],
)
def test_rule_1_errors_have_status_200(target: str, error: str) -> None:
    assert KrakenBench().refusal(target) == error


def test_other_verbs_and_places() -> None:
    bench = KrakenBench()
    assert bench.get("Time", method="DELETE").status == 405
    assert json.loads(bench.get("Time", method="POST").body)["error"] == []
    private = bench.twin.http("POST", "/0/private/Balance", {}, ADDRESS, bench.now)
    assert (private.status, json.loads(private.body)) == (200, {"error": ["EGeneral:Unknown method"]})


# --- the venue


def test_time_and_status() -> None:
    bench = KrakenBench()
    assert bench.ask("Time") == {"unixtime": START // NS_PER_S, "rfc1123": "Mon, 21 Sep 26 14:13:20 +0000"}
    assert bench.ask("SystemStatus") == {"status": "online", "timestamp": "2026-09-21T14:13:20Z"}
    early = KrakenBench(Fault(kind="clock_jump", offset_s=-20 * 86_400)).run(1)
    assert early.ask("Time")["rfc1123"] == "Tue,  1 Sep 26 14:13:21 +0000"


def test_assets_and_pairs() -> None:
    bench = KrakenBench(symbols=[*SYMBOLS, "EOS/EUR"])
    assert bench.ask("Assets?asset=XBT,ZUSD") == {
        "XXBT": {
            "aclass": "currency",
            "altname": "XBT",
            "decimals": 10,
            "display_decimals": 5,
            "status": "enabled",
        },
        "ZUSD": {
            "aclass": "currency",
            "altname": "USD",
            "decimals": 4,
            "display_decimals": 2,
            "status": "enabled",
        },
    }
    assert set(bench.ask("Assets")) == {"XXBT", "ZUSD", "SHIB", "MINA", "ZGBP", "EOS", "ZEUR"}
    pairs = bench.ask("AssetPairs")
    assert set(pairs) == {"XXBTZUSD", "SHIBUSD", "MINAGBP", "EOSEUR"}
    btc = pairs["XXBTZUSD"]
    assert (btc["altname"], btc["wsname"], btc["base"], btc["quote"]) == ("XBTUSD", "XBT/USD", "XXBT", "ZUSD")
    assert (btc["pair_decimals"], btc["lot_decimals"], btc["tick_size"]) == (1, 8, "0.1")
    assert Decimal(btc["ordermin"]) > 0
    assert (pairs["SHIBUSD"]["pair_decimals"], pairs["SHIBUSD"]["lot_decimals"]) == (8, 5)
    assert (btc["status"], pairs["EOSEUR"]["status"]) == ("online", "cancel_only")
    assert list(bench.ask("AssetPairs?pair=XBTUSD,MINAGBP")) == ["XXBTZUSD", "MINAGBP"]


def test_every_pair_of_the_list_can_be_asked_for() -> None:
    bench = KrakenBench(symbols=[each.symbol for each in listings()], rate=0.05)
    assert len(bench.ask("AssetPairs")) == len(bench.ask("Ticker")) == len(listings()) > 100


# --- candles


def test_rule_2_candles_are_filled_and_at_most_720() -> None:
    bench = KrakenBench(symbols=["MINA/GBP"], rate=0.1)
    truth = Truth(bench.world)
    bench.run(60 * 750)
    found = bench.ask("OHLC?pair=MINAGBP")
    rows = found["MINAGBP"]
    assert len(rows) == 720
    assert {after[0] - before[0] for before, after in pairwise(rows)} == {60}
    assert rows[-1][0] == bench.now // MINUTE * 60
    assert found["last"] == rows[-2][0]
    wanted = {opens // NS_PER_S: bar for opens, bar in truth.candles("MINA/GBP", MINUTE).items()}
    close = rows[0][4]
    for row in rows:
        bar = wanted.get(row[0])
        if bar is None:
            assert row[1:] == [close, close, close, close, "0.0", "0.00000000", 0]
        else:
            prices = [f"{Decimal(each) / 10**4:.4f}" for each in (bar.open, bar.high, bar.low, bar.close)]
            assert [*row[1:5], row[7]] == [*prices, bar.trades]
            assert row[6] == f"{Decimal(bar.volume) / 10**5:.8f}"
            vwap = Decimal(bar.quote_volume) / 10**16 / (Decimal(bar.volume) / 10**5)
            assert abs(Decimal(row[5]) - vwap) <= Decimal("0.00005")
        close = row[4]
    assert 100 < sum(row[7] == 0 for row in rows) < 700


def test_rule_2_since_is_exclusive_and_older_ones_do_not_exist() -> None:
    bench = KrakenBench(symbols=[BTC]).run(60 * 10)
    found = bench.ask("OHLC?pair=XBTUSD")
    again = bench.ask(f"OHLC?pair=XBTUSD&since={found['last']}")
    assert again["XXBTZUSD"] == found["XXBTZUSD"][-1:]
    assert again["last"] == found["last"]
    assert bench.ask("OHLC?pair=XBTUSD&since=5")["XXBTZUSD"] == found["XXBTZUSD"]
    assert bench.ask("OHLC?pair=XBTUSD&since=9999999999")["XXBTZUSD"] == []
    five = bench.ask("OHLC?pair=XBTUSD&interval=5")["XXBTZUSD"]
    assert [row[0] % 300 for row in five] == [0] * len(five)
    assert sum(row[7] for row in five) == sum(row[7] for row in found["XXBTZUSD"])


def test_before_the_first_trade_there_are_no_candles() -> None:
    bench = KrakenBench()
    found = bench.ask("OHLC?pair=XBTUSD")
    assert found["XXBTZUSD"] == []
    assert found["last"] == START // NS_PER_S // 60 * 60 - 60


# --- trades


def test_rule_3_all_of_history_can_be_paged_through_without_a_hole(seed: int) -> None:
    bench = KrakenBench(seed=seed, symbols=[BTC])
    truth = Truth(bench.world)
    bench.run(60)
    since, ids = "0", []
    for _ in range(1000):
        page = bench.ask(f"Trades?pair=XBTUSD&since={since}&count=7")
        ids += [row[6] for row in page["XXBTZUSD"]]
        if not page["XXBTZUSD"]:
            assert page["last"] == since
            break
        since = page["last"]
    assert ids == [each.trade_id for each in truth.executions[BTC]]
    assert len(ids) > 100


def test_trades_are_those_of_the_stream() -> None:
    bench = KrakenBench(symbols=[BTC])
    _, wire = bench.listen("trade", BTC)
    bench.run(30)
    rows = bench.ask("Trades?pair=XBTUSD")["XXBTZUSD"]
    said = [row for each in frames(wire, "trade") for row in each["data"]]
    assert [(row[6], Decimal(row[0]), row[1], row[3], row[4]) for row in rows] == [
        (each["trade_id"], Decimal(each["price"]), each["qty"], each["side"][0], each["ord_type"][0])
        for each in said
    ]
    assert [f"{row[2]:.3f}" for row in rows] == [
        f"{START // NS_PER_S // 60 * 60 + Decimal(each['timestamp'][17:23]):.3f}" for each in said
    ]
    newest = bench.ask("Trades?pair=XBTUSD&count=5")
    assert newest["XXBTZUSD"] == rows[-5:]
    assert newest["last"] == bench.ask("Trades?pair=XBTUSD")["last"]
    assert bench.ask(f"Trades?pair=XBTUSD&since={newest['last']}")["XXBTZUSD"] == []


# --- book and tickers


def test_rule_4_depth_has_five_and_three_decimals() -> None:
    bench = KrakenBench().run(5)
    found = bench.ask("Depth?pair=XBTUSD&count=7")["XXBTZUSD"]
    bids, asks = bench.world.markets[BTC].depth(7)
    assert [row[0] for row in found["bids"]] == [f"{Decimal(price) / 10:.5f}" for price, _ in bids]
    assert [row[0] for row in found["asks"]] == [f"{Decimal(price) / 10:.5f}" for price, _ in asks]
    for row, (_, lots) in zip(found["asks"], asks, strict=True):
        assert row[2] == bench.now // NS_PER_S
        assert len(row[1].partition(".")[2]) == 3
        assert 0 <= Decimal(row[1]) - Decimal(lots) / 10**7 < Decimal("0.001")
    assert len(bench.ask("Depth?pair=XBTUSD")["XXBTZUSD"]["bids"]) == 100


def test_a_ticker_has_the_day_so_far_and_24_hours() -> None:
    bench = KrakenBench(symbols=[BTC], rate=0.2)
    truth = Truth(bench.world)
    midnight_s = 86_400 - START // NS_PER_S % 86_400
    bench.run(midnight_s + 600)
    found = bench.ask("Ticker?pair=XBTUSD")["XXBTZUSD"]
    whole = truth.executions[BTC]
    today = [each for each in whole if each.ts >= START + midnight_s * NS_PER_S]
    assert found["t"] == [len(today), len(whole)]
    assert 0 < len(today) < len(whole)
    for index, part in enumerate((today, whole)):
        assert found["v"][index] == f"{Decimal(sum(each.quantity for each in part)) / 10**7:.8f}"
        assert found["l"][index] == f"{Decimal(min(each.price for each in part)) / 10:.5f}"
        assert found["h"][index] == f"{Decimal(max(each.price for each in part)) / 10:.5f}"
    assert found["o"] == f"{Decimal(today[0].price) / 10:.5f}"
    assert found["c"][0] == f"{Decimal(whole[-1].price) / 10:.5f}"
    bid, ask = bench.world.markets[BTC].best()
    assert bid is not None
    assert ask is not None
    assert (found["b"][0], found["a"][0]) == (f"{Decimal(bid[0]) / 10:.5f}", f"{Decimal(ask[0]) / 10:.5f}")
    spread = bench.ask("Spread?pair=XBTUSD")
    assert spread == {
        "XXBTZUSD": [[spread["last"], found["b"][0], found["a"][0]]],
        "last": bench.now // NS_PER_S,
    }
    assert bench.ask("Spread?pair=XBTUSD&since=9999999999")["XXBTZUSD"] == []


# --- limits


def test_too_many_requests_are_refused_with_200_and_pass_again_at_one_a_second() -> None:
    bench = KrakenBench(rules=Rules(rest_burst=3))
    said = [json.loads(bench.get("Time").body)["error"] for _ in range(5)]
    assert said == [[], [], [], ["EGeneral:Too many requests"], ["EGeneral:Too many requests"]]
    assert bench.get("Time").status == 200
    assert json.loads(bench.get("Time", address="10.0.0.2").body)["error"] == []
    bench.run(1)
    assert [json.loads(bench.get("Time").body)["error"] for _ in range(2)] == [
        [],
        ["EGeneral:Too many requests"],
    ]


def test_candles_and_trades_are_counted_for_each_pair() -> None:
    bench = KrakenBench(rules=Rules(rest_burst=1))
    targets = (
        "OHLC?pair=XBTUSD",
        "OHLC?pair=SHIBUSD",
        "Trades?pair=XBTUSD",
        "Time",
        "OHLC?pair=XXBTZUSD",
        "Time",
    )
    said = [json.loads(bench.get(target).body)["error"] for target in targets]
    assert said == [[], [], [], [], ["EGeneral:Too many requests"], ["EGeneral:Too many requests"]]
    state = bench.twin.limits_state(bench.now)
    assert state[ADDRESS] == {"credits": 0.0}


def test_answers_and_frames_are_of_one_clock() -> None:
    bench = KrakenBench(Fault(kind="clock_jump", offset_s=7))
    bench.run(2)
    connection, wire = bench.open()
    connection.text(b'{"method":"ping"}', bench.now)
    assert b'"time_in":"2026-09-21T14:13:29.000000Z"' in wire.texts()[-1]
    assert bench.ask("Time")["unixtime"] == START // NS_PER_S + 9
    assert answers(wire)
