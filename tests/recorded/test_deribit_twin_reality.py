"""The Deribit twin against reality, kind by kind: form, ids, time and prices of its frames and of the recordings.

The tape is of 2021 and of options, the samples of 2021 to 2023; what the protocol sheet of 2026 has besides is named.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from deribit_bench import BTC, ETH, BookReader, DeribitBench, data_of
from recorded.venue_frames import lines

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.deribit.black76 import black76, implied
from bethna.twins.deribit.calendar import YEAR_NS

pytestmark = pytest.mark.needs("shared")

Data = dict[str, Any]
SPAN_S = 40.0
# What is said since, by the sheet of 2026.
NEWER_TRADE = {"contracts", "starbase_match_id", "starbase_timestamp"}
NEWER_TICKER = {"interest_value"}
NEWER_STATS = {"volume_usd"}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Heard(NamedTuple):
    """A notification: when it came, its channel and its data."""

    ts: int
    channel: str
    data: Any


class Told(NamedTuple):
    """What was asked, what was answered, and what came."""

    asked: list[str]
    ack: Data
    frames: list[Heard]

    def of(self, kind: str) -> dict[str, list[Heard]]:
        """By channel those of a kind."""
        found: dict[str, list[Heard]] = defaultdict(list)
        for each in self.frames:
            if each.channel.split(".")[0] == kind:
                found[each.channel].append(each)
        return found


def told(said: list[tuple[int, Data]], asked: list[str]) -> Told:
    ack = next(message for _, message in said if "result" in message)
    frames = [
        Heard(ts, message["params"]["channel"], message["params"]["data"])
        for ts, message in said
        if message.get("method") == "subscription"
    ]
    return Told(asked, ack, frames)


@pytest.fixture
def tape(shared_dir: Path) -> Told:
    rows = list(lines(shared_dir / "captures" / "tapes" / "deribit.jsonl"))
    asked = next(json.loads(row["raw"])["params"]["channels"] for row in rows if row["kind"] == "tx")
    return told([(row["ts"], json.loads(row["raw"])) for row in rows if row["kind"] == "rx"], asked)


@pytest.fixture
def samples(shared_dir: Path) -> dict[str, Data]:
    found = lines(shared_dir / "captures" / "samples" / "deribit.jsonl")
    return {row["test"]: json.loads(row["raw"]) for row in found}


@cache
def lively(seed: int) -> tuple[DeribitBench, Told]:
    """A twin with what the tape and the samples have: options' tickers and books, and everything of a perpetual."""
    bench = DeribitBench(seed=seed, rate=40.0)
    kinds = ("ticker.{}.100ms", "book.{}.100ms", "trades.{}.100ms", "book.{}.none.20.100ms", "quote.{}")
    names = (BTC, ETH, *(name for name in bench.options() if "-30OCT26-" in name))
    asked = [kind.format(name) for name in names for kind in kinds]
    asked += [f"chart.trades.{BTC}.1", *(f"chart.trades.{name}.3" for name in names[2:])]
    _, wire = bench.open(*asked)
    bench.run(SPAN_S)
    said = [(at, json.loads(text)) for at, _, text in wire.said]
    return bench, told(said, asked)


@pytest.fixture
def twin(seed: int) -> Told:
    return lively(seed % 4)[1]


@pytest.fixture
def bench(seed: int) -> DeribitBench:
    return lively(seed % 4)[0]


def form(value: object) -> object:
    """Keys without their order and the types of fields; null may stand for a number."""
    match value:
        case dict():
            return {key: form(inner) for key, inner in value.items()}
        case list():
            return [form(inner) for inner in value]
        case None | float():
            return "float or null"
        case _:
            return type(value).__name__


def without(data: Data, *names: str) -> Data:
    return {key: value for key, value in data.items() if key not in names}


# --- form


def test_form_of_what_a_subscription_answers(tape: Told, twin: Told) -> None:
    for each in (tape, twin):
        assert set(each.ack) == {"jsonrpc", "id", "result", "usIn", "usOut", "usDiff", "testnet"}
        assert each.ack["usOut"] - each.ack["usIn"] == each.ack["usDiff"]
        assert each.ack["usIn"] > 10**15, "microseconds"
        assert each.ack["result"] == sorted(each.asked, reverse=True)


def test_form_of_tickers_of_options(tape: Told, twin: Told) -> None:
    real = [each.data for found in tape.of("ticker").values() for each in found]
    ours = [
        each.data for name, found in twin.of("ticker").items() if "PERPETUAL" not in name for each in found
    ]
    for data in ours:
        assert data["stats"].keys() - real[0]["stats"].keys() == NEWER_STATS
    assert all(form({**each, "stats": 0}) == form({**real[0], "stats": 0}) for each in (*real, *ours))
    stats = [form(without(each["stats"], *NEWER_STATS)) for each in (*real, *ours)]
    assert all(each == stats[0] for each in stats)


def test_form_of_the_ticker_of_a_perpetual(samples: dict[str, Data], twin: Told) -> None:
    real = samples["ticker.inverse_swap"]["params"]["data"]
    for each in twin.of("ticker")[f"ticker.{BTC}.100ms"]:
        assert each.data.keys() - real.keys() == NEWER_TICKER
        assert form(without(each.data, *NEWER_TICKER)) == form(real)


def test_form_of_trades(samples: dict[str, Data], twin: Told) -> None:
    for real in samples["trade.inverse_swap"]["params"]["data"]:
        for each in twin.of("trades")[f"trades.{BTC}.100ms"]:
            for trade in each.data:
                assert trade.keys() - real.keys() == NEWER_TRADE
                assert form(without(trade, *NEWER_TRADE)) == form(real)


def test_form_of_books(samples: dict[str, Data], tape: Told, twin: Told) -> None:
    def heads(found: list[Data], kind: str) -> list[object]:
        return [form(without(each, "bids", "asks")) for each in found if each["type"] == kind]

    def levels(found: list[Data]) -> set[str]:
        return {repr(form(level)) for each in found for side in ("bids", "asks") for level in each[side]}

    snapshots = [samples[f"l2_event.{kind}_snapshot"] for kind in ("inverse_swap", "option")]
    real = [each.data for found in tape.of("book").values() for each in found]
    real += [each["params"]["data"] for each in snapshots]
    ours = [each.data for name, found in twin.of("book").items() if ".none." not in name for each in found]
    for kind in ("snapshot", "change"):
        expected = heads(real, kind)
        assert expected
        assert all(each == expected[0] for each in (*expected, *heads(ours, kind)))
    assert levels(ours) == levels(real) == {"['str', 'float or null', 'float or null']"}
    for each in (*real, *ours):
        for side in ("bids", "asks"):
            prices = [price for _, price, _ in each[side]]
            if each["type"] == "snapshot":
                assert {action for action, _, _ in each[side]} <= {"new"}
                assert prices == sorted(prices, reverse=side == "bids")
            assert len(set(prices)) == len(prices)
            assert all((action == "delete") == (amount == 0.0) for action, _, amount in each[side])


@pytest.mark.parametrize(
    ("sample", "channel"),
    [
        ("l2_topk.inverse_swap", f"book.{BTC}.none.20.100ms"),
        ("bbo.inverse_future", f"quote.{BTC}"),
        ("candlestick.inverse_future", f"chart.trades.{BTC}.1"),
    ],
)
def test_form_of_other_channels(sample: str, channel: str, samples: dict[str, Data], twin: Told) -> None:
    real = samples[sample]["params"]["data"]
    ours = [each.data for each in twin.frames if each.channel == channel]
    assert ours
    for each in ours:
        assert form(without(each, "bids", "asks")) == form(without(real, "bids", "asks"))
        for side in real.keys() & {"bids", "asks"}:
            assert {repr(form(level)) for level in each[side]} == {repr(form(level)) for level in real[side]}
            assert len(each[side]) == 20


def test_form_of_candles_of_options(samples: dict[str, Data], twin: Told) -> None:
    real = samples["candlestick.option"]["params"]["data"]
    ours = [each.data for each in twin.frames if each.channel.startswith("chart.trades.BTC-30OCT26")]
    assert ours
    for each in ours:
        assert form(each) == form(real)
    for each in (real, *ours):
        assert each["tick"] % 180_000 == 0
        assert each["low"] * each["volume"] <= each["cost"] * (1 + 1e-9)
        assert each["cost"] <= each["high"] * each["volume"] * (1 + 1e-9)


def test_a_candle_of_a_future_states_usd_as_cost_and_coins_as_volume(
    samples: dict[str, Data], twin: Told
) -> None:
    real = samples["candlestick.inverse_future"]["params"]["data"]
    for each in (real, *(each.data for each in twin.frames if each.channel == f"chart.trades.{BTC}.1")):
        assert each["cost"] % 10 == 0
        assert each["cost"] / each["high"] - 1e-6 <= each["volume"] <= each["cost"] / each["low"] + 1e-6


def test_form_of_the_book_of_a_request(samples: dict[str, Data], bench: DeribitBench) -> None:
    perpetual = json.loads(bench.get("get_order_book", instrument_name=BTC, depth=5).body)
    real = samples["l2_snapshot.inverse_future"]
    assert perpetual.keys() == real.keys()
    funding = {"funding_8h", "current_funding"}  # a future that ends has none
    assert perpetual["result"].keys() - real["result"].keys() == NEWER_TICKER | funding
    option = next(name for name in bench.options() if bench.twin.exchange.contracts[name].depth(1)[0])
    ours = json.loads(bench.get("get_order_book", instrument_name=option, depth=5).body)["result"]
    theirs = samples["l2_snapshot.option"]["result"]
    names = ("bids", "asks", "stats")
    assert form(without(ours, *names)) == form(without(theirs, *names))
    assert ours["stats"].keys() - theirs["stats"].keys() == NEWER_STATS
    assert form(ours["bids"][0]) == form(theirs["bids"][0])


def test_form_of_summaries(samples: dict[str, Data], bench: DeribitBench) -> None:
    real = samples["open_interest.option"]["result"][0]
    newer = {"mark_iv", "volume_usd"}
    for row in bench.result("get_book_summary_by_currency", currency="BTC", kind="option"):
        assert row.keys() - real.keys() == newer
        assert form(without(row, *newer)) == form(real)


def test_form_of_instruments(shared_dir: Path, bench: DeribitBench) -> None:
    text = (shared_dir / "captures" / "samples" / "deribit_rest" / "get_instruments.json").read_text()
    real = next(each for each in json.loads(text)["result"] if each["kind"] == "future")
    ours = next(each for each in bench.result("get_instruments", currency="BTC") if each["kind"] == "future")
    blocks = {name for name in real if name.startswith(("block_", "max_liquidation"))}
    assert real.keys() - blocks <= ours.keys()
    assert ours["expiration_timestamp"] == real["expiration_timestamp"]


# --- ids


def test_books_chain(tape: Told, twin: Told) -> None:
    for each in (tape, twin):
        steps = 0
        for name, found in each.of("book").items():
            if ".none." in name:
                continue
            reader = BookReader(heard.data for heard in found)
            assert (reader.gaps, reader.wrongs) == ([], []), name
            ids = [heard.data["change_id"] for heard in found]
            steps += len(ids) - 1
            assert all(after - before > 1 for before, after in pairwise(ids)), "ids jump"
            assert "prev_change_id" not in found[0].data
        assert steps


def test_trades_follow_each_other(samples: dict[str, Data], twin: Told) -> None:
    real = samples["trade.inverse_swap"]["params"]["data"]
    ours = [trade for each in twin.of("trades")[f"trades.{BTC}.100ms"] for trade in each.data]
    for found in (real, ours):
        seqs = [trade["trade_seq"] for trade in found]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        ids = [int(trade["trade_id"]) for trade in found]
        assert ids == sorted(set(ids))
        assert all(trade["amount"] % 10 == 0 for trade in found)
        assert all(trade["price"] % 0.5 == 0 for trade in found)


# --- time


def test_what_a_channel_says_first_comes_at_once_and_in_the_order_of_the_answer(
    tape: Told, twin: Told
) -> None:
    for each in (tape, twin):
        first: dict[str, None] = {}
        for heard in each.frames:
            if heard.channel in first:
                break
            first[heard.channel] = None
        assert list(first) == [name for name in each.ack["result"] if name in first]
        assert len(first) > 5


def test_milliseconds_and_never_before_they_were_said(twin: Told) -> None:
    for each in twin.frames:
        if isinstance(each.data, dict) and "timestamp" in each.data:
            assert 0 <= each.ts - each.data["timestamp"] * NS_PER_MS < 1.5 * NS_PER_S


def test_tickers_of_options_come_about_once_a_second_and_say_something_new(tape: Told, twin: Told) -> None:
    for each in (tape, twin):
        for name, found in each.of("ticker").items():
            if "PERPETUAL" in name:
                continue
            times = [heard.data["timestamp"] for heard in found]
            assert times == sorted(times)
            steps = [after - before for before, after in pairwise(times) if after > before]
            assert all(step >= 500 for step in steps), name
            bodies = [json.dumps(without(heard.data, "timestamp")) for heard in found]
            assert all(before != after for before, after in pairwise(bodies))


def test_a_ticker_comes_before_the_book_of_its_instant(tape: Told, twin: Told) -> None:
    for each, kinds in ((tape, ("raw",)), (twin, ("100ms",))):
        for before, after in pairwise(each.frames):
            one, other = before.channel.split("."), after.channel.split(".")
            if (one[0], other[0]) == ("book", "ticker") and one[-1] in kinds and len(one) == 3:
                assert one[1] != other[1] or after.ts > before.ts


# --- prices


def expiry_of(name: str) -> int:
    day = name.split("-")[1]
    when = datetime(2000 + int(day[-2:]), _MONTHS.index(day[-5:-2]) + 1, int(day[:-5]), 8, tzinfo=UTC)
    return int(when.timestamp()) * NS_PER_S


def test_black_76_reproduces_the_greeks_the_marks_and_the_implied_volatilities_of_both(
    tape: Told, twin: Told
) -> None:
    seen = 0
    for each in (tape, twin):
        for name, found in each.of("ticker").items():
            if "PERPETUAL" in name:
                continue
            for data in (heard.data for heard in found):
                strike, side = data["instrument_name"].split("-")[2:]
                span = (expiry_of(data["instrument_name"]) - data["timestamp"] * NS_PER_MS) / YEAR_NS
                future, call = data["underlying_price"], side == "C"
                ours = black76(future, float(strike), span, data["mark_iv"] / 100, call=call)
                greeks = data["greeks"]
                assert ours.delta == pytest.approx(greeks["delta"], abs=0.0003)
                assert ours.gamma == pytest.approx(greeks["gamma"], abs=1.1e-5)
                assert ours.vega == pytest.approx(greeks["vega"], rel=0.003, abs=0.01)
                theta = max(ours.theta, -ours.value)  # no more in a day than there is
                assert theta == pytest.approx(greeks["theta"], rel=0.003, abs=0.001 + 1e-6 * future)
                assert ours.rho == pytest.approx(greeks["rho"], rel=0.003, abs=0.01)
                assert ours.value / future == pytest.approx(data["mark_price"], abs=0.0002)
                for which in ("bid", "ask"):
                    if iv := data[f"{which}_iv"]:
                        value = data[f"best_{which}_price"] * future
                        found_iv = implied(value, future, float(strike), span, call=call)
                        assert 100 * found_iv == pytest.approx(iv, abs=0.6)
                        seen += 1
    assert seen > 50


def test_what_is_missing_is_zero_in_a_ticker(tape: Told, bench: DeribitBench) -> None:
    real = [each.data for found in tape.of("ticker").values() for each in found]
    ours = [bench.result("ticker", instrument_name=name) for name in bench.options()[:24]]
    for found in (real, ours):
        empty = [data for data in found if data["best_bid_price"] == 0.0]
        assert empty
        assert all((data["best_bid_amount"], data["bid_iv"]) == (0.0, 0.0) for data in empty)


def test_where_a_perpetual_stands_to_its_index(samples: dict[str, Data], twin: Told) -> None:
    real = samples["ticker.inverse_swap"]["params"]["data"]
    for data in (real, *(each.data for each in twin.of("ticker")[f"ticker.{BTC}.100ms"])):
        assert data["mark_price"] == pytest.approx(data["index_price"], rel=0.0005)
        assert data["best_bid_price"] < data["best_ask_price"]
        assert data["estimated_delivery_price"] == data["index_price"]
        assert data["min_price"] == pytest.approx(data["mark_price"] * 0.985, rel=0.001)
        assert data["max_price"] == pytest.approx(data["mark_price"] * 1.015, rel=0.001)


def test_a_quote_is_null_where_a_ticker_is_zero(bench: DeribitBench) -> None:
    far = next(name for name in bench.options() if not bench.twin.exchange.contracts[name].depth(1)[0])
    _, wire = bench.open(f"quote.{far}", address="127.0.0.9")
    assert data_of(wire, f"quote.{far}")[0]["best_bid_price"] is None


def test_form_of_currencies(shared_dir: Path, bench: DeribitBench) -> None:
    text = (shared_dir / "captures" / "samples" / "deribit_rest" / "get_currencies.json").read_text()
    real = {each["currency"]: each for each in json.loads(text)["result"]}
    for each in bench.result("get_currencies"):
        assert form(each) == form(real[each["currency"]])
        assert (each["decimals"], each["currency_long"]) == tuple(
            real[each["currency"]][name] for name in ("decimals", "currency_long")
        )
